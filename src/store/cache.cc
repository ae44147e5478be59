// SPDX-License-Identifier: Apache-2.0
// See cache.h. Changed under an exclusive lock on the directory; read without one.
#include "store/cache.h"

#include "store/store.h"

#include <algorithm>
#include <unistd.h>

namespace ajail::store {

using sys::Call;
using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

constexpr std::size_t kSum = 64;
constexpr std::string_view kSuffix = ".tar";

// SLOT of an archive's name; empty if it is not one.
std::string_view slot_of(std::string_view name) {
    constexpr std::size_t kRest = 2 * (kSum + 1) + kSuffix.size();
    if (name.size() <= kRest || !name.ends_with(kSuffix)) return {};
    std::string_view sums = name.substr(name.size() - kRest);
    bool good = sums[0] == '.' && sums[kSum + 1] == '.' && is_sum(sums.substr(1, kSum)) &&
                is_sum(sums.substr(kSum + 2, kSum));
    return good ? name.substr(0, name.size() - kRest) : std::string_view{};
}

std::vector<Archive> archives_in(int dir) {
    std::vector<Archive> found;
    auto names = sys::names_in(dir);
    if (!names) return found;
    for (const std::string& name : *names) {
        struct stat st {};
        if (slot_of(name).empty() || ::fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
        found.push_back({name, static_cast<std::uint64_t>(st.st_blocks) * 512, st.st_mtim.tv_sec});
    }
    std::sort(found.begin(), found.end(), [](const Archive& a, const Archive& b) {
        return a.made != b.made ? a.made > b.made : a.name < b.name;
    });
    return found;
}

} // namespace

bool is_sum(std::string_view text) {
    return text.size() == kSum && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<Cache> Cache::open(const std::string& home) {
    Cache cache;
    cache.path_ = home + "/cache";
    cache.dir_ = TRY(open_own(cache.path_));
    return cache;
}

Result<Fd> Cache::file() const { return sys::openat(dir_.get(), ".", O_TMPFILE | O_RDWR, 0600); }

Status Cache::keep(const Fd& file, const std::string& slot, const std::string& key, const std::string& sum) const {
    std::string name = slot + "." + key + "." + sum + std::string(kSuffix);
    if (slot.empty() || slot_of(name) != slot || slot.find('/') != std::string::npos) return sys::refused(EINVAL);
    Fd held = TRY(lock(path_, Hold::exclusive));
    Status linked = sys::link_file(file.get(), dir_.get(), name.c_str());
    if (!linked && linked.error().err != EEXIST) return linked;
    std::size_t others = 0;
    for (const Archive& one : archives_in(dir_.get()))
        if (one.name != name && (slot_of(one.name) == slot || ++others >= kMost))
            if (::unlinkat(dir_.get(), one.name.c_str(), 0) < 0) return sys::failed(Call::unlink);
    return Done{};
}

std::vector<Archive> archives(const std::string& home) {
    auto dir = sys::open((home + "/cache").c_str(), O_RDONLY | O_DIRECTORY);
    return dir ? archives_in((*dir).get()) : std::vector<Archive>{};
}

Status remove_cache(const std::string& home) {
    auto dir = sys::open(home.c_str(), O_RDONLY | O_DIRECTORY);
    if (!dir) return Done{};
    Status removed = remove_tree((*dir).get(), "cache");
    return !removed && removed.error().err == ENOENT ? Status(Done{}) : removed;
}

} // namespace ajail::store
