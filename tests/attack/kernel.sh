#!/bin/bash
# Catalogue C and E as far as they are promised today: IPC, user namespaces, privileges, what of the kernel can be
# reached, other system call tables. Later: limits, cgroups.
# shellcheck source=tests/attack/common.bash
. "$TESTS/attack/common.bash"

name=ajail-test-$$
key=$$
coproc serve { ./probe ipc-serve "$name" "$key"; }
read -r _ <&"${serve[0]}"
# The abstract namespace belongs to the network, which is shared by default: Landlock's scope, ABI 6 (CVE-2020-15257).
both 'abstract sockets' abstract "$name"
blocked 'abstract sockets without a network' jail --no-net -- ./probe abstract "$name"
blocked 'abstract sockets with --fs=host' "$AJAIL" run --quiet --fs=host -- ./probe abstract "$name"
blocked 'abstract sockets with capabilities' strong -- ./probe abstract "$name"
both 'System V memory' sysv "$name" "$key"
if ./probe mq "$name" | grep -q ALLOWED; then both 'message queues' mq "$name"; else skip 'message queues' 'none on this host'; fi
if ./probe shm "$name" | grep -q ALLOWED; then both 'POSIX memory' shm "$name"; else skip 'POSIX memory' 'none on this host'; fi
echo >&"${serve[1]}"

# The session keyring is inherited and belongs to no namespace.
if ./probe key-run ./probe key-read | grep -q ALLOWED; then
    allowed "the caller's session keyring" ./probe key-run ./probe key-read
    for fs in deb host; do
        blocked "the caller's session keyring (--fs=$fs)" ./probe key-run "$AJAIL" run --quiet --fs=$fs -- ./probe key-read
    done
else
    skip "the caller's session keyring" 'no keyrings here'
fi

for way in unshare clone clone3; do
    both "a user namespace by $way" "userns-$way"
    blocked "a user namespace by $way, with capabilities" strong -- ./probe "userns-$way"
    blocked "a user namespace by $way, --fs=host" "$AJAIL" run --quiet --fs=host -- ./probe "userns-$way"
done

both 'no_new_privs' nnp
blocked 'no_new_privs with capabilities' strong -- ./probe nnp
docker=a00405fb # CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT AUDIT_WRITE SETFCAP
blocked 'capabilities' jail -- ./probe caps "$docker"
own=0 # one's own id has none; for root, who is never mapped, it is the jail's root here as well
[ "$(id -u)" != 0 ] || own=$docker
blocked 'capabilities with --fs=host' "$AJAIL" run --quiet --fs=host -- ./probe caps "$own"
allowed 'capabilities' jail --cap-add=SYS_ADMIN -- ./probe caps "$docker"
output 'groups cannot be changed for real' 0 jail -- sh -c 'id -g'

# What of the kernel can be reached. Where the host has it for this user, the probe reaches it outside.
for call in io_uring userfaultfd perf bpf keyctl af-alg vsock netfilter xfrm packet tipc handle-of \
    personality fsopen; do
    if ./probe reach "$call" | grep -q ALLOWED; then both "reached: $call" reach "$call"; else
        skip "control of $call" 'not on this host, or not for this user'
        blocked "reached: $call" jail -- ./probe reach "$call"
    fi
    case $call in # what CAP_SYS_ADMIN is asked for
    fsopen) ;;
    *) blocked "reached with capabilities: $call" strong -- ./probe reach "$call" ;;
    esac
done
blocked 'a file system context without capabilities, --fs=host' "$AJAIL" run --quiet --fs=host -- ./probe reach fsopen

if [ "$(uname -m)" = x86_64 ]; then
    for abi in i386 x32; do
        if ./probe $abi | grep -q ALLOWED; then
            both "$abi system calls" $abi
            blocked "$abi system calls without the allowlist" jail --no-seccomp -- ./probe $abi # the root emulation's
            blocked "$abi system calls with all of them" jail --seccomp=strict --allow=userns,io_uring -- ./probe $abi
            allowed "$abi system calls with no program" jail --no-seccomp --no-root-emulation -- ./probe $abi
        else
            skip "$abi system calls" 'not in this kernel'
        fi
    done
else
    skip 'i386 and x32 system calls' 'x86-64 only'
fi
