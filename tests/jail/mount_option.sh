#!/bin/bash
# --mount=SRC,DST[,TYPE]
. "$TESTS/lib.sh"

mkdir -p src 'a,b' keep
echo s >src/f
echo c >'a,b/f'
can_write() { jail "$@" sh -c 'touch /m/w 2>/dev/null && echo yes || echo no'; }
output 'ro is the default' yes can_write --mount=src,/m
check 'and ephemeral' test ! -e src/w
output 'ro' yes can_write --mount=src,/m,ro
check 'is ephemeral' test ! -e src/w
output 'rol' no can_write --mount=src,/m,rol
output 'rw' yes can_write --mount=src,/m,rw
check 'stays' test -e src/w
rm src/w
output 'dev' yes can_write --mount=src,/m,dev
rm -f src/w
output 'hide' yes can_write --mount=src,/m,hide
check 'does not stay' test ! -e src/w
output 'hide is empty' '' jail --mount=src,/m,hide ls -A /m
output 'a missing target is made, with its parents' s jail --mount=src,/x/y/z,rol cat /x/y/z/f
output 'a relative target is below the current directory' s jail --hide --mount=src,t,rol cat t/f
output 'over a directory of the root filesystem' f jail --mount=src,/usr/share,rol ls /usr/share
output 'a comma, escaped' c jail --mount='a\,b,/m\,n,rol' cat /m,n/f
output 'the same source twice' 's s' jail --mount=src,/a,rol --mount=src,/b sh -c 'echo $(cat /a/f /b/f)'
output 'one in another' 's c' jail --mount=src,/m --mount='a\,b,/m/sub' sh -c 'echo $(cat /m/f /m/sub/f)'
output 'in /tmp, /run, /dev/shm and the home' 's s s s' jail --mount=src,/tmp/m --mount=src,/run/m --mount=src,/dev/shm/m \
    --mount=src,/root/m sh -c 'echo $(cat /tmp/m/f /run/m/f /dev/shm/m/f /root/m/f)'
for bad in src 'src,' ',/m' src,/m,xx src,/m,ro,x ''; do refuses "--mount=$bad" '--mount=' jail --mount="$bad" true; done
refuses 'a missing source' '--mount=nothing,/m: No such file' jail --mount=nothing,/m true
refuses 'the root as target' '/ is the root' jail --mount=src,/ true

# A mountpoint that is missing is never made in a directory of the host.
refuses 'a target missing in the project' 'make it there first' jail --mount=src,"$PWD/ghost",rol true
check 'is not made' test ! -e ghost
refuses 'nor below a grant' 'make it there first' jail --rw=keep --mount=src,"$PWD/keep/ghost" true
check 'is not made' test ! -e keep/ghost
output 'in an ephemeral project it can be' s jail --ro --mount=src,ghost,rol cat ghost/f
check 'and is not made on the host' test ! -e ghost
refuses 'nor in a read-only one' 'make it there first' jail --rol --mount=src,ghost true
