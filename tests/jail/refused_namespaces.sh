#!/bin/bash
# Where namespaces cannot be had: one line says which of the reasons it is, and the fix.
. "$TESTS/lib.sh"

clone3=435 EPERM=1 ENOSYS=38 # the same number on every architecture
run=("$AJAIL" run --quiet --fs=deb true)
refuses 'too many: user.max_user_namespaces' 'sysctl -w user\.max_user_namespaces=' \
    unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' - "${run[@]}"
refuses 'a seccomp filter, EPERM' 'seccomp' /usr/bin/python3 "$TESTS/deny.py" $clone3 $EPERM "${run[@]}"
refuses 'a seccomp filter, ENOSYS' 'seccomp' /usr/bin/python3 "$TESTS/deny.py" $clone3 $ENOSYS "${run[@]}"
refuses 'an old kernel' 'this is Linux 2\.6[^ ]*; 6\.2 or newer' setarch "$(uname -m)" --uname-2.6 "${run[@]}"
mkdir -p root/proc
cp "$AJAIL" root/ajail
mkdir -p root/store/fs/deb root/work
empty_chroot() { unshare --user --map-root-user sh -c 'cd root && exec chroot . /ajail "$@"' - "$@"; }
if ! sanitized; then
    output 'an empty chroot: --version' "$("$AJAIL" --version)" empty_chroot --version
    matches 'an empty chroot: --help' '^Usage' empty_chroot --help
    in_work() {
        unshare --user --map-root-user /usr/bin/python3 -c \
            'import os, sys; os.chroot("root"); os.chdir("/work"); os.execv("/ajail", ["/ajail"] + sys.argv[1:])' "$@"
    }
    refuses 'an empty chroot: a jail' '/proc' in_work run --quiet --fs=/store/fs/deb true
fi
# What is wanted of openat2, mount_setattr and the like cannot be had by older ways: refused, and nothing is run.
for call in 437:openat2 442:mount_setattr 428:open_tree 429:move_mount 430:fsopen 431:fsconfig 432:fsmount; do
    refuses "no ${call#*:}" '^ajail: ' /usr/bin/python3 "$TESTS/deny.py" "${call%:*}" $ENOSYS "$AJAIL" run --quiet --fs=deb echo ran
done
