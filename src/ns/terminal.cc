// SPDX-License-Identifier: Apache-2.0
// See terminal.h. Raw: every key goes in, the jail's own line discipline makes signals of ^C and ^Z. Cooked (one of
// stdin and stdout is a pipe, so somebody else may be using the terminal): the host's line discipline stays, ^C comes as
// a signal to the monitor, and nothing is read from the terminal before the payload asks: `ajail run make | less`
// leaves the keys to less. Then, where stdin is the terminal, it is read line by line, and the jail's line discipline
// neither echoes nor translates. Where it is not, as in `make | ajail run less`, the terminal becomes raw.
#include "ns/terminal.h"

#include <array>
#include <sys/ioctl.h>

namespace ajail::ns {

namespace {

constexpr std::size_t kChunk = 4096; // as much as a pty has at a time
constexpr int kAtOnce = 64;          // chunks, before keys and signals are looked at again

int first_tty(const spec::Plan& plan) {
    for (int fd : {1, 2, 0})
        if (plan.tty[static_cast<std::size_t>(fd)]) return fd;
    return -1;
}

// An own open file description, so that O_NONBLOCK does not fall upon everybody who shares the terminal.
sys::Fd own_description(int tty) {
    std::string path = "/proc/self/fd/" + std::to_string(tty);
    auto fd = sys::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY);
    if (fd) return std::move(fd).take();
    return sys::Fd(::fcntl(tty, F_DUPFD_CLOEXEC, 3)); // may block then, no worse than any program
}

} // namespace

Relay::Relay(const spec::Plan& plan)
    : mode_(plan.terminal), in_(plan.tty[0] ? 0 : -1), tty_(first_tty(plan)),
      piped_(plan.terminal == spec::Terminal::cooked && in_ < 0), reading_(plan.terminal != spec::Terminal::cooked) {}

bool Relay::foreground() const {
    pid_t group = ::tcgetpgrp(tty_);
    return group < 0 || group == ::getpgrp(); // not our controlling terminal: nobody else's job control either
}

sys::Status Relay::start(sys::Fd master) {
    termios modes{};
    // In the background the terminal's modes are another's, of a shell that edits a line: a new pty has sane ones.
    if (::tcgetattr(foreground() ? tty_ : master.get(), &modes) < 0) return sys::failed(sys::Call::ioctl);
    if (mode_ == spec::Terminal::cooked && !piped_) {
        modes.c_oflag &= ~static_cast<tcflag_t>(OPOST);
        modes.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    }
    if (::tcsetattr(master.get(), TCSANOW, &modes) < 0) return sys::failed(sys::Call::ioctl);
    int flags = ::fcntl(master.get(), F_GETFL);
    if (flags < 0 || ::fcntl(master.get(), F_SETFL, flags | O_NONBLOCK) < 0) return sys::failed(sys::Call::ioctl);
    out_ = own_description(tty_);
    if (!out_) return sys::failed(sys::Call::open);
    master_ = std::move(master);
    front_ = foreground();
    resize();
    resume();
    return sys::Done{};
}

void Relay::resize() {
    winsize size{};
    if (!master_ || ::ioctl(tty_, TIOCGWINSZ, &size) < 0) return;
    (void)::ioctl(master_.get(), TIOCSWINSZ, &size); // the kernel tells the jail's foreground group
}

void Relay::resume() {
    if (!master_ || mode_ != spec::Terminal::raw || saved_ || !foreground()) return;
    termios modes{};
    if (::tcgetattr(tty_, &modes) < 0) return;
    saved_ = modes;
    termios raw = raw_modes();
    if (::tcsetattr(tty_, TCSADRAIN, &raw) < 0) saved_.reset();
}

// What others of the pipeline write is to be lines as before, unless the payload wants what it writes to stay as it is.
termios Relay::raw_modes() const {
    termios raw = *saved_;
    ::cfmakeraw(&raw);
    if (piped_ && lines_) raw.c_oflag |= OPOST | ONLCR;
    return raw;
}

void Relay::again() {
    if (!saved_) return resume();
    termios raw = raw_modes();
    if (foreground()) (void)::tcsetattr(tty_, TCSADRAIN, &raw);
}

void Relay::restore() {
    if (!saved_) return;
    if (foreground()) (void)::tcsetattr(tty_, TCSADRAIN, &*saved_);
    saved_.reset();
}

// In the background the asking is answered as the kernel would (termios(3)): by a stop until the shell says `fg`.
void Relay::wanted() {
    reading_ = true;
    if (in_ < 0 && master_) take_keys();
    bool asked = piped_ ? in_ >= 0 : mode_ == spec::Terminal::cooked;
    if (asked && !foreground()) (void)::kill(0, SIGTTIN);
}

// What /dev/tty is outside: our controlling terminal, where job control says whose the keys are. If that is another one
// than the payload writes to, or there is none, nobody's keys are taken.
void Relay::take_keys() {
    auto keys = sys::open("/dev/tty", O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!keys || ::tcgetpgrp((*keys).get()) < 0 || ::tcgetpgrp(tty_) < 0) return; // ENOTTY: not ours
    keys_ = std::move(keys).take();
    in_ = keys_.get();
    mode_ = spec::Terminal::raw;
    resume();
}

