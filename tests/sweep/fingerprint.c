// SPDX-License-Identifier: Apache-2.0
// The payload of the sweep: writes down all that it can see of the walls around it, a line each, `fp NAME VALUE`, and
// then `fp end`. Statically linked, so that it runs in any root filesystem, also an empty one. What of it may differ
// between two runs (process ids, device numbers) is left out or made equal by whoever reads it.
//
//   fingerprint HOST-FILE ABSTRACT-SOCKET NAMESPACE... keyring:SERIAL
//
// HOST-FILE is a file of the host that the jail is not given; ABSTRACT-SOCKET a name that somebody on the host listens
// at; NAMESPACE the host's, as /proc/self/ns/* says; SERIAL its session keyring's. Standard input is a file of the host, opened for reading only.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

static char out[1 << 16];
static size_t used;

static void p(const char* format, ...) __attribute__((format(printf, 1, 2)));
static void p(const char* format, ...) {
    va_list args;
    va_start(args, format);
    used += (size_t)snprintf(out + used, sizeof out - used, "fp ");
    int n = vsnprintf(out + used, sizeof out - used, format, args);
    va_end(args);
    if (n < 0 || used + (size_t)n + 8 >= sizeof out) _exit(99);
    used += (size_t)n;
    out[used++] = '\n';
}

// The outcome of a call, in a word.
static const char* how(long result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

static int compare(const void* a, const void* b) { return strcmp(*(char* const*)a, *(char* const*)b); }

// Each line of a file as `NAME line`; of those that start with one of ONLY, if there is such a list.
static void lines(const char* name, const char* path, const char* const* only) {
    FILE* file = fopen(path, "re");
    if (file == NULL) {
        p("%s %s", name, how(-1));
        return;
    }
    char line[4096];
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        for (char* c = line; *c; ++c)
            if (*c == '\t') *c = ' ';
        int wanted = only == NULL;
        for (int i = 0; only != NULL && only[i] != NULL; ++i)
            if (strncmp(line, only[i], strlen(only[i])) == 0) wanted = 1;
        if (wanted) p("%s %s", name, line);
    }
    fclose(file);
}

static void directory(const char* name, const char* path) {
    DIR* dir = opendir(path);
    if (dir == NULL) {
        p("%s %s", name, how(-1));
        return;
    }
    char* names[512];
    size_t n = 0;
    for (struct dirent* e; n < 512 && (e = readdir(dir)) != NULL;) names[n++] = strdup(e->d_name);
    qsort(names, n, sizeof *names, compare);
    for (size_t i = 0; i < n; ++i) {
        struct stat st;
        if (names[i][0] == '.' && strlen(names[i]) < 3) continue;
        if (fstatat(dirfd(dir), names[i], &st, AT_SYMLINK_NOFOLLOW) < 0) p("%s %s %s", name, names[i], how(-1));
        else if (S_ISCHR(st.st_mode))
            p("%s %s %o %u:%u dev %u:%u", name, names[i], st.st_mode, st.st_uid, st.st_gid, major(st.st_rdev),
              minor(st.st_rdev));
        else p("%s %s %o %u:%u", name, names[i], st.st_mode, st.st_uid, st.st_gid);
    }
    closedir(dir);
}

