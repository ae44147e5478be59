#!/bin/bash
# Catalogue A: processes of the host, init, descriptors, the working directory, stdio.
# shellcheck source=tests/attack/common.bash
. "$TESTS/attack/common.bash"

# A host process of the same user, with a word in its arguments.
word=ajail-victim-$$
./probe victim "$word" >ready &
victim=$!
until_ready ready

allowed 'host process found' ./probe find "$word"
blocked 'host process found' jail -- ./probe find "$word"
both 'host process signalled' signal "$victim"
both 'host process traced' trace "$victim"
both 'host process, magic links' magic "$victim"
both 'host process, words' words "$victim"
blocked 'host process traced with capabilities' strong -- ./probe trace "$victim"
blocked 'host process, magic links with capabilities' strong -- ./probe magic "$victim"

# Init (CVE-2016-8659 is this class): nothing of it can be looked into, not even with CAP_SYS_PTRACE. Controls are
# the probes above, and a process of the jail's own.
for how in jail strong; do
    blocked "init traced ($how)" $how -- ./probe trace 1
    blocked "init, magic links ($how)" $how -- ./probe magic 1
    AJAIL_TEST_SECRET=$word blocked "init, environment and arguments ($how)" $how --env "X=$word" -- ./probe words 1
    blocked "init, its arguments in /proc ($how)" $how --env "X=$word" -- ./probe find "$word"
done
allowed 'a process of the jail traced' jail -- sh -c './probe victim >/dev/null & ./probe trace $!'
AJAIL_TEST_SECRET=$word allowed 'environment of the launcher' ./probe words $$
output 'environment, from nothing' 0 jail -- sh -c 'env | grep -c AJAIL_; true'
# timeout says 124 if TERM has ended it, 137 if KILL had to.
status 'init hears the monitor, however many it has to reap' 124 timeout -k 5 1 "$AJAIL" run --quiet --fs=deb ./probe storm

# CVE-2024-21626, CVE-2016-8649: descriptors and the working directory.
allowed 'leaked descriptors' bash -c 'exec 3</ 77</etc/passwd 200</tmp; exec ./probe fds'
blocked 'leaked descriptors' bash -c 'exec 3</ 77</etc/passwd 200</tmp; "$@"' - "$AJAIL" run --quiet --fs=deb ./probe fds
blocked 'leaked descriptors with a second user namespace' \
    bash -c 'exec 3</ 77</etc/passwd 200</tmp; "$@"' - "$AJAIL" run --quiet --fs=deb --cap-add=SYS_ADMIN ./probe fds
blocked 'descriptors of a terminal jail' script -qec "'$AJAIL' run --quiet --fs=deb ./probe fds" /dev/null
for fd in 0 1 2; do
    status "a directory as descriptor $fd" 125 bash -c "exec $fd</; exec \"\$@\"" - "$AJAIL" run --quiet --fs=deb true
done
# O_PATH gives no right to read, but /proc/self/fd would make one of it.
cat >opath.py <<'P'
import os, sys
fd = os.open(sys.argv[1], os.O_PATH)
os.dup2(fd, 0)
os.execv(sys.argv[2], sys.argv[2:])
P
echo private >private
chmod 600 private
run_ python3 opath.py "$PWD/private" "$AJAIL" run --quiet --fs=deb --hide -- sh -c 'cat <&0; cat /proc/self/fd/0; true'
equal 'an O_PATH descriptor as stdin' '' "$(cat "$OUT")"

printf 'input\n' >input
chmod 600 input

blocked 'stdin opened again' bash -c '"$@" <input' - "$AJAIL" run --quiet --fs=deb -- ./probe stdin
equal "stdin's content afterwards" input "$(cat input)"
# With CAP_SYS_ADMIN Landlock cannot stand in the way; then the plan must own up to it.
matches 'stdin opened again, with CAP_SYS_ADMIN' '^given up +Landlock' jail --cap-add=SYS_ADMIN --dry-run -- true
allowed 'stdin opened again' bash -c './probe stdin <input'
printf 'log\n' >log
chmod 600 log
mkdir -p result
jail -- ./probe stdout result/out >>log
blocked 'stdout opened again' cat result/out
./probe stdout result/out >>log
allowed 'stdout opened again' cat result/out

# A descriptor brings the right to change the inode along, which no mount of the jail's is asked about.
allowed 'mode and times of stdin' bash -c './probe stdin-inode <input'
skip 'mode and times of stdin' 'later: a file as stdin goes in through a read-only mount of its own'

mkdir -p deep/er
allowed 'the working directory as a way out' ./probe root "$MARKER"
blocked 'the working directory as a way out' bash -c 'cd deep/er && "$@"' - "$AJAIL" run --quiet --fs=deb \
    "--mount=$PWD/probe,/tmp/probe" -- /tmp/probe root "$MARKER"

# The runtime's own file (CVE-2019-5736): the caller's, and so writable for the jail's root if it could be reached.
before=$(sha256sum <"$AJAIL")
blocked "the runtime's own file" jail -- ./probe magic 1
for link in /proc/1/exe /proc/self/exe; do jail -- sh -c "echo x >> $link" 2>/dev/null; done
equal "the runtime's own file afterwards" "$before" "$(sha256sum <"$AJAIL")"

kill "$victim"
