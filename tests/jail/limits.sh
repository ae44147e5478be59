#!/bin/bash
# Bombs of all kinds end, or hinder, the payload and not the host. Each goes off without the limit.
# seconds: 240
. "$TESTS/lib.sh"

cc -static -O1 -pthread -o limits_probe "$TESTS/jail/limits_probe.c" || exit 1
plan() { "$AJAIL" run --fs=deb --dry-run "$@" true; }
kept_by() { plan "${@:2}" | sed -n "s/^limit        $1 .*(\(.*\))/\1/p"; }

# Processes.
between() { # NAME LEAST MOST COMMAND...
    local name=$1 least=$2 most=$3
    run_ "${@:4}"
    local got
    got=$(tail -n 1 "$OUT")
    if [ "$STATUS" = 0 ] && [ "$got" -ge "$least" ] && [ "$got" -le "$most" ]; then pass_; else
        fail_ "$name" "a number from $least to $most" "$(said_ "$STATUS")"
    fi
}
between 'processes, without a limit' 300 300 jail --pids=none -- ./limits_probe forks 300
between 'and with one' 80 100 jail --pids=100 -- ./limits_probe forks 300
between 'by default there are enough' 300 300 jail -- ./limits_probe forks 300
status 'a fork bomb ends with its time' 124 jail --pids=64 --timeout=1 -- ./limits_probe bomb
status 'jails beside each other have their own' 0 jail --pids=40 -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0 & done; wait'
if [ "$AS" = root ]; then
    between 'many users, without a limit' 900 900 jail --pids=none -- ./limits_probe forks 300 3
    between 'many users share one' 100 400 jail --pids=100 -- ./limits_probe forks 300 6
    output 'which they cannot raise' 'still' jail --pids=100 -- \
        sh -c 'echo 9999 >/proc/sys/kernel/pid_max && echo raised; echo still' 2>/dev/null
fi
before=$(cat /proc/sys/kernel/pid_max)
check 'the limit of the host' jail --pids=100 -- true
equal 'stays' "$before" "$(cat /proc/sys/kernel/pid_max)"

# Memory.
killed() { # NAME COMMAND...
    status "$1" 137 "${@:2}"
    equal "$1: says which" 1 "$(grep -c 'the 200 MiB that it may have (--memory)' "$ERR")"
    equal "$1: in one line" 1 "$(wc -l <"$ERR")"
}
for what in 'one 300' 'several 90' 'shared 300' 'segment 300' 'thread 300'; do
    # shellcheck disable=SC2086
    output "memory without a limit: $what" 'done' jail --memory=none -- ./limits_probe $what
done
if sanitized; then
    skip 'memory with a limit' 'a sanitizer takes terabytes of addresses, which RLIMIT_DATA does not leave it'
else
    for what in 'several 90' 'shared 300' 'segment 300' 'thread 300'; do
        # shellcheck disable=SC2086
        killed "memory: $what" jail --memory=200m -- ./limits_probe $what
    done
    if [ "$(kept_by memory --memory=200m)" = cgroup ]; then killed 'one process' jail --memory=200m -- ./limits_probe one 300
    else output 'one process' 'mmap: Cannot allocate memory' sh -c '"$AJAIL" run --quiet --fs=deb --memory=200m -- ./limits_probe one 300 || true'; fi
    # What several have together is there once.
    for what in 'one 120' 'copies 120' 'vfork 120'; do
        # shellcheck disable=SC2086
        output "memory that is enough: $what" 'done' jail --memory=200m -- ./limits_probe $what
    done
    matches 'a limit of memory by default' '^limit        memory [0-9]{7,} ' plan
    # Whose memory nobody gets to look at is not left to fill it.
    killed 'while nobody can look' jail --memory=200m -- ./limits_probe blind 2000
    equal 'before it is full' '' "$(cat "$OUT")"
    killed 'while the payload waits' jail --memory=200m -- sh -c './limits_probe several 90 & wait'
fi

# What is thrown away.
full() { jail "$@" -- sh -c 'head -c 64m /dev/zero >/tmp/x && echo there; for d in /run /dev/shm /var; do echo x >$d/x || echo no $d; done' 2>/dev/null; }
output 'scratch without a limit' 'there' full --disk=none
output 'a full scratch is full everywhere' $'no /run\nno /dev/shm\nno /var' full --disk=16m
output 'as is one of --scratch' $'no /run\nno /dev/shm\nno /var' full --scratch=tmpfs:16m
files() {
    jail "$@" -- sh -c 'mkdir /tmp/f && cd /tmp/f && i=0; while [ $i -lt 90 ]; do
        for j in 0 1 2 3 4 5 6 7 8 9; do for k in 0 1 2 3 4 5 6 7 8 9; do : >$i.$j.$k || exit; done; done; i=$((i+1)); done 2>/dev/null' 2>/dev/null
}
status 'many files, without a limit' 0 files --disk=none
status 'too many files' 2 files --disk=32m
status 'by default there are enough' 0 files
refuses 'a limit where ajail cannot keep one' '--disk: on disk' jail --disk=1g --scratch="$PWD" --hide true

