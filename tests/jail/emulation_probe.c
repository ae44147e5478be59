// SPDX-License-Identifier: Apache-2.0
// probe NAME: one statement about the root emulation, made with raw system calls, because libc has ideas of its own
// about set*id in threads. Exits 0 if it holds; else says where not, and exits 1. Static: it runs in any root.
#define _GNU_SOURCE
#include "must.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long call(long nr, long a, long b, long c) { return syscall(nr, a, b, c); }
static int fails(long result, int with) { return result == -1 && errno == with; }
static int setresuid_(long r, long e, long s) { return (int)call(SYS_setresuid, r, e, s); }
static int setresgid_(long r, long e, long s) { return (int)call(SYS_setresgid, r, e, s); }

static int are(long get, unsigned r, unsigned e, unsigned s) {
    unsigned id[3] = {77777, 77777, 77777};
    if (syscall(get, &id[0], &id[1], &id[2]) != 0) return 0;
    if (id[0] == r && id[1] == e && id[2] == s) return 1;
    fprintf(stderr, "ids are %u %u %u\n", id[0], id[1], id[2]);
    return 0;
}
static int users(unsigned r, unsigned e, unsigned s) {
    return are(SYS_getresuid, r, e, s) && syscall(SYS_getuid) == r && syscall(SYS_geteuid) == e;
}
static int groups(unsigned r, unsigned e, unsigned s) {
    return are(SYS_getresgid, r, e, s) && syscall(SYS_getgid) == r && syscall(SYS_getegid) == e;
}

// The status of a child that does WHAT; it ends by must() or well.
static pid_t start(void (*what)(void)) {
    pid_t child = fork();
    must(child >= 0);
    if (child == 0) {
        what();
        _exit(0);
    }
    return child;
}
static int ended(pid_t child) {
    int status = -1;
    return waitpid(child, &status, 0) == child ? status : -1;
}
static void pause_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void fresh(void) {
    must(users(0, 0, 0) && groups(0, 0, 0));
    must(call(SYS_setuid, 0, 0, 0) == 0 && call(SYS_setfsuid, -1, 0, 0) == 0);
    must(fails(call(SYS_setuid, -1, 0, 0), EINVAL));
    must(users(0, 0, 0) && groups(0, 0, 0));
}

static void is_1000(void) { must(users(1000, 1000, 1000) && groups(100, 100, 100)); }
static void be_1000(void) { must(setresgid_(100, 100, 100) == 0 && setresuid_(1000, 1000, 1000) == 0); }

static void dropped(void) {
    be_1000();
    is_1000();
    must(fails(setresuid_(0, 0, 0), EPERM) && fails(setresuid_(-1, 0, -1), EPERM) &&
         fails(setresuid_(-1, -1, 0), EPERM));
    must(fails(call(SYS_setuid, 0, 0, 0), EPERM) && fails(call(SYS_setreuid, 0, 0, 0), EPERM));
    must(fails(call(SYS_setgid, 0, 0, 0), EPERM) && fails(call(SYS_setregid, -1, 0, 0), EPERM));
    must(fails(setresgid_(0, -1, -1), EPERM));
    must(call(SYS_setfsuid, 0, 0, 0) == 1000 && call(SYS_setfsuid, -1, 0, 0) == 1000);
    unsigned group = 0;
    must(fails(call(SYS_setgroups, 1, (long)&group, 0), EPERM));
    is_1000();
}

static void saved(void) {
    must(setresuid_(1000, 1000, 0) == 0 && users(1000, 1000, 0));
    must(fails(call(SYS_setreuid, 0, -1, 0), EPERM)); // the saved id is none that the real one may become
    must(setresuid_(-1, 0, -1) == 0 && users(1000, 0, 0));
    must(setresuid_(0, 0, 0) == 0 && users(0, 0, 0));
    must(setresuid_(-1, 33, -1) == 0 && users(0, 33, 0));
    must(fails(setresuid_(-1, 34, -1), EPERM));
    must(call(SYS_setuid, 0, 0, 0) == 0 && users(0, 0, 0));
    must(call(SYS_setreuid, 33, 33, 0) == 0 && users(33, 33, 33));
    must(fails(call(SYS_setuid, 0, 0, 0), EPERM));
}

