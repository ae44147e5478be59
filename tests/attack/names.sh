#!/bin/bash
# Names and files that a jail can leave where ajail is called or reads next: words that look like options, FIFOs, huge
# files, and bytes that a terminal acts on.
# seconds: 300
# shellcheck source=tests/lib.sh
. "$TESTS/lib.sh"

# --- words that look like options (CVE-2024-32462 is this class)
top=$PWD
mkdir -- -x '--rw=' '--cap-add=SYS_ADMIN' ./-- -
for name in -x '--rw=' '--cap-add=SYS_ADMIN' -- -; do
    (
        cd "$top/./$name" || exit 1
        output "in a directory called $name" "$PWD" jail pwd
        output "in a directory called $name, the plan" 0 sh -c '"$AJAIL" run --fs=deb --dry-run true | grep -c "^capabilities.*SYS_ADMIN"; true'
    )
    for option in --rw --mount; do
        case $option in
        --rw) words=("--rw=$name") ;;
        --mount) words=(--mount "$name,/srv/x,rw") ;;
        esac
        check "$option of $name" jail --ro "${words[@]}" sh -c 'if [ -d /srv/x ]; then cd /srv/x; else cd "./$1"; fi && touch made' - "$name"
        check "$option of $name: it was that one" rm "./$name/made"
    done
done
for option in --fs --user --users --scratch --seccomp --allow --deny --cap-add; do
    refuses "$option=-y" '-y' jail "$option=-y" true
done
rmdir -- ./-x '--rw=' '--cap-add=SYS_ADMIN' ./-- ./-

# --- FIFOs, devices and huge files where ajail reads: in a root filesystem
root=$PWD/root
small() {
    rm -rf root
    mkdir -p root/etc root/dev root/proc root/tmp root/run root/root root/usr/lib
    echo 'a:x:7:7::/:/bin/sh' >root/etc/passwd
    echo 'a:x:7:' >root/etc/group
}
plant() {
    rm -f "$2"
    case $1 in
    fifo) mkfifo "$2" ;;
    huge) truncate -s 1T "$2" ;;
    endless) ln -s /dev/zero "$2" ;;
    directory) mkdir "$2" ;;
    link) ln -s /proc/self/environ "$2" ;;
    loop) ln -s "$2" "$2" ;;
    esac
}
# quick NAME COMMAND...: it ends soon, with little memory, and says at most one line
quick() {
    local name=$1
    shift
    run_ timeout 30 bash -c 'ulimit -v 4000000; exec "$@"' - "$@"
    if [ "$STATUS" -lt 124 ] || { [ "$STATUS" -ge 125 ] && [ "$STATUS" -le 127 ]; } && [ "$(wc -l <"$ERR")" -le 1 ]; then pass_
    else fail_ "$name" 'an end, and at most one line' "$(said_ "$STATUS")"; fi
}
for kind in fifo huge endless directory link loop; do
    for file in passwd group resolv.conf machine-id os-release; do
        small
        plant $kind root/etc/$file
        quick "$kind as /etc/$file" "$AJAIL" run --quiet --fs="$root" --user=a /bin/true
        quick "$kind as /etc/$file, --user=0" "$AJAIL" run --quiet --fs="$root" --user=0 /bin/true
    done
    small
    plant $kind root/usr/lib/os-release
    cp -r --no-dereference root store 2>/dev/null || true
    rm -rf store
    mkdir -p store/fs
    mv root store/fs/planted
    AJAIL_HOME=$PWD/store quick "$kind as os-release: fs list" "$AJAIL" fs list
    equal "$kind as os-release: it is listed" 1 "$(grep -c '^planted' "$OUT")"
done
chmod -R u+rwX store root 2>/dev/null
rm -rf store root

