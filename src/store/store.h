// SPDX-License-Identifier: Apache-2.0
// The store: what ajail keeps on disk. Root filesystems under HOME/fs, each a directory that appears complete or
// not at all.
#pragma once

#include "sys/calls.h"

#include <string>
#include <vector>

namespace ajail::store {

/// The root filesystems that exist, sorted. Empty if there is no store.
std::vector<std::string> root_filesystems(const std::string& home);

/// A name for a root filesystem: 1 to 64 of [A-Za-z0-9._-], not starting with a dot or a dash.
bool good_name(std::string_view name);

/// A root filesystem in the making: HOME/fs/.NAME.XXXXXX, locked while we live. Gone with this object unless
/// commit() was called; what a killed process left is removed by the next one.
class Partial {
public:
    /// EEXIST if NAME is there already.
    static sys::Result<Partial> create(const std::string& home, const std::string& name);
    Partial(Partial&&) = default;
    Partial& operator=(Partial&&) = delete;
    ~Partial();
    const std::string& path() const { return path_; }
    /// Renames to NAME, atomically; EEXIST if somebody was faster.
    sys::Status commit();

private:
    Partial() = default;
    sys::Fd fs_, dir_;
    std::string name_, temporary_, path_;
};

/// Removes NAME in DIR and everything in it, never following a symlink and never crossing into a mount; makes
/// directories without permissions accessible first.
sys::Status remove_tree(int dir, const std::string& name);

} // namespace ajail::store
