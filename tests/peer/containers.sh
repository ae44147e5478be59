#!/bin/bash
# In containers of Podman's, with its defaults and with less and more than these, and in systemd-nspawn's: ajail works there as
# an ordinary user, and as root it does what it can. What it cannot is said by the doctor, who is right.
# needs: podman, runc, systemd-container
# only: root
# What is mounted for them is nobody else's to see: other tests look at what is.
[ -n "${PRIVATE_MOUNTS:-}" ] || exec unshare --mount env PRIVATE_MOUNTS=yes bash "$0"
. "$TESTS/lib.sh"
# Podman wants a path of less than 50 characters.
storage=$HOST_TMP/podman
mkdir -p work bin "$storage" && chown 1000:1000 work && cp "$AJAIL" bin/ajail && chmod 755 . bin bin/ajail
# container OPTION... -- COMMAND...: in the test's root filesystem, whose changes are thrown away
container() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    podman --root "$storage/root" --runroot "$storage/run" --cgroup-manager=cgroupfs --runtime=runc --events-backend=none \
        --storage-driver=vfs run --rm --network=none --ulimit=nofile=1024:1024 --ulimit=nproc=2000:2000 --env=HOME=/tmp \
        --volume="$PWD/bin:/bin-of-ajail:ro" "${options[@]}" --rootfs "$AJAIL_HOME/fs/deb:O" "${@:2}"
}
binary=/bin-of-ajail/ajail
# diagnosis NAME STATUS MISSING COMMAND...: what the doctor says there
diagnosis() {
    local name=$1
    status "$name: the doctor" "$2" "${@:4}" $binary doctor --json
    equal "$name: what is missing" "$3" "$(python3 -c 'import json, sys
print(", ".join(c["name"] for c in json.load(sys.stdin)["checks"] if c["result"] == "missing" and c["name"] not in {"cgroup", "subordinate ids"}))' <"$OUT")"
}
doctor() { diagnosis "$1" "$2" "$3" container "${@:4}" --; }
# In a writable directory on the container's own file system, an overlay.
writes='mkdir /tmp/w && cd /tmp/w && "$0" run "$@" -- sh -c "id -u >made && echo got there" && cat made'
user=(--user=1000:1000)
free=(--security-opt=seccomp=unconfined --security-opt=unmask=ALL)

if [ ! -x "$(command -v podman)" ] || [ ! -x "$(command -v runc)" ]; then
    skip 'in containers of Podman' 'no podman or no runc'
elif ! container -- true 2>said; then
    skip 'in containers of Podman' "it cannot make one here: $(tail -n 1 said)"
else
    doctor 'as it comes' 13 '/proc, host name, root emulation, nested sandboxes' "${user[@]}"
    output 'a jail with what there is' $'got there\n1000' container "${user[@]}" -- sh -c "$writes" $binary --quiet --fs=host --proc=auto
    matches 'it says what is given up' "^Given up: a host name of the jail's own" \
        container "${user[@]}" -- sh -c "$writes 2>&1" $binary --fs=host --proc=auto
    check 'and nothing gets out' container "${user[@]}" -- sh -c "mkdir /tmp/w && cd /tmp/w && $binary verify --fs=host --proc=auto"
    refuses 'a /proc of its own it cannot have' '--proc=auto .*unmask=ALL' container "${user[@]}" -- $binary run --quiet --fs=host --hide -- true
    output 'as bwrap' 0 container "${user[@]}" -- $binary bwrap --ro-bind / / --dev /dev --unshare-all --uid 0 id -u
    # shellcheck disable=SC2016
    output 'one more command in it' 'in it' container "${user[@]}" -- sh -c '$0 run --quiet --fs=host --hide --proc=auto --name=x -- sleep 30 &
        for _ in 1 2 3 4 5 6 7 8 9 10; do $0 exec x -- echo in it 2>/dev/null && break; sleep 0.3; done; $0 kill x; wait' $binary
    doctor 'its root' 18 'granted directories, /proc, host name, nested sandboxes'
    output 'a jail of nothing that is granted' 0 container -- $binary run --quiet --fs=host --hide --proc=auto -- id -u
    refuses 'who cannot grant' 'run ajail as an ordinary user' container -- sh -c "$writes" $binary --quiet --fs=host --proc=auto

    doctor 'without any capability, and no_new_privs' 13 '/proc, host name, root emulation, nested sandboxes' \
        "${user[@]}" --cap-drop=ALL --security-opt=no-new-privileges
    output 'a jail there' $'got there\n1000' \
        container "${user[@]}" --cap-drop=ALL --security-opt=no-new-privileges -- sh -c "$writes" $binary --quiet --fs=host --proc=auto

    doctor 'with a /proc that is not masked' 0 'host name' "${user[@]}" --security-opt=unmask=ALL
    output 'a jail with its own' $'got there\n1000' container "${user[@]}" --security-opt=unmask=ALL -- sh -c "$writes" $binary --quiet --fs=host
    doctor 'with nothing in its way' 0 '' "${user[@]}" "${free[@]}"
    doctor 'root with nothing in its way' 18 'granted directories' "${free[@]}"
    doctor 'privileged' 0 '' "${user[@]}" --privileged
    doctor 'privileged root, on an overlay' 18 'granted directories' --privileged
    output 'a directory of the host it can grant' 'as outside' container --privileged --volume="$PWD/work:/work" --workdir=/work -- \
        sh -c "$binary run --quiet --fs=host -- sh -c 'touch x && stat -c %u x >u && [ \$(cat u) = 0 ]' && [ \$(stat -c %u x) = 0 ] && echo as outside"
    output 'a read-only container' got \
        container "${user[@]}" --read-only "${free[@]}" -- $binary run --quiet --fs=host --hide -- sh -c 'touch /tmp/x && echo got'
fi

# systemd-nspawn's, whose filter refuses what it does not know, and keys.
nspawn() {
    systemd-nspawn --quiet --pipe --register=no --keep-unit --volatile=overlay --directory="$AJAIL_HOME/fs/deb" \
        --bind-ro="$PWD/bin:/bin-of-ajail" --private-network "$@" 2> >(grep -v 'remove disk file system' >&2)
}
if [ ! -x "$(command -v systemd-nspawn)" ]; then skip 'in containers of systemd-nspawn' 'there is none here'; else
    by_user='useradd -m u && setpriv --reuid=u --regid=u --clear-groups env HOME=/tmp "$@"'
    diagnosis 'in systemd-nspawn' 0 'session keyring, Landlock' nspawn sh -c "$by_user" -
    output 'a jail there' $'got there\n1000' nspawn sh -c "$by_user" - sh -c "$writes" $binary --quiet --fs=host
    check 'and nothing gets out' nspawn sh -c "$by_user" - sh -c "mkdir /tmp/w && cd /tmp/w && $binary verify --fs=host"
    diagnosis 'its root' 18 'granted directories, session keyring, Landlock' nspawn
    diagnosis 'its root, of a range of ids' 0 'session keyring, Landlock' nspawn --private-users=pick
fi

rm -rf work bin "$storage" said
for group in /sys/fs/cgroup/*/libpod_parent; do find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; done
true
