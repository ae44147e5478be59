#!/bin/bash
# As bwrap: why it failed. And what is no failure: a /proc that counts the processes of a PID namespace above.
. "$TESTS/lib.sh"

# says NAME TEXT COMMAND...: fails with status 1, and TEXT is all that it says
says() {
    local name=$1 text=$2
    shift 2
    status "$name" 1 "$@"
    equal "$name: the message" "bwrap: $text" "$(cat "$ERR")"
}
bwrap() { "$AJAIL" bwrap "$@"; }
root=(--ro-bind / /)

output 'the version is one line' 'bubblewrap 0.12.0' bwrap --version
matches 'its own is in the help' '^This is ajail [0-9]' bwrap --help
says 'a command that is not there' 'execvp /none/x: No such file or directory' bwrap "${root[@]}" /none/x
says 'a command below a file' 'execvp /etc/passwd/x: Not a directory' bwrap "${root[@]}" /etc/passwd/x
# Whoever waits for others goes on after the command's end: what was wrong is heard before that end, not after it.
times=300
! sanitized || times=30
equal 'a command that is not there, below a pid 1, often' "$times bwrap: execvp /none/x: No such file or directory" \
    "$(for ((i = 0; i < times; ++i)); do bwrap "${root[@]}" --unshare-pid /none/x 2>&1 || true; done | uniq -c | xargs)"

says 'ids that are not mapped' \
    "No permissions to create a new namespace: the user namespace that this runs in has no id map, or none for the \
caller's ids" unshare --user "$AJAIL" bwrap "${root[@]}" --unshare-user true
said='user namespaces are switched off in the container or sandbox that this runs in (a jail of ajail has them with '
said+='--nested); as root there: sysctl -w user.max_user_namespaces=10000'
# Called by root, it is the user namespace above that has the limit.
[ "$(id -u)" != 0 ] ||
    said='no more user namespaces may be made here: nested too deep, or user.max_user_namespaces (or another max_*_namespaces) is used up'
says 'switched off by the sandbox around it' "Creating new namespace failed: $said" \
    bwrap --bind / / --unshare-user --disable-userns "$AJAIL" bwrap "${root[@]}" --unshare-user true
if sanitized; then
    skip 'no /proc' 'sanitizers need it'
else
    says 'no /proc' "Can't read /proc/self/fd, /proc must be mounted: No such file or directory" \
        bwrap --bind / / --tmpfs /proc "$AJAIL" bwrap "${root[@]}" true
fi

touch file
mkdir over
ln -s over link
layer=("${root[@]}" --overlay-src over)
says 'an overlay on a file' "Destination is not a directory $PWD/file" bwrap "${layer[@]}" --tmp-overlay "$PWD/file" true
says 'an overlay on a symbolic link' "Can't mount on symlink destination $PWD/link" \
    bwrap "${layer[@]}" --tmp-overlay "$PWD/link" true
says 'a layer that is a file' "Can't make overlay mount on /mnt with options lowerdir=$PWD/file:$PWD/over: Invalid \
argument ($PWD/file is not a directory)" bwrap "${layer[@]}" --overlay-src file --ro-overlay /mnt true

matches 'a plan: each directory that is tried' "^chdir +$PWD, else $PWD, else /\$" \
    env HOME="$PWD" "$AJAIL" bwrap --ajail-dry-run "${root[@]}" true
matches 'a plan: what is only asked for is not told as done' '^userns +nothing is run if' \
    "$AJAIL" bwrap --ajail-dry-run "${root[@]}" --assert-userns-disabled true

# Without --proc the inner one finds itself by other numbers in /proc than it has.
for more in '' '--unshare-pid --proc /proc' '--cap-add CAP_SYS_ADMIN' '--unshare-all'; do
    # shellcheck disable=SC2086 # several words
    output "one in the other, without a /proc of its own: $more" ok \
        bwrap --bind / / --unshare-pid "$AJAIL" bwrap "${root[@]}" --unshare-user $more echo ok
done
output 'its namespaces are told' 1 sh -c \
    '"$AJAIL" bwrap --bind / / --unshare-pid "$AJAIL" bwrap --ro-bind / / --unshare-user --info-fd 1 true | grep -c mnt-namespace'
