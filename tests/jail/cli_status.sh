#!/bin/bash
# The status block: on stderr, coloured on a terminal only, not with --quiet, and stdout is the payload's alone.
. "$TESTS/lib.sh"

touch out
loud() { "$AJAIL" run --fs=deb "$@"; }
output 'stdout is the payload'"'"'s alone' payload loud echo payload
said=$(cat "$ERR")
for line in "ajail deb in $PWD" 'Networking: enabled' 'Mounts:' "  $PWD -> $PWD \(rw\)" 'Starting\.\.\.'; do
    check "the status has: $line" grep -qE "^$line$" <<<"$said"
done
equal 'no colours without a terminal' '' "$(tr -d '[:print:]\n' <<<"$said")"
matches 'what is granted' " -> /o \(rol\)" loud --ro --mount=out,/o,rol --no-net --cap-add=CAP_NET_ADMIN true
matches 'the network' 'Networking: disabled' loud --no-net true
matches 'capabilities' 'Caps: CAP_NET_ADMIN' loud --cap-add=CAP_NET_ADMIN true
check '--quiet' jail true
equal '--quiet is quiet' '' "$(cat "$OUT" "$ERR")"
check '--verbose' loud --quiet --verbose true
check '--verbose tells of the mounts' grep -q 'mount\[1\] proc' "$ERR"
equal 'and not on stdout' '' "$(cat "$OUT")"

mkdir $'odd\e[31m\nname'
check 'odd names' loud --rol=$'odd\e[31m\nname' true
check 'are escaped' grep -qF 'odd\x1b[31m\x0aname' "$ERR"
equal 'all of them' '' "$(tr -d '[:print:]\n' <"$ERR")"

on_terminal() { script -qec "$*" /dev/null </dev/null; }
if command -v script >/dev/null; then
    check 'on a terminal' on_terminal "'$AJAIL' run --fs=deb true"
    check 'it has colours' grep -q $'\e\[1m' "$OUT"
    check 'on a terminal, with NO_COLOR' on_terminal "NO_COLOR=1 '$AJAIL' run --fs=deb true"
    check 'it has none' sh -c '! grep -q "$(printf "\033\\[1m")" "$1"' - "$OUT"
else
    skip 'colours on a terminal' 'no script(1)'
fi
