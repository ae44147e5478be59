// SPDX-License-Identifier: Apache-2.0
// What the jail's init does in an asker's place: files with set-user-ID and set-group-ID bits, which may be only where
// nobody outside can reach them (filters/setid.policy), and empty files for device nodes that cannot be made
// (filters/root.policy). It is done by a process of its own, with the asker's root, ids and umask and no capability
// that the asker has not, so that it comes as far as the asker and no further.
#pragma once

#include "sys/calls.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ajail::policy {

constexpr mode_t kSetId = 06000;

/// What init needs to know of its jail for that.
struct Place {
    std::vector<std::uint64_t> own; ///< mounts on which set-id bits may be
    std::vector<sys::Fd> held; ///< something on each of them, where the payload could unmount them: ids are reused
    std::string userns;        ///< whose capabilities count: a link of /proc/PID/ns; empty: init's own
    std::uint64_t caps = 0;    ///< at most
    bool ids = false;          ///< there are several, and the asker's are taken on
    bool landlock = false;     ///< the payload is under a ruleset for files
};

/// A call that asks for a deed.
struct Deed {
    enum Kind : std::uint8_t { mode, open, node } kind = mode;
    bool has_path = true;
    int dirfd = -1;         ///< or, without a path, what it is about
    std::uint64_t path = 0; ///< where it is, in the asker's memory
    int flags = 0;          ///< of fchmodat2(2), or of open(2)
    mode_t bits = 0;
    bool device = false; ///< a node that cannot be made: an empty file in its place
};

/// The deed that call NR with ARGS asks for; nothing if it is none. Pure.
std::optional<Deed> deed_of(int nr, const std::uint64_t args[6]);

/// The descriptor that PATH names as one of the task TASK's own: /proc/self/fd/7, /dev/fd/7. Else -1. Pure.
int named_descriptor(std::string_view path, pid_t task);

/// BITS as they are set on a file of TYPE (S_IFMT): no set-id bits on a regular one that is not on an OWN mount. A
/// directory keeps them, they make nobody run anything. Pure.
mode_t allowed_bits(mode_t bits, mode_t type, bool own);

/// Who asks, as far as it matters to a deed.
class Asker {
public:
    /// Looks TASK up for DEED and PATH. PROC is the jail's /proc. TASK may be another by the time that this returns.
    static sys::Result<Asker> look(const sys::Fd& proc, pid_t task, const Deed& deed, const std::string& path,
                                   const Place& place);

    /// What the call returns, 0 or -errno; OPENED is the file, for one that opens. Leaves the process as the asker, under
    /// Landlock maybe: it is to end now.
    std::int64_t act(const sys::Fd& proc, const Deed& deed, const std::string& path, const Place& place,
                     sys::Fd& opened) const;

private:
    sys::Status become(const Place& place, bool makes) const;

    sys::Fd root_, base_;
    bool by_descriptor_ = false;
    unsigned uid_ = 0, gid_ = 0; ///< those for files
    std::vector<unsigned> groups_;
    mode_t umask_ = 0;
    std::uint64_t caps_ = 0;
};

} // namespace ajail::policy
