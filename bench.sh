#!/bin/bash
# ./bench.sh [OPTION...] [ROW...]    measures ajail against its peers and the least that it takes, side by side
#
#   --quick         fewer rounds, and not the rows that take minutes
#   --json=FILE     the result
#   --svg=FILE      a picture of it
#   --merge=FILE    the rows that are not measured now are those of an earlier --json
#   --update-docs   writes the table and the picture of docs/performance.md; with ROWs only together with --merge
#   --no-install    who is missing is left out
#   --keep          what took long to make (a million files, archives, ...) is kept for the next time, in the user's
#                   ~/.cache/ajail-tests/bench
#
# Without ROW all of them; `bwrap` means all of bwrap/*, and any name of the table's first column its row. What they are:
# docs/performance.md. Builds what is not built, installs what it compares with, and runs everything as an ordinary user:
# the one who calls, or, called by root, $AJAIL_TEST_USER (ajail-test). $AJAIL_BINARY: another one than build/ajail.
#
# A missed target is said and is no failure. The exit status is 0; 1 if something could not be run; 2 if what was asked for
# cannot be done, which is looked at first.
set -euo pipefail
top=$(cd "$(dirname "$0")" && pwd)
refuse() {
    echo "bench.sh: $*" >&2
    exit 2
}

options=() rows=() show=() merge=no update=no install=yes
for argument; do
    case $argument in
    -h | --help)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    --quick | --keep) options+=("$argument") ;;
    --json=?* | --svg=?* | --merge=?*)
        show+=("${argument%%=*}=$(realpath -m "${argument#*=}")")
        [[ $argument != --merge=* ]] || merge=yes
        ;;
    --json | --svg | --merge | --json= | --svg= | --merge=) refuse "${argument%=}: which file? (${argument%=}=FILE)" ;;
    --update-docs) update=yes ;;
    --no-install) install=no ;;
    -*) refuse "unknown option $argument" ;;
    *) rows+=("$argument") ;;
    esac
done
if [ "$update" = yes ]; then
    show+=("--doc=$top/docs/performance.md")
    [ "${#rows[@]}" = 0 ] || [ "$merge" = yes ] || refuse '--update-docs with some rows needs --merge=FILE, where the others are'
fi
check() { # whether there are such rows, and such files
    /usr/bin/python3 "$top/tests/bench/bench.py" --check "${rows[@]}" && /usr/bin/python3 "$top/tests/bench/chart.py" --check "${show[@]}"
}
if [ -x /usr/bin/python3 ]; then check || exit 2; fi # where there is none yet, it is installed

# shellcheck source=tests/packages.sh
. "$top/tests/packages.sh"
quietly() { # DOING COMMAND...: shows what the command says only if it fails, and on a terminal what goes on
    local said
    [ ! -t 2 ] || echo "$1 ..." >&2
    shift
    said=$("$@" 2>&1) || {
        printf '%s\n' "$said" >&2
        return 1
    }
}
if [ "$install" = yes ]; then # what the build needs, what is measured with, the peers
    quietly 'installing what is needed' install_packages g++ cmake make pkg-config libseccomp-dev nlohmann-json3-dev catch2 \
        mmdebstrap debian-archive-keyring ca-certificates python3 git strace uidmap bubblewrap dpkg-dev libcap-dev meson
    for peer in crun firejail; do quietly "installing $peer" install_packages "$peer" || echo "bench.sh: no $peer here" >&2; done
fi
BINARY=${AJAIL_BINARY:-$top/build/ajail}
if [ -z "${AJAIL_BINARY:-}" ]; then
    quietly 'configuring' cmake -S "$top" -B "$top/build" -DBUILD_TESTING=ON
    quietly 'building' cmake --build "$top/build" --parallel "$(nproc)" --target ajail floor calls
fi
quietly 'preparing the root filesystem' "$top/tests/run" --prepare
# Debian 12's bubblewrap has no overlays yet.
quietly 'preparing bubblewrap' "$top/tests/peer/bubblewrap" --prepare || echo 'bench.sh: no newer bubblewrap than the one that is installed' >&2

# shellcheck disable=SC2034 # user.sh
as=user
# shellcheck source=tests/user.sh
. "$top/tests/user.sh"
install -m 644 "$top/tests/bench/bench.py" "$here/bench.py"
[ "${#become[@]}" = 0 ] || chown "$user:" "$here/bench.py"
lock 9 "$base/lock" # one at a time for this user, as in tests/run

# In the background, so that a signal comes through at once; bench.py then ends what it has started and cleans up.
measuring='' status=0
# shellcheck disable=SC2317 # by traps
stop() {
    trap '' INT TERM
    [ -z "$measuring" ] || kill -TERM "$measuring" 2>/dev/null || :
    wait
    exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
"${clean[@]}" PATH="$PATH" /usr/bin/python3 "$here/bench.py" --user="$user" --here="$here" --base="$base" "${options[@]}" "${rows[@]}" \
    >"$here/state/result" </dev/null 9<&- &
measuring=$!
wait "$measuring" || status=$?
measuring=''
[ -s "$here/state/result" ] || exit "$((status > 128 ? status : 2))"
/usr/bin/python3 "$top/tests/bench/chart.py" "$here/state/result" "${show[@]}" || status=$?
exit "$status"
