#!/bin/bash
# --fs: a name in the store, a path, none there.
. "$TESTS/lib.sh"

cd .. || exit 1
store=$PWD/names.$$
mkdir -p "$store/fs" "$store/project"
trap_dir=$store
cd "$store/project" || exit 1
in_store() { AJAIL_HOME=$store "$AJAIL" run --quiet "$@"; }
deb=$AJAIL_HOME/fs/deb

output 'an absolute path' 0 in_store --fs="$deb" id -u
said() { grep -q "^$1" "$ERR"; }
output 'none there: the host' "$(uname -n)" env AJAIL_HOME="$store" "$AJAIL" run --hostname="$(uname -n)" uname -n
check 'which is said' said '  (no root filesystem yet, so the host'
refuses 'none of that name' 'no root filesystem nosuch.*none yet.*ajail mkfs debian' in_store --fs=nosuch true
ln -s "$deb" "$store/fs/alpha"
output 'the only one there is' 0 env AJAIL_HOME="$store" "$AJAIL" run id -u
check 'which is said' said 'ajail alpha in '
# (With a sanitizer ajail is too large to be its own prober.)
sanitized || matches 'for verify as well' '"why"|blocked' env AJAIL_HOME="$store" "$AJAIL" verify --no-net
ln -s "$deb" "$store/fs/beta"
output 'a symbolic link in the store' 0 in_store --fs=alpha id -u
refuses 'others there' 'no root filesystem nosuch.*alpha, beta.*ajail mkfs debian' in_store --fs=nosuch true
refuses 'the default one' 'no root filesystem default.*alpha, beta.*--fs=NAME' in_store true
ln -s "$deb" "$store/fs/default"
output 'default' 0 in_store id -u
refuses 'not out of the store' '--fs=' in_store --fs=../../x true
refuses 'nor by a part' '--fs=' in_store --fs=alpha/../../.. true
: >"$store/fs/file"
refuses 'a file is none' 'no root filesystem file' in_store --fs=file true
refuses 'a path of a file' 'no root filesystem /etc/passwd: Not a directory' in_store --fs=/etc/passwd true
refuses 'a path that is not there' 'no root filesystem /no/such/path: No such file' in_store --fs=/no/such/path true
refuses 'control characters' 'a\\x1b' in_store --fs=$'a\e' true
for name in 'with space' 'a,b' 'a:b' 'a\b' $'a\nb' $'\xff' '-dash' 'lowerdir=x,upperdir=y'; do
    ln -s "$deb" "$store/fs/$name"
    output "a name like $(printf %q "$name")" 0 in_store --fs="$name" id -u
done
for name in 'r oot' 'r,oot' 'r:oot' 'r\oot' $'r\noot' $'r\xff'; do
    mkdir "$store/$name"
    cp -al "$deb/usr" "$deb/etc" "$store/$name/"
    for dir in bin sbin lib lib64; do ln -s usr/$dir "$store/$name/"; done
    output "a path like $(printf %q "$name")" 0 in_store --fs="$store/$name" id -u
done
empty=$store/empty
mkdir "$empty"
status 'an empty root' 127 in_store --fs="$empty" true
equal 'stays empty' '' "$(ls -A "$empty")"
if [ "$AS" != root ]; then
    refuses "somebody else's" '/usr belongs to uid [0-9]+, not to you; .*ajail fs import NAME -$' in_store --fs=/usr true
fi
cd / && rm -rf "$trap_dir"
