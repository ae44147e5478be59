// SPDX-License-Identifier: Apache-2.0
// Limits: what the payload takes upon itself before exec, and how init sees what the jail has.
#pragma once

#include "spec/plan.h"
#include "sys/calls.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ajail::policy {

/// The Plan's resource limits and CPUs, for the caller and all that it starts. Counted in the user namespace that it is
/// in now.
sys::Status limit(const spec::Plan& plan);

/// Until a jail that has USED of LIMIT bytes can have reached it, if CPUS of them fill as fast as they can. Pure.
int milliseconds_until(std::uint64_t used, std::uint64_t limit, std::size_t cpus);

/// Memory that all processes of a pid namespace have together, looked at as seldom as the limit allows. It counts what
/// is theirs (anonymous, shared, swapped), each page once: files that are only read can be had again. What nobody has
/// mapped, it cannot see.
class MemoryWatch {
public:
    /// LIMIT: in bytes; 0: nothing is watched. PROC: the jail's /proc.
    MemoryWatch(std::uint64_t limit, const sys::Fd& proc);
    /// Milliseconds until the next look, for poll(2); -1: never.
    int wait() const;
    /// Looks, if it is time to, and never waits for anybody. True: the jail has more than it may.
    sys::Result<bool> exceeded();
    /// The process PID has ended, and is reaped: maybe the one that counts.
    void ended(pid_t pid);

private:
    struct Process {
        pid_t pid = 0; ///< or that of a thread
        std::uint64_t bytes = 0;
    };
    struct Counted {
        std::uint64_t bytes = 0;
        std::int64_t cost = 0; ///< milliseconds of a CPU
    };
    /// A process that counts exactly.
    struct Look {
        bool waits_in_vain() const;
        pid_t pid = 0;
        sys::Fd result; ///< to read Counted from
        std::int64_t since = 0;
        std::uint64_t at_most = 0; ///< what there can be
        std::int64_t cost = 0;     ///< what it has taken to know that
    };
    bool look(std::vector<Process>& all, std::uint64_t at_most);
    void decide(std::uint64_t used, std::int64_t cost);
    sys::Result<std::uint64_t> resident(pid_t task) const;
    sys::Result<Process> process(pid_t pid) const;
    sys::Result<std::vector<Process>> processes() const;
    sys::Result<std::uint64_t> measure(std::vector<Process>& processes) const;
    sys::Result<std::uint64_t> own(pid_t pid) const;

    std::uint64_t limit_;
    const sys::Fd& proc_;
    std::size_t cpus_ = 64;
    std::int64_t next_ = 0; ///< when to look again
    std::optional<Look> look_;
    bool over_ = false;
};

} // namespace ajail::policy
