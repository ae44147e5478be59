// SPDX-License-Identifier: Apache-2.0
// probe NAME [ARG...]: one attempt to get out of a jail, or at something that was not granted. Prints ALLOWED(how) or
// BLOCKED(why) and exits 0; anything else is a mistake of the probe itself and exits 2. Static and without helpers,
// so that it runs in any root filesystem. Each must say ALLOWED outside, or where its wall is missing; the tests check
// that, too, because a probe that cannot succeed proves nothing.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

// From <sys/mount.h>, which cannot stand beside <linux/mount.h> with older headers.
extern int mount(const char*, const char*, const char*, unsigned long, const void*);
extern int umount2(const char*, int);
enum { k_detach = 2 };

static char* g_why; // the last refusals, for BLOCKED()

static void why(const char* what) {
    char* old = g_why;
    if (asprintf(&g_why, "%s%s%s: %s", old ? old : "", old ? "; " : "", what, strerrorname_np(errno)) < 0) exit(2);
    free(old);
}

static _Noreturn void allowed(const char* format, ...) {
    va_list args;
    va_start(args, format);
    fputs("ALLOWED(", stdout);
    vprintf(format, args);
    puts(")");
    exit(0);
}

static _Noreturn void blocked(void) {
    printf("BLOCKED(%.600s)\n", g_why ? g_why : "nothing there");
    exit(0);
}

// Reports a call that must not work.
static void attempt(const char* what, long result) {
    if (result >= 0) allowed("%s", what);
    why(what);
}

// --- processes ---------------------------------------------------------------------------------------------------

static long sys_ptrace_seize(pid_t pid) {
    long r = ptrace(PTRACE_SEIZE, pid, 0, 0);
    if (r == 0) ptrace(PTRACE_DETACH, pid, 0, 0);
    return r;
}

static void p_signal(char** a) {
    pid_t pid = atoi(a[0]);
    attempt("kill", kill(pid, 0));
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    attempt("pidfd_open", fd);
    attempt("setpriority", setpriority(PRIO_PROCESS, (id_t)pid, 19));
    struct rlimit limit;
    attempt("prlimit", prlimit(pid, RLIMIT_NOFILE, NULL, &limit));
    blocked();
}

static void p_trace(char** a) {
    pid_t pid = atoi(a[0]);
    char path[64], byte;
    attempt("ptrace", sys_ptrace_seize(pid));
    // No address of the other process is known; EFAULT means that access was granted.
    struct iovec here = {&byte, 1}, there = {(void*)4096, 1};
    if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT) allowed("process_vm_readv");
    why("process_vm_readv");
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    attempt("mem", open(path, O_RDWR));
    attempt("mem for reading", open(path, O_RDONLY));
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd >= 0) {
        attempt("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 0, 0));
        struct iovec range = {(void*)4096, 4096};
        attempt("process_madvise", syscall(SYS_process_madvise, pidfd, &range, 1, MADV_COLD, 0));
        attempt("setns", setns(pidfd, CLONE_NEWNS));
    }
    attempt("kcmp", syscall(SYS_kcmp, pid, getpid(), 2 /* KCMP_FILES */, 0, 0));
    blocked();
}

static void p_magic(char** a) {
    const char* links[] = {"root/.", "cwd/.", "exe", "ns/mnt", "ns/user", "fd/0", "fd/3", "fd/4"};
    char path[64];
    for (size_t i = 0; i < sizeof links / sizeof *links; ++i) {
        snprintf(path, sizeof path, "/proc/%s/%s", a[0], links[i]);
        attempt(links[i], open(path, O_RDONLY));
    }
    // A list of numbers is no access: where a user namespace is around everything, the jail's root owns /proc/1.
    const char* dirs[] = {"fd", "map_files"};
    for (int i = 0; i < 2; ++i) {
        snprintf(path, sizeof path, "/proc/%s/%s", a[0], dirs[i]);
        DIR* dir = opendir(path);
        why(dirs[i]);
        for (struct dirent* e; dir && (e = readdir(dir));) {
            char to[256];
            if (e->d_name[0] == '.') continue;
            if (readlinkat(dirfd(dir), e->d_name, to, sizeof to) >= 0) allowed("%s/%s", dirs[i], e->d_name);
            why("readlink");
        }
        if (dir) closedir(dir);
    }
    blocked();
}

// What the launcher was given must not be seen: contents that are not only NUL.
static void p_words(char** a) {
    const char* names[] = {"environ", "cmdline", "auxv", "maps", "smaps", "stack", "syscall", "personality"};
    char path[64], text[4096];
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        snprintf(path, sizeof path, "/proc/%s/%s", a[0], names[i]);
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
        int full = 0;
        for (ssize_t j = 0; j < n; ++j) full |= text[j] != 0;
        if (full) allowed("%s", names[i]);
        if (n < 0) why(names[i]);
    }
    blocked();
}

// Is there a process with WORD in its arguments?
static void p_find(char** a) {
    DIR* dir = opendir("/proc");
    for (struct dirent* e; dir && (e = readdir(dir));) {
        char path[300], text[4096] = "";
        if (e->d_name[0] < '0' || e->d_name[0] > '9' || atoi(e->d_name) == getpid()) continue;
        snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        if (fd >= 0) close(fd);
        if (n > 0 && memmem(text, (size_t)n, a[0], strlen(a[0]))) allowed("pid %s", e->d_name);
    }
    blocked();
}

