#!/bin/bash
# The current directory, at the same path: --rw (default) --ro --rol --hide --dev.
. "$TESTS/lib.sh"

reset() {
    rm -rf ./* .h
    mkdir sub
    echo old >f
    echo old >sub/f
    echo h >.h
}
state() { find . -mindepth 1 -printf '%P %y %m\n' | sort | tr '\n' ';'; cat f sub/f 2>/dev/null; }
change() { "$@" sh -c 'echo new >n; echo new >f; rm -r sub; mkdir d; cat f; test -e n -a -d d -a ! -e sub'; }
reset
before=$(state)

output 'it is at the same path' "$PWD" jail pwd
output 'the default is rw' new change jail
equal 'changes are real' 'new new' "$(cat f n | tr '\n' ' ' | sed 's/ $//')"
reset
output '--rw' new change jail --rw
equal 'changes are real' 'new new' "$(cat f n | tr '\n' ' ' | sed 's/ $//')"
reset
output '--ro' new change jail --ro
equal 'changes are thrown away' "$before" "$(state)"
output '--rol' old jail --rol sh -c 'touch n 2>/dev/null; echo x 2>/dev/null >f; rm -f sub/f 2>/dev/null; mkdir d 2>/dev/null; cat f sub/f | uniq'
equal 'no changes' "$before" "$(state)"
matches '--rol says so' 'Read-only file system' jail --rol touch n
output '--hide' '' jail --hide ls -A
output '--hide can be written to' x jail --hide sh -c 'echo x >f; cat f'
equal 'and forgets' "$before" "$(state)"
output '--hide: still the place to start in' "$PWD" jail --hide pwd
output '--dev' new change jail --dev
equal 'changes are real' 'new new' "$(cat f n | tr '\n' ' ' | sed 's/ $//')"
reset
output 'the last one counts' no jail --rw --ro --rol sh -c 'touch n 2>/dev/null && echo yes || echo no'
check 'the last one counts' jail --rol --rw touch n
check 'it does' test -e n
check 'nothing of the directory above' jail sh -c '[ "$(ls -A ..)" = "$(basename "$PWD")" ]'
output 'a program in it runs' ran sh -c 'printf "#!/bin/sh\necho ran\n" >p; chmod +x p; "$AJAIL" run --quiet --fs=deb ./p'
mkdir -p deep/er
output 'from a directory deeper' "$PWD/deep/er" sh -c 'cd deep/er && "$AJAIL" run --quiet --fs=deb pwd'

# Within a mount of the jail's own, /tmp, below which the current directory is: it is one file system on both sides.
mkdir "$HOST_TMP/here"
output 'linking and renaming beside it' 'a b' sh -c 'cd "$HOST_TMP/here" && "$AJAIL" run --quiet --fs=deb sh -ec "
    cd /tmp && mkdir n && echo a >n/a && echo b >b
    ln n/a ${HOST_TMP#/tmp/}/linked
    perl -e \"rename q(b), q(${HOST_TMP#/tmp/}/renamed) or die qq(\$!)\"
    echo \$(cat ${HOST_TMP#/tmp/}/linked ${HOST_TMP#/tmp/}/renamed)"'
