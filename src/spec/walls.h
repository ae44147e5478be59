// SPDX-License-Identifier: Apache-2.0
// The walls of a Plan, one by one: what was wanted and what the kernel says of it. The payload is not executed where
// the two differ; `--report` is this list.
#pragma once

#include "spec/plan.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ajail::spec {

/// Inode numbers, in the order of kNamespaces; 0: the kernel has none of that kind.
using Namespaces = std::array<std::uint64_t, 7>;
constexpr const char* kNamespaces[] = {"user", "mnt", "pid", "ipc", "uts", "cgroup", "net"};

/// What /proc/PID/status says of a process, as far as it is a wall.
struct Status {
    std::array<unsigned, 4> uids{}, gids{}; ///< real, effective, saved, of the file system
    std::vector<unsigned> groups;
    std::uint64_t inheritable = 0, permitted = 0, effective = 0, bounding = 0, ambient = 0;
    bool no_new_privs = false;
    unsigned seccomp = 0, filters = 0;   ///< the mode, and how many programs
    int pid = 0, group = 0, session = 0; ///< as the process itself has them
};
/// None if a line is missing that every kernel since 5.9 has.
std::optional<Status> read_status(std::string_view text);
/// Only what seccomp(2) changes.
bool read_filters(std::string_view text, Status& status);

/// What the processes of a jail have seen of themselves, before the payload is executed.
struct Seen {
    Namespaces callers{}, inits{}, own{};
    Status status;
    unsigned filters_before = 0; ///< seccomp programs that were there already, of the caller
    long securebits = 0;
    std::optional<bool> own_keyring; ///< the session keyring is the one that was made; none: this kernel has no keys
    std::optional<bool> landlock_files;  ///< what no rule grants is refused; none: not asked
    std::optional<bool> landlock_scopes; ///< init cannot be signalled; likewise
    bool terminal = true;                ///< stdio that is a terminal is the jail's
    std::string hostname, cwd;
    std::vector<std::pair<std::size_t, std::uint64_t>> mounts; ///< operation, and the id of the mount that it made
    std::string mountinfo; ///< /proc/PID/mountinfo, proc(5), once all of them are made
    std::vector<std::pair<std::size_t, std::string>> sysctls; ///< operation, and what the file says
    /// For the report only.
    struct More {
        Status init;
        bool init_hidden = false; ///< nobody in the jail may look into init, capabilities or not
        std::string uid_map, gid_map;
    };
    std::optional<More> more;
};

/// A control: `wanted` by the Plan, `got` from the kernel, by which means.
struct Wall {
    std::string control, wanted, got, by;
    bool stands = false;
};

/// All of the walls but the seccomp programs, or only those that do not stand.
std::vector<Wall> walls(const Plan& plan, const Seen& seen, bool all);
/// And the seccomp programs. Unless a text is wanted, no memory is asked for: they may refuse that.
void add_filters(const Plan& plan, const Seen& seen, bool all, std::vector<Wall>& walls);

/// For programs, as to_json().
std::string to_json(const Plan& plan, const std::vector<Wall>& walls);

} // namespace ajail::spec
