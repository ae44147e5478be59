// SPDX-License-Identifier: Apache-2.0
// The id maps of a jail's user namespace.
#pragma once

#include "ns/run.h"

#include <functional>

namespace ajail::ns {

/// MAPS as the kernel takes them, a line each.
std::string map_lines(const spec::IdMaps& maps);
/// The same for a user namespace below the one of MAPS, where every id keeps its number.
std::string identity_lines(spec::IdMaps maps);

/// What /proc calls the process that PIDFD is of (proc_pid_fdinfo(5)). Not what we call it, where /proc is that of a PID
/// namespace above ours.
sys::Result<pid_t> number_in_proc(const sys::Fd& pidfd);
/// The same, or PID where /proc does not tell.
pid_t number_in_proc(const sys::Fd& pidfd, pid_t pid);

/// The maps are one id, of an ordinary caller's own: the child may write them itself, and needs nobody who waits for it.
bool writes_own_maps(const spec::Plan& plan);
/// In that child.
sys::Status write_own_maps(const spec::Plan& plan);

/// Else in the monitor, between clone3 and `go`: writes the maps of PID (as /proc calls it), which waits. HELPER is set if one of the helper
/// programs was the reason for an error.
sys::Status write_maps(const spec::Plan& plan, const Caller& caller, pid_t pid, std::optional<HelperEnd>& helper);

/// WORK in a child that is root of a user namespace with PLAN's ids (of the Plan, nothing else counts): what its ids
/// own, it can change. It does not outlive us. Returns what WORK does, or why it could not be started; HELPER as above.
sys::Status with_ids(const spec::Plan& plan, const Caller& caller, const std::function<sys::Status()>& work,
                     std::optional<HelperEnd>& helper);

} // namespace ajail::ns
