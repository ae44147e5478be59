// SPDX-License-Identifier: Apache-2.0
// Runs a program and makes one system call of one of its processes fail, lie, or be the last thing that it does.
//
//   inject -l FD [-c] [-g MS] [-t MS] [-p PROCESS -s NUMBER -n N (-e ERRNO [-x] | -r VALUE | -k SIGNAL)] PROGRAM ARGS...
//
// PROCESS says what it is for, which who has made it tells, and how: 0 is the program (monitor), 1 what it makes with a
// pid namespace (init), 2 what that forks first (the payload), 3 and 4 what the monitor forks (newuidmap, newgidmap),
// 5 what it makes with a user namespace alone (who removes files of subordinate ids), 6 what init forks later (who
// makes a file in place of a device), 7 what the monitor forks while the payload is there (who goes into the jail). N counts calls of this number in processes of this kind from 1; 0 means all. strace's own injection counts in every process at once
// (`when=3` hits the third call of each), so that what the payload does after its parent has failed at the same count
// is never tried; hence this program. -k sends the process a signal where it would enter the call; -x lets the call
// happen and only its result be an error. Without -p all calls are only written down.
//
// -c makes standard input the controlling terminal.
//
// Calls before the program's first close_range(2) are not counted: that is the C library's start, not the program's.
// A process is let go where its execve(2) has succeeded; 3 and 4 where it begins, for nobody who is traced gains by
// a set-user-ID program.
//
// What happened goes to FD, a line each:
//   call PROCESS NUMBER DETAIL     when nothing is injected
//   hit PROCESS NUMBER DETAIL      it was injected
//   exec PROCESS
//   end exit CODE | end signal N   the program
//   terminal changed              with -c: standard input is not as it was before
//   late MS                        some of its processes outlived it by so much
//   left PROCESS CALL              still there -g MS after the program's end, in this system call; killed now
//   hang PROCESS CALL              still there -t MS after the start; killed now
// All that descends from the program stays below this process (PR_SET_CHILD_SUBREAPER), so nothing gets away unseen.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "only for x86-64: elsewhere a system call's number and result are set in another way"
#endif

enum { kMost = 64, kDetail = 96 };
enum role { monitor, init, payload, newuidmap, newgidmap, remover, node, guest, kRoles };
enum action { none, fail, lie, slay };

static int log_fd = -1;
static enum action action = none;
static int happens = 0;
static long want_process = -1, want_number = -1, want_n = 0, value = 0;

static struct process {
    pid_t pid;
    int role;                   // -1 until its parent's stop has told
    int waits;                  // until then
    int alive, inside, started; // inside: between entry and exit of a call
    int override;               // this call's result is ours
    int forked;                 // how many it has, since the last one with a namespace
} processes[kMost];
static int known = 0;
static long count[kRoles];

static void say(const char* format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char* format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > (int)sizeof line - 1) n = sizeof line - 1;
    if (write(log_fd, line, (size_t)n) != n) exit(2);
}

static _Noreturn void die(const char* what) {
    fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
    exit(2);
}

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// How the arguments of a call are shown: s string, d number, x number in hex, b bytes (their count is the next
// argument), - left out. Descriptors are mostly left out: their numbers say nothing.
static const struct {
    long number;
    const char* arguments;
} kShown[] = {
    {SYS_openat, "-sx"},        {SYS_openat2, "-s"},       {SYS_readlinkat, "-s"},   {SYS_readlink, "s"},
    {SYS_newfstatat, "ds"},     {SYS_statx, "-s"},         {SYS_fcntl, "-d"},        {SYS_ioctl, "-x"},
    {SYS_prctl, "dd"},          {SYS_fsopen, "s"},         {SYS_fsconfig, "-dss"},   {SYS_move_mount, "-s-s"},
    {SYS_open_tree, "-s"},      {SYS_mount_setattr, "-s"}, {SYS_mkdirat, "-s"},      {SYS_symlinkat, "s-s"},
    {SYS_unlinkat, "-s"},       {SYS_write, "-b"},         {SYS_umount2, "s"},       {SYS_chdir, "s"},
    {SYS_sethostname, "b"},     {SYS_setresuid, "d"},      {SYS_setresgid, "d"},     {SYS_rt_sigaction, "d"},
    {SYS_rt_sigprocmask, "d"},  {SYS_execve, "s"},         {SYS_close_range, "d"},   {SYS_landlock_create_ruleset, "-dd"},
    {SYS_kill, "-d"},           {SYS_socket, "dd"},        {SYS_unshare, "x"},       {SYS_fchmod, "-x"},
    {SYS_dup3, "-d"},           {SYS_mknodat, "-s"},
};

