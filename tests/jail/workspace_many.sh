#!/bin/bash
# not: root, userns
# seconds: 400
# Many workspaces of one repository at once, and ajail killed while it makes one: no state is lost, none is half there.
# WORKSPACES: how many at once.
set -u
. "$TESTS/lib.sh"
. "$TESTS/workspaces.sh"
many=${WORKSPACES:-10}
commits=5

repository proj
cd proj || exit 1
before=$(fingerprint .)

# each COMMAND...: with $i from 1 to $many, at once; says which failed
each() {
    local i pids=()
    for ((i = 1; i <= many; i++)); do
        i=$i "$@" >"../out.$i" 2>&1 &
        pids+=($!)
    done
    for ((i = 1; i <= many; i++)); do
        wait "${pids[i - 1]}" || { echo "$i:" && cat "../out.$i"; }
    done
}
make() { "$AJAIL" create "w$i"; }
work() {
    within "w$i" sh -c 'for n in $(seq "$1"); do echo "$0 $n" >>log; git add log; git commit -qm "$0 $n" || exit 1; done
        git fetch -q && git push -q origin HEAD:"push/$0"' "w$i" "$commits"
}
home() { "$AJAIL" pull "w$i"; }
look() { "$AJAIL" status "w$i" --json | grep -q "\"commits\": $commits" && "$AJAIL" list --json | python3 -m json.tool; }
end() { "$AJAIL" destroy "w$i"; }
equal 'made at once' '' "$(each make)"
equal 'all are there' "$many" "$("$AJAIL" list --json | grep -c '"name"')"
equal 'work at once' '' "$(each work)"
equal 'looked at at once' '' "$(each look)"
equal 'brought home at once' '' "$(each home)"
for ((i = 1; i <= many; i++)); do
    [ "$(git rev-list --count main.."ajail/w$i")" = "$commits" ] || fail_ "the commits of w$i" "$commits" fewer
done
check 'the original is whole' git fsck --no-dangling
equal 'removed at once' '' "$(each end)"
equal 'nothing is left' '' "$(ls -A "$AJAIL_HOME/workspaces")"
same() { "$AJAIL" create same; }
equal 'one name, of many only one makes it' 1 "$(each same >/dev/null && grep -l 'to work in it' ../out.* | wc -l)"
"$AJAIL" destroy same
unnamed() { [ "$("$AJAIL" run --quiet --clone cat a)" = a ]; }
equal 'without names at once' '' "$(each unnamed)"
equal 'nothing is left of those' '' "$(ls -A "$AJAIL_HOME/workspaces")"
rm -f ../out.*

# Killed at each system call that writes: the workspace is there, whole, or not at all.
if sanitized || ! command -v strace >/dev/null; then
    skip 'killed while it makes one' 'no strace'
    exit 0
fi
killed=0 there=0
for call in mkdir,mkdirat openat write fsync rename,renameat2 fchmod; do
    for ((at = 1; at <= 400; at++)); do
        strace -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$at" "$AJAIL" create one --quiet >../out 2>&1
        [ $? = 137 ] || break
        killed=$((killed + 1))
        case $("$AJAIL" list --json 2>&1) in
        '[]') ;;
        *'"name": "one"'*)
            there=$((there + 1))
            check "killed at $call $at: it works" within one git commit -q --allow-empty -m x
            check 'and goes' "$AJAIL" destroy --force one
            ;;
        *) fail_ "killed at $call $at" 'none, or one' "$("$AJAIL" list --json 2>&1)" ;;
        esac
    done
    "$AJAIL" destroy --force one 2>/dev/null
done
if [ "$killed" -ge 10 ] && [ "$there" -ge 1 ]; then pass_; else fail_ 'killed before and after' '10 and 1' "$killed and $there"; fi
check 'the next one' "$AJAIL" create last
check 'goes' "$AJAIL" destroy last
equal 'cleans up' '' "$(ls -A "$AJAIL_HOME/workspaces")"
git for-each-ref --format='delete %(refname)' refs/heads/ajail | git update-ref --stdin
equal 'the original is as it was' "$before" "$(fingerprint .)"
