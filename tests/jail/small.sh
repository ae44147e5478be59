#!/bin/bash
# What monitor and init hold while a payload runs: the descriptors that they need, and little memory.
. "$TESTS/lib.sh"

"$AJAIL" run --quiet --fs=deb sleep 60 </dev/null &
monitor=$!
# The descriptors of process $1 but stderr, the caller's.
kinds() {
    local fd
    for fd in "/proc/$1/fd/"*; do
        [ "${fd##*/}" = 2 ] || readlink "$fd" | sed "s/:\[[0-9]*\]$//; s|^$AJAIL_HOME/fs/deb$|root|; s|^$PWD$|project|
            s|^$AJAIL_HOME/running$|running|; s|^$AJAIL_HOME/running/#[0-9]* (deleted)$|note|"
    done | LC_ALL=C sort | tr '\n' ' '
}
of_the_file() { awk '/^RssFile:/ { print $2 }' "/proc/$1/status"; }
anonymous() { awk '/^RssAnon:/ { print $2 }' "/proc/$1/status"; }
want='anon_inode:[pidfd] anon_inode:[signalfd] anon_inode:[signalfd] anon_inode:[signalfd] anon_inode:inotify mnt note project root running socket socket '
for _ in $(seq 50); do # they do it once they have been idle for a while
    sleep 0.1
    [ "$(kinds "$monitor")" != "$want" ] || break
done
sleep 0.3
init=$(pgrep -P "$monitor" -x ajail-init)
equal 'descriptors of the monitor' "$want" "$(kinds "$monitor")"
# Who is not dumpable shows them to nobody but root.
[ "$AS" != root ] ||
    equal 'descriptors of init' '/proc anon_inode:[signalfd] anon_inode:seccomp notify socket ' "$(kinds "$init")"
if ! sanitized; then
    for who in monitor init; do
        kilobytes=$(anonymous "${!who}")
        check "memory of $who: $kilobytes KiB" test "$kilobytes" -lt 160
    done
    kilobytes=$(of_the_file "$monitor")
    check "code of monitor: $kilobytes KiB" test "$kilobytes" -lt 1000 # init looks at the jail's memory now and then
fi
kill "$monitor"
status 'the end' 143 wait "$monitor"
