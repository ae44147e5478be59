#!/bin/sh
# All of git that ajail does itself, for workspaces, with the host's git.
#
#   git.sh identity          says the name and the address that /gitconfig gives; there is no repository
#   git.sh create            fills /workspace (tree, git, outbox); says the commit that it starts from
#   git.sh create-worktree   TREE as a linked worktree of ORIGIN; says the commit, its entry's name, and who commits
#   git.sh remove-worktree   removes that ENTRY, which is TREE's
#   git.sh uncommitted       says how many files of the original are not committed, in WORK
#   git.sh status            says what has changed since BASE
#   git.sh diff              the same as a patch
#   git.sh lost              says how many files and commits only the workspace has, and the first of them
#   git.sh pack              the commit of BRANCH, and what ORIGIN has not of it
#   git.sh unpack            such a pack from stdin; it becomes BRANCH of ORIGIN
#
# ORIGIN: the common git directory of the original. ORIGIN_GIT: its git
# directory, the same or a linked worktree's. GIT_DIR, GIT_WORK_TREE: the
# workspace's. REF: what to start from (empty: HEAD). AUTHOR, ADDRESS: who
# commits, where the original does not say.
#
# Runs in a jail. In git's directories stands what a payload wrote, which may
# make git run programs: they find nothing here that is not theirs already. So
# the caller's settings, which may hold passwords, are never where a repository is.
set -eu
umask 022
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/tmp
# /tmp/gitconfig has safe.directory and nothing else, which git before 2.38 does not take from the command line.
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/tmp/gitconfig GIT_ATTR_NOSYSTEM=1
# What is missing is not fetched from where a payload says, by a helper program of its choice (ext::).
export GIT_NO_LAZY_FETCH=1 GIT_ALLOW_PROTOCOL=file
export GIT_OPTIONAL_LOCKS=0 GIT_NO_REPLACE_OBJECTS=1 GIT_TERMINAL_PROMPT=0 GIT_PAGER=cat
export GIT_COMMITTER_NAME=ajail GIT_COMMITTER_EMAIL=ajail@localhost
mode=$1

die() {
  echo "$*" >&2
  exit 1
}

git() {
  command git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c gc.auto=0 \
    -c maintenance.auto=false -c advice.detachedHead=false "$@"
}

# In the original, whatever directory its configuration says it works in.
original() { GIT_WORK_TREE=/tmp git --git-dir="$ORIGIN_GIT" "$@"; }

base() {
  if [ -n "$REF" ]; then
    original rev-parse -q --verify --end-of-options "$REF^{commit}" 2>/dev/null || die "the repository has no commit $REF"
  elif ! original rev-parse -q --verify 'HEAD^{commit}'; then
    original symbolic-ref -q HEAD >/dev/null || die "HEAD of the repository is no commit"
    echo unborn
  fi
}

# Whatever stands there; includes are not followed.
first_line() { printf '%s\n' "$1" | head -n 1; }
setting() { git config --file /gitconfig --no-includes "user.$1" 2>/dev/null || :; }

identity() {
  first_line "$(setting name)"
  first_line "$(setting email)"
}

# Who commits, as where the original is.
who() {
  value=$(original config "user.$1" 2>/dev/null) || value=$2
  first_line "$value"
}

borrow() {
  echo /ajail/origin/objects >"$1/objects/info/alternates"
  [ ! -f "$ORIGIN/shallow" ] || cp "$ORIGIN/shallow" "$1/shallow"
  # A submodule's names its working directory, which git would look for.
  # shellcheck disable=SC2016
  [ -z "$(original config core.worktree)" ] || git config -f "$1/config" core.alternateRefsCommand \
    'f() { GIT_WORK_TREE=/ git --git-dir="$1" for-each-ref --format="%(objectname)"; }; f'
}

