#!/bin/bash
# Who the payload is: root inside, one id; namespaces, capabilities, no_new_privs.
. "$TESTS/lib.sh"

output 'uid' 0 jail id -u
output 'gid' 0 jail id -g
output 'name' root jail id -un
output 'setgroups is denied or the groups are gone' ok jail sh -c \
    'case $(cat /proc/self/setgroups) in deny) echo ok ;; *) [ "$(id -G)" = 0 ] && echo ok ;; esac'
output 'no_new_privs' 1 jail awk '/^NoNewPrivs/ { print $2 }' /proc/self/status
output 'seccomp' 2 jail awk '/^Seccomp:/ { print $2 }' /proc/self/status
output 'the process is its own in /proc' 0 jail stat -c %u /proc/self/fd

for name in user mnt pid ipc uts cgroup; do
    outside=$(readlink "/proc/self/ns/$name")
    matches "own $name namespace" "^$name:" jail readlink "/proc/self/ns/$name"
    check "another one than outside" test "$(cat "$OUT")" != "$outside"
done
output 'the network is shared' "$(readlink /proc/self/ns/net)" jail readlink /proc/self/ns/net
matches 'with --no-net it is not' '^net:' jail --no-net readlink /proc/self/ns/net
check 'another one than outside' test "$(cat "$OUT")" != "$(readlink /proc/self/ns/net)"
output 'the cgroup is the root' 0::/ jail sh -c 'grep ^0 /proc/self/cgroup'
output 'hostname' localhost jail cat /proc/sys/kernel/hostname
output 'another hostname' box.example jail --hostname=box.example cat /proc/sys/kernel/hostname
refuses 'one that is too long' 'hostname' jail --hostname="$(printf 'x%.0s' {1..65})" true
output 'the payload is PID 2, below an init' '2 1' jail sh -c 'echo $$ $PPID'
output 'only they are there' '1 2 ' jail sh -c 'for d in /proc/[0-9]*; do printf "%s " "${d#/proc/}"; done'
output 'init tells nothing about its caller' '' jail sh -c 'cat /proc/1/environ /proc/1/cmdline 2>/dev/null | tr -d "\0"'
output 'no System V objects of the host' '' jail sh -c 'tail -n +2 /proc/sysvipc/shm /proc/sysvipc/msg /proc/sysvipc/sem | grep "^ *[0-9]"; true'

# The bounding set: what a package manager needs.
caps() { jail "$@" awk '/^Cap(Eff|Bnd|Prm)/ { print $2 }' /proc/self/status | sort -u; }
equal 'effective, permitted and bounding are the same' 1 "$(caps | wc -l)"
base=$((0xa00405fb))
# The machine's root: what it puts on a file holds outside, too.
[ "$AS" != root ] || base=$((base & ~(1 << 31)))
wanted() { printf '%016x' $((base | $1)); }
equal 'a package manager'"'"'s' "$(wanted 0)" "$(caps)"
output 'none is inheritable or ambient' '0000000000000000 ' jail sh -c \
    "awk '/^Cap(Inh|Amb)/ { print \$2 }' /proc/self/status | sort -u | tr '\n' ' '"
equal '--cap-add' "$(wanted 0x1000)" "$(caps --cap-add=CAP_NET_ADMIN)"
equal '--cap-add, twice' "$(wanted 0x81000)" "$(caps --cap-add=net_admin --cap-add=CAP_SYS_PTRACE)"
equal 'not without' "$(wanted 0)" "$(caps)"
check 'it works' jail --no-net --cap-add=CAP_NET_ADMIN sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward || [ -f /proc/sys/net/ipv4/ip_forward ]'
