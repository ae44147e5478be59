#!/bin/bash
# What a shell offers for the word that is being typed: `ajail complete`, and the completions that ask it.
# not: root, userns
. "$TESTS/lib.sh"

may_be() { "$AJAIL" complete -- "$@"; }
lines() { tr '\n' ' ' | sed 's/ $//'; }
equal 'a command' 'destroy discard doctor' "$(may_be d | sort | lines)"
equal 'an option of run' '--fs= --fs-edit= --fs-edit' "$(may_be --fs | lines)"
equal 'without a value' '--no-net' "$(may_be run --no-n | lines)"
equal 'of another command' '--apparmor-profile' "$(may_be doctor --a | lines)"
equal 'a root filesystem' '--fs=deb' "$(may_be run --fs=d | lines)"
mkdir -p "$AJAIL_HOME/fs/debate\$(touch x)"
equal 'of what has a name' '--fs=deb' "$(may_be run --fs=d | lines)"
rmdir "$AJAIL_HOME/fs/debate\$(touch x)"
equal 'in the next word' 'deb' "$(may_be run --fs d | lines)"
equal 'a value' '--users=one --users=range --users=auto' "$(may_be --users= | lines)"
equal 'a group of calls' '--allow=io_uring' "$(may_be --allow=io | lines)"
equal 'a verb of fs' 'import' "$(may_be fs im | lines)"
equal 'a root filesystem to copy' 'deb' "$(may_be fs copy d | lines)"
equal 'a command that is run is the shell'"'"'s business' '' "$(may_be run --fs=deb m | lines)"
equal 'nothing at all' '' "$(may_be | lines)"
for command in $(may_be ''); do
    [ "$command" = bwrap ] || check "$command is one, with options" grep -qx -- --help <<<"$(may_be "$command" --he)"
done

mkfifo open
"$AJAIL" run --quiet --fs=deb --name=complete-me --ro --keep=kept-name -- sh -c 'touch x; read -r x' <open &
exec 7>open
for ((waited = 0; waited < 100; ++waited)); do
    [ -n "$("$AJAIL" complete -- exec comp)" ] && break
    sleep 0.05
done
equal 'a jail that runs' complete-me "$(may_be exec comp | lines)"
equal 'not what is run in it' '' "$(may_be exec complete-me '' | lines)"
equal 'a layer' kept-name "$(may_be apply kept | lines)"
equal 'to run with' --keep=kept-name "$(may_be --keep=kept-n | lines)"

completions=$TESTS/completions
cat >typed <<'END'
. "$1/ajail.bash"
shift
COMP_LINE=$* COMP_POINT=${#COMP_LINE} COMP_CWORD=$(($# - 1)) COMP_WORDS=("$@")
_ajail
echo "${COMPREPLY[@]}"
END
mkdir bin && ln -s "$AJAIL" bin/ajail
in_bash() { PATH=$PWD/bin:$PATH bash typed "$completions" "${typed:-ajail}" "$@"; }
equal 'bash: a jail' complete-me "$(in_bash exec comp)"
equal 'bash: after =, which ends a word for it' deb "$(in_bash run --fs=d)"
equal 'bash: an option' --no-net "$(in_bash --no-n)"
# What is typed is not run: it is not expanded yet, and a directory may be called like that.
# shellcheck disable=SC2088,SC2016
hostile=('~/ajail' '$HOME/ajail' ./ajail)
for typed in "${hostile[@]}"; do
    mkdir -p "${typed%/*}" && printf '#!/bin/sh\ntouch "%s"\n' "$PWD/was-run" >"$typed" && chmod 755 "$typed"
    equal "bash: $typed" complete-me "$(typed=$typed in_bash exec comp)"
done
for path in : .:/usr/bin:/bin; do
    equal "bash: nor of PATH=$path" '' "$(PATH=$path "$BASH" typed "$completions" ajail exec comp)"
done
if [ -x "$(command -v fish)" ]; then
    in_fish() { PATH=$PWD/bin:$PATH HOME=$PWD fish --no-config -c "source $completions/ajail.fish; complete -C '$1'" 2>&1 | lines; }
    equal 'fish: a jail' complete-me "$(in_fish 'ajail exec comp')"
    equal 'fish: an option' --no-net "$(in_fish 'ajail run --no-n')"
    for typed in "${hostile[@]}"; do in_fish "$typed exec comp" >/dev/null; done
    PATH=.:$PATH HOME=$PWD fish --no-config -c "source $completions/ajail.fish; complete -C 'ajail exec comp'" >/dev/null 2>&1
else
    skip 'fish' 'is not here'
fi
if [ -x "$(command -v zsh)" ]; then
    # What compadd is given, where the line is this one.
    in_zsh() {
        PATH=$PWD/bin:$PATH zsh -f -c 'compadd() { while [ "$1" != -- ]; do shift; done; shift; print -r -- "$@"; }; _files() { print files; }
            comp() { source $0; }; script=$1; shift; words=("$@"); CURRENT=$#words; source "$script"' - "$completions/_ajail" "${typed:-ajail}" "$@" | lines
    }
    equal 'zsh: a jail' complete-me "$(in_zsh exec comp)"
    equal 'zsh: an option' --no-net "$(in_zsh run --no-n)"
    equal 'zsh: a file' files "$(in_zsh run --rw=/e)"
    for typed in "${hostile[@]}"; do equal "zsh: $typed" complete-me "$(typed=$typed in_zsh exec comp)"; done
else
    skip 'zsh' 'is not here'
fi
unset typed
check 'nothing of it was run' test ! -e was-run
echo >&7
exec 7>&-
wait
"$AJAIL" discard kept-name
rmdir "$AJAIL_HOME/kept"
