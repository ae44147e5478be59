#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# seconds: 400
"""Nothing fails open: every system call by which a jail is set up is made to fail, one at a time, and the payload must
then either not run at all or stand behind exactly the same walls.

    sweep.py                       the slice for every change: all calls that no earlier variant has shown already, and
                                   the monitor's in any case where it has other things to do; EPERM or EINVAL,
                                   ENOSYS for good, SIGKILL, SIGTERM, a kernel that lies
    sweep.py --full                every variant, every errno, both signals everywhere
    sweep.py --variant=NAME ...    of these only; --errno=NAME ..., --kill, --term, --lie: only these
    sweep.py --at=VARIANT:PROCESS:CALL:N:ERRNO|kill|term|lie    one point, with all that came out of it

A clean run is written down first: all calls of the monitor, of the child that becomes init and of the payload up to
its execve(2). For each of them there is then a run in which it does not happen and gives an error. The payload
(fingerprint.c) tells what it sees, and the host is looked at afterwards. The verdicts:

    REFUSED  the payload did not run, exit 125 (126, 127 for exec itself; 1 as bwrap), one line on stderr
    SAME     it ran, and nothing is different: the point must stand in TOLERATED, with a reason
    DIFF     it ran, and what is different is no wall, or its output or status: likewise
    CUT      it ran behind the same walls and was ended early, with a message: likewise
    GONE     (SIGKILL, SIGTERM) nothing is left, nobody waits
    and always a failure, unless TOLERATED has it:
    WEAKER   it ran with less around it
    SILENT   it did not run, or not to its end, and nobody said why
    CHATTY   likewise, and more than one line says why
    LOST     it did not run (to its end), and the exit status says that it did
    LATER    a scratch directory was left, and the next ajail has removed it
    LITTER   something of the host is not as a clean run leaves it
    HANG     ajail did not end
    ORPHAN   ajail ended, a process of the jail did not
    CRASH    ajail was ended by a signal of its own making
    MISS     the call was not reached, where the number of calls depends on time; it is in another run, but for a few
"""
import argparse
import collections
import concurrent.futures
import ctypes
import dataclasses
import errno
import os
import pwd
import queue
import re
import select
import shutil
import signal
import socket
import stat as stat_module
import struct
import subprocess
import sys
import termios
import threading
import time
import fcntl

HERE = os.path.join(os.environ.get("TESTS", ""), "sweep") if os.environ.get("TESTS") else os.path.dirname(__file__)
ROOT = os.geteuid() == 0
# What inject.c tells apart: the last five are the helpers that write a range of ids, who removes files of such ids, who
# makes a file in place of a device, and who goes into a jail that runs.
PROCESSES = ("monitor", "init", "payload", "newuidmap", "newgidmap", "remover", "node", "guest")
STATUS = 42  # of fingerprint
# A star: not one call fails but all of that name in that process, as where a kernel or a container has it not at all.
# `A|B`: one of them, in turns.
CI_ERRNOS = ("EPERM|EINVAL|ENOMEM|EINTR", "ENOSYS*")
SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM}
FULL_ERRNOS = ("EPERM", "EINVAL", "ENOSYS", "ENOMEM", "EINTR", "EMFILE", "EIO", "EAGAIN", "ENOENT", "ENOSYS*", "EPERM*")
WORKERS = 3
TURNS = 16  # of the monitor's loop, which turns as often as the terminal has it
SERVES = "prctl 15 "  # PR_SET_NAME: from here on init serves, and its loop turns once a question
SERVED = {"init": 2, "remover": 2, "node": 2, "newgidmap": 1}  # how often the same call counts there, in the slice


@dataclasses.dataclass(frozen=True)
class Variant:
    name: str
    args: tuple = ("--fs=deb",)
    pty: bool = False
    stdin: str = "stdin.txt"  # below the worker's directory
    refused: bool = False  # even a clean run is to be refused, and no failure may change that
    full: bool = False  # not in the slice
    new: bool = False  # in the slice only what no earlier variant has shown, also of the monitor
    range: bool = False  # for an ordinary user who has subordinate ids
    command: tuple = ("run", "--quiet")
    failure: int = 125  # what ajail exits with when it fails; 126 and 127 for exec itself, if it is 125
    joins: bool = False  # the payload comes with `ajail exec` into a jail that runs: of the guest's calls alone


BWRAP = ("--ro-bind", "/", "/", "--tmpfs", "/tmp", "--dev", "/dev", "--proc", "/proc", "--bind", "{worker}/proj",
         "{worker}/proj", "--tmpfs", "/run")
VARIANTS = (
    Variant("default", ("--fs=deb", "--allow=keyring")),  # else the payload could not tell whose keys it has
    Variant("no-net", ("--fs=deb", "--no-net"), new=True),
    Variant("report", ("--fs=deb", "--no-net", "--report={worker}/report"), new=True),
    Variant("ro", ("--fs=deb", "--ro", "--ro=f"), new=True),
    # Until the monitor has looked at what the host would run, and somebody goes in to cover it again.
    Variant("git", ("--fs=deb", "--rw={worker}/repo", "--env=LINGER=100"), new=True),
    Variant("sys", ("--fs=deb", "--sys", "--no-net"), new=True),
    Variant("host", ("--fs=host",)),
    Variant("sys-admin", ("--fs=deb", "--cap-add=CAP_SYS_ADMIN"), new=True),
    Variant("pty", pty=True),
    Variant("fs-edit", ("--fs={worker}/root", "--fs-edit")),
    Variant("stdin-is-a-directory", stdin="proj", refused=True),
    Variant("user", ("--fs=deb", "--user=www-data"), new=True),
    Variant("strict", ("--fs=deb", "--seccomp=strict"), new=True),
    Variant("nested", ("--fs=deb", "--nested"), new=True),
    Variant("range", ("--fs=deb", "--users=range", "--scratch={worker}/disk"), range=True, new=True),
    Variant("user-range", ("--fs=deb", "--users=range", "--user=www-data"), range=True, new=True),
    Variant("limits", ("--fs=deb", "--memory=1g", "--cpu=1", "--pids=500", "--timeout=100"), new=True),
    Variant("scratch-dir", ("--fs=deb", "--scratch={worker}/disk"), full=True),
    Variant("proc-bind", ("--fs=deb", "--proc=bind", "--report={worker}/report"), new=True),
    Variant("keep", ("--fs=deb", "--ro", "--keep=k"), new=True),
    Variant("exec", ("--fs=deb",), joins=True),
    Variant("exec-user", ("--fs=deb", "--user=www-data", "--cap-add=CAP_SYS_ADMIN"), joins=True, new=True),
    Variant("scratch-size", ("--fs=deb", "--scratch=tmpfs:16m"), new=True),
    Variant("bwrap", (*BWRAP, "--unshare-all", "--die-with-parent", "--new-session"), command=("bwrap",), failure=1),
    Variant("bwrap-no-pid", (*BWRAP, "--overlay-src", "/usr/share", "--tmp-overlay", "/opt", "--dir", "/tmp/d", "--chmod", "0700", "/tmp/d"),
            command=("bwrap",), failure=1, new=True),
    Variant("bwrap-sys-admin", (*BWRAP, "--unshare-all", "--unshare-user", "--cap-add", "ALL", "--disable-userns"), command=("bwrap",),
            failure=1, new=True),
)


