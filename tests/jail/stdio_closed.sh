#!/bin/bash
# Started with stdin, stdout or stderr closed: the payload has /dev/null there, never a file of somebody's.
. "$TESTS/lib.sh"

for closed in '' 0 1 2 01 02 12 012; do
    redirect=
    for fd in 0 1 2; do [[ $closed != *$fd* ]] || redirect+=" $fd>&-"; done
    rm -f fds
    # shellcheck disable=SC2016
    ran() { eval "\"\$AJAIL\" run --quiet --fs=deb sh -c 'for f in 0 1 2; do readlink /proc/\$\$/fd/\$f; done >fds; exit 7' $redirect"; }
    status "closed: ${closed:-none}" 7 ran
    equal "closed: ${closed:-none}: three descriptors" 3 "$(wc -l <fds)"
    for fd in 0 1 2; do
        [[ $closed != *$fd* ]] || [ $fd = 1 ] || equal "closed $closed: $fd is /dev/null" /dev/null "$(sed -n $((fd + 1))p fds)"
    done
    # With the status, too: it may not land in a file that was opened as 2.
    loud() { eval "\"\$AJAIL\" run --fs=deb sh -c 'exit 7' $redirect"; }
    status "closed: ${closed:-none}, with the status" 7 loud
    failing() { eval "\"\$AJAIL\" run --fs=nosuch true $redirect"; }
    status "closed: ${closed:-none}, when it fails" 125 failing
done
