#!/bin/bash
# release.sh: built twice, in different directories, by different users, with another umask and locale, a release is the same
# bytes; and what is in it. Its last line: N passed, M failed, K skipped.
#
#   tests/release.sh [ARCH...]    for this machine alone if none is named
set -u
# shellcheck disable=SC2034 # user.sh
as=user
BINARY=${AJAIL_BINARY:-$(dirname "$0")/../build/ajail}
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/user.sh
. tests/user.sh
passed=0 failed=0
# shellcheck source=tests/check.bash
. tests/check.bash
archs=("$@")
[ $# -gt 0 ] || archs=("$(uname -m)")

one=$here/one two=$here/work/another/directory
mkdir -p "$one" "$two"
git ls-files -coz --exclude-standard | while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done |
    tar -c --null -T - >"$here/state/sources.tar"
for copy in "$one" "$two"; do tar -x -C "$copy" -f "$here/state/sources.tar" || die 'cannot copy the sources'; done
[ "${#become[@]}" = 0 ] || chown -R "$user:" "$here/work"
export SOURCE_DATE_EPOCH=1700000000 CCACHE_DISABLE=1
as_other() (
    cd "$two" && umask 027 && as_user mkdir -p "$two/tmp" &&
        "${become[@]}" "${clean[@]}" TMPDIR="$two/tmp" SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" LC_ALL=C TZ=Asia/Tokyo ./release.sh "${archs[@]}"
)
# At the same time: linkers and scripts leave a processor idle.
as_other >"$here/two.log" 2>&1 &
check 'a release' "$one/release.sh" --out="$here/out" "${archs[@]}"
wait $! || cat "$here/two.log"
check 'by another, elsewhere, the same' diff -r "$here/out" "$two/release"
for arch in "${archs[@]}"; do check "$arch: the binary, too" cmp {"$one","$two"}/build-release-"$arch"/ajail; done
check 'nothing is written over' sh -c "! '$one/release.sh' --out='$here/out' 2>'$here/said' && grep -q 'is not empty' '$here/said'"
check 'checksums' sh -c "cd '$here/out' && sha256sum -c SHA256SUMS && [ \$(ls | wc -l) = \$((\$(wc -l <SHA256SUMS) + 1)) ]"

# What the linker itself says of the libraries that it has taken something from.
traced() (
    cd "$one/build-release-$1" || exit 1
    command=$(ninja -t commands ajail | tail -n 1)
    sh -c "${command/ -o ajail / -Wl,--trace,--trace -o ajail.traced }" | sed -n 's,^(\(/.*\))[^)]*$,\1,p' | sort -u
)
for arch in "${archs[@]}"; do
    name=$(cd "$here/out" && echo ajail-*-linux-"$arch".tar.gz)
    check "$arch: what is linked is named" python3 - "$name" "$here"/out/ajail-*.spdx.json "$(traced "$arch")" <<'END'
import json, os, subprocess, sys
name, path, traced = sys.argv[1:]
spdx = json.load(open(path))
assert (spdx["spdxVersion"], spdx["dataLicense"], spdx["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"), spdx
assert spdx["creationInfo"]["created"] == "2023-11-14T22:13:20Z", spdx["creationInfo"]
parts = {part["SPDXID"]: part for part in spdx["packages"]}
assert len(parts) == len(spdx["packages"])
ours = [part for part in parts.values() if part.get("packageFileName") == name]
assert len(ours) == 1, ours
digest = subprocess.run(["sha256sum", os.path.join(os.path.dirname(path), name)], stdout=subprocess.PIPE, text=True).stdout.split()[0]
assert ours[0]["checksums"] == [{"algorithm": "SHA256", "checksumValue": digest}], ours
linked = [parts[r["relatedSpdxElement"]] for r in spdx["relationships"]
          if r["spdxElementId"] == ours[0]["SPDXID"] and r["relationshipType"] in ("STATIC_LINK", "CONTAINS")]
archives = {os.path.realpath(line) for line in traced.splitlines()}
assert len(archives) >= 3, archives
for archive in archives:
    package = subprocess.run(["dpkg", "-S", archive], stdout=subprocess.PIPE, text=True).stdout.split(":")[0]
    named = [p for p in linked if f" {package} " in p["sourceInfo"] and os.path.basename(archive) in
             p["sourceInfo"].split(" of ")[0].split(", ")]
    assert len(named) == 1, (archive, package, linked)
assert {part["name"] for part in linked} == {"glibc", "libstdc++", "libgcc", "JSON for Modern C++"}, linked
assert all(part["licenseConcluded"] and part["versionInfo"] for part in linked), linked
END
    as_user tar -xz -C "$here/work" -f - <"$here/out/$name"
    for file in LICENSE README.md bin/ajail etc/apparmor.d/ajail share/man/man1/ajail.1 share/bash-completion/completions/ajail; do
        check "$arch: $file" test -s "$here/work/${name%.tar.gz}/$file"
    done
    check "$arch: everybody may read it" sh -c "[ -z \"\$(find '$here/work/${name%.tar.gz}' ! -perm -444)\" ]"
done
if [[ " ${archs[*]} " == *" $(uname -m) "* ]]; then
    version=$(sed -n 's/.*kVersion = "\(.*\)".*/\1/p' src/cli/version.h)
    binary=$here/work/ajail-$version-linux-$(uname -m)/bin/ajail
    check 'it runs' sh -c "[ \"\$('$binary' --version | head -n 1)\" = 'ajail $version' ]"
    check 'and makes a jail, for an ordinary user' as_user sh -c \
        "cd '$here/work' && [ \"\$(AJAIL_HOME='$here/work/store' '$binary' run --quiet -- sh -c 'echo in \$\$')\" = 'in 2' ]"
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
