// SPDX-License-Identifier: Apache-2.0
// Init may do no more here than the payload itself: it has the same root, the same uid and fewer capabilities, and puts
// itself under the same Landlock rules. Without those, a directory of the host that somebody has handed to the payload
// (unix(7), SCM_RIGHTS) would be open to it.
#include "policy/placeholder.h"

#include <cerrno>

namespace ajail::policy {

namespace {

// Where the way to PATH starts.
sys::Result<sys::Fd> base_of(const sys::Fd& proc, pid_t task, int dirfd, const std::string& path) {
    std::string base = std::to_string(task) + "/";
    if (path.starts_with('/')) base += "root";
    else if (dirfd == AT_FDCWD) base += "cwd";
    else base += "fd/" + std::to_string(dirfd);
    auto opened = sys::openat(proc.get(), base.c_str(), O_PATH | O_DIRECTORY);
    if (!opened && opened.error().err == ENOENT) return sys::refused(EBADF);
    return opened;
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
        sys::Fd base = TRY(base_of(proc, task, dirfd, path));
        TRY(stay_inside()); // not earlier: from under Landlock nobody else's /proc/PID can be looked into
        std::size_t name = path.rfind('/') + 1; // npos + 1 is 0
        std::string directory = name == 0 ? "." : path.substr(0, name);
        std::uint64_t resolve = RESOLVE_NO_MAGICLINKS | (path.starts_with('/') ? RESOLVE_IN_ROOT : 0);
        sys::Fd parent = TRY(sys::openat2(base.get(), directory.c_str(), O_PATH | O_DIRECTORY, resolve));
        TRY(sys::openat(parent.get(), path.c_str() + name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
        return sys::Done{};
    }();
    if (made) return 0;
    int err = made.error().err;
    return err == EACCES || err == EPERM ? 0 : err == EISDIR ? -EEXIST : -err;
}

} // namespace ajail::policy
