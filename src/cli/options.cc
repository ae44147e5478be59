// SPDX-License-Identifier: Apache-2.0
// The command line of `ajail run`. The first word that is no option starts the command and everything after it is the
// command's; a single dash is as good as two; and `--ro` alone is something else than `--ro=PATH`, with the order kept
// across options.
#include "cli/options.h"

#include "cli/caller.h"
#include "cli/machine.h"
#include "cli/parser.h"
#include "cli/protect.h"
#include "policy/filters.h"
#include "store/store.h"

#include <cstring>

namespace ajail::cli {

namespace {

constexpr std::pair<const char*, Kind> kKinds[] = {
    {"ro", Kind::ro}, {"rol", Kind::rol}, {"rw", Kind::rw}, {"hide", Kind::hide}, {"dev", Kind::dev}};

std::optional<Kind> kind_named(std::string_view name) {
    for (auto [word, kind] : kKinds)
        if (name == word) return kind;
    return std::nullopt;
}

constexpr Option kRunOptions[] = {
    {"fs", Takes::value, "NAME|/PATH", "Root filesystem",
     "the root filesystem: a name under ~/.ajail/fs, a directory, or 'host' for the host's own system directories "
     "(default: 'default', else the only one there is, or 'host' while there is none)"},
    {"fs-edit", Takes::optional_value, "DIR", "Root filesystem",
     "changes to the root filesystem, or to DIR in it, stay"},
    {"home-edit", Takes::optional_value, "SUB", "Root filesystem",
     "changes to the jail's /root, or to SUB in it, stay"},
    {"keep", Takes::optional_value, "NAME", "Root filesystem",
     "what would be thrown away is kept, and taken up again by the same NAME; see ajail changes, apply and discard"},
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
    {"protect", Takes::value, "none|PATH[,PATH]", "Files (without PATH: the current directory)",
     "what your machine would run of it stays as it is, in what is given with --rw or --dev: a list of names "
     "(default), "
     "none, or these paths as well (* for anything within one name)"},
    {"allow-hooks", Takes::nothing, "", "Files (without PATH: the current directory)",
     "what makes your git run programs may be changed, too"},
    {"no-net", Takes::nothing, "", "Network", "a network of its own, with nothing but a loopback interface"},
    {"hostname", Takes::value, "NAME", "Inside", "the host name inside (default: localhost)"},
    {"name", Takes::value, "NAME", "Inside",
     "what ajail ps, exec and kill call the jail (default: its workspace's name, or a number)"},
    {"users", Takes::value, "MODE", "Inside",
     "one: one id (default); range: many users, from your subordinate ids; auto: a range where it can be had"},
    {"user", Takes::value, "NAME|UID[:GID]", "Inside", "the user to run as, of the root filesystem (default: root)"},
    {"env", Takes::value, "NAME[=VALUE]", "Inside", "set a variable; without VALUE, pass the caller's on"},
    {"sys", Takes::nothing, "", "Inside", "a read-only /sys, without firmware, debugging, modules and power"},
    {"proc", Takes::value, "KIND", "Inside",
     "fresh: a /proc of the jail's own (default); bind: the caller's, read-only; none; auto: fresh, or bind where "
     "that "
     "is refused, as in a container"},
    {"cap-add", Takes::value, "CAP", "Inside", "a capability for the payload, inside its own namespaces"},
    {"no-root-emulation", Takes::nothing, "", "Inside",
     "do not answer chown and the like for the root that the payload is not"},
    {"pids", Takes::value, "N", "Limits ('none' for no limit)", "processes and threads at once (default: 4096)"},
    {"memory", Takes::value, "SIZE", "Limits ('none' for no limit)",
     "memory of all processes together, as 500m, 2g or 30% (default: 75%)"},
    {"cpu", Takes::value, "CPUS|PERCENT%", "Limits ('none' for no limit)",
     "as many CPUs, or as much of one (default: all)"},
    {"disk", Takes::value, "SIZE", "Limits ('none' for no limit)",
     "what is thrown away, if it is kept in memory (default: half of the memory)"},
    {"timeout", Takes::value, "TIME", "Limits ('none' for no limit)",
     "ends the command after 90s, 1.5m, 2h, with exit status 124 (default: none)"},
    {"seccomp", Takes::value, "POLICY|FILE", "System calls",
     "default; strict: no debuggers, no set-user-ID bits; off: all system calls there are; or a profile as Docker's"},
    {"no-seccomp", Takes::nothing, "", "System calls", "the same as --seccomp=off"},
    {"allow", Takes::value, "NAME[,NAME]", "System calls",
     "more than the policy: ptrace, perf, io_uring, userns, keyring, vsock, raw-socket, numa, 32bit, or a system "
     "call"},
    {"deny", Takes::value, "NAME[,NAME]", "System calls", "less than the policy, by the same names"},
    {"nested", Takes::nothing, "", "System calls",
     "user namespaces inside, for programs with a sandbox of their own; the same as --allow=userns"},
    {"in", Takes::value, "NAME", "Workspaces", "in the workspace NAME (ajail create), with its options and these"},
    {"clone", Takes::nothing, "", "Workspaces",
     "in a new workspace of the repository here, which stays only if something is changed in it"},
    {"dry-run", Takes::optional_value, "json", "Output", "print the plan, as text or JSON, and do nothing"},
    {"report", Takes::value, "FILE|FD", "Output",
     "which walls stand, as the kernel says, before the command runs: JSON, to a new file or a descriptor"},
    {"quiet", Takes::nothing, "", "Output", "no status on stderr"},
    {"verbose", Takes::nothing, "", "Output", "tell on stderr what is done"},
    {"bwrap-bin", Takes::value, "BIN", "Compatibility", "accepted, does nothing: no other program is needed"},
    {"bw", Takes::value, "ARG", "Compatibility", "refused, with the native option to use"},
};

constexpr Option kCreateOptions[] = {
    {"repo", Takes::value, "DIR", "Workspace", "the repository (default: the one that the current directory is in)"},
    {"branch", Takes::value, "REF", "Workspace", "the branch, tag or commit to start from (default: HEAD)"},
    {"clone", Takes::nothing, "", "Workspace", "a repository of its own, with the original's objects (default)"},
    {"worktree", Takes::nothing, "", "Workspace", "a linked worktree, which writes to the original's git directory"},
    {"entrypoint", Takes::value, "CMD", "Workspace", "what ajail enter runs (default: a shell)"},
    {"json", Takes::nothing, "", "Workspace", "what was made, for programs"},
};

constexpr Option kVerifyOptions[] = {
    {"json", Takes::nothing, "", "Options", "the results for programs, of all probes"},
    {"verbose", Takes::nothing, "", "Options", "all probes, also those that were blocked"},
};

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

// What is not known to this machine's table of system calls would be a wall with a hole, or a hole with a wall. HOOKS:
// `git-config` was named, which is no matter of system calls, and what --allow-hooks was called.
void parse_calls(const char* option, const std::string& value, std::vector<std::string>& into,
                 bool* hooks = nullptr) {
    for (const std::string& name : split(value, ',', false)) {
        if (hooks != nullptr && name == "git-config") {
            *hooks = true;
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
                  (name.empty() ? "''" : spec::escape(name)) + " is neither a system call nor one of " + groups);
        if (name == "32bit" && policy::kCompatArch == 0)
            wrong(std::string(option) + "=32bit: there are no 32-bit programs for this architecture");
        into.push_back(name);
    }
}

void parse_protect(Protect& protect, const std::string& value) {
    if (value == "default") protect.list = true;
    else if (value == "none") protect = {.list = false};
    else
        for (std::string& path : split(value, ',', true)) {
            if (!is_pattern(path))
                wrong(
                    "--protect=" + spec::escape(value) +
                    ": should be default, none, or paths from the top of what is given, as .tool or .dir/file*.json");
            protect.more.push_back(std::move(path));
        }
}

spec::Users parse_users(const std::string& value) {
    if (value == "one") return spec::Users::one;
    if (value == "range") return spec::Users::range;
    if (value == "auto") return spec::Users::automatic;
    wrong("--users=" + spec::escape(value) + ": should be one, range or auto");
}

RunOptions::Proc parse_proc(const std::string& value) {
    if (value == "fresh") return RunOptions::Proc::fresh;
    if (value == "bind") return RunOptions::Proc::bind;
    if (value == "none") return RunOptions::Proc::none;
    if (value == "auto") return RunOptions::Proc::automatic;
    wrong("--proc=" + spec::escape(value) + ": should be fresh, bind, none or auto");
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

std::string parse_keep(const std::string& value) {
    if (!store::good_name(value))
        wrong("--keep=" + spec::escape(value) + ": should be a name of 1 to 64 letters, digits, . _ -");
    return value;
}

std::string parse_name(const std::string& value) {
    if (!store::good_name(value))
        wrong("--name=" + spec::escape(value) + ": should be 1 to 64 letters, digits, . _ -, no dot or dash first");
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
    options.given.emplace_back(name, value);
    std::string given = name + "=" + value;
    if (auto kind = kind_named(name)) {
        if (bare) options.cwd = *kind;
        else options.grants.push_back({*kind, value, value});
    } else if (name == "mount") options.grants.push_back(parse_mount(value));
    else if (name == "fs") options.fs = value;
    else if (name == "fs-edit") options.edits.push_back(bare ? "/" : "/" + value);
    else if (name == "home-edit") options.edits.push_back(bare ? "/root" : "/root/" + value);
    else if (name == "scratch") parse_scratch(options, value);
    else if (name == "keep") options.keep = bare ? "" : parse_keep(value);
    else if (name == "disk") options.scratch.size = parse_amount(given, value, kSizes);
    else if (name == "memory") options.limits.memory = parse_amount(given, value, kSizes);
    else if (name == "pids") options.limits.pids = parse_number(given, value, "a number from 1, or none", {{"", 1}});
    else if (name == "cpu") options.limits.cpu = parse_cpu(value);
    else if (name == "timeout") options.limits.timeout = parse_timeout(value);
    else if (name == "no-net") options.network = false;
    else if (name == "hostname") options.hostname = parse_hostname(value);
    else if (name == "name") options.name = parse_name(value);
    else if (name == "users") options.users = parse_users(value);
    else if (name == "proc") options.proc = parse_proc(value);
    else if (name == "user") options.user = parse_user_option(value);
    else if (name == "no-root-emulation") options.root_emulation = false;
    else if (name == "seccomp") parse_seccomp(options, value);
    else if (name == "no-seccomp") parse_seccomp(options, "off");
    else if (name == "allow") parse_calls("--allow", value, options.allow, &options.hooks);
    else if (name == "allow-hooks") options.hooks = true;
    else if (name == "protect") parse_protect(options.protect, value);
    else if (name == "nested") options.allow.emplace_back("userns");
    else if (name == "deny") parse_calls("--deny", value, options.deny);
    else if (name == "report") options.report = parse_report(value);
    else if (name == "sys") options.sys = true;
    else if (name == "in") options.in = value;
    else if (name == "clone") options.clone = true;
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
        if (!options.in.empty() && options.clone) wrong("--in and --clone: in one workspace, or in a new one");
        if (options.clone && options.dry_run != RunOptions::DryRun::no)
            wrong("--clone: there is nothing to show with --dry-run before the workspace is made (ajail create)");
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
        if (!options.run.in.empty() || options.run.clone) wrong("verify: not in a workspace; leave --in and --clone");
        if (options.run.dry_run != RunOptions::DryRun::no) wrong("verify: there is nothing to verify with --dry-run");
        options.verbose = options.run.verbose;
        return options;
    });
}

std::variant<WorkspaceOptions, Shown, Wrong> read_create(std::vector<std::string> args) {
    return reading<WorkspaceOptions>([&]() -> std::variant<WorkspaceOptions, Shown, Wrong> {
        Parser parser(
            "ajail create NAME [OPTIONS] [OPTIONS of ajail run]",
            "Makes the workspace NAME: a copy of a repository, on a branch of its own, for jails to work in. "
            "What is given\nof the options of ajail run holds whenever something runs in it.",
            kCreateOptions, kRunOptions);
        WorkspaceOptions options;
        bool clone = false;
        auto shown = parser.read(args, true, [&](const std::string& name, const std::string& value) {
            if (name == "repo") options.repo = value;
            else if (name == "branch") options.ref = value;
            else if (name == "clone") clone = true;
            else if (name == "worktree") options.worktree = true;
            else if (name == "entrypoint") options.entrypoint = value;
            else if (name == "json") options.json = true;
            else take(options.run, name, value);
        });
        if (shown) return *std::move(shown);
        if (args.size() != 1) wrong("create: should be ajail create NAME [OPTIONS]");
        if (clone && options.worktree) wrong("create: --clone or --worktree, not both");
        if (!options.run.in.empty()) wrong("create: --in is for what runs in a workspace");
        if (options.run.dry_run != RunOptions::DryRun::no || !options.run.report.empty())
            wrong("create: --dry-run and --report are for what runs in a workspace");
        if (options.run.keep) wrong("create: a workspace keeps what is done in it; leave --keep away");
        if (options.run.cwd == Kind::hide) wrong("create: with --hide there would be nothing to work on");
        options.name = args[0];
        options.verbose = options.run.verbose;
        return options;
    });
}

// VALUE of the option NAME with its paths absolute.
std::string anchored(const std::string& name, const std::string& value, const std::string& cwd) {
    auto comma = [](const std::string& path) {
        std::string text;
        for (char c : path) text += c == ',' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        return text;
    };
    bool number = value.find_first_not_of("0123456789") == std::string::npos;
    if (name == "mount") {
        Grant grant = parse_mount(value);
        auto kind =
            std::find_if(std::begin(kKinds), std::end(kKinds), [&](auto k) { return k.second == grant.kind; });
        return comma(absolute(grant.source, cwd)) + "," + comma(absolute(grant.target, cwd)) + "," + kind->first;
    }
    bool path = kind_named(name) || (name == "scratch" && value != "tmpfs" && !value.starts_with("tmpfs:")) ||
                (name == "seccomp" && (value.ends_with(".json") || value.find('/') != std::string::npos)) ||
                (name == "report" && !number);
    return path ? absolute(value, cwd) : value;
}

} // namespace

