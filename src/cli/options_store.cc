// SPDX-License-Identifier: Apache-2.0
// The command lines of the commands that work on what ajail keeps on disk, where options and words may be mixed.
#include "cli/parser.h"

namespace ajail::cli {

namespace {

constexpr Option kMkfsOptions[] = {
    {"packages", Takes::value, "PKG,PKG", "Options", "packages to install besides the base system"},
    {"suite", Takes::value, "SUITE", "Options", "release or codename (default: stable)"},
    {"mirror", Takes::value, "URL", "Options", "where to get packages from"},
    {"no-cache", Takes::nothing, "", "Options", "make all of it anew, and keep nothing for the next time"},
    {"verbose", Takes::nothing, "", "Options", "tell on stderr what is done, and on failure all that the tools said"},
};

constexpr Option kFsOptions[] = {
    {"cache", Takes::nothing, "", "Options", "remove what mkfs keeps for the next time"},
    {"json", Takes::nothing, "", "Options", "list for programs"},
    {"verbose", Takes::nothing, "", "Options", "tell on stderr what is done"},
};

struct FsVerb {
    const char* name;
    FsOptions::Verb verb;
    std::size_t least, most; ///< names
    const char* usage;
};
constexpr FsVerb kFsVerbs[] = {
    {"list", FsOptions::Verb::list, 0, 0, "fs list [--json]"},
    {"remove", FsOptions::Verb::remove, 1, 1000, "fs remove NAME...|--cache"},
    {"copy", FsOptions::Verb::copy, 2, 2, "fs copy NAME NEW"},
    {"import", FsOptions::Verb::import, 2, 2, "fs import NEW FILE|-"},
    {"export", FsOptions::Verb::export_, 1, 2, "fs export NAME [FILE|-]"},
};

} // namespace

std::variant<MkfsOptions, Shown, Wrong> parse_mkfs(const std::vector<std::string>& args) {
    return reading<MkfsOptions>([&]() -> std::variant<MkfsOptions, Shown, Wrong> {
        Parser parser("ajail mkfs debian [NAME] [OPTIONS]",
                      "Makes the root filesystem NAME (default: the distribution's) under ~/.ajail/fs, without root.",
                      kMkfsOptions);
        MkfsOptions options;
        std::vector<std::string> words = args;
        auto shown = parser.read(words, true, [&](const std::string& name, const std::string& value) {
            if (name == "packages") options.packages = value;
            else if (name == "suite") options.suite = value;
            else if (name == "mirror") options.mirror = value;
            else if (name == "no-cache") options.cache = false;
            else if (name == "verbose") options.verbose = true;
        });
        if (shown) return *std::move(shown);
        if (words.empty()) wrong("mkfs: which distribution? For example: ajail mkfs debian");
        if (words.size() > 2) wrong("mkfs: too many names: " + spec::escape(words[2]));
        options.distribution = words[0];
        options.name = words.back();
        return options;
    });
}

std::variant<FsOptions, Shown, Wrong> parse_fs(const std::vector<std::string>& args) {
    return reading<FsOptions>([&]() -> std::variant<FsOptions, Shown, Wrong> {
        std::string usage, known;
        for (const FsVerb& verb : kFsVerbs) {
            usage += (usage.empty() ? "ajail " : "\n       ajail ") + std::string(verb.usage);
            known += (known.empty() ? "" : ", ") + std::string(verb.name);
        }
        Parser parser(usage,
                      "Root filesystems under ~/.ajail/fs. Import takes a tar, `docker save` or OCI archive; export "
                      "writes a tar.",
                      kFsOptions);
        FsOptions options;
        std::vector<std::string> words = args;
        auto shown = parser.read(words, true, [&](const std::string& name, const std::string&) {
            if (name == "json") options.json = true;
            else if (name == "cache") options.cache = true;
            else if (name == "verbose") options.verbose = true;
        });
        if (shown) return *std::move(shown);
        if (words.empty()) wrong("fs: what is to be done? One of: " + known);
        const auto* verb = std::find_if(std::begin(kFsVerbs), std::end(kFsVerbs),
                                        [&](const FsVerb& v) { return words[0] == v.name; });
        if (verb == std::end(kFsVerbs)) wrong("fs: no command " + spec::escape(words[0]) + "; there are: " + known);
        words.erase(words.begin());
        if (words.size() < (options.cache ? 0 : verb->least) || words.size() > verb->most)
            wrong("fs " + std::string(verb->name) + ": should be ajail " + verb->usage);
        if (options.json && verb->verb != FsOptions::Verb::list) wrong("fs: --json is for list");
        if (options.cache && verb->verb != FsOptions::Verb::remove) wrong("fs: --cache is for remove");
        options.verb = verb->verb;
        options.names = std::move(words);
        return options;
    });
}

std::string overview() {
    return "Usage: ajail [OPTIONS] [--] [COMMAND...]   short for ajail run\n"
           "       ajail run [OPTIONS] [--] [COMMAND...]\n"
           "       ajail verify [--json|--verbose] [OPTIONS]\n"
           "       ajail doctor [--json|--apparmor-profile]\n"
           "       ajail mkfs DISTRIBUTION [NAME] [OPTIONS]\n"
           "       ajail ps [--json]\n"
           "       ajail exec JAIL [--] [COMMAND...]\n"
           "       ajail kill [--force] JAIL...\n"
           "       ajail fs list|remove|copy|import|export [NAME...]\n"
           "       ajail changes [NAME [PATH...]] [OPTIONS]\n"
           "       ajail apply NAME [PATH...] [OPTIONS]\n"
           "       ajail discard NAME...\n"
           "       ajail create|enter|list|status|destroy|pull [NAME] [OPTIONS]\n"
           "       ajail bwrap [OPTIONS...] [--] COMMAND [ARGS...]\n"
           "\n"
           "  run      run a command in a throw-away root filesystem, with the current directory\n"
           "  verify   start such a jail and attack it from inside\n"
           "  doctor   try all that a jail needs of this machine, and say what is missing\n"
           "  ps       list the jails that run\n"
           "  exec     run a command in one of them\n"
           "  kill     end one of them\n"
           "  mkfs     make a root filesystem, without root\n"
           "  fs       list, remove, copy, import and export root filesystems\n"
           "  changes  list what was changed with --keep\n"
           "  apply    carry that over to the directories themselves\n"
           "  discard  remove what was kept with --keep\n"
           "  create   make a workspace: a copy of a git repository, to work in with enter or run --in; list,\n"
           "           status, pull and destroy are for those that there are\n"
           "  bwrap    run a command as bubblewrap would, with its options; also when called by that name\n"
           "\n"
           "'ajail run --help', and likewise with every other command, lists the options.\n";
}

} // namespace ajail::cli
