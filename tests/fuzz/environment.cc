// SPDX-License-Identifier: Apache-2.0
// AJAIL_ARGS: words between semicolons, as if they stood in front of the others.
#include "cli/options.h"
#include "fuzz.h"

using namespace ajail;

namespace {

std::string told(const std::variant<cli::RunOptions, cli::Shown, cli::Wrong>& parsed) {
    if (auto* wrong = std::get_if<cli::Wrong>(&parsed)) {
        std::string_view message = wrong->message, where = "AJAIL_ARGS in the environment: ";
        if (message.starts_with(where)) message.remove_prefix(where.size());
        return "wrong: " + std::string(message);
    }
    if (auto* shown = std::get_if<cli::Shown>(&parsed)) return "shown: " + shown->text;
    const auto& options = std::get<cli::RunOptions>(parsed);
    std::string all = options.hostname + "\n" + options.scratch.directory + "\n" + options.fs.value_or("") + "\n";
    for (const cli::Grant& grant : options.grants) all += grant.source + "," + grant.target + "\n";
    for (const auto* list : {&options.edits, &options.allow, &options.deny, &options.command})
        for (const std::string& word : *list) all += word + "\n";
    for (const auto& [name, value] : options.env) all += name + "=" + value.value_or("") + "\n";
    return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string text(data, data + size);
    if (text.find('\0') != text.npos) return 0;
    auto parsed = cli::parse_run({"--hostname=last", "true"}, text.c_str());
    if (auto* wrong = std::get_if<cli::Wrong>(&parsed)) fuzz::message(wrong->message);
    std::vector<std::string> words;
    for (std::string& word : fuzz::words(text, ';'))
        if (!word.empty()) words.push_back(std::move(word));
    words.insert(words.end(), {"--hostname=last", "true"});
    fuzz::must(told(parsed) == told(cli::parse_run(words, nullptr)), "AJAIL_ARGS is words in front", told(parsed));
    return 0;
}
