// SPDX-License-Identifier: Apache-2.0
// The child's sequence. Its order is the security argument; read it as a list. Single-threaded, no CLONE_VM: it is
// an ordinary process image of its own, but glibc's cached thread id is stale after raw clone3, so nothing here
// raises, aborts or starts a thread.
#include "ns/child.h"

#include "mount/mount.h"
#include "net/net.h"
#include "ns/bare.h"
#include "ns/exec.h"
#include "ns/idmap.h"
#include "ns/info.h"
#include "ns/seen.h"
#include "ns/steps.h"
#include "policy/deputy.h"
#include "policy/limits.h"
#include "policy/policy.h"
#include "spec/filters.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>

namespace ajail::ns {

namespace {

using spec::Plan;
using sys::Done;
using sys::during;
using sys::Fd;
using sys::Result;
using sys::Stage;
using sys::Status;

Status die_with_monitor() {
    TRY(sys::prctl(PR_SET_PDEATHSIG, SIGKILL));
    return Done{};
}

// Blocks until the monitor has done what only it can. EOF means that it is gone.
Result<mount::Trees> wait_for_go(const Plan& plan, const Fd& report) {
    mount::Trees trees;
    while (!sets_itself_up(plan)) {
        Heard heard = TRY(hear(report));
        switch (heard.message.kind) {
        case Message::go: return trees;
        case Message::tree: trees.emplace(static_cast<std::size_t>(heard.message.value), std::move(heard.fd)); break;
        case Message::eof: give_up();
        default: return sys::refused(EPROTO);
        }
    }
    return trees;
}

Status lead_group(pid_t pid) {
    return ::setpgid(pid, pid) < 0 ? Status(sys::failed(sys::Call::setsid)) : Status(Done{});
}

// Stdio without the host's terminal. Without any terminal, a session of its own; with one, init leads the session
// and the payload is a process group in it, so that ^Z stops it (an orphaned group, which has no shell or init in
// its session, ignores that).
Status take_terminal(const Plan& plan, const Fd& slave) {
    if (!slave) return sys::setsid();
    TRY(put_terminal(plan, slave));
    return lead_group(0);
}

// The foreground of it, before the payload goes on. Its group is made by both: nobody waits for the other. Where somebody else may be using the host's terminal the payload
// stays in the background until it asks for input, which stops it: init hears of that.
Status give_terminal(const Plan& plan, const Fd& slave, pid_t payload) {
    if (!slave) return Done{};
    TRY(lead_group(payload));
    if (plan.terminal == spec::Terminal::raw) TRY(sys::ioctl(slave.get(), TIOCSPGRP, &payload));
    return Done{};
}

Status wait_for_init(const Fd& init_socket) {
    Heard answer = TRY(hear(init_socket));
    if (answer.message.kind == Message::eof) give_up(); // init failed, and told the monitor
    return answer.message.kind == Message::go ? Status(Done{}) : Status(sys::refused(EPROTO));
}

// Every mount made so far is locked for a payload that may mount: see mount_namespaces(7). Init writes the maps: only a
// process of the first user namespace may write a range.
Status second_userns(const Plan& plan, const Fd& init_socket) {
    if (!plan.second_userns) return Done{};
    // A change of ids has made /proc/PID root's, and init could not write the maps there (proc(5)).
    TRY(sys::prctl(PR_SET_DUMPABLE, 1));
    TRY(sys::unshare(CLONE_NEWUSER | CLONE_NEWNS));
    TRY(tell(init_socket, {.kind = Message::go}));
    return wait_for_init(init_socket);
}

struct Payload {
    pid_t pid = 0;
    Fd socket; ///< its two words with init, or init's with it
    Fd slave;  ///< of the jail's pty, if there is one
    Second second;
};

// To the monitor, which lets the payload go on once it has been written: nothing that the payload does can change it.
Status give_report(const Plan& plan, const Look& look, const Fd& report) {
    if (!plan.report) return Done{};
    TRY(sys::write_all(look.paper().get(), spec::to_json(plan, look.walls())));
    TRY(tell(report, {.kind = Message::report}, look.paper().get()));
    Heard answer = TRY(hear(report));
    if (answer.message.kind == Message::eof) give_up(); // the monitor has failed, and ends the jail
    return answer.message.kind == Message::go ? Status(Done{}) : Status(sys::refused(EPROTO));
}

Status payload(const Plan& plan, const Caller& caller, const Payload& its, const Fd& report, Look& look,
               std::string& about) {
    const Fd &slave = its.slave, &init_socket = its.socket;
    TRY(during(Stage::terminal, take_terminal(plan, slave)));
    TRY(during(Stage::ids, second_userns(plan, init_socket)));
    if (plan.report) TRY(during(Stage::payload, wait_for_init(init_socket))); // it tells of init, too
    TRY(during(Stage::readback, look.with_capabilities()));
    std::string cwd = TRY(during(Stage::exec, enter_cwd(plan.exec)));
    TRY(during(Stage::payload, restore(caller)));
    TRY(during(Stage::ids, become_user(plan)));
    // In the user namespace and as the user that they are counted for.
    TRY(during(Stage::limits, policy::limit(plan)));
    // A user namespace of its own came with all of them.
    std::uint64_t within = plan.second_userns ? ~std::uint64_t{0} : plan.caps | plan.init_caps;
    TRY(shut_in(plan, within, slave, look));
    std::size_t first = first_there(plan.exec); // filters that the caller brings need not let it ask
    // Init is as small as it will be, before anything of the payload's own happens.
    if (!plan.report) TRY(during(Stage::payload, wait_for_init(init_socket)));
    TRY(put_up_filters(plan, init_socket, look));
    TRY(during(Stage::report, give_report(plan, look, report)));
    return become_program(plan, look, cwd, first, about);
}

// In the first user namespace: the identity map of what is mapped there, for PID.
Status write_second_maps(const Plan& plan, pid_t pid) {
    std::string proc = "/proc/" + std::to_string(pid) + "/";
    TRY(sys::write_file((proc + "uid_map").c_str(), identity_lines(plan.uids)));
    return sys::write_file((proc + "gid_map").c_str(), identity_lines(plan.gids));
}

Result<Payload> start_payload(const Plan& plan, const Caller& caller, const Fd& report, Fd slave, Look& look) {
    // What neither of the two may have: the payload inherits that.
    TRY(during(Stage::capabilities, policy::bound(plan.caps | plan.init_caps)));
    auto [mine, its] = TRY(sys::socketpair());
    // Init's session, and before the fork: the payload inherits the terminal, an ioctl later would be init's alone.
    if (slave) TRY(sys::ioctl(slave.get(), TIOCSCTTY, nullptr));
    pid_t pid = TRY(sys::clone3(0, nullptr));
    if (pid == 0) {
        mine.reset();
        std::string about;
        Payload self{0, std::move(its), std::move(slave), {}};
        sys::Error error = payload(plan, caller, self, report, look, about).error();
        fail(report, error, about);
    }
    return Payload{pid, std::move(mine), std::move(slave), {}};
}

// Those that the jail's are to differ from. The monitor looks while all else is made, and has nothing else to do.
Result<spec::Namespaces> callers_namespaces(const Fd& report) {
    Heard heard = TRY(hear(report));
    if (heard.message.kind == Message::eof) give_up();
    return heard.message.kind == Message::namespaces ? numbers_in(heard.message)
                                                     : Result<spec::Namespaces>(sys::refused(EPROTO));
}

// PDEATHSIG was off for a moment, while the ids changed: a monitor that died then has left only this trace.
Status monitor_lives(const Fd& lifeline) {
    if (TRY(closed(lifeline))) give_up();
    return Done{};
}

// What stands at TARGET below ROOT; none if something else has been mounted where it was.
Result<Fd> standing(const Fd& root, const std::string& target) {
    auto found = sys::openat2(root.get(), target.c_str(), O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    bool gone = !found && (found.error().err == ENOENT || found.error().err == ENOTDIR);
    return gone ? Result<Fd>(Fd()) : std::move(found);
}

// The payload's second user namespace came with copies of all mounts. It can unmount those, all together; what is held
// here keeps another mount from getting the number of one.
Status find_copies(const std::vector<mount::Own>& own, pid_t payload, policy::Place& place) {
    std::string proc = "/proc/" + std::to_string(payload) + "/";
    Fd ours = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    Fd its = TRY(sys::open((proc + "root").c_str(), O_PATH | O_DIRECTORY));
    place.userns = TRY(sys::readlinkat(AT_FDCWD, (proc + "ns/user").c_str()));
    for (const mount::Own& one : own) {
        Fd here = TRY(standing(ours, one.target));
        Fd there = TRY(standing(its, one.target));
        if (!here || !there || TRY(sys::mount_id(here.get())) != one.id) continue; // something is mounted on it
        struct stat mine = TRY(sys::fstat(here.get()));
        struct stat copy = TRY(sys::fstat(there.get()));
        if (mine.st_dev != copy.st_dev || mine.st_ino != copy.st_ino) continue;
        place.own.push_back(TRY(sys::mount_id(there.get())));
        place.held.push_back(std::move(there));
    }
    return Done{};
}

Result<policy::Place> place_of(const Plan& plan, const std::vector<mount::Own>& own, pid_t payload) {
    policy::Place place;
    place.caps = spec::answering_caps(plan);
    place.ids = plan.groups;
    place.landlock = plan.landlock_abi != 0 && plan.landlock_files;
    if (plan.second_userns) TRY(find_copies(own, payload, place));
    else
        for (const mount::Own& one : own) place.own.push_back(one.id);
    return place;
}

Status let_go(const Payload& payload) { return tell_if_alive(payload.socket, {.kind = Message::go}); }

// Past this function nothing of init can be used against the jail's walls, and the payload runs.
Result<policy::Place> release(const Plan& plan, Payload& payload, const Fd& lifeline,
                              const std::vector<mount::Own>& own, const Fd& proc) {
    if (plan.second_userns) {
        Heard asked = TRY(hear(payload.socket));
        if (asked.message.kind == Message::eof) return policy::Place(); // it has failed and told the monitor itself
        TRY(write_second_maps(plan, payload.pid));
        std::string its = "/proc/" + std::to_string(payload.pid) + "/ns/";
        payload.second.user = TRY(sys::open((its + "user").c_str(), O_RDONLY));
        payload.second.mnt = TRY(sys::open((its + "mnt").c_str(), O_RDONLY));
    }
    policy::Place place = TRY(place_of(plan, own, payload.pid));
    if (plan.second_userns) TRY(let_go(payload));
    TRY(give_terminal(plan, payload.slave, payload.pid));
    TRY(become_init(plan, proc));
    TRY(monitor_lives(lifeline));
    TRY(let_go(payload));
    return place;
}

// Where the payload's questions come, once it has put up its filters. None if it does not get that far.
Result<Fd> hear_listener(const Plan& plan, const Payload& payload) {
    if (!policy::asks(plan)) return Fd();
    Heard heard = TRY(hear(payload.socket));
    if (heard.message.kind == Message::eof) return Fd();
    if (heard.message.kind != Message::listener || !heard.fd) return sys::refused(EPROTO);
    return std::move(heard.fd);
}

// From the fresh namespaces to the new root.
Result<mount::Built> build(const Plan& plan, const Fd& report, const Fd& lifeline, std::int32_t& keyring,
                           std::string& about) {
    // What the monitor holds (locks and directories of the store, on the host) is the monitor's alone: init keeps no
    // way out, and a lock ends with the one process that took it.
    if (!plan.descriptors) TRY(during(Stage::start, sys::close_all_but(std::array{report.get(), lifeline.get()})));
    if (plan.new_session) TRY(during(Stage::start, sys::setsid()));
    // The monitor's: a reader waits for the end, and maybe before it writes the id maps.
    // 0-2 stay taken: what is put there ends with exec, and nothing else of ours is closed by who closes stdio.
    for (int fd : {plan.supervise.info, plan.supervise.status}) {
        if (fd > 2) Fd(fd).reset();
        else if (fd >= 0) TRY(sys::dup2(report.get(), fd, O_CLOEXEC));
    }
    if (writes_own_maps(plan)) {
        TRY(during(Stage::limits, be_taken_first(plan, "/proc/self")));
        TRY(during(Stage::idmap, write_own_maps(plan)));
    }
    mount::Trees trees = TRY(during(Stage::start, wait_for_go(plan, report)));
    TRY(during(Stage::ids, take_ids(plan)));
    // A change of ids would clear it (prctl(2)). Who has died before that is seen by its socket, later.
    bool dies = plan.init == spec::Init::keeper || plan.supervise.die_with_parent;
    if (dies) TRY(during(Stage::start, die_with_monitor()));
    ::umask(0);
    // The caller's keys come along in the session keyring, which no namespace holds back (keyrings(7)).
    if (plan.own_keyring) keyring = TRY(during(Stage::start, sys::own_session_keyring()));
    if (plan.hostname) TRY(during(Stage::hostname, sys::sethostname(*plan.hostname)));
    if (!plan.shared.network) TRY(during(Stage::network, net::loopback_up()));
    return mount::build(plan, std::move(trees), about);
    // Past this line the old root is unreachable. The report socket, the lifeline, stdio, and for a bare jail what it
    // was given, are all that is left of the host.
}

Result<Payload> keep(const Plan& plan, const Caller& caller, const Fd& report, Look& look) {
    Fd slave = TRY(during(Stage::terminal, make_terminal(plan, report)));
    return during(Stage::payload, start_payload(plan, caller, report, std::move(slave), look));
}

} // namespace

bool sets_itself_up(const Plan& plan) { return plan.init == spec::Init::keeper && writes_own_maps(plan); }

// What a process with CAP_SYS_RESOURCE has raised, only such a one lowers again (proc(5)): so the monitor does it, where
// it may be root. What an ordinary user has raised, the payload can lower to what its caller had.
Status be_taken_first(const Plan& plan, const std::string& proc) {
    if (!plan.oom_score_adj) return Done{};
    return sys::write_file((proc + "/oom_score_adj").c_str(), std::to_string(*plan.oom_score_adj));
}

void child(Plan& plan, const Caller& caller, Fd report, Fd lifeline) {
    std::string about;
    if (plan.enter.pidns >= 0 && !plan.shared.pid)
        if (Status nested = during(Stage::namespaces, nest(report)); !nested) fail(report, nested.error());
    if (Status told = during(Stage::info, tell_namespaces(plan, report)); !told) fail(report, told.error());
    Fd proc; // a bare jail need not have one
    if (plan.second_userns && plan.init != spec::Init::keeper)
        if (auto opened = sys::open("/proc", O_PATH | O_DIRECTORY)) proc = std::move(opened).take();
    Fd status;
    if (!plan.caller_caps && plan.init != spec::Init::keeper)
        if (auto opened = sys::open("/proc/self/status", O_RDONLY)) status = std::move(opened).take();
    std::int32_t keyring = 0;
    auto built = build(plan, report, lifeline, keyring, about);
    if (!built) fail(report, built.error(), about);
    // The launcher's arguments and environment, before anybody can look: /proc/1/{cmdline,environ} show them.
    std::memset(caller.args, 0, caller.args_size);
    if (plan.init != spec::Init::keeper)
        fail(report, bare(plan, caller, report, lifeline, proc, std::move(status), about).error(), about);
    mount::Built made = std::move(built).take();
    std::vector<mount::Own> own = std::move(made.own);
    auto callers = during(Stage::readback, callers_namespaces(report));
    if (!callers) fail(report, callers.error());
    auto looked = during(Stage::readback, Look::around(plan, *callers, std::move(made), keyring));
    if (!looked) fail(report, looked.error());
    Look look = std::move(looked).take();
    auto kept = keep(plan, caller, report, look);
    if (!kept) fail(report, kept.error());
    proc = look.leave();
    Payload payload = std::move(kept).take();
    auto place = release(plan, payload, lifeline, own, proc);
    if (!place) {
        sys::Error error = place.error();
        bool seen = error.stage == Stage::readback;
        if (!seen) error.stage = Stage::payload;
        fail(report, error, seen ? "init" : "");
    }
    auto listener = during(Stage::seccomp, hear_listener(plan, payload));
    if (!listener) fail(report, listener.error());
    payload.socket.reset();
    payload.slave.reset();
    report.reset();
    init(plan, lifeline, payload.pid, std::move(proc), std::move(payload.second), std::move(listener).take(),
         std::move(place).take());
}

} // namespace ajail::ns