@dataclasses.dataclass(frozen=True)
class Tolerated:
    """A point at which a failed call may have this verdict. `call` is a regular expression for the whole of `NAME
    DETAIL`, as the list of calls shows it."""

    verdicts: str
    process: str
    call: str
    reason: str
    errnos: str = ".*"
    variants: str = ".*"
    fields: str = ""  # of the fingerprint, that may differ


# What the root emulation answers.
EMULATED = r"mknod|kmsg|setgroups|device in it|acl|capset|keepcaps|set (uid|gid|groups)|is|groups|back"

# Everything at which a payload may run although a call failed, and every other exception. Data, and the only place.
TOLERATED = (
    Tolerated("SAME", ".*", "close", "the descriptor is gone whatever close(2) says, and close-on-exec besides"),
    Tolerated("SAME", "monitor", r"ioctl 0x5401", "TCGETS: says that stdio is no terminal, which it is not",
              variants="(?!pty).*"),
    Tolerated("SAME", "monitor", r"openat /etc/passwd .*", "only the caller's name, for USER"),
    Tolerated("SAME", "monitor", r"openat /etc/resolv.conf .*", "only the name server, for the jail's resolv.conf"),
    Tolerated("SAME", "monitor", r"openat /proc/self/mountinfo .*|readlinkat /proc/self/fd/\d+",
              "whether file systems are mounted below a source; the kernel refuses an overlay that would hide it"),
    Tolerated("SAME", "monitor", r"openat /proc/self/uid_map .*",
              "asked for uid 0 alone, and not knowing counts as the machine's root, which is the stricter case"),
    Tolerated("SAME", "monitor", "read", "of one of the files above"),
    Tolerated("WEAKER", "monitor", r"openat /etc/(resolv.conf|passwd) .*|read", "a file of names that is made up for the "
              "jail is missing, or made up without need", fields=r"mount /etc/(resolv\.conf|passwd) |env USER="),
    Tolerated("SAME", "monitor", r"newfstatat -100 /proc/sys/kernel", "who the machine's root is: uid_map says it then"),
    Tolerated("SAME WEAKER", "init|guest", "keyctl", "a kernel without keys, or a filter that answers the payload just so", r"ENOSYS\*?",
              fields="session keyring "),
    Tolerated("SAME", "monitor", r"openat (/proc/self/cgroup|/sys/fs/cgroup/.*) .*|access",
              "whether there is a cgroup, and how much memory it has: not known counts as none, and as the machine's"),
    Tolerated("SAME", "monitor", r"openat /proc/sys/(user|fs/inotify)/max_\S+ .*",
              "how many inotify watchers the caller may have: not known, the jail has no limit of its own"),
    Tolerated("DIFF", "monitor", r"newfstatat \d+ (\.git|HEAD|objects|refs|commondir|config\.worktree|config|hooks)",
              "whether the jail has made what git would run programs by is not known, and a warning says so", fields="output"),
    Tolerated("DIFF", "monitor", "inotify_(init1|add_watch)", "what appears of what the host would run is looked at when the "
              "jail has ended, and a warning says so", fields="output"),
    Tolerated("SAME", "monitor", r"openat \. 0x90000|fcntl [23]|getdents64", "a directory that cannot be read is asked for each "
              "name; and whether hooks have other names is not told", variants="(?!range|scratch-dir).*"),
    Tolerated("SAME", "monitor", r"openat \S+/root 0x290000", "who can get to the root filesystem: not known counts as others, "
              "and no set-user-ID bits come to it", variants="fs-edit"),
    Tolerated("WEAKER", "monitor", "access", "a host without that directory: whether it has it is what was asked", "ENOENT",
              fields="mount /sys/devices/system/cpu |ls-root sys "),
    Tolerated("SAME", "init", "sched_getaffinity", "how many CPUs fill memory: not known counts as many"),
    Tolerated("SAME", "monitor", r"openat /proc/filesystems .*", "whether there is overlayfs: not known counts as yes, and "
              "fsopen(2) says no"),
    Tolerated("SAME", "monitor", rf"openat2? {re.escape(os.environ.get('HOME', '/'))} .*",
              "where the home really is, for the warning that it is granted"),
    Tolerated("SAME", "monitor", r"landlock_create_ruleset 0 1", "this jail has no Landlock", variants="sys-admin"),
    Tolerated("SAME", "monitor", r"rt_sigaction \d+", "whether a signal is ignored: not known counts as no"),
    Tolerated("SAME", "monitor", "rt_sigprocmask 2", "the caller's own mask: not known counts as empty"),
    Tolerated("SAME", "monitor", "poll", "asked again at once", errnos=r"[A-Z]+"),
    Tolerated("SAME", "monitor", "recvmsg", "init is dead by then, and has said how the payload ended"),
    Tolerated("SAME", "monitor", "waitid", "only reaps: init is dead, and the monitor ends"),
    Tolerated("CUT", "monitor", "(poll|recvmsg|read|fcntl|ioctl|openat|sendmsg|dup3)( .*)?",
              "the monitor's own failure ends the jail, and the message says so"),
    Tolerated("CUT", "init", ".*", "init's own failure ends the jail, and the message says so"),
    Tolerated("WEAKER", "monitor", "landlock_create_ruleset 0 1", "a kernel without Landlock: given up by lower(), and told "
              "in Plan::degraded", r"(ENOSYS|EPERM)\*?", fields="stdin reopened |abstract socket "),
    Tolerated("SAME", ".*", r"(openat|openat2|read|write|sendmsg|recvmsg|waitid|poll)( .*)?", "asked again",
              "EINTR"),
    Tolerated("SAME", ".*", r"openat2 .*", "a rename raced with the lookup: asked again", "EAGAIN"),
    Tolerated("SAME", "init|monitor", r"openat2 .*", "the path is walked a component at a time, and made where it is missing; what "
              "is there all the same is found, or making it fails", "ENOENT"),
    Tolerated("WEAKER", "init", r"(openat2 proc/|open_tree |move_mount ).*", "a file of /proc that is not there needs no cover; whether it is there "
              "is what was asked", "ENOENT", fields=r"mount /proc/|mask |write (shmmax|irq|kcore|sysrq-trigger) "),
    Tolerated("SAME", "init", r"move_mount .*", "taken for a directory then, of which there is none either", "EINVAL"),
    Tolerated("SAME", "init|monitor", r"mknodat ?.*", "an empty file is then made as a FUSE may have it", r"ENOSYS\*?"),
    Tolerated("SAME", "init", "read", "of the signalfd: only a wake-up, the kernel is asked with waitid(2)"),
    Tolerated("SAME", "init|payload|guest", r"prctl 2[34] (4[1-9]|5\d|6[0-3])",
              "PR_CAPBSET_DROP and _READ of a capability that this kernel does not know: there is nothing to drop"),
    Tolerated("SAME", "payload|guest", "kill 0", "may init be signalled: who may not cannot tell by that whether Landlock holds, "
              "and whom it holds may not", "EPERM"),
    Tolerated("SAME", "payload", "readlinkat PID/exe", "init cannot be looked into: the true answer", "EPERM"),
    Tolerated("SILENT", ".*", "write .*", "the message itself could not be written", r".*"),
    Tolerated("SILENT", "payload|init", "sendmsg", "the message itself could not be sent", r".*\*"),
    Tolerated("DIFF", "init", "sendmsg", "how the payload ended could not be told: status 137, never success",
              fields="output"),
    Tolerated("LOST", "init", "sendmsg", "the same, and the monitor says what it looks like: init was killed"),
    Tolerated("SAME", "monitor", r"openat /proc/self/fdinfo/\d+ .*", "what /proc calls the child: taken for what we call it, which "
              "only a /proc of another PID namespace would not have"),
    Tolerated("SAME", "monitor", "statfs", "whether /proc/sys is read-only: then it is written to, or the jail refused", variants="proc-bind"),
    Tolerated("SAME", "guest", "uname", "the payload may have given the jail another name: nobody looks", variants="exec.*"),
    Tolerated("SAME", "guest", "ioctl 0x5401", "TCGETS: so says what is no terminal, which it is not", "EINVAL"),
    # As bwrap.
    Tolerated("WEAKER DIFF", "init|payload", "chdir .*", "without --chdir, where the working directory cannot be entered it "
              "is the home, or /", variants="bwrap.*", fields="(cwd|env PWD|write (here|file))"),
    Tolerated("SAME", "init", "wait4", "of what the payload has left: how that ended is told by then", variants="bwrap.*"),
    Tolerated("SAME", "init", "write .", "how the payload ended is the reaper's own status, too", variants="bwrap.*"),
    Tolerated("SAME", "init", "unshare 0x10000000", "that it fails is what was asked for", variants="bwrap-sys-admin"),
    # The terminal.
    Tolerated("SAME DIFF", "monitor", r"ioctl 0x541[34]", "TIOCGWINSZ, TIOCSWINSZ: a terminal of unknown size, or of the "
              "one that it had", fields="size "),
    Tolerated("SAME", "monitor", r"ioctl 0x540f", "TIOCGPGRP: no job control counts as being in the foreground"),
    Tolerated("SAME LITTER", "monitor", r"ioctl 0x540[23]",
              "TCSETS: the host's terminal does not take its modes, neither raw nor as they were"),
    Tolerated("SAME LITTER", "monitor", r"ioctl 0x5401", "TCGETS of the host's terminal, to make it raw: it stays as it is",
              variants="pty"),
    Tolerated("WEAKER", "monitor", "ioctl 0x5401", "TCGETS: EINVAL is what some devices answer that are no terminals "
              "(/dev/urandom), and never a terminal", "EINVAL", "pty", fields="(fd|isatty|modes|size|tty) "),
    Tolerated("SAME", "monitor", r"openat /proc/self/fd/\d .*", "the caller's own description of the terminal, then"),
    Tolerated("DIFF", "monitor", r"read", "nothing can be read of what the payload writes", r".*\*", "pty", "output"),
    Tolerated("DIFF", "monitor", r"write payload ran.*", "the terminal is gone, and what was to be shown with it",
              variants="pty", fields="output"),
    # The root emulation: an answer is a number that the asker believes, the kernel's ids never change.
    Tolerated("SAME WEAKER", "init", r"(openat \?|read|write \?|pread64|pwrite64|ioctl|clone3) ?.*", "init serves, and "
              "cannot look or remember: the asker is told an error, or that it is the jail's root", fields=f"({EMULATED}) "),
    Tolerated("SAME WEAKER DIFF", "node", ".*", "the file in place of a device is missing: the asker is told an error, or "
              "where it could not have written, that it is there", fields=f"({EMULATED}) "),
    Tolerated("SAME", "init", r"openat /proc/self/status .*", "read back by a question for each then", variants="bwrap.*"),
    Tolerated("SAME", "monitor|init", "madvise", "memory is given back, or it is not"),
    Tolerated("WEAKER", "init", ".*", "the pipe by which the reaper has said that it is ready, and which it closes last",
              variants="bwrap.*", fields=r"init-fd \d+ 120300 "),
    Tolerated("SAME", "payload|init", "getgroups", "with one id the caller's groups stay, whatever they are",
              variants="(?!.*range).*"),
    Tolerated("SAME", "monitor", "openat2 /etc/group", "a root filesystem without the file has no groups", "ENOENT",
              "user.*"),
    # The note by which others find the jail.
    Tolerated("SAME", "monitor", r"(openat \. 0x490002|openat2? \S*/home/running|mkdirat \S*/home/running|write \{\"name\"|linkat|socket 1|bind|"
              r"listen|flock|fstat) ?.*", "the jail cannot be found by others, and --verbose says so"),
    Tolerated("WEAKER", "monitor", "rt_sigaction 25", "SIGXFSZ is not taken up again", fields="status SigIgn: "),
    Tolerated("SILENT LATER", "monitor", r"unlinkat \d+\.(sock|jail)", "what nobody holds is no jail: ajail ps removes it"),
    Tolerated("DIFF", "monitor", r"write \{\"name\".*", "nor can the monitor write what the payload has written", r"ENOSYS\*",
              variants="pty", fields="output"),
    Tolerated("CUT", "monitor", r"newfstatat \d+", "what the host would run cannot be looked at: the jail is ended, with a line", variants="git"),
    Tolerated("SAME", "monitor", "clock_nanosleep", "what is left of the time is slept, too", "EINTR", variants="keep"),
    Tolerated("CUT", "guest", ".*", "likewise: it could not be covered again", variants="git"),
    Tolerated("SAME", "guest", r"openat2 .*", "nothing is known to have been replaced", variants="git"),
    Tolerated("SAME DIFF", "monitor", r"(openat (base|\d+\.new|manifest\.json\.new)|openat2 (base|layers)/|openat2 \S*/store/fs/deb|llistxattr|lgetxattr|"
              r"write (ajail base|\{\.  .version)|fsync|renameat|mkdirat base|getdents64|newfstatat).*",
              "what lay below is noted by the next one that uses it, and a warning says so", variants="keep", fields="output"),
    Tolerated("SAME", "monitor", r"openat2? \S*(/proj|\.) .*",
              "a directory that is not known to be the same is one that was replaced, if its status has changed", variants="keep"),
    # A range of ids, and what is removed afterwards.
    Tolerated("LATER", "monitor|remover|newuidmap|newgidmap", ".*", "it cannot be removed now, and a warning says so"),
    Tolerated("DIFF", "monitor", "waitid", "whether it was removed is not known, and a warning says so", fields="output",
              variants="range"),
    Tolerated("LATER", ".*", ".*", "nobody was left to remove it", "kill"),
    Tolerated("SAME", "monitor", "(newfstatat -100 /usr/bin/new[ug]idmap|access|statfs|prctl 39 0)",
              "looked for elsewhere, or only to say beforehand why they would fail", variants=".*range"),
    Tolerated("SAME", "monitor|remover", r"(openat2?|newfstatat|fcntl|getdents64|unlinkat|f?chmod|rmdir) ?.*", "not removed by "
              "one way, but by another: who has the jail's ids, or with what is above it", variants="range|scratch-dir"),
    Tolerated("SAME", "monitor", r"openat \S+/home/scratch .*|(mkdir|symlinkat|newfstatat) ?.*", "where the scratch directory "
              "is cannot be noted down or read: then whoever uses the same one removes it"),
    Tolerated("SAME", "monitor", "flock", "where locks cannot be had nobody has one (src/store/lock.h)",
              variants="(?!fs-edit).*"),
    Tolerated("SAME", "monitor", "flock", "tried again", "EAGAIN|EINTR"),
    # The host's own directories as root filesystem.
    Tolerated("SAME WEAKER DIFF", "monitor", r"(openat|readlinkat|newfstatat|read) ?.*",
              "a directory of the host that cannot be looked at is not shown, or without overlayfs read-only: less, never more", variants="host",
              fields="mount |ls-root |env USER="),
    # Mountpoints in a root filesystem that is being edited.
    Tolerated("LITTER", "monitor", r"unlinkat .*", "an empty mountpoint that cannot be removed", variants="fs-edit"),
    Tolerated("LITTER", "monitor", r"newfstatat \d+ .*", "what cannot be looked at is not removed: it might be somebody's",
              variants="fs-edit"),
    Tolerated("LITTER", "monitor", ".*", "nobody is left to remove the mountpoints that were made: empty, and used again "
              "by the next jail", "kill", "fs-edit"),
)

