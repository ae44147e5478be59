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
EOT
GIT_CONFIG_GLOBAL=/dev/null git config user.name >/dev/null && skip 'who commits' 'the system says'
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
