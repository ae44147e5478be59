#!/bin/bash
# not: userns
# Workspaces in a root filesystem of the jail's own, with many users: what those leave is seen, and can be removed.
set -u
. "$TESTS/lib.sh"
fs=$AJAIL_HOME/fs
. "$TESTS/workspaces.sh"
mkdir "$AJAIL_HOME" && ln -s "$fs" "$AJAIL_HOME/fs"
export AJAIL_ARGS='--fs=deb'

repository proj
cd proj || exit 1
check 'made' "$AJAIL" create one
output 'as root, where the original is' "0 $PWD" within one sh -c 'echo "$(id -u) $PWD"'
output 'its files and git directory are there' 'a b HEAD' within one sh -c 'echo * $(cd .git && echo HEAD*)'
output 'with the original read-only' 'ref: refs/heads/main' within one cat /ajail/origin/HEAD
denied 'only' within one touch /ajail/origin/x
if ! "$AJAIL" run --quiet --users=range true 2>/dev/null; then
    skip 'files of other users' 'no range of ids here'
else
    check 'files of other users' "$AJAIL" run --quiet --in=one --users=range sh -c \
        'mkdir -m 700 closed && touch closed/x && chown -R 2:2 closed && echo y >y && chown 1:1 y'
    matches 'are told' '^  new +closed/x$' "$AJAIL" status one
    refuses 'are not lost' '2 files not committed' "$AJAIL" destroy one
fi
check 'and can be removed' "$AJAIL" destroy --force one
equal 'nothing is left' '' "$(ls -A "$AJAIL_HOME/workspaces")"