# What a lying kernel (the call does nothing and says 0) may do and the payload runs all the same, with no less around it
# than the read-back could have noticed. Of what leaves no trace: call, reason, in which variants (else all).
HARMLESS_LIES = (
    (".* close", "close-on-exec: what was not closed does not reach the payload"),
    (r"init mount_setattr of directory\d+", "a directory of the scratch, which is nosuid and nodev itself"),
    ("init mount_setattr of", "the scratch on disk, which is not attached: all that is taken from it has its own",
     "range|scratch-dir"),
    (r"init close_range \d+", "what init holds nobody else can look at, and the payload's own are close-on-exec"),
    ("payload close_range 3", "all is close-on-exec already; this is for what is not known"),
    (".* write .*", "a short write is continued"),
    ("guest prctl 4 0", "PR_SET_DUMPABLE: is read back, and the jail ended; or it was 0 before", "git|exec.*"),
    (r"guest close_range \d+", "nobody in the jail can look at what it holds, and all of it is close-on-exec", "exec.*"),
    ("guest dup3 2", "the jail's stderr and its own are the same here; what is not is read back", "exec.*"),
    ("guest ioctl 0xb701", "NS_GET_USERNS: 0 is stdin, and there is no way in: it could not be covered again", "git"),
    ("init chdir /", "the payload changes to its own directory"),
    (r"init fsconfig 1 (index off|xino off|mode 1777)", "the kernel's default"),
    ("init mount_setattr /", "propagation: a user namespace's copies are slaves, and all of them are unmounted"),
    ("init move_mount merged.*", "a detached overlay serves as well as one on scratch"),
    ("init move_mount kept", "detached layers serve as well, where the kernel can do that (Linux 6.15)", "keep"),
    (r"(init|payload) setpgid.*", "each of the two makes the group", "pty.*"),
    ("(payload|node|guest) landlock_add_rule", "a rule that is missing takes, and never gives"),
    ("node fchdir", "an asker's directory: what is named from elsewhere the asker could have named itself"),
    (r"new[ug]idmap dup3 \d", "a helper's stdio: only what it says"),
    ("node landlock_restrict_self", "for directories of the host that are handed in (tests/jail/emulation_calls.sh)"),
    ("init prctl 4 0", "PR_SET_DUMPABLE: the payload is another user", "user-range"),
    ("init setgroups", "the payload sets its own", "user-range"),
    ("init prctl 30 0", "PR_GET_TIMERSLACK: then the numbers that tell who is who begin at 0"),
    (".* prctl 3 0", "PR_GET_DUMPABLE: 0 is the true answer"),
    (".* prctl 27 0", "PR_GET_SECUREBITS: 0 is the true answer"),
    ("init prctl 15 .*", "PR_SET_NAME: the jail's numbers are not those of its /proc", "proc-bind"),
    ("init capset", "the reaper has had none since drop_caps()", "bwrap.*"),
    (r"init fsconfig 1 (source tmpfs|mode 700)", "of the scratch, of which nothing shows", "bwrap.*"),
    ("init ioctl 0x8913", "SIOCGIFFLAGS, of lo: what it is, before it is brought up"),
    ("payload prctl 8 0", "PR_SET_KEEPCAPS: exec ends it"),
    (".* prctl 1 9", "PR_SET_PDEATHSIG: the lifeline says the same"),
    (".* prctl 4 1", "PR_SET_DUMPABLE: with one id nothing has cleared it"),
    (r".* prctl 23 \d+", "PR_CAPBSET_READ: 0 is the true answer"),
    (r".* prctl 24 (4[1-9]|5\d|6[0-3])", "PR_CAPBSET_DROP of a capability that there is not"),
    (".* prctl 47 4", "PR_CAP_AMBIENT_CLEAR_ALL: there are none, and capset(2) has cleared inheritable"),
    *((("init prctl 4 0", "PR_SET_DUMPABLE: the change of ids has cleared it already"),) if ROOT else ()),
    (r"(init|guest) setres[ug]id .*", "the one id that is mapped is the one that init has"),
)

