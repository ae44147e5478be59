// SPDX-License-Identifier: Apache-2.0
// The command line. The first word that is no option starts the command and everything after it is the command's; a
// single dash is as good as two; and `--ro` alone is something else than `--ro=PATH`, with the order kept across options.
#include "cli/options.h"

#include "cli/machine.h"
#include "cli/version.h"
#include "policy/filters.h"
#include "spec/plan.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace ajail::cli {

namespace {

// Stands for the value that an option was given without; no argument can contain it.
constexpr std::string_view kBare("", 1);

constexpr std::pair<const char*, Kind> kKinds[] = {
    {"ro", Kind::ro}, {"rol", Kind::rol}, {"rw", Kind::rw}, {"hide", Kind::hide}, {"dev", Kind::dev}};

std::optional<Kind> kind_named(std::string_view name) {
    for (auto [word, kind] : kKinds)
        if (name == word) return kind;
    return std::nullopt;
}

enum class Takes { nothing, value, optional_value };

struct Option {
    const char* name; ///< without dashes
    Takes takes;
    const char* value; ///< its name in the help
    const char* group;
    const char* help;
};

// The one table: parser and help are made from it, the manual is tested against it.
constexpr Option kRunOptions[] = {
    {"fs", Takes::value, "NAME|/PATH", "Root filesystem",
     "the root filesystem: a name under ~/.ajail/fs, a directory, or 'host' for the host's own system directories "
     "(default: 'default', else the only one there is, or 'host' while there is none)"},
    {"fs-edit", Takes::optional_value, "DIR", "Root filesystem",
     "changes to the root filesystem, or to DIR in it, stay"},
    {"home-edit", Takes::optional_value, "SUB", "Root filesystem",
     "changes to the jail's /root, or to SUB in it, stay"},
    {"scratch", Takes::value, "tmpfs[:SIZE]|DIR", "Root filesystem",
     "where what is thrown away is kept meanwhile: in memory (SIZE: see --disk), or on disk in DIR"},
    {"rw", Takes::optional_value, "PATH", "Files (without PATH: the current directory)", "changes are real"},
    {"ro", Takes::optional_value, "PATH", "Files (without PATH: the current directory)",
     "changes are thrown away at the end"},
    {"rol", Takes::optional_value, "PATH", "Files (without PATH: the current directory)", "no changes: read-only"},
    {"hide", Takes::optional_value, "PATH", "Files (without PATH: the current directory)", "appears empty"},
    {"dev", Takes::optional_value, "PATH", "Files (without PATH: the current directory)",
     "like rw, and device nodes in it work"},
    {"mount", Takes::value, "SRC,DST[,TYPE]", "Files (without PATH: the current directory)",
     "SRC at DST; TYPE is ro (default), rol, rw, hide or dev; write \\, for a comma in a path"},
    {"no-net", Takes::nothing, "", "Network", "a network of its own, with nothing but a loopback interface"},
    {"hostname", Takes::value, "NAME", "Inside", "the host name inside (default: localhost)"},
    {"users", Takes::value, "MODE", "Inside",
     "one: one id (default); range: many users, from your subordinate ids; auto: a range where it can be had"},
    {"user", Takes::value, "NAME|UID[:GID]", "Inside", "the user to run as, of the root filesystem (default: root)"},
    {"env", Takes::value, "NAME[=VALUE]", "Inside", "set a variable; without VALUE, pass the caller's on"},
    {"sys", Takes::nothing, "", "Inside", "a read-only /sys, without firmware, debugging, modules and power"},
    {"cap-add", Takes::value, "CAP", "Inside", "a capability for the payload, inside its own namespaces"},
    {"no-root-emulation", Takes::nothing, "", "Inside",
     "do not answer chown and the like for the root that the payload is not"},
    {"pids", Takes::value, "N", "Limits ('none' for no limit)", "processes and threads at once (default: 4096)"},
    {"memory", Takes::value, "SIZE", "Limits ('none' for no limit)",
     "memory of all processes together, as 500m, 2g or 30% (default: 75%)"},
    {"cpu", Takes::value, "CPUS|PERCENT%", "Limits ('none' for no limit)",
     "as many CPUs, or as much of one (default: none)"},
    {"disk", Takes::value, "SIZE", "Limits ('none' for no limit)",
     "what is thrown away, if it is kept in memory (default: half of the memory)"},
    {"timeout", Takes::value, "TIME", "Limits ('none' for no limit)",
     "ends the command after 90s, 1.5m, 2h, with exit status 124 (default: none)"},
    {"seccomp", Takes::value, "POLICY|FILE", "System calls",
     "default; strict: no debuggers, no set-user-ID bits; off: all system calls there are; or a profile as Docker's"},
    {"no-seccomp", Takes::nothing, "", "System calls", "the same as --seccomp=off"},
    {"allow", Takes::value, "NAME[,NAME]", "System calls",
     "more than the policy: ptrace, perf, io_uring, userns, keyring, vsock, raw-socket, numa, 32bit, or a system "
     "call; git-config: what makes the host's git run programs may be changed"},
    {"deny", Takes::value, "NAME[,NAME]", "System calls", "less than the policy, by the same names"},
    {"nested", Takes::nothing, "", "System calls",
     "user namespaces inside, for programs with a sandbox of their own; the same as --allow=userns"},
    {"dry-run", Takes::optional_value, "json", "Output", "print the plan, as text or JSON, and do nothing"},
    {"report", Takes::value, "FILE|FD", "Output",
     "which walls stand, as the kernel says, before the command runs: JSON, to a new file or a descriptor"},
    {"quiet", Takes::nothing, "", "Output", "no status on stderr"},
    {"verbose", Takes::nothing, "", "Output", "tell on stderr what is done"},
    {"bwrap-bin", Takes::value, "BIN", "Compatibility", "accepted, does nothing: no other program is needed"},
    {"bw", Takes::value, "ARG", "Compatibility", "refused, with the native option to use"},
};

constexpr Option kOther[] = {
    {"help", Takes::nothing, "", "Other", "print this help"},
    {"version", Takes::nothing, "", "Other", "print the version"},
};

constexpr Option kVerifyOptions[] = {
    {"json", Takes::nothing, "", "Options", "the results for programs, of all probes"},
    {"verbose", Takes::nothing, "", "Options", "all probes, also those that were blocked"},
};

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

constexpr std::pair<std::string_view, const char*> kLetters[] = {
    {"p", "packages"}, {"s", "suite"}, {"m", "mirror"}, {"h", "help"}};

// Returned by parse_*().
[[noreturn]] void wrong(const std::string& message) { throw Wrong{message}; }

class Parser {
public:
    /// ALSO: read as well, and not told in the help.
    Parser(std::string usage, const char* description, std::span<const Option> options,
           std::span<const Option> also = {})
        : usage_(std::move(usage)), description_(description), tables_{kOther, options, also} {}

