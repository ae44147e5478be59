// SPDX-License-Identifier: Apache-2.0
// The monitor: the caller's process, waiting. It passes signals and the terminal on, and learns how it ended.
#pragma once

#include "ns/run.h"
#include "ns/wire.h"

namespace ajail::ns {

/// Descriptors by which the monitor knows its jail.
struct Ends {
    sys::Fd report, lifeline, init; ///< init: a pidfd
};

/// The signals that the monitor takes for the payload: those that the caller did not ignore. None of a bare jail,
/// which shares the caller's terminal and is sent its own.
sigset_t watched_signals(const spec::Plan& plan);

/// Waits until the jail has ended. SIGNALS is a signalfd of watched_signals(), which are blocked.
Outcome monitor(const spec::Plan& plan, const Ends& ends, const sys::Fd& signals);

} // namespace ajail::ns
