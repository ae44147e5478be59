// SPDX-License-Identifier: Apache-2.0
// probe NAME OWN GRANTED: one statement about set-id bits, made with raw system calls: they stay in the directory OWN,
// which is thrown away, and do not come to files in GRANTED, which is the host's. Exits 0 if it holds; else says where
// not, and exits 1. Static: it runs in any root.
#define _GNU_SOURCE
#include "must.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static const char *own, *granted;

static int fails(long result, int with) { return result == -1 && errno == with; }
static int bits(int dir, const char* name) {
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (int)(st.st_mode & 07777) : -1;
}
static int bits_of(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}
static int of(const char* dir) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    must(fd >= 0);
    return fd;
}
static int file(int dir, const char* name) {
    (void)unlinkat(dir, name, 0);
    int fd = openat(dir, name, O_CREAT | O_EXCL | O_RDWR, 0644);
    must(fd >= 0);
    return fd;
}

// Every way to give MODE to a file in the current directory; WANTED is what it has then.
static void every_chmod(int mode, int wanted) {
    int here = open(".", O_RDONLY | O_DIRECTORY), fd = file(here, "f");
    char link[64];
#define again must(fchmod(fd, 0644) == 0 && bits(here, "f") == 0644)
#ifdef SYS_chmod
    must(syscall(SYS_chmod, "f", mode) == 0 && bits(here, "f") == wanted);
    again;
#endif
    must(syscall(SYS_fchmod, fd, mode) == 0 && bits(here, "f") == wanted);
    again;
    must(syscall(SYS_fchmodat, here, "f", mode) == 0 && bits(here, "f") == wanted);
    again;
    must(syscall(SYS_fchmodat, AT_FDCWD, "f", mode) == 0 && bits(here, "f") == wanted);
    again;
    must(syscall(SYS_fchmodat2, here, "f", mode, AT_SYMLINK_NOFOLLOW) == 0 && bits(here, "f") == wanted);
    again;
    must(syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0 && bits(here, "f") == wanted);
    again;
    for (const char* const* in = (const char* const[]){"/proc/self/fd", "/proc/thread-self/fd", "/dev/fd", NULL}; *in; ++in) {
        snprintf(link, sizeof link, "%s/%d", *in, fd);
        must(syscall(SYS_fchmodat, AT_FDCWD, link, mode) == 0 && bits(here, "f") == wanted);
        again;
    }
    int path = openat(here, "f", O_PATH); // glibc's and systemd's way to a file that was only looked up
    snprintf(link, sizeof link, "/proc/self/fd/%d", path);
    must(syscall(SYS_fchmodat, AT_FDCWD, link, mode) == 0 && bits(here, "f") == wanted);
    close(path);
    again;
    (void)unlink("l");
    must(symlink("f", "l") == 0);
    must(syscall(SYS_fchmodat, here, "l", mode) == 0 && bits(here, "f") == wanted);
    again;
    must(fails(syscall(SYS_fchmodat2, here, "l", mode, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP) && bits(here, "f") == 0644);
    must(unlink("f") == 0); // deleted, and as good as ever
    must(syscall(SYS_fchmod, fd, mode) == 0 && bits_of(fd) == wanted);
    must(fchmod(fd, 0644) == 0);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    must(syscall(SYS_fchmodat, AT_FDCWD, link, mode) == 0 && bits_of(fd) == wanted);
    must(fails(syscall(SYS_fchmodat, here, "f", mode), ENOENT) && fails(syscall(SYS_fchmod, 777, mode), EBADF));
    must(fails(syscall(SYS_fchmodat, 777, "f", mode), EBADF) && fails(syscall(SYS_fchmodat, here, "", mode), ENOENT));
    must(fails(syscall(SYS_fchmodat, here, (char*)8, mode), EFAULT));
    must(fails(syscall(SYS_fchmodat2, here, "f", mode, 0x4000000), EINVAL));
    must(fails(syscall(SYS_fchmodat, AT_FDCWD, "/proc/self/fd/777", mode), ENOENT));
    must(fails(syscall(SYS_fchmodat, AT_FDCWD, "l/f", mode), ENOENT) || errno == ENOTDIR);
    close(fd);
    close(here);
}

static void made(int fd, int wanted) {
    must(fd >= 0);
    if (bits_of(fd) != wanted) fprintf(stderr, "mode %o, and not %o\n", bits_of(fd), wanted);
    must(bits_of(fd) == wanted);
    must((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0);
    must(write(fd, "x", 1) == 1);
    close(fd);
    (void)unlink("n");
}
static void every_open(int mode, int wanted) {
    int here = open(".", O_RDONLY | O_DIRECTORY);
    int how = O_CREAT | O_WRONLY | O_EXCL;
    (void)unlink("n");
    made((int)syscall(SYS_openat, here, "n", how, mode), wanted);
    made((int)syscall(SYS_openat, AT_FDCWD, "n", O_CREAT | O_RDWR, mode), wanted);
    made((int)syscall(SYS_openat, here, ".", O_TMPFILE | O_RDWR, mode), wanted);
#ifdef SYS_open
    made((int)syscall(SYS_open, "n", how, mode), wanted);
    made((int)syscall(SYS_creat, "n", mode), wanted);
    must(syscall(SYS_mknod, "n", S_IFREG | mode, 0) == 0 && bits(here, "n") == wanted && unlink("n") == 0);
    must(syscall(SYS_mknod, "n", mode, 0) == 0 && bits(here, "n") == wanted);
    must(fails(syscall(SYS_mknod, "n", mode, 0), EEXIST) && unlink("n") == 0);
#endif
    must(syscall(SYS_mknodat, here, "n", S_IFREG | mode, 0) == 0 && bits(here, "n") == wanted && unlink("n") == 0);
    int fd = (int)syscall(SYS_openat, here, "n", how | O_CLOEXEC, mode);
    must(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY);
    must(ftruncate(fd, 3LL << 30) == 0 && pwrite(fd, "x", 1, 3LL << 30) == 1); // no limit of 2 GiB
    must(ftruncate(fd, 4) == 0 && close(fd) == 0);
    must(fails(syscall(SYS_openat, here, "n", how, mode), EEXIST));
    must(chmod("n", 0640) == 0);
    fd = (int)syscall(SYS_openat, here, "n", O_CREAT | O_RDWR, mode); // it is there: its mode stays
    must(fd >= 0 && bits_of(fd) == 0640 && lseek(fd, 0, SEEK_END) == 4);
    close(fd);
    fd = (int)syscall(SYS_openat, here, "n", O_CREAT | O_WRONLY | O_TRUNC, mode);
    must(fd >= 0 && lseek(fd, 0, SEEK_END) == 0);
    close(fd);
    mode_t before = umask(077);
    must(unlink("n") == 0);
    made((int)syscall(SYS_openat, here, "n", how, mode), wanted & ~077);
    umask(before);
    must(fails(syscall(SYS_openat, here, "nowhere/n", how, mode), ENOENT));
    must(fails(syscall(SYS_openat, here, ".", O_CREAT | O_RDWR, mode), EISDIR));
    must(fails(syscall(SYS_openat, 777, "n", how, mode), EBADF) && fails(syscall(SYS_openat, here, "", how, mode), ENOENT));
    must(fails(syscall(SYS_openat, AT_FDCWD, "/proc/self/mem", O_CREAT | O_RDWR, mode), EPERM));
    must(fails(syscall(SYS_openat, AT_FDCWD, "/dev/null", O_CREAT | O_RDWR, mode), EPERM));
    must(syscall(SYS_openat, AT_FDCWD, "/proc/self/fd/0", O_CREAT | O_RDWR, mode) == -1);
    close(here);
}

static void in_own(void) {
    umask(022);
    must(chdir(own) == 0);
    every_chmod(04755, 04755);
    every_chmod(02755, 02755);
    every_chmod(06711, 06711);
    every_chmod(0104755, 04755); // with a type, as libc and tar pass it
    every_open(04755, 04755);
    every_open(06755, 06755);
}
static void in_granted(void) {
    umask(022);
    must(chdir(granted) == 0);
    every_chmod(04755, 0755);
    every_chmod(02755, 0755);
    every_chmod(07711, 01711);
    every_chmod(0104755, 0755);
    every_open(04755, 0755);
    every_open(06755, 0755);
    must(mkdir("sub", 0755) == 0 && chmod("sub", 02775) == 0 && bits(AT_FDCWD, "sub") == 02775);
    must(mknod("sub/f", S_IFREG | 06755, 0) == 0 && (bits(AT_FDCWD, "sub/f") & 06000) == 0);
    must(unlink("sub/f") == 0 && rmdir("sub") == 0);
}

// Ways around
static void around(void) {
    int here = of(granted), there = of(own), fd = file(there, "f");
    must(fchmod(fd, 06755) == 0 && bits(there, "f") == 06755);
    must(fails(linkat(there, "f", here, "f", 0), EXDEV) && fails(renameat(there, "f", here, "f"), EXDEV));
    must(mkdirat(here, "d", 06755) == 0 && (bits(here, "d") & 06000) == 0 && unlinkat(here, "d", AT_REMOVEDIR) == 0);
    struct { uint64_t flags, mode, resolve; } how = {O_CREAT | O_RDWR, 04755, 0};
    must(fails(syscall(SYS_openat2, here, "f", &how, sizeof how), ENOSYS));
    // A link in one leads into the other
    char to[4096];
    snprintf(to, sizeof to, "%s/target", granted);
    close(file(here, "target"));
    (void)unlinkat(there, "link", 0);
    must(symlinkat(to, there, "link") == 0);
    must(fchmodat(there, "link", 04755, 0) == 0 && bits(here, "target") == 0755);
    must(unlinkat(here, "target", 0) == 0);
    int made = openat(there, "link", O_CREAT | O_RDWR, 04755); // dangling
    must(made == -1 || (bits_of(made) & 06000) == 0);
    (void)unlinkat(here, "target", 0);
    must(unlinkat(there, "link", 0) == 0);
    // A name in OWN for what is in GRANTED, by descriptor
    snprintf(to, sizeof to, "/proc/self/fd/%d", here);
    must(symlinkat(to, there, "link") == 0);
    close(file(here, "f"));
    must(fchmodat(there, "link/f", 04755, 0) == -1 || (bits(here, "f") & 06000) == 0);
    must(unlinkat(here, "f", 0) == 0 && unlinkat(there, "link", 0) == 0);
    // A file without a name gets one
    int tmp = openat(here, ".", O_TMPFILE | O_RDWR, 04755);
    must(tmp >= 0 && bits_of(tmp) == 0755);
    snprintf(to, sizeof to, "/proc/self/fd/%d", tmp);
    must(linkat(AT_FDCWD, to, here, "t", AT_SYMLINK_FOLLOW) == 0 && fchmod(tmp, 06755) == 0);
    must(bits(here, "t") == 0755 && unlinkat(here, "t", 0) == 0);
}

// Devices are never real in a directory of the host, and have no set-id bits.
static void nodes(void) {
    struct stat st;
    must(chdir(granted) == 0);
    for (int type = S_IFCHR; type <= S_IFBLK; type += S_IFBLK - S_IFCHR) {
        long result = mknod("node", (mode_t)type | 06666, makedev(1, 3));
        int why = result == 0 ? 0 : errno;
        must(why == 0 || why == EPERM);
        if (lstat("node", &st) != 0) continue;
        must(S_ISREG(st.st_mode) && (st.st_mode & 06000) == 0 && unlink("node") == 0);
    }
}

// Under a name that leads here and there by turns, no file of GRANTED ever gets them.
static volatile int done;
static void* swap(void* unused) {
    (void)unused;
    for (int i = 0; !done; ++i) {
        must(symlink(i % 2 ? own : granted, "next") == 0 && rename("next", "dir") == 0);
    }
    return NULL;
}
static void* swap_memory(void* text) { // the same in the memory that the kernel would read a second time
    char* last = (char*)text + strlen(text) - 1;
    for (; !done;) *last = *last == 'a' ? 'b' : 'a';
    return NULL;
}
static void* look(void* file) {
    while (!done) {
        int seen = bits(AT_FDCWD, file);
        must(seen == -1 || (seen & 06000) == 0);
    }
    return NULL;
}
static void race(void) {
    static char in_granted_[4096], node[4096], a_or_b[64] = "turn/a";
    pthread_t threads[4];
    snprintf(in_granted_, sizeof in_granted_, "%s/f", granted);
    snprintf(node, sizeof node, "%s/n", granted);
    must(chdir(own) == 0);
    int o = of(own), g = of(granted);
    close(file(o, "f"));
    close(file(g, "f"));
    must(symlink(own, "dir") == 0 && mkdir("turn", 0755) == 0);
    must(symlinkat(own, AT_FDCWD, "turn/a") == 0 && symlinkat(granted, AT_FDCWD, "turn/b") == 0);
    must(pthread_create(&threads[0], NULL, swap, NULL) == 0 && pthread_create(&threads[1], NULL, look, in_granted_) == 0);
    must(pthread_create(&threads[2], NULL, look, node) == 0 && pthread_create(&threads[3], NULL, swap_memory, a_or_b) == 0);
    int kept = 0, stripped = 0;
    struct timespec from, now;
    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        (void)fchmodat(o, "f", 0644, 0);
        (void)fchmodat(AT_FDCWD, "dir/f", 04755, 0);
        kept += bits(o, "f") == 04755;
        int fd = open("dir/n", O_CREAT | O_RDWR, 06755);
        if (fd >= 0) stripped += bits_of(fd) == 0755;
        close(fd);
        (void)unlinkat(o, "n", 0);
        (void)unlinkat(g, "n", 0);
        int dir = open(a_or_b, O_PATH | O_DIRECTORY);
        (void)fchmodat(dir, "f", 04755, 0);
        close(dir);
        must((bits(g, "f") & 06000) == 0);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - from.tv_sec < 2);
    done = 1;
    for (int i = 0; i < 4; ++i) must(pthread_join(threads[i], NULL) == 0);
    must(kept > 0 && stripped > 0); // it did lead to both
}

static void* many(void* number) {
    char name[32];
    snprintf(name, sizeof name, "t%d", (int)(uintptr_t)number);
    int o = of(own), g = of(granted);
    for (int i = 0; i < 20; ++i) {
        int fd = openat(o, name, O_CREAT | O_EXCL | O_RDWR, 04700);
        must(fd >= 0 && bits_of(fd) == 04700 && close(fd) == 0 && unlinkat(o, name, 0) == 0);
        fd = openat(g, name, O_CREAT | O_EXCL | O_RDWR, 04700);
        must(fd >= 0 && bits_of(fd) == 0700 && fchmod(fd, 06711) == 0 && bits_of(fd) == 0711);
        must(close(fd) == 0 && unlinkat(g, name, 0) == 0);
    }
    return NULL;
}
static void threads(void) {
    pthread_t all[32];
    for (uintptr_t i = 0; i < 32; ++i) must(pthread_create(&all[i], NULL, many, (void*)i) == 0);
    for (int i = 0; i < 32; ++i) must(pthread_join(all[i], NULL) == 0);
}

// Mounts that the payload has made itself
static void mounts(void) {
    char there[4096], here[4096];
    snprintf(there, sizeof there, "%s/m", own);
    snprintf(here, sizeof here, "%s/m", granted);
    must(mkdir(there, 0755) == 0 && (mkdir(here, 0755) == 0 || errno == EEXIST));
    must(mount(granted, there, NULL, MS_BIND, NULL) == 0); // GRANTED under a name in OWN
    int o = of(there), g = of(granted), fd = file(o, "f");
    must(fchmod(fd, 04755) == 0 && bits(g, "f") == 0755 && close(fd) == 0);
    fd = openat(o, "n", O_CREAT | O_RDWR, 04755);
    must(fd >= 0 && bits(g, "n") == 0755 && unlinkat(g, "n", 0) == 0 && unlinkat(g, "f", 0) == 0);
    must(mount("none", here, "tmpfs", 0, NULL) == 0);
    int m = of(here);
    fd = file(m, "f");
    must(fchmod(fd, 04755) == 0 && bits_of(fd) == 0755);
}
static void many_mounts(void) { // numbers of mounts are used again
    char there[4096], name[4160];
    snprintf(there, sizeof there, "%s/m", own);
    must(mkdir(there, 0755) == 0);
    must(unshare(CLONE_NEWNS) == 0);
    for (int i = 0; i < 200; ++i) {
        must(mount(granted, there, NULL, MS_BIND, NULL) == 0);
        snprintf(name, sizeof name, "%s/f%d", there, i);
        int fd = open(name, O_CREAT | O_RDWR, 04755);
        must(fd >= 0 && fchmod(fd, 04755) == 0 && (bits_of(fd) & 06000) == 0 && close(fd) == 0 && unlink(name) == 0);
        if (i % 3 == 0) must(umount2(there, MNT_DETACH) == 0);
    }
}

static void in_chroot(void) {
    must(chdir(own) == 0 && mkdir("root", 0755) == 0 && chroot("root") == 0 && chdir("/") == 0);
    int fd = open("/../../f", O_CREAT | O_EXCL | O_RDWR, 04755);
    must(fd >= 0 && bits(AT_FDCWD, "/f") == 04755 && chmod("/f", 0644) == 0);
    must(chmod("/../f", 02755) == 0 && bits(AT_FDCWD, "f") == 02755);
}

// Landlock: a program's own rules are not passed by having init open files
static void ruled(void) {
    struct { uint64_t fs, net, scoped; } attr = {1 << 8 | 1 << 1, 0, 0}; // MAKE_REG, WRITE_FILE
    int ruleset = (int)syscall(444, &attr, 8, 0);
    if (ruleset < 0) return; // this kernel has none
    must(chdir(own) == 0);
    close(file(AT_FDCWD, "there"));
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(446, ruleset, 0) == 0);
    must(open("n", O_CREAT | O_RDWR, 0755) == -1 && open("there", O_RDWR) == -1);
    must(open("n", O_CREAT | O_RDWR, 04755) == -1 && open("there", O_CREAT | O_RDWR, 04755) == -1);
    must(fails(mknod("n", S_IFREG | 04755, 0), EPERM) && fails(mknod("n", 02755, 0), EPERM));
    (void)mknod("n", S_IFCHR | 0666, makedev(1, 3)); // what stands in for it would be made as well
    must(fails(access("n", F_OK), ENOENT));
    must(chmod("there", 04755) == 0 && bits(AT_FDCWD, "there") == 04755); // those say nothing about modes
}

