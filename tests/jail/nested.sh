#!/bin/bash
# User namespaces and mounts inside: off, unless --nested or capabilities were asked for, and then the jail's mounts are
# locked. What stays out of reach is for tests/attack/nested.sh, sandboxes of others for tests/peer/nested.sh.
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

nested() { jail --nested "$@"; }
for option in --nested --allow=userns; do
    check "$option: a user namespace" jail $option -- unshare -Ur true
    matches "$option in the plan" '^seccomp +default(\+noted)?\+userns' jail $option --dry-run true
    matches "$option on stderr" '^Allowed: userns \(' "$AJAIL" run --fs=deb $option true
done
denied '--deny=userns beats it' jail --nested --deny=userns -- unshare -U true
check 'mounts in it' nested -- unshare -Urm sh -c 'mount -t tmpfs none /mnt && touch /mnt/x'
denied 'not without it' nested -- mount -t tmpfs none /mnt
check 'a procfs, with processes of its own' nested -- \
    unshare -Urmpf sh -c 'mount -t proc proc /proc && [ "$(cat /proc/1/comm)" = sh ] && [ ! -d /proc/50 ]'
check 'a procfs in its procfs' nested -- unshare -Urmpf --mount-proc unshare -Urmpf --mount-proc test -d /proc/1
denied 'not for processes of the jail' nested -- unshare -Urm mount -t proc proc /mnt
denied 'no sysfs' nested -- unshare -Urmn mount -t sysfs sysfs /mnt
denied 'what covers /proc/kcore stays' nested -- unshare -Urm umount /proc/kcore
denied 'read-only stays' nested --rol -- unshare -Urm sh -c 'mount -o remount,bind,rw . && touch y'
output 'a name' inside nested -- unshare -Uru sh -c 'hostname inside && hostname'
check 'nothing was written' test ! -e y
status 'the jail ends with what is nested' 7 nested -- sh -c 'unshare -Urmpf sleep 1000 & exit 7'
nested_by() { jail --nested --user=daemon -- "$@"; }
output 'as another user' 1 nested_by unshare -U --map-current-user id -u

# Root of the machine gets the capability for it, and may not set those of files: see tests/attack/nested.sh.
if [ "$AS" = root ]; then
    matches 'what is given up for it' '^Given up: setting extended attributes \(' "$AJAIL" run --fs=deb --nested true
    denied 'without a policy: no root inside' jail --no-seccomp --nested -- unshare -Ur true
fi

# ajail inside: with what answers for its root, or with none.
if sanitized; then
    skip 'ajail in a jail' 'this one is built with sanitizers, and not static'
    exit 0
fi
inside=(--nested --rol="$AJAIL" --mount="$AJAIL_HOME,/store,rol" --env=AJAIL_HOME=/store --env=AJAIL="$AJAIL")
cat >again.sh <<'S'
# again.sh LEVELS COMMAND...: in so many jails, each in the one before
levels=$1
shift
[ "$levels" -gt 0 ] || exec "$@"
exec "$AJAIL" run --quiet --fs="$FS" --nested --rol="$AJAIL" --mount=/store,/store,rol --env=AJAIL_HOME=/store \
    --env=AJAIL="$AJAIL" --env=FS="$FS" -- sh "$PWD/again.sh" $((levels - 1)) "$@"
S
again() { jail "${inside[@]}" "${@:2}" -- sh again.sh "$1" sh work.sh; }
cat >work.sh <<'S'
[ "$(id -u)" = 0 ] && touch /usr/bin/made made && chown 33:33 /usr/bin/made && chmod 4755 /usr/bin/made &&
    setpriv --reuid=33 --regid=33 --clear-groups sh -c '[ "$(id -u)" = 33 ]' && [ "$(cat /proc/1/comm)" = ajail-init ] &&
    ! cat /proc/1/environ 2>/dev/null && ! umount /proc 2>/dev/null && echo done
S
for levels in 1 2 3; do
    output "$levels in a jail" 'done' again $levels --env=FS=deb
    check 'it wrote to the project' test -f made
    rm -f made
done
# What is below an overlay there is one itself: /usr in the jail's throw-away root filesystem.
echo 'touch made && touch /usr/made && echo done' >work.sh
output "the jail's programs as a host's" 'done' again 1 --env=FS=host
check 'it wrote to the project' test -f made
rm made
# The kernel lays no third overlay on two.
echo 'touch made && ! touch /usr/made 2>/dev/null && echo read-only' >work.sh
output 'once more' read-only again 2 --env=FS=host
check 'it wrote to the project' test -f made
matches 'and says so' '^given up +writing to /usr: it is on two overlays already, so it is read-only, ' \
    jail "${inside[@]}" --env=FS=host -- sh again.sh 1 "$AJAIL" run --fs=host --dry-run true
