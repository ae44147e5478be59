#!/bin/bash
# Other tables of system calls, with each of the programs that must know them.
# shellcheck source=tests/attack/common.bash
. "$TESTS/attack/common.bash"

if [ "$(uname -m)" != x86_64 ]; then
    skip 'i386 and x32 system calls' 'x86-64 only'
    exit
fi
for abi in i386 x32; do
    if ./probe $abi-abi | grep -q ALLOWED; then
        both "$abi system calls" $abi-abi
        blocked "$abi system calls without the allowlist" jail --no-seccomp -- ./probe $abi-abi # the root emulation's
        blocked "$abi system calls with all of them" jail --seccomp=strict --allow=userns,io_uring -- ./probe $abi-abi
        allowed "$abi system calls with no program" jail --no-seccomp --no-root-emulation -- ./probe $abi-abi
    else
        skip "$abi system calls" 'not in this kernel'
    fi
done
