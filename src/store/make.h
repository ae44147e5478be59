// SPDX-License-Identifier: Apache-2.0
// One path at a time becomes, at once, what a layer has: made without a name, or under a temporary one, beside it.
#pragma once

#include "store/layer.h"

namespace ajail::store {

/// For openat2(2): beneath, through no link of any kind, into no other mount.
constexpr std::uint64_t kBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

/// Of a directory that is not finished: no other has it, so that it is known by that after we were killed.
constexpr mode_t kUnfinished = S_ISVTX | S_IRWXU;

struct Place {
    int dir; ///< open, O_PATH perhaps
    std::string name, temporary;
    Entry now;       ///< what has been seen there, and is replaced only if it still is
    mode_t mode = 0; ///< that a file gets
};

/// Removes NAME, if it is there: a file, or an empty directory.
sys::Status discard(int dir, const std::string& name);
/// AT becomes a copy of KEPT: a regular file (or another name of FIRST, if that is one), a symbolic link to TARGET, or a FIFO.
/// EEXIST: something else is there by now. ENOTEMPTY: a directory with something in it is.
sys::Status put_file(const Place& at, const Entry& kept, const std::string& target, const sys::Fd& first);
/// AT becomes an empty directory, of mode kUnfinished.
sys::Status put_directory(const Place& at);
sys::Status change_mode(const Entry& now, mode_t mode);
/// The file AT is removed. EEXIST: something else is there by now.
sys::Status remove_file(const Place& at);
/// TO has all that FROM has, and nothing else; but those that overlays heed are left as they are.
sys::Status copy_attributes(const Entry& from, const Entry& to);

} // namespace ajail::store
