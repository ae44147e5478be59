#!/bin/bash
# Never with rights that the caller has not.
# only: root
. "$TESTS/lib.sh"

if sanitized; then
    skip 'set-user-ID' 'sanitizers have something to say first'
    exit 0
fi
dir=$(mktemp -d /var/tmp/ajail-setuid.XXXXXX)
chmod 755 "$dir"
trap 'rm -rf "$dir"; tally_' EXIT
as_nobody() { (cd / && setpriv --reuid 65534 --regid 65534 --clear-groups "$@"); }
install -m 755 "$AJAIL" "$dir/ajail"
matches 'as it is' '^ajail' as_nobody "$dir/ajail" --version
chmod 4755 "$dir/ajail"
refuses 'set-user-ID' 'set-user-ID' as_nobody "$dir/ajail" --version
chmod 2755 "$dir/ajail"
refuses 'set-group-ID' 'set-user-ID' as_nobody "$dir/ajail" --version
chmod 755 "$dir/ajail"
if command -v setcap >/dev/null && setcap cap_sys_admin+ep "$dir/ajail" 2>/dev/null; then
    refuses 'file capabilities' 'file capabilities' as_nobody "$dir/ajail" --version
else
    skip 'file capabilities' 'no setcap, or not on this file system'
fi