static void credentials(void) {
    static const char* const kOwn[] = {
        "Umask:",  "Uid:",    "Gid:",    "Groups:", "NSpid:",  "NSpgid:", "NSsid:",  "SigBlk:",     "SigIgn:",
        "SigCgt:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "Seccomp", "NoNewPrivs:", NULL};
    static const char* const kInit[] = {"Name:",   "Uid:",    "Gid:",   "CapInh:",     "CapPrm:", "CapEff:",
                                        "CapBnd:", "CapAmb:", "NSsid:", "NoNewPrivs:", NULL};
    lines("status", "/proc/self/status", kOwn);
    lines("init-status", "/proc/1/status", kInit);
    lines("uid_map", "/proc/self/uid_map", NULL);
    lines("gid_map", "/proc/self/gid_map", NULL);
    lines("setgroups", "/proc/self/setgroups", NULL);
    lines("cgroup", "/proc/self/cgroup", NULL);
    // Init must be closed to the payload, and show nothing of the command line that made the jail.
    lines("init-environ", "/proc/1/environ", NULL);
    lines("init-cmdline", "/proc/1/cmdline", NULL);
    directory("init-fd", "/proc/1/fd");
    p("init-root %s", how(open("/proc/1/root", O_PATH | O_CLOEXEC)));
    p("init-mem %s", how(open("/proc/1/mem", O_RDONLY | O_CLOEXEC)));
    p("securebits %d", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
    p("dumpable %d", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

static void namespaces(int count, char** hosts) {
    static const char* const kNames[] = {"user", "mnt", "pid", "ipc", "uts", "cgroup", "net", "time"};
    for (size_t i = 0; i < sizeof kNames / sizeof *kNames; ++i) {
        char path[64], link[64];
        snprintf(path, sizeof path, "/proc/self/ns/%s", kNames[i]);
        ssize_t n = readlink(path, link, sizeof link - 1);
        link[n < 0 ? 0 : n] = 0;
        int same = 0;
        for (int h = 0; h < count; ++h)
            if (strcmp(hosts[h], link) == 0) same = 1;
        p("namespace %s %s", kNames[i], n < 0 ? how(-1) : same ? "host" : "own");
    }
    char keyring[32];
    snprintf(keyring, sizeof keyring, "keyring:%ld", syscall(SYS_keyctl, 0, -3, 0));
    const char* whose = "own";
    for (int h = 0; h < count; ++h)
        if (strcmp(hosts[h], keyring) == 0) whose = "host";
    p("session keyring %s", whose);
    DIR* proc = opendir("/proc");
    int others = 0;
    for (struct dirent* e; proc != NULL && (e = readdir(proc)) != NULL;)
        if (atoi(e->d_name) > 0) ++others;
    p("processes %d", others);
    pid_t pid = fork();
    if (pid == 0) _exit(unshare(CLONE_NEWUSER) < 0 ? errno : 0);
    int status = 0;
    waitpid(pid, &status, 0);
    p("unshare-user %s", WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "ok");
    lines("max_user_namespaces", "/proc/sys/user/max_user_namespaces", NULL);
}

static void try_write(const char* name, const char* path, int create) {
    int fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | create, 0644);
    int written = fd >= 0 && create != 0 ? (int)write(fd, "x", 1) : 0;
    p("write %s %s", name, fd < 0 ? how(-1) : how(written));
    if (fd >= 0) close(fd);
}

static void mounts(const char* host_file) {
    lines("mount", "/proc/self/mountinfo", NULL);
    struct statx top, above;
    memset(&top, 0, sizeof top);
    memset(&above, 0, sizeof above);
    int a = statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS | STATX_MNT_ID, &top);
    int b = statx(AT_FDCWD, "/..", 0, STATX_BASIC_STATS | STATX_MNT_ID, &above);
    p("above-root %s", a == 0 && b == 0 && top.stx_ino == above.stx_ino && top.stx_mnt_id == above.stx_mnt_id
                           ? "root"
                           : "something else");
    p("root %o %u:%u", top.stx_mode, top.stx_uid, top.stx_gid);
    directory("ls-root", "/");
    directory("ls-dev", "/dev");
    directory("ls-pts", "/dev/pts");
    p("host-file %s", how(open(host_file, O_RDONLY | O_CLOEXEC)));

    static const char* const kMasked[] = {
        "sysrq-trigger", "kcore",      "keys",          "key-users",   "kallsyms",    "kmsg",        "timer_list",
        "sched_debug",   "interrupts", "kpagecount",    "kpageflags",  "kpagecgroup", "slabinfo",    "acpi",
        "scsi",          "asound",     "latency_stats", "vmallocinfo", "mtrr",        "pagetypeinfo"};
    for (size_t i = 0; i < sizeof kMasked / sizeof *kMasked; ++i) {
        char path[64];
        struct stat st;
        struct statfs fs;
        snprintf(path, sizeof path, "/proc/%s", kMasked[i]);
        if (stat(path, &st) < 0 || statfs(path, &fs) < 0) p("mask %s %s", kMasked[i], how(-1));
        else
            p("mask %s %o size %ld fs %lx", kMasked[i], st.st_mode, S_ISDIR(st.st_mode) ? 0L : (long)st.st_size,
              (long)fs.f_type);
    }
    try_write("sysrq-trigger", "/proc/sysrq-trigger", 0);
    try_write("kcore", "/proc/kcore", 0);
    try_write("core_pattern", "/proc/sys/kernel/core_pattern", 0);
    try_write("max_user_namespaces", "/proc/sys/user/max_user_namespaces", 0);
    try_write("shmmax", "/proc/sys/kernel/shmmax", 0);
    try_write("irq", "/proc/irq/default_smp_affinity", 0);
    try_write("own-comm", "/proc/self/comm", 0);
    // What is laid over something must not come off.
    p("umount kcore %s", how(umount2("/proc/kcore", MNT_DETACH)));
    p("umount sys %s", how(umount2("/proc/sys", MNT_DETACH)));
    p("remount sys %s", how(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL)));
    p("new-mount %s", how(mount("x", "/tmp", "tmpfs", 0, NULL)));
    p("mknod %s", how(mknod("/tmp/kmsg", S_IFCHR | 0600, makedev(1, 11))));
    p("kmsg %s", how(open("/tmp/kmsg", O_RDONLY | O_CLOEXEC)));
    // The harness looks at what of these arrived on the host.
    try_write("here", "probe", O_CREAT | O_TRUNC);
    try_write("file", "f", O_CREAT | O_TRUNC);
    try_write("root", "/probe", O_CREAT | O_TRUNC);
}

static void policy(const char* socket_name) {
    struct stat st;
    p("stdin type %o", fstat(0, &st) == 0 ? st.st_mode & S_IFMT : 0);
    if (!isatty(0)) {
        p("stdin read %s", how(open("/proc/self/fd/0", O_RDONLY | O_CLOEXEC)));
        p("stdin reopened for writing %s", how(open("/proc/self/fd/0", O_WRONLY | O_CLOEXEC)));
        p("stdin directory %s", how(openat(0, "..", O_PATH | O_CLOEXEC)));
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(socket_name);
    memcpy(address.sun_path + 1, socket_name, length);
    // A datagram socket: nobody has to accept.
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    p("abstract socket %s",
      how(connect(fd, (struct sockaddr*)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length))));
    close(fd);
    p("landlock more %s", how(syscall(SYS_landlock_create_ruleset, NULL, 0, 1)));

    // What the seccomp programs answer.
    char byte = 'x';
    int tty = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    p("TIOCSTI %s", how(ioctl(tty, TIOCSTI, &byte)));
    p("TIOCLINUX %s", how(ioctl(tty, TIOCLINUX, &byte)));
    p("own TIOCSTI %s", how(ioctl(0, TIOCSTI, &byte)));
    int file = open("/tmp/owned", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    p("chown %s", how(fchown(file, 12, 34)));
    p("setgroups %s", how(syscall(SYS_setgroups, 0, NULL)));
    p("keyctl %s", how(syscall(SYS_keyctl, 0, -3, 0)));
    p("bpf %s", how(syscall(SYS_bpf, 0, NULL, 0)));
    p("perf %s", how(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)));
    p("userfaultfd %s", how(syscall(SYS_userfaultfd, 0)));
    p("io_uring %s", how(syscall(SYS_io_uring_setup, 0, NULL)));
    p("ptrace init %s", how(syscall(SYS_ptrace, 0x4206, 1, 0, 0)));
    // Who has made a file in place of the device may not be reaped yet.
    for (int i = 0; i < 100 && kill(-1, 0) == 0; ++i) usleep(1000);
    p("kill all %s", how(kill(-1, 0)));
}

// What the root emulation answers where one id is mapped, and the kernel elsewhere. The last thing that is done.
static void identity(void) {
    // Who started this jail could not remove it without the jail's ids.
    p("directory %s", how(mkdir("/subordinate", 0700)));
    p("file in it %s", how(mknod("/subordinate/file", S_IFREG | 0600, 0)));
    p("device in it %s", how(mknodat(AT_FDCWD, "/subordinate/null", S_IFCHR | 0666, makedev(1, 3))));
    // A list of one user and what must be there besides: acl(5), version 2 and entries of tag, permissions, id.
    static const unsigned char kList[] = {2, 0,  0,   0,   1,   0,   7,  0, 255, 255, 255, 255, 2,   0,  7,
                                          0, 33, 0,   0,   0,   4,   0,  5, 0,   255, 255, 255, 255, 16, 0,
                                          7, 0,  255, 255, 255, 255, 32, 0, 5,   0,   255, 255, 255, 255};
    p("acl %s", how(setxattr("/subordinate", "system.posix_acl_access", kList, sizeof kList, 0)));
    p("given away %s", how(chown("/subordinate", 12, 34)));
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[2] = {{1U << CAP_MKNOD, 1U << CAP_MKNOD, 0}, {0, 0, 0}};
    p("capset %s", how(syscall(SYS_capset, &header, caps)));
    p("keepcaps %s", how(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)));
    gid_t groups[2] = {34, 12};
    p("set groups %s", how(setgroups(2, groups)));
    p("set gid %s", how(setresgid(34, 34, 34)));
    p("set uid %s", how(setresuid(12, 12, 12)));
    uid_t r = 0, e = 0, s = 0;
    int got = getresuid(&r, &e, &s);
    p("is %s %u %u %u, %u %u", how(got), r, e, s, getgid(), getegid());
    int count = getgroups(2, groups);
    p("groups %d %u %u", count, groups[0], groups[1]);
    p("back %s", how(setresuid(0, 0, 0)));
    lines("real", "/proc/self/status", (const char* const[]){"Uid:", "Gid:", "Groups:", "CapEff:", NULL});
}

