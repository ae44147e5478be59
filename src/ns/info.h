// SPDX-License-Identifier: Apache-2.0
// What a caller that supervises gets to read about its jail: JSON, in bubblewrap's words, on descriptors of its own.
#pragma once

#include "ns/run.h"

namespace ajail::ns {

/// About the process PID, which /proc calls LISTED, to each descriptor that the Plan has for it. Numbers are as in our
/// pid namespace.
sys::Status write_info(const spec::Plan& plan, pid_t pid, pid_t listed);

/// How it ended, to the one descriptor for that.
void write_end(const spec::Plan& plan, const Outcome& outcome);

} // namespace ajail::ns
