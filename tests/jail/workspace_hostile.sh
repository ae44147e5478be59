#!/bin/bash
# not: userns
# seconds: 400
# A workspace in which a payload has written what makes git run programs, or wait, or read what it should not: nothing of
# it runs outside, whatever ajail is asked about it, and nothing but branches comes into the original.
set -u
. "$TESTS/lib.sh"
. "$TESTS/workspaces.sh"

repository proj
repository secret
(cd secret && echo secret >a && git commit -qam one)
secret_commit=$(git -C secret rev-parse HEAD)
cd proj || exit 1
marker=$HOST_TMP/ran
tree=$AJAIL_HOME/workspaces/evil/tree git=$AJAIL_HOME/workspaces/evil/git
before=$(fingerprint .)

# Everything ajail does with a workspace, or these commands, however they end; each within its time.
ask() {
    [ "$#" -gt 0 ] || set -- list 'list --json' 'status evil' 'status evil --json' 'status evil --diff' 'pull evil' \
        'pull evil topic' 'destroy evil'
    for command; do
        # shellcheck disable=SC2086
        timeout 60 "$AJAIL" $command >"$HOST_TMP/out" 2>&1 </dev/null
        [ $? != 124 ] || echo "$command hangs"
        if grep -q $'\e' "$HOST_TMP/out"; then echo "$command prints an escape sequence"; fi
    done
    [ ! -e "$marker" ] || echo ran
}
"$AJAIL" create evil >/dev/null
cp -a "$AJAIL_HOME/workspaces/evil" ../made
fresh() {
    "$AJAIL" destroy --force evil >"$HOST_TMP/out" 2>&1
    rm -f "$marker"
    cp -a ../made "$AJAIL_HOME/workspaces/evil"
}

# Settings, hooks and attributes.
fresh
cat >"$HOST_TMP/arm" <<EOT
run='touch $marker; false'
for key in core.fsmonitor core.sshCommand core.pager core.editor core.alternateRefsCommand core.askPass \
    diff.external diff.x.textconv diff.x.command filter.x.clean filter.x.smudge filter.x.process gpg.program \
    uploadpack.packObjectsHook credential.helper alias.status alias.diff alias.rev-list pager.status pager.diff; do
    case \$key in
    alias.*) git config "\$key" "!\$run" ;;
    *) git config "\$key" "\$run" ;;
    esac
done
git config filter.x.required true
git config log.showSignature true
git config core.hooksPath "\$PWD/.git/hooks"
git config extensions.partialClone evil
git config remote.evil.promisor true
git config remote.evil.url "ext::sh -c touch% $marker"
git config protocol.ext.allow always
mkdir -p .git/hooks .git/info
for hook in pre-commit post-checkout post-index-change reference-transaction pre-auto-gc post-update update pre-receive \
    fsmonitor-watchman post-merge; do
    printf '#!/bin/sh\n%s\n' "\$run" >.git/hooks/\$hook
    chmod +x .git/hooks/\$hook
    cp .git/hooks/\$hook /ajail/outbox/hooks/
done
echo '* filter=x diff=x' | tee .git/info/attributes >.gitattributes
echo changed >>a
echo new >new
EOT
check 'armed' within evil sh -c "$(cat "$HOST_TMP/arm")"
equal 'nothing runs' '' "$(ask)"
# That there is something to run is shown by the host's git, to which it must not be left.
GIT_DIR=$git GIT_WORK_TREE=$tree git status >/dev/null 2>&1
check 'the host'"'"'s git would run it' test -e "$marker"
rm -f "$marker"

# In the tree nothing of git is to be found.
fresh
denied 'the git directory cannot be replaced' within evil rm -r .git
denied 'nor renamed' within evil mv .git other
matches 'a repository made of the tree itself is renamed' 'is called .*HEAD.jail' \
    within evil sh -c 'git init -q --bare . ; mkdir -p refs objects; echo ref: refs/heads/x >HEAD'
equal 'nothing runs of that' '' "$(ask)"
equal 'and no git finds it' '' "$(cd "$tree" && GIT_CEILING_DIRECTORIES=$AJAIL_HOME git rev-parse --git-dir 2>/dev/null)"

