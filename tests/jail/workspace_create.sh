#!/bin/bash
# not: userns
# seconds: 120
# What `ajail create` takes of its caller's, what it looks at before there is a workspace, and what it tells.
set -u
. "$TESTS/lib.sh"
. "$TESTS/workspaces.sh"

repository proj
cd proj || exit 1

# Of the caller's settings a name and an address, and nothing else, whatever the repository makes git run meanwhile.
cat >"$HOME/.gitconfig" <<'EOT'
[user]
	name = Me "of" \\ all
	email = "me@example.org" ; the one
[url "https://name:pass-w0rd@host/"]
	insteadOf = https://host/
[protocol "file"]
	allow = always
EOT
check 'created' "$AJAIL" create one
output 'who commits' 'Me of \ all <me@example.org>' within one sh -c 'git commit -q --allow-empty -m x && git log -1 --format="%an <%ae>"'
check 'gone' "$AJAIL" destroy --force one
# shellcheck disable=SC2016
look='echo ran; env; cat /gitconfig /tmp/gitconfig "$HOME/.gitconfig" "$HOME/.config/git/config"; find / -xdev -name "*gitconfig*" -exec cat {} +'
git config filter.x.smudge "sh -c '$look' 2>/dev/null; :"
echo '* filter=x' >.git/info/attributes
check 'a filter in the original, a worktree' "$AJAIL" create one --worktree
seen=$AJAIL_HOME/workspaces/one/tree/a
check 'was run' grep -q '^ran$' "$seen"
equal 'and has seen no password' '' "$(grep -a pass-w0rd "$seen")"
"$AJAIL" destroy --force one
git branch -qD ajail/one
rm .git/info/attributes
git config --unset filter.x.smudge
# A repository that fetches what it has not by a program of its own.
git init -q ../lazy && git -C ../lazy commit -q --allow-empty -m x
(
    cd ../lazy || exit 1
    echo x >x && git add x && git commit -qm y && git tag away HEAD && git reset -q --hard HEAD~1
    away=$(git rev-parse away)
    rm -f ".git/objects/${away:0:2}/${away:2}"
    git config core.repositoryFormatVersion 1
    git config extensions.partialClone evil
    git config remote.evil.promisor true
    git config remote.evil.partialCloneFilter blob:none
    git config protocol.ext.allow always
    git config remote.evil.url 'ext::sh -c touch% $ORIGIN/ran'
)
refuses 'what is not there' 'no commit away' "$AJAIL" create one --repo=../lazy --branch=away --worktree
check 'is not fetched by such a program' test ! -e ../lazy/.git/ran
GIT_ALLOW_PROTOCOL=ext ORIGIN=$PWD/../lazy/.git git -C ../lazy rev-parse -q --verify 'away^{commit}' >../out 2>&1
check 'which the host'"'"'s git would run' test -e ../lazy/.git/ran

# What would not run is not made.
for option in --fs=nosuch --rol=/nosuch --seccomp=/nosuch.json --user=nobody --keep --hide --fs-edit; do
    run_ "$AJAIL" create one "$option"
    equal "$option: refused, in a line" '125 1' "$STATUS $(wc -l <"$ERR")"
    run_ "$AJAIL" run --clone "$option" true
    equal "$option: without a name, too" '125 1' "$STATUS $(wc -l <"$ERR")"
done
refuses 'which root filesystem' 'no root filesystem nosuch' "$AJAIL" create one --fs=nosuch
refuses 'kept already' 'a workspace keeps what is done in it' "$AJAIL" run --clone --keep true
equal 'nothing of it is left' '' "$(ls -A "$AJAIL_HOME/workspaces")"
equal 'nor in the original' 'main side' "$(git for-each-ref --format='%(refname:short)' refs/heads | xargs)"
equal 'nor somewhere else' "$PWD" "$(pwd -P)"

# What is not committed.
echo x >>a
mkdir new && echo x >new/x && echo x >new/y
check 'create' "$AJAIL" create one
equal 'what is not committed is told' "ajail: 3 files not committed in $PWD are not in the workspace" "$(cat "$ERR")"
check 'create' "$AJAIL" create two --quiet
equal 'not with --quiet' '' "$(cat "$ERR")"
matches 'without a name' '^ajail: 3 files not committed in ' "$AJAIL" run --clone true
check 'removed' "$AJAIL" destroy one two
git worktree add -q --detach ../linked && touch ../linked/z
matches 'of a linked worktree' '^ajail: 1 file not committed in .*/linked is not in' "$AJAIL" create one --repo=../linked
check 'removed' "$AJAIL" destroy one
git worktree remove --force ../linked
git config core.fsmonitor "touch $HOST_TMP/ran; false"
matches 'no program is run for it' '^ajail: 3 files' "$AJAIL" create one
check 'none' test ! -e "$HOST_TMP/ran"
check 'removed' "$AJAIL" destroy one
git config --unset core.fsmonitor
git clean -qfd && git checkout -q .
check 'nothing' "$AJAIL" create one
equal 'nothing is told of' '' "$(cat "$ERR")"
check 'removed' "$AJAIL" destroy one
(
    export HOME=$PWD/../nobody
    matches 'nobody who commits' '^ajail: git will ask in it who commits' "$AJAIL" create one
    check 'removed' "$AJAIL" destroy one
    check 'unless that is given' "$AJAIL" create one --env=GIT_AUTHOR_NAME=x
    equal 'nothing is told of' '' "$(cat "$ERR")"
    check 'removed' "$AJAIL" destroy one
)

# In a submodule.
repository ../super
git -C ../super submodule --quiet add "$PWD" sub
before=$(fingerprint ../super/.git/modules/sub)
check 'a worktree of a submodule' "$AJAIL" create one --worktree --repo=../super/sub
output 'is one' 'ajail/one work' within one sh -c 'echo w >w && git add w && git commit -qm work && git log -1 --format="%D %s" | sed "s/HEAD -> //"'
check 'removed' "$AJAIL" destroy one
equal 'as it was' "$before" "$(fingerprint ../super/.git/modules/sub)"
equal 'with its branch' work "$(git -C ../super/sub log -1 --format=%s ajail/one)"
git clone -q --bare . ../bare.git
check 'a worktree of a bare one' "$AJAIL" create one --worktree --repo=../bare.git
output 'is one' one within one git log -1 --format=%s
check 'removed' "$AJAIL" destroy one

# Found by its name while something runs in it.
check 'create' "$AJAIL" create named
names() { "$AJAIL" ps --json | python3 -c 'import json, sys; print(*[jail["name"] for jail in json.load(sys.stdin)])'; }
"$AJAIL" run --quiet --in=named sh -c 'echo $$ >there; exec sleep 60' &
until [ -s "$AJAIL_HOME/workspaces/named/tree/there" ]; do sleep 0.05; done
"$AJAIL" run --quiet --in=named sh -c 'echo $$ >too; exec sleep 60' &
"$AJAIL" run --quiet --in=named --name=other sh -c 'echo $$ >third; exec sleep 60' &
until [ -s "$AJAIL_HOME/workspaces/named/tree/too" ] && [ -s "$AJAIL_HOME/workspaces/named/tree/third" ]; do sleep 0.05; done
equal 'they are listed' 'named named-2 other' "$(names)"
output 'found' "$PWD" "$AJAIL" exec named pwd
check 'ended' "$AJAIL" kill named named-2
equal 'that is left' other "$(names)"
check 'all ended' "$AJAIL" kill other
wait
check 'removed' "$AJAIL" destroy --force named
equal 'none is listed' '' "$(names)"
