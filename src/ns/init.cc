// SPDX-License-Identifier: Apache-2.0
// PID 1 of the jail. Forked, never exec'd, so its memory stays owned by the outer user namespace and no capability
// of the jail opens it; non-dumpable, without stdio, with CAP_KILL alone, or with what it takes to answer the filters.
#include "ns/child.h"

#include "ns/seen.h"
#include "policy/emulation.h"
#include "policy/limits.h"
#include "policy/policy.h"

#include <algorithm>
#include <climits>
#include <linux/sockios.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <vector>

namespace ajail::ns {

namespace {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

// From the monitor to the payload. What a terminal sends goes to the payload's process group, as a terminal would
// (the payload leads one, it has called setsid); the rest to the payload itself. A stop is forced: SIGTSTP does
// nothing to an orphaned process group.
void pass_on(int sig, pid_t payload) {
    bool group = sig == SIGINT || sig == SIGQUIT || sig == SIGTSTP || sig == SIGCONT || sig == SIGWINCH;
    (void)::kill(group ? -payload : payload, sig == SIGTSTP ? SIGSTOP : sig); // ESRCH: it is ending by itself
}

// The payload has asked for the terminal that it was kept from: it is the foreground now. It goes on as soon as the
// monitor, told next, has the host's terminal ready: no prompt is seen before the answer can be typed.
void bring_to_front(pid_t payload) {
    auto terminal = sys::open("/dev/tty", O_RDWR | O_NOCTTY);
    if (terminal) (void)sys::ioctl((*terminal).get(), TIOCSPGRP, &payload);
}

// A monitor that is stopped reads nothing: a payload that stops again and again would fill the socket, and init wait
// there. The rest of the room is for how it ends.
bool is_heard(const Fd& lifeline) {
    constexpr int kUnread = 1 << 15;
    int unread = 0;
    auto asked = sys::ioctl(lifeline.get(), SIOCOUTQ, &unread);
    return !asked || unread < kUnread;
}

constexpr int kAtOnce = 64;

// Reaps whoever has died, but not so many that a jail that forks without end keeps init from hearing the monitor; MORE:
// there may be others. False when the payload has, and the monitor knows. HELD: the monitor has stopped the payload
// itself, and is stopped.
Result<bool> reap(const Fd& lifeline, pid_t payload, bool held, policy::Emulation& emulation,
                  policy::MemoryWatch& memory, bool& more) {
    more = false;
    for (int left = kAtOnce; left > 0; --left) {
        siginfo_t info = TRY(sys::waitid(P_ALL, 0, WEXITED | WSTOPPED | WNOHANG));
        if (info.si_pid == 0) return true;
        if (info.si_pid != payload) {
            if (info.si_code == CLD_STOPPED) continue;
            TRY(emulation.ended(info.si_pid, info.si_code == CLD_EXITED && info.si_status == 0));
            memory.ended(info.si_pid);
            continue;
        }
        int value = info.si_status;
        auto end = [&](Message::Kind kind) {
            return Message{.kind = kind, .value = value, .refused = emulation.refused()};
        };
        switch (info.si_code) {
        case CLD_EXITED: (void)tell(lifeline, end(Message::exited)); return false;
        case CLD_KILLED:
        case CLD_DUMPED: (void)tell(lifeline, end(Message::killed)); return false;
        default:
            if (held) break;
            if (value == SIGTTIN || value == SIGTTOU) bring_to_front(payload);
            if (is_heard(lifeline)) (void)tell(lifeline, {.kind = Message::stopped, .value = value});
            break;
        }
    }
    more = true;
    return true;
}

// For poll(2): MS, or -1, but no longer than until END.
int sooner(int ms, std::optional<std::int64_t> end) {
    if (!end) return ms;
    int left = static_cast<int>(std::clamp<std::int64_t>(*end - sys::now(), 0, INT_MAX));
    return ms < 0 ? left : std::min(ms, left);
}

// What it takes to come where the payload was put, whatever that has made of itself since. Should something be missing,
// whoever was to join fails.
void hand_out(const Fd& lifeline, const Fd& proc, const Second& second) {
    auto hand = [&](std::int32_t number, const Fd& fd) {
        if (fd) (void)tell(lifeline, {.kind = Message::space, .value = number}, fd.get());
    };
    std::int32_t number = 0;
    for (const char* name : spec::kNamespaces) {
        auto fd = sys::openat(proc.get(), (std::string("self/ns/") + name).c_str(), O_RDONLY);
        if (fd) hand(number, *fd);
        ++number;
    }
    hand(Space::second_user, second.user);
    hand(Space::second_mnt, second.mnt);
    hand(Space::procfs, proc);
    (void)tell(lifeline, {.kind = Message::go});
}

Status serve(spec::Plan& plan, const Fd& lifeline, pid_t payload, const Fd& signals, policy::Emulation& emulation,
             policy::MemoryWatch& memory, const Fd& proc, const Second& second) {
    // The monitor ends a jail in time, but not while it is stopped itself, which the payload can bring about (^Z).
    std::optional<std::int64_t> end;
    if (plan.timeout != 0) end = sys::now() + static_cast<std::int64_t>(plan.timeout) + kGraceMs;
    std::vector<pollfd> wait;
    bool more = false, held = false, small = false;
    while (TRY(reap(lifeline, payload, held, emulation, memory, more))) {
        wait.assign({{lifeline.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}});
        emulation.watch(wait);
        int ms = more ? 0 : sooner(memory.wait(), end);
        bool idle = TRY(sys::poll(wait, small ? ms : ms < 0 ? kIdleMs : std::min(ms, kIdleMs))) == 0;
        if (idle && !more && !std::exchange(small, true)) {
            plan = {};
            sys::give_back_memory();
        }
        if (end && sys::now() >= *end) return tell(lifeline, {.kind = Message::too_late});
        if (TRY(memory.exceeded())) return tell(lifeline, {.kind = Message::too_much});
        if ((wait[1].revents & POLLIN) != 0) {
            signalfd_siginfo info;
            // Only a wake-up, reap() asks the kernel; one that was merged away is not missed.
            (void)sys::read_some(signals.get(), {reinterpret_cast<char*>(&info), sizeof info});
        }
        TRY(emulation.answer(std::span(wait).subspan(2)));
        if (wait[0].revents == 0) continue;
        Heard heard = TRY(hear(lifeline));
        if (heard.message.kind == Message::eof) return Done{}; // the monitor is gone
        if (heard.message.kind == Message::join) hand_out(lifeline, proc, second);
        if (heard.message.kind == Message::listener) emulation.add(std::move(heard.fd));
        if (heard.message.kind != Message::signal) continue;
        if (heard.message.value == SIGTSTP) held = true;
        if (heard.message.value == SIGCONT) held = false;
        pass_on(heard.message.value, payload);
    }
    return Done{};
}

Result<Fd> all_signals() {
    sigset_t mask;
    ::sigfillset(&mask);
    TRY(sys::sigprocmask(SIG_SETMASK, mask, nullptr));
    return sys::signalfd(mask);
}

} // namespace

Status become_init(const spec::Plan& plan, const Fd& proc) {
    // Stdio above all, so that a reader of the payload's output sees its end.
    for (int fd = 0; fd < 3; ++fd) (void)::close(fd);
    TRY(sys::prctl(PR_SET_DUMPABLE, 0));
    TRY(sys::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>("ajail-init")));
    TRY(policy::bound(plan.init_caps, plan.caps | plan.init_caps));
    TRY(policy::drop_caps(plan.init_caps, false));
    TRY(policy::forbid_new_privs());
    spec::Status is = TRY(sys::during(sys::Stage::readback, status_of(proc.get(), "self/status")));
    long dumpable = TRY(sys::prctl(PR_GET_DUMPABLE));
    bool small = dumpable == 0 && is.no_new_privs && is.permitted == plan.init_caps &&
                 is.effective == plan.init_caps && (is.inheritable | is.ambient) == 0 &&
                 (is.bounding & ~plan.init_caps) == 0;
    return small ? Status(Done{}) : sys::during(sys::Stage::readback, Status(sys::refused(EPERM)));
}

void init(spec::Plan& plan, const Fd& lifeline, pid_t payload, Fd proc, Second second, Fd listener,
          policy::Place place) {
    auto signals = all_signals();
    auto slack = sys::prctl(PR_GET_TIMERSLACK); // the payload's, too: it was forked from here
    policy::MemoryWatch memory(plan.watched_memory, proc);
    policy::Emulation emulation(std::move(listener), proc, slack ? static_cast<std::uint64_t>(*slack) : 0,
                                std::move(place));
    Status served = !signals ? Status(signals.error())
                    : !slack ? Status(slack.error())
                             : serve(plan, lifeline, payload, *signals, emulation, memory, proc, second);
    // Whatever happens here, the answer is the same: PID 1 exits and the kernel kills the rest of the namespace.
    if (!served) {
        sys::Error error = served.error();
        error.stage = sys::Stage::payload;
        (void)tell(lifeline, {.kind = Message::error, .value = 0, .error_value = error});
    }
    ::_exit(0);
}

} // namespace ajail::ns
