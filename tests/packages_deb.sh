#!/bin/bash
# Debian's packages, as `cpack` makes them out of the build directory: lintian has nothing to say, two runs make the same
# bytes, and in a fresh Debian 12 and 13 (jails of an ordinary user) they install, work, and leave nothing when they go. Those
# for another architecture ($AJAIL_BINARY is of such a build) tests/kernels installs.
set -u
# shellcheck disable=SC2034 # user.sh
as=user
BINARY=${AJAIL_BINARY:-$(dirname "$0")/../build/ajail}
tests=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/user.sh
. "$tests/user.sh"
build=$(cd "$(dirname "$BINARY")" && pwd)
passed=0 failed=0 skipped=0
# shellcheck source=tests/check.bash
. "$tests/check.bash"
if grep -q '^AJAIL_SANITIZE:BOOL=ON' "$build/CMakeCache.txt"; then
    echo 'skip   not with sanitizers'
    exit 0
fi
package() { (umask 022 && SOURCE_DATE_EPOCH=1700000000 cpack --config "$build/CPackConfig.cmake" -G DEB -B "$1"); }
debs=$here/state
check 'cpack' package "$debs/once"
check 'cpack, again' package "$debs/again"
for name in ajail ajail-bwrap; do
    check "$name: the same bytes twice" cmp "$debs"/once/${name}_*.deb "$debs"/again/${name}_*.deb
