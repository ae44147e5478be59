#!/bin/sh
# Makes a Debian root filesystem in TARGET.
#
#   debian.sh [-s SUITE] [-m MIRROR] [-p PACKAGE,...] [TARGET]
#
# MKFS_SUITE, MKFS_MIRROR and MKFS_PACKAGES say the same; options win.
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

suite=${MKFS_SUITE:-stable} mirror=${MKFS_MIRROR:-} packages=${MKFS_PACKAGES:-}
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
packages=$(echo "ca-certificates $packages" | tr -s ', ' ,)
packages=${packages%,}
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

# Both tools make these links and stop at one that is there.
(cd "$target/dev" && rm -f fd stdin stdout stderr)
# base-files brings both; tar would fail to set the mode of what is mounted.
export TAR_OPTIONS='--exclude=./proc --exclude=./dev'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

make_with_mmdebstrap() {
  case $suite in
    # In later releases base-files brings /bin -> usr/bin and the like.
    bullseye | bookworm | oldstable | oldoldstable)
      set -- --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr ;;
  esac
  # No suite and no mirror: the sources are in TARGET already.
  setsid mmdebstrap --mode=root --variant=minbase --format=directory "$@" \
    --skip=check/empty,check/signed-by,chroot/mount --include="$packages" \
    --extract-hook='echo "mkfs: 2/4 configuring the essential packages" >&3' \
    --essential-hook='echo "mkfs: 3/4 installing the other packages" >&3' \
    --customize-hook='echo "mkfs: 4/4 cleaning up" >&3' \
    '' "$target" '' >"$log" 2>&1 &
}

make_with_debootstrap() {
  # It knows one suite only, so updates come after it. Said to be in nspawn, it
  # does not try to make a /dev/console.
  # shellcheck disable=SC2016
  container=systemd-nspawn setsid sh -euc '
    debootstrap --variant=minbase --force-check-gpg --keyring="$1" --include="$2" "$3" "$5" "$4"
    rm -f "$5/etc/apt/sources.list"
    chroot "$5" apt-get update --error-on=any
    chroot "$5" apt-get -y -o Dpkg::Use-Pty=0 full-upgrade
    chroot "$5" apt-get clean
    rm -rf "$5"/var/lib/apt/lists/* "$5"/var/log/*.log "$5"/run/mount
    ' sh "$keyring" "$packages" "$suite" "$mirror" "$target" >"$log" 2>&1 &
}

# What has gone wrong, from what the tools have said. The first error is the
# cause; what comes from a mirror does not act on a terminal.
cause() {
  errors=$(sed -n 's/^E: //p' "$log" | LC_ALL=C tr -cd '[:print:]\n')
  first() { printf '%s\n' "$errors" | sed -n "s/$1/$2/p" | head -n 1; }
  unknown=$(first "Unable to locate package \(.*\)" '\1')
  [ -n "$unknown" ] || unknown=$(first "Package '\(.*\)' has no installation candidate" '\1')
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

# A session of its own, to be killed as one: mmdebstrap puts TERM off until
# what it runs has ended.
log=$(mktemp)
if [ -n "${MKFS_QUIET:-}" ]; then exec 3>/dev/null; else exec 3>&2; fi
say "1/4 fetching $suite from $mirror"
"make_with_$tool"
trap 'kill -KILL "-$!"; exit 130' INT
trap 'kill -KILL "-$!"; exit 143' TERM HUP
wait $! || {
  if [ -n "${MKFS_VERBOSE:-}" ]; then
    cat "$log" >&2
    die "$(cause)"
  fi
  die "$(cause) (--verbose shows all that $tool has said)"
}
trap - INT TERM HUP

# Not earlier: mmdebstrap needs what apt keeps.
echo 'APT::Keep-Downloaded-Packages "false";' >>"$apt/apt.conf.d/90ajail"
# The tools copy these from the host.
rm -f "$target/etc/hostname" "$target/etc/resolv.conf" "$target/etc/machine-id"
echo localhost >"$target/etc/hostname"
touch "$target/etc/resolv.conf" "$target/etc/machine-id"
# Elsewhere systemd makes it; pacman gives up without it.
[ -e "$target/etc/mtab" ] || [ -L "$target/etc/mtab" ] || ln -s ../proc/self/mounts "$target/etc/mtab"
# Set-id bits mean nothing with one id, and the owner must be able to read it
# all and to remove it from outside.
find "$target" -xdev ! -path "$target/proc" ! -path "$target/dev" \( \
  -type d ! -perm -700 -exec chmod u+rwx {} + -o \
  -type f \( -perm /6000 -o ! -perm -400 \) -exec chmod u+r,ug-s {} + \)
say "$suite is ready: $(du -xsm "$target" | cut -f 1) MiB"
