#!/bin/bash
# A thousand grants: all there, and in linear time.
. "$TESTS/lib.sh"

base=$PWD/../many.$$
mkdir "$base"
args=()
for i in $(seq 1000); do
    mkdir "$base/d$i"
    echo "$i" >"$base/d$i/f"
    args+=("--rol=$base/d$i")
done
start=$(date +%s%N)
output 'all are there' 500500 jail "${args[@]}" sh -c "cat $base/*/f | awk '{ s += \$1 } END { print s }'"
took=$((($(date +%s%N) - start) / 1000000))
check "in less than 4 s ($took ms)" test "$took" -lt 4000
denied 'the last one is read-only' jail "${args[@]}" touch "$base/d1000/x"
few() { (ulimit -n 64 && "$AJAIL" run --quiet --fs=deb "${args[@]}" true); }
if [ "$AS" = root ]; then # id-mapped trees are made outside and handed over
    refuses 'too few descriptors' 'ulimit -n' few
else
    check 'descriptors are not held' few
fi
files=()
for i in $(seq 200); do files+=("--ro=$base/d$i/f"); done
output 'two hundred ephemeral files' 20100 jail "${files[@]}" sh -c "cat $base/*/f | awk '{ s += \$1 } END { print s }'"
rm -rf "$base"
