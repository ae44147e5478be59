#!/bin/bash
# Root filesystems whose directories are links that point outside, or are not directories at all.
. "$TESTS/lib.sh"
. "$TESTS/roots.sh"

root=$PWD/root
outside=$PWD/outside
small_root "$root"
mkdir project "$outside"
echo o >"$outside/f"
cd project || exit 1
in_root() { timeout 20 "$AJAIL" run --quiet --fs="$root" "$@"; }
state() { listing_of "$root"; listing_of "$outside"; }

# try NAME: the shape was just made. The jail works inside, or is refused in one line (126: the way to the command
# is a loop); nothing anywhere changes.
try() {
    local before
    before=$(state)
    run_ in_root sh -c 'echo x >/tmp/x; echo y >/run/y; test -c /dev/null && test -d /proc/self && echo inside'
    case "$STATUS $(cat "$OUT")" in
    '0 inside') pass_ ;;
    '126 ') equal "$1: one line" 1 "$(grep -c '^ajail: ' "$ERR")" ;;
    *) refuses "$1" '^ajail: ' in_root true ;;
    esac
    equal "$1: nothing changes" "$before" "$(state)"
}
for dir in etc dev proc tmp run root; do
    mv "$root/$dir" "$root/$dir.was"
    for to in "$outside" "../../../../../../../../../..$outside" / . .. "$dir" /nothing/there nothing etc/../../../x \
        /proc/self/root "/proc/1/root$outside" /dev/fd/3 "$dir.was"; do
        ln -s "$to" "$root/$dir"
        try "/$dir is a link to $to"
        rm -f "$root/$dir"
    done
    try "/$dir is missing"
    echo file >"$root/$dir"
    try "/$dir is a file"
    rm "$root/$dir"
    mkfifo "$root/$dir"
    try "/$dir is a FIFO"
    rm "$root/$dir"
    mkdir "$root/$dir"
    chmod 0 "$root/$dir"
    try "/$dir without permissions"
    chmod 755 "$root/$dir"
    rmdir "$root/$dir"
    mv "$root/$dir.was" "$root/$dir"
done

# The way to the current directory, and to a target.
first=/$(cut -d/ -f2 <<<"$PWD")
if [ "$first" != /root ]; then
    for to in / "$outside" "../../../../../../..$outside" nothing /tmp loop; do
        ln -sfn "$to" "$root$first"
        before=$(state)
        run_ in_root pwd
        if [ "$STATUS" = 0 ]; then pass_; else refuses "$first is a link to $to" '^ajail: ' in_root pwd; fi
        equal "$first is a link to $to: nothing changes" "$before" "$(state)"
        rm "$root$first"
    done
fi
ln -s "$outside" "$root/srv/out"
before=$(state)
output 'a target through a link out of the root' in sh -c 'mkdir s; echo in >s/f
    "$AJAIL" run --quiet --fs="$1" --mount=s,/srv/out/deep,rol cat /srv/out/deep/f' - "$root"
equal 'is made inside' "$before" "$(state)"

# Programs of the root filesystem are not run by anybody but the payload, and commands resolve inside.
ln -s "$outside/f" "$root/usr-link"
status 'a link out of it leads nowhere' 1 in_root cat /usr-link
status 'nor upwards' 1 in_root cat "/../../../../..$outside/f"
