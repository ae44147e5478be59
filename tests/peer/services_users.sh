#!/bin/bash
# Who becomes somebody else: sshd, su, sudo, cron, the system bus, systemd's sysusers and tmpfiles.
# needs: the network (once, for tests/peer/prepare)
# not: root userns
# shellcheck disable=SC2154 # modes: services.bash
. "$TESTS/lib.sh"
# shellcheck source=tests/peer/services.bash
. "$TESTS/peer/services.bash"

cat >users.sh <<'END'
. ./inside.sh
useradd -m -s /bin/sh -G www-data eve

echo "su: $(su - www-data -s /bin/sh -c id)"
echo "sudo: $(sudo -u nobody id)"
echo "runuser: $(runuser -u eve -- sh -c 'id; id -Gn')" | tr '\n' ' '; echo
echo "setpriv: $(setpriv --reuid eve --regid eve --init-groups id -un)"
echo "to root: $(su eve -c 'sudo -n id -un' 2>&1 | head -n 1)"

ssh-keygen -q -t ed25519 -N '' -f /tmp/key
for user in root eve; do
    home=$(eval echo "~$user")
    install -d -m 700 -o $user -g $user $home/.ssh
    install -m 600 -o $user -g $user /tmp/key.pub $home/.ssh/authorized_keys
done
service ssh start
options="-i /tmp/key -o BatchMode=yes -o UserKnownHostsFile=/tmp/known -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR"
login() { ssh $options "$1@127.0.0.1" "$2"; }
until_ login root true
echo "ssh root: $(login root 'id -un; pwd' | tr '\n' ' ')"
echo "ssh eve: $(login eve 'id; pwd' | tr '\n' ' ')"
login eve 'echo "kernel: $(stat -c %U /proc/self/), $(touch f; stat -c %U f)"'
echo "pty: $(ssh -tt $options eve@127.0.0.1 'test -t 0 && stat -c %U "$(tty)"' </dev/null | tr -d '\r')"
echo "copied" >/tmp/file
sftp -q -b - $options eve@127.0.0.1 <<<'put /tmp/file there' >/dev/null
echo "sftp: $(cat /home/eve/there)"
ssh-keygen -q -t ed25519 -N '' -f /tmp/wrong
echo "wrong key: $(ssh ${options/key/wrong} -o IdentitiesOnly=yes eve@127.0.0.1 id 2>&1 | tr -d '\r')"

echo '@reboot eve id >/tmp/cron.id' >/etc/cron.d/test
echo '@reboot id -un >/tmp/cron.own' | crontab -u eve -
service cron start
until_ test -s /tmp/cron.id
echo "cron: $(cat /tmp/cron.id)"
until_ test -s /tmp/cron.own
echo "crontab: $(cat /tmp/cron.own)"

service dbus start
ask='dbus-send --system --print-reply=literal --dest=org.freedesktop.DBus / org.freedesktop.DBus'
until_ $ask.ListNames
echo "bus:$($ask.GetConnectionUnixUser string:org.freedesktop.DBus | tr -s ' ') $(id -u messagebus)"
echo "busctl: $(busctl --system --no-pager --no-legend list | grep -c '^org.freedesktop.DBus ')"
echo "bus runs as $(owner dbus-daemon)"
echo "bus of eve: $(su eve -c "$ask.GetId" 2>&1 | head -n 1 | sed -E 's/^ *[0-9a-f]{32}$/an id/')"

cat >/usr/lib/sysusers.d/test.conf <<'CONF'
g shop 778
u till 777 "The till" /var/lib/till
m till shop
CONF
cat >/usr/lib/tmpfiles.d/test.conf <<'CONF'
d /var/lib/till 0750 till shop -
f /run/till/open 0640 till shop - yes
L /run/till.link - - - - /run/till/open
CONF
systemd-sysusers 2>/dev/null
echo "sysusers: $(getent passwd till) $(getent group shop)"
systemd-tmpfiles --create test.conf
echo "tmpfiles: $? $(cat /run/till.link) $(stat -c '%U:%G %a' /var/lib/till /run/till/open | tr '\n' ' ')"
END

for mode in "${modes[@]}"; do
    session "users, $mode" "$mode" -- bash ./users.sh
    says 'su' 'su: uid=33\(www-data\) gid=33\(www-data\) groups=33\(www-data\)'
    says 'sudo' 'sudo: uid=65534\(nobody\) gid=65534\(nogroup\) groups=65534\(nogroup\)'
    says 'runuser' 'runuser: uid=1000\(eve\) gid=1000\(eve\) groups=1000\(eve\),33\(www-data\) eve www-data *'
    says 'setpriv' 'setpriv: eve'
    says 'nobody becomes root again' 'to root: sudo: .*(no new privileges|must be setuid|setuid root).*'
    says 'sshd, root' 'ssh root: root /root *'
    says 'sshd, another' 'ssh eve: uid=1000\(eve\) gid=1000\(eve\) groups=1000\(eve\),33\(www-data\) /home/eve *'
    says 'sftp' 'sftp: copied'
    says 'sshd says no' 'wrong key: eve@127\.0\.0\.1: Permission denied \(publickey.*\)\.'
    says 'cron' 'cron: uid=1000\(eve\) gid=1000\(eve\) groups=1000\(eve\),33\(www-data\)'
    says 'a crontab of her own' 'crontab: eve'
    says 'the system bus' 'bus: uint32 ([0-9]+) \1'
    says 'busctl' 'busctl: 1'
    says 'sysusers' 'sysusers: till:x:777:777:The till:/var/lib/till:/usr/sbin/nologin shop:x:778:till'
    if [ "$mode" = range ]; then
        says 'sshd: really' 'kernel: eve, eve'
        says 'sshd: her terminal' 'pty: eve'
        says 'the bus is somebody' 'bus runs as messagebus'
        says 'others on the bus' 'bus of eve: an id'
        says 'tmpfiles' 'tmpfiles: 0 yes till:shop 750 till:shop 640 *'
    else # as docs/root-emulation.md has it
        says 'sshd: as she believes' 'kernel: root, root'
        says 'sshd: a terminal' 'pty: root'
        says 'the bus is root, in truth' 'bus runs as root'
        says 'the bus knows nobody else' 'bus of eve: Failed to open connection.*'
        says 'tmpfiles' 'tmpfiles: 0 yes root:root 750 root:root 640 *'
    fi
done