    // Takes the options out of WORDS, up to `--` or, where words are not MIXED with options, `-` or the first other
    // word. SEEN gets them in their order, once all are known to be options. What is returned is to be shown instead.
    template <class Seen> std::optional<Shown> read(std::vector<std::string>& words, bool mixed, Seen seen) {
        std::vector<std::pair<const Option*, std::string>> found;
        std::vector<std::string> rest;
        auto ends = [&](const std::string& word) { return word == "--" || (word == "-" && !mixed); };
        std::size_t at = 0;
        for (; at < words.size() && !ends(words[at]); ++at) {
            if (words[at].starts_with('-') && words[at] != "-") {
                const std::string name = found.emplace_back(read_one(words, at)).first->name;
                if (name == "help") return Shown{help()};
                if (name == "version") return Shown{std::string("ajail ") + kVersion + "\n"};
            } else if (mixed) rest.push_back(std::move(words[at]));
            else break;
        }
        if (at < words.size() && ends(words[at])) ++at;
        std::move(words.begin() + static_cast<std::ptrdiff_t>(at), words.end(), std::back_inserter(rest));
        words = std::move(rest);
        for (const auto& [option, value] : found) seen(option->name, value);
        return std::nullopt;
    }

private:
    std::pair<const Option*, std::string> read_one(const std::vector<std::string>& words, std::size_t& at) const {
        const std::string& word = words[at];
        std::size_t start = word.starts_with("--") ? 2 : 1, equals = word.find('=');
        const Option* option = find(std::string_view(word).substr(start, equals - start));
        if (option == nullptr) wrong("unknown option " + spec::escape(word));
        std::string name = option->name;
        if (name == "help" || name == "version") return {option, ""};
        if (equals != std::string::npos) {
            if (option->takes == Takes::nothing) wrong("--" + name + " takes no value");
            if (equals + 1 == word.size()) wrong("--" + name + "= needs a value after the =");
            return {option, word.substr(equals + 1)};
        }
        if (option->takes != Takes::value) return {option, std::string(kBare)};
        if (at + 1 >= words.size()) wrong("--" + name + " needs a value");
        return {option, words[++at]};
    }

