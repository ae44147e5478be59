#!/bin/bash
# --fs-edit[=DIR], --home-edit[=SUB]: changes that stay. And no more than those.
. "$TESTS/lib.sh"

root=$PWD/root
project=$PWD/project
mkdir -p "$root" "$project"
cp -al "$AJAIL_HOME/fs/deb/usr" "$root/"
for dir in bin sbin lib lib64; do ln -s usr/$dir "$root/"; done
mkdir -p "$root"/{etc,root/.cfg,srv/www,tmp,var}
echo kept >"$root/etc/kept"
echo conf >"$root/etc/resolv.conf"
echo old >"$root/root/.cfg/file"
ln -s /srv/www "$root/www"
cd "$project" || exit 1
edit() { "$AJAIL" run --quiet --fs="$root" "$@"; }
listing() { find "$root" -path "$root/usr" -prune -o -printf '%P %y %m %l\n' | sort; }
before=$(listing)

check '--fs-edit' edit --fs-edit sh -c 'echo a >/etc/new; echo b >/new; echo x >/tmp/t; echo x >/run/r; echo x >/dev/shm/s'
equal 'files stay' 'a b' "$(cat "$root/etc/new" "$root/new" | tr '\n' ' ' | sed 's/ $//')"
rm -f "$root/etc/new" "$root/new"
equal 'and nothing else: no mountpoint, no resolv.conf, nothing of /tmp' "$before" "$(listing)"
equal 'resolv.conf is as it was' conf "$(cat "$root/etc/resolv.conf")"
equal 'the owner is who called' "$(id -u)" "$(stat -c %u "$root/etc")"
output 'resolv.conf inside is the host'"'"'s' "$(cat /etc/resolv.conf)" edit --fs-edit cat /etc/resolv.conf

check '--fs-edit=DIR' edit --fs-edit=etc sh -c 'echo a >/etc/new; echo b >/srv/no'
equal 'in DIR it stays' a "$(cat "$root/etc/new")"
check 'elsewhere not' test ! -e "$root/srv/no"
equal 'resolv.conf in DIR is not written to' conf "$(cat "$root/etc/resolv.conf")"
echo conf >"$root/etc/resolv.conf"
check '--fs-edit=/DIR, with a slash' edit --fs-edit=/etc sh -c 'rm /etc/new'
check 'it is gone' test ! -e "$root/etc/new"
check '--fs-edit=DIR through a link inside' edit --fs-edit=www sh -c 'echo w >/www/w'
equal 'it stays' w "$(cat "$root/srv/www/w")"
rm -f "$root/srv/www/w"
check '--fs-edit=FILE' edit --fs-edit=etc/kept sh -c 'echo more >>/etc/kept; echo b >/etc/no'
equal 'the file stays' 'kept more' "$(tr '\n' ' ' <"$root/etc/kept" | sed 's/ $//')"
check 'its neighbour not' test ! -e "$root/etc/no"
refuses '--fs-edit=MISSING' 'nothing/here' edit --fs-edit=nothing/here true
refuses '--fs-edit=../..: not out of it' 'No such file' edit --fs-edit=../../../../../../../../proc/self true

check '--home-edit' edit --home-edit sh -c 'echo h >/root/h; echo e >/etc/e'
equal 'it stays' h "$(cat "$root/root/h")"
check 'the rest not' test ! -e "$root/etc/e"
rm -f "$root/root/h"
check '--home-edit=SUB' edit --home-edit=.cfg sh -c 'echo s >/root/.cfg/s; echo n >/root/n'
equal 'it stays' s "$(cat "$root/root/.cfg/s")"
check 'the rest of the home not' test ! -e "$root/root/n"
rm -f "$root/root/.cfg/s"
check '--home-edit=FILE' edit --home-edit=.cfg/file sh -c 'echo new >/root/.cfg/file'
equal 'it stays' new "$(cat "$root/root/.cfg/file")"
refuses '--home-edit=MISSING' 'nothing' edit --home-edit=nothing true
check 'several' edit --fs-edit=srv --home-edit=.cfg sh -c 'echo 1 >/srv/one; echo 2 >/root/.cfg/two; echo 3 >/etc/three'
equal 'both stay' '1 2 ' "$(cat "$root/srv/one" "$root/root/.cfg/two" | tr '\n' ' ')"
check 'the third not' test ! -e "$root/etc/three"
rm -f "$root/srv/one" "$root/root/.cfg/two"
refuses 'not with the host as root' '--fs=NAME' "$AJAIL" run --quiet --fs=host --fs-edit true
equal 'all is as it was' "$before" "$(listing)"
# A program killed in between leaves no mountpoints either.
status 'killed' 137 edit --fs-edit sh -c 'kill -9 $$'
equal 'all is as it was' "$before" "$(listing)"
