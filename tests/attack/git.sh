#!/bin/bash
# What a jail leaves in a project's git directory must not run on the host (CVE-2022-24765 and CVE-2026-25725 are this
# class): hooks, settings, and git directories put in place of the real one. And git goes on working inside.
# seconds: 180
# shellcheck source=tests/lib.sh
. "$TESTS/lib.sh"
if ! command -v git >/dev/null; then
    skip 'all of it' 'no git here'
    exit 0
fi
export GIT_CONFIG_GLOBAL=$PWD/gitconfig GIT_CONFIG_NOSYSTEM=1
git config --global user.email t@example.org
git config --global user.name t
git config --global init.defaultBranch main
git config --global protocol.file.allow always
printf '#!/bin/sh\ntouch "%s/ran"\n' "$PWD" >evil
chmod 755 evil
export EVIL=$PWD/evil
top=$PWD

# Without examples of hooks, which take long to copy.
mkdir -p template/hooks template/info made
touch template/info/exclude
git config --global init.templateDir "$top/template"
git config --global maintenance.auto false
# A repository r; a submodule r/s, a linked worktree w, and a bare one b.git. And n, a directory without one.
mkdir n
git init -q s && git -C s commit -q --allow-empty -m s
git init -q r
(cd r && echo x >f && git add f && git submodule --quiet add "$top/s" s && git commit -qm x)
git -C r worktree add -q ../w -b w
git clone -q --bare s b.git
mv r w b.git n made
# repositories [NAME...]: they, or these, as they were made; some of their files name others by this path.
repositories() {
    cd "$top" || exit 1
    [ "$#" -gt 0 ] || set -- r w b.git n
    chmod -Rf u+rwx "$@"
    rm -rf ran "$@"
    cp -a "${@/#/made/}" .
}
inside() {
    "$AJAIL" run --quiet --fs=host --env=EVIL --env=GIT_CONFIG_GLOBAL --rol="$EVIL" --rol="$GIT_CONFIG_GLOBAL" "$@"
}

# What a user does on the host afterwards with all that the jail could write to, r or one of the others, and with the access
# that they will give back to themselves. Until something has run.
host_git() {
    local dir dirs
    case $1 in
    b.git | n) dirs=("$1") ;;
    *) dirs=(r r/s r/.git w) ;;
    esac
    cd "$top" && chmod -Rf u+rwx "${dirs[@]}"
    if [ "${dirs[0]}" != r ]; then git -C s push -q "$top/$1" HEAD:refs/heads/pushed >/dev/null 2>&1; fi
    for dir in "${dirs[@]}"; do
        [ ! -e ran ] || return 0
        (
            cd "$top/$dir" 2>/dev/null || exit 0
            git status && git commit -q --allow-empty -m t
            git branch -f other
        ) >/dev/null 2>&1
    done
}