    const Option* find(std::string_view name) const {
        for (auto [letter, full] : kLetters)
            if (name == letter) name = full;
        for (std::span<const Option> table : tables_)
            for (const Option& option : table)
                if (name == option.name) return &option;
        return nullptr;
    }

    // As in GNU's programs: what it is called, and from the same column on what it does.
    static std::string line(const Option& option) {
        constexpr std::size_t kColumn = 30;
        std::string text = "  ";
        for (auto [letter, full] : kLetters)
            if (std::string_view(full) == option.name && letter != "h") text += "-" + std::string(letter) + ",";
        text += std::string("--") + option.name;
        if (option.takes == Takes::value) text += std::string(" ") + option.value;
        if (option.takes == Takes::optional_value) text += " [=" + std::string(option.value) + "]";
        text.resize(std::max(text.size() + 1, kColumn), ' ');
        return text + option.help + "\n";
    }

    std::string help() const {
        std::string text = "Usage: " + usage_ + "\n" + description_ + "\n";
        std::string_view group;
        for (std::span<const Option> table : {tables_[0], tables_[1]})
            for (const Option& option : table) {
                if (group != option.group) text += std::string("\n") + option.group + ":\n";
                group = option.group;
                text += line(option);
            }
        return text;
    }

    std::string usage_;
    const char* description_;
    std::array<std::span<const Option>, 3> tables_;
};

template <class Options, class Read> std::variant<Options, Shown, Wrong> reading(Read read) {
    try {
        return read();
    } catch (const Wrong& wrong) {
        return wrong;
    }
}

std::vector<std::string> split(std::string_view text, char separator, bool backslash) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (backslash && text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == separator || text[i + 1] == '\\'))
            parts.back() += text[++i];
        else if (text[i] == separator) parts.emplace_back();
        else parts.back() += text[i];
    }
    return parts;
}

Grant parse_mount(const std::string& value) {
    std::vector<std::string> parts = split(value, ',', true);
    if (parts.size() == 2) parts.emplace_back("ro");
    std::optional<Kind> kind = parts.size() == 3 ? kind_named(parts[2]) : std::nullopt;
    if (!kind || parts[0].empty() || parts[1].empty())
        wrong("--mount=" + spec::escape(value) +
              ": should be SRC,DST or SRC,DST,TYPE with TYPE one of ro rol rw "
              "hide dev (a comma in a path is written \\,)");
    return {*kind, parts[0], parts[1]};
}

std::vector<int> parse_cap(std::string name) {
    if (name == "ALL" || name == "all") {
        std::vector<int> all;
        for (int i = 0, known = known_caps(); i < known; ++i) all.push_back(i);
        return all;
    }
    if (!name.starts_with("cap_") && !name.starts_with("CAP_")) name = "CAP_" + name;
    auto cap = spec::cap_number(name);
    if (!cap) wrong("--cap-add=" + spec::escape(name) + ": no such capability");
    return {*cap};
}

void parse_seccomp(RunOptions& options, const std::string& value) {
    options.seccomp_profile.clear();
    if (value == "default") options.seccomp = spec::Seccomp::standard;
    else if (value == "strict") options.seccomp = spec::Seccomp::strict;
    else if (value == "off") options.seccomp = spec::Seccomp::off;
    else if (value.ends_with(".json") || value.find('/') != std::string::npos) {
        options.seccomp = spec::Seccomp::profile;
        options.seccomp_profile = value;
    } else {
        wrong("--seccomp=" + spec::escape(value) +
              ": should be default, strict, off, or a file (NAME.json, PATH/NAME)");
    }
}

