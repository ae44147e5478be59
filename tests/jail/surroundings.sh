#!/bin/bash
# Inside other sandboxes: it works, or says in one line what cannot be had there. --proc= where no new /proc can be mounted.
# needs: bubblewrap
. "$TESTS/lib.sh"

ENOSYS=38 EPERM=1
without() { /usr/bin/python3 "$TESTS/deny.py" "$@"; } # CALL ERRNO COMMAND...
own_mounts=(unshare --user --map-root-user --mount)
[ "$AS" != root ] || own_mounts=(unshare --mount)
# A container's /proc, of which parts are masked.
masked() { "${own_mounts[@]}" sh -c 'mount -t tmpfs none /proc/fs && exec "$@"' - "$@"; }
# And /proc/sys is read-only, as Docker has it.
docker_proc() {
    # shellcheck disable=SC2016
    masked sh -c 'mount --rbind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"' - "$@"
}
host() { "$AJAIL" run --quiet --fs=host --hide "$@"; }
plan() { "$AJAIL" run --fs=host --hide --dry-run=json "$@" -- true; }
# given_up WHAT: the last plan says so
given_up() { python3 -c 'import json, sys; sys.exit(not any(sys.argv[1] in d["what"] for d in json.load(sys.stdin)["degraded"]))' "$1" <"$OUT"; }
walls() { python3 -c 'import json, sys
report = json.load(open(sys.argv[1]))
print([w["control"] for w in report["controls"] if not w["stands"]], len(report["controls"]) > 10)' "$1"; }

# The caller's, for those who say so.
sleep 100 &
outside=$!
output 'fresh: the jail alone is seen' no host -- sh -c "[ -e /proc/$outside ] && echo yes || echo no"
# shellcheck disable=SC2016
output 'bind: what is around it, too' yes host --proc=bind -- sh -c "[ -e /proc/$outside/stat ] && echo yes || echo no"
for file in environ maps mem fd/0 root/ cwd/; do
    check "bind: not $file of a process outside" host --proc=bind -- sh -c "! head -c 1 /proc/$outside/$file 2>/dev/null | grep -q . && ! ls -A /proc/$outside/$file/ 2>/dev/null"
done
for file in oom_score_adj timerslack_ns coredump_filter clear_refs comm; do
    check "bind: $file of it cannot be written" host --proc=bind -- sh -c "! { echo 1 >/proc/$outside/$file; } 2>/dev/null"
done
check 'bind: nor anything of the machine' host --proc=bind -- sh -c '! { echo 1 >/proc/sys/kernel/panic; } 2>/dev/null && ! { echo x >/proc/sysrq-trigger; } 2>/dev/null'
output 'bind: what is masked is' '' host --proc=bind -- cat /proc/kallsyms /proc/interrupts
output 'bind: one'\''s own is there' cat host --proc=bind -- cat /proc/self/comm
# (Of the machine's root stdio is nobody's in the jail.)
[ "$AS" = root ] || output 'bind: stdio by its name' hello sh -c '"$1" run --quiet --fs=host --hide --proc=bind -- sh -c "echo hello >/dev/stdout"' - "$AJAIL"
output 'none: empty' 0 host --proc=none -- sh -c 'ls -A /proc | wc -l'
check 'none: and stays so' host --proc=none -- sh -c '! touch /proc/x 2>/dev/null'
output 'none: in a root filesystem' 0 jail --hide --proc=none -- sh -c 'ls -A /proc | wc -l'
for kind in bind none; do
    check "$kind: no user namespaces" host --proc=$kind -- sh -c '! unshare --user true 2>/dev/null'
    mkdir -p "set-$kind"
    (cd "set-$kind" && touch f && "$AJAIL" run --quiet --fs=deb --proc=$kind -- sh -c 'chmod 4755 f 2>/dev/null; chmod 755 f')
    equal "$kind: no set-user-ID files of the caller's" 755 "$(stat -c %a "set-$kind/f")"
    check "$kind: with a report" host --proc=$kind --report="report-$kind" -- true
    equal "$kind: every wall stands" '[] True' "$(walls "report-$kind")"
    sanitized || check "$kind: nothing gets out" "$AJAIL" verify --fs=host --hide --no-net --proc=$kind
    status "$kind: the exit status" 7 host --proc=$kind -- sh -c 'exit 7'
    check "$kind: the plan" plan --proc=$kind
    check "$kind: it says what is given up" given_up 'a limit on the memory of all processes together'
    refuses "$kind: nothing to mount for who is nested" '--proc=fresh' host --proc=$kind --nested -- true
    refuses "$kind: nor for CAP_SYS_ADMIN" '--proc=fresh' host --proc=$kind --cap-add=CAP_SYS_ADMIN -- true
    sanitized || output "$kind: limits of each process" 100000 sh -c '"$@" | tr -d " \n"' - "$AJAIL" run --quiet --fs=host --hide --proc=$kind --memory=100000k -- sh -c 'ulimit -d'
    # One more command in it.
    "$AJAIL" run --quiet --fs=deb --hide --proc=$kind --name="s-$kind" -- sh -c 'echo up; sleep 60' >up &
    for _ in $(seq 100); do [ -s up ] || sleep 0.1; done
    output "$kind: exec" root "$AJAIL" exec "s-$kind" -- id -un
    check "$kind: kill" "$AJAIL" kill "s-$kind"
    wait %+ 2>/dev/null
    rm up
done
kill $outside
cat >watches.py <<'END'
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
n = 0
while libc.inotify_init1(0) >= 0: n += 1
print(n)
END
for kind in fresh bind none; do
    most=$(cat /proc/sys/user/max_inotify_instances)
    [ "$most" -lt 100000 ] || most=$(cat /proc/sys/fs/inotify/max_user_instances)
    equal "$kind: half of inotify's instances stay outside" yes "$(host --proc=$kind --rol="$PWD" -- python3 "$PWD/watches.py" |
        (read -r n && [ "$n" -gt 0 ] && [ "$n" -le $((most / 2)) ] && echo yes || echo "$n of $most"))"
