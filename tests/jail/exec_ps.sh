#!/bin/bash
# Jails that run are noted down, under a name or their number: `ajail ps`, `ajail kill`, `--name`.
. "$TESTS/lib.sh"

running=$AJAIL_HOME/running
names() { "$AJAIL" ps --json | sed -n 's/^ *"name": "\(.*\)",$/\1/p' | tr '\n' ' '; }
# started NAME OPTION...: in the background; its number is left in $monitor
started() {
    local waited
    "$AJAIL" run --quiet --fs=deb --name="$1" "${@:2}" >said 2>&1 </dev/null &
    monitor=$!
    for ((waited = 0; waited < 200; ++waited)); do
        "$AJAIL" exec "$1" true 2>/dev/null && return
        sleep 0.05
    done
}
# ended: its status is left in $code
ended() {
    code=0
    wait "$monitor" 2>/dev/null || code=$?
}

equal 'none runs' '' "$(names)"
output 'an empty list, for programs' '[]' "$AJAIL" ps --json
started one sleep 4713
equal 'one runs' 'one ' "$(names)"
matches 'and is described' "^one +$monitor +[0-9: -]{16} +deb +$PWD +sleep 4713" "$AJAIL" ps
matches 'also for programs' '"pid": '"$monitor," "$AJAIL" ps --json
equal 'the directory is its user'"'"'s alone' 700 "$(stat -c %a "$running")"
refuses 'a name in use' '--name=one: a jail of that name runs already' "$AJAIL" run --quiet --fs=deb --name=one true
refuses 'no name' '--name=../x: should be' "$AJAIL" run --quiet --fs=deb --name=../x true
check 'kill' "$AJAIL" kill one
ended
equal 'the command was asked to end' 143 "$code"
equal 'and is gone' '' "$(names)"
refuses 'and cannot be killed twice' 'kill: no jail one runs \(none runs\)' "$AJAIL" kill one

started deaf sh -c 'trap "" TERM; while :; do sleep 0.1; done'
check 'kill --force' "$AJAIL" kill --force deaf
ended
equal 'the command was not asked' 137 "$code"

# Stopped, as by ^Z, it does not answer.
started stopped sleep 4714
kill -STOP "$monitor"
matches 'a stopped one is listed' "^stopped +$monitor" "$AJAIL" ps
check 'and is killed' "$AJAIL" kill stopped
ended
equal 'by its monitor' 137 "$code"

# Killed, it could not clean up behind itself.
started killed sleep 4715
kill -9 "$monitor"
ended
check 'something is left' test -e "$running/killed.jail"
refuses 'nobody answers' 'no jail killed runs' "$AJAIL" exec killed true
equal 'it does not run' '' "$(names)"
equal 'and is removed' '' "$(ls "$running")"
started killed sleep 4716
kill -9 "$monitor"
ended
status 'the name of one that was killed can be used again' 3 "$AJAIL" run --quiet --fs=deb --name=killed sh -c 'exit 3'

# Without a name it has a number. One that ends at once leaves nothing.
"$AJAIL" run --quiet --fs=deb sleep 4717 &
monitor=$!
for ((waited = 0; waited < 200; ++waited)); do
    "$AJAIL" exec $monitor true 2>/dev/null && break
    sleep 0.05
done
equal 'a number for a name' "$monitor " "$(names)"
check 'which works' "$AJAIL" kill --force "$monitor"
ended
equal 'nothing is left' '' "$(ls "$running")"

# Two at once, and one that does not end by itself: nothing is left once kill has returned.
started first sleep 4720
one=$monitor
mkdir "$HOST_TMP/disk"
started second --scratch="$HOST_TMP/disk" -- sh -c 'trap "" TERM; cd /tmp; i=0; while [ $i -lt 3000 ]; do : >$i; i=$((i + 1)); done; touch all; while :; do sleep 0.1; done'
for ((waited = 0; waited < 200; ++waited)); do
    "$AJAIL" exec second test -e /tmp/all && break
    sleep 0.05
done
before=$SECONDS
refuses 'kill of two, and of one that is not there' 'no jail nosuch runs' "$AJAIL" kill first nosuch second
equal 'the deaf one had its ten seconds' yes "$([ $((SECONDS - before)) -ge 9 ] && [ $((SECONDS - before)) -le 25 ] && echo yes)"
equal 'both are gone' '' "$(names)"
equal 'their monitors, too' '' "$(grep -hs '^State:.[^Z]' "/proc/$one/status" "/proc/$monitor/status")"
equal 'and all that was to be removed' '' "$(ls -A "$HOST_TMP/disk")"
ended
wait "$one" 2>/dev/null
rmdir "$HOST_TMP/disk"

# Nobody in another user namespace is heard, whatever program asks.
if [ "$AS" != userns ] && unshare --user true 2>/dev/null; then
    cat >ask.py <<'END'
import socket, sys
asks = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
asks.connect(sys.argv[1])
asks.settimeout(1)
try:
    print("shut" if not asks.recv(1) else "answered")
except TimeoutError:
    print("open")
END
    started asked sleep 4722
    equal 'who is outside is heard' open "$(python3 ask.py "$running/asked.sock")"
    equal 'who is inside is not' shut "$(unshare --user --map-root-user python3 ask.py "$running/asked.sock")"
    equal 'nor with the same id' shut "$(unshare --user python3 ask.py "$running/asked.sock")"
    [ "$AS" != root ] ||
        equal 'nor in another pid namespace' shut "$(unshare --pid --fork python3 ask.py "$running/asked.sock")"
    [ "$AS" != user ] ||
        output 'as bubblewrap gives it' shut "$AJAIL" bwrap --bind / / --dev /dev --proc /proc python3 "$PWD/ask.py" "$running/asked.sock"
    check 'and is ended' "$AJAIL" kill --force asked
    ended