static void p_storm(char** a) { // more orphans than init can reap
    (void)a;
    for (int i = 0; i < 6; ++i)
        if (fork() == 0)
            for (;;) {
                pid_t child = fork();
                if (child == 0) {
                    (void)fork();
                    _exit(0);
                }
                if (child > 0) waitpid(child, NULL, 0);
            }
    for (;;) pause();
}

static void p_victim(char** a) {
    (void)a;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); // Yama, where there is one, allows no siblings
    puts("ready");
    fflush(stdout);
    for (;;) pause();
}

static void p_fds(char** a) {
    (void)a;
    for (int fd = 3; fd < 65536; ++fd) {
        if (fcntl(fd, F_GETFD) < 0) continue;
        char path[64], to[512] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, to, sizeof to - 1) < 0) to[0] = 0;
        allowed("descriptor %d: %s", fd, to);
    }
    blocked();
}

// --- a file of the host, by any way out of the root ---------------------------------------------------------------

static const char* g_marker;

static void at_marker(const char* how, int dir) {
    int fd = openat(dir, g_marker + 1, O_RDONLY);
    if (fd >= 0) allowed("%s", how);
}

static void climb(const char* how, int start) {
    int dir = openat(start, ".", O_PATH | O_DIRECTORY);
    for (int i = 0; dir >= 0 && i < 64; ++i) {
        at_marker(how, dir);
        int up = openat(dir, "..", O_PATH | O_DIRECTORY);
        close(dir);
        dir = up;
    }
    if (dir >= 0) close(dir);
}

static void look(const char* how) {
    char path[64];
    at_marker(how, AT_FDCWD);
    if (access(g_marker, F_OK) == 0) allowed("%s, by its name", how);
    climb(how, AT_FDCWD);
    int root = open("/", O_PATH | O_DIRECTORY);
    climb(how, root);
    close(root);
    for (int fd = 0; fd < 3; ++fd) climb(how, fd);
    DIR* dir = opendir("/proc");
    for (struct dirent* e; dir && (e = readdir(dir));) {
        if (e->d_name[0] < '0' || e->d_name[0] > '9') continue;
        const char* links[] = {"root", "cwd"};
        for (int i = 0; i < 2; ++i) {
            snprintf(path, sizeof path, "/proc/%.20s/%s/", e->d_name, links[i]);
            int fd = open(path, O_PATH | O_DIRECTORY);
            if (fd < 0) continue;
            climb(path, fd);
            close(fd);
        }
    }
    if (dir) closedir(dir);
    char cwd[4096];
    if (getcwd(cwd, sizeof cwd) && cwd[0] != '/') allowed("%s: the working directory is %.40s", how, cwd);
}

static int in_child(void (*body)(void)) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        body();
        exit(77);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) exit(0); // it has said ALLOWED
    return status;
}

static void by_nothing(void) { look("as it stands"); }
static void by_chroot(void) {
    int here = open("/", O_RDONLY | O_DIRECTORY);
    if (mkdir("/tmp/jail-in-jail", 0755) < 0 && errno != EEXIST) return;
    if (chroot("/tmp/jail-in-jail") < 0 || fchdir(here) < 0) return;
    look("chroot and fchdir");
    for (int i = 0; i < 64; ++i)
        if (chdir("..") < 0) break;
    if (chroot(".") == 0) look("chroot, fchdir, chroot");
}
static void by_umount(void) {
    if (umount2("/", k_detach) == 0) look("umount /");
    if (umount2("/..", k_detach) == 0) look("umount /..");
    if (chdir("/") == 0 && syscall(SYS_pivot_root, ".", ".") == 0) look("pivot_root");
    if (chdir("/") == 0 && umount2(".", k_detach) == 0) look("pivot_root and umount");
}
static void by_setns(void) {
    const char* names[] = {"/proc/1/ns/mnt", "/proc/1/ns/user", "/proc/self/ns/mnt", "/proc/self/ns/user"};
    for (int i = 0; i < 4; ++i) {
        int fd = open(names[i], O_RDONLY);
        if (fd >= 0 && setns(fd, 0) == 0) look(names[i]);
        int parent = fd < 0 ? -1 : ioctl(fd, 0xb702 /* NS_GET_PARENT */);
        if (parent >= 0) allowed("NS_GET_PARENT of %s", names[i]);
        int owner = fd < 0 ? -1 : ioctl(fd, 0xb701 /* NS_GET_USERNS */);
        if (owner >= 0 && setns(owner, 0) == 0) allowed("setns to the owner of %s", names[i]);
    }
}
static void by_tree(void) {
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */ | 0x8000 /* AT_RECURSIVE */);
    if (tree >= 0) climb("open_tree /", tree);
    int above = open("/..", O_PATH | O_DIRECTORY);
    if (above >= 0) climb("/..", above);
}
static void by_userns(void) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return;
    in_child(by_chroot);
    in_child(by_umount);
    in_child(by_tree);
}

static void p_root(char** a) {
    g_marker = a[0];
    by_nothing();
    in_child(by_chroot);
    in_child(by_umount);
    in_child(by_setns);
    in_child(by_tree);
    in_child(by_userns);
    blocked();
}

// Somebody else moves the directory that we stand in out of what is mounted (CVE-2015-2925).
static void p_moved(char** a) {
    g_marker = a[0];
    if (chdir(a[1]) < 0) exit(2);
    puts("ready");
    fflush(stdout);
    getchar();
    climb("..", AT_FDCWD);
    blocked();
}

// --- files -------------------------------------------------------------------------------------------------------

static void p_read(char** a) {
    for (; *a; ++a) attempt(*a, open(*a, O_RDONLY | O_NONBLOCK));
    blocked();
}

