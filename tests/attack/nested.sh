#!/bin/bash
# shellcheck disable=SC2154 # mounting, escape: common.bash
# --nested: whoever makes a user namespace has all capabilities in it. The walls of the jail around it hold all the same.
# shellcheck source=tests/attack/common.bash
. "$TESTS/attack/common.bash"

nested() { jail --nested "$@"; }
# In a user, mount and network namespace inside, with all capabilities.
deep() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    nested "${options[@]}" -- unshare -Urmn "$@"
}

mkdir -p fixed hidden
echo content >fixed/file
echo secret >hidden/file
ways="ro-bind-write,ro-bind-remount,ro-bind-setattr,ro-bind-rebind,ro-bind-tree,ro-bind-umount,ro-bind-move,ro-bind-userns"
reveal="mask-reveal,mask-umount,mask-move,mask-rebind,mask-userns"
calls="io-uring,userfaultfd,perf,bpf,keyctl,af-alg,vsock,nf-tables,netlink-xfrm,packet-socket,socket-families,open-by-handle,personality"
for how in nested deep; do
    blocked "the root ($how)" $how -- ./probe "$escape" "secret=$MARKER" work=/tmp
    blocked "a read-only bind ($how)" $how --rol=fixed -- ./probe "$ways" "fixed=$PWD/fixed" work=/tmp
    equal "its content afterwards ($how)" content "$(cat fixed/file)"
    blocked "a hidden directory ($how)" $how --hide=hidden -- ./probe "$reveal" "hidden=$PWD/hidden" work=/tmp
    for mask in interrupts kallsyms; do
        [ -s /proc/$mask ] || continue
        blocked "/proc/$mask ($how)" $how -- ./probe "$reveal" "hidden=/proc/$mask" work=/tmp
    done
    blocked "the procfs below /proc ($how)" $how -- ./probe proc-covered covered=interrupts work=/tmp
    blocked "init ($how)" $how -- ./probe init-ptrace,init-memory,init-links,init-fds,init-namespaces,init-environ,init-cmdline
    output "init lives on ($how)" alive $how -- sh -c 'kill -9 1; kill -STOP 1; sleep 0.1; echo alive'
    blocked "no_new_privs ($how)" $how -- ./probe no-new-privs
    blocked "the kernel ($how)" $how -- ./probe "$calls" work=.
done
# The same, where nothing is locked and nothing refused: in a namespace of one's own.
cat >covered.sh <<'S'
mount -t tmpfs t /tmp && mount -t tmpfs t /proc && mkdir /proc/sys && mount -t proc p /proc/sys && mount -t tmpfs t /proc && exec "$@"
S
allowed 'the procfs below /proc' "${mounting[@]}" --pid --fork sh covered.sh ./probe proc-covered covered=interrupts work=/tmp

for call in raw-socket raw6-socket old-packet packet-socket nf-tables netlink-xfrm iptables arptables ebtables ipvs ip6tables; do
    if unshare -Urn ./probe $call 2>/dev/null | grep -q ALLOWED; then
        allowed "in a network of its own: $call" unshare -Urn ./probe $call
    else
        skip "control of $call" 'not on this host'
    fi
    blocked "in a network of its own: $call" nested -- unshare -Urn ./probe $call
    blocked "in a network of its own, with CAP_SYS_ADMIN: $call" nested --cap-add=SYS_ADMIN -- unshare -Urn ./probe $call
done
allowed 'raw sockets, with the capability' nested --cap-add=NET_RAW -- unshare -Urn ./probe raw-socket

# A file capability of the jail's root would be the host root's, with root in the jail, or in a namespace inside.
if [ "$AS" = root ]; then
    for how in nested deep; do
        blocked "file capabilities ($how)" $how --rw -- ./probe file-caps "work=$PWD"
    done
    # Calls that nothing else refuses, and what goes past the calls.
    blocked 'file capabilities, setxattrat allowed' nested --allow=setxattrat,setxattr --rw -- ./probe file-caps "work=$PWD"
    blocked 'file capabilities, with rings' nested --allow=io_uring,setxattrat --rw -- ./probe file-caps "work=$PWD"
    denied 'with rings there is no root inside' nested --allow=io_uring -- unshare -Ur true
    echo '{"defaultAction": "SCMP_ACT_ALLOW"}' >all.json
    for how in nested deep; do
        blocked "file capabilities, with a profile ($how)" $how --seccomp=all.json --rw -- ./probe file-caps "work=$PWD"
        blocked "rings, with a profile ($how)" $how --seccomp=all.json -- ./probe io-uring work=.
    done
    blocked 'file capabilities, with a profile and rings' \
        nested --seccomp=all.json --allow=io_uring --rw -- ./probe file-caps "work=$PWD"
    allowed 'file capabilities' jail --cap-add=SETFCAP --rw -- ./probe file-caps "work=$PWD"
    rm -f capable
fi

# A procfs of one's own can be written to, as far as its files are the machine's root's for nobody.
cat >knobs.sh <<'S'
mount -t proc proc /mnt || exit 3
for file in sysrq-trigger kcore kmsg slabinfo vmallocinfo pagetypeinfo timer_list mtrr sys/kernel/core_pattern \
    sys/kernel/modprobe sys/kernel/randomize_va_space sys/vm/drop_caches sys/fs/suid_dumpable irq/default_smp_affinity; do
    [ -e /mnt/$file ] || continue
    case $file in
    kcore | kmsg | slabinfo | vmallocinfo | pagetypeinfo | timer_list) (: </mnt/$file) 2>/dev/null && echo "reads $file" ;;
    *) (: >>/mnt/$file) 2>/dev/null && echo "writes $file" ;;
    esac
done
echo 100 >/mnt/sys/user/max_user_namespaces # one's own
S
output 'what a procfs of its own opens' '' nested -- unshare -Urmpf sh knobs.sh
output 'with CAP_SYS_ADMIN' '' nested --cap-add=SYS_ADMIN -- unshare -Urmpf sh knobs.sh

# The number of user namespaces: nobody inside raises it, not even with the capability that could, by way of a procfs that
# somebody else has mounted. All of them end with the jail.
cat >raise.sh <<'S'
sleeping() { cat /proc/[0-9]*/comm 2>/dev/null | grep -cx sleep; }
unshare -Urmpf sh -c 'mount -t proc proc /mnt && sleep 60' &
for i in $(seq 100); do [ "$(sleeping)" = 1 ] && break; sleep 0.1; done
for proc in /proc/[0-9]*; do (echo 99 >"$proc/root/mnt/sys/user/max_user_namespaces") 2>/dev/null; done
for i in $(seq 30); do (unshare -U sleep 60 || echo) 2>/dev/null >>failed & done
for i in $(seq 100); do [ $(($(sleeping) + $(wc -l <failed))) -ge 31 ] && break; sleep 0.1; done
sleeping
S
output 'the limit on user namespaces' 16 nested -- sh raise.sh
rm failed
output 'the limit, with CAP_SYS_RESOURCE' 16 nested --cap-add=SYS_RESOURCE --cap-add=SYS_PTRACE -- sh raise.sh
