// SPDX-License-Identifier: Apache-2.0
// A kept layer beside what lies below it: one walk over both, path by path, and what differs between the two. What a jail
// has made and what the host has now are looked at one name at a time, beneath open directories; no link is followed.
#pragma once

#include "store/kept.h"
#include "sys/calls.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ajail::store {

/// What has a name on one side; nothing, perhaps.
struct Entry {
    int dir = -1; ///< the directory that it is in, open
    std::string name;
    struct stat st {};

    bool there() const { return st.st_mode != 0; }
    bool is(mode_t type) const { return (st.st_mode & S_IFMT) == type; }
    mode_t mode() const { return st.st_mode & 07777; }
};

/// A layer's two sides, open. For a layer of one file, of the directory that this is in.
struct Sides {
    sys::Fd kept, below; ///< either may be empty: nothing was written, there is nothing below
    std::string only;    ///< the one name that counts, if not all do
};
sys::Result<Sides> open_sides(const Kept& kept, const Layer& layer);

/// What could not be looked at, and why.
struct Problem {
    std::string path; ///< as in Visit
    int err = 0;
};

/// PATH is relative to the layer's top, without a slash at its beginning; empty for the top itself.
using Visit = std::function<sys::Status(const std::string& path, const Entry& kept, const Entry& below)>;
/// Visits each path that the layer says something about: what is in it (a whiteout: KEPT is not there), and what it hides
/// (everything below a directory that was deleted or replaced). A directory comes before what is in it, names in the order
/// of their bytes. What could not be looked at, or of which VISIT returns an error, is in PROBLEMS.
void walk(const Sides& sides, const Visit& visit, std::vector<Problem>& problems);

/// As the jail sees them: without those that overlayfs keeps its own books by.
using Attributes = std::map<std::string, std::string>;
sys::Result<Attributes> attributes(const Entry& entry);

/// What apply never carries over: set-user-ID and set-group-ID bits of files, attributes that an overlay would heed.
constexpr mode_t kSetId = S_ISUID | S_ISGID;
/// What it does not add unless that is wished.
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
bool heeded_by_overlays(const std::string& attribute);

struct Difference {
    bool type = false, content = false, mode = false, target = false; ///< `target`: of a symbolic link
    std::vector<std::string> attributes;

    bool any() const { return type || content || mode || target || !attributes.empty(); }
};
enum class Count { everything, what_is_carried_over };
/// Between what is there on both sides.
sys::Result<Difference> difference(const Entry& kept, const Entry& below, Count count = Count::everything);

/// The regular file ENTRY, for reading; EINVAL if it is none by now.
sys::Result<sys::Fd> open_file(const Entry& entry);
/// Of files of the same size.
sys::Result<bool> same_content(const Entry& a, const Entry& b);
/// Of all that is in it; not more than a hint that two are the same.
sys::Result<std::uint64_t> sum_of(const Entry& entry);
/// The attribute NAME that the kept ENTRY has for overlayfs; empty if it has not.
std::string overlay_mark(const Entry& entry, const char* name);
/// Likewise, whether it has it: to overlayfs of a user namespace some are nothing but there.
bool has_overlay_mark(const Entry& entry, const char* name);

/// What has the name NAME in DIR; Entry::there() is false if nothing has.
sys::Result<Entry> look(int dir, const std::string& name);

/// The layer says something about PATH, as in Visit, or about what is in it.
sys::Result<bool> is_in(const Sides& sides, const std::string& path);

/// PATH in the jail, of PATH in LAYER.
std::string path_inside(const Layer& layer, const std::string& path);

} // namespace ajail::store
