// SPDX-License-Identifier: Apache-2.0
// The mount room: runs a Plan's mount operations on descriptors. Nothing here chooses; nothing is made on a file
// system of the host; every destination is resolved inside the new root.
#pragma once

#include "spec/plan.h"
#include "sys/calls.h"

#include <functional>
#include <map>
#include <sys/mount.h>

namespace ajail::mount {

/// Trees of operations that go through an idmapped mount, by operation index; one past the last: scratch on disk; after
/// that: kept layers.
using Trees = std::map<std::size_t, sys::Fd>;

/// In the host's mount namespace, by real root only: a detached clone of each source whose operation says `idmap`,
/// mapped by the user namespace USERNS (mount_setattr(2), MOUNT_ATTR_IDMAP, needs CAP_SYS_ADMIN over the file
/// system, which no jail has).
sys::Result<Trees> idmapped_trees(const spec::Plan& plan, int userns);

/// A mount of the jail's own on which files may be set-user-ID: nobody outside gets there.
struct Own {
    std::string target;
    std::uint64_t id = 0;
};

/// What a new root is looked at by: nothing for a jail without ajail's init.
struct Built {
    sys::Fd proc;    ///< the procfs in it
    sys::Fd outside; ///< a directory of scratch that is beneath no root any more
    std::vector<std::pair<std::size_t, std::uint64_t>> mounts; ///< operation, and the id of the mount that it made
    std::vector<std::pair<std::size_t, std::string>> sysctls;  ///< operation, and what the file says now
    std::vector<Own> own;                                      ///< what is thrown away, and what says `make_setid`
};

/// In the jail's fresh mount namespace, before anything else: builds the new root as the Plan says and makes it the
/// root. When it returns, the old root is unreachable. On failure the Error's `op` tells the operation, and ABOUT what
/// was found in its way, if that has a name (an existing symlink's text).
sys::Result<Built> build(const spec::Plan& plan, Trees trees, std::string& about);

/// Opens what SOURCE names, O_PATH; ENOTDIR, EISDIR or ELOOP if it is not what the front end saw.
sys::Result<sys::Fd> open_source(const spec::Source& source);

/// The same, but of what kind it is the caller looks at.
sys::Result<sys::Fd> find_source(const spec::Source& source);

/// Whether an overlay can lie on SOURCE, or on the directory of a file: the kernel lays two upon each other, and no third
/// (EINVAL: FILESYSTEM_MAX_STACK_DEPTH), and tells nobody how many there are. So what is on one is tried, in namespaces
/// that are gone afterwards, and once for each file system: KNOWN. True where that cannot be had.
bool carries_overlay(const spec::Source& source, std::map<dev_t, bool>& known);

/// For open_tree(2): of what is open already.
constexpr unsigned kClone = OPEN_TREE_CLONE | AT_EMPTY_PATH;
/// ATTR as mount_setattr(2) and fsmount(2) have it.
std::uint64_t flags(const spec::Attr& attr);
/// Always on the whole detached TREE, before it is attached: submounts are as read-only as the top, and what the host
/// mounts later does not propagate in.
sys::Status restrict(int tree, const spec::Attr& attr);
/// A directory of the host, and the path by which it was found.
struct Above {
    sys::Fd fd;
    std::string path;
};
/// A detached clone of what find_source() finds, with all that is mounted below, and with ATTR. ABOVE is what the last
/// one was in, if that was looked up: many are in the same.
sys::Result<sys::Fd> clone_source(const spec::Source& source, const spec::Attr& attr, Above& above);
/// The directory PATH, on disk, that is to be PLAN's scratch, or to keep its layers, and has been made for that.
sys::Result<sys::Fd> scratch_tree(const spec::Plan& plan, const std::string& path);

/// Asked before something missing is made in DIR; may remember it.
using MayMake = std::function<bool(int dir, const std::string& name, bool directory)>;

/// Opens the object that PATH names inside the root ROOT, following symlinks as if ROOT were `/`. What is missing is
/// made, a directory or an empty file, where MAY_MAKE says yes (EROFS else).
sys::Result<sys::Fd> resolve(int root, const std::string& path, bool directory, const MayMake& may_make);

/// Where a target stands: the name NAME, not looked at yet, in the directory PARENT.
struct Place {
    sys::Fd parent;
    std::string name;
    std::string above; ///< the path by which PARENT was found
};

/// The place of PATH inside the root ROOT, for Plan::host_targets: directories above it that are missing are made, on
/// whatever file system, with the mode PARENTS; a symlink among them is followed as if ROOT were `/`, and never made
/// into something. KNOWN is where the last target stood, and its directory is taken if this one is in the same. Any
/// failure is one of Call::parents.
sys::Result<Place> find_place(int root, const std::string& path, mode_t parents, Place known = {});

/// Makes a directory or an empty file with MODE at PLACE; false if something is there.
sys::Result<bool> make_place(const Place& place, bool directory, mode_t mode);

/// What is there at PLACE, O_PATH. A symlink is a refusal (ELOOP), and so is the other kind (ENOTDIR, EISDIR).
sys::Result<sys::Fd> open_place(const Place& place, bool directory);

} // namespace ajail::mount
