#!/bin/bash
# What a jail learns of the machine: names that are the same in all jails of a host, /sys, and devices' ioctls.
. "$TESTS/lib.sh"

own() { "$AJAIL" run --quiet --fs=host "$@"; }
id=616a61696c0040008000000000000000
if [ -e /etc/machine-id ]; then
    output "the host's machine-id is not shown" $id own cat /etc/machine-id
    denied 'nor changed' own sh -c 'echo x >/etc/machine-id || exit 1'
    output 'nor the one of dbus' no own sh -c 'test -e /var/lib/dbus/machine-id && echo yes || echo no'
else
    skip "the host's machine-id" 'it has none'
fi
check 'it has the form' grep -qxE '[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}' <<<$id
boot=$(cat /proc/sys/kernel/random/boot_id)
for jail in own jail; do
    output "the host's boot_id is not shown ($jail)" 616a6169-6c00-4000-8000-000000000000 $jail cat /proc/sys/kernel/random/boot_id
    check 'the other files there are' $jail sh -c '[ "$(cat /proc/sys/kernel/random/uuid)" != "$(cat /proc/sys/kernel/random/uuid)" ]'
    denied 'nothing can be written there' $jail sh -c 'echo x >/proc/sys/kernel/random/boot_id || exit 1'
done
equal "the host's own is as it was" "$boot" "$(cat /proc/sys/kernel/random/boot_id)"
equal 'the host name' localhost "$(own uname -n)"

# Without --sys: only what programs count processors by.
output 'no /sys' devices own ls /sys
output 'processors' system own ls /sys/devices
output 'only those' cpu own ls /sys/devices/system
denied 'nothing can be written there' own sh -c 'for f in /sys/devices/system/cpu/*/online; do echo 0 >"$f" && exit; done; exit 1'
for jail in own jail; do
    equal "nproc ($jail)" "$(nproc)" "$($jail nproc)"
    check "lscpu ($jail)" $jail lscpu
    equal "getconf ($jail)" "$(getconf _NPROCESSORS_CONF)" "$($jail getconf _NPROCESSORS_CONF)"
done
for java in /usr/lib/jvm/*/bin/java; do
    [ ! -x "$java" ] || check 'java' own "$java" -version
done

masked='firmware power module kernel/debug kernel/tracing kernel/security kernel/notes kernel/vmcoreinfo fs/bpf fs/cgroup fs/pstore devices/virtual/powercap'
for net in '' --no-net; do
    for jail in own jail; do
        # shellcheck disable=SC2086 # $net may be no word, $masked is many
        output "--sys $net: what is masked is empty ($jail)" '' $jail --sys $net sh -c '
            cd /sys && for m; do
                if [ -d $m ]; then ls -A $m; elif [ -e $m ]; then cat $m; fi
                ! [ -e $m ] || grep -q " /sys/$m " /proc/self/mounts || echo $m is not covered
            done' - $masked
        # shellcheck disable=SC2086
        output "--sys $net: every mount in it is tight ($jail)" '' $jail --sys $net sh -c \
            'grep " /sys" /proc/self/mounts | grep -v " ro,nosuid,nodev,noexec"; true'
        # shellcheck disable=SC2086
        check "--sys $net: devices ($jail)" $jail --sys $net sh -c 'ls /sys/class /sys/devices/system/cpu/online /sys/block'
        # shellcheck disable=SC2086
        denied "--sys $net: no knobs ($jail)" $jail --sys $net sh -c \
            'for f in /sys/kernel/uevent_seqnum /sys/kernel/mm/ksm/run /sys/kernel/profiling /sys/devices/system/cpu/*/uevent; do
                ! echo 1 >"$f" || exit 0; done; exit 1'
    done
done
output '--sys: a network of its own shows its own devices' lo own --sys --no-net ls /sys/class/net
equal "--sys: the host's network, the host's" "$(ls /sys/class/net)" "$(own --sys ls /sys/class/net)"

# Landlock, from ABI 5 on: ioctl works where devices are.
cat >ioctl.py <<'P'
import errno, fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.ioctl(fd, 0x5401, bytes(64))  # TCGETS
    print("terminal")
except OSError as error:
    print(errno.errorcode[error.errno])
P
output 'ioctl in /dev' ENOTTY own python3 ioctl.py /dev/null
output 'ioctl on a device that was granted' ENOTTY own --mount=/dev/null,/srv/null,dev python3 ioctl.py /srv/null
output 'ioctl of a terminal' terminal own python3 -c 'import os, sys
master, slave = os.openpty()
os.set_inheritable(slave, True)
os.set_inheritable(master, True)
os.execvp("python3", ["python3", "ioctl.py", os.ttyname(slave)])'
mkdir -p in/deep
check 'a device directory that is hidden' own --dev=in/deep --hide=in true
# No device node at all, not even the one that needs no privilege (mknod(2): 0, 0 is a whiteout).
denied 'no whiteouts' jail --no-root-emulation mknod /srv/x c 0 0
check 'pipes and sockets are no devices' jail --no-root-emulation sh -c 'mkfifo /srv/f && mknod /srv/p p'