# attack NAME DIR SCRIPT [OPTION...]: SCRIPT in a jail in DIR; then the host's git runs nothing. Where it is allowed, it
# does: the attack is one.
attack() {
    local name=$1 dir=$2 script=$3 touched=(r w)
    case $dir in b.git | n) touched=("$dir") ;; esac
    shift 3
    for allow in '' --allow-hooks; do
        repositories "${touched[@]}"
        eval "${before:-}"
        cd "$top/$dir" || exit 1
        inside $allow "$@" sh -c "$script" >"$top/said" 2>&1
        cd "$top" || exit 1
        host_git "$dir"
        if [ -z "$allow" ]; then
            equal "$name: nothing runs" no "$([ -e ran ] && echo "yes: $(cat said)" || echo no)"
        else
            equal "control of $name" yes "$([ -e ran ] && echo yes || echo "no: $(cat said)")"
        fi
    done
}
before=
repositories
# fake DIR: a git directory there.
fake='fake() {
    mkdir -p "$1/objects" "$1/refs"
    echo "ref: refs/heads/x" >"$1/HEAD"
    printf "[core]\nrepositoryformatversion = 0\nbare = false\nworktree = .\nfsmonitor = %s\n" "$EVIL" >"$1/config"
}'
hook='cp "$EVIL" .git/hooks/pre-commit'
attack 'a hook' r "$hook"
attack 'core.fsmonitor' r 'git config core.fsmonitor "$EVIL"'
attack 'core.hooksPath' r 'mkdir h; cp "$EVIL" h/pre-commit; printf "[core]\nhooksPath = h\n" >>.git/config'
attack 'config replaced' r 'cp .git/config c; git config -f c core.fsmonitor "$EVIL"; mv -f c .git/config'
attack 'config removed and made' r 'cp .git/config c; git config -f c core.fsmonitor "$EVIL"; rm -f .git/config; cp c .git/config'
attack 'config by a hard link' r 'ln .git/config c; git config -f "$PWD/c" core.fsmonitor "$EVIL"; cat c >.git/config'
attack 'hooks renamed away' r 'mv .git/hooks .git/h; mkdir .git/hooks; '"$hook"
attack '.git renamed away' r 'mv .git g; cp -r g .git; git config core.fsmonitor "$EVIL"'
attack '.git replaced by a link' r 'mv .git g; cp -r g h; ln -s h .git; git config -f h/config core.fsmonitor "$EVIL"'
attack '.git replaced by a file' r 'mv .git g; cp -r g h; echo "gitdir: h" >.git; git config -f h/config core.fsmonitor "$EVIL"'
commondir='cp -r .git h; git config -f h/config core.fsmonitor "$EVIL"; echo ../h >.git/commondir'
attack 'commondir' r "$commondir"
attack 'a submodule'"'"'s config' r 'git -C s config core.fsmonitor "$EVIL"'
attack 'a submodule'"'"'s hook' r 'cp "$EVIL" .git/modules/s/hooks/pre-commit'
attack 'a submodule renamed away' r 'mv .git/modules .git/m; cp -r .git/m .git/modules; git config -f .git/modules/s/config core.fsmonitor "$EVIL"'
attack 'a submodule'"'"'s commondir' r 'cp -r .git/modules/s h; git config -f h/config core.fsmonitor "$EVIL"; echo "$PWD/h" >.git/modules/s/commondir'
attack 'a worktree'"'"'s commondir' r 'cp -r .git h; git config -f h/config core.fsmonitor "$EVIL"; echo "$PWD/h" >.git/worktrees/w/commondir'
attack 'the .git file of a worktree' w 'git init -q h; git -C h config core.fsmonitor "$EVIL"; rm -f .git; echo "gitdir: h/.git" >.git'
attack 'the .git file of a submodule' r/s 'git init -q h; git -C h config core.fsmonitor "$EVIL"; rm -f .git; echo "gitdir: h/.git" >.git'
attack 'a bare repository' b.git 'cp "$EVIL" hooks/reference-transaction'
attack 'a bare repository, commondir' b.git 'mkdir -p h/hooks; cp -r HEAD objects refs config packed-refs h; cp "$EVIL" h/hooks/reference-transaction; echo h >commondir'
attack 'a bare repository, a .git in it' b.git "$fake"'; fake .git; mkdir .git/hooks; cp "$EVIL" .git/hooks/pre-receive'
attack 'a .git in .git' r "$fake"'; fake .git/.git; printf "[core]\nworktree = $PWD\nfsmonitor = $EVIL\n" >.git/.git/config'
attack 'the top a git directory, none else' n "$fake; fake ."
attack 'the top, with commondir' n "$fake; fake c; mv c/HEAD .; echo c >commondir; mkdir c/hooks"'; cp "$EVIL" c/hooks/pre-receive'
attack 'the top, HEAD gone from .git' r "$fake; fake .; rm .git/HEAD"
attack 'the top, HEAD of .git spoilt' r "$fake; fake .; echo x >.git/HEAD"
attack 'the top, objects gone from .git' r "$fake; fake .; mv .git/objects .git/o"
attack 'the top, refs gone from .git' r "$fake; fake .; rm -rf .git/refs"
attack 'the top, .git without access' r "$fake; fake .; rm .git/HEAD; chmod 0 .git"
attack 'the top not writable' n "$fake; fake .; chmod 0555 ."
before='mkdir n/objects; ln -s objects n/refs'
attack 'the top, some of it there' n "$fake; fake ."
before='mkdir n/refs; echo "ref: refs/heads/x" >n/HEAD'
attack 'the top, HEAD there' n "$fake; fake ."
before='(cd r && '$fake'; fake . && rm config)'
attack 'the top, all of it there' r "$fake; rm .git/HEAD; fake ."
before=
attack 'commondir, and .git not writable' r "$commondir; chmod 0555 .git"
attack 'commondir, and .git without access' r "$commondir; chmod 0 .git"
attack 'the git directory granted alone' r 'git config core.fsmonitor "$EVIL"' --ro --rw=.git
attack 'at another path' . 'git -C /x config core.fsmonitor "$EVIL"' --mount=r,/x,rw
attack 'below the current directory' . 'cp "$EVIL" r/.git/hooks/pre-commit' --ro --rw=r
attack 'a directory with devices' r "$hook" --dev
before='rm -rf r/.git/hooks'
attack 'no hooks yet' r "mkdir .git/hooks; $hook"
before='rm -rf r/.git/hooks; git -C r config extensions.worktreeConfig true'
attack 'no config.worktree yet' r 'printf "[core]\nfsmonitor = %s\n" "$EVIL" >.git/config.worktree'
before=