# What is no file, or too large a one, in place of git's.
names='HEAD config index packed-refs refs objects logs info objects/info/alternates'
! sanitized || names='HEAD config refs'
for name in $names; do
    for kind in fifo link loop directory huge; do
        fresh
        case $kind in
        fifo) make="rm -rf .git/$name; mkfifo .git/$name" ;;
        link) make="rm -rf .git/$name; ln -s $HOME/secret/.git/$name .git/$name" ;;
        loop) make="rm -rf .git/$name; ln -s . .git/$name" ;;
        directory) make="rm -rf .git/$name; mkdir .git/$name" ;;
        huge) make="rm -rf .git/$name; truncate -s 1T .git/$name" ;;
        esac
        within evil sh -c "$make" >/dev/null 2>&1
        equal "$name is a $kind" '' "$(ask 'list --json' 'status evil' 'status evil --diff' 'pull evil' 'destroy evil')"
    done
done

# Another repository of the user's.
fresh
check 'pointed at' within evil sh -c "echo $HOME/secret/.git/objects >.git/objects/info/alternates
    echo $secret_commit >.git/refs/heads/ajail/evil; rm -f .git/packed-refs"
equal 'nothing runs of that, either' '' "$(ask)"
denied 'and nothing of it comes along' git cat-file -e "$secret_commit"

# Objects that git should not have.
fresh
check 'a tree with .git in it' within evil sh -c 'blob=$(echo x | git hash-object -w --stdin)
    tree=$(printf "100644 blob %s\t.git\n" "$blob" | git mktree)
    git update-ref refs/heads/topic "$(git commit-tree -p HEAD -m evil "$tree")"'
refuses 'is not brought home' 'hasDotgit|.git' "$AJAIL" pull evil topic
check 'a commit without its tree' within evil sh -c 'echo x >x; git add x; git commit -qm x
    tree=$(git rev-parse HEAD^{tree}); rm -f ".git/objects/$(echo "$tree" | cut -c1-2)/$(echo "$tree" | cut -c3-)"'
run_ "$AJAIL" pull evil
equal 'is not, either' 125 "$STATUS"
refuses 'and what is broken is not thrown away' 'cannot be told|would be lost' "$AJAIL" destroy evil

# Names.
fresh
check 'names that a terminal acts on' within evil sh -c 'printf x >"$(printf "\033]0;owned\007")"; printf "x\033[31mred" >a
    git checkout -qb "$(printf "b\302\233m")"'