static void unprivileged(void) { // somebody else's files stay somebody else's, and what is one's own is one's own
    must(chdir(own) == 0 && chmod(".", 0777) == 0);
    close(file(AT_FDCWD, "roots"));
    must(mkdir("closed", 0700) == 0 && setgid(33) == 0 && setuid(33) == 0);
    must(fails(chmod("roots", 04755), EPERM) && fails(fchmodat(AT_FDCWD, "closed/x", 04755, 0), EACCES));
    must(fails(open("closed/x", O_CREAT | O_RDWR, 04755), EACCES));
    must(fails(open("roots", O_CREAT | O_RDWR, 04755), EACCES));
    int fd = open("mine", O_CREAT | O_EXCL | O_RDWR, 04755);
    struct stat st;
    must(fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 33 && st.st_gid == 33 && (st.st_mode & 07777) == 04755);
    must(fchmod(fd, 06755) == 0 && bits_of(fd) == 06755);
}

static void killed(void) { // an asker that goes away, again and again; the others are answered
    must(chdir(own) == 0);
    close(file(AT_FDCWD, "f"));
    for (int round = 0; round < 60; ++round) {
        pid_t child = fork();
        if (child == 0)
            for (;;) (void)chmod("f", 04755);
        struct timespec pause = {0, (round % 5) * 1000000};
        nanosleep(&pause, NULL);
        int status;
        must(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        must(chmod("f", 02755) == 0);
    }
}

static void cost(void) { // nanoseconds for a chmod without and with a bit, and for an open
    must(chdir(own) == 0);
    close(file(AT_FDCWD, "f"));
    for (int kind = 0; kind < 3; ++kind) {
        struct timespec from, to;
        int rounds = kind == 1 ? 2000 : 100000;
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int i = 0; i < rounds; ++i) {
            if (kind < 2) (void)fchmodat(AT_FDCWD, "f", kind == 0 ? 0755 : 04755, 0);
            else close(open("f", O_RDONLY));
        }
        clock_gettime(CLOCK_MONOTONIC, &to);
        printf("%ld ", ((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec) / rounds);
    }
    printf("\n");
}

static const struct {
    const char* name;
    void (*run)(void);
} kProbes[] = {{"own", in_own},         {"granted", in_granted}, {"around", around},
               {"nodes", nodes},        {"race", race},          {"threads", threads},
               {"mounts", mounts},      {"many-mounts", many_mounts}, {"chroot", in_chroot},
               {"ruled", ruled},        {"unprivileged", unprivileged}, {"killed", killed},
               {"cost", cost}};

int main(int argc, char** argv) {
    for (size_t i = 0; argc == 4 && i < sizeof kProbes / sizeof kProbes[0]; ++i) {
        if (strcmp(argv[1], kProbes[i].name) != 0) continue;
        own = argv[2];
        granted = argv[3];
        kProbes[i].run();
        return 0;
    }
    fprintf(stderr, "no such probe\n");
    return 2;
}