// What is not known to this machine's table of system calls would be a wall with a hole, or a hole with a wall. GIT:
// `git-config` was named, which is no matter of system calls.
void parse_calls(const char* option, const std::string& value, std::vector<std::string>& into, bool* git = nullptr) {
    for (const std::string& name : split(value, ',', false)) {
        if (git != nullptr && name == "git-config") {
            *git = true;
            continue;
        }
        std::string groups;
        bool known = policy::is_syscall(name);
        for (const spec::SeccompGroup& group : spec::seccomp_groups()) {
            groups += (groups.empty() ? "" : ", ") + std::string(group.name);
            known |= name == group.name;
        }
        if (!known)
            wrong(std::string(option) + "=" + spec::escape(value) + ": " +
                  (name.empty() ? "''" : spec::escape(name)) + " is neither a system call nor one of " + groups +
                  (git != nullptr ? ", git-config" : ""));
        if (name == "32bit" && policy::kCompatArch == 0)
            wrong(std::string(option) + "=32bit: there are no 32-bit programs for this architecture");
        into.push_back(name);
    }
}

spec::Users parse_users(const std::string& value) {
    if (value == "one") return spec::Users::one;
    if (value == "range") return spec::Users::range;
    if (value == "auto") return spec::Users::automatic;
    wrong("--users=" + spec::escape(value) + ": should be one, range or auto");
}

UserWish parse_user_option(const std::string& value) {
    auto wish = parse_user(value);
    if (!wish) wrong("--user=" + spec::escape(value) + ": should be NAME, UID, NAME:GID or UID:GID");
    return *wish;
}

// DIGITS[.DIGITS], in thousandths; nothing for anything else. UNIT: what follows.
std::optional<std::uint64_t> thousandths(std::string_view text, std::string_view& unit) {
    std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 12) return std::nullopt;
    std::uint64_t value = 0, scale = 1000;
    for (char c : text.substr(0, digits)) value = value * 10 + static_cast<unsigned>(c - '0');
    value *= scale;
    unit = text.substr(digits);
    if (!unit.starts_with('.')) return value;
    unit.remove_prefix(1);
    if (unit.empty() || unit[0] < '0' || unit[0] > '9') return std::nullopt;
    for (; !unit.empty() && unit[0] >= '0' && unit[0] <= '9'; unit.remove_prefix(1))
        value += static_cast<unsigned>(unit[0] - '0') * (scale /= 10);
    return value;
}

using Units = std::vector<std::pair<std::string_view, std::uint64_t>>;

// What VALUE has before one of the units, times that unit; a limit of nothing would be none to some. GIVEN: as it stands
// on the command line.
std::uint64_t parse_number(const std::string& given, const std::string& value, const std::string& should,
                           const Units& units) {
    if (value == "none") return spec::kUnlimited;
    std::string_view unit;
    auto number = thousandths(value, unit);
    auto known = std::find_if(units.begin(), units.end(), [&](const auto& u) { return u.first == unit; });
    std::string why;
    if (number && known == units.end())
        why = unit.empty() ? "has no unit; " : "there is no unit " + spec::escape(unit) + "; ";
    else if (number && *number > UINT64_MAX / known->second) why = "is too large; ";
    else if (number && *number * known->second < 1000) why = "is too small; ";
    if (!number || !why.empty()) wrong("--" + spec::escape(given) + ": " + why + "should be " + should);
    return *number * known->second / 1000;
}

spec::Amount parse_amount(const std::string& given, const std::string& value, const std::string& should) {
    const Units bytes = {{"k", 1 << 10}, {"K", 1 << 10}, {"m", 1 << 20},
                         {"M", 1 << 20}, {"g", 1 << 30}, {"G", 1 << 30}};
    bool percent = value.ends_with('%');
    std::uint64_t number = parse_number(given, value, should, percent ? Units{{"%", 1}} : bytes);
    if (!percent) return {.bytes = number};
    if (number > 100) wrong("--" + spec::escape(given) + ": there is no more than 100%; should be " + should);
    return {.percent = static_cast<unsigned>(number)};
}

// tmpfs:SIZE is short for --scratch=tmpfs --disk=SIZE.
void parse_scratch(RunOptions& options, const std::string& value) {
    constexpr std::string_view kTmpfs = "tmpfs";
    options.scratch.directory.clear();
    if (value == kTmpfs) return;
    if (!value.starts_with("tmpfs:")) options.scratch.directory = value;
    else
        options.scratch.size = parse_amount("scratch=" + value, value.substr(kTmpfs.size() + 1),
                                            "tmpfs:SIZE with SIZE as 500m, 2g, 30% or none, or a directory");
}

