#!/bin/sh
# Packs, unpacks and copies root filesystems with the host's tools.
#
#   archive.sh scan       lists the tar on stdin, for ajail to read
#   archive.sh extract    unpacks the tar on stdin into TARGET
#   archive.sh pack       writes SOURCE as a tar to stdout
#   archive.sh copy       SOURCE into TARGET
#   archive.sh sum        writes the SHA-256 of stdin to stdout
#
# FORMAT: what the tar is compressed with (gzip, xz, zstd, bzip2; empty: not).
# EXCLUDE: a file with names, one a line, that are not to be unpacked.
# LAYER: the tar is a layer of an image, and .wh.* in it are whiteouts.
# OWNERS: there are ids to give files to.
#
# Runs in a jail in which nothing but TARGET can be changed: an archive may say
# what it likes. As its root, but with one id (unless OWNERS), and no devices.
set -eu
umask 022
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
mode=$1 source=/source target=/target

die() {
  echo "$*" >&2
  exit 1
}

# Runs a command of which no more than the beginning of its complaints is kept.
# shellcheck disable=SC2094
bounded() {
  { code=$({ { { "$@" 3>&- 4>&- >&5 5>&- || echo $? >&4; } 2>&1 | {
    head -c 4000
    cat >/dev/null
  } >&2; } 4>&1; }); } 5>&1
  return "${code:-0}"
}

# GNU tar, with as much memory as any real archive takes: one with a name of
# gigabytes takes a few of them, and is small when it is compressed.
gnu_tar() {
  # shellcheck disable=SC3045
  ulimit -v 2000000 2>/dev/null || : # there is less
  case $(tar --version 2>/dev/null) in
    *"GNU tar"*) ;;
    *) die "GNU tar is needed on the host" ;;
  esac
}

case ${FORMAT:-} in
  '') decompress='' ;;
  gzip) decompress=--gzip ;;
  xz) decompress=--xz ;;
  zstd) decompress=--zstd ;;
  bzip2) decompress=--bzip2 ;;
  *) die "no format $FORMAT" ;;
esac
if [ -n "$decompress" ] && [ ! -x "$(command -v "$FORMAT")" ]; then
  die "it is compressed, and there is no $FORMAT on the host"
fi

case $mode in
  scan)
    gnu_tar
    bounded tar -t -v --numeric-owner --quoting-style=escape $decompress -f -
    ;;
  extract)
    gnu_tar
    owners=--no-same-owner
    [ -z "${OWNERS:-}" ] || owners=--same-owner
    # What overlayfs keeps in user.overlay.* is for it alone to write.
    set -- --numeric-owner $owners --same-permissions --delay-directory-restore \
      --xattrs --xattrs-include='user.*' --xattrs-exclude='user.overlay.*' \
      --warning=no-timestamp --warning=no-unknown-keyword
    [ -z "${LAYER:-}" ] || set -- "$@" --wildcards --no-anchored --exclude='.wh.*'
    bounded tar -x $decompress -f - -C "$target" "$@" --no-wildcards --anchored -X "$EXCLUDE"
    # Set-id bits mean nothing here, and the owner must be able to read it all
    # and to remove it from outside.
    bounded find "$target" -xdev \( \
      -type d ! -perm -700 -exec chmod u+rwx {} + -o \
      -type f \( -perm /6000 -o ! -perm -400 \) -exec chmod u+r,ug-s {} + \)
    ;;
  pack)
    gnu_tar
    bounded tar -c --numeric-owner --one-file-system --format=pax \
      --pax-option=delete=atime,delete=ctime --warning=no-file-ignored \
      --xattrs --xattrs-include='user.*' --xattrs-exclude='user.overlay.*' -f - -C "$source" .
    ;;
  copy)
    reflink=--reflink=auto
    case $(cp --help 2>&1) in *--reflink*) ;; *) reflink='' ;; esac
    bounded cp -a -x $reflink "$source/." "$target"
    ;;
  sum) bounded sha256sum ;;
  *) die "archive.sh: no $mode" ;;
esac
