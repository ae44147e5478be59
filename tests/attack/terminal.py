#!/usr/bin/env python3
"""Catalogue D: the caller's terminal. Runs jails on a pty of its own and looks at it from the other side."""
import os
import pty
import resource
import select
import shutil
import subprocess
import sys
import time

AJAIL = os.environ["AJAIL"]
PTS = ["./probe", "tty-held,host-pts", "pts=@DEV@:0:@PTY@"]
counts = {"passed": 0, "failed": 0, "skipped": 0}


def tell(name, ok, got=""):
    counts["passed" if ok else "failed"] += 1
    print(f"ok {name}" if ok else f"FAILED {name}: {got!r}")


def on_pty(command, seconds=20, stdin=None, say=b""):
    """Output of COMMAND, which has a pty as its controlling terminal, and what the user would find typed there."""
    master, slave = pty.openpty()
    name = os.ttyname(slave)

    def own():
        os.setsid()
        os.close(os.open(name, os.O_RDWR))

    command = [word.replace("@PTY@", name).replace("@DEV@", str(os.stat(name).st_dev)) for word in command]
    child = subprocess.Popen(
        command, stdin=slave if stdin is None else stdin, stdout=slave, stderr=slave, preexec_fn=own, close_fds=True
    )
    os.write(master, say)
    output, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([master], [], [], 0.05)[0]:
            output += os.read(master, 65536)
        elif child.poll() is not None:
            break
    code = child.poll()
    if code is None:
        child.kill()
        child.wait()
    os.set_blocking(slave, False)
    try:
        typed = os.read(slave, 4096)
    except BlockingIOError:
        typed = b""
    os.close(slave)
    os.close(master)
    return code, output, typed


def jail(*words):
    return [AJAIL, "run", "--quiet", "--fs=deb", *words]


def blocked(name, probe, *options):
    for where, command in (("", jail("--", *probe)), (" with capabilities", jail("--cap-add=SYS_ADMIN", "--", *probe))):
        code, output, typed = on_pty(command)
        tell(name + where, code == 0 and b"BLOCKED" in output and b"ALLOWED" not in output and not typed, (code, output, typed))


shutil.copy(os.path.join(os.path.dirname(AJAIL), "attack"), "probe")

# TIOCSTI and its kin, also with bits set that the kernel does not look at (CVE-2017-5226, CVE-2019-10063,
# CVE-2023-28100).
blocked("ioctl", ["./probe", "tiocsti,tiocsti-highbits,tioclinux,tiocsetd"])
_, output, typed = on_pty(["./probe", "tiocsti,tiocsti-highbits,tioclinux,tiocsetd"])
if b"ALLOWED" in output:
    tell("control of ioctl", b"ALLOWED" in output, output)
else:
    counts["skipped"] += 1
    print("skipped control of ioctl: dev.tty.legacy_tiocsti is off")

# The terminal itself: neither inherited nor by name.
blocked("the caller's terminal", PTS)
code, output, _ = on_pty(PTS)
tell("control of the caller's terminal", b"ALLOWED" in output, output)
with open("/dev/null", "rb") as null:
    code, output, typed = on_pty(jail("--", *PTS), stdin=null)
    tell("the caller's terminal as stdout only", b"BLOCKED" in output, output)
    code, output, typed = on_pty(jail("--", "sh", "-c", "echo typed </dev/tty >/dev/tty; exit 3"), stdin=null)
    tell("/dev/tty is the jail's own, or none", code == 3, (code, output))

# The mode of the host's terminal is not the payload's to keep: whatever it does, it is restored.
code, output, _ = on_pty(["sh", "-c", '"$@"; stty -a', "-", *jail("--", "stty", "raw", "-echo")])
tell("modes afterwards", b" echo " in output and b" icanon" in output and b"-icanon" not in output, output)

# What the payload leaves unread or asks the terminal for is nobody's command line: the caller's input is empty.
code, output, typed = on_pty(jail("--", "printf", r"\033[6n\033[c\033Z"))
tell("nothing typed after the jail", not typed, typed)

# A payload without its terminal must not make the monitor turn in circles: it costs no more than one that waits.
def cpu(script):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = on_pty(jail("--", "sh", "-c", script))[0]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return code, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


code, waits = cpu("exec sleep 2")
code2, closed = cpu("exec sleep 2 <&- >&- 2>&-")
got = (code, code2, f"{waits:.3f} s of CPU in 2 s while open, {closed:.3f} s while closed")
tell("the monitor sleeps while the terminal is closed", code == code2 == 0 and closed < 2 * waits + 0.15, got)

# A flood on the way out, and nobody who reads it: signals still arrive.
code, output, _ = on_pty(["timeout", "-s", "TERM", "-k", "5", "3", *jail("--", "yes")], seconds=12)
tell("a flood ends with a signal", code is not None and code != 137 and len(output) > 100000, (code, len(output)))

# A payload that stops itself again and again: the caller's group is not held for ever.
code, output, _ = on_pty(jail("--no-net", "--", "sh", "-c", "kill -STOP $$; kill -STOP $$; exit 4"), seconds=5)
tell("a payload that stops itself (an orphaned group)", code in (4, None), code)

print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
sys.exit(1 if counts["failed"] else 0)
