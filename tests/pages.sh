#!/bin/bash
# The manual pages, as tools/man makes them: groff and mandoc have nothing to say against them, all sections are there, no
# Markdown is left, and each option that a command knows stands as an entry in its section; nothing else does.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
ajail=${AJAIL_BINARY:-$here/build/ajail}
passed=0 failed=0 skipped=0
complain() {
    echo "FAILED $*"
    failed=$((failed + 1))
}
pass() { passed=$((passed + 1)); }
pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT
SOURCE_DATE_EPOCH=1700000000 "$here/tools/man/make" "$pages" 0.0 || complain 'tools/man/make'

# Lines as long as paragraphs: an entry is then a line of its own.
rendered() { LC_ALL=C.UTF-8 MANWIDTH=9000 man -E UTF-8 -l "$1" 2>/dev/null | col -bx; }
section() { awk -v name="$1" '/^[^ ]/ { on = $0 == name; next } on'; }
# The options of a section's entries, as `--name`; of bwrap with the words that follow.
entries() { grep -E '^ {7}--[a-z]' | sed -E 's/^ {7}(--help|--version) {1,}[A-Z].*/\1/' | grep -oE '(^ *|, )--[^,]*' | sed -E 's/^[ ,]*//'; }

if ! command -v man >/dev/null || ! command -v groff >/dev/null; then
    echo 'skipped: no man-db, or no groff'
    echo "0 passed, $failed failed, 1 skipped"
    exit "$((failed > 0))"
fi
for page in ajail.1 ajail-bwrap.1 ajail-mkfs.1 ajail-policy.7; do
    said=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$pages/$page" 2>&1 >/dev/null)
    if [ -z "$said" ]; then pass; else complain "$page: $said"; fi
    if ! command -v mandoc >/dev/null; then skipped=$((skipped + 1)); elif said=$(mandoc -T lint -W warning "$pages/$page"); then pass; else
        complain "$page: $said"
    fi
    text=$(rendered "$pages/$page")
    sections=(NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' ENVIRONMENT FILES 'SEE ALSO')
    [ "$page" != ajail-policy.7 ] || sections=(NAME DESCRIPTION 'SYSTEM CALLS' LANDLOCK 'SEE ALSO')
    for name in "${sections[@]}"; do
        if section "$name" <<<"$text" | grep -q '[a-z]'; then pass; else complain "$page: nothing in $name"; fi
    done
    # Where it is installed the pages do not know; a link's title is not said twice.
    if left=$(grep -nE '/usr/share/doc/ajail|([A-Z][a-z]+ [a-z]+) \(see \1' <<<"$text"); then complain "$page: ${left:0:300}"; else pass; fi
    if left=$(grep -nE '\]\(|\*\*|`[a-z]|^ *\|' <<<"$text"); then complain "$page: Markdown is left: ${left:0:300}"; else pass; fi
done

text=$(rendered "$pages/ajail.1")
for command in $("$ajail" complete -- ''); do
    case $command in
    run) in_page=$(section OPTIONS <<<"$text") ;;
    mkfs) in_page=$(rendered "$pages/ajail-mkfs.1" | section OPTIONS) ;;
    bwrap) in_page=$(rendered "$pages/ajail-bwrap.1" | section OPTIONS) ;;
    *) in_page=$(section "AJAIL ${command^^}" <<<"$text") ;;
    esac
    if [ "$command" = bwrap ]; then
        known=$("$ajail" bwrap --help | sed -nE 's/^    (--[^ ]+( [A-Z]+)*) .*/\1/p' | sort)
        told=$(entries <<<"$in_page" | sort)
    else
        known=$("$ajail" "$command" --help | sed -nE 's/^ {1,6}(-[a-z],)?(--[a-z-]+).*/\2/p' | sort -u)
        told=$(entries <<<"$in_page" | sed -E 's/^(--[a-z-]+).*/\1/' | sort -u)
    fi
    if [ -n "$known" ] && difference=$(diff <(echo "$known") <(echo "$told")); then pass; else
        complain "ajail $command: its help (<) and the manual page (>) differ:"$'\n'"${difference:-no options}"
    fi
done

# Configured and installed (nothing is built) where there is a space in the name: the pages are made, and found.
mkdir "$pages/a checkout" && cp -r "$here"/{CMakeLists.txt,LICENSE,README.md,CONTRIBUTING.md,SECURITY.md,cmake,docs,src,tools} "$pages/a checkout"
installs() (
    cd "$pages/a checkout" && mkdir build && cmake -S . -B build -DBUILD_TESTING=OFF && touch build/ajail &&
        cmake --install build --component ajail --prefix "$pages/in stalled" && [ -s "$pages/in stalled/share/man/man1/ajail.1" ]
)
if ! command -v cmake >/dev/null; then skipped=$((skipped + 1)); elif said=$(installs 2>&1); then pass; else
    complain "installed from a directory with a space: ${said: -600}"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
