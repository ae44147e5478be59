#!/bin/bash
# As bwrap: targets are resolved inside the new root. A directory that is given for writing may hold any symlink, put
# there by who ran in it before; nothing is made, and nothing mounted, where it leads on the host (CVE-2026-87766 is
# this class).
. "$TESTS/lib.sh"

mkdir project secret
echo keep >secret/file
ln -s "$PWD/secret" project/absolute
ln -s ../secret project/relative
ln -s "../../../../../../../../../../..$PWD/secret" project/climbing
ln -s "/proc/self/root$PWD/secret" project/proc
ln -s "/proc/1/root$PWD/secret" project/proc1
ln -s "/oldroot$PWD/secret" project/oldroot
ln -s "$PWD/secret/new" project/dangling
echo data >data

untouched() { find secret -printf '%P %y %m %s\n' | sort; }
before=$(untouched)

# Into a root that has the project at another path, so that no link leads to the same directory inside.
run_bwrap() {
    "$AJAIL" bwrap --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
        --bind project /work "$@" /bin/true
}
for link in absolute relative climbing proc proc1 oldroot dangling; do
    for kind in dir tmpfs proc dev; do
        run_ run_bwrap "--$kind" "/work/$link/made"
        equal "--$kind through $link" "$before" "$(untouched)"
    done
    for kind in bind ro-bind dev-bind; do
        run_ run_bwrap "--$kind" /usr "/work/$link/made"
        equal "--$kind through $link" "$before" "$(untouched)"
    done
    for kind in file bind-data ro-bind-data; do
        run_ run_bwrap "--$kind" 5 "/work/$link/made" 5<data
        equal "--$kind through $link" "$before" "$(untouched)"
    done
    run_ run_bwrap --symlink x "/work/$link/made"
    equal "--symlink through $link" "$before" "$(untouched)"
    run_ run_bwrap --chmod 0777 "/work/$link/file"
    equal "--chmod through $link" "$before" "$(untouched)"
    run_ run_bwrap --overlay-src /usr --tmp-overlay "/work/$link/made"
    equal "--tmp-overlay through $link" "$before" "$(untouched)"
    for kind in dir tmpfs proc dev; do
        run_ run_bwrap "--$kind" "/work/$link"
        equal "--$kind on the link $link" "1 $before" "$STATUS $(untouched)"
    done
    run_ run_bwrap --file 5 "/work/$link" 5<data
    equal "--file on the link $link" "1 $before" "$STATUS $(untouched)"
done

# Parents that are links lead where they would inside, if there is something.
output 'a symlinked parent inside' data "$AJAIL" bwrap --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib \
    --symlink usr/lib64 /lib64 --dir /real --symlink real /link --ro-bind data /link/data cat /real/data
status 'a mount on a symlink is refused' 1 run_bwrap --dir /d --symlink d /l --ro-bind /usr /l
matches '... in these words' "^bwrap: Can't mount on symlink destination /l$" run_bwrap --dir /d --symlink d /l \
    --ro-bind /usr /l
# .. of the new root is the new root.
output '.. at the top' inside "$AJAIL" bwrap --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib \
    --symlink usr/lib64 /lib64 --dir /../../made sh -c 'test -d /made && echo inside'

# Where the last target stood is remembered, but not across what may lie above it by now.
output 'a root in between' 'd' "$AJAIL" bwrap --ro-bind / / --tmpfs /tmp --ro-bind /usr /tmp/x --ro-bind / / --tmpfs /tmp \
    --ro-bind /usr /tmp/y sh -c 'cd /tmp; test -d y/bin && test ! -e x && echo d'
output 'a cover in between, by another name' 'y' "$AJAIL" bwrap --ro-bind /usr /usr --symlink usr/bin /bin \
    --symlink usr/lib /lib --symlink usr/lib64 /lib64 --dir /a --symlink a /b --ro-bind /usr /a/x --tmpfs /a \
    --ro-bind /usr /a/y ls /b
