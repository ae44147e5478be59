#!/bin/sh
# Makes a Debian root filesystem in TARGET.
#
#   debian.sh [-s SUITE] [-m MIRROR] [-p PACKAGE,...] [TARGET]
#
# MKFS_SUITE, MKFS_MIRROR and MKFS_PACKAGES say the same; options win.
# MKFS_CACHE: a directory with archives of root filesystems that were made
# earlier, as ajail keeps them: *.KEY.SHA256.tar. If the one made now is worth
# keeping, the key to it is a line on stdout, written before anything of Debian
# runs.
# MKFS_QUIET: no progress on stderr. MKFS_VERBOSE: on failure, all that the
# tools have said.
#
# Runs in a jail, with the host's tools, as a root that has one id and cannot
# mount. TARGET/proc and TARGET/dev are mounted before it starts.
set -eu
umask 022
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

say() { [ -n "${MKFS_QUIET:-}" ] || echo "mkfs: $*" >&2; }
die() {
  printf 'ajail: mkfs: %s\n' "$*" >&2
  exit 1
}

suite=${MKFS_SUITE:-stable} mirror=${MKFS_MIRROR:-} packages=${MKFS_PACKAGES:-} cache=${MKFS_CACHE:-}
while getopts s:m:p: option; do
  case $option in
    s) suite=$OPTARG ;;
    m) mirror=$OPTARG ;;
    p) packages=$OPTARG ;;
    *) die "usage: debian.sh [-s SUITE] [-m MIRROR] [-p PACKAGE,...] [TARGET]" ;;
  esac
done
shift $((OPTIND - 1))
target=${1:-/target}
base=ca-certificates
packages=$(echo "$packages,$base" | tr -s ', ' '\n' | sed '/^$/d' | LC_ALL=C sort -u)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Outside a jail the tools would make do with a plain file as /dev/null.
[ -e "$target/proc/self" ] || die "nothing is mounted on $target/proc: use ajail mkfs debian"
[ -c "$target/dev/null" ] || die "nothing is mounted on $target/dev: use ajail mkfs debian"
[ ! -e "$target/etc" ] || die "$target is not empty"
[ -r "$keyring" ] || die "no $keyring: install debian-archive-keyring"
if [ -x "$(command -v mmdebstrap)" ]; then
  tool=mmdebstrap
elif [ -x "$(command -v debootstrap)" ]; then
  tool=debootstrap
else
  die "no mmdebstrap and no debootstrap: install mmdebstrap"
fi

apt=$target/etc/apt
mkdir -p "$apt/apt.conf.d" "$apt/sources.list.d" "$target/etc/dpkg/dpkg.cfg.d"
touch "$apt/apt.conf.d/90ajail"

# The host's own mirror is near. What its apt was told about dates goes along:
# a frozen mirror stays out of date. A proxy serves only now. Only Debian's own
# files are read: other people's repositories also end in /debian.
host_repository() {
  cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
    sed -n "s|^[^#]*[[:space:]]\(https*://[^[:space:]]*/$1\)/*\([[:space:]].*\)*\$|\1|p" |
    head -n 1
}
security=$(host_repository debian-security)
if [ -z "$mirror" ]; then
  mirror=$(host_repository debian)
  [ -z "$mirror" ] || apt-config dump | sed -n '/^Acquire::Check-/p' >"$apt/apt.conf.d/90ajail"
fi
if [ -z "${http_proxy:-}" ] && [ -x "$(command -v apt-config)" ]; then
  eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
  [ -z "${http_proxy:-}" ] || export http_proxy
fi
security=${security:-http://deb.debian.org/debian-security}
mirror=${mirror:-http://deb.debian.org/debian}

source_of() {
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
    "$1" "$2" "$keyring"
}
case $suite in
  sid | unstable) source_of "$mirror" "$suite" ;;
  *)
    source_of "$mirror" "$suite $suite-updates"
    source_of "$security" "$suite-security"
    ;;
esac >"$apt/sources.list.d/debian.sources"

# After a power cut a root filesystem is made again, so nothing waits for disks.
echo force-unsafe-io >"$target/etc/dpkg/dpkg.cfg.d/90ajail"

# base-files brings both; tar would fail to set the mode of what is mounted.
export TAR_OPTIONS='--exclude=./proc --exclude=./dev'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

log=$(mktemp)
if [ -n "${MKFS_QUIET:-}" ]; then exec 3>/dev/null; else exec 3>&2; fi
# A session of its own, to be killed as one: mmdebstrap puts TERM off until
# what it runs has ended.
run() {
  setsid "$@" >>"$log" 2>&1 &
  trap 'kill -KILL "-$!"; exit 130' INT
  trap 'kill -KILL "-$!"; exit 143' TERM HUP
  code=0
  wait $! || code=$?
  trap - INT TERM HUP
  return "$code"
}

