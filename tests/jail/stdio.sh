#!/bin/bash
# What comes in by descriptors: stdin, stdout and stderr, no more rights than they had, and nothing else.
. "$TESTS/lib.sh"

open_ones() { jail sh -c 'ls /proc/$$/fd; true' 7</ 8<"$HOST_TMP/marker" 9<. 63</etc; }
output 'no other descriptor arrives' $'0\n1\n2' open_ones
for fd in 0 1 2; do
    directory() { eval "\"\$AJAIL\" run --quiet --fs=deb true $fd</" 2>&1; }
    if [ $fd = 2 ]; then
        status "a directory as $fd" 125 directory
    else
        directory() { eval "\"\$AJAIL\" run --quiet --fs=deb true $fd</"; }
        refuses "a directory as $fd" 'directory.* is open as' directory
    fi
done

landlock=$(jail --dry-run | grep -c '^landlock *ABI')
echo kept >in
if [ "$landlock" = 1 ]; then
    for way in 'echo x >/proc/self/fd/0' 'echo x >/dev/stdin' 'echo x >>/proc/self/fd/0' 'echo x 1<>/dev/stdin >&1' \
        'perl -e "truncate(qq(/proc/self/fd/0), 0) or exit 1"' 'exec 5<>/dev/fd/0 && echo x >&5'; do
        for project in --rw --ro; do # it lies in the working directory, which has a rule nearer than that of /
            run_ sh -c '"$AJAIL" run --quiet --fs=deb "$2" sh -c "$1" <in' - "$way" "$project"
            equal "a file open for reading cannot be written with $project by: $way" kept "$(cat in)"
            echo kept >in
        done
    done
    mkdir -p deep/er
    echo kept >deep/er/in
    for project in --rw --ro; do
        run_ sh -c 'cd deep && "$AJAIL" run --quiet --fs=deb "$1" sh -c "truncate -s 0 /proc/self/fd/0; echo x >/dev/stdin" <er/in' - "$project"
        equal "nor one further down, $project" kept "$(cat deep/er/in)"
    done
    check 'by its own name it can be' jail sh -c 'cd deep && echo more >>er/in'
    equal 'and has been' more "$(tail -n 1 deep/er/in)"
    output 'it can be read, and opened again' 'kept kept' sh -c '"$AJAIL" run --quiet --fs=deb sh -c "echo \$(cat) \$(cat /dev/stdin)" <in'
    echo secret >out
    status 'a file open for writing cannot be read' 1 sh -c '"$AJAIL" run --quiet --fs=deb sh -c "cat /proc/self/fd/1 >&2" >>out'
    equal 'it is not' '' "$(grep secret "$ERR")"
    # The machine's root is not mapped, and its file is nobody's that the jail knows.
    [ "$AS" = root ] || check 'one open for writing can be opened again' sh -c '"$AJAIL" run --quiet --fs=deb sh -c "echo again >>/dev/stdout" >>out'
    [ "$AS" = root ] || equal 'it is' again "$(tail -n 1 out)"
else
    skip 'rights of stdio' 'no Landlock in this kernel'
fi

# A pipeline is byte-clean.
head -c 10000000 /dev/urandom >data
sum=$(sha256sum <data)
output 'ten megabytes through' "$sum" sh -c '"$AJAIL" run --quiet --fs=deb cat <data | sha256sum'
output 'through pipes' "$sum" sh -c 'cat data | "$AJAIL" run --fs=deb cat 2>/dev/null | sha256sum'
output 'and tee' "$sum" sh -c 'cat data | "$AJAIL" run --quiet --fs=deb cat | tee copy | sha256sum'
output 'out of stderr' "$sum" sh -c '{ "$AJAIL" run --quiet --fs=deb sh -c "cat >&2" <data 2>&1 >/dev/null; } | sha256sum'
output 'stdout and stderr stay apart' out sh -c '"$AJAIL" run --quiet --fs=deb sh -c "echo out; echo err >&2" 2>/dev/null'
output 'the end of stdin arrives' 0 sh -c '"$AJAIL" run --quiet --fs=deb cat </dev/null | wc -c'
output 'what is left of stdin is left' second sh -c 'printf "first\nsecond\n" >two
    { "$AJAIL" run --quiet --fs=deb head -c 6 >/dev/null; cat; } <two'
output 'a reader that goes away: SIGPIPE' 141 bash -c '"$AJAIL" run --quiet --fs=deb yes | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"'
output 'a background process does not keep the pipe open' 'done' sh -c '"$AJAIL" run --quiet --fs=deb sh -c "sleep 30 & echo done" | cat'
status 'help to a full disk' 125 sh -c '"$AJAIL" --help >/dev/full'
