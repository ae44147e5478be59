// SPDX-License-Identifier: Apache-2.0
// A cgroup from systemd's user manager: the one that may make them where the caller may not.
#pragma once

#include "sys/calls.h"

#include <string>

namespace ajail::ns {

/// Has the calling process moved to a transient scope of its own, with delegation (org.freedesktop.systemd1(5)), which
/// is gone as soon as nobody is in it. SOCKET: the manager's. Its directory, below MOUNT, where cgroups are.
sys::Result<std::string> enter_scope(const std::string& socket, const std::string& mount);

} // namespace ajail::ns
