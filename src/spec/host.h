// SPDX-License-Identifier: Apache-2.0
// Host: the facts about the machine and the caller that lower() needs, gathered by the front end beforehand.
#pragma once

#include <array>
#include <cstdint>

namespace ajail::spec {

struct Host {
    unsigned uid = 0, gid = 0; ///< effective ids of the caller
    bool real_root = false;    ///< uid 0 here is uid 0 of the machine: never to be mapped
    unsigned landlock_abi = 0; ///< 0: none; see landlock(7)
    bool overlay = true;       ///< overlayfs is there for a user namespace
    std::array<bool, 3> tty{}; ///< which of stdin, stdout, stderr are terminals
};

/// Where real root's jails live: 65,536 ids that systemd's uid allocation (UIDS-GIDS) leaves to nobody, so that a
/// jail's root is nobody on the host.
constexpr unsigned kRootRangeBase = 0x70000000;
constexpr unsigned kRootRangeCount = 65536;

} // namespace ajail::spec
