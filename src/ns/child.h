// SPDX-License-Identifier: Apache-2.0
// The jail's side of clone3: the child that builds, the init that it becomes, the payload that it forks.
#pragma once

#include "ns/run.h"
#include "ns/wire.h"
#include "policy/deputy.h"
#include "spec/walls.h"

namespace ajail::ns {

/// The child needs nothing of the monitor before it is ready to exec, and does not wait for `go`.
bool sets_itself_up(const spec::Plan& plan);
/// PROC: its directory in /proc, or the caller's own. What is taken first when the machine is out of memory.
sys::Status be_taken_first(const spec::Plan& plan, const std::string& proc);

/// Runs in the new namespaces as PID 1: sets the jail up, forks the payload, then is init. Never returns. PLAN is
/// gone at last.
[[noreturn]] void child(spec::Plan& plan, const Caller& caller, sys::Fd report, sys::Fd lifeline);

/// Gives up what PID 1 does not need: stdio, its dumpability, every capability but PLAN's for it. An error of
/// Stage::readback: the kernel has said yes and left it, by the jail's procfs PROC.
sys::Status become_init(const spec::Plan& plan, const sys::Fd& proc);

/// The namespaces that the payload was put into, where they are not init's: it may leave them.
struct Second {
    sys::Fd user, mnt;
};

/// PID 1 of the jail from the payload's fork on: reaps, passes signals on, ends the jail with the payload or with
/// the monitor, or with a limit of PLAN's. PROC: the jail's procfs. SECOND: for those who
/// join. LISTENER: what the filters ask, or none; PLACE:
/// where, for those about files.
[[noreturn]] void init(spec::Plan& plan, const sys::Fd& lifeline, pid_t payload, sys::Fd proc, Second second,
                       sys::Fd listener, policy::Place place);

} // namespace ajail::ns
