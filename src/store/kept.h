// SPDX-License-Identifier: Apache-2.0
// Kept layers: what a jail would have thrown away, under HOME/kept/NAME, to be looked at, taken up again, applied or
// discarded. NAME is locked by whoever uses it; what is in it is always whole: files are replaced, never written to.
//
//     manifest.json   what the layers are
//     layers/         ID.upper and ID.work, as overlayfs has them; the jail's ids own it
//     base/ID         what lay below each change when it was made, see settle.h
#pragma once

#include "store/store.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ajail::store {

struct Layer {
    enum Kind : std::uint8_t {
        root,      ///< a root filesystem
        directory, ///< of the user's
        file,      ///< likewise: of the directory that it is in, only its name counts
        system,    ///< a directory of the host's system
        home,      ///< an empty one: no overlay, and nothing below
    } kind = directory;
    std::string id;
    std::string target; ///< inside
    std::string source; ///< on the host, without symbolic links; empty for `home`
    std::set<std::string> made =
        {};                  ///< targets of mounts inside: what is made for them, or their parents, is no change
    std::uint64_t inode = 0; ///< of the source, when a run began last; 0: not known
};

/// NAME of HOME/kept, locked while this lives.
class Kept {
public:
    /// ENOENT: there is none. EWOULDBLOCK: somebody uses it. EINVAL: its manifest cannot be read. Without HOLD it is not
    /// locked: for who only looks, while it is used.
    static sys::Result<Kept> open(const std::string& home, const std::string& name, std::optional<Hold> hold);
    /// The same, exclusively; made if it is not there. OWNER: whose the layers are, for a jail that has other ids.
    static sys::Result<Kept> open_or_create(const std::string& home, const std::string& name, unsigned owner);

    const std::string& path() const { return path_; }
    int dir() const { return dir_.get(); }
    bool created() const { return created_; }   ///< by open_or_create()
    std::int64_t made() const { return made_; } ///< seconds since 1970
    const std::vector<Layer>& layers() const { return layers_; }
    /// The layer for TARGET, which is a new one if there is none. Not on disk before begin().
    Layer& layer(const std::string& target);

    /// Nanoseconds of CLOCK_REALTIME: a run has begun then, and nobody has noted what lies below its changes. It runs, or
    /// it was killed.
    std::optional<std::int64_t> since() const { return since_; }
    /// A run begins. What is applied is one as well, above the same.
    sys::Status begin(std::int64_t now);
    /// What lies below is what it is now.
    void look_below();
    /// What lies below has been noted.
    sys::Status settled();

private:
    sys::Status read();
    sys::Status write() const;

    std::string path_;
    sys::Fd dir_;
    bool created_ = false;
    std::int64_t made_ = 0;
    std::optional<std::int64_t> since_;
    std::vector<Layer> layers_;
};

/// What is kept, sorted by name.
std::vector<std::string> kept_names(const std::string& home);

/// The file NAME in DIR, which only we write to, becomes TEXT, at once and for good (fsync(2)): whoever reads it, also after
/// a crash, sees all of the old text or of the new one.
sys::Status replace_file(int dir, const std::string& name, std::string_view text);

} // namespace ajail::store
