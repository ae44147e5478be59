#!/bin/bash
# What every jail has: /proc, /dev, /tmp, /run.
. "$TESTS/lib.sh"

output '/tmp is empty and for everybody' '1777 0' jail sh -c 'echo "$(stat -c %a /tmp) $(ls -A /tmp | wc -l)"'
output '/run' 755 jail stat -c %a /run
output '/run/lock, which is /var/lock' 1777 jail stat -L -c %a /var/lock
check 'the host'"'"'s /tmp is not there' jail test ! -e "$HOST_TMP"
check 'nor is its own left in the host'"'"'s' jail sh -c 'echo x >/tmp/ajail-left-behind'
check 'it is not' test ! -e /tmp/ajail-left-behind
check '/tmp, /run and /dev/shm can be written' jail touch /tmp/x /run/x /dev/shm/x
check 'programs in /tmp run' jail sh -c 'cp /bin/true /tmp/t && /tmp/t'
bad=$(jail awk '$4 !~ /nosuid/ || ($4 !~ /nodev/ && $2 !~ "^/dev/(null|zero|full|random|urandom|tty|pts)$") { print }' /proc/mounts)
equal 'every mount is nosuid, all but devices nodev' '' "$bad"
equal 'no host path in the mount table' '' "$(jail cut -d' ' -f1 /proc/mounts | grep -E '^/(home|root|tmp)' || true)"
check 'no old or new root left' jail sh -c '! ls -d /oldroot /newroot /.old_root /tmp/oldroot /tmp/newroot 2>/dev/null'
check 'a device node made elsewhere does not work' jail sh -c \
    'mknod /tmp/n c 1 3 2>/dev/null; [ ! -c /tmp/n ] || ! echo x 2>/dev/null >/tmp/n'

# /proc
check '/proc is the jail'"'"'s' jail sh -c '[ "$(ls -d /proc/[0-9]* | wc -l)" -lt 6 ]'
denied '/proc/sys is read-only' jail sh -c 'echo x >/proc/sys/kernel/core_pattern'
denied '/proc/sysrq-trigger' jail sh -c 'echo h >/proc/sysrq-trigger && [ -s /proc/sysrq-trigger ]'
for file in kcore keys kallsyms timer_list kmsg sysrq-trigger key-users sched_debug latency_stats interrupts kpagecount \
    kpageflags kpagecgroup slabinfo vmallocinfo pagetypeinfo mtrr driver/rtc; do
    [ -e /proc/$file ] || continue
    output "/proc/$file is empty" 0 jail sh -c "head -c 10 /proc/$file | wc -c"
done
for dir in acpi scsi asound; do
    [ -d /proc/$dir ] || continue
    output "/proc/$dir is empty" '' jail ls -A /proc/$dir
done
for dir in sys irq bus fs; do
    [ -d /proc/$dir ] || continue
    check "/proc/$dir is read-only" jail grep -qE "^proc /proc/$dir proc ro,nosuid,nodev,noexec" /proc/self/mounts
done

# /dev
output 'the devices' 'console core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero' \
    jail sh -c '{ echo console; ls /dev; } | sort -u | tr "\n" " " | sed "s/ $//"'
check 'they work' jail sh -c 'echo x >/dev/null; [ "$(head -c 3 /dev/zero | wc -c)" = 3 ] && head -c 3 /dev/urandom >/dev/null &&
    head -c 1 /dev/random >/dev/null; echo x 2>/dev/null >/dev/full && exit 1; exit 0'
output 'the links' '/proc/self/fd /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 pts/ptmx ' jail sh -c \
    'for l in fd stdin stdout stderr ptmx; do printf "%s " "$(readlink /dev/$l)"; done'
# A pipe of the machine's root belongs to an id that the jail has not.
[ "$AS" = root ] || output '/dev/stdin' in sh -c 'echo in | "$AJAIL" run --quiet --fs=deb cat /dev/stdin'
output '/dev/fd' in jail bash -c 'cat <(echo in)'
output '/dev/shm' 1777 jail stat -c %a /dev/shm
check 'an own pts' jail sh -c '[ "$(ls /dev/pts | tr -d "[:space:]")" = ptmx ]'
check 'a pty can be made there' jail perl -e 'open(my $m, "+<", "/dev/ptmx") or die $!;
    ioctl($m, 0x40045431, my $zero = pack("i", 0)) or die $!; my $n = pack("i", -1);
    ioctl($m, 0x80045430, $n) or die $!; -c "/dev/pts/" . unpack("i", $n) or die "no slave"'
check 'no block device, no memory' jail sh -c '! ls /dev/mem /dev/kmem /dev/sd* /dev/vd* /dev/loop* /dev/fuse 2>/dev/null'
