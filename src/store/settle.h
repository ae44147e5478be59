// SPDX-License-Identifier: Apache-2.0
// What lay below each change of a kept layer when it was made: base/ID. By that `apply` sees whether the host has changed
// the same meanwhile.
#pragma once

#include "store/layer.h"

#include <unordered_map>

namespace ajail::store {

/// What a path was on the host, as far as it can be told cheaply that it still is.
struct Note {
    enum What : std::uint8_t {
        absent,
        present,
        changed ///< while the jail ran, which may have seen what was there before: never what is there now
    } what = absent;
    std::uint64_t inode = 0, mode = 0;
    std::int64_t size = 0, modified = 0, status = 0; ///< nanoseconds; of a directory all three are 0
    bool ours = false;                               ///< there was nothing, and it was carried over
    /// What is there is the same, whoever has made it.
    bool operator==(const Note& other) const {
        return what == other.what && inode == other.inode && mode == other.mode && size == other.size &&
               modified == other.modified && status == other.status;
    }
};
/// What is there now.
Note note_of(const Entry& below);

using Notes = std::unordered_map<std::string, Note>;
/// Those of the layer ID, by path; none if there are none yet. EINVAL: the file is none of ours.
sys::Result<Notes> read_notes(const Kept& kept, const std::string& id);

/// The numbers of directories, by path as in Visit, for each layer's id: when a run began.
using Seen = std::map<std::string, std::unordered_map<std::string, std::uint64_t>>;
/// Of the user's directories, MOST of each. By that a directory that was replaced while a jail ran is told from one in
/// which something was made, or removed; of those that are not in it, either is believed.
Seen look_at_directories(const Kept& kept, std::size_t most);

/// Notes for every change, if a run has begun since that was done last. One that is noted already keeps its note, unless it
/// was applied. KEPT is ours alone. EACCES: files of ids that we may not read; then as their root. But if this is LAST, what
/// cannot be read has no note.
sys::Status settle(Kept& kept, bool last, const Seen& seen = {});

} // namespace ajail::store
