#!/bin/bash
# ajail apply: what jails have changed gets to the directory itself; what the host has changed, too, stays; nothing is
# seconds: 300
# written anywhere else, whatever a jail or the host has put in the way.
. "$TESTS/lib.sh"
mkdir project
cd project || exit 1
here=$PWD
apply() { "$AJAIL" apply "$@"; }
listed() { "$AJAIL" changes "$@" . | sed "s|$here/||g; s|$here|.|g; s/  *$//"; }
# What it has said last, a line each, without where that is, nor that it is still kept.
said() { sed "s|$here/||g; s|$here|.|g; s/  *$//; / is still kept: /d" "$OUT" "$ERR"; }
keep() { jail --ro --keep="$1" -- sh -e -c "$2"; }
mode() { stat -c %a "$@" | xargs; }

# Everything, and only that.
mkdir -p gone/deep replaced/in closed
for name in modified deleted mode moved 'to link' 'to dir' gone/x gone/deep/y replaced/in/z stays closed/c; do echo "was $name" >"$name"; done
echo script >script
chmod 640 script
touch -d 2020-02-02 stays
ln -s stays link
stays=$(stat -c '%i %Y %Z' stays)
chmod 555 closed
check 'all kinds' keep all 'echo more >>modified; rm deleted; rm -r gone; chmod 600 mode; mv moved there; rm "to link" "to dir" link; ln -s /etc/passwd "to link"
    mkdir "to dir"; echo in >"to dir/in"; ln -s modified link; rm -r replaced; echo file >replaced; mkdir -p new/sub; echo n >new/n; ln new/n new/sub/m; chmod 750 new/sub
    mkfifo -m 640 fifo; touch -d 2001-01-01 old; chmod 755 script; echo x >script; printf x >"$(printf "a\nb\351\033")"; echo c >closed/c; echo d >closed/d; touch stays -r stays; cat stays >/dev/null
    truncate -s 3G sparse; echo end >>sparse'
before=$(find . -printf '%p %i %y %m %s %C@\n' | sort)
check 'a dry run' apply all --dry-run
matches 'tells of everything' '^2[0-9] to be applied, 0 refused$' cat "$OUT"
equal 'and does nothing' "$before" "$(find . -printf '%p %i %y %m %s %C@\n' | sort)"
check 'applied' apply all
matches 'is told' '^[0-9]+ applied, 0 refused$' cat "$OUT"
equal 'content' "$(printf '%s\n' 'was modified' more 'was moved' n n x file in c d)" \
    "$(cat modified there new/n new/sub/m script replaced 'to dir/in' closed/c closed/d)"
equal 'links' '/etc/passwd modified' "$(readlink 'to link') $(readlink link)"
names=(*)
equal 'nothing else' "$(printf 'a\nb\351\033') closed fifo link mode modified new old replaced script sparse stays there to dir to link" "${names[*]}"
equal 'modes' '600 755 750 640 555 644' "$(mode mode script new/sub fifo closed modified)"
equal 'one file' 2 "$(stat -c %h new/n)"
equal 'its time' 2001 "$(date -r old +%Y)"
equal 'holes' yes "$([ "$(stat -c %b sparse)" -lt 1000 ] && [ "$(stat -c %s sparse)" = 3221225476 ] && echo yes)"
equal 'what only was looked at is untouched' "$stays" "$(stat -c '%i %Y %Z' stays)"
output 'nothing differs' 'no changes' listed all
check 'a second time' apply all
equal 'there is nothing to do' '0 applied, 0 refused' "$(said)"
equal 'and how it is removed is told' 'all is still kept: ajail discard all removes it' "$(tail -n 1 "$OUT")"
check 'the next jail' keep all 'echo again >>modified; rm new/sub/m'
check 'is applied as well' apply all
equal 'as it is' 'was modified more again' "$(xargs <modified)"
rm -f sparse