bool Relay::want(std::vector<pollfd>& fds) const {
    if (!master_) return false;
    auto add = [&](int fd, int events) {
        if (events != 0) fds.push_back({fd, static_cast<short>(events), 0});
    };
    bool front = may_read();
    if (front && to_jail_.empty()) add(in_, POLLIN);
    fds.push_back({tty_, 0, 0}); // POLLHUP
    if (!closed_) add(master_.get(), (to_host_.empty() ? POLLIN : 0) | (to_jail_.empty() ? 0 : POLLOUT));
    if (!to_host_.empty()) add(out_.get(), POLLOUT);
    return closed_ || !front_;
}

void Relay::read_host() {
    pollfd ready{in_, POLLIN, 0};
    if (::poll(&ready, 1, 0) <= 0) return;
    std::array<char, kChunk> buffer;
    ssize_t n = ::read(in_, buffer.data(), buffer.size());
    if (n > 0 || (n == 0 && mode_ == spec::Terminal::cooked)) type({buffer.data(), static_cast<std::size_t>(n)});
    else if (n == 0 || (errno != EINTR && errno != EAGAIN)) hung_up_ = true;
}

// What was read from a raw terminal are keys. What was read from a cooked one is text, a line, or the part of one
// before ^D: there, every control character was quoted, and a missing newline was an end.
void Relay::type(std::string_view text) {
    if (mode_ == spec::Terminal::raw) {
        to_jail_ += text;
        if (piped_) tell_neighbours(text);
        return;
    }
    termios modes{};
    if (::tcgetattr(master_.get(), &modes) < 0) return;
    for (char c : text) {
        bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        if (control && c != '\n') to_jail_ += static_cast<char>(modes.c_cc[VLNEXT]);
        to_jail_ += c;
    }
    if (!text.ends_with('\n')) to_jail_ += static_cast<char>(modes.c_cc[VEOF]);
}

// ^C ends all of a pipeline, and the jail's line discipline reaches the payload alone. The keys are the caller's: the
// payload cannot choose one that ends others.
void Relay::tell_neighbours(std::string_view keys) const {
    termios modes{};
    if (!saved_ || ::tcgetattr(master_.get(), &modes) < 0 || (modes.c_lflag & ISIG) == 0) return;
    for (auto [key, sig] : {std::pair(VINTR, SIGINT), std::pair(VQUIT, SIGQUIT)}) {
        char c = static_cast<char>(saved_->c_cc[key]);
        if (c != _POSIX_VDISABLE && keys.find(c) != keys.npos) (void)::kill(0, sig); // the monitor leaves out its own
    }
}

void Relay::look_for_hangup() {
    pollfd terminal{tty_, 0, 0};
    if (::poll(&terminal, 1, 0) > 0 && (terminal.revents & POLLHUP) != 0) hung_up_ = true;
}

// OUTPUT of the payload's. In a pipeline the terminal's line discipline works as well as the jail's: a CR that one has
// put before LF the other puts there again. (One at the end of OUTPUT may stay. Nobody sees two.)
void Relay::add_output(std::string_view output) {
    termios modes{};
    if (piped_ && ::tcgetattr(master_.get(), &modes) == 0) {
        bool lines = (modes.c_oflag & OPOST) != 0 && (modes.c_oflag & ONLCR) != 0;
        if (lines != std::exchange(lines_, lines) && saved_) again();
    }
    for (std::size_t end; piped_ && lines_ && (end = output.find("\r\n")) != output.npos;
         output.remove_prefix(end + 1))
        to_host_ += output.substr(0, end);
    to_host_ += output;
}

bool Relay::flush_host() {
    while (!to_host_.empty()) {
        ssize_t n = ::write(out_.get(), to_host_.data(), to_host_.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) to_host_.clear(); // the terminal is gone: nobody to show it to
        if (n < 0) return false;
        to_host_.erase(0, static_cast<std::size_t>(n));
    }
    return true;
}

// What the payload writes, as long as it goes on and the terminal takes it: a turn of the monitor's costs more than moving
// a chunk.
void Relay::show() {
    for (int left = kAtOnce; left > 0 && flush_host(); --left) {
        std::array<char, kChunk> buffer;
        ssize_t n = ::read(master_.get(), buffer.data(), buffer.size());
        closed_ = n < 0 && errno == EIO;
        if (n <= 0) return;
        add_output({buffer.data(), static_cast<std::size_t>(n)});
    }
    (void)flush_host();
}

bool Relay::pump() {
    if (!master_) return true;
    if (bool front = foreground(); front != std::exchange(front_, front)) resize(); // it may have changed meanwhile
    resume();
    look_for_hangup();
    if (to_jail_.empty() && may_read()) read_host();
    if (!to_jail_.empty()) {
        ssize_t n = ::write(master_.get(), to_jail_.data(), to_jail_.size());
        if (n > 0) to_jail_.erase(0, static_cast<std::size_t>(n));
    }
    show();
    if (hung_up_) master_.reset(); // and the jail's terminal with it
    return !hung_up_;
}

void Relay::drain() {
    if (!master_) return;
    // All of the jail is dead: what is in the pty is all that there will be. A terminal that takes nothing for two
    // seconds is stuck, and must not keep us.
    for (;;) {
        if (!flush_host() && !to_host_.empty()) {
            pollfd ready{out_.get(), POLLOUT, 0};
            if (::poll(&ready, 1, 2000) <= 0) return;
            continue;
        }
        std::array<char, kChunk> buffer;
        ssize_t n = ::read(master_.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return; // EIO: no slave is open any more
        add_output({buffer.data(), static_cast<std::size_t>(n)});
    }
}

} // namespace ajail::ns
