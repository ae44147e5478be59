// SPDX-License-Identifier: Apache-2.0
// See verify.h. The prober is this program itself, as a copy that lies in the jail's own memory: nothing more of the
// host has to be shown for it. What it attacks is made beside the jail and granted, hidden or kept away like anything
// else, so the user's own files are not touched.
#include "cli/verify.h"

#include "cli/caller.h"
#include "cli/run.h"
#include "cli/words.h"
#include "probe/bait.h"
#include "probe/probe.h"
#include "sys/calls.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace ajail::cli {

namespace {

using probe::Answer;

constexpr const char *kPlace = "/run/ajail-verify", *kName = "ajail-prober";

// What options open, so that a probe which gets through is no surprise; and what is open by decision.
struct Opening {
    const char* probes; ///< with blanks around each
    bool (*when)(const RunOptions&);
    const char* why;
};

bool has(const std::vector<std::string>& list, const char* name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}
template <class... Names> bool allows(const RunOptions& o, Names... names) {
    return ((has(o.allow, names) && !has(o.deny, names)) || ...);
}
bool always(const RunOptions&) { return true; }
bool off(const RunOptions& o) { return o.seccomp == spec::Seccomp::off; }
bool not_strict(const RunOptions& o) { return o.seccomp != spec::Seccomp::strict; }
bool userns(const RunOptions& o) { return allows(o, "userns"); }
bool more_caps(const RunOptions& o) { return !o.caps.empty(); }

constexpr Opening kOpenings[] = {
    {" loopback-tcp net-interfaces ns-network ", [](const RunOptions& o) { return o.network; },
     "the shared network (--no-net: one of its own)"},
    {" net-port ", [](const RunOptions& o) { return !o.network; }, "the jail's own network"},
    {" ptrace-own ", [](const RunOptions& o) { return not_strict(o) || allows(o, "ptrace"); },
     "decision: debuggers within the jail (--seccomp=strict: none)"},
    {" netlink-uevent ", not_strict, "decision: libudev asks for it (--seccomp=strict: not)"},
    {" symlink-plant autoexec-files ", always, "decision: what may be written may hold anything"},
    {" file-caps ", always, "decision: worth nothing outside of the jail's user namespace"},
    {" stdin-inode ", always, "decision: the descriptor brings that right along"},
    {" supp-groups ", [](const RunOptions& o) { return o.users == spec::Users::one; },
     "one id: groups cannot be left (--users=range: they are)"},
    {" setgroups setuid-other ", [](const RunOptions& o) { return o.users != spec::Users::one || ::geteuid() == 0; },
     "users of the jail's own range"},
    {" userns-unshare userns-clone userns-clone3 unshare-others mount-nested setns setns-parent mount umount "
     "pivot-root "
     "fsopen open-tree mount-setattr statmount hostname root-setns proc-fresh-userns cgroup-userns stdin-reopen "
     "stdout-reopen suid-file ",
     userns, "--allow=userns"},
    {" perf ", [](const RunOptions& o) { return allows(o, "perf", "perf_event_open"); }, "--allow=perf"},
    {" io-uring io-uring-bypass ", [](const RunOptions& o) { return allows(o, "io_uring", "io_uring_setup"); },
     "--allow=io_uring"},
    {" keyctl add-key request-key ", [](const RunOptions& o) { return allows(o, "keyring"); }, "--allow=keyring"},
    {" vsock ", [](const RunOptions& o) { return allows(o, "vsock"); }, "--allow=vsock"},
    {" packet-socket raw-socket ", [](const RunOptions& o) { return allows(o, "raw-socket") || more_caps(o); },
     "--allow=raw-socket, or the capability"},
    {" set-mempolicy move-pages ", [](const RunOptions& o) { return allows(o, "numa"); }, "--allow=numa"},
    {" caps net-configure net-port rt-sched mlock rlimit-raise unshare-others setns mount umount pivot-root fsopen "
     "open-tree mount-setattr statmount hostname root-setns cgroup-mount stdin-reopen stdout-reopen ",
     more_caps, "--cap-add"},
    {" fork-bomb ", [](const RunOptions& o) { return o.limits.pids > 6000; }, "--pids"},
    {" rw-host-mounts ", [](const RunOptions& o) { return !o.scratch.directory.empty(); },
     "--scratch=DIR: what is thrown away lies there"},
    {" env-sockets ", [](const RunOptions& o) { return !o.env.empty(); }, "--env"},
    {" tiocsti tiocsti-highbits tioclinux tiocsetd netlink socket-families ", off, "--seccomp=off"},
};

// The host's directories that probes recognise, if they were granted as such.
bool was_granted(const std::string& probe, const RunOptions& options) {
    constexpr std::string_view kHost = "host-";
    std::string path = "/" + (probe == "host-root" ? "" : probe.substr(std::min(kHost.size(), probe.size())));
    const char* home = std::getenv("HOME");
    if (probe == "host-home") path = home == nullptr ? "" : home;
    auto cwd = current_directory();
    bool granted = probe.starts_with(kHost) && cwd && path == *cwd && options.cwd != Kind::hide;
    for (const Grant& grant : options.grants) granted |= grant.source == path && grant.target == path;
    return granted;
}

std::string opened_by(const probe::Probe& probe, const RunOptions& options) {
    if (was_granted(probe.name, options)) return "a grant";
    std::string name = std::string(" ") + probe.name + " ";
    for (const Opening& opening : kOpenings)
        if (std::strstr(opening.probes, name.c_str()) != nullptr && opening.when(options)) return opening.why;
    if (off(options) && std::strcmp(probe.kind, "kernel") == 0) return "--seccomp=off";
    if (off(options) && probe.reach != nullptr) return "--seccomp=off";
    std::string call = probe.name;
    std::replace(call.begin(), call.end(), '-', '_');
    return allows(options, call.c_str()) ? "--allow=" + call : "";
}

struct Row {
    const probe::Probe* probe;
    Answer answer;
    std::string why, opened;
    bool bad() const { return answer == Answer::broken || (answer == Answer::allowed && opened.empty()); }
};

// Options for the bait: a copy of the user's.
RunOptions with(const RunOptions& asked, const probe::Bait& bait) {
    RunOptions options = asked;
    options.quiet = true;
    std::string place = kPlace;
    auto& grants = options.grants;
    grants.push_back({Kind::rw, bait.work(), place + "/work"});
    grants.push_back({Kind::rol, bait.fixed(), place + "/fixed"});
    grants.push_back({Kind::hide, bait.work() + "/deep/hidden", place + "/work/deep/hidden"});
    grants.push_back({Kind::rol, bait.work() + "/between/file", place + "/work/between/file"});
    return options;
}

// What the payload was given, which only the finished Spec tells.
std::string granted(const spec::Spec& spec) {
    std::string list = kPlace;
    if (spec.root.kind == spec::Root::writable) list += ":/";
    for (const spec::Mount& mount : spec.mounts)
        if (auto* bind = std::get_if<spec::Bind>(&mount); bind != nullptr && bind->writable)
            list += ":" + bind->target;
    return list;
}

void add_prober(spec::Spec& spec, const probe::Bait& bait, const std::string& program) {
    std::string place = kPlace, path = place + "/" + kName;
    auto below = [&](const spec::Mount& mount) {
        return std::visit([&](const auto& m) { return spec::within(m.target, place); }, mount);
    };
    auto first = std::find_if(spec.mounts.begin(), spec.mounts.end(), below);
    // A directory of its own, so that the file can be executed whatever was granted at /run.
    first = spec.mounts.insert(first, spec::Tmpfs{place});
    first = spec.mounts.insert(first + 1, spec::Data{.target = path, .content = program, .how = spec::Data::written});
    spec.mounts.insert(first + 1, spec::Chmod{path, 0755});
    std::string env;
    for (const auto& [name, value] : spec.command.env) env += (env.empty() ? "" : ",") + name;
    auto& argv = spec.command.argv;
    argv = {path};
    argv.insert(argv.end(), bait.words().begin(), bait.words().end());
    for (const std::string& word :
         {"work=" + place + "/work", "fixed=" + place + "/fixed", "hidden=" + place + "/work/deep/hidden",
          "granted=" + granted(spec), "env=" + env})
        argv.push_back(word);
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

// NAME, kind, answer and why on a line, with tabs.
std::vector<Row> read(const std::string& output, const RunOptions& options) {
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
                rows.push_back({probe, answer, line.substr(two + 1),
                                answer == Answer::allowed ? opened_by(*probe, options) : ""});
    }
    return rows;
}

std::string result_of(const Row& row) {
    switch (row.answer) {
    case Answer::blocked: return "blocked";
    case Answer::skipped: return "skipped";
    case Answer::broken: return "broken";
    case Answer::allowed: return row.opened.empty() ? "ALLOWED" : "allowed";
    }
    return "?";
}

std::string table(const std::vector<Row>& rows) {
    std::string text;
    char line[512];
    std::size_t blocked = 0, opened = 0, skipped = 0;
    for (const Row& row : rows) {
        std::string why = row.opened.empty() ? row.why : "by " + row.opened + ": " + row.why;
        (void)std::snprintf(line, sizeof line, "%-18s %-11s %-8s %s\n", row.probe->name, row.probe->kind,
                            result_of(row).c_str(), spec::escape(why).c_str());
        text += line;
        blocked += row.answer == Answer::blocked ? 1 : 0;
        opened += row.opened.empty() ? 0 : 1;
        skipped += row.answer == Answer::skipped ? 1 : 0;
    }
    std::size_t bad = rows.size() - blocked - opened - skipped;
    (void)std::snprintf(line, sizeof line, "%zu blocked, %zu allowed on purpose, %zu skipped, %zu not contained\n",
                        blocked, opened, skipped, bad);
    return text + line;
}

std::string json(const std::vector<Row>& rows, bool contained) {
    nlohmann::ordered_json probes = nlohmann::ordered_json::array();
    for (const Row& row : rows)
        probes.push_back({{"name", row.probe->name},
                          {"class", row.probe->kind},
                          {"tries", row.probe->tries},
                          {"result", word(row.answer)},
                          {"why", row.why},
                          {"opened_by", row.opened}});
    return nlohmann::ordered_json{{"contained", contained}, {"probes", probes}}.dump(2) + "\n";
}

} // namespace

