#!/bin/bash
# shellcheck disable=SC2154 # escape: common.bash
# Set-up must not follow what an earlier jail, or whoever made the root filesystem, has planted: CVE-2021-30465,
# CVE-2024-45310, CVE-2026-87766 (targets), CVE-2024-42472, CVE-2026-39861 (sources).
# shellcheck source=tests/attack/common.bash
. "$TESTS/attack/common.bash"

host=$HOST_TMP/host
mkdir -p "$host/inner"
echo secret >"$host/inner/file"
listing() { (cd "$HOST_TMP" && find . -printf '%p %y %m %s %T@ %l\n' | sort); }
before=$(listing)

# A root filesystem with nothing but the probe.
new_root() {
    chmod -R u+rwX fs 2>/dev/null
    rm -rf fs
    mkdir -p fs/bin fs/etc fs/dev fs/proc fs/tmp fs/run fs/root
    cp probe fs/bin/probe
}
in_fs() { timeout 20 "$AJAIL" run --quiet "--fs=$PWD/fs" "$@"; }
# It may run, or be refused in one line; it may not hang, die, show the host or leave anything there.
harmless() {
    local name=$1
    shift
    run_ "$@"
    if [ "$STATUS" = 0 ] && ! grep -aq '^ALLOWED' "$OUT"; then pass_
    elif [ "$STATUS" = 125 ] && [ "$(wc -l <"$ERR")" = 1 ]; then pass_
    elif [ "$STATUS" = 127 ] && [ "$(wc -l <"$ERR")" = 1 ]; then pass_
    else fail_ "$name" 'BLOCKED, or refused' "$(said_ "$STATUS")"; fi
    equal "$name: the host afterwards" "$before" "$(listing)"
}

top=${PWD#/} top=/${top%%/*}
relative=../../../../../../../../..$host
for how in "$host" "$relative" "/proc/self/root$host" "/proc/self/cwd/$relative" /proc/1/root/ /; do
    for what in /etc /dev /proc /tmp /run "$top" /root; do
        new_root
        rm -rf "fs$what"
        ln -s "$how" "fs$what"
        harmless "$what -> $how" in_fs -- /bin/probe "$escape" "secret=$MARKER" work=/tmp
        harmless "$what -> $how, --fs-edit" in_fs --fs-edit -- /bin/probe "$escape" "secret=$MARKER" work=/tmp
        equal "$what -> $how: the link afterwards" "$how" "$(readlink "fs$what")"
    done
    for what in resolv.conf hosts; do
        new_root
        ln -s "${how%/}/inner/file" "fs/etc/$what"
        harmless "/etc/$what -> $how" in_fs -- /bin/probe read-secret secret=/etc/hosts
        harmless "/etc/$what -> $how, --fs-edit" in_fs --fs-edit -- /bin/probe read-secret secret=/etc/hosts
        harmless "/etc/$what -> $how, --fs-edit=etc" in_fs --fs-edit=etc -- /bin/probe read-secret secret=/etc/hosts
    done
    new_root
    rm -rf fs/root
    ln -s "$how" fs/root
    harmless "--home-edit, /root -> $how" in_fs --home-edit -- /bin/probe "$escape" "secret=$MARKER" work=/tmp
    harmless "--home-edit=inner, /root -> $how" in_fs --home-edit=inner -- /bin/probe "$escape" "secret=$MARKER" work=/tmp
    harmless "--fs-edit=root, /root -> $how" in_fs --fs-edit=root -- /bin/probe "$escape" "secret=$MARKER" work=/tmp
done
# Control: whoever follows these by name does write there.
new_root
rm -rf fs/etc
ln -s "$host" fs/etc
mkdir fs/etc/planted
status 'control of the symlinks' 1 test "$before" = "$(listing)"
rmdir "$host/planted"
before=$(listing)

# --- special files where directories or files are expected
for what in /etc /dev /proc /tmp /run /root /etc/resolv.conf /bin/probe; do
    for kind in file fifo directory loop; do
        new_root
        rm -rf "fs$what"
        case $kind in
        file) echo x >"fs$what" ;;
        fifo) mkfifo "fs$what" ;;
        directory) mkdir "fs$what" ;;
        loop) ln -s "$what" "fs$what" ;;
        esac
        run_ in_fs -- /bin/probe "$escape" "secret=$MARKER" work=/tmp
        case $STATUS in
        0) blocked "a $kind as $what" cat "$OUT" ;;
        125 | 126 | 127) equal "a $kind as $what, lines" 1 "$(wc -l <"$ERR")" ;;
        *) fail_ "a $kind as $what" 'BLOCKED or refused' "$(said_ "$STATUS")" ;;
        esac
    done
