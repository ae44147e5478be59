#!/bin/bash
# The plans of golden.sh by a binary for another architecture; run by tests/aarch64. An emulator of a process has no Landlock
# and no seccomp, without which ajail run makes none; what is asked for as bwrap needs neither.
. "$TESTS/lib.sh"
. "$TESTS/plan/lib.sh"

lacks=$(cd project && AJAIL_HOME=${base:?}/store "$AJAIL" run --fs=deb --dry-run true 2>&1 >/dev/null)
for file in "$TESTS"/plan/*.args; do
    name=$(basename "$file" .args)
    if [[ $name != bwrap-* && -n $lacks ]]; then
        skip "plan of $name" "emulated, it ends with '$lacks'"
        continue
    fi
    plan_of "$file" >"$name.got"
    check "plan of $name" diff -u "$TESTS/plan/$name.txt" "$name.got"
done
