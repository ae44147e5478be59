#!/bin/bash
# The profiles that Docker and Podman really use, of Debian's packages, and ordinary programs under them.
# needs: network
. "$TESTS/lib.sh"

if [ "$(uname -m)" != x86_64 ]; then
    skip 'the profiles of Docker and Podman' 'the numbers here are those of x86-64'
    exit 0
fi
# fetch PACKAGE FILE: FILE of it, as its base name
fetch() {
    mkdir -p get && (cd get && apt-get download -qq "$1" 2>/dev/null && dpkg-deb -x "$1"_*.deb .) && cp "get/$2" "${2##*/}"
}
if ! fetch golang-github-containers-common usr/share/containers/seccomp.json ||
    ! fetch golang-github-docker-docker-dev usr/share/gocode/src/github.com/docker/docker/profiles/seccomp/default.json; then
    skip 'the profiles of Docker and Podman' 'their packages cannot be had'
    exit 0
fi
"${CC:-cc}" -static -O1 -o call "$TESTS/jail/seccomp_probe.c" || exit 1
high=0x100000000
for file in default.json seccomp.json; do
    under() { jail --seccomp="$file" "$@" 2>/dev/null; }
    output "$file: programs run" 'a b' under -- sh -c 'mkdir /tmp/a && cd /tmp/a && touch b && ls -d /tmp/a b | xargs -n 1 basename | xargs echo'
    check "$file: threads, sockets, processes" under -- perl -e 'use Socket; socket(S, AF_INET, SOCK_STREAM, 0) or exit 1;
        socketpair(A, B, AF_UNIX, SOCK_STREAM, 0) or exit 2; my $p = fork; exit 0 if !$p; waitpid $p, 0; exit $? >> 8'
    check "$file: apt's databases" under -- sh -c 'dpkg -l >/dev/null && apt-cache policy dpkg >/dev/null'
    output "$file: uretprobe's number and newer ones" ENOSYS under -- ./call 999
    output "$file: open_by_handle_at" EPERM under -- ./call 304
    output "$file: TIOCSTI" EPERM under -- ./call 16 0 $((high | 0x5412))
    sanitized || check "$file: verify takes it for what it opens" "$AJAIL" verify --fs=deb --seccomp="$file"
    sanitized || check "$file: with a capability, too" "$AJAIL" verify --fs=deb --seccomp="$file" --cap-add=SYS_ADMIN
    refused=EPERM
    [ $file = default.json ] || refused=ENOSYS # its default
    output "$file: another personality" $refused under -- ./call 135 0x400000
    output "$file: and with high bits" $refused under -- ./call 135 $((high | 0x400000))
done
output 'Docker: no user namespaces by clone' EPERM jail --seccomp=default.json -- ./call 56 0x10000000
output 'nor with high bits' EPERM jail --seccomp=default.json -- ./call 56 $((high | 0x10000000))
output 'Docker: perf without its capability' EPERM jail --seccomp=default.json -- ./call 298
refuses '--nested with it' 'lets nobody make a user namespace' jail --rol --seccomp=default.json --nested true
audit() { jail --seccomp=seccomp.json "$@" 2>/dev/null; }
output 'Podman: audit for who may write to it' ok audit -- ./call 41 16 3 9
output 'and for others' EINVAL audit --user=daemon -- ./call 41 16 3 9
output 'with high bits' EINVAL audit --user=daemon -- ./call 41 $((high | 16)) 3 $((high | 9))
