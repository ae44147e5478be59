#!/bin/bash
# shellcheck disable=SC2154 # mounting: common.bash
# Catalogue B: files that were not granted, read-only and hidden ones, the root, propagation, devices, kernel knobs.
# shellcheck source=tests/attack/common.bash
. "$TESTS/attack/common.bash"

home_secret=$HOME/.ajail-test-secret-$$
echo secret >"$home_secret"
trap 'rm -f "$home_secret"; tally_' EXIT
both 'files of the host' read "$MARKER" "$home_secret" "$AJAIL_HOME/fs"
blocked 'files of the host with --fs=host' "$AJAIL" run --quiet --fs=host -- ./probe read "$MARKER" "$home_secret" "$AJAIL_HOME/fs"

both 'root' root "$MARKER"
blocked 'root with capabilities' strong -- ./probe root "$MARKER"
blocked 'root of --fs=host' "$AJAIL" run --quiet --fs=host -- ./probe root "$MARKER"

# --- read-only stays read-only. Control: the same directory, writable.
mkdir -p fixed hidden tree/hidden
# Outside, a mount of one's own that can be taken off again: what the probes do, where there is no second level.
own_mount='mount --bind fixed fixed && mount -o remount,bind,ro fixed && exec ./probe change "$PWD/fixed" "$PWD/fixed/file"'
for how in jail strong; do
    for kind in rol ro; do
        echo content >fixed/file
        case $kind in
        rol) blocked "read-only bind ($how)" $how --rol=fixed -- ./probe change "$PWD/fixed" "$PWD/fixed/file" ;;
        ro) $how --ro=fixed -- ./probe change "$PWD/fixed" "$PWD/fixed/file" >/dev/null 2>&1 ;;
        esac
        equal "content of --$kind afterwards ($how)" content "$(cat fixed/file 2>&1)"
        equal "names in --$kind afterwards ($how)" file "$(ls fixed)"
    done
done
echo content >fixed/file
allowed 'read-only bind' jail --rw=fixed -- ./probe change "$PWD/fixed" "$PWD/fixed/file"
rm -rf fixed && mkdir fixed && echo content >fixed/file
allowed 'read-only bind without a second level' "${mounting[@]}" sh -c "$own_mount"
rm -rf fixed && mkdir fixed && echo content >fixed/file
echo content >file
blocked 'a read-only file' jail --rol=file -- ./probe write "$PWD/file"
blocked 'a read-only file with capabilities' strong --rol=file -- ./probe write "$PWD/file"
allowed 'a read-only file' jail --rw=file -- ./probe write "$PWD/file"

# --- submounts are as read-only as the top. Only root can mount; so in a user namespace, where ajail runs as well.
cat >below.sh <<'S'
mkdir -p tree/sub && mount -t tmpfs t tree/sub && echo content >tree/sub/file || exit 3
exec "$@"
S
blocked 'a submount of a read-only tree' "${mounting[@]}" sh below.sh "$AJAIL" run --quiet --fs=deb --rol=tree -- \
    ./probe write "$PWD/tree/sub/file"
blocked 'a submount of a throw-away tree' "${mounting[@]}" sh below.sh "$AJAIL" run --quiet --fs=deb --ro=tree -- \
    ./probe write "$PWD/tree/sub/file"
allowed 'a submount' "${mounting[@]}" sh below.sh "$AJAIL" run --quiet --fs=deb --rw=tree -- \
    ./probe write "$PWD/tree/sub/file"

# --- what is hidden stays hidden
echo secret >hidden/file
echo secret >tree/hidden/file
echo secret >alone
for how in jail strong; do
    blocked "a hidden directory ($how)" $how --hide=hidden -- ./probe reveal "$PWD/hidden" "$PWD/hidden/file"
    blocked "a hidden directory, one below ($how)" $how --hide=tree/hidden -- \
        ./probe reveal "$PWD/tree/hidden" "$PWD/tree/hidden/file"
    blocked "a hidden file ($how)" $how --hide=alone -- ./probe reveal "$PWD/alone" "$PWD/alone"
done
allowed 'a hidden directory' jail -- ./probe reveal "$PWD/hidden" "$PWD/hidden/file"
allowed 'a hidden directory without a second level' "${mounting[@]}" sh -c \
    'mount -t tmpfs t hidden && exec ./probe reveal "$PWD/hidden" "$PWD/hidden/file"'

# A name below a writable directory is not held by a mount further down: the directory in between is renamed, and
# another file stands at the path that the host reads.
mkdir -p between && echo content >between/file
blocked 'a read-only file below a writable directory, replaced' jail --rol=between/file -- \
    ./probe replace "$PWD/between/file"
equal 'its content afterwards' content "$(cat between/file)"
rm -rf between between.other

# --- CVE-2015-2925: the host moves a directory out of what is mounted, and a process stands in it
for control in no yes; do
    mkdir -p granted/deep && : >said
    mkfifo go
    run=(jail --hide "--mount=$PWD/granted,/granted,rw" "--mount=$PWD/probe,/probe" -- /probe moved "$MARKER" /granted/deep)
    [ $control = no ] || run=(./probe moved "$MARKER" "$PWD/granted/deep")
    "${run[@]}" <go >said 2>&1 &
    exec 9>go
    until_ready said
    mv granted/deep moved
    echo >&9
    exec 9>&-
    wait
    if [ $control = no ]; then blocked 'a directory moved away' cat said; else allowed 'a directory moved away' cat said; fi
    rm -rf granted moved go said
done

# --- what the mount table says
blocked 'propagation' jail -- ./probe propagation
allowed 'propagation' "${mounting[@]}" --propagation shared ./probe propagation
blocked 'nosuid and nodev everywhere' jail "--rw=$HOST_TMP" "--ro=$HOST_TMP" -- ./probe flags
blocked 'nosuid and nodev everywhere with --fs=host' "$AJAIL" run --quiet --fs=host -- ./probe flags
allowed 'nosuid and nodev everywhere' ./probe flags
blocked 'layers' jail --ro -- ./probe layers
blocked 'layers of a file' jail --ro=alone -- ./probe layers
blocked 'layers with capabilities' strong --ro -- ./probe layers
# A recursive clone of `/` takes along whatever is mounted over it.
if [ "$(id -u)" = 0 ]; then
    skip 'a grant of /' 'not all file systems below can be id-mapped'
else
    blocked 'layers through a grant of /' jail --mount=/,/host,rol -- ./probe layers
    output "a grant of / shows the host's root" yes jail --mount=/,/host,rol -- sh -c '[ -e /host/etc/passwd ] && echo yes'
fi

# --- devices
both 'devices' devices
blocked 'devices with capabilities' strong -- ./probe devices
blocked 'device nodes of its own' jail -- ./probe mknod "$PWD"
blocked 'device nodes of its own with capabilities' strong --no-root-emulation -- ./probe mknod "$PWD"

# --- kernel knobs, CVE-2022-0492 (release_agent), handles. Root alone can do these outside: see realroot.sh.
for how in jail strong; do
    blocked "kernel knobs ($how)" $how -- ./probe knobs
    blocked "cgroups ($how)" $how -- ./probe cgroup
    blocked "file handles ($how)" $how -- ./probe handle "$PWD"
    blocked "file handles of the root ($how)" $how -- ./probe handle /
done
blocked 'kernel knobs with --fs=host' "$AJAIL" run --quiet --fs=host -- ./probe knobs
