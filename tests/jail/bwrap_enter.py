"""As bwrap, with --userns: the user namespace is others' as well. Who has CAP_SYS_PTRACE in there may trace whoever
enters it, so nobody who can still reach the host lets himself be looked at."""
# seconds: 60
import json
from pty_harness import *

ROOT = ["--ro-bind", "/", "/", "--dev", "/dev"]
F_SETPIPE_SZ, PIPE = 1031, 4096

# Reads process numbers, and says for each what could be opened of it.
PROBE = r"""
import os, sys
def can(look):
    try:
        look()
        return True
    except OSError:
        return False
print("ready", flush=True)
for line in sys.stdin:
    of = f"/proc/{line.strip()}/"
    looks = {
        "root": lambda: os.close(os.open(of + "root", os.O_PATH | os.O_DIRECTORY)),
        "cwd": lambda: os.close(os.open(of + "cwd", os.O_PATH | os.O_DIRECTORY)),
        "fd": lambda: os.readlink(of + "fd/0"),
        "mem": lambda: os.close(os.open(of + "mem", os.O_RDONLY)),
    }
    print(" ".join(name for name, look in looks.items() if can(look)), flush=True)
"""


class Inside:
    """A process with all capabilities in a user namespace of its own, which can see everybody."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "--user", "--map-root-user", sys.executable, "-c", PROBE],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise Skipped("no user namespace for the one who looks")
        self.userns = os.open(f"/proc/{self.process.pid}/ns/user", os.O_RDONLY)

    def can_open(self, pid):
        self.process.stdin.write(f"{pid}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.userns)
        self.process.kill()
        self.process.wait()


def enters(inside, *options, pass_fds=()):
    command = [AJAIL, "bwrap", *ROOT, "--userns", str(inside.userns), "--uid", "0", "--gid", "0", *options]
    return subprocess.Popen(command, pass_fds=[inside.userns, *pass_fds], stdin=subprocess.DEVNULL)


@test
def who_enters_with_nothing_to_hide_can_be_looked_at():
    with Inside() as inside:
        other = subprocess.Popen(["nsenter", "--preserve-credentials", f"--user=/proc/self/fd/{inside.userns}",
                                  "sleep", "100"], pass_fds=[inside.userns])
        eventually("it can", lambda: inside.can_open(other.pid) == ["root", "cwd", "fd", "mem"])
        other.kill()
        other.wait()


@test
def the_monitor_cannot():
    with Inside() as inside:
        reader, writer = os.pipe()
        mark = new_mark()
        monitor = enters(inside, "--info-fd", str(writer), "sleep", mark, pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader) as told:
            info = json.load(told)
        eventually("it runs", lambda: sleepers(mark))
        equal("of the monitor", [], inside.can_open(monitor.pid))
        true("what is told of the jail's namespaces", info["mnt-namespace"] != os.stat("/proc/self/ns/mnt").st_ino, info)
        for pid in sleepers(mark):
            equal("its mount namespace", info["mnt-namespace"], os.stat(f"/proc/{pid}/ns/mnt").st_ino)
            os.kill(pid, signal.SIGKILL)
        monitor.wait(LONG)


def the_one_that_waits(monitor):
    """Its only child, if both have been waiting for a while: who only bears the child is soon gone."""
    before = children(monitor)
    time.sleep(0.1)
    waits = len(before) == 1 and children(monitor) == before and state(monitor) == "S" and state(before[0]) == "S"
    return before[0] if waits else None


@test
def nobody_can_during_the_setup():
    with Inside() as inside:
        for options in ([], ["--unshare-pid"]):
            # The monitor waits to get rid of what it tells, and the child for the monitor.
            reader, writer = os.pipe()
            fcntl.fcntl(writer, F_SETPIPE_SZ, PIPE)
            os.write(writer, b"x" * PIPE)
            monitor = enters(inside, *options, "--info-fd", str(writer), "true", pass_fds=[writer])
            os.close(writer)
            child = eventually("both wait", lambda: the_one_that_waits(monitor.pid))
            for pid in (monitor.pid, child):
                equal(f"{options}: of {pid}", [], inside.can_open(pid))
            with os.fdopen(reader, "rb") as told:
                told.read()
            equal("status", 0, monitor.wait(LONG))


run()
