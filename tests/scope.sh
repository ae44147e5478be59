#!/bin/bash
# tests/scope.sh UNIT    a cgroup from systemd's user manager, which is started for it in a private mount namespace
#
# As an ordinary user, whose manager it is; root prepares a cgroup for it. UNIT: the binary of tests/unit, whose hidden
# case asks the manager. Where cgroups of version 2 have the controllers, jails as well.
set -u

HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034 # user.sh
BINARY=${AJAIL_BINARY:-$HERE/../build/ajail}
manager=/lib/systemd/systemd
if [ "$(id -u)" != 0 ]; then
    echo "skip   needs root"
    exit 0
fi
cgroups=/sys/fs/cgroup
[ -f $cgroups/cgroup.controllers ] || cgroups=/sys/fs/cgroup/unified
if [ ! -x $manager ] || [ ! -f $cgroups/cgroup.controllers ]; then
    echo "skip   needs systemd and cgroups of version 2"
    exit 0
fi

if [ "${1:-}" != inside ]; then
    as=user
    # shellcheck source=tests/user.sh
    . "$HERE/user.sh"
    install -m 755 "$1" "$here/unit"
    group=$cgroups/ajail-test-$$
    mkdir "$group" "$group/init" && chown -R "$user:" "$group"
    unshare --mount "$0" inside "$here" "$cgroups" "$group" "$user"
    status=$?
    for _ in 1 2 3 4 5; do # once the last of its processes is reaped
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
        [ -d "$group" ] || break
        sleep 0.2
    done
    [ ! -d "$group" ] || die "left: $group"
    exit $status
fi

# In the private mount namespace, in the cgroup; a machine that systemd has booted has this directory.
here=$2 cgroups=$3 group=$4 user=$5
mount --make-rprivate / && mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && mkdir -p /run/systemd/system || exit 1
[ "$cgroups" = /sys/fs/cgroup ] || mount --bind "$cgroups" /sys/fs/cgroup || exit 1
group=/sys/fs/cgroup/${group##*/}
echo $$ >"$group/init/cgroup.procs" || exit 1
as=(setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all env -i "HOME=$here" PATH=/usr/bin:/bin
    "XDG_RUNTIME_DIR=$here/work" "AJAIL_HOME=$here/../../store" ASAN_OPTIONS="${ASAN_OPTIONS:-}")
cd "$here/work" || exit 1
"${as[@]}" "$manager" --user >"$here/state/log" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null; wait $pid' EXIT
for _ in $(seq 100); do
    [ ! -S systemd/private ] || break
    sleep 0.1
done
if [ ! -S systemd/private ]; then
    cat "$here/state/log"
    echo "FAILED systemd's user manager has not started"
    exit 1
fi

passed=0 failed=0 skipped=0
"${as[@]}" "AJAIL_TEST_MANAGER=$PWD/systemd/private" AJAIL_TEST_CGROUPS=/sys/fs/cgroup "$here/unit" '[.scope]' >"$here/state/unit" 2>&1

if grep -q '^All tests passed' "$here/state/unit"; then passed=1; else
    cat "$here/state/unit"
    failed=1
fi

plan() { "${as[@]}" "$here/ajail" run --fs=host --dry-run "$@" true 2>&1; }
holds() { # NAME COMMAND...
    if "${@:2}"; then
        passed=$((passed + 1))
    else
        echo "FAILED $1"
        failed=$((failed + 1))
    fi
}
nowhere() { ! plan "$@" | grep -q ^cgroup; }
somewhere() { plan "$@" | grep -q '^cgroup  *in a scope'; }
holds 'nothing is asked without a limit' nowhere
holds 'nor for none' nowhere --memory=none --pids=none
for one in pids:pids.max:--pids=50:50 memory:memory.max:--memory=100m:104857600 cpu:cpu.max:--cpu=50%:'50000 100000'; do
    IFS=: read -r controller file option want <<<"$one"
    if ! grep -qw "$controller" "$group/cgroup.controllers"; then
        holds "$controller: it has none to give" nowhere "$option"
        skipped=$((skipped + 1))
        echo "skip   $controller: not among this machine's cgroups of version 2"
        continue
    fi
    holds "$option: in the plan" somewhere "$option"
    # Outside, because the jail does not see its own.
    "${as[@]}" "$here/ajail" run --quiet --fs=host "$option" sleep 3 &
    jail=$!
    sleep 1
    got=$(cat "$group"/app.slice/ajail-*.scope/*/"$file")
    wait $jail
    holds "$option: $file is $want, and not $got" [ "$got" = "$want" ]
    sleep 0.5
    holds "$option: the scope is gone" [ -z "$(ls -d "$group"/app.slice/ajail-*.scope 2>/dev/null)" ]
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
