#!/bin/bash
# A package, installed in a jail and gone afterwards.
# needs: the network
. "$TESTS/lib.sh"

check 'apt-get update and install' jail sh -c \
    'apt-get update -q && apt-get install -q -y --no-install-recommends hello && hello'
check 'the program runs' grep -q '^Hello, world!' "$OUT"
status 'the next jail has not got it' 127 jail hello
