#!/bin/bash
# One static file, small.
. "$TESTS/lib.sh"

if sanitized; then
    skip 'static' 'this one is built with sanitizers'
    exit 0
fi
matches 'static' 'not a dynamic executable|statically linked' ldd "$AJAIL"
check 'under 4 MiB' test "$(stat -c %s "$AJAIL")" -lt $((4 << 20))
check 'stripped' sh -c '! readelf -S "$1" 2>/dev/null | grep -q "\.symtab"' - "$AJAIL"
cp "$AJAIL" 'a name with spaces'
output 'under any name' 0 ./'a name with spaces' run --quiet --fs=deb id -u
output 'through a link' 0 sh -c 'ln -s "$AJAIL" link && ./link --quiet --fs=deb id -u'
