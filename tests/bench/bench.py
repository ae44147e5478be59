"""The driver of bench.sh: what is measured, row by row, and against what. Run by bench.sh, which has made the user, the
directory of this run and a root filesystem; as root it becomes that user at once.

All who take part in a row run in turn, round after round, and the order turns with them: what drifts, drifts for all. A
ratio is the median of those of each round; its spread is their middle half. Time is the wall's, from the
spawn to the end of the process that was spawned. Processor time, beside it, is that of all that had to be waited for,
also of what outlives its parent (bubblewrap's first process does not wait for its second; this one, a subreaper, does).
"""
import argparse
import ctypes
import dataclasses
import fcntl
import json
import os
import platform
import pty
import pwd
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import termios
import time
import io

PR_SET_CHILD_SUBREAPER = 36
STOPS = (signal.SIGINT, signal.SIGTERM)
MIB = 1 << 20
HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Skip(Exception):
    """A row for which this machine lacks something; says what."""


class Broken(Exception):
    """A row that should run, and does not."""


@dataclasses.dataclass
class Sample:
    value: float  # in the row's unit: seconds, unless it says otherwise
    cpu: float | None = None


@dataclasses.dataclass
class Target:
    """OURS against THEIRS, as a ratio of at least LEAST and at most MOST."""
    name: str
    what: str
    ours: str
    theirs: str | None
    most: float | None = None
    least: float | None = None


@dataclasses.dataclass
class Row:
    runs: dict  # who takes part: a function that runs once and returns a Sample
    targets: list
    rounds: int = 100
    quick: int = 15
    unit: str = "s"
    turn: bool = True  # the order turns from round to round
    warm: bool = True  # a round before the first one does not count
    between: object = None  # before each round
    derived: dict = dataclasses.field(default_factory=dict)  # from a round's values, another one
    after: object = None  # at the end, whatever happens


