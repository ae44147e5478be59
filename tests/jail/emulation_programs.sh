#!/bin/bash
# Programs that become somebody else, where there is one id only: they believe that they are.
# not: root
. "$TESTS/lib.sh"

nobody='uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)'
data='uid=33(www-data) gid=33(www-data) groups=33(www-data)'

output 'su' "$nobody" jail su -s /bin/sh nobody -c id
output 'su, a login' "1234 1234 /home/user user /home/user" jail sh -c \
    'useradd -m -u 1234 user && su - user -c "echo \$(id -u) \$(id -g) \$HOME \$USER \$PWD"'
status 'su gives back the status' 5 jail su -s /bin/sh nobody -c 'exit 5'
denied 'su to root needs a password then' jail su -s /bin/sh nobody -c 'su -c true </dev/null'
output 'what su has left in the background' $'33\n33' jail sh -c '
    su -s /bin/sh www-data -c "(sleep 0.3; id -u; setsid -f id -u) &"; sleep 1'
output 'runuser' "$nobody" jail runuser -u nobody -- id
output 'runuser, a login' '1 /usr/sbin' jail runuser -l daemon -s /bin/sh -c 'echo $(id -u) $PWD'
output 'setpriv with no groups' "$nobody" jail setpriv --reuid nobody --regid nogroup --clear-groups id
output 'setpriv with the groups of the user' "$data" jail setpriv --reuid www-data --regid www-data --init-groups id
output 'setpriv with groups by number' '33 5 6' jail setpriv --reuid 33 --regid 33 --groups 5,6 id -G
matches 'there is no way back' 'setresuid failed: Operation not permitted' jail setpriv --reuid 33 --regid 33 --clear-groups setpriv --reuid 0 true
output 'the real one alone' 'uid=33(www-data) gid=0(root) euid=0(root) groups=0(root)' jail setpriv --ruid 33 id
output 'chroot' 'uid=33(www-data) gid=60(games) groups=60(games),5(tty),6(disk)' \
    jail chroot --userspec=www-data:games --groups=5,6 / id
output 'sg' '60' jail sg games -c 'id -g'
output 'start-stop-daemon' 'uid=33(www-data) gid=60(games) groups=60(games)' \
    jail start-stop-daemon --start --chuid www-data:games --exec /usr/bin/id
output 'start-stop-daemon, in the background' "$data" jail sh -c '
    start-stop-daemon --start --background --make-pidfile --pidfile /tmp/pid --chuid www-data --startas /bin/sh -- -c "id >/tmp/said"
    for i in 1 2 3 4 5 6 7 8 9 10; do grep -s . /tmp/said && break; sleep 0.2; done'
output 'Perl, dropping for good' '33 33 5 5 6|33' jail perl -e \
    '$) = "5 5 6"; $( = 5; $> = 33; $< = 33; print "$< $> $)|"; $> = 0; print $>'
output 'Perl, dropping for a while' '0 33|0 0' jail perl -e '$> = 33; print "$< $>|"; $> = 0; print "$< $>"'
output 'install for another owner: root stays it, the mode is right' 'root root 4755' jail sh -c \
    'install -o www-data -g games -m 4755 /bin/true /tmp/made && stat -c "%U %G %a" /tmp/made'
output 'chown -R, chgrp' 'root:root' jail sh -c \
    'mkdir -p /tmp/a/b && chown -R www-data:games /tmp/a && chgrp -h mail /tmp/a/b && stat -c %U:%G /tmp/a/b'
output 'what is made belongs to root' 'root' jail runuser -u nobody -- sh -c 'touch /tmp/x; stat -c %U /tmp/x'
output 'mknod: an empty file stands in for a device, a fifo is one' 'regular empty file:600 regular empty file:644 fifo:644' \
    jail sh -c 'cd /tmp && mknod -m 600 c c 1 3 && mknod b b 8 0 && mknod p p && echo $(stat -c %F:%a c b p)'
output 'cp -a of a device' 'regular empty file 666' jail sh -c 'cp -a /dev/null /tmp/ && stat -c "%F %a" /tmp/null'

for words in 'su -s /bin/sh nobody -c true' 'runuser -u nobody true' 'setpriv --reuid 33 true' 'setpriv --clear-groups true' \
    'chroot --userspec=33:33 / true' 'chown 33 /tmp' 'install -o 33 /bin/true /tmp/x' 'mknod /tmp/c c 1 3'; do
    # shellcheck disable=SC2086 # words
    matches "without it, no $words" 'Operation not permitted|Invalid argument' jail --no-root-emulation $words
done
