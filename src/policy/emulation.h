// SPDX-License-Identifier: Apache-2.0
// What the jail's init answers when a filter asks (SECCOMP_RET_USER_NOTIF). Mostly the part of the root emulation that
// remembers: who each task of the jail believes to be. The filter `root` asks for every call that sets or tells ids. The
// kernel's own idea of the ids never changes, so nothing can be gained here: an answer is a number that the asker
// believes. What `setid` asks for, and nodes, are the business of deputy.h.
#pragma once

#include "policy/deputy.h"
#include "sys/calls.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
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
    bool keeps_caps = false; ///< PR_SET_KEEPCAPS: will still be able to set ids when it stops being root (setpriv(1))
    bool kept_caps = false;  ///< and so it is
    bool operator==(const Identity&) const = default;
};

/// The number of the call that is asked about, as this binary's own architecture has it; -1 if it is none that the filter
/// asks about. The arguments of a 32-bit program mean the same. Pure.
int native_number(const seccomp_data& data);

/// The effect of a set*id call NR with ARGS on WHO, by the kernel's rules with "effective id 0" for CAP_SETUID and
/// CAP_SETGID. Returns what the call returns: 0, an id (setfs*id), or -errno; WHO is unchanged then. Pure.
std::int64_t set_id(int nr, const std::uint64_t args[6], Identity& who);

/// WHO after an exec that raises nobody: the saved ids are the effective ones, PR_SET_KEEPCAPS is off (execve(2)). Pure.
Identity after_exec(Identity who);

/// True if VALUE, of the extended attribute system.posix_acl_access or _default, names a user or a group other than 0:
/// with one id mapped there is no other, and the kernel refuses the whole list. Pure.
bool acl_names_others(const std::vector<std::uint8_t>& value);

/// Answers the filter's questions. Which task is who, the kernel keeps for us, in a number that every task has, hands
/// on to its children and threads, and keeps over exec: its timer slack (PR_SET_TIMERSLACK in prctl(2)). It is the
/// jail's own plus the place in a table of identities: some nanoseconds more, which nothing can notice. So what is
/// inherited is inherited as the real ids would be, whoever asks first, whoever is gone by then.
class Emulation {
public:
    /// LISTENER: from the payload's filter, or none. PROC: the jail's /proc. SLACK: what the payload has started with.
    Emulation(sys::Fd listener, const sys::Fd& proc, std::uint64_t slack, Place place);
    /// Likewise from somebody's who has joined.
    void add(sys::Fd listener);
    /// Adds what to poll for.
    void watch(std::vector<pollfd>& fds) const;
    /// What is polled of these: one question each that is waiting. An asker that is gone by now is no failure.
    sys::Status answer(std::span<const pollfd> fds);
    /// Which calls were refused, see refused.h.
    std::uint64_t refused() const { return refused_; }
    /// The process PID has ended, and is reaped; WELL: with status 0. What it should have answered is answered.
    sys::Status ended(pid_t pid, bool well);

private:
    struct Entry {
        Identity who;
        std::uint64_t image = 0; ///< the program that it was set in, where an exec would make a difference; else 0
        bool operator==(const Entry&) const = default;
    };
    struct Asked {
        std::uint64_t listener = 0; ///< where it was asked
        std::uint64_t id = 0;       ///< of the question
        pid_t task = 0;
        int nr = 0;
        std::uint64_t args[6] = {};
    };
    struct Reply {
        std::int64_t value = 0;
        bool real = false;  ///< let the kernel do it
        bool later = false; ///< another process answers
    };

    sys::Status answer_one(std::uint64_t listener);
    int where(const Asked& asked) const;
    Reply reply(const Asked& asked);
    sys::Status tell(const Asked& asked, const Reply& reply);
    Reply who_is(const Asked& asked);
    Reply set_groups(const Asked& asked);
    Reply set_caps(const Asked& asked);
    Reply keep_caps(const Asked& asked);
    Reply depute(const Asked& asked, const Deed& deed);
    sys::Status act(const Asked& asked, const Deed& deed);
    sys::Status hand_over(const Asked& asked, const sys::Fd& opened, int flags);
    sys::Result<std::string> read_path(const Asked& asked, std::uint64_t address);
    Reply set_attribute(const Asked& asked);
    Identity identity(pid_t task);
    bool remember(const Asked& asked, const Identity& who);
    std::size_t place(const Entry& entry);
    void forget_unused();
    std::size_t place_of(const std::string& task);
    std::uint64_t image_of(pid_t task);
    bool waits(const Asked& asked);
    sys::Fd memory(const Asked& asked, int flags);

    std::map<std::uint64_t, sys::Fd> listeners_; ///< by a number that is never given again: a descriptor's is
    std::uint64_t next_ = 0;
    const sys::Fd& proc_;
    std::uint64_t slack_;
    Place place_;
    std::uint64_t refused_ = 0;
    bool ruled_ = false;                        ///< somebody in the jail has put itself under Landlock
    std::map<pid_t, Asked> later_;              ///< who else answers what
    std::vector<std::optional<Entry>> entries_; ///< the first is the root that all start as
};

} // namespace ajail::policy
