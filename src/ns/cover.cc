// SPDX-License-Identifier: Apache-2.0
// See cover.h. The payload runs meanwhile, and may rename everything that is no mountpoint: what is covered is looked up
// beneath a directory that is known by its number, following no link, and looked at again afterwards.
#include "ns/cover.h"

#include "mount/mount.h"
#include "ns/idmap.h"
#include "ns/wire.h"

#include <linux/nsfs.h>
#include <sys/prctl.h>

namespace ajail::ns {

namespace {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

constexpr int kTries = 64;
constexpr std::uint64_t kBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

// Not dumpable: who has CAP_SYS_PTRACE in the user namespace that is entered must not get at what is open here.
Status enter(const Fd& mounts) {
    TRY(sys::prctl(PR_SET_DUMPABLE, 0));
    if (TRY(sys::prctl(PR_GET_DUMPABLE)) != 0) return sys::refused(EPERM);
    int number = TRY(sys::ioctl(mounts.get(), NS_GET_USERNS, nullptr));
    Fd userns(number);
    TRY(sys::setns(userns.get(), CLONE_NEWUSER));
    TRY(sys::prctl(PR_SET_PDEATHSIG, SIGKILL));   // which a change of user namespace clears
    return sys::setns(mounts.get(), CLONE_NEWNS); // and its root is ours
}

Result<bool> is_mountpoint(const Fd& dir, const Fd& in) {
    std::uint64_t above = TRY(sys::mount_id(dir.get()));
    return above != TRY(sys::mount_id(in.get()));
}

// A mount of NAME in DIR on itself. An empty Fd if there is none, else what it leads to now.
Result<Fd> mounted(const Fd& dir, const std::string& name, bool writable) {
    for (int left = kTries; left > 0; --left) {
        auto found = sys::openat2(dir.get(), name.c_str(), O_PATH | O_NOFOLLOW, kBeneath);
        if (!found && found.error().err == ENOENT) return Fd();
        Fd there = TRY(std::move(found));
        if (TRY(is_mountpoint(dir, there))) return there;
        Fd tree = TRY(sys::open_tree(there.get(), "", mount::kClone));
        mount_attr set{};
        set.attr_set = writable ? 0 : MOUNT_ATTR_RDONLY; // what else the grant is, its clone is
        set.propagation = MS_PRIVATE;
        TRY(sys::mount_setattr(tree.get(), "", AT_EMPTY_PATH, set));
        // What has been removed meanwhile is no place for a mount.
        auto moved = sys::move_mount(tree.get(), there.get(), "");
        if (!moved && moved.error().err != ENOENT) return moved.error();
    }
    return sys::refused(EAGAIN);
}

Status cover(const Cover& wanted) {
    // The payload may have renamed what is above it, which is no matter as long as nothing is to be done.
    auto found = sys::openat2(AT_FDCWD, wanted.grant.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
    if (!found && !wanted.certain) return Done{};
    Fd dir = TRY(std::move(found));
    struct stat st = TRY(sys::fstat(dir.get()));
    if (st.st_dev != wanted.device || st.st_ino != wanted.inode)
        return wanted.certain ? Status(sys::refused(ESTALE)) : Status(Done{});
    // The directories in between, so that they cannot be renamed away.
    for (std::size_t start = 0;;) {
        std::size_t slash = wanted.path.find('/', start);
        bool last = slash == std::string::npos;
        dir = TRY(mounted(dir, wanted.path.substr(start, last ? slash : slash - start), !last || wanted.writable));
        if (last || !dir) return Done{};
        start = slash + 1;
    }
}

Status cover_all(const Fd& mounts, const std::vector<Cover>& covers, std::string& about) {
    TRY(enter(mounts));
    for (const Cover& one : covers) {
        about = one.grant + "/" + one.path;
        TRY(cover(one));
    }
    return Done{};
}

} // namespace

Result<Fd> mounts_of(const Fd& process, pid_t pid) {
    std::string path = "/proc/" + std::to_string(number_in_proc(process, pid)) + "/ns/mnt";
    auto opened = sys::open(path.c_str(), O_RDONLY);
    bool dead = !opened && (opened.error().err == ENOENT || opened.error().err == ESRCH);
    return dead ? Result<Fd>(Fd()) : std::move(opened); // its end tells
}

Status cover_again(const Fd& mounts, const std::vector<Cover>& covers, std::string& about) {
    auto [ours, its] = TRY(sys::socketpair());
    pid_t pid = TRY(sys::clone3(0, nullptr));
    if (pid == 0) {
        Message message{.kind = Message::go};
        if (Status done = cover_all(mounts, covers, about); !done) {
            message = {.kind = Message::error, .value = 0, .error_value = done.error(), .about = {}};
            about.copy(message.about.data(), message.about.size() - 1);
        }
        ::_exit(tell(its, message) ? 0 : 1);
    }
    its.reset();
    auto heard = hear(ours);
    TRY(sys::waitid(P_PID, static_cast<id_t>(pid), WEXITED));
    Heard said = TRY(std::move(heard));
    if (said.message.kind == Message::go) return Done{};
    about = said.message.about.data();
    return said.message.kind == Message::error ? said.message.error_value : sys::refused(EPROTO);
}

} // namespace ajail::ns
