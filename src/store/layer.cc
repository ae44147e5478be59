// SPDX-License-Identifier: Apache-2.0
// See layer.h. Overlayfs as the kernel documents it (filesystems/overlayfs.rst), with userxattr and without redirects,
// metacopy and index: a character device 0:0 is a whiteout, `user.overlay.opaque` hides what lies below a directory.
#include "store/layer.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <limits>
#include <sys/xattr.h>

namespace ajail::store {

using sys::Call;
using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

constexpr std::uint64_t kNoLinks = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
constexpr std::string_view kUser = "user.", kPrivate = "user.overlay.", kEscaped = "user.overlay.overlay.";
// Each level holds two descriptors. A path that is longer than the kernel takes (PATH_MAX) is of no use to anybody.
constexpr std::size_t kDeepest = 1000;

// There are no l*xattrat() calls before Linux 6.13. Follows nothing at the end.
std::string through_proc(const Entry& entry) {
    return "/proc/self/fd/" + std::to_string(entry.dir) + "/" + entry.name;
}

// Of one whose size may change meanwhile.
template <class Get> Result<std::string> sized(Get get) {
    std::string bytes(256, '\0');
    for (;;) {
        ssize_t size = get(bytes.data(), bytes.size());
        if (size >= 0) return bytes.substr(0, static_cast<std::size_t>(size));
        if (errno != ERANGE || bytes.size() > XATTR_LIST_MAX) return sys::failed(Call::read);
        bytes.resize(bytes.size() * 16);
    }
}

// A regular file stands for a whiteout in some layers that were made by other means.
bool is_whiteout(const Entry& entry) {
    if (entry.is(S_IFCHR)) return entry.st.st_rdev == 0;
    if (!entry.is(S_IFREG) || entry.st.st_size != 0) return false;
    return ::lgetxattr(through_proc(entry).c_str(), "user.overlay.whiteout", nullptr, 0) >= 0;
}

Result<Fd> enter(const Entry& entry) {
    return sys::openat2(entry.dir, entry.name.c_str(), O_RDONLY | O_DIRECTORY,
                        RESOLVE_BENEATH | RESOLVE_NO_XDEV | kNoLinks);
}

class Walk {
public:
    Walk(const Visit& visit, std::vector<Problem>& problems) : visit_(visit), problems_(problems) {}

    // HIDES: what lies below is not seen through KEPT.
    void directory(const Fd& kept, const Fd& below, bool hides, const std::string& path, std::size_t depth) {
        std::vector<std::string> names;
        bool whole = !kept || add_names(kept, path, names);
        if (below && hides) whole = add_names(below, path, names) && whole;
        if (!whole) return;
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        for (const std::string& name : names)
            entry(kept, below, hides, path.empty() ? name : path + "/" + name, name, depth);
    }

    void entry(const Fd& kept, const Fd& below, bool hides, const std::string& path, const std::string& name,
               std::size_t depth) {
        auto above = look_at(kept, name), under = look_at(below, name);
        if (!above || !under) return problem(path, (above ? under : above).error().err);
        Entry its = std::move(above).take();
        const Entry& lower = *under;
        if (its.there() && is_whiteout(its)) its.st = {};
        if (!its.there() && !lower.there()) return;
        if (auto visited = visit_(path, its, lower); !visited) problem(path, visited.error().err);
        bool enters = its.is(S_IFDIR), enters_lower = lower.is(S_IFDIR);
        if (!enters && !enters_lower) return;
        if (depth >= kDeepest) return problem(path, ENAMETOOLONG);
        auto next = enters ? enter(its) : Result<Fd>(Fd());
        auto next_lower = enters_lower ? enter(lower) : Result<Fd>(Fd());
        if (!next || !next_lower) return problem(path, (next ? next_lower : next).error().err);
        bool opaque = hides || !enters || overlay_mark(its, "opaque") == "y";
        directory(*next, *next_lower, opaque, path, depth + 1);
    }

private:
    static Result<Entry> look_at(const Fd& dir, const std::string& name) {
        return dir ? look(dir.get(), name) : Entry{};
    }

    void problem(const std::string& path, int err) { problems_.push_back({path, err}); }

    bool add_names(const Fd& dir, const std::string& path, std::vector<std::string>& names) {
        auto found = sys::names_in(dir.get());
        if (!found) return problem(path, found.error().err), false;
        std::vector<std::string> more = std::move(found).take();
        std::move(more.begin(), more.end(), std::back_inserter(names));
        return true;
    }

    const Visit& visit_;
    std::vector<Problem>& problems_;
};

} // namespace

