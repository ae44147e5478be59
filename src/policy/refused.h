// SPDX-License-Identifier: Apache-2.0
// Calls that the seccomp policy refuses and an option allows. The jail's init refuses them (filters/noted.policy), which
// tells it which ones were tried; nothing here can let one happen.
#pragma once

#include <cstdint>
#include <span>

namespace ajail::policy {

/// One of them. Its place in the list is its bit in a set.
struct Refused {
    int nr;
    const char* call;
    int err;            ///< what the policy says to it
    const char* option; ///< of --allow
    int family = -1;    ///< of socket(2): the one that is meant
};
std::span<const Refused> refused_calls();

/// What the call NR with FIRST argument is refused with, and noted down in TRIED; 0 if it is none of these. Pure.
int refuse(int nr, std::uint64_t first, std::uint64_t& tried);

} // namespace ajail::policy