outbox() {
  (
    unset GIT_DIR GIT_WORK_TREE
    git init -q --bare --template= --object-format="$format" "$1"
  )
  borrow "$1"
  git --git-dir="$1" config receive.shallowUpdate true
  mkdir -p "$1/hooks"
  cat >"$1/hooks/update" <<'EOT'
#!/bin/sh
# Only new branches: what the original has already, `ajail pull` brings up to date.
case $1 in
  refs/heads/*) ;;
  *) echo "ajail: $1 is no branch, and only branches can be pushed" >&2; exit 1 ;;
esac
if GIT_WORK_TREE=/ git --git-dir=/ajail/origin show-ref --verify -q "$1"; then
  echo "ajail: the original has ${1#refs/heads/} already; push under another name, or leave it to 'ajail pull'" >&2
  exit 1
fi
EOT
  chmod 755 "$1/hooks/update"
}

create() {
  start=$(base)
  format=$(original rev-parse --show-object-format)
  name=$(who name "$AUTHOR") email=$(who email "$ADDRESS")
  git init -q --template= --object-format="$format"
  git config --unset core.worktree || :
  git config core.bare false
  [ -z "$name" ] || git config user.name "$name"
  [ -z "$email" ] || git config user.email "$email"
  borrow "$GIT_DIR"
  git config remote.origin.url /ajail/origin
  git config remote.origin.pushurl /ajail/outbox
  git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
  git fetch -q --tags origin
  git symbolic-ref HEAD "refs/heads/$BRANCH"
  if [ "$start" != unborn ]; then
    git update-ref "refs/heads/$BRANCH" "$start"
    git reset -q --hard
  fi
  mkdir "$GIT_WORK_TREE/.git" # where GIT_DIR is mounted
  outbox /workspace/outbox
  echo "$start"
  first_line "$name"
  first_line "$email"
}

create_worktree() {
  start=$(base)
  [ "$start" != unborn ] || die "the repository has no commit yet, and a worktree needs one"
  # A submodule's names its working directory, which is not here.
  GIT_WORK_TREE=/tmp git --git-dir="$ORIGIN" worktree add -q --no-track -b "$BRANCH" "$TREE" "$start"
  read -r _ entry <"$TREE/.git"
  echo "$start ${entry##*/}"
  who name "$AUTHOR"
  who email "$ADDRESS"
}

remove_worktree() {
  # shellcheck disable=SC2153
  entry=$ORIGIN/worktrees/$ENTRY
  [ -d "$entry" ] || exit 0
  [ "$(cat "$entry/gitdir")" = "$TREE/.git" ] || die "worktrees/$ENTRY of the repository is another's by now"
  rm -rf "$entry"
  rmdir "$ORIGIN/worktrees" 2>/dev/null || :
}

# What to compare with: BASE, or nothing at all.
since() { if [ "$BASE" = unborn ]; then git hash-object -t tree /dev/null; else echo "$BASE"; fi; }

# New files as if they were in the index; that is a copy, and so are objects.
with_new_files() {
  [ ! -f "$GIT_DIR/index" ] || cp "$GIT_DIR/index" /tmp/index
  objects=$(git rev-parse --git-path objects)
  mkdir -p /tmp/objects
  export GIT_INDEX_FILE=/tmp/index GIT_OBJECT_DIRECTORY=/tmp/objects GIT_ALTERNATE_OBJECT_DIRECTORIES="$objects"
  git -C "$GIT_WORK_TREE" add -A -N .
}

patch() { git -C "$GIT_WORK_TREE" diff --no-ext-diff --no-textconv --no-color "$@" "$(since)"; }

status() {
  commits=0
  if git rev-parse -q --verify HEAD >/dev/null; then
    if [ "$BASE" = unborn ]; then set -- HEAD; else set -- HEAD "^$BASE"; fi
    commits=$(git rev-list --count "$@")
  fi
  echo "$commits"
  # shellcheck disable=SC2030
  (
    with_new_files
    patch --raw -z --shortstat >/tmp/stat
    cat /tmp/stat
    [ -s /tmp/stat ] || echo
  )
  git -C "$GIT_WORK_TREE" status --porcelain=v2 -z --untracked-files=all
}

