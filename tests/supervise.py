#!/usr/bin/env python3
"""supervise.py SECONDS COMMAND...: runs COMMAND in a session of its own, and tells which processes it left behind.

All that descends from COMMAND stays below this process, however often it forks (PR_SET_CHILD_SUBREAPER), so that
what other programs of the same user do meanwhile does not matter. Exits as COMMAND; 124 after a timeout. Writes one
line for each process left to descriptor 3, and kills them.
"""
import ctypes
import os
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
GRACE = 2.0  # a jail that dies needs a moment for its namespaces


def parents():
    """pid -> (parent, state, name) of all processes."""
    table = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                text = file.read().decode(errors="replace")
        except OSError:
            continue
        name = text[text.index("(") + 1 : text.rindex(")")]
        state, parent = text[text.rindex(")") + 2 :].split()[:2]
        table[int(entry)] = (int(parent), state, name)
    return table


def descendants():
    table = parents()
    found, level = {}, {os.getpid()}
    while level:
        level = {pid for pid, (parent, state, _) in table.items() if parent in level and state != "Z"}
        found.update({pid: table[pid][2] for pid in level})
    return found


def reap(wanted):
    """Reaps all that have ended; the wait status of WANTED if it is among them."""
    status = None
    while True:
        try:
            pid, ended = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == wanted:
            status = ended


def kill_all():
    for pid in descendants():
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def main():
    limit, command = float(sys.argv[1]), sys.argv[2:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit("supervise.py: prctl failed")
    os.set_inheritable(3, False)
    child = os.fork()
    if child == 0:
        os.setsid()
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec would pass that on
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)
    end, status = time.monotonic() + limit, None
    while status is None and time.monotonic() < end:
        time.sleep(0.005)
        status = reap(child)
    code = 124 if status is None else os.waitstatus_to_exitcode(status)
    if status is None:
        kill_all()
    end = time.monotonic() + GRACE
    while descendants() and time.monotonic() < end:
        time.sleep(0.02)
        reap(child)
    for pid, name in descendants().items():
        os.write(3, f"process {name} ({pid})\n".encode())
    kill_all()
    sys.exit(code if code >= 0 else 128 - code)


try:
    main()
except KeyboardInterrupt:  # what runs is in a session of its own, and has not heard it
    kill_all()
    sys.exit(130)