# What the host has changed stays.
mkdir both emptied
for name in a b c d e f both/x emptied/x; do echo "was $name" >"$name"; done
check 'changed in the jail' keep conflict 'for name in a b c d e both/x; do echo jail >>$name; done; rm f; rm -r emptied; echo jail >fresh; mkdir dir; echo x >dir/x; echo ok >ok'
echo host >>a
rm b
ln -sf /etc/hostname c
touch d
chmod 600 e
echo host >f
mv both elsewhere
echo host >emptied/more
echo host >fresh
echo host >dir
status 'refused' 1 apply conflict
cat >../want <<'WANT'
deleted  emptied/x
added    ok
refused  f: changed on the host since the jail ran
refused  emptied/more: what was there when the jail changed it is not known
refused  emptied: there is something in it that the jail did not remove
refused  both: changed on the host since the jail ran
refused  dir: changed on the host since the jail ran
refused  a: changed on the host since the jail ran
refused  b: changed on the host since the jail ran
refused  both/x: the directory that it is in is not there, or is something else
refused  c: changed on the host since the jail ran
refused  d: changed on the host since the jail ran
refused  dir/x: the directory that it is in is not there, or is something else
refused  e: changed on the host since the jail ran
refused  fresh: changed on the host since the jail ran
2 applied, 13 refused
what is refused is as it was: look at it (ajail changes conflict --diff PATH), and copy by hand what you want of it; or put the host's as it was, and apply again
WANT
equal 'each is told' "$(cat ../want)" "$(said)"
equal 'and is as it was' "$(printf '%s\n' 'was a' host 'was d' 'was e' host host host)" "$(cat a d e f fresh dir)"
equal 'nothing is carried over through a link' "$(cat /etc/hostname)" "$(cat c)"
check 'the same done on the host' sh -c 'echo "was a" >a; echo jail >>a'
output 'is no change any more' '' sh -c "'$AJAIL' changes conflict . | grep '/a (' || true"
"$AJAIL" apply conflict --json a ok >../json
equal 'JSON' "conflict False [] 1 [] []" \
    "$(python3 -c 'import json; j = json.load(open("../json")); print(j["name"], j["dry_run"], j["applied"], len(j["already"]), j["left_out"], j["refused"])')"

# A directory that both have made.
check 'the same directory' keep same 'mkdir same; echo x >same/x'
mkdir -m 700 same
status 'of another mode' 1 apply same
equal 'what is in it is carried over, its mode stays' 'x 700' "$(cat same/x) $(mode same)"

# What one that was killed has left is removed, wherever it was; a jail cannot make such a name.
check 'our own name' keep own 'mkdir -p own/deep; echo x >own/deep/.ajail-apply~own; echo y >own/y'
touch .ajail-apply~own
check 'applied' apply own
matches 'left out' 'left out .*/own/deep/.ajail-apply~own: this name is ajail' cat "$OUT"
equal 'removed' y "$(find . -name '.ajail-apply*'; cat own/y)"

# While the jail runs.
echo was >racing
mkfifo "$HOST_TMP/ready"
"$AJAIL" run --quiet --fs=deb --ro --keep=racing -- sh -c 'echo; sleep 1; echo jail >racing' >"$HOST_TMP/ready" &
runs=$!
read -r _ <"$HOST_TMP/ready"
echo host >racing
wait "$runs"
status 'changed meanwhile' 1 apply racing
matches 'is refused' 'racing: changed on the host while the jail ran' cat "$OUT"
equal 'and as the host has it' host "$(cat racing)"

# Some of it.
mkdir some
check 'some' keep some 'echo 1 >some/1; echo 2 >some/2; mkdir -p deep/er; echo 3 >deep/er/3; echo 4 >deep/4'
check 'one path' apply some some/1
equal 'only that' 1 "$(ls some)"
check 'as in the jail, and what leads to it' apply some "$here/deep/er/3"
equal 'only that, too' '3 er' "$(ls deep/er) $(ls deep)"
status 'a path that is in no layer' 1 bash -c "cd / && '$AJAIL' apply some relative"
equal 'is told' 'ajail: apply some: relative is in no layer' "$(cat "$OUT" "$ERR")"
status 'a path where nothing is changed' 1 apply some some/1 some/none
equal 'is told, and nothing else is done' 'ajail: apply some: nothing is changed at some/none' "$(cat "$OUT" "$ERR")"
check 'one that was carried over before' apply some some/1
check 'the rest' apply some
equal 'all' '1 2 3 4' "$(cat some/* deep/er/3 deep/4 | xargs)"

# Links in the way: of the jail's in its layer, of the host's in the directory.
mkdir -p "$HOST_TMP/outside" victim other
echo precious >"$HOST_TMP/outside/file"
echo v >victim/file
echo o >other/file
check 'a directory becomes a link' keep links "rm -r victim; ln -s $HOST_TMP/outside victim; echo evil >other/file; echo evil >other/more; mkdir -p x/y; echo evil >x/y/z"
rm -r other
ln -s "$HOST_TMP/outside" other
ln -s "$HOST_TMP/outside" x
status 'a directory of the host is a link' 1 apply links
equal 'nothing outside' "precious file" "$(cat "$HOST_TMP/outside/file") $(ls "$HOST_TMP/outside")"
equal 'the jail'"'"'s link is a link' "$HOST_TMP/outside" "$(readlink victim)"
check 'through its own link' keep links 'rm victim; mkdir victim; echo evil >victim/file'
rm victim
ln -s "$HOST_TMP/outside" victim
status 'that the host has as well' 1 apply links
equal 'nothing outside' "precious file" "$(cat "$HOST_TMP/outside/file") $(ls "$HOST_TMP/outside")"
rm victim other x
mv "$here" "$here.moved"
ln -s "$HOST_TMP/outside" "$here"
"$AJAIL" apply links >/dev/null 2>&1
equal 'the directory itself is a link' 1 "$?"
equal 'nothing outside' "precious file" "$(cat "$HOST_TMP/outside/file") $(ls "$HOST_TMP/outside")"
rm "$here"
mv "$here.moved" "$here"
cd "$here" || exit 1

