#!/bin/bash
# Paths are bytes: whatever stands in a name of the current directory, a source, a target.
. "$TESTS/lib.sh"

names=('a b' ' ' 'a,b' 'a:b' 'a\b' 'a\,b' 'a\x41' $'a\nb' $'\n' $'a\tb' $'\xff\xfe' $'\xc3' '-dash' '--rw' '"quoted"'
    "it's" '$HOME' '*' '~' '#' '%s%n' 'a=b' '[a,b]' '{a,b}' ';' '&' $'gr\xc3\xbcn' $'\e[31m' '...' '..a'
    'lowerdir=x:y,z' "$(printf 'l%.0s' {1..255})")
top=$PWD
for name in "${names[@]}"; do
    cd "$top" || exit 1
    mkdir -- "$name"
    cd "./$name" || exit 1
    echo in >f
    mkdir -- "$name"
    echo deep >"./$name/f"
    shown=$(printf %q "$name")
    for kind in rw ro rol; do
        output "cwd $shown, $kind" 'in' jail --$kind cat f
    done
    equal "cwd $shown is \$PWD" "$PWD." "$(jail sh -c 'printf "%s." "$PWD"')"
    output "source $shown, ro" deep jail --rol --ro="./$name" sh -c 'echo x >"./$1/w" && cat "./$1/f"' - "$name"
    output "source $shown, rol" deep jail --rol="./$name" cat "./$name/f"
    output "source $shown, hide" '' jail --hide="./$name" ls -A -- "$name"
    mounted=${name//\\/\\\\}
    mounted=${mounted//,/\\,}
    output "target $shown" deep jail --mount="./$mounted,/srv/$mounted,rol" cat "/srv/$name/f"
done
cd "$top" || exit 1
equal 'nothing stays' '' "$(find . -name w)"
check 'a path near the limit' sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
    d=$(printf "d%.0s" $(seq 1 250)); mkdir "$d" && cd "$d" || exit 1; done; [ ${#PWD} -gt 3000 ]
    [ "$("$AJAIL" run --quiet --fs=deb sh -c "echo ok")" = ok ]'