static void take_string(pid_t pid, uint64_t at, char* into, size_t size) {
    struct iovec mine = {into, size - 1}, theirs = {(void*)at, size - 1};
    into[0] = 0;
    if (at == 0) return;
    ssize_t n = process_vm_readv(pid, &mine, 1, &theirs, 1, 0);
    if (n < 0) { // it ends before SIZE bytes, at a page
        theirs.iov_len = 4096 - at % 4096 < size - 1 ? 4096 - at % 4096 : size - 1;
        n = process_vm_readv(pid, &mine, 1, &theirs, 1, 0);
    }
    if (n < 0) n = snprintf(into, size, "?");
    into[n] = 0;
    for (char* c = into; *c; ++c)
        if (*c < ' ' || *c > '~') *c = '.';
}

static void describe(pid_t pid, const struct __ptrace_syscall_info* info, char* out, size_t size) {
    out[0] = 0;
    const char* shown = "";
    for (size_t i = 0; i < sizeof kShown / sizeof *kShown; ++i)
        if (kShown[i].number == (long)info->entry.nr) shown = kShown[i].arguments;
    size_t used = 0;
    for (int i = 0; shown[i] != 0 && used + kDetail + 8 < size; ++i) {
        uint64_t arg = info->entry.args[i];
        char text[kDetail] = "";
        switch (shown[i]) {
        case 's': take_string(pid, arg, text, sizeof text); break;
        case 'b': {
            uint64_t bytes = info->entry.args[i + 1];
            take_string(pid, arg, text, bytes < 40 ? bytes + 1 : 40);
            break;
        }
        case 'd': snprintf(text, sizeof text, "%d", (int)arg); break;
        case 'x': snprintf(text, sizeof text, "%#x", (unsigned)arg); break;
        default: continue;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", text);
    }
}

static struct process* find(pid_t pid) {
    for (int i = 0; i < known; ++i)
        if (processes[i].pid == pid) return &processes[i];
    if (known == kMost) die("too many processes");
    processes[known] = (struct process){.pid = pid, .role = known > 0 ? -1 : monitor, .alive = 1, .started = known > 0};
    return &processes[known++];
}

static int has(int role) {
    for (int i = 0; i < known; ++i)
        if (processes[i].role == role) return 1;
    return 0;
}

// What PARENT, which is inside clone3(2), makes.
static int role_of_child(struct process* parent) {
    struct user_regs_struct regs;
    uint64_t flags = 0;
    struct iovec mine = {&flags, sizeof flags}, theirs = {NULL, sizeof flags};
    if (ptrace(PTRACE_GETREGS, parent->pid, NULL, &regs) == 0 && regs.orig_rax == SYS_clone3) {
        theirs.iov_base = (void*)regs.rdi;
        (void)process_vm_readv(parent->pid, &mine, 1, &theirs, 1, 0);
    }
    switch (parent->role) {
    case monitor:
        if ((flags & CLONE_NEWUSER) == 0 && has(payload) && !has(remover)) return guest;
        if ((flags & CLONE_NEWUSER) == 0) return parent->forked++ % 2 == 0 ? newuidmap : newgidmap;
        parent->forked = 0;
        return (flags & CLONE_NEWNS) != 0 ? init : remover;
    case init: return parent->forked++ == 0 ? payload : node;
    default: return parent->role;
    }
}

// Only the process in question is stopped at its calls; the others run at full speed.
static int every_call(const struct process* p) {
    if (p->role == newuidmap || p->role == newgidmap) return 1; // to see its execve(2)
    return action == none || (want_process == p->role && !(want_n > 0 && count[p->role] > want_n));
}

static void go_on(struct process* p, int sig) {
    int how = every_call(p) || p->inside ? PTRACE_SYSCALL : PTRACE_CONT;
    if (ptrace(how, p->pid, NULL, sig) < 0 && errno != ESRCH) die("ptrace");
}

static void at_entry(struct process* p) {
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof info, &info) <= 0) return;
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    p->inside = 1;
    long number = (long)info.entry.nr;
    if (number == SYS_close_range) p->started = 1;
    if (!p->started || number == SYS_exit_group) return; // which cannot fail
    char detail[4 * kDetail];
    if (action == none) {
        describe(p->pid, &info, detail, sizeof detail);
        say("call %d %ld %s\n", p->role, number, detail);
        return;
    }
    if (p->role != want_process || number != want_number) return;
    ++count[p->role];
    if (want_n > 0 && count[p->role] != want_n) return;
    describe(p->pid, &info, detail, sizeof detail);
    say("hit %d %ld %s\n", p->role, number, detail);
    if (action == slay) {
        kill(p->pid, (int)value);
        ++count[p->role];
        return;
    }
    p->override = 1;
    if (happens) return;
    // A number that no call has: the kernel does nothing, and the result is put in at the exit.
    if (ptrace(PTRACE_POKEUSER, p->pid, offsetof(struct user_regs_struct, orig_rax), -1L) < 0) die("poke");
}

