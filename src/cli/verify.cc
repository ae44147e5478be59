// SPDX-License-Identifier: Apache-2.0
// See verify.h. The prober is this program itself, as a copy that lies in the jail's own memory: nothing more of the
// host has to be shown for it. What it attacks is made beside the jail and granted, hidden or kept away like anything
// else, so the user's own files are not touched.
#include "cli/verify.h"

#include "cli/caller.h"
#include "cli/machine.h"
#include "cli/run.h"
#include "cli/words.h"
#include "policy/policy.h"
#include "probe/bait.h"
#include "probe/probe.h"
#include "spec/filters.h"
#include "spec/host.h"
#include "sys/calls.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <linux/capability.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace ajail::cli {

namespace {

using probe::Answer;

std::uint64_t memory_of_machine() {
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
           static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}
std::uint64_t bytes(const spec::Amount& amount) {
    return amount.percent != 0 ? memory_of_machine() / 100 * amount.percent : amount.bytes;
}
std::string own_hostname() {
    char name[256] = "";
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

constexpr const char* kName = "ajail-prober";
constexpr unsigned kEnough = 16;          // MiB of memory, for the prober
constexpr std::uint64_t kSmall = 1 << 30; // of memory: as much as is tried to be exceeded
constexpr int kMute = 3;                  // of the prober: its answers cannot be written

bool has(const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

// What was asked for, as far as it opens something.
struct Asked {
    const RunOptions& run;
    std::string profile; ///< the text of --seccomp=FILE

    bool allows(const char* group) const { return spec::allowed(run.allow, run.deny, group); }
    bool off() const { return run.seccomp == spec::Seccomp::off; }
    bool strict() const { return run.seccomp == spec::Seccomp::strict; }
    bool adds(int cap) const { return std::find(run.caps.begin(), run.caps.end(), cap) != run.caps.end(); }
    bool landlock(unsigned abi) const { // at least that
        auto here = sys::landlock_abi();
        return here && *here >= abi;
    }
    bool one_id() const { return run.users == spec::Users::one; }
};

// What opens a probe, so that one which gets through is no surprise: decisions, and options. An option stands beside
// those probes only that nothing else would stop; where the seccomp policy alone does, Probe::call says so.
struct Opening {
    const char* probes; ///< with blanks around each
    bool (*when)(const Asked&);
    const char* why;
};
constexpr const char* kUsersOfRange = "users of the jail's own range";
constexpr Opening kOpenings[] = {
    {" symlink-plant autoexec-files ", nullptr, "decision: what may be written may hold anything"},
    {" file-caps ", nullptr, "decision: worth nothing outside of the jail's user namespace"},
    {" stdin-inode ", nullptr, "decision: the descriptor brings that right along"},
    {" ptrace-own ", [](const Asked& o) { return !o.strict() || o.allows("ptrace"); },
     "decision: debuggers within the jail (--seccomp=strict: none)"},
    {" netlink-uevent ", [](const Asked& o) { return !o.strict(); },
     "decision: libudev asks for it (--seccomp=strict: not)"},
    {" supp-groups ", [](const Asked& o) { return o.one_id(); },
     "one id: groups cannot be left (--users=range: they are)"},
    {" setgroups setuid-other ", [](const Asked& o) { return !o.one_id() || ::geteuid() == 0; }, kUsersOfRange},

    {" loopback-tcp net-interfaces ns-network ", [](const Asked& o) { return o.run.network; },
     "the shared network (--no-net: one of its own)"},
    {" net-port ", [](const Asked& o) { return !o.run.network; }, "the jail's own network"},
    {" net-port ",
     [](const Asked& o) { // Docker's networks have it
         auto first = sys::read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
         return o.run.network && first && *first == "0\n";
     },
     "the shared network, where net.ipv4.ip_unprivileged_port_start is 0"},
    {" net-configure iptables ip6tables arptables ebtables ipvs ",
     [](const Asked& o) { return !o.run.network && o.adds(CAP_NET_ADMIN); }, "--cap-add=CAP_NET_ADMIN and --no-net"},
    {" packet-socket raw-socket raw6-socket old-packet ",
     [](const Asked& o) { return !o.run.network && o.adds(CAP_NET_RAW); }, "--cap-add=CAP_NET_RAW and --no-net"},
    {" mount umount pivot-root fsopen open-tree mount-setattr statmount unshare-others cgroup-mount setns root-setns "
     "hostname stdin-reopen stdout-reopen ",
     [](const Asked& o) { return o.adds(CAP_SYS_ADMIN); }, "--cap-add=CAP_SYS_ADMIN"},

    {" userns-unshare userns-clone userns-clone3 mount-nested mount statmount proc-fresh-userns cgroup-userns "
     "stdin-reopen stdout-reopen suid-file ",
     [](const Asked& o) { return o.allows("userns"); }, "--allow=userns"},
    {" perf ", [](const Asked& o) { return o.allows("perf"); }, "--allow=perf"},
    {" io-uring io-uring-bypass ", [](const Asked& o) { return o.allows("io_uring"); }, "--allow=io_uring"},
    {" keyctl add-key request-key ", [](const Asked& o) { return o.allows("keyring"); }, "--allow=keyring"},
    {" vsock ", [](const Asked& o) { return o.allows("vsock"); }, "--allow=vsock"},
    {" set-mempolicy move-pages ", [](const Asked& o) { return o.allows("numa"); }, "--allow=numa"},
    {" i386-abi ", [](const Asked& o) { return o.allows("32bit"); }, "--allow=32bit"},
    {" tiocsti tiocsti-highbits tioclinux tiocsetd suid-file i386-abi x32-abi ",
     [](const Asked& o) { return o.off(); }, "--seccomp=off"},
    {" proc-host-pids init-cmdline ", [](const Asked& o) { return o.run.proc == RunOptions::Proc::bind; },
     "--proc=bind"},
    {" git-hooks git-config git-config-rename git-modules git-swap ", [](const Asked& o) { return o.run.hooks; },
     "--allow-hooks"},

    // `ajail doctor` says of them what they have not.
    {" stdin-reopen stdout-reopen ", [](const Asked& o) { return !o.landlock(1); }, "this kernel, without Landlock"},
    {" abstract-unix abstract-datagram ",
     [](const Asked& o) { return o.run.network && !o.landlock(spec::kLandlockScopes); },
     "the shared network, where Landlock is missing or older than Linux 6.12's"},

    // Where the kernel counts for each user, up to 300 more.
    {" fork-bomb ", [](const Asked& o) { return o.run.limits.pids > 5700; }, "--pids"},
    {" tmpfs-fill inode-fill ",
     [](const Asked& o) { return bytes(o.run.scratch.size) > memory_of_machine() / 4 * 3; }, "--disk"},
    {" host-name ", [](const Asked& o) { return o.run.hostname == own_hostname(); }, "--hostname"},
    {" host-name ",
     [](const Asked&) {
         auto around = policy::around();
         return around && !(*around).hostname;
     },
     "a seccomp program around ajail, which refuses sethostname(2)"},
};

// What is seen of a place of the host, once that has been granted as what it is. What could be done with it to the host
// is no grant's: a socket of docker's, a cgroup.
constexpr struct {
    const char *probes, *place;
} kPlaces[] = {
    {" host-root ", "/"},
    {" host-tmp ", "/tmp"},
    {" host-run ", "/run"},
    {" proc-host-pids init-cmdline proc-leaks proc-sys-own ", "/proc"},
    {" sys-leaks ", "/sys"},
    {" posix-shm tmpfs-fill inode-fill ", "/dev/shm"},
    {" machine-id ", "/etc/machine-id"},
};

bool names(const char* list, const std::string& probe) {
    return std::strstr(list, (" " + probe + " ").c_str()) != nullptr;
}

// PLACE of the host stands at PLACE.
bool shows(const RunOptions& options, const std::string& place) {
    auto cwd = current_directory();
    auto at = [&](const std::string& source, const std::string& target, Kind kind) {
        return kind != Kind::hide && source == target && spec::within(place, target);
    };
    bool shown = cwd && at(*cwd, *cwd, options.cwd);
    for (const Grant& grant : options.grants) shown |= at(grant.source, grant.target, grant.kind);
    return shown;
}

std::string granted_place(const std::string& probe, const RunOptions& options) {
    const char* home = std::getenv("HOME");
    if (home != nullptr && probe == "host-home" && shows(options, home)) return home;
    for (auto [probes, place] : kPlaces)
        if (names(probes, probe) && shows(options, place)) return place;
    return {};
}

// Whether the profile lets CALL through, with some arguments at least. Read by itself, not by what compiles it; where
// that depends on something that may not be, or one rule refuses it altogether, it does not.
bool profile_allows(const std::string& profile, const std::string& call, const Asked& asked) {
    auto json = nlohmann::ordered_json::parse(profile, nullptr, false);
    auto lets = [](const nlohmann::ordered_json& rule, const char* key) {
        return rule.contains(key) && (rule[key] == "SCMP_ACT_ALLOW" || rule[key] == "SCMP_ACT_LOG");
    };
    // Whether ANY, or else all, of the capabilities that RULE depends on are added.
    auto adds_of = [&](const nlohmann::ordered_json& rule, const char* key, bool any) {
        bool found = !any;
        auto part = rule.value(key, nlohmann::ordered_json()); // a null as well
        if (!part.is_object()) return found;
        for (const auto& name : part.value("caps", nlohmann::ordered_json())) {
            auto cap = spec::cap_number(name.get<std::string>());
            bool added = cap && asked.adds(*cap);
            found = any ? found || added : found && added;
        }
        return found;
    };
    if (!json.is_object()) return false;
    bool allowed = lets(json, "defaultAction");
    for (const auto& rule : json.value("syscalls", nlohmann::ordered_json::array())) {
        auto list = rule.value("names", nlohmann::ordered_json::array());
        if (rule.contains("name")) list.push_back(rule["name"]);
        if (std::find(list.begin(), list.end(), call) == list.end()) continue;
        bool holds = !adds_of(rule, "excludes", true) && adds_of(rule, "includes", false);
        if (holds && lets(rule, "action")) allowed = true;
        else if (holds && rule.value("args", nlohmann::ordered_json::array()).empty()) return false;
    }
    return allowed;
}

bool denies(const Asked& asked, const char* call) {
    bool denied = has(asked.run.deny, call);
    for (const spec::SeccompGroup& group : spec::seccomp_groups())
        denied |= has(asked.run.deny, group.name) &&
                  std::any_of(group.denied.begin(), group.denied.end(),
                              [&](const char* name) { return std::strcmp(name, call) == 0; });
    return denied;
}

std::string opened_by(const probe::Probe& probe, const Asked& asked) {
    if (std::string place = granted_place(probe.name, asked.run); !place.empty()) return "the grant of " + place;
    for (const Opening& opening : kOpenings)
        if (names(opening.probes, probe.name) && (opening.when == nullptr || opening.when(asked))) return opening.why;
    if (probe.call == nullptr || denies(asked, probe.call)) return {};
    if (asked.off()) return "--seccomp=off";
    if (has(asked.run.allow, probe.call)) return std::string("--allow=") + probe.call;
    return profile_allows(asked.profile, probe.call, asked) ? "the profile of --seccomp" : "";
}

struct Row {
    const probe::Probe* probe;
    Answer answer;
    std::string why, opened;
    bool hole() const { return answer == Answer::allowed && opened.empty(); }
};

// Where the prober and what it is granted stand: in a directory that is the jail's own.
std::string place_inside(const RunOptions& options) {
    auto cwd = current_directory();
    for (std::string dir : {"/run", "/tmp", "/var", "/"}) {
        bool others = cwd && spec::within(dir, *cwd);
        for (const Grant& grant : options.grants) others |= spec::within(dir, grant.target);
        if (!others) return (dir == "/" ? "" : dir) + "/ajail-verify";
    }
    return "/ajail-verify";
}

// Options for the bait: a copy of the user's.
RunOptions with(const RunOptions& asked, const probe::Bait& bait, const std::string& place) {
    RunOptions options = asked;
    options.quiet = true;
    options.verbose = false;
    auto& grants = options.grants;
    grants.push_back({Kind::rw, bait.work(), place + "/work"});
    grants.push_back({Kind::rol, bait.fixed(), place + "/fixed"});
    grants.push_back({Kind::hide, bait.work() + "/deep/hidden", place + "/work/deep/hidden"});
    grants.push_back({Kind::rol, bait.work() + "/between/file", place + "/work/between/file"});
    return options;
}

// What the prober is told: what is prepared for it, and what the payload was given, so that it knows all else.
std::vector<std::string> words(const spec::Spec& spec, const RunOptions& options, const probe::Bait& bait,
                               const std::string& place) {
    std::vector<std::string> words = bait.words();
    for (const char* name : {"work", "fixed"}) words.push_back(std::string(name) + "=" + place + "/" + name);
    words.push_back("hidden=" + place + "/work/deep/hidden");
    words.push_back("granted=" + place);
    if (spec.root.kind == spec::Root::writable) words.emplace_back("granted=/");
    for (const spec::Mount& mount : spec.mounts)
        if (auto* bind = std::get_if<spec::Bind>(&mount)) {
            if (bind->writable) words.push_back("granted=" + bind->target);
            if (bind->devices) words.push_back("devices=" + bind->target);
        }
    if (!spec.scratch.directory.empty()) words.emplace_back("scratch=disk");
    std::string env = "env=";
    for (const auto& [name, value] : spec.command.env) env += name + ",";
    words.push_back(env);
    std::uint64_t caps = 0;
    for (int cap : options.caps) caps |= std::uint64_t{1} << cap;
    char text[32];
    (void)std::snprintf(text, sizeof text, "caps=%llx", static_cast<unsigned long long>(caps));
    words.emplace_back(text);
    if (std::uint64_t memory = bytes(options.limits.memory); memory != 0 && memory != spec::kUnlimited)
        words.push_back("memory=" + std::to_string(memory));
    return words;
}

void add_prober(spec::Spec& spec, const std::string& place, const std::string& program,
                std::vector<std::string> words) {
    std::string path = place + "/" + kName;
    auto below = [&](const spec::Mount& mount) {
        return std::visit([&](const auto& m) { return spec::within(m.target, place); }, mount);
    };
    auto first = std::find_if(spec.mounts.begin(), spec.mounts.end(), below);
    // A directory of its own, so that the file can be executed whatever was granted above it.
    first = spec.mounts.insert(first, spec::Tmpfs{place});
    first = spec.mounts.insert(first + 1, spec::Data{.target = path, .content = program, .how = spec::Data::written});
    spec.mounts.insert(first + 1, spec::Chmod{path, 0755});
    spec.command.argv = std::move(words);
    spec.command.argv.insert(spec.command.argv.begin(), path);
}

// Where a private directory is not in what the jail is given anyhow; empty: nowhere.
std::string place_for_bait(const RunOptions& options) {
    auto cwd = current_directory();
    std::string here = cwd ? *cwd : "/";
    for (const char* dir : {"/tmp", "/var/tmp"}) {
        bool inside = spec::within(dir, here);
        for (const Grant& grant : options.grants) inside |= spec::within(dir, grant.source);
        if (!inside && ::access(dir, W_OK) == 0) return dir;
    }
    return {};
}

// NAME, answer and why on a line, with tabs.
std::vector<Row> read(const std::string& output, const Asked& asked) {
    std::vector<Row> rows;
    for (std::size_t start = 0, end = 0; (end = output.find('\n', start)) != std::string::npos; start = end + 1) {
        std::string line = output.substr(start, end - start);
        std::size_t one = line.find('\t'), two = line.find('\t', one + 1);
        if (one == std::string::npos || two == std::string::npos) continue;
        const probe::Probe* probe = probe::find(line.substr(0, one).c_str());
        std::string said = line.substr(one + 1, two - one - 1);
        if (probe == nullptr) continue;
        for (Answer answer : {Answer::blocked, Answer::allowed, Answer::skipped, Answer::broken})
            if (said == probe::word(answer))
                rows.push_back(
                    {probe, answer, line.substr(two + 1), answer == Answer::allowed ? opened_by(*probe, asked) : ""});
    }
    return rows;
}

const char* result_of(const Row& row) {
    switch (row.answer) {
    case Answer::blocked: return "blocked";
    case Answer::skipped: return "skipped";
    case Answer::broken: return "broken";
    case Answer::allowed: return row.opened.empty() ? "ALLOWED" : "allowed";
    }
    return "?";
}

std::size_t count(const std::vector<Row>& rows, const char* result) {
    return static_cast<std::size_t>(std::count_if(
        rows.begin(), rows.end(), [&](const Row& row) { return std::strcmp(result_of(row), result) == 0; }));
}

std::string table(const std::vector<Row>& rows, bool all) {
    std::string text;
    char line[512];
    for (const Row& row : rows) {
        if (row.answer == Answer::blocked && !all) continue;
        std::string why = row.opened.empty() ? row.why : "by " + row.opened + ": " + row.why;
        (void)std::snprintf(line, sizeof line, "%-18s %-11s %-8s %s\n", row.probe->name, row.probe->kind,
                            result_of(row), spec::escape(why).c_str());
        text += line;
    }
    (void)std::snprintf(
        line, sizeof line,
        "%zu blocked, %zu allowed on purpose, %zu skipped, %zu could not be tried, %zu not contained\n",
        count(rows, "blocked"), count(rows, "allowed"), count(rows, "skipped"), count(rows, "broken"),
        count(rows, "ALLOWED"));
    return text + line;
}

std::string json(const std::vector<Row>& rows) {
    nlohmann::ordered_json probes = nlohmann::ordered_json::array();
    for (const Row& row : rows)
        probes.push_back({{"name", row.probe->name},
                          {"class", row.probe->kind},
                          {"tries", row.probe->tries},
                          {"result", word(row.answer)},
                          {"why", row.why},
                          {"opened_by", row.opened}});
    bool contained = count(rows, "ALLOWED") + count(rows, "broken") == 0;
    return nlohmann::ordered_json{{"contained", contained}, {"probes", probes}}.dump(2) + "\n";
}

// Of the probes, those that one jail is attacked with: a bomb by its name, as it may be the jail's end; or the others.
bool chosen(const probe::Probe& probe, const std::string& which) {
    return which == "all" || (which == "others" ? !probe.bomb : which == probe.name);
}

// One jail, and what became of it.
struct Attack {
    int status = 0; ///< as wait(2) has it
    std::string said;
    std::vector<Row> rows;
    bool touched = false; ///< what was read-only has been changed all the same

    bool over(const char* limit) const { return said.find(std::string("(") + limit + ")") != std::string::npos; }
    std::string why_unfinished() const;
};

std::string too_small(const char* limit, std::uint64_t enough) {
    return std::string("its ") + limit + " is too small for the prober; " + std::to_string(enough) +
           " MiB are enough";
}

std::string Attack::why_unfinished() const {
    if (over("--memory")) return too_small("--memory", kEnough);
    if (over("--timeout")) return "its --timeout is too short for the prober";
    if (WIFSIGNALED(status)) return "ajail was killed by signal " + std::to_string(WTERMSIG(status));
    if (WEXITSTATUS(status) == kMute)
        return "the prober cannot write its answers; is `write` denied, by --deny or a profile?";
    int killer = WEXITSTATUS(status) > 128 ? WEXITSTATUS(status) - 128 : 0;
    if (killer != 0) return "the prober was killed by signal " + std::to_string(killer);
    return "the prober ended with status " + std::to_string(WEXITSTATUS(status));
}

// In all of it, PROGRAM is ajail.
std::optional<Attack> attack(const Asked& asked, const ns::Caller& process, const std::string& parent,
                             const std::string& program, const std::string& which) {
    auto bait = probe::Bait::make(parent);
    if (!bait) return std::nullopt;
    std::string place = place_inside(asked.run);
    Attack done;
    done.status = bait->launch([&] {
        return run(with(asked.run, *bait, place), process, [&](spec::Spec& spec) {
            auto told = words(spec, asked.run, *bait, place);
            told.insert(told.begin(), which);
            add_prober(spec, place, program, std::move(told));
        });
    });
    done.said = bait->said();
    done.rows = read(bait->output(), asked);
    done.touched = !bait->untouched();
    return done;
}

// What a jail says of itself before the prober runs, with its own reason.
int unfinished(const Attack& attack, std::size_t wanted) {
    bool limit = attack.over("--memory") || attack.over("--timeout");
    if (!limit) (void)std::fputs(attack.said.c_str(), stderr);
    if (attack.rows.empty() && WEXITSTATUS(attack.status) == kFailed && !attack.said.empty()) return kFailed;
    return fail("verify: the jail has not been attacked to the end (" + std::to_string(attack.rows.size()) + " of " +
                std::to_string(wanted) + " probes): " + attack.why_unfinished());
}

// The exit status of it all.
int judge(const std::vector<Row>& rows) {
    std::string holes;
    const Row* broken = nullptr;
    for (const Row& row : rows) {
        if (row.hole()) holes += (holes.empty() ? "" : ", ") + std::string(row.probe->name);
        if (row.answer == Answer::broken && broken == nullptr) broken = &row;
    }
    if (broken != nullptr)
        (void)fail("verify: " + std::to_string(count(rows, "broken")) + " of " + std::to_string(rows.size()) +
                   " probes could not be tried: " + broken->probe->name + ": " + spec::escape(broken->why) +
                   (count(rows, "broken") > 1 ? ", ..." : ""));
    if (!holes.empty()) (void)fail("verify: not contained: " + holes);
    return !holes.empty() ? 1 : broken != nullptr ? kFailed : 0;
}

} // namespace

bool is_prober(const char* called) {
    const char* slash = std::strrchr(called, '/');
    return std::strcmp(slash == nullptr ? called : slash + 1, kName) == 0;
}

int probe_from_inside(char** words) {
    std::string which = *words == nullptr ? "" : *words++;
    for (const probe::Probe* probe : probe::all()) {
        if (!chosen(*probe, which)) continue;
        probe::Result result = probe::run(*probe, words);
        (void)std::printf("%s\t%s\t%s\n", probe->name, word(result.answer), result.why);
        if (std::fflush(stdout) != 0) return kMute;
    }
    return 0;
}

int verify(const VerifyOptions& given, const ns::Caller& process) {
    VerifyOptions options = given;
    if (spec::Host host; options.run.proc == RunOptions::Proc::automatic) { // what that comes to here
        look_for_proc(host, true);
        options.run.proc = host.fresh_proc ? RunOptions::Proc::fresh : RunOptions::Proc::bind;
    }
    constexpr std::size_t kLargest = 64 << 20, kLargestProfile = 1 << 20;
    auto program = sys::read_file("/proc/self/exe", kLargest);
    if (!program)
        return fail("verify: cannot read ajail's own file: " + std::string(std::strerror(program.error().err)));
    std::string parent = place_for_bait(options.run);
    if (parent.empty())
        return fail(
            "verify: /tmp and /var/tmp are in what the jail is given, or read-only, so there is no place for what "
            "it must not reach; give it less, run it in another directory, or mount a tmpfs there");
    // The prober is a file in the scratch, of which a limit of memory leaves half.
    std::uint64_t disk = bytes(options.run.scratch.size), memory = bytes(options.run.limits.memory);
    std::uint64_t needed = (*program).size() + (1 << 20);
    bool in_memory = options.run.scratch.directory.empty();
    if (in_memory && disk != 0 && disk < needed) return fail("verify: " + too_small("--disk", (needed >> 20) + 1));
    if (in_memory && memory != 0 && memory / 2 < needed) return fail("verify: " + too_small("--memory", kEnough));
    Asked asked{options.run, {}};
    if (auto text = sys::read_file(options.run.seccomp_profile.c_str(), kLargestProfile))
        asked.profile = std::move(*text);

    // A small limit of memory is attacked as well, each time in a jail that has nothing else to do.
    std::vector<std::string> jails = {"all"};
    if (memory != 0 && memory <= kSmall) {
        jails = {"others"};
        for (const probe::Probe* probe : probe::all())
            if (probe->bomb) jails.emplace_back(probe->name);
    }
    std::vector<Row> rows;
    for (const std::string& which : jails) {
        auto done = attack(asked, process, parent, *program, which);
        if (!done) return fail("verify: " + parent + ": " + std::strerror(errno));
        auto all = probe::all();
        auto wanted = static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [&](const probe::Probe* probe) { return chosen(*probe, which); }));
        const probe::Probe* bomb = probe::find(which.c_str());
        bool ended = bomb != nullptr && done->over("--memory");
        if (ended && done->rows.empty())
            done->rows.push_back({bomb, Answer::blocked, "the jail was ended by its --memory", ""});
        if ((done->status != 0 && !ended) || done->rows.size() != wanted) return unfinished(*done, wanted);
        if (done->touched) return fail("verify: what was read-only has been changed all the same");
        rows.insert(rows.end(), done->rows.begin(), done->rows.end());
    }
    if (int code = show(options.json ? json(rows) : table(rows, options.verbose)); code != 0) return code;
    return judge(rows);
}

} // namespace ajail::cli