# Time.
status 'in time' 3 jail --timeout=20 -- sh -c 'exit 3'
matches 'too late' '^ajail: the time is up: 0.3 s \(--timeout\)$' jail --timeout=0.3 -- sleep 20
equal 'status' 124 "$STATUS"
status 'asked first' 124 jail --timeout=0.3 -- sh -c 'trap "echo asked; exit 0" TERM; while :; do sleep 0.1; done'
equal 'and heard' asked "$(cat "$OUT")"
start=$SECONDS
status 'then made to' 124 jail --timeout=0.3 -- sh -c 'trap "" TERM; while :; do sleep 0.1; done'
equal 'ten seconds later' yes "$([ $((SECONDS - start)) -ge 9 ] && [ $((SECONDS - start)) -le 20 ] && echo yes)"
status 'also who is stopped' 124 jail --timeout=0.3 -- sh -c 'kill -STOP $$'

# CPUs.
cpus() { jail "$@" -- sh -c 'grep -c . /proc/self/status >/dev/null; nproc'; }
output 'all CPUs' "$(nproc)" cpus
if [ "$(kept_by cpu --cpu=1)" = affinity ]; then
    output 'one CPU' 1 cpus --cpu=1
    output 'and no other' 1 jail --cpu=1 -- sh -c 'taskset -p ffff $$ >/dev/null 2>&1; nproc'
    refuses 'a part of one' '--cpu: a part of a CPU takes a cgroup' jail --cpu=0.5 true
    output 'without seccomp it is said' 1 sh -c '"$AJAIL" run --fs=deb --cpu=1 --seccomp=off --dry-run true | grep -c "^given up.*CPUs"'
fi

# The rest.
output 'none can be raised' 'done' jail -- ./limits_probe raise
output 'core files' '0 0' jail -- sh -c 'echo $(ulimit -Sc) $(ulimit -Hc)'
output 'open files' 1024 jail -- sh -c 'ulimit -Sn'
output "never more than the caller's" '512 512' bash -c 'ulimit -n 512; "$AJAIL" run --quiet --fs=deb -- sh -c "echo \$(ulimit -Sn) \$(ulimit -Hn)"'
# The kernel counts these for all that is the caller's.
signals=$(($(ulimit -Hi) / 8))
output 'signals' $((signals < 1024 ? 1024 : signals)) jail -- ./limits_probe queue
instances=$(cat /proc/sys/user/max_inotify_instances)
if [ "$instances" -lt 10000 ]; then
    between 'watchers of files' 1 $((instances / 2)) jail -- ./limits_probe notes
    output 'more are not to be had' $((instances / 2)) jail -- \
        sh -c 'echo 99999 >/proc/sys/user/max_inotify_instances && echo raised; cat /proc/sys/user/max_inotify_instances' 2>/dev/null
fi
output 'the first to go' 800 jail -- cat /proc/self/oom_score_adj
output 'never later than its caller' 900 sh -c 'echo 900 >/proc/self/oom_score_adj; exec "$AJAIL" run --quiet --fs=deb -- cat /proc/self/oom_score_adj'
if [ "$AS" = root ] && [ $((0x$(sed -n 's/^CapEff:\t//p' /proc/self/status) >> 24 & 1)) = 1 ]; then
    output 'and stays so' 800 jail -- sh -c 'echo 0 >/proc/self/oom_score_adj; cat /proc/self/oom_score_adj' 2>/dev/null
fi
output 'terminals' 256 jail -- sh -c 'sed -n "s/.* devpts .*max=\([0-9]*\).*/\1/p" /proc/self/mounts'
output 'as bwrap nothing is limited' "$(ulimit -Hn)" "$AJAIL" bwrap --ro-bind / / --dev /dev -- sh -c 'ulimit -Hn'

# Init's limits are not the payload's to set: an init without descriptors watches and answers nothing.
for what in '' --no-root-emulation --nested --allow=prlimit64; do
    for limit in nofile as cpu data nproc; do
        denied "init: $limit ${what:-by default}" jail $what -- prlimit --pid 1 --$limit=0:0
    done
done
check 'but they are told' jail -- prlimit --pid 1
output 'its own are' 100 jail -- sh -c 'ulimit -n 100 && ulimit -n'
output 'and those of others' 64 jail -- sh -c 'sleep 60 & prlimit --pid $! --nofile=64:64 && prlimit --pid $! --nofile -o HARD --noheadings | tr -d " "; kill $!'
check 'without a policy they are' jail --no-seccomp -- prlimit --pid 1 --nofile=64:64