fi

# What others of this user have written there is shown escaped, and not believed.
cat >note.py <<'END'
import fcntl, json, socket, sys, time
# A note that is held, with any text, and perhaps somebody who listens: here, or in a user namespace of their own.
where, name, text, listens = sys.argv[1:5]
if text == "deep":
    text = '{"pid": 1, "started": 1, "fs": "", "directory": "", "command": ' + "[" * 400000 + "]" * 400000 + "}"
file = open(f"{where}/{name}.jail", "w")
fcntl.flock(file, fcntl.LOCK_EX)
file.write(text)
file.flush()
if listens == "yes":
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(f"{where}/{name}.sock")
    door.listen()
print("ready", flush=True)
time.sleep(120)
END
# noted NAME TEXT LISTENS [WRAP...]
noted() {
    local waited
    : >ready
    "${@:4}" python3 note.py "$running" "$1" "$2" "$3" >ready 2>err &
    liar=$!
    for ((waited = 0; waited < 200; ++waited)); do
        grep -q ready ready && break
        sleep 0.05
    done
}
gone() {
    kill -9 "$liar" 2>/dev/null
    wait "$liar" 2>/dev/null
}
sleep 4721 &
victim=$!
lie='{"name": "\u001b[2Jname", "pid": '$victim', "started": 4000000000000000000, "fs": "\u001b]0;x\u0007", "directory": "a\\x1bb\u202e", "command": ["\u001b[31m", ["x"], 5], "more": "\u001b[0m"}'
noted lie "$lie" no
matches 'a note by somebody else, escaped' '^lie +'"$victim"' .*\\x1b\]0;x\\x07 +a\\x1bb\\xe2\\x80\\xae +\\x1b\[31m$' "$AJAIL" ps
equal 'no byte of it as it was' '' "$("$AJAIL" ps | tr -d '[:print:]\n')"
matches 'nor for programs' '"fs": "\\\\x1b\]0;x\\\\x07"' "$AJAIL" ps --json
equal 'and nothing that is none of ours' '' "$("$AJAIL" ps --json | grep -E 'more|2J')"
refuses 'nobody is there' 'kill: no jail lie runs' "$AJAIL" kill --force lie
gone
noted deep deep no
check 'a note that is deep' "$AJAIL" ps --json
gone
"$AJAIL" ps >/dev/null
# Whoever listens there is asked nothing, and given nothing, unless it is outside of all jails; its note names another.
if [ "$AS" = user ] && unshare --user true 2>/dev/null; then
    noted lie "$lie" yes unshare --user --map-root-user
    refuses 'who listens is in another user namespace' 'lie: what answers there is no ajail of yours' "$AJAIL" exec lie true
    refuses 'and is not killed' 'lie: what answers there is no ajail of yours' "$AJAIL" kill --force lie
    gone
fi
rm -f "$running"/lie.*
noted lie "$lie" yes
check 'who listens and does not answer is killed' "$AJAIL" kill lie
equal 'who is named in the note is not' yes "$(kill -0 "$victim" && echo yes)"
gone
kill "$victim"
wait "$victim" 2>/dev/null
rm -f "$running"/lie.*

# Nobody else's directory, and no jail fails for it, but for one that wants a name.
mkdir -m 755 open
mkdir -m 755 open/ajail
output 'one that others can use is not used' ok env XDG_RUNTIME_DIR="$PWD/open" "$AJAIL" run --quiet --fs=deb echo ok
matches 'which is told' 'ajail ps will not know of this jail' \
    env XDG_RUNTIME_DIR="$PWD/open" "$AJAIL" run --quiet --verbose --fs=deb true
refuses 'a name cannot be had there' '--name=x: cannot be noted down in .*open/ajail' \
    env XDG_RUNTIME_DIR="$PWD/open" "$AJAIL" run --quiet --fs=deb --name=x true
mkdir -m 700 own
XDG_RUNTIME_DIR=$PWD/own "$AJAIL" run --quiet --fs=deb --hide --name=own sleep 4719 &
monitor=$!
export XDG_RUNTIME_DIR=$PWD/own
for ((waited = 0; waited < 200; ++waited)); do
    "$AJAIL" exec own true 2>/dev/null && break
    sleep 0.05
done
equal "the session's own is used" 'own ' "$(names)"
check 'and found' "$AJAIL" kill own
ended
unset XDG_RUNTIME_DIR
# Whoever has had no store yet has one for it now.
output 'a jail with a name, before all else' ok env AJAIL_HOME="$PWD/first" "$AJAIL" run --quiet --fs=host --hide --name=x echo ok
check 'without one nothing is made' env AJAIL_HOME="$PWD/second" "$AJAIL" run --quiet --fs=host --hide true
check 'there it is not' test ! -e second
equal 'in a store of its user alone' '700 700' "$(stat -c %a first first/running | paste -sd ' ')"

# No jail sees it, whatever it is given; nor what later jails trust, where it could write.
started seen sleep 4718
for kind in ro rol; do
    output "$kind of what is above shows nothing" '' "$AJAIL" run --quiet --fs=deb "--$kind=$AJAIL_HOME" ls -A "$running"
done
refuses 'and it is not granted itself' 'your jails that run are noted down there' \
    "$AJAIL" run --quiet --fs=deb --rol="$running" true
refuses 'nor what is in it' 'your jails that run are noted down there' \
    "$AJAIL" run --quiet --fs=deb --rol="$running/seen.sock" true
check 'the end' "$AJAIL" kill --force seen
ended
