#!/bin/bash
# Not only apt: rpm, dnf, pacman and four programs that unpack archives put files of many owners into a jail. With one id
# they succeed, and all is right but the owners; with a range of ids the owners are real. foreign/inside.sh is what runs.
# needs: the network
# not: root userns
# seconds: 600
. "$TESTS/lib.sh"

# said STEP: what it has written. went WAY STEP...: they ended with status 0.
said() { cat "$way/said/$1"; }
went() {
    local step
    for step; do
        check "$way: $step" test "$(said "$step.status" 2>&1)" = 0
        [ "$(said "$step.status" 2>&1)" = 0 ] || said "$step" | tail -n 20
    done
}
# wanted: the listing that comes in, as it should look: with one id all is root's; with a range nothing stands in for
# device nodes.
wanted() { if [ "$way" = one ]; then sed -E 's/ [0-9]+:[0-9]+ / 0:0 /'; else sed -E '/^(d.)?(null|disk) /d'; fi; }
# busybox gives no symbolic link away.
of_tool() { if [ "$1" = busybox ]; then sed '/^d.symbolic/s/ [0-9]*:[0-9]* / /'; else cat; fi; }

rpms() { # rpm|dnf
    went "$1-install" "$1-query" "$1-files" "$1-remove"
    equal "$way: what $1 has installed" "$(wanted <<'L'
. d 755 0:0 2
game f 2755 0:60 2
link l 777 1:8 1 secret
null f 666 0:0 1
same f 2755 0:60 2
secret f 640 1:8 1
tool f 4755 2:60 1
. d 750 987:987 2
data f 600 987:987 1
who f 644 987:987 1
secret
data
ftl
L
)" "$(said "$1-files")"
    # Columns: size, mode, digest, device, link, user, group, time, capabilities.
    if [ "$way" = range ]; then went "$1-verify"; else
        equal "$way: $1: 8 files differ, by their owners and by being no device" '8 8' \
            "$(said "$1-verify" | wc -l) $(said "$1-verify" | grep -cE '^\.\.\.\.\.[U.][G.]\.\. |^\.M5D\.\.\.\.\. +/opt/foreign/null$')"
    fi
}

pacman() {
    went pacman-build pacman-install pacman-query pacman-files pacman-remove
    equal "$way: makepkg ran as a user" builder "$(said pacman-build | head -n 1)"
    equal "$way: pacman knows it" 'alien 1-1' "$(said pacman-query)"
    equal "$way: what pacman has installed" "$(wanted <<'L'
. d 2775 0:60 2
link l 777 1:8 1 secret
made f 600 988:988 1
same f 4755 2:60 2
secret f 640 1:8 1
tool f 4755 2:60 2
who f 644 0:60 1
secret
aln
L
)" "$(said pacman-files)"
    if [ "$way" = range ]; then went pacman-verify; else
        equal "$way: pacman -Qkk: owners are wrong, and that is all" '9 alien: 7 total files, 5 altered files' \
            "$(said pacman-verify | grep -c '^warning: alien: .* ([UG]ID mismatch)$') $(said pacman-verify | grep -v ' ([UG]ID mismatch)$')"
    fi
}

archives() {
    local tool unpacked
    unpacked=$(wanted <<'L'
. d 755 0:0 3
d d 2750 1:8 2
d/disk f 660 0:6 1
d/fifo p 620 33:5 1
d/file f 640 1:8 2
d/hard f 640 1:8 2
d/last f 644 1:0 1
d/noted f 644 13:0 1
d/null f 666 0:0 1
d/setuid f 4755 2:2 1
d/symbolic l 777 13:12 1 file
L
    )
    for tool in tar bsdtar busybox cpio; do
        went $tool
        equal "$way: what $tool has unpacked" "$(of_tool $tool <<<"$unpacked")" "$(said $tool-files | of_tool $tool)"
    done
    went tar-xattr bsdtar-xattr
    equal "$way: attributes" 'hello hello' "$(said tar-xattr | tail -n 1) $(said bsdtar-xattr | tail -n 1)"
}

try() { # one|range OPTION...
    way=$1
    shift
    local devices=()
    [ "$way" = range ] || devices=(devices)
    mkdir "$way"
    /usr/bin/python3 "$TESTS/peer/foreign/archive.py" "$way/archive.tar" "${devices[@]}" || return 1
    cp "$TESTS/peer/foreign/inside.sh" "$way/"
    # Debian 12 (peer/prepare makes it): newer rpms have no --force-debian, and a plugin that makes namespaces.
    check "$way: it ran" env -C "$way" "$AJAIL" run --quiet --fs="$HOME/.cache/ajail-tests/packages/fs/bookworm" "$@" bash inside.sh "${devices[@]}"
    went tools rpm-build
    rpms rpm
    equal "$way: rpm knows it" 'foreign-1-1.noarch' "$(said rpm-query)"
    rpms dnf
    equal "$way: dnf knows it" 1 "$(said dnf-query | grep -c '^foreign.noarch *1-1 *@here')"
    pacman
    archives
}

try one
me=$(id -un)
if command -v newuidmap >/dev/null && grep -q "^$me:" /etc/subuid && grep -q "^$me:" /etc/subgid; then
    try range --users=range
else
    skip 'with a range of ids' "no newuidmap, or no subordinate ids of $me"
fi
