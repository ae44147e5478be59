# shellcheck shell=bash
# What the tests of installed software have in common; sourced after lib.sh.

kept=$HOME/.cache/ajail-tests/packages
if [ ! -d "$kept/fs/services" ]; then
    fail_ 'the root filesystem services' "$kept/fs/services" 'none: tests/peer/prepare makes it'
    exit
fi

# one, range: jails of the two kinds, in which everything is installed; without the host's network, so that no port is
# anybody else's
one() { "$AJAIL" run --quiet --fs="$kept/fs/services" --no-net "$@"; }
range() { one --users=range "$@"; }
# fresh KIND: the same with little more than apt, and the archives that it needs
fresh() {
    local kind=$1
    shift
    "$kind" --fs="$kept/fs/bookworm" --mount="$kept/bookworm.cache/apt,/var/cache/apt,ro" \
        --mount="$kept/bookworm.cache/lists,/var/lib/apt/lists,ro" --env=DEBIAN_FRONTEND=noninteractive "$@"
}

modes=(one)
if command -v newuidmap >/dev/null && grep -q "^$(id -un):" /etc/subuid && grep -q "^$(id -un):" /etc/subgid; then
    modes+=(range)
else
    skip 'all with --users=range' "no newuidmap, or no subordinate ids of $(id -un)"
fi

# For the scripts inside: `until_ COMMAND...`, for 15 s at most; `owner NAME`: who the kernel says the processes of that
# name are; `page URL`
cat >inside.sh <<'END'
until_() { for _ in $(seq 150); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; echo "waited in vain: $*"; "$@"; }
owner() { echo $(for p in $(pidof "$1"); do stat -c %U "/proc/$p"; done | sort -u); }
page() { python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20).read().decode().strip())' "$1"; }
END

# session NAME COMMAND...: runs, and exits 0; `says` looks at what it wrote
session() {
    SESSION=$1
    run_ "${@:2}"
    cat "$OUT" "$ERR" >"$TALLY.said"
    if [ "$STATUS" = 0 ]; then pass_; else fail_ "$SESSION" 'status 0' "$(said_ "$STATUS")"; fi
}

# says NAME REGEX: a whole line fits the extended REGEX
says() {
    if grep -aqxE -e "$2" "$TALLY.said"; then pass_; else
        fail_ "$SESSION: $1" "a line fitting /$2/" "$(tail -c 3000 "$TALLY.said" | cat -v)"
    fi
}
