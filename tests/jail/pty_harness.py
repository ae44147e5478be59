"""What the tests of terminals and of life and death share: checks that count, a terminal to type into, processes to
look for. Standard library only.

A test file is a list of functions marked with @test; run() calls each, and counts. A function that returns has passed;
one that raises has failed, and its exception says what was wanted and what was got. Nothing here waits for a fixed
time where there is something to wait for, and nothing waits for ever.
"""
import ctypes
import errno
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import traceback

AJAIL = os.environ["AJAIL"]
LONG = 30.0  # for what takes milliseconds: far more than a loaded machine needs
PR_SET_CHILD_SUBREAPER = 36
TIOCGPTN, TIOCSPTLCK = 0x80045430, 0x40045431  # ioctl_tty(2)

_libc = ctypes.CDLL(None, use_errno=True)
_tests = []


class Failed(Exception):
    """WANTED and GOT, for people."""

    def __init__(self, wanted, got):
        super().__init__(f"wanted {wanted}, got {got}")


class Skipped(Exception):
    """Why a test says nothing on this machine."""


def not_sanitized(why):
    """The sanitizers' own calls and memory are in the way of some tests."""
    with open(AJAIL, "rb") as file:
        if b"__asan_init" in file.read():
            raise Skipped(f"this one is built with sanitizers, which {why}")


def test(function):
    _tests.append(function)
    return function


def run():
    """Runs all tests of a file (or those whose names are arguments) and exits."""
    passed = failed = skipped = 0
    for function in _tests:
        name = function.__name__.replace("_", " ")
        if sys.argv[1:] and function.__name__ not in sys.argv[1:]:
            continue
        start = time.monotonic()
        try:
            function()
        except Skipped as why:
            skipped += 1
            print(f"skipped {name}: {why}", flush=True)
        except Exception as error:  # whatever it is, the other tests go on
            failed += 1
            line = traceback.extract_tb(error.__traceback__)
            here = next((f.lineno for f in reversed(line) if f.filename == sys.argv[0]), 0)
            what = error if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
            print(f"FAILED {name}: {what} (line {here})", flush=True)
        else:
            passed += 1
            print(f"ok {name} ({time.monotonic() - start:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    sys.exit(1 if failed else 0)


def equal(what, want, got):
    if want != got:
        raise Failed(f"{what}: {want!r}", repr(got))


def true(what, condition, got=""):
    if not condition:
        raise Failed(what, got or "not so")


def eventually(what, condition, timeout=LONG):
    """Waits until CONDITION() is true, and returns what it returned."""
    end = time.monotonic() + timeout
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed(f"{what} within {timeout} s", repr(got))
        time.sleep(0.01)


def contents(path):
    """What stands in a file, or nothing."""
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="surrogateescape")
    except (FileNotFoundError, ProcessLookupError):
        return ""


# Commands


def jail(*command, options=()):
    return [AJAIL, "run", "--quiet", "--fs=deb", *options, "--", *command]


def script(text, *arguments, options=()):
    """A jail with a shell script."""
    return jail("sh", "-c", text, *(arguments or ("sh",)), options=options)


def completed(argv, timeout=LONG, **kwargs):
    """Runs to the end: (exit status as a shell tells it, stdout, stderr)."""
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, **kwargs)
    return status_of(done.returncode), done.stdout, done.stderr


def status_of(returncode):
    return returncode if returncode >= 0 else 128 - returncode


# Processes


def processes(mark):
    """The pids of all processes, zombies aside, with MARK in an argument."""
    found = []
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if mark.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass  # it has ended meanwhile
    return [pid for pid in found if pid != os.getpid()]


def sleepers(mark):
    """Those of them that are sleep(1): before its exec the payload, like init for a moment, looks like ajail."""
    return [pid for pid in processes(mark) if contents(f"/proc/{pid}/comm") == "sleep\n"]


_marks = 0


def new_mark():
    """An argument that nobody else has; sleep(1) takes it for a time of more than a day."""
    global _marks
    _marks += 1
    return f"{100000 + os.getpid()}.{_marks:03}{int(time.time() * 1000) % 10**9:09}"