# Of what the payload sees: call, verdicts, which fields of the fingerprint may differ, reason, in which variants.
VISIBLE_LIES = (
    (".* fsconfig 1 source .*", "WEAKER", "mount ", "only the name in mountinfo"),
    ("init fsconfig 1 mode 700", "WEAKER", "(mount|mask) ", "of the scratch's top, which nothing in the jail leads to"),
    ("init fsconfig 0 userxattr", "WEAKER", "mount ", "trusted.* attributes count then, which only the machine's root can set"),
    ("init fsconfig 1 (ptmxmode|mode) .*", "WEAKER", "mount /dev/pts |ls-pts |own TIOCSTI", "the kernel's default is stricter"),
    ("init prctl 15 .*", "WEAKER", "init-status Name", "PR_SET_NAME"),
    ("node capset", "WEAKER", r"(mknod|kmsg|device in it) ", "it reads back, and tells the asker an error"),
    (r"init fsconfig 1 size \d+", "WEAKER", "mount ", "half of the memory is what a tmpfs takes by itself", "default|proc-bind"),
    (r"init fsconfig 1 max \d+", "WEAKER", "mount /dev/pts ", "how many terminals: the machine's own limit is left"),
    ("init ioctl 0x5410", "WEAKER", "tty foreground", "TIOCSPGRP: then the payload is stopped when it reads"),
    ("init ioctl 0x8914", "DIFF", "interface lo", "SIOCSIFFLAGS: without a loopback interface there is less to reach"),
    ("(payload|guest) chdir .*", "DIFF", "cwd ", "the working directory is no wall: it is one in the jail"),
    (".* landlock_add_rule", "WEAKER LOST LITTER", "(stdin|mknod|kmsg|device in it|pts|tty|fd|isatty) ?", "a rule that is "
     "missing takes, and never gives"),
    ("payload landlock_add_rule", "WEAKER DIFF", "", "the first one, of /: who runs in the working directory, which has its own, sees nothing else"),
    # Bare: what bubblewrap's callers know is not looked at again, but ids, capabilities and no_new_privs.
    (".*", "WEAKER DIFF LITTER LOST", "", "as bwrap", "bwrap.*"),
)