static int write_once(const char* path) {
    int fd = open(path, O_WRONLY | O_APPEND);
    if (fd < 0) return -1;
    ssize_t n = write(fd, "planted\n", 8);
    close(fd);
    return n == 8 ? 0 : -1;
}

static void p_write(char** a) {
    for (; *a; ++a) attempt(*a, write_once(*a));
    blocked();
}

static long clear_flags(int dir, const char* path, unsigned at, uint64_t flags) {
    struct mount_attr attr = {.attr_clr = flags};
    return syscall(SYS_mount_setattr, dir, path, at, &attr, sizeof attr);
}

static const char *g_file, *g_mount;

// Everything that changes the file or its name without a mount.
static void change_plainly(const char* when) {
    char other[4200], what[200];
    snprintf(other, sizeof other, "%s.other", g_file);
    struct {
        const char* name;
        long result;
    } tries[] = {
        {"write", write_once(g_file)},
        {"truncate", truncate(g_file, 0)},
        {"open O_TRUNC", open(g_file, O_RDONLY | O_TRUNC)},
        {"rename", rename(g_file, other)},
        {"link", link(g_file, other)},
        {"chmod", chmod(g_file, 0777)},
        {"utimes", utimensat(AT_FDCWD, g_file, NULL, 0)},
        {"setxattr", setxattr(g_file, "user.planted", "1", 1, 0)},
        {"create", open(other, O_CREAT | O_EXCL | O_WRONLY, 0644)},
        {"unlink", unlink(g_file)},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; ++i) {
        snprintf(what, sizeof what, "%s%s", when, tries[i].name);
        if (tries[i].result >= 0) allowed("%s", what);
    }
    int fd = open(g_file, O_RDONLY);
    if (fd >= 0 && fchmod(fd, 0777) == 0) allowed("%sfchmod", when);
    if (fd >= 0 && mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED) allowed("%smmap", when);
    close(fd);
}

static void ro_plain(void) { change_plainly(""); }
static void ro_remount(void) {
    mount(NULL, g_mount, NULL, MS_REMOUNT | MS_BIND, NULL);
    mount(NULL, g_mount, NULL, MS_REMOUNT, NULL);
    change_plainly("after remount: ");
}
static void ro_setattr(void) {
    clear_flags(AT_FDCWD, g_mount, 0, MOUNT_ATTR_RDONLY);
    clear_flags(AT_FDCWD, g_mount, 0x8000, MOUNT_ATTR_RDONLY);
    change_plainly("after mount_setattr: ");
}
static void ro_rebind(void) {
    char again[4096];
    mkdir("/tmp/again", 0755);
    if (mount(g_mount, "/tmp/again", NULL, MS_BIND, NULL) < 0 &&
        mount(g_mount, "/tmp/again", NULL, MS_BIND | MS_REC, NULL) < 0)
        return;
    mount(NULL, "/tmp/again", NULL, MS_REMOUNT | MS_BIND, NULL);
    clear_flags(AT_FDCWD, "/tmp/again", 0, MOUNT_ATTR_RDONLY);
    snprintf(again, sizeof again, "/tmp/again/%s", strrchr(g_file, '/') + 1);
    g_file = again;
    change_plainly("after a second bind: ");
}
static void ro_tree(void) {
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, g_mount, 1 | 0x8000);
    if (tree < 0) return;
    clear_flags(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY);
    int fd = openat(tree, strrchr(g_file, '/') + 1, O_WRONLY | O_APPEND);
    if (fd >= 0 && write(fd, "planted\n", 8) == 8) allowed("open_tree and mount_setattr");
}
static void ro_umount(void) {
    if (umount2(g_mount, k_detach) == 0) change_plainly("after umount: ");
}
static void ro_move(void) {
    mkdir("/tmp/moved", 0755);
    if (mount(g_mount, "/tmp/moved", NULL, MS_MOVE, NULL) == 0) change_plainly("after moving the mount: ");
}
static void ro_overlay(void) {
    // An overlay whose lower layer is what may not be changed, and whose upper layer is the same.
    char options[9000];
    mkdir("/tmp/w", 0755), mkdir("/tmp/m", 0755);
    snprintf(options, sizeof options, "lowerdir=/tmp,upperdir=%s,workdir=%s,userxattr", g_mount, g_mount);
    if (mount("o", "/tmp/m", "overlay", 0, options) == 0) allowed("an overlay on it");
}
static void ro_all(void) {
    void (*ways[])(void) = {ro_plain, ro_remount, ro_setattr, ro_rebind, ro_tree, ro_umount, ro_move, ro_overlay};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) in_child(ways[i]);
}
static void ro_userns(void) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) ro_all();
}

// MOUNT is read-only, FILE in it (or MOUNT itself): may it be changed?
static void p_change(char** a) {
    g_mount = a[0], g_file = a[1];
    ro_all();
    in_child(ro_userns);
    blocked();
}

