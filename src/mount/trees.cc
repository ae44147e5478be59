// SPDX-License-Identifier: Apache-2.0
// Sources become detached trees, which nothing leads to until they are attached.
#include "mount/mount.h"

#include <cstring>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>

namespace ajail::mount {

using namespace spec;
using sys::Fd;
using sys::Result;
using sys::Status;

std::uint64_t flags(const Attr& attr) {
    return (attr.writable ? 0U : MOUNT_ATTR_RDONLY) | (attr.setuid ? 0U : MOUNT_ATTR_NOSUID) |
           (attr.devices ? 0U : MOUNT_ATTR_NODEV) | (attr.exec ? 0U : MOUNT_ATTR_NOEXEC);
}

Status restrict(int tree, const Attr& attr) {
    mount_attr set{};
    set.attr_set = flags(attr);
    set.propagation = MS_PRIVATE;
    return sys::mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, set);
}

namespace {

// Where open_tree(2) itself can find SOURCE. It follows all links or not the last one: what is above is looked up by
// openat2(2), and a link at the end would be cloned, as what nobody takes it for.
Result<const char*> name_above(const Source& source, Above& above) {
    if (source.descriptor >= 0) return nullptr;
    if (source.resolve == Resolve::follow) return source.path.c_str();
    std::size_t slash = source.path.rfind('/');
    if (source.resolve != Resolve::real || slash == std::string::npos) return nullptr;
    const char* name = source.path.c_str() + slash + 1;
    if (*name == '\0' || std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) return nullptr;
    if (!above.fd || source.path.compare(0, slash, above.path) != 0) {
        above.path = source.path.substr(0, slash);
        const char* path = slash == 0 ? "/" : above.path.c_str();
        above.fd = TRY(sys::openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS));
    }
    return name;
}

} // namespace

Result<Fd> clone_source(const Source& source, const Attr& attr, Above& above) {
    constexpr unsigned kAll = OPEN_TREE_CLONE | AT_RECURSIVE | AT_NO_AUTOMOUNT;
    Fd tree;
    if (const char* name = TRY(name_above(source, above))) {
        bool follow = source.resolve == Resolve::follow;
        tree =
            TRY(sys::open_tree(follow ? AT_FDCWD : above.fd.get(), name, follow ? kAll : kAll | AT_SYMLINK_NOFOLLOW));
    } else {
        Fd fd = TRY(source.descriptor < 0 ? find_source(source) : open_source(source));
        tree = TRY(sys::open_tree(fd.get(), "", kAll | AT_EMPTY_PATH));
    }
    TRY(restrict(tree.get(), attr));
    return tree;
}

namespace {

// With the same directory twice: that is refused (ELOOP) as well, but after the kernel has looked how many there are.
Status lay_on(const Source& source) {
    Fd below = TRY(open_source(source));
    std::string path = "/proc/self/fd/" + std::to_string(below.get());
    Fd fs = TRY(sys::fsopen("overlay"));
    TRY(sys::fsconfig_string(fs.get(), "lowerdir", (path + ":" + path).c_str()));
    TRY(sys::fsconfig_flag(fs.get(), "userxattr"));
    TRY(sys::fsmount(fs.get(), 0));
    return sys::Done{};
}

} // namespace

bool carries_overlay(const Source& source, std::map<dev_t, bool>& known) {
    Source dir = spec::directory_of(source);
    auto fd = find_source(dir);
    struct stat st {};
    struct statfs fs {};
    if (!fd || ::fstat((*fd).get(), &st) != 0 || ::fstatfs((*fd).get(), &fs) != 0) return true;
    if (fs.f_type != OVERLAYFS_SUPER_MAGIC) return true;
    auto found = known.find(st.st_dev);
    if (found != known.end()) return found->second;
    auto refused = sys::ask_child(CLONE_NEWUSER | CLONE_NEWNS, [&dir] {
        Status laid = lay_on(dir);
        return !laid && laid.error().err == EINVAL ? 1 : 0;
    });
    return known.emplace(st.st_dev, !refused || *refused == 0).first->second;
}

Result<Fd> scratch_tree(const Plan& plan, const std::string& path) {
    Fd dir = TRY(sys::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
    // Whoever may write to the directory above may have put another one in its place.
    struct stat st = TRY(sys::fstat(dir.get()));
    uid_t owner = plan.real_root ? spec::kRootRangeBase : ::geteuid();
    if (st.st_uid != owner || (st.st_mode & 01777U) != sys::kScratchMode) return sys::refused(EPERM);
    Fd tree = TRY(sys::open_tree(dir.get(), "", kClone));
    TRY(restrict(tree.get(), Attr{.writable = true, .exec = true}));
    return tree;
}

namespace {

Result<Fd> idmapped(const Source& source, const Attr& attr, bool recursive, int userns) {
    Fd fd = TRY(open_source(source));
    unsigned deep = recursive ? AT_RECURSIVE : 0;
    Fd tree = TRY(sys::open_tree(fd.get(), "", kClone | deep));
    mount_attr set{};
    set.attr_set = flags(attr) | MOUNT_ATTR_IDMAP;
    set.propagation = MS_PRIVATE;
    set.userns_fd = static_cast<__u64>(userns);
    TRY(sys::mount_setattr(tree.get(), "", AT_EMPTY_PATH | deep, set));
    return tree;
}

} // namespace

Result<Trees> idmapped_trees(const Plan& plan, int userns) {
    Trees trees;
    for (std::size_t i = 0; i < plan.ops.size(); ++i) {
        Result<Fd> tree = Fd();
        if (auto* bind = std::get_if<op::Bind>(&plan.ops[i]); bind != nullptr && bind->idmap)
            tree = idmapped(bind->source, bind->attr, true, userns);
        else if (auto* overlay = std::get_if<op::Overlay>(&plan.ops[i]); overlay != nullptr && overlay->idmap)
            tree = idmapped(overlay->lowers.at(0), Attr{.exec = true}, false, userns);
        else continue;
        if (!tree) {
            sys::Error error = tree.error();
            error.op = static_cast<std::uint16_t>(i);
            return error;
        }
        trees.emplace(i, std::move(tree).take());
    }
    // The ids of the jail may not be able to reach it.
    const spec::ScratchPlan& scratch = plan.scratch;
    if (!scratch.directory.empty()) trees.emplace(plan.ops.size(), TRY(scratch_tree(plan, scratch.directory)));
    if (!scratch.kept.empty()) trees.emplace(plan.ops.size() + 1, TRY(scratch_tree(plan, scratch.kept)));
    return trees;
}

} // namespace ajail::mount
