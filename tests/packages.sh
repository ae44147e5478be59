# shellcheck shell=bash
# install_packages NAME...: those of Debian's packages that are missing, as root or by sudo; sourced by test.sh and bench.sh

install_packages() {
    local missing=() sudo=() package
    for package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    echo "installing: ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        sudo=(sudo)
        if [ ! -x "$(command -v sudo)" ]; then
            echo "${0##*/}: there is no sudo; as root: apt-get install ${missing[*]}" >&2
            return 1
        fi
    fi
    "${sudo[@]}" apt-get update -q
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}
