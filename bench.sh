#!/bin/bash
# ./bench.sh [OPTION...] [ROW...]    measures ajail against its peers and the least that it takes, side by side
#
#   --quick         fewer rounds, and not the rows that take minutes
#   --json=FILE     the result
#   --svg=FILE      a picture of it
#   --merge=FILE    the rows that are not measured now are those of an earlier --json
#   --update-docs   writes the table and the picture of docs/performance.md
#   --no-install    who is missing is left out
#   --keep          what took long to make (a million files, archives, ...) is kept for the next time, in the user's
#                   ~/.cache/ajail-tests/bench
#
# Without ROW all of them; `bwrap` means all of bwrap/*. docs/performance.md says what they are. Builds what is not built,
# installs what it compares with, and runs everything as an ordinary user: the one who calls, or, called by root, $AJAIL_TEST_USER
# (ajail-test). $AJAIL_BINARY: another one than build/ajail.
#
# A missed target is said and is no failure. The exit status is 0 unless something could not be run.
set -euo pipefail
top=$(cd "$(dirname "$0")" && pwd)

words=() show=() update=no install=yes
for argument; do
    case $argument in
    --quick | --keep) words+=("$argument") ;;
    --json=?* | --svg=?* | --merge=?*) show+=("${argument%%=*}=$(realpath "${argument#*=}")") ;;
    --update-docs) update=yes ;;
    --no-install) install=no ;;
    -*)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    *) words+=("$argument") ;;
    esac
done
[ "$update" = no ] || show+=("--doc=$top/docs/performance.md")

# shellcheck source=tests/packages.sh
. "$top/tests/packages.sh"
quietly() { # shows what a command says only if it fails
    local said
    said=$("$@" 2>&1) || {
        printf '%s\n' "$said" >&2
        return 1
    }
}
if [ "$install" = yes ]; then # what the build needs, what is measured with, the peers
    quietly install_packages g++ cmake make pkg-config libseccomp-dev nlohmann-json3-dev catch2 \
        mmdebstrap debian-archive-keyring ca-certificates python3 git strace uidmap bubblewrap dpkg-dev libcap-dev meson
    for peer in crun firejail; do quietly install_packages "$peer" || echo "bench.sh: no $peer here" >&2; done
fi
BINARY=${AJAIL_BINARY:-$top/build/ajail}
if [ -z "${AJAIL_BINARY:-}" ]; then
    quietly cmake -S "$top" -B "$top/build" -DBUILD_TESTING=ON
    quietly cmake --build "$top/build" --parallel "$(nproc)" --target ajail floor calls
fi
quietly "$top/tests/run" --prepare
# Debian 12's bubblewrap has no overlays yet.
quietly "$top/tests/peer/bubblewrap" --prepare || echo 'bench.sh: no newer bubblewrap than the one that is installed' >&2

# shellcheck disable=SC2034 # user.sh
as=user
# shellcheck source=tests/user.sh
. "$top/tests/user.sh"
install -m 644 "$top/tests/bench/bench.py" "$here/bench.py"
[ "${#become[@]}" = 0 ] || chown "$user:" "$here/bench.py"
exec 9>"$base/lock" # one at a time for this user, as in tests/run
flock 9
status=0
"${clean[@]}" PATH="$PATH" /usr/bin/python3 "$here/bench.py" --user="$user" --here="$here" --base="$base" "${words[@]}" \
    >"$here/state/result" </dev/null 9>&- || status=$?
[ -s "$here/state/result" ] || exit 2
/usr/bin/python3 "$top/tests/bench/chart.py" "$here/state/result" "${show[@]}" || status=$?
exit "$status"
