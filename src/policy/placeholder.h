// SPDX-License-Identifier: Apache-2.0
// What stands in for a device node that cannot be made: an empty file, as with fakeroot(1), so that whoever has made
// the node can set its mode, owner and times.
#pragma once

#include "sys/calls.h"

namespace ajail::policy {

/// Makes PATH as TASK would see it, from DIRFD of its own (AT_FDCWD: its working directory). PROC is the jail's /proc.
/// Returns what mknodat(2) returns: 0 or -errno. Where it cannot be made for want of a right, 0 as well.
std::int64_t make_placeholder(const sys::Fd& proc, pid_t task, int dirfd, const std::string& path, mode_t mode);

} // namespace ajail::policy
