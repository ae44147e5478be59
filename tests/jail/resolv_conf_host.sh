#!/bin/bash
# /etc/resolv.conf in every shape in which the host may have it.
. "$TESTS/lib.sh"
. "$TESTS/roots.sh"

root=$PWD/root
small_root "$root"
echo own >"$root/etc/resolv.conf"
mkdir project
cd project || exit 1
export root
# shape NAME WANT COMMANDS: COMMANDS make the host's, in an /etc with nothing else
shape() {
    output "$1" "$2" on_host 'cp /etc/passwd passwd && mount -t tmpfs none /etc && cp passwd /etc/ && rm passwd &&
        '"$3"' timeout 20 "$AJAIL" run --quiet --fs="$root" cat /etc/resolv.conf'
}
shape 'a file' 'nameserver 192.0.2.1' 'echo nameserver 192.0.2.1 >/etc/resolv.conf;'
shape 'an empty file' '' ': >/etc/resolv.conf;'
shape 'a link' 'nameserver 192.0.2.2' 'mkdir /etc/x; echo nameserver 192.0.2.2 >/etc/x/stub; ln -s x/stub /etc/resolv.conf;'
shape 'an absolute link' 'nameserver 192.0.2.3' 'echo nameserver 192.0.2.3 >/etc/stub; ln -s /etc/stub /etc/resolv.conf;'
shape 'missing: the root filesystem'"'"'s own' own ':;'
shape 'a dangling link' own 'ln -s /run/nothing/there /etc/resolv.conf;'
shape 'a loop' own 'ln -s resolv.conf /etc/resolv.conf;'
shape 'a directory' own 'mkdir /etc/resolv.conf;'
# shellcheck disable=SC2016
status 'a FIFO: nobody waits for it' 0 on_host 'cp /etc/passwd passwd && mount -t tmpfs none /etc && cp passwd /etc/ &&
    mkfifo /etc/resolv.conf && timeout 20 "$AJAIL" run --quiet --fs="$root" true'
rm -f passwd
shape 'bytes' "$(printf '# \xff\xfe\n')" 'printf "# \xff\xfe\n" >/etc/resolv.conf;'
shape 'no line end' 'nameserver 192.0.2.4' 'printf "nameserver 192.0.2.4" >/etc/resolv.conf;'
equal 'the root filesystem has its own' own "$(cat "$root/etc/resolv.conf")"
