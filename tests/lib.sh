# shellcheck shell=bash
# Checks for the test files; each sources this first: . "$TESTS/lib.sh"
# A failed check prints its name, what was wanted and what was got, and the file goes on. All of them return 0, also
# a failed one, so that a file which ends with another status has itself gone wrong, and counts as failed.
# Counted in a file and not in variables: checks also run in subshells.

: "${AJAIL:?run by tests/run}" "${AJAIL_HOME:?}" "${TESTS:?}"
if [ -z "${TALLY:-}" ]; then
    TALLY=$(mktemp) # a test file run by hand
    TALLY_IS_OURS=yes
fi
OUT=${TALLY}.out ERR=${TALLY}.err # what the last check's command wrote

jail() { "$AJAIL" run --quiet --fs=deb "$@"; }
# With a sanitizer it is not static, larger, and has memory and descriptors of its own.
sanitized() { grep -qa __asan_init "$AJAIL"; }

pass_() { echo pass >>"$TALLY"; }

# fail_ NAME WANTED GOT
fail_() {
    echo fail >>"$TALLY"
    printf 'FAILED %s\n  wanted: %s\n  got:    %s\n' "$1" "$2" "$3"
}

# What the last command wrote, for a failure's report.
said_() {
    local out err
    out=$(head -c 2000 "$OUT" | cat -v)
    err=$(head -c 2000 "$ERR" | cat -v)
    printf 'status %s%s%s' "$1" "${out:+; stdout: $out}" "${err:+; stderr: $err}"
}

# Runs a command, keeping its output; its exit status is left in STATUS. Moved into place afterwards, so that the
# next check can look at the output of this one.
run_() {
    STATUS=0
    "$@" >"$OUT.new" 2>"$ERR.new" || STATUS=$?
    mv "$OUT.new" "$OUT"
    mv "$ERR.new" "$ERR"
}

# check NAME COMMAND...: exits 0
check() {
    local name=$1
    shift
    run_ "$@"
    if [ "$STATUS" = 0 ]; then pass_; else fail_ "$name" 'status 0' "$(said_ "$STATUS")"; fi
}

# equal NAME WANT GOT
equal() {
    if [ "$2" = "$3" ]; then pass_; else fail_ "$1" "$(printf %s "$2" | cat -v)" "$(printf %s "$3" | cat -v)"; fi
}

# status NAME WANTCODE COMMAND...
status() {
    local name=$1 want=$2
    shift 2
    run_ "$@"
    if [ "$STATUS" = "$want" ]; then pass_; else fail_ "$name" "status $want" "$(said_ "$STATUS")"; fi
}

# output NAME WANT COMMAND...: exits 0 and prints exactly WANT (newlines at the end aside) on stdout
output() {
    local name=$1 want=$2
    shift 2
    run_ "$@"
    if [ "$STATUS" = 0 ] && [ "$(cat "$OUT")" = "$want" ]; then pass_; else
        fail_ "$name" "status 0; stdout: $(printf %s "$want" | cat -v)" "$(said_ "$STATUS")"
    fi
}

# says NAME WANT [OPTION...] -- ARGUMENT...: likewise, $PROBE with these arguments, in a jail with these options
says() {
    local name=$1 want=$2 options=()
    shift 2
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    output "$name" "$want" jail "${options[@]}" -- "$PROBE" "${@:2}"
}

# matches NAME REGEX COMMAND...: stdout and stderr together hold a line that fits the extended REGEX
matches() {
    local name=$1 regex=$2
    shift 2
    run_ "$@"
    if cat "$OUT" "$ERR" | grep -aqE -e "$regex"; then pass_; else
        fail_ "$name" "output fitting /$regex/" "$(said_ "$STATUS")"
    fi
}

# refuses NAME REGEX COMMAND...: ajail says no: exit 125, one line on stderr that fits, nothing on stdout
refuses() {
    local name=$1 regex=$2
    shift 2
    run_ "$@"
    if [ "$STATUS" = 125 ] && [ "$(wc -l <"$ERR")" = 1 ] && [ ! -s "$OUT" ] && grep -aqE -e "$regex" "$ERR"; then
        pass_
    else
        fail_ "$name" "status 125 and only one line on stderr, fitting /$regex/" "$(said_ "$STATUS")"
    fi
}

# denied NAME COMMAND...: the command ran, in a jail, and failed
denied() {
    local name=$1
    shift
    run_ "$@"
    case $STATUS in
    0 | 12[4-7]) fail_ "$name" 'a command that fails' "$(said_ "$STATUS")" ;;
    *) pass_ ;;
    esac
}

# skip NAME WHY
skip() {
    echo skip >>"$TALLY"
    printf 'skipped %s: %s\n' "$1" "$2"
}

tally_() {
    local ended=$?
    [ "$ended" = 0 ] || fail_ 'the test file itself' 'to end with status 0' "status $ended"
    [ -s "$TALLY" ] || fail_ 'the test file itself' 'at least one check' 'none'
    local passed failed skipped
    passed=$(grep -c pass "$TALLY")
    failed=$(grep -c fail "$TALLY")
    skipped=$(grep -c skip "$TALLY")
    rm -f "$OUT" "$ERR"
    [ -z "${TALLY_IS_OURS:-}" ] || rm -f "$TALLY"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
    exit
}
trap tally_ EXIT
