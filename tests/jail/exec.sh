#!/bin/bash
# `ajail exec`: one more program in a jail that runs, under exactly its policy.
# seconds: 300
. "$TESTS/lib.sh"
trap '' PIPE # a jail that has not started is told by what it said

# What a process sees of itself and of where it is. The time slack is who a task is to the root emulation.
cat >facts <<'END'
grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Cpus_allowed:|SigIgn|SigBlk)' /proc/self/status
for kind in user mnt pid ipc uts cgroup net; do readlink "/proc/self/ns/$kind"; done
ulimit -a; umask; pwd; env -0 | sort -z | tr '\0' '\n' | grep -v '^SHLVL='
cat /proc/self/cgroup /proc/self/oom_score_adj /proc/self/timerslack_ns /proc/self/mountinfo
ls /proc/self/fd | tr '\n' ' '
# What the filters answer; the number is one that no kernel has.
for call in 135 136 165 175 246 272 304 310 321 9999; do perl -e '$! = 0; syscall shift, -1, -1, -1, -1, -1; printf "%d ", $!' $call; done
rm -rf /tmp/probe; mkdir /tmp/probe; touch /tmp/probe; chown 8:9 /tmp/probe; mknod /tmp/probe/null c 1 3; stat -c '%u:%g %a %F' /tmp/probe /tmp/probe/*
setpriv --reuid=8 --regid=9 --groups=10 id
END
# A profile with an answer of its own.
cat >profile.json <<'END'
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
END

# same NAME OPTION...: a jail with these options, and what joins it, see the same
same() {
    local name=$1 waited
    shift
    rm -f go first second
    mkfifo go
    "$AJAIL" run --quiet --name=here "$@" -- sh -c 'sh ./facts; echo END; read -r x' <go >first 2>err &
    exec 7>go
    for ((waited = 0; waited < 200; ++waited)); do
        grep -q 'END$' first && break
        sleep 0.05
    done
    timeout 20 "$AJAIL" exec here sh -c 'sh ./facts; echo END' </dev/null >second 2>>err
    echo >&7
    exec 7>&-
    wait
    if [ -s first ] && difference=$(diff first second); then pass_; else
        fail_ "the same policy: $name" 'no difference' "${difference:-nothing}; $(cat err)"
    fi
}

same 'the default' --fs=deb
same "the host's programs" --fs=host
same 'nested' --fs=deb --nested
same 'a second user namespace' --fs=deb --cap-add=SYS_ADMIN
same 'all capabilities, no emulation' --fs=deb --cap-add=ALL --no-root-emulation
same 'no seccomp' --fs=deb --no-seccomp
same 'strict' --fs=deb --seccomp=strict
same 'a profile' --fs=deb --seccomp=profile.json
same 'a profile, with emulation of nothing' --fs=deb --seccomp=profile.json --no-root-emulation --cap-add=ALL
same 'groups of calls' --fs=deb --allow=ptrace,keyring --deny=personality
same 'a time' --fs=deb --timeout=100
same 'variables' --fs=deb --env=A=b --env=PATH=/x:/bin:/usr/bin --hostname=there
same 'no network' --fs=deb --no-net
sanitized || same 'limits' --fs=deb --cpu=1 --memory=500m --pids=200
same 'a user' --fs=deb --user=daemon
me=$(id -un)
if [ "$AS" = root ] || { [ "$AS" = user ] && command -v newuidmap >/dev/null && grep -q "^$me:" /etc/subuid; }; then
    same 'many users' --fs=deb --users=auto
    same 'a range' --fs=deb --users=range
    same 'a range, and a profile' --fs=deb --users=range --seccomp=profile.json
    same 'a range without emulation' --fs=deb --users=range --no-root-emulation
    same 'a user of a range' --fs=deb --users=range --user=www-data --timeout=100
    same 'one of many users' --fs=deb --users=auto --user=daemon
    same 'many users, a second user namespace' --fs=deb --users=auto --cap-add=SYS_ADMIN
fi

# The time is the jail's, for all that runs in it.
"$AJAIL" run --quiet --fs=deb --name=short --timeout=3 sleep 60 2>/dev/null &
for ((waited = 0; waited < 40; ++waited)); do
    "$AJAIL" exec short true 2>/dev/null && break
    sleep 0.05
done
status 'it ends with the jail, whose time is up' 137 timeout 30 "$AJAIL" exec short sleep 60
code=0
wait $! || code=$?
equal 'which says so' 124 "$code"

# One jail for the rest. It ends when its stdin does.
rm -f go
mkfifo go
"$AJAIL" run --quiet --fs=deb --name=rest cat <go >/dev/null 2>err &
exec 7>go
for ((waited = 0; waited < 200; ++waited)); do
    "$AJAIL" exec rest true 2>/dev/null && break
    sleep 0.05
done
inside() { "$AJAIL" exec rest "$@"; }

status 'an exit status' 7 inside sh -c 'exit 7'
status 'a signal' 137 inside sh -c 'kill -9 $$'
status 'not found' 127 inside nosuchcommand
matches 'not found, by name' 'nosuchcommand: command not found' inside nosuchcommand
status 'not executable' 126 inside /etc/passwd
output 'stdin and stdout' hello bash -c 'echo hello | "$0" exec rest cat' "$AJAIL"
output 'stderr apart' '' bash -c '"$0" exec rest sh -c "echo x >&2" 2>/dev/null' "$AJAIL"
output 'a shell, without a command' 5 bash -c 'echo "echo \$((2+3))" | "$0" exec rest' "$AJAIL"
output 'two dashes' -- inside -- echo --
output 'much, and in order' "$(seq 200000 | md5sum)" bash -c 'seq 200000 | "$0" exec rest cat | md5sum' "$AJAIL"
output 'the words as they are' $'a b\n*' inside printf '%s\n' 'a b' '*' ''
output 'the root emulation answers' '0 8:9' inside sh -c 'touch /tmp/f && chown 8:9 /tmp/f; echo $? 8:9'
output 'setuid is believed' 33 inside setpriv --reuid=33 --regid=33 --clear-groups id -u
output 'and by what was there first' 0 inside id -u
refuses 'a jail that is not there' 'no jail nosuch runs \(there are: rest\)' "$AJAIL" exec nosuch true
refuses 'a name that is none' 'no jail \.\./rest runs' "$AJAIL" exec ../rest true
denied 'no file of the host' inside ls "$HOST_TMP"
output 'what another has done is seen' x bash -c '"$0" exec rest sh -c "echo x >/tmp/y" && "$0" exec rest cat /tmp/y' "$AJAIL"

# Many at once, each with its own status.
for ((i = 1; i <= 20; ++i)); do
    (
        code=0
        inside sh -c "sleep 0.2; exit $i" || code=$?
        echo "$i $code"
    ) &
    many+=($!)
done >codes
wait "${many[@]}"
equal 'twenty at once' "$(for i in $(seq 20); do echo "$i $i"; done)" "$(sort -n codes)"

# The jail has no pgrep.
runs_4711() { inside sh -c 'grep -lsz "^4711$" /proc/[0-9]*/cmdline'; }
# Whoever asked is gone: so is what ran for it.
"$AJAIL" exec rest sleep 4711 &
client=$!
for ((waited = 0; waited < 100; ++waited)); do
    runs_4711 >/dev/null && break
    sleep 0.05
done
check 'it runs' runs_4711
kill -9 $client
wait $client 2>/dev/null
for ((waited = 0; waited < 100; ++waited)); do
    runs_4711 >/dev/null || break
    sleep 0.05
done
status 'its client was killed, and it with it' 1 runs_4711
# A signal goes to it.
"$AJAIL" exec rest sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done' >ready &
client=$!
for ((waited = 0; waited < 100; ++waited)); do
    grep -q ready ready && break
    sleep 0.05
done
kill -TERM $client
wait $client
equal 'a signal is passed on' 9 $?

# The command ends, and all that runs beside it.
rm ready # that of the one before
"$AJAIL" exec rest sh -c 'echo ready; sleep 4712' >ready 2>/dev/null &
client=$!
for ((waited = 0; waited < 100; ++waited)); do
    grep -qs ready ready && break
    sleep 0.05
done
exec 7>&-
wait $client
equal 'the jail ended under it' 137 $?
wait
refuses 'and nobody gets in' 'no jail rest runs' "$AJAIL" exec rest true
