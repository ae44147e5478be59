// SPDX-License-Identifier: Apache-2.0
// What the machine has, and how much of it the caller may use and give to others.
#pragma once

#include "spec/host.h"
#include "spec/spec.h"
#include "sys/result.h"

#include <utility>

namespace ajail::cli {

/// The facts that limits are decided by. What is not known would be a limit that is not there.
sys::Status look_at_limits(spec::Host& host);
/// Of the kernel, major and minor; 0.0 if it does not say.
std::pair<unsigned, unsigned> kernel_version();
/// The oldest that ajail runs on (Landlock that keeps files from being truncated, ABI 3).
constexpr std::pair kOldestKernel(6U, 2U);
/// What is said of an older one.
std::string too_old(std::pair<unsigned, unsigned> kernel);
/// Whether there is overlayfs.
void look_for_overlay(spec::Host& host);
/// What can be done with the caller's /proc; and if FRESH, whether a new one can be mounted, by trying.
void look_for_proc(spec::Host& host, bool fresh);
/// How many capabilities the kernel has.
int known_caps();
/// What else keeps these limits: the CPUs, and where HOST has no cgroup, systemd's user manager, if there is one, and the
/// controllers that it may hand on.
void look_for_means(spec::Host& host, const spec::Limits& asked);

/// The cgroup PATH, as /proc/self/cgroup has it, of the hierarchy mounted at MOUNT: whether process PID, which is in it,
/// may make others there or beside it.
spec::Cgroup look_for_cgroup(const std::string& mount, const std::string& path, int pid);

} // namespace ajail::cli
