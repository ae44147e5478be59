// SPDX-License-Identifier: Apache-2.0
// See deputy.h. Paths are walked by the kernel, from the asker's root; magic links are not followed, for in /proc/self
// they would be ours. What was found is looked at, and changed, by one descriptor: nothing can be swapped in between.
#include "policy/deputy.h"

#include "policy/task.h"
#include "spec/procfs.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ajail::policy {

namespace {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

constexpr int kTemporary = O_TMPFILE & ~O_DIRECTORY;
constexpr mode_t kPlain = 01777;
// Those that open(2) knows; it takes no notice of others, which openat2(2) refuses.
constexpr int kOpenFlags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |
                           O_ASYNC | O_DIRECT | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_TMPFILE |
                           sys::kLargeFile;

// Without these, a directory of the host that somebody has handed to the payload (unix(7), SCM_RIGHTS) would be open.
Status stay_inside() {
    unsigned abi = TRY(sys::landlock_abi());
    if (abi == 0) return sys::refused(EPERM); // the payload is under one
    sys::LandlockRuleset attr{};
    attr.handled_access_fs =
        LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE;
    if (abi >= 3) attr.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
    Fd ruleset = TRY(sys::landlock_ruleset(attr, static_cast<int>(abi)));
    Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    TRY(sys::landlock_allow(ruleset.get(), root.get(), attr.handled_access_fs));
    return sys::landlock_enforce(ruleset.get());
}

std::string link(const Fd& fd) { return "self/fd/" + std::to_string(fd.get()); }

bool own(const Fd& fd, const Place& place) {
    auto id = sys::mount_id(fd.get());
    return id && std::find(place.own.begin(), place.own.end(), *id) != place.own.end();
}

Status set_mode(const Fd& proc, const Fd& found, const Deed& deed, const Place& place) {
    struct stat st = TRY(sys::fstat(found.get()));
    if (S_ISLNK(st.st_mode)) return sys::refused(EOPNOTSUPP);
    return sys::chmodat(proc.get(), link(found).c_str(),
                        allowed_bits(deed.bits, st.st_mode & S_IFMT, own(found, place)));
}

// Something that is there already: its mode stays. Only ordinary files are opened in somebody's place: a device would
// be opened as this process, and what is in /proc tells of it.
Result<Fd> open_existing(const Fd& proc, int base, const char* path, int flags) {
    int how = O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY));
    Fd found = TRY(sys::openat2(base, path, static_cast<unsigned>(how), RESOLVE_NO_MAGICLINKS));
    struct stat st = TRY(sys::fstat(found.get()));
    if (S_ISDIR(st.st_mode)) return sys::refused(EISDIR);
    if (S_ISLNK(st.st_mode)) return sys::refused(ELOOP);
    if (!S_ISREG(st.st_mode) || TRY(sys::is_proc(found.get()))) return sys::refused(EPERM);
    return sys::openat(proc.get(), link(found).c_str(), flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW));
}

// Made without these bits; those that may be are set on what was made.
Result<Fd> make(const Fd& proc, int base, const char* path, const Deed& deed, const Place& place) {
    auto flags = static_cast<unsigned>(deed.flags);
    if ((deed.flags & kTemporary) == 0) flags |= O_EXCL;
    auto made = sys::openat2(base, path, flags, RESOLVE_NO_MAGICLINKS, deed.bits & kPlain);
    if (!made && made.error().err == EEXIST && (deed.flags & O_EXCL) == 0)
        return open_existing(proc, base, path, deed.flags);
    if (!made) return made.error();
    Fd fd = std::move(made).take();
    struct stat st = TRY(sys::fstat(fd.get()));
    mode_t wanted = (st.st_mode & 07777) | (deed.bits & kSetId);
    if (!deed.device && S_ISREG(st.st_mode) && own(fd, place)) TRY(sys::fchmod(fd.get(), wanted));
    return fd;
}

std::uint64_t capabilities(const Fd& proc, const std::string& its, const std::string& status, const Place& place) {
    // In a user namespace of its own an asker has all of them, and they mean nothing here.
    auto theirs = sys::readlinkat(proc.get(), (its + "ns/user").c_str());
    std::string counts = place.userns;
    if (counts.empty())
        if (auto ours = sys::readlinkat(proc.get(), "self/ns/user")) counts = *ours;
    bool same = theirs && !counts.empty() && *theirs == counts;
    return same ? spec::number_of(status, "CapEff", 16) & place.caps : 0;
}

} // namespace

std::optional<Deed> deed_of(int nr, const std::uint64_t args[6]) {
    auto number = [&](int i) { return static_cast<int>(args[i]); };
    auto bits = [&](int i) { return static_cast<mode_t>(args[i]); };
    auto mode = [&](int dirfd, std::uint64_t path, int at, int flags) {
        return Deed{Deed::mode, true, dirfd, path, flags, bits(at) & 07777, false};
    };
    auto open = [&](int dirfd, std::uint64_t path, int flags, int at) {
        return Deed{Deed::open, true, dirfd, path, (flags & kOpenFlags) | sys::kLargeFile, bits(at) & 07777, false};
    };
    auto node = [&](int dirfd, std::uint64_t path, int at) {
        bool device = S_ISCHR(bits(at)) || S_ISBLK(bits(at));
        return Deed{Deed::node,       true,  dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                    bits(at) & 07777, device};
    };
    switch (nr) {
    case SYS_fchmod: return Deed{Deed::mode, false, number(0), 0, 0, bits(1) & 07777, false};
    case SYS_fchmodat: return mode(number(0), args[1], 2, 0);
    case sys::kFchmodat2: return mode(number(0), args[1], 2, number(3));
    case SYS_openat: return open(number(0), args[1], number(2), 3);
    case SYS_mknodat: return node(number(0), args[1], 2);
#ifdef SYS_chmod // aarch64 has none of these
    case SYS_chmod: return mode(AT_FDCWD, args[0], 1, 0);
    case SYS_open: return open(AT_FDCWD, args[0], number(1), 2);
    case SYS_creat: return open(AT_FDCWD, args[0], O_WRONLY | O_CREAT | O_TRUNC, 1);
    case SYS_mknod: return node(AT_FDCWD, args[0], 1);
#endif
    default: return std::nullopt;
    }
}

