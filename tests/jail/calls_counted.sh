#!/bin/bash
# How many system calls a start takes, whoever else is on the machine: what gets slower by more of them is seen without a
# clock. Beside it the floor's count: the same mounts by a bare C program (tests/bench/floor.c).
# only: user
. "$TESTS/lib.sh"

# The budgets: what it takes, and 2 % (for the binds added below). They are to be lowered with what it takes; who raises one says why in the commit.
default_start=710
bwrap_line=387
each_bind=9 # one `--mount=DIR,DIR,rol`

floor=$(dirname "$AJAIL")/floor
if sanitized || [ "$(uname -m)" != x86_64 ]; then
    skip 'system calls' 'counted for the static x86-64 binary'
    exit 0
fi
for program in strace "$floor"; do
    command -v "$program" >/dev/null || fail_ 'what the test needs' "$program" 'none (test.sh installs or builds it)'
done
# A project of a known depth: each directory above it is looked at.
mkdir "$HOST_TMP/project" "$HOST_TMP/sources"
ln -s "$AJAIL" "$HOST_TMP/bwrap"
cd "$HOST_TMP/project" || exit

# counted RUNS COMMAND...: of everybody in it, to the last one's end. The least of some runs: how often somebody who waits
# is woken in between is a matter of chance.
counted() {
    local least='' count run
    for ((run = 0; run < $1; ++run)); do
        strace -f -qq -o ../trace "${@:2}" >../said 2>&1 || { cat ../said && return 1; }
        count=$(grep -E '^[0-9]+ +[a-z0-9_]+\(' ../trace | grep -cvE '^[0-9]+ +restart_syscall\(')
        [ -n "$least" ] && [ "$least" -le "$count" ] || least=$count
    done
    echo "$least"
}

# within NAME COUNT BUDGET
within() {
    echo "$1: $2 (at most $3)"
    check "$1: $2, at most $3" test "$2" -le "$3"
}

least=$(counted 3 "$floor" "$AJAIL_HOME/fs/deb" /usr/bin/true)
echo "the floor: $least"
# That something is counted at all: with less, no jail can be made.
check "the floor: $least" test "$least" -gt 80
within 'a default start' "$(counted 5 "$AJAIL" run --fs=deb -- true)" "$default_start"
# Nothing of the host that has mounts below it: they count, too.
links=()
for name in bin lib lib64 sbin; do [ ! -L "/$name" ] || links+=(--symlink "$(readlink /$name)" "/$name"); done
within 'a line of bubblewrap' "$(counted 5 ../bwrap --new-session --die-with-parent --ro-bind /usr /usr \
    "${links[@]}" --bind "$PWD" "$PWD" --tmpfs /tmp/x --unshare-all --dev /dev --proc /proc --chdir "$PWD" /usr/bin/true)" "$bwrap_line"

binds=()
for number in $(seq 1000); do
    mkdir "$HOST_TMP/sources/$number"
    binds+=("--mount=$HOST_TMP/sources/$number,/tmp/$number,rol")
done
declare -A took
for number in 10 100 1000; do
    took[$number]=$(counted 2 "$AJAIL" run --fs=deb "${binds[@]:0:number}" -- true)
done
# Not exactly the same for each: reading back what stands takes a call for some mounts together.
within 'ninety binds more' "$((took[100] - took[10]))" "$((90 * each_bind * 102 / 100))"
within 'nine hundred more' "$((took[1000] - took[100]))" "$((900 * each_bind * 102 / 100))"
fewer=$((took[100] - took[10])) more=$((took[1000] - took[100]))
check "each of many takes as many as each of few ($more for 900, $fewer for 90)" test "$((more * 100))" -le "$((fewer * 10 * 102))"
for number in 10 1000; do
    echo "with $number binds: ${took[$number]}; the floor: $(counted 1 "$floor" "$AJAIL_HOME/fs/deb" /usr/bin/true "$number")"
done
