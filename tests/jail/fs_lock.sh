#!/bin/bash
# A root filesystem that is in use: jails share it, an edit has it alone, and whoever is in the way is named.
. "$TESTS/lib.sh"
mkdir store
mkdir -p store/fs project
cp -a "$AJAIL_HOME/fs/deb" store/fs/one
export AJAIL_HOME=$PWD/store
cd project || exit 1

# start OPTIONS...: a jail that says when it runs; leaves its pid in PID
start() {
    rm -f "$HOST_TMP/ready"
    mkfifo "$HOST_TMP/ready"
    setsid "$AJAIL" run --quiet --fs=one "$@" -- sh -c 'echo ready; exec sleep 60' >"$HOST_TMP/ready" &
    PID=$!
    read -r _ <"$HOST_TMP/ready"
}
stop() {
    kill "-${1:-TERM}" "$PID"
    wait "$PID" 2>/dev/null
}
users() { "$AJAIL" fs list --json | python3 -c 'import json, sys; x = json.load(sys.stdin)[0]; print(x["in_use"], x["edited"])'; }
run() { "$AJAIL" run --quiet --fs=one "$@"; }

start
output 'in use by one' "[$PID] False" users
check 'another jail shares it' run true
refuses 'remove' "one is in use by pid $PID\$" "$AJAIL" fs remove one
for option in --fs-edit --home-edit --fs-edit=/usr; do
    refuses "$option" "root filesystem one is in use by pid $PID; --fs-edit" run $option true
done
check 'a copy of it' "$AJAIL" fs copy one two
check 'goes' "$AJAIL" fs remove two
first=$PID
start
[ "$first" -lt "$PID" ] && both="$first, $PID" || both="$PID, $first"
output 'in use by two' "[$both] False" users
refuses 'remove names both' "in use by pid $both\$" "$AJAIL" fs remove one
stop
PID=$first
stop
output 'free again' '[] False' users
check 'and can be edited' run --fs-edit true

for option in --fs-edit --home-edit; do
    start $option
    output "$option: has it alone" "[$PID] True" users
    refuses "$option: no other jail" "one is being edited by pid $PID; wait" run true
    refuses "$option: no other edit" "one is being edited by pid $PID;" run $option true
    refuses "$option: by its path neither" "being edited by pid $PID;" "$AJAIL" run --quiet "--fs=$AJAIL_HOME/fs/one" true
    refuses "$option: no remove" "one is being edited by pid $PID\$" "$AJAIL" fs remove one
    refuses "$option: no copy" "one is being edited by pid $PID\$" "$AJAIL" fs copy one two
    refuses "$option: no export" "one is being edited by pid $PID\$" "$AJAIL" fs export one out.tar
    check "$option: --dry-run needs nothing" run --dry-run true
    stop KILL
    check "$option: killed, it is free" run true
    output "$option: nobody has it" '[] False' users
done

start
stop KILL
check 'a jail killed, it can be edited' run --fs-edit true
equal 'no lock is left behind' 'fs/one ' "$(find "$AJAIL_HOME" -mindepth 1 -maxdepth 2 ! -path "$AJAIL_HOME/fs" ! -path "$AJAIL_HOME/running*" -printf '%P ')"

# Two who edit at the same moment: one wins, the other is told.
edits() {
    local i won=0 told=0
    for i in 1 2; do
        run --fs-edit -- sh -c 'echo in; sleep 1' >"won.$i" 2>"told.$i" &
    done
    wait
    for i in 1 2; do
        [ "$(cat won.$i)" != in ] || won=$((won + 1))
        ! grep -q 'being edited by pid' told.$i || told=$((told + 1))
    done
    echo "$won $told"
}
for _ in 1 2 3; do output 'two edits at once' '1 1' edits; done

check 'remove when all is over' "$AJAIL" fs remove one
equal 'it is gone' '' "$(ls -A "$AJAIL_HOME/fs")"
