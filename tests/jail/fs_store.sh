#!/bin/bash
# ajail fs: what is there, copies, removal, a tar out and in again, and what a killed one leaves.
. "$TESTS/lib.sh"
here=$PWD
deb=$AJAIL_HOME/fs/deb
export AJAIL_HOME=$here/store

# A small root filesystem of the host's sh and what it needs.
tiny() {
    mkdir -p "$1"/{bin,etc,usr/lib,sub/dir}
    cp /bin/sh /bin/cat /bin/sleep "$1/bin/"
    local lib
    for lib in $(ldd /bin/sh /bin/cat /bin/sleep | grep -o '/[^ ]*'); do
        case $lib in *:) continue ;; esac
        mkdir -p "$1${lib%/*}"
        cp -L "$lib" "$1$lib"
    done
    # shellcheck disable=SC2028
    printf 'NAME=tiny\nPRETTY_NAME="Tiny \033[31mred\\"quoted\\""\n' >"$1/usr/lib/os-release"
    ln -s ../usr/lib/os-release "$1/etc/os-release"
    echo one >"$1/sub/file"
    ln "$1/sub/file" "$1/sub/hard"
    ln -s file "$1/sub/soft"
    ln -s /nowhere "$1/sub/dangling"
    mkfifo "$1/sub/fifo"
    echo x >"$1/sub/dir/x"
    chmod 750 "$1/sub/dir"
    chmod 4755 "$1/sub/file"
    touch -d '2001-02-03 04:05:06.123456789' "$1/sub/file" "$1/sub/dir"
    touch -h -d '2002-02-03 04:05:06' "$1/sub/soft"
    setfattr -n user.note -v kept "$1/sub/file" 2>/dev/null || true
}
# Everything that is to be the same in a copy.
facts() { (cd "$1" && find . -mindepth 1 -printf '%p %y %m %n %T@ %l %U %G ' \( -type f -printf '%s' -o -true \) -printf '\n' | sort); }

output 'list of no store' 'NAME  SIZE  MADE  IN USE  DISTRIBUTION' "$AJAIL" fs list
output 'list --json of no store' '[]' "$AJAIL" fs list --json
check 'listing makes no store' test ! -e "$AJAIL_HOME"

tiny root
tar -C root --format=pax --xattrs --xattrs-include='user.*' -cf tiny.tar .
check 'import of a tar' "$AJAIL" fs import tiny tiny.tar
output 'it runs' one "$AJAIL" run --quiet --fs=tiny -- /bin/cat /sub/file
equal 'set-id bits are dropped' 755 "$(stat -c %a "$AJAIL_HOME/fs/tiny/sub/file")"
equal 'the rest is as it was' "$(facts root | sed 's/ 4755 / 755 /')" "$(facts "$AJAIL_HOME/fs/tiny")"
refuses 'import over one that is there' 'tiny exists already' "$AJAIL" fs import tiny tiny.tar
refuses 'import of nothing' 'No such file' "$AJAIL" fs import other missing.tar
refuses 'import to a bad name' 'no name for a root filesystem' "$AJAIL" fs import ../x tiny.tar
refuses 'import to the name host' 'no name for a root filesystem' "$AJAIL" fs import host tiny.tar
refuses 'import of a text' '/etc/passwd: tar: .*does not look like a tar' "$AJAIL" fs import other /etc/passwd
truncate -s 0 empty.tar
tar -cf none.tar -T /dev/null
refuses 'import of an empty archive' 'the archive is empty' "$AJAIL" fs import other none.tar
refuses 'import of an empty file' 'not look like a tar' "$AJAIL" fs import other empty.tar
head -c 30000 tiny.tar >cut.tar
refuses 'import of half an archive' 'cut.tar: tar: .*nexpected EOF' "$AJAIL" fs import other cut.tar
for tool in gzip xz zstd bzip2; do
    if ! [ -x "$(command -v $tool)" ]; then
        skip "import of $tool" "no $tool here"
        continue
    fi
    "$tool" -c tiny.tar >./packed # the name says nothing
    check "import of $tool" "$AJAIL" fs import "by-$tool" packed
    equal "what $tool brought" "$(facts "$AJAIL_HOME/fs/tiny")" "$(facts "$AJAIL_HOME/fs/by-$tool")"
    head -c 20000 packed >./cut
    refuses "import of half of $tool" . "$AJAIL" fs import other cut
    check "by-$tool goes" "$AJAIL" fs remove "by-$tool"
