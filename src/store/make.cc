// SPDX-License-Identifier: Apache-2.0
// See make.h.
#include "store/make.h"

#include "store/settle.h"

#include <sys/xattr.h>

namespace ajail::store {

using sys::Call;
using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

// Only what there is data for: a jail can make files of any size that take up nothing.
Status copy_content(const Fd& from, const Fd& to, off_t size) {
    if (::ftruncate(to.get(), size) < 0) return sys::failed(Call::write);
    off_t at = 0;
    while (at < size) {
        off_t start = ::lseek(from.get(), at, SEEK_DATA);
        if (start < 0 && errno == ENXIO) break;
        off_t end = start < 0 ? -1 : ::lseek(from.get(), start, SEEK_HOLE);
        if (end < 0) return sys::failed(Call::read);
        if (::lseek(from.get(), start, SEEK_SET) < 0 || ::lseek(to.get(), start, SEEK_SET) < 0)
            return sys::failed(Call::read);
        std::vector<char> block(64 << 10);
        for (at = start; at < end;) {
            auto most = static_cast<std::size_t>(std::min<off_t>(end - at, static_cast<off_t>(block.size())));
            std::size_t got = TRY(sys::read_some(from.get(), std::span(block).first(most)));
            if (got == 0) return Done{}; // it has become shorter
            TRY(sys::write_all(to.get(), {block.data(), got}));
            at += static_cast<off_t>(got);
        }
    }
    return Done{};
}

std::string through_proc(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Status set_attributes(const std::string& path, const Attributes& wanted, const Attributes& there) {
    for (const auto& [name, value] : there)
        if (!wanted.contains(name) && !heeded_by_overlays(name) && ::removexattr(path.c_str(), name.c_str()) < 0)
            return sys::failed(Call::write);
    for (const auto& [name, value] : wanted) {
        auto has = there.find(name);
        if (heeded_by_overlays(name) || (has != there.end() && has->second == value)) continue;
        if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) < 0)
            return sys::failed(Call::write);
    }
    return Done{};
}

// Never a moment with rights that its content should not have: without a name, where the file system can do that.
struct Made {
    Fd file;
    bool named = false; ///< it has the temporary name
};
Result<Made> make_copy(const Place& at, const Entry& kept) {
    Fd from = TRY(open_file(kept));
    struct stat st = TRY(sys::fstat(from.get()));
    Made made;
    auto file = sys::openat(at.dir, ".", O_TMPFILE | O_WRONLY, 0600);
    if (made.named = !file; made.named)
        file = sys::openat(at.dir, at.temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0600);
    made.file = TRY(std::move(file));
    const Fd& to = made.file;
    TRY(copy_content(from, to, st.st_size));
    Attributes wanted = TRY(attributes(kept));
    TRY(set_attributes(through_proc(to.get()), wanted, {}));
    // Whose it is, where we may decide that; else it is ours.
    if (at.now.is(S_IFREG)) (void)sys::fchown(to.get(), at.now.st.st_uid, at.now.st.st_gid);
    TRY(sys::fchmod(to.get(), at.mode));
    const timespec times[] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, st.st_mtim};
    if (::futimens(to.get(), times) < 0) return sys::failed(Call::write);
    if (::fsync(to.get()) < 0) return sys::failed(Call::write);
    return made;
}

bool still_there(const Place& at) {
    auto now = look(at.dir, at.name);
    return now && note_of(*now) == note_of(at.now);
}

// What has the temporary name by now is what was seen. That it was renamed changes nothing but its status.
bool was_seen(const Place& at) {
    auto now = look(at.dir, at.temporary);
    if (!now) return false;
    Note is = note_of(*now), was = note_of(at.now);
    is.status = was.status = 0;
    return is == was;
}

Status exchange(const Place& at) {
    if (::renameat2(at.dir, at.temporary.c_str(), at.dir, at.name.c_str(), RENAME_EXCHANGE) == 0) return Done{};
    return sys::failed(Call::rename);
}

bool is_temporary(const Place& at, const Entry& ours) {
    auto now = look(at.dir, at.temporary);
    return now && (*now).there() && (*now).st.st_ino == ours.st.st_ino && (*now).st.st_dev == ours.st.st_dev;
}

// OURS is in its place, and what was there has the temporary name. It is removed, if it is what was seen: the host may have
// replaced it until the very last moment. Else it is put back, and what the host has put there meanwhile as well.
Status remove_old(const Place& at, const Entry& ours) {
    constexpr int kTries = 16;
    Status removed = was_seen(at) ? discard(at.dir, at.temporary) : Status(sys::refused(EEXIST));
    if (removed) return removed;
    for (int left = kTries; left > 0 && !is_temporary(at, ours); --left) {
        if (exchange(at)) continue;
        // Nobody has that name any more.
        if (::renameat2(at.dir, at.temporary.c_str(), at.dir, at.name.c_str(), RENAME_NOREPLACE) == 0) break;
    }
    return removed;
}

