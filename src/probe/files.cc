// SPDX-License-Identifier: Apache-2.0
// Files: those of the host, ways out of the root, what is read-only, what is hidden.
#include "probe/inside.h"

#include <cstdio>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

namespace ajail::probe {

namespace {

constexpr unsigned long kRdonlyBind = 1UL << 12, kRec = 1UL << 14, kRemount = 1UL << 5, kMove = 1UL << 13;
constexpr unsigned kClone = 1, kRecursive = 0x8000;

void read_secret() { must_fail("open", ::open(given("secret"), O_RDONLY)); }
void stat_secret() {
    struct stat st {};
    must_fail("stat", ::stat(given("secret"), &st));
}
void write_outside() {
    std::string path = std::string(given("secret")) + ".planted";
    must_fail("create", ::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
    must_fail("mkdir", ::mkdir(path.c_str(), 0700));
    must_fail("append", ::open(given("secret"), O_WRONLY | O_APPEND));
}
void link_outside() { // protected_hardlinks is about others' files; these are the same user's
    must_fail("link", ::link(given("secret"), in_work("linked").c_str()));
    must_fail("rename", ::rename(given("secret"), in_work("renamed").c_str()));
}

// DEVICE:INODE:PATH, as the host sees it.
void same(const char* key) {
    unsigned long long dev = 0, ino = 0;
    char path[4096];
    struct stat st {};
    if (std::sscanf(given(key), "%llu:%llu:%4095[^\n]", &dev, &ino, path) != 3) skipped("no place for %s", key);
    if (::stat(path, &st) < 0) return refused("stat");
    if (st.st_dev == dev && st.st_ino == ino) allowed("%.80s is the host's", path);
    blocked("another directory");
}
void host_home() { same("home"); }
void host_tmp() { same("tmp"); }
void host_run() { same("run"); }
void host_root() { same("root"); }

// --- out of the root
void by_chroot() {
    int here = ::open("/", O_RDONLY | O_DIRECTORY);
    std::string cell = in_work("cell");
    (void)::mkdir(cell.c_str(), 0755);
    if (::syscall(SYS_chroot, cell.c_str()) < 0) return refused("chroot");
    if (::fchdir(here) < 0) return refused("fchdir");
    climb("chroot and fchdir", AT_FDCWD);
    for (int i = 0; i < 64; ++i)
        if (::chdir("..") < 0) break;
    if (::syscall(SYS_chroot, ".") == 0) climb("chroot, fchdir, chroot", AT_FDCWD);
    blocked("the root is the same");
}
void by_umount() {
    own_mounts();
    for (const char* path : {"/", "/.."}) {
        if (umount_old(path) < 0) refused("umount");
        else climb(path, AT_FDCWD);
    }
    if (::chdir("/") < 0 || ::syscall(SYS_pivot_root, ".", ".") < 0) return refused("pivot_root");
    climb("pivot_root", AT_FDCWD);
    if (umount_old(".") == 0) climb("pivot_root and umount", AT_FDCWD);
}
void by_setns() {
    for (const char* name : {"/proc/1/ns/mnt", "/proc/1/ns/user", "/proc/self/ns/mnt", "/proc/self/ns/user"}) {
        int fd = ::open(name, O_RDONLY);
        if (fd < 0) refused(name);
        else if (::setns(fd, 0) < 0) refused("setns");
        else climb(name, AT_FDCWD);
    }
}
void by_tree() {
    long tree = open_tree("/", kClone | kRecursive);
    if (tree < 0) refused("open_tree");
    else climb("open_tree", static_cast<int>(tree));
    int above = ::open("/..", O_PATH | O_DIRECTORY);
    if (above >= 0) climb("/..", above);
}
void by_userns() {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return refused("unshare");
    for (auto way : {by_chroot, by_umount, by_tree}) (void)in_child(way);
}
void by_processes() { // one that has the host's root is enough
    each_process([](const char* pid) {
        for (const char* link : {"/root/", "/cwd/"}) {
            std::string path = std::string("/proc/") + pid + link;
            int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY);
            if (fd < 0) continue;
            climb(path.c_str(), fd);
            close(fd);
        }
    });
}

// --- read-only stays read-only. Each way starts by itself.
std::string g_fixed; // the mount; in it is `file`

bool change(const std::string& dir) {
    std::string file = dir + "/file", other = dir + "/other";
    int fd = ::open(file.c_str(), O_WRONLY | O_APPEND);
    if (fd >= 0 && ::write(fd, "planted\n", 8) == 8) return true;
    refused("write");
    fd = ::open(file.c_str(), O_RDONLY);
    return ::open(other.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644) >= 0 || ::truncate(file.c_str(), 0) == 0 ||
           ::link(file.c_str(), other.c_str()) == 0 || ::rename(file.c_str(), other.c_str()) == 0 ||
           ::chmod(file.c_str(), 0777) == 0 || ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0) == 0 ||
           ::setxattr(file.c_str(), "user.planted", "1", 1, 0) == 0 || ::unlink(file.c_str()) == 0 ||
           ::fchmod(fd, 0777) == 0 || ::mmap(nullptr, 1, PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED;
}
void changed(const char* how) {
    if (change(g_fixed)) allowed("%s", how);
}
const char* fixed() {
    g_fixed = given("fixed");
    return g_fixed.c_str();
}
void ro_write() {
    (void)fixed();
    changed("as it stands");
}
void ro_remount() {
    own_mounts();
    if (mount_old(nullptr, fixed(), nullptr, kRemount | kRdonlyBind) < 0) refused("remount");
    if (mount_old(nullptr, fixed(), nullptr, kRemount) < 0) refused("remount");
    changed("after a remount");
}
void ro_setattr() {
    own_mounts();
    if (make_writable(AT_FDCWD, fixed(), 0) < 0) refused("mount_setattr");
    (void)make_writable(AT_FDCWD, fixed(), kRecursive);
    changed("after mount_setattr");
}
void ro_rebind() {
    own_mounts();
    std::string again = in_work("again");
    (void)::mkdir(again.c_str(), 0755);
    if (mount_old(fixed(), again.c_str(), nullptr, kRdonlyBind) < 0 &&
        mount_old(fixed(), again.c_str(), nullptr, kRdonlyBind | kRec) < 0)
        return refused("bind");
    (void)mount_old(nullptr, again.c_str(), nullptr, kRemount | kRdonlyBind);
    (void)make_writable(AT_FDCWD, again.c_str(), 0);
    g_fixed = again;
    changed("after a second bind");
}
void ro_tree() {
    own_mounts();
    auto tree = static_cast<int>(open_tree(fixed(), kClone | kRecursive));
    if (tree < 0) return refused("open_tree");
    if (make_writable(tree, "", AT_EMPTY_PATH) < 0) refused("mount_setattr");
    g_fixed = "/proc/self/fd/" + std::to_string(tree);
    changed("in a clone of the mount");
}
void ro_umount() {
    own_mounts();
    if (umount_old(fixed()) < 0) return refused("umount");
    changed("after umount");
    allowed("umount");
}
void ro_move() {
    own_mounts();
    std::string moved = in_work("moved");
    (void)::mkdir(moved.c_str(), 0755);
    if (mount_old(fixed(), moved.c_str(), nullptr, kMove) < 0) return refused("move");
    allowed("another directory stands there now");
}
void ro_userns() {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return refused("unshare");
    for (auto way : {ro_remount, ro_setattr, ro_rebind, ro_tree, ro_umount}) (void)in_child(way);
}
void ro_replace() { // a directory in between is renamed, and another file stands at the path that the host reads
    std::string dir = in_work("between"), file = dir + "/file", other = dir + ".other";
    if (::rename(dir.c_str(), other.c_str()) < 0) return refused("rename");
    (void)::mkdir(dir.c_str(), 0755);
    int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (fd >= 0) allowed("the directory above is renamed");
    refused("create");
}

// --- what is hidden stays hidden
void seen(const std::string& hidden, const char* how) { // a file, or a directory with one
    char byte = 0;
    struct stat st {};
    bool directory = ::stat(hidden.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
    int fd = ::open((hidden + (directory ? "/file" : "")).c_str(), O_RDONLY);
    if (fd < 0) refused("open");
    if (fd >= 0 && ::read(fd, &byte, 1) == 1) allowed("%s", how);
}
void mask_plain() { seen(given("hidden"), "as it stands"); }
void mask_umount() {
    own_mounts();
    if (umount_old(given("hidden")) < 0) return refused("umount");
    seen(given("hidden"), "umount");
}
void mask_move() {
    own_mounts();
    std::string moved = in_work("moved");
    (void)::mkdir(moved.c_str(), 0755);
    if (mount_old(given("hidden"), moved.c_str(), nullptr, kMove) < 0) return refused("move");
    seen(given("hidden"), "moving the mask");
}
void mask_rebind() { // the directory above once more, without what is mounted in it
    own_mounts();
    std::string above = given("hidden"), again = in_work("again");
    std::size_t slash = above.rfind('/');
    std::string rest = above.substr(slash);
    above.resize(slash);
    auto tree = static_cast<int>(open_tree(above.c_str(), kClone));
    if (tree < 0) refused("open_tree");
    else seen("/proc/self/fd/" + std::to_string(tree) + rest, "a clone of the directory above");
    (void)::mkdir(again.c_str(), 0755);
    if (mount_old(above.c_str(), again.c_str(), nullptr, kRdonlyBind) < 0) return refused("bind");
    seen(again + rest, "a bind of the directory above");
}
void mask_rename() { // a new directory in place of the one above
    std::string above = given("hidden");
    above.resize(above.rfind('/'));
    std::string other = above + ".other";
    if (::rename(above.c_str(), other.c_str()) < 0) return refused("rename");
    (void)::rename(other.c_str(), above.c_str());
    allowed("the directory above is renamed");
}
void mask_userns() {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return refused("unshare");
    for (auto way : {mask_umount, mask_move, mask_rebind}) (void)in_child(way);
}

constexpr const char* kKind = "files";
constexpr Probe kProbes[] = {
    {"read-secret", kKind, "read a file of the same user that was not granted", read_secret},
    {"stat-secret", kKind, "learn that it exists", stat_secret},
    {"write-outside", kKind, "write beside it", write_outside},
    {"link-outside", kKind, "link or move it into the granted directory", link_outside},
    {"host-home", kKind, "see the caller's home", host_home},
    {"host-tmp", kKind, "see the host's /tmp", host_tmp},
    {"host-run", kKind, "see the host's /run", host_run},
    {"host-root", kKind, "see the host's /", host_root},
    {"root-chroot", kKind, "leave the root by chroot and fchdir", by_chroot},
    {"root-umount", kKind, "leave the root by umount or pivot_root", by_umount},
    {"root-setns", kKind, "leave the root by entering a mount namespace (CVE-2013-1956)", by_setns},
    {"root-tree", kKind, "leave the root by a clone of the tree", by_tree},
    {"root-userns", kKind, "the same, in a user namespace (CVE-2013-1956)", by_userns},
    {"root-processes", kKind, "leave the root through another process", by_processes},
    {"ro-bind-write", kKind, "change a read-only directory", ro_write},
    {"ro-bind-remount", kKind, "remount it writable", ro_remount},
    {"ro-bind-setattr", kKind, "make it writable by mount_setattr", ro_setattr},
    {"ro-bind-rebind", kKind, "bind it a second time, writable", ro_rebind},
    {"ro-bind-tree", kKind, "clone the mount, writable", ro_tree},
    {"ro-bind-umount", kKind, "take the mount off", ro_umount},
    {"ro-bind-move", kKind, "move the mount away", ro_move},
    {"ro-bind-userns", kKind, "the same, in a user namespace (CVE-2013-1957, CVE-2014-5206, CVE-2014-5207)",
     ro_userns},
    {"ro-bind-replace", kKind, "rename the directory above a read-only file (CVE-2026-25725)", ro_replace},
    {"mask-reveal", kKind, "read what is hidden", mask_plain},
    {"mask-umount", kKind, "take the mask off (CVE-2014-9717)", mask_umount},
    {"mask-move", kKind, "move the mask away", mask_move},
    {"mask-rebind", kKind, "bind the directory above without the mask (CVE-2014-9717)", mask_rebind},
    {"mask-rename", kKind, "rename the directory above the mask", mask_rename},
    {"mask-userns", kKind, "the same, in a user namespace", mask_userns},
};

} // namespace

std::span<const Probe> files() { return kProbes; }

} // namespace ajail::probe