# Calls that have no error, so that nobody can look at one; brk(2), the kernel's own, says where the end is.
CANNOT_FAIL = ("umask", "getuid", "geteuid", "getgid", "getegid", "getpid", "getppid", "gettid", "getpgrp", "exit_group",
               "rt_sigreturn", "brk")
LIES = ("prctl", "capset", "seccomp", "mount_setattr", "landlock_restrict_self", "close_range", "setsid", "sethostname",
        "move_mount", "umount2", "pivot_root", "fsconfig", "setresuid", "setresgid", "setgroups", "unshare",
        "landlock_add_rule", "keyctl", "chdir", "fchdir", "close", "write", "dup3", "ioctl", "setpgid")
SERVING = r"ioctl 0x(c0|4008|8008)"  # of a seccomp listener: who believes to have answered lets the asker wait
# A difference in one of these is no wall.
PLAIN_FIELDS = re.compile(r"(env|cwd|hostname|modes|size|oom|nice|isatty|interface) |status (SigBlk|Umask)")

# What a payload may see differently while its jail is being killed. What init would have refused nobody answers then.
DYING = re.compile(r"(init-\w+|processes|isatty|modes|size|tty|session|fd|ls-pts|stdin|TIOC\w+|own TIOCSTI|ptrace init|kill all|"
                   + EMULATED + r") ?|[\w /.-]+ (EPERM|ENOSYS|EAFNOSUPPORT)$")


def has_range():
    name = pwd.getpwuid(os.geteuid()).pw_name
    if ROOT or not shutil.which("newuidmap"):
        return False
    with open("/etc/subuid") as file:
        return any(line.split(":")[0] in (name, str(os.geteuid())) for line in file)


def system_calls():
    """Names and numbers, from the C library's own header."""
    text = subprocess.run(["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"], check=True,
                          capture_output=True, text=True).stdout
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)$", text, re.M)}


@dataclasses.dataclass(frozen=True)
class Point:
    process: int
    name: str
    n: int
    detail: str

    def __str__(self):
        return f"{PROCESSES[self.process]}:{self.name}:{self.n}"

    def what(self):
        return f"{self.name} {self.detail}".rstrip()


@dataclasses.dataclass
class Run:
    log: list
    out: bytes
    err: str
    state: dict
    command: list

    def has(self, word):
        return [line for line in self.log if line.startswith(word)]

    def status(self):
        """(exit, N) or (signal, N) of ajail, None if it had to be killed."""
        end = self.has("end ")
        return (end[0].split()[1], int(end[0].split()[2])) if end and not self.has("hang") else None

    def fingerprint(self):
        return normal(line[3:] for line in self.err.splitlines() if line.startswith("fp "))

    def messages(self):
        return [line for line in self.err.splitlines() if line and not line.startswith("fp ")]


def normal(lines):
    """A fingerprint without what differs between any two runs: numbers of mounts, devices, descriptors, the worker."""
    ids, devices, out = {}, {}, []
    for line in lines:
        line = re.sub(r"\bw\d\b", "w", re.sub(r"/fd/\d+", "/fd/N", re.sub(r"\.ajail~\w+", ".ajail~", line)))
        if line.startswith(("status NSpid:", "status NSpgid:", "status NSsid:", "session ", "processes ")):
            line = re.sub(r"\d{2,}", "N", line)  # without a pid namespace, or where /proc is of another
        if line.startswith("mount ") and line.count(" ") >= 6:  # else its writer was ended in the middle of it
            _, own, parent, device, root, target, rest = line.split(" ", 6)
            ids[own] = target
            # Named after where it is mounted first, but for the scratch.
            devices.setdefault(device, "scratch" if re.search(r"/(nothing|empty|directory\d+)$", root) else target)
            root = re.sub(r"^/(data|directory)\d+$", r"/\1N", root)  # the number of its operation
            line = f"mount {target} on {ids.get(parent, 'outside')} of {devices[device]} {root} {rest}"
        out.append(line)
    return out


