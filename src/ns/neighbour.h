// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a jail's door: a program of the same user outside of all jails, or somebody in one, where that
// user's id is the payload's.
#pragma once

#include "sys/calls.h"

namespace ajail::ns {

/// A pidfd of the process at the other end of SOCKET, which has connected or listens there. EPERM: it is another user's,
/// or in another user or pid namespace than we. ESRCH: it has ended.
sys::Result<sys::Fd> neighbour(const sys::Fd& socket);

} // namespace ajail::ns
