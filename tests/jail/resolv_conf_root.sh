#!/bin/bash
# /etc/resolv.conf in every shape in which a root filesystem may have it.
. "$TESTS/lib.sh"
. "$TESTS/roots.sh"

[ -s /etc/resolv.conf ] || { skip 'all' 'the host has no resolv.conf'; exit 0; }
root=$PWD/root
small_root "$root"
outside=$PWD/outside
echo untouched >"$outside"
mkdir project
cd project || exit 1
conf=$root/etc/resolv.conf
in_root() { timeout 20 "$AJAIL" run --quiet --fs="$root" "$@"; }
host=$(cat /etc/resolv.conf)

# works NAME: the shape was just made; the jail has the host's, and the root filesystem is as it was
works() {
    local before
    before=$(listing_of "$root")
    output "$1" "$host" in_root cat /etc/resolv.conf
    equal "$1: nothing stays" "$before" "$(listing_of "$root")"
    equal "$1: nothing outside changes" untouched "$(cat "$outside")"
    rm -rf "$conf"
}
works 'missing'
echo own >"$conf"
works 'a file'
: >"$conf"
works 'an empty file'
echo own >"$conf" && chmod 400 "$conf"
works 'a read-only file'
for to in /run/systemd/resolve/stub-resolv.conf ../run/systemd/resolve/stub-resolv.conf /run/resolvconf/resolv.conf \
    /nothing/here ../../../../../../../../run/x resolv.conf.real /tmp/resolv.conf /mnt/x; do
    ln -s "$to" "$conf"
    works "a link to $to"
done
ln -s "$outside" "$conf"
works 'a link to a file of the host'
ln -s resolv.d "$conf"
ln -s ../srv/resolv "$root/etc/resolv.d"
works 'a link to a link'
rm "$root/etc/resolv.d"
echo target >"$root/etc/real.conf" && ln -s real.conf "$conf"
works 'a link to a file'
equal 'which is as it was' target "$(cat "$root/etc/real.conf")"
mv "$root/etc" "$root/etc.real" && ln -s etc.real "$root/etc"
works '/etc is a link'
rm "$root/etc" && ln -s /etc.real "$root/etc"
works '/etc is an absolute link'
rm "$root/etc"
works '/etc is missing'
mv "$root/etc.real" "$root/etc"

# answers NAME: works, or says in one line why not; does not hang and leaves nothing
answers() {
    local before
    before=$(listing_of "$root")
    run_ in_root cat /etc/resolv.conf
    if [ "$STATUS" = 0 ]; then pass_; else refuses "$1: a clear answer" 'resolv.conf' in_root cat /etc/resolv.conf; fi
    equal "$1: nothing stays" "$before" "$(listing_of "$root")"
    rm -rf "$conf"
}
ln -s resolv.conf "$conf"
answers 'a link to itself'
mkdir "$conf"
answers 'a directory'
mkfifo "$conf"
answers 'a FIFO'
python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); import os; os.chdir(sys.argv[1]); s.bind("resolv.conf")' "$root/etc"
answers 'a socket'
ln -s /dev/null "$conf"
answers 'a link to /dev/null'
ln -s /proc/self/environ "$conf"
answers 'a link into /proc'
ln -s / "$conf"
answers 'a link to /'
touch "$root/etc/f" && ln -s f/x "$conf"
answers 'a link through a file'
rm -f "$root/etc/f"

# What stays when it is asked for: the rest, but not this file.
echo own >"$conf"
check '--fs-edit' in_root --fs-edit sh -c 'cat /etc/resolv.conf >/srv/seen'
equal 'the host'"'"'s inside' "$host" "$(cat "$root/srv/seen")"
equal 'its own stays' own "$(cat "$conf")"
rm -f "$root/srv/seen"
check '--fs-edit=etc' in_root --fs-edit=etc true
equal 'its own stays' own "$(cat "$conf")"
rm "$conf" && echo own >"$root/root/conf" && ln -s ../root/conf "$conf"
run_ in_root --home-edit true
equal 'a link into an edited home: what is there stays' own "$(cat "$root/root/conf")"
rm "$conf"
echo own >"$conf"
output 'without a network its own is seen' own in_root --no-net cat /etc/resolv.conf
# Package scripts replace it.
check 'it can be replaced' in_root sh -c 'echo new >/etc/r && mv /etc/r /etc/resolv.conf && [ "$(cat /etc/resolv.conf)" = new ]'
equal 'and its own stays' own "$(cat "$conf")"
