#!/bin/bash
# What the host runs of a project (git's hooks and settings, .envrc, .vscode and their like) cannot be changed or made from
# inside, also not once the host replaces it while the jail runs. Each attack is made without the guard as well, where it
# must succeed.
# shellcheck source=tests/lib.sh
. "$TESTS/lib.sh"
export GIT_CONFIG_GLOBAL=$PWD/gitconfig GIT_CONFIG_NOSYSTEM=1
printf '[user]\n\tname = t\n\temail = t@example.org\n[init]\n\tdefaultBranch = main\n' >gitconfig
top=$PWD
free=(--protect=none --allow-hooks)
inside() { "$AJAIL" run --quiet --fs=host "$@"; }

# A repository p with some of the list, and a directory n with none of it.
project() {
    cd "$top" || exit 1
    chmod -Rf u+rwx p n
    rm -rf p n
    mkdir -p p/.vscode p/.claude/commands p/src n
    git init -q p
    for file in .envrc .vscode/tasks.json .claude/settings.json src/main.c; do echo host >"p/$file"; done
}

# What is at PATH: what it holds, or what it is.
state() {
    if [ -L "$1" ]; then readlink "$1"
    elif [ -f "$1" ]; then cat "$1"
    elif [ -d "$1" ]; then (cd "$1" && find . -type f -exec cat {} + -o -print | sort)
    elif [ -e "$1" ]; then stat -c %F "$1"
    else echo none; fi 2>&1
}

# attack NAME DIR PATH SCRIPT: SCRIPT, which is to change PATH, in a jail in DIR.
attack() {
    local name=$1 dir=$2 path=$3 script=$4 before
    for options in guarded free; do
        project
        cd "$dir" || exit 1
        before=$(state "$path")
        if [ $options = free ]; then inside "${free[@]}" sh -c "$script"; else inside sh -c "$script"; fi >"$top/said" 2>&1
        if [ $options = guarded ]; then
            equal "$name" "$before" "$(state "$path")"
        else
            check "control of $name: $(cat "$top/said")" test "$before" != "$(state "$path")"
        fi
        cd "$top" || exit 1
    done
}
exchange='exchange() {
    python3 -c "
import ctypes, os, sys
if ctypes.CDLL(None, use_errno=True).renameat2(-100, os.fsencode(sys.argv[1]), -100, os.fsencode(sys.argv[2]), 2):
    sys.exit(os.strerror(ctypes.get_errno()))" "$1" "$2"
}'

# What is there.
attack 'a file written' p .envrc 'echo evil >.envrc'
attack 'a file removed' p .envrc 'rm -f .envrc'
attack 'removed and made' p .envrc 'rm -f .envrc; echo evil >.envrc'
attack 'replaced by rename' p .envrc 'echo evil >x; mv -f x .envrc'
attack 'renamed away' p .envrc 'mv .envrc x; echo evil >.envrc'
attack 'exchanged' p .envrc "$exchange; echo evil >x; exchange x .envrc"
attack 'replaced by a link' p .envrc 'echo evil >x; ln -sf x .envrc'
attack 'by a hard link' p .envrc 'ln .envrc x && echo evil >x'
attack 'a directory written in' p .vscode 'echo evil >.vscode/tasks.json; echo evil >.vscode/new'
attack 'a directory renamed away' p .vscode 'mv .vscode x; mkdir .vscode; echo evil >.vscode/tasks.json'
attack 'a directory exchanged' p .vscode "$exchange; mkdir x; echo evil >x/tasks.json; exchange x .vscode"
attack 'a directory by a hard link' p .vscode 'ln .vscode/tasks.json x && echo evil >x'
attack 'in a directory' p .claude/settings.json 'echo evil >.claude/settings.json'
attack 'the directory above renamed' p .claude/settings.json 'mv .claude x; mkdir .claude; echo evil >.claude/settings.json'
attack 'the directory above exchanged' p .claude/settings.json "$exchange; mkdir x; echo evil >x/settings.json; exchange x .claude"
attack 'a sister of it' p .claude/settings.local.json 'echo evil >.claude/settings.local.json'
attack 'config by a hard link' p .git/config 'ln .git/config x && echo evil >x'
attack '.git exchanged' p .git/config "$exchange; mkdir x; echo evil >x/config; exchange x .git"
attack '.git/hooks exchanged' p .git/hooks "$exchange; mkdir x; echo evil >x/pre-commit; exchange x .git/hooks"

