// SPDX-License-Identifier: Apache-2.0
// Locks on root filesystems: a jail shares its root filesystem with others, an edit has it alone. flock(2) on the
// directory itself, so that nothing is left behind, whoever is killed.
#pragma once

#include "sys/calls.h"

#include <string>
#include <vector>

namespace ajail::store {

enum class Hold { shared, exclusive };

/// A process that holds the lock of a directory, as far as this pid namespace can see it.
struct Holder {
    pid_t pid = 0;
    Hold hold = Hold::shared;
};

/// Those who hold the lock of the directory DIR (any descriptor of it), from /proc/locks.
std::vector<Holder> holders(int dir);

/// Locks the directory PATH until the descriptor is closed. EWOULDBLOCK: somebody is in the way. ENOENT: it was
/// removed meanwhile. Where locks cannot be had (no read permission, no flock on that file system) nobody has one: a
/// shared lock is then an empty Fd, an exclusive one an error.
sys::Result<sys::Fd> lock(const std::string& path, Hold hold);
/// The same, for NAME in DIR, following no symlink.
sys::Result<sys::Fd> lock_at(int dir, const std::string& name, Hold hold);

} // namespace ajail::store
