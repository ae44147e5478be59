#!/bin/bash
# --keep: what would be thrown away stays under a name, and is there again for the next jail of that name.
. "$TESTS/lib.sh"
mkdir project
cd project || exit 1
echo one >file
mkdir sub
echo below >sub/below
kept=$AJAIL_HOME/kept
state() { find . -printf '%p %y %m %s %T@ %C@\n' | sort; }
before=$(state)

check 'changed inside' jail --ro --keep=first -- sh -c 'echo two >file; echo new >new; rm -r sub; ln new linked; ln -s new link; echo r >/root/r; echo v >/var/v; chmod 0 /var/v'
equal 'nothing outside' "$before" "$(state)"
output 'there again' 'two new new r v' jail --ro --keep=first -- sh -c 'chmod 600 /var/v; echo $(cat file new link /root/r /var/v)'
output 'what was removed is not' 'file link linked new' jail --ro --keep=first -- sh -c 'echo $(ls)'
output 'hard links still are' 2 jail --ro --keep=first -- stat -c %h new
output 'not without the name' one jail --ro -- cat file
output 'nor by another name' one jail --ro --keep=other -- cat file
matches 'told, and how to go on' 'kept as first .*ajail discard first' "$AJAIL" run --fs=deb --ro --keep=first -- true
equal 'nothing outside, still' "$before" "$(state)"
status 'the exit status' 7 jail --ro --keep=first -- sh -c 'exit 7'

output 'a file' changed sh -c "'$AJAIL' run --quiet --fs=deb --hide --ro=file --keep=file -- sh -c 'echo changed >$PWD/file'; '$AJAIL' run --quiet --fs=deb --hide --ro=file --keep=file -- cat $PWD/file"
check 'the host as root filesystem' jail --fs=host --keep=host -- sh -c 'echo home >~/x'
output 'keeps the home' home jail --fs=host --keep=host -- sh -c 'cat ~/x'
output 'what is given to write is written' real sh -c "'$AJAIL' run --quiet --fs=deb --keep=first --rw -- sh -c 'echo real >real'; cat real; rm real"
equal 'and nothing left but what was there' "$(cut -d' ' -f1-4 <<<"$before")" "$(state | cut -d' ' -f1-4)"

# A name that ajail makes up.
check 'without a name' jail --ro --keep -- sh -c 'echo three >file'
output 'the directory'"'"'s, and a number' three jail --ro --keep=project-1 -- cat file
check 'the next is another' jail --ro --keep -- sh -c 'echo four >file'
equal 'another' yes "$([ -d "$kept/project-2" ] && echo yes)"

# Where nothing has changed a new one does not stay; one that was there does.
matches 'nothing has changed' 'nothing has changed, and nothing is kept as nothing' "$AJAIL" run --fs=deb --ro --keep=nothing -- ls
status 'nothing has run' 127 jail --ro --keep=nothing -- no-such-program
refuses 'nothing could start' 'no-such-directory' jail --ro --keep=nothing --mount=/etc,/proc/no-such-directory,rol -- true
equal 'nothing is kept' no "$([ -e "$kept/nothing" ] && echo yes || echo no)"
check 'a mode is a change' jail --ro --keep=mode -- chmod 700 .
check 'nothing more' jail --ro --keep=mode -- true
output 'which stays' 700 jail --ro --keep=mode -- stat -c %a .
matches 'what --disk says is not of it' 'warning: --disk .*without a limit' "$AJAIL" run --quiet --fs=deb --ro --keep=mode --disk=500m -- true
equal 'nor is it said for nothing' '' "$("$AJAIL" run --quiet --fs=deb --ro --disk=500m -- true 2>&1)"

# Two layers for the same files would each be a part of what was changed.
check 'from a directory' jail --ro --keep=above -- sh -c 'echo above >sub/below'
refuses 'not from one in it' 'keep=above: it has changes of .*/project, which .*/project/sub is in' \
    bash -c 'cd sub && "$0" run --quiet --fs=deb --ro --keep=above true' "$AJAIL"
refuses 'nor with that mounted in it' 'keep=above: it has changes of .*/project, which .*/project/sub is in' \
    jail --ro --ro=sub --keep=above -- true