# What is not.
attack 'a new file' n .mcp.json 'echo evil >.mcp.json'
attack 'a new file by rename' n .mcp.json 'echo evil >x; mv x .mcp.json'
attack 'a new file by link' n .mcp.json 'echo evil >x; ln x .mcp.json'
attack 'a new symbolic link' n .mcp.json 'echo evil >x; ln -s x .mcp.json'
attack 'a new dangling link' n .mcp.json 'ln -s x .mcp.json'
attack 'a new directory' n .idea 'mkdir .idea; echo evil >.idea/x'
attack 'a new directory by rename' n .idea 'mkdir x; echo evil >x/y; mv x .idea'
attack 'a new FIFO' n .envrc 'mkfifo .envrc'
attack 'again and again' n .envrc 'for i in 1 2 3 4 5; do echo evil >.envrc; sleep 0.02; done; echo evil >.envrc'
attack 'renamed back' n .envrc 'echo evil >.envrc; for i in $(seq 50); do mv .envrc.jail-* .envrc && break; sleep 0.02; done; sleep 0.1'
attack 'below a new directory' n .gemini/settings.json 'mkdir .gemini; sleep 0.1; echo evil >.gemini/settings.json; sleep 0.1'
attack 'below one, at once' n .gemini/settings.json 'mkdir .gemini; echo evil >.gemini/settings.json'
attack 'below one that is moved there' n .gemini/settings.json 'mkdir x; echo evil >x/settings.json; mv x .gemini'
attack 'below another in its place' n .gemini/settings.json 'mkdir .gemini; sleep 0.1; mv .gemini x; mkdir .gemini; sleep 0.1; echo evil >.gemini/settings.json'
attack 'below one without access' n .gemini/settings.json 'mkdir .gemini; echo evil >.gemini/settings.json; chmod 0 .gemini; sleep 0.1; chmod 700 .gemini'
attack 'below a link' n .gemini 'mkdir x; echo evil >x/settings.json; ln -s x .gemini'
attack 'the top without access' n .envrc 'chmod 0555 .; chmod 0755 .; echo evil >.envrc; chmod 0111 .'
attack 'after more than is queued' n .envrc 'python3 -c "
import os
for i in range(40000):
    os.close(os.open(\"x\", os.O_CREAT)); os.unlink(\"x\")"; echo evil >.envrc'
attack 'a new .git' n .git 'mkdir .git; echo evil >.git/config'
attack 'a new .git file' n .git 'echo "gitdir: x" >.git'
attack 'a new .git by link' n .git 'mkdir x; ln -s x .git'

# Kept, told, and out of the way while the jail runs.
project
cd n || exit 1
matches 'it is told' "^ajail: warning: $top/n/\.envrc was made while the jail ran, .* \.envrc\.jail-[0-9a-f]{8} now, .* \(--protect=none lets it be\)$" \
    inside sh -c 'echo mine >x; mv x .envrc'
equal 'and kept' mine "$(cat .envrc.jail-*)"
rm -f .envrc.jail-*
equal 'of many there are few lines' '51' "$(inside sh -c 'mkdir .claude; sleep 0.1; for i in $(seq 99); do echo >.claude/settings$i.json; done' 2>&1 | wc -l)"
rm -rf .claude
coproc INSIDE { exec "$AJAIL" run --quiet --fs=host sh 2>"$top/said"; }
jail_pid=$INSIDE_PID
# ask COMMAND...: in that jail, and its answer
ask() {
    echo "{ $*; } 2>/dev/null && echo yes || echo no" >&"${INSIDE[1]}"
    local answer=nothing
    read -r -t 20 answer <&"${INSIDE[0]}"
    echo "$answer"
}
leave_jail() {
    [ -z "${INSIDE_PID:-}" ] || echo exit >&"${INSIDE[1]}"
    wait "$jail_pid"
    JAIL_STATUS=$?
}
ask true >/dev/null
ask 'echo evil >.envrc' >/dev/null
for _ in $(seq 100); do [ -e .envrc ] || break; sleep 0.01; done
check 'renamed while the jail runs' test ! -e .envrc
leave_jail

# What the host replaces is covered again. `try` waits as long as the monitor may take on a busy machine: what was written
# by then, in that moment, would be seen.
project
cd p || exit 1
coproc INSIDE { exec "$AJAIL" run --quiet --fs=host sh 2>"$top/said"; }
jail_pid=$INSIDE_PID
ask true >/dev/null
replaced() { # NAME PATH CONTENT: and what is tried inside
    sleep 0.3
    equal "$1: refused" no "$(ask "${4:-echo evil >>$2}")"
    equal "$1: as the host wrote it" "$3" "$(state "$2")"
}
git config a.b c
replaced 'git config on the host' .git/config "$(git config -f .git/config --list >/dev/null && cat .git/config)"
git config a.d e && git config a.f g
replaced 'twice' .git/config "$(cat .git/config)"
check 'all of it is there' test "$(git config a.b)$(git config a.d)$(git config a.f)" = ceg
echo saved >x && mv x .envrc
replaced 'saved by rename' .envrc saved
mv .envrc .envrc~ && echo again >.envrc
replaced 'saved with a backup' .envrc again
rm .envrc && echo anew >.envrc
replaced 'removed and written' .envrc anew
rm .envrc~
mv .vscode .vscode.old && mkdir .vscode && echo new >.vscode/tasks.json
replaced 'a directory' .vscode "$(state .vscode)" 'echo evil >.vscode/tasks.json || echo evil >.vscode/x'
rm -rf .vscode.old
echo saved >x && mv x .claude/settings.json
replaced 'below a directory' .claude/settings.json saved
equal 'the directory above stays' no "$(ask 'mv .claude c')"
mv .git/hooks .git/h && mkdir .git/hooks
replaced 'hooks' .git/hooks "$(state .git/hooks)" 'echo evil >.git/hooks/x'
mv .git old && git init -q && git config x.y z
replaced 'all of .git' .git/config "$(cat .git/config)"
equal 'its hooks' no "$(ask 'echo evil >.git/hooks/x')"
equal 'and it stays in its place' no "$(ask 'mv .git g')"
equal 'git goes on' yes "$(ask 'git add src && git -c user.name=t -c user.email=t commit -qm x')"
rm .envrc
sleep 1.3
equal 'removed for good: can be made inside' yes "$(ask 'echo evil >.envrc')"
sleep 0.3
check 'and does not stay' test ! -e .envrc
leave_jail
equal 'the jail ended by itself' 0 "$JAIL_STATUS"
matches 'the user hears of it' "$top/p/\.git/config was replaced while the jail ran" cat "$top/said"
# That a mount does not stay by itself, or the above would prove nothing.
project
cd p || exit 1
coproc INSIDE { exec "$AJAIL" run --quiet --fs=host "${free[@]}" --rol=.envrc sh 2>"$top/said"; }
jail_pid=$INSIDE_PID
equal 'control: refused at first' no "$(ask 'echo evil >>.envrc')"
echo saved >x && mv x .envrc
equal 'control: not any more' yes "$(ask 'echo evil >>.envrc')"
leave_jail

# Who moves away what it is mounted in does not keep it from being covered.
project
coproc INSIDE { exec "$AJAIL" run --quiet --fs=deb --hide --mount="$top/p,/x/y/p,rw" sh 2>"$top/said"; }
jail_pid=$INSIDE_PID
sleep 0.2 # until it is watched
equal 'what is above the mount is moved' yes "$(ask 'mv /x /z && mkdir -p /x/y/p/.git && echo >/x/y/p/.git/config')"
(cd p && git config a.b c)
sleep 0.5
leave_jail
equal 'the jail is ended' 125 "$JAIL_STATUS"
matches 'and says why' '^ajail: protect /x/y/p/\.git/config: ' cat "$top/said"
equal 'one line of it' 1 "$(grep -c '^ajail: protect' "$top/said")"

# Nothing is made on the host, and nothing touched.
project
sleep 0.05
touch "$top/stamp"
sleep 0.05
for dir in p n; do (cd $dir && check "nothing is said in $dir" test -z "$(inside true 2>&1)"); done
equal 'nothing is new on the host' '' "$(find p n -newer stamp -o -newercm stamp)"

# Options.
cd p || exit 1
echo host >Makefile
denied '--protect=PATH' inside --protect=Makefile,made/*.sh sh -c 'echo evil >Makefile || exit 1'
inside --protect=Makefile,made/*.sh sh -c 'mkdir made; echo evil >made/x.sh; echo fine >made/x.txt' 2>/dev/null
check 'where it is not there' test ! -e made/x.sh
check 'nothing else' test -e made/x.txt
check '--protect=none: the list' inside --protect=none sh -c 'echo host >.envrc'
denied '--protect=none: git is another matter' inside --protect=none sh -c 'echo evil >.git/config || exit 1'
denied '--allow-hooks: and so is the list' inside --allow-hooks sh -c 'echo evil >.envrc || exit 1'
check '--rw=PATH gives a part' inside --rw=.vscode sh -c 'echo host >.vscode/tasks.json'
check 'what is thrown away may be anything' inside --ro sh -c 'echo evil >.envrc'
matches 'the status tells' '^Protected: .*\.envrc, \.vscode, \.claude/settings\.json' "$AJAIL" run --fs=host true
refuses 'an absolute path' 'protect=/etc: should be' inside --protect=/etc true
ln .envrc other
matches 'another name is told of' "$top/p/\.envrc has another name" inside true
rm other
mv .vscode moved
ln -s moved .vscode
refuses 'a link' '/p/\.vscode is a symbolic link.*--protect=none' inside true
rm -rf .vscode
cd "$top" || exit 1

# What is kept instead, and applied later.
project
cd p || exit 1
inside --ro --keep=protected sh -c 'echo evil >.envrc; echo evil >.git/hooks/pre-commit; mkdir sub; echo evil >sub/.envrc; echo fine >src/main.c'
for path in .envrc .git/hooks/pre-commit sub/.envrc; do matches "changes: $path" "^! .*/p/$path " "$AJAIL" changes protected; done
check 'changes: nothing else' grep -q "^  modified $top/p/src/main.c " "$OUT"
run_ "$AJAIL" apply protected
equal 'apply leaves it out' "host none none fine" \
    "$(state .envrc) $(state .git/hooks/pre-commit) $(state sub/.envrc) $(state src/main.c)"
run_ "$AJAIL" apply protected --allow-hooks
equal 'or not' "evil evil evil" "$(state .envrc) $(state .git/hooks/pre-commit) $(state sub/.envrc)"
check 'discard' "$AJAIL" discard protected
rmdir "$AJAIL_HOME/kept" # as it was
cd "$top" || exit 1

# What belongs to other ids of the jail's, where the caller may not look, is moved out of the way as a whole.
if [ "$AS" = user ] && command -v newuidmap >/dev/null && grep -q "^$(id -un):" /etc/subuid; then
    ranged() { "$AJAIL" run --quiet --fs=deb --users=range "$@"; }
    evil='chown 33:33 .claude; echo evil >.claude/settings.json; sleep 0.3'
    moved='\.claude (is not yours any more|was made while the jail ran), .* is called \.claude\.jail-[0-9a-f]{8} now'
    for mode in 711 755 0; do
        project
        cd n || exit 1
        matches "made, of mode $mode" "$moved" ranged sh -ec "mkdir -m $mode .claude; $evil"
        check "not in its place" test ! -e .claude
        ranged sh -c 'rm -rf .claude*'
        mkdir .claude
        matches "given away, of mode $mode" "$moved" ranged sh -ec "sleep 0.3; chmod $mode .claude; $evil"
        check "not in its place" test ! -e .claude
        ranged sh -c 'rm -rf .claude*'
        cd "$top" || exit 1
    done
    cd n || exit 1
    matches 'where it cannot be moved, it is told' '\.claude.* could not be (renamed|looked at): Permission denied' \
        ranged sh -ec "chown 33 .; mkdir -m 711 .claude; $evil"
    ranged "${free[@]}" sh -c 'chown 0 .; rm -rf .claude*'
    ranged "${free[@]}" sh -ec "mkdir -m 711 .claude; $evil"
    denied 'one that is there is read-only as a whole' ranged sh -ec 'echo more >.claude/settings.local.json'
    ranged "${free[@]}" sh -c 'rm -rf .claude*'
    cd "$top" || exit 1
else
    skip 'files of subordinate ids' 'there are none, or not as this user'
fi

# A name as the guard makes them is none of its own.
project
cd n || exit 1
inside '--protect=ci*' sh -c 'mkdir ci.jail-00000000; sleep 0.3' 2>/dev/null
check 'a name as the guard makes them' test ! -e ci.jail-00000000
equal 'is renamed once' 1 "$(find . -name 'ci.jail-00000000.jail-*' | wc -l)"
rm -rf ci*
cd "$top" || exit 1

# With no inotify left, the names are looked at again and again.
if [ "$AS" = user ] && unshare -Ur true 2>/dev/null; then
    project
    cd n || exit 1
    run_ unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$AJAIL" run --quiet --fs=host sh -c "sleep 0.3; echo evil >.envrc"'
    check 'without inotify: told' grep -q 'was not watched while the jail ran.*Too many open files' "$ERR"
    check 'without inotify: renamed afterwards' test ! -e .envrc
    rm -f .envrc*
    unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$AJAIL" run --quiet --fs=host sh -c "echo evil >.envrc; echo made; sleep 3"' >made 2>/dev/null &
    for _ in $(seq 100); do [ -s made ] || sleep 0.05; done
    sleep 1
    check 'without inotify: renamed while it runs' test ! -e .envrc
    check 'which it does' kill -0 $!
    wait $!
    cd "$top" || exit 1
fi
chmod -Rf u+rwx p n
rm -rf p n
