#!/bin/bash
# The root filesystem is below a throw-away layer: everything can be written, nothing stays.
. "$TESTS/lib.sh"

deb=$AJAIL_HOME/fs/deb
before=$(stat -c '%y %s' "$deb/etc/passwd" "$deb/usr/bin")
check 'write, overwrite, remove, rename' jail sh -c 'set -e
    echo new >/etc/new; echo x >>/etc/passwd; rm -r /usr/share/doc /etc/hostname 2>/dev/null || rm -r /usr/share/doc
    mv /etc/group /etc/group2; mkdir -p /srv/a/b; chmod 700 /var; ln -s x /usr/bin/l; mkfifo /var/fifo'
for path in etc/new srv/a usr/bin/l var/fifo etc/group2; do check "no /$path stayed" test ! -e "$deb/$path"; done
equal 'nothing changed' "$before" "$(stat -c '%y %s' "$deb/etc/passwd" "$deb/usr/bin")"
check 'the next sees nothing of it' jail sh -c '[ ! -e /etc/new ] && [ -e /etc/group ] && [ -d /usr/share/doc ]'
check 'what is written is there, as long as it runs' jail sh -c 'echo a >/root/x; [ "$(cat /root/x)" = a ]'
output 'a program can be installed and run' ran jail sh -c '
    printf "#!/bin/sh\necho ran\n" >/usr/local/bin/t; chmod +x /usr/local/bin/t; t'
output 'the mode of / is the one of the root filesystem' "$(stat -c %a "$deb")" jail stat -c %a /
output 'the owner of / is root' '0 0' jail stat -c '%u %g' /
matches '/ is an overlay' '^[^ ]* / overlay rw,nosuid,nodev,' jail cat /proc/mounts
equal 'no path of the host in it' 0 "$(grep -c "$AJAIL_HOME" "$OUT")"
jails() { jail sh -c 'echo "$1" >/etc/who; sleep 0.3; cat /etc/who' - "$1"; }
two() { jails a & jails b; wait; }
equal 'two at once do not see each other' 'a b ' "$(two | sort | tr '\n' ' ')"
