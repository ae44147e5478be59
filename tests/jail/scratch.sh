#!/bin/bash
# --scratch: where what is thrown away is kept meanwhile. It is full when it is full, and gone when the jail is.
. "$TESTS/lib.sh"
mkdir disk project
disk=$PWD/disk
cd project || exit 1
left() { find "$disk" -mindepth 1 | wc -l; }
fill() { dd if=/dev/zero of=/var/big bs=1M count=40 2>&1; }

output 'in memory, as always' yes jail --scratch=tmpfs -- sh -c 'echo yes >/var/x; cat /var/x'
matches 'a size: full is full' 'No space left on device' jail --scratch=tmpfs:16m -- sh -c "$(declare -f fill); fill"
output 'and the jail goes on' on jail --scratch=tmpfs:16m -- sh -c "$(declare -f fill); fill >/dev/null; echo on"
check 'a size that is enough' jail --scratch=tmpfs:64m -- sh -c "$(declare -f fill); fill"
for bad in tmpfs: tmpfs:0 tmpfs:x tmpfs:-1 tmpfs:5q tmpfs:101% tmpfs:1mm tmpfs:00; do
    refuses "size $bad" 'SIZE as 500m' "$AJAIL" run --fs=deb "--scratch=$bad" true
done

output 'on disk' yes jail "--scratch=$disk" -- sh -c 'echo yes >/var/x; cat /var/x'
equal 'removed afterwards' 0 "$(left)"
check 'what nobody may enter is, too' jail "--scratch=$disk" -- sh -c 'mkdir -p /var/a/b && echo x >/var/a/b/c && rm -r /usr/share/doc && chmod 0 /var/a/b /var/a'
equal 'all of it' 0 "$(left)"
check 'a relative path' jail --scratch=../disk --ro -- sh -c 'echo x >file'
equal 'removed, too' '0 ' "$(left) $(ls -A)"
status 'the exit status' 7 jail "--scratch=$disk" -- sh -c 'exit 7'
refuses 'a directory that is none' 'scratch=.*: No such file' "$AJAIL" run --quiet --fs=deb --scratch=none true
check 'the plan touches nothing' jail "--scratch=$disk" --dry-run true
equal 'nothing is made for it' 0 "$(left)"
if [ "$(id -u)" != 0 ]; then
    output 'nobody else can look' 700 bash -c "'$AJAIL' run --quiet --fs=deb --scratch='$disk' sleep 3 & sleep 1; stat -c %a '$disk'/.ajail~*; wait"
fi

# Killed: the jail is gone at once, its files with the next one.
mkfifo "$HOST_TMP/ready"
setsid "$AJAIL" run --quiet --fs=deb "--scratch=$disk" -- sh -c 'mkdir -p /var/a/b; chmod 0 /var/a; echo; exec sleep 60' >"$HOST_TMP/ready" &
read -r _ <"$HOST_TMP/ready"
check 'another at the same time' jail "--scratch=$disk" true
check 'leaves the first alone' test -d "$(echo "$disk"/.ajail~*)"
kill -KILL $!
wait $! 2>/dev/null
equal 'killed: it is still there' 1 "$(find "$disk" -mindepth 1 -maxdepth 1 | wc -l)"
mkdir "$disk/.ajail~mine" "$disk/.x~12345678"
check 'the next one' jail "--scratch=$disk" true
equal 'has removed it, and nothing else' '.ajail~mine .x~12345678' "$(cd "$disk" && echo .[!.]*)"