static void of_a_child(void) {
    be_1000();
    must(ended(start(is_1000)) == 0);
}

// Who is in between never asks, and is killed before anybody does.
static void of_an_orphan(void) {
    int pair[2];
    must(pipe(pair) == 0);
    pid_t middle = fork();
    if (middle == 0) {
        close(pair[0]);
        be_1000();
        pid_t below = fork();
        if (below == 0) {
            pid_t silent = fork(); // never asks
            if (silent == 0) {
                pause_ms(100);
                if (getppid() != 1) _exit(3);
                is_1000();
                must(write(pair[1], "k", 1) == 1);
                _exit(0);
            }
            kill(getpid(), SIGKILL);
        }
        must(WIFSIGNALED(ended(below)));
        _exit(0);
    }
    close(pair[1]);
    must(ended(middle) == 0);
    char byte = 0;
    must(read(pair[0], &byte, 1) == 1 && byte == 'k');
}

static void waits_then_is_root(void) {
    pause_ms(100);
    must(users(0, 0, 0) && groups(0, 0, 0));
}
static void forked_before(void) {
    pid_t child = start(waits_then_is_root);
    be_1000();
    must(ended(child) == 0);
    is_1000();
}

static pthread_barrier_t barrier;
static void* thread_drops(void* unused) {
    must(users(0, 0, 0));
    must(setresuid_(7, 7, 7) == 0 && users(7, 7, 7));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    must(users(7, 7, 7));
    return unused;
}
static void* thread_inherits(void* unused) {
    must(users(8, 8, 8));
    return unused;
}
static void of_threads(void) {
    pthread_t one, two;
    must(pthread_barrier_init(&barrier, NULL, 2) == 0);
    must(pthread_create(&one, NULL, thread_drops, NULL) == 0);
    pthread_barrier_wait(&barrier);
    must(users(0, 0, 0));
    must(setresuid_(8, 8, 8) == 0);
    pthread_barrier_wait(&barrier);
    must(pthread_join(one, NULL) == 0);
    must(users(8, 8, 8));
    must(pthread_create(&two, NULL, thread_inherits, NULL) == 0 && pthread_join(two, NULL) == 0);
}
// libc's own sets all threads.
static void* thread_asks(void* unused) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    must(users(9, 9, 9));
    return unused;
}
static void of_libc(void) {
    pthread_t one;
    must(pthread_barrier_init(&barrier, NULL, 2) == 0 && pthread_create(&one, NULL, thread_asks, NULL) == 0);
    pthread_barrier_wait(&barrier);
    must(setresuid(9, 9, 9) == 0 && users(9, 9, 9));
    pthread_barrier_wait(&barrier);
    must(pthread_join(one, NULL) == 0);
}

static char* self;
static void run_self(char* what) {
    char* argv[] = {self, what, NULL};
    execv(self, argv);
    must(!"exec");
}
static void after_exec(void) {
    must(users(1000, 1000, 1000) && fails(call(SYS_setuid, 0, 0, 0), EPERM));
    must(call(SYS_setfsuid, -1, 0, 0) == 1000);
}
static void can_go_back(void) { must(users(1000, 1000, 0) && call(SYS_setuid, 0, 0, 0) == 0); }
static void exec_saved(void) { // execve(2): the effective id is copied to the saved one
    must(setresuid_(1000, 1000, 0) == 0);
    must(ended(start(can_go_back)) == 0); // in a child that is the same program
    run_self("after-exec");
}
static void exec_unasked(void) { // a child that asks only after its exec
    must(setresuid_(1000, 1000, 0) == 0);
    pid_t child = fork();
    if (child == 0) run_self("after-exec");
    must(ended(child) == 0);
    must(users(1000, 1000, 0));
}
static void keepcaps(void) {
    must(prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_GET_KEEPCAPS) == 1);
    must(setresuid_(1000, 1000, 1000) == 0);
    unsigned group = 100;
    must(call(SYS_setgroups, 1, (long)&group, 0) == 0 && setresgid_(100, 100, 100) == 0);
    is_1000();
    run_self("after-exec");
}
static void keepcaps_off(void) {
    must(fails(prctl(PR_SET_KEEPCAPS, 2), EINVAL));
    must(prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_SET_KEEPCAPS, 0) == 0 && setresuid_(1000, 1000, 1000) == 0);
    must(fails(setresgid_(100, 100, 100), EPERM));
    must(prctl(PR_SET_KEEPCAPS, 1) == 0); // there is nothing to keep
    must(fails(call(SYS_setuid, 0, 0, 0), EPERM));
}