# What could not be covered is told, and its content kept.
repositories
rm -rf r/.git/hooks
cd r || exit 1
matches 'made meanwhile: told' '^ajail: warning: .*/r/\.git/hooks was made while the jail ran' \
    inside sh -c 'mkdir .git/h; echo mine >.git/h/x; mv .git/h .git/hooks'
matches 'and what to do with it' 'is called hooks\.jail-[0-9a-f]{8} now, with all that is in it; look at it, and remove it or rename it back .--allow-hooks' cat "$ERR"
equal 'made meanwhile: kept' mine "$(cat .git/hooks.jail-*/x)"
rm -rf .git/hooks.jail-*
inside sh -c 'ln -s /etc .git/hooks; echo >.git/commondir'
equal 'a link is renamed, not what it leads to' 2 "$(find .git -maxdepth 1 -name '*.jail-*' | wc -l)"
equal 'nothing else is' '' "$(inside true 2>&1)"
echo kept >"$top/secret"
chmod 640 "$top/secret"
inside sh -c 'ln -s "$1" .git/commondir; chmod 2550 .git' sh "$top/secret" >"$top/said" 2>&1
equal 'not writable: renamed all the same' no "$([ -L .git/commondir ] && echo "yes: $(cat "$top/said")" || echo no)"
equal 'not writable: its mode stays' 2550 "$(stat -c %a .git)"
equal 'what a link leads to is left alone' '640 kept' "$(stat -c %a "$top/secret") $(cat "$top/secret")"
chmod 755 .git
rm -f .git/*.jail-* "$top/secret"
matches 'a spoilt .git is told' '/r/\.git is no git directory any more' inside rm .git/HEAD
cd "$top/n" || exit 1
equal 'names that make no git directory stay' '' "$(inside sh -c 'mkdir objects refs' 2>&1)"
matches 'what makes one is told' '/n/HEAD was made while the jail ran' inside sh -c 'echo x >HEAD'
equal 'and that alone renamed' 'x 3' "$(cat HEAD.jail-*) $(find objects refs HEAD* -maxdepth 0 | wc -l)"
cd "$top" || exit 1
mkdir none
cd none || exit 1
matches 'a new .git is told' '/none/\.git was made while the jail ran' inside git init -q .
check 'and does not stay' test ! -e .git
check 'unless it is allowed' inside --allow-hooks git init -q .
check 'then it does' test -f .git/config
cd "$top" || exit 1

# Links that an earlier jail may have put there: refused, in one line.
for name in .git .git/hooks .git/config .git/modules/s .git/modules .git/worktrees; do
    repositories
    cd r || exit 1
    mv "$name" "$top/moved"
    ln -s "$top/moved" "$name"
    refuses "$name is a link" "/r/$name is a symbolic link.*--allow-hooks" inside true
    rm "$name"
    ln -s nowhere "$name"
    refuses "$name is a dangling link" "/r/$name is a symbolic link" inside true
    check "$name is a link, allowed" inside --allow-hooks true
    check "$name is a link, nothing is written" inside --ro true
    cd "$top" || exit 1
    rm -rf moved
done
# Special files do not hold ajail up.
for name in .git .git/hooks .git/config .git/modules; do
    repositories
    cd r || exit 1
    rm -rf "$name"
    mkfifo "$name"
    check "$name is a FIFO" timeout 20 "$AJAIL" run --quiet --fs=host true
    cd "$top" || exit 1
done
# More submodules than are looked at: none can be changed.
repositories
cd r || exit 1
for i in $(seq 100); do mkdir -p ".git/modules/m$i/hooks" && echo ref >".git/modules/m$i/HEAD"; done
denied 'too many submodules' inside sh -c 'echo x >.git/modules/m7/hooks/x || exit 1'
check 'and hooks are still covered' inside sh -c '! echo x 2>/dev/null >.git/hooks/x && ! echo x 2>/dev/null >.git/config'

# Work goes on.
repositories
cd r || exit 1
check 'git works inside' inside sh -ec '
    git status
    echo y >>f; git add f; git commit -qm y; git commit -q --amend -m z
    git checkout -q -b side; echo z >g; git add g; git commit -qm g
    git checkout -q main; echo m >m; git add m; git commit -qm m
    git rebase -q side; git merge -q side; git cherry-pick --allow-empty HEAD || git cherry-pick --skip
    echo w >>f; git stash -q; git stash pop -q; git stash -q
    git fetch -q "$PWD" side:fetched; git tag t; git gc -q; git reflog; git log -1; git diff HEAD~1
    git branch -d fetched; git reset -q --hard HEAD~1; git clean -fdq
    git worktree list; git worktree add -q new; git worktree remove new
    git -C s status; git -C s checkout -q -b inside; git -C s commit -q --allow-empty -m i'
check 'and the host sees it' git log -1 side
matches 'git config says why not' 'could not (write|lock) config file' inside git config core.x y
check 'unless it is allowed' inside --allow-hooks git config core.x y
equal 'then it stays' y "$(git config core.x)"
check 'or that is granted' inside --rw=.git/hooks sh -c 'echo x >.git/hooks/x'
check 'what is thrown away needs no cover' inside --ro git config core.x z
equal 'it was thrown away' y "$(git config core.x)"
matches 'the status tells' '^Protected: .*\.git/hooks, \.git/config[ ,]' "$AJAIL" run --fs=host true
matches 'and tells when they are not' '^Allowed: hooks' "$AJAIL" run --fs=host --allow-hooks true
matches 'also by the other name of it' '^Allowed: hooks' "$AJAIL" run --fs=host --allow=git-config true
cd "$top" || exit 1
rm -rf r w s b.git n h

# Where git finds no repository in the jail, though the host's does.
repositories
mkdir -p r/deep/er
elsewhere() { (cd "$1" && "$AJAIL" run --fs=host "${@:2}" true) 2>&1 | sed -n 's/^  git: the repository is in //p'; }
equal 'below the top of a repository' "$top/r, which is not granted (--rw=$top/r)" "$(elsewhere r/deep/er)"
equal 'in a linked worktree' "$top/r/.git, which is not granted (--rw=$top/r/.git)" "$(elsewhere w)"
equal 'in a submodule' "$top/r/.git/modules/s, which is not granted (--rw=$top/r/.git/modules/s)" "$(elsewhere r/s)"
equal 'at the top' '' "$(elsewhere r)"
equal 'in a bare one' '' "$(elsewhere b.git)"
equal 'where there is none' '' "$(cd / && cd "$HOST_TMP" && elsewhere .)"
equal 'not if it is given' '' "$(elsewhere r/deep --rw=..)$(elsewhere w --rw="$top/r/.git")$(elsewhere r/s --rw=..)"
equal 'nor if nothing is' '' "$(elsewhere r/deep --hide)"
equal 'nobody is told to give a home' '' "$(HOME=$top/r/deep elsewhere r/deep/er)"
check 'what is told helps: below the top' sh -c 'cd r/deep && "$AJAIL" run --quiet --fs=host --rw=.. git status'
check 'in a linked worktree' sh -c 'cd w && "$AJAIL" run --quiet --fs=host --rw=../r/.git git status'
check 'in a submodule' sh -c 'cd r/s && "$AJAIL" run --quiet --fs=host --rw=../.git/modules/s git status'
mkdir planted secret
echo "gitdir: $top/secret" >planted/.git
equal 'what is no git directory is not told as one to be given' '' "$(elsewhere planted)"
rm -rf r w s b.git n h planted secret