# Rights.
check 'set-user-ID' jail --ro --keep=rights -- sh -c 'cp /bin/true setid; chmod 6755 setid; mkdir -p .git/hooks; echo x >.git/hooks/pre-push; echo x >.git/config; echo "plain" >plain'
check 'without it' apply rights
equal 'the mode' 755 "$(mode setid)"
matches 'told' 'left out .*/setid: without its set-user-ID' cat "$OUT"
matches 'git directories are left out' 'left out .*/.git: a git directory: .*name it, or use a workspace' cat "$OUT"
equal 'and not made' '' "$(ls -d .git 2>/dev/null)"
check 'allowed' apply rights --allow-hooks
equal 'then they are' 'x x' "$(cat .git/config .git/hooks/pre-push | xargs)"
check 'directories without permissions' keep shut 'mkdir -p shut/in; echo y >shut/in/y; chmod 0 shut/in shut'
check 'too' apply shut
equal 'mode' 0 "$(mode shut)"
chmod 700 shut
chmod 700 shut/in
equal 'content' y "$(cat shut/in/y)"
check 'attributes' "$AJAIL" run --quiet --fs=host --ro --keep=attributes -- \
    python3 -c 'import os; open("attr", "w"); os.setxattr("attr", "user.a", b"1"); os.setxattr("attr", "user.overlay.opaque", b"y"); os.mkdir("attrdir"); os.setxattr("attrdir", "user.b", b"2")'
check 'are carried over' apply attributes
equal 'but those that overlays heed' "['user.a'] ['user.b']" \
    "$(python3 -c 'import os; print(os.listxattr("attr"), os.listxattr("attrdir"))')"

# What belongs to other ids of the jail's.
if [ "$AS" = user ] && command -v newuidmap >/dev/null && grep -q "^$(id -un):" /etc/subuid; then
    check 'of another id' jail --users=range --ro --keep=range -- sh -ec \
        'echo x >theirs; mkdir -p their/own; echo y >their/own/y; chmod 600 theirs; chmod 700 their; chown -R 33:33 theirs their'
    matches 'is told' 'added .*/their/own/y \(2 bytes\)' "$AJAIL" changes range
    check 'and carried over' apply range
    equal 'to the caller' "x y $(id -un) $(id -un) 600" "$(cat theirs their/own/y | xargs) $(stat -c %U theirs) $(stat -c '%U' their) $(mode theirs)"
    output 'then nothing differs' 'no changes' listed range
else
    skip 'files of subordinate ids' 'there are none, or not as this user'
fi

# Root filesystems, only what is named; and never the host's system.
check 'a root filesystem' sh -c "cp -r '$AJAIL_HOME/fs/deb' '$HOST_TMP/deb' && '$AJAIL' run --quiet --fs='$HOST_TMP/deb' --keep=root -- sh -c 'echo r >/root/r; echo s >/root/s'"
check 'not by itself' apply root
equal 'it is not' '' "$(ls "$HOST_TMP/deb/root")"
check 'named' apply root /root/r
equal 'it is' r "$(ls "$HOST_TMP/deb/root")"
"$AJAIL" run --quiet --fs="$HOST_TMP/deb" -- sleep 60 &
runs=$!
sleep 1
refuses 'in use' 'apply: .*/deb: it is in use' "$AJAIL" apply root /root/s
kill "$runs"
wait "$runs" 2>/dev/null
check 'the host'"'"'s home' "$AJAIL" run --quiet --fs=host --keep=home -- sh -c 'echo x >~/x; echo $HOME >home'
refuses 'is not changed' "apply: $(cat home)/x is in the jail's own home, .* copy it from $AJAIL_HOME/kept/home/layers/[0-9]+.upper/x$" \
    "$AJAIL" apply home "$(cat home)/x"
from=$(sed 's/.* copy it from //' "$ERR")
equal 'and it is where it says' x "$(cat "$from")"
matches 'without a path, it is told' "^$(cat home) was the jail's own home, .* is in ${from%/x}$" "$AJAIL" apply home
refuses 'nor is its system' "apply: /.* is the host's system" "$AJAIL" apply home /
refuses 'nothing of that name' 'apply: nothing is kept as none' "$AJAIL" apply none

# A single file.
echo was >single
check 'a file' jail --hide --ro=single --keep=single -- sh -c "echo is >$here/single"
check 'applied' apply single
equal 'it is' is "$(cat single)"

for name in $("$AJAIL" changes | sed '1d; s/ .*//'); do check "discard $name" "$AJAIL" discard "$name"; done
rmdir "$AJAIL_HOME/kept"
rm -rf "${HOST_TMP:?}"/*
touch "$HOST_TMP/marker"
equal 'no temporary name is left' '' "$(find . -name '.ajail-apply*')"
