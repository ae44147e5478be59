#!/bin/bash
# not: userns
# ajail changes: every path that jails have changed, with what is different, and nothing else.
# seconds: 300
. "$TESTS/lib.sh"
mkdir project
cd project || exit 1
here=$PWD
# The changes of NAME in this directory, a line each, without where that is.
listed() { "$AJAIL" changes "$@" . | sed "s|$here/||g; s|$here|.|g; s/  *$//"; }
# Of the JSON, what the Python expression says about C (a list of changes).
told() {
    "$AJAIL" changes "$1" --json . | python3 -c '
import json, sys
C = {c["path"][len(sys.argv[1]) + 1:]: c for l in json.load(sys.stdin)["layers"] for c in l["changes"]}
print(eval(sys.argv[2]))' "$here" "$2"
}

mkdir -p dir/deep empty opaque/sub typed
for name in same modified deleted mode renamed 'to link' attribute; do echo "$name, as it was" >"$name"; done
echo 1 >dir/deep/1
echo 2 >dir/2
echo 3 >opaque/3
echo 4 >opaque/sub/4
echo 5 >opaque/stays
echo 6 >typed/6
ln -s same link
ln -s same 'renamed link'
ln same linked
setfattr -n user.mine -v was attribute 2>/dev/null || python3 -c 'import os; os.setxattr("attribute", "user.mine", b"was")'

check 'something is changed' jail --ro --keep=none -- touch soon-gone # else nothing is kept
check 'nothing is changed' jail --ro --keep=none -- sh -c 'rm soon-gone; cat same dir/2 >/dev/null; touch same; : >>modified; chmod 700 dir; chmod 755 dir'
output 'no changes' 'no changes' listed none
output 'nor any elsewhere' 'no changes' "$AJAIL" changes none