static void see_plainly(const char* how) {
    char byte;
    int fd = open(g_file, O_RDONLY);
    if (fd >= 0 && read(fd, &byte, 1) == 1) allowed("%s", how);
}
static void see_plain(void) { see_plainly("as it stands"); }
static void see_umount(void) {
    if (umount2(g_mount, k_detach) == 0) see_plainly("umount");
}
static void see_move(void) {
    mkdir("/tmp/moved", 0755);
    if (mount(g_mount, "/tmp/moved", NULL, MS_MOVE, NULL) == 0) see_plainly("moving the mask");
}
static void see_beside(void) { // the parent once more, without what is mounted in it
    char parent[4096], below[8200];
    snprintf(parent, sizeof parent, "%s", g_mount);
    *strrchr(parent, '/') = 0;
    const char* rest = g_file + strlen(parent) + 1;
    mkdir("/tmp/again", 0755);
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, parent, 1);
    int fd = tree < 0 ? -1 : openat(tree, rest, O_RDONLY);
    char byte;
    if (fd >= 0 && read(fd, &byte, 1) == 1) allowed("open_tree");
    if (mount(parent, "/tmp/again", NULL, MS_BIND, NULL) < 0) return;
    snprintf(below, sizeof below, "/tmp/again/%s", rest);
    g_file = below;
    see_plainly("a bind of the parent");
}
static void see_rename(void) { // the parent of the mask renamed, a new one in its place
    char parent[4096], other[4200], below[8400];
    snprintf(parent, sizeof parent, "%s", g_mount);
    *strrchr(parent, '/') = 0;
    snprintf(other, sizeof other, "%s.other", parent);
    if (rename(parent, other) < 0) return;
    snprintf(below, sizeof below, "%s%s", other, g_file + strlen(parent));
    g_file = below;
    see_plainly("renaming the parent");
    rename(other, parent);
}
static void see_all(void) {
    void (*ways[])(void) = {see_plain, see_umount, see_move, see_beside, see_rename};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) in_child(ways[i]);
}
static void see_userns(void) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) see_all();
}
// FILE lies under the mask MOUNT: may it be read?
static void p_reveal(char** a) {
    g_mount = a[0], g_file = a[1];
    see_all();
    in_child(see_userns);
    blocked();
}

// A procfs at /proc/sys, covered by the mount at /proc: FILE of it, which nothing else shows.
static void under_cover(const char* how) {
    const char* places[] = {"/proc/sys", "/proc",  "/tmp/cover/proc/sys", "/tmp/cover/sys", "/tmp/cover",
                            "sys",       "../sys", "../proc/sys"};
    char path[4200], byte;
    for (size_t i = 0; i < sizeof places / sizeof *places; ++i) {
        snprintf(path, sizeof path, "%s/%s", places[i], g_file);
        int fd = open(path, O_RDONLY);
        if (fd >= 0 && read(fd, &byte, 1) == 1) allowed("%s, as %s", how, path);
        if (fd >= 0) close(fd);
    }
}
static void cover_umount(void) {
    const char* dirs[] = {"/proc/sys", "/proc", "/proc/.", "/"};
    for (int round = 0; round < 3; ++round)
        for (size_t i = 0; i < sizeof dirs / sizeof *dirs; ++i)
            if (umount2(dirs[i], k_detach) == 0) under_cover("umount");
}
static void cover_move(void) {
    if (mount("/proc", "/tmp/cover", NULL, MS_MOVE, NULL) == 0) under_cover("moving the cover");
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc", 0);
    if (tree >= 0 && syscall(SYS_move_mount, tree, "", AT_FDCWD, "/tmp/cover", 4) == 0) under_cover("move_mount");
}
static void cover_beneath(void) { // Linux 6.5
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/tmp", 1);
    if (tree < 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, "/proc", 4 | 0x200) < 0) return;
    cover_umount();
}
static void cover_copy(void) { // the mounts once more: are those locked as well?
    if (mount("/", "/tmp/cover", NULL, MS_BIND, NULL) == 0) under_cover("a bind without what is below");
    if (mount("/", "/tmp/cover", NULL, MS_BIND | MS_REC, NULL) < 0) return;
    under_cover("a recursive bind");
    if (umount2("/tmp/cover/proc", k_detach) == 0) under_cover("umount in a recursive bind");
    if (mount("/tmp/cover/proc", "/tmp", NULL, MS_MOVE, NULL) == 0) under_cover("moving out of a recursive bind");
    int held = open("/tmp/cover", O_PATH | O_DIRECTORY);
    if (umount2("/tmp/cover", k_detach) == 0 && fchdir(held) == 0) {
        under_cover("in what was detached");
        if (chdir("proc") == 0) under_cover("in what was detached, below");
    }
}
static void cover_root(void) {
    if (chdir("/proc") == 0) {
        under_cover("from inside");
        if (syscall(SYS_pivot_root, ".", ".") == 0) {
            under_cover("pivot_root");
            if (umount2(".", k_detach) == 0) under_cover("pivot_root and umount");
        }
        if (chroot(".") == 0) under_cover("chroot");
    }
    int self = open("/proc/self/ns/mnt", O_RDONLY);
    if (self >= 0 && setns(self, 0) == 0) under_cover("setns");
    rmdir("/proc");
    rename("/proc", "/proc.other");
    under_cover("without its name");
}
static void cover_all(void) {
    void (*ways[])(void) = {cover_umount, cover_move, cover_beneath, cover_copy, cover_root};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) in_child(ways[i]);
}
static void cover_userns(void) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) cover_all();
    if (mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL) == 0) cover_all();
    if (unshare(CLONE_NEWNS) == 0) cover_all(); // what happens here happens there as well
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) cover_all(); // copies of copies
}
static void p_covered(char** a) {
    g_file = a[0];
    mkdir("/tmp/cover", 0755);
    under_cover("as it stands");
    cover_all();
    in_child(cover_userns);
    blocked();
}