done
rm -rf "$debs"/*/_CPack_Packages
if command -v lintian >/dev/null; then
    allow=()
    [ "$(id -u)" != 0 ] || allow=(--allow-root)
    check lintian lintian "${allow[@]}" --fail-on error,warning --pedantic "$debs"/once/*.deb
else
    echo 'skipped lintian: is not here'
    skipped=$((skipped + 1))
fi
for deb in "$debs"/once/*.deb; do
    contents=$(dpkg-deb -c "$deb" | awk '{ print $6 }' | sort)
    equal=$(sort -u <<<"$contents")
    check "$deb: each file once" test "$contents" = "$equal"
done
architecture=$(dpkg-deb -f "$debs"/once/ajail_*.deb Architecture)
if [ "$architecture" != "$(dpkg --print-architecture)" ]; then
    check "$architecture: is what is in it" [ "$(dpkg-deb --fsys-tarfile "$debs"/once/ajail_*.deb | tar -xO ./usr/bin/ajail | cmp - "$BINARY" 2>&1)" = '' ]
    echo "skipped installing packages for $architecture: not of this machine"
    echo "$passed passed, $failed failed, $((skipped + 1)) skipped"
    exit $((failed > 0))
fi
mkdir "$here/work/debs"
cp "$debs"/once/*.deb "$here/work/debs" || die 'no packages'
cat >"$here/work/installed.sh" <<'END'
# As root of a jail: a line for each thing that is asked.
set -eu
listing() {
    find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /run -o -path "$PWD" -o -path /var/log -o -path /var/cache \
        -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /etc/ld.so.cache -o -path /var/backups \) -prune -o -print | sort
}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
if [ "$1" = remove ]; then
    apt-get remove -qq -y ajail ajail-bwrap >/tmp/said 2>&1 || cat /tmp/said
    echo "removed: $(listing | comm -13 /root/before - | tr '\n' ' ')"
    apt-get purge -qq -y ajail >/tmp/said 2>&1 || cat /tmp/said
    echo "purged: $(listing | diff /root/before - | tr '\n' ' ')$(dpkg-query -W 'ajail*' 2>/dev/null)"
    exit 0
fi
apt-get update -qq
apt-get install -qq -y --no-install-recommends man-db apparmor >/dev/null 2>&1
useradd -m tester
touch /root/before
listing >/tmp/before
mv /tmp/before /root/before
# AppArmor may come later, with a parser that knows more, or less.
apt-get remove -qq -y apparmor >/dev/null 2>&1
apt-get install -qq -y ./debs/*.deb >/tmp/said 2>&1 || cat /tmp/said
apt-get install -qq -y --no-install-recommends apparmor >>/tmp/said 2>&1 || cat /tmp/said
grep -i 'warning\|error' /tmp/said || true
echo "version: $(ajail --version | head -n 1)"
echo "bwrap: $(bwrap --version 2>/dev/null)"
for page in ajail ajail-mkfs ajail-bwrap ajail-policy bwrap; do
    man "$page" 2>/dev/null | col -b | grep -q '^DESCRIPTION' && echo "man $page: renders"
done
. /usr/share/bash-completion/completions/ajail
COMP_LINE='ajail doc' COMP_POINT=9
_ajail 2>/dev/null || true
echo "completed: ${COMPREPLY[*]}"
parses=no disabled=no
! apparmor_parser -Q -K -S </etc/apparmor.d/ajail >/dev/null 2>&1 || parses=yes
[ ! -L /etc/apparmor.d/disable/ajail ] || disabled=yes
echo "profile: parses $parses, disabled $disabled"
# What a start of apparmor.service does: with the link, and without it.
all() { apparmor_parser -Q -K /etc/apparmor.d >/dev/null 2>&1 && echo good || echo bad; }
echo "all profiles: $(all)"
if [ $disabled = yes ]; then
    rm /etc/apparmor.d/disable/ajail
    echo "all profiles, ajail's enabled: $(all)"
    dpkg-reconfigure ajail
    echo "all profiles, reconfigured: $(all)"
fi
END
as_here() { (cd "$here/work" && "${become[@]}" "${clean[@]}" AJAIL_HOME="$store" "$here/ajail" "$@"); }
in_root() { as_here run --quiet --fs="$suite" --keep="$suite" "$@"; }
store=$base/debs
as_user mkdir -p -m 700 "$store"
common='version: ajail [0-9.]+
bwrap: bubblewrap 0\.12\.0
man ajail: renders
man ajail-mkfs: renders
man ajail-bwrap: renders
man ajail-policy: renders
man bwrap: renders
completed: doctor
'
# AppArmor 3.0 knows neither the ABI nor the rule.
old='profile: parses no, disabled yes
all profiles: good
all profiles, ajail.s enabled: bad
all profiles, reconfigured: good'
new='profile: parses yes, disabled no
all profiles: good'
tester() { in_root --nested --user=1000 --env=HOME=/home/tester "$@"; }
# lines NAME WANTED COMMAND...: its lines, each fitting one of WANTED
lines() {
    local name=$1 wanted=$2 said
    shift 2
    said=$("$@" 2>&1)
    check "$name: $said" test "$(grep -cxE -f <(printf '%s' "$wanted") <<<"$said") $(wc -l <<<"$said")" = \
        "$(printf '%s\n' "$wanted" | wc -l) $(printf '%s\n' "$wanted" | wc -l)"
}
for suite in bookworm trixie; do
    [ -d "$store/fs/$suite" ] || check "mkfs $suite" as_here mkfs debian "$suite" -s "$suite"
    as_here discard "$suite" 2>/dev/null # of one that was killed
    expected=$new left=''
    [ "$suite" != bookworm ] || expected=$old left='(/etc/apparmor\.d/disable )?/etc/apparmor\.d/disable/ajail '
    lines "$suite: installed" "$common$expected" in_root -- bash installed.sh install
    # As an ordinary user of it (whom only the layer has), and as whatever calls bwrap there.
    check "$suite: a jail in it" tester -- ajail run --quiet --fs=host true
    check "$suite: doctor in it" tester -- ajail doctor
    lines "$suite: bwrap in it" 'tester' tester -- bwrap --ro-bind / / --dev /dev --unshare-all whoami
    lines "$suite: gone" "removed: /etc/apparmor\.d/ajail $left
purged: " in_root -- bash installed.sh remove
    check "$suite: forgotten" as_here discard "$suite"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
