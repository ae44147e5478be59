// SPDX-License-Identifier: Apache-2.0
// See bare.h. What bubblewrap's callers know is kept: the payload inherits terminal, session and descriptors, and the
// reaper, which it could trace (it is of the same user), is no more capable and no less filtered than the payload.
#include "ns/bare.h"

#include "ns/exec.h"
#include "ns/idmap.h"
#include "policy/policy.h"

#include <array>
#include <atomic>
#include <linux/capability.h>
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

// Every mount made so far is locked for a payload that may mount, see mount_namespaces(7). With one id, which is all
// that a bare jail has, the process may write its own map.
Status second_userns(const Plan& plan, const Fd& proc) {
    if (!plan.second_userns) return Done{};
    TRY(sys::unshare(CLONE_NEWUSER | CLONE_NEWNS));
    auto write = [&](const char* file, const spec::IdMaps& maps) -> Status {
        Fd fd = TRY(sys::openat(proc.get(), file, O_WRONLY));
        return sys::write_all(fd.get(), identity_lines(maps));
    };
    TRY(write("self/uid_map", plan.uids));
    return write("self/gid_map", plan.gids);
}

// Whatever is the reason that it fails.
Status assert_no_userns(const Plan& plan) {
    if (!plan.assert_no_userns) return Done{};
    if (sys::unshare(CLONE_NEWUSER)) return sys::refused(EPERM);
    return Done{};
}

Status take_privileges(const Plan& plan, const Fd& status) {
    if (!plan.caller_caps) {
        TRY(during(Stage::capabilities, policy::bound(plan.caps)));
        TRY(during(Stage::capabilities, policy::drop_caps(plan.caps, plan.ambient)));
    }
    TRY(during(Stage::no_new_privs, policy::forbid_new_privs()));
    // Whoever has entered a user namespace is not dumpable, and its /proc/PID is not the caller's (proc(5)).
    TRY(during(Stage::payload, sys::prctl(PR_SET_DUMPABLE, 1)));
    return during(Stage::readback, policy::read_back(plan, status));
}

// One of the caller's that was for us. 0-2 end with exec: nothing of ours is to take their place, and be closed by
// who closes stdio.
void done_with(int fd) {
    if (fd > 2) Fd(fd).reset();
    else if (fd >= 0) (void)::fcntl(fd, F_SETFD, FD_CLOEXEC); // EBADF: closed already
}

// A byte, or the end of it.
void wait_for_caller(int fd) {
    if (fd < 0) return;
    char byte = 0;
    (void)sys::read_some(fd, {&byte, 1});
    done_with(fd);
}

Result<std::vector<Fd>> take_locks(const Plan& plan, std::string& about) {
    std::vector<Fd> locks;
    for (const std::string& path : plan.supervise.locks) {
        about = path;
        locks.push_back(TRY(sys::open(path.c_str(), O_RDONLY | O_NOCTTY)));
        TRY(sys::lock_for_reading(locks.back().get()));
    }
    return locks;
}

// PDEATHSIG loses a parent that died before it was set: PARENT by number, the monitor by its LIFELINE.
Status die_with(const Plan& plan, const Fd* lifeline, pid_t parent) {
    if (!plan.supervise.die_with_parent) return Done{};
    TRY(sys::prctl(PR_SET_PDEATHSIG, SIGKILL));
    if (lifeline == nullptr) return ::getppid() == parent ? Status(Done{}) : Status(sys::refused(ESRCH));
    return TRY(closed(*lifeline)) ? Status(sys::refused(ESRCH)) : Status(Done{});
}

