#!/bin/bash
# seconds: 240
# Workspaces: made, worked in with git, looked at, brought home, removed; and what the original has of it.
set -u
. "$TESTS/lib.sh"
. "$TESTS/workspaces.sh"

repository proj
cd proj || exit 1
before=$(fingerprint .)

# Made, and what is told of it.
output 'create says what was made' "workspace one: branch ajail/one of $PWD at $(git rev-parse --short=12 HEAD)
to work in it: ajail enter one" "$AJAIL" create one
refuses 'a name that is taken' 'one exists already' "$AJAIL" create one
for name in '' . .. ../x a/b .x 'a b' -- x.lock x..y "$(printf %065d 0)"; do
    case $name in
    -*) ;;
    *) refuses "the name '$name'" 'is no name for a workspace|should be ajail create' "$AJAIL" create "$name" ;;
    esac
done
refuses 'no such REF' 'no commit nonsense' "$AJAIL" create two --branch nonsense
refuses 'a REF that is an option' 'no commit --all' "$AJAIL" create two --branch=--all
refuses 'no repository' 'in no git repository' "$AJAIL" create two --repo /usr
refuses 'with nothing to work on' 'nothing to work on' "$AJAIL" create two --hide
refuses 'with what is kept elsewhere' 'keeps what is done' "$AJAIL" create two --keep
refuses 'likewise later' 'keeps what is done' "$AJAIL" run --in=one --keep true
refuses 'no such workspace' 'no workspace two .there are: one' "$AJAIL" status two
refuses 'a name that leads away' 'no workspace ../one' "$AJAIL" status ../one
refuses 'run in no such workspace' 'no workspace two' "$AJAIL" run --in=two true
refuses 'in one and in a new one' '--in and --clone' "$AJAIL" run --in=one --clone true
json() { python3 -c 'import json, sys; print(eval("d" + sys.argv[1], {"d": json.load(sys.stdin)}))' "$1"; }
equal 'list --json' "['one'] ['$PWD'] ['ajail/one'] ['stopped']" "$("$AJAIL" list --json | python3 -c '
import json, sys
l = json.load(sys.stdin)
print(*[[one[key] for one in l] for key in ("name", "repo", "branch", "status")])')"
matches 'list' '^one +/.*/proj +ajail/one +20..-..-.. ..:.. +stopped$' "$AJAIL" list

# All of git works, where the original is.
output 'the directory is the original'"'"'s' "$PWD" within one pwd
output 'nothing has changed' '' within one git status --short
check 'add, commit' within one sh -c 'echo two >two && git add two && git commit -qm two'
output 'who commits' 'Me <me@example.org>' within one git log -1 '--format=%an <%ae>'
check 'stash' within one sh -c 'echo x >>a && git stash -q && git diff --quiet && git stash pop -q && git checkout -q a'
check 'a branch and a rebase' within one sh -c 'git checkout -qb topic HEAD~1 && echo t >t && git add t &&
    git commit -qm t && git rebase -q ajail/one && git log --format=%s | tr "\n" " " | grep -q "t two one"'
check 'gc' within one sh -c 'git gc -q --prune=now && git fsck --no-dangling'
check 'fetch' within one git fetch -q origin
git commit -q --allow-empty -m later
output 'what comes to the original later can be fetched' later \
    within one sh -c 'git fetch -q && git log -1 --format=%s origin/main'
git update-ref refs/heads/main HEAD~1
git reset -q
check 'push of a new branch' within one git push -q origin topic:pushed
denied 'push of a branch that the original has' within one git push -q origin topic:side
matches 'which is said' 'the original has side already' within one git push origin topic:side
denied 'push of a tag' within one git push -q origin HEAD:refs/tags/t
denied 'the original cannot be written to' within one sh -c 'echo x >/ajail/origin/HEAD'
denied 'nor its objects' within one touch /ajail/origin/objects/x
check 'hooks are its own' within one sh -c 'mkdir -p .git/hooks && printf "#!/bin/sh\ntouch %s/hooked\n" "$PWD" >.git/hooks/pre-commit &&
    chmod +x .git/hooks/pre-commit && git commit -q --allow-empty -m hooked && test -e hooked && rm hooked'
rm -f .git/ORIG_HEAD

# What has changed.
check 'changes' within one sh -c 'git checkout -q ajail/one && echo more >>a && git mv b moved && echo s >staged && git add staged && echo n >new'
equal 'status --json' \
    "ajail/one ['a'] ['staged'] [] ['moved'] ['new'] 1 {'files_changed': 5, 'insertions': 4, 'deletions': 0} [] False" \
    "$("$AJAIL" status one --json | python3 -c '
import json, sys
d = json.load(sys.stdin)
print(*[d[k] for k in "branch modified added deleted renamed untracked commits stats host_runs running".split()])')"
matches 'status' '^  modified  a$' "$AJAIL" status one
"$AJAIL" status one --diff >../patch
equal 'the patch makes the same' "$(within one sh -c 'tar -c --sort=name --mtime=@0 --exclude=.git . | sha256sum')" "$(
    git worktree add -q --detach ../copy && cd ../copy && git apply ../patch && tar -c --sort=name --mtime=@0 --exclude=.git . | sha256sum
)"
git worktree remove --force ../copy

