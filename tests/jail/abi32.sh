#!/bin/bash
# --allow=32bit: 32-bit programs run, under the same policy by their own numbers. The probe is a 64-bit program that takes
# the other entrance, int 0x80; a 32-bit one besides, where the compiler can make it.
. "$TESTS/lib.sh"

# 64-bit Arm: there is no option, and they are always killed. getpid() and exit(7), of the 32-bit table.
if [ "$(uname -m)" = aarch64 ]; then
    python3 - <<'END'
import os, struct
code = struct.pack("<5I", 0xe3a07014, 0xef000000, 0xe3a07001, 0xe3a00007, 0xef000000)  # mov r7; svc; mov r7; mov r0; svc
base, size = 0x10000, 52 + 32 + len(code)
head = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<2H5I6H", 2, 40, 1, base + 84, 52, 0, 0x05000200, 52, 32, 1, 0, 0, 0)
with open("arm32", "wb") as file:
    file.write(head + struct.pack("<8I", 1, 0, base, base, size, size, 5, 4096) + code)
os.chmod("arm32", 0o755)
END
    if ./arm32 2>ran || [ $? != 7 ]; then
        skip '32-bit programs' "this machine runs none: $(cat ran)"
        exit 0
    fi
    status 'killed' 159 jail -- ./arm32
    equal 'which is said in one line' 1 "$(grep -c '^ajail: the command was killed by SIGSYS, ' "$ERR")"
    status 'by a shell' 159 jail -- sh -c './arm32; exit $?'
    status 'also without the allowlist' 159 jail --no-seccomp -- ./arm32
    status 'strict' 159 jail --seccomp=strict -- ./arm32
    refuses 'allowed by no option' '=32bit: there are no 32-bit programs' jail --allow=32bit true
    exit 0
fi
if [ "$(uname -m)" != x86_64 ]; then
    skip '32-bit programs' 'of x86-64'
    exit 0
fi
"${CC:-cc}" -static -O1 -o call32 "$TESTS/jail/abi32_probe.c" || exit 1
if [ "$(./call32 20)" != ok ]; then
    skip '32-bit programs' 'this kernel runs none (CONFIG_IA32_EMULATION)'
    exit 0
fi

export PROBE=./call32
# abi NAME WANT NUMBER ARGUMENT...
abi() { says "$1" "$2" --allow=32bit -- "${@:3}"; }

status 'killed without the option' 159 jail -- ./call32 20
equal 'which is said in one line' 1 "$(wc -l <"$ERR")"
check 'it is' grep -q '^ajail: the command was killed by SIGSYS, .*--allow=32bit' "$ERR"
status 'by a shell' 159 jail -- sh -c './call32 20; exit $?'
check 'it is said as well' grep -q '^ajail: the command was killed by SIGSYS, ' "$ERR"
status 'also without the allowlist' 159 jail --no-seccomp -- ./call32 20
status 'denied wins' 159 jail --allow=32bit --deny=32bit -- ./call32 20
abi 'getpid' ok 20
abi 'what is not known' ENOSYS 999
abi 'mount' EPERM 21
abi 'umount' EPERM 22
abi 'bpf' EPERM 357
abi 'perf' EPERM 336
abi 'userfaultfd' EPERM 374
abi 'open_by_handle_at' EPERM 342
abi 'clone3' ENOSYS 435
abi 'io_uring' ENOSYS 425
abi 'keyctl' ENOSYS 288
abi 'a user namespace' EPERM 310 0x10000000
abi 'the same by clone' EPERM 120 0x10000000
abi 'another personality' EPERM 136 0x400000
abi '16-bit segments' EPERM 123
abi '16-bit mode' EPERM 166
abi 'TIOCSTI' EPERM 54 0 0x5412
abi 'socket: AF_UNIX' ok 359 1 1 0
abi 'socket: AF_ALG' EAFNOSUPPORT 359 38 5 0
abi 'socket: netfilter' EPROTONOSUPPORT 359 16 3 12
abi 'socketcall, which hides it' ENOSYS 102 1
abi 'ipc' ENOSYS 117 21
says 'socketcall by name' EFAULT --allow=32bit,socketcall -- 102 1 0
says 'denied by name' EPERM --allow=32bit --deny=mkdir -- 39
says 'in its wider form, too' EPERM --allow=32bit --deny=chown -- 212
says 'strict' EPERM --allow=32bit --seccomp=strict -- 26 99
# What init refuses it also tells of; and nobody else listens (SECCOMP_FILTER_FLAG_NEW_LISTENER).
abi 'no listener' EBUSY 354 1 8 0
abi 'other programs as one likes' EFAULT 354 1 0 0
matches 'what was refused is told' '^ajail: refused on the way: perf_event_open \(--allow=perf\)$' \
    "$AJAIL" run --fs=deb --allow=32bit -- sh -c './call32 336; exit 3'
says 'x32 stays away' ENOSYS --allow=32bit -- 0x40000014
matches 'the plan names it' '^seccomp +default\+noted\+32bit terminal\+init\+32bit (root|devices)\+noted\+setid\+listener\+32bit$' jail --allow=32bit --dry-run true
matches 'it is said' 'Allowed: 32bit \(' "$AJAIL" run --fs=deb --allow=32bit true

# The root emulation, asked by their numbers: ids of 16 bits do not exist.
abi 'getuid16' ENOSYS 24
abi 'setuid16' ENOSYS 23
abi 'chown16' ENOSYS 182 0 0 0
if [ "$AS" != root ]; then # else all of it is really done
    abi 'chown is answered' ok 212 0 5 5
    abi 'lchown is answered' ok 198 0 5 5
    abi 'setuid is answered' ok 213 5
    abi 'setgroups is answered' ok 206 0 0
    abi 'setresuid is answered' ok 208 5 5 5
fi
echo '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
    "syscalls": [{"name": "mkdir", "action": "SCMP_ACT_ERRNO"}]}' >32.json
says 'a profile for it' EPERM --allow=32bit --seccomp=32.json -- 39 2>/dev/null
says 'and its walls' EPERM --allow=32bit --seccomp=32.json -- 54 0 0x5412 2>/dev/null
status 'a profile alone does not bring it' 159 jail --seccomp=32.json -- ./call32 20
echo '{"defaultAction": "SCMP_ACT_ALLOW"}' >64.json
status 'nor one without it' 159 jail --allow=32bit --seccomp=64.json -- ./call32 20
check 'the profile is named' grep -q '^ajail: the command was killed by SIGSYS, .*--seccomp' "$ERR"

if "${CC:-cc}" -m32 -static -O1 -o program32 "$TESTS/jail/abi32_program.c" 2>/dev/null; then
    uid=5
    [ "$AS" != root ] || uid=5
    output 'a program of libc' "time thread fork stat uid=$uid socket=ENOSYS" jail --allow=32bit -- ./program32
    output 'with socketcall' "time thread fork stat uid=$uid socket=ok" jail --allow=32bit,socketcall -- ./program32
else
    skip 'a program of libc' 'no 32-bit libc (gcc-multilib)'
fi