int named_descriptor(std::string_view path, pid_t task) {
    std::string by_number = "/proc/" + std::to_string(task) + "/fd/";
    for (std::string_view dir : {std::string_view("/proc/self/fd/"), std::string_view("/proc/thread-self/fd/"),
                                 std::string_view("/dev/fd/"), std::string_view(by_number)}) {
        if (!path.starts_with(dir)) continue;
        std::string_view name = path.substr(dir.size());
        int fd = -1;
        auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), fd);
        if (error == std::errc() && end == name.data() + name.size() && fd >= 0) return fd;
    }
    return -1;
}

mode_t allowed_bits(mode_t bits, mode_t type, bool own) { return own || type == S_IFDIR ? bits : bits & ~kSetId; }

Result<Asker> Asker::look(const Fd& proc, pid_t task, const Deed& deed, const std::string& path, const Place& place) {
    std::string its = std::to_string(task) + "/";
    Asker asker;
    asker.root_ = TRY(sys::openat(proc.get(), (its + "root").c_str(), O_PATH | O_DIRECTORY));
    // The one magic link that programs mean: what they have open.
    int named =
        deed.kind == Deed::mode && (deed.flags & AT_SYMLINK_NOFOLLOW) == 0 ? named_descriptor(path, task) : -1;
    asker.by_descriptor_ = !deed.has_path || named >= 0 || (path.empty() && (deed.flags & AT_EMPTY_PATH) != 0);
    int fd = named >= 0 ? named : deed.dirfd;
    std::string base = its + (fd == AT_FDCWD ? "cwd" : "fd/" + std::to_string(fd));
    if (!asker.by_descriptor_ && path.starts_with('/')) base = its + "root";
    auto opened = sys::openat(proc.get(), base.c_str(), O_PATH | (asker.by_descriptor_ ? 0 : O_DIRECTORY));
    if (!opened && opened.error().err == ENOENT) return sys::refused(named >= 0 ? ENOENT : EBADF);
    asker.base_ = TRY(std::move(opened));
    std::string status = TRY(read_of(proc, task, "status"));
    if (status.empty()) return sys::refused(EPERM); // without its umask it would be for everybody
    asker.uid_ = file_id(status, "Uid");
    asker.gid_ = file_id(status, "Gid");
    if (asker.uid_ == kNobody || asker.gid_ == kNobody) return sys::refused(EPERM); // -1 would be: stay who you are
    asker.groups_ = spec::numbers_of(status, "Groups");
    asker.umask_ = static_cast<mode_t>(spec::number_of(status, "Umask", 8));
    asker.caps_ = capabilities(proc, its, status, place);
    return asker;
}

Status Asker::become(const Place& place, bool makes) const {
    // Not earlier: from under Landlock nobody else's /proc/PID can be looked into.
    if (makes && place.landlock) TRY(stay_inside());
    TRY(sys::fchdir(root_.get()));
    TRY(sys::chroot_here());
    ::umask(umask_);
    if (place.ids) {
        TRY(sys::prctl(PR_SET_KEEPCAPS, 1));
        TRY(sys::setgroups(groups_));
        TRY(sys::setresgid(gid_));
        TRY(sys::setresuid(uid_));
        // Where fs.suid_dumpable is set, a change of ids would let the asker look into this process.
        TRY(sys::prctl(PR_SET_DUMPABLE, 0));
    }
    TRY(sys::capset({caps_, caps_, 0}));
    sys::Caps caps = TRY(sys::capget());
    return caps.permitted == caps_ && caps.effective == caps_ ? sys::Status(sys::Done{}) : sys::refused(EPERM);
}

std::int64_t Asker::act(const Fd& proc, const Deed& deed, const std::string& path, const Place& place,
                        Fd& opened) const {
    bool makes = deed.kind != Deed::mode;
    constexpr int kKnown = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
    if (!makes && (deed.flags & ~kKnown) != 0) return -EINVAL;
    if (!by_descriptor_ && path.empty()) return -ENOENT;
    if (deed.kind == Deed::node && path.ends_with('/')) return -ENOENT;
    if (!become(place, makes)) return -EPERM;
    auto done = [&]() -> Status {
        if (makes) {
            opened = TRY(make(proc, base_.get(), path.c_str(), deed, place));
            return Done{};
        }
        if (by_descriptor_) return set_mode(proc, base_, deed, place);
        unsigned how = O_PATH | ((deed.flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0);
        Fd found = TRY(sys::openat2(base_.get(), path.c_str(), how, RESOLVE_NO_MAGICLINKS));
        return set_mode(proc, found, deed, place);
    }();
    if (done) return 0;
    int err = done.error().err;
    // Nobody could make the device itself: who has unpacked everything else should not fail by its stand-in.
    return deed.device && (err == EACCES || err == EPERM) ? 0 : err == EISDIR && deed.device ? -EEXIST : -err;
}

} // namespace ajail::policy
