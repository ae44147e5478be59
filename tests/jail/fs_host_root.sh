#!/bin/bash
# --fs=host, started by real root: root-looking, and nobody outside.
# only: root
. "$TESTS/lib.sh"

host() { AJAIL_HOME=/nonexistent/store "$AJAIL" run --quiet --fs=host "$@"; }
output 'uid' 0 host id -u
output 'name' root host id -un
output 'the home holds nothing but the way to the project' .cache host ls -A /root
output 'nobody outside' '1879048192' host awk 'NR == 1 { print $2 }' /proc/self/uid_map
secret() { install -m 600 /dev/null /etc/ajail-test-secret && host cat /etc/ajail-test-secret; }
status 'what only root may read, it may not' 1 secret
rm -f /etc/ajail-test-secret
check 'files made in the project are root'"'"'s' host touch made
equal 'they are' 0 "$(stat -c %u made)"
