#!/bin/bash
# A home that is missing, read-only, or not a home: nothing is needed of it.
. "$TESTS/lib.sh"

store=$AJAIL_HOME
for home in /nonexistent '' relative /dev/null; do
    output "HOME=$home" 0 env HOME="$home" "$AJAIL" run --quiet --fs=deb id -u
done
output 'no HOME' 0 env -u HOME "$AJAIL" run --quiet --fs=deb id -u
mkdir -p h/.ajail project
ln -s "$store/fs" h/.ajail/fs
chmod -R a-w h
cd project || exit 1
check 'a read-only home: the store in it is found' env -u AJAIL_HOME HOME="$OLDPWD/h" "$AJAIL" run --quiet --fs=deb true
env -u AJAIL_HOME HOME="$OLDPWD/h" "$AJAIL" run --quiet --fs=host true
# (root may write there, and then the directory of running jails is)
equal 'nothing is made in it' '.ajail .ajail/fs ' "$(find "$OLDPWD/h" -mindepth 1 ! -path "$OLDPWD/h/.ajail/running" -printf '%P ')"
[ "$AS" != user ] || check 'nor the directory of running jails' [ ! -e "$OLDPWD/h/.ajail/running" ]
[ "$AS" != user ] || refuses 'mkfs there' '^ajail: ' env AJAIL_HOME="$OLDPWD/h/.ajail/deeper" "$AJAIL" mkfs debian new
chmod -R u+w "$OLDPWD/h"
refuses 'no store at all' 'none yet' env AJAIL_HOME=/nonexistent "$AJAIL" run --quiet --fs=deb true
output 'a relative AJAIL_HOME' 0 sh -c 'cd .. && AJAIL_HOME=$(realpath --relative-to=. "$1") "$AJAIL" run --quiet --fs=deb id -u' - "$store"
