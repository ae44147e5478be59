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
# shellcheck disable=SC2016
matches 'empty files count, too' 'No space left on device' \
    jail --scratch=tmpfs:16m -- perl -e 'for (1 .. 20000) { open my $file, ">", "/tmp/$_" or die "$!\n" }'
# shellcheck disable=SC2016
check 'but not before the space is used up' \
    jail --scratch=tmpfs:64m -- perl -e 'for (1 .. 12000) { open my $file, ">", "/tmp/$_" or die "$!\n"; print $file "x" }'
output 'and the jail goes on' on jail --scratch=tmpfs:16m -- sh -c "$(declare -f fill); fill >/dev/null; echo on"
check 'a size that is enough' jail --scratch=tmpfs:64m -- sh -c "$(declare -f fill); fill"
for place in /tmp /run /dev /dev/shm /root; do
    matches "$place counts, too" 'No space left on device' \
        jail --scratch=tmpfs:16m -- dd if=/dev/zero "of=$place/big" bs=1M count=40
done
matches 'all of them together' 'No space left on device' jail --scratch=tmpfs:64m -- \
    sh -c 'for dir in /tmp /var /dev/shm; do head -c 30m /dev/zero >$dir/big || exit; done'
for bad in tmpfs: tmpfs:0 tmpfs:16 tmpfs:x tmpfs:-1 tmpfs:5q tmpfs:101% tmpfs:1mm tmpfs:00; do
    refuses "size $bad" 'SIZE as 500m' "$AJAIL" run --fs=deb "--scratch=$bad" true
done

if [ "$AS" != root ] && unshare -Urm true 2>/dev/null; then
    # shellcheck disable=SC2016
    refuses 'a full disk' '--scratch(=.*: No space left on device| is full, /)' unshare -Urm sh -c \
        'mount -t tmpfs -o nr_inodes=20 tmpfs "$1" && exec "$AJAIL" run --quiet --fs=deb --scratch="$1" true' - "$disk"
    refuses 'full a little later' '--scratch is full, /' unshare -Urm sh -c \
        'mount -t tmpfs -o size=4k tmpfs "$1" && exec "$AJAIL" run --quiet --fs=deb --scratch="$1" true' - "$disk"
fi
output 'on disk' yes jail "--scratch=$disk" -- sh -c 'echo yes >/var/x; cat /var/x'
equal 'removed afterwards' 0 "$(left)"
check 'what nobody may enter is, too' jail "--scratch=$disk" -- sh -c 'mkdir -p /var/a/b && echo x >/var/a/b/c && rm -r /usr/share/doc && chmod 0 /var/a/b /var/a'
equal 'all of it' 0 "$(left)"
check 'a relative path' jail --scratch=../disk --ro -- sh -c 'echo x >file'
equal 'removed, too' '0 ' "$(left) $(ls -A)"
status 'the exit status' 7 jail "--scratch=$disk" -- sh -c 'exit 7'
refuses 'what the jail may write' 'scratch=inner is in .*, where the jail may write' \
    "$AJAIL" run --fs=deb --scratch=inner true
ln -s "$PWD" "$disk/link"
refuses 'by another name, too' 'is in .*, where the jail may write' "$AJAIL" run --fs=deb --scratch="$disk/link" true
rm "$disk/link"
refuses 'a directory that is none' 'scratch=.*: No such file' "$AJAIL" run --quiet --fs=deb --scratch=../none true
check 'the plan touches nothing' jail "--scratch=$disk" --dry-run true
equal 'nothing is made for it' 0 "$(left)"
if [ "$(id -u)" != 0 ]; then
    output 'nobody else can look' 1700 bash -c "'$AJAIL' run --quiet --fs=deb --scratch='$disk' sleep 3 & sleep 1; stat -c %a '$disk'/.ajail~*; wait"
fi

# Killed: the jail is gone at once, its files with the next one.
mkfifo "$HOST_TMP/ready"
killed() { # OPTION...: a jail with files of several kinds, killed with its whole process group
    setsid "$AJAIL" run --quiet --fs=deb "--scratch=$disk" "$@" -- sh -c '
        mkdir -p /var/a/b; touch /var/a/b/c; chown 33:33 /var/a/b; chmod 0 /var/a; echo; exec sleep 60' >"$HOST_TMP/ready" &
    read -r _ <"$HOST_TMP/ready"
    kill -KILL -$!
    wait $! 2>/dev/null
    equal "killed: it is still there ($*)" 1 "$(find "$disk" -mindepth 1 -maxdepth 1 | wc -l)"
}
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

# Others may write to the directory, and rename what is ours there. Only what was made for a jail is removed.
mkdir "$disk/precious" "$disk/kept"
touch "$disk/precious/file" "$disk/kept/file"
mv "$disk/precious" "$disk/.ajail~aaaaaaaa"
check 'something else of that name' jail "--scratch=$disk" true
check 'is left alone' test -e "$disk/.ajail~aaaaaaaa/file"
mkdir "$disk/locked"
ln -s "$disk/kept" "$disk/.ajail~bbbbbbbb"
chmod 0 "$disk/locked"
mv "$disk/locked" "$disk/.ajail~cccccccc"
check 'and what cannot be opened' jail "--scratch=$disk" true
equal 'so, too' 'yes 0' "$([ -L "$disk/.ajail~bbbbbbbb" ] && echo yes) $(stat -c %a "$disk/.ajail~cccccccc")"
rm -r "$disk/.ajail~aaaaaaaa" "$disk/.ajail~bbbbbbbb" "$disk/.ajail~cccccccc"
"$AJAIL" run --quiet --fs=deb "--scratch=$disk" sh -c 'echo; exec sleep 2' >"$HOST_TMP/ready" &
read -r _ <"$HOST_TMP/ready"
name=$(cd "$disk" && find . -maxdepth 1 -name '.ajail~????????')
mv "$disk/$name" "$disk/away"
mv "$disk/kept" "$disk/$name"
wait $!
equal 'swapped while the jail runs: its own is emptied, not the other' 'file 0' \
    "$(ls "$disk/$name") $(find "$disk/away" -mindepth 1 | wc -l)"