static int is_helpers_exec(struct process* p) {
    if ((p->role != newuidmap && p->role != newgidmap) || p->override) return 0;
    struct __ptrace_syscall_info info;
    return ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof info, &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY &&
           info.entry.nr == SYS_execve;
}

static void at_exit(struct process* p) {
    p->inside = 0;
    if (!p->override) return;
    p->override = 0;
    if (want_n > 0) ++count[p->role]; // past it: no more stops
    long result = action == fail ? -value : value;
    if (ptrace(PTRACE_POKEUSER, p->pid, offsetof(struct user_regs_struct, rax), result) < 0) die("poke");
}

static void stopped(struct process* p, int status) {
    int event = status >> 16, sig = WSTOPSIG(status);
    if (event == PTRACE_EVENT_EXEC) {
        p->inside = 0;
        say("exec %d\n", p->role);
        if (p->role != monitor) {
            p->alive = 0;
            ptrace(PTRACE_DETACH, p->pid, NULL, 0);
            return;
        }
        go_on(p, 0);
    } else if (event == PTRACE_EVENT_STOP) {
        // SIGTRAP: it has just been made. Others: a group stop, which is to last.
        if (sig == SIGTRAP && p->role < 0) p->waits = 1;
        else if (sig == SIGTRAP) go_on(p, 0);
        else ptrace(PTRACE_LISTEN, p->pid, NULL, 0);
    } else if (event != 0) { // fork: the new process announces itself
        unsigned long made = 0;
        ptrace(PTRACE_GETEVENTMSG, p->pid, NULL, &made);
        struct process* child = made != 0 ? find((pid_t)made) : NULL;
        if (child != NULL) {
            child->role = role_of_child(p);
            if (child->waits) go_on(child, 0);
            child->waits = 0;
        }
        go_on(p, 0);
    } else if (sig == (SIGTRAP | 0x80)) {
        if (p->inside) at_exit(p);
        else at_entry(p);
        if (p->inside && is_helpers_exec(p)) {
            p->alive = 0;
            ptrace(PTRACE_DETACH, p->pid, NULL, 0);
            return;
        }
        go_on(p, 0);
    } else {
        go_on(p, sig);
    }
}

