#!/bin/bash
# What a caller may have changed about itself: signals, limits, umask.
. "$TESTS/lib.sh"
# The leak checker is a process of its own, and cannot be where `ulimit -u` forbids one.
[ -z "${ASAN_OPTIONS:-}" ] || export ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0"

with_python() { /usr/bin/python3 -c "import os, signal, sys; $1; os.execv(sys.argv[1], sys.argv[1:])" "$AJAIL" run --quiet --fs=deb "${@:2}"; }
status 'SIGCHLD ignored' 5 with_python 'signal.signal(signal.SIGCHLD, signal.SIG_IGN)' sh -c 'sh -c "exit 5"; exit $?'
status 'SIGCHLD ignored, killed' 137 with_python 'signal.signal(signal.SIGCHLD, signal.SIG_IGN)' sh -c 'kill -9 $$'
output 'SIGCHLD is not ignored inside' 0 with_python 'signal.signal(signal.SIGCHLD, signal.SIG_IGN)' \
    sh -c 'i=$(awk "/^SigIgn/ { print \$2 }" /proc/self/status); echo $((0x$i >> 16 & 1))'
status 'SIGCHLD blocked' 5 with_python 'signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])' sh -c 'exit 5'
status 'everything blocked' 5 with_python 'signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))' sh -c 'exit 5'
output 'the mask is the caller'"'"'s' 4200 with_python 'signal.pthread_sigmask(signal.SIG_BLOCK, [10, 15])' \
    sh -c 'awk "/^SigBlk/ { print \$2 }" /proc/self/status | tail -c 5'
output 'and none, if it has none' 0000000000000000 jail awk '/^SigBlk/ { print $2 }' /proc/self/status
status 'SIGPIPE ignored' 5 with_python 'signal.signal(signal.SIGPIPE, signal.SIG_IGN)' sh -c 'exit 5'

for mask in 000 022 027 077; do
    made() { (umask "$mask" && jail sh -c "rm -f made; touch made; umask"); }
    output "umask $mask" 0$mask made
    equal "umask $mask: files" "$(printf %o $((0666 & ~0$mask)))" "$(stat -c %a made)"
done
fixed() { (umask 077 && jail --ro --mount=.,/x/y/z sh -c 'stat -c %a / /tmp /run /x /x/y /dev /dev/shm | tr "\n" " "'); }
output 'the jail'"'"'s own directories do not depend on it' "$(stat -c %a "$AJAIL_HOME/fs/deb") 1777 755 755 755 755 1777 " fixed

# limited LIMIT VALUE: works, or says in one line why not
limited() {
    run_ bash -c "ulimit -$1 $2 && exec \"\$AJAIL\" run --quiet --fs=deb sh -c 'exit 5'"
    if [ "$STATUS" = 5 ]; then pass_; else
        refuses "ulimit -$1 $2" '^ajail: ' bash -c "ulimit -$1 $2 && exec \"\$AJAIL\" run --quiet --fs=deb true"
    fi
}
few='3 4 5 6 8'
! sanitized || few= # the sanitizers need some themselves
for n in $few 12 16 20 32; do limited n "$n"; done
for n in 0 1 8; do # without files of the test's own: stderr counts, too
    # shellcheck disable=SC2016
    equal "ulimit -f $n" 1 "$(bash -c 'ulimit -f '$n' && exec "$AJAIL" run --quiet --fs=deb echo ran' 2>&1 | grep -cE '^(ran|ajail: .*)$')"
done
limited u 1
limited s 256
limited c 0
status 'thirty-two descriptors are enough' 0 bash -c 'ulimit -n 32 && "$AJAIL" run --quiet --fs=deb true'
output 'limits stay' 77 bash -c 'ulimit -n 77 && "$AJAIL" run --quiet --fs=deb sh -c "ulimit -n"'
output 'nice stays' 5 nice -n 5 "$AJAIL" run --quiet --fs=deb nice
output 'a session of its own' yes jail sh -c 'read -r _ _ _ _ _ sid _ </proc/self/stat; [ "$sid" = 0 ] && echo no || echo yes'
