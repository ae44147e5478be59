// SPDX-License-Identifier: Apache-2.0
// The monitor: the caller's process, waiting. It passes signals and the terminal on, and learns how it ended.
#pragma once

#include "ns/run.h"
#include "ns/wire.h"

namespace ajail::ns {

/// Descriptors by which the monitor knows its jail.
struct Ends {
    sys::Fd report, lifeline, init; ///< init: a pidfd
    sys::Fd mounts = {};            ///< its mount namespace, if something outside is looked at
};

/// Waits until the jail has ended; CALLER gets the report, if there is one. SIGNALS is a signalfd of those that the monitor takes for the payload. CGROUP: the jail's, or none.
Outcome monitor(const spec::Plan& plan, const Caller& caller, Ends ends, const sys::Fd& signals,
                const sys::Fd& cgroup);

} // namespace ajail::ns
