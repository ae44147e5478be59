#!/bin/bash
# User namespaces and mounts inside: off, unless capabilities were asked for, and then the jail's mounts are locked.
. "$TESTS/lib.sh"

deny() { denied "$1" jail "${@:2}"; }
deny 'no user namespace' unshare -U true
deny 'no mount namespace' unshare -m true
deny 'no mount' mount -t tmpfs none /mnt
deny 'no unmount' umount /proc
deny 'no remount' mount -o remount,rw /proc/sys
deny 'the limit cannot be raised' sh -c 'echo 9 >/proc/sys/user/max_user_namespaces'

admin() { jail --cap-add=CAP_SYS_ADMIN "$@"; }
check 'with CAP_SYS_ADMIN: a mount' admin sh -c 'mount -t tmpfs none /mnt && touch /mnt/x'
output 'no user namespace all the same' no admin sh -c 'unshare -U true 2>/dev/null && echo yes || echo no'
for cover in /proc/kcore /proc/keys /proc/sys /dev; do
    output "what covers $cover cannot be taken off" no admin sh -c "umount $cover 2>/dev/null && echo yes || echo no"
done
output 'read-only stays so' no admin --rol sh -c 'mount -o remount,bind,rw . 2>/dev/null && touch x && echo yes || echo no'
output 'nosuid and nodev stay so' no admin sh -c 'mount -o remount,bind,dev,suid . 2>/dev/null && echo yes || echo no'
check 'nothing was written' test ! -e x
