#!/bin/bash
# Set-user-ID and set-group-ID files: in what is thrown away and in root filesystems as anywhere, never in a directory
# of the host that a jail was given.
# seconds: 240
. "$TESTS/lib.sh"
if sanitized; then
    skip 'set-id bits' 'what keeps them in is in the kernel, and takes minutes to be tried with sanitizers'
    exit 0
fi

"${CC:-cc}" -static -O1 -pthread -o probe "$TESTS/jail/setid_probe.c" || exit 1
left() { find "$PWD" "$HOST_TMP" -perm /6000 -type f; }
# probes WHAT NAMES JAIL...: in a jail in which /var/tmp is its own and the working directory granted
probes() {
    local what=$1 names=$2 name
    shift 2
    for name in $names; do
        check "$what: $name" "$AJAIL" run --quiet "$@" timeout 60 ./probe "$name" /var/tmp "$PWD"
        rm -rf dir next m turn
    done
    equal "$what: nothing is left" '' "$(left)"
}

if [ "$AS" = root ]; then # there is always a range
    probes 'root' 'own granted around nodes race threads chroot ruled killed unprivileged' --fs=deb
else
    probes 'one id' 'own granted around nodes race threads chroot ruled killed' --fs=deb
    probes '--user' 'own granted around nodes' --fs=deb --user=www-data
    probes '--fs=host' 'granted around nodes threads' --fs=host
fi
probes 'no emulation' 'own granted around nodes race' --fs=deb --no-root-emulation
probes 'CAP_SYS_ADMIN' 'own granted mounts many-mounts' --fs=deb --cap-add=CAP_SYS_ADMIN
me=$(id -un)
if [ "$AS" = user ] && command -v newuidmap >/dev/null && grep -q "^$me:" /etc/subuid; then
    probes 'range' 'own granted around nodes race threads unprivileged killed' --fs=deb --users=range
else
    skip 'a range' 'no subordinate ids, or not as this user'
fi
nested() { jail --allow=userns unshare -Urm timeout 60 ./probe "$1" /var/tmp "$PWD"; }
[ "$AS" = root ] || # whose jail has no CAP_SETFCAP, which it takes to map its root (user_namespaces(7))
    for name in granted mounts; do check "a user namespace inside: $name" nested "$name"; done
equal 'nothing is left by those' '' "$(left)"
rm -rf m

denied 'strict refuses it' jail --seccomp=strict sh -c 'touch /f && chmod 4755 /f'
check 'without it the rest works' jail --seccomp=strict sh -c 'touch /f && chmod 755 /f'
denied 'what is denied is not done by init either' jail --deny=fchmodat sh -c 'touch /f && chmod 4755 /f'
matches 'what is given up is said' '^given up .*set-user-ID' "$AJAIL" run --dry-run --fs=deb --allow=userns true
equal 'and else not' 0 "$("$AJAIL" run --dry-run --fs=deb true | grep -c 'given up .*set-user-ID')"

# Packages and archives
mkdir tree && touch tree/plain
pack() { (cd tree && touch suid sgid && mkdir -p dir && chmod 4755 suid && chmod 2755 sgid && chmod 2775 dir && "$@"); }
check 'a tar and a cpio are made' pack sh -c 'tar -cf ../a.tar suid sgid dir && rm -f suid sgid'
unpacked='4755 suid 2755 sgid 2775 dir'
modes='for f in suid sgid dir; do stat -c "%a %n" $f; done | xargs'
output 'GNU tar' "$unpacked" jail sh -c "cp a.tar /var/tmp; cd /var/tmp; tar -xpf a.tar; $modes"
output 'GNU tar, granted' '755 suid 755 sgid 2775 dir' jail sh -c "mkdir here && cd here && tar -xpf ../a.tar && $modes; rm -rf \$PWD"
output 'cp -a keeps them' "$unpacked" jail sh -c "cd /var/tmp; tar -xpf $PWD/a.tar; mkdir c; cp -a suid sgid dir c; cd c; $modes"
output 'and not into what is granted' '755 suid' jail sh -c "cd /var/tmp; tar -xpf $PWD/a.tar; cp -a suid $PWD/; stat -c '%a %n' suid >/dev/null; cd $PWD; stat -c '%a %n' suid; rm suid"
output 'install -m' '4755 /usr/local/bin/i' jail sh -c 'install -m 4755 /bin/true /usr/local/bin/i; stat -c "%a %n" /usr/local/bin/i'
output 'chmod of a file of the root filesystem' '4755 /usr/bin/env' jail sh -c 'chmod u+s /usr/bin/env; stat -c "%a %n" /usr/bin/env'
busybox=$(command -v busybox || :)
if [ -n "$busybox" ] && ! ldd "$busybox" >/dev/null 2>&1; then
    cp "$busybox" busybox
    output 'busybox tar' "$unpacked" jail sh -c "cp busybox a.tar /var/tmp; cd /var/tmp; ./busybox tar -xpf a.tar; $modes"
    output 'busybox tar, granted' '755 suid 755 sgid 2775 dir' \
        jail sh -c "mkdir here && cd here && ../busybox tar -xpf ../a.tar && $modes; rm -rf \$PWD"
    output 'busybox cpio' "$unpacked" \
        jail sh -c "cp busybox a.tar /var/tmp; cd /var/tmp; tar -xpf a.tar; printf 'suid\nsgid\ndir\n' | ./busybox cpio -o -H newc >a.cpio; rm -rf suid sgid dir; ./busybox cpio -idm <a.cpio; $modes"