done
# What is allowed by name nobody is asked about.
check 'calls by name' plan --proc=bind --allow=chmod
check 'set-user-ID bits are given up, and that is said' given_up 'keeping set-user-ID bits off files'
check 'strictly' plan --proc=bind --seccomp=strict
check 'there they are not' sh -c '! python3 -c "import json, sys; sys.exit(not any(\"set-user-ID\" in d[\"what\"] for d in json.load(open(sys.argv[1]))[\"degraded\"]))" "$1"' - "$OUT"
check 'with no network' plan --proc=bind --no-net
check 'what is seen of it is said' given_up 'hiding the network outside'

# auto: what can be had.
check 'auto: fresh here' plan --proc=auto
check 'nothing of /proc is given up' python3 -c 'import json, sys; assert not any("/proc" in d["what"] for d in json.load(open(sys.argv[1]))["degraded"])' "$OUT"
refuses 'fresh: refused, and what to do' '--proc=auto' masked "$AJAIL" run --quiet --fs=host --hide -- true
output 'auto: the caller'\''s in a container' yes masked "$AJAIL" run --quiet --fs=host --hide --proc=auto -- sh -c 'echo yes'
check 'its plan' masked "$AJAIL" run --fs=host --hide --proc=auto --dry-run=json -- true
check 'says so' given_up "a /proc of the jail's own"
check 'with its own packages given up' masked "$AJAIL" run --fs=deb --hide --proc=auto --dry-run=json -- true
[ "$AS" = root ] || check 'and said' given_up 'root emulation'
for kind in auto bind none; do
    output "a read-only /proc/sys, $kind" yes docker_proc "$AJAIL" run --quiet --fs=host --hide --proc=$kind -- sh -c 'unshare --user true 2>/dev/null || echo yes'
done
check 'its plan' docker_proc "$AJAIL" run --fs=host --hide --proc=auto --dry-run=json -- true
check 'says what that takes' given_up "the kernel's own limit of no user namespaces"
for option in --seccomp=off --allow=unshare --allow=clone3 --allow=setns; do
    refuses "a read-only /proc/sys, $option" 'takes --proc=fresh' docker_proc "$AJAIL" run --quiet --fs=host --hide --proc=bind $option -- true
done
refuses 'a word' 'should be fresh, bind, none or auto' host --proc=mine -- true

# What a container of Docker's forbids.
refuses 'no clone3' 'seccomp' without 435 $ENOSYS "$AJAIL" run --quiet --fs=host --hide -- true
refuses 'no user namespaces' 'seccomp=unconfined' without 435 $EPERM "$AJAIL" run --quiet --fs=host --hide -- true
# And of Podman's, whose profile leaves all else.
output 'no sethostname: the name outside' "$(uname -n)" without sethostname $EPERM "$AJAIL" run --quiet --fs=host --hide -- uname -n
refuses 'not what is asked for' 'hostname: a seccomp program' without sethostname $EPERM "$AJAIL" run --quiet --fs=host --hide --hostname=x -- true
check 'its plan' without sethostname $EPERM "$AJAIL" run --fs=host --hide --dry-run=json -- true
check 'says so' given_up "a host name of the jail's own"
sanitized || check 'and nothing gets out' without sethostname $EPERM "$AJAIL" verify --fs=host --hide
# Keys that nobody gets at need no keyring of the jail's own, as in systemd-nspawn, which has no Landlock either.
nspawn() { without add_key,request_key,keyctl,landlock_create_ruleset $EPERM "$@"; }
output 'a filter that refuses keys and Landlock' yes nspawn "$AJAIL" run --quiet --fs=host --hide -- echo yes
check 'its plan' nspawn "$AJAIL" run --fs=host --hide --dry-run=json -- true
check 'says so' given_up "a session keyring of the jail's own"
check 'as does the report' nspawn "$AJAIL" run --quiet --fs=host --hide --report=keys.json -- true
equal 'in which no such wall stands' '' "$(grep -o '"control": "session keyring"' keys.json)"
for option in --allow=keyring --allow=32bit --seccomp=off --allow=keyctl; do
    refuses "keys that the policy leaves, $option" 'refuses keyctl\(2\)' nspawn "$AJAIL" run --quiet --fs=host --hide $option -- true