class Worker:
    """A directory of its own: `proj` is where ajail is started, the rest is the host's."""

    def __init__(self, base, number, tools):
        self.dir = os.path.join(base, f"w{number}")
        self.proj = os.path.join(self.dir, "proj")
        os.makedirs(self.proj)
        shutil.copy(os.path.join(base, "fingerprint"), self.proj)
        for name in ("stdin.txt", "secret"):
            with open(os.path.join(self.dir, name), "w") as file:
                file.write("of the host\n")
            os.chmod(os.path.join(self.dir, name), 0o666)  # so that no mode stands in for a wall
        self.tools = tools
        self.home = os.path.join(self.dir, "home")
        os.makedirs(os.path.join(self.home, "fs"))
        os.symlink(os.path.join(tools.home, "fs/deb"), os.path.join(self.home, "fs/deb"))
        self.disk = os.path.join(self.dir, "disk")
        os.mkdir(self.disk)
        self.repo = os.path.join(self.dir, "repo")
        for name in ("hooks", "info", "modules/a/hooks"):
            os.makedirs(os.path.join(self.repo, ".git", name))
        for name in ("HEAD", "config", "info/attributes", "modules/a/HEAD", "modules/a/config"):
            open(os.path.join(self.repo, ".git", name), "w").close()
        self.environment = {**os.environ, "AJAIL_HOME": self.home}
        self.reset()
        os.makedirs(os.path.join(self.home, "running"), 0o700, exist_ok=True)  # of the jails that run
        self.before = self.state()

    def reset(self):
        for name in os.listdir(self.proj):
            if name != "fingerprint":
                os.remove(os.path.join(self.proj, name))
        with open(os.path.join(self.proj, "f"), "w") as file:
            file.write("of the host\n")
        root = os.path.join(self.dir, "root")
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(os.path.join(root, "etc"))
        for name in self.tools.deb_probes():
            os.remove(name)

    def state(self):
        """All that a jail could have changed on the host."""
        found = {}
        for top in (self.proj, os.path.join(self.dir, "root"), self.disk, self.home, self.repo):
            for where, dirs, files in os.walk(top):
                for name in dirs + files:
                    path = os.path.join(where, name)
                    stat = os.lstat(path)
                    name = re.sub(r"\.ajail~\w+", ".ajail~", os.path.relpath(path, self.dir))
                    found[name] = (stat.st_mode, stat.st_uid, stat_module.S_ISDIR(stat.st_mode) or stat.st_size)
        for name in self.tools.deb_probes():
            found[name] = True
        return found

    def command(self, variant, options):
        jail = [self.tools.ajail, *variant.command, *(arg.format(worker=self.dir) for arg in variant.args),
                *(("--name=swept", "--", "cat") if variant.joins else ("--", *self.payload()))]
        return [self.tools.inject, *options, *(["-c"] if variant.pty else []), *jail]

    def payload(self):
        return [f"{self.proj}/fingerprint", f"{self.dir}/secret", self.tools.socket_name, *self.tools.namespaces]

    def run(self, variant, options=()):
        if os.path.lexists(f"{self.dir}/report"):
            os.remove(f"{self.dir}/report")
        log_read, log_write = os.pipe()
        stdin = os.open(os.path.join(self.dir, variant.stdin), os.O_RDONLY)
        err_read, err_write = os.pipe()
        if variant.pty:
            out_read, out_write = os.openpty()
            fcntl.ioctl(out_read, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
            os.dup2(out_write, stdin)
        else:
            out_read, out_write = os.pipe()
        joiner = None
        if variant.joins:
            os.close(stdin)
            stdin, ends = os.pipe()
            joiner = Joiner([self.tools.ajail, "exec", "swept", *self.payload()], self, err_write, out_write, ends)
        command = self.command(variant, ["-l", str(log_write), *options])
        process = subprocess.Popen(command, stdin=stdin, stdout=out_write, stderr=err_write, cwd=self.proj,
                                   pass_fds=(log_write,), env=self.environment)
        for fd in (log_write, out_write, err_write, stdin):
            os.close(fd)
        texts = self.collect(process, {log_read: b"", out_read: b"", err_read: b""}, joiner)
        log = texts[log_read].decode(errors="replace").splitlines()
        if joiner:
            log = joiner.told(log)
        left = os.listdir(self.disk)
        running = os.path.join(self.home, "running")
        noted = os.listdir(running) if os.path.isdir(running) else []
        if left or noted:
            log.append("later")
        if noted:  # of a monitor that was killed
            subprocess.run([self.tools.ajail, "ps"], env=self.environment, stdout=subprocess.DEVNULL, check=False)
        if left or os.path.lexists(os.path.join(self.home, "scratch")):  # whichever comes next removes it
            subprocess.run([self.tools.ajail, "run", "--quiet", "--fs=deb", f"--scratch={self.disk}", "true"], cwd=self.proj,
                           env=self.environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if os.path.lexists(os.path.join(self.home, "kept")):  # as wanted; what is in it the payload tells
            subprocess.run([self.tools.ajail, "discard", "k"], env=self.environment, stderr=subprocess.DEVNULL, check=False)
            os.rmdir(os.path.join(self.home, "kept"))
        state = self.state()
        if state != self.before:
            self.reset()
        return Run(log, texts[out_read].replace(b"\r\n", b"\n"), texts[err_read].decode(errors="replace"), state, command)

    @staticmethod
    def collect(process, texts, joiner=None):
        """What comes until inject has ended, and no longer: a process that was left may hold the other ends."""
        open_ones = set(texts)
        poll = select.poll()
        for fd in open_ones:
            poll.register(fd, select.POLLIN)
        log, give_up = next(iter(texts)), None
        while open_ones and (give_up is None or time.monotonic() < give_up):
            for fd, _ in poll.poll(1000 if give_up is None else 50):
                try:
                    data = os.read(fd, 65536)
                except OSError:  # EIO: the terminal's other end is closed
                    data = b""
                texts[fd] += data
                if joiner and fd == log and b"exec 2\n" in texts[log]:
                    joiner.start()
                if not data:
                    poll.unregister(fd)
                    open_ones.discard(fd)
            if log not in open_ones and give_up is None:
                give_up = time.monotonic() + 0.3
        if joiner:
            joiner.end()
        process.wait()
        for fd in texts:
            os.close(fd)
        return texts


class Joiner:
    """`ajail exec` beside a jail whose command ends when its stdin does; a clean run of the whole is one of this alone."""

    def __init__(self, command, worker, err, out, ends):
        self.command, self.worker = command, worker
        self.err, self.out, self.ends = os.dup(err), os.dup(out), ends
        self.process = self.status = None
        self.thread = threading.Thread(target=self.wait)

    def start(self):
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err,
                                            cwd=self.worker.proj, env=self.worker.environment)
            self.let_go(self.err, self.out)
            self.thread.start()

    def wait(self):
        try:
            self.status = self.process.wait(4)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.let_go(self.ends)

    def end(self):
        if self.process is None:
            self.let_go(self.err, self.out, self.ends)
        else:
            self.thread.join()

    @staticmethod
    def let_go(*fds):
        for fd in fds:
            os.close(fd)

    def told(self, log):
        """As if only the one that came had been run."""
        if self.process is None:
            return log
        lines = [line.replace("exec 7", "exec 2") for line in log if not line.startswith("exec ") or line == "exec 7"]
        if self.status is None:
            return [*lines, "hang ajail exec"]
        end = f"end exit {self.status}" if self.status >= 0 else f"end signal {-self.status}"
        return [end if line == "end exit 0" else line for line in lines]


class Tools:
    def __init__(self, base):
        self.ajail = os.path.realpath(os.environ["AJAIL"])
        self.home = os.environ["AJAIL_HOME"]
        self.inject = os.path.join(base, "inject")
        self.numbers = system_calls()
        self.names = {number: name for name, number in self.numbers.items()}
        for name, flags in (("inject", []), ("fingerprint", ["-static"])):
            subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", *flags, "-o", os.path.join(base, name),
                            os.path.join(HERE, f"{name}.c")], check=True)
        self.socket_name = f"ajail-sweep-{os.getpid()}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.socket_name)
        self.namespaces = [os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")]
        keyring = ctypes.CDLL(None).syscall(self.numbers["keyctl"], 0, -3, 0)  # KEYCTL_GET_KEYRING_ID, of the session
        self.namespaces.append(f"keyring:{keyring}")

    def deb_probes(self):
        return [path for path in (os.path.join(self.home, "fs/deb", name) for name in ("probe", "proc/probe"))
                if os.path.lexists(path)]


class Clean:
    """The clean run of a variant: its calls, its fingerprint, what it leaves."""

    def __init__(self, worker, variant):
        self.variant = variant
        run = worker.run(variant)
        again = worker.run(variant, ["-p", "9", "-s", "0", "-n", "1", "-e", "1"])  # without a stop at any call
        self.fingerprint, self.state, self.out = run.fingerprint(), run.state, run.out
        self.before = worker.before
        self.problem = None
        expected = ("exit", variant.failure) if variant.refused else ("exit", STATUS)
        for each in (run, again):
            if each.status() != expected or (each.messages() and not variant.refused):
                self.problem = f"a clean run of {variant.name} gives {each.status()}: {each.messages()}"
        if again.fingerprint() != self.fingerprint:
            self.problem = f"two clean runs of {variant.name} differ: {differences(self.fingerprint, again.fingerprint())}"
        if run.has("late") or run.has("left") or run.has("terminal"):
            self.problem = f"a clean run of {variant.name}: {run.log[-3:]}"
        self.points = []
        seen, tree = collections.Counter(), ""
        for line in run.has("call "):
            _, process, number, *detail = line.split(" ", 3)
            name = worker.tools.names.get(int(number), number)
            seen[process, name] += 1
            detail = tidy("".join(detail))
            if name == "open_tree":
                tree = detail
            elif name == "mount_setattr" and not detail:
                detail = f"of {tree}"
            self.points.append(Point(int(process), name, seen[process, name], detail))


def tidy(detail):
    detail = re.sub(r"(^| )\d+/(\w+)", r"\1PID/\2", re.sub(r"/proc/\d+/", "/proc/PID/", detail))  # below /proc
    return re.sub(r"\bw\d\b", "w", re.sub(r"\.ajail~\w+", ".ajail~", detail)).strip()


def differences(expected, got):
    gone, new = collections.Counter(expected), collections.Counter(got)
    return [f"- {line}" for line in (gone - new)] + [f"+ {line}" for line in (new - gone)]


@dataclasses.dataclass
class Judged:
    variant: Variant
    point: Point
    action: str
    verdict: str
    why: str
    run: Run
    reason: str = ""  # why it is tolerated
    fields: tuple = ()  # of the fingerprint, that differ

    BAD = ("WEAKER", "SILENT", "CHATTY", "LOST", "LATER", "LITTER", "HANG", "ORPHAN", "CRASH")

    def failed(self):
        needs_reason = self.verdict in (*self.BAD, "SAME", "DIFF", "CUT")
        return needs_reason and not self.reason

    def __str__(self):
        return f"{self.verdict:8} {self.variant.name}:{self.point}:{self.action}  [{self.point.what()}]  {self.why}"


def judge(clean, point, action, run):
    for hit in run.has("hit ")[:1]:  # where a loop turned otherwise than in the clean run, the count led elsewhere
        if point.name != "mount_setattr":
            point = dataclasses.replace(point, detail=tidy("".join(hit.split(" ", 3)[3:])))
    verdict, why = weigh(clean, point, action, run)
    judged = Judged(clean.variant, point, action, verdict, why, run)
    fields = judged.fields = [line[2:] for line in differences(clean.fingerprint, run.fingerprint())]
    for t in TOLERATED:
        if (verdict in t.verdicts.split() and re.fullmatch(t.process, PROCESSES[point.process])
                and re.fullmatch(t.call, point.what()) and re.fullmatch(t.errnos, action)
                and re.fullmatch(t.variants, clean.variant.name)
                and (verdict not in ("WEAKER", "DIFF")
                     or (all(re.match(t.fields or "$^", f) for f in fields) if fields else t.fields == "output"))):
            judged.reason = t.reason
            break
    return judged


def weigh(clean, point, action, run):
    status, fingerprint, messages = run.status(), run.fingerprint(), run.messages()
    executed, complete = bool(run.has("exec 1") or run.has("exec 2")), fingerprint[-1:] == ["end"]
    killed = action in SIGNALS
    failure = clean.variant.failure
    if not run.has("hit"):
        return "MISS", ""
    if run.has("hang"):
        return "HANG", "; ".join(run.has("hang"))
    if run.has("left") or status is None:
        return "ORPHAN", "; ".join(run.has("left"))
    if status[0] == "signal" and not (killed and point.process == 0 and status[1] == SIGNALS[action]):
        return "CRASH", f"by signal {status[1]}"
    less = differences(clean.fingerprint if complete else clean.fingerprint[:len(fingerprint)], fingerprint)
    if killed or status == ("exit", failure):
        less = [line for line in less if not DYING.match(line[2:])]
    if executed and clean.variant.refused:
        return "WEAKER", "it ran"
    if less:
        walls = [line for line in less if not PLAIN_FIELDS.match(line[2:])]
        return ("WEAKER" if walls else "DIFF"), "; ".join((walls or less)[:6])
    # As it was if the payload did not run, as a clean run leaves it if it did. If it was cut short, what a clean run
    # changes may be in any state, and the rest as it was.
    good = [clean.state] * executed + [clean.before] * (not complete)
    if executed and not complete:
        good.append({path: run.state.get(path) for path in clean.state.keys() | clean.before.keys()
                     if clean.state.get(path) != clean.before.get(path)})
    changed = {path: run.state.get(path) for path in clean.state.keys() | clean.before.keys() | run.state.keys()
               if all(run.state.get(path) != state.get(path) for state in good)}
    if changed:
        return "LITTER", str(changed)
    if run.has("later") and (killed or (messages and status in (("exit", failure), ("exit", STATUS)))):
        return "LATER", f"{status} {messages}"
    if run.has("terminal") and not (killed and point.process == 0):
        return "LITTER", "the terminal's modes are not as before"
    if killed:
        if not complete and status in (("exit", 0), ("exit", STATUS)):
            return "LOST", str(status)
        return "GONE", f"{status} {messages}"
    what = f"exit {status[1]} {messages}"
    if run.has("later") and not messages:
        return "SILENT", f"{what}, and a scratch directory is left"
    if complete:
        if status[1] == 0:
            return "LOST", what
        if status[1] == failure and len(messages) == 1:
            return "CUT", what
        if status[1] != STATUS or run.out != clean.out or messages:
            return "DIFF", f"{what} stdout {run.out!r}"
        return "SAME", ""
    allowed = (125, 126, 127) if point.name == "execve" and failure == 125 else (failure,)
    if status[1] not in allowed and status[1] <= 128:
        return "LOST", what
    if not messages:
        return "SILENT", what
    if len(messages) > 1:
        return "CHATTY", what
    if status[1] not in allowed:
        return "LOST", what
    return ("CUT" if executed else "REFUSED"), what


class Sweep:
    def __init__(self, options):
        self.options = options
        self.base = os.path.join(os.getcwd(), "sweep")
        shutil.rmtree(self.base, ignore_errors=True)
        os.mkdir(self.base)
        self.tools = Tools(self.base)
        self.workers = queue.SimpleQueue()
        for number in range(WORKERS):
            self.workers.put(Worker(self.base, number, self.tools))
        self.judged = []
        self.problems = []
        self.seen = set()  # (process, call) of the variants so far
        self.known = None
        self.slice = not options.full
        self.turn = 0

    def one(self, clean, point, action):
        if action in SIGNALS:
            how = ["-k", str(int(SIGNALS[action])), "-g", "2000"]
        else:
            how = ["-r", "0"] if action == "lie" else ["-e", str(getattr(errno, action.rstrip("*")))]
        if point.name == "close" and action not in (*SIGNALS, "lie"):
            how.append("-x")  # the descriptor is gone, whatever close(2) says
        worker = self.workers.get()
        try:
            run = worker.run(clean.variant, ["-p", str(point.process), "-s", str(self.tools.numbers[point.name]), "-n",
                                             str(point.n), *how])
        finally:
            self.workers.put(worker)
        return judge(clean, point, action, run)

    def clean(self, variant):
        worker = self.workers.get()
        try:
            clean = Clean(worker, variant)
        finally:
            self.workers.put(worker)
        if clean.problem:
            self.problems.append(clean.problem)
        return clean

    def points(self, clean, actions):
        turns = collections.Counter()
        serving = set(SERVED) - {"init"}
        for point in clean.points:
            who = PROCESSES[point.process]
            if clean.variant.joins and who != "guest":
                continue
            if point.what().startswith(SERVES):
                serving.add(who)
            known = self.known is not None and (who not in ("monitor", "guest") or clean.variant.new)
            if known and (point.process, point.what()) in self.known:
                continue
            turns[who in serving, who, point.what()] += 1
            often = SERVED[who] if who in serving and self.slice else TURNS if who == "monitor" else None
            if often is not None and turns[who in serving, who, point.what()] > often:
                continue
            for action in actions:
                if "|" in action:
                    self.turn += 1
                    action = action.split("|")[self.turn % (action.count("|") + 1)]
                if action == "lie":
                    wanted = point.name in LIES and point.process > 0 and not re.match(SERVING, point.what())
                elif action.endswith("*"):
                    wanted = point.n == 1 and point.name not in CANNOT_FAIL
                else:
                    # Init has nothing on the host that could be left.
                    wanted = (not self.slice or who != "init" or turns[who in serving, who, point.what()] == 1
                              if action in SIGNALS else point.name not in CANNOT_FAIL)
                if wanted:
                    yield dataclasses.replace(point, n=0) if action.endswith("*") else point, action

    def variant(self, variant, actions, only_new=False):
        clean = self.clean(variant)
        if clean.problem:
            return
        self.known = self.seen if only_new and not variant.refused else None
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            work = [pool.submit(self.one, clean, point, action) for point, action in self.points(clean, actions)]
            judged = [each.result() for each in work]
        self.judged += judged
        # What only a slow run comes to is a later variant's, which waits for it.
        missed = {(j.point.process, j.point.what()) for j in judged if j.verdict == "MISS"}
        self.seen |= {(point.process, point.what()) for point in clean.points} - missed

    def at(self, where):
        name, process, call, n, action = where.split(":")
        clean = self.clean(next(v for v in VARIANTS if v.name == name))
        point = next((p for p in clean.points if (PROCESSES[p.process], p.name, p.n) == (process, call, int(n))),
                     Point(PROCESSES.index(process), call, int(n), ""))
        judged = self.one(clean, point, action)
        print(judged, "tolerated: " + judged.reason if judged.reason else "", sep="\n")
        print("cd", os.path.join(self.base, "w0/proj"), "&&", *judged.run.command)
        print("stderr:", *judged.run.messages(), "log:", *judged.run.log, sep="\n  ")
        print("fingerprint:", *differences(clean.fingerprint, judged.run.fingerprint()), sep="\n  ")


def table(judged):
    verdicts = ["REFUSED", "SAME", "DIFF", "CUT", "GONE", *Judged.BAD, "MISS"]
    counts = collections.Counter((f"{j.variant.name} {'error' if j.action not in (*SIGNALS, 'lie') else j.action}",
                                  j.verdict) for j in judged)
    rows = sorted({row for row, _ in counts})
    width = max(map(len, rows), default=0)
    print(" " * width, *(f"{v:>7}" for v in verdicts))
    for row in rows:
        print(f"{row:{width}}", *(f"{counts[row, v] or '.':>7}" for v in verdicts))


def tolerated_lie(j):
    """Why the payload may run although this was a lie; None if it may not."""
    what = f"{PROCESSES[j.point.process]} {j.point.what()}"
    if j.verdict in ("SAME", "CUT"):
        return next((why for call, why, *variants in HARMLESS_LIES if re.fullmatch(call, what)
                     and re.fullmatch(next(iter(variants), ".*"), j.variant.name)), None)
    return next((why for call, verdicts, fields, why, *variants in VISIBLE_LIES if re.fullmatch(call, what)
                 and j.verdict in verdicts.split()
                 and (j.verdict == "LOST" or all(re.match(fields, field) for field in j.fields))
                 and re.fullmatch(next(iter(variants), ".*"), j.variant.name)), None)


def lies(judged):
    """A kernel that lies: what of it is read back? Returns (passed, failed)."""
    groups = collections.defaultdict(list)
    for j in judged:
        groups[j.point.name].append(j)
    passed = failed = 0
    for name, group in sorted(groups.items()):
        read_back = sum("read-back" in j.why for j in group)
        refused = sum(j.verdict == "REFUSED" for j in group) - read_back
        ran = [j for j in group if j.verdict != "REFUSED"]
        unseen = sum(j.verdict in ("SAME", "CUT") for j in ran)
        print(f"  {name}: {len(group)} lies, {read_back} caught by the read-back, {refused} refused otherwise, "
              f"{len(ran) - unseen} seen by the payload, {unseen} without a trace")
        bad = [j for j in ran if not tolerated_lie(j)]
        for j in bad:
            print("FAILED a lie that was believed:", j)
        passed, failed = passed + len(group) - len(bad), failed + len(bad)
    # The fingerprint must be able to see what the read-back is there for: nothing of a bare jail's mounts is read back.
    bare = [j for j in judged if j.variant.name.startswith("bwrap") and j.point.name == "mount_setattr"]
    if bare and not any(j.verdict == "WEAKER" for j in bare):
        print("FAILED the fingerprint sees no mount that is writable for a lie")
        failed += 1
    return passed, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--variant", action="append", choices=[v.name for v in VARIANTS])
    parser.add_argument("--errno", action="append")
    for name in SIGNALS:
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--lie", action="store_true")
    parser.add_argument("--at", action="append", default=[])
    parser.add_argument("--all", action="store_true", help="show the tolerated points, too")
    options = parser.parse_args()
    if os.uname().machine != "x86_64":
        print("skip: inject.c knows x86-64 only\n0 passed, 0 failed, 1 skipped")
        return 0
    if ROOT:
        os.setgroups([0, 4])  # so that they can be seen to be dropped
    sweep = Sweep(options)
    for where in options.at:
        sweep.at(where)
    if options.at:
        return 0
    actions = [*(options.errno or ()), *(name for name in (*SIGNALS, "lie") if getattr(options, name))]
    chosen = bool(actions)
    plan = []
    for variant in VARIANTS:
        if variant.name not in options.variant if options.variant else variant.full and not options.full:
            continue
        if variant.range and not has_range():
            print(f"{variant.name}: skipped, no subordinate ids")
            continue
        if ROOT and variant.name in ("user", "exec-user"):
            print(f"{variant.name}: skipped, who is not root cannot execute what is below root's home")
            continue
        what = actions if chosen else [*(FULL_ERRNOS if options.full else CI_ERRNOS), *SIGNALS, "lie"]
        plan.append((variant, what, not (chosen or options.full or options.variant)))
    for variant, what, only_new in plan:
        began = time.monotonic()
        sweep.variant(variant, what, only_new)
        print(f"{variant.name}: {len(sweep.judged)} runs so far, {time.monotonic() - began:.0f} s", flush=True)

    real = [j for j in sweep.judged if j.action != "lie"]
    failures = [j for j in real if j.failed()]
    for j in sorted(real, key=lambda j: (j.variant.name, j.point.process)):
        if j.failed():
            print("FAILED", j)
        elif options.all and j.reason:
            print("ok    ", j, "--", j.reason)
    for problem in sweep.problems:
        print("FAILED", problem)
    misses = sum(j.verdict == "MISS" for j in real)
    reached = {(j.point.process, j.point.what()) for j in sweep.judged if j.verdict != "MISS"}
    lost = sorted({(j.point.process, j.point.what()) for j in real} - reached)
    if lost:
        print("reached in no run:", *(f"{PROCESSES[process]} {what}" for process, what in lost), sep="\n  ")
    if len(lost) * 50 > len(reached):
        sweep.problems.append(f"too many calls were not reached: {len(lost)}, and {len(reached)} were")
        print("FAILED", sweep.problems[-1])
    passed, failed = len(real) - len(failures) - misses, len(failures) + len(sweep.problems)
    told = [j for j in sweep.judged if j.action == "lie" and j.verdict != "MISS"]
    if told:
        print("A kernel that lies:")
        more, less = lies(told)
        passed, failed = passed + more, failed + less
    table(sweep.judged)
    print(f"{passed} passed, {failed} failed, {misses} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
