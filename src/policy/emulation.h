// SPDX-License-Identifier: Apache-2.0
// The part of the root emulation that remembers: who each task of the jail believes to be. The filter `root` asks
// (SECCOMP_RET_USER_NOTIF) for every call that sets or tells ids; the jail's init answers. The kernel's own idea of
// the ids never changes, so nothing can be gained here: an answer is a number that the asker believes.
#pragma once

#include "sys/calls.h"

#include <cstdint>
#include <map>
#include <vector>

namespace ajail::policy {

/// Real, effective, saved and file-system id of one kind, as credentials(7).
struct Ids {
    std::uint32_t real = 0, effective = 0, saved = 0, file = 0;
    bool operator==(const Ids&) const = default;
};

/// Who a task believes to be. The zero value is the root that it starts as.
struct Identity {
    Ids user, group;
    std::vector<std::uint32_t> groups;
    bool groups_set = false; ///< else the kernel's own are told
    bool keeps_caps = false; ///< PR_SET_KEEPCAPS: may still set ids after it has stopped being root (setpriv(1))
    bool operator==(const Identity&) const = default;
};

/// The effect of a set*id call NR with ARGS on WHO, by the kernel's rules with "effective id 0" for CAP_SETUID and
/// CAP_SETGID. Returns what the call returns: 0, an id (setfs*id), or -errno; WHO is unchanged then. Pure.
std::int64_t set_id(int nr, const std::uint64_t args[6], Identity& who);

/// True if VALUE, of the extended attribute system.posix_acl_access or _default, names a user or a group other than 0:
/// with one id mapped there is no other, and the kernel refuses the whole list. Pure.
bool acl_names_others(const std::vector<std::uint8_t>& value);

/// Answers the filter's questions.
class Emulation {
public:
    /// LISTENER: from the payload's filter. PROC: the jail's /proc, to read and write what pointers point to.
    Emulation(sys::Fd listener, sys::Fd proc) : listener_(std::move(listener)), proc_(std::move(proc)) {}
    int fd() const { return listener_.get(); }
    /// One question that is waiting. An asker that is gone by now is no failure.
    sys::Status answer();

private:
    struct Task {
        std::uint64_t start = 0; ///< in clock ticks since boot: a number may be another task's by now
        Identity who;
    };
    struct Reply {
        std::int64_t value = 0;
        bool real = false; ///< let the kernel do it
    };

    Reply reply(pid_t task, int nr, const std::uint64_t args[6]);
    Reply tell(pid_t task, int nr, const std::uint64_t args[6]);
    Reply set_groups(pid_t task, const std::uint64_t args[6]);
    Reply set_caps(pid_t task, const std::uint64_t args[6]);
    Reply keep_caps(pid_t task, const std::uint64_t args[6]);
    Reply set_attribute(pid_t task, const std::uint64_t args[6]);
    Identity identity(pid_t task);
    void remember(pid_t task, Identity who);
    void forget_the_dead();
    bool read_memory(pid_t task, std::uint64_t address, void* into, std::size_t size);
    bool write_memory(pid_t task, std::uint64_t address, const void* from, std::size_t size);

    sys::Fd listener_, proc_;
    std::map<pid_t, Task> tasks_; ///< those who are not the root that they started as, and their children
};

} // namespace ajail::policy