// Whatever AJAIL_ARGS says, a workspace has its own options; unless it is AJAIL_ARGS that names it.
std::variant<RunOptions, Shown, Wrong> parse_run(std::vector<std::string> args, const char* args_from_env) {
    auto parsed = with_front(args, args_from_env, read_run);
    if (auto* options = std::get_if<RunOptions>(&parsed); options == nullptr || options->in.empty()) return parsed;
    auto alone = read_run(std::move(args));
    auto* options = std::get_if<RunOptions>(&alone);
    return options == nullptr || options->in.empty() ? parsed : alone;
}

std::variant<RunOptions, Shown, Wrong> parse_enter(std::vector<std::string> args) {
    return reading<RunOptions>([&]() -> std::variant<RunOptions, Shown, Wrong> {
        Parser parser("ajail enter NAME [OPTIONS of ajail run]",
                      "Runs the workspace's entrypoint, or a shell, in it, with its options and these.", {},
                      kRunOptions);
        RunOptions options;
        auto shown = parser.read(
            args, true, [&](const std::string& name, const std::string& value) { take(options, name, value); });
        if (shown) return *std::move(shown);
        if (args.size() != 1) wrong("enter: should be ajail enter NAME [OPTIONS]; a command: ajail run --in=NAME");
        if (options.clone || !options.in.empty()) wrong("enter: --in and --clone are for ajail run");
        options.in = args[0];
        options.entrypoint = true;
        return options;
    });
}

std::variant<WorkspaceOptions, Shown, Wrong> parse_create(std::vector<std::string> args, const char* args_from_env) {
    return with_front(std::move(args), args_from_env, read_create);
}

std::vector<std::string> as_words(const RunOptions& options, const std::string& cwd, bool kept) {
    std::vector<std::string> words;
    for (const auto& [name, value] : options.given) {
        bool once = name == "dry-run" || name == "report" || name == "quiet" || name == "verbose";
        if (name == "in" || name == "clone" || (kept && once)) continue;
        words.push_back("--" + name + (value == kBare ? "" : "=" + anchored(name, value, cwd)));
    }
    return words;
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

} // namespace ajail::cli
