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
# took N: milliseconds for the first N of them
took() {
    local start
    start=$(date +%s%N)
    jail "${args[@]:0:$1}" true
    echo $((($(date +%s%N) - start) / 1000000))
}
output 'all are there' 500500 jail "${args[@]}" sh -c "cat $base/*/f | awk '{ s += \$1 } END { print s }'"
hundred=$(took 100) thousand=$(took 1000)
check "in linear time ($hundred ms, $thousand ms)" test "$thousand" -lt $((25 * hundred + 200))
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
