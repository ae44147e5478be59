#!/bin/bash
# not: userns
# seconds: 240
# Workspaces of repositories of all kinds, of the kind that is a linked worktree, and those without a name; with the options
# that they were made with.
set -u
. "$TESTS/lib.sh"
. "$TESTS/workspaces.sh"

repository proj
origin=$PWD

# works NAME DIR: git works in a workspace of what is in DIR, and its commit comes home
works() {
    local name=$1 dir=$2 before
    before=$(fingerprint "$dir")
    check "$name: create" "$AJAIL" create "$name" --repo="$dir"
    output "$name: commit" "$(realpath "$dir")
ajail/$name
work $name" within "$name" sh -c 'pwd; git symbolic-ref --short HEAD; echo w >w && git add w && git commit -qm "work $0" && git log -1 --format=%s &&
        git fetch -q && git push -q origin "HEAD:pushed/$0" && git gc -q && git fsck --no-dangling' "$name"
    equal "$name: quietly" '' "$(cat "$ERR")"
    refuses "$name: destroy refuses" '1 commit that the original' "$AJAIL" destroy "$name"
    check "$name: pull" "$AJAIL" pull "$name"
    equal "$name: it is there" "work $name" "$(git -C "$dir" log -1 --format=%s "ajail/$name" 2>&1)"
    check "$name: destroy" "$AJAIL" destroy "$name"
    equal "$name: the original" "$before" "$(fingerprint "$dir")"
}

works plain "$origin/proj"
mkdir -p proj/sub/dir
check 'from a directory in it' sh -c "cd proj/sub/dir && '$AJAIL' create below && '$AJAIL' destroy below"
rmdir -p proj/sub/dir 2>/dev/null
git -C proj worktree add -q ../linked side
works linked "$origin/linked"
git -C proj worktree add -q --detach ../relative
sed -i 's,.*,../proj/.git/worktrees/relative,;s,^,gitdir: ,' relative/.git
works relative "$origin/relative"
git clone -q --bare proj bare.git
works bare "$origin/bare.git"
equal 'without what a bare one has not' '' "$(ls -d bare.git/logs 2>/dev/null)"
repository super
git -C super submodule --quiet add "$origin/proj" lib/sub
git -C super commit -qm sub
works sub "$origin/super/lib/sub"
works super "$origin/super"
repository sha256 --object-format=sha256
works sha256 "$origin/sha256"
git init -q unborn
check 'nothing committed yet' "$AJAIL" create unborn --repo=unborn
check 'first commit' within unborn sh -c 'echo x >x && git add x && git commit -qm first'
check 'comes home' "$AJAIL" pull unborn
equal 'as a branch' first "$(git -C unborn log --format=%s ajail/unborn)"
check 'and can go' "$AJAIL" destroy unborn
git clone -q --depth=1 "file://$origin/proj" shallow
works shallow "$origin/shallow"
git -C proj pack-refs --all
git -C proj gc -q
works packed "$origin/proj"

# Where to start from.
cd proj || exit 1
git commit -q --allow-empty -m second
git tag -a v1 -m v1
git commit -q --allow-empty -m third
for ref in v1 HEAD~1 "$(git rev-parse HEAD~1)"; do
    check "from $ref" "$AJAIL" create from --branch "$ref"
    output "that is where it is" second within from git log -1 --format=%s
    check "and goes" "$AJAIL" destroy from
done

# The options that it was made with hold, and more can be given; paths are meant from where they were given.
echo data >../data
check 'with options' "$AJAIL" create opts --rol=../data --env A=made --no-net --hostname=jail --entrypoint 'echo "$A" "$(hostname)" "$@"'
output 'enter' 'made jail' "$AJAIL" enter opts --quiet
output 'with another' 'now jail' "$AJAIL" enter opts --quiet --env A=now
(cd / && output 'from elsewhere' data "$AJAIL" run --quiet --in=opts cat "$origin/data")
output 'changes can be thrown away' '' sh -c "'$AJAIL' run --quiet --in=opts --ro sh -c 'echo x >>a; git commit -qam gone' &&
    '$AJAIL' run --quiet --in=opts git status --short; '$AJAIL' run --quiet --in=opts git log --format=%s HEAD...origin/main"
