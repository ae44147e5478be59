#!/bin/bash
# Makes a release of ajail: the same bytes in whatever directory, by whomever, from the same commit with the same packages.
#
#   ./release.sh [--out=DIR] [ARCH...]    into release/, for x86_64 and aarch64
#
#   ajail-VERSION-linux-ARCH.tar.gz       binary, licence, manual pages, completions, AppArmor profile
#   ajail_VERSION-1_ARCH.deb              Debian's packages, ajail-bwrap_... beside it
#   ajail-VERSION.spdx.json               what is linked into the binaries (SPDX 2.3)
#   SHA256SUMS                            of all these
#
# On Debian 12 and 13, as root or with sudo, which is asked for apt only. Built in build-release-ARCH/, from nothing. The time
# that stands in the files is SOURCE_DATE_EPOCH, else the commit's.
set -euo pipefail
cd "$(dirname "$0")"
umask 022
export LC_ALL=C.UTF-8 TZ=UTC0

die() {
    echo "release.sh: $*" >&2
    exit 1
}

out=release archs=() machine=$(uname -m)
for argument; do
    case $argument in
    --out=?*) out=${argument#--out=} ;;
    aarch64 | "$machine") archs+=("$argument") ;;
    -*)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
        exit 2
        ;;
    *) die "cannot build for $argument on $machine" ;;
    esac
done
[ "${#archs[@]}" -gt 0 ] || mapfile -t archs < <(printf '%s\n' "$machine" aarch64 | sort -ru)

mkdir -p "$out"
out=$(realpath "$out")
[ -z "$(ls -A "$out")" ] || die "$out is not empty: remove it, or name another directory with --out"
version=$(sed -n 's/.*kVersion = "\(.*\)".*/\1/p' src/cli/version.h)
[ -n "$version" ] || die 'no version in src/cli/version.h'
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null) || die 'this is no git checkout: set SOURCE_DATE_EPOCH'
    [ -z "$(git status --porcelain)" ] || echo 'release.sh: what is built is not what is committed' >&2
fi
export SOURCE_DATE_EPOCH

# shellcheck source=tests/packages.sh
. tests/packages.sh
packages=(g++ cmake ninja-build pkg-config libseccomp-dev nlohmann-json3-dev python3)
for arch in "${archs[@]}"; do [ "$arch" = "$machine" ] || packages+=("g++-$arch-linux-gnu"); done
install_packages "${packages[@]}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build ARCH: in build-release-ARCH
build() {
    local options=(-DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=Release)
    [ "$1" = "$machine" ] || options+=("-DCMAKE_TOOLCHAIN_FILE=$PWD/cmake/$1.cmake")
    rm -rf "build-release-$1"
    if ! { cmake -S . -B "build-release-$1" -G Ninja "${options[@]}" &&
        cmake --build "build-release-$1" --target ajail --parallel "$(nproc)"; } >"$work/log" 2>&1; then
        cat "$work/log" >&2
        die "the build for $1 failed"
    fi
}

# archive ARCH NAME: NAME.tar.gz
archive() {
    cmake --install "build-release-$1" --prefix "$work/$2" --component ajail >"$work/log" || die "cannot install into $work/$2"
    cp LICENSE README.md "$work/$2"
    tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        --format=gnu -cf - "$2" | gzip -9n >"$out/$2.tar.gz"
}

# debs ARCH
debs() {
    cpack --config "build-release-$1/CPackConfig.cmake" -G DEB -B "$work/deb-$1" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        die "cpack failed for $1"
    }
    mv "$work/deb-$1"/*.deb "$out"
}

linked=()
for arch in "${archs[@]}"; do
    name=ajail-$version-linux-$arch
    build "$arch"
    archive "$arch" "$name"
    debs "$arch"
    linked+=("$out/$name.tar.gz" "build-release-$arch")
done
tools/release/spdx "$version" "${linked[@]}" >"$work/spdx.json"
install -m 644 "$work/spdx.json" "$out/ajail-$version.spdx.json"
(
    cd "$out"
    sha256sum -- * >"$work/SHA256SUMS"
    install -m 644 "$work/SHA256SUMS" SHA256SUMS
    cat SHA256SUMS
)
