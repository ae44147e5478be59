#!/bin/bash
# --users=range where something is missing, or the helpers fail: one line, and nothing has run.
# Files of the host are replaced in a mount namespace of our own.
# not: root userns
. "$TESTS/lib.sh"

me=$(id -un)
if ! unshare --map-current-user --mount --keep-caps true 2>/dev/null; then
    skip 'missing helpers' 'unshare cannot make a user namespace'
    exit
fi
mkdir bin
: >empty
printf '%s:100000:65536\n' "$me" >subids
printf 'somebody:100000:65536\nelse:165536:10\n' >others
printf '#!/bin/sh\nwc -c </proc/$$/environ >%s/environ\necho "$*" >%s/arguments\nexit 0\n' "$PWD" "$PWD" >good
printf '#!/bin/sh\necho first; echo "not \033[31mallowed" >&2; exit 3\n' >bad
printf '#!/bin/sh\nkill -9 $$\n' >killed
printf '#!/bin/sh\nhead -c 1000000 /dev/zero; exit 1\n' >talks
printf 'no program' >broken
chmod 755 good bad killed talks broken

# with FILE=REPLACEMENT,... COMMAND...
with() {
    local mounts=$1
    shift
    # shellcheck disable=SC2016
    unshare --map-current-user --mount --keep-caps sh -c '
        for pair in $(echo "$1" | tr , " "); do mount --bind "${pair#*=}" "${pair%%=*}" || exit 99; done
        shift
        exec "$@"' sh "$mounts" "$@"
}
range() { # FILES
    with "$1" "$AJAIL" run --quiet --fs=deb --users=range sh -c 'touch ran'
}
both=/etc/subuid=subids,/etc/subgid=subids
helpers=/usr/bin/newuidmap,/usr/bin/newgidmap
[ -e /usr/bin/newuidmap ] || helpers=

refuses 'no entries' "no subordinate ids of $me in /etc/subuid and /etc/subgid; as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $me\$" \
    range /etc/subuid=empty,/etc/subgid=empty
refuses 'no entry for groups' "usermod --add-subgids 165546-231081 $me\$" range /etc/subuid=subids,/etc/subgid=others
refuses "ids of others are not suggested" "--add-subuids 165546-231081 --add-subgids 165546-231081" \
    range /etc/subuid=others,/etc/subgid=empty
matches 'auto says what it does without' 'Given up: users of their own inside \(no subordinate ids' \
    with /etc/subuid=empty "$AJAIL" run --verbose --fs=deb --users=auto true
output 'and has one id' 1 with /etc/subuid=empty "$AJAIL" run --quiet --fs=deb --users=auto sh -c 'wc -l </proc/self/uid_map'
refuses 'no privileges to gain' 'no_new_privs' setpriv --no-new-privs "$AJAIL" run --quiet --fs=deb --users=range true

if [ -n "$helpers" ]; then
    refuses 'no helper' 'newuidmap is not installed; as root: apt-get install uidmap' \
        with "$both,/usr/bin/newuidmap=/dev/null" env PATH=/nowhere "$AJAIL" run --quiet --fs=deb --users=range true
    mkdir -p path
    cp good path/newuidmap
    cp good path/newgidmap
    refuses 'a helper of any name in the PATH' 'newuidmap is not installed' \
        with "$both,/usr/bin/newuidmap=/dev/null" env PATH="$PWD/path:$PATH" "$AJAIL" run --quiet --fs=deb --users=range true
    refuses 'a helper that fails' 'newuidmap failed with status 3, saying: first not \\x1b\[31mallowed' \
        range "$both,/usr/bin/newuidmap=bad"
    output 'auto sees that it has no privileges' 1 with "$both,/usr/bin/newuidmap=bad" \
        "$AJAIL" run --quiet --fs=deb --users=auto sh -c 'wc -l </proc/self/uid_map'
    refuses 'a helper that is killed' 'newuidmap was killed by signal 9' range "$both,/usr/bin/newuidmap=killed"
    refuses 'a helper that does not stop talking' 'newuidmap failed with status 1' range "$both,/usr/bin/newuidmap=talks"
    refuses 'a helper that is no program' 'Exec format error' range "$both,/usr/bin/newuidmap=broken"
    refuses 'a helper that does nothing' 'ids: ' range "$both,/usr/bin/newuidmap=good,/usr/bin/newgidmap=good"
    equal 'it has an empty environment' 0 "$(cat environ)"
    matches 'it is told the pid and threes of numbers' "^[0-9]+ 0 $(id -g) 1 1 100000 65535\$" cat arguments
fi
check 'nothing has run' test ! -e ran