// The temporary name's file, OURS, becomes AT.
Status put_in_place(const Place& at, const Entry& ours) {
    if (!still_there(at)) return sys::refused(EEXIST);
    const char *temporary = at.temporary.c_str(), *name = at.name.c_str();
    if (at.now.there()) {
        Status done = exchange(at);
        if (done) return remove_old(at, ours);
        if (done.error().err != EINVAL || at.now.is(S_IFDIR)) return done; // some file systems cannot do that
        return ::renameat(at.dir, temporary, at.dir, name) == 0 ? Status(Done{}) : Status(sys::failed(Call::rename));
    }
    if (::renameat2(at.dir, temporary, at.dir, name, RENAME_NOREPLACE) == 0) return Done{};
    return sys::failed(Call::rename);
}

// Or nothing of it is left.
Status put_temporary(const Place& at) {
    Entry ours = TRY(look(at.dir, at.temporary));
    Status put = put_in_place(at, ours);
    if (!put && is_temporary(at, ours)) (void)discard(at.dir, at.temporary);
    return put;
}

Status make_temporary(const Place& at, const Entry& kept, const std::string& target, const Fd& first) {
    const char* temporary = at.temporary.c_str();
    if (kept.is(S_IFLNK)) return sys::symlinkat(target.c_str(), at.dir, temporary);
    if (kept.is(S_IFIFO)) {
        if (::mkfifoat(at.dir, temporary, 0600) < 0) return sys::failed(Call::mknod);
        Fd made = TRY(sys::openat(at.dir, temporary, O_PATH | O_NOFOLLOW));
        struct stat st = TRY(sys::fstat(made.get()));
        return S_ISFIFO(st.st_mode) ? sys::chmod_path(made.get(), at.mode) : Status(sys::refused(EEXIST));
    }
    if (first) return sys::link_file(first.get(), at.dir, temporary);
    Made made = TRY(make_copy(at, kept));
    return made.named ? Status(Done{}) : sys::link_file(made.file.get(), at.dir, temporary);
}

} // namespace

Status discard(int dir, const std::string& name) {
    if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return Done{};
    if (errno != EISDIR) return sys::failed(Call::unlink);
    return ::unlinkat(dir, name.c_str(), AT_REMOVEDIR) == 0 ? Status(Done{}) : Status(sys::failed(Call::rmdir));
}

Status put_file(const Place& at, const Entry& kept, const std::string& target, const Fd& first) {
    // A new one needs no other name before its own.
    if (!at.now.there() && kept.is(S_IFREG)) {
        if (first) return sys::link_file(first.get(), at.dir, at.name.c_str());
        Made made = TRY(make_copy(at, kept));
        if (!made.named) return sys::link_file(made.file.get(), at.dir, at.name.c_str());
    } else if (Status made = make_temporary(at, kept, target, first); !made) {
        if (made.error().err != EEXIST) (void)discard(at.dir, at.temporary);
        return made;
    }
    return put_temporary(at);
}

Status put_directory(const Place& at) {
    if (!at.now.there()) return sys::mkdirat(at.dir, at.name.c_str(), kUnfinished);
    TRY(sys::mkdirat(at.dir, at.temporary.c_str(), kUnfinished));
    return put_temporary(at);
}

Status remove_file(const Place& at) {
    const char *temporary = at.temporary.c_str(), *name = at.name.c_str();
    if (!still_there(at)) return sys::refused(EEXIST);
    if (::renameat2(at.dir, name, at.dir, temporary, RENAME_NOREPLACE) == 0) {
        if (was_seen(at)) return discard(at.dir, at.temporary);
        if (::renameat2(at.dir, temporary, at.dir, name, RENAME_NOREPLACE) < 0) return sys::failed(Call::rename);
        return sys::refused(EEXIST);
    }
    if (errno != EINVAL) return sys::failed(Call::rename); // some file systems cannot do that
    return ::unlinkat(at.dir, name, 0) == 0 ? Status(Done{}) : Status(sys::failed(Call::unlink));
}

Status change_mode(const Entry& now, mode_t mode) {
    Fd file = TRY(sys::openat(now.dir, now.name.c_str(), O_PATH | O_NOFOLLOW));
    struct stat st = TRY(sys::fstat(file.get()));
    if (note_of({.dir = now.dir, .name = now.name, .st = st}) != note_of(now)) return sys::refused(EEXIST);
    return sys::chmod_path(file.get(), mode);
}

Status copy_attributes(const Entry& from, const Entry& to) {
    Attributes wanted = TRY(attributes({.dir = from.dir, .name = from.name, .st = to.st}));
    Attributes there = TRY(attributes(to));
    return set_attributes(through_proc(to.dir), wanted, there);
}

} // namespace ajail::store