static void supplementary(void) {
    unsigned set[3] = {30, 10, 20}, got[4] = {0, 0, 0, 99};
    must(call(SYS_setgroups, 3, (long)set, 0) == 0);
    must(call(SYS_getgroups, 0, 0, 0) == 3 && fails(call(SYS_getgroups, 2, (long)got, 0), EINVAL));
    must(fails(call(SYS_getgroups, -1, (long)got, 0), EINVAL) && fails(call(SYS_getgroups, 4, 0, 0), EFAULT));
    must(call(SYS_getgroups, 4, (long)got, 0) == 3 && got[0] == 10 && got[1] == 20 && got[2] == 30 && got[3] == 99);
    must(fails(call(SYS_setgroups, 65537, (long)set, 0), EINVAL) &&
         fails(call(SYS_setgroups, -1, (long)set, 0), EINVAL));
    must(fails(call(SYS_setgroups, 1, 0, 0), EFAULT));
    static unsigned many[65536];
    must(call(SYS_setgroups, 65536, (long)many, 0) == 0 && call(SYS_getgroups, 65536, (long)many, 0) == 65536);
    must(call(SYS_setgroups, 0, 0, 0) == 0 && call(SYS_getgroups, 0, 0, 0) == 0);
}

static void capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct all[2] = {{~0U, ~0U, ~0U}, {~0U, ~0U, ~0U}}, got[2],
                                  few[2] = {{0, 0, 0}, {0, 0, 0}};
    must(call(SYS_capget, (long)&header, (long)got, 0) == 0 && got[0].permitted != 0);
    must(call(SYS_capset, (long)&header, (long)all, 0) == 0); // said, not done
    struct __user_cap_data_struct now[2];
    must(call(SYS_capget, (long)&header, (long)now, 0) == 0 && memcmp(got, now, sizeof now) == 0);
    must(call(SYS_capset, (long)&header, (long)few, 0) == 0); // done
    must(call(SYS_capget, (long)&header, (long)now, 0) == 0 && now[0].permitted == 0 && now[1].permitted == 0);
    header.version = 12345;
    must(fails(call(SYS_capset, (long)&header, (long)few, 0), EINVAL) &&
         header.version == _LINUX_CAPABILITY_VERSION_3);
    must(fails(call(SYS_capset, 0, 0, 0), EFAULT));
}

static void pointers(void) {
    unsigned id;
    must(fails(syscall(SYS_getresuid, &id, &id, NULL), EFAULT));
    must(fails(syscall(SYS_getresuid, -1L, &id, &id), EFAULT));
    be_1000();
    must(fails(syscall(SYS_getresuid, NULL, &id, &id), EFAULT) &&
         fails(syscall(SYS_getresgid, &id, 1L << 60, &id), EFAULT));
    is_1000();
}

static void undumpable(void) {
    must(prctl(PR_SET_DUMPABLE, 0) == 0);
    be_1000();
    is_1000();
    must(prctl(PR_GET_DUMPABLE) == 0);
}

static void slack(void) { // what init keeps who is who in
    be_1000();
    must(prctl(PR_SET_TIMERSLACK, 1) == 0 && prctl(PR_SET_TIMERSLACK, 0) == 0);
    is_1000();
}

