# shellcheck shell=bash
# What the tests of bubblewrap's clients have in common; sourced after lib.sh. The clients are unchanged, from Debian or
# npm; what they call as bwrap is ajail.
#
# bin/bwrap, which writes down what it is called with, and becomes ajail. First in PATH, and with `over` also where
# clients have it compiled in; a host's own bwrap is never called. (AJAIL_BINARY=/usr/bin/bwrap tests/run FILE tries a file
# with bubblewrap itself: only that it is ajail should fail.)

mkdir bin ours
ln -s "$AJAIL" ours/bwrap
cat >bin/bwrap <<WRAPPER
#!/bin/sh
printf '%s\n' "bwrap \$*" >>'$PWD/bwrap.log'
# What is in a file is read once more, from its beginning, and still there.
if [ "\$1" = --args ] && [ -f "/proc/self/fd/\$2" ]; then
    printf '%s\n' "file \$(tr '\\0' ' ' <"/proc/self/fd/\$2")" >>'$PWD/bwrap.log'
fi
[ ! -e '$PWD/broken' ] || exit 1
exec '$PWD/ours/bwrap' "\$@"
WRAPPER
chmod 755 bin/bwrap
: >bwrap.log
PATH=$PWD/bin:$PATH

# needs COMMAND|FILE PACKAGE ...: a test that cannot run has failed
needs() {
    while [ $# -gt 0 ]; do
        if [ ! -e "$1" ] && ! command -v "$1" >/dev/null; then
            fail_ 'what the client needs' "$1, of the package $2" 'none (test.sh installs it)'
            exit
        fi
        shift 2
    done
}

# called NAME REGEX: since the last time, the client called bwrap, with arguments that fit
called() {
    if grep -aqE -e "$2" bwrap.log; then pass_; else
        fail_ "$1" "bwrap to be called with /$2/" "$(head -c 2000 bwrap.log | cat -v)"
    fi
    : >bwrap.log
}

# Without a sandbox, nothing: a client that would go on by itself shows nothing about ours.
# fails_without NAME COMMAND...: it fails where bwrap does
fails_without() {
    local name=$1
    shift
    touch broken
    run_ "$@"
    rm broken
    if [ "$STATUS" != 0 ]; then pass_; else fail_ "$name: fails where bwrap does" 'not 0' "$(said_ 0)"; fi
    called "$name: it was asked" .
}

# over COMMAND...: with bin/bwrap at /usr/bin/bwrap, for clients that look nowhere else, and a /tmp of its own. A mount
# namespace that any user may make; COMMAND is the same user there, with no capability more.
over() {
    unshare --user --map-current-user --keep-caps --mount --propagation=private sh -c '
        mount --bind "$1" /usr/bin/bwrap && mount -t tmpfs -o mode=1777 tmpfs /tmp && shift &&
            exec setpriv --inh-caps=-all --ambient-caps=-all "$@"' sh "$PWD/bin/bwrap" "$@"
}

matches 'it is ajail' ajail bwrap --version
