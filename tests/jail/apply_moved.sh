#!/bin/bash
# not: userns
# ajail apply: what the host has moved, replaced or removed below a jail, or at the very moment, is never overwritten.
# seconds: 240
. "$TESTS/lib.sh"
mkdir project
cd project || exit 1
here=$PWD
said() { sed "s|$here/||g; s|$here|.|g; / is still kept: /d; /^what is refused/d" "$OUT" "$ERR"; }

# meanwhile NAME IN_JAIL ON_HOST [BEFORE]: a jail does BEFORE, waits until ON_HOST has been done, and does IN_JAIL
meanwhile() {
    local jailed
    rm -f "$HOST_TMP/ready" go
    mkfifo "$HOST_TMP/ready"
    "$AJAIL" run --quiet --fs=deb --ro --keep="$1" --rw=wait -- sh -ec "${4:-ls -R >/dev/null}; echo; while [ ! -e wait/go ]; do sleep 0.1; done; $2" >"$HOST_TMP/ready" &
    jailed=$!
    read -r _ <"$HOST_TMP/ready"
    sleep 0.1
    sh -ec "$3"
    touch wait/go
    wait "$jailed"
    rm -f wait/go
    "$AJAIL" apply "$1" >"$OUT" 2>"$ERR"
    STATUS=$?
    "$AJAIL" discard "$1"
}
mkdir wait

# A directory that is moved there has files that are as old as ever.
fresh() {
    rm -rf d d.old other e
    mkdir -p d/in other/in e
    for dir in d other; do for file in f in/f; do echo "$dir" >$dir/$file; done; done
    echo e >e/f
    sleep 0.05
}
fresh
meanwhile moved 'echo jail >d/f; echo jail >d/in/f; echo new >d/new; echo jail >e/f' 'mv d d.old; mv other d'
equal 'moved while it ran' "$(printf '%s\n' 'changed  e/f' 'refused  d/f: changed on the host while the jail ran' \
    'refused  d/in/f: changed on the host while the jail ran' 'refused  d/new: changed on the host while the jail ran' \
    '1 applied, 3 refused')" "$(said)"
equal 'is as the host has it' 'other other jail' "$(xargs <<<"$(cat d/f d/in/f e/f)")"
fresh
meanwhile moved 'echo jail >d/f' 'mv d d.old; mv other d; touch d/more'
equal 'and written in' "refused  d/f: changed on the host while the jail ran" "$(said | head -n 1)"
fresh
meanwhile moved 'echo jail >d/in/f' 'mv d/in old; mv other/in d/in'
equal 'further down' other "$(cat d/in/f)"
fresh
meanwhile moved 'rm -r d' 'mv d d.old; mv other d'
equal 'what is removed inside stays' 'other other' "$(cat d/f d/in/f | xargs)"
fresh
meanwhile moved 'rm -r d; mkdir d; echo jail >d/f' 'mv d d.old; mv other d'
equal 'and what is replaced' 'other other' "$(cat d/f d/in/f | xargs)"

# Who only works there is not in the way.
fresh
meanwhile busy 'echo jail >d/f; mv d/in/f d/in/g' 'touch new d/new; echo host >d/other; rm -f new'
equal 'other files in the same directory' '0 3 applied, 0 refused' "$STATUS $(said | tail -n 1)"
equal 'all is there' 'jail host d' "$(cat d/f d/other d/in/g | xargs)"

# Removed on the host: it is not made again.
fresh
meanwhile gone true 'rm d/f; rm -r d/in' 'echo jail >>d/f; echo jail >>d/in/f'
equal 'a file, and a directory' "$(printf '%s\n' '0 applied, 3 refused' 'refused  d/f: changed on the host while the jail ran' \
    'refused  d/in/f: the directory that it is in is not there, or is something else' 'refused  d/in: changed on the host while the jail ran')" "$(said | LC_ALL=C sort)"
equal 'stay away' no "$([ -e d/f ] || [ -e d/in ] && echo yes || echo no)"

# The top itself, and the directory of a single file.
fresh
rm -rf ../another
cp -a . ../another
echo another >../another/d/f
sleep 0.05
meanwhile top 'echo jail >d/f; echo new >new' "cd ..; mv project project.old; mv another project; mkdir -p project.old/wait; touch project.old/wait/go"
cd "$here" || exit 1
equal 'another top' 'another 1' "$(cat d/f) $STATUS"
rm -rf ../project.old
mkdir -p one two wait
echo one >one/single
echo two >two/single
sleep 0.05
"$AJAIL" run --quiet --fs=deb --hide --ro=one/single --rw=wait --keep=single -- sh -c "while [ ! -e $here/wait/go ]; do sleep 0.1; done; echo jail >$here/one/single" &
jailed=$!
sleep 1
mv one three
mv two one
touch wait/go
wait "$jailed"
rm -f wait/go
status 'a file in a directory that was moved there' 1 "$AJAIL" apply single
equal 'stays' two "$(cat one/single)"
check 'discard' "$AJAIL" discard single

# After the jail: nothing is put into another directory.
fresh
check 'an addition' jail --ro --keep=later -- sh -c 'echo new >d/new; echo jail >e/f'
mv d d.old
mv other d
status 'into a directory that was replaced afterwards' 1 "$AJAIL" apply later
equal 'is refused' 'refused  d/new: the directory that it is in is not there, or is something else' "$(said | grep refused | head -n 1)"
equal 'as it was' 'd/f d/in' "$(echo d/*)"
check 'discard' "$AJAIL" discard later

# At the very moment: the host's file is looked at once more when it is out of the way, and put back.
at_the_moment() { # NAME CALL ON_HOST
    strace -qq -f -o /dev/null -e trace="$2" -e inject="$2":delay_enter=1500000:when=1 "$AJAIL" apply "$1" >"$OUT" 2>"$ERR" &
    local applies=$!
    sleep 0.7
    sh -ec "$3"
    wait "$applies"
    STATUS=$?
    "$AJAIL" discard "$1"
}
if ! sanitized && strace -qq -o /dev/null true 2>/dev/null; then
    fresh
    check 'changed' jail --ro --keep=moment -- sh -c 'echo jail >d/f'
    at_the_moment moment renameat2 'echo host >x; mv x d/f'
    equal 'replaced' 'host 1 refused  d/f: changed on the host since the jail ran' "$(cat d/f) $STATUS $(said | head -n 1)"
    check 'changed' jail --ro --keep=moment -- sh -c 'echo jail >d/f'
    at_the_moment moment renameat2 'echo more >>d/f'
    equal 'written to' 'host more 1' "$(xargs <d/f) $STATUS"
    check 'removed' jail --ro --keep=moment -- sh -c 'rm d/f'
    at_the_moment moment renameat2 'echo host >x; mv x d/f'
    equal 'removed inside' 'host 1' "$(cat d/f) $STATUS"
    check 'another type' jail --ro --keep=moment -- sh -c 'rm d/f; mkdir d/f; echo jail >d/f/in'
    at_the_moment moment renameat2 'echo again >x; mv x d/f'
    equal 'a directory in its place' 'again 1' "$(cat d/f) $STATUS"
    check 'new' jail --ro --keep=moment -- sh -c 'echo jail >d/fresh'
    at_the_moment moment linkat 'echo host >d/fresh'
    equal 'made meanwhile' 'host 1' "$(cat d/fresh) $STATUS"
    equal 'nothing else is left' 'f fresh in' "$(find d -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)"
else
    skip 'replaced at the very moment' 'there is no strace, or it and the sanitizer'
fi
rmdir "$AJAIL_HOME/kept"
