// SPDX-License-Identifier: Apache-2.0
// The end of the child's sequence where the Spec is bare: the payload as its caller has asked for it, with a reaper
// beside it or without.
#pragma once

#include "ns/run.h"
#include "ns/wire.h"

namespace ajail::ns {

/// From the new root to exec. LIFELINE ends with the monitor; REPORT hears when all is set up; PROC is the old root's
/// /proc, STATUS our own in it. Returns only to say what failed.
sys::Status bare(const spec::Plan& plan, const Caller& caller, sys::Fd& report, const sys::Fd& lifeline,
                 const sys::Fd& proc, sys::Fd status, std::string& about);

/// A pid namespace of its own below the one that was entered, which takes a process in between: that one tells the
/// monitor of the other, waits for it and ends as it does. Returns in the other.
sys::Status nest(const sys::Fd& report);

} // namespace ajail::ns
