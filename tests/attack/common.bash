# shellcheck shell=bash
# For the attack tests: builds the probe in the test's own directory, which the jail sees, and judges what it prints.
# shellcheck source=tests/lib.sh
. "$TESTS/lib.sh"

HOST_TMP=${HOST_TMP:-$(mktemp -d /tmp/ajail-host.XXXXXX)}
MARKER=$HOST_TMP/marker
echo secret >"$MARKER"
"${CC:-cc}" -static -O1 -o probe "$TESTS/attack/probe.c" || exit 1

# blocked NAME COMMAND...: a probe that must not succeed. allowed NAME COMMAND...: its control, which must.
blocked() {
    local name=$1
    shift
    run_ "$@"
    if [ "$STATUS" = 0 ] && grep -aq 'BLOCKED(' "$OUT" && ! grep -aq 'ALLOWED(' "$OUT"; then pass_; else
        fail_ "$name" BLOCKED "$(said_ "$STATUS")"
    fi
}
allowed() {
    local name=$1
    shift
    run_ "$@"
    if [ "$STATUS" = 0 ] && grep -aq '^ALLOWED' "$OUT"; then pass_; else
        fail_ "control of $name" ALLOWED "$(said_ "$STATUS")"
    fi
}
# both NAME PROBE...: allowed outside, blocked inside
both() {
    local name=$1
    shift
    allowed "$name" ./probe "$@"
    blocked "$name" jail -- ./probe "$@"
}
# The same jail with as much as it can be given: the walls must not be made of missing capabilities.
strong() { jail --cap-add=SYS_ADMIN --cap-add=SYS_PTRACE --cap-add=MKNOD --cap-add=DAC_READ_SEARCH "$@"; }

# Waits until the last background job (a coprocess or a process with its output in FILE) has said `ready`.
until_ready() {
    local i
    for i in $(seq 200); do
        grep -q ready "$1" 2>/dev/null && return 0
        sleep 0.02
    done
    echo "nothing in $1 after ${i} rounds" >&2
    return 1
}

# A mount namespace in which mounts can be made. Root has its own; for others it takes a user namespace, where ajail runs
# as well.
# shellcheck disable=SC2034 # for those who source this
if [ "$(id -u)" = 0 ]; then mounting=(unshare -m); else mounting=(unshare -Urm); fi
