#!/bin/bash
# Started by real root: never mapped; directories come id-mapped.
# only: root
. "$TESTS/lib.sh"

output 'an unassigned range' '0 1879048192 65536' jail sh -c 'set -- $(cat /proc/self/uid_map); echo "$*"'
check 'files are root'"'"'s' jail sh -c 'touch made; mkdir dir; chown 33:44 dir'
equal 'they are' 0:0 "$(stat -c %u:%g made)"
equal 'other ids are what they are inside' 33:44 "$(stat -c %u:%g dir)"
output 'and inside' '0:0 33:44 ' jail sh -c 'stat -c %u:%g made dir | tr "\n" " "'
output '/ is root'"'"'s' 0:0 jail stat -c %u:%g /
mkdir theirs
echo x >theirs/f
chmod 700 theirs
output 'a root-only directory that was granted is open' x jail cat theirs/f
id=$(id -u nobody)
chown nobody theirs
output 'one of another user shows its owner' "$id" jail stat -c %u theirs
status 'a host process cannot be signalled' 1 jail sh -c 'kill -0 '$$
output 'no supplementary groups' 0 jail id -G
output '--ro, id-mapped' 'new 0' jail --ro sh -c 'echo new >made; echo "$(cat made) $(stat -c %u made)"'
equal 'and nothing stayed' '' "$(cat made)"
output '--rol, id-mapped' '0 no' jail --rol sh -c 'stat -c %u made | tr "\n" " "; touch made 2>/dev/null && echo yes || echo no'
output 'a file' 'x 0' jail --ro=theirs/f sh -c 'echo "$(cat theirs/f) $(stat -c %u theirs/f)"'
# Root of a user namespace that maps 0 to 0 is not the machine's root: it may be refused, but not go wrong.
in_userns() { unshare --user --map-root-user "$AJAIL" run --quiet --fs=deb id -u; }
run_ in_userns
if [ "$STATUS" = 0 ]; then equal 'root in a namespace of its own' 0 "$(cat "$OUT")"; else
    refuses 'root in a namespace of its own' '^ajail: ' in_userns
fi
# Somebody who is called 65534 there, as all are that have no name: not the machine's root, whose files show so.
place=$(mktemp -d) && chmod 777 "$place" && cp "$AJAIL" "$place/ajail" && mkfifo "$place/mapped" || exit 1
as_nobody() {
    (
        cd "$place" || exit 1
        exec unshare --user --keep-caps sh -c 'read -r go <mapped && exec setpriv --reuid=65534 --regid=65534 --clear-groups \
            env HOME=/ ./ajail run --quiet --fs=host id -u'
    ) &
    sleep 0.3
    echo 0 100000 65536 >"/proc/$!/uid_map"
    echo 0 100000 65536 >"/proc/$!/gid_map"
    echo go >"$place/mapped"
    wait $!
}
output 'nobody in a container' 65534 as_nobody
rm -rf "$place"
