#!/usr/bin/env python3
"""deny.py NUMBER[:ARGUMENT] ERRNO COMMAND...: runs COMMAND where system call NUMBER (with this first ARGUMENT) fails with
ERRNO, as in a container whose seccomp profile forbids it."""
import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LD_W_ABS, JEQ, RET = 0x20, 0x15, 0x06
ERRNO, ALLOW = 0x00050000, 0x7FFF0000

(number, _, argument), errno, command = sys.argv[1].partition(":"), int(sys.argv[2]), sys.argv[3:]
number = int(number)
only = [(LD_W_ABS, 0, 0, 16), (JEQ, 0, 1, int(argument))] if argument else []
program = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in [(LD_W_ABS, 0, 0, 0), (JEQ, 0, 1 + len(only), number), *only, (RET, 0, 0, ERRNO | errno), (RET, 0, 0, ALLOW)]
)
buffer = ctypes.create_string_buffer(program)
filter_ = struct.pack("HxxxxxxP", 4 + len(only), ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_void_p] * 4
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0):
    sys.exit(f"deny.py: {os.strerror(ctypes.get_errno())}")
os.execvp(command[0], command)