// A file that is read-only below a writable directory: may another stand at its path afterwards?
static void p_replace(char** a) {
    char parent[4096], other[4200];
    snprintf(parent, sizeof parent, "%s", a[0]);
    *strrchr(parent, '/') = 0;
    snprintf(other, sizeof other, "%s.other", parent);
    if (rename(parent, other) < 0) {
        why("rename of the parent");
        blocked();
    }
    mkdir(parent, 0755);
    int fd = open(a[0], O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (fd >= 0 && write(fd, "planted\n", 8) == 8) allowed("renaming the parent");
    why("create");
    blocked();
}

// stdin came in read-only, stdout write-only: may they be opened again with more?
static void p_stdin(char** a) {
    (void)a;
    attempt("open for writing", open("/proc/self/fd/0", O_WRONLY));
    attempt("open for both", open("/dev/stdin", O_RDWR));
    attempt("open O_TRUNC", open("/proc/self/fd/0", O_RDONLY | O_TRUNC));
    attempt("truncate", truncate("/proc/self/fd/0", 0));
    blocked();
}
static void p_stdout(char** a) {
    int fd = open("/proc/self/fd/1", O_RDONLY);
    int fd2 = open("/dev/stdout", O_RDWR);
    FILE* out = fopen(a[0], "w"); // stdout is what is attacked
    if (fd >= 0 || fd2 >= 0) fprintf(out, "ALLOWED(open for reading)\n");
    else fprintf(out, "BLOCKED(%s)\n", strerrorname_np(errno));
    fclose(out);
    exit(0);
}
// Rights over the file that a descriptor brings along by itself.
static void p_stdin_inode(char** a) {
    (void)a;
    struct stat st;
    if (fstat(0, &st) < 0) exit(2);
    attempt("fchmod", fchmod(0, 0777));
    attempt("futimens", futimens(0, NULL));
    attempt("fsetxattr", fsetxattr(0, "user.planted", "1", 1, 0));
    blocked();
}

// --- mounts ------------------------------------------------------------------------------------------------------

static void each_mount(void (*see)(char** fields, const char* line)) {
    FILE* file = fopen("/proc/self/mountinfo", "r");
    char line[8192], copy[8192];
    while (file && fgets(line, sizeof line, file)) {
        char *fields[64] = {0}, *save = NULL;
        memcpy(copy, line, sizeof copy);
        int n = 0;
        for (char* w = strtok_r(copy, " \n", &save); w && n < 63; w = strtok_r(NULL, " \n", &save)) fields[n++] = w;
        see(fields, line);
    }
    if (!file) exit(2);
    fclose(file);
}
static void see_propagation(char** f, const char* line) {
    if (strstr(line, "shared:") || strstr(line, "master:")) allowed("%s", f[4]);
}
static void p_propagation(char** a) {
    (void)a;
    each_mount(see_propagation);
    blocked();
}
static void see_setuid(char** f, const char* line) {
    (void)line;
    if (!strstr(f[5], "nosuid")) allowed("%s: %s", f[4], f[5]);
    if (!strstr(f[5], "nodev") && strncmp(f[4], "/dev/", 5) != 0) allowed("%s: %s", f[4], f[5]);
}
static void p_flags(char** a) {
    (void)a;
    each_mount(see_setuid);
    blocked();
}
static void see_layers(char** f, const char* line) {
    (void)f;
    const char* keys[] = {"lowerdir=", "upperdir=", "workdir="};
    for (int i = 0; i < 3; ++i) {
        char path[4096];
        const char* at = strstr(line, keys[i]);
        if (!at || sscanf(at + strlen(keys[i]), "%4095[^,: \n]", path) != 1) continue;
        int fd = open(path, O_RDONLY | O_DIRECTORY);
        if (fd >= 0) allowed("%s%s", keys[i], path);
    }
}
// Names that the set-up gives to its layers: a word and a number.
static int is_layer(const char* name) {
    const char* digits = name + strcspn(name, "0123456789");
    size_t n = (size_t)(digits - name);
    int known = (n == 5 && !memcmp(name, "upper", n)) || (n == 4 && !memcmp(name, "work", n)) ||
                (n == 6 && !memcmp(name, "merged", n));
    return known && *digits && !digits[strspn(digits, "0123456789")];
}
static void p_layers(char** a) {
    (void)a;
    each_mount(see_layers);
    const char* dirs[] = {"/", "/..", "/host"};
    for (int i = 0; i < 3; ++i) {
        DIR* dir = opendir(dirs[i]);
        for (struct dirent* e; dir && (e = readdir(dir));)
            if (is_layer(e->d_name)) allowed("%s/%s", dirs[i], e->d_name);
        if (dir) closedir(dir);
    }
    blocked();
}

static void p_devices(char** a) {
    (void)a;
    const char* known[] = {"null", "zero", "full", "random", "urandom", "tty"};
    DIR* dir = opendir("/dev");
    if (!dir) exit(2);
    for (struct dirent* e; (e = readdir(dir));) {
        struct stat st;
        int expected = 0;
        for (int i = 0; i < 6; ++i) expected |= !strcmp(e->d_name, known[i]);
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !expected &&
            (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
            allowed("/dev/%s", e->d_name);
    }
    blocked();
}
// The kernel's own memory device, and the disk: by a node of one's own. A call that only pretends makes none.
static void p_mknod(char** a) {
    const char* dirs[] = {a[0], "/tmp", "/dev", "/dev/shm", "/run", NULL};
    for (int i = 0; dirs[i]; ++i) {
        char path[4200];
        snprintf(path, sizeof path, "%s/node", dirs[i]);
        if (mknod(path, S_IFCHR | 0666, makedev(1, 5)) < 0) why("mknod");
        int fd = open(path, O_RDWR);
        struct stat st;
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode)) allowed("%s", path);
        why(dirs[i]);
        unlink(path);
    }
    blocked();
}