# --- bytes that a terminal acts on, in everything that ajail says
export LC_ALL=C.UTF-8
evil=$(printf 'e\033[31m\033]0;t\007\302\233m\342\200\256\r\nx')
clean() {
    local name=$1
    shift
    run_ timeout 60 "$@"
    if cat "$OUT" "$ERR" | grep -aqP '[\x00-\x08\x0b-\x1f\x7f]|\x{9b}|\x{202e}'; then
        fail_ "$name" 'nothing that a terminal acts on' "$(said_ "$STATUS")"
    elif [ -s "$OUT" ] || [ -s "$ERR" ]; then pass_
    else fail_ "$name" 'a message' 'none'; fi
}
# The control: this notices them.
if printf %s "$evil" | grep -aqP '[\x00-\x08\x0b-\x1f\x7f]|\x{9b}|\x{202e}'; then pass_; else fail_ 'control' found 'not found'; fi
options() { "$AJAIL" "$1" --help | sed -nE 's/^ {1,6}(-[a-z],)?(--[a-z-]+).*/\2/p' | sort -u; }
check 'control: there are options' test "$(options run | wc -l)" -gt 20
mkdir -p -- "$evil" store/fs/"$evil"/usr/lib store/fs/plain/etc
printf 'PRETTY_NAME="%s"\n' "$evil" >store/fs/plain/etc/os-release
export AJAIL_HOME_OF_TESTS=$AJAIL_HOME
for command in run mkfs fs bwrap; do
    clean "ajail $command --EVIL" "$AJAIL" $command "--$evil"
    for option in $(options $command); do
        case $option in --help | --version) continue ;; esac
        # As they are refused, and as they stand in the plan and in the status.
        for value in "$evil" "/$evil" "$evil,$evil" "$evil=$evil" "tmpfs:$evil" "$evil,/x,$evil" "1:$evil"; do
            case $command in
            run) clean "run $option=EVIL" "$AJAIL" run --fs=deb --dry-run "$option=$value" -- "$evil" "$evil" ;;
            *) clean "$command $option=EVIL" "$AJAIL" $command "$option=$value" "$evil" "$evil" "$evil" </dev/null ;;
            esac
        done
    done
done
for verb in list remove copy import export "$evil"; do
    clean "fs $verb EVIL" "$AJAIL" fs "$verb" "$evil"
    clean "fs $verb EVIL EVIL" "$AJAIL" fs "$verb" "$evil" "$evil/$evil"
    AJAIL_HOME=$PWD/store clean "fs $verb EVIL, which is there" "$AJAIL" fs "$verb" "$evil" "$evil"
    mkdir -p store/fs/"$evil"/usr/lib
done
AJAIL_HOME=$PWD/store clean 'fs list' "$AJAIL" fs list
AJAIL_HOME=$PWD/store clean 'the names that there are' "$AJAIL" run --fs=nosuch true
clean 'AJAIL_HOME' env AJAIL_HOME="/$evil" "$AJAIL" run --fs="$evil" true
clean 'AJAIL_HOME, fs' env AJAIL_HOME="/$evil" "$AJAIL" fs remove x
clean 'HOME' env HOME="/$evil" "$AJAIL" run --fs=host --verbose true
clean 'TERM' env TERM="$evil" "$AJAIL" run --fs=host --dry-run true
clean 'a command ajail does not know' "$AJAIL" run --fs=deb -- "$evil"
clean 'a command that cannot be run' sh -c ': >"$1/f"; "$AJAIL" run --quiet --fs=deb -- "./$1/f"' - "$evil"
clean 'a shell that is not there' "$AJAIL" run --quiet --fs="$PWD/store/fs/plain" -- "/$evil"
clean 'a link in the way' sh -c 'ln -s "$1" l; "$AJAIL" run --quiet --fs=deb --rw=l true; rm l' - "$evil"
clean 'another link than the one asked for' sh -c 'ln -s "$1" l; "$AJAIL" bwrap --bind / / --symlink other "$PWD/l" true; rm l' - "$evil"
(
    cd "$evil" || exit 1
    clean 'the current directory: status' "$AJAIL" run --fs=deb true
    clean 'the current directory: verbose' "$AJAIL" run --fs=deb --verbose true
    clean 'the current directory: plan' "$AJAIL" run --fs=deb --dry-run true
    clean 'the current directory: JSON' "$AJAIL" run --fs=deb --dry-run=json true
    mkdir -p .git/hooks
    clean 'a git directory: status' "$AJAIL" run --fs=deb true
    clean 'a git directory: made meanwhile' "$AJAIL" run --fs=deb --quiet sh -c ': >.git/commondir'
    rmdir .git/hooks
    ln -s x .git/hooks
    clean 'a git directory: a link' "$AJAIL" run --fs=deb --quiet true
)
rm -rf -- "$evil" store
