// SPDX-License-Identifier: Apache-2.0
// The command lines of the commands that look at workspaces. Those that take the options of `ajail run` are in
// options.cc.
#include "cli/parser.h"
#include "cli/repository.h"

namespace ajail::cli {

namespace {

constexpr Option kJson = {"json", Takes::nothing, "", "Options", "for programs"};
constexpr Option kVerbose = {"verbose", Takes::nothing, "", "Options", "tell on stderr what is done"};

constexpr Option kListOptions[] = {kJson, kVerbose};
constexpr Option kStatusOptions[] = {
    kJson,
    {"diff", Takes::nothing, "", "Options", "all that has changed since it was made, new files as well, as a patch"},
    kVerbose};
constexpr Option kDestroyOptions[] = {
    {"force", Takes::nothing, "", "Options", "also what only it has, and while somebody is in it: they are ended"},
    kVerbose};
constexpr Option kPullOptions[] = {kJson, kVerbose};

// NAMES: how many words there are to be.
std::variant<WorkspaceOptions, Shown, Wrong> read(std::vector<std::string> args, const char* usage,
                                                  const char* description, std::span<const Option> table,
                                                  std::size_t least, std::size_t most,
                                                  void (*rest)(WorkspaceOptions&, const std::string&) = nullptr) {
    return reading<WorkspaceOptions>([&]() -> std::variant<WorkspaceOptions, Shown, Wrong> {
        Parser parser(usage, description, table);
        WorkspaceOptions options;
        auto shown = parser.read(args, true, [&](const std::string& name, const std::string&) {
            if (name == "json") options.json = true;
            else if (name == "diff") options.diff = true;
            else if (name == "force") options.force = true;
            else if (name == "verbose") options.verbose = true;
        });
        if (shown) return *std::move(shown);
        if (args.size() < least || args.size() > most) wrong(std::string("should be ") + usage);
        if (options.json && options.diff) wrong("status: --json or --diff, not both");
        if (!args.empty()) options.name = args[0];
        for (std::size_t i = 1; i < args.size(); ++i) rest(options, args[i]);
        return options;
    });
}

// BRANCH, BRANCH:AS or :AS.
void take_branch(WorkspaceOptions& options, const std::string& word) {
    std::size_t colon = word.find(':');
    options.branch = word.substr(0, colon);
    if (colon != std::string::npos) options.as = word.substr(colon + 1);
    for (const std::string& name : {options.branch, options.as})
        if (!name.empty() && !good_branch(name)) wrong("pull: " + spec::escape(name) + " is no name for a branch");
    if (options.branch.empty() && options.as.empty()) wrong("pull: which branch? BRANCH, BRANCH:AS or :AS");
}

} // namespace

std::variant<WorkspaceOptions, Shown, Wrong> parse_list(std::vector<std::string> args) {
    return read(std::move(args), "ajail list [--json]", "The workspaces that there are (ajail create).", kListOptions,
                0, 0);
}

std::variant<WorkspaceOptions, Shown, Wrong> parse_status(std::vector<std::string> args) {
    return read(std::move(args), "ajail status NAME [--json|--diff]",
                "What has been changed in the workspace NAME. No program runs outside a jail for it.", kStatusOptions,
                1, 1);
}

std::variant<WorkspaceOptions, Shown, Wrong> parse_destroy(std::vector<std::string> args) {
    return read(std::move(args), "ajail destroy NAME... [--force]",
                "Removes workspaces, but none in which there is work that the original has not.", kDestroyOptions, 1,
                SIZE_MAX, [](WorkspaceOptions& options, const std::string& name) { options.more.push_back(name); });
}

std::variant<WorkspaceOptions, Shown, Wrong> parse_pull(std::vector<std::string> args) {
    return read(std::move(args), "ajail pull NAME [BRANCH[:AS]] [--json]",
                "Brings BRANCH of the workspace NAME (default: ajail/NAME) home, as a new branch of the original "
                "(AS) or\nas more commits on it.",
                kPullOptions, 1, 2, take_branch);
}

} // namespace ajail::cli
