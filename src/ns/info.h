// SPDX-License-Identifier: Apache-2.0
// What a caller that supervises gets to read about its jail: JSON, in bubblewrap's words, on descriptors of its own.
#pragma once

#include "ns/run.h"

namespace ajail::ns {

/// In the jail's process: its namespaces, for write_info(). Others cannot look there where it has entered a user
/// namespace that is not only its own.
sys::Status tell_namespaces(const spec::Plan& plan, const sys::Fd& report);

/// About the process PID, which tells its NAMESPACES over REPORT, to each descriptor that the Plan has for it. Numbers
/// are as in our pid namespace.
sys::Status write_info(const spec::Plan& plan, pid_t pid, const sys::Fd& report);

/// How it ended, to the one descriptor for that.
void write_end(const spec::Plan& plan, const Outcome& outcome);

} // namespace ajail::ns
