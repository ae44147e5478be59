// SPDX-License-Identifier: Apache-2.0
// One poll loop, no signal handlers: signals are blocked and read from a signalfd, init's end from a pidfd.
#include "ns/monitor.h"

#include "ns/cover.h"
#include "ns/guests.h"
#include "ns/terminal.h"

#include <algorithm>
#include <array>
#include <climits>
#include <sys/signalfd.h>
#include <sys/wait.h>

namespace ajail::ns {

namespace {

using sys::Fd;

class Monitor {
public:
    Monitor(const spec::Plan& plan, const Caller& caller, Ends ends, const Fd& signals, const Fd& cgroup)
        : caller_(caller), ends_(std::move(ends)), signals_(signals), relay_(plan), tty_(plan.tty), init_(plan.init),
          guests_(plan, caller, ends_.lifeline, cgroup) {
        if (plan.timeout != 0) deadline_ = sys::now() + static_cast<std::int64_t>(plan.timeout);
    }

    Outcome run() {
        while (!turn()) {
        }
        bool stays = ended_ && init_ == spec::Init::reaper; // which may have others to wait for
        guests_.send_away();
        guests_.reap_others(ends_.init);
        sys::Result<siginfo_t> info = siginfo_t{};
        if (!stays) info = sys::waitid(P_PIDFD, static_cast<id_t>(ends_.init.get()), WEXITED);
        relay_.drain();
        relay_.restore();
        if (stays) return outcome_;
        if (ended_ || outcome_.error) return outcome_;
        if (init_ == spec::Init::keeper || !outcome_.executed) {
            outcome_.signal = SIGKILL;
            outcome_.init_killed = outcome_.limit == Outcome::none && !asked_;
        } else if (info) {
            ((*info).si_code == CLD_EXITED ? outcome_.code : outcome_.signal) = (*info).si_status;
        }
        return outcome_;
    }

private:
    // One round of the loop. True when init is dead, or not to be waited for.
    bool turn() {
        std::vector<pollfd> fds = {{ends_.init.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
        std::size_t lifeline = watch(fds, ends_.lifeline, lifeline_open_);
        std::size_t report = watch(fds, ends_.report, report_open_);
        // Before the payload runs, all that is covered is looked up anew.
        if (!report_open_ && caller_.outside.look && !std::exchange(outside_known_, true))
            outside_at_ = sys::now() + kOutsideMs;
        std::size_t outside = watch(fds, outside_, !outcome_.error);
        bool often = relay_.want(fds);
        std::size_t guests = fds.size();
        guests_.watch(fds);
        auto polled = sys::poll(fds, wait(often || wanted_));
        if (!polled) {
            fail(polled.error());
            return true; // run() waits for init, which is being killed
        }
        bool due = outside_at_ && sys::now() >= *outside_at_, idle = *polled == 0 && !due;
        // Who puts the terminal's modes back before it obeys a stop (ssh, sudo) may have stopped after that was over
        // for the others. Nobody else looks after a child of the payload's.
        if (idle && std::exchange(wanted_, false)) pass_on(SIGCONT);
        if (idle && !report_open_ && !outside_at_ && !std::exchange(small_, true)) become_small();
        if (deadline_ && sys::now() >= *deadline_) time_is_up();
        if (fds[1].revents != 0) take_signal();
        if (!relay_.pump() && !told_hangup_) {
            told_hangup_ = true;
            pass_on(SIGHUP);
        }
        if (report != 0 && fds[report].revents != 0) hear_report();
        if (lifeline != 0 && fds[lifeline].revents != 0) hear_init();
        if ((due || (outside != 0 && fds[outside].revents != 0)) && !ended_ && !outcome_.error) look_outside();
        guests_.turn(std::span(fds).subspan(guests));
        if (auto at_once = guests_.end()) end(*at_once);
        // Who keeps a jail goes after that word, with all that is left in it; a reaper may have others to wait for.
        if (fds[0].revents == 0 && !ended_) return false;
        while (lifeline_open_ && !ended_) hear_init(); // what they said last is still in the sockets
        // Of a reaper that goes on, a filter that refuses close(2) has kept its end open.
        bool goes_on = init_ != spec::Init::keeper && fds[0].revents == 0;
        while (report_open_ && (!goes_on || is_readable(ends_.report))) hear_report();
        return true;
    }

    // Milliseconds, for poll(2).
    int wait(bool often) const {
        std::int64_t ms = often ? 250 : small_ ? -1 : kIdleMs;
        for (const auto& end : {deadline_, outside_at_}) {
            if (!end) continue;
            std::int64_t left = std::clamp<std::int64_t>(*end - sys::now(), 0, INT_MAX);
            ms = ms >= 0 ? std::min(ms, left) : left;
        }
        return static_cast<int>(ms);
    }

    void become_small() {
        ends_.report.reset();
        sys::give_back_memory();
    }

    // Asked first, also who is stopped; then made to.
    void time_is_up() {
        deadline_.reset();
        if (outcome_.limit == Outcome::timeout || asked_) {
            (void)sys::pidfd_send_signal(ends_.init.get(), SIGKILL);
            return;
        }
        outcome_.limit = Outcome::timeout;
        pass_on(SIGTERM);
        pass_on(SIGCONT);
        deadline_ = sys::now() + kGraceMs;
    }

    // Somebody's wish (ajail kill).
    void end(bool at_once) {
        asked_ = true;
        if (at_once) return void(sys::pidfd_send_signal(ends_.init.get(), SIGKILL));
        pass_on(SIGTERM);
        pass_on(SIGCONT);
        deadline_ = std::min(deadline_.value_or(INT64_MAX), sys::now() + kGraceMs);
    }

    static bool is_readable(const Fd& fd) {
        pollfd wait{fd.get(), POLLIN, 0};
        auto polled = sys::poll({&wait, 1}, 0);
        return !polled || *polled > 0; // a failure of it: hear_report() tells
    }

    static std::size_t watch(std::vector<pollfd>& fds, int fd, bool open) {
        if (!open || fd < 0) return 0;
        fds.push_back({fd, POLLIN, 0});
        return fds.size() - 1;
    }
    static std::size_t watch(std::vector<pollfd>& fds, const Fd& fd, bool open) { return watch(fds, fd.get(), open); }

    void look_outside() {
        outside_at_.reset();
        auto covers = caller_.outside.look();
        sys::Status done = covers ? sys::Status(sys::Done{}) : sys::Status(covers.error());
        if (covers && !(*covers).empty()) done = cover_again(ends_.mounts, *covers, outcome_.about);
        if (!done) fail(sys::during(sys::Stage::protect, done).error());
        outside_ = caller_.outside.fd();
        if (outside_ < 0) outside_at_ = sys::now() + kOutsideAgainMs;
    }

    void pass_on(int sig) { (void)tell(ends_.lifeline, {.kind = Message::signal, .value = sig}); }

    void take_signal() {
        signalfd_siginfo info{};
        if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
        int sig = static_cast<int>(info.ssi_signo);
        if (ignored(sig)) return;
        if (info.ssi_pid == static_cast<std::uint32_t>(::getpid())) return; // the relay's, for our neighbours
        if (sig == SIGWINCH) {
            relay_.resize(); // the kernel tells the jail's foreground, which the payload need not be
            if (!relay_.raw()) pass_on(sig);
            return;
        }
        if (sig == SIGCONT) {
            relay_.resize(); // others had the terminal, perhaps while we were not looking
            relay_.again();
        }
        pass_on(sig);
        if (sig == SIGTSTP) stop_self(::getpid());
    }

    // nohup(1) and friends: stays ignored, for the payload as well. What is blocked comes here all the same.
    static bool ignored(int sig) {
        struct sigaction action {};
        return ::sigaction(sig, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
    }

    // Stops us as a job of the caller's shell; comes back when it says `fg` or `bg`. By SIGTSTP, which a process
    // group that has no shell to wake it ignores. WHOM: us, or 0 for our whole group, as ^Z would.
    void stop_self(pid_t whom) {
        relay_.restore();
        sigset_t tstp;
        ::sigemptyset(&tstp);
        ::sigaddset(&tstp, SIGTSTP);
        (void)sys::sigprocmask(SIG_UNBLOCK, tstp, nullptr);
        (void)::kill(whom, SIGTSTP);
        (void)sys::sigprocmask(SIG_BLOCK, tstp, nullptr);
        relay_.resize();
        relay_.resume();
        pass_on(SIGCONT);
    }

    void hear_report() {
        auto heard = hear(ends_.report);
        // Told once: it died with something of ours unread. What it said before is still there.
        if (!heard && heard.error().err == ECONNRESET) return;
        if (!heard) return fail(heard.error());
        switch ((*heard).message.kind) {
        case Message::eof: // exec has happened, or init's end will tell
            report_open_ = false;
            if (init_ == spec::Init::keeper) let_go_of_stdio(); // a bare one may have to write to it at the end
            break;
        case Message::go: outcome_.executed = true; break; // unless an error follows
        case Message::error:
            outcome_.error = (*heard).message.error_value;
            outcome_.about = (*heard).message.about.data();
            outcome_.executed = false;
            break;
        case Message::terminal: {
            Heard owned = std::move(heard).take();
            return answer(sys::during(sys::Stage::terminal, relay_.start(std::move(owned.fd))));
        }
        case Message::report: return answer(sys::during(sys::Stage::report, pass_report((*heard).fd)));
        default: fail(sys::refused(EPROTO));
        }
    }

    void answer(const sys::Status& done) {
        if (!done) return fail(done.error());
        auto told = tell_if_alive(ends_.report, {.kind = Message::go});
        if (!told) fail(told.error()); // it would wait for ever
    }

    // Made by the jail before anything of the payload's own runs, and read before it does.
    sys::Status pass_report(const Fd& memory) {
        constexpr std::size_t kMost = 64 << 20;
        if (!memory || !caller_.report) return sys::refused(EPROTO);
        if (::lseek(memory.get(), 0, SEEK_SET) != 0) return sys::failed(sys::Call::read);
        std::string text = TRY(sys::read_all(memory.get(), kMost));
        return caller_.report(text);
    }

    // Whoever reads the payload's output, or writes its input, is to see what the payload does with it.
    void let_go_of_stdio() {
        for (int fd : {0, 1}) {
            if (tty_[static_cast<std::size_t>(fd)]) continue;
            // Something stays there, so that no later open becomes stdio; nobody here uses it.
            if (auto put = sys::dup2(signals_.get(), fd); !put) return fail(put.error());
        }
    }

    void hear_init() {
        auto heard = hear(ends_.lifeline);
        if (!heard) {
            if (heard.error().err == ECONNRESET) return; // as above
            lifeline_open_ = false;
            return fail(heard.error());
        }
        int value = (*heard).message.value;
        switch ((*heard).message.kind) {
        case Message::eof: lifeline_open_ = false; break;
        case Message::space:
        case Message::go: guests_.hear_init(std::move(heard).take()); break;
        case Message::stopped:
            wanted_ = value == SIGTTIN || value == SIGTTOU;
            if (wanted_) relay_.wanted(), pass_on(SIGCONT);
            else if (relay_.raw()) stop_self(0);
            break;
        case Message::error: outcome_.error = (*heard).message.error_value; break;
        case Message::too_much: outcome_.limit = Outcome::memory; break;
        case Message::too_late: outcome_.limit = Outcome::timeout; break;
        case Message::exited:
        case Message::killed:
            ended_ = true;
            outcome_.refused = (*heard).message.refused;
            ((*heard).message.kind == Message::exited ? outcome_.code : outcome_.signal) = value;
            break;
        default: break;
        }
    }

    // The monitor's own failure ends the jail.
    void fail(sys::Error error) {
        if (error.stage == sys::Stage::none) error.stage = sys::Stage::monitor;
        if (!outcome_.error) outcome_.error = error;
        report_open_ = false;
        (void)sys::pidfd_send_signal(ends_.init.get(), SIGKILL);
    }

    const Caller& caller_;
    Ends ends_;
    const Fd& signals_;
    Relay relay_;
    std::array<bool, 3> tty_;
    spec::Init init_;
    Guests guests_;
    Outcome outcome_;
    std::optional<std::int64_t> deadline_; ///< when the jail is to end
    bool report_open_ = true, lifeline_open_ = true, ended_ = false, told_hangup_ = false;
    std::optional<std::int64_t> outside_at_; ///< when what goes on outside is looked at first
    int outside_ = -1;                       ///< the caller's, to be polled
    bool outside_known_ = false;
    bool small_ = false;
    bool asked_ = false;  ///< by somebody else, to end it
    bool wanted_ = false; ///< the payload has asked for the terminal, and has not been silent since
};

} // namespace

Outcome monitor(const spec::Plan& plan, const Caller& caller, Ends ends, const Fd& signals, const Fd& cgroup) {
    return Monitor(plan, caller, std::move(ends), signals, cgroup).run();
}

} // namespace ajail::ns
