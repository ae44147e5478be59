#!/bin/bash
# The system calls of a jail: what the default policy refuses and how, --seccomp, --allow and --deny. That the programs
# say what the policies say is for tests/unit; here it is that they are loaded, and programs live with them.
. "$TESTS/lib.sh"

"${CC:-cc}" -static -O1 -o call "$TESTS/jail/seccomp_probe.c" || exit 1
high=0x100000000

export PROBE=./call

# The kernel's own answers: what is allowed is answered as outside. (A kernel without a call says ENOSYS in both.)
trace=$(./call ptrace 99) ring=$(./call 425 1 0) perf=$(./call perf_event_open) vsock=$(./call socket 40 1 99)
keys=$(./call keyctl 999) fault=$(./call userfaultfd 0xffff)

says 'a call that is not known' ENOSYS -- 999
says 'statmount' ENOSYS -- 457
says 'clone3' ENOSYS -- 435
says 'io_uring' ENOSYS -- 425 1 0
says 'memfd_secret' ENOSYS -- 447 0
says 'keyctl' ENOSYS -- keyctl 0
says 'mount' EPERM -- mount
says 'userfaultfd' EPERM -- userfaultfd 0
says 'perf' EPERM -- perf_event_open
says 'bpf' EPERM -- bpf
says 'open_by_handle_at' EPERM -- open_by_handle_at
says 'a user namespace' EPERM -- unshare 0x10000000
says 'with high bits' EPERM -- unshare $((high | 0x10000000))
says 'another personality' EPERM -- personality 0x400000
says 'AF_UNIX' ok -- socket 1 1 0
says 'AF_NETLINK' ok -- socket 16 3 0
says 'netfilter' EPROTONOSUPPORT -- socket 16 3 12
says 'AF_ALG' EAFNOSUPPORT -- socket 38 5 0
says 'AF_ALG, with high bits' EAFNOSUPPORT -- socket $((high | 38)) 5 0
says 'AF_VSOCK' EAFNOSUPPORT -- socket 40 1 0
says 'ptrace' "$trace" -- ptrace 99
output 'as with the host'\''s programs' EPERM "$AJAIL" run --quiet --fs=host -- ./call userfaultfd 0
output 'and as a user' EPERM jail --user=daemon -- ./call userfaultfd 0

# The bits of a policy that the root emulation stands on.
owner=0:0
[ "$AS" != root ] || owner=33:33 # really done, with a range
output 'chown, as root' $owner jail -- sh -c 'touch /tmp/x && chown 33:33 /tmp/x && stat -c %u:%g /tmp/x'

for option in --seccomp=off --no-seccomp; do
    says "$option" "$ring" $option -- 425 1 0
    matches "$option in the plan" '^seccomp +(root|devices)$' jail $option --dry-run true
    matches "$option on stderr" 'Seccomp: off' "$AJAIL" run --fs=deb $option true
done
matches 'without any' '^seccomp +no$' jail --no-seccomp --no-root-emulation --dry-run true
says '--seccomp=default' ENOSYS --no-seccomp --seccomp=default -- 425 1 0

strict() { jail --seccomp=strict "$@"; }
says 'strict: ptrace' EPERM --seccomp=strict -- ptrace 99
says 'strict: uevents' EPROTONOSUPPORT --seccomp=strict -- socket 16 3 15
says 'strict: openat2' ENOSYS --seccomp=strict -- 437
denied 'strict: no set-id bits' strict -- sh -c 'touch /tmp/x && chmod u+s /tmp/x'
check 'strict: other modes' strict -- sh -c 'touch /tmp/x && chmod 1777 /tmp/x && mkdir -m 700 /tmp/y && ls -l /tmp/x >/tmp/z'
says 'strict, but ptrace' "$trace" --seccomp=strict --allow=ptrace -- ptrace 99

says '--allow=perf' "$perf" --allow=perf -- perf_event_open
says '--allow=io_uring' "$ring" --allow=io_uring -- 425 1 0
says '--allow=numa' ok --allow=numa -- set_mempolicy 0 0 0
says '--allow=vsock' "$vsock" --allow=vsock -- socket 40 1 99
says '--allow=keyring' "$keys" --allow=keyring -- keyctl 999
says '--allow of a system call' "$fault" --allow=userfaultfd -- userfaultfd 0xffff
says '--allow of two' "$ring" --allow=userfaultfd,io_uring -- 425 1 0
says '--allow twice' "$fault" --allow=userfaultfd --allow=io_uring -- userfaultfd 0xffff
says '--allow opens nothing else' EPERM --allow=io_uring -- userfaultfd 0xffff
says '--deny' EPERM --deny=mkdirat -- mkdirat -1 0
says '--deny beats the root emulation' EPERM --deny=fchownat -- fchownat -100 0 5 5
says '--deny=ptrace' EPERM --deny=ptrace -- ptrace 99
says 'what is denied stays so' EPERM --deny=perf --allow=perf -- perf_event_open
making=mkdirat
[ "$(uname -m)" != x86_64 ] || making+=,mkdir
check 'a denied call, and the rest goes on' jail --deny=$making -- sh -c '! mkdir /tmp/x 2>/dev/null && touch /tmp/x'
matches 'the plan names them' '^seccomp +default\+strict(\+noted\+noted_strict)?\+io_uring\+syslog terminal.* -mkdirat$' \
    jail --seccomp=strict --allow=io_uring,syslog --deny=mkdirat --dry-run true
matches 'what is opened is said' 'Allowed: io_uring \(' "$AJAIL" run --fs=deb --allow=io_uring true

refuses 'an unknown policy' '^ajail: --seccomp=loose: should be default, strict, off, or a file' jail --seccomp=loose true
refuses 'an unknown name' '^ajail: --allow=prf: prf is neither a system call nor one of ptrace, perf,' jail --allow=prf true
refuses 'one of several' '^ajail: --deny=mkdirat,nosuch: nosuch is neither' jail --deny=mkdirat,nosuch true
refuses 'an empty one' "^ajail: --allow=perf,: '' is neither" jail --allow=perf, true
for call in sendmsg pread64 execve; do
    refuses "--deny=$call" "^ajail: --deny=$call: starting the command takes it" jail --deny=$call true
done
check 'what only failures need may be denied' jail --deny=write,exit,openat2,seccomp,ioctl -- ./call close
refuses '--deny without a policy' '^ajail: --deny: without a seccomp policy nothing can be refused' \
    jail --no-seccomp --deny=mkdirat true