unsigned parse_cpu(const std::string& value) {
    bool percent = value.ends_with('%');
    std::uint64_t number =
        parse_number("cpu=" + value, value, "a number of CPUs (2, 0.5), a percentage of one (150%), or none",
                     {{percent ? "%" : "", percent ? 1 : 100}});
    if (number == spec::kUnlimited) return 0;
    constexpr std::uint64_t kMost = 1000000;
    return static_cast<unsigned>(std::min(number, kMost));
}

std::uint64_t parse_timeout(const std::string& value) {
    std::uint64_t ms = parse_number("timeout=" + value, value, "a time as 90, 90s, 1.5m, 2h or 1d, or none",
                                    {{"", 1000}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}});
    return ms == spec::kUnlimited ? 0 : ms;
}

std::string parse_hostname(const std::string& value) {
    constexpr std::size_t kMost = 64; // HOST_NAME_MAX, hostname(7)
    if (value.size() > kMost)
        wrong("--hostname has " + std::to_string(value.size()) + " bytes; at most 64 are possible");
    return value;
}

// What is there is never overwritten, so a name for a descriptor would be refused as a file that is there.
std::string parse_report(const std::string& value) {
    for (const char* name : {"-", "/dev/stdout"})
        if (value == name) wrong("--report=" + value + ": say --report=1 for stdout");
    if (value == "/dev/stderr") wrong("--report=" + value + ": say --report=2 for stderr");
    return value;
}

// One option of `ajail run`.
void take(RunOptions& options, const std::string& name, const std::string& value) {
    constexpr const char* kSizes = "a size as 500m, 2g or 30%, or none";
    bool bare = value == kBare;
    std::string given = name + "=" + value;
    if (auto kind = kind_named(name)) {
        if (bare) options.cwd = *kind;
        else options.grants.push_back({*kind, value, value});
    } else if (name == "mount") options.grants.push_back(parse_mount(value));
    else if (name == "fs") options.fs = value;
    else if (name == "fs-edit") options.edits.push_back(bare ? "/" : "/" + value);
    else if (name == "home-edit") options.edits.push_back(bare ? "/root" : "/root/" + value);
    else if (name == "scratch") parse_scratch(options, value);
    else if (name == "disk") options.scratch.size = parse_amount(given, value, kSizes);
    else if (name == "memory") options.limits.memory = parse_amount(given, value, kSizes);
    else if (name == "pids") options.limits.pids = parse_number(given, value, "a number from 1, or none", {{"", 1}});
    else if (name == "cpu") options.limits.cpu = parse_cpu(value);
    else if (name == "timeout") options.limits.timeout = parse_timeout(value);
    else if (name == "no-net") options.network = false;
    else if (name == "hostname") options.hostname = parse_hostname(value);
    else if (name == "users") options.users = parse_users(value);
    else if (name == "user") options.user = parse_user_option(value);
    else if (name == "no-root-emulation") options.root_emulation = false;
    else if (name == "seccomp") parse_seccomp(options, value);
    else if (name == "no-seccomp") parse_seccomp(options, "off");
    else if (name == "allow") parse_calls("--allow", value, options.allow, &options.git_config);
    else if (name == "nested") options.allow.emplace_back("userns");
    else if (name == "deny") parse_calls("--deny", value, options.deny);
    else if (name == "report") options.report = parse_report(value);
    else if (name == "sys") options.sys = true;
    else if (name == "quiet") options.quiet = true;
    else if (name == "verbose") options.verbose = true;
    else if (name == "env") {
        std::size_t equals = value.find('=');
        if (value.empty() || equals == 0) wrong("--env needs NAME or NAME=VALUE");
        if (equals == std::string::npos) options.env.emplace_back(value, std::nullopt);
        else options.env.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    } else if (name == "cap-add") {
        for (int cap : parse_cap(value)) options.caps.push_back(cap);
    } else if (name == "dry-run") {
        if (!bare && value != "json")
            wrong("--dry-run=" + spec::escape(value) + ": should be --dry-run or --dry-run=json");
        options.dry_run = bare ? RunOptions::DryRun::text : RunOptions::DryRun::json;
    } else if (name == "bw") {
        wrong("--bw=" + spec::escape(value) +
              ": there is no bubblewrap underneath; use --env, --mount, --hide, "
              "--cap-add or --hostname instead");
    }
}

