#!/usr/bin/env python3
"""The same command lines, given to bubblewrap and to ours: what the payload has is looked at from outside, and must be
the same. What may differ, and why, is one table: ACCEPTED.

bubblewrap is the one that tests/peer/bubblewrap has built, or the machine's if it is not older than 0.12.

    bwrap_same.py [-v] [REGEX]    only the lines whose names fit; -v: all that was seen
"""
# not: userns
# seconds: 600
import ctypes
import difflib
import errno
import fcntl
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

AS = os.environ.get("AS", "root" if os.getuid() == 0 else "user")
LONG = 10.0  # for what takes milliseconds
GRACE = 0.5  # for what should not be there any more
NS_GET_PARENT = 0xB702  # ioctl_ns(2)
PR_SET_CHILD_SUBREAPER = 36
HERE = os.getcwd()
WORK = HERE + "/work"  # made anew for each run
BUILT = os.path.expanduser("~/.cache/ajail-tests/bubblewrap/source/build/bwrap")
VERBOSE = "-v" in sys.argv[1:]
CHOSEN = next((argument for argument in sys.argv[1:] if argument != "-v"), "")
EXITS = 7  # the probe's status

ROOT = ["--ro-bind", "/", "/"]
ALL = [*ROOT, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
USR = ["--ro-bind", "/usr", "/usr", *(word for name in ("bin", "lib", "lib64", "sbin") if os.path.islink("/" + name)
                                       for word in ("--symlink", "usr/" + name, "/" + name))]


def version_of(binary):
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    return [int(number) for number in re.findall(r"\d+", said)[:2]]


def real():
    """bubblewrap, or why there is none."""
    if os.access(BUILT, os.X_OK):
        return BUILT, ""
    found = shutil.which("bwrap")
    if not found:
        return None, "there is no bubblewrap; tests/peer/bubblewrap --prepare makes one"
    if version_of(found) < [0, 12]:
        return None, f"{found} is too old; tests/peer/bubblewrap --prepare makes a newer one"
    return found, ""


THEIRS, WHY = real()
VERSION = version_of(THEIRS) if THEIRS else [0, 0]


class Accepted:
    """A difference that may be: lines of FACET that fit REAL are bubblewrap's only, lines that fit OURS ours only, where
    LINES is found in the command line's name and arguments. UNTIL is the version of bubblewrap that no longer has it;
    HERE says whether this machine can show it."""

    def __init__(self, why, facet, real=None, ours=None, lines="", users=("user", "root"), until=None, here=True):
        self.why, self.facet, self.real, self.ours, self.lines = why, facet, real, ours, lines
        self.valid = here and AS in users and (until is None or VERSION < until)
        self.met = False

    def covers(self, line, facet, sign, text):
        pattern = self.real if sign == "-" else self.ours
        fits = (self.valid and pattern is not None and re.fullmatch(self.facet, facet) is not None and
                re.search(self.lines, line) is not None and re.fullmatch(pattern, text, re.S) is not None)
        self.met = self.met or fits
        return fits


HOST_MOUNTS = [line.split() for line in open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape")]
POINTS = [fields[4] for fields in HOST_MOUNTS]
COVERED = any(POINTS.count(point) > 1 for point in POINTS)
SHARED = any("shared:" in field for fields in HOST_MOUNTS for field in fields[6:])
with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as last, open("/proc/self/status", encoding="ascii") as status:
    # As the root of some containers.
    LACKS = int(re.search(r"CapPrm:\s*(\w+)", status.read())[1], 16) != (2 << int(last.read())) - 1
HANGS = r"^(info-fd|json-status-fd) twice |--(info-fd|json-status-fd|userns2) +40 true$|--userns 40 --userns2 41"
WORDING = "the same failure, in words of our own"

ACCEPTED = [
    # Mounts.
    Accepted("a mount that another one covers keeps its options in 0.12; the kernel changes all of a tree's", "mount options",
             r"\S+ \S*relatime\S*", r"\S+ \S*nosuid\S*", r"--(ro-)?bind / /|--dev-bind / /|^joined|^a working|^info-fd", until=[0, 13],
             here=COVERED),
    Accepted("trees are private: what the host mounts later does not appear inside", "mount propagation", r"\S+ master",
             r"\S+ private", here=SHARED),
    Accepted("the scratch is nobody's but the sandbox's; the directory in it that is mounted has the mode that bubblewrap's has",
             "mount data", r"(\S+) (uid=\d+,gid=\d+)?", r"\S+ mode=700(,uid=\d+,gid=\d+)?",
             r"--ro-bind /usr /usr|--(ro-)?bind-data"),
    Accepted("an overlay that cannot be written to is a read-only mount, too", "mount options", r"/tmp/o/x rw,.*", r"/tmp/o/x ro,.*",
             "^ro-overlay"),
    Accepted("nothing is run from a message queue", "mount options", r"/tmp/mq rw,relatime", r"/tmp/mq rw,nosuid,nodev,noexec,relatime",
             "^mqueue"),
    Accepted("called by root, bubblewrap leaves /proc/sys writable: it asks for its directory only, which nobody may write to",
             "mount(s| roots| options| propagation| data)", None, r"(/tmp/a)?/proc/sys .*", "--proc", users=("root",)),
    Accepted("called by root, bubblewrap leaves /proc/sys writable", "stderr", r".*max_user_namespaces: Permission denied",
             r".*max_user_namespaces: Read-only file system", "^disable-userns, and what", users=("root",)),
    # User namespaces.
    Accepted("bubblewrap mounts /dev/pts as a mapped root, and maps the id back in a second user namespace; ours needs no root",
             "user namespaces", "2", "1", "--dev /dev|--dev /tmp|^info-fd|^joined", users=("user",)),
    Accepted("the same, where root calls and asks for other ids", "user namespaces", "2", "1", "^other ids, with dev", users=("root",)),
    Accepted("the same, seen from inside", "stdout", r" +\d+ +0 +1", r" +(\d+) +\1 +1", "^ids as seen from inside",
             users=("user",)),
    Accepted("the owner of /dev/pts itself is an unmapped root then", "tree /.*", r"\S*/dev/pts drwxr-xr-x \d+:\d+",
             r"\S*/dev/pts drwxr-xr-x \d+:\d+"),
    Accepted("the same, seen from inside", "stdout", r"\d+ \d+|True True True",
             r"\d+ \d+|True False True", "^ids as seen from inside, with dev|^a terminal of", users=("user",)),
    Accepted("where the payload has CAP_SYS_ADMIN in its user namespace, a second one, with mounts of its own, locks the mounts",
             "user namespaces", "1", "2", "--cap-add (ALL|CAP_SYS_ADMIN)|--unshare-(user|all)|--userns 40"),
    Accepted("the same: what covers cannot be taken off, what is read-only stays so, and more can be mounted on top",
             "stdout|stderr", r".*", r".*", "^mounting with all capabilities|^unmounting what covers"),
    Accepted("the limit is 0 in the user namespace that the payload is in, and not only in the one above", "stdout", r"\d+", "0",
             "^disable-userns, and what", users=("user",)),
    Accepted("and where there is nothing else to map, that is the only one", "user namespaces", "2", "1", "^disable-userns --ro-bind",
             users=("user",)),
    # Capabilities.
    Accepted("called by root, what is dropped leaves the bounding set as well", "CapBnd", r"[0-9a-f]{16}", r"[0-9a-f]{16}",
             "--cap-drop", users=("root",)),
    Accepted("where root itself lacks one of the capabilities, bubblewrap's capset(2) fails, which it does not mind, and nothing is "
             "given, made to last, or dropped", "Cap(Amb|Eff|Inh|Prm)", r"[0-9a-f]{16}", r"[0-9a-f]{16}", "^added and dropped",
             users=("root",), here=LACKS),
    Accepted("the same", "stdout", r"Cap(Inh|Amb):.*", r"Cap(Inh|Amb):.*", "^--cap-add '(all|ALL)'", users=("root",), here=LACKS),
    # Processes and descriptors.
    Accepted("the arguments of the reaper are wiped: they are readable inside, and the host's business", "stdout", r"bwrap .*", r" *",
             "^the process tree"),
    Accepted("of the reaper nothing holds stdout and stderr", "left running", r".*", None, "^a background process --unshare-pid$"),
    Accepted("namespaces that were entered are no business of the payload", "descriptors", r"4[01] (user|pid)", None, "^joined"),
    Accepted("where bubblewrap fails after it has made a child, that waits for ever", "left running", r".*", None, HANGS),
    # What is taken and what is refused.
    Accepted("each --sync-fd is kept, as in 0.13", "stderr", r".*the last --sync-fd option.*", None, "^sync-fd twice", until=[0, 13]),
    Accepted("no limit but the kernel's on arguments", "status|stdout|stderr", r"1|.*maximum number of arguments.*", r"0|1",
             "^more than 9000 arguments"),
    Accepted("a number that is no id is none: bubblewrap takes what is left of it in 32 bits", "status|stdout|stderr", r"0|\d+",
             r"1|bwrap: Invalid [ug]id: 99999999999", "^--[ug]id '99999999999'"),
    Accepted("sources are opened as the caller, and not with the capabilities of a user namespace: a directory that its owner "
             "may not enter stays closed", "status|stderr", r"0", r"1|bwrap: Can't find source path \S+/private/x: Permission denied",
             "may not be looked at", users=("user",)),
    Accepted("sources are opened before anything is started, so there is no child to tell of", "json", r".*child-pid.*", None,
             "^json-status-fd: no source"),
    Accepted("ours says its own version, too, to people", "stderr", None, r"ajail .*", "^version"),
    Accepted("options of ours", "stdout|stderr", None, r"--ajail-dry-run|--debug-opt",
             "^help|^no command|^nothing at all|^only --|^a command in args"),
    # Messages.
    Accepted("an empty path is refused when it is read, as in 0.13", "stderr", r".*", r"bwrap: --bind does not take an empty path argument",
             "^an empty (source|destination)", until=[0, 13]),
    Accepted(WORDING, "stderr", r".*Can't make overlay mount on .*: Invalid argument", r".*Can't make overlay mount on .*: Invalid argument.*",
             "^an overlay of files"),
    Accepted(WORDING, "stderr", r".*Unable to set up system call filtering.*", r".*Unable to set up system call filtering.*",
             "^seccomp of no"),
    Accepted(WORDING, "stderr", r".*Can't remount readonly on /tmp/x: .*", r".*Can't remount readonly on /tmp/x: .*",
             "^remount-ro of what is no mountpoint"),
    Accepted("one message is enough", "stderr", r".*Unexpected short read from pid socket", None, "--pidns"),
    Accepted(WORDING, "stderr", r".*Creating newroot failed: .*", r".*has not written the id maps", "^userns-block-fd twice"),
    Accepted(WORDING, "stderr", r".*unable to switch to uid 0: Invalid argument", r".*setresuid: Invalid argument", "^joined: --userns 40 --uid 0",
             users=("user",)),
    Accepted(WORDING, "stderr", r".*Setting userns2 failed: .*", r".*Joining the specified user namespace failed.*",
             "^joined: --userns 40 --userns2 41"),
]


# What is in the directory where all is started.
def make_work():
    remove_work()
    for name in ("", "dir", "dir/sub", "lower1", "lower2", "upper", "empty", "locked", "private"):
        os.mkdir(f"{WORK}/{name}")
    for name, text in (("file", "hello\n"), ("other", "other\n"), ("dir/child", "child\n"), ("lower1/a", "1a\n"),
                       ("lower1/b", "1b\n"), ("lower2/b", "2b\n"), ("lower2/c", "2c\n"), ("private/x", "x\n"),
                       ("script", "echo no interpreter\n"), ("not-a-program", "hello\n")):
        with open(f"{WORK}/{name}", "w", encoding="ascii") as file:
            file.write(text)
    os.mkdir(f"{WORK}/work")
    os.chmod(f"{WORK}/script", 0o755)
    os.chmod(f"{WORK}/private", 0)
    for name, target in (("to-file", "file"), ("to-dir", WORK + "/dir"), ("dangling", "nowhere"), ("loop", "loop")):
        os.symlink(target, f"{WORK}/{name}")


def remove_work():
    # An overlay's work directory has one of mode 0 in it.
    if os.path.isdir(WORK):
        subprocess.run(["chmod", "-R", "u+rwX", WORK], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(WORK)


# What can be handed over as a descriptor: each opens it.
def data(content):
    def opened():
        reading, writing = os.pipe()
        os.write(writing, content)
        os.close(writing)
        return reading
    return opened


def opened_as(path, flags=os.O_RDONLY):
    return lambda: os.open(f"{WORK}/{path}", flags, 0o600)


def written(name):
    return opened_as(name, os.O_CREAT | os.O_RDWR)


# seccomp programs: one that allows all, and one where chroot fails with EXDEV.
ALLOW = struct.pack("HBBI", 6, 0, 0, 0x7FFF0000)
NO_CHROOT = b"".join(struct.pack("HBBI", *instruction) for instruction in (
    (0x20, 0, 0, 0), (0x15, 0, 1, 161), (6, 0, 0, 0x00050000 | errno.EXDEV), (6, 0, 0, 0x7FFF0000)))


def parents():
    """pid -> parent of all processes."""
    table = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    table[int(entry)] = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError):
                continue
    return table


def below(pid):
    table, found = parents(), []
    level = [pid]
    while level:
        level = [child for child, parent in table.items() if parent in level]
        found += level
    return found


def contents(path):
    with open(path, "rb") as file:
        return file.read().decode(errors="backslashreplace")


def seen(function, *arguments):
    """What FUNCTION says, or why it says nothing."""
    try:
        return function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


def eventually(condition, seconds=LONG):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def end_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue


def reap():
    """Ends what a run has left, which is ours by now (PR_SET_CHILD_SUBREAPER)."""
    def nothing_left():
        end_all(below(os.getpid()))
        try:
            os.waitpid(-1, os.WNOHANG)
            return False
        except ChildProcessError:
            return True
    eventually(nothing_left)


def alive(pid):
    try:
        return contents(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def levels(pid):
    """How many user namespaces lie between that of PID and ours."""
    mine, count = os.stat("/proc/self/ns/user").st_ino, 0
    fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    try:
        while os.fstat(fd).st_ino != mine:
            parent = fcntl.ioctl(fd, NS_GET_PARENT)
            os.close(fd)
            fd = parent
            count += 1
    finally:
        os.close(fd)
    return count


def unescaped(text):
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


SUPER = {"tmpfs": r"size|mode|nr_inodes|uid|gid", "devpts": r".*", "proc": r".*", "mqueue": r".*", "overlay": r".*"}


def mounts(pid):
    """Four facets, for each differs for reasons of its own."""
    rows = []
    hosts = {line.split()[2] for line in contents("/proc/self/mountinfo").splitlines()}
    for line in contents(f"/proc/{pid}/mountinfo").splitlines():
        fields, _, rest = line.partition(" - ")
        _, _, device, root, point, options, *tags = fields.split()
        kind, _, super_options = rest.split(" ", 2)
        keep = SUPER.get(kind, r"$.")
        wanted = [word for word in super_options.split(",") if re.fullmatch(keep, word.partition("=")[0])]
        # Layers are given by descriptor, and say no more than how many there are.
        wanted = [re.sub(r"/[^:]*", "DIR", word) if "dir=/" in word else word for word in wanted]
        # How a file system of the sandbox's own is divided up is nobody's business.
        root = root if device in hosts else "its own"
        rows.append((unescaped(point), kind, root, options, sorted(tag.partition(":")[0] for tag in tags), wanted))
    rows.sort(key=lambda row: row[0])
    return {"mounts": [f"{point} {kind}" for point, kind, *_ in rows],
            "mount roots": [f"{row[0]} {row[2]}" for row in rows],
            "mount options": [f"{row[0]} {row[3]}" for row in rows],
            "mount propagation": [f"{row[0]} {' '.join(row[4]) or 'private'}" for row in rows],
            "mount data": [f"{row[0]} {','.join(row[5])}" for row in rows if row[5]]}


def tree(root, path, depth=3):
    """What lies at PATH inside: modes, owners, targets, contents."""
    rows = []

    def one(inside, deep):
        outside = root + inside
        try:
            meta = os.lstat(outside)
        except OSError as error:
            rows.append(f"{inside} {errno.errorcode[error.errno]}")
            return
        row = f"{inside} {stat.filemode(meta.st_mode)} {meta.st_uid}:{meta.st_gid}"
        if stat.S_ISLNK(meta.st_mode):
            row += " -> " + os.readlink(outside)
        elif stat.S_ISCHR(meta.st_mode) or stat.S_ISBLK(meta.st_mode):
            row += f" {os.major(meta.st_rdev)},{os.minor(meta.st_rdev)}"
        elif stat.S_ISREG(meta.st_mode) and meta.st_size < 100:
            row += f" {seen(contents, outside)!r}"
        rows.append(row)
        if stat.S_ISDIR(meta.st_mode) and deep > 0:
            names = seen(os.listdir, outside)
            if isinstance(names, str):
                rows.append(f"{inside}/* {names}")
                return
            for name in sorted(names):
                one(f"{inside.rstrip('/')}/{name}", deep - 1)

    one(path, depth)
    return rows


def descriptors(pid):
    rows = []
    for number in sorted(os.listdir(f"/proc/{pid}/fd"), key=int):
        target = seen(os.readlink, f"/proc/{pid}/fd/{number}")
        rows.append(number + " " + re.sub(r":\[\d+\]$", "", target))
    return rows


FIELDS = ("Umask", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
          "NoNewPrivs", "Seccomp", "Seccomp_filters")


def look(pid, outer, trees):
    """What a process has, seen from outside."""
    facets = mounts(pid)
    status = dict(re.findall(r"^(\w+):[ \t]*(.*)$", contents(f"/proc/{pid}/status"), re.M))
    for field in FIELDS:
        facets[field] = [status.get(field, "-")]
    pids = status["NSpid"].split()
    facets["pid"] = [f"{len(pids)} deep", pids[-1] if len(pids) > 1 else "the host's"]
    facets["user namespaces"] = [str(levels(pid))]
    for name in ("uid_map", "gid_map", "setgroups"):
        facets[name] = [" ".join(line.split()) for line in contents(f"/proc/{pid}/{name}").splitlines()]
    facets["namespaces"] = [
        f"{name} {'shared' if os.stat(f'/proc/{pid}/ns/{name}').st_ino == os.stat(f'/proc/self/ns/{name}').st_ino else 'own'}"
        for name in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")]
    facets["environment"] = sorted(filter(None, contents(f"/proc/{pid}/environ").split("\0")))
    facets["arguments"] = contents(f"/proc/{pid}/cmdline").split("\0")[:-1]
    facets["working directory"] = [seen(os.readlink, f"/proc/{pid}/cwd")]
    facets["program"] = [seen(os.readlink, f"/proc/{pid}/exe")]
    facets["descriptors"] = descriptors(pid)
    facets["limits"] = contents(f"/proc/{pid}/limits").splitlines()
    facets["OOM"] = [contents(f"/proc/{pid}/oom_score_adj").strip()]
    _, _, group, session, terminal = contents(f"/proc/{pid}/stat").rpartition(")")[2].split()[:5]
    whose = {os.getpgid(outer): "the caller's", os.getsid(0): "the caller's", pid: "its own"}
    facets["session"] = [f"group {whose.get(int(group), 'of another')}", f"session {whose.get(int(session), 'of another')}",
                         f"terminal {terminal}"]
    # Of the jail's own interfaces lo must be up: with no host's, their names are told by the count only.
    facets["interfaces"] = [line.split(":")[0].strip() for line in contents(f"/proc/{pid}/net/dev").splitlines()[2:]]
    facets["addresses"] = contents(f"/proc/{pid}/net/if_inet6").splitlines()
    for path in trees:
        facets[f"tree {path}"] = tree(f"/proc/{pid}/root", path)
    return facets


def without_wording(lines):
    """Of a usage the first line and the options: what is said of them is everybody's own. The suite's version moves."""
    if lines and lines[0].startswith("usage:"):
        options = (re.match(r" +(--[a-z0-9-]+(?: [A-Z]+\b)*)", line) for line in lines[1:])
        return [lines[0], *sorted(option[1] for option in options if option)]
    return [re.sub(r"^bubblewrap [\d.]+$", "bubblewrap VERSION", line) for line in lines]


class Run:
    """One bwrap that has been started: `with` ends whatever is left of it."""

    def __init__(self, binary, arguments, fds=None, env=None, cwd=None, before=None, closed=(), stdin=None):
        for number, source in (fds or {}).items():
            fd = source()
            os.dup2(fd, number)
            os.close(fd)

        def child():
            for number in closed:
                os.close(number)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            if before:
                before()

        self.process = subprocess.Popen(
            ["bwrap", *arguments], executable=binary, cwd=cwd or WORK, pass_fds=tuple(fds or ()), preexec_fn=child,
            env={"PATH": "/usr/bin:/bin", "HOME": WORK + "/dir", "LANG": "C.UTF-8", **(env or {})},
            stdin=subprocess.PIPE if stdin is None else stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in fds or ():
            os.close(number)
        self.stdout = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end_all([self.process.pid, *below(self.process.pid)])
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        self.process.wait()

    def ready(self, word=b"ready\n"):
        """Whether the payload has said so; False if bwrap ended before."""
        end = time.monotonic() + LONG
        while word not in self.stdout:
            if self.process.poll() is not None:
                end = min(end, time.monotonic() + GRACE)
            if select.select([self.process.stdout], [], [], 0.01)[0]:
                piece = os.read(self.process.stdout.fileno(), 4096)
                if not piece:
                    return False
                self.stdout += piece
            elif time.monotonic() > end:
                if self.process.poll() is None:
                    raise TimeoutError("the payload does not start")
                return False
        return True

    def payload(self, mark):
        """The process that has MARK as an argument and is no bwrap. With --pidns it is not below the bwrap, but it is
        ours, for all that loses its parent is."""
        bwrap = os.readlink(f"/proc/{self.process.pid}/exe")
        for pid in below(os.getpid()):
            try:
                if mark in contents(f"/proc/{pid}/cmdline").split("\0") and os.readlink(f"/proc/{pid}/exe") != bwrap:
                    return pid
            except OSError:
                continue
        raise LookupError("no payload")

    def end(self, typed=b"\n"):
        """Status, stdout, stderr as facets. They are read until bwrap has ended, and all that it has started; or, if
        something of that goes on, until there is nothing more."""
        try:
            self.process.stdin.write(typed)
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        said = {self.process.stdout: self.stdout, self.process.stderr: b""}
        unfinished = set(said)
        end, facets = time.monotonic() + LONG, {}
        while unfinished:
            if self.process.poll() is not None:
                end = min(end, time.monotonic() + GRACE)
            for pipe in select.select(unfinished, [], [], 0.01)[0]:
                piece = os.read(pipe.fileno(), 65536)
                said[pipe] += piece
                if not piece:
                    unfinished.remove(pipe)
            if unfinished and time.monotonic() > end:
                facets["left running"] = ["holds stdout or stderr"]
                break
        status = "does not end"
        if eventually(lambda: self.process.poll() is not None, max(0, end - time.monotonic())):
            status = str(self.process.returncode)
        facets["status"] = [status]
        for name, pipe in (("stdout", self.process.stdout), ("stderr", self.process.stderr)):
            facets[name] = without_wording(said[pipe].decode(errors="backslashreplace").splitlines())
        return facets


LINES = []


def scenario(name, users=("user", "root")):
    """A function that is given a bwrap and returns facets."""
    def register(function):
        LINES.append((name.strip(), name, users, function))
        return function
    return register


MARK = "the-payload"


def probe(name, *arguments, trees=(), files=(), users=("user", "root"), **how):
    """A command line with a payload that waits while it is looked at."""
    def run(binary):
        with Run(binary, [*arguments, "sh", "-c", f"echo ready; read _; exit {EXITS}", MARK], **how) as bwrap:
            facets = {}
            if bwrap.ready():
                facets = look(bwrap.payload(MARK), bwrap.process.pid, trees)
            facets.update(bwrap.end())
        for path in files:
            facets[f"file {path}"] = tree(WORK, "/" + path)
        return facets
    LINES.append((name, " ".join([name, *arguments]), users, run))


def says(name, *arguments, files=(), users=("user", "root"), typed=b"", **how):
    """A command line, command included, of which only the end is looked at: status, stdout, stderr."""
    def run(binary):
        with Run(binary, arguments, **how) as bwrap:
            facets = bwrap.end(typed)
        for path in files:
            facets[f"file {path}"] = tree(WORK, "/" + path)
        return facets
    LINES.append((name, " ".join([name, *arguments]), users, run))


# The root, and what is mounted.
probe("read-only root", *ROOT)
probe("writable root", "--bind", "/", "/")
probe("root with devices", "--dev-bind", "/", "/")
probe("proc, dev and tmp", *ALL, trees=["/dev"])
probe("a root of its own", *USR, "--proc", "/proc", "--dev", "/dev", trees=["/dev"])
probe("a root of its own without proc", *USR, trees=["/"] if AS == "user" else [])
probe("everything writable below proc", *ROOT, "--bind", "/proc", "/proc")
probe("dev elsewhere", *ROOT, "--tmpfs", "/tmp", "--dev", "/tmp/a/dev", trees=["/tmp"])
probe("proc elsewhere", *ROOT, "--tmpfs", "/tmp", "--proc", "/tmp/a/proc")
probe("dev-bind of one device", *ROOT, "--tmpfs", "/tmp", "--dev-bind", "/dev/null", "/tmp/null", trees=["/tmp"])
probe("bind of one device", *ROOT, "--tmpfs", "/tmp", "--bind", "/dev/null", "/tmp/null", trees=["/tmp"])
probe("binds in a tmpfs", *ALL, "--bind", WORK + "/dir", "/tmp/a/b/dir", "--ro-bind", WORK + "/file", "/tmp/a/c/file",
      trees=["/tmp"])
probe("relative sources", *ALL, "--bind", "dir", "/tmp/dir", "--ro-bind", "./file", "/tmp/file", trees=["/tmp"])
probe("relative destinations", *USR, "--bind", "dir", "made/dir", "--dir", "made/other", "--tmpfs", "made/tmp",
      "--symlink", "x", "made/link", trees=["/made"])
probe("dots in paths", *ALL, "--bind", WORK + "/dir/../dir/./sub", "/tmp/./x//y/", "--dir", "/tmp//z/", trees=["/tmp"])
probe("sources that are links", *ALL, "--bind", "to-dir", "/tmp/dir", "--ro-bind", "to-file", "/tmp/file", trees=["/tmp"])
probe("a link of the root on the way", *USR, "--tmpfs", "/tmp", "--symlink", "tmp", "/link", "--bind", WORK + "/dir",
      "/link/a/dir", "--dir", "/link/b", trees=["/tmp"])
probe("an absolute link on the way", *USR, "--dir", "/tmp/real", "--symlink", "/tmp/real", "/link", "--ro-bind",
      WORK + "/dir", "/link/dir", trees=["/tmp"])
probe("a bind over a bind", *ALL, "--bind", WORK, "/tmp/w", "--ro-bind", WORK + "/dir", "/tmp/w/dir", "--tmpfs",
      "/tmp/w/empty", trees=["/tmp/w/dir"])
probe("a tmpfs over a bind over a tmpfs", *ALL, "--tmpfs", "/tmp/x", "--bind", WORK + "/dir", "/tmp/x", "--tmpfs", "/tmp/x")
probe("a read-only bind in a writable one", "--bind", "/", "/", "--ro-bind", WORK + "/dir", WORK + "/dir")
probe("a mountpoint that is made on the host", *ROOT, "--bind", WORK, WORK, "--bind", WORK + "/dir", WORK + "/new/deep",
      "--ro-bind", WORK + "/file", WORK + "/new/file", files=["new"])
probe("sources that may be missing", *ALL, "--bind-try", "/none/x", "/tmp/a", "--ro-bind-try", "/none", "/tmp/b",
      "--dev-bind-try", WORK + "/dangling", "/tmp/c", "--ro-bind-try", WORK + "/dir", "/tmp/d", trees=["/tmp"])
says("a source that may be missing, and may not be looked at", *ALL, "--bind-try", WORK + "/private/x", "/tmp/a", "true")
probe("descriptors are bound", *ALL, "--bind-fd", "40", "/tmp/dir", "--ro-bind-fd", "41", "/tmp/file", trees=["/tmp"],
      fds={40: opened_as("dir", os.O_PATH), 41: opened_as("file", os.O_PATH)})
probe("a directory is bound that was opened for reading", *ALL, "--ro-bind-fd", "40", "/tmp/dir", fds={40: opened_as("dir")})
probe("remount-ro of a tmpfs", *ALL, "--tmpfs", "/tmp/t", "--dir", "/tmp/t/x", "--remount-ro", "/tmp/t")
probe("remount-ro of a bind", *ALL, "--bind", WORK + "/dir", "/tmp/d", "--remount-ro", "/tmp/d")
probe("remount-ro of the root", "--bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/")
probe("remount-ro of a root of its own", *USR, "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/")
probe("a tmpfs with mode and size", *ALL, "--perms", "1711", "--size", "1048576", "--tmpfs", "/tmp/t", "--size", "4097",
      "--tmpfs", "/tmp/u", trees=["/tmp"])
probe("mqueue", *ALL, "--unshare-ipc", "--mqueue", "/tmp/mq", trees=["/tmp"])
says("mqueue of the host", *ALL, "--mqueue", "/tmp/mq", "true")

# Overlays.
LOWER = ["--overlay-src", WORK + "/lower1", "--overlay-src", WORK + "/lower2"]
probe("overlay", *ALL, *LOWER, "--overlay", WORK + "/upper", WORK + "/work", "/tmp/o/x", trees=["/tmp/o"])
probe("tmp-overlay", *ALL, *LOWER, "--tmp-overlay", "/tmp/o/x", trees=["/tmp/o"])
probe("ro-overlay", *ALL, *LOWER, "--ro-overlay", "/tmp/o/x", trees=["/tmp/o"])
probe("two tmp-overlays", *ALL, *LOWER[:2], "--tmp-overlay", "/tmp/1", *LOWER[2:], "--tmp-overlay", "/tmp/2", trees=["/tmp"])
says("writing to overlays", *ALL, *LOWER, "--overlay", WORK + "/upper", WORK + "/work", "/tmp/o", *LOWER, "--tmp-overlay",
     "/tmp/t", "sh", "-c", "cd /tmp/o; echo new >b; rm a; mkdir d; cd /tmp/t; cat *; echo t >b; rm c; ls; cat b",
     files=["upper", "lower1", "lower2"])
says("writing to a read-only overlay", *ALL, *LOWER, "--ro-overlay", "/tmp/o", "touch", "/tmp/o/x")
says("an overlay without a work directory", *ALL, *LOWER, "--overlay", WORK + "/upper", WORK + "/none", "/tmp/o", "true")
says("an overlay without a source", *ALL, "--overlay-src", "/none", "--tmp-overlay", "/tmp/o", "true")
says("an overlay whose upper directory is missing", *ALL, *LOWER, "--overlay", WORK + "/none", WORK + "/work", "/tmp/o", "true")
says("an overlay without sources", *ALL, "--overlay", WORK + "/upper", WORK + "/work", "/tmp/o", "true")
says("a read-only overlay with one source", *ALL, *LOWER[:2], "--ro-overlay", "/tmp/o", "true")
says("an overlay of files", *ALL, "--overlay-src", WORK + "/file", "--tmp-overlay", "/tmp/o", "true")
for rest in (["true"], ["--chdir", "/", "true"], ["--", "true"], ["--overlay-src", "/none"]):
    says(f"an overlay source, and then {' '.join(rest)}", *ALL, "--overlay-src", WORK + "/lower1", *rest)

# What is made.
probe("directories, files and links", *ALL, "--dir", "/tmp/a/b", "--file", "40", "/tmp/a/f", "--symlink", "../x", "/tmp/c/l",
      "--bind-data", "41", "/tmp/d/g", "--ro-bind-data", "42", "/tmp/d/h", trees=["/tmp"],
      fds={40: data(b"f\n"), 41: data(b"g\n"), 42: data(b"h\n")})
probe("modes", *ALL, "--perms", "0710", "--dir", "/tmp/a/b", "--perms", "0640", "--file", "40", "/tmp/p/f", "--perms",
      "0400", "--ro-bind-data", "41", "/tmp/q/g", "--perms", "4755", "--bind-data", "42", "/tmp/h", "--perms", "0700",
      "--dir", "/tmp/r/s/t", trees=["/tmp"], fds={40: data(b"f\n"), 41: data(b"g\n"), 42: data(b"h\n")})
probe("chmod", *ALL, "--dir", "/tmp/a", "--chmod", "1770", "/tmp/a", "--file", "40", "/tmp/f", "--chmod", "0604", "/tmp/f",
      "--chmod", "0755", "/tmp", trees=["/tmp"], fds={40: data(b"f\n")})
probe("what is there is left", *ROOT, "--bind", WORK, WORK, "--perms", "0700", "--dir", WORK + "/dir", "--symlink", "file",
      WORK + "/to-file", "--file", "40", WORK + "/other", "--dir", WORK + "/new", fds={40: data(b"shorter\n")},
      files=["dir", "to-file", "other", "new"])
probe("the umask", *ALL, "--dir", "/tmp/a/b", "--file", "40", "/tmp/c/f", "--bind", WORK + "/dir", "/tmp/d/dir",
      before=lambda: os.umask(0o077), trees=["/tmp"], fds={40: data(b"f\n")})
says("a file that stays", *ROOT, "--bind", WORK, WORK, "--file", "40", WORK + "/made", "--dir", WORK + "/new/dir", "--symlink",
     "to", WORK + "/new/link", "--chmod", "0600", WORK + "/made", "true", fds={40: data(b"f\n")}, files=["made", "new"])
says("data from stdin", *ALL, "--file", "0", "/tmp/f", "sh", "-c", "cat /tmp/f; ls -l /proc/self/fd/0", typed=b"typed\n")

# Namespaces and ids.
for option in ("user", "user-try", "ipc", "pid", "net", "uts", "cgroup", "cgroup-try", "all"):
    probe("unshare-" + option, *ROOT, "--unshare-" + option)
probe("unshare-all, with proc and dev", *ALL, "--unshare-all", trees=["/dev"])
probe("unshare-all, share-net", *ROOT, "--unshare-all", "--share-net")
probe("share-net, unshare-all", *ROOT, "--share-net", "--unshare-all")
probe("share-net alone", *ROOT, "--share-net")
probe("as-pid-1", *ALL, "--unshare-pid", "--as-pid-1")
says("the process tree", *ALL, "--unshare-pid", "sh", "-c", "echo $$ $PPID; set -- /proc/[0-9]*; echo $#; tr '\\0' ' ' </proc/1/cmdline")
says("hostname", *ROOT, "--unshare-uts", "--hostname", "jail.example", "hostname")
probe("other ids", *ROOT, "--unshare-user", "--uid", "1234", "--gid", "5678")
probe("other ids, with dev", *ALL, "--unshare-user", "--uid", "1234", "--gid", "5678", trees=["/dev"])
probe("root's ids", *ALL, "--unshare-user", "--uid", "0", "--gid", "0")
probe("only another uid", *ROOT, "--unshare-user", "--uid", "77")
probe("an id, without saying that there is a namespace", *ROOT, "--uid", "1234", "--gid", "1234")
says("ids as seen from inside", *ROOT, "--unshare-user", "--uid", "1234", "--gid", "5678", "--proc", "/proc", "sh", "-c",
     "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; stat -c '%u %g' / /usr /proc/self")
says("ids as seen from inside, with dev", *ALL, "sh", "-c", "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map; "
     "stat -c '%u %g' / /usr /tmp /dev /dev/null /dev/pts")
probe("disable-userns", *ROOT, "--unshare-user", "--disable-userns")
probe("disable-userns, with dev", *ALL, "--unshare-user", "--disable-userns", "--uid", "5", trees=["/dev"])
says("disable-userns, and what is refused", *ALL, "--unshare-user", "--disable-userns", "sh", "-c",
     "unshare -U true; unshare -rm true; cat /proc/sys/user/max_user_namespaces; echo 9 >/proc/sys/user/max_user_namespaces")
says("disable-userns, asserted", *ROOT, "--unshare-user", "--disable-userns", "--assert-userns-disabled", "echo", "yes")
says("asserted only", *ROOT, "--unshare-user", "--assert-userns-disabled", "echo", "yes")
says("user namespaces inside", *ALL, "unshare", "-rUm", "sh", "-c", "id -u; mount -t tmpfs x /tmp && echo mounted")

says("a terminal of the sandbox's own", *ALL, "/usr/bin/python3", "-c",
     "import os; m, s = os.openpty(); t = os.stat(os.ttyname(s)); print(os.ttyname(s), t.st_uid, oct(t.st_mode)); "
     "print(os.stat('/dev/ptmx').st_uid >= 0, os.access('/dev/pts', os.W_OK), os.access('/dev/shm', os.W_OK))")

# Capabilities, seccomp.
probe("capability added", *ROOT, "--cap-add", "CAP_NET_RAW", "--cap-add", "cap_chown")
probe("all capabilities", *ROOT, "--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "ALL")
probe("all capabilities, with dev and pid", *ALL, "--unshare-all", "--cap-add", "ALL")
probe("CAP_SYS_ADMIN", *ROOT, "--cap-add", "CAP_SYS_ADMIN")
probe("capability dropped", *ROOT, "--cap-drop", "CAP_CHOWN")
probe("added and dropped", *ROOT, "--cap-add", "ALL", "--cap-drop", "CAP_SYS_ADMIN", "--cap-drop", "CAP_SYS_PTRACE")
probe("dropped and added", *ROOT, "--cap-drop", "ALL", "--cap-add", "CAP_KILL")
probe("all dropped", *ROOT, "--cap-drop", "ALL")
probe("capabilities and a pid 1", *ROOT, "--unshare-pid", "--as-pid-1", "--cap-add", "CAP_KILL")
says("mounting with all capabilities", *ALL, "--unshare-user", "--uid", "0", "--cap-add", "ALL", "sh", "-c",
     "mount -t tmpfs x /mnt && echo mounted; umount /tmp; echo $?; mount -o remount,bind,rw / ; echo $?; touch /new; echo $?")
probe("seccomp", *ROOT, "--seccomp", "40", fds={40: data(ALLOW)})
probe("two seccomp filters", *ROOT, "--add-seccomp-fd", "40", "--add-seccomp-fd", "41", fds={40: data(NO_CHROOT), 41: data(ALLOW)})
says("seccomp that forbids", *ROOT, "--unshare-user", "--uid", "0", "--cap-add", "ALL", "--seccomp", "40", "chroot", "/", "true",
     fds={40: data(NO_CHROOT)})
says("mounting with all capabilities, without dev", *ROOT, "--tmpfs", "/tmp", "--unshare-user", "--uid", "0", "--cap-add", "ALL",
     "sh", "-c", "mount -t tmpfs x /mnt && echo mounted; umount /mnt; echo $?; mount --bind /usr /tmp; echo $?")
says("unmounting what covers", *ROOT, "--chdir", "/", "--tmpfs", WORK, "--unshare-user", "--uid", "0", "--cap-add", "ALL", "sh", "-c",
     f"umount {WORK}; ls {WORK}")
says("seccomp of 7 bytes", *ROOT, "--seccomp", "40", "true", fds={40: data(b"7 bytes")})
says("seccomp of nothing", *ROOT, "--seccomp", "40", "true", fds={40: data(b"")})
says("seccomp of nonsense", *ROOT, "--seccomp", "40", "true", fds={40: data(b"nonsense")})
says("seccomp and add-seccomp-fd", *ROOT, "--seccomp", "40", "--add-seccomp-fd", "41", "true", fds={40: data(ALLOW), 41: data(ALLOW)})
says("add-seccomp-fd and seccomp", *ROOT, "--add-seccomp-fd", "41", "--seccomp", "40", "true", fds={40: data(ALLOW), 41: data(ALLOW)})

# What a process inherits.
probe("descriptors are inherited", *ALL, fds={40: opened_as("file"), 41: data(b""), 57: opened_as("dir")})
probe("descriptors are inherited, with a pid 1", *ALL, "--unshare-pid", fds={40: opened_as("file"), 41: data(b"")})
probe("descriptors that options have used", *ALL, "--file", "40", "/tmp/f", "--seccomp", "41", "--ro-bind-fd", "42", "/tmp/g",
      "--info-fd", "43", "--json-status-fd", "44", "--sync-fd", "45", "--block-fd", "46",
      fds={40: data(b"f"), 41: data(ALLOW), 42: opened_as("dir", os.O_PATH), 43: written("info"), 44: written("json"),
           45: data(b""), 46: data(b"x")})
probe("no stderr", *ROOT, closed=(2,))
probe("signals are ignored and blocked", *ROOT, before=lambda: (
    signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})))
probe("signals are ignored and blocked, with a pid 1", *ROOT, "--unshare-pid", before=lambda: (
    signal.signal(signal.SIGTERM, signal.SIG_IGN), signal.signal(signal.SIGINT, signal.SIG_IGN),
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})))
probe("limits and the umask", *ROOT, before=lambda: (os.umask(0o027), resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200)),
                                                     resource.setrlimit(resource.RLIMIT_CORE, (0, 0))))
