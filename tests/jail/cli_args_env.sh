#!/bin/bash
# AJAIL_ARGS: words in front of the command line's, separated by semicolons.
. "$TESTS/lib.sh"

with() { AJAIL_ARGS=$1 "$AJAIL" "${@:2}"; }
output 'options' 0 with '--quiet;--fs=deb;--no-net' id -u
output 'empty elements are nothing' ok with ';;--quiet;;--fs=deb;' echo ok
output 'for ajail run, too' ok with '--quiet;--fs=deb' run echo ok
output 'spaces belong to a value' 'a b' with '--quiet;--fs=deb;--env=X=a b' sh -c 'echo "$X"'
output 'a command in it; the rest are its arguments' 'a b --quiet' with '--quiet;--fs=deb;echo;a b' --quiet
output 'the command line comes later and wins' later with '--quiet;--fs=nosuch;--hostname=first' --fs=deb \
    --hostname=later cat /proc/sys/kernel/hostname
refuses 'mistakes in it are told' '^ajail: AJAIL_ARGS in the environment: unknown option --bogus' with '--bogus' true
refuses 'and those that are not' '^ajail: unknown option --bogus' with '--quiet' --bogus true
refuses 'for verify' '^ajail: AJAIL_ARGS' with '--bogus' verify
output 'it does not arrive inside' '' with '--quiet;--fs=deb' sh -c 'env | grep AJAIL; true'
