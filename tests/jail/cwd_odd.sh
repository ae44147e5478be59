#!/bin/bash
# Started where it makes no sense, or is dangerous.
. "$TESTS/lib.sh"

cd /
refuses 'in /: refused' 'refusing to run in /.*cd to' "$AJAIL" run --fs=deb --quiet true
for dir in /proc /proc/sys /sys/kernel /dev; do
    (cd $dir && refuses "in $dir, of which a jail has its own" "refusing to run in $dir.*cd to" "$AJAIL" run --fs=deb --quiet --hide true)
done
refuses 'in /, whatever the kind' 'refusing to run in /' "$AJAIL" run --fs=deb --quiet --rol true
output 'in /, which is not given' "$(cat "$AJAIL_HOME/fs/deb/etc/debian_version")" \
    "$AJAIL" run --fs=deb --quiet --hide cat etc/debian_version
equal 'says nothing' '' "$(cat "$ERR")"
denied 'nothing of it is there' "$AJAIL" run --fs=deb --quiet --hide ls "${HOST_TMP#/}"
output 'with grants' marker "$AJAIL" run --fs=deb --quiet --hide --rol="$HOST_TMP" ls "$HOST_TMP"
output 'relative ones' marker "$AJAIL" run --fs=deb --quiet --hide --rol="${HOST_TMP#/}" ls "$HOST_TMP"
output "the host's programs" / "$AJAIL" run --fs=host --quiet --hide pwd
cd "$OLDPWD" || exit 1

home() { (cd "$1" && HOME=$2 "$AJAIL" run --quiet --fs=deb "${@:3}"); }
mkdir -p h/user/project
status 'in the home: it works' 3 home h/user "$PWD/h/user" sh -c 'exit 3'
equal 'but warns, in one line' 1 "$(grep -c '' "$ERR")"
check 'which is about the home' grep -q '^ajail: warning: .*home' "$ERR"
check 'above the home' home h "$PWD/h/user" true
check 'warns' grep -q '^ajail: warning: ' "$ERR"
check 'in a project below it' home h/user/project "$PWD/h/user" true
equal 'does not' '' "$(cat "$ERR")"
check 'with a slash at the end of HOME' home h/user "$PWD/h/user/" true
check 'warns' grep -q '^ajail: warning: ' "$ERR"
ln -s user h/link
check 'with a HOME that is a symbolic link' home h/user "$PWD/h/link" true
check 'warns' grep -q '^ajail: warning: ' "$ERR"

mkdir gone
deleted() { (cd gone && rmdir "$PWD" && "$AJAIL" run --quiet --fs=deb true); }
refuses 'a deleted one' 'current directory.*(deleted|cd to)' deleted
mkdir closed
unreadable() { (cd closed && chmod 0 . && "$AJAIL" run --quiet --fs=deb pwd); }
run_ unreadable
chmod 700 closed
[ "$STATUS" = 125 ] || [ "$STATUS" = 0 ] || STATUS=unknown
check 'one without permissions: a clear answer' test "$STATUS" != unknown

ln -s h/user/project short
output 'through a symbolic link: its real path' "$PWD/h/user/project" sh -c 'cd short && "$AJAIL" run --quiet --fs=deb pwd'

# A path that exists in the root filesystem, too: the project is what counts.
for dir in /tmp /run /var/tmp; do
    [ -w "$dir" ] || continue
    sub=$(mktemp -d "$dir/ajail-cwd.XXXXXX")
    output "below $dir" 'f' sh -c 'cd "$1" && touch f && "$AJAIL" run --quiet --fs=deb ls' - "$sub"
    rm -rf "$sub"
done
output 'in /tmp itself' "$(basename "$HOST_TMP")" sh -c 'cd /tmp && "$AJAIL" run --quiet --fs=deb ls -d "$(basename "$HOST_TMP")"'
