"""Where the processor time of starts goes, by kind, in percent; from samples of the stack, as root:

    perf record -e cpu-clock -F 20000 -g -o DATA -- sh -c 'for i in $(seq 150); do COMMAND; done'
    perf script -i DATA -F comm,ip,sym | tests/bench/profile.py [NAME...]

NAME: only processes of these names (as in /proc/PID/comm).
"""
import collections
import re
import sys

# The first that fits a function of the stack.
KINDS = [
    ("page faults, memory", r"exc_page_fault|exit_mmap|mmput|exit_mm|ksys_mmap|__x64_sys_(mmap|munmap|brk|mprotect)"),
    ("programs and processes", r"__(x64|do)_sys_(execve|clone3?|exit_group|exit|wait4|waitid)$|do_exit|kernel_clone|ret_from_fork"),
    ("seccomp programs", r"do_seccomp|seccomp_"),
    ("mounts", r"_(fsopen|fsconfig|fsmount|move_mount|open_tree|mount_setattr|umount|mount|pivot_root)$|ksys_umount|path_umount|path_mount"),
    ("paths", r"_(openat2?|mkdirat|mkdir|symlinkat|symlink|newfstatat|statx|readlinkat|readlink|mknodat|faccessat2?|access|unlinkat|fchdir|chdir)$"
              r"|do_sys_openat2|vfs_fstatat"),
    ("reading and writing", r"ksys_(read|write|pread)"),
    ("messages", r"__sys_(sendmsg|recvmsg)|do_sys_poll|socketpair"),
]


def kind(comm, frames):
    if comm == "true":
        return "true itself"
    for name, pattern in KINDS:
        if any(re.search(pattern, frame) for frame in frames):
            return name
    return "other calls" if any("entry_SYSCALL" in frame for frame in frames) else "its own code"


def main():
    counts = collections.Counter()
    for sample in sys.stdin.read().split("\n\n"):
        comm, *stack = sample.strip("\n").split("\n")
        comm = re.match(r"\S*", comm)[0]
        if comm and (not sys.argv[1:] or comm in sys.argv[1:]):
            counts[kind(comm, [line.split()[1] for line in stack if len(line.split()) > 1])] += 1
    for name, count in counts.most_common():
        print(f"{100 * count / counts.total():5.1f} %  {name}")


if __name__ == "__main__":
    main()
