#!/bin/bash
# Started by the machine's root, as CI jobs are: uid 0 passes every permission check on what root owns, so it is never
# mapped, and what a jail leaves behind does not give root to others.
# shellcheck source=tests/attack/common.bash
. "$TESTS/attack/common.bash"

if [ "$(id -u)" != 0 ] || [ "$(awk '{print $1, $2; exit}' /proc/self/uid_map)" != '0 0' ]; then
    skip 'real root' 'not started by it'
    exit 0
fi

# --- uid 0 is never mapped, however it is dressed up
# As the host sees a process of the jail.
for option in --no-net --ro --cap-add=SYS_ADMIN --no-root-emulation --fs=host; do
    mark=7000.$RANDOM
    "$AJAIL" run --quiet --fs=deb "$option" -- sleep "$mark" &
    pid=
    for _ in $(seq 100); do
        pid=$(pgrep -x -f "sleep $mark") && break
        sleep 0.05
    done
    equal "uid 0 is not mapped ($option)" 1879048192 "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")"
    kill "$!"
    wait "$!" 2>/dev/null
done
echo secret >private
chmod 600 private
# A user namespace around ajail that calls uid 0 something else. Refused, or at least not with root's rights: control
# and attack are the same file, whose owner only uid 0 is.
chmod 755 .
allowed 'root under another name' unshare -U --map-user=1000 --map-group=1000 ./probe read-secret "secret=$PWD/private"
for map in 1000 0 65534; do
    run_ unshare -U --map-user=$map --map-group=$map "$AJAIL" run --quiet --fs=deb -- ./probe read-secret "secret=$PWD/private"
    if [ "$STATUS" = 125 ] && [ "$(wc -l <"$ERR")" = 1 ]; then pass_; else blocked "root as uid $map" cat "$OUT"; fi
done

# --- objects that root owns
blocked 'shadow with --fs=host' "$AJAIL" run --quiet --fs=host -- ./probe read-secret secret=/etc/shadow
allowed 'shadow' ./probe read-secret secret=/etc/shadow
mkdir -p nodes

# Device nodes that are there already: not without --dev, and then with nobody's rights.
mknod nodes/mem c 1 1 && chmod 600 nodes/mem
mknod nodes/zero c 1 5 && chmod 666 nodes/zero
blocked 'device nodes in the project' sh -c 'for node in mem zero; do "$@" ./probe read-secret "secret=$PWD/nodes/$node"; done' - "$AJAIL" run --quiet --fs=deb --
blocked 'a device of root with --dev' jail --dev=nodes -- ./probe read-secret "secret=$PWD/nodes/mem"
allowed 'device nodes in the project' jail --dev=nodes -- ./probe read-secret "secret=$PWD/nodes/zero"
rm -rf nodes

# --- what stays on the host: a program that is root's and set-user-ID, or has capabilities, is root for whoever can
# reach it (the jail's own mounts are nosuid, the host's are not)
setuid_roots() { find . -uid 0 -perm /6000 -type f -printf '%p %m\n'; }
# Version 3, bound to the root of a user namespace that is not the machine's, is what the kernel may make of it.
caps() {
    python3 - <<'P'
import os, struct
for place, _, names in os.walk("."):
    for name in names:
        try:
            data = os.getxattr(os.path.join(place, name), "security.capability", follow_symlinks=False)
        except OSError:
            continue
        if len(data) != 24 or struct.unpack("<I", data[20:])[0] == 0:
            print(name, data.hex())
P
}
mkdir -p made && chmod 777 made
jail -- sh -c 'cp probe made/a; chmod 4755 made/a; cp probe made/b; chmod 2755 made/b; umask 0; cp -p made/a made/c
    install -m 4755 probe made/d; ./probe file-caps work=made' >/dev/null 2>&1
# Package managers must be able to make them, and what is made in a granted directory is root's: the manual says so.
[ -z "$(setuid_roots)" ] || skip 'set-user-ID files of root that a jail made' 'a granted directory is granted as root'
equal 'files with capabilities that a jail made' '' "$(caps)"
rm -rf made
