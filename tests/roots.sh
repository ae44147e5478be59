# shellcheck shell=bash
# Small root filesystems for tests that need ill-shaped ones.

# small_root DIR: Debian's /usr by hard links, and next to nothing else
small_root() {
    mkdir -p "$1"/{etc,root,tmp,var,run,proc,dev,srv}
    cp -al "$AJAIL_HOME/fs/deb/usr" "$1/"
    local dir
    for dir in bin sbin lib lib64; do ln -s usr/$dir "$1/"; done
}
# listing_of DIR: what there is in it but /usr, to compare
listing_of() { (cd "$1" && find . -path ./usr -prune -o -printf '%P %y %m %l\n' 2>/dev/null | sort); }
# on_host COMMANDS: bash, where the mounts of the host can be changed: in a mount namespace of its own
on_host() {
    local how=(unshare --user --map-root-user --mount) inside outside count
    read -r inside outside count </proc/self/uid_map
    [ "$(id -u)" != 0 ] || [ "$inside $outside $count" != '0 0 4294967295' ] || how=(unshare --mount)
    "${how[@]}" bash -c "$1"
}