def stat_of(pid):
    """The fields of /proc/PID/stat from the third on (proc(5)), or None."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().decode(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def state(pid):
    """`S`, `T`, `Z` ...; empty for a process that is gone."""
    fields = stat_of(pid)
    return fields[0] if fields else ""


def cpu_seconds(pid):
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        fields = stat_of(entry) if entry.isdigit() else None
        if fields and int(fields[1]) == pid:
            found.append(int(entry))
    return found


def become_subreaper():
    """Orphans of ours come to us, so that `no children left` means that nobody survived."""
    if _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def no_children():
    """Reaps; true when there is nobody left."""
    try:
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return False
    except ChildProcessError:
        return True


# A terminal


def shown(data):
    """For a message: the end of what a terminal got."""
    return repr(data[-1500:].decode(errors="backslashreplace"))


class Terminal:
    """A pty and a program on it, which leads a session of its own and has it as controlling terminal.

    stdin, stdout: descriptors to use in place of the terminal. The modes and the size are those of the terminal; this
    process holds its master only.
    """

    def __init__(self, argv, rows=50, columns=200, env=None, stdin=None, stdout=None):
        self.buffer = b""
        self.everything = b""
        self.status = None
        self.master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(self.master, TIOCSPTLCK, struct.pack("i", 0))
        self.name = "/dev/pts/%d" % struct.unpack("i", fcntl.ioctl(self.master, TIOCGPTN, struct.pack("i", 0)))
        self.resize(rows, columns)
        self.initial = termios.tcgetattr(self.master)
        environment = dict(os.environ, TERM="dumb", PS1="HOST> ", INPUTRC="/dev/null", HISTFILE="")
        environment.update(env or {})
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                slave = os.open(self.name, os.O_RDWR)  # the first of a session leader: it controls from now on
                for number in range(3):
                    os.dup2({0: stdin, 1: stdout}.get(number) or slave, number)
                os.closerange(3, 1024)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it
                os.execvpe(argv[0], argv, environment)
            finally:
                os._exit(127)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Hangs up and kills what is left in the session."""
        self.hang_up()
        for entry in os.listdir("/proc"):
            fields = stat_of(entry) if entry.isdigit() else None
            if fields and int(fields[3]) == self.pid and fields[0] != "Z":
                try:
                    os.kill(int(entry), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        if self.status is None:
            self.wait()

    def hang_up(self):
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def send(self, data):
        data = data.encode() if isinstance(data, str) else data
        end = time.monotonic() + LONG
        while data:
            # Reading meanwhile: a program that waits until its output is taken reads no input.
            readable, writable, _ = select.select([self.master], [self.master], [], 1)
            if readable:
                self._read()
            if writable:
                data = data[os.write(self.master, data[:256]):]
            if time.monotonic() > end:
                raise Failed("the terminal takes what is typed", f"{len(data)} bytes left")

    def line(self, text):
        self.send(text + "\r")

    def _read(self):
        """False at the end: nobody has the terminal open any more."""
        try:
            data = os.read(self.master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        self.buffer += data
        self.everything += data
        return bool(data)

    def read_for(self, seconds):
        """Reads what comes in this time: for output that should not come."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0] and not self._read():
                return

    def expect(self, regex, timeout=LONG):
        """Waits until REGEX is in the output that no expect() has passed yet; the match."""
        pattern = re.compile(regex.encode() if isinstance(regex, str) else regex, re.S)
        end = time.monotonic() + timeout
        while True:
            match = pattern.search(self.buffer)
            if match:
                self.buffer = self.buffer[match.end():]
                return match
            left = end - time.monotonic()
            if left <= 0:
                raise Failed(f"/{regex}/ on the terminal within {timeout} s", shown(self.buffer))
            if select.select([self.master], [], [], left)[0] and not self._read():
                match = pattern.search(self.buffer)
                if match:
                    continue
                raise Failed(f"/{regex}/ on the terminal", "its end after " + shown(self.buffer))

    def finish(self, timeout=LONG):
        """Reads to the end and waits: the exit status as a shell tells it."""
        end = time.monotonic() + timeout
        while self.wait_quickly() is None:
            if select.select([self.master], [], [], 0.02)[0]:
                self._read()
            if time.monotonic() > end:
                raise Failed(f"an end within {timeout} s", "it runs; last it said " + shown(self.everything))
        while select.select([self.master], [], [], 0)[0] and self._read():
            pass
        return self.status

    def wait_quickly(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status_of(os.waitstatus_to_exitcode(status))
        return self.status

    def wait(self, timeout=LONG):
        """Like finish(), for a terminal that has been hung up."""
        end = time.monotonic() + timeout
        while self.wait_quickly() is None:
            if time.monotonic() > end:
                raise Failed(f"an end within {timeout} s", f"state {state(self.pid)}")
            time.sleep(0.01)
        return self.status

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def foreground(self):
        """The process group that the terminal is given to (0: none)."""
        return struct.unpack("i", fcntl.ioctl(self.master, termios.TIOCGPGRP, struct.pack("i", 0)))[0]

    def modes(self):
        """The modes that matter, by name."""
        in_, out, _, local = termios.tcgetattr(self.master)[:4]
        return {"icanon": bool(local & termios.ICANON), "echo": bool(local & termios.ECHO),
                "isig": bool(local & termios.ISIG), "opost": bool(out & termios.OPOST),
                "icrnl": bool(in_ & termios.ICRNL), "ixon": bool(in_ & termios.IXON)}

    def same_modes(self):
        """The terminal's modes are those that it began with."""
        now = termios.tcgetattr(self.master)
        # A control character that is off comes back as 0 or b"\0", as the modes of lines would have it (termios.py).
        plain = lambda modes: modes[:6] + [[c if isinstance(c, bytes) else bytes([c]) for c in modes[6]]]
        equal("modes", plain(self.initial), plain(now))

    def is_raw(self):
        return not any(self.modes().values())

    def is_sane(self):
        return all(self.modes().values())


JAIL_PROMPT = r"JAIL> $"
HOST_PROMPT = r"HOST> $"


def shell_in_jail(options=(), **kwargs):
    """A terminal with an interactive bash in a jail, at its prompt."""
    terminal = Terminal(jail("bash", "--norc", "--noprofile", "-i", options=(
        "--env=PS1=JAIL> ", "--env=INPUTRC=/dev/null", *options)), **kwargs)
    terminal.expect(JAIL_PROMPT)
    return terminal


def shell_on_host(**kwargs):
    """A terminal with an interactive bash, at its prompt; $J starts a jail."""
    env = {"J": " ".join(jail())}
    env.update(kwargs.pop("env", {}))
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], env=env, **kwargs)
    terminal.expect(HOST_PROMPT)
    return terminal