else
    skip 'busybox' 'no static one on this machine'
fi
# shellcheck disable=SC2016
deb='cd /var/tmp && mkdir -p p/DEBIAN p/opt && cp /bin/true p/opt/suid && chmod 6755 p/opt/suid &&
printf "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n" >p/DEBIAN/control &&
dpkg-deb -b p p.deb >/dev/null && dpkg -i p.deb >/dev/null && stat -c %a /opt/suid'
output 'dpkg' 6755 jail sh -c "$deb"

# A root filesystem that is edited keeps them
check 'a copy to edit' "$AJAIL" fs copy deb setid
output 'edited' 4755 "$AJAIL" run --quiet --fs=setid --fs-edit sh -c 'cp /bin/true /usr/local/bin/s && chmod 4755 /usr/local/bin/s && stat -c %a /usr/local/bin/s'
output 'it is still there' 4755 "$AJAIL" run --quiet --fs=setid stat -c %a /usr/local/bin/s
check 'a copy of it' "$AJAIL" fs copy setid setid2
output 'has it, too' 4755 "$AJAIL" run --quiet --fs=setid2 stat -c %a /usr/local/bin/s
check 'removed' "$AJAIL" fs remove setid
check 'removed' "$AJAIL" fs remove setid2

# In one that others on the machine can get to, no file gets these bits.
open=$HOST_TMP/open
mkdir -p "$open/root"/{proc,dev,tmp,run,etc,root,own,granted} && cp probe "$open/root/" && chmod 755 "$open"
edits() { "$AJAIL" run --quiet --fs="$open/root" "$@"; }
check 'edited where others get to' edits --fs-edit -- /probe granted /tmp /own
check 'a part of it' edits --fs-edit=/own -- /probe granted /tmp /own
matches 'it is said' '^given up .*set-user-ID bits of files in the root .*chmod go-x' edits --fs-edit --dry-run -- /probe
equal 'once' 1 "$(edits --fs-edit=/own --fs-edit=/granted --dry-run -- /probe | grep -c '^given up .*set-user-ID bits of')"
check 'thrown away, all is as it was' edits -- /probe own /own "$PWD"
equal 'and not said' 0 "$(edits --dry-run -- /probe | grep -c 'given up .*set-user-ID')"
equal 'nothing is left of it' '' "$(left)"
chmod 700 "$open/root" # its own mode is its jails' to change
matches 'its own mode does not close it' '^given up .*set-user-ID bits of' edits --fs-edit --dry-run -- /probe
chmod 700 "$open"
check 'edited where nobody gets to' edits --fs-edit -- /probe own /own "$PWD"
check 'a part of that' edits --fs-edit=/own -- /probe own /own "$PWD"
equal 'nothing is said' 0 "$(edits --fs-edit --dry-run -- /probe | grep -c 'given up .*set-user-ID')"
matches 'unless the payload can open it' "^given up .*set-user-ID bits of .*$open, is given for writing" \
    edits --fs-edit --rw="$open" --dry-run -- /probe
rm -rf "$open"

check 'the cost' jail ./probe cost /var/tmp "$PWD"
cat "$OUT"
