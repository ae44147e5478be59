# shellcheck shell=bash
# Who makes the jails of the tests, and where; sourced with $as set: user, userns (the ordinary user who calls; called
# by root, $AJAIL_TEST_USER (ajail-test), which is created if it is not there) or root.
#
# Sets user, base (what is kept between runs, in that user's ~/.cache), here (a directory for this run, removed at its
# end: ajail, a copy of $BINARY; work, the user's; state, for the one who calls) and become and clean, which in front
# of a command make it that user's and its environment a known one.

: "${as:?}" "${BINARY:?}"

die() {
    echo "${0##*/tests/}: $*" >&2
    exit 1
}

become=()
user=$(id -un)
if [ "$(id -u)" = 0 ] && [ "$as" != root ]; then
    user=${AJAIL_TEST_USER:-ajail-test}
    id "$user" >/dev/null 2>&1 || useradd -m "$user" || die "cannot create the user $user"
    become=(setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all)
fi
home=$(getent passwd "$user" | cut -d: -f6)
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
clean=(env -i HOME="$home" USER="$user" PATH="$path" TERM=xterm LANG=C.UTF-8)
[ -z "${ASAN_OPTIONS:-}" ] || clean+=("ASAN_OPTIONS=$ASAN_OPTIONS")
[ -z "${UBSAN_OPTIONS:-}" ] || clean+=("UBSAN_OPTIONS=$UBSAN_OPTIONS")
as_user() { (cd / && "${become[@]}" "${clean[@]}" "$@"); }

# lock FD FILE: opens it as that descriptor and has it alone. Read-only, so it does not matter who has made it.
lock() {
    [ -e "$2" ] || as_user touch "$2" || die "cannot make $2"
    eval "exec $1<\"\$2\"" || die "cannot open $2"
    flock -n "$1" && return
    [ -n "${waited:-}" ] || echo "waiting for another run ($2) ..." >&2
    waited=yes
    flock "$1" || die "cannot lock $2"
}

[ -x "$BINARY" ] || die "no $BINARY; build it first, or set AJAIL_BINARY"
base=$home/.cache/ajail-tests
as_user mkdir -p "$base/runs" || die "cannot make $base"
# The checkout may lie where the user cannot look: what is needed is copied.
here=$(as_user mktemp -d "$base/runs/XXXXXX") || die "cannot make a directory in $base"
trap 'chmod -R u+rwX "$here" 2>/dev/null; rm -rf "$here"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$here/work" "$here/state"
install -m 755 "$BINARY" "$here/ajail" || die "cannot copy $BINARY"
# What is built beside it: the prober of the attack tests, and what is measured against.
for program in attack floor calls; do
    built=$(dirname "$BINARY")/tests/$program
    [ ! -x "$built" ] || install -m 755 "$built" "$here/$program" || die "cannot copy $built"
done
[ "${#become[@]}" = 0 ] || chown -R "$user:" "$here"