static const char* const k_knobs[] = {
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/hostname",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/fs/suid_dumpable",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
    "/proc/mtrr",
    "/proc/acpi/wakeup",
    "/proc/latency_stats",
};
static void knobs_plain(void) {
    for (size_t i = 0; i < sizeof k_knobs / sizeof *k_knobs; ++i)
        if (open(k_knobs[i], O_WRONLY) >= 0) allowed("%s", k_knobs[i]);
}
static void knobs_remount(void) {
    const char* dirs[] = {"/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger", "/proc"};
    for (size_t i = 0; i < 6; ++i) {
        mount(NULL, dirs[i], NULL, MS_REMOUNT | MS_BIND, NULL);
        clear_flags(AT_FDCWD, dirs[i], 0, MOUNT_ATTR_RDONLY);
        umount2(dirs[i], k_detach);
    }
    knobs_plain();
}
// Not `hostname` and such: files of namespaces of the payload's own are its own.
static void knobs_fresh(void) {
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0) return;
    pid_t pid = fork();
    if (pid == 0) {
        mkdir("/tmp/proc", 0755);
        if (mount("p", "/tmp/proc", "proc", 0, NULL) == 0) allowed("a fresh procfs without masks");
        if (mount("s", "/tmp/proc", "sysfs", 0, NULL) == 0) allowed("a fresh sysfs");
        int fs = (int)syscall(SYS_fsopen, "proc", 0);
        if (fs >= 0 && syscall(SYS_fsconfig, fs, 6, NULL, NULL, 0) == 0 && syscall(SYS_fsmount, fs, 0, 0) >= 0)
            allowed("fsmount of procfs");
        _exit(77);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) exit(0);
}
static void p_knobs(char** a) {
    (void)a;
    knobs_plain();
    in_child(knobs_remount);
    in_child(knobs_fresh);
    blocked();
}

static void cgroup_look(char** f, const char* line) {
    if (!strstr(line, " - cgroup")) return;
    const char* names[] = {"release_agent", "cgroup.procs", "tasks", "notify_on_release"};
    for (int i = 0; i < 4; ++i) {
        char path[4200];
        snprintf(path, sizeof path, "%s/%s", f[4], names[i]);
        if (open(path, O_WRONLY) >= 0) allowed("%s", path);
    }
}
static void cgroup_mount(void) {
    unshare(CLONE_NEWCGROUP | CLONE_NEWNS);
    mkdir("/tmp/cg", 0755);
    if (mount("c", "/tmp/cg", "cgroup2", 0, NULL) == 0) each_mount(cgroup_look);
    const char* kinds[] = {"memory", "pids", "devices", "freezer"};
    for (int i = 0; i < 4; ++i)
        if (mount("c", "/tmp/cg", "cgroup", 0, kinds[i]) == 0) each_mount(cgroup_look);
}
static void p_cgroup(char** a) {
    (void)a;
    each_mount(cgroup_look);
    in_child(cgroup_mount);
    blocked();
}

// The root directory of ext4 and XFS by its well-known handle, as a program called Shocker did.
static void p_handle(char** a) {
    struct {
        struct file_handle head;
        uint32_t body[3];
    } h;
    int at = open(a[0], O_RDONLY);
    uint32_t inodes[] = {2, 128, 64};
    for (int i = 0; i < 3; ++i) {
        h.head.handle_bytes = 8, h.head.handle_type = 1;
        h.body[0] = inodes[i], h.body[1] = 0;
        attempt("open_by_handle_at", open_by_handle_at(at, &h.head, O_RDONLY | O_DIRECTORY));
    }
    blocked();
}

// --- IPC ---------------------------------------------------------------------------------------------------------

static int abstract(const char* name, int listening) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    memcpy(address.sun_path + 1, name, n);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (!listening) return connect(fd, (struct sockaddr*)&address, size);
    if (bind(fd, (struct sockaddr*)&address, size) < 0 || listen(fd, 1) < 0) exit(2);
    return fd;
}
static void p_abstract(char** a) {
    attempt("connect", abstract(a[0], 0));
    blocked();
}
// One object of each kind, for as long as stdin is open.
static void p_ipc_serve(char** a) {
    int key = atoi(a[1]);
    char name[100];
    abstract(a[0], 1);
    int id = shmget(key, 4096, IPC_CREAT | 0600);
    if (id < 0) exit(2);
    snprintf(name, sizeof name, "/%s", a[0]);
    mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, NULL);
    int shm = shm_open(name, O_CREAT | O_RDWR, 0600);
    puts("ready");
    fflush(stdout);
    getchar();
    shmctl(id, IPC_RMID, NULL);
    if (queue != (mqd_t)-1) mq_unlink(name);
    if (shm >= 0) shm_unlink(name);
}
static void p_sysv(char** a) {
    attempt("shmget", shmget(atoi(a[1]), 0, 0));
    blocked();
}
static void p_mq(char** a) {
    char name[100];
    snprintf(name, sizeof name, "/%s", a[0]);
    attempt("mq_open", mq_open(name, O_RDONLY));
    blocked();
}
static void p_shm(char** a) {
    char name[100];
    snprintf(name, sizeof name, "/%s", a[0]);
    attempt("shm_open", shm_open(name, O_RDONLY, 0));
    blocked();
}
// A key in a session keyring of our own, and then COMMAND.
static void p_key_run(char** a) {
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
        syscall(SYS_add_key, "user", "ajail-secret", "x", 1, KEY_SPEC_SESSION_KEYRING) < 0)
        exit(3);
    execvp(a[0], a);
    exit(2);
}
static void p_key_read(char** a) {
    (void)a;
    char text[16];
    long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "ajail-secret", 0);
    if (key < 0) why("search");
    else attempt("the caller's key is read", syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof text));
    blocked();
}

