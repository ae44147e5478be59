// SPDX-License-Identifier: Apache-2.0
// Done by init, which is no more than the payload where it looks for PATH: the same root, the same uid, fewer
// capabilities. So nothing can be reached by it that the payload could not reach itself.
#include "policy/placeholder.h"

#include <cerrno>

namespace ajail::policy {

namespace {

sys::Result<sys::Fd> parent_of(const sys::Fd& proc, pid_t task, int dirfd, const std::string& path) {
    std::string base = std::to_string(task) + "/";
    std::uint64_t resolve = RESOLVE_NO_MAGICLINKS;
    if (path.starts_with('/')) base += "root", resolve |= RESOLVE_IN_ROOT;
    else if (dirfd == AT_FDCWD) base += "cwd";
    else base += "fd/" + std::to_string(dirfd);
    auto opened = sys::openat(proc.get(), base.c_str(), O_PATH | O_DIRECTORY);
    if (!opened && opened.error().err == ENOENT) return sys::refused(EBADF);
    sys::Fd from = TRY(std::move(opened));
    std::size_t slash = path.rfind('/');
    std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    return sys::openat2(from.get(), parent.c_str(), O_PATH | O_DIRECTORY, resolve);
}

} // namespace

std::int64_t make_placeholder(const sys::Fd& proc, pid_t task, int dirfd, const std::string& path, mode_t mode) {
    if (path.empty() || path.ends_with('/')) return -ENOENT;
    auto made = [&]() -> sys::Status {
        sys::Fd parent = TRY(parent_of(proc, task, dirfd, path));
        std::string name = path.substr(path.rfind('/') + 1); // npos + 1 is 0
        TRY(sys::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
        return sys::Done{};
    }();
    if (made) return 0;
    int err = made.error().err;
    return err == EACCES || err == EPERM ? 0 : err == EISDIR ? -EEXIST : -err;
}

} // namespace ajail::policy
