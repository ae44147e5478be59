# shellcheck shell=bash
# Repositories and workspaces for tests, in a store of their own; sourced after lib.sh. git is the host's (--fs=host), since
# the root filesystem of the tests has none.
export HOME=$PWD AJAIL_HOME=$PWD/store AJAIL_ARGS='--fs=host'
export GIT_CONFIG_NOSYSTEM=1
git config --global user.name Me
git config --global user.email me@example.org
git config --global init.defaultBranch main
git config --global protocol.file.allow always
git config --global gc.auto 0

# repository DIR: with a commit on main and side
repository() {
    git init -q "${@:2}" "$1"
    (cd "$1" && echo a >a && echo b >b && git add . && git commit -qm one && git branch side)
}

# within NAME COMMAND...
within() { "$AJAIL" run --quiet --in="$1" -- "${@:2}"; }

# Hooks, settings, HEAD and the files of a repository with its work tree: all but refs, logs, objects and the index.
fingerprint() {
    (cd "$1" && find . -regex '\./\(\.git/\)?\(objects\|logs\|refs\|index\|COMMIT_EDITMSG\|ORIG_HEAD\)' -prune -o -type f -exec sha256sum {} + | sort)
}
