#!/bin/bash
# What `ajail mkfs` keeps for the next time: what is fetched then, that it comes to the same, and that nothing is believed
# that is damaged or that others could have changed.
# needs: the network
# not: root, userns; mkfs itself always runs a jail of one id
# seconds: 900
. "$TESTS/lib.sh"

if [ ! -x "$(command -v mmdebstrap)" ]; then
    skip 'mkfs cache' 'no mmdebstrap, and nothing is kept with debootstrap'
    exit 0
fi
store=$(dirname "$PWD")/mkfs_cache.$$ log=$(dirname "$PWD")/mkfs_cache.$$.log
python3 "$TESTS/proxy.py" "$log" >port &
proxy=$!
until [ -s port ]; do sleep 0.1; done
mkfs() {
    : >"$log"
    http_proxy=http://127.0.0.1:$(cat port) AJAIL_HOME=$store "$AJAIL" mkfs debian "$@"
}
fetched() { sed 's|.*/||' "$log" | sed -n "/$1/p" | wc -l; }
only_indexes() { equal "$1" 0 "$(grep -cvE '/InRelease$' "$log")"; }
# All that there is, but the times of what is mounted over and the sizes of directories.
tree() (
    cd "$store/fs/$1" || exit 1
    find . -printf '%p %y %m %l %T@\n' | grep -vE '^\./(proc|dev) ' | sort
    find . -type f -exec sha256sum {} + | sort -k 2
    find . -type f -links +1 -printf '%p %n\n' | sort
)
whole() (
    cd "$store/cache" || exit 1
    for archive in * .[!.]*; do
        [ -e "$archive" ] || continue
        sum=${archive%.tar}
        [ "$(sha256sum <"$archive")" = "${sum##*.}  -" ] || echo "$archive"
    done
)
kept() { (cd "$store/cache" && ls -A) | sed -E 's/\.[0-9a-f]{64}\.[0-9a-f]{64}\.tar$//' | sort | tr '\n' ' '; }
anew() { grep -q /binary- "$log"; } # the lists of packages are fetched

refuses 'packages that there are not' '^ajail: mkfs: no package nosuch1, nosuch2 in stable at http' mkfs a -p nosuch2,less,nosuch1
equal 'are found out before anything is installed' 0 "$(fetched '\.deb$')"
equal 'and nothing is kept' '' "$(kept)"

check 'the first one' mkfs a
equal 'says nothing' '' "$(cat "$OUT" "$ERR")"
check 'fetches packages' test "$(fetched '\.deb$')" -gt 50
equal 'is kept' 'debian-default ' "$(kept)"
equal 'by the sum that it has' '' "$(whole)"
equal 'for its owner alone' '700 600 ' "$(stat -c %a "$store/cache" "$store"/cache/* | tr '\n' ' ')"
check 'the second one' mkfs b
check 'fetches the signed indexes' test "$(fetched '^InRelease$')" -gt 0
only_indexes 'and nothing else'
tree a >list.a
tree b >list.b
check 'with many files' test "$(wc -l <list.a)" -gt 5000
check 'and is the same' diff list.a list.b
output 'works' ok env AJAIL_HOME="$store" "$AJAIL" run --quiet --fs=b sh -c 'dpkg --audit && apt-get check >/dev/null && echo ok'

check 'with a package' mkfs c -p less
check 'it is added to the base system' test "$(fetched '\.deb$')" -lt 10
check 'only that is new' test -z "$(cd "$store/fs/c" && dpkg-query --admindir=var/lib/dpkg -W -f '${Package}\n' | sort |
    comm -3 - <(dpkg-query --admindir="$store/fs/a/var/lib/dpkg" -W -f '${Package}\n' | sort) | grep -v 'less$')"
check 'no traces of how' test -z "$(find "$store/fs/c" \( -name policy-rc.d -o -name '*.REAL' -o -name '*InRelease' -o -name '*.deb' \))"
equal 'both are kept' 'debian-default debian-default+ ' "$(kept)"
check 'the same packages, in another order' mkfs d -p ca-certificates,,less
only_indexes 'fetches nothing else'
tree c >list.c
tree d >list.d
check 'and is the same as well' diff list.c list.d
matches 'it is shown' '^\(cache\) .*--cache' env AJAIL_HOME="$store" "$AJAIL" fs list

# Killed at any time it leaves nothing half there; the machine decides when.
for wait in 0.5 1 2 3 4; do
    { timeout -s KILL $wait env AJAIL_HOME="$store" http_proxy="http://127.0.0.1:$(cat port)" "$AJAIL" mkfs debian e -p nano; } 2>/dev/null
    equal "killed after $wait s: all that is kept is whole" '' "$(whole)"
    AJAIL_HOME=$store "$AJAIL" fs remove e 2>/dev/null # it was faster
done
exec 7<"$store/cache"
flock 7
check 'while another one changes the cache' mkfs e -p lsof
equal 'nothing is kept' '' "$(grep -la ./usr/bin/lsof "$store"/cache/*)"
exec 7<&-
mkfs f -p lsof &
AJAIL_HOME=$store "$AJAIL" mkfs debian g -p lsof
check 'two at once' wait $!
check 'both are there' test -x "$store/fs/f/usr/bin/lsof" -a -x "$store/fs/g/usr/bin/lsof"
equal 'and one is kept' 'debian-default debian-default+ ' "$(kept)"
equal 'whole' '' "$(whole)"

# Bytes in the middle of a file's content.
archive=$(echo "$store"/cache/debian-default.*)
check 'damage' sh -c 'printf evil | dd of="$1" bs=1 seek=60000000 conv=notrunc' - "$archive"
matches 'is seen' '^ajail: mkfs: an archive in the cache is damaged, and is not used$' mkfs h
check 'it is made anew' test "$(fetched '\.deb$')" -gt 50
equal 'and kept in its place' '' "$(whole)"
equal 'as one' 'debian-default debian-default+ ' "$(kept)"
chmod 770 "$store/cache"
matches 'a cache of others' '^ajail: warning: mkfs: nothing is kept for the next time: others can get into .*/cache' mkfs i -p nosuch
check 'is not looked at' anew
chmod 700 "$store/cache"
status '--no-cache' 125 mkfs i -p nosuch --no-cache
check 'does not look at it either' anew

check 'it can be removed' env AJAIL_HOME="$store" "$AJAIL" fs remove --cache a
check 'with root filesystems' test ! -e "$store/cache" -a ! -e "$store/fs/a" -a -e "$store/fs/b"
refuses 'for remove only' 'is for remove' env AJAIL_HOME="$store" "$AJAIL" fs list --cache

kill "$proxy"
chmod -R u+rwX "$store"
rm -rf "$store" "$log"