// With what AJAIL_ARGS says in front. What is wrong in that alone is said to be there.
template <class Parse> auto with_front(std::vector<std::string> args, const char* args_from_env, Parse parse) {
    std::vector<std::string> front;
    for (std::string& part : split(args_from_env == nullptr ? "" : args_from_env, ';', false))
        if (!part.empty()) front.push_back(std::move(part));
    args.insert(args.begin(), front.begin(), front.end());
    auto parsed = parse(std::move(args));
    auto* wrong = std::get_if<Wrong>(&parsed);
    if (wrong == nullptr || front.empty()) return parsed;
    auto alone = parse(std::move(front));
    if (auto* same = std::get_if<Wrong>(&alone); same != nullptr && same->message == wrong->message)
        wrong->message = "AJAIL_ARGS in the environment: " + wrong->message;
    return parsed;
}

std::variant<RunOptions, Shown, Wrong> read_run(std::vector<std::string> args) {
    return reading<RunOptions>([&]() -> std::variant<RunOptions, Shown, Wrong> {
        Parser parser("ajail [run] [OPTIONS] [--] [COMMAND...]",
                      "Runs COMMAND (default: a shell) in a throw-away root filesystem, with the current directory.",
                      kRunOptions);
        RunOptions options;
        auto shown = parser.read(
            args, false, [&](const std::string& name, const std::string& value) { take(options, name, value); });
        if (shown) return *std::move(shown);
        options.command = std::move(args);
        return options;
    });
}

std::variant<VerifyOptions, Shown, Wrong> read_verify(std::vector<std::string> args) {
    return reading<VerifyOptions>([&]() -> std::variant<VerifyOptions, Shown, Wrong> {
        Parser parser(
            "ajail verify [--json|--verbose] [OPTIONS of ajail run]",
            "Starts a jail with these options, attacks it from inside, and says what was not blocked. Exit "
            "status: 0 if all\nelse is on purpose, 1 if something is not contained, 125 if that cannot be told.",
            kVerifyOptions, kRunOptions);
        VerifyOptions options;
        auto shown = parser.read(args, false, [&](const std::string& name, const std::string& value) {
            if (name == "json") options.json = true;
            else take(options.run, name, value);
        });
        if (shown) return *std::move(shown);
        if (!args.empty()) wrong("verify: takes options only, and runs its own probes; not " + spec::escape(args[0]));
        if (options.run.dry_run != RunOptions::DryRun::no) wrong("verify: there is nothing to verify with --dry-run");
        options.verbose = options.run.verbose;
        return options;
    });
}

} // namespace

std::variant<RunOptions, Shown, Wrong> parse_run(std::vector<std::string> args, const char* args_from_env) {
    return with_front(std::move(args), args_from_env, read_run);
}

std::variant<VerifyOptions, Shown, Wrong> parse_verify(std::vector<std::string> args, const char* args_from_env) {
    return with_front(std::move(args), args_from_env, read_verify);
}

bool is_run_option(std::string_view word) {
    std::size_t start = std::min(word.find_first_not_of('-'), word.size());
    std::string_view name = word.substr(start, word.find('=') - start);
    return name == "help" || name == "version" ||
           std::any_of(std::begin(kRunOptions), std::end(kRunOptions),
                       [&](const Option& option) { return name == option.name; });
}

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
           "       ajail mkfs DISTRIBUTION [NAME] [OPTIONS]\n"
           "       ajail fs list|remove|copy|import|export [NAME...]\n"
           "       ajail bwrap [OPTIONS...] [--] COMMAND [ARGS...]\n"
           "\n"
           "  run    run a command in a throw-away root filesystem, with the current directory\n"
           "  verify start such a jail and attack it from inside\n"
           "  mkfs   make a root filesystem, without root\n"
           "  fs     list, remove, copy, import and export root filesystems\n"
           "  bwrap  run a command as bubblewrap would, with its options; also when called by that name\n"
           "\n"
           "'ajail run --help', and likewise with verify, mkfs, fs and bwrap, lists the options.\n";
}

} // namespace ajail::cli