rm -r "$disk/away" "${disk:?}/$name" "$AJAIL_HOME/scratch"

rmdir "$disk/.ajail~mine" "$disk/.x~12345678"
killed
check 'the next one, which has its scratch elsewhere' jail true
equal 'has removed it' 0 "$(left)"
killed
check 'the next command of another kind' "$AJAIL" fs list
equal 'has removed it, too' 0 "$(left)"
equal 'and nobody remembers' 'no' "$([ -e "$AJAIL_HOME/scratch" ] && echo yes || echo no)"

# A list that somebody else could have written to: only our own names, never through a link.
mkdir -p "$AJAIL_HOME/scratch" precious/.ajail~deadbeef "$disk/.ajail~11111111"
touch precious/file precious/.ajail~deadbeef/file
ln -s "$PWD/precious" "$AJAIL_HOME/scratch/.ajail~aaaaaaaa"
ln -s "$PWD/precious/file" "$AJAIL_HOME/scratch/.ajail~bbbbbbbb"
ln -s "$PWD/precious/.ajail~deadbeef" "$AJAIL_HOME/scratch/.ajail~cccccccc"
ln -s /nowhere/.ajail~dddddddd "$AJAIL_HOME/scratch/.ajail~dddddddd"
check 'a list with strange entries' jail true
equal 'leads nowhere' 'precious precious/.ajail~deadbeef precious/.ajail~deadbeef/file precious/file' \
    "$(find precious | sort | xargs)"
equal 'what is gone is forgotten' '.ajail~aaaaaaaa .ajail~bbbbbbbb .ajail~cccccccc' "$(cd "$AJAIL_HOME/scratch" && echo .[!.]*)"
rm -r "$AJAIL_HOME/scratch" "$disk/.ajail~11111111"

if [ "$(id -u)" = 0 ] || ! "$AJAIL" run --quiet --fs=deb --users=range true 2>/dev/null; then
    skip 'files of subordinate ids' 'no range of them here'
else
    others='mkdir -p /var/a/b/c; touch /var/a/b/f; chown -R 33:33 /var/a; chmod 700 /var/a/b; chmod 1777 /var/a/b/c; touch /var/a/b/c/x; chown 34 /var/a/b/c/x'
    check 'files of other users' jail --users=range "--scratch=$disk" -- sh -c "$others"
    equal 'are removed' 0 "$(left)"
    killed --users=range
    # A program that is set-user-ID gains nothing here, and the jail needs none.
    check 'who cannot remove them runs all the same' setpriv --no-new-privs "$AJAIL" run --quiet --fs=deb true
    equal 'and leaves them' 1 "$(find "$disk" -mindepth 1 -maxdepth 1 | wc -l)"
    check 'after a kill, the next one' jail true
    equal 'removes them' 0 "$(left)"
    check 'a copy of the root filesystem' "$AJAIL" fs copy deb deb-scratch
    check 'with files of other users' "$AJAIL" run --quiet --fs=deb-scratch --fs-edit --users=range -- sh -c "$others"
    check 'can be copied' "$AJAIL" fs copy deb-scratch deb-scratch2
    output 'with them' '33 34' "$AJAIL" run --quiet --fs=deb-scratch2 --users=range -- \
        sh -c 'stat -c %u /var/a/b/f /var/a/b/c/x | xargs'
    packed() { "$AJAIL" fs export deb-scratch | tar -tv --numeric-owner; }
    matches 'and exported' '^-.* 34/0 .*var/a/b/c/x$' packed
    check 'and removed' "$AJAIL" fs remove deb-scratch deb-scratch2
fi

# Less memory than the machine has: a full scratch is ENOSPC all the same, and nobody is killed.
group=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)/ajail-test-$$ limit=memory.limit_in_bytes
[ -d "${group%/*}" ] && [ -f "${group%/*}/$limit" ] ||
    group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/ajail-test-$$ limit=memory.max
if ! mkdir "$group" 2>/dev/null || ! [ -f "$group/$limit" ]; then
    rmdir "$group" 2>/dev/null
    skip 'a limit of memory' 'no memory cgroup that this user may make'
else
    echo 128M >"$group/$limit"
    limited() {
        echo "$BASHPID" >"$group/cgroup.procs"
        "$AJAIL" run --quiet --fs=deb -- sh -c 'for dir in /tmp /var /dev/shm; do head -c 200m /dev/zero >$dir/big; done; echo on'
    }
    limited_apart() { (limited); }
    matches 'a limit of memory: full is full' 'No space left on device' limited_apart
    output 'and the jail goes on' on limited_apart
    rmdir "$group"
fi