cat >change <<'SCRIPT'
echo more >>modified
rm deleted
rm -r dir
chmod 600 mode
mv renamed moved
rm "to link"
ln -s nowhere "to link"
ln -sfn other link
mv "renamed link" "moved link"
rm -r opaque
mkdir opaque
echo new >opaque/new
echo 5 >opaque/stays
rm -r typed
echo file >typed
mkdir -p new/sub
echo a >new/a
ln new/a new/b
mkfifo fifo
chmod 600 same
chmod 644 same
printf x >"$(printf 'new\nline')"
printf x >"$(printf 'esc\033[31m')"
printf x >"$(printf 'latin\351')"
printf x >-dash
printf x >'a space'
SCRIPT
check 'all kinds' jail --ro --keep=all -- sh -e ./change
rm change
cat >want <<'WANT'
  deleted  deleted (19 bytes)
  deleted  dir/
  deleted  dir/2 (2 bytes)
  deleted  dir/deep/
  deleted  dir/deep/1 (2 bytes)
  deleted  opaque/3 (2 bytes)
  deleted  opaque/sub/
  deleted  opaque/sub/4 (2 bytes)
  deleted  typed/6 (2 bytes)
  added    -dash (1 bytes)
  added    a space (1 bytes)
  added    esc\x1b[31m (1 bytes)
  added    fifo (fifo)
  added    latin\xe9 (1 bytes)
  modified link (same -> other)
  modified mode (mode 0644 -> 0600)
  modified modified (20 -> 25 bytes)
  renamed  renamed -> moved (19 bytes)
  renamed  renamed link -> moved link (-> same)
  added    new/
  added    new/a (2 bytes)
  added    new/b (2 bytes, the same file as new/a)
  added    new/sub/
  added    new\x0aline (1 bytes)
  added    opaque/new (4 bytes)
  modified to link (file -> symlink, -> nowhere)
  modified typed (directory -> file, 5 bytes)
WANT
mv want ../want
output 'all of them, deletions first' "$(grep -v '^$' ../want)" listed all
output 'as JSON' True told all 'len(C) == 27'
output 'sizes' '20 25' told all 'str(C["modified"]["before"]["size"]) + " " + str(C["modified"]["after"]["size"])'
output 'what has changed' "['content'] ['mode'] ['target'] ['type']" told all \
    '" ".join(str(C[n]["changed"]) for n in ("modified", "mode", "link", "typed"))'
output 'where it was' True told all 'C["moved"]["kind"] == "renamed" and C["moved"]["from"].endswith("/renamed")'
output 'one file' True told all 'C["new/b"]["link_to"].endswith("/new/a") and "link_to" not in C["new/a"]'
output 'names are bytes' True told all 'all(n in C for n in ("new\\x0aline", "esc\\x1b[31m", "latin\\xe9"))'
output "one path" "  modified modified (20 -> 25 bytes)" \
    sh -c "'$AJAIL' changes all modified | sed 's|$here/||'"
output 'the same, as in the jail' 4 sh -c "'$AJAIL' changes all '$here/new' | grep -c added"
refuses 'no such name' 'nothing is kept as nobody' "$AJAIL" changes nobody

output 'differences' "$(printf '%s\n' '  modified modified (20 -> 25 bytes)' '--- modified' '+++ modified' '@@ -1 +1,2 @@' \
    ' modified, as it was' '+more')" sh -c "'$AJAIL' changes all --diff modified | sed 's|$here/||'"
output 'of what is deleted' '-2' sh -c "'$AJAIL' changes all --diff dir/2 | tail -n 1"
check 'a binary, and text that a terminal would act on' jail --ro --keep=text -- \
    sh -c 'printf "a\0b" >binary; printf "\033[31mred\tx\\n" >text'
matches 'a binary is named' 'Binary files differ: .*/binary' "$AJAIL" changes text --diff binary
output 'text is escaped, but for tabs' "$(printf '+\\x1b[31mred\tx')" sh -c "'$AJAIL' changes text --diff text | tail -n 1"

# On a terminal: colours, and a pager.
on_terminal() { python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' env TERM=xterm "$@" </dev/null | tr -d '\r'; }
matches 'deleted lines are red' "$(printf '^\033\\[31m-2\033\\[m$')" on_terminal PAGER=cat "$AJAIL" changes all --diff dir/2
matches 'not with NO_COLOR' '^-2$' on_terminal PAGER=cat NO_COLOR=1 "$AJAIL" changes all --diff dir/2
matches 'by the pager' '^paged .*-2' on_terminal PAGER='sed s/^/paged\ /' NO_COLOR=1 "$AJAIL" changes all --diff dir/2
matches 'a pager that ends early' '^early$' on_terminal GIT_PAGER='echo early' "$AJAIL" changes all --diff

# Extended attributes, also those that overlays would heed.
cat >attributes.py <<'PY'
import os
os.setxattr("attribute", "user.mine", b"is")
os.setxattr("attribute", "user.more", b"")
os.setxattr("attribute", "user.overlay.opaque", b"y")
PY
check 'attributes' "$AJAIL" run --quiet --fs=host --ro --keep=attributes -- python3 attributes.py
output 'are told' "['user.mine', 'user.more', 'user.overlay.opaque']" told attributes 'C["attribute"]["attributes"]'
rm attributes.py

# Files, the root filesystem, the home.
echo x >single
check 'a file, and elsewhere' jail --hide --ro=single --keep=single -- sh -c "echo y >>$here/single; echo r >/root/r; rm /etc/debian_version"
output 'that file only' '  modified single (2 -> 4 bytes)' sh -c "'$AJAIL' changes single $here/single | sed 's|$here/||'"
matches 'the root filesystem' '^  deleted  /etc/debian_version' "$AJAIL" changes single
matches 'the root filesystem' '^  added    /root/r \(2 bytes\)' "$AJAIL" changes single
output 'and nothing else' 3 sh -c "'$AJAIL' changes single | grep -c ."
check 'the host'"'"'s system' jail --fs=host --keep=host -- sh -c 'echo x >~/mine'
matches 'the home' 'added .*/mine \(2 bytes\)' "$AJAIL" changes host

# Directories without permissions.
mkdir closed
echo x >closed/x
check 'closed by the jail' jail --ro --keep=closed -- sh -c 'mkdir -p shut/in; echo y >shut/in/y; chmod 0 shut/in shut; echo z >closed/z; chmod 0 closed'
output 'are looked into' "$(printf '%s\n' '  modified closed/ (mode 0755 -> 0000)' '  added    closed/z (2 bytes)' '  added    shut/' \
    '  added    shut/in/' '  added    shut/in/y (2 bytes)')" listed closed

# What the host runs.
check 'a hook' jail --ro --keep=hook -- sh -c 'mkdir -p .git/hooks; echo x >.git/hooks/post-checkout; echo x >plain'
matches 'is marked' '^! added .*/.git/hooks/post-checkout' "$AJAIL" changes hook
output 'in JSON, too' 'True False' told hook 'str(C[".git/hooks/post-checkout"]["host_runs"]) + " " + str(C["plain"]["host_runs"])'

# Git directories are counted, but for what the host runs, and unless they are asked for.
mkdir -p .git/objects/aa
for name in HEAD index objects/aa/1; do echo was >.git/$name; done
check 'in a git directory' jail --ro --keep=git -- sh -ec 'for i in 1 2 3; do echo $i >.git/objects/$i; done; echo x >.git/HEAD; echo x >.git/index
    rm .git/objects/aa/1; mkdir .git/hooks; echo x >.git/hooks/post-checkout; mkdir -p sub/.git; echo x >sub/.git/x; echo x >sub/y'
output 'are counted' "$(printf '%s\n' '* inside   .git/ (1 deleted, 3 added, 2 modified)' '! added    .git/hooks/' '! added    .git/hooks/post-checkout (2 bytes)' \
    '  added    sub/' '! added    sub/.git/' '* inside   sub/.git/ (1 added)' '  added    sub/y (2 bytes)')" sh -c "'$AJAIL' changes git . | sed 's|$here/||; /^\* what\|^! programs/d'"
output 'how to see them is told once' 1 sh -c "'$AJAIL' changes git | grep -c '^\* what is inside .* all of it: ajail changes NAME PATH'"
output 'and what the mark means, last' 1 sh -c "'$AJAIL' changes git | tail -n 1 | grep -c '^! programs of the host run'"
output 'asked for' "$(printf '%s\n' '  deleted  .git/objects/aa/1 (4 bytes)' '  modified .git/HEAD (4 -> 2 bytes)')" sh -c "'$AJAIL' changes git .git | sed 's|$here/||' | head -n 2"
output 'a part' 4 sh -c "'$AJAIL' changes git .git/objects | grep -c /objects/"
output 'JSON has it all' 12 told git 'len(C)'
rm -r .git

# Differences of what is new or gone need no diff, and look the same.
cat >texts.py <<'PY'
open("new", "w").write("1\n2\n"); open("one", "w").write("1\n"); open("none", "w"); open("tail", "w").write("1\n2")
open("long", "w").write("x" * 70000 + "\n-\n+\n"); open("holes", "w").write("text\n"); open("holes", "r+").truncate(1 << 40); open("line", "w").write("y" * (3 << 20))
PY
check 'texts' "$AJAIL" run --quiet --fs=host --ro --keep=texts -- python3 texts.py
rm texts.py
for name in new one none tail long; do
    output "$name, as diff would show it" "$("$AJAIL" run --quiet --fs=deb --ro --keep=texts -- cat $name | diff -u /dev/null - | tail -n +3)" \
        sh -c "PATH=/nowhere '$AJAIL' changes texts --diff $name | /usr/bin/tail -n +4"
done
for name in holes line; do matches "$name is no text" "^Binary files differ: .*/$name\$" timeout 10 "$AJAIL" changes texts --diff $name; done
output 'what is gone' "$(printf '%s\n' '--- PATH' '+++ /dev/null' '@@ -1 +0,0 @@' -2)" \
    sh -c "PATH=/nowhere '$AJAIL' changes all --diff dir/2 | /usr/bin/tail -n +2 | /usr/bin/sed 's|^--- .*/dir/2|--- PATH|'"
matches 'what is changed does' 'there is no diff on this machine' env PATH=/nowhere "$AJAIL" changes all --diff modified

status 'a path where nothing is changed' 1 "$AJAIL" changes all modified nothing
equal 'is told' 'ajail: changes all: nothing is changed at nothing' "$(cat "$OUT" "$ERR")"
status 'below what was deleted' 1 "$AJAIL" changes all dir/none
output 'something that was' 1 sh -c "'$AJAIL' changes all dir/deep/1 | grep -c ."
status 'in no layer' 1 bash -c "cd / && '$AJAIL' changes all nothing"

check 'deeper than can be looked at' jail --ro --keep=deep -- \
    sh -c 'echo x >beside; for i in $(seq 1200); do mkdir d && cd d || exit 1; done'
status 'is an error' 125 "$AJAIL" changes deep
matches 'that is told' 'changes: .*/d/d/d: File name too long' cat "$ERR"
"$AJAIL" changes deep >../out 2>/dev/null
matches 'after all that can be' 'added .*/beside' cat ../out

# While it is used.
mkfifo "$HOST_TMP/ready"
"$AJAIL" run --quiet --fs=deb --ro --keep=used -- sh -c 'echo x >used; echo; exec sleep 60' >"$HOST_TMP/ready" &
holder=$!
read -r _ <"$HOST_TMP/ready"
matches 'told' "used is in use by pid $holder: what follows may change" "$AJAIL" changes used
matches 'and shown' 'added .*/used' "$AJAIL" changes used
kill "$holder"
wait "$holder" 2>/dev/null
output 'what is kept, with a head' 'NAME MADE CHANGES OF' sh -c "'$AJAIL' changes | head -n 1 | xargs"
output 'each' 'all' sh -c "'$AJAIL' changes | sed -n 's/^\(all\) .*/\1/p'"
output 'as JSON' True sh -c "'$AJAIL' changes --json | python3 -c 'import json, sys; print(\"all\" in [k[\"name\"] for k in json.load(sys.stdin)])'"

# Very many.
many=30000
! sanitized || many=2000
check 'many files' jail --ro --keep=many -- sh -c 'mkdir many; cd many; seq 1 "$1" | split -l 1 -a 5 - f' sh $many
start=$(date +%s)
output 'all of them' $((many + 1)) sh -c "'$AJAIL' changes many . | grep -c many"
took=$(($(date +%s) - start))
if [ "$took" -le 20 ]; then pass_; else fail_ 'in a few seconds' '20 at most' "$took"; fi

chmod 755 closed
for name in $("$AJAIL" changes | sed '1d; s/ .*//'); do check "discard $name" "$AJAIL" discard "$name"; done
rmdir "$AJAIL_HOME/kept" # made by the first