// --- terminal ----------------------------------------------------------------------------------------------------

static void p_terminal(char** a) {
    (void)a;
    const unsigned long requests[] = {TIOCSTI, 0x541C /* TIOCLINUX */, TIOCCONS, TIOCSETD};
    const unsigned long high[] = {0, 1UL << 32, 1UL << 63, 0xffffffffUL << 32};
    int tty = open("/dev/tty", O_RDWR);
    int fds[] = {0, 1, 2, tty};
    for (int f = 0; f < 4; ++f)
        for (int r = 0; r < 4; ++r)
            for (int h = 0; h < 4; ++h) {
                int number = 0;
                char byte[8] = {'x'};
                void* arg = requests[r] == TIOCSETD ? (void*)&number : byte;
                if (syscall(SYS_ioctl, fds[f], requests[r] | high[h], arg) >= 0)
                    allowed("request %#lx on %d", requests[r] | high[h], fds[f]);
            }
    why("ioctl");
    blocked();
}
// NAME is the caller's terminal, DEV the device of the file system in which it is.
static void p_pts(char** a) {
    unsigned long dev = strtoul(a[1], NULL, 10);
    struct stat st;
    char path[64];
    for (int fd = 0; fd < 3; ++fd)
        if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_dev == dev) allowed("descriptor %d", fd);
    if (stat(a[0], &st) == 0 && st.st_dev == dev) allowed("%s", a[0]);
    for (int i = 0; i < 64; ++i) {
        snprintf(path, sizeof path, "/dev/pts/%d", i);
        if (stat(path, &st) == 0 && st.st_dev == dev) allowed("%s", path);
    }
    blocked();
}

// --- kernel ------------------------------------------------------------------------------------------------------

