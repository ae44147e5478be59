#!/bin/bash
# Init under a storm, descriptors that leaked into ajail itself, stdio that would be a door, the runtime's own file.
# shellcheck source=tests/attack/common.bash
. "$TESTS/attack/common.bash"

# More orphans than init can reap.
storm='for i in 1 2 3 4 5 6; do while :; do (: & : &); done & done; wait'
# timeout says 124 if TERM has ended it, 137 if KILL had to.
status 'init hears the monitor, however many it has to reap' 124 timeout -k 5 1 "$AJAIL" run --quiet --fs=deb sh -c "$storm"

# CVE-2024-21626, CVE-2016-8649: descriptors and the working directory.
allowed 'leaked descriptors' bash -c 'exec 3</ 77</etc/passwd 200</tmp; exec ./probe leaked-fds'
blocked 'leaked descriptors' bash -c 'exec 3</ 77</etc/passwd 200</tmp; "$@"' - "$AJAIL" run --quiet --fs=deb ./probe leaked-fds
blocked 'leaked descriptors with a second user namespace' \
    bash -c 'exec 3</ 77</etc/passwd 200</tmp; "$@"' - "$AJAIL" run --quiet --fs=deb --cap-add=SYS_ADMIN ./probe leaked-fds
blocked 'descriptors of a terminal jail' script -qec "'$AJAIL' run --quiet --fs=deb ./probe leaked-fds" /dev/null
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

# With CAP_SYS_ADMIN Landlock cannot stand in the way of opening stdin again; then the plan must own up to it.
matches 'stdin opened again, with CAP_SYS_ADMIN' '^given up +Landlock' jail --cap-add=SYS_ADMIN --dry-run -- true

# The runtime's own file (CVE-2019-5736): the caller's, and so writable for the jail's root if it could be reached.
before=$(sha256sum <"$AJAIL")
for link in /proc/1/exe /proc/self/exe; do jail -- sh -c "echo x >> $link" 2>/dev/null; done
equal "the runtime's own file afterwards" "$before" "$(sha256sum <"$AJAIL")"
