// SPDX-License-Identifier: Apache-2.0
// Runs the Plan's mount operations. The new root grows on a scratch tmpfs that is attached over `/` of the private
// mount namespace, so no path of the host is needed as a mountpoint, not even in /tmp. Attached first and filled
// then: filling a detached tree, and overlay layers on one, need newer kernels (6.14 and 6.15).
#include "mount/mount.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <sys/mount.h>
#include <sys/statfs.h>

namespace ajail::mount {

namespace {

using namespace spec;
using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
constexpr unsigned kParents = 0700; // of targets that have no mode of their own

class Builder {
public:
    Builder(const Plan& plan, Trees trees, std::string& about)
        : plan_(plan), trees_(std::move(trees)), about_(about) {}

    Status run() {
        TRY(begin());
        for (index_ = 0; index_ < plan_.ops.size(); ++index_) {
            Status done = std::visit([this](const auto& op) { return apply(op); }, plan_.ops[index_]);
            if (!done) {
                sys::Error error = done.error();
                error.op = static_cast<std::uint16_t>(index_);
                return error;
            }
        }
        return Done{};
    }

    // Past this function the old root is unreachable: no mount, descriptor or working directory of it is left.
    Status pivot() {
        above_ = {}; // of the old root
        TRY(sys::fchdir(newroot_.get()));
        TRY(sys::pivot_root_here());
        // What is stacked on the new root now: the old one, and scratch over that. The top goes first.
        TRY(sys::umount_detach("."));
        TRY(sys::umount_detach("."));
        TRY(sys::chdir("/"));
        // `..` of the root steps onto whatever is still mounted over it.
        Fd above = TRY(sys::open("/..", O_PATH | O_DIRECTORY));
        std::uint64_t seen = TRY(sys::mount_id(above.get()));
        std::uint64_t meant = TRY(sys::mount_id(newroot_.get()));
        return seen == meant ? Status(Done{}) : Status(sys::refused(EBUSY));
    }

    Built take() {
        if (kept()) built_.proc = std::move(plan_.callers_proc ? callers_proc_ : proc_);
        return std::move(built_);
    }

private:
    Status begin() {
        mount_attr cut{};
        cut.propagation = MS_PRIVATE; // not slave: nothing that the host mounts from here on appears inside
        TRY(sys::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, cut));
        TRY(clone_roots());
        if (kept() && plan_.callers_proc) callers_proc_ = TRY(proc_of_caller());
        Fd layers = TRY(on_disk(plan_.ops.size() + 1, plan_.scratch.kept));
        scratch_ = TRY(plan_.scratch.directory.empty() ? scratch_in_memory()
                                                       : on_disk(plan_.ops.size(), plan_.scratch.directory));
        TRY(sys::move_mount(scratch_.get(), AT_FDCWD, "/"));
        if (layers) TRY(hold(std::move(layers)));
        TRY(sys::mkdirat(scratch_.get(), "root", 0755));
        if (kept()) built_.outside = TRY(sys::openat(scratch_.get(), "root", O_PATH | O_DIRECTORY));
        return Done{};
    }

    // By itself, so that `..` leads nowhere from it.
    static Result<Fd> proc_of_caller() {
        Fd tree = TRY(sys::open_tree(AT_FDCWD, "/proc", kClone | AT_RECURSIVE));
        return TRY(sys::is_proc(tree.get())) ? Result<Fd>(std::move(tree)) : sys::refused(EINVAL);
    }

    // Whether what is made is looked at again.
    bool kept() const { return plan_.init == Init::keeper; }

    // What is looked at again.
    Status remember(int tree) {
        if (kept()) built_.mounts.emplace_back(index_, TRY(sys::mount_id(tree)));
        return Done{};
    }

