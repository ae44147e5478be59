#!/bin/bash
# --ro= --rol= --rw= --hide=: any directory, in order, later on top.
. "$TESTS/lib.sh"

mkdir -p out src/deep keys
echo s >src/f
echo k >keys/k
other=$PWD/../other.$$
mkdir "$other"
echo o >"$other/f"
writes() { jail "$@" sh -c 'for d in . out src; do echo x >$d/w 2>/dev/null && printf "%s " $d; done; true'; }

output '--ro --rw=out: everything can be written' '. out src ' writes --ro --rw=out
equal 'only out keeps it' './out/w' "$(find . -name w)"
rm out/w
output '--rol --rw=out' 'out ' writes --rol --rw=out
equal 'only out keeps it' './out/w' "$(find . -name w)"
rm out/w
output '--rol=src' '. out ' writes --rol=src
rm -f w out/w
output '--rol --ro=src' 'src ' writes --rol --ro=src
equal 'nothing keeps it' '' "$(find . -name w)"
output 'later on top: --rw=src --rol=src' '. out ' writes --rw=src --rol=src
output 'later on top: --rol=src --rw=src' '. out src ' writes --rol=src --rw=src
rm -f w out/w src/w
output '--hide' '' jail --hide=keys ls -A keys
output '--hide of a part of a grant' '' jail --rol=src --hide=src/deep ls src/deep
output 'a grant in what was hidden' deep jail --hide=src --rol=src/deep ls src
output 'hiding the way to a grant hides the grant' '' jail --rol=src/deep --hide=src ls src

output 'an absolute path' o jail --rol="$other" cat "$other/f"
output 'a relative path upwards' o jail --rol="../other.$$" cat "../other.$$/f"
output 'with .. and double slashes' o jail --rol="src//.././../other.$$/" cat "$other/f"
denied '--rol of it' jail --rol="$other" touch "$other/w"
check '--ro of it' jail --ro="$other" touch "$other/w"
check 'does not stay' test ! -e "$other/w"
check '--rw of it' jail --rw="$other" touch "$other/w"
check 'stays' test -e "$other/w"
check '--dev of it' jail --dev="$other" touch "$other/d"
check 'stays' test -e "$other/d"
output 'not granted, not there' no jail sh -c "[ -e '$other' ] && echo yes || echo no"
check '. is the current directory' jail --rol --rw=. touch w
check 'it is' test -e w
output 'a directory of the host in place of the root filesystem'"'"'s' f jail --rol="$other" --mount="$other,/usr/share/doc,rol" ls -I '[dw]' /usr/share/doc

refuses 'a missing one' '--ro=nothing: No such file' jail --ro=nothing true
refuses 'to hide a missing one' '--hide=ghost: No such file' jail --hide=ghost true
check 'is not made' test ! -e ghost
refuses 'a missing one below' '--rw=' jail --rw=nothing/below true
refuses '/ as a grant' '--rw=/' jail --rw=/ true
refuses '/, in other words' '/' jail --rol=../../../../../../../../.. true
rm -rf "$other"