static void in_chroot(void) {
    must(chroot("/tmp/root") == 0 && chdir("/") == 0);
    must(mknod("/../null", S_IFCHR | 0666, makedev(1, 3)) == 0 && mknod("zero", S_IFCHR | 0666, makedev(1, 5)) == 0);
    must(mkdir("/in", 0755) == 0 && mkdir("/to", 0755) == 0 && symlink("/to", "/in/link") == 0 && chdir("/in") == 0);
    must(mknod("../../../../above", S_IFCHR | 0666, makedev(1, 3)) == 0 && access("/above", F_OK) == 0);
    must(mknod("link/node", S_IFCHR | 0666, makedev(1, 3)) == 0 && access("/to/node", F_OK) == 0);
}
static void nodes(void) {
    struct stat st;
    umask(027); // an empty file stands in, with the mode that the node would have
    must(mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0 && lstat("null", &st) == 0);
    must(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0640 && st.st_size == 0 && st.st_nlink == 1);
    must(fails(mknod("null", S_IFCHR | 0666, makedev(1, 3)), EEXIST));
    must(mkdir("dir", 0755) == 0 && symlink("dir", "link") == 0 && symlink("nowhere", "dangling") == 0);
    int dir = open("dir", O_PATH);
    must(mknodat(dir, "disk", S_IFBLK | 0666, makedev(8, 0)) == 0 && lstat("dir/disk", &st) == 0);
    must(mknod("link/../dir/more", S_IFBLK | 0666, makedev(8, 0)) == 0 && lstat("dir/more", &st) == 0);
    must(mknod("/tmp/absolute", S_IFCHR | 0666, makedev(1, 5)) == 0 && lstat("/tmp/absolute", &st) == 0);
    must(fails(mknod("dangling", S_IFCHR | 0666, makedev(1, 3)), EEXIST));
    must(fails(mknod("dangling/x", S_IFCHR | 0666, makedev(1, 3)), ENOENT));
    must(fails(mknod("null/x", S_IFCHR | 0666, makedev(1, 3)), ENOTDIR));
    must(fails(mknod("dir", S_IFCHR | 0666, makedev(1, 3)), EEXIST) &&
         fails(mknod("", S_IFCHR, makedev(1, 3)), ENOENT));
    must(fails(mknodat(777, "x", S_IFCHR, makedev(1, 3)), EBADF));
    must(fails(mknod((char*)8, S_IFCHR, makedev(1, 3)), EFAULT));
    must(fails(mknod("/proc/1/x", S_IFCHR, makedev(1, 3)), ENOENT));
    char* page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(page != MAP_FAILED && munmap(page + 4096, 4096) == 0);
    strcpy(page + 4096 - 5, "edge"); // a path at the end of what there is
    must(mknod(page + 4096 - 5, S_IFCHR | 0666, makedev(1, 3)) == 0 && lstat("edge", &st) == 0);
    memset(page, 'x', 4096);
    must(fails(mknod(page, S_IFCHR | 0666, makedev(1, 3)), EFAULT) || errno == ENAMETOOLONG);
    must(mkdir("/tmp/root", 0755) == 0 && ended(start(in_chroot)) == 0 && lstat("/tmp/root/null", &st) == 0);
    must(access("/above", F_OK) < 0);
    must(mknod("fifo", S_IFIFO | 0640, 0) == 0 && lstat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
    must(mkfifo("other", 0600) == 0 && lstat("other", &st) == 0 && S_ISFIFO(st.st_mode));
    must(mknod("file", S_IFREG | 0600, 0) == 0 && lstat("file", &st) == 0 && S_ISREG(st.st_mode));
    must(mknod("/dev/shm/deleted", S_IFCHR, 0) == 0 && lstat("/dev/shm/deleted", &st) == 0 && S_ISCHR(st.st_mode));
    must(st.st_rdev == 0 && fails(open("/dev/shm/deleted", O_RDONLY), EACCES));
    must(fails(mknod("/tmp/deleted", S_IFCHR, 0), EPERM) || lstat("/tmp/deleted", &st) == 0);
}

// A directory that was not granted, but handed in on the socket that is stdin: nothing is made in it, by nobody.
static void not_granted(void) {
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    must(recvmsg(0, &message, 0) == 1 && CMSG_FIRSTHDR(&message) != NULL);
    int dir;
    memcpy(&dir, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof dir);
    struct stat st;
    must(fstat(dir, &st) == 0 && S_ISDIR(st.st_mode));
    if (fails(openat(dir, "control", O_CREAT | O_WRONLY, 0600), EACCES)) { // the wall stands, for us
        (void)mknodat(dir, "planted", S_IFCHR | 0666, makedev(1, 3));
        (void)mknodat(dir, "../planted", S_IFCHR | 0666, makedev(1, 3));
        must(fchdir(dir) == 0);
        (void)mknod("planted", S_IFCHR | 0666, makedev(1, 3));
        must(fails(faccessat(dir, "planted", F_OK, 0), ENOENT));
    }
}

static void owners(void) {
    struct stat st;
    must(chdir("/var/tmp") == 0); // of the jail's own: elsewhere it would have no set-id bits
    int fd = open("owned", O_CREAT | O_RDWR, 0644);
    must(fd >= 0 && fchmod(fd, 04755) == 0);
    must(chown("owned", 12, 34) == 0 && fchown(fd, 12, 34) == 0 && lchown("owned", -1, 34) == 0);
    must(fchownat(AT_FDCWD, "owned", 12, -1, AT_SYMLINK_NOFOLLOW) == 0);
    must(fstat(fd, &st) == 0 && st.st_uid == 0 && st.st_gid == 0 && (st.st_mode & 07777) == 04755);
    must(chown("owned", 0, 0) == 0 && fails(chown("nowhere", 0, 0), ENOENT)); // really done
    must(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0755);
}

// Robustness

static void ask_for_ever(void) {
    for (;;) (void)syscall(SYS_getuid);
}
static void killed_while_asked(void) {
    be_1000();
    for (int round = 0; round < 40; ++round) {
        pid_t askers[8];
        for (int i = 0; i < 8; ++i) askers[i] = start(ask_for_ever);
        pause_ms(round % 4);
        for (int i = 0; i < 8; ++i) kill(askers[i], SIGKILL);
        for (int i = 0; i < 8; ++i) must(WIFSIGNALED(ended(askers[i])));
    }
    is_1000();
}

static void frozen(void) {
    be_1000();
    pid_t asker = start(ask_for_ever);
    for (int round = 0; round < 100; ++round) {
        must(kill(asker, SIGSTOP) == 0);
        int status = 0;
        must(waitpid(asker, &status, WUNTRACED) == asker && WIFSTOPPED(status));
        is_1000();
        must(kill(asker, SIGCONT) == 0);
    }
    kill(asker, SIGKILL);
    must(WIFSIGNALED(ended(asker)));
}

static void* set_and_look(void* number) {
    unsigned mine = (unsigned)(uintptr_t)number;
    for (unsigned round = 0; round < 500; ++round) {
        must(setresuid_(mine + round, mine, 0) == 0 && users(mine + round, mine, 0));
        must(setresuid_(0, 0, 0) == 0 && users(0, 0, 0));
    }
    return NULL;
}
static void many_threads(void) {
    pthread_t threads[8];
    for (uintptr_t i = 0; i < 8; ++i)
        must(pthread_create(&threads[i], NULL, set_and_look, (void*)((i + 1) * 1000)) == 0);
    for (int i = 0; i < 8; ++i) must(pthread_join(threads[i], NULL) == 0);
    must(users(0, 0, 0));
}

static void* ask_in_thread(void* unused) {
    ask_for_ever();
    return unused;
}
static void exec_while_asked(void) {
    for (int round = 0; round < 30; ++round) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t threads[4];
            be_1000();
            for (int i = 0; i < 4; ++i) must(pthread_create(&threads[i], NULL, ask_in_thread, NULL) == 0);
            pause_ms(round % 3);
            run_self("after-exec");
        }
        must(ended(child) == 0);
    }
}

