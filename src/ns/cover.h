// SPDX-License-Identifier: Apache-2.0
// Mounts that the host has taken away from a running jail, by replacing what they stood on, are put up again.
#pragma once

#include "ns/run.h"

namespace ajail::ns {

/// The mount namespace of the jail whose child is PID, for cover_again(). Before its init is there: that cannot be looked
/// into.
sys::Result<sys::Fd> mounts_of(const sys::Fd& process, pid_t pid);

/// In the mount namespace MOUNTS, by a process that ends with it. What is not there, or is covered already, is left. On
/// failure ABOUT is the path of it inside; ESTALE: another directory stands where it was mounted.
sys::Status cover_again(const sys::Fd& mounts, const std::vector<Cover>& covers, std::string& about);

} // namespace ajail::ns
