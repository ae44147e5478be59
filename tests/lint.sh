#!/bin/bash
# Rules that no compiler checks: who may include whom, sizes, calls that are not made, scripts.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0 passed=0
complain() {
    echo "FAILED $*"
    failed=$((failed + 1))
}

# The rooms, and what each may use, as in docs/design.md.
allowed() {
    case $1 in
    spec | sys) ;;
    mount) echo sys spec ;;
    policy) echo sys spec ;;
    net) echo sys ;;
    store | probe) echo sys spec ;;
    ns) echo sys spec mount policy net ;;
    cli) echo sys spec mount policy net ns store probe ;;
    *) return 1 ;;
    esac
}
for room in src/*/; do
    room=$(basename "$room")
    may=$(allowed "$room") || complain "src/$room: what may this room use? (tests/lint.sh, docs/design.md)"
    while IFS=: read -r file line include; do
        other=${include%%/*}
        if [[ " $room $may " == *" $other "* || $include != */* ]]; then passed=$((passed + 1)); else
            complain "$file:$line: $room may not include $include"
        fi
    done < <(grep -rnE '^#include "' "src/$room" --include='*.h' --include='*.cc' | sed -E 's/#include "([^"]*)".*/\1/')
done
grep -q '| `src/spec` |' docs/design.md || complain "docs/design.md: the table of rooms is gone"

# Pure rooms: no system call, nothing printed.
check_none() { # NAME REGEX FILE...: no line of the code (comments aside) fits
    local name=$1 regex=$2 hits
    shift 2
    hits=$(grep -n '' "$@" /dev/null | sed -E 's,//.*,,' | grep -E "^[^:]*:[0-9]+:.*$regex")
    if [ -z "$hits" ]; then passed=$((passed + 1)); else complain "$name"$'\n'"$hits"; fi
}
mapfile -t code < <(find src -name '*.cc' -o -name '*.h' | grep -v '^src/policy/gen/')
mapfile -t engine < <(printf '%s\n' "${code[@]}" | grep -v '^src/cli/')
mapfile -t elsewhere < <(printf '%s\n' "${code[@]}" | grep -v '^src/sys/')
check_none 'banned: other programs are never started, paths never resolved by hand' \
    '[^a-z_>.](system|popen|realpath|chroot|mktemp|tmpnam|strtok|gets|vfork|posix_spawn[p]?|exec(l|lp|le|v|vp|vpe)|canonicalize_file_name|alloca|setenv|putenv) *\(' \
    "${code[@]}"
check_none 'banned: unbounded copies' '[^a-z_](strcat|sprintf|vsprintf|stpcpy) *\(' "${code[@]}"
check_none 'banned: mount(2) and umount(2) of old, by path' '[^a-z_:.>](mount|umount2?) *\([^)]*,' "${elsewhere[@]}"
check_none 'only cli prints' '[^a-z_](printf|puts|fprintf|perror|std::cout|std::cerr) *[(<]' "${engine[@]}"
check_none 'spec is pure' '#include <(unistd|fcntl|sys/|dirent|sched)' src/spec/*.cc src/spec/*.h
mapfile -t owning < <(printf '%s\n' "${elsewhere[@]}" | grep -v '^src/ns/init.cc')
check_none 'raw close: only Fd owns' '[^a-z_.]::close *\(' "${owning[@]}"
if hits=$(grep -nE '\b(TODO|FIXME|HACK)\b' "${code[@]}"); then complain "work left in comments"$'\n'"$hits"; fi
for file in "${code[@]}"; do
    [[ $(head -n 1 "$file") == '// SPDX-License-Identifier: Apache-2.0' ]] || complain "$file: no licence line"
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || complain "$file: $lines lines, 600 at most"
done

# Functions of at most 80 lines: from a line that opens a body at the left of its room to the brace that ends it.
long=$(awk 'FNR == 1 { start = 0 }
    /^( {4})?[A-Za-z_~][^;=]*\) *(const)? *(noexcept)? *(override)? *(: .*)?\{$/ && !/^ *(class|struct|namespace|enum)/ {
        start = FNR; indent = match($0, /[^ ]/) - 1; name = $0 }
    start && /^ *\}/ && match($0, /[^ ]/) - 1 == indent {
        if (FNR - start >= 80) printf "%s:%d: %d lines: %s\n", FILENAME, start, FNR - start + 1, name; start = 0 }' "${code[@]}")
if [ -z "$long" ]; then passed=$((passed + 1)); else complain "functions of 80 lines and more"$'\n'"$long"; fi

# Pages name what is there: each `src/...`, `tests/...` and so on, and where a link leads.
for page in *.md docs/*.md; do
    while read -r name; do
        if compgen -G "$name" >/dev/null; then passed=$((passed + 1)); else complain "$page: there is no $name"; fi
    done < <(grep -v '^    ' "$page" | grep -oE '`(\./)?(src|tests|docs|tools)/[^` ]*' | tr -d '`' | sort -u
        grep -oE '\]\([^):# ]+[)#]' "$page" | sed -E "s,^\]\(,$(dirname "$page")/,; s/[)#]$//" | sort -u)
done
for page in CONTRIBUTING.md docs/comparison.md; do
    [ "$(grep -oE '`tests/[^` ]*' "$page" | wc -l)" -ge 20 ] || complain "$page: it names few tests"
done

# Scripts.
mapfile -t scripts < <(git ls-files -co --exclude-standard 2>/dev/null | while read -r file; do
    [ -f "$file" ] || continue
    case $file in
    *.sh) echo "$file" ;;
    *.*) ;;
    *) head -c 64 "$file" | head -n 1 | grep -aqE '^#!.*[/ ](ba)?sh' && echo "$file" ;;
    esac
done)
[ "${#scripts[@]}" -gt 0 ] || mapfile -t scripts < <(find . -name '*.sh' -not -path './build*')
if ! command -v shellcheck >/dev/null; then
    echo "skipped: no shellcheck"
elif said=$(shellcheck "${scripts[@]}"); then
    passed=$((passed + ${#scripts[@]}))
else
    complain "shellcheck"$'\n'"$said"
fi
for file in "${scripts[@]}"; do
    [[ $file == *lib.sh || $file == tests/roots.sh || $file == tests/workspaces.sh || $file == tests/user.sh || $file == tests/packages.sh ]] || head -n 1 "$file" | grep -q '^#!' || complain "$file: no #! line"
done

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