equal 'are escaped' '' "$(ask)"
matches 'and shown' '^  new +\\x1b\]0;owned\\x07$' "$AJAIL" status evil
for head in 'ref: refs/heads/--all' 'ref: refs/heads/../../x' "ref: refs/heads/x'; touch $marker; '" 'ref: refs/heads/a b'; do
    within evil sh -c 'printf "%s\n" "$1" >.git/HEAD' sh "$head"
    equal "HEAD $head" '' "$(ask)"
    run_ "$AJAIL" pull evil
    equal "HEAD $head is not printed" '' "$(cat "$OUT" "$ERR" | grep -F -e "${head#ref: refs/heads/}")"
done
fresh
# shellcheck disable=SC2016
check 'a branch that a shell would act on' within evil sh -c 'git checkout -qb "x;touch\${IFS}ran"'
matches 'is nothing to be copied' 'which stays there .name it to ajail pull.' "$AJAIL" pull evil
matches 'nor what has it named' '^ajail/evil of ' "$AJAIL" pull evil
check 'what a host runs' within evil sh -c 'mkdir -p sub/.vscode && echo x >sub/.vscode/tasks.json && ln -s sub .claude &&
    printf x >"$(printf ".vimrc\033")" && echo x >.envrc && git add . && git commit -qm x && git branch -f ajail/evil'
equal 'is told' '! 3 files that programs of your machine run by themselves: .claude, .envrc, sub/.vscode/tasks.json (look at them: ajail status evil --diff)' \
    "$("$AJAIL" status evil | tail -n 1)"
equal 'for programs' "['.claude', '.envrc', 'sub/.vscode/tasks.json']" \
    "$("$AJAIL" status evil --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["host_runs"])')"
from=$(git rev-parse --short=12 HEAD) to=$(within evil git rev-parse --short=12 HEAD)
matches 'also when it comes home' "^! 3 files .* .claude, .envrc, sub/.vscode/tasks.json .look at them: git diff $from $to" "$AJAIL" pull evil ajail/evil:home
check 'less' within evil sh -c 'git rm -q .envrc && rm .claude && mkdir "$(printf ".vscode")" && printf x >"$(printf ".vscode/\033[2J")" && git add -A && git commit -qm y && git branch -f ajail/evil'
equal 'what is removed does not count' '! 1 file that programs of your machine run by themselves: .vscode/\x1b[2J (look at it' \
    "$("$AJAIL" pull evil ajail/evil:home | tail -n 1 | sed 's/:[^:]*$//')"
git update-ref -d refs/heads/home
fresh
# What is in it can be removed, whatever its modes.
check 'directories without permissions' within evil sh -c 'mkdir -p d/e && echo x >d/e/f && chmod 0 d/e d'
refuses 'are looked into' '1 file not committed' "$AJAIL" destroy evil
check 'do not stop --force' "$AJAIL" destroy --force evil
equal 'nothing is left' '' "$(ls -A "$AJAIL_HOME/workspaces")"
equal 'the original is as it was' "$before" "$(fingerprint .)"
equal 'with no branch of it but what was brought home' 'ajail/evil main side' "$(git for-each-ref --format='%(refname:short)' | xargs)"

# The original may have been written by a jail, too.
mkdir ../fake
echo "gitdir: $HOME/secret/.git" >../fake/.git
refuses 'a .git file that names another repository' 'does not know of it' "$AJAIL" create evil --repo=../fake
mkdir -p ../fake2
ln -s "$HOME/secret/.git" ../fake2/.git
refuses 'a .git that is a link' 'symbolic link' "$AJAIL" create evil --repo=../fake2
mkdir -p ../fake3 && mkfifo ../fake3/.git
refuses 'a .git that is a FIFO' 'no git repository' "$AJAIL" create evil --repo=../fake3
git clone -q --shared ../secret ../borrower
refuses 'objects by a path with .. in it' "write it there as $HOME/secret/.git/objects" "$AJAIL" create evil --repo=../borrower
echo "$HOME/secret/.git/objects" >../borrower/.git/objects/info/alternates
refuses 'objects from elsewhere' "objects from $HOME/secret/.git/objects; .*--rol=$HOME/secret/.git/objects" \
    "$AJAIL" create evil --repo=../borrower
check 'granted' "$AJAIL" create evil --repo=../borrower --rol="$HOME/secret/.git/objects"
output 'they are there' one within evil git log -1 --format=%s
check 'removed' "$AJAIL" destroy evil
cp -r ../secret/.git ../fake4.git && echo "$HOME/secret/.git" >../fake4.git/commondir
refuses 'a commondir that names another' 'commondir names another' "$AJAIL" create evil --repo=../fake4.git

# The file that says what a workspace is.
"$AJAIL" create evil >/dev/null
state=$AJAIL_HOME/workspaces/evil/state.json
cp "$state" good.json
# shellcheck disable=SC2016
for damage in ': >$state' 'head -c 40 good.json >$state' 'echo "[]" >$state' 'sed "s,\"version\": 1,\"version\": 9," good.json >$state' \
    'sed "s/\"base\": \".*\"/\"base\": 7/" good.json >$state' 'rm $state' 'rm $state; mkfifo $state' 'rm -f $state; mkdir $state'; do
    rm -rf "$state"
    cp good.json "$state"
    eval "$damage"
    refuses "state.json: $damage" 'state.json is damaged' "$AJAIL" status evil
    refuses 'nothing is run' 'state.json is damaged' "$AJAIL" run --in=evil true
    refuses 'nothing is removed' 'state.json is damaged' "$AJAIL" destroy evil
    output 'the others are told' '[]' "$AJAIL" list --json
done
check 'unless that is asked for' "$AJAIL" destroy --force evil
rm -f good.json
