// SPDX-License-Identifier: Apache-2.0
// What the machine has, and how much of it the caller may use and give to others.
#pragma once

#include "spec/host.h"
#include "sys/result.h"

namespace ajail::cli {

/// The facts that limits are decided by. What is not known would be a limit that is not there.
sys::Status look_at_limits(spec::Host& host);
/// The CPUs, for who asks for some of them.
void look_for_cpus(spec::Host& host);

/// The cgroup PATH, as /proc/self/cgroup has it, of the hierarchy mounted at MOUNT: whether process PID, which is in it,
/// may make others there or beside it.
spec::Cgroup look_for_cgroup(const std::string& mount, const std::string& path, int pid);

} // namespace ajail::cli
