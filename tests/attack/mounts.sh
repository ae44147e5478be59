#!/bin/bash
# shellcheck disable=SC2154 # mounting: common.bash
# Mounts that take a set-up of their own: submounts, single files, a directory that the host moves, a grant of `/`.
# shellcheck source=tests/attack/common.bash
. "$TESTS/attack/common.bash"

# --- what is read-only or thrown away stays as it is
mkdir -p fixed tree
echo content >fixed/file
echo content >file
ways=ro-bind-write,ro-bind-remount,ro-bind-setattr,ro-bind-rebind,ro-bind-tree,ro-bind-umount,ro-bind-move,ro-bind-userns
for how in jail strong; do
    blocked "a read-only directory ($how)" $how --rol=fixed -- ./probe "$ways" "fixed=$PWD/fixed" work=/tmp
    allowed "a throw-away directory is written ($how)" $how --ro=fixed -- ./probe "$ways" "fixed=$PWD/fixed" work=/tmp
    equal "its content afterwards ($how)" content "$(cat fixed/file 2>&1)"
    equal "its names afterwards ($how)" file "$(ls fixed)"
    denied "a read-only file ($how)" $how --rol=file -- sh -c 'echo planted >>file'
    denied "a read-only file remounted ($how)" $how --rol=file -- sh -c 'mount -o remount,bind,rw file; echo planted >>file'
    equal "its content afterwards ($how)" content "$(cat file)"
done
check 'a file, writable' jail --rw=file -- sh -c 'echo content >file'

# --- submounts are as read-only as the top. Only root can mount; so in a user namespace, where ajail runs as well.
cat >below.sh <<'S'
mkdir -p tree/sub && mount -t tmpfs t tree/sub && echo content >tree/sub/file || exit 3
exec "$@"
S
blocked 'a submount of a read-only tree' "${mounting[@]}" sh below.sh "$AJAIL" run --quiet --fs=deb --rol=tree -- \
    ./probe ro-bind-write "fixed=$PWD/tree/sub"
output 'a submount of a throw-away tree' content "${mounting[@]}" sh below.sh sh -c '
    "$AJAIL" run --quiet --fs=deb --ro=tree -- sh -c "echo planted >>tree/sub/file" 2>/dev/null; cat tree/sub/file'
allowed 'a submount' "${mounting[@]}" sh below.sh "$AJAIL" run --quiet --fs=deb --rw=tree -- \
    ./probe ro-bind-write "fixed=$PWD/tree/sub"

# --- a hidden file: of directories see the table
echo secret >alone
for how in jail strong; do
    output "a hidden file ($how)" '' $how --hide=alone -- sh -c 'umount alone 2>/dev/null; cat alone'
done
output 'a file that is not hidden' secret jail -- cat alone

# --- CVE-2015-2925: the host moves a directory out of what is mounted, and a process stands in it
moved="cd \"\$1\" && echo ready && read -r _ && exec \"\$2\" cwd-escape secret=$MARKER"
for control in no yes; do
    mkdir -p granted/deep && : >said
    mkfifo go
    run=(jail --hide "--mount=$PWD/granted,/granted,rw" "--mount=$PWD/probe,/probe" -- sh -c "$moved" - /granted/deep /probe)
    [ $control = no ] || run=(sh -c "$moved" - "$PWD/granted/deep" "$PWD/probe")
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
blocked 'nosuid and nodev everywhere' jail "--rw=$HOST_TMP" "--ro=$HOST_TMP" -- ./probe mount-flags
blocked 'layers' jail --ro -- ./probe overlay-dirs
blocked 'layers of a file' jail --ro=alone -- ./probe overlay-dirs
blocked 'layers with capabilities' strong --ro -- ./probe overlay-dirs
# A recursive clone of `/` takes along whatever is mounted over it.
if [ "$(id -u)" = 0 ]; then
    skip 'a grant of /' 'not all file systems below can be id-mapped'
else
    blocked 'layers through a grant of /' jail --mount=/,/host,rol -- ./probe overlay-dirs
    output "a grant of / shows the host's root" yes jail --mount=/,/host,rol -- sh -c '[ -e /host/etc/passwd ] && echo yes'
fi
