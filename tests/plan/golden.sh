#!/bin/bash
# What a command line comes to, as --dry-run tells it: NAME.args (one argument a line) gives NAME.txt.
# After a change that is meant, tests/plan/update writes them anew; read its diff.
. "$TESTS/lib.sh"
. "$TESTS/plan/lib.sh"

for file in "$TESTS"/plan/*.args; do
    name=$(basename "$file" .args)
    plan_of "$file" >"$name.got"
    check "plan of $name" diff -u "$TESTS/plan/$name.txt" "$name.got"
done

before=$(find . -printf '%p %m %s %T@\n' | sort)
cd project || exit 1
export AJAIL_HOME=${base:?}/store
check 'JSON is JSON' sh -c '"$AJAIL" run --fs=deb --dry-run=json --ro --rw=out true >../plan.json'
check 'with the operations in it' python3 -c '
import json
plan = json.load(open("../plan.json"))
assert plan["ops"][0]["target"] == "/", plan["ops"][0]
assert plan["exec"]["argv"] == ["true"]
assert plan["no_new_privs"] is True'
rm ../plan.json
cd .. || exit 1
touch -d "$(stat -c %y project)" . # only what the runs did is of interest
output 'nothing is said on stderr' '' sh -c 'cd project && "$AJAIL" run --fs=deb --dry-run true 2>&1 >/dev/null'
equal 'and nothing was touched' "$(grep -v ' \.$\|^\. ' <<<"$before")" \
    "$(find . -printf '%p %m %s %T@\n' | sort | grep -v '^\. ')"
refuses 'a plan that cannot be' 'no root filesystem nosuch' sh -c 'cd project && "$AJAIL" run --fs=nosuch --dry-run'
