#!/bin/bash
# What is ajail's own no jail is given: where jails are noted down, whichever place is in use; and for writing, the store.
. "$TESTS/lib.sh"

# A home with a store in it, with a root filesystem that is the real one.
home=$HOST_TMP/home
mkdir -p "$home/work" "$home/.ajail/fs" "$home/.ajail/kept"
chmod 700 "$home" "$home/.ajail"
ln -s "$AJAIL_HOME/fs/deb" "$home/.ajail/fs/deb"
echo secret >"$home/.ajail/kept/file"
export HOME=$home
unset AJAIL_HOME
cd "$home/work" || exit

# Through the store, over it, by renaming what is above: none of it comes back to the host.
attack='cd "$1" || exit
    mkdir -p .ajail/fs/evil 2>/dev/null && echo >.ajail/fs/evil/x
    mv .ajail away 2>/dev/null; mkdir -p .ajail/fs/evil; rm -rf .ajail/kept 2>/dev/null
    ls -A .ajail'
before=$(cd "$home" && find . | sort | grep -v running)
for kind in rw dev; do
    output "--$kind of the home: an empty store" '' jail "--$kind=$home" -- sh -c "$attack" sh "$home" 2>/dev/null
    equal "--$kind: nothing has come into it" "$before" "$(cd "$home" && find . | sort | grep -v running)"
done
output 'as the current directory' '' bash -c 'cd && "$0" run --quiet --fs=host -- sh -c "ls -A .ajail"' "$AJAIL"
output 'elsewhere inside' '' jail --mount="$home,/x,rw" -- ls -A /x/.ajail
output 'for reading it is there' 'file' jail --rol="$home" -- ls -A "$home/.ajail/kept"
for kind in ro rol; do
    output "--$kind: but for the jails that run" '' jail "--$kind=$home" -- sh -c 'ls -A "$1"' sh "$home/.ajail/running"
done
for dir in "$home/.ajail" "$home/.ajail/fs" "$home/.ajail/kept"; do
    refuses "--rw=$dir" 'later jails run' jail --rw="$dir" -- true
done
# What lies in it as well, but for what the jails of a workspace write anyway.
mkdir -p "$home/.ajail/workspaces/w/tree/src" "$home/.ajail/workspaces/w/git" "$home/.ajail/kept/k/0" "$home/.ajail/fs/edit/etc"
for dir in fs/edit fs/edit/etc kept/k kept/k/0 kept/file workspaces/w cache/x; do
    [ -e "$home/.ajail/$dir" ] || mkdir -p "$home/.ajail/$dir"
    refuses "--rw of $dir" 'later jails run' jail --rw="$home/.ajail/$dir" -- true
    refuses "--mount of $dir" 'later jails run' jail --mount="$home/.ajail/$dir,/x,rw" -- true
    check "--ro of $dir" jail --ro="$home/.ajail/$dir" -- true
done
for dir in fs/edit kept/k workspaces/w; do
    refuses "in $dir" 'later jails run' bash -c 'cd "$1" && "$0" run --quiet --fs=host true' "$AJAIL" "$home/.ajail/$dir"
done
for dir in tree tree/src git; do check "--rw of a workspace's $dir" jail --rw="$home/.ajail/workspaces/w/$dir" -- true; done
rm -r "$home/.ajail/workspaces" "$home/.ajail/kept/k" "$home/.ajail/fs/edit" "$home/.ajail/cache"
refuses 'the store as current directory' 'later jails run' bash -c 'cd ~/.ajail && "$0" run --quiet --fs=host true' "$AJAIL"

