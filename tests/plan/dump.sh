#!/bin/bash
# For tests/plan/update: every plan, each line with its file's name in front.
. "$TESTS/lib.sh"
. "$TESTS/plan/lib.sh"
for file in "$TESTS"/plan/*.args; do
    plan_of "$file" | sed "s/^/@$(basename "$file" .args).txt@/"
done
check 'done' true
