// SPDX-License-Identifier: Apache-2.0
// See visit.h. What runs in the jail is the monitor's child, and ends with this process: the monitor sees its end of the
// socket close.
#include "ns/visit.h"

#include "ns/terminal.h"
#include "ns/wire.h"

#include <sys/signalfd.h>

namespace ajail::ns {

namespace {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

spec::Plan own_stdio() {
    spec::Plan plan;
    for (int fd = 0; fd < 3; ++fd) plan.tty.at(static_cast<std::size_t>(fd)) = ::isatty(fd) == 1;
    if (plan.tty[0] && plan.tty[1]) plan.terminal = spec::Terminal::raw;
    else if (plan.tty[0] || plan.tty[1] || plan.tty[2]) plan.terminal = spec::Terminal::cooked;
    return plan;
}

class Visit {
public:
    Visit(const Fd& door, const Fd& signals) : door_(door), signals_(signals), stdio_(own_stdio()), relay_(stdio_) {}

    Status ask(const std::vector<std::string>& argv) {
        std::string words;
        for (const std::string& word : argv) words += word + '\0';
        Fd file = TRY(sys::memory_file("ajail-exec"));
        TRY(sys::write_all(file.get(), words));
        for (int fd = 0; fd < 3; ++fd) TRY(tell(door_, {.kind = Message::stdio, .value = fd}, fd));
        return tell(door_, {.kind = Message::command}, file.get());
    }

    Outcome wait() {
        while (!over_) {
            Status turned = turn();
            if (!turned) {
                outcome_.error = turned.error();
                break;
            }
        }
        relay_.drain();
        relay_.restore();
        return outcome_;
    }

private:
    Status turn() {
        std::vector<pollfd> fds = {{door_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
        bool often = relay_.want(fds);
        TRY(sys::poll(fds, often ? 250 : -1));
        if (fds[1].revents != 0) take_signal();
        if (!relay_.pump() && !std::exchange(told_hangup_, true)) pass_on(SIGHUP);
        return fds[0].revents != 0 ? hear_monitor() : Status(Done{});
    }

    Status hear_monitor() {
        auto heard = hear(door_);
        bool gone = !heard && heard.error().err == ECONNRESET; // with something of ours unread
        if (gone) return lost();
        Heard said = TRY(std::move(heard));
        switch (said.message.kind) {
        case Message::terminal:
            TRY(sys::during(sys::Stage::terminal, relay_.start(std::move(said.fd))));
            if (reads_keys()) relay_.wanted();
            return tell(door_, {.kind = Message::go});
        case Message::error:
            outcome_.error = said.message.error_value;
            said.message.about.back() = '\0';
            outcome_.about = said.message.about.data();
            break;
        case Message::exited: outcome_.code = said.message.value; break;
        case Message::killed: outcome_.signal = said.message.value; break;
        case Message::eof: return lost();
        default: return sys::refused(EPROTO);
        }
        over_ = true;
        return Done{};
    }

    // The monitor has ended, and with it the jail; or it does not take us.
    static Status lost() { return sys::Error{sys::Stage::none, sys::Call::recv, sys::kNoOp, ECONNRESET}; }

    // Of a terminal that others of a pipeline may read from, as less does, the keys are theirs.
    bool reads_keys() const {
        if (stdio_.terminal != spec::Terminal::cooked) return false;
        struct stat out {};
        bool pipe = ::fstat(1, &out) == 0 && (S_ISFIFO(out.st_mode) || S_ISSOCK(out.st_mode));
        return stdio_.tty[1] || (stdio_.tty[0] && !pipe);
    }

    void pass_on(int sig) { (void)tell(door_, {.kind = Message::signal, .value = sig}); }

    void take_signal() {
        signalfd_siginfo info{};
        if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
        int sig = static_cast<int>(info.ssi_signo);
        struct sigaction action {};
        if (::sigaction(sig, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) return; // nohup(1)
        if (info.ssi_pid == static_cast<std::uint32_t>(::getpid())) return;                  // the relay's
        if (sig == SIGWINCH) relay_.resize();
        if (sig == SIGWINCH && relay_.active()) return; // the kernel has told those whom it concerns
        if (sig == SIGCONT) relay_.again();
        pass_on(sig);
        if (sig == SIGTSTP) stop();
    }

    // As a job of the caller's shell, until it says `fg` or `bg`.
    void stop() {
        relay_.restore();
        sigset_t tstp;
        ::sigemptyset(&tstp);
        ::sigaddset(&tstp, SIGTSTP);
        (void)sys::sigprocmask(SIG_UNBLOCK, tstp, nullptr);
        (void)::kill(::getpid(), SIGTSTP);
        (void)sys::sigprocmask(SIG_BLOCK, tstp, nullptr);
        relay_.resume();
        relay_.resize();
        pass_on(SIGCONT);
    }

    const Fd& door_;
    const Fd& signals_;
    spec::Plan stdio_; ///< as far as the relay reads it
    Relay relay_;
    Outcome outcome_;
    bool over_ = false, told_hangup_ = false;
};

Result<Outcome> visited(const std::vector<std::string>& argv, const Fd& door) {
    Fd signals = TRY(sys::signalfd(payloads_signals()));
    Visit visit(door, signals);
    TRY(visit.ask(argv));
    return visit.wait();
}

// Until DOOR says something, or its other end is gone.
Result<bool> answers(const Fd& door, int ms) {
    pollfd wait{door.get(), POLLIN, 0};
    int ready = TRY(sys::poll({&wait, 1}, ms));
    return ready > 0;
}

} // namespace

Outcome visit(const std::vector<std::string>& argv, const Fd& door) {
    auto outcome = visited(argv, door);
    if (outcome) return *outcome;
    Outcome failed;
    failed.error = outcome.error();
    return failed;
}

Result<bool> ask_to_end(const Fd& door, bool at_once, int ms) {
    TRY(tell(door, {.kind = Message::end, .value = at_once ? 1 : 0}));
    if (!TRY(answers(door, ms))) return false;
    auto heard = hear(door);
    if (!heard) return heard.error();
    return (*heard).message.kind == Message::go ? Result<bool>(true) : sys::refused(EPERM);
}

Result<bool> wait_for_end(const Fd& door, const Fd& monitor, int ms) {
    pollfd fds[] = {{door.get(), POLLIN, 0}, {monitor.get(), POLLIN, 0}};
    return TRY(sys::poll(fds, ms)) > 0;
}

} // namespace ajail::ns