bool is_prober(const char* called) {
    const char* slash = std::strrchr(called, '/');
    return std::strcmp(slash == nullptr ? called : slash + 1, kName) == 0;
}

int probe_from_inside(char** words) {
    for (const probe::Probe* probe : probe::all()) {
        probe::Result result = probe::run(*probe, words);
        (void)std::printf("%s\t%s\t%s\n", probe->name, word(result.answer), result.why);
        (void)std::fflush(stdout);
    }
    return 0;
}

int verify(const VerifyOptions& options, const ns::Caller& process) {
    constexpr std::size_t kLargest = 64 << 20;
    auto program = sys::read_file("/proc/self/exe", kLargest);
    if (!program)
        return fail("verify: cannot read ajail's own file: " + std::string(std::strerror(program.error().err)));
    std::string parent = place_for_bait(options.run);
    if (parent.empty())
        return fail("verify: /tmp and /var/tmp are in what the jail is given, so there is no place for what it must "
                    "not reach; run it in another directory");
    auto bait = probe::Bait::make(parent);
    if (!bait) return fail("verify: " + parent + ": " + std::strerror(errno));
    int status = bait->launch([&] {
        return run(with(options.run, *bait), process, [&](spec::Spec& spec) { add_prober(spec, *bait, *program); });
    });
    std::vector<Row> rows = read(bait->output(), options.run);
    if (status != 0 || rows.size() != probe::all().size()) {
        (void)std::fputs(bait->said().c_str(), stderr);
        if (rows.empty() && !bait->said().empty()) return kFailed;
        return fail("verify: the jail has not been attacked to the end (" + std::to_string(rows.size()) + " of " +
                    std::to_string(probe::all().size()) + " probes)");
    }
    if (!bait->untouched()) return fail("verify: what was read-only has been changed all the same");
    std::string bad;
    for (const Row& row : rows)
        if (row.bad()) bad += (bad.empty() ? "" : ", ") + std::string(row.probe->name);
    int code = show(options.json ? json(rows, bad.empty()) : table(rows));
    if (code != 0 || bad.empty()) return code;
    (void)fail("verify: not contained: " + bad);
    return 1;
}

} // namespace ajail::cli
