#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# seconds: 120
# only: root
"""What joins a jail has the very same seccomp programs as its first command, byte by byte: the kernel gives them to a
debugger who is the machine's root (ptrace(2), PTRACE_SECCOMP_GET_FILTER)."""
import ctypes
import errno
import os
import subprocess
import sys
import time

AJAIL = os.environ["AJAIL"]
SEIZE, INTERRUPT, DETACH, GET_FILTER = 0x4206, 0x4207, 17, 0x420C
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
passed = failed = 0


def check(name, good, what=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED {name}: {what}")


def process(word):
    """The one whose last argument is WORD, once it is there."""
    for _ in range(200):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if file.read().split(b"\0")[:-1] == [b"sleep", word.encode()]:
                        return int(pid)
            except OSError:
                pass
        time.sleep(0.05)
    raise SystemExit(f"no sleep {word}")


def filters(pid):
    def ask(*args):
        result = libc.ptrace(*args)
        if result < 0:
            raise OSError(ctypes.get_errno(), "ptrace")
        return result

    ask(SEIZE, pid, None, None)
    ask(INTERRUPT, pid, None, None)
    os.waitpid(pid, 0x40000000)  # __WALL
    found = []
    try:
        while True:
            program = ctypes.create_string_buffer(8 * ask(GET_FILTER, pid, len(found), None))
            ask(GET_FILTER, pid, len(found), program)
            found.append(program.raw)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
    finally:
        libc.ptrace(DETACH, pid, None, None)
    return found


with open("profile.json", "w") as profile:
    profile.write('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}]}')
for options in ([], ["--seccomp=strict"], ["--seccomp=profile.json"], ["--nested"], ["--no-seccomp"], ["--no-root-emulation"],
                ["--allow=ptrace", "--deny=personality"], ["--user=www-data"], ["--cap-add=SYS_ADMIN", "--timeout=100"]):
    jail = subprocess.Popen([AJAIL, "run", "--quiet", "--fs=deb", "--name=filtered", *options, "sleep", "6001"])
    try:
        first = filters(process("6001"))
        joined = subprocess.Popen([AJAIL, "exec", "filtered", "sleep", "6002"])
        second = filters(process("6002"))
    finally:
        subprocess.run([AJAIL, "kill", "--force", "filtered"], check=False)
    jail.wait()
    joined.wait()
    check(f"{options}: the same", first == second, [[len(p) for p in each] for each in (first, second)])
    check(f"{options}: there are some", len(first) >= 1, len(first))
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