static void p_userns_unshare(char** a) {
    (void)a;
    attempt("unshare", unshare(CLONE_NEWUSER));
    blocked();
}
static void p_userns_clone(char** a) {
    (void)a;
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) _exit(0);
    attempt("clone", pid);
    blocked();
}
static void p_userns_clone3(char** a) {
    (void)a;
    struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) _exit(0);
    attempt("clone3", pid);
    blocked();
}
static void p_nnp(char** a) {
    (void)a;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) allowed("not set");
    blocked();
}
// CAPS: what may be there, as hexadecimal digits.
static void p_caps(char** a) {
    uint64_t may = strtoull(a[0], NULL, 16);
    FILE* file = fopen("/proc/self/status", "r");
    char line[512];
    int seen = 0;
    while (file && fgets(line, sizeof line, file)) {
        unsigned long long caps;
        if (sscanf(line, "Cap%*4s %llx", &caps) != 1) continue;
        ++seen;
        if (caps & ~may) allowed("%.40s", strtok(line, "\n"));
    }
    if (seen != 5) exit(2);
    blocked();
}
// A file capability: version 2 is what setcap(8) writes, the kernel makes version 3 of it, bound to the root of the
// name space that wrote it. Bound to 0, or version 2, it is one for everybody.
static void p_setcap(char** a) {
    uint32_t caps[5] = {0x02000001, 0x80 /* CAP_SETUID */, 0, 0, 0};
    attempt("setxattr", setxattr(a[0], "security.capability", caps, 20, 0));
    blocked();
}
static void p_getcap(char** a) {
    uint32_t caps[6] = {0};
    ssize_t n = getxattr(a[0], "security.capability", caps, sizeof caps);
    if (n < 0) blocked();
    allowed("%s: version %u, %zd bytes, root %u", a[0], caps[0] >> 24, n, n == 24 ? caps[5] : 0);
}
// A part of the kernel that few look at: reached if the answer is its own, and none of the refusals of a filter, a
// missing privilege or a kernel without it.
static int refusal(int err) {
    return err == EPERM || err == EACCES || err == ENOSYS || err == EAFNOSUPPORT || err == EPROTONOSUPPORT ||
           err == ENOPROTOOPT;
}
static long set_option(int family, long level, long name) {
    const long high = 1L << 32;
    return syscall(SYS_setsockopt, socket(family, SOCK_DGRAM, 0), high | level, high | name, NULL, 0);
}
static long reach(const char* what) {
    const long high = 1L << 32;
    unsigned char attr[128] = {0};
    struct {
        unsigned handle_bytes;
        int handle_type;
        unsigned char data[128];
    } handle = {.handle_bytes = 128};
    if (!strcmp(what, "io_uring")) return syscall(425, 2, NULL);
    if (!strcmp(what, "userfaultfd")) return syscall(323, 1); // UFFD_USER_MODE_ONLY
    if (!strcmp(what, "perf")) {
        ((uint32_t*)attr)[0] = 1; // PERF_TYPE_SOFTWARE
        ((uint32_t*)attr)[1] = 64;
        attr[40] = 0x60; // exclude_kernel, exclude_hv
        return syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
    }
    if (!strcmp(what, "bpf")) return syscall(SYS_bpf, 5, attr, sizeof attr);
    if (!strcmp(what, "keyctl")) return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
    if (!strcmp(what, "af-alg")) return syscall(SYS_socket, high | 38, SOCK_SEQPACKET, 0);
    if (!strcmp(what, "vsock")) return syscall(SYS_socket, high | 40, SOCK_STREAM, 0);
    if (!strcmp(what, "netfilter")) return syscall(SYS_socket, 16L, SOCK_RAW, high | 12);
    if (!strcmp(what, "xfrm")) return syscall(SYS_socket, high | 16, SOCK_RAW, 6);
    if (!strcmp(what, "packet")) return syscall(SYS_socket, 17, SOCK_DGRAM, 0);
    if (!strcmp(what, "tipc")) return syscall(SYS_socketpair, 30, SOCK_STREAM, 0, attr);
    if (!strcmp(what, "handle-of")) { // to decode it, where one may
        int mount;
        if (syscall(SYS_name_to_handle_at, AT_FDCWD, ".", &handle, &mount, 0) < 0) return -1;
        return syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_PATH);
    }
    if (!strcmp(what, "personality")) return syscall(SYS_personality, high | 0x0400000); // READ_IMPLIES_EXEC
    if (!strcmp(what, "raw")) return syscall(SYS_socket, AF_INET, high | SOCK_RAW, 1);
    if (!strcmp(what, "raw6")) return syscall(SYS_socket, AF_INET6, high | SOCK_RAW | SOCK_CLOEXEC, 58);
    if (!strcmp(what, "old-packet")) return syscall(SYS_socket, AF_INET, high | SOCK_PACKET, 0);
    if (!strcmp(what, "iptables")) return set_option(AF_INET, 0, 64);
    if (!strcmp(what, "arptables")) return set_option(AF_INET, 0, 96);
    if (!strcmp(what, "ebtables")) return set_option(AF_INET, 0, 128);
    if (!strcmp(what, "ipvs")) return set_option(AF_INET, 0, 1154);
    if (!strcmp(what, "ip6tables")) return set_option(AF_INET6, 41, 64);
    if (!strcmp(what, "fsopen")) return syscall(430, "tmpfs-none", 0);
    fprintf(stderr, "probe: reach what?\n");
    exit(2);
}
static void p_reach(char** a) {
    errno = 0;
    long result = reach(a[0]);
    if (result < 0 && refusal(errno)) blocked();
    allowed("%s: %ld, errno %d", a[0], result, errno);
}
// With all capabilities over a network of one's own.
static void p_reach_in_netns(char** a) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
        fprintf(stderr, "probe: no user namespace\n");
        exit(2);
    }
    p_reach(a);
}
#ifdef __x86_64__
static void abi_i386(void) {
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory"); // getpid
    allowed("getpid gave %ld", r);
}
static void abi_x32(void) {
    errno = 0;
    long r = syscall(0x40000000 | 39);
    allowed("getpid gave %ld, errno %d", r, errno);
}
static void p_i386(char** a) {
    (void)a;
    int status = in_child(abi_i386);
    printf("BLOCKED(signal %d)\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    exit(0);
}
static void p_x32(char** a) {
    (void)a;
    int status = in_child(abi_x32);
    printf("BLOCKED(signal %d)\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    exit(0);
}
#endif

static const struct {
    const char* name;
    int args;
    void (*run)(char**);
} k_probes[] = {
    {"signal", 1, p_signal},
    {"trace", 1, p_trace},
    {"magic", 1, p_magic},
    {"words", 1, p_words},
    {"find", 1, p_find},
    {"storm", 0, p_storm},
    {"victim", 0, p_victim},
    {"fds", 0, p_fds},
    {"root", 1, p_root},
    {"moved", 2, p_moved},
    {"read", 1, p_read},
    {"write", 1, p_write},
    {"change", 2, p_change},
    {"reveal", 2, p_reveal},
    {"covered", 1, p_covered},
    {"replace", 1, p_replace},
    {"stdin", 0, p_stdin},
    {"stdout", 1, p_stdout},
    {"stdin-inode", 0, p_stdin_inode},
    {"propagation", 0, p_propagation},
    {"flags", 0, p_flags},
    {"layers", 0, p_layers},
    {"devices", 0, p_devices},
    {"mknod", 1, p_mknod},
    {"knobs", 0, p_knobs},
    {"cgroup", 0, p_cgroup},
    {"handle", 1, p_handle},
    {"abstract", 1, p_abstract},
    {"ipc-serve", 2, p_ipc_serve},
    {"sysv", 2, p_sysv},
    {"mq", 1, p_mq},
    {"shm", 1, p_shm},
    {"key-run", 1, p_key_run},
    {"key-read", 0, p_key_read},
    {"terminal", 0, p_terminal},
    {"pts", 2, p_pts},
    {"userns-unshare", 0, p_userns_unshare},
    {"userns-clone", 0, p_userns_clone},
    {"userns-clone3", 0, p_userns_clone3},
    {"nnp", 0, p_nnp},
    {"caps", 1, p_caps},
    {"setcap", 1, p_setcap},
    {"getcap", 1, p_getcap},
    {"reach", 1, p_reach},
    {"reach-in-netns", 1, p_reach_in_netns},
#ifdef __x86_64__
    {"i386", 0, p_i386},
    {"x32", 0, p_x32},
#endif
};

int main(int argc, char** argv) {
    for (size_t i = 0; argc > 1 && i < sizeof k_probes / sizeof *k_probes; ++i) {
        if (strcmp(argv[1], k_probes[i].name) != 0 || argc - 2 < k_probes[i].args) continue;
        k_probes[i].run(argv + 2);
        return 0;
    }
    fprintf(stderr, "probe: no such probe, or too few arguments\n");
    return 2;
}