done

# --- an edit of a part changes nothing that the payload has not changed
new_root
echo mine >fs/etc/victim
ln -s victim fs/etc/resolv.conf
in_fs --fs-edit=etc -- /bin/probe read-secret secret=/nothing >/dev/null 2>&1
equal '--fs-edit=etc: a file behind resolv.conf' mine "$(cat fs/etc/victim)"
new_root
echo mine >fs/etc/resolv.conf
in_fs --fs-edit=etc -- /bin/probe read-secret secret=/nothing >/dev/null 2>&1
equal '--fs-edit=etc: resolv.conf' mine "$(cat fs/etc/resolv.conf)"
new_root
names=$(find fs | sort)
for edit in --fs-edit --fs-edit=etc --home-edit; do in_fs $edit -- /bin/probe read-secret secret=/nothing >/dev/null 2>&1; done
equal 'names in an edited root filesystem' "$names" "$(find fs | sort)"

# --- sources below the project
mkdir -p sub
: >f
for how in "$host/inner" "../../../../../../../../..$host/inner" "/proc/self/root$host/inner" .. .; do
    rm -rf sub f
    ln -s "$how" sub
    ln -s "$how/file" f
    for option in --rw=sub --rol=sub --ro=sub --hide=sub --dev=sub --mount=sub,/x,rw --mount=sub/,/x --mount=./sub,/x \
        --rw=sub/file --mount=sub/file,/x --mount="$PWD/sub",/x --rw="$PWD/sub/." --rw=sub/../sub; do
        status "$option, sub -> $how" 125 jail "$option" -- true
    done
    for option in --rw=f --ro=f --rol=f --mount=f,/x; do
        status "$option, f -> $how/file" 125 jail "$option" -- true
    done
done
rm -rf sub f
allowed 'control of the sources' jail "--mount=$host/inner/file,/x" -- ./probe read-secret secret=/x

# ... and below anything else that is granted, which a jail may have written to just as well
mkdir -p granted
ln -s "$host/inner" granted/sub
status 'a symlink below another grant' 125 jail --hide "--rw=$PWD/granted" "--rw=$PWD/granted/sub" -- true
(cd "$HOST_TMP" && mkdir elsewhere)
mkdir -p "$HOST_TMP/grant2" && ln -s "$host/inner" "$HOST_TMP/grant2/sub"
status 'a symlink below another grant, outside the project' 125 \
    jail "--rw=$HOST_TMP/grant2" "--mount=$HOST_TMP/grant2/sub,/x,rw" -- true
rm -rf "$HOST_TMP/grant2" "$HOST_TMP/elsewhere" granted
# ... and the root filesystem itself
ln -s / rootlink
ln -s "$host" hostlink
for link in rootlink hostlink; do
    status "--fs=$link in the project" 125 "$AJAIL" run --quiet "--fs=$PWD/$link" -- ./probe read-secret "secret=$MARKER"
    status "--fs=$link in the project, --fs-edit" 125 "$AJAIL" run --quiet "--fs=$PWD/$link" --fs-edit -- ./probe read-secret "secret=$MARKER"
done
rm -f rootlink hostlink

# Symlinks outside of anything granted are the user's own, and work; also those that climb to `/`.
ln -s ..//..//..//..//..//..//..//..//..//.."$host/inner" "$HOST_TMP/own"
output "a symlink of the user's own that climbs to the root" secret jail "--mount=$HOST_TMP/own,/x" -- cat /x/file
rm "$HOST_TMP/own"