class Machine:
    """Where all of it happens: the user's directories and programs, and how a command is run and timed."""

    def __init__(self, options):
        self.quick, self.keep = options.quick, options.keep
        here, base = options.here, options.base
        self.base, self.work, self.store = base, here + "/work", base + "/store"
        self.ajail, self.floor, self.calls = here + "/ajail", here + "/floor", here + "/calls"
        self.fs = self.store + "/fs/deb"
        self.python, self.me = "/usr/bin/python3", here + "/bench.py"
        self.fixtures = base + "/bench"
        self.project = self.work + "/project"
        self.env = {"HOME": os.environ["HOME"], "USER": os.environ["USER"], "PATH": HOST_PATH, "TERM": "xterm",
                    "LANG": "C.UTF-8", "AJAIL_HOME": self.store}
        os.makedirs(self.fixtures, exist_ok=True)
        os.mkdir(self.project)
        os.symlink(self.ajail, self.work + "/bwrap")
        self.bwrap, self.bwrap_version = self.newest_bwrap()
        self.not_run, self.used = [], []
        self.null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)

    def newest_bwrap(self):
        """The newest of those that there are, so that nobody is beaten who has got better since. Ours says who it is."""
        found = {}
        for path in [self.base + "/bubblewrap/source/build/bwrap", shutil.which("bwrap", path=os.environ["PATH"]), "/usr/bin/bwrap"]:
            if path and os.access(path, os.X_OK):
                said = subprocess.run([path, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
                if match := re.fullmatch(r"bubblewrap ([0-9.]+)\n", said):
                    found.setdefault(tuple(int(part) for part in match[1].split(".")), path)
        if not found:
            return None, ()
        return found[max(found)], max(found)

    def need_bwrap(self, least=()):
        if self.bwrap is None or self.bwrap_version < least:
            raise Skip("there is no bubblewrap" + "".join(f" {'.'.join(map(str, least))}" for _ in least[:1]))
        return self.bwrap

    def peer(self, name, command):
        """{"bubblewrap": COMMAND()}, to be added to those of the row NAME; nothing, which is said, if it is not there."""
        try:
            return {"bubblewrap": command()}
        except Skip as error:
            self.not_run.append({"name": name + ", bubblewrap", "why": str(error), "skipped": True})
            return {}

    def spawn(self, command, out=None, err=None, files=None, env=None):
        """FILES: descriptor to file, to be read."""
        actions = [(os.POSIX_SPAWN_DUP2, self.null, 0), (os.POSIX_SPAWN_DUP2, self.null if out is None else out, 1),
                   (os.POSIX_SPAWN_DUP2, self.null if err is None else err, 2)]
        actions += [(os.POSIX_SPAWN_OPEN, fd, path, os.O_RDONLY, 0) for fd, path in (files or {}).items()]
        return os.posix_spawn(command[0], command, env or self.env, file_actions=actions)

    def timed(self, command, cwd=None, files=None, env=None):
        os.chdir(cwd or self.project)
        before = children_cpu()
        begin = time.perf_counter()
        pid = self.spawn(command, files=files, env=env)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        took = time.perf_counter() - begin
        reap_all()
        if status != 0:
            raise Broken(self.why(command, status, files, env))
        return Sample(took, children_cpu() - before)

    def why(self, command, status, files=None, env=None):
        """Once more, for its words."""
        with tempfile.TemporaryFile(dir=self.work) as err:
            os.waitpid(self.spawn(command, out=err.fileno(), err=err.fileno(), files=files, env=env), 0)
            reap_all()
            err.seek(0)
            words = err.read().decode(errors="replace").strip().splitlines()
        return f"{' '.join(command)[:300]}: status {status}: {' / '.join(words[-4:])}"

    def output(self, command, cwd=None):
        os.chdir(cwd or self.project)
        with tempfile.TemporaryFile(dir=self.work) as out:
            status = os.waitstatus_to_exitcode(os.waitpid(self.spawn(command, out=out.fileno()), 0)[1])
            reap_all()
            if status != 0:
                raise Broken(self.why(command, status))
            out.seek(0)
            return out.read().decode()

    def must(self, *command, cwd=None, env=None):
        """What is made ready before a row is measured."""
        done = subprocess.run(command, cwd=cwd or self.work, env=env or self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", check=False)
        if done.returncode != 0:
            raise Broken(f"{' '.join(command)[:300]}: status {done.returncode}: {(done.stdout + done.stderr).strip()[-500:]}")

    def works(self, name, command):
        """Of a peer that is there for the picture only: it is left out where it cannot run, and that is said."""
        try:
            self.timed(command)
            return True
        except (Broken, OSError) as error:
            self.not_run.append({"name": "start, " + name, "why": str(error).split(": ", 1)[-1], "skipped": True})
            return False

    def fixture(self, name, make):
        """What takes long to make, whole or not at all; it goes away at the end, unless it is to be kept."""
        path = f"{self.fixtures}/{name}"
        self.used.append(path)
        if not os.path.isdir(path):
            progress(f"making {name}")
            shutil.rmtree(path + ".part", ignore_errors=True)
            os.mkdir(path + ".part")
            make(path + ".part")
            os.rename(path + ".part", path)
        return path

    def ajail_run(self, *words, fs="deb", quiet=True):
        return [self.ajail, "run", *(["--quiet"] if quiet else []), "--fs=" + fs, *words]

    def default_start(self, *payload):
        return [self.ajail, "run", "--fs=deb", "--", *payload]

    def bwrap_start(self, *payload):
        """What the floor mounts, in the namespaces that a default start has, as root of one id."""
        return [self.need_bwrap((0, 11)), "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup",
                "--uid", "0", "--gid", "0", "--overlay-src", self.fs, "--tmp-overlay", "/", "--proc", "/proc", "--dev", "/dev",
                "--tmpfs", "/tmp", "--bind", self.project, self.project, "--chdir", self.project, "--", *payload]


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def reap_all():
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def progress(text=""):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


ROWS = {}


def row(name, *targets, slow=False):
    """TARGETS: their names, if they are others than the row's. SLOW: minutes, so not with --quick unless it is named."""
    def add(make):
        ROWS[name] = (make, slow, targets)
        return make
    return add


def chosen(words, quick):
    """The rows that WORDS name: the row's own name, that of one of its targets, or what either has before its slash."""
    def fits(name, word):
        return any(each == word or each.startswith(word + "/") for each in (name, *ROWS[name][2]))
    if unknown := [word for word in words if not any(fits(name, word) for name in ROWS)]:
        refuse(f"no row {unknown[0]}; there are: {' '.join(ROWS)}")
    if words:
        return [name for name in ROWS if any(fits(name, word) for word in words)]
    return [name for name, (_, slow, _) in ROWS.items() if not (slow and quick)]


def refuse(why):
    print("bench.sh: " + why, file=sys.stderr)
    sys.exit(2)


# Starting.


def crun_bundle(machine):
    """The bundle that `crun spec --rootless` writes, for our root filesystem and `true`."""
    bundle = machine.work + "/crun"
    os.makedirs(bundle, exist_ok=True)
    subprocess.run(["crun", "spec", "--rootless"], cwd=bundle, env=machine.env, capture_output=True, check=False)
    with open(bundle + "/config.json", encoding="utf-8") as file:
        config = json.load(file)
    config["root"] = {"path": machine.fs, "readonly": True}
    config["process"].update(args=["/usr/bin/true"], terminal=False, cwd="/")
    config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] not in ("/sys/fs/cgroup", "/sys")]
    with open(bundle + "/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    return [shutil.which("crun"), "--root=" + bundle + "/state", "--cgroup-manager=disabled", "run", "--bundle=" + bundle, "bench"]


@row("start", "start/bubblewrap", "start/floor")
def start(machine):
    runs = {"exec": ["/usr/bin/true"], "floor": [machine.floor, machine.fs, "/usr/bin/true"],
            "ajail": machine.default_start("true"), **machine.peer("start", lambda: machine.bwrap_start("true"))}
    peers = {}
    if shutil.which("crun"):
        peers["crun"] = crun_bundle(machine)
    if shutil.which("firejail"):
        peers["firejail"] = [shutil.which("firejail"), "--quiet", "--noprofile", "--private-tmp", "--private-dev", "/usr/bin/true"]
    if shutil.which("nsjail"):
        peers["nsjail"] = [shutil.which("nsjail"), "-q", "-Mo", "--chroot", machine.fs, "--", "/usr/bin/true"]
    runs |= {name: command for name, command in peers.items() if machine.works(name, command)}
    return Row({name: lambda command=command: machine.timed(command) for name, command in runs.items()},
               [Target("start/bubblewrap", "a default start, all walls, against bubblewrap with the same mounts and no filter",
                       "ajail", "bubblewrap", 0.80),
                Target("start/floor", "the same against the least that it takes", "ajail", "floor", 1.20)], rounds=200, quick=30)


@row("syscalls", "syscalls/bubblewrap", "syscalls/floor")
def syscalls(machine):
    """What tests/jail/calls_counted.sh holds to a budget."""
    if not (strace := shutil.which("strace")):
        raise Skip("there is no strace")
    trace = machine.work + "/trace"

    def counted(command):
        machine.timed([strace, "-f", "-qq", "-o", trace, *command])
        with open(trace, encoding="utf-8", errors="replace") as file:
            return Sample(len(re.findall(r"^\d+ +[a-z0-9_]+\(", file.read(), re.M)))

    runs = {"floor": [machine.floor, machine.fs, "/usr/bin/true"], "ajail": machine.default_start("true"),
            **machine.peer("syscalls", lambda: machine.bwrap_start("true"))}
    return Row({name: lambda command=command: counted(command) for name, command in runs.items()},
               [Target("syscalls/bubblewrap", "system calls of a default start, of all processes, against bubblewrap", "ajail", "bubblewrap"),
                Target("syscalls/floor", "the same against the floor", "ajail", "floor")], rounds=5, quick=3, unit="calls", warm=False)


def host_links():
    """/bin and the like, as the host has them."""
    words = []
    for name in ("bin", "lib", "lib64", "sbin"):
        words += ["--symlink", os.readlink("/" + name), "/" + name] if os.path.islink("/" + name) else ["--ro-bind", "/" + name, "/" + name]
    return words


def typical_lines(machine):
    """Name: words in front of the command, and files to be open. As callers of bubblewrap write them."""
    project, usr = machine.project, ["--ro-bind", "/usr", "/usr", *host_links()]
    with open(machine.work + "/allow.bpf", "wb") as file:
        file.write(bytes.fromhex("06000000" "0000ff7f"))
    flatpak = [*usr, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--dir", "/run/user/1000", "--ro-bind-try",
               "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf", "--ro-bind-try",
               "/etc/localtime", "/etc/localtime", "--ro-bind", "/sys/block", "/sys/block", "--ro-bind", "/sys/bus", "/sys/bus",
               "--ro-bind", "/sys/class", "/sys/class", "--ro-bind", "/sys/dev", "/sys/dev", "--ro-bind", "/sys/devices",
               "/sys/devices", "--bind", project, project, "--dir", "/app", "--dir", "/var/tmp", "--symlink", "/run", "/var/run",
               "--setenv", "XDG_RUNTIME_DIR", "/run/user/1000", "--unsetenv", "TMPDIR", "--unshare-pid", "--unshare-ipc", "--unshare-net",
               "--die-with-parent"]
    with open(machine.work + "/flatpak.args", "wb") as file:
        file.write(b"".join(word.encode() + b"\0" for word in flatpak))
    lines = {
        "flatpak": (["--args", "11", "--seccomp", "10"], {10: "allow.bpf", 11: "flatpak.args"}),
        "agent": (["--new-session", "--die-with-parent", "--ro-bind", "/", "/", "--bind", project, project, "--ro-bind", "/dev/null",
                   project + "/.env", "--tmpfs", "/home", "--bind", project, project, "--unshare-net", "--unshare-pid", "--dev", "/dev",
                   "--proc", "/proc", "--chdir", project], {}),
        "mat2": ([*usr, "--ro-bind", "/etc/alternatives", "/etc/alternatives", "--ro-bind", project, project, "--ro-bind",
                  "/etc/ld.so.cache", "/etc/ld.so.cache", "--dev", "/dev", "--proc", "/proc", "--chdir", project, "--unshare-user-try",
                  "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--new-session",
                  "--cap-drop", "all"], {}),
        "thumbnailer": ([*usr, "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind-try", "/etc/alternatives",
                         "/etc/alternatives", "--proc", "/proc", "--dev", "/dev", "--chdir", "/", "--setenv", "GIO_USE_VFS", "local",
                         "--unshare-all", "--die-with-parent", "--seccomp", "10", "--bind", project, "/tmp"], {10: "allow.bpf"}),
        "unshare-all": (["--ro-bind", "/", "/", "--unshare-all"], {}),
        "dev-proc": (["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"], {}),
        "tmpfs": ([*usr, "--tmpfs", "/tmp", "--tmpfs", "/run", "--tmpfs", "/var", "--tmpfs", "/home"], {}),
        "seccomp": (["--ro-bind", "/", "/", "--unshare-pid", "--seccomp", "10"], {10: "allow.bpf"}),
        "args": (["--args", "11"], {11: "flatpak.args"}),
    }
    if machine.bwrap_version >= (0, 11):
        lines["overlay"] = (["--overlay-src", machine.fs, "--tmp-overlay", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-pid"], {})
    else:
        lines["dev-bind"] = (["--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc"], {})
    return lines


def bwrap_line(name):
    def make(machine):
        theirs = machine.need_bwrap()
        lines = typical_lines(machine)
        if name not in lines:
            raise Skip("this bubblewrap cannot do that" if name == "overlay" else "instead of it there is `overlay`")
        open(machine.project + "/.env", "a", encoding="ascii").close()
        words, files = lines[name]
        files = {fd: f"{machine.work}/{file}" for fd, file in files.items()}
        ways = {"ajail": machine.work + "/bwrap", "bubblewrap": theirs}
        return Row({who: lambda binary=binary: machine.timed([binary, *words, "/usr/bin/true"], files=files) for who, binary in ways.items()},
                   [Target("bwrap/" + name, f"called as `bwrap`, the same arguments ({name})", "ajail", "bubblewrap", 0.85)])
    return make


for line in ("flatpak", "agent", "mat2", "thumbnailer", "unshare-all", "dev-proc", "tmpfs", "seccomp", "args", "overlay"):
    row("bwrap/" + line)(bwrap_line(line))


@row("binds", "binds/floor", "binds/bubblewrap", "binds/linear", "binds/linear-floor")
def binds(machine):
    """Each from a directory of its own. The floor's are all of one, which is less work yet."""
    sources = machine.work + "/sources"
    os.makedirs(sources, exist_ok=True)
    for number in range(5000):
        os.makedirs(f"{sources}/{number}", exist_ok=True)
    runs = {f"ajail {count}": machine.ajail_run(*(f"--mount={sources}/{number},/tmp/{number},rol" for number in range(count)), "--", "true")
            for count in (10, 100, 1000, 5000)}
    runs |= {f"floor {count}": [machine.floor, machine.fs, "/usr/bin/true", str(count)] for count in (10, 100, 1000, 5000)}
    runs |= machine.peer("binds", lambda: [*machine.bwrap_start()[:-1], *(word for number in range(1000) for word in (
        "--ro-bind", f"{sources}/{number}", f"/tmp/{number}")), "--", "true"])
    return Row({name: lambda command=command: machine.timed(command) for name, command in runs.items()},
               [Target("binds/floor", "1,000 read-only binds against the least that they take", "ajail 1000", "floor 1000", 1.3),
                Target("binds/bubblewrap", "the same against bubblewrap", "ajail 1000", "bubblewrap", 0.04),
                Target("binds/linear", "one of the binds from 1,000 to 5,000 against one of those from 100 to 1,000", "more", "fewer", 1.15),
                Target("binds/linear-floor", "the same of the floor", "floor more", "floor fewer")],
               rounds=20, quick=5,
               derived={"more": lambda took: (took["ajail 5000"] - took["ajail 1000"]) / 4000,
                        "fewer": lambda took: (took["ajail 1000"] - took["ajail 100"]) / 900,
                        "floor more": lambda took: (took["floor 5000"] - took["floor 1000"]) / 4000,
                        "floor fewer": lambda took: (took["floor 1000"] - took["floor 100"]) / 900})


def tree(path, directories, files):
    for number in range(directories):
        os.mkdir(f"{path}/{number}")
        for file in range(files):
            os.mknod(f"{path}/{number}/{file}")


def same(name, what, ours, theirs):
    return Target(name, what, ours, theirs, 1.05, 0.95)


@row("files/root")
def files_root(machine):
    def make(directories, files):
        def fill(path):
            shutil.copy(machine.calls, path + "/true")
            tree(path, directories, files)
        return fill
    few, many = machine.fixture("root-10", make(1, 9)), machine.fixture("root-1000000", make(1000, 1000))
    return Row({name: lambda path=path: machine.timed(machine.ajail_run("--", "/true", fs=path)) for name, path in (("few", few), ("many", many))},
               [same("files/root", "a root filesystem of 1,000,000 files against one of 10", "many", "few")], rounds=200, quick=40)


@row("files/project")
def files_project(machine):
    def make(directories, files):
        def fill(path):
            tree(path, directories, files)
            for number in range(20):
                os.mkdir(f"{path}/hidden{number}")
        return fill
    few, many = machine.fixture("project-10", make(1, 10)), machine.fixture("project-300000", make(300, 1000))
    command = machine.ajail_run(*(f"--hide=hidden{number}" for number in range(20)), "--", "true")
    return Row({name: lambda path=path: machine.timed(command, cwd=path) for name, path in (("few", few), ("many", many))},
               [same("files/project", "a project of 300,000 files, 20 of its directories hidden, against one of 10", "many", "few")],
               rounds=200, quick=40)


@row("many")
def many(machine):
    count, at_once = 100 if machine.quick else 500, 2 * len(os.sched_getaffinity(0))

    def start_all(command):
        os.chdir(machine.project)
        before, begin = children_cpu(), time.perf_counter()
        mine, running, left = set(), 0, count
        while left or running:
            while left and running < at_once:
                mine.add(machine.spawn(command))
                left, running = left - 1, running + 1
            pid, status = os.wait()
            if pid in mine:
                running -= 1
                if status != 0:
                    reap_all()
                    raise Broken(f"one of many: status {status}")
        reap_all()
        return Sample(count / (time.perf_counter() - begin), children_cpu() - before)

    runs = {"ajail": machine.default_start("true"), "bubblewrap": machine.bwrap_start("true")}
    return Row({name: lambda command=command: start_all(command) for name, command in runs.items()},
               [Target("many", f"{count} jails as fast as possible, jails a second against bubblewrap", "ajail", "bubblewrap", least=1.3)],
               rounds=9, quick=3, unit="1/s")


# What stays, and what it costs.


def end_all():
    """Whatever still runs of what this one has started."""
    while found := descendants():
        for pid, _ in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        reap_all()


def descendants():
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                pid, comm, rest = re.fullmatch(r"(\d+) \((.*)\) (.*)\n?", file.read(), re.S).groups()
        except OSError:
            continue
        children.setdefault(int(rest.split()[1]), []).append((int(pid), comm))
    found, todo = [], [os.getpid()]
    while todo:
        for pid, comm in children.get(todo.pop(), []):
            found.append((pid, comm))
            todo.append(pid)
    return found


class PssReader:
    """Reads what processes of a jail hold, which no ordinary user may see: stays what it was started as."""

    def __init__(self):
        asked, ask = os.pipe()
        answer, answered = os.pipe()
        if os.fork() == 0:
            if os.fork() != 0:  # the reader is nobody's child who waits for all of them
                os._exit(0)
            os.close(ask)
            os.close(answer)
            for number in STOPS:  # its end is that of who asks
                signal.signal(number, signal.SIG_IGN)
            with os.fdopen(asked) as lines:
                for line in lines:
                    os.write(answered, f"{self.read(line.split())}\n".encode())
            os._exit(0)
        os.wait()
        os.close(asked)
        os.close(answered)
        self.ask, self.answer = os.fdopen(ask, "w"), os.fdopen(answer)

    @staticmethod
    def read(pids):
        total = 0
        for pid in pids:
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    total += int(re.search(r"^Pss: *(\d+) kB", file.read(), re.M)[1])
            except (OSError, TypeError):
                return -1
        return total

    def kib(self, pids):
        print(*pids, file=self.ask, flush=True)
        if (total := int(self.answer.readline())) < 0:
            raise Skip("only root may read how much memory a jail's processes hold")
        return total


@row("memory")
def memory(machine):
    count = 20 if machine.quick else 100

    def kept(command):
        os.chdir(machine.project)
        try:
            for _ in range(count):
                machine.spawn(command)
            until = time.monotonic() + 60
            while sum(comm == "sleep" for _, comm in descendants()) < count:
                if time.monotonic() > until:
                    raise Broken(f"after a minute not all of {count} jails run")
                time.sleep(0.1)
            time.sleep(0.5)
            held = [pid for pid, comm in descendants() if comm != "sleep"]
            return Sample(machine.pss.kib(held) / count)
        finally:
            end_all()

    runs = {"ajail": machine.default_start("sleep", "1000"), "bubblewrap": machine.bwrap_start("sleep", "1000")}
    return Row({name: lambda command=command: kept(command) for name, command in runs.items()},
               [Target("memory", f"what is kept for a running jail, the command aside (PSS, of {count} jails)", "ajail", "bubblewrap", 1.0)],
               rounds=5, quick=2, unit="KiB", warm=False)


@row("size")
def size(machine):
    return Row({"ajail": lambda: Sample(os.path.getsize(machine.ajail) / MIB)},
               [Target("size", "the static binary", "ajail", None, 2.5)], rounds=1, quick=1, unit="MiB", warm=False)


# Working.


def call_row(name, most):
    def make(machine):
        shutil.copy(machine.calls, machine.project + "/calls")
        open(machine.project + "/file", "a", encoding="ascii").close()
        words = {"inside": machine.ajail_run("--", "./calls", name), "outside": ["./calls", name], "one program": ["./calls", name, "1"]}
        return Row({who: lambda command=command: Sample(float(machine.output(command)) / 1e9) for who, command in words.items()},
                   [Target("calls/" + name, f"{name}, under the default filter against outside", "inside", "outside", most),
                    Target("calls/" + name + "-filter", f"{name}, under one program that allows everything, against outside",
                           "one program", "outside")], rounds=15, quick=3)
    return make


for call, limit in (("getppid", 1.05), ("open", 1.02), ("stat", 1.02), ("pipe", 1.02)):
    row("calls/" + call, f"calls/{call}-filter")(call_row(call, limit))


def job(machine, name, what, directory, command, before=None):
    """In a project that it may write to, with the host's programs."""
    ways = {"inside": machine.ajail_run("--", *command, fs="host"), "outside": command}

    def run(words):
        if before:
            before()
        return machine.timed(words, cwd=directory)
    return Row({who: lambda words=words: run(words) for who, words in ways.items()},
               [Target("job/" + name, f"{what}, inside against outside", "inside", "outside", 1.02)], rounds=11, quick=3)


@row("job/compile")
def job_compile(machine):
    def make(path):
        names = [f"c{number}" for number in range(8)]
        for name in names:
            with open(f"{path}/{name}.c", "w", encoding="ascii") as file:
                file.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>\n")
                for number in range(120):
                    file.write(f"double {name}_{number}(const char* s, int n) {{ double x = {number}; for (int i = 0; i < n; ++i) "
                               f"x += s[i] * {number + 1} % (i + 1); return x + (double)strlen(s); }}\n")
        with open(path + "/Makefile", "w", encoding="ascii") as file:
            file.write("all: " + " ".join(name + ".o" for name in names) + "\n%.o: %.c\n\tcc -O2 -c -o $@ $<\n")
    return job(machine, "compile", "make -j2 of 8 files of C", machine.fixture("compile-8", make),
               [shutil.which("make") or "/usr/bin/make", "-B", "-s", "-j2"])


@row("job/git")
def job_git(machine):
    def make(path):
        tree(path, 1000, 100)
        machine.must("git", "init", "-q", cwd=path)
        machine.must("git", "add", "-A", cwd=path)
        machine.must("git", "-c", "user.name=n", "-c", "user.email=n@example.com", "commit", "-qm", "all", cwd=path)
    path = machine.fixture("git-100000", make)
    return job(machine, "git", "ten times git status of 100,000 files", path,
               ["/bin/sh", "-ec", "for i in 1 2 3 4 5 6 7 8 9 10; do git status --porcelain; done"])


@row("job/npm")
def job_npm(machine):
    if not shutil.which("npm", path=HOST_PATH):
        raise Skip("there is no npm on the host")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--cache=.cache", "--no-update-notifier"]

    def make(path):
        with open(path + "/package.json", "w", encoding="ascii") as file:
            json.dump({"name": "bench", "version": "1.0.0", "private": True,
                       "dependencies": {"eslint": "8.57.1", "express": "4.21.2", "webpack": "5.97.1"}}, file)
        machine.must("npm", "install", *options, cwd=path)
    path = machine.fixture("npm", make)
    return job(machine, "npm", "npm ci of 300 packages from its cache", path, [shutil.which("npm", path=HOST_PATH), "ci", "--offline", *options],
               before=lambda: shutil.rmtree(path + "/node_modules", ignore_errors=True))


# Root filesystems and packages.


def host_sources(suite):
    """As tools/mkfs/debian.sh takes them from the host's apt."""
    text = ""
    for path in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"):
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text += file.read()

    def repository(name):
        found = re.search(rf"^[^#\n]*\s(https?://\S*/{name})/*(?=\s|$)", text, re.M)
        return found[1] if found else "http://deb.debian.org/" + name
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    return "".join(f"deb [signed-by={keyring}] {repository(name)} {part} main\n" for name, part in (
        ("debian", suite), ("debian", suite + "-updates"), ("debian-security", suite + "-security")))


@row("mkfs", "mkfs/first", "mkfs/second", slow=True)
def mkfs(machine):
    tool = shutil.which("mmdebstrap", path=HOST_PATH)
    if not tool:
        raise Skip("there is no mmdebstrap")
    said = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    options = ["--aptopt=" + line for line in said.splitlines() if line.startswith("Acquire::Check-")]
    sources, store = machine.work + "/sources.list", machine.work + "/mkfs"
    with open(sources, "w", encoding="utf-8") as file:
        file.write(host_sources("stable"))
    env = {**machine.env, "AJAIL_HOME": store}
    # Where its other ids can go, which a home need not be.
    plain = tempfile.mkdtemp(prefix="ajail-bench.", dir="/var/tmp")
    os.chmod(plain, 0o755)

    def clean():
        shutil.rmtree(store, ignore_errors=True)
        subprocess.run(["unshare", "--user", "--map-auto", "--map-root-user", "rm", "-rf", plain + "/fs"], check=True)
        os.mkdir(store, 0o700)

    def after():
        clean()
        shutil.rmtree(store)
        os.rmdir(plain)

    runs = {"mmdebstrap": [tool, "--quiet", "--mode=unshare", "--variant=minbase", "--include=ca-certificates", "--format=directory", *options,
                           "stable", plain + "/fs", sources],
            "first": [machine.ajail, "mkfs", "debian", "first", "--suite=stable"],
            "second": [machine.ajail, "mkfs", "debian", "second", "--suite=stable"]}
    return Row({name: lambda command=command: machine.timed(command, env=env) for name, command in runs.items()},
               [Target("mkfs/first", "ajail mkfs debian against mmdebstrap, the same packages and mirror", "first", "mmdebstrap", 1.0),
                Target("mkfs/second", "a second one of the same suite", "second", "mmdebstrap", 0.4)],
               rounds=3, quick=1, turn=False, warm=False, between=clean, after=after)


@row("apt", slow=True)
def apt(machine):
    """The chroot has real ids, in a user namespace: what root's own would do, and as fast."""
    packages = ["build-essential", "vim", "tmux"]
    quiet = "export DEBIAN_FRONTEND=noninteractive; apt-get -q -y --no-install-recommends"
    get = f"{quiet} install {' '.join(packages)}"

    def in_jail(kind, path):
        return machine.ajail_run(f"--mount={path}/apt,/var/cache/apt,{kind}", f"--mount={path}/lists,/var/lib/apt/lists,{kind}", "--", "sh", "-ec")

    def make(path):
        os.mkdir(path + "/apt")
        os.mkdir(path + "/lists")
        machine.must(*in_jail("rw", path), f"{quiet} update && {get} --download-only")
    kept = machine.fixture("archives", make)
    root = machine.fixtures + "/chroot"
    as_root = ["unshare", "--user", "--map-auto", "--map-root-user", "--mount", "--pid", "--fork"]

    def clean():
        machine.must(*as_root, "rm", "-rf", "--one-file-system", root)

    def between():
        clean()
        machine.must("cp", "-a", machine.fs, root)
        for source, target in (("lists", "/var/lib/apt/lists"), ("apt/archives", "/var/cache/apt/archives")):
            machine.must("cp", "-a", f"{kept}/{source}/.", root + target)

    script = f"{get} --no-download && dpkg -s {' '.join(packages)}"
    ours = [*in_jail("ro", kept), script]
    theirs = [*as_root, "sh", "-ec", 'mount --rbind /dev "$1/dev"; mount -t proc proc "$1/proc"; exec chroot "$1" sh -ec "$2"', "sh", root, script]
    theirs[0] = "/usr/bin/unshare"
    return Row({"jail": lambda: machine.timed(ours), "chroot": lambda: machine.timed(theirs)},
               [Target("apt", f"apt-get install of {', '.join(packages)}, in a jail against a chroot on disk", "jail", "chroot", 1.0)],
               rounds=5, quick=1, warm=False, between=between, after=clean)


def archive(machine, owners):
    """50,000 files of 1 KiB in 500 directories, of so many owners (1: root's)."""
    path = f"{machine.project}/{owners}.tar"
    if not os.path.exists(path):
        with tarfile.open(path, "w") as tar:
            for number in range(50000):
                if number % 100 == 0:
                    entry = tarfile.TarInfo(f"d{number // 100}")
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(entry)
                entry = tarfile.TarInfo(f"d{number // 100}/f{number}")
                entry.size, entry.mode, entry.uid, entry.gid = 1024, 0o644, number % owners, number % owners
                tar.addfile(entry, io.BytesIO(b"x" * 1024))
    return path


def extract(machine, owners, *options):
    return machine.timed(machine.ajail_run(*options, "--mount=" + archive(machine, owners) + ",/a.tar,rol", "--", "sh", "-ec",
                                           "mkdir /var/tmp/x; tar -x -C /var/tmp/x -f /a.tar; test $(find /var/tmp/x -type f | wc -l) = 50000"))


@row("untar", "untar/own", "untar/foreign")
def untar(machine):
    return Row({"one owner": lambda: extract(machine, 1), "not emulated": lambda: extract(machine, 1, "--no-root-emulation"),
                "40 owners": lambda: extract(machine, 40)},
               [Target("untar/own", "tar x of 50,000 files of root's, with the root emulation against without", "one owner", "not emulated", 1.02),
                Target("untar/foreign", "files of 40 other owners against root's", "40 owners", "one owner", 1.10)], rounds=9, quick=3)


def terminal_speed(command):
    """The seconds that a command's output takes through the terminal that it runs on, from the first byte to the last."""
    master, slave = pty.openpty()
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(slave, fd)
        os.closerange(3, 256)
        os.execv(command[0], command)
    os.close(slave)
    begin = end = length = 0
    while True:
        try:
            length += len(os.read(master, 65536))
        except OSError:  # EIO: nobody has it open any more
            break
        end = time.monotonic()
        begin = begin or end
    os.close(master)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    reap_all()
    if status != 0 or length < MIB:
        raise Broken(f"{' '.join(command)}: status {status}, after {length} bytes")
    return Sample(end - begin)


@row("pty")
def through_pty(machine):
    megabytes = 50 if machine.quick else 200
    code = f"""import os
lines = (b"x" * 79 + b"\\n") * 819
for _ in range({megabytes * 1000000} // len(lines)):
    left = lines
    while left:
        left = left[os.write(1, left):]"""
    outside = [machine.python, "-c", code]
    ways = {"inside": machine.ajail_run("--", *outside, fs="host"), "outside": outside}

    def run(command):
        os.chdir(machine.project)
        return terminal_speed(command)
    return Row({who: lambda command=command: run(command) for who, command in ways.items()},
               [Target("pty", f"{megabytes} MB of text to the terminal, inside against outside", "inside", "outside", 1.25)], rounds=7, quick=2)


# Measuring.


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def judged(target, samples, unit):
    """What a target has come to. A ratio is the median of those of the rounds, as its spread is of them."""
    ours = statistics.median(sample.value for sample in samples[target.ours])
    line = {"name": target.name, "what": target.what, "unit": unit, "ours": ours, "most": target.most, "least": target.least}
    value = ours
    if target.theirs:
        theirs = statistics.median(sample.value for sample in samples[target.theirs])
        pairs = list(zip(samples[target.ours], samples[target.theirs]))
        ratios = [a.value / b.value for a, b in pairs]
        value = statistics.median(ratios)
        low, high = quartiles(ratios)
        line |= {"theirs": theirs, "ratio": value, "p25": low, "p75": high, "rounds": len(pairs)}
        if all(sample.cpu for pair in pairs for sample in pair):
            cpus = [statistics.median(sample.cpu for sample in samples[who]) for who in (target.ours, target.theirs)]
            line |= {"cpu_ours": cpus[0], "cpu_theirs": cpus[1], "cpu_ratio": statistics.median(a.cpu / b.cpu for a, b in pairs)}
    if target.most is not None or target.least is not None:
        line["met"] = (target.most is None or value <= target.most) and (target.least is None or value >= target.least)
    return line


def measured(machine, name, make):
    progress(f"{name}: preparing")
    plan = make(machine)
    samples = {who: [] for who in plan.runs}
    rounds = plan.quick if machine.quick else plan.rounds
    try:
        order = list(plan.runs)
        for number in range(-1 if plan.warm else 0, rounds):
            if plan.between:
                plan.between()
            for who in order:
                progress(f"{name}: round {max(number, 0) + 1} of {rounds}, {who}")
                sample = plan.runs[who]()
                if number >= 0:
                    samples[who].append(sample)
            if plan.turn:
                order = order[1:] + order[:1]
    finally:
        os.chdir("/")
        end_all()
        if plan.after:
            plan.after()
    for who, value in plan.derived.items():
        samples[who] = [Sample(value({other: samples[other][number].value for other in plan.runs})) for number in range(rounds)]
    return {"name": name, "lines": [judged(target, samples, plan.unit) for target in plan.targets
                                    if target.ours in samples and (target.theirs is None or target.theirs in samples)],
            "medians": {who: statistics.median(sample.value for sample in taken) for who, taken in samples.items()}, "unit": plan.unit,
            "cpu_medians": {who: statistics.median(sample.cpu for sample in taken) for who, taken in samples.items()
                            if all(sample.cpu is not None for sample in taken)}}


def about(machine):
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = re.search(r"^model name\s*: (.*)", file.read(), re.M)
    return {"kernel": platform.release(), "processors": len(os.sched_getaffinity(0)), "processor": model[1] if model else platform.machine(),
            "bubblewrap": ".".join(map(str, machine.bwrap_version)), "date": time.strftime("%Y-%m-%d"), "quick": machine.quick}


def become(name):
    account = pwd.getpwnam(name)
    if os.getuid() != account.pw_uid:
        os.initgroups(name, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)


def stop(number, _):
    """Ends it by way of what cleans up, which is not ended itself."""
    for each in STOPS:
        signal.signal(each, lambda *_: None)
    sys.exit(128 + number)


def parsed():
    parser = argparse.ArgumentParser()
    for option in ("--user", "--here", "--base"):
        parser.add_argument(option)
    for option in ("--quick", "--keep", "--check"):  # --check: only looks whether there are such rows
        parser.add_argument(option, action="store_true")
    parser.add_argument("rows", nargs="*")
    return parser.parse_args()


def main():
    options = parsed()
    names = chosen(options.rows, options.quick)
    if options.check:
        return
    for number in STOPS:
        signal.signal(number, stop)
    reader = PssReader()
    become(options.user)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    machine = Machine(options)
    machine.pss = reader
    result = {"machine": about(machine), "order": list(ROWS), "rows": [], "not_run": machine.not_run}
    failed = False
    try:
        for name in names:
            try:
                result["rows"].append(measured(machine, name, ROWS[name][0]))
            except (Skip, Broken, OSError, subprocess.SubprocessError) as error:
                failed = failed or not isinstance(error, Skip)
                result["not_run"].append({"name": name, "why": str(error), "skipped": isinstance(error, Skip)})
    finally:
        progress()
        end_all()
        if not machine.keep:
            progress("cleaning up")
            for path in machine.used:
                shutil.rmtree(path, ignore_errors=True)
                shutil.rmtree(path + ".part", ignore_errors=True)
            progress()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(failed)


if __name__ == "__main__":
    main()
