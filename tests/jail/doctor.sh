#!/bin/bash
# What `ajail doctor` says of this machine, and of surroundings where something is missing: the true cause, what to do
# about it, and a status of its own.
. "$TESTS/lib.sh"

EPERM=1 ENOSYS=38 EINVAL=22
without() { /usr/bin/python3 "$TESTS/deny.py" "$@"; } # CALL ERRNO COMMAND...
# field NAME FIELD: of that check, as the last `doctor --json` said
field() {
    python3 -c 'import json, sys
print(next(c for c in json.load(open("said"))["checks"] if c["name"] == sys.argv[1]).get(sys.argv[2], ""))' "$@"
}
# missing NAME STATUS REGEX COMMAND...: NAME is what is missing, with STATUS and for a reason that fits REGEX
missing() {
    local name=$1 wanted=$2 regex=$3
    shift 3
    status "$name is missing: $regex" "$wanted" "$@" doctor --json
    cp "$OUT" said
    equal "$name: the status in it" "$wanted" "$(python3 -c 'import json; print(json.load(open("said"))["status"])')"
    equal "$name: missing" missing "$(field "$name" result)"
    check "$name: because $regex" grep -qE -- "$regex" <<<"$(field "$name" why)"
}

status 'here jails work' 0 "$AJAIL" doctor
check 'it says so' grep -qE '^(Jails work here|Everything works)' "$OUT"
equal 'nothing on stderr' '' "$(cat "$ERR")"
status 'and on a terminal' 0 script -qec "'$AJAIL' doctor" /dev/null
status 'as JSON' 0 "$AJAIL" doctor --json
cp "$OUT" said
equal 'all that is needed works' '' "$(python3 -c 'import json, sys
for c in json.load(sys.stdin)["checks"]:
    if c["needed"] and c["result"] != "works": print(c)' <said)"
check 'no jail means no command' test "$(field kernel detail)" = "Linux $(uname -r | cut -d. -f1,2)"

# Each cause, with the line that `ajail run` has for it.
missing kernel 10 'this is Linux 2\.6.*6\.2 or newer' setarch "$(uname -m)" --uname-2.6 "$AJAIL"
missing kernel 10 'openat2: Function not implemented' without 437 $ENOSYS "$AJAIL"
missing kernel 10 'CONFIG_SECCOMP' without prctl:21 $EINVAL "$AJAIL"
missing 'user namespaces' 11 'sysctl -w user\.max_user_namespaces=' \
    unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' - "$AJAIL"
missing 'user namespaces' 11 'seccomp filter around ajail' without 435 $EPERM "$AJAIL"
equal 'what stands on it is not tried' untried "$(field overlay result)"
for call in 428:open_tree 429:move_mount 430:fsopen 431:fsconfig 432:fsmount; do
    missing mounts 12 "${call#*:}: Function not implemented" without "${call%:*}" $ENOSYS "$AJAIL"
done
missing mounts 12 'initramfs.*switch_root' without pivot_root $EINVAL "$AJAIL"
missing 'system calls' 16 'seccomp' without seccomp $EINVAL "$AJAIL"
# Devices are the surroundings'.
: >file
own_mounts=(unshare --user --map-root-user --mount)
[ "$AS" != root ] || own_mounts=(unshare --mount)
missing devices 14 '/dev/null is not the device .*mknod' "${own_mounts[@]}" sh -c 'mount --bind file /dev/null && exec "$@"' - "$AJAIL"
missing devices 14 '/dev/null: No such file' "${own_mounts[@]}" sh -c 'mount -t tmpfs t /dev && exec "$@"' - "$AJAIL"
sanitized || missing kernel 10 '/proc is not mounted.*mount -t proc' "${own_mounts[@]}" sh -c 'mount -t tmpfs t /proc && exec "$@"' - "$AJAIL"
# A security module, or somebody's Landlock.
missing mounts 12 'surrounds ajail forbids it' without 429 $EPERM "$AJAIL"
# Landlock is given up where it is not there.
missing Landlock 0 'CONFIG_SECURITY_LANDLOCK' without 444 $ENOSYS "$AJAIL"
missing Landlock 0 'seccomp' without 444 $EPERM "$AJAIL"
check 'what goes without it' grep -q 'abstract Unix sockets' <<<"$(field Landlock without)"
missing 'host name' 0 'sethostname' without sethostname $EPERM "$AJAIL"
# As for Docker's root: what it grants has to be id-mapped.
[ "$AS" != root ] || missing 'granted directories' 18 'CAP_SYS_ADMIN' setpriv --bounding-set=-sys_admin "$AJAIL"
[ "$AS" = root ] || missing 'subordinate ids' 0 'no_new_privs|/etc/subuid|newuidmap' setpriv --no-new-privs "$AJAIL"
mkdir closed && chmod 500 closed
[ "$AS" != user ] || missing 'room for root filesystems' 0 "$PWD/closed: Permission denied; AJAIL_HOME" env AJAIL_HOME="$PWD/closed" "$AJAIL"

