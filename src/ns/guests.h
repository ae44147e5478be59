// SPDX-License-Identifier: Apache-2.0
// The monitor's part in `ajail exec` and `ajail kill`: whoever comes to the jail's door is asked what it wants, and what
// is run for it in the jail is watched.
#pragma once

#include "ns/join.h"
#include "ns/run.h"
#include "ns/wire.h"

#include <list>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace ajail::ns {

class Guests {
public:
    /// LIFELINE: to init. CGROUP: the jail's, or none. CALLER has the door.
    Guests(const spec::Plan& plan, const Caller& caller, const sys::Fd& lifeline, const sys::Fd& cgroup);
    Guests(const Guests&) = delete;
    Guests& operator=(const Guests&) = delete;
    /// Adds what to poll for.
    void watch(std::vector<pollfd>& fds) const;
    /// Whatever can be done without waiting, once one of FDS is ready; FDS are those that watch() has added.
    void turn(std::span<const pollfd> fds);
    /// Init has answered.
    void hear_init(Heard heard);
    /// The jail is to end, on request: 0 was asked to, SIGKILL is made to. None while nobody wants that.
    std::optional<bool> end() { return std::exchange(end_, std::nullopt); }
    /// Ends what still runs for somebody. Init cannot be gone while there are processes in the jail that only we reap
    /// (pid_namespaces(7)).
    void send_away();
    /// Until INIT, a pidfd, can be waited for.
    void reap_others(const sys::Fd& init) const;

private:
    struct Guest {
        sys::Fd visitor;
        Joiner given;
        sys::Fd report;                                         ///< to the process that joins
        sys::Fd bearer, process;                                ///< pidfds: the two of ns/join.cc
        pid_t pid = 0;                                          ///< of the second
        bool waits = false;                                     ///< for init's answer
        bool joined = false;                                    ///< has been tried
        bool shows = false;                                     ///< the terminal is being made ready
        Message end{.kind = Message::killed, .value = SIGKILL}; ///< how it ended
    };

    void let_in();
    bool turn(Guest& guest);
    bool hear_visitor(Guest& guest);
    void hear_joiner(Guest& guest);
    void start(Guest& guest);
    void pass_on(const Guest& guest, int sig) const;
    void leave(Guest& guest);
    static bool reap(sys::Fd& pidfd, Message& end);

    const spec::Plan& plan_;
    const Caller& caller_;
    const sys::Fd& lifeline_;
    const sys::Fd& cgroup_;
    int door_;
    std::list<Guest> guests_;
    std::array<sys::Fd, Space::spaces> spaces_; ///< what init has answered so far
    std::optional<bool> end_;
    bool ever_ = false; ///< somebody has joined
};

} // namespace ajail::ns