# Both tools make these links and stop at one that is there.
drop_links() { (cd "$target/dev" && rm -f fd stdin stdout stderr); }

with_mmdebstrap() {
  drop_links
  case $suite in
    # In later releases base-files brings /bin -> usr/bin and the like.
    bullseye | bookworm | oldstable | oldoldstable)
      set -- --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr ;;
  esac
  # No suite and no mirror: the sources are in TARGET already, and the lists.
  run mmdebstrap --mode=root --variant=minbase --format=directory "$@" \
    --skip=check/empty,check/signed-by,chroot/mount,cleanup/apt --include="$(echo "$packages" | tr '\n' ,)" \
    --extract-hook='echo "mkfs: 2/4 configuring the essential packages" >&3' \
    --essential-hook='echo "mkfs: 3/4 installing the other packages" >&3' \
    --customize-hook='echo "mkfs: 4/4 cleaning up" >&3' \
    '' "$target" ''
}

with_debootstrap() {
  drop_links
  # It knows one suite only, so updates come after it. Said to be in nspawn, it
  # does not try to make a /dev/console.
  # shellcheck disable=SC2016
  container=systemd-nspawn run sh -euc '
    debootstrap --variant=minbase --force-check-gpg --keyring="$1" --include="$2" "$3" "$5" "$4"
    rm -f "$5/etc/apt/sources.list"
    chroot "$5" apt-get update --error-on=any
    chroot "$5" apt-get -y -o Dpkg::Use-Pty=0 full-upgrade
    rm -rf "$5"/var/log/*.log "$5"/run/mount
    ' sh "$keyring" "$(echo "$packages" | tr '\n' , | sed 's/,$//')" "$suite" "$mirror" "$target"
}

# The host's apt, for TARGET: what its own configuration says does not count,
# and mmdebstrap goes on with the lists. ForceEssential: apt is no exception.
prepare_apt() {
  mkdir -p "$target/var/lib/dpkg" "$target/var/lib/apt/lists/partial" "$target/var/cache/apt/archives/partial"
  touch "$target/var/lib/dpkg/status"
  arch=$(dpkg --print-architecture)
  cat >/tmp/apt.conf <<EOF
Apt::Architecture "$arch";
Apt::Architectures "$arch";
Apt::Install-Recommends "false";
Acquire::Languages "none";
Dir "$target";
Dir::State::Status "$target/var/lib/dpkg/status";
Dir::Etc::Trusted "/etc/apt/trusted.gpg";
Dir::Etc::TrustedParts "/etc/apt/trusted.gpg.d";
pkgCacheGen::ForceEssential ",";
EOF
}
apt() { APT_CONFIG=/tmp/apt.conf run apt-get "$@"; }

# All that says what comes out for the packages $1: this script, the tools, the
# sources, and, signed, what was in the archive just now.
key() {
  indexes=$(cd "$target/var/lib/apt/lists" && sha256sum -- *Release*) || die "apt has fetched no index"
  {
    cat "$0" "$apt/sources.list.d/debian.sources" "$apt/apt.conf.d/90ajail"
    printf '%s\n' "$arch" "$(mmdebstrap --version)" "$(apt-get --version)" "$suite" "$1" "$indexes"
  } | sha256sum | cut -d ' ' -f 1
}

# Unpacks into TARGET what is kept under the key $1. The sum tells whether that
# reached the disk; a file with a hole would look like a shorter archive.
from_cache() {
  set -- "$cache"/*."$1".*.tar
  # It may have been removed just now.
  { [ -f "$1" ] && exec 4<"$1"; } 2>/dev/null || return 1
  sum=${1%.tar}
  if [ "$(sha256sum <&4)" != "${sum##*.}  -" ]; then
    echo "ajail: mkfs: an archive in the cache is damaged, and is not used" >&2
    return 1
  fi
  run tar -x -f /proc/self/fd/4 -C "$target" --numeric-owner --same-owner --same-permissions \
    --delay-directory-restore --xattrs --xattrs-include='user.*' ||
    die "the cache cannot be unpacked: $(tail -n 1 "$log")"
  exec 4<&-
}

# What apt has fetched.
drop_lists() {
  find "$target/var/lib/apt/lists" "$target/var/cache/apt" -type f ! -name lock -delete
  rm -rf "$target/var/lib/apt/lists/auxfiles"
}

# Of the cache only what is signed is fetched first, to see whether it still holds.
same_as_before() {
  set -- "$cache"/*.tar
  [ -n "$cache" ] && [ -f "$1" ] || return 1
  apt update --error-on=any -o Acquire::IndexTargets::deb::Packages::DefaultEnabled=false || failed
  wanted=$(key "$packages")
  drop_lists # before the times of directories are those of the archive
  from_cache "$wanted"
}

# Installs what is asked for besides in a base system that is there already. As
# with mmdebstrap, no service is started.
add_to_base() {
  [ "$packages" != "$base" ] && [ -n "$cache" ] && from_cache "$(key "$base")" || return 1
  say "3/4 installing the other packages"
  cp /etc/resolv.conf "$target/etc/resolv.conf"
  starter=$target/sbin/start-stop-daemon policy=$target/usr/sbin/policy-rc.d
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  mv "$starter" "$starter.REAL"
  printf '#!/bin/sh\nexit 0\n' >"$starter"
  chmod 755 "$policy" "$starter"
  # shellcheck disable=SC2086
  apt -y -o Dpkg::Use-Pty=0 -o DPkg::Chroot-Directory="$target" -o Dir::Bin::dpkg=env \
    -o DPkg::Options::=--unset=APT_CONFIG -o DPkg::Options::=dpkg install $packages || failed
  mv "$starter.REAL" "$starter"
  rm -f "$policy"
}

# What has gone wrong, from what the tools have said. The first error is the
# cause; what comes from a mirror does not act on a terminal.
cause() {
  errors=$(sed -n 's/^E: //p' "$log" | LC_ALL=C tr -cd '[:print:]\n')
  first() { printf '%s\n' "$errors" | sed -n "s/$1/$2/p" | head -n 1; }
  unknown=$(printf '%s\n' "$errors" | sed -n "s/Unable to locate package \(.*\)/\1/p
    s/Package '\(.*\)' has no installation candidate/\1/p" | sort -u | paste -sd , | sed 's/,/, /g')
  [ -n "$unknown" ] || unknown=$(first "Couldn't find these debs: \(.*\)" '\1')
  missing=$(first "The repository '\([^ ]*\) \([^ ]*\) Release' does not have a Release file.*" '\2 at \1')
  away=$(LC_ALL=C tr -cd '[:print:]\n' <"$log" |
    sed -n '/^Err:/{N;s/^Err:[0-9]* \([^ ]*\).*\n */\1: /p}' | head -n 1)
  if [ -n "$unknown" ]; then
    printf '%s\n' "no package $unknown in $suite at $mirror; leave it out of --packages, or choose another --suite"
  elif [ -n "$missing" ]; then
    printf '%s\n' "no suite $missing; choose another --suite or --mirror"
  elif [ -n "$away" ]; then
    printf '%s\n' "cannot fetch from $away; look to the network, or choose another --mirror"
  else
    printf '%s\n' "$tool failed: $(first '\(.*\)' '\1')"
  fi
}

