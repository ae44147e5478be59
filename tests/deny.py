#!/usr/bin/env python3
"""deny.py CALL[:ARGUMENT][,...] ERRNO COMMAND...: runs COMMAND where these system calls (with this first ARGUMENT) fail with
ERRNO, as in a container whose seccomp profile forbids them. CALL: a name that is known here, or a number."""
import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LD_W_ABS, JEQ, RET = 0x20, 0x15, 0x06
ERRNO, ALLOW = 0x00050000, 0x7FFF0000
# x86-64, aarch64; what is newer than 5.0 has one number everywhere
NUMBERS = {
    "fchown": (93, 55), "pivot_root": (155, 41), "prctl": (157, 167), "sethostname": (170, 161), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "seccomp": (317, 277), "close_range": (436, 436),
    "landlock_create_ruleset": (444, 444)}

calls, errno, command = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3:]
program = []
for call in calls:
    name, _, argument = call.partition(":")
    number = NUMBERS[name][os.uname().machine == "aarch64"] if name in NUMBERS else int(name)
    only = [(LD_W_ABS, 0, 0, 16), (JEQ, 0, 1, int(argument))] if argument else []
    program += [(LD_W_ABS, 0, 0, 0), (JEQ, 0, 1 + len(only), number), *only, (RET, 0, 0, ERRNO | errno)]
program.append((RET, 0, 0, ALLOW))
buffer = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in program))
filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_void_p] * 4
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0):
    sys.exit(f"deny.py: {os.strerror(ctypes.get_errno())}")
os.execvp(command[0], command)
