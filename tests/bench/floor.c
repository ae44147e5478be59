// SPDX-License-Identifier: Apache-2.0
// floor ROOT PROGRAM [BINDS]: the least that it takes to run PROGRAM in a throw-away copy of ROOT, as one id: the
// system calls and nothing else. What it leaves out: reading arguments and the machine, every check, seccomp, Landlock,
// capabilities, limits, masks of /proc, a terminal, signals, life (a killed parent leaves its children), messages, and
// the reading back of what stands. BINDS: that many read-only binds besides.
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define must(call)                               \
    ({                                           \
        long result_ = (call);                   \
        if (result_ < 0) perror(#call), exit(1); \
        (int)result_;                            \
    })

static int filesystem(const char* type, const char* const options[][2], unsigned attr) {
    int fs = must(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
    for (int i = 0; options != NULL && options[i][0] != NULL; ++i)
        must(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, options[i][0], options[i][1], 0));
    if (strcmp(type, "overlay") == 0) must(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0));
    must(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    int tree = must(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr));
    close(fs);
    return tree;
}

static void attach(int tree, int root, const char* at) {
    must(syscall(SYS_move_mount, tree, "", root, at, MOVE_MOUNT_F_EMPTY_PATH));
    close(tree);
}

static void write_to(const char* file, const char* text) {
    int fd = must(open(file, O_WRONLY | O_CLOEXEC));
    must(write(fd, text, strlen(text)));
    close(fd);
}

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    unsigned uid = geteuid(), gid = getegid();
    int binds = argc > 3 ? atoi(argv[3]) : 0;
    struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                                       CLONE_NEWCGROUP,
                              .exit_signal = SIGCHLD};
    pid_t init = must(syscall(SYS_clone3, &args, sizeof args));
    if (init != 0) {
        int status;
        must(waitpid(init, &status, 0));
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    char map[64];
    write_to("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    write_to("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", gid);
    write_to("/proc/self/gid_map", map);
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));

    int here = must(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    int lower = must(open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC));
    int scratch = filesystem("tmpfs", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    must(syscall(SYS_move_mount, scratch, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
    const char* const dirs[] = {"upper", "work", "root", "tmp", "dev", "empty"};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; ++i) must(mkdirat(scratch, dirs[i], 0755));
    int upper = must(openat(scratch, "upper", O_PATH | O_CLOEXEC));
    int work = must(openat(scratch, "work", O_PATH | O_CLOEXEC));
    char low[32], up[32], to[32];
    snprintf(low, sizeof low, "/proc/self/fd/%d", lower);
    snprintf(up, sizeof up, "/proc/self/fd/%d", upper);
    snprintf(to, sizeof to, "/proc/self/fd/%d", work);
    const char* const layers[][2] = {{"lowerdir", low}, {"upperdir", up}, {"workdir", to}, {NULL, NULL}};
    int root = filesystem("overlay", layers, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    must(syscall(SYS_move_mount, root, "", scratch, "root", MOVE_MOUNT_F_EMPTY_PATH));
    attach(filesystem("proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), root, "proc");
    attach(must(syscall(SYS_open_tree, scratch, "dev", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)), root, "dev");
    attach(must(syscall(SYS_open_tree, scratch, "tmp", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)), root, "tmp");
    const char* const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; ++i) {
        char from[32], at[32];
        snprintf(from, sizeof from, "/dev/%s", nodes[i]);
        snprintf(at, sizeof at, "dev/%s", nodes[i]);
        close(must(openat(root, at, O_CREAT | O_WRONLY | O_CLOEXEC, 0644)));
        int node = must(syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        attach(node, root, at);
    }
    must(mkdirat(root, "dev/pts", 0755));
    const char* const pts[][2] = {{"ptmxmode", "0666"}, {NULL, NULL}};
    attach(filesystem("devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), root, "dev/pts");
    must(mkdirat(root, "dev/shm", 0755));
    attach(must(syscall(SYS_open_tree, scratch, "empty", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)), root, "dev/shm");
    must(mkdirat(root, "tmp/here", 0755));
    attach(must(syscall(SYS_open_tree, here, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)), root, "tmp/here");
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    for (int i = 0; i < binds; ++i) {
        char at[32];
        snprintf(at, sizeof at, "tmp/%d", i);
        must(mkdirat(root, at, 0755));
        int tree = must(syscall(SYS_open_tree, here, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        must(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &read_only, sizeof read_only));
        attach(tree, root, at);
    }
    must(fchdir(root));
    must(syscall(SYS_pivot_root, ".", "."));
    must(umount2(".", MNT_DETACH));
    must(umount2(".", MNT_DETACH));
    must(chdir("/tmp/here"));
    pid_t payload = must(fork());
    if (payload == 0) {
        char* const command[] = {argv[2], NULL};
        char* const env[] = {"PATH=/usr/bin:/bin", NULL};
        must(setsid());
        must(execve(argv[2], command, env));
    }
    int status;
    must(waitpid(payload, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