failed() {
  if [ -n "${MKFS_VERBOSE:-}" ]; then
    cat "$log" >&2
    die "$(cause)"
  fi
  die "$(cause) (--verbose shows all that the tools have said)"
}

fetch_and_make() {
  apt update --error-on=any || failed
  # shellcheck disable=SC2086
  apt -s install $packages || failed
  [ -z "$cache" ] || key "$packages"
  exec >/dev/null # Debian's own scripts have no say in it
  add_to_base || with_mmdebstrap || failed
}

say "1/4 fetching $suite from $mirror"
if [ "$tool" = debootstrap ]; then
  with_debootstrap || failed
else
  prepare_apt
  if same_as_before; then
    say "$suite is as it was"
    exit
  fi
  fetch_and_make
fi

drop_lists
rm -rf "$target"/var/log/*.log "$target"/var/log/apt/* "$target/run/mount"
# Not earlier: mmdebstrap needs what apt keeps.
keep='APT::Keep-Downloaded-Packages "false";'
grep -qsxF "$keep" "$apt/apt.conf.d/90ajail" || echo "$keep" >>"$apt/apt.conf.d/90ajail"
# The tools copy these from the host.
rm -f "$target/etc/hostname" "$target/etc/resolv.conf" "$target/etc/machine-id"
echo localhost >"$target/etc/hostname"
touch "$target/etc/resolv.conf" "$target/etc/machine-id"
# No package brings it, and not every name server knows localhost.
[ -e "$target/etc/hosts" ] || [ -L "$target/etc/hosts" ] ||
  printf '127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n' >"$target/etc/hosts"
# Elsewhere systemd makes it; pacman gives up without it.
[ -e "$target/etc/mtab" ] || [ -L "$target/etc/mtab" ] || ln -s ../proc/self/mounts "$target/etc/mtab"
# Set-id bits mean nothing with one id, and the owner must be able to read it
# all and to remove it from outside.
find "$target" -xdev ! -path "$target/proc" ! -path "$target/dev" \( \
  -type d ! -perm -700 -exec chmod u+rwx {} + -o \
  -type f \( -perm /6000 -o ! -perm -400 \) -exec chmod u+r,ug-s {} + \)
say "$suite is ready: $(du -xsm "$target" | cut -f 1) MiB"