probe("new-session", *ROOT, "--new-session")
probe("new-session, with a pid 1", *ROOT, "--new-session", "--unshare-pid")
probe("new-session, as pid 1", *ROOT, "--new-session", "--unshare-pid", "--as-pid-1")
probe("a session of the caller's own", *ROOT, before=os.setsid)
probe("die-with-parent", *ALL, "--die-with-parent", "--unshare-pid")

# Environment, arguments, working directory.
probe("setenv", *ROOT, "--setenv", "A", "1", "--setenv", "B", "x=y", "--setenv", "A", "2", "--setenv", "EMPTY", "")
probe("unsetenv", *ROOT, "--setenv", "A", "1", "--unsetenv", "A", "--unsetenv", "HOME", "--unsetenv", "NONE")
probe("clearenv first", *ROOT, "--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "A", "1")
says("clearenv last", *ROOT, "--setenv", "A", "1", "--clearenv", "/usr/bin/env")
says("PWD is set", *ROOT, "--setenv", "PWD", "/wrong", "--unsetenv", "OLDPWD", "/usr/bin/env", env={"OLDPWD": "/x", "PWD": "/y"})
says("PATH inside is what finds it", *ROOT, "--setenv", "PATH", WORK, "script")
says("PATH unset", *ROOT, "--unsetenv", "PATH", "sh", "-c", "echo here")
says("setenv with a = in the name", *ROOT, "--setenv", "A=B", "1", "true")
says("setenv without a name", *ROOT, "--setenv", "", "1", "true")
probe("argv0", *ROOT, "--argv0", "another name")
says("argv0 twice", *ROOT, "--argv0", "a", "--argv0", "b", "true")
probe("arguments from descriptors", "--args", "40", *ROOT, "--args", "41",
      fds={40: data(b"--setenv\0A\0001\0"), 41: data(b"--tmpfs\0/tmp\0--setenv\0A\0002\0--unshare-pid\0")})
says("a command in args is none", "--args", "40", fds={40: data(b"--ro-bind\0/\0/\0echo\0hello\0")})
says("args that end without a zero", "--args", "40", "echo", "hello", fds={40: data(b"--ro-bind\0/\0/")})
says("args in args", "--args", "40", *ROOT, "true", fds={40: data(b"--args\00041\0"), 41: data(b"")})
says("args that hold an unknown option", "--args", "40", *ROOT, "true", fds={40: data(b"--nope\0")})
says("args that hold half an option", "--args", "40", *ROOT, "true", fds={40: data(b"--bind\0/\0")})
says("no such args", "--args", "40", "true")
probe("the working directory", *ROOT, cwd=WORK + "/dir/sub")
probe("the working directory by a link", *ROOT, cwd=WORK + "/to-dir", env={"PWD": WORK + "/to-dir"})
probe("a working directory that is hidden: home", *ROOT, "--tmpfs", WORK, "--dir", WORK + "/dir", cwd=WORK + "/empty")
probe("a working directory that is hidden, and so is home", *ROOT, "--tmpfs", WORK, cwd=WORK + "/empty")
probe("home as it is inside", *ROOT, "--tmpfs", WORK, "--dir", WORK + "/x", "--setenv", "HOME", WORK + "/x", cwd=WORK + "/empty")
probe("chdir", *ROOT, "--chdir", WORK + "/dir")
probe("chdir by a link and dots", *ROOT, "--chdir", WORK + "/dir/../to-dir")
probe("chdir to a relative one", *ROOT, "--chdir", "usr/bin")
says("chdir to nowhere", *ROOT, "--chdir", "/none", "true")
says("chdir to a file", *ROOT, "--chdir", WORK + "/file", "true")
says("chdir twice", *ROOT, "--chdir", "/none", "--chdir", "/usr", "pwd")
says("level-prefix", *ROOT, "--level-prefix", "--chdir", "/none", "--chdir", "/none", "true")
says("level-prefix comes late", *ROOT, "--chdir", "/none", "--chdir", "/none", "--level-prefix", "true")
for option, value in (("hostname", "a"), ("uid", "1"), ("gid", "1"), ("exec-label", "a")):
    says(f"{option} twice", *ROOT, "--unshare-user", "--unshare-uts", "--" + option, value, "--" + option, value, "true")
for option in ("sync-fd", "block-fd", "info-fd", "json-status-fd", "userns-block-fd", "seccomp"):
    says(f"{option} twice", *ROOT, "--unshare-user", "--info-fd", "42", "--" + option, "40", "--" + option, "41", "true",
         fds={40: data(ALLOW), 41: data(ALLOW), 42: written("info")})

# How it ends.
for code in (0, 1, 42, 125, 126, 127, 255):
    says(f"exit status {code}", *ROOT, "sh", "-c", f"exit {code}")
for name in ("TERM", "KILL", "SEGV", "INT"):
    says(f"a payload that SIG{name} ends", *ROOT, "sh", "-c", f"kill -{name} $$")
    says(f"a payload that SIG{name} ends, with a pid 1", *ROOT, "--unshare-pid", "sh", "-c", f"kill -{name} $$")
says("stdin, stdout, stderr", *ALL, "sh", "-c", "cat; echo to stderr >&2", typed=b"typed\n")
for name, path in (("no such program", "/none/x"), ("no such command", "no-such-command"), ("a directory", "/usr"),
                   ("no execute permission", WORK + "/not-a-program"), ("no interpreter", WORK + "/script"), ("no name", ""),
                   ("nothing to be searched", WORK + "/private/x")):
    says(name, *ROOT, "--", path, "argument")
says("no program, with a pid 1", *ROOT, "--unshare-pid", "/none/x")
says("options after --", *ROOT, "--", "--tmpfs", "/tmp", "true")
says("options after the command", *ROOT, "echo", "--tmpfs", "/tmp")
says("-- twice", *ROOT, "--", "--", "true")

# What is wrong.
says("nothing at all")
says("no command", *ROOT)
says("only --", "--")
says("no command after --", *ROOT, "--")
says("help", "--help")
says("help after other things", *ROOT, "--help", "true")
says("version after other things", *ROOT, "--version", "true")
for option in ("--nope", "-x", "--bind=/", "-", "--Bind", "--tmpf", "---", "--ro-bind-", ""):
    says(f"unknown: {option!r}", *ROOT, option, "true")
OPTIONS = ("args argv0 chdir remount-ro bind bind-try dev-bind dev-bind-try ro-bind ro-bind-try bind-fd ro-bind-fd overlay-src "
           "overlay tmp-overlay ro-overlay proc exec-label file-label dev tmpfs mqueue dir file bind-data ro-bind-data symlink "
           "lock-file sync-fd block-fd userns-block-fd info-fd json-status-fd seccomp add-seccomp-fd userns userns2 pidns "
           "setenv unsetenv uid gid hostname cap-add cap-drop perms size chmod").split()
for option in OPTIONS:
    says(f"missing: --{option}", *ROOT, "--" + option)
for option in ("bind", "bind-fd", "file", "symlink", "setenv", "chmod", "overlay"):
    says(f"missing: --{option} with one", *ROOT, "--" + option, "40")
FDS = ("args bind-fd ro-bind-fd file bind-data ro-bind-data sync-fd block-fd userns-block-fd info-fd json-status-fd seccomp "
       "add-seccomp-fd userns userns2 pidns").split()
for option in FDS:
    more = ["/tmp/x"] if option.endswith("bind-fd") or option in ("file", "bind-data", "ro-bind-data") else []
    for value in ("-1", "abc", "", "4x", " 40", "40"):  # the last one is not open
        says(f"no descriptor: --{option} {value!r}", *ALL, "--" + option, value, *more, "true")
for option in ("uid", "gid"):
    for value in ("-1", "abc", "", "12x", "4294967295", "99999999999", " 5", "0x10"):
        says(f"--{option} {value!r}", *ROOT, "--unshare-user", "--" + option, value, "id", "-u")
for value in ("8", "10000", "-1", "", "abc", "0755x", " 755", "07777"):
    says(f"--perms {value!r}", *ALL, "--perms", value, "--dir", "/tmp/x", "stat", "-c", "%a", "/tmp/x")
    says(f"--chmod {value!r}", *ALL, "--chmod", value, "/tmp", "stat", "-c", "%a", "/tmp")
for value in ("0", "-1", "", "abc", "12k", "18446744073709551616", "9223372036854775809", " 4096", "1"):
    says(f"--size {value!r}", *ALL, "--size", value, "--tmpfs", "/tmp/x", "df", "--output=size", "/tmp/x")
for words in (["perms", "700", "perms", "700", "dir", "/tmp/x"], ["size", "9", "size", "9", "tmpfs", "/tmp/x"],
              ["perms", "700", "setenv", "A", "B"], ["perms", "700", "symlink", "a", "/tmp/x"], ["perms", "700", "bind", "/", "/tmp/x"],
              ["size", "9", "dir", "/tmp/x"], ["size", "9", "perms", "700", "dir", "/tmp/x"], ["perms", "700", "proc", "/proc"],
              ["perms", "700", "size", "4096", "tmpfs", "/tmp/x"], ["perms", "700"], ["size", "9"], ["perms", "700", "chdir", "/"]):
    wrong = ["--" + word if word.isalpha() and len(word) > 1 and word != "B" else word for word in words]
    says(" ".join(words), *ALL, *wrong, "true")
for name in ("CAP_NOPE", "", "all", "ALL", "chown", "CAP_CHOWN,CAP_KILL", "40", "-1", "CAP_CHECKPOINT_RESTORE"):
    says(f"--cap-add {name!r}", *ROOT, "--cap-add", name, "grep", "Cap", "/proc/self/status")
    says(f"--cap-drop {name!r}", *ROOT, "--cap-drop", name, "true")
for words in (["--hostname", "x"], ["--as-pid-1"], ["--disable-userns"], ["--userns", "40", "--unshare-user"],
              ["--userns-block-fd", "40"], ["--userns-block-fd", "40", "--unshare-user"], ["--userns", "40"], ["--pidns", "40"],
              ["--userns2", "40"], ["--unshare-user", "--disable-userns", "--userns-block-fd", "40", "--info-fd", "41"],
              ["--as-pid-1", "--unshare-pid", "--lock-file", "/etc/passwd"], ["--userns", "40", "--unshare-user-try"],
              ["--userns", "40", "--unshare-all"], ["--exec-label", "x"], ["--file-label", "x"], ["--debug-opt=nope"]):
    says("together: " + " ".join(words), *ROOT, *words, "true", fds={40: opened_as("file"), 41: written("info")})
says("no source", *ALL, "--bind", "/none/x", "/tmp/x", "true")
says("no source, and it is a broken link", *ALL, "--ro-bind", WORK + "/dangling", "/tmp/x", "true")
says("a source that is a loop", *ALL, "--ro-bind", WORK + "/loop", "/tmp/x", "true")
says("a source below a file", *ALL, "--dev-bind", WORK + "/file/x", "/tmp/x", "true")
says("a source that root hides", *ALL, "--bind", "/root/x/y", "/tmp/x", "true", users=("user",))
says("a source that may not be looked at", *ALL, "--bind", WORK + "/private/x", "/tmp/x", "true")
says("an empty source", *ALL, "--bind", "", "/tmp/x", "true")
says("an empty destination", *ALL, "--bind", WORK, "", "true")
says("a destination that is a link", *ALL, "--symlink", "/usr", "/tmp/x", "--bind", WORK, "/tmp/x", "true")
says("a destination that is a broken link", *ALL, "--symlink", "none", "/tmp/x", "--ro-bind", WORK + "/file", "/tmp/x", "true")
says("a tmpfs on a link", *ALL, "--symlink", "/usr", "/tmp/x", "--tmpfs", "/tmp/x", "true")
says("a destination below a broken link", *ALL, "--symlink", "none", "/tmp/x", "--dir", "/tmp/x/y", "ls", "/tmp")
says("a destination below a file", *ALL, "--file", "40", "/tmp/x", "--bind", WORK, "/tmp/x/y", "true", fds={40: data(b"f")})
says("a destination outside", *ALL, "--dir", "/tmp/../../../tmp/y", "ls", "/tmp")
says("a directory on a file", *ALL, "--bind", WORK + "/file", "/tmp/x", "--bind", WORK + "/dir", "/tmp/x", "true")
says("a file on a directory", *ALL, "--dir", "/tmp/x", "--bind", WORK + "/file", "/tmp/x", "true")
says("a tmpfs on a file", *ALL, "--bind", WORK + "/file", "/tmp/x", "--tmpfs", "/tmp/x", "true")
says("a destination that cannot be made", *ROOT, "--bind", WORK, "/usr/none/x", "true")
says("a file that cannot be made", *ROOT, "--file", "40", "/usr/none", "true", fds={40: data(b"f")})
says("a directory that cannot be made", *ROOT, "--dir", "/usr/none", "true")
says("a directory that is a file", *ALL, "--file", "40", "/tmp/x", "--dir", "/tmp/x", "true", fds={40: data(b"f")})
says("a file that is a directory", *ALL, "--file", "40", "/tmp", "true", fds={40: data(b"f")})
says("a file that is a link", *ALL, "--symlink", "y", "/tmp/x", "--file", "40", "/tmp/x", "ls", "/tmp", fds={40: data(b"f")})
says("a link that cannot be made", *ROOT, "--symlink", "x", "/usr/none", "true")
says("a link that differs", *ALL, "--symlink", "a", "/tmp/x", "--symlink", "b", "/tmp/x", "true")
says("a link that is a directory", *ALL, "--symlink", "a", "/tmp", "true")
says("chmod of nothing", *ALL, "--chmod", "700", "/tmp/none", "true")
says("chmod of what is read-only", *ROOT, "--chmod", "700", WORK, "true")
says("chmod of a link", *ALL, "--dir", "/tmp/a", "--symlink", "a", "/tmp/l", "--chmod", "700", "/tmp/l", "stat", "-c", "%a %n", "/tmp/a")
says("remount-ro of nothing", *ALL, "--remount-ro", "/tmp/none", "true")
says("remount-ro of what is no mountpoint", *ALL, "--dir", "/tmp/x", "--remount-ro", "/tmp/x", "true")
says("proc on what is missing", *ROOT, "--proc", "/usr/none", "true")
says("proc on a link", *ALL, "--symlink", "/usr", "/tmp/x", "--proc", "/tmp/x", "true")
says("dev on what is missing", *ROOT, "--dev", "/usr/none", "true")
says("no root", "true")
says("no root but one directory", "--dir", "/x", "/x/y")
says("a bound descriptor that is no directory", *ALL, "--dir", "/tmp/x", "--bind-fd", "40", "/tmp/x", "true", fds={40: opened_as("file")})
says("a bound descriptor that is a pipe", *ALL, "--bind-fd", "40", "/tmp/x", "true", fds={40: data(b"")})
says("lock-file on what is missing", *ALL, "--lock-file", "/tmp/none", "true")
says("lock-file on a directory", *ALL, "--lock-file", "/tmp", "true")
says("a very long path", *ALL, "--dir", "/tmp/" + "x" * 300, "true")
says("a bind over a longer path than there may be", *ALL, "--bind", WORK, "/tmp" + "/x" * 2100, "true")
says("5000 arguments", *ROOT, *["--setenv", "A", "1"] * 1660, "sh", "-c", "echo $A")
says("more than 9000 arguments", *ROOT, *["--setenv", "A", "1"] * 3100, "sh", "-c", "echo $A")


# What it tells, and what it waits for.
def told(path):
    """JSON documents with their numbers as names."""
    text = contents(f"{WORK}/{path}")
    text = re.sub(r'("child-pid": )\d+', r"\1PID", text)
    return re.sub(r'("(\w+)-namespace": )\d+', r"\1NS", text).splitlines()


for words in ([], ["--unshare-all"], ["--unshare-pid", "--as-pid-1"], ["--unshare-net", "--unshare-user"]):
    @scenario("info-fd and json-status-fd " + " ".join(words))
    def _(binary, words=words):
        with Run(binary, [*ALL, *words, "--info-fd", "40", "--json-status-fd", "41", "sh", "-c", "echo ready; read _; exit 9", MARK],
                 fds={40: written("info"), 41: written("json")}) as bwrap:
            facets = {"ready": [str(bwrap.ready())], "info": told("info"), "before": told("json")}
            payload = bwrap.payload(MARK)
            document = json.loads(contents(WORK + "/info"))
            child = document.pop("child-pid")
            family = [child, *below(child)]
            facets["child"] = [f"holds the payload: {payload in family}"]
            facets["right"] = [f"{name} {os.stat('/proc/%d/ns/%s' % (child, name[:3] if name[:3] != 'cgr' else 'cgroup')).st_ino == number}"
                               for name, number in document.items()]
            facets["one of"] = [f"child is bwrap's own: {child in below(bwrap.process.pid)}"]
            facets.update(bwrap.end())
            facets["json"] = told("json")
        return facets


for name, words in (("no program", ["/none/x"]), ("no source", ["--bind", "/none", "/tmp/x", "true"]),
                    ("a signal", ["sh", "-c", "kill -9 $$"]), ("a signal, with a pid 1", ["--unshare-pid", "sh", "-c", "kill -9 $$"])):
    @scenario("json-status-fd: " + name)
    def _(binary, words=words):
        with Run(binary, [*ALL, "--json-status-fd", "41", *words], fds={41: written("json")}) as bwrap:
            return {**bwrap.end(), "json": told("json")}


def blocks(binary, words, fd):
    """Whether it waits, and goes on: by a byte or by an end."""
    facets = {}
    for how in ("byte", "end"):
        mine, other = socket.socketpair()
        with mine, Run(binary, [*words, "echo", "ready"], fds={40: lambda: os.dup(fd) if fd else other.detach(),
                                                              41: written("info")}) as bwrap:
            facets[how] = [f"waits: {not select.select([bwrap.process.stdout], [], [], 0.3)[0]}"]
            if how == "byte":
                mine.send(b"x")
            else:
                mine.close()
            facets[how] += [f"goes on: {bwrap.ready()}", *bwrap.end().get("status", [])]
    return facets


@scenario("block-fd")
def _(binary):
    return blocks(binary, [*ROOT, "--block-fd", "40"], None)


@scenario("userns-block-fd", users=("user",))
def _(binary):
    # Nobody writes the maps: the payload has no ids then.
    return blocks(binary, [*ROOT, "--unshare-user", "--info-fd", "41", "--userns-block-fd", "40"], None)


for words in ([], ["--unshare-pid"]):
    @scenario("sync-fd is open as long as the sandbox " + " ".join(words))
    def _(binary, words=words):
        reading, writing = os.pipe()
        with Run(binary, [*ROOT, *words, "--sync-fd", "40", "sh", "-c", "echo ready; read _", MARK],
                 fds={40: lambda: os.dup(writing)}) as bwrap:
            os.close(writing)
            bwrap.ready()
            facets = {"descriptors": descriptors(bwrap.payload(MARK)),
                      "open": [str(not select.select([reading], [], [], 0.2)[0])], **bwrap.end(),
                      "closed": [str(bool(select.select([reading], [], [], LONG)[0]))]}
        os.close(reading)
        return facets

    @scenario("lock-file is locked as long as the sandbox " + " ".join(words))
    def _(binary, words=words):
        def locked():
            with open(WORK + "/file", "r+", encoding="ascii") as file:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    return True
            return False
        with Run(binary, [*ROOT, *words, "--lock-file", WORK + "/file", "sh", "-c", "echo ready; read _", MARK]) as bwrap:
            bwrap.ready()
            # The payload may be faster than the process that locks it.
            facets = {"descriptors": descriptors(bwrap.payload(MARK)), "locked": [str(eventually(locked, 2))], **bwrap.end()}
        facets["unlocked"] = [str(eventually(lambda: not locked()))]
        return facets


# Who outlives whom.
def background(binary, words):
    """What is left of a payload that ends before its child does."""
    with Run(binary, [*ALL, *words, "sh", "-c", f"sleep 1000.{os.getpid()} >&- 2>&- <&- & echo ready; read _; exit 3", MARK]) as bwrap:
        bwrap.ready()
        mine = below(bwrap.process.pid)
        sleeper, = below(bwrap.payload(MARK))
        facets = bwrap.end()
        gone = eventually(lambda: not alive(sleeper), 1)
        facets["background"] = ["ends" if gone else "lives on"]
        rest = eventually(lambda: not any(alive(pid) for pid in mine if pid != sleeper), 1)
        facets["others"] = ["end" if rest else "live on"]
        end_all(mine)
    return facets


def hit(binary, words, number):
    """What becomes of it all when a signal hits bwrap."""
    command = [*ROOT, *words, "sh", "-c", "trap 'echo $0 >>log' TERM INT HUP USR1; echo ready; while read _; do :; done", MARK]
    with Run(binary, command) as bwrap:
        bwrap.ready()
        mine = below(bwrap.process.pid)
        payload = bwrap.payload(MARK)
        os.kill(bwrap.process.pid, number)
        ended = eventually(lambda: not alive(bwrap.process.pid), 1)
        gone = eventually(lambda: not alive(payload), 1)
        rest = eventually(lambda: not any(alive(pid) for pid in mine if pid != payload), 1)
        facets = {"bwrap": ["ends" if ended else "lives on"], "payload": ["ends" if gone else "lives on"],
                  "others": ["end" if rest else "live on"]}
        end_all(mine)
        facets.update(bwrap.end())
    return facets


for words in ([], ["--unshare-pid"], ["--unshare-pid", "--as-pid-1"], ["--die-with-parent"], ["--die-with-parent", "--unshare-pid"]):
    @scenario("a background process " + " ".join(words))
    def _(binary, words=words):
        return background(binary, words)

    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP):
        @scenario(f"{number.name} to bwrap {' '.join(words)}")
        def _(binary, words=words, number=number):
            return hit(binary, words, number)

    @scenario("the parent dies " + " ".join(words))
    def _(binary, words=words):
        script = 'bwrap=$1; shift; (exec -a bwrap "$bwrap" "$@" <&3) & read _'
        command = [*ROOT, *words, "sh", "-c", "echo ready; read _", MARK]
        held, end = os.pipe()
        with subprocess.Popen(["bash", "-c", script, "bash", binary, *command], cwd=WORK, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=(held,),
                              preexec_fn=lambda: os.dup2(held, 3)) as shell:
            os.close(held)
            said = b""
            while b"ready" not in said:
                said += os.read(shell.stdout.fileno(), 4096)
            mine = below(shell.pid)
            shell.kill()
            gone = eventually(lambda: not any(alive(pid) for pid in mine), 1)
            facets = {"all of it": ["ends" if gone else "lives on"]}
            os.close(end)
            facets["then"] = ["ends" if eventually(lambda: not any(alive(pid) for pid in mine)) else "lives on"]
        return facets


