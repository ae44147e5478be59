// SPDX-License-Identifier: Apache-2.0
// The command lines of the commands that look for jails that run.
#include "cli/parser.h"

namespace ajail::cli {

namespace {

constexpr Option kPsOptions[] = {
    {"json", Takes::nothing, "", "Options", "list for programs"},
    {"verbose", Takes::nothing, "", "Options", "tell on stderr what is done"},
};

constexpr Option kExecOptions[] = {
    {"verbose", Takes::nothing, "", "Options", "tell on stderr what is done"},
};

constexpr Option kKillOptions[] = {
    {"force", Takes::nothing, "", "Options", "at once, without asking the command to end"},
    {"verbose", Takes::nothing, "", "Options", "tell on stderr what is done"},
};

} // namespace

std::variant<PsOptions, Shown, Wrong> parse_ps(const std::vector<std::string>& args) {
    return reading<PsOptions>([&]() -> std::variant<PsOptions, Shown, Wrong> {
        Parser parser("ajail ps [--json]", "Lists your jails that run.", kPsOptions);
        PsOptions options;
        std::vector<std::string> words = args;
        auto shown = parser.read(words, true, [&](const std::string& name, const std::string&) {
            if (name == "json") options.json = true;
            else if (name == "verbose") options.verbose = true;
        });
        if (shown) return *std::move(shown);
        if (!words.empty())
            wrong("ps: takes options only, not " + spec::escape(words[0]) + "; to run ps in a jail: ajail run ps");
        return options;
    });
}

std::variant<ExecOptions, Shown, Wrong> parse_exec(const std::vector<std::string>& args) {
    return reading<ExecOptions>([&]() -> std::variant<ExecOptions, Shown, Wrong> {
        Parser parser("ajail exec [OPTIONS] JAIL [--] [COMMAND...]",
                      "Runs COMMAND (default: a shell) in JAIL, which runs already, as what runs there was started.",
                      kExecOptions);
        ExecOptions options;
        std::vector<std::string> words = args;
        auto shown = parser.read(words, false, [&](const std::string& name, const std::string&) {
            if (name == "verbose") options.verbose = true;
        });
        if (shown) return *std::move(shown);
        if (words.empty()) wrong("exec: in which jail? ajail ps lists them");
        options.jail = words[0];
        bool dashes = words.size() > 1 && words[1] == "--";
        options.command.assign(words.begin() + (dashes ? 2 : 1), words.end());
        return options;
    });
}

std::variant<KillOptions, Shown, Wrong> parse_kill(const std::vector<std::string>& args) {
    return reading<KillOptions>([&]() -> std::variant<KillOptions, Shown, Wrong> {
        Parser parser("ajail kill [--force] JAIL...",
                      "Ends jails: asks each command to end (SIGTERM), and after 10 seconds makes it.", kKillOptions);
        KillOptions options;
        std::vector<std::string> words = args;
        auto shown = parser.read(words, true, [&](const std::string& name, const std::string&) {
            if (name == "force") options.force = true;
            else if (name == "verbose") options.verbose = true;
        });
        if (shown) return *std::move(shown);
        if (words.empty()) wrong("kill: which jail? ajail ps lists them");
        options.jails = std::move(words);
        return options;
    });
}

} // namespace ajail::cli
