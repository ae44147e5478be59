# shellcheck shell=bash
# For attack tests that need a set-up of their own; the others are in the table of src/probe, run by profiles.py. A copy of
# the prober stands in the test's own directory, which the jail sees; here is judged what it prints.
# shellcheck source=tests/lib.sh
. "$TESTS/lib.sh"

HOST_TMP=${HOST_TMP:-$(mktemp -d /tmp/ajail-host.XXXXXX)}
MARKER=$HOST_TMP/marker
echo secret >"$MARKER"
cp "$(dirname "$AJAIL")/attack" probe || exit 1
# Every way to a file of the host.
# shellcheck disable=SC2034 # for those who source this
escape=read-secret,cwd-escape,root-processes,root-chroot,root-umount,root-setns,root-tree,root-userns

# blocked NAME COMMAND...: probes that must not succeed. allowed NAME COMMAND...: their control, one of which must.
blocked() {
    local name=$1
    shift
    run_ "$@"
    if [ "$STATUS" = 0 ] && grep -aq 'BLOCKED(' "$OUT" && ! grep -aqE '(ALLOWED|BROKEN)\(' "$OUT"; then pass_; else
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
