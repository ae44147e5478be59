#!/bin/bash
# --users=range: real users inside, from the caller's subordinate ids.
# not: root userns
. "$TESTS/lib.sh"

me=$(id -un)
if ! command -v newuidmap >/dev/null || ! grep -q "^$me:" /etc/subuid || ! grep -q "^$me:" /etc/subgid; then
    skip 'users of their own' "no newuidmap, or no subordinate ids of $me"
    exit
fi
first=$(grep -m1 "^$me:" /etc/subuid | cut -d: -f2)
first_gid=$(grep -m1 "^$me:" /etc/subgid | cut -d: -f2)
range() { jail --users=range "$@"; }

output 'root inside' 'uid=0(root) gid=0(root) groups=0(root)' range id
output 'is the caller outside, and 1 the first subordinate id' "0 $(id -u) 1 1 $first" \
    range sh -c 'echo $(head -n 2 /proc/self/uid_map | tr "\n" " ") | cut -d " " -f 1-5'
output 'and so for groups' "0 $(id -g) 1 1 $first_gid" \
    range sh -c 'echo $(head -n 2 /proc/self/gid_map | tr "\n" " ") | cut -d " " -f 1-5'
output "the caller's groups are left" 'Groups:' range sh -c 'echo $(grep ^Groups: /proc/self/status)'
output 'setgroups works' allow range cat /proc/self/setgroups
output 'no range unless asked for' 1 jail sh -c 'wc -l </proc/self/uid_map'

output 'su' 'uid=33(www-data) gid=33(www-data) groups=33(www-data)' range su - www-data -s /bin/sh -c id
output 'chown is real' 33:34 range sh -c 'touch /tmp/f && chown 33:34 /tmp/f && stat -c %u:%g /tmp/f'
output 'chown of what is not there fails' failed range sh -c 'chown 33 /tmp/nosuch 2>/dev/null || echo failed'
output 'another user is kept out' denied range sh -c '
    install -m 600 /dev/null /tmp/f; su www-data -s /bin/sh -c "cat /tmp/f" 2>/dev/null || echo denied'
output 'a user has no capabilities, and none to gain' '0000000000000000 0000000000000000' range \
    su www-data -s /bin/sh -c 'echo $(sed -n "s/^Cap\(Prm\|Amb\):.//p" /proc/self/status)'
output 'unmapped ids are refused as the kernel does' failed range sh -c 'chown 70000 /tmp 2>/dev/null || echo failed'
output 'device nodes are said to be made' '' range sh -c 'mknod /tmp/null c 1 3; ls /tmp'
output 'and are not, without the emulation' failed range --no-root-emulation \
    sh -c 'mknod /tmp/null c 1 3 2>/dev/null || echo failed'

# What users make in a granted directory is theirs outside, too.
mkdir granted && chmod 777 granted
check 'files of a user in a granted directory' range su www-data -s /bin/sh -c 'echo x >granted/f'
equal 'have a subordinate id outside' "$((first + 32))" "$(stat -c %u granted/f)"
output 'and the same one inside next time' 33 range stat -c %u granted/f
output 'one id sees nobody' 65534 jail stat -c %u granted/f
check 'they are removed inside' range rm granted/f

status "the user's status is passed on" 7 range su www-data -s /bin/sh -c 'exit 7'
status 'and a signal' 137 range --user=www-data sh -c 'kill -9 $$'
output 'CAP_SYS_ADMIN: the second level has all the ids' '33' range --cap-add=SYS_ADMIN sh -c '
    mount -t tmpfs t /mnt && chown 33 /mnt && stat -c %u /mnt'
matches 'the plan tells the helpers' '^map helpers  /.*newuidmap /.*newgidmap$' range --dry-run
output 'auto takes the range' 2 sh -c '"$AJAIL" run --quiet --fs=deb --users=auto sh -c "wc -l </proc/self/uid_map" |
    sed "s/^[2-9][0-9]*$/2/"'
refuses 'no range for the host'"'"'s own programs' "users=range: the host's own programs" \
    "$AJAIL" run --quiet --fs=host --users=range true
refuses 'a word that is none' '--users=many: should be one, range or auto' jail --users=many true