done
from_stdin() { "$AJAIL" fs import "$1" - <tiny.tar; }
check 'import from stdin' from_stdin from-file
from_pipe() { tail -c +1 tiny.tar | "$AJAIL" fs import "$1" -; }
check 'import from a pipe' from_pipe from-pipe
equal 'the same from a pipe' "$(facts "$AJAIL_HOME/fs/from-file")" "$(facts "$AJAIL_HOME/fs/from-pipe")"
check 'remove of several' "$AJAIL" fs remove from-file from-pipe
equal 'nothing else in the store' tiny "$(ls -A "$AJAIL_HOME/fs")"

matches 'list escapes' '^tiny .* no +Tiny .x1b\[31mred"quoted"$' "$AJAIL" fs list
json() { "$AJAIL" fs list --json | python3 -c "import json, sys; x = json.load(sys.stdin)[0]; print($1)"; }
output 'list --json' "tiny $AJAIL_HOME/fs/tiny [] False" json 'x["name"], x["path"], x["in_use"], x["edited"]'
output 'its size is what du says' "$(du -s --block-size=1 "$AJAIL_HOME/fs/tiny" | cut -f 1)" json 'x["size"]'
output 'made just now' True json '__import__("time").time() - __import__("calendar").timegm(__import__("time").strptime(x["made"], "%Y-%m-%dT%H:%M:%SZ")) < 300'
rm "$AJAIL_HOME/fs/tiny/usr/lib/os-release"
for bad in /etc/passwd ../../../../../../../../../etc/os-release /dev/zero /proc/self/environ fifo; do
    ln -sfn "$bad" "$AJAIL_HOME/fs/tiny/etc/os-release"
    [ -p "$AJAIL_HOME/fs/tiny/etc/fifo" ] || mkfifo "$AJAIL_HOME/fs/tiny/etc/fifo"
    output "os-release that leads to $bad" '' json 'x["distribution"]'
done
rm "$AJAIL_HOME/fs/tiny/etc/os-release" "$AJAIL_HOME/fs/tiny/etc/fifo"

check 'copy' "$AJAIL" fs copy tiny copy
equal 'a copy is the same' "$(facts "$AJAIL_HOME/fs/tiny")" "$(facts "$AJAIL_HOME/fs/copy")"
check 'and its contents' diff -r --no-dereference -x fifo "$AJAIL_HOME/fs/tiny" "$AJAIL_HOME/fs/copy"
if getfattr -n user.note root/sub/file >/dev/null 2>&1; then
    matches 'with its attributes' kept getfattr -n user.note "$AJAIL_HOME/fs/copy/sub/file"
else
    skip 'attributes' 'no setfattr here'
fi
check 'the copy is another' "$AJAIL" run --quiet --fs=copy --fs-edit -- /bin/sh -c 'echo two > /sub/file'
equal 'the first is what it was' one "$(cat "$AJAIL_HOME/fs/tiny/sub/file")"
refuses 'copy of nothing' 'no root filesystem none .*there are: copy, tiny' "$AJAIL" fs copy none new
refuses 'copy over' 'tiny exists already' "$AJAIL" fs copy copy tiny
chmod 000 "$AJAIL_HOME/fs/copy/sub/dir" "$AJAIL_HOME/fs/copy/sub/file"
check 'copy of what nobody may read' "$AJAIL" fs copy copy copy2
equal 'it stays so' 0 "$(stat -c %a "$AJAIL_HOME/fs/copy2/sub/dir")"
check 'and it can be removed' "$AJAIL" fs remove copy2 copy