    // The same of a TREE that is to be a directory, or is not; and where something may be made, if it is the jail's OWN.
    Status remember(int tree, bool directory, const std::string& target, bool own) {
        bool made_here = std::holds_alternative<op::Filesystem>(plan_.ops[index_]);
        if (!kept() && plan_.host_targets && made_here) return Done{};
        struct statx is = TRY(sys::statx(tree));
        // The source has become one since it was looked at, and openat2(2) would have said so.
        if (S_ISLNK(is.stx_mode)) return sys::as(sys::Call::openat2, sys::refused(ELOOP));
        if (S_ISDIR(is.stx_mode) != directory) return sys::refused(directory ? ENOTDIR : EISDIR);
        if (kept()) built_.mounts.emplace_back(index_, is.stx_mnt_id);
        if (!own) return Done{};
        own_.insert(is.stx_mnt_id);
        built_.own.push_back({target, is.stx_mnt_id});
        return Done{};
    }

    Result<Fd> scratch_in_memory() const {
        Fd fs = TRY(sys::fsopen("tmpfs"));
        TRY(sys::fsconfig_string(fs.get(), "source", "tmpfs"));
        TRY(sys::fsconfig_string(fs.get(), "mode", "700"));
        auto limit = [&](const char* key, std::uint64_t value) -> Status {
            if (value == 0) return Done{};
            // For a tmpfs, 0 is no limit.
            std::string text = std::to_string(value == spec::kUnlimited ? 0 : value);
            return sys::fsconfig_string(fs.get(), key, text.c_str());
        };
        TRY(limit("size", plan_.scratch.size));
        TRY(limit("nr_inodes", plan_.scratch.files));
        Fd tree = TRY(sys::fsmount(fs.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
        TRY(is_limited(tree));
        return tree;
    }

    // Read back: whether the scratch has the limits that it was given. The size is in whole pages.
    Status is_limited(const Fd& scratch) const {
        struct statfs fs {};
        if (::fstatfs(scratch.get(), &fs) < 0) return sys::failed(sys::Call::fstat);
        auto holds = [](std::uint64_t wanted, std::uint64_t got) {
            return wanted == 0 || wanted == spec::kUnlimited || (got != 0 && got <= wanted);
        };
        auto page = static_cast<std::uint64_t>(fs.f_bsize);
        bool size =
            holds(plan_.scratch.size == spec::kUnlimited ? 0 : (plan_.scratch.size + page - 1) / page, fs.f_blocks);
        return size && holds(plan_.scratch.files, fs.f_files) ? Status(Done{}) : Status(sys::refused(EPERM));
    }

    // A directory of the host; nothing without a PATH.
    Result<Fd> on_disk(std::size_t index, const std::string& path) {
        if (path.empty()) return Fd();
        auto prepared = trees_.find(index);
        return prepared == trees_.end() ? scratch_tree(plan_, path) : Result<Fd>(std::move(prepared->second));
    }

    // Layers that are kept. Out of sight as all of scratch is, and gone from the jail with it.
    Status hold(Fd layers) {
        constexpr const char* kName = "kept";
        TRY(sys::mkdirat(scratch_.get(), kName, 0700));
        TRY(sys::move_mount(layers.get(), scratch_.get(), kName));
        layers_ = std::move(layers);
        return Done{};
    }

    // A directory of this operation's.
    struct Named {
        int at;
        std::string name;
        bool made; ///< just now: it is no kept one that was there
    };
    // A new one on scratch, or that of the kept layer of this NAME.
    Result<Named> directory(const char* what, const std::string& name, mode_t mode) {
        bool keep = !name.empty();
        Named its{keep ? layers_.get() : scratch_.get(), keep ? name + "." + what : scratch_name(what), true};
        Status made = sys::mkdirat(its.at, its.name.c_str(), mode);
        its.made = static_cast<bool>(made);
        if (!made && !(keep && made.error().err == EEXIST)) return made.error();
        return its;
    }

    // A recursive clone of `/` takes along what is mounted over it: scratch must not be there yet.
    Status clone_roots() {
        for (std::size_t i = 0; i < plan_.ops.size(); ++i) {
            auto* bind = std::get_if<op::Bind>(&plan_.ops[i]);
            if (bind == nullptr || bind->idmap || host_path(bind->source) != "/") continue;
            trees_.emplace(i, TRY(clone_source(bind->source, bind->attr, above_)));
        }
        return Done{};
    }

    std::string scratch_name(const char* prefix) const { return prefix + std::to_string(index_); }

    // On a mount that ends with the jail: where mountpoints and files may be made.
    bool own(int fd) const {
        auto id = sys::mount_id(fd);
        return id && own_.contains(*id);
    }

    // The object at TARGET inside the new root; made if it is missing and stands on a file system of this jail.
    Result<Fd> destination(const std::string& target, bool directory) {
        return checked(TRY(resolve(newroot_.get(), target, directory, may_make())), directory);
    }

    Result<Fd> checked(Fd fd, bool directory) const {
        struct stat st = TRY(sys::fstat(fd.get()));
        if (S_ISDIR(st.st_mode) != directory) return sys::refused(directory ? ENOTDIR : EISDIR);
        // A mount over the root itself would stand between every later one and the payload.
        if (st.st_dev == top_.st_dev && st.st_ino == top_.st_ino) return sys::refused(EBUSY);
        return fd;
    }

    MayMake may_make() const {
        return [this](int dir, const std::string&, bool) { return own(dir); };
    }

    // Attaches TREE, and takes it if it is to be found again. OWN: it ends with the jail.
    Status attach(Fd& tree, const std::string& target, bool directory, bool own, unsigned parents = kParents) {
        Place known = std::exchange(known_, {});
        TRY(remember(tree.get(), directory, target, own));
        if (target == "/") {
            // Once there is a root, another one goes on top of it, and everything later into that.
            if (newroot_ && !directory) return sys::refused(EISDIR);
            if (newroot_) TRY(sys::move_mount(tree.get(), newroot_.get(), ""));
            else TRY(sys::move_mount(tree.get(), scratch_.get(), "root"));
            top_ = TRY(sys::fstat(tree.get()));
            newroot_ = std::move(tree);
            return Done{};
        }
        if (plan_.host_targets) return attach_wherever(tree, target, directory, parents, std::move(known));
        Fd at;
        if (Place place = TRY(new_place(target, std::move(known), at)); place.parent)
            if (TRY(make_place(place, directory, directory ? 0755 : 0644))) return attach_new(tree, std::move(place));
        at = TRY(at ? checked(std::move(at), directory) : destination(target, directory));
        TRY(sys::move_mount(tree.get(), at.get(), ""));
        if (own && directory) known_ = {std::move(tree), "", target};
        return Done{};
    }

    // Where TARGET is to be made: in KNOWN, or in a directory that is looked up, on a file system of this jail. Nowhere if
    // it is THERE already, or cannot be made by its name.
    Result<Place> new_place(const std::string& target, Place known, Fd& there) {
        std::size_t slash = target.rfind('/');
        std::string name = target.substr(slash + 1);
        if (stands_in(known, target)) return Place{std::move(known.parent), std::move(name), std::move(known.above)};
        auto found = sys::openat2(newroot_.get(), ("." + target).c_str(), O_PATH, kInRoot);
        if (found) there = std::move(found).take();
        if (there || name.empty()) return Place{};
        if (found.error().err != ENOENT) return found.error();
        std::string above = target.substr(0, slash);
        Fd parent = TRY(resolve(newroot_.get(), above, true, may_make()));
        if (!own_.contains(TRY(sys::mount_id(parent.get())))) return Place{};
        return Place{std::move(parent), std::move(name), std::move(above)};
    }

    static bool stands_in(const Place& known, const std::string& target) {
        return known.parent && target.rfind('/') == known.above.size() && target.size() > known.above.size() + 1 &&
               target.starts_with(known.above);
    }

    // By name: not even a symlink that somebody has put there since is followed (move_mount(2)).
    Status attach_new(const Fd& tree, Place place) {
        TRY(sys::move_mount(tree.get(), place.parent.get(), place.name.c_str()));
        known_ = std::move(place);
        return Done{};
    }

    // Among many targets in one directory that is looked up once: a new name in it leads to it no other way. What was
    // there before might.
    Status attach_wherever(const Fd& tree, const std::string& target, bool directory, unsigned parents, Place known) {
        Place place = TRY(find_place(newroot_.get(), target, parents, std::move(known)));
        if (TRY(make_place(place, directory, directory ? 0755 : 0444))) return attach_new(tree, std::move(place));
        Fd at = TRY(open_place(place, directory));
        return sys::move_mount(tree.get(), at.get(), "");
    }

    // TREE is a procfs.
    Status attach_proc(Fd tree, const std::string& target, unsigned parents = kParents) {
        TRY(attach(tree, target, true, false, parents));
        proc_ = std::move(tree); // nothing, if it has become the root
        proc_target_ = target.substr(0, target.find_last_not_of('/') + 1);
        return Done{};
    }

    struct Standing {
        Fd fd; ///< what was found; or nothing: what NAME is right in the jail's procfs, where nobody makes names
        const char* name;
        int at(const Fd& proc) const { return fd ? fd.get() : proc.get(); }
    };

    // What stands at TARGET. In a procfs that was just mounted it is found from there: below a directory that others
    // may write to, its name may lead to something else by now.
    Result<Standing> standing(const std::string& target) {
        if (!proc_ || !within(target, proc_target_))
            return Standing{TRY(sys::openat2(newroot_.get(), target.c_str() + 1, O_PATH, kInRoot)), ""};
        std::size_t name = proc_target_.size() + 1;
        if (target.size() > name && target.rfind('/') < name) return Standing{Fd(), target.c_str() + name};
        std::string inside = "./" + target.substr(name - 1);
        return Standing{TRY(sys::openat2(proc_.get(), inside.c_str(), O_PATH, kInRoot)), ""};
    }

    Status apply(const op::Filesystem& op) {
        Fd fs = TRY(sys::fsopen(op.type.c_str()));
        TRY(sys::fsconfig_string(fs.get(), "source", op.type.c_str()));
        for (const auto& [key, value] : op.options) TRY(sys::fsconfig_string(fs.get(), key.c_str(), value.c_str()));
        Fd tree = TRY(sys::fsmount(fs.get(), flags(op.attr)));
        if (op.type == "proc") return attach_proc(std::move(tree), op.target, op.parents);
        return attach(tree, op.target, true, op.type == "tmpfs", op.parents);
    }

    Status apply(const op::Directory& op) {
        Named its = TRY(directory(op.kept.empty() ? "directory" : "upper", op.kept, op.mode));
        Fd tree = TRY(sys::open_tree(its.at, its.name.c_str(), OPEN_TREE_CLONE));
        TRY(restrict(tree.get(), op.attr));
        return attach(tree, op.target, true, true);
    }

    Status apply(const op::Bind& op) {
        Fd tree;
        if (auto prepared = trees_.find(index_); prepared != trees_.end()) {
            tree = std::move(prepared->second);
        } else {
            tree = TRY(clone_source(op.source, op.attr, above_));
        }
        if (op.make_setid) built_.own.push_back({op.target, TRY(sys::mount_id(tree.get()))});
        if (host_path(op.source) == "/proc" && op.source.directory) return attach_proc(std::move(tree), op.target);
        return attach(tree, op.target, op.source.directory, false);
    }

    Result<Fd> lower(const op::Overlay& op) {
        auto prepared = trees_.find(index_);
        if (prepared == trees_.end()) return open_source(op.lowers.at(0));
        std::string name = scratch_name("lower");
        TRY(sys::mkdirat(scratch_.get(), name.c_str(), 0755));
        TRY(sys::move_mount(prepared->second.get(), scratch_.get(), name.c_str()));
        return sys::openat(scratch_.get(), name.c_str(), O_PATH | O_DIRECTORY);
    }

    // The merged root directory shows the owner and mode of the upper one, so that takes them from the lower, unless
    // it says otherwise. A kept one has them already.
    Result<Fd> upper_of(const op::Overlay& op, int lower) {
        struct stat st = TRY(sys::fstat(lower));
        Named its = TRY(directory("upper", op.kept, op.mode.value_or(0755)));
        Fd upper = TRY(sys::openat(its.at, its.name.c_str(), O_RDONLY | O_DIRECTORY));
        if (op.mode || !its.made) return upper;
        bool mapped = plan_.groups && maps(plan_.uids, st.st_uid) && maps(plan_.gids, st.st_gid);
        if (mapped) TRY(sys::fchown(upper.get(), st.st_uid, st.st_gid));
        TRY(sys::fchmod(upper.get(), st.st_mode & 07777));
        return upper;
    }

    Result<Fd> work_of(const op::Overlay& op) {
        Named its = TRY(directory("work", op.kept, 0700));
        return sys::openat(its.at, its.name.c_str(), O_PATH | O_DIRECTORY);
    }

    // LAYERS of FS, the top one first in the kernel's list. A single option has at most 255 bytes, which is some ten
    // layers; one by one they are taken from Linux 6.8 on.
    static Status set_lowers(int fs, const std::vector<Fd>& layers) {
        constexpr std::size_t kInOneOption = 8;
        std::string list;
        for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
            std::string path = link(*layer);
            if (layers.size() > kInOneOption) TRY(sys::fsconfig_string(fs, "lowerdir+", path.c_str()));
            else list += (list.empty() ? "" : ":") + path;
        }
        return list.empty() ? Status(Done{}) : sys::fsconfig_string(fs, "lowerdir", list.c_str());
    }

    // Layers by descriptor: no name needs quoting, and none shows in the jail's mountinfo.
    static std::string link(const Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

    Status apply(const op::Overlay& op) {
        std::vector<Fd> below;
        below.push_back(TRY(lower(op)));
        for (std::size_t i = 1; i < op.lowers.size(); ++i) below.push_back(TRY(open_source(op.lowers[i])));
        Fd upper, work;
        if (op.writes == Layers::thrown_away) {
            upper = TRY(upper_of(op, below[0].get()));
            work = TRY(work_of(op));
        } else if (op.writes == Layers::kept) {
            upper = TRY(open_source(op.upper));
            work = TRY(open_source(op.work));
        }
        Fd fs = TRY(sys::fsopen("overlay"));
        TRY(sys::fsconfig_string(fs.get(), "source", "overlay"));
        TRY(set_lowers(fs.get(), below));
        if (upper) TRY(sys::fsconfig_string(fs.get(), "upperdir", link(upper).c_str()));
        if (work) TRY(sys::fsconfig_string(fs.get(), "workdir", link(work).c_str()));
        // trusted.* attributes need real root; and neither index nor xino, which only complain in dmesg.
        TRY(sys::fsconfig_flag(fs.get(), "userxattr"));
        TRY(sys::fsconfig_string(fs.get(), "index", "off"));
        TRY(sys::fsconfig_string(fs.get(), "xino", "off"));
        Fd tree = TRY(sys::fsmount(fs.get(), flags(op.attr)));
        if (!op.entry.empty()) return attach_entry(std::move(tree), op);
        return attach(tree, op.target, true, true);
    }

    // Only one file of an overlay: the overlay stays on scratch, out of the payload's sight.
    Status attach_entry(Fd tree, const op::Overlay& op) {
        std::string name = scratch_name("merged");
        TRY(sys::mkdirat(scratch_.get(), name.c_str(), 0755));
        TRY(sys::move_mount(tree.get(), scratch_.get(), name.c_str()));
        Fd entry = TRY(sys::openat2(tree.get(), op.entry.c_str(), O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
        Fd file = TRY(sys::open_tree(entry.get(), "", kClone));
        return attach(file, op.target, false, false);
    }

    Status apply(const op::Restrict& op) {
        known_ = {};
        auto there = standing(op.target);
        if (!there && there.error().err == ENOENT) return Done{}; // this kernel has no such file
        Standing at = TRY(std::move(there));
        auto cloned = sys::open_tree(at.at(proc_), at.name, kClone | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
        if (!cloned && cloned.error().err == ENOENT) return Done{};
        Fd tree = TRY(std::move(cloned));
        TRY(restrict(tree.get(), op.attr));
        TRY(remember(tree.get()));
        return sys::move_mount(tree.get(), at.at(proc_), at.name);
    }

    // What is there is tried and not asked: the kernel puts no file over a directory, and no directory over a file.
    Status apply(const op::Mask& op) {
        known_ = {};
        auto there = standing(op.target);
        if (!there && there.error().err == ENOENT && op.optional) return Done{};
        Standing at = TRY(std::move(there));
        Status covered = Done{};
        for (Empty* empty : {&file_, &directory_}) {
            if (!empty->next) empty->next = TRY(empty_tree(*empty));
            covered = sys::move_mount(empty->next.get(), at.at(proc_), at.name);
            if (covered) return covered_by(*empty);
            if (covered.error().err == ENOENT && op.optional) return Done{};
            if (covered.error().err != EINVAL && covered.error().err != ENOTDIR) break;
        }
        return covered;
    }

    // What masks of one kind show.
    struct Empty {
        const char* name;
        bool directory;
        Fd first; ///< the one that is attached already; all others are clones of it
        Fd next;
    };

    // As read-only as the first one. That is attached: detached trees can be cloned from Linux 6.15 on.
    Result<Fd> empty_tree(const Empty& empty) {
        if (empty.first) return sys::open_tree(empty.first.get(), "", kClone);
        if (empty.directory) TRY(sys::mkdirat(scratch_.get(), empty.name, 0555));
        else TRY(sys::make_file(scratch_.get(), empty.name, 0444));
        Fd tree = TRY(sys::open_tree(scratch_.get(), empty.name, OPEN_TREE_CLONE));
        TRY(restrict(tree.get(), Attr{}));
        return tree;
    }

    Status covered_by(Empty& empty) {
        Fd tree = std::move(empty.next);
        TRY(remember(tree.get()));
        if (!empty.first) empty.first = std::move(tree);
        return Done{};
    }

    Status apply(const op::Data& op) {
        if (!op.bind) return plan_.host_targets ? write_in_place(op) : write_on_own(op);
        std::string name = scratch_name("data");
        Fd file = TRY(sys::openat(scratch_.get(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY, op.mode));
        TRY(sys::write_all(file.get(), op.content));
        Fd tree = TRY(sys::open_tree(scratch_.get(), name.c_str(), OPEN_TREE_CLONE));
        TRY(restrict(tree.get(), op.attr));
        return attach(tree, op.target, false, false, op.parents);
    }

    // An ordinary file of the throw-away layer, so that package scripts can replace it.
    Status write_on_own(const op::Data& op) {
        Fd there = TRY(destination(op.target, false));
        if (!own(there.get())) return sys::refused(EROFS);
        Fd file = TRY(
            sys::openat2(newroot_.get(), op.target.c_str() + 1, O_WRONLY | O_TRUNC | O_NONBLOCK | O_NOCTTY, kInRoot));
        struct stat st = TRY(sys::fstat(file.get()));
        if (!S_ISREG(st.st_mode)) return sys::refused(EINVAL);
        return sys::write_all(file.get(), op.content);
    }

    // Whatever file system that is, and whatever file is there already.
    Status write_in_place(const op::Data& op) {
        Place place = TRY(find_place(newroot_.get(), op.target, op.parents));
        auto file = sys::openat(place.parent.get(), place.name.c_str(),
                                O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, op.mode);
        if (!file) return sys::as(sys::Call::target, file.error());
        return sys::write_all((*file).get(), op.content);
    }

    Status apply(const op::MakeDirectory& op) {
        Place place = TRY(find_place(newroot_.get(), op.target, op.parents));
        if (TRY(make_place(place, true, op.mode))) return Done{};
        auto there = open_place(place, true);
        // A symlink is none, wherever it leads.
        if (!there && there.error().call == sys::Call::check && there.error().err == ELOOP)
            return sys::refused(ENOTDIR);
        TRY(std::move(there));
        return Done{};
    }

    // What stands at TARGET, followed as inside the new root but for the last name.
    Result<Fd> there(const std::string& target) {
        auto found = sys::openat2(newroot_.get(), ("." + target).c_str(), O_PATH | O_NOFOLLOW, kInRoot);
        return found ? std::move(found) : sys::as(sys::Call::target, found.error());
    }

    Status apply(const op::Chmod& op) {
        Fd fd = TRY(there(op.target));
        return sys::chmod_path(fd.get(), op.mode);
    }

    Status apply(const op::ReadOnly& op) {
        Fd fd = TRY(there(op.target));
        struct stat st = TRY(sys::fstat(fd.get()));
        if (S_ISLNK(st.st_mode)) return sys::refused(ELOOP);
        mount_attr set{};
        set.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
        return sys::mount_setattr(fd.get(), "", AT_EMPTY_PATH, set);
    }

    Status apply(const op::Symlink& op) {
        Place place;
        if (plan_.host_targets) {
            place = TRY(find_place(newroot_.get(), op.target, kParents));
        } else {
            std::size_t slash = op.target.rfind('/');
            place.name = op.target.substr(slash + 1);
            if (stands_in(known_, op.target)) return make_symlink(op, known_.parent.get(), place.name);
            place.parent = slash == 0 ? TRY(sys::openat(newroot_.get(), ".", O_PATH | O_DIRECTORY))
                                      : TRY(destination(op.target.substr(0, slash), true));
            if (!own(place.parent.get())) return sys::refused(EROFS);
        }
        return make_symlink(op, place.parent.get(), place.name);
    }

    Status make_symlink(const op::Symlink& op, int parent, const std::string& name) {
        Status made = sys::symlinkat(op.to.c_str(), parent, name.c_str());
        if (made || made.error().err != EEXIST) return made;
        auto is = sys::readlinkat(parent, name.c_str());
        if (!is) return sys::refused(EINVAL);
        about_ = *is;
        return about_ == op.to ? Status(Done{}) : Status(sys::refused(EEXIST));
    }

    Status apply(const op::Sysctl& op) {
        // `/` is still the old root: nobody has changed that yet.
        auto open = [&] {
            if (op.old_root) return sys::open(op.target.c_str(), O_RDWR);
            return sys::openat2(newroot_.get(), op.target.c_str() + 1, O_RDWR, kInRoot | RESOLVE_NO_SYMLINKS);
        };
        Fd file = TRY(open());
        // Only ever a real procfs (CVE-2025-52881 is what happens when that is taken on trust).
        if (!TRY(sys::is_proc(file.get()))) return sys::refused(EINVAL);
        TRY(sys::write_all(file.get(), op.value));
        if (!kept()) return Done{};
        std::array<char, 64> value{};
        ssize_t n = ::pread(file.get(), value.data(), value.size(), 0);
        if (n < 0) return sys::failed(sys::Call::read);
        built_.sysctls.emplace_back(index_, std::string(value.data(), static_cast<std::size_t>(n)));
        return Done{};
    }

    const Plan& plan_;
    Trees trees_;
    std::string& about_;
    std::size_t index_ = 0;
    Fd scratch_, layers_, newroot_, proc_, callers_proc_;
    Empty file_{"nothing", false, {}, {}}, directory_{"empty", true, {}, {}};
    struct stat top_ {}; ///< the new root's
    Built built_;
    std::string proc_target_;
    std::set<std::uint64_t> own_; ///< mount ids
    Above above_;                 ///< of the last source
    Place known_;                 ///< the directory of the last target that was made, or a mount of the jail's own
};

} // namespace

Result<Built> build(const Plan& plan, Trees trees, std::string& about) {
    Builder builder(plan, std::move(trees), about);
    TRY(sys::during(sys::Stage::mount, builder.run()));
    TRY(sys::during(sys::Stage::pivot, builder.pivot()));
    return builder.take();
}

} // namespace ajail::mount
