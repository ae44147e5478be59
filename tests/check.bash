# shellcheck shell=bash
# For tests that are scripts of their own: counts in `passed` and `failed`, which are theirs.
# check NAME COMMAND...: exits 0
check() {
    local said name=$1
    shift
    if said=$("$@" 2>&1); then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED %s\n%s\n' "$name" "$(tail -n 20 <<<"$said")"
    fi
}
