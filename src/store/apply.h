// SPDX-License-Identifier: Apache-2.0
// Carries what a kept layer changes to the directory that it lies on. By three states: what was there when the jail changed
// it (its note), what is kept, what is there now. What the host has changed as well stays as it is.
#pragma once

#include "store/changes.h"
#include "store/settle.h"

namespace ajail::store {

enum class Why : std::uint8_t {
    changed,        ///< on the host, since the jail ran
    changed_under,  ///< on the host, while it ran
    unknown,        ///< there is no note
    no_parent,      ///< the directory that it is in is not there, or is something else
    not_empty,      ///< a directory with something in it that the jail knew nothing of
    reserved,       ///< a name of our own
    host_runs,      ///< by itself
    git,            ///< a git directory, whose files make sense together only
    above_left_out, ///< the directory that it is in is not carried over
    special,        ///< a device or a socket
    set_id,         ///< set-user-ID or set-group-ID bits
    others_write,   ///< that group and others may write, or get at the top at all
    overlay,        ///< attributes that overlays heed
    failed          ///< a call did
};

struct Said {
    std::string path; ///< as in Visit
    Change::Kind kind = Change::modified;
    Why why = Why::failed;
    int err = 0; ///< for `failed`
};

struct Applied {
    std::vector<Said> applied;
    std::vector<std::string> already; ///< was carried over before, and is not in the notes yet
    std::vector<Said> refused;        ///< there is a conflict, or it could not be done
    std::vector<Said> left_out;       ///< or a part of it: never carried over, or not unless it is named
};

struct Wishes {
    std::vector<std::string> paths; ///< these and what is in them, as in Visit; an empty one is all
    std::string temporary;          ///< a file name for us alone; one that is there is removed
    bool dry = false;               ///< nothing is written
    bool last = false;              ///< what cannot be read is refused, and no reason to do nothing
    std::function<bool(const std::string& path, mode_t mode)> host_runs; ///< MODE: what it becomes
    bool git = false;     ///< git directories are carried over as anything else is
    bool all_git = false; ///< the layer lies on one
    mode_t umask = 022;   ///< of the caller
    std::function<void(std::size_t done, std::size_t all)> progress = {};
};

/// EACCES: files of ids that we may not read; then as their root.
sys::Result<Applied> apply(const Kept& kept, const Layer& layer, const Wishes& wishes);

/// What is called `.git` and PATH is or is in, the first of them.
std::optional<std::string> git_directory_in(const std::string& path);

/// PATH is TOP or in it.
bool in_or_at(const std::string& path, const std::string& top);

} // namespace ajail::store
