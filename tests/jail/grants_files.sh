#!/bin/bash
# Files work wherever directories do.
. "$TESTS/lib.sh"

fill() { for name in ro rol rw hide; do echo "$name" >"$name"; done; }
fill
other=$PWD/../file.$$
echo other >"$other"
append() { jail "$@" sh -c 'for f in ro rol rw; do echo x >>$f; done 2>/dev/null; echo $(cat ro rol rw hide)'; }
output 'one of each' 'ro x rol rw x' append --ro=ro --rol=rol --rw=rw --hide=hide
equal 'only rw has changed' 'ro rol rw x hide ' "$(cat ro rol rw hide | tr '\n' ' ')"
fill
output 'in a read-only directory' 'ro x rol rw x' append --rol --ro=ro --rw=rw --hide=hide
equal 'only rw has changed' 'ro rol rw x hide ' "$(cat ro rol rw hide | tr '\n' ' ')"
fill
denied 'a hidden file cannot be written' jail --hide=hide sh -c 'echo x >hide'
output 'a hidden file is a file' 'regular empty file' jail --hide=hide stat -c %F hide
denied 'a hidden file cannot be removed' jail --hide=hide rm -f hide
equal 'it is as it was' hide "$(cat hide)"
output '--ro of a file: its neighbours are not in it' other jail --ro="$other" cat "$other"
check 'not there' jail --ro="$other" sh -c "[ \"\$(ls $(dirname "$other") | wc -l)\" -le 2 ]"
check '--rw of a file outside' jail --rw="$other" sh -c "echo more >>'$other'"
equal 'stays' 'other more ' "$(tr '\n' ' ' <"$other")"
output '--mount of a file' 'other' jail --mount="$other,/etc/a/b/c" head -n 1 /etc/a/b/c
output '--mount of a file over one' 'other' jail --mount="$other,/etc/passwd,rol" head -n 1 /etc/passwd
chmod 640 rw
output 'the mode is kept' 640 jail --ro=rw stat -c %a rw
printf '#!/bin/sh\necho ran\n' >tool
chmod 755 tool
output 'a program' ran jail --mount=tool,/usr/local/bin/tool,rol tool
output 'a program, ephemeral' ran jail --ro=tool ./tool
refuses 'a directory over a file' 'both be (directories|files)' jail --mount="$PWD,/etc/passwd" true
refuses 'a file over a directory' 'both be (directories|files)' jail --mount=ro,/usr true
mkfifo fifo
output 'a FIFO' through sh -c '(echo through >fifo &); "$AJAIL" run --quiet --fs=deb --rw=fifo cat fifo'
check 'a device' jail --dev=/dev/null sh -c 'echo x >/dev/null'
output 'a device with --dev, elsewhere' 2 jail --mount=/dev/zero,/srv/zero,dev sh -c 'head -c 2 /srv/zero | wc -c'
output 'a device without --dev does not work' '' sh -c '"$AJAIL" run --quiet --fs=deb --mount=/dev/zero,/srv/zero,rw head -c 2 /srv/zero; true'
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'
output 'a socket' 'socket' jail --rw=sock stat -c %F sock
rm -f "$other"
