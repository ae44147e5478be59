#!/bin/bash
# --no-net: a loopback interface that works, and nothing else. Without it, the host's network.
. "$TESTS/lib.sh"

offline() { jail --no-net "$@"; }
output 'only lo' lo offline sh -c "sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev"
output 'no routes' 1 offline sh -c 'wc -l </proc/net/route'
talk='use IO::Socket::INET; my $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die "listen $!";
    my $c = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $l->sockport) or die "connect $!";
    my $a = $l->accept; print $c "hello\n"; $c->flush; print scalar <$a>;'
output 'bind and connect on 127.0.0.1' hello offline perl -e "$talk"
output 'and with the network' hello jail perl -e "$talk"
check 'localhost is known' offline getent hosts localhost
connect='use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0) or die "$!";
    connect($s, pack_sockaddr_in($ARGV[1], inet_aton($ARGV[0]))) and print "connected" or print 0 + $!;'
output 'elsewhere: unreachable' 101 offline perl -e "$connect" 192.0.2.1 80
output 'no name server: the file is the root filesystem'"'"'s' "$(cat "$AJAIL_HOME/fs/deb/etc/resolv.conf" 2>/dev/null)" \
    offline sh -c 'cat /etc/resolv.conf 2>/dev/null; true'

# A service on the host.
cat >serve.py <<'END'
import socket, sys
tcp = socket.create_server(("127.0.0.1", 0))
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\0ajail-test-" + sys.argv[1])
abstract.listen()
print(tcp.getsockname()[1], flush=True)
sys.stdin.read()
END
mkfifo stop
name=$$
/usr/bin/python3 serve.py $name <stop >port &
exec 5>stop
for _ in $(seq 50); do [ -s port ] || sleep 0.1; done
port=$(cat port)
output 'a service of the host: not there' 111 offline perl -e "$connect" 127.0.0.1 "$port"
output 'with the network it is' connected jail perl -e "$connect" 127.0.0.1 "$port"
local_='use Socket; socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die "$!";
    connect($s, pack("Sa*", AF_UNIX, "\0ajail-test-$ARGV[0]")) and print "connected" or print "no";'
output 'an abstract socket of the host: not there' no offline perl -e "$local_" $name
if jail --dry-run | grep -qE '^landlock +ABI ([6-9]|[1-9][0-9])'; then
    output 'nor with the network (Landlock)' no jail perl -e "$local_" $name
else
    skip 'abstract sockets with the network' 'needs Linux 6.12'
fi
exec 5>&-
wait
denied 'no packet socket' offline perl -e 'use Socket; socket(my $s, 17, SOCK_RAW, 0) or exit 1'
denied 'the interface cannot be changed' offline perl -e 'use Socket; socket(my $s, PF_INET, SOCK_DGRAM, 0);
    my $r = pack("a16sx22", "lo", 0); ioctl($s, 0x8914, $r) or exit 1'
