#!/bin/bash
# --fs=host: the host's programs, your own uid, gid and name, an empty home, no store needed.
# not: root
. "$TESTS/lib.sh"

host() { AJAIL_HOME=/nonexistent/store "$AJAIL" run --quiet --fs=host "$@"; }
output 'own uid' "$(id -u)" host id -u
output 'own gid' "$(id -g)" host id -g
output 'own name' "$(id -un)" host id -un
output 'USER' "$(id -un)" host sh -c 'echo "$USER"'
output 'HOME' "$HOME" host sh -c 'echo "$HOME"'
check 'the home can be written' host sh -c 'echo x >"$HOME/x"'
check 'and is thrown away' test ! -e "$HOME/x"
output 'the home holds nothing but the way to the project' "$(cut -d/ -f1 <<<"${PWD#"$HOME"/}")" host sh -c 'ls -A "$HOME"'
check 'the host'"'"'s programs' host sh -c 'command -v dpkg && ls / >/dev/null'
check '/usr can be written, for the time being' host sh -c 'echo x >/usr/ajail-test-x 2>/dev/null || [ "$(id -u)" != 0 ]'
check 'nothing of it stays' test ! -e /usr/ajail-test-x
output '/var and /root are not there' '' host sh -c 'ls -A /root /srv /home/* 2>/dev/null | grep -v "^/home\|^$\|^.cache$"; ls /var/log /var/lib 2>/dev/null; true'
check '/tmp is its own' host test ! -e "$HOST_TMP"
output 'no capabilities' 0000000000000000 host awk '/^CapEff/ { print $2 }' /proc/self/status
output 'none in the bounding set' 0000000000000000 host awk '/^CapBnd/ { print $2 }' /proc/self/status
check 'files made in the project are the caller'"'"'s' host touch made
equal 'they are' "$(id -u)" "$(stat -c %u made)"
output 'a name for an id that nobody knows' 'somebody 4242' unshare -U --map-user=4242 --map-group=4242 \
    env USER=somebody AJAIL_HOME=/nonexistent/store "$AJAIL" run --quiet --fs=host sh -c 'echo "$(id -un) $(id -u)"'

# Without --fs and without any root filesystem it is the default, and said.
default() { AJAIL_HOME=/nonexistent/store "$AJAIL" run "$@"; }
output 'the default while there is none' "$(id -u)" default id -u
check 'is said' grep -q 'no root filesystem yet.*ajail mkfs' "$ERR"
check 'no store is made' test ! -e /nonexistent
refuses 'a named one is not replaced by it' 'no root filesystem deb' sh -c \
    'AJAIL_HOME=/nonexistent/store "$AJAIL" run --fs=deb true'
output 'with a network of its own' lo host --no-net sh -c "sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev"
output 'the kinds of the current directory' no host --rol sh -c 'touch y 2>/dev/null && echo yes || echo no'
