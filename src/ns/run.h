// SPDX-License-Identifier: Apache-2.0
// The engine's front door: run(plan) makes the namespaces, builds the jail, executes the payload and waits.
#pragma once

#include "spec/plan.h"
#include "sys/calls.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ajail::ns {

/// Something of the host that was replaced outside, and with that has lost the mount that was over it in the jail.
struct Cover {
    std::string grant, path;             ///< where its directory is mounted inside; and the path in that
    std::uint64_t device = 0, inode = 0; ///< of that directory
    bool certain = true;                 ///< else it is only looked whether it was
    bool writable = false;               ///< else read-only
};

/// What is looked at outside while the jail runs.
struct Outside {
    std::function<sys::Result<std::vector<Cover>>()> look =
        {};                       ///< what is to be covered again; none: nothing is looked at
    std::function<int()> fd = {}; ///< after a look: readable once there is more; -1: there may always be
};

/// What the payload must get back from its caller, and what a jail must not see of it.
struct Caller {
    sigset_t mask{}; ///< the signal mask that ajail was started with
    mode_t umask = 022;
    bool ignores_sigpipe = false;
    pid_t parent = 0;     ///< who had started us
    char* args = nullptr; ///< argv and environ as the kernel shows them in /proc/PID: wiped in init
    std::size_t args_size = 0;
    int door = -1; ///< a socket where others of the same user ask for the jail; listening
    std::function<sys::Status(std::string_view)> report = {}; ///< gets the Plan's report, before the payload runs
    Outside outside = {};                                     ///< not for a bare jail
};

/// How a helper program ended that was not content.
struct HelperEnd {
    std::string path;
    int code = 0, signal = 0;
    std::string said; ///< what it wrote, cut off
};

struct Outcome {
    std::optional<HelperEnd> helper; ///< for an error of Call::helper
    std::optional<sys::Error> error; ///< set: ajail failed, or (stage exec) the command could not be executed
    std::string about;               ///< of the error: what was found in the way, if that has a name
    bool executed = false;           ///< a bare jail's payload was
    int code = 0;                    ///< exit code of the payload
    int signal = 0;                  ///< or the signal that killed it
    enum Limit : std::uint8_t { none, timeout, memory } limit = none; ///< of the Plan's, that ended it
    std::uint64_t refused = 0; ///< calls that it could have been allowed, see policy/refused.h
    bool init_killed = false;  ///< somebody outside has killed init (of a bare jail: before exec), and with it all
};

/// How the payload ended, as a shell tells it.
inline int exit_code(const Outcome& outcome) { return outcome.signal != 0 ? 128 + outcome.signal : outcome.code; }

/// Milliseconds in which nothing happens, after which monitor and init give back what they needed for the set-up: who
/// ends sooner need not.
constexpr int kIdleMs = 100;

/// Milliseconds after which what goes on outside is looked at first. What ends sooner does not pay for that: to give up a
/// watch of inotify(7) takes the kernel a grace period of some milliseconds.
constexpr int kOutsideMs = 20;
/// And again, where nothing tells of what goes on there.
constexpr int kOutsideAgainMs = 100;

/// Those that a monitor takes for its payload.
sigset_t payloads_signals();
/// From here on the signals that a jail's payload is to hear wait for run(), and are not the end of the calling process: for who makes something on the host that it removes again after the jail.
sys::Status hold_signals();

/// Runs PLAN to its end. The caller must be single-threaded, and hold the signals of a jail that has ajail's init.
/// Returns only in the calling process.
Outcome run(const spec::Plan& plan, const Caller& caller);

} // namespace ajail::ns