check 'from one in it' bash -c 'cd sub && "$0" run --quiet --fs=deb --ro --keep=inner -- sh -c "echo inner >below"' "$AJAIL"
refuses 'not from above that' 'keep=inner: it has changes of .*/project/sub, which is in .*/project;' jail --ro --keep=inner -- true
output 'but with it' inner jail --ro --ro=sub --keep=inner -- cat sub/below
output 'or with something else there' below jail --ro --rol=sub --keep=inner -- cat sub/below
check 'both in one run' jail --ro --ro=sub --keep=both -- sh -c 'echo b >sub/below; echo a >file'
output 'and again' 'a b' jail --ro --ro=sub --keep=both -- sh -c 'echo $(cat file sub/below)'
refuses 'not one of them, above the other' 'keep=both: it has changes of .*/project/sub' jail --ro --keep=both -- true
output 'the inner one alone' b bash -c 'cd sub && "$0" run --quiet --fs=deb --ro --keep=both -- cat below' "$AJAIL"
check 'not kept any more' "$AJAIL" discard above inner both mode

refuses 'another directory by the same name' 'keep=first: what it has for / was made above .*, not ' \
    bash -c "cp -r '$AJAIL_HOME/fs/deb' '$HOST_TMP/copy' && '$AJAIL' run --quiet --fs='$HOST_TMP/copy' --keep=first true"
rm -rf "$HOST_TMP/copy"
for bad in ../x a/b .x -x '' "$(printf '%065d' 1)"; do
    refuses "the name '$bad'" 'keep=' "$AJAIL" run --quiet --fs=deb "--keep=$bad" true
done
refuses 'within reach of the jail' 'later jails run, and ajail apply takes' \
    bash -c "cd '$AJAIL_HOME' && '$AJAIL' run --quiet --fs=deb --keep=first true"
refuses 'below a layer' 'keep=.*kept is in .*, which is below one of its layers' \
    bash -c "cd '$AJAIL_HOME' && '$AJAIL' run --quiet --fs=deb --ro --keep=first true"
refuses 'and nothing is made for what is refused' 'fs=none|no root filesystem' "$AJAIL" run --quiet --fs=none --ro --keep=none true
refuses 'nor later' 'keep=none: .*kept is in' bash -c "cd '$AJAIL_HOME' && '$AJAIL' run --quiet --fs=deb --ro --keep=none true"
equal 'nothing' no "$([ -e "$kept/none" ] && echo yes || echo no)"

# One at a time.
mkfifo "$HOST_TMP/ready"
"$AJAIL" run --quiet --fs=deb --ro --keep=first -- sh -c 'echo; exec sleep 60' >"$HOST_TMP/ready" &
holder=$!
read -r _ <"$HOST_TMP/ready"
refuses 'a second jail' "keep=first: first is in use by pid $holder" "$AJAIL" run --quiet --fs=deb --ro --keep=first true
refuses 'nor is it discarded' "discard: first is in use by pid $holder" "$AJAIL" discard first
kill -KILL "$holder"
wait "$holder" 2>/dev/null
output 'there again after it was killed' two jail --ro --keep=first -- cat file

before=$(find "$kept" -name work -prune -o -print | sort)
check 'the plan' jail --ro --keep=first --dry-run true
matches 'tells of it' 'kept in .*kept/first/layers|^kept +in .*/kept/first/layers' jail --ro --keep=first --dry-run true
check 'also of a new one' jail --ro --keep=none --dry-run true
equal 'and makes nothing' "$before" "$(find "$kept" -name work -prune -o -print | sort)"

mode() { stat -c %a "$@"; }
equal 'nobody else looks into it' '700 700' "$(mode "$kept" | xargs) $(mode "$kept/first")"
refuses 'discard what is not there' 'discard: nothing is kept as none' "$AJAIL" discard none
check 'directories without permissions' jail --ro --keep=first -- sh -c 'mkdir -p /var/a/b; echo x >/var/a/b/c; chmod 0 /var/a/b /var/a'
printf '{' >"$kept/first/manifest.json"
refuses 'a manifest that cannot be read' 'manifest.json cannot be read' "$AJAIL" run --quiet --fs=deb --ro --keep=first true
check 'discarded all the same' "$AJAIL" discard first file host project-1 project-2
equal 'nothing is left' '' "$(ls -A "$kept")"
rmdir "$kept"
