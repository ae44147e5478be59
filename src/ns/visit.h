// SPDX-License-Identifier: Apache-2.0
// From outside to the monitor of a jail that runs, over the socket that it is noted down with.
#pragma once

#include "ns/run.h"

namespace ajail::ns {

/// Has EXEC's words run in the jail behind DOOR, with our stdio, and waits: signals and the terminal are passed on. The
/// caller holds the signals of a jail (hold_signals()).
Outcome visit(const std::vector<std::string>& argv, const sys::Fd& door);

/// Has the jail behind DOOR end, AT_ONCE or after it was asked to. False if nobody answers within MS milliseconds.
sys::Result<bool> ask_to_end(const sys::Fd& door, bool at_once, int ms);
/// Waits until DOOR is shut or MONITOR, a pidfd, has ended. False if neither is so within MS milliseconds.
sys::Result<bool> wait_for_end(const sys::Fd& door, const sys::Fd& monitor, int ms);

} // namespace ajail::ns