# In a container that shows only parts of /proc no fresh one can be had (proc(5), mount_too_revealing()).
masked() { "${own_mounts[@]}" sh -c 'mount -t tmpfs none /proc/scsi 2>/dev/null || mount -t tmpfs none /proc/fs; exec "$@"' - "$@"; }
missing /proc 13 'masks parts' masked "$AJAIL"
# What it goes by for the scratch (and a file mounted there masks /proc as well).
echo 'MemAvailable:     102400 kB' >meminfo
little() { "${own_mounts[@]}" sh -c 'mount --bind meminfo /proc/meminfo; exec "$@"' - "$@"; }
missing 'memory for the scratch' 13 '^100 MiB are available' little "$AJAIL"
# In a jail: only where it may make user namespaces.
bind=(--rol="$AJAIL")
if ! sanitized; then
    missing kernel 10 'with --nested' "$AJAIL" run --quiet --fs=deb "${bind[@]}" "$AJAIL"
    status 'in a nested jail' 0 "$AJAIL" run --quiet --nested --fs=deb "${bind[@]}" "$AJAIL" doctor
    # A chroot forbids them.
    mkdir -p root/proc && cp "$AJAIL" root/ajail
    chrooted() { "${own_mounts[@]}" sh -c 'mount --rbind /proc root/proc && cd root && exec chroot . /ajail "$@"' - "$@"; }
    missing 'user namespaces' 11 'chroot' chrooted
fi

# In a job, the lines for it.
in_job() { masked env "$@" "$AJAIL" doctor | sed '1,/^Jails work here/d'; }
equal 'nothing where there is no job' '' "$(in_job A=b)"
check 'for GitLab' grep -q 'unmask=ALL' <<<"$(in_job GITLAB_CI=true)"
missing 'user namespaces' 11 'seccomp' env GITLAB_CI=true /usr/bin/python3 "$TESTS/deny.py" 435 $EPERM "$AJAIL"
check 'as JSON, too' grep -q '"job": .*security_opt' said
missing 'user namespaces' 11 'seccomp' env GITHUB_ACTIONS=true /usr/bin/python3 "$TESTS/deny.py" 435 $EPERM "$AJAIL"
check 'for GitHub' grep -q '"job": "For GitHub Actions' said

refuses 'a word' 'takes options only, not x' "$AJAIL" doctor x
output 'the profile names this file' "profile ajail $AJAIL flags=(unconfined) {" sh -c '"$1" doctor --apparmor-profile | grep ^profile' - "$AJAIL"
# What would be a pattern, or another rule, there.
mkdir 'a ,b' && cp "$AJAIL" 'a ,b/ajail'
output 'a space is quoted' "profile ajail \"$PWD/a ,b/ajail\" flags=(unconfined) {" \
    sh -c "'a ,b/ajail' doctor --apparmor-profile | grep ^profile"
for name in $'a\n  capability,' 'a"b' 'a*' 'a{b' '@a' 'a\b' 'a#b'; do
    mkdir "$name" && mv 'a ,b/ajail' "$name/ajail"
    refuses "$(printf %q "$name")" 'doctor --apparmor-profile: .*/ajail cannot be written in a profile; move ajail' \
        "$name/ajail" doctor --apparmor-profile
    mv "$name/ajail" 'a ,b/ajail'
done