done
refuses 'keys that are said not to be in the kernel' 'refuses keyctl\(2\)' without keyctl $ENOSYS "$AJAIL" run --quiet --fs=host --hide --allow=keyring -- true
# What is said to have been done (errno 0), and was not.
refuses 'descriptors that stay open' 'close_range: .*answers for it' without close_range 0 "$AJAIL" run --quiet --fs=host --hide -- true
check 'owners that are said to change' without fchown 0 "$AJAIL" run --quiet --fs=host -- sh -c 'cp /bin/true su && chmod 6755 su'
check 'are no root emulation that keeps set-user-ID bits away' test ! -u su -a ! -g su
if [ "$AS" = root ]; then
    docker_caps=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap
    in_docker() { setpriv --inh-caps=-all --bounding-set="$docker_caps" "$@"; }
    refuses 'its root, without CAP_SYS_ADMIN' 'run ajail as an ordinary user' in_docker "$AJAIL" run --quiet --fs=host -- true
    refuses 'root without any capability' 'run ajail as an ordinary user' setpriv --inh-caps=-all --bounding-set=-all "$AJAIL" run --quiet --fs=host --hide -- true
    status 'the doctor' 18 in_docker "$AJAIL" doctor
    cp "$AJAIL" "$HOST_TMP/ajail"
    output 'and as an ordinary user there' yes in_docker setpriv --reuid=65534 --regid=65534 --clear-groups env AJAIL_HOME=/nonexistent "$HOST_TMP/ajail" run --quiet --fs=host --hide -- echo yes
    matches 'many ids for a user without a name' 'subordinate ids .*uid 4242 has no name in /etc/passwd' \
        setpriv --reuid=4242 --regid=4242 --clear-groups env AJAIL_HOME=/nonexistent "$HOST_TMP/ajail" doctor
else
    output 'without any capability, for anybody' yes setpriv --no-new-privs "$AJAIL" run --quiet --fs=host --hide -- echo yes
fi

# Inside bubblewrap.
if ! sanitized; then
    [ "$AS" != root ] || skip 'inside bubblewrap' "started by root it maps the machine's root alone"
    within() { bwrap --ro-bind / / --dev /dev --tmpfs /tmp "$@"; }
    if [ "$AS" != root ]; then
        output 'inside bubblewrap' yes within --proc /proc "$AJAIL" run --quiet --fs=host --hide -- echo yes
        output 'of which everything is unshared' yes within --proc /proc --unshare-all "$AJAIL" run --quiet --fs=host --hide -- echo yes
        [ "$AS" != userns ] || refuses 'root without capabilities' 'CAP_SETFCAP' within --proc /proc --cap-drop ALL "$AJAIL" run --quiet --fs=host --hide -- true
        [ "$AS" != user ] || output 'and all capabilities dropped' yes within --proc /proc --cap-drop ALL "$AJAIL" run --quiet --fs=host --hide -- echo yes
        output 'with a root filesystem' root within --proc /proc --bind "$AJAIL_HOME" "$AJAIL_HOME" "$AJAIL" run --quiet --fs=deb --hide -- id -un
        refuses 'with a read-only /proc' 'bubblewrap: --proc /proc' within "$AJAIL" run --quiet --fs=host --hide -- true
        refuses 'without /proc' '/proc is not mounted' within --tmpfs /proc "$AJAIL" run --quiet --fs=host --hide -- true
        refuses 'with --disable-userns' 'user namespaces' within --proc /proc --unshare-user --disable-userns "$AJAIL" run --quiet --fs=host --hide -- true
    fi
fi
# And a jail of ours.
if ! sanitized; then
    inside=(--rol="$AJAIL")
    output 'in a nested jail' yes host --nested "${inside[@]}" -- "$AJAIL" run --quiet --fs=host --hide -- echo yes
    refuses 'in one that is not' 'nested' host "${inside[@]}" -- "$AJAIL" run --quiet --fs=host --hide -- true
fi
