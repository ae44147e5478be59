// SPDX-License-Identifier: Apache-2.0
// Into a jail that runs: a process of the monitor's, which has the Plan, becomes one more program under the same policy.
#pragma once

#include "ns/run.h"
#include "ns/wire.h"

#include <array>

namespace ajail::ns {

/// What a joiner is given.
struct Joiner {
    std::array<sys::Fd, 3> stdio;
    sys::Fd command;                           ///< its words, each ended by a zero
    std::array<sys::Fd, Space::spaces> spaces; ///< by their numbers in kNamespaces, and in Space
};

/// In a fresh child of the monitor's, in the jail's cgroup: goes where the payload was put, and bears the process that
/// becomes the program, as a child of the monitor's. Never returns. PLAN is gone at last.
[[noreturn]] void join(spec::Plan& plan, const Caller& caller, Joiner its, sys::Fd report);

} // namespace ajail::ns
