// SPDX-License-Identifier: Apache-2.0
// Init may do no more here than the payload itself: it has the same root, the same uid and fewer capabilities, and puts
// itself under the same Landlock rules. Without those, a directory of the host that somebody has handed to the payload
// (unix(7), SCM_RIGHTS) would be open to it.
#include "policy/placeholder.h"

#include <cerrno>

namespace ajail::policy {

namespace {

struct Way {
    sys::Fd from;
    std::string path;
    std::uint64_t resolve = 0;
};

// The way to PATH. For an asker that has called chroot(2), `..` ends and absolute symlinks begin at its own root.
sys::Result<Way> way_to(const std::string& path, const sys::Fd& proc, pid_t task, int dirfd) {
    std::string its = std::to_string(task) + "/";
    sys::Fd root = TRY(sys::openat(proc.get(), (its + "root").c_str(), O_PATH | O_DIRECTORY));
    if (path.starts_with('/')) return Way{std::move(root), path, RESOLVE_IN_ROOT};
    std::string base = its + (dirfd == AT_FDCWD ? "cwd" : "fd/" + std::to_string(dirfd));
    auto opened = sys::openat(proc.get(), base.c_str(), O_PATH | O_DIRECTORY);
    if (!opened && opened.error().err == ENOENT) return sys::refused(EBADF);
    sys::Fd from = TRY(std::move(opened));
    std::string top = TRY(sys::readlinkat(proc.get(), (its + "root").c_str()));
    if (top == "/") return Way{std::move(from), path, 0};
    std::string at = TRY(sys::readlinkat(proc.get(), base.c_str()));
    if (!(at + "/").starts_with(top + "/")) return Way{std::move(from), path, RESOLVE_BENEATH}; // kept from before
    return Way{std::move(root), "." + at.substr(top.size()) + "/" + path, RESOLVE_IN_ROOT};
}

sys::Status stay_inside() {
    unsigned abi = TRY(sys::landlock_abi());
    if (abi == 0) return sys::Done{}; // nor is the payload under any
    sys::LandlockRuleset attr{};
    attr.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE;
    sys::Fd ruleset = TRY(sys::landlock_ruleset(attr, static_cast<int>(abi)));
    sys::Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    TRY(sys::landlock_allow(ruleset.get(), root.get(), attr.handled_access_fs));
    return sys::landlock_enforce(ruleset.get());
}

} // namespace

std::int64_t make_placeholder(const sys::Fd& proc, pid_t task, int dirfd, const std::string& path, mode_t mode) {
    if (path.empty() || path.ends_with('/')) return -ENOENT;
    auto made = [&]() -> sys::Status {
        std::size_t name = path.rfind('/') + 1; // npos + 1 is 0
        Way way = TRY(way_to(name == 0 ? "." : path.substr(0, name), proc, task, dirfd));
        TRY(stay_inside()); // not earlier: from under Landlock nobody else's /proc/PID can be looked into
        std::uint64_t resolve = RESOLVE_NO_MAGICLINKS | way.resolve;
        sys::Fd parent = TRY(sys::openat2(way.from.get(), way.path.c_str(), O_PATH | O_DIRECTORY, resolve));
        TRY(sys::openat(parent.get(), path.c_str() + name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
        return sys::Done{};
    }();
    if (made) return 0;
    int err = made.error().err;
    return err == EACCES || err == EPERM ? 0 : err == EISDIR ? -EEXIST : -err;
}

} // namespace ajail::policy