// STATUS as wait(2) has it, as a shell tells it.
int exit_code(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// Nobody may be there to hear.
void tell_end(const Fd& lifeline, int status) {
    Message message{.kind = Message::exited, .value = WEXITSTATUS(status)};
    if (WIFSIGNALED(status)) message = {.kind = Message::killed, .value = WTERMSIG(status)};
    (void)tell_plainly(lifeline, message);
}

// Waits until there are no children left: what the payload leaves behind may go on after it.
[[noreturn]] void reap(const Fd& lifeline, pid_t payload) {
    int ended = 1;
    for (;;) {
        int status = 0;
        pid_t pid = ::waitpid(-1, &status, 0);
        if (pid < 0 && errno == ECHILD) break;
        if (pid < 0 && errno != EINTR) {
            Message message{.kind = Message::error, .error_value = sys::failed(sys::Call::waitid)};
            message.error_value.stage = Stage::payload;
            (void)tell_plainly(lifeline, message);
            break;
        }
        if (pid != payload) continue;
        tell_end(lifeline, status);
        ended = exit_code(status);
    }
    ::_exit(ended);
}

// Past this function there is nothing in the reaper that the payload has not, but that it is unfiltered. READY says so,
// see wait_for_reaper().
Status become_reaper(const Plan& plan, const Fd& report, const Fd& lifeline, const std::vector<Fd>& locks,
                     const Fd& ready) {
    // Stdio above all, so that a reader of the payload's output sees its end.
    for (int fd = 0; fd < 3; ++fd) Fd(fd).reset();
    std::vector<int> kept = plan.supervise.sync;
    kept.push_back(lifeline.get());
    kept.push_back(report.get());
    kept.push_back(ready.get());
    for (const Fd& lock : locks) kept.push_back(lock.get());
    TRY(sys::close_all_but(kept));
    TRY(sys::capset({}));
    TRY(die_with(plan, &lifeline, 0));
    return sys::write_all(ready.get(), "r");
}

// A byte: the reaper has given up all but its being unfiltered. FILTERED: that as well. The end without it: it could not
// load a program, which the payload will not, either. No byte: it has failed, and told the monitor.
Status wait_for_reaper(const Fd& ready, const std::atomic<bool>& filtered) {
    char byte = 0;
    std::size_t ready_bytes = TRY(sys::read_some(ready.get(), {&byte, 1}));
    if (ready_bytes == 0) ::_exit(1);
    for (pollfd end{ready.get(), POLLIN, 0}; !filtered && end.revents == 0;) TRY(sys::poll({&end, 1}, 1));
    return Done{};
}

// Those of the caller's descriptors that were for us.
void close_used(const Plan& plan) {
    for (const spec::Op& op : plan.ops)
        if (auto* bind = std::get_if<spec::op::Bind>(&op); bind != nullptr && bind->source.descriptor >= 0)
            done_with(bind->source.descriptor);
    for (int fd : {plan.enter.userns, plan.enter.pidns, plan.enter.last_userns, plan.supervise.ids}) done_with(fd);
}

Status payload(const Plan& plan, const Fd& report, const Fd* lifeline, pid_t parent, const std::string& cwd) {
    if (plan.init == spec::Init::reaper)
        for (int fd : plan.supervise.sync) Fd(fd).reset();
    TRY(during(Stage::payload, die_with(plan, lifeline, parent)));
    std::size_t first = first_there(plan.exec);
    TRY(during(Stage::payload, tell(report, {.kind = Message::go})));
    TRY(during(Stage::seccomp, policy::load(plan)));
    return during(Stage::exec, execute(plan.exec, cwd, first));
}

} // namespace

Status bare(const Plan& plan, const Caller& caller, Fd& report, const Fd& lifeline, const Fd& proc, Fd status,
            std::string& about) {
    if (plan.enter.last_userns >= 0) TRY(during(Stage::enter, sys::setns(plan.enter.last_userns, CLONE_NEWUSER)));
    close_used(plan);
    TRY(during(Stage::ids, second_userns(plan, proc)));
    TRY(during(Stage::nested, assert_no_userns(plan)));
    TRY(take_privileges(plan, status));
    status.reset();
    wait_for_caller(plan.supervise.block);
    TRY(during(Stage::payload, restore(caller)));
    std::string cwd = TRY(during(Stage::exec, enter_cwd(plan.exec)));
    if (plan.init == spec::Init::none) return payload(plan, report, &lifeline, 0, cwd);

    std::vector<Fd> locks = TRY(during(Stage::lock, take_locks(plan, about)));
    auto [waits, ready] = TRY(during(Stage::payload, sys::pipe()));
    std::atomic<bool>& filtered = *TRY(during(Stage::payload, sys::shared_flag()));
    pid_t self = ::getpid();
    pid_t pid = TRY(during(Stage::payload, sys::clone3(0, nullptr)));
    if (pid == 0) {
        ready.reset();
        TRY(during(Stage::payload, wait_for_reaper(waits, filtered)));
        return payload(plan, report, nullptr, self, cwd);
    }
    TRY(during(Stage::payload, become_reaper(plan, report, lifeline, locks, ready)));
    TRY(during(Stage::seccomp, policy::load(plan)));
    filtered = true; // needs no system call: the filters may refuse it any
    report.reset();  // the payload's end of it tells of exec
    ready.reset();
    reap(lifeline, pid);
}

Status nest(const Fd& report) {
    TRY(sys::unshare(CLONE_NEWPID));
    Fd pidfd;
    pid_t pid = TRY(sys::clone3(0, &pidfd));
    if (pid == 0) return Done{};
    TRY(tell(report, {.kind = Message::process}, pidfd.get()));
    TRY(sys::close_all_but(std::array{pidfd.get()}));
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    ::_exit(exit_code(status));
}

} // namespace ajail::ns