Result<Entry> look(int dir, const std::string& name) {
    Entry entry{.dir = dir, .name = name};
    if (::fstatat(dir, name.c_str(), &entry.st, AT_SYMLINK_NOFOLLOW) == 0) return entry;
    entry.st = {};
    // ENAMETOOLONG: another file system than the other side's, which takes less. It cannot be there.
    if (errno == ENOENT || errno == ENAMETOOLONG) return entry;
    return sys::failed(Call::fstat);
}

Result<Sides> open_sides(const Kept& kept, const Layer& layer) {
    Sides sides;
    auto upper = sys::openat2(kept.dir(), ("layers/" + layer.id + ".upper").c_str(), O_RDONLY | O_DIRECTORY,
                              RESOLVE_BENEATH | RESOLVE_NO_XDEV | kNoLinks);
    if (!upper && upper.error().err != ENOENT) return upper.error();
    if (upper) sides.kept = std::move(upper).take();
    if (layer.kind == Layer::home) return sides;
    std::string source = layer.source;
    if (layer.kind == Layer::file) {
        std::size_t slash = source.rfind('/');
        if (slash == std::string::npos || slash + 1 == source.size()) return sys::refused(EINVAL);
        sides.only = source.substr(slash + 1);
        source.resize(slash == 0 ? 1 : slash);
    }
    sides.below = TRY(sys::openat2(AT_FDCWD, source.c_str(), O_RDONLY | O_DIRECTORY, kNoLinks));
    return sides;
}

void walk(const Sides& sides, const Visit& visit, std::vector<Problem>& problems) {
    if (!sides.kept) return; // not one change
    Walk walker(visit, problems);
    if (!sides.only.empty()) return walker.entry(sides.kept, sides.below, false, sides.only, sides.only, 0);
    Entry kept{.dir = sides.kept.get(), .name = "."}, below{.dir = sides.below.get(), .name = "."};
    if (sides.below && ::fstat(kept.dir, &kept.st) == 0 && ::fstat(below.dir, &below.st) == 0)
        if (auto visited = visit("", kept, below); !visited) problems.push_back({"", visited.error().err});
    walker.directory(sides.kept, sides.below, !sides.below || overlay_mark(kept, "opaque") == "y", "", 0);
}