static void storm(void) {
    pid_t children[300];
    for (unsigned i = 0; i < 300; ++i) {
        children[i] = fork();
        must(children[i] >= 0);
        if (children[i] > 0) continue;
        for (int round = 0; round < 10; ++round) must(users(0, 0, 0));
        must(setresuid_(i + 1, i + 1, i + 1) == 0);
        pid_t below = fork();
        for (int round = 0; round < 10; ++round) must(users(i + 1, i + 1, i + 1));
        if (below == 0) _exit(0);
        must(ended(below) == 0);
        _exit(0);
    }
    for (int i = 0; i < 300; ++i) must(ended(children[i]) == 0);
}

static char* page;
static void* come_and_go(void* unused) {
    for (;;) {
        (void)mmap(page, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        (void)mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
    return unused;
}
static void memory_goes_away(void) {
    pthread_t thread;
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(page != MAP_FAILED && pthread_create(&thread, NULL, come_and_go, NULL) == 0);
    for (int round = 0; round < 3000; ++round) {
        unsigned* id = (unsigned*)page;
        long result = syscall(SYS_getresuid, id, id + 1, id + 2);
        must(result == 0 || errno == EFAULT);
        result = call(SYS_setgroups, 8, (long)page, 0);
        must(result == 0 || errno == EFAULT);
    }
}

// More identities than init has places: those that nobody has any more are forgotten, the others are not.
static void many_identities(void) {
    int places[2], back[2];
    must(pipe(places) == 0 && pipe(back) == 0);
    char byte;
    pid_t child = fork();
    if (child == 0) {
        be_1000();
        must(write(back[1], "k", 1) == 1 && read(places[0], &byte, 1) == 1);
        is_1000();
        _exit(0);
    }
    must(read(back[0], &byte, 1) == 1);
    for (unsigned id = 1; id < 17000; ++id)
        must(setresuid_(-1, id, -1) == 0 && users(0, id, 0) && setresuid_(-1, 0, -1) == 0);
    must(write(places[1], "k", 1) == 1 && ended(child) == 0);
    must(users(0, 0, 0));
}

static volatile int alarms;
static void on_alarm(int sig) { alarms += sig != 0; }
static void signals(void) {
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 200}, {0, 200}};
    be_1000();
    must(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (int round = 0; round < 20000; ++round) must(syscall(SYS_getuid) == 1000);
    must(alarms > 0);
}

static void unemulated(void) {
    struct stat st;
    unsigned group = 7;
    must(users(0, 0, 0) && fails(setresuid_(7, 7, 7), EINVAL) && fails(setresgid_(7, 7, 7), EINVAL));
    must(fails(call(SYS_setgroups, 1, (long)&group, 0), EPERM));
    must(fails(mknod("real", S_IFCHR | 0666, makedev(1, 3)), EPERM) && fails(lstat("real", &st), ENOENT));
    must(open("owned", O_CREAT | O_RDWR, 0644) >= 0 && fails(chown("owned", 7, 7), EINVAL));
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct all[2] = {{~0U, ~0U, ~0U}, {~0U, ~0U, ~0U}};
    must(fails(call(SYS_capset, (long)&header, (long)all, 0), EPERM));
}

static void cost(void) { // nanoseconds for a getuid and a getresuid, as root and as somebody else
    for (int who = 0; who < 2; ++who) {
        for (int kind = 0; kind < 2; ++kind) {
            struct timespec from, to;
            unsigned id;
            clock_gettime(CLOCK_MONOTONIC, &from);
            for (int i = 0; i < 20000; ++i)
                (void)(kind == 0 ? syscall(SYS_getuid) : syscall(SYS_getresuid, &id, &id, &id));
            clock_gettime(CLOCK_MONOTONIC, &to);
            printf("%ld ", ((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec) / 20000);
        }
        if (who == 0) (void)setresuid_(1000, 1000, 1000);
    }
    printf("\n");
}

static const struct {
    const char* name;
    void (*run)(void);
} kProbes[] = {{"fresh", fresh},
               {"dropped", dropped},
               {"saved", saved},
               {"child", of_a_child},
               {"orphan", of_an_orphan},
               {"forked-before", forked_before},
               {"threads", of_threads},
               {"libc", of_libc},
               {"after-exec", after_exec},
               {"exec-saved", exec_saved},
               {"exec-unasked", exec_unasked},
               {"keepcaps", keepcaps},
               {"keepcaps-off", keepcaps_off},
               {"groups", supplementary},
               {"capabilities", capabilities},
               {"pointers", pointers},
               {"undumpable", undumpable},
               {"slack", slack},
               {"nodes", nodes},
               {"owners", owners},
               {"not-granted", not_granted},
               {"killed", killed_while_asked},
               {"frozen", frozen},
               {"many-threads", many_threads},
               {"exec-while-asked", exec_while_asked},
               {"storm", storm},
               {"memory", memory_goes_away},
               {"many-identities", many_identities},
               {"signals", signals},
               {"unemulated", unemulated},
               {"cost", cost}};

int main(int argc, char** argv) {
    self = argv[0];
    for (size_t i = 0; argc == 2 && i < sizeof kProbes / sizeof kProbes[0]; ++i) {
        if (strcmp(argv[1], kProbes[i].name) != 0) continue;
        kProbes[i].run();
        return 0;
    }
    fprintf(stderr, "no such probe\n");
    return 2;
}