# Namespaces that are there already.
def joined(binary, words, names, first=()):
    """A second bwrap in namespaces of a first one."""
    with Run(binary, [*ROOT, "--unshare-user", "--unshare-pid", *first, "sh", "-c", "echo ready; read _", MARK]) as one:
        one.ready()
        payload = one.payload(MARK)
        fds = {40 + index: (lambda name=name: os.open(f"/proc/{payload}/ns/{name}", os.O_RDONLY)) for index, name in enumerate(names)}
        with Run(binary, [*words, "sh", "-c", f"echo ready; read _; exit {EXITS}", MARK + "2"], fds=fds) as two:
            facets = {}
            if two.ready():
                other = two.payload(MARK + "2")
                facets = look(other, two.process.pid, [])
                facets["joined"] = [f"{name} {os.stat(f'/proc/{payload}/ns/{name}').st_ino == os.stat(f'/proc/{other}/ns/{name}').st_ino}"
                                    for name in ("user", "pid")]
            facets.update(two.end())
        one.end()
    return facets


for words, names in ((["--userns", "40"], ["user"]), (["--userns", "40", "--pidns", "41"], ["user", "pid"]),
                     (["--userns", "40", "--pidns", "41", "--unshare-pid"], ["user", "pid"]), (["--userns", "40", "--uid", "0"], ["user"]),
                     (["--pidns", "40"], ["pid"]), (["--userns", "40", "--proc", "/proc", "--pidns", "41"], ["user", "pid"]),
                     (["--userns", "40", "--unshare-all"], ["user"]), (["--userns", "40", "--userns2", "41"], ["user", "user"]),
                     (["--userns", "40", "--dev", "/dev"], ["user"])):
    @scenario("joined: " + " ".join(words))
    def _(binary, words=words, names=names):
        return joined(binary, [*ROOT, *words], names)


