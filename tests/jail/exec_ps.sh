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

# No jail sees it, whatever it is given.
started seen sleep 4718
for kind in ro rol rw; do
    output "$kind of what is above shows nothing" '' "$AJAIL" run --quiet --fs=deb "--$kind=$AJAIL_HOME" ls -A "$running"
done
refuses 'and it is not granted itself' 'your jails that run are noted down there' \
    "$AJAIL" run --quiet --fs=deb --rol="$running" true
refuses 'nor what is in it' 'your jails that run are noted down there' \
    "$AJAIL" run --quiet --fs=deb --rol="$running/seen.sock" true
check 'the end' "$AJAIL" kill --force seen
ended
