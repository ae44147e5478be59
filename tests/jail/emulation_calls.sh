#!/bin/bash
# The root emulation, call by call: who a task is told to be, and what is really done.
# not: root
# seconds: 480
. "$TESTS/lib.sh"

"${CC:-cc}" -static -O1 -pthread -o probe "$TESTS/jail/emulation_probe.c" || exit 1
holds() { check "$1" jail timeout 200 ./probe "$1"; }

# Who one is, and what cannot be undone
for probe in fresh dropped saved groups keepcaps keepcaps-off capabilities pointers undumpable slack; do holds $probe; done
# Who inherits it
for probe in child orphan forked-before threads libc exec-saved exec-unasked; do holds $probe; done
# Files
for probe in nodes owners; do holds $probe; done
mkdir "$HOST_TMP/closed"
cat >hand_in.py <<'P'
import os, socket, subprocess, sys
outer, inner = socket.socketpair()
socket.send_fds(outer, [b"x"], [os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)])
sys.exit(subprocess.run([os.environ["AJAIL"], "run", "--quiet", "--fs=deb", "./probe", "not-granted"], stdin=inner).returncode)
P
check 'nothing is made where nothing was granted' /usr/bin/python3 hand_in.py "$HOST_TMP/closed"
equal 'nor is it there' '' "$(find "$HOST_TMP" -name planted)"
check 'a whiteout is really made where the file system does' jail sh -c 'cd /dev/shm && mknod w c 0 0 && stat -c %F:%t:%T w'
equal 'it is one' 'character special file:0:0' "$(cat "$OUT")"
# Whatever askers do, init answers the others and the jail ends as it should
for probe in killed frozen many-threads exec-while-asked storm memory many-identities signals; do holds $probe; done
status 'a payload that ends while others ask' 7 jail sh -c 'for i in 1 2 3 4; do ./probe storm & done; sleep 0.1; exit 7'

check 'without it the kernel answers' jail --no-root-emulation ./probe unemulated
output 'the cost can be measured' 4 sh -c '"$AJAIL" run --quiet --fs=deb ./probe cost | tee /dev/stderr | wc -w'
