#!/bin/bash
# Exit statuses: the command's own, 128+n, 126, 127, 125.
. "$TESTS/lib.sh"

for code in 0 1 42 125 126 127 255; do status "exit $code" $code jail sh -c "exit $code"; done
for signal in KILL TERM HUP SEGV; do
    status "death by $signal" $((128 + $(kill -l $signal))) jail sh -c "kill -$signal \$\$; sleep 5"
    equal "death by $signal says nothing" '' "$(cat "$ERR")"
done

status 'not found in PATH' 127 jail nosuch-command
matches 'is said' '^ajail: nosuch-command: .*not found' jail nosuch-command
status 'no such file' 127 jail /no/such/file
status 'a file as a directory' 127 jail /etc/passwd/x
status 'an empty name' 127 jail ''
status 'not executable' 126 jail /etc/passwd
status 'a directory' 126 jail /etc
printf '\x7fELFbroken' >broken
printf '#!/no/such/interpreter\n' >lost
printf 'echo "plain $0 $1"\n' >plain
printf '#!/bin/sh\necho shebang "$1"\n' >shebang
: >empty
chmod +x broken lost plain shebang empty
status 'an interpreter that is missing' 127 jail ./lost
output 'a script' 'shebang a' jail ./shebang a
output 'a script without #!' 'plain ./plain a' jail ./plain a
output 'an empty script' '' jail ./empty
touch readable
status 'without x' 126 jail ./readable
# The first that can be executed is taken, one that cannot does not end the search: as execvp(3).
mkdir -p early late
printf '#!/bin/sh\necho late\n' >late/tool
cp late/tool early/tool
chmod 755 late/tool
output 'one without x is passed over' late jail --env=PATH="$PWD/early:$PWD/late:/bin" tool
status 'but remembered' 126 jail --env=PATH="$PWD/early:/bin" tool
mkdir early/dir
status 'a directory of that name is none' 127 jail --env=PATH="$PWD/nothing:/bin" dir-that-is-not
# What is there and cannot be executed is not what is missing, and of what is missing none ends the search.
in_path() { jail --env=PATH="$PWD/readable:$PWD/nothing:$PWD/early:$PWD/late" "$@"; }
for name in unlike dirlike dangling; do cp late/tool "late/$name"; done
cp lost early/unlike
mkdir early/dirlike
ln -s nothing early/dangling
output 'a file is no directory of PATH, one without its interpreter not what is looked for' late in_path unlike
output 'nor is a directory' late in_path dirlike
output 'or a link to nothing' late in_path dangling
cp lost early/lost
status 'the only one, without its interpreter' 127 in_path lost
mkdir early/only
status 'the only one is a directory' 126 in_path only
status 'missing everywhere' 127 in_path missing
status 'the last entry is no directory' 127 jail --env=PATH="$PWD/late:$PWD/readable" missing
cp plain late/plain
output 'a script without #!, by the path at which it was found' "plain $PWD/late/plain a" in_path plain a
ln -s loop early/loop
cp late/tool late/loop
status 'a link to itself ends the search' 126 in_path loop
cp /bin/true early/busy
cp late/tool late/busy
exec 9>>early/busy
status 'so does what is written to' 126 in_path busy
exec 9>&-
refuses 'ajail itself fails' 'ajail: ' jail --ro=nothing true