output 'not with what AJAIL_ARGS says' '' env AJAIL_ARGS='--env=B=1' "$AJAIL" run --quiet --in=opts sh -c 'echo $B'
output 'but it can say which' made env AJAIL_ARGS='--in=opts' "$AJAIL" run --quiet sh -c 'echo $A'
denied 'or be impossible' "$AJAIL" run --quiet --in=opts --rol touch a
check 'what a host would run can be worked on' within opts sh -c 'echo a >.envrc && git add .envrc && git commit -qm envrc'
output 'again' a within opts sh -c 'cat .envrc && git rm -q .envrc && git reset -q --hard HEAD~1'
matches 'the plan can be seen' "$AJAIL_HOME/workspaces/opts/git -> $PWD/.git" "$AJAIL" run --in=opts --dry-run true
(exec 9<"$AJAIL_HOME/workspaces/opts" && flock -s 9 && sleep 30) &
sleeper=$!
until flock -n -x "$AJAIL_HOME/workspaces/opts" true; [ $? = 1 ]; do sleep 0.05; done
matches 'who is in it is told' '^opts .* running ' "$AJAIL" list
refuses 'and not removed under it' 'opts is in use by pid' "$AJAIL" destroy opts
kill "$sleeper"
wait "$sleeper" 2>/dev/null
within opts sh -c 'trap "" TERM; touch started; sleep 60 & wait; sleep 60' >/dev/null 2>&1 &
until [ -e "$AJAIL_HOME/workspaces/opts/tree/started" ]; do sleep 0.05; done
check 'unless by force' "$AJAIL" destroy --force opts
wait
equal 'gone' '' "$(ls -A "$AJAIL_HOME/workspaces")"

# Several at once that have no name.
output 'nothing done' a "$AJAIL" run --quiet --clone cat a
equal 'nothing left' '' "$(ls -A "$AJAIL_HOME/workspaces")"
status 'its status' 7 "$AJAIL" run --quiet --clone sh -c 'exit 7'
matches 'something done' 'in the workspace proj-1 ' "$AJAIL" run --quiet --clone sh -c 'echo x >x'
matches 'again' 'in the workspace proj-2 ' "$AJAIL" run --quiet --clone sh -c 'git commit -q --allow-empty -m x'
check 'told' "$AJAIL" status proj-1
refuses 'first' '1 file not committed' "$AJAIL" destroy proj-1
refuses 'second' '1 commit that' "$AJAIL" destroy proj-2
"$AJAIL" destroy --force proj-1 && "$AJAIL" destroy --force proj-2
refuses 'no repository' 'in no git repository' sh -c "cd / && '$AJAIL' run --clone true"

# A linked worktree.
before=$(fingerprint .)
check 'a worktree' "$AJAIL" create wt --worktree
check 'another' "$AJAIL" create wt2 --worktree
equal 'the original knows them' 2 "$(git worktree list | grep -c "$AJAIL_HOME")"
output 'commits go into the original' 'Me work' within wt sh -c 'echo w >w && git add w && git commit -qm work && git log -1 --format="%an %s"'
equal 'at once' work "$(git log -1 --format=%s ajail/wt)"
denied 'not into its hooks' within wt sh -c 'echo x >"$(git rev-parse --git-common-dir)/hooks/pre-commit"'
denied 'nor its settings' within wt git config core.fsmonitor true
matches 'status' '1 commit since' "$AJAIL" status wt
refuses 'pull' 'original.s already' "$AJAIL" pull wt
check 'a change' within wt2 sh -c 'echo x >x'
refuses 'is not lost' '1 file not committed' "$AJAIL" destroy wt2
check 'a commit on no branch' within wt2 sh -c 'git add x && git checkout -q --detach && git commit -qm x'
refuses 'neither' '1 commit that' "$AJAIL" destroy wt2
check 'destroy' "$AJAIL" destroy wt
check 'destroy --force' "$AJAIL" destroy --force wt2
equal 'the original has forgotten them' "$(git worktree list | head -n 3)" "$(git worktree list)"
git branch -qD ajail/wt ajail/wt2
equal 'and is as it was' "$before" "$(fingerprint .)"