check 'export to a file' "$AJAIL" fs export tiny out.tar
refuses 'export over a file' 'exists already' "$AJAIL" fs export tiny out.tar
refuses 'export into nowhere' 'No such file' "$AJAIL" fs export tiny none/out.tar
equal 'an export leaves one file' 'out.tar' "$(find . -name '*out*' -printf '%P\n')"
through() { "$AJAIL" fs export tiny | "$AJAIL" fs import round -; }
check 'export into import' through
equal 'there and back' "$(facts "$AJAIL_HOME/fs/tiny")" "$(facts "$AJAIL_HOME/fs/round")"
full() { "$AJAIL" fs export tiny >/dev/full; }
refuses 'export to a full disk' 'No space left' full

refuses 'remove of nothing' 'no root filesystem none' "$AJAIL" fs remove none
refuses 'remove of what is outside' 'no root filesystem' "$AJAIL" fs remove ../../root
mkdir outside
echo keep >outside/keep
ln -s "$here/outside" "$AJAIL_HOME/fs/link"
check 'remove of a link' "$AJAIL" fs remove link
equal 'removes the link only' keep "$(cat outside/keep)"
deep() { # 3,000 levels, far more than there are descriptors
    python3 -c '
import os, sys
os.chdir(sys.argv[1])
for i in range(3000): os.mkdir("d"); os.chdir("d")
' "$AJAIL_HOME/fs/round/sub"
}
check 'a deep tree' deep
limited() { (ulimit -n 256 && "$AJAIL" fs remove round); }
check 'remove of a deep tree' limited
equal 'left in the store' tiny "$(ls -A "$AJAIL_HOME/fs")"

# Killed half-way: nothing is seen, and the next one cleans up.
for verb in 'copy tiny new' 'import new slow'; do
    rm -f slow
    mkfifo slow
    if [ "${verb%% *}" = copy ]; then
        mv "$AJAIL_HOME/fs/tiny" "$here/tiny.kept"
        cp -a "$deb" "$AJAIL_HOME/fs/tiny"
    fi
    # shellcheck disable=SC2086
    setsid "$AJAIL" fs $verb >/dev/null 2>&1 &
    pid=$!
    [ "${verb%% *}" = copy ] || { head -c 20000 tiny.tar; sleep 1; } >slow &
    for _ in {1..100}; do
        [ "$(find "$AJAIL_HOME/fs" -mindepth 1 -maxdepth 1 | wc -l)" -lt 2 ] || break
        sleep 0.02
    done
    sleep 0.2
    kill -KILL $pid
    wait $pid 2>/dev/null
    equal "killed in $verb: half of it is there" yes "$(compgen -G "$AJAIL_HOME/fs/.new~*" >/dev/null && echo yes)"
    equal "killed in $verb: nothing is seen" tiny "$(json 'x["name"]')"
    wait
    if [ "${verb%% *}" = copy ]; then
        "$AJAIL" fs remove tiny
        mv "$here/tiny.kept" "$AJAIL_HOME/fs/tiny"
    fi
    check "the next one" "$AJAIL" fs copy tiny next
    check "the next one goes" "$AJAIL" fs remove next
    equal "killed in $verb: nothing is left" tiny "$(ls -A "$AJAIL_HOME/fs")"
done

refuses 'no verb' 'One of: list, remove, copy, import, export' "$AJAIL" fs
refuses 'an unknown verb' 'no command bogus' "$AJAIL" fs bogus
refuses 'too few names' 'should be ajail fs copy NAME NEW' "$AJAIL" fs copy a
refuses 'an unknown option' 'unknown option --bogus' "$AJAIL" fs list --bogus
matches 'help' 'ajail fs import NEW FILE' "$AJAIL" fs --help