static void kill_all(const char* why) {
    for (int i = 0; i < known; ++i) {
        struct process* p = &processes[i];
        if (!p->alive) continue;
        char path[64], text[64] = "?";
        snprintf(path, sizeof path, "/proc/%d/syscall", p->pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            ssize_t n = read(fd, text, sizeof text - 1);
            text[n < 0 ? 0 : n] = 0;
            text[strcspn(text, " \n")] = 0;
            close(fd);
        }
        say("%s %d %s\n", why, p->role, text);
    }
    for (int i = 0; i < known; ++i)
        if (processes[i].alive) kill(processes[i].pid, SIGKILL);
}

static void tick(int sig) { (void)sig; } // only interrupts waitpid()

static pid_t start(char** argv) {
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) < 0) die("pipe");
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        char byte;
        if (read(gate[0], &byte, 1) != 1) _exit(2);
        execv(argv[0], argv);
        die(argv[0]);
    }
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SEIZE, pid, NULL, options) < 0) die("seize");
    (void)find(pid);
    if (write(gate[1], "", 1) != 1) die("gate");
    close(gate[0]);
    close(gate[1]);
    return pid;
}

int main(int argc, char** argv) {
    long grace = 250, limit = 5000;
    int terminal = 0;
    for (int option; (option = getopt(argc, argv, "+l:cg:t:p:s:n:e:r:k:x")) != -1;) {
        long number = optarg ? atol(optarg) : 0;
        switch (option) {
        case 'l': log_fd = (int)number; break;
        case 'c': terminal = 1; break;
        case 'g': grace = number; break;
        case 't': limit = number; break;
        case 'p': want_process = number; break;
        case 's': want_number = number; break;
        case 'n': want_n = number; break;
        case 'e': action = fail, value = number; break;
        case 'r': action = lie, value = number; break;
        case 'k': action = slay, value = number; break;
        case 'x': happens = 1; break;
        default: return 2;
        }
    }
    if (log_fd < 0 || optind >= argc) return 2;
    fcntl(log_fd, F_SETFD, FD_CLOEXEC);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) die("subreaper");
    // As a shell with a job in the foreground: it looks at the terminal before and after.
    struct termios before, after;
    if (terminal && (setsid() < 0 || ioctl(0, TIOCSCTTY, 0) < 0 || tcgetattr(0, &before) < 0)) die("terminal");
    struct sigaction ticking = {.sa_handler = tick};
    sigaction(SIGALRM, &ticking, NULL);
    struct itimerval every = {{0, 50000}, {0, 50000}};
    setitimer(ITIMER_REAL, &every, NULL);

    long began = now(), ended = 0, killed = 0;
    pid_t program = start(argv + optind);
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        long t = now();
        if (pid < 0 && errno == ECHILD) break;
        if (pid < 0 && errno != EINTR) die("waitpid");
        if (pid > 0 && WIFSTOPPED(status)) stopped(find(pid), status);
        if (pid > 0 && !WIFSTOPPED(status)) {
            find(pid)->alive = 0;
            if (pid == program) {
                ended = t;
                if (WIFEXITED(status)) say("end exit %d\n", WEXITSTATUS(status));
                else say("end signal %d\n", WTERMSIG(status));
            }
        }
        if (killed && t - killed > 1000) break;
        if (killed) continue;
        if (ended && t - ended > grace) killed = t, kill_all("left");
        else if (!ended && t - began > limit) killed = t, kill_all("hang");
    }
    if (terminal && (tcgetattr(0, &after) < 0 || before.c_lflag != after.c_lflag || before.c_iflag != after.c_iflag ||
                     before.c_oflag != after.c_oflag || before.c_cflag != after.c_cflag))
        say("terminal changed\n");
    if (ended && !killed && now() - ended > 20) say("late %ld\n", now() - ended);
    return 0;
}
