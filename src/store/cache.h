// SPDX-License-Identifier: Apache-2.0
// What `mkfs` keeps of what it has made: HOME/cache, archives. A jail that was given a directory above HOME can write
// to them, as it can to the root filesystems.
#pragma once

#include "sys/calls.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ajail::store {

/// Files SLOT.KEY.SUM.tar: what it is, everything that it was made from, and of its bytes; both hexadecimal SHA-256. Each
/// appears whole or not at all, and there is one for a slot, the newest.
class Cache {
public:
    /// Made if it is not there. EPERM: others may get into it, so nothing in it is to be believed.
    static sys::Result<Cache> open(const std::string& home);
    const std::string& path() const { return path_; }

    /// A file without a name; gone with the descriptor unless it is kept.
    sys::Result<sys::Fd> file() const;
    /// Gives FILE its name, and removes what was in SLOT. Of all slots the kMost that were filled last are kept.
    /// EWOULDBLOCK: somebody else is just doing so.
    sys::Status keep(const sys::Fd& file, const std::string& slot, const std::string& key,
                     const std::string& sum) const;

private:
    Cache() = default;
    sys::Fd dir_;
    std::string path_;
};

constexpr std::size_t kMost = 6;

struct Archive {
    std::string name;
    std::uint64_t size = 0; ///< bytes on disk
    std::int64_t made = 0;  ///< seconds since 1970
};
/// What is in HOME/cache, the newest first.
std::vector<Archive> archives(const std::string& home);
/// Removes HOME/cache, if there is one. Nobody waits for that: who reads an archive has it open.
sys::Status remove_cache(const std::string& home);

/// 64 hexadecimal digits, and nothing else.
bool is_sum(std::string_view text);

} // namespace ajail::store