static void descriptors(void) {
    for (int fd = 0; fd < 1024; ++fd) {
        int flags = fcntl(fd, F_GETFD);
        if (flags < 0) continue;
        // Ours from here are close-on-exec; what came through exec is not.
        if ((flags & FD_CLOEXEC) != 0) continue;
        char path[32], link[256];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, link, sizeof link - 1);
        link[n < 0 ? 0 : n] = 0;
        for (char* c = link; *c; ++c)
            if (*c == '[') *c = 0;
        p("fd %d %x %s", fd, fcntl(fd, F_GETFL), link);
    }
}

static void session(void) {
    p("session %d group %d parent %d pid %d", getsid(0), getpgrp(), getppid(), getpid());
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    p("tty %s", how(tty));
    p("tty foreground %s", tty < 0 ? "-" : tcgetpgrp(tty) == getpgrp() ? "us" : "other");
    for (int fd = 0; fd < 3; ++fd) {
        struct termios modes;
        struct winsize size;
        p("isatty %d %d", fd, isatty(fd));
        if (tcgetattr(fd, &modes) == 0)
            p("modes %d %x %x %x %x", fd, modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag);
        if (ioctl(fd, TIOCGWINSZ, &size) == 0) p("size %d %d %d", fd, size.ws_row, size.ws_col);
    }
    for (int r = 0; r < RLIM_NLIMITS; ++r) {
        struct rlimit limit = {0, 0};
        getrlimit((__rlimit_resource_t)r, &limit);
        p("rlimit %d %lx %lx", r, (long)limit.rlim_cur, (long)limit.rlim_max);
    }
    p("nice %d", getpriority(PRIO_PROCESS, 0));
    lines("oom", "/proc/self/oom_score_adj", NULL);
    struct utsname name;
    uname(&name);
    p("hostname %s domain %s", name.nodename, name.domainname);
    char cwd[4096];
    p("cwd %s", getcwd(cwd, sizeof cwd) ? cwd : how(-1));
    extern char** environ;
    size_t n = 0;
    while (environ[n] != NULL) ++n;
    qsort(environ, n, sizeof *environ, compare);
    for (size_t i = 0; i < n; ++i) p("env %s", environ[i]);
}

static void network(void) {
    struct if_nameindex* all = if_nameindex();
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (struct if_nameindex* i = all; i != NULL && i->if_index != 0; ++i) {
        struct ifreq request;
        memset(&request, 0, sizeof request);
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", i->if_name);
        int flags = ioctl(fd, SIOCGIFFLAGS, &request) < 0 ? -1 : request.ifr_flags;
        p("interface %s %s", i->if_name, flags < 0 ? "?" : (flags & IFF_UP) != 0 ? "up" : "down");
    }
}

int main(int argc, char** argv) {
    if (argc < 3) return 99;
    const char* linger = getenv("LINGER"); // milliseconds, for what goes on beside it
    if (linger) usleep((useconds_t)atoi(linger) * 1000);
    descriptors();
    credentials();
    namespaces(argc - 3, argv + 3);
    mounts(argv[1]);
    policy(argv[2]);
    session();
    network();
    identity();
    p("end");
    if (write(2, out, used) != (ssize_t)used) return 98;
    if (write(1, "payload ran\n", 12) != 12) return 97;
    return 42;
}