# Home, and nothing else of it.
refuses 'what would be lost is named' '.\(a, b, moved and 2 more; [0-9a-f]{7} (hooked|two|t), [^)]*.;' "$AJAIL" destroy one
refuses 'destroy keeps work' '5 files not committed and 3 commits that the original has not would be lost' "$AJAIL" destroy one
short=$(within one git rev-parse --short=12 ajail/one)
output 'pull' "ajail/one of $PWD is new: 1 commit, $short" "$AJAIL" pull one
equal 'it is there' 'two one' "$(git log --format=%s ajail/one | xargs)"
check 'what was only pushed' "$AJAIL" pull one pushed
equal 'under its name' 't two one' "$(git log --format=%s pushed | xargs)"
check 'under another' "$AJAIL" pull one topic:new/topic
equal 'that one' 'hooked t two one' "$(git log --format=%s new/topic | xargs)"
check 'more commits' within one sh -c 'rm .git/hooks/pre-commit; git stash -qu; git commit -q --allow-empty -m three'
equal 'fast-forward' 1 "$("$AJAIL" pull one --json | json '["commits"]')"
equal 'has come' 'three two one' "$(git log --format=%s ajail/one | xargs)"
check 'again' "$AJAIL" pull one
check 'history rewritten' within one git commit -q --amend --allow-empty -m other
refuses 'is not brought over the old' 'has commits there' "$AJAIL" pull one
git checkout -q pushed
refuses 'a branch that is checked out' 'pushed is checked out' "$AJAIL" pull one ajail/one:pushed
git checkout -q main
git worktree add -q ../linked side
refuses 'in a worktree' 'side is checked out' "$AJAIL" pull one ajail/one:side
git worktree remove ../linked
refuses 'the branch that is there' 'main has commits there|main is checked out' "$AJAIL" pull one ajail/one:main
git symbolic-ref refs/heads/alias refs/heads/side
refuses 'a branch that stands for another' 'stands for another' "$AJAIL" pull one ajail/one:alias
git symbolic-ref -d refs/heads/alias
refuses 'no such branch' 'no branch nonsense' "$AJAIL" pull one nonsense
for name in --all -x a..b 'a b' a.lock .a a/.b 'a~1' 'a:b:c' '@{1}' $'a\x01' refs//x /x x/ @ HEAD; do
    run_ "$AJAIL" pull one -- "$name"
    equal "pull $(printf %q "$name")" 125 "$STATUS"
done
check 'on another branch' within one sh -c 'git checkout -qb elsewhere && git commit -q --allow-empty -m elsewhere'
matches 'which is told' '^ajail: one is on elsewhere by now, which stays there .ajail pull one elsewhere.$' "$AJAIL" pull one
matches 'and the own one taken' 'ajail/one has commits there' "$AJAIL" pull one
check 'on no branch' within one sh -c 'git checkout -q --detach && git branch -qD elsewhere'
refuses 'the own one all the same' 'ajail/one has commits there' "$AJAIL" pull one
check 'back' within one git checkout -q ajail/one

# Removed, if nothing is lost.
refuses 'a stash counts' 'commits? that the original has not' "$AJAIL" destroy one
refuses 'what is named' ' would be lost with one .*[0-9a-f]{7} .*; ajail pull one .*, ajail destroy --force one ' "$AJAIL" destroy one
check 'stash brought home' within one sh -c 'git branch stashed stash@{0} && git stash drop -q && git branch other'
check 'all brought home' sh -c "'$AJAIL' pull one stashed && '$AJAIL' pull one other"
check 'several' sh -c "'$AJAIL' create two && '$AJAIL' create three && '$AJAIL' create four"
check 'one with work' within three touch new
status 'destroy several, but not that' 125 "$AJAIL" destroy two three none four
equal 'each is told of' "ajail: destroy: 1 file not committed would be lost with three (new); ajail pull three brings commits home, ajail destroy --force three removes it all the same
ajail: destroy: no workspace none (there are: four, one, three)" "$(cat "$ERR")"
equal 'and the others are gone' 'one three' "$(cd "$AJAIL_HOME/workspaces" && echo *)"
check 'destroy' "$AJAIL" destroy --force one three
equal 'nothing is left' '' "$(ls -A "$AJAIL_HOME/workspaces")"
output 'list of none' '[]' "$AJAIL" list --json

# But for the branches the original is what it was.
git for-each-ref --format='%(refname)' refs/heads/ajail refs/heads/new refs/heads/pushed refs/heads/stashed refs/heads/other |
    while read -r ref; do git update-ref -d "$ref"; done
equal 'hooks, config and what is checked out of the original' "$before" "$(fingerprint .)"
