#!/bin/bash
# not: userns
# ajail apply: what stays out unless it is named (git directories, what the host runs, access for others), and what a dry
# run says is what is done.
# seconds: 240
. "$TESTS/lib.sh"
umask 022
mkdir project
cd project || exit 1
here=$PWD
apply() { "$AJAIL" apply "$@"; }
said() { sed "s|$here/||g; s|$here|.|g; / is still kept: /d; s/: programs of the host run it.*/: runs/; s/: a git directory.*/: git/" "$OUT" "$ERR"; }
keep() { jail --ro --keep="$1" -- sh -e -c "$2"; }
mode() { stat -c %a "$@" | xargs; }
discard() { check "discard $1" "$AJAIL" discard "$1"; }

# Git directories: none of it, one line each, wherever they are.
mkdir -p .git/refs sub
echo main >.git/HEAD
echo old >.git/old
check 'git directories' keep git 'echo other >.git/HEAD; rm .git/old; mkdir .git/objects; echo o >.git/objects/o; mkdir .git/hooks; echo x >.git/hooks/pre-commit
    mkdir -p sub/.git/objects; echo x >sub/.git/HEAD; echo "gitdir: ../.git" >sub/file; mkdir worktree; echo "gitdir: x" >worktree/.git; echo fine >fine'
check 'without them' apply git
equal 'each is told once' "$(printf '%s\n' 'added    fine' 'added    sub/file' 'added    worktree' 'left out .git: git' 'left out sub/.git: git' \
    'left out worktree/.git: git' '3 applied, 3 left out, 0 refused')" "$(said)"
equal 'as they were' 'main old no no' "$(cat .git/HEAD .git/old | xargs) $([ -e sub/.git ] && echo yes || echo no) $([ -e worktree/.git ] && echo yes || echo no)"
check 'one of them, named' apply git .git
equal 'is carried over, but for what the host runs' "$(printf '%s\n' 'deleted  .git/old' 'changed  .git/HEAD' 'added    .git/objects/o' 'added    .git/objects' \
    'left out .git/hooks: runs' 'left out .git/hooks/pre-commit: the directory that it is in is left out' '4 applied, 2 left out, 0 refused')" "$(said)"
check 'something in one' apply git sub/.git/objects
equal 'too' objects "$(basename sub/.git/*)"
check 'what the host runs, named exactly' apply git .git/hooks .git/hooks/pre-commit
equal 'is there' x "$(cat .git/hooks/pre-commit)"
check 'all of it' apply git --allow-hooks
equal 'is there, too' 'x gitdir: x' "$(cat sub/.git/HEAD worktree/.git | xargs)"
output 'nothing is left' 'no changes' "$AJAIL" changes git .
discard git
rm -rf .git sub worktree fine
mkdir -p bare.git/refs bare.git/objects
echo main >bare.git/HEAD
check 'a layer on a git directory' jail --hide --ro=bare.git --keep=bare -- sh -c "echo x >$here/bare.git/objects/x; echo evil >$here/bare.git/config"
check 'applied' apply bare
equal 'nothing of it' "$(printf '%s\n' 'left out bare.git: git' '0 applied, 1 left out, 0 refused')" "$(said)"
check 'named' apply bare bare.git/objects/x
equal 'that' 'HEAD objects refs x' "$(cd bare.git && echo * "$(cat objects/x)")"
discard bare
rm -rf bare.git
check 'what makes a git directory' keep head 'mkdir -p new/objects new/refs; echo "ref: x" >new/HEAD; printf "[core]\n\tfsmonitor = evil\n" >new/config'
check 'applied' apply head
equal 'HEAD is left out' "$(printf '%s\n' config objects refs) left out new/HEAD: runs" "$(cd new && printf '%s\n' *) $(said | grep '^left out')"
discard head
rm -r new

# What the host runs: by way of links, and where the layer itself has such a name, or is in one.
check 'links' keep links 'mkdir x; echo evil >x/settings.json; ln -s x .claude; ln -s x .envrc; ln -s x/settings.json plain'
check 'applied' apply links
equal 'a link to where it would be is left out' "$(printf '%s\n' 'left out .claude: runs' 'left out .envrc: runs')" "$(said | grep '^left out' | sort)"
equal 'others are not' 'evil no' "$(cat plain) $([ -L .claude ] && echo yes || echo no)"
check 'named' apply links .claude
equal 'it is there' x "$(readlink .claude)"
discard links
rm -r x plain .claude
mkdir -p .vscode .claude/commands
for file in .vscode/tasks.json .claude/settings.json .claude/commands/c .envrc; do echo host >$file; done
check 'layers on such names' jail --hide --ro=.vscode --ro=.claude --ro=.envrc --keep=names -- \
    sh -ec "cd $here; for file in .vscode/tasks.json .claude/settings.json .claude/commands/c .envrc; do echo jail >\$file; done"
