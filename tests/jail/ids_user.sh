#!/bin/bash
# Files of an ordinary user's jail: one id, the caller's.
# not: root
. "$TESTS/lib.sh"

output 'one id is mapped' "0 $(id -u) 1" jail sh -c 'set -- $(cat /proc/self/uid_map); echo "$*"'
check 'files are the caller'"'"'s' jail touch made
equal 'they are' "$(id -u):$(id -g)" "$(stat -c %u:%g made)"
output 'and look like root'"'"'s inside' 0:0 jail stat -c %u:%g made
check 'root can do what root does to its own files' jail sh -c 'mkdir -p /srv/d && chmod 000 /srv/d && touch /srv/d/x && rm -r /srv/d'
status 'what others own stays closed' 1 jail --rol=/etc/shadow cat /etc/shadow
