#!/bin/bash
# seconds: 240
# `ajail verify`: what an option opens is told as such, what it does not open never is; and what cannot be told is no
# success.
# shellcheck source=tests/lib.sh
. "$TESTS/lib.sh"
if sanitized; then
    skip 'verify' 'a sanitized binary is too large to be its own prober'
    exit 0
fi

verify() { "$AJAIL" verify --fs=deb "$@"; }

# opens REASON PROBE[,PROBE...] OPTION...: each of the probes is allowed by REASON, and nothing is a hole
opens() {
    local reason=$1 probes=$2 probe
    shift 2
    run_ verify "$@"
    if [ "$STATUS" != 0 ] || grep -q ' ALLOWED ' "$OUT"; then
        fail_ "verify $*" 'status 0, no ALLOWED' "$(said_ "$STATUS")"
        return
    fi
    for probe in ${probes//,/ }; do
        if [[ " tiocsti netlink netlink-xfrm nf-tables netlink-audit " == *" $probe "* ]] &&
            ! "$TESTS/../attack" "$probe" 2>/dev/null | grep -q ALLOWED; then
            skip "verify $*: $probe" 'it is not to be had outside of jails either (a module, dev.tty.legacy_tiocsti)'
        elif grep -qE "^$probe +[a-z]+ +allowed +by $reason: " "$OUT"; then pass_; else
            fail_ "verify $*" "$probe allowed by $reason" "$(grep "^$probe " "$OUT" || echo 'not allowed')"
        fi
    done
}
# row NAME REGEX OPTION...: the table has such a line
row() {
    local name=$1 regex=$2
    shift 2
    matches "$name" "$regex" verify "$@"
}

# --- options -----------------------------------------------------------------------------------------------------------

calls=kcmp-own,madvise-own,vmsplice,set-mempolicy,move-pages,mount,personality,pidfd-getfd-own
opens --seccomp=off "suid-file,tiocsti,netlink,nf-tables,$calls" --seccomp=off
# In the user's own words: what the profile allows, and no more.
echo '{"defaultAction": "SCMP_ACT_ALLOW"}' >all.json
opens 'the profile of --seccomp' "netlink,netlink-xfrm,nf-tables,netlink-audit,$calls" --seccomp=./all.json
cat >some.json <<'END'
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["kcmp", "socket"], "action": "SCMP_ACT_ERRNO", "args": null, "includes": null, "excludes": {}},
    {"names": ["vmsplice"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_TIME"]}}]}
END
row 'what a profile refuses is blocked' '^kcmp-own +kernel +blocked ' --verbose --seccomp=./some.json
row 'and so are the sockets' '^netlink +ipc +blocked ' --verbose --seccomp=./some.json
opens 'the profile of --seccomp' mount,personality --seccomp=./some.json
opens --allow=kcmp kcmp-own --allow=kcmp
opens --allow=socket netlink,netlink-xfrm,nf-tables,netlink-audit --allow=socket
opens --allow-hooks git-hooks,git-config,git-config-rename,git-modules,git-swap --allow-hooks
opens --disk tmpfs-fill,inode-fill --disk=none
opens --hostname host-name --hostname="$(uname -n)"
if "$TESTS/../attack" i386-abi 2>/dev/null | grep -q ALLOWED; then opens --allow=32bit i386-abi --allow=32bit; else
    skip 'verify --allow=32bit' 'no i386 in this kernel'
fi
opens --cap-add=CAP_SYS_ADMIN mount,fsopen,unshare-others --cap-add=SYS_ADMIN
# As Docker's networks are.
net_of_docker() {
    unshare --user --map-root-user --net sh -c 'ip link set lo up && echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start && exec "$@"' - "$@"
}
[ "$AS" = root ] || matches 'low ports that anybody has' '^net-port +ipc +allowed +by the shared network, where ' net_of_docker "$AJAIL" verify --fs=host --hide
opens '--cap-add=CAP_NET_RAW and --no-net' packet-socket,raw-socket --cap-add=NET_RAW --no-net
row 'another capability opens no mounts' '^fsopen +kernel +blocked ' --verbose --cap-add=SYS_PTRACE
row 'a capability that was added is no surprise' '^caps +kernel +blocked ' --verbose --cap-add=SYS_PTRACE

# Granted places. What is there to be seen depends on the machine; none of it is a hole.
opens 'the grant of /etc/machine-id' '' --rol=/etc/machine-id
opens 'the grant of /dev/shm' posix-shm --rol=/dev/shm
if [ "$AS" = user ]; then
    opens 'the grant of /proc' proc-host-pids,proc-leaks --rw=/proc
    opens 'the grant of /sys' '' --rol=/sys
fi
mkdir dev
for options in --sys --dev --dev=dev '--sys --no-net' "--scratch=/var/tmp" --env=DISPLAY=:0 --rol --ro --hide \
    "--mount=$PWD/dev,/run,rol" --users=auto --user=1000 '--nested --no-net' --memory=none --pids=20 --cpu=1; do
    # shellcheck disable=SC2086 # words
    opens '' '' $options
done
row 'a device that was granted with devices' '^mount-flags +files +blocked ' --verbose --dev
row 'variables that were not named' '^env-leak +afterwards +blocked ' --verbose --env=DISPLAY=:0

# --- what no option opens ---------------------------------------------------------------------------------------------------

python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("docker.sock")'
for option in --seccomp=off --seccomp=./all.json --nested --env=DOCKER_HOST=x --dev; do
    status "a hole beside $option" 1 verify "$option" --mount="$PWD/docker.sock,/run/docker.sock"
    matches "and its name, beside $option" '^services +ipc +ALLOWED +/run/docker.sock$' cat "$OUT"
    matches "on stderr, too, beside $option" '^ajail: verify: not contained: services$' \
        verify "$option" --mount="$PWD/docker.sock,/run/docker.sock"
done
rm docker.sock

# --- names ----------------------------------------------------------------------------------------------------------------

for name in 'my dir' $'a\tb' 'a:b' 'a\b' 'a,b'; do
    mkdir "$name"
    cd "$name" || exit 1
    check "in a directory called $(printf %q "$name")" verify
    cd .. || exit 1
    rmdir "$name"
done

# --- limits ---------------------------------------------------------------------------------------------------------------

for size in 16m 64m 300m; do
    row "the limit of memory is attacked: $size" '^mem-bomb +exhaustion +blocked ' --verbose --memory="$size"
    equal "all are answered, with $size" 1 "$(tail -n 1 "$OUT" | grep -c ' 0 could not be tried, 0 not contained$')"
done
row 'where it is small enough to be tried' '^mem-bomb +exhaustion +skipped +no limit of 1024 MiB' --memory=4g
refuses 'a limit too small for the prober' 'verify: its --memory is too small for the prober; 16 MiB' verify --memory=4m
refuses 'likewise of the disk' 'verify: its --disk is too small for the prober; [0-9]* MiB' verify --disk=1m
refuses 'likewise of the time' '\([0-9]+ of [0-9]+ probes\): its --timeout is too short for the prober$' verify --timeout=0.05

# --- what cannot be tried ---------------------------------------------------------------------------------------------------

status 'where the prober cannot fork' 125 verify --deny=clone
matches 'nothing was attacked' '^0 blocked, 0 allowed on purpose, 0 skipped, [0-9]+ could not be tried, 0 not contained$' cat "$OUT"
matches 'and why' '^ajail: verify: ([0-9]+) of \1 probes could not be tried: .*: fork: EPERM' verify --deny=clone
refuses 'where it cannot write' ' \(0 of [0-9]+ probes\): the prober cannot write its answers; is `write` denied' \
    verify --deny=socket,write,getpid
status 'a call less is no hole' 0 verify --deny=socket,prctl,sysinfo

# --- output ---------------------------------------------------------------------------------------------------------------

check 'what was not blocked' verify
equal 'and nothing that was' 0 "$(grep -c ' blocked ' "$OUT")"
equal 'but how much' 1 "$(grep -cE '^[0-9]{3} blocked, ' "$OUT")"
check 'all of it' verify --verbose
lines=$(wc -l <"$OUT")
check 'all of it, for programs' verify --json
equal 'the same' "$lines" "$(($(grep -c '"name":' "$OUT") + 1))"
matches 'errno has a name' '^mount +kernel +allowed +by --allow=userns: reached: E[A-Z]+$' verify --nested