check 'applied' apply names
equal 'are left out' 'host host jail host' "$(cat .vscode/tasks.json .claude/settings.json .claude/commands/c .envrc | xargs)"
check 'named' apply names .envrc .vscode/tasks.json
equal 'they are' 'jail host jail' "$(cat .vscode/tasks.json .claude/settings.json .envrc | xargs)"
discard names
rm -r .vscode .claude .envrc

# Files of several names: what the host has is never given another one, nor changed by it.
mkdir elsewhere
echo host >file
echo host >shared
ln shared elsewhere/shared
check 'hard links' keep hard 'ln file name; echo new >n1; ln n1 n2; chmod 700 shared; echo x >.envrc; ln .envrc y'
before=$(stat -c %i file)
check 'applied' apply hard
equal 'the host'"'"'s file has one name' "1 $before host" "$(stat -c '%h %i' file) $(cat name)"
equal 'what is new has both' 2 "$(stat -c %h n1)"
equal 'what is left out lends none' '1 x' "$(stat -c %h y) $(cat y)"
equal 'another name keeps its mode' '700 644 host' "$(mode shared elsewhere/shared) $(cat shared)"
discard hard
check 'new names' keep hard 'echo new >m1; ln m1 m2; ln m1 m3'
check 'one after the other' apply hard m1
check 'one after the other' apply hard m2
check 'one after the other' apply hard
equal 'are one file as well' 3 "$(stat -c %h m1)"
discard hard
rm -rf ./*

# Access for others.
mkdir dir
for name in plain content named exec less; do echo x >$name; done
chmod 664 less
chmod 750 .
check 'modes' keep modes 'chmod 777 . dir; chmod 666 plain named; echo y >content; chmod 662 content; chmod 755 exec; chmod 620 less; mkdir -m 1777 newdir; echo x >new; chmod 666 new; echo x >new2; chmod 666 new2'
check 'applied' apply modes
equal 'nobody else may write' '750 755 644 640 644 755 620 1755 644 644' "$(mode . dir plain content named exec less newdir new new2)"
equal 'told' ". content dir named new new2 newdir plain" \
    "$(sed -n 's/^left out \(.*\): without the access for group and others that it did not have.*/\1/p' <<<"$(said)" | LC_ALL=C sort | xargs)"
equal 'content is carried over' y "$(cat content)"
check 'again' apply modes
equal 'that is no conflict' '0 refused' "$(said | tail -n 1 | grep -o '[0-9]* refused')"
check 'named' apply modes named dir new
equal 'it is given' '666 777 666 750' "$(mode named dir new .)"
check 'by the top' apply modes "$here"
equal 'it is not' '750 644' "$(mode . plain)"
discard modes
chmod 755 .
rm -rf ./*
umask 002
check 'with another umask' keep umask 'umask 0; echo x >new; mkdir newdir; umask 002; echo x >usual'
check 'applied' apply umask
equal 'as other programs of the caller' '664 775 664' "$(mode new newdir usual)"
discard umask
umask 022
rm -rf ./*

# A dry run says what is done, before all of it, some of it, and the rest.
mkdir -p gone/in d .git
for name in a gone/in/x d/f; do echo x >$name; done
check 'all kinds' "$AJAIL" run --quiet --fs=host --ro --keep=dry -- python3 -c '
import os, shutil
open("a", "w").write("y"); shutil.rmtree("gone"); os.makedirs("new/sub"); open("new/n", "w").write("n"); os.link("new/n", "new/sub/m")
os.symlink("a", "link"); os.mkfifo("fifo"); os.chmod("d/f", 0o666); open("setid", "w"); os.chmod("setid", 0o4755)
open("attr", "w"); os.setxattr("attr", "user.overlay.opaque", b"y"); os.setxattr("d/f", "user.overlay.redirect", b"y"); open("open", "w"); os.chmod("open", 0o666)
os.mkdir(".git/objects"); open(".envrc", "w"); os.mkdir(".vscode"); open(".vscode/x", "w"); os.unlink("d/f"); os.mkdir("d/f"); open("d/f/in", "w")'
echo host >fifo
same() { # NAME PATH...
    "$AJAIL" apply dry --dry-run "${@:2}" >"$HOST_TMP/dry"
    local told=$?
    "$AJAIL" apply dry "${@:2}" >"$HOST_TMP/done"
    equal "$1: the status" "$?" "$told"
    equal "$1" "$(grep -v 'is still kept' "$HOST_TMP/done" | LC_ALL=C sort)" \
        "$(sed 's/would delete  /deleted  /; s/would add     /added    /; s/would change  /changed  /; s/ to be applied, / applied, /' "$HOST_TMP/dry" | LC_ALL=C sort)"
}
same 'some of it' new/sub/m a gone/in/x setid
same 'what was done already' new/sub/m a setid
same 'the rest'
same 'once more'
check 'the host does the same' sh -c 'rm fifo; mkfifo fifo'
same 'and that'
discard dry
rmdir "$AJAIL_HOME/kept"
