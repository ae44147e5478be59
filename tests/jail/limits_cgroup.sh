#!/bin/bash
# Where the user may have cgroups (systemd's manager of a login gives them), limits are those of one: that they are in
# force there, also over what resource limits and init's watch over memory do not see; and nothing stays behind.
# not: userns
# seconds: 400
. "$TESTS/lib.sh"

[ -n "${XDG_RUNTIME_DIR:-}" ] || export XDG_RUNTIME_DIR=/run/user/$UID
all=(--pids=64 --memory=200m --cpu=50%)
if "$AJAIL" run --fs=deb --dry-run "${all[@]}" true 2>&1 | grep -q '^cgroup '; then :; else
    skip 'limits in a cgroup' "nobody gives $(id -un) a cgroup of version 2"
    exit
fi
cc -static -O1 -pthread -o limits_probe "$TESTS/jail/limits_probe.c" || exit 1

# The cgroups of jails, here as the host sees them.
groups_() { find /sys/fs/cgroup -mindepth 2 -type d -name 'ajail-*' ! -name '*.scope' 2>/dev/null; }
before=$(groups_)
# started OPTION... -- COMMAND...: in the background; its cgroup is left in $group
started() {
    local waited
    "$AJAIL" run --quiet --fs=deb "$@" >said 2>&1 </dev/null &
    monitor=$!
    group=
    for ((waited = 0; waited < 300; ++waited)); do
        # the jail's, not the one to which a monitor had to move
        group=$(groups_ | grep -vxF "$before" | while read -r one; do
            [ "$(cat "$one/pids.max" 2>/dev/null)" = max ] || echo "$one"
        done | head -n 1)
        [ -z "$group" ] || ! grep -q . "$group/cgroup.procs" 2>/dev/null || return # (files there have no size)
        sleep 0.1
    done
}
number() { sed -n "s/^$1 //p" "$group/$2"; }
ended() {
    code=0
    wait "$monitor" || code=$?
}

started "${all[@]}" -- sleep 1000
equal 'processes' 64 "$(cat "$group/pids.max")"
equal 'memory' $((200 << 20)) "$(cat "$group/memory.max")"
equal 'no swap beside it' 0 "$(cat "$group/memory.swap.max" 2>/dev/null || echo 0)"
equal 'CPU' '50000 100000' "$(cat "$group/cpu.max")"
kill "$monitor"
ended
check 'it goes with the jail' [ ! -e "$group" ]

# More than are in it.
started --pids=64 --timeout=20 -- ./limits_probe bomb
for _ in $(seq 100); do # until it has gone off
    count=$(cat "$group/pids.current" 2>/dev/null)
    [ "${count:-0}" -lt 60 ] || break
    sleep 0.1
done
sleep 1
count=$(cat "$group/pids.current")
# (RLIMIT_NPROC, which is the same number for one user, may be what refuses it)
equal 'a fork bomb has what it may have, and no more' yes "$([ "$count" -ge 50 ] && [ "$count" -le 64 ] && echo yes || echo "$count")"
ended
equal 'until its time is up' 124 "$code"
check 'and it is gone' [ ! -e "$group" ]

# What no process has mapped init does not see, but the cgroup.
output 'memory of nobody, which is enough' 'done' jail --memory=400m -- ./limits_probe written 150
status 'and too much of it' 137 jail --memory=200m -- ./limits_probe written 300
equal 'says which' 1 "$(grep -c 'the 200 MiB that it may have (--memory)' "$ERR")"
status 'the jail ends as a whole' 137 jail --memory=200m -- sh -c './limits_probe written 300; echo still'
equal 'also who waits' '' "$(cat "$OUT")"

# spins NAME LEAST MOST OPTION... -- ARGUMENT...: that per cent of a CPU, as the cgroup has counted it in three seconds
spins() {
    local name=$1 least=$2 most=$3 from used
    shift 3
    started "$@"
    sleep 1
    from=$(date +%s%N) used=$(number usage_usec cpu.stat)
    sleep 3
    used=$((($(number usage_usec cpu.stat) - used) * 100000 / ($(date +%s%N) - from)))
    if [ "$used" -ge "$least" ] && [ "$used" -le "$most" ]; then pass_; else fail_ "$name" "$least to $most %" "$used %"; fi
    throttled=$(number nr_throttled cpu.stat)
    kill "$monitor"
    ended
}
two='(while :; do :; done) & while :; do :; done'
spins 'half a CPU' 20 60 --cpu=0.5 --timeout=60 -- sh -c "$two"
equal 'the kernel held it back' yes "$([ "$throttled" -gt 0 ] && echo yes)"
spins 'a quarter' 5 35 --cpu=25% --timeout=60 -- sh -c 'while :; do :; done'
if [ "$(nproc)" -gt 1 ]; then
    spins 'one CPU of several' 50 115 --cpu=1 --timeout=60 -- sh -c "$two"
    output 'of which all are seen' "$(nproc)" jail --cpu=1 -- nproc
fi

equal 'no cgroup stays behind' "$before" "$(groups_)"
equal 'nor a scope' '' "$(find /sys/fs/cgroup -name 'ajail-*.scope' 2>/dev/null | grep -v "^$(sed -n 's/^0:://p' /proc/self/cgroup)")"

# The same bombs, which are a cgroup's to stop here.
# shellcheck source=tests/jail/limits.sh
. "$TESTS/jail/limits.sh"