# Where there is none yet, the jail does not make it.
rm -r "$home/.ajail"
output 'no store yet' '' "$AJAIL" run --quiet --fs=host --rw="$home" -- sh -c "$attack" sh "$home" 2>/dev/null
equal 'none by the jail' '' "$(find "$home/.ajail" -mindepth 1 ! -name running)"
equal 'and its user'"'"'s alone' 700 "$(stat -c %a "$home/.ajail")"
output 'of a plan nothing is made' '' bash -c 'rm -rf ~/.ajail; "$0" run --fs=host --rw="$HOME" --dry-run true >/dev/null; ls -A ~ | grep ajail; true' "$AJAIL"
matches 'which tells of it all the same' 'mask .*/home/\.ajail ' "$AJAIL" run --fs=host --rw="$home" --dry-run true
output 'several directories deep' '' env AJAIL_HOME="$home/a/b/c" "$AJAIL" run --quiet --fs=host --rw="$home" -- \
    sh -c 'cd "$1"; mkdir -p a/b/c/fs; mv a/b away; mv a away; ls -A a/b/c' sh "$home" 2>/dev/null
equal 'it is where it was' running "$(ls -A "$home/a/b/c")"
rm -rf "$home/a" "$home/away"

# By a link, which a jail could change.
mkdir -p "$HOST_TMP/real/fs"
rm -rf "$home/.ajail"
ln -s "$HOST_TMP/real" "$home/.ajail"
refuses 'the store is behind a link' 'could change the symbolic link .*/home/\.ajail' "$AJAIL" run --quiet --fs=host --rw="$home" true
check 'which matters for writing only' "$AJAIL" run --quiet --fs=host --ro="$home" true
check 'and where the link is' "$AJAIL" run --quiet --fs=host true
refuses 'behind two' 'could change the symbolic link .*/work/next' \
    bash -c 'ln -s "$1" next; rm ~/.ajail; ln -s ~/work/next ~/.ajail; exec "$0" run --quiet --fs=host true' "$AJAIL" "$HOST_TMP/real"
rm "$home/.ajail"

# A store that cannot be looked at: of another's nothing can be shown, one's own could be opened from inside.
if [ "$AS" = user ]; then
    output "another's" ok env AJAIL_HOME=/proc/1/cwd/root/x "$AJAIL" run --quiet --fs=host -- echo ok
    mkdir -p closed/store && chmod 600 closed
    refuses "one's own" 'closed.*Permission denied' env AJAIL_HOME="$PWD/closed/store" "$AJAIL" run --quiet --fs=host -- echo ok
    chmod 700 closed
fi

# The session's place, in use or not.
mkdir -m 700 "$HOST_TMP/session"
export XDG_RUNTIME_DIR=$HOST_TMP/session
for kind in ro rol rw; do
    output "--$kind of the session's directory" '' "$AJAIL" run --quiet --fs=host "--$kind=$XDG_RUNTIME_DIR" -- ls -A "$XDG_RUNTIME_DIR/ajail"
    output "--$kind: and the other place" '' "$AJAIL" run --quiet --fs=host "--$kind=$home" -- sh -c 'ls -A "$1" | grep -v running; ls -A "$1/running"; true' sh "$home/.ajail"
done
refuses 'nor itself' 'noted down there' "$AJAIL" run --quiet --fs=host --ro="$XDG_RUNTIME_DIR/ajail" true
chmod 777 "$XDG_RUNTIME_DIR" # not to be used, and hidden all the same
touch "$XDG_RUNTIME_DIR/ajail/x"
output 'that is not in use' '' "$AJAIL" run --quiet --fs=host --rol="$XDG_RUNTIME_DIR" -- ls -A "$XDG_RUNTIME_DIR/ajail"
unset XDG_RUNTIME_DIR
rm -rf "$HOST_TMP/session"
if [ -d /run/user ]; then
    output 'those of all users' '' "$AJAIL" run --quiet --fs=host --mount=/run,/x -- ls -A /x/user
    # Root's grants have their ids mapped, which not all that is mounted there can have.
    [ "$AS" = root ] || output 'with all of the host' '' "$AJAIL" run --quiet --fs=host --mount=/,/x,rol -- ls -A /x/run/user
    refuses 'and by itself' 'the sessions of all users' "$AJAIL" run --quiet --fs=host --ro=/run/user true
else
    skip '/run/user' 'is not here'
fi