# --- somebody exchanges names while we set up (CVE-2021-30465 is this class)
cat >exchange.c <<'C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) {
    while (argc > 3 && getppid() != 1) {
        if (syscall(316, AT_FDCWD, argv[1], AT_FDCWD, argv[2], 2 /* RENAME_EXCHANGE */) < 0) return 1;
        usleep((useconds_t)atoi(argv[3]));
    }
}
C
if [ "$(uname -m)" = x86_64 ] && "${CC:-cc}" -w -o exchange exchange.c; then
    mkdir -p race/sub
    ln -s "$host/inner" race/link
    ./exchange race/sub race/link 100 &
    exchange=$!
    seen=0 hits=0
    for _ in $(seq 40); do
        [ -L race/sub ] && seen=$((seen + 1))
        for option in --mount=race/sub,/x,rw --mount=race/sub,/x --ro=race/sub --rw=race/sub; do
            jail $option -- sh -c 'cat /x/file race/sub/file' 2>/dev/null | grep -q secret && hits=$((hits + 1))
        done
    done
    equal 'a source exchanged during set-up' 0 "$hits"
    check 'control: it was a symlink now and then' test "$seen" -gt 0
    # The project itself, below a directory that another jail has: the name that getcwd() told is a symlink later.
    seen=0 hits=0
    for _ in $(seq 80); do
        (
            cd race/sub 2>/dev/null || exit 0
            [[ $(/bin/pwd -P) == */race/* ]] || exit 0
            "$AJAIL" run --quiet --fs=deb -- cat file 2>/dev/null
            echo tried
        ) >said
        grep -q tried said && seen=$((seen + 1))
        grep -q secret said && hits=$((hits + 1))
    done
    kill $exchange
    equal 'the working directory exchanged during set-up' 0 "$hits"
    check 'control: tried now and then' test "$seen" -gt 5
else
    skip 'names exchanged during set-up' 'x86-64 only'
fi

# --- words that are options: names that a jail has given to files
mkdir -p -- '--rw=' "--mount=$host,,x"
: >'--cap-add=SYS_ADMIN'
status 'names after --' 0 jail -- ls -- *
matches 'names after a command' '^--cap-add=SYS_ADMIN$' jail ls -- *
(cd -- '--rw=' && check 'a directory that is called --rw=' jail true)
check 'empty elements of AJAIL_ARGS' env "AJAIL_ARGS=;;--no-net;" "$AJAIL" run --quiet --fs=deb true

# --- names that a terminal acts on
clean() {
    local name=$1
    shift
    run_ "$@"
    if cat "$OUT" "$ERR" | LC_ALL=C grep -aqP '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae'; then
        fail_ "$name" 'nothing that a terminal acts on' "$(said_ "$STATUS")"
    else pass_; fi
}
export LC_ALL=C.UTF-8
evil=$(printf 'e\033[31m\033]0;t\007\342\200\256\nx')
mkdir -p "$evil"
(
    cd "$evil" || exit 1
    clean 'ESC in the status' "$AJAIL" run --fs=deb -- true
    clean 'ESC in verbose output' "$AJAIL" run --verbose --fs=deb -- true
    clean 'ESC in the plan' "$AJAIL" run --fs=deb --dry-run --env "X=$evil" -- "$evil"
    clean 'ESC in the plan, JSON' "$AJAIL" run --fs=deb --dry-run=json --env "X=$evil" -- "$evil"
    clean 'ESC in a command' "$AJAIL" run --quiet --fs=deb -- "./$evil"
    clean 'ESC in a source' "$AJAIL" run --quiet --fs=deb "--rw=$evil"
    clean 'ESC in an option' "$AJAIL" run "--$evil"
    clean 'ESC in a capability' "$AJAIL" run "--cap-add=$evil"
    clean 'ESC in a root filesystem' "$AJAIL" run "--fs=$evil"
    clean 'ESC in a type' "$AJAIL" run "--mount=a,b,$evil"
    clean 'ESC in AJAIL_ARGS' env "AJAIL_ARGS=--$evil" "$AJAIL" run
    clean 'ESC in an edit' "$AJAIL" run --fs=deb "--fs-edit=$evil"
    clean 'ESC in a name for mkfs' "$AJAIL" mkfs "$evil"
    clean 'ESC in a name for mkfs' "$AJAIL" mkfs debian "$evil"
    clean 'ESC in a host name' "$AJAIL" run --quiet --fs=deb "--hostname=$evil$evil$evil$evil$evil$evil" true
)
rm -rf "$host"
