// SPDX-License-Identifier: Apache-2.0
// The caller's side of clone3: blocks signals, clones, writes the id maps, lets the child go, monitors.
#include "ns/run.h"

#include "mount/mount.h"
#include "ns/cgroup.h"
#include "ns/child.h"
#include "ns/cover.h"
#include "ns/idmap.h"
#include "ns/info.h"
#include "ns/monitor.h"
#include "ns/seen.h"

#include <sys/prctl.h>
#include <sys/wait.h>

namespace ajail::ns {

namespace {

using spec::Plan;
using sys::Done;
using sys::during;
using sys::Fd;
using sys::Result;
using sys::Stage;
using sys::Status;

std::uint64_t new_namespaces(const Plan& plan) {
    const spec::Shared& shared = plan.shared;
    std::uint64_t flags = CLONE_NEWNS;
    if (!shared.user && plan.enter.userns < 0) flags |= CLONE_NEWUSER;
    if (!shared.pid && plan.enter.pidns < 0) flags |= CLONE_NEWPID; // else the child makes it, see nest()
    if (!shared.network) flags |= CLONE_NEWNET;
    if (!shared.ipc) flags |= CLONE_NEWIPC;
    if (!shared.uts) flags |= CLONE_NEWUTS;
    if (!shared.cgroup) flags |= CLONE_NEWCGROUP;
    return flags;
}

// What the child is to be born into. The pid namespace is only for children of ours (setns(2)).
Status enter(const Plan& plan) {
    if (plan.enter.userns >= 0) TRY(sys::setns(plan.enter.userns, CLONE_NEWUSER));
    if (plan.enter.pidns >= 0) TRY(sys::setns(plan.enter.pidns, CLONE_NEWPID));
    return Done{};
}

Result<pid_t> clone_child(const Plan& plan, std::uint64_t flags, Fd& pidfd, const Cgroup& cgroup = {}) {
    TRY(during(Stage::enter, enter(plan)));
    return during(Stage::namespaces, sys::clone3(new_namespaces(plan) | flags, &pidfd, cgroup.fd()));
}

// The child, or 0 in it. A user namespace to enter is others' as well, and who has CAP_SYS_PTRACE in it may trace whoever
// enters (ptrace(2), CVE-2016-8659 is this class). So we stay outside, and a process that ends with it enters and bears
// the child, as a child of ours. Neither is dumpable, which no capability in there gets past: the child as long as it
// can reach the host.
Result<pid_t> bear(const Plan& plan, Fd& pidfd, const Cgroup& cgroup) {
    if (plan.enter.userns < 0) return clone_child(plan, 0, pidfd, cgroup);
    auto [ours, its] = TRY(sys::socketpair());
    pid_t bearer = TRY(during(Stage::enter, sys::clone3(0, nullptr)));
    if (bearer != 0) {
        its.reset();
        Heard heard = TRY(during(Stage::enter, hear(ours)));
        TRY(during(Stage::enter, sys::waitid(P_PID, static_cast<id_t>(bearer), WEXITED)));
        if (heard.message.kind == Message::error) return heard.message.error_value;
        if (heard.message.kind != Message::process) return during(Stage::enter, Result<pid_t>(sys::refused(EPROTO)));
        pidfd = std::move(heard.fd);
        return heard.message.value;
    }
    auto hidden = during(Stage::enter, sys::prctl(PR_SET_DUMPABLE, 0));
    Result<pid_t> child = hidden ? clone_child(plan, CLONE_PARENT, pidfd) : Result<pid_t>(hidden.error());
    if (child && *child == 0) return 0;
    Message message{.kind = Message::process};
    if (child) message.value = *child;
    else message = {.kind = Message::error, .error_value = child.error()};
    ::_exit(tell(its, message, child ? pidfd.get() : -1) ? 0 : 1);
}

// The monitor of a bare jail ends as its caller says, and holds nothing of what the payload was given.
Status make_small(const Plan& plan, const Caller& caller, const Ends& ends, const Fd& signals) {
    if (!plan.descriptors) return Done{};
    const spec::Supervise& asked = plan.supervise;
    std::vector<int> kept = {ends.report.get(), ends.lifeline.get(), ends.init.get(), signals.get()};
    for (int fd : {asked.info, asked.status, asked.ids})
        if (fd >= 0) kept.push_back(fd);
    TRY(sys::close_all_but(kept));
    if (!asked.die_with_parent) return Done{};
    TRY(sys::prctl(PR_SET_PDEATHSIG, SIGKILL));
    // It may have died before that. (Zero: our parent is in another pid namespace.)
    return ::getppid() == caller.parent ? Status(Done{}) : Status(sys::refused(ESRCH));
}

// The process to tell the caller about: the one that we have made, or the one that it has made below.
Result<pid_t> jail_process(const Plan& plan, pid_t pid, const Fd& report) {
    if (plan.enter.pidns < 0 || plan.shared.pid) return pid;
    Heard heard = TRY(hear(report));
    if (heard.message.kind != Message::process) return sys::refused(EPROTO);
    return number_in_proc(heard.fd);
}

// The caller has been told of the process, writes its id maps, and says so with a byte.
Status wait_for_ids(const Plan& plan, pid_t pid) {
    if (plan.supervise.ids < 0) return Done{};
    Fd fd(plan.supervise.ids);
    char byte = 0;
    (void)sys::read_some(fd.get(), {&byte, 1});
    std::string proc = "/proc/" + std::to_string(pid) + "/";
    for (const char* map : {"uid_map", "gid_map"}) {
        std::string text = TRY(sys::read_file((proc + map).c_str()));
        if (text.empty()) return sys::refused(EPERM); // or everything would be nobody's
    }
    return Done{};
}

Status send_trees(const Plan& plan, pid_t pid, const Fd& report) {
    if (!plan.real_root) return Done{};
    Fd userns = TRY(sys::open(("/proc/" + std::to_string(pid) + "/ns/user").c_str(), O_RDONLY));
    mount::Trees trees = TRY(mount::idmapped_trees(plan, userns.get()));
    for (const auto& [index, tree] : trees)
        TRY(tell(report, {.kind = Message::tree, .value = static_cast<std::int32_t>(index)}, tree.get()));
    return Done{};
}

Status let_go(const Plan& plan, const Caller& caller, pid_t pid, const Ends& ends, Outcome& outcome) {
    if (sets_itself_up(plan)) return Done{};
    pid_t listed = writes_own_maps(plan) ? pid : number_in_proc(ends.init, pid);
    pid_t process = TRY(during(Stage::start, jail_process(plan, pid, ends.report)));
    TRY(during(Stage::info, write_info(plan, process, ends.report)));
    TRY(during(Stage::idmap, wait_for_ids(plan, process == pid ? listed : process)));
    if (!writes_own_maps(plan)) {
        TRY(during(Stage::limits, be_taken_first(plan, "/proc/" + std::to_string(listed))));
        if (!plan.uids.empty()) TRY(during(Stage::idmap, write_maps(plan, caller, listed, outcome.helper)));
    }
    TRY(during(Stage::mount, send_trees(plan, listed, ends.report)));
    return during(Stage::start, tell_if_alive(ends.report, {.kind = Message::go}));
}

// What the jail's are to differ from. A bare jail is not looked at like that.
Status tell_callers_namespaces(const Plan& plan, const Fd& report) {
    if (plan.init != spec::Init::keeper) return Done{};
    spec::Namespaces ours = TRY(own_namespaces(AT_FDCWD, "/proc/self/ns"));
    return tell_if_alive(report, with_numbers({.kind = Message::namespaces}, ours));
}

Status release(const Plan& plan, const Caller& caller, pid_t pid, Ends& ends, Outcome& outcome) {
    TRY(let_go(plan, caller, pid, ends, outcome));
    // It waits for what is told next, and is no init before.
    if (caller.outside.look) ends.mounts = TRY(during(Stage::start, mounts_of(ends.init, pid)));
    return during(Stage::start, tell_callers_namespaces(plan, ends.report));
}

Result<Outcome> start(const Plan& plan, const Caller& caller) {
    auto [report, child_report] = TRY(sys::socketpair());
    auto [lifeline, child_lifeline] = TRY(sys::socketpair());
    sigset_t watched;
    ::sigemptyset(&watched); // a bare jail shares the caller's terminal, and is sent its own
    if (plan.init == spec::Init::keeper) watched = payloads_signals();
    Fd signals = TRY(sys::signalfd(watched));
    Cgroup cgroup = TRY(during(Stage::limits, Cgroup::make(plan.cgroup)));
    Fd init;
    pid_t pid = TRY(bear(plan, init, cgroup));
    if (pid == 0) {
        // The monitor's ends: with one of them here, its death would not be seen. Else they go with all that is not ours.
        if (plan.descriptors) {
            report.reset();
            lifeline.reset();
            signals.reset();
        }
        // Nobody here comes back to whose Plan it is, and init needs the room more.
        child(const_cast<Plan&>(plan), caller, std::move(child_report), std::move(child_lifeline));
    }
    child_report.reset();
    child_lifeline.reset();
    Ends ends{std::move(report), std::move(lifeline), std::move(init)};
    Outcome failed;
    Status released = during(Stage::monitor, make_small(plan, caller, ends, signals));
    if (released) released = release(plan, caller, pid, ends, failed);
    if (!released) {
        (void)sys::pidfd_send_signal(ends.init.get(), SIGKILL);
        (void)sys::waitid(P_PIDFD, static_cast<id_t>(ends.init.get()), WEXITED);
        failed.error = released.error();
        return failed;
    }
    Outcome outcome = monitor(plan, caller, std::move(ends), signals, cgroup.fd());
    if (!outcome.error && outcome.signal == SIGKILL && cgroup.out_of_memory()) {
        outcome.limit = Outcome::memory;
        outcome.init_killed = false;
    }
    write_end(plan, outcome);
    return outcome;
}

} // namespace

sigset_t payloads_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (int sig : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH})
        ::sigaddset(&set, sig);
    return set;
}

Status hold_signals() { return sys::sigprocmask(SIG_BLOCK, payloads_signals(), nullptr); }

Outcome run(const Plan& plan, const Caller& caller) {
    auto outcome = start(plan, caller);
    if (outcome) return *outcome;
    Outcome failed;
    failed.error = outcome.error();
    if (failed.error->stage == Stage::none) failed.error->stage = Stage::start;
    return failed;
}

} // namespace ajail::ns
