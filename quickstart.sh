#!/bin/bash
# From a fresh checkout to a first jail: installs what the build needs, builds build/ajail, makes a Debian root
# filesystem called `deb` without root, and runs a command in it. Run again, it does only what is missing.
#
# As an ordinary user it asks sudo for apt only. Started by root, it hands the jail to an ordinary user: the one who
# called sudo, else the first one there is, else a new one called `ajail`.
set -euo pipefail
cd "$(dirname "$0")"

step() { printf '\n\033[1m[%s/4] %s\033[0m\n' "$1" "$2"; }
if [ ! -t 1 ]; then step() { printf '\n[%s/4] %s\n' "$1" "$2"; }; fi

packages=(g++ cmake make pkg-config libseccomp-dev
  nlohmann-json3-dev mmdebstrap debian-archive-keyring ca-certificates)

step 1 "packages for the build"
# shellcheck source=tests/packages.sh
. tests/packages.sh
if [ -z "$(missing_packages "${packages[@]}")" ]; then
  echo "all there"
else
  install_packages "${packages[@]}"
fi

step 2 "build/ajail, one static binary"
[ -f build/CMakeCache.txt ] || cmake -S . -B build -DBUILD_TESTING=OFF
cmake --build build --target ajail --parallel "$(nproc)"

# Who the jail is for. as_user COMMAND... runs as that user, in an empty directory of its own.
ajail=$PWD/build/ajail
user=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
  user=${SUDO_USER:-}
  if [ -z "$user" ] || [ "$user" = root ]; then
    user=$(getent passwd | awk -F: '$3 >= 1000 && $3 < 60000 { print $1; exit }')
  fi
  if [ -z "$user" ]; then
    user=ajail
    echo "no ordinary user here: adding the user $user"
    useradd --create-home --shell /bin/bash "$user"
  fi
fi
home=$(getent passwd "$user" | cut -d: -f6)
store=${AJAIL_HOME:-$home/.ajail}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
as_user() {
  if [ "$(id -un)" = "$user" ]; then
    (cd "$here" && "$@")
  else
    (cd "$here" && env -i HOME="$home" USER="$user" PATH="$PATH" TERM="${TERM:-dumb}" AJAIL_HOME="$store" \
      setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "$@")
  fi
}
if [ "$(id -un)" != "$user" ]; then
  chown "$user" "$here"
  # The checkout may lie where that user cannot look.
  if ! as_user test -x "$ajail"; then
    as_user mkdir -p "$home/.local/bin"
    install -m 755 "$ajail" "$home/.local/bin/ajail"
    ajail=$home/.local/bin/ajail
    echo "for the user $user: $ajail"
  fi
fi

step 3 "a Debian root filesystem, $store/fs/deb, made by $user without root"
if [ -d "$store/fs/deb" ]; then
  echo "already there"
else
  as_user "$ajail" mkfs debian deb
fi

step 4 "a first command in it"
# shellcheck disable=SC2016
as_user "$ajail" run --fs=deb -- sh -c '. /etc/os-release; echo "$PRETTY_NAME as $(id -un)"'

[ "$(id -un)" = "$user" ] || printf '\n(as the user %s: su - %s)\n' "$user" "$user"
cat <<END

Try, in a directory of a project of yours:

  $ajail run --fs=deb                                      a shell; exit, and all but the project is forgotten
  $ajail run --fs=deb --ro -- sh -c 'rm -rf ./*; ls'       the project too: what happens to it is thrown away
  $ajail run --fs=deb -- sh -c 'apt-get update -q && apt-get install -qy cowsay && /usr/games/cowsay gone soon'
END
