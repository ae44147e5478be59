// SPDX-License-Identifier: Apache-2.0
// Host: the facts about the machine and the caller that lower() needs, gathered by the front end beforehand.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ajail::spec {

/// FIRST and the COUNT - 1 ids after it.
struct IdRange {
    unsigned first = 0, count = 0;
    bool operator==(const IdRange&) const = default;
};

/// The Landlock ABI from which on a ruleset scopes signals and abstract sockets (Linux 6.12).
constexpr unsigned kLandlockScopes = 6;
/// What is said where there is none.
constexpr const char* kNoLandlock = "this kernel has none (CONFIG_SECURITY_LANDLOCK, lsm=), or a container's seccomp "
                                    "filter refuses it";

/// What is said of calls that are not left.
constexpr const char* kNoSethostname = "a seccomp program around ajail refuses sethostname(2)";
constexpr const char* kNoKeyctl = "a seccomp program around ajail refuses keyctl(2)";

/// What it takes to map more ids than one's own; looked for only when somebody asks.
struct Subordinates {
    std::string user = {};                      ///< the caller's name, as the files have it; empty: there is none
    std::vector<IdRange> uids = {}, gids = {};  ///< from /etc/subuid and /etc/subgid
    std::string newuidmap = {}, newgidmap = {}; ///< absolute paths; empty: not found
    bool no_new_privs = false;                  ///< the helpers would get no privileges
    bool privileged = true; ///< as far as can be seen, they are set-user-ID root or have file capabilities
    unsigned free = 100000; ///< 65,536 ids from here are nobody's, in both files
};

/// The hard limits of the caller, which nobody below gets past (setrlimit(2)).
struct HardLimits {
    std::uint64_t nproc = UINT64_MAX, nofile = UINT64_MAX, memlock = UINT64_MAX, data = UINT64_MAX;
    std::uint64_t sigpending = UINT64_MAX;
};

/// What a user may have of inotify(7), in the caller's user namespace and those above it; 0: not known.
struct Inotify {
    std::uint64_t instances = 0, watches = 0;
};

/// A cgroup of version 2 in which the caller may make others (cgroups(7), "delegation").
struct Cgroup {
    std::string directory = {};                ///< empty: none
    std::vector<std::string> controllers = {}; ///< that those below it can have
    bool own = false;         ///< the caller is in it, alone, and has to leave it before others can have controllers
    std::string manager = {}; ///< or the socket of systemd's user manager, who will give one, below `directory`
};

struct Host {
    unsigned uid = 0, gid = 0;      ///< effective ids of the caller
    bool real_root = false;         ///< uid 0 here is uid 0 of the machine: mapped only if the Spec is bare
    unsigned landlock_abi = 0;      ///< 0: none; see landlock(7)
    bool emulated = false;          ///< the root emulation of a jail that we are in answers
    bool strips = false;            ///< and takes set-user-ID bits off files, wherever they are
    bool listener = false;          ///< another seccomp program that asks somebody is loaded: there can be no second
    bool sethostname = true;        ///< no seccomp program around us refuses it
    bool keyctl = true;             ///< likewise
    bool overlay = true;            ///< overlayfs is there for a user namespace
    bool fresh_proc = true;         ///< a new procfs can be mounted; looked for only when somebody asks
    bool proc_sys = true;           ///< the caller's /proc/sys is not read-only; likewise
    std::uint64_t memory = 0;       ///< bytes that the machine has; 0: not known
    std::uint64_t memory_limit = 0; ///< bytes, of the caller's memory cgroup, if that is less than the machine has
    HardLimits hard = {};
    Inotify inotify = {};
    int oom_score_adj = 0;           ///< the caller's
    bool own_pid_max = false;        ///< kernel.pid_max belongs to the pid namespace (Linux 6.14)
    std::vector<unsigned> cpus = {}; ///< those that the caller may use; looked for only when somebody asks
    unsigned cpu = 0;                ///< the place in it of the one that the caller was seen on
    Cgroup cgroup = {};
    std::array<bool, 3> tty{}; ///< which of stdin, stdout, stderr are terminals
    std::string console = {};  ///< the device of the terminal that is stdout, if one is
    Subordinates subordinates = {};
};

/// Where real root's jails live: 65,536 ids that systemd's uid allocation (UIDS-GIDS) leaves to nobody, so that a
/// jail's root is nobody on the host.
constexpr unsigned kRootRangeBase = 0x70000000;
constexpr unsigned kRootRangeCount = 65536;

} // namespace ajail::spec