matches 'so does the doctor' '^missing  overlay ' jail "${inside[@]}" --env=FS=host -- sh again.sh 1 "$AJAIL" doctor
refuses 'a root filesystem would have to be one' '^ajail: mount\[.*overlay over two others' jail "${inside[@]}" --env=FS=host -- \
    sh again.sh 1 sh -c 'mkdir /usr/root /usr/root/bin && exec "$AJAIL" run --quiet --fs=/usr/root --hide true'
[ "$AS" = root ] || matches 'set-user-ID bits that the jail around lets through' 'given up +keeping set-user-ID.*the jail around' \
    jail "${inside[@]}" --seccomp=off -- "$AJAIL" run --fs=deb --dry-run true
# A daemon that has things built by root is not to be talked to, where its directory can only be bound.
[ "$AS" = root ] || output "the socket of Nix's daemon" empty jail "${inside[@]}" -- sh -c 'mkdir -p /nix/store /nix/var/nix/daemon-socket &&
    touch /nix/var/nix/daemon-socket/socket && exec unshare -Urm sh -c "mount -t tmpfs none /nix/store &&
    exec \"$AJAIL\" run --quiet --fs=host -- sh -c \"test -d /nix/store && ls -A /nix/var/nix/daemon-socket && echo empty\""'
# Another user cannot look into root's home.
[ "$AS" = root ] || output 'as another user, and there as root' 0 jail "${inside[@]}" --user=daemon -- "$AJAIL" run --quiet --fs=deb -- id -u
output 'a user inside' 1 jail "${inside[@]}" -- "$AJAIL" run --quiet --fs=deb --user=daemon -- id -u
status 'its status' 7 jail "${inside[@]}" -- "$AJAIL" run --quiet --fs=deb -- sh -c 'exit 7'
denied 'the inner one without --nested has none inside' jail "${inside[@]}" -- "$AJAIL" run --quiet --fs=deb -- unshare -U true
output "the host's programs" "$(id -u)" "$AJAIL" run --quiet --fs=host --nested --rol="$AJAIL" -- "$AJAIL" run --quiet --fs=host id -u
output 'as bwrap' '1 2' jail "${inside[@]}" -- "$AJAIL" bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev \
    sh -c 'cd /proc && echo [0-9]'
refuses 'ajail in a jail without --nested' '^ajail: start: openat2: .*a jail of ajail, and it works in one with --nested' \
    jail --rol="$AJAIL" -- "$AJAIL" run --quiet --fs=host true
# Many ids, of which a namespace inside has one.
if [ "$AS" = user ] && command -v newuidmap >/dev/null && grep -q "^$(id -un):" /etc/subuid; then
    range() { jail "${inside[@]}" --users=range -- "$@"; }
    output 'in a range' 33 range setpriv --reuid=33 --regid=33 --clear-groups unshare -Um --map-current-user id -u
    output 'a jail in a range' 'done' range "$AJAIL" run --quiet --fs=deb -- sh -c 'chown 33:33 /tmp && echo done'
fi

# A listener of somebody else's: no second one, and no emulation.
if command -v python3 >/dev/null && [ "$(uname -m)" = x86_64 ]; then
    cat >listener.py <<'P'
"""listener.py COMMAND...: under a seccomp program that allows everything, and has a listener."""
import ctypes, os, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))  # return ALLOW
program = struct.pack("HxxxxxxP", 1, ctypes.addressof(code))
here, there = socket.socketpair()
child = os.fork()
if child == 0:
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    listener = libc.syscall(317, 1, 8, program)  # seccomp, SECCOMP_FILTER_FLAG_NEW_LISTENER
    socket.send_fds(there, [b"x"], [listener])
    os.execvp(sys.argv[1], sys.argv[1:])
listener = socket.recv_fds(here, 1, 1)  # it lasts as long as somebody has it
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
P
    listening=(python3 listener.py "$AJAIL" run --fs=deb)
    [ "$AS" = root ] || matches 'under a listener' '^Given up: root emulation \(' "${listening[@]}" true
    status 'the jail runs' 7 "${listening[@]}" --quiet sh -c 'exit 7'
    matches 'nothing to emulate' '^Starting' "${listening[@]}" --user=daemon true
    equal 'and nothing given up' '' "$(grep 'root emulation' "$ERR")"
fi
