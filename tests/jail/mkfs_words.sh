#!/bin/bash
# What `ajail mkfs` says when it fails: one line, with the cause; all that the tools have said only if asked for.
# needs: the network
# not: root, userns; mkfs itself always runs a jail of one id
# seconds: 300
. "$TESTS/lib.sh"

store=$PWD/../mkfs.$$
mkfs() { AJAIL_HOME=$store "$AJAIL" mkfs debian new "$@"; }
if [ ! -x "$(command -v mmdebstrap)" ] && [ ! -x "$(command -v debootstrap)" ]; then
    skip 'mkfs' 'neither mmdebstrap nor debootstrap'
    exit 0
fi
refuses 'no such suite' '^ajail: mkfs: no suite nosuch at http.*; choose another --suite or --mirror \(--verbose shows' mkfs -s nosuch
refuses 'a release for a distribution' '^ajail: mkfs: no distribution trixie \(.*ajail mkfs -s RELEASE' "$AJAIL" mkfs trixie
refuses 'no such package' '^ajail: mkfs: no package nosuchpkg in stable at http.*; leave it out' mkfs -p nosuchpkg
if [ -x "$(command -v mmdebstrap)" ]; then
    refuses 'no such mirror' '^ajail: mkfs: cannot fetch from http://127\.0\.0\.1:1/debian: .*; look to the network' \
        mkfs -m http://127.0.0.1:1/debian
fi
status '--verbose' 125 mkfs --verbose -s nosuch
cp "$ERR" said
check 'shows the log' test "$(grep -vc '^ajail: ' said)" -gt 5
matches 'and the cause last' '^ajail: mkfs: no suite nosuch at [^ ]*; choose another --suite or --mirror$' tail -n 1 said
equal 'nothing is left' '' "$(ls -A "$store/fs")"
rm -rf "$store"