def differences(one, other):
    facets = {*one, *other}
    if ("mounts" in one) != ("mounts" in other):  # only one of them has started anything: why is what matters
        facets = {"status", "stdout", "stderr", "the test"}
    for facet in sorted(facets):
        mine, yours = one.get(facet, []), other.get(facet, [])
        matcher = difflib.SequenceMatcher(None, mine, yours, autojunk=False)
        for tag, from_, to, start, end in matcher.get_opcodes():
            if tag != "equal":
                yield from ((facet, "-", line) for line in mine[from_:to])
                yield from ((facet, "+", line) for line in yours[start:end])


def main():
    if THEIRS is None:
        print(f"skipped all: {WHY}\n0 passed, 0 failed, 1 skipped")
        return 0
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.makedirs(HERE + "/ours", exist_ok=True)
    ours = shutil.copy(os.environ["AJAIL"], HERE + "/ours/bwrap")
    os.umask(0o022)
    passed = failed = 0
    for name, line, users, run in LINES:
        if AS not in users or not re.search(CHOSEN, name):
            continue
        facets = []
        for binary in (THEIRS, ours):
            make_work()
            try:
                facets.append(run(binary))
            except (OSError, LookupError, TimeoutError, StopIteration, ValueError) as error:
                facets.append({"the test": [f"{type(error).__name__}: {error}"]})
            reap()
        if VERBOSE:
            print(name)
            for facet, texts in facets[0].items():
                print(*(f"    {facet}: {text}\n" for text in texts), sep="", end="")
        wrong = [(facet, sign, text) for facet, sign, text in differences(*facets)
                 if not [entry for entry in ACCEPTED if entry.covers(line, facet, sign, text)]]
        if wrong or "the test" in facets[0]:
            failed += 1
            print(f"FAILED {name}: - bubblewrap's, + ours")
            for text in facets[0].get("the test", []):
                print(f"    the test: {text}")
            print(*(f"    {sign} {facet}: {text}" for facet, sign, text in wrong), sep="\n", flush=True)
        else:
            passed += 1
    for entry in ACCEPTED:
        # A table that is longer than the truth hides something.
        if not CHOSEN and entry.valid and not entry.met:
            failed += 1
            print(f"FAILED a difference that is none any more: {entry.facet}, {entry.lines}: {entry.why}")
    remove_work()
    shutil.rmtree(HERE + "/ours")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
