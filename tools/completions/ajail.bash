# shellcheck shell=bash
# Completion of ajail's command line in bash: what the word may become is asked of ajail itself, the rest are files.
_ajail() {
    # Never the word that was typed: `~/ajail` is not expanded here, and there may be a directory `~`.
    local ajail
    ajail=$(type -P ajail)
    [[ $ajail == /* ]] || return
    local line="${COMP_LINE:0:COMP_POINT}" words
    # bash takes `--fs=name` for three words (COMP_WORDBREAKS); ajail for one.
    read -r -a words <<<"$line"
    [[ $line != *[[:space:]] ]] || words+=('')
    local last=${words[-1]} prefix=''
    [[ $last != --*=* ]] || prefix=${last%%=*}=
    mapfile -t COMPREPLY < <("$ajail" complete -- "${words[@]:1}" 2>/dev/null)
    if [ "${#COMPREPLY[@]}" = 0 ]; then
        compopt -o default 2>/dev/null
        return
    fi
    COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
    [[ "${COMPREPLY[*]}" != *= ]] || compopt -o nospace 2>/dev/null
}
complete -F _ajail ajail
