#!/bin/bash
# --user: the payload is somebody of the root filesystem.
# not: userns
. "$TESTS/lib.sh"

output 'one id is called by that name' 'uid=33(www-data) gid=33(www-data)' sh -c \
    '"$AJAIL" run --quiet --fs=deb --user=www-data id | cut -d " " -f 1,2'
output 'by number' '33:33' jail --user=33 sh -c 'echo $(id -u):$(id -g)'
output 'with a group' '33:60' jail --user=33:60 sh -c 'echo $(id -u):$(id -g)'
output 'a name with a group' '33:60' jail --user=www-data:60 sh -c 'echo $(id -u):$(id -g)'
output 'a number that nobody has is its own group' '4321:4321' jail --user=4321 sh -c 'echo $(id -u):$(id -g)'
output 'HOME, USER and SHELL are from the account' '/var/www www-data /usr/sbin/nologin' \
    jail --user=www-data sh -c 'echo $HOME $USER $SHELL'
output 'HOME without an account is /' '/ 4321 /bin/sh' jail --user=4321 sh -c 'echo $HOME $USER $SHELL'
output '--env wins' /tmp jail --user=www-data --env HOME=/tmp sh -c 'echo $HOME'
output 'root is root' '0 /root root' jail --user=root sh -c 'echo $(id -u) $HOME $USER'
output 'no capabilities' '0000000000000000' jail --user=www-data sh -c 'sed -n "s/^CapPrm:.//p" /proc/self/status'
output 'but those that are asked for' '0000000000000400' jail --user=www-data --cap-add=NET_BIND_SERVICE \
    sh -c 'sed -n "s/^CapPrm:.//p" /proc/self/status'
check 'init can signal it' sh -c '
    "$AJAIL" run --quiet --fs=deb --user=www-data sh -c "touch up; sleep 60" & sleep 1
    kill -TERM $!; wait $!; test $? = 143'
rm -f up
terminal() { # OPTION...
    script -qec "$AJAIL run --quiet --fs=deb $* --user=www-data sh -c 'stat -c %u /dev/pts/0; : </dev/pts/0 >/dev/pts/0'" \
        /dev/null </dev/null | tr -cd 0-9
}
equal 'its terminal is its own' 33 "$(terminal)"

refuses 'no such user' 'no user nosuch in the /etc/passwd of deb' jail --user=nosuch true
refuses 'no such number' '--user=4294967295: should be' jail --user=4294967295 true
refuses 'no such group' '--user=33:x: should be' jail --user=33:x true
refuses "nobody else with the host's own programs" "the host's own programs" \
    "$AJAIL" run --quiet --fs=host --user=4321 true
check 'but oneself' "$AJAIL" run --quiet --fs=host --user="$(id -un)" true

# A root filesystem whose files of users are traps: never a way out, never waited for.
mkdir -p trap/etc
cp -a "$AJAIL_HOME"/fs/deb/etc/group trap/etc/
ln -s /etc/../../../../../../../etc/passwd trap/etc/passwd
refuses 'a link that leads out' 'Too many levels|no user root' "$AJAIL" run --quiet --fs="$PWD/trap" --user=root true
rm trap/etc/passwd && mkfifo trap/etc/passwd
refuses 'a FIFO' '/etc/passwd' timeout 10 "$AJAIL" run --quiet --fs="$PWD/trap" --user=root true
rm trap/etc/passwd && truncate -s 1G trap/etc/passwd
refuses 'a huge file' '/etc/passwd' "$AJAIL" run --quiet --fs="$PWD/trap" --user=root true
rm trap/etc/passwd
refuses 'no file' 'no user root' "$AJAIL" run --quiet --fs="$PWD/trap" --user=root true
printf 'e:x:1:1::/\033]0;x\a:/bin/sh\n' >trap/etc/passwd
output 'escape sequences in an account are shown as such' 0 sh -c \
    '"$AJAIL" run --fs="$PWD/trap" --user=e --dry-run | LC_ALL=C grep -c "$(printf "\033")" || :'
rm -r trap

me=$(id -un)
if [ "$(id -u)" != 0 ]; then
    if ! command -v newuidmap >/dev/null || ! grep -q "^$me:" /etc/subuid; then
        skip 'with a range' "no newuidmap, or no subordinate ids of $me"
        exit
    fi
    set -- --users=range
fi
mkdir own && chmod 777 own
output 'really that user, with its groups' 'uid=33(www-data) gid=33(www-data) groups=33(www-data)' \
    jail "$@" --user=www-data id
output 'no capabilities at all' '0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000' \
    jail "$@" --user=www-data sh -c 'echo $(sed -n "s/^Cap...:.//p" /proc/self/status)'
output 'root is another' denied jail "$@" --user=www-data sh -c 'touch /etc/x 2>/dev/null || echo denied'
output 'no way back' denied jail "$@" --user=www-data sh -c 'setpriv --reuid 0 true 2>/dev/null || echo denied'
output 'ambient capabilities' '0000000000000400' jail "$@" --user=www-data --cap-add=NET_BIND_SERVICE \
    sh -c 'sed -n "s/^CapAmb:.//p" /proc/self/status'
check 'init can signal it, too' sh -c '
    "$AJAIL" run --quiet --fs=deb "$@" --user=www-data sh -c "sleep 60" & sleep 1
    kill -TERM $!; wait $!; test $? = 143' sh "$@"
output 'it cannot signal init' denied jail "$@" --user=www-data sh -c 'kill -9 1 2>/dev/null || echo denied'
equal 'its terminal is its own, too' 33 "$(terminal "$@")"
refuses 'an id that the jail has not' 'uid 70000 is none of the' jail "$@" --user=70000 true
