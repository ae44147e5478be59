#!/bin/bash
# The table of options, --help and docs/manual.md say the same: each option of `ajail COMMAND --help` stands in the manual's table of that command, and nothing else does.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
ajail=${AJAIL_BINARY:-$here/build/ajail}
failed=0

# An option's line in the help: `  --name...` or `  -n,--name`.
in_help() { "$ajail" "$1" --help | sed -nE 's/^ {1,6}(-[a-z],)?(--[a-z-]+).*/\2/p' | sort -u; }
# In the manual: the head of a table's row or a heading, within the chapter.
in_manual() {
    sed -n "/^## ajail $1$/,/^## /{/^## ajail $1$/p;/^## /!p}" "$here/docs/manual.md" |
        sed -nE 's/^(\| *`|#+ *`?)(--[a-z-]+).*/\2/p' | sort -u
}
for command in run verify doctor ps exec kill mkfs fs changes apply discard create enter list status destroy pull; do
    count=$(in_help $command | wc -l)
    [ "$count" -ge 2 ] || { echo "FAILED ajail $command --help: only $count options"; failed=1; }
    if ! diff=$(diff <(in_help $command) <(in_manual $command)); then
        echo "FAILED ajail $command: help (<) and docs/manual.md (>) differ"
        echo "$diff"
        failed=1
    fi
    # Of an option with a value, both say how: none, `=VALUE`, `[=VALUE]`.
    while read -r option; do
        help=$("$ajail" $command --help | sed -nE "s/^ {1,6}(-[a-z],)?${option}(\[=[^ ]*\]| [^ -][^ ]*)?(  .*|$)/\2/p" | head -n 1)
        manual=$(sed -n "/^## ajail $command/,/^## /p" "$here/docs/manual.md" | grep -oE "^\| *\`${option}([^a-z\`-][^\`]*)?\`" | head -n 1 | tr -d '|`' | sed 's/^ *//')
        case $help in
        '[='*) [[ $manual == *'[='* ]] ;;
        ' '[!\ ]*) [[ $manual == *"$option="* ]] ;;
        *) [[ $manual != *=* ]] ;;
        esac || { echo "FAILED $option: the help says '$option$help', the manual '$manual'"; failed=1; }
    done < <(in_help $command)
done
# Of bwrap, with the words that follow each option.
help=$("$ajail" bwrap --help | sed -nE 's/^    (--[^ ]+( [A-Z]+)*) .*/\1/p' | sort)
manual=$(sed -n '/^## ajail bwrap/,/^## /p' "$here/docs/manual.md" | grep -oE '^\| `--[^`]+`(, `--[^`]+`)*' |
    grep -oE -- '--[^`]+' | sort)
[ "$(wc -l <<<"$help")" -ge 60 ] || { echo "FAILED ajail bwrap --help: too few options"; failed=1; }
if ! diff=$(diff <(echo "$help") <(echo "$manual")); then
    echo "FAILED ajail bwrap: help (<) and docs/manual.md (>) differ"
    echo "$diff"
    failed=1
fi
for name in AJAIL_ARGS AJAIL_HOME AJAIL_ENV_NAME 125 126 127; do
    grep -q "^| \`*$name" "$here/docs/manual.md" || { echo "FAILED docs/manual.md: nothing about $name"; failed=1; }
done
echo "$((2 - failed)) passed, $failed failed, 0 skipped"
exit "$failed"
