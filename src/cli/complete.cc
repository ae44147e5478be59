// SPDX-License-Identifier: Apache-2.0
// See complete.h. What options there are and which of them take a value is read from each command's help, which is made
// from the same table as its parser.
#include "cli/complete.h"

#include "cli/caller.h"
#include "cli/changes.h"
#include "cli/jails.h"
#include "cli/keep.h"
#include "cli/options.h"
#include "cli/words.h"
#include "spec/procfs.h"
#include "spec/spec.h"
#include "store/kept.h"
#include "store/store.h"
#include "store/workspace.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <unistd.h>

namespace ajail::cli {

namespace {

using Words = std::vector<std::string>;

template <auto parse> std::string help() {
    Words ask = {"--help"};
    auto parsed = [&] {
        if constexpr (std::is_invocable_v<decltype(parse), Words, const char*>) return parse(ask, nullptr);
        else return parse(ask);
    }();
    auto* shown = std::get_if<Shown>(&parsed);
    return shown == nullptr ? "" : shown->text;
}

// What a word that is no option stands for.
enum class Names { none, jails, workspaces, kept, root_filesystems, distributions };

constexpr struct {
    std::string_view name;
    std::string (*help)();
    Names words;
} kCommands[] = {
    {"run", help<parse_run>, Names::none},
    {"verify", help<parse_verify>, Names::none},
    {"doctor", help<parse_doctor>, Names::none},
    {"ps", help<parse_ps>, Names::none},
    {"exec", help<parse_exec>, Names::jails},
    {"kill", help<parse_kill>, Names::jails},
    {"mkfs", help<parse_mkfs>, Names::distributions},
    {"fs", help<parse_fs>, Names::root_filesystems},
    {"changes", help<parse_changes>, Names::kept},
    {"apply", help<parse_apply>, Names::kept},
    {"discard", help<parse_discard>, Names::kept},
    {"create", help<parse_create>, Names::none},
    {"enter", help<parse_enter>, Names::workspaces},
    {"list", help<parse_list>, Names::none},
    {"status", help<parse_status>, Names::workspaces},
    {"destroy", help<parse_destroy>, Names::workspaces},
    {"pull", help<parse_pull>, Names::workspaces},
    {"bwrap", [] { return std::string(); }, Names::none},
};
constexpr auto kNames = [] {
    std::array<std::string_view, std::size(kCommands)> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = kCommands[i].name;
    return names;
}();

struct Taken {
    std::string name;                  ///< with its dashes
    bool value = false, after = false; ///< it may have one; and that may be the next word
};

// `  --name VALUE  what it does`, `  -n,--name[=VALUE]  ...`
std::vector<Taken> options_in(std::string_view text) {
    std::vector<Taken> found;
    while (!text.empty()) {
        std::string_view line = spec::take_line(text);
        std::size_t at = line.find("--");
        if (at == std::string_view::npos || at > 6 || !line.starts_with("  ")) continue;
        line.remove_prefix(at);
        std::size_t end = std::min(line.find_first_of(" ["), line.size());
        std::string_view rest = line.substr(end);
        Taken option{std::string(line.substr(0, end))};
        option.after = rest.starts_with(' ') && !rest.starts_with("  ");
        option.value = option.after || rest.starts_with("[=");
        found.push_back(std::move(option));
    }
    return found;
}

Words names_of(Names which) {
    Caller caller = who_calls(::geteuid());
    const std::string& home = caller.ajail_home;
    Words names;
    switch (which) {
    case Names::none: break;
    case Names::jails:
        for (const store::Jail& jail : store::running(running_directory(home))) names.push_back(jail.name);
        break;
    case Names::workspaces: names = store::workspaces(home); break;
    case Names::kept: names = store::kept_names(home); break;
    case Names::root_filesystems: names = store::root_filesystems(home); break;
    case Names::distributions: names = {"debian"}; break;
    }
    return names;
}

// What OPTION may have as its value; none where that is a path, or up to the user.
Words values_of(std::string_view option) {
    if (option == "--fs") {
        Words names = names_of(Names::root_filesystems);
        names.emplace_back("host");
        return names;
    }
    if (option == "--in") return names_of(Names::workspaces);
    if (option == "--keep") return names_of(Names::kept);
    if (option == "--allow" || option == "--deny") {
        Words names;
        for (const spec::SeccompGroup& group : spec::seccomp_groups()) names.emplace_back(group.name);
        return names;
    }
    if (option == "--seccomp") return {"strict", "off"};
    if (option == "--users") return {"one", "range", "auto"};
    if (option == "--proc") return {"fresh", "bind", "none", "auto"};
    if (option == "--scratch") return {"tmpfs"};
    if (option == "--dry-run") return {"json"};
    if (option == "--protect") return {"default", "none"};
    return {};
}

Words candidates(const Words& words) {
    const std::string& last = words.back();
    auto command = std::find_if(std::begin(kCommands), std::end(kCommands),
                                [&](const auto& one) { return words.size() > 1 && words[0] == one.name; });
    bool named = command != std::end(kCommands);
    if (!named) command = std::begin(kCommands);
    auto options = options_in(command->help());
    Words found;
    std::size_t equals = last.find('=');
    if (last.starts_with("--") && equals != std::string::npos) {
        for (const std::string& value : values_of(last.substr(0, equals)))
            found.push_back(last.substr(0, equals + 1) + value);
        return found;
    }
    if (last.starts_with('-')) {
        for (const Taken& option : options) found.push_back(option.name + (option.value ? "=" : ""));
        for (const Taken& option : options)
            if (option.value && !option.after) found.push_back(option.name);
        return found;
    }
    if (words.size() > 1)
        for (const Taken& option : options)
            if (option.after && option.name == words[words.size() - 2]) return values_of(option.name);
    if (words.size() == 1) return {kNames.begin(), kNames.end()};
    if (named && words[0] == "fs" && words.size() == 2) return {"list", "remove", "copy", "import", "export"};
    // The first word only is a jail's to `exec` in: what follows is run there.
    bool first = std::none_of(words.begin() + 1, words.end() - 1,
                              [](const std::string& word) { return !word.starts_with('-'); });
    bool many = words[0] == "kill" || words[0] == "discard" || words[0] == "destroy" || words[0] == "fs";
    if (named && (first || many)) return names_of(command->words);
    return {};
}

} // namespace

std::span<const std::string_view> command_names() { return kNames; }

int complete(const std::vector<std::string>& words) {
    std::string text;
    if (!words.empty())
        for (const std::string& candidate : candidates(words))
            if (candidate.starts_with(words.back())) text += candidate + "\n";
    return show(text);
}

} // namespace ajail::cli