// What lies below counts where something above it hides it.
Result<bool> is_in(const Sides& sides, const std::string& path) {
    if (!sides.kept) return false;
    if (path.empty() || path == sides.only) return true;
    auto open_in = [](int dir, const std::string& name) {
        return sys::openat2(dir, name.c_str(), O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_XDEV | kNoLinks);
    };
    Fd dir = TRY(open_in(sides.kept.get(), "."));
    bool hides = !sides.below || overlay_mark({.dir = dir.get(), .name = "."}, "opaque") == "y";
    for (std::size_t start = 0;;) {
        std::size_t slash = path.find('/', start);
        Entry entry = TRY(look(dir.get(), path.substr(start, slash == std::string::npos ? slash : slash - start)));
        if (entry.there() && slash == std::string::npos) return true;
        if (!entry.is(S_IFDIR)) {
            hides = hides || entry.there();
            break;
        }
        hides = hides || overlay_mark(entry, "opaque") == "y";
        dir = TRY(open_in(dir.get(), entry.name));
        start = slash + 1;
    }
    if (!hides || !sides.below) return false;
    auto lower = sys::openat2(sides.below.get(), path.c_str(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | kNoLinks);
    return static_cast<bool>(lower);
}

std::string overlay_mark(const Entry& entry, const char* name) {
    std::array<char, 16> value{};
    std::string attribute = std::string(kPrivate) + name;
    ssize_t size = ::lgetxattr(through_proc(entry).c_str(), attribute.c_str(), value.data(), value.size());
    if (size < 0) return errno == ERANGE ? "?" : "";
    return {value.data(), static_cast<std::size_t>(size)};
}

bool has_overlay_mark(const Entry& entry, const char* name) {
    return ::lgetxattr(through_proc(entry).c_str(), (std::string(kPrivate) + name).c_str(), nullptr, 0) >= 0;
}

bool heeded_by_overlays(const std::string& attribute) { return attribute.starts_with(kPrivate); }

Result<Attributes> attributes(const Entry& entry) {
    Attributes found;
    if (!entry.is(S_IFREG) && !entry.is(S_IFDIR)) return found; // others have none of a user's, xattr(7)
    std::string path = through_proc(entry);
    auto listed = sized([&](char* into, std::size_t size) { return ::llistxattr(path.c_str(), into, size); });
    if (!listed && (listed.error().err == ENOTSUP || listed.error().err == ENOSYS)) return found;
    std::string names = TRY(std::move(listed));
    for (std::size_t at = 0; at < names.size(); at += std::strlen(names.c_str() + at) + 1) {
        std::string name = names.c_str() + at;
        if (!name.starts_with(kUser)) continue;
        bool escaped = name.starts_with(kEscaped);
        if (name.starts_with(kPrivate) && !escaped) continue;
        std::string value = TRY(
            sized([&](char* into, std::size_t size) { return ::lgetxattr(path.c_str(), name.c_str(), into, size); }));
        if (escaped) name = std::string(kPrivate) + name.substr(kEscaped.size());
        found.emplace(std::move(name), std::move(value));
    }
    return found;
}

Result<Fd> open_file(const Entry& entry) {
    // What a jail or the host puts there meanwhile is neither followed nor waited for.
    Fd file = TRY(sys::openat(entry.dir, entry.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    struct stat st = TRY(sys::fstat(file.get()));
    return S_ISREG(st.st_mode) ? Result<Fd>(std::move(file)) : Result<Fd>(sys::refused(EINVAL));
}

namespace {

constexpr std::size_t kBlock = 64 << 10;
using Block = std::vector<char>;

Result<std::size_t> fill(const Fd& file, Block& block) {
    std::size_t got = 0;
    while (got < block.size()) {
        std::size_t more = TRY(sys::read_some(file.get(), std::span(block).subspan(got)));
        if (more == 0) break;
        got += more;
    }
    return got;
}

// Where there is data, from AT on: a jail can make files of any size that are nothing but holes.
off_t next_data(const Fd& file, off_t at) {
    off_t data = ::lseek(file.get(), at, SEEK_DATA);
    if (data < 0) return errno == ENXIO ? std::numeric_limits<off_t>::max() : at;
    return data - data % static_cast<off_t>(kBlock);
}

} // namespace

Result<bool> same_content(const Entry& a, const Entry& b) {
    Fd one = TRY(open_file(a)), other = TRY(open_file(b));
    Block left(kBlock), right(kBlock);
    for (off_t at = 0;; at += static_cast<off_t>(kBlock)) {
        at = std::min(next_data(one, at), next_data(other, at));
        if (at == std::numeric_limits<off_t>::max()) return true;
        if (::lseek(one.get(), at, SEEK_SET) < 0 || ::lseek(other.get(), at, SEEK_SET) < 0)
            return sys::failed(Call::read);
        std::size_t got = TRY(fill(one, left)), its = TRY(fill(other, right));
        if (got != its || std::memcmp(left.data(), right.data(), got) != 0) return false;
        if (got < kBlock) return true;
    }
}

Result<std::uint64_t> sum_of(const Entry& entry) {
    Fd file = TRY(open_file(entry));
    Block block(kBlock);
    std::uint64_t sum = 0xcbf29ce484222325; // FNV-1a, of all bytes but zeros
    for (off_t at = 0;; at += static_cast<off_t>(kBlock)) {
        at = next_data(file, at);
        if (at == std::numeric_limits<off_t>::max()) return sum;
        if (::lseek(file.get(), at, SEEK_SET) < 0) return sys::failed(Call::read);
        std::size_t got = TRY(fill(file, block));
        for (std::size_t i = 0; i < got; ++i)
            if (block[i] != 0) sum = (sum ^ static_cast<unsigned char>(block[i])) * 0x100000001b3;
        if (got < kBlock) return sum;
    }
}

Result<Difference> difference(const Entry& kept, const Entry& below, Count count) {
    Difference found;
    found.type = (kept.st.st_mode & S_IFMT) != (below.st.st_mode & S_IFMT);
    if (found.type) return found;
    if (kept.is(S_IFLNK)) {
        std::string is = TRY(sys::readlinkat(kept.dir, kept.name.c_str()));
        std::string was = TRY(sys::readlinkat(below.dir, below.name.c_str()));
        found.target = is != was;
        return found; // its mode is always the same
    }
    bool all = count == Count::everything;
    mode_t not_carried_over = kSetId | (kept.mode() & ~below.mode() & kOthersWrite);
    found.mode = ((kept.mode() ^ below.mode()) & ~(all ? 0 : not_carried_over)) != 0;
    if (kept.is(S_IFCHR) || kept.is(S_IFBLK)) found.content = kept.st.st_rdev != below.st.st_rdev;
    if (kept.is(S_IFREG)) found.content = kept.st.st_size != below.st.st_size || !TRY(same_content(kept, below));
    Attributes is = TRY(attributes(kept)), was = TRY(attributes(below));
    Attributes either = is;
    either.insert(was.begin(), was.end());
    for (const auto& [name, value] : either) {
        auto now = is.find(name), before = was.find(name);
        bool same = now != is.end() && before != was.end() && now->second == before->second;
        if (!same && (all || !heeded_by_overlays(name))) found.attributes.push_back(name);
    }
    return found;
}

std::string path_inside(const Layer& layer, const std::string& path) {
    if (path.empty() || layer.kind == Layer::file) return layer.target;
    return layer.target == "/" ? "/" + path : layer.target + "/" + path;
}

} // namespace ajail::store
