#!/bin/bash
# --seccomp=FILE: profiles in Docker's and OCI's format. What a program compiled from one answers is for tests/unit; here
# it is that it is loaded, beside ajail's own, and that files which are none are told in one line.
. "$TESTS/lib.sh"

if [ "$(uname -m)" != x86_64 ]; then
    skip 'profiles' 'the numbers here are those of x86-64'
    exit 0
fi
"${CC:-cc}" -static -O1 -o call "$TESTS/jail/seccomp_probe.c" || exit 1
mkdir outside && mv call outside/ && mkdir work && cd work || exit 1
call() { jail --rol="$PWD/../outside" "$@"; }
high=0x100000000

# profile NAME DEFAULT RULES: ../NAME.json, which also lets the command be started
profile() {
    printf '{"defaultAction": "SCMP_ACT_%s", "syscalls": [%s]}\n' "$2" "$3" >"../$1.json"
}
export PROBE=../outside/call
# under NAME WANT PROFILE [OPTION...] -- NUMBER [ARGUMENT...]
under() { says "$1" "$2" --rol="$PWD/../outside" --seccomp="../$3.json" "${@:4}"; }

profile deny ALLOW '{"names": ["mkdir", "nosuchcall"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
    {"name": "ioctl", "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 99, "op": "SCMP_CMP_EQ"}]},
    {"name": "ioctl", "action": "SCMP_ACT_ALLOW"},
    {"name": "acct", "action": "SCMP_ACT_KILL_PROCESS"}'
under 'what it refuses' EACCES deny -- 83
under 'an argument' EPERM deny -- 16 0 99
under 'with high bits' EPERM deny -- 16 0 $((high | 99))
under 'another' ENOTTY deny -- 16 0 98
under 'what it allows, ajail'\''s own policy does not matter' EFAULT deny -- 321 0 0 100
status 'what it kills' 159 call --seccomp=../deny.json -- ../outside/call 163
output 'a shell lives with it' hi jail --seccomp=../deny.json -- sh -c 'echo hi'
output 'with the host'\''s programs' EACCES "$AJAIL" run --quiet --fs=host --rol="$PWD/../outside" --seccomp=../deny.json -- \
    ../outside/call 83
output 'as another user' EACCES call --user=daemon --seccomp=../deny.json -- ../outside/call 83

# ajail's own walls stay.
under 'rings' EPERM deny -- 425 1 0
if [ "$("$PROBE" 425 1 0)" = EFAULT ]; then
    under 'rings, when asked for' EFAULT deny --allow=io_uring -- 425 1 0
    denied 'but not what is denied' jail --seccomp=../deny.json --allow=io_uring --deny=io_uring_setup --rol="$PWD/../outside" -- \
        sh -c '[ "$(../outside/call 425 1 0)" = EFAULT ]'
else
    skip 'rings' 'this kernel lets nobody make any'
fi
matches 'what they give up is said' '^given up .*set-user-ID bits off files in granted directories: io_uring' \
    jail --seccomp=../deny.json --allow=io_uring --dry-run true
under 'the limits of init' EPERM deny -- 302 1 7 8 0
under 'TIOCSTI' EPERM deny -- 16 0 0x5412
under 'TIOCSTI with high bits' EPERM deny -- 16 0 $((high | 0x5412))
owner=0:0
[ "$AS" != root ] || owner=33:33 # really done, with a range
output 'the root emulation' $owner jail --seccomp=../deny.json -- sh -c 'touch /tmp/x && chown 33:33 /tmp/x && stat -c %u:%g /tmp/x'
denied 'no user namespaces' jail --seccomp=../deny.json -- unshare -Ur true
other=()
[ "$AS" != root ] || other=(--user=daemon)
check 'but with --allow=userns' jail --seccomp=../deny.json --allow=userns "${other[@]}" -- unshare -Ur true
profile rooms ALLOW '{"name": "unshare", "action": "SCMP_ACT_ERRNO"}, {"name": "clone3", "action": "SCMP_ACT_ERRNO"},
    {"name": "clone", "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 268435456, "valueTwo": 268435456, "op": "SCMP_CMP_MASKED_EQ"}]}'
refuses '--nested with one that lets nobody make any' '^ajail: --seccomp=../rooms.json: with --nested .* lets nobody make a user namespace; allow' \
    jail --seccomp=../rooms.json --nested true
check 'without --nested it does' jail --seccomp=../rooms.json true
matches 'what is said of netfilter' 'Allowed: userns \(.*; netfilter as the profile says\)' \
    "$AJAIL" run --fs=deb --seccomp=../deny.json --nested true
matches 'and with the policy' 'Allowed: userns \(.*; netfilter stays refused\)' "$AJAIL" run --fs=deb --nested true

matches 'the plan names it' "^seccomp +terminal\+init (root|devices)\+setid\+listener -io_uring_setup $(dirname "$PWD")/deny.json \([0-9]+ instructions\)$" \
    jail --seccomp=../deny.json --dry-run true
matches 'and what is denied besides' '^seccomp +terminal\+init (root|devices)\+setid\+listener -acct-chdir-io_uring_setup /' \
    jail --seccomp=../deny.json --deny=chdir,acct --dry-run true
matches 'as JSON' '"seccomp_profile": "/.*/deny.json"' jail --seccomp=../deny.json --dry-run=json true
matches 'it is said' 'Seccomp: as ../deny.json says' "$AJAIL" run --fs=deb --seccomp=../deny.json true
matches 'what is passed over is said' 'no system call nosuchcall here' "$AJAIL" run --fs=deb --verbose --seccomp=../deny.json true
under '--deny' EPERM deny --deny=chdir -- 80
under '--deny, and the rest' EACCES deny --deny=chdir -- 83
refuses '--allow' '^ajail: --allow=perf: with a profile, that says what is allowed' jail --seccomp=../deny.json --allow=perf true
under 'the last one counts' EPERM deny --seccomp=default -- 321

profile shut ERRNO '{"names": ["execve", "write", "exit_group", "brk", "arch_prctl", "set_tid_address", "set_robust_list",
    "rseq", "prlimit64", "mprotect", "readlinkat", "readlink", "getrandom", "newfstatat", "fstat", "mmap", "uname", "ioctl"],
    "action": "SCMP_ACT_ALLOW"},
    {"name": "chdir", "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_NET_RAW"]}},
    {"name": "fchdir", "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "5.0"}},
    {"name": "getsid", "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "5.0"}}'
under 'an allowlist that is as short as can be' EPERM shut -- 83
under 'what is newer than it' ENOSYS shut -- 999
under 'without the capability' EPERM shut -- 80 0
under 'with it' EFAULT shut --cap-add=CAP_NET_RAW -- 80 0
under 'for this kernel' EBADF shut -- 81 99
under 'not for this kernel' EPERM shut -- 124 0

# Files that are none.
bad() { # NAME REGEX TEXT
    printf '%s' "$3" >../bad.json
    refuses "$1" "^ajail: --seccomp=../bad.json: $2" jail --seccomp=../bad.json true
}
bad 'not JSON' 'line 2, column 3: this is not JSON$' $'{\n  defaultAction: 1}'
bad 'empty' 'line 1, column 1: this is not JSON$' ''
bad 'nested' 'is nested too deep$' "$(printf '[%.0s' {1..100000})"
bad 'an unknown action' "syscalls\[0\].action: unknown action 'SCMP_ACT_DENY'$" \
    '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "bpf", "action": "SCMP_ACT_DENY"}]}'
bad 'escape sequences' "defaultAction: unknown action '.x1b\[31m'$" '{"defaultAction": "\u001b[31m"}'
bad 'a listener' 'listenerPath: is not supported' '{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x"}'
bad 'what could start nothing' 'does not allow execve' '{"defaultAction": "SCMP_ACT_ERRNO"}'
refuses 'no file' '^ajail: --seccomp=../none.json: No such file or directory' jail --seccomp=../none.json true
refuses 'a directory' '^ajail: --seccomp=../: is not a file' jail --seccomp=../ true
mkfifo ../fifo.json
refuses 'a FIFO' '^ajail: --seccomp=../fifo.json: is not a file' timeout 10 "$AJAIL" run --quiet --fs=deb --seccomp=../fifo.json true
refuses 'a device' '^ajail: --seccomp=/dev/zero: is not a file' jail --seccomp=/dev/zero true
truncate -s 2M ../large.json
refuses 'a large one' '^ajail: --seccomp=../large.json: is larger than 1 MiB' jail --seccomp=../large.json true
cp ../deny.json inside.json
matches 'where a jail can change it' '^ajail: warning: --seccomp=inside.json is in /.*, where the jail may write' \
    jail --seccomp=inside.json true
matches 'but not where it cannot' '^hi$' jail --rol --seccomp=inside.json echo hi
equal 'and nothing else' '' "$(cat "$ERR")"