# All that the original has, as what is not wanted.
known() {
  original for-each-ref --format='^%(objectname)'
  for head in "$ORIGIN/HEAD" "$ORIGIN"/worktrees/*/HEAD; do
    if [ ! -f "$head" ] || [ "$head" = "${OWN_HEAD:-}" ]; then continue; fi
    read -r tip <"$head" || continue
    case $tip in *[!0-9a-f]*) ;; *) echo "^$tip" ;; esac
  done
}

lost() {
  git -C "$GIT_WORK_TREE" status --porcelain -z --no-renames >/tmp/files 2>/tmp/said
  [ ! -s /tmp/said ] || die "$(cat /tmp/said)" # a directory that cannot be read, and git goes on
  known >/tmp/known
  # Of a linked worktree all but its HEAD is the original's.
  set -- HEAD
  if [ -d /workspace/outbox ]; then
    set -- --exclude='refs/remotes/*' --all
    if git rev-parse -q --verify HEAD >/dev/null; then set -- "$@" HEAD; fi
    if git rev-parse -q --verify refs/stash >/dev/null; then git rev-list -g refs/stash >>/tmp/known; fi
    git --git-dir=/workspace/outbox for-each-ref --format='%(objectname)' >>/tmp/known
    export GIT_ALTERNATE_OBJECT_DIRECTORIES=/workspace/outbox/objects
  fi
  commits=$(git rev-list --count "$@" --stdin </tmp/known)
  git rev-list --oneline --max-count=3 "$@" --stdin </tmp/known >/tmp/commits
  echo "$(tr -cd '\0' </tmp/files | wc -c) $commits"
  head -c 1000 /tmp/commits
  printf '\0'
  head -c 4000 /tmp/files
}

uncommitted() {
  GIT_WORK_TREE=$WORK git --git-dir="$ORIGIN_GIT" -c core.checkStat=minimal -C "$WORK" status --porcelain -z \
    --no-renames --untracked-files=all --ignore-submodules=all | tr -cd '\0' | wc -c
}

# From the workspace itself, or what was only pushed.
pack() {
  ref=refs/heads/$BRANCH
  if ! commit=$(git rev-parse -q --verify "$ref^{commit}"); then
    export GIT_DIR=/workspace/outbox
    commit=$(git rev-parse -q --verify "$ref^{commit}") || die "it has no branch $BRANCH, and none was pushed"
  fi
  known >/tmp/known
  echo "$commit" >>/tmp/known
  echo "$commit"
  git pack-objects --revs --thin --stdout --delta-base-offset -q </tmp/known
}

whole() { git rev-list --objects --quiet "$1" --not --all; }

other='(under another name: ajail pull NAME BRANCH:OTHER)'

refuse_checked_out() {
  set -- "$ORIGIN"/worktrees/*/HEAD "$ORIGIN"/worktrees/*/rebase-*/head-name "$ORIGIN"/rebase-*/head-name
  if [ "$bare" = false ]; then set -- "$ORIGIN/HEAD" "$@"; fi
  for file; do
    [ -f "$file" ] || continue
    read -r line <"$file" || continue
    [ "${line#ref: }" != "refs/heads/$BRANCH" ] || die "$BRANCH is checked out there $other"
  done
}

unpack() {
  export GIT_DIR="$ORIGIN" GIT_WORK_TREE=/tmp
  bare=$(git config --bool core.bare) || bare=false
  [ "$bare" = false ] || unset GIT_WORK_TREE
  read -r commit
  ref=refs/heads/$BRANCH
  ! git symbolic-ref -q "$ref" >/dev/null || die "$BRANCH stands for another branch there $other"
  refuse_checked_out
  old=$(git rev-parse -q --verify "$ref") || old=''
  # All that is needed may be there, and then the pack is empty.
  if ! { git cat-file -e "$commit^{commit}" && whole "$commit"; } 2>/dev/null; then
    git index-pack --stdin --fix-thin --strict >/dev/null
    whole "$commit"
  fi
  count=$(git rev-list --count "$commit" --not --all)
  from=$old
  [ -n "$from" ] || from=$(git rev-parse -q --verify "$BASE^{commit}") || from=$(git hash-object -t tree /dev/null)
  git diff-tree -r -z --name-only --no-renames --diff-filter=d "$from" "$commit" >/tmp/names
  if [ -n "$old" ]; then
    git merge-base --is-ancestor "$old" "$commit" || die "$BRANCH has commits there that the workspace's has not $other"
  fi
  git update-ref -m 'ajail pull' "$ref" "$commit" "${old:-$(echo "$commit" | tr '0-9a-f' 0)}"
  echo "$commit $count ${old:-new} $from"
  cat /tmp/names
}

# git would read such a one for ever.
refuse_endless() {
  [ -n "${GIT_DIR:-}" ] && [ "$mode" != create ] || return 0
  odd=$(find "$GIT_DIR/" \( -xtype p -o -xtype c -o -xtype s -o \
    -size +2097152 ! -path '*/objects/??/*' ! -path '*/objects/pack/*' ! -path '*/lfs/*' \) -print -quit 2>/dev/null) || :
  [ -z "$odd" ] || die "what should be a small file of git is none"
}

main() {
  refuse_endless
  case $mode in
    identity) identity ;;
    create) create ;;
    create-worktree) create_worktree ;;
    remove-worktree) remove_worktree ;;
    uncommitted) uncommitted ;;
    status) status ;;
    diff)
      with_new_files
      patch
      ;;
    lost) lost ;;
    pack) pack ;;
    unpack) unpack ;;
    *) die "git.sh: no $mode" ;;
  esac
}

command -v git >/dev/null || die "git is needed on the host"
# Whose the repository is does not matter here.
printf '[safe]\n\tdirectory = *\n' >/tmp/gitconfig
# Of the complaints the beginning is kept. Not a part of && or ||, where set -e would mean nothing.
exec 3>&1 4<&0
(
  main <&4 4<&- 2>&1 >&3 3>&-
  : >/tmp/done
) | {
  exec 3>&- 4<&-
  head -c 4000
  cat >/dev/null
} >&2
[ -e /tmp/done ]
