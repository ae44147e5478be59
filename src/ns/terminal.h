// SPDX-License-Identifier: Apache-2.0
// The monitor's half of the jail's terminal: bytes between the host's terminal and the master of the jail's pty.
// The payload never holds the host's terminal, so TIOCSTI, modes and reads in the background stay inside.
#pragma once

#include "spec/plan.h"
#include "sys/calls.h"

#include <optional>
#include <string>
#include <termios.h>
#include <vector>

namespace ajail::ns {

class Relay {
public:
    explicit Relay(const spec::Plan& plan);
    ~Relay() { restore(); }
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    /// Takes the pty's master: gives it the host terminal's modes and size, and goes raw if the Plan says so.
    sys::Status start(sys::Fd master);
    bool active() const { return static_cast<bool>(master_); }
    /// All keys go in, as keys.
    bool raw() const { return mode_ == spec::Terminal::raw; }
    /// Adds what to poll for. True if it wants to be woken every quarter of a second as well, to see whether the
    /// shell has brought it to the foreground (which sends no signal to a job that runs), or somebody in the jail has
    /// opened the pty again.
    bool want(std::vector<pollfd>& fds) const;
    /// Moves what can be moved without waiting. False when the host's terminal has hung up.
    bool pump();
    void resize();  ///< the host's terminal has a new size
    void restore(); ///< the host's modes as they were
    void resume();  ///< raw, if in the foreground
    void again();   ///< after a stop: whoever had the terminal meanwhile has changed its modes
    void wanted();  ///< the payload has asked for input
    void drain();   ///< what the payload has written before it ended

private:
    bool foreground() const;
    bool may_read() const { return in_ >= 0 && reading_ && !hung_up_ && front_; }
    void take_keys();
    termios raw_modes() const;
    void look_for_hangup();
    void read_host();
    void type(std::string_view keys);
    void tell_neighbours(std::string_view keys) const;
    void add_output(std::string_view output);
    bool flush_host();
    void show();

    spec::Terminal mode_;
    int in_ = -1;  ///< stdin if it is a terminal, or keys_
    int tty_ = -1; ///< any stdio that is one: size and modes
    bool piped_;   ///< stdin is none: others of a pipeline may use the terminal, and see it as they know it
    sys::Fd keys_; ///< then, once the payload has asked: an own open file description to read from
    sys::Fd out_;  ///< an own open file description of the terminal to write to, non-blocking
    sys::Fd master_;
    std::optional<termios> saved_;
    std::string to_host_, to_jail_;
    bool hung_up_ = false;
    bool reading_;        ///< may take keys from the host's terminal
    bool front_ = false;  ///< foreground(), as of the last turn
    bool lines_ = true;   ///< the jail's line discipline makes CR LF of LF, as of the last output
    bool closed_ = false; ///< nobody in the jail has the pty open: poll(2) would say so for ever
};

} // namespace ajail::ns
