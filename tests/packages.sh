# shellcheck shell=bash
# install_packages NAME...: those of Debian's packages that are missing, as root or by sudo; sourced by test.sh, bench.sh and
# quickstart.sh. missing_packages NAME...: which these are, a line each.

missing_packages() {
    local package
    for package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || echo "$package"
    done
}

install_packages() {
    local missing=() sudo=()
    mapfile -t missing < <(missing_packages "$@")
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
