#!/bin/bash
# The payload lies in wait for those who join (CVE-2016-9962 is this class): between the moment that one can be seen in
# the jail and its exec, nobody in there gets at its memory, descriptors, root or program.
# seconds: 240
. "$TESTS/lib.sh"

cat >lurk.pl <<'END'
use strict; use warnings;
my ($machine) = (`uname -m` =~ /(\w+)/);
my ($ptrace, $open, $get) = $machine eq 'x86_64' ? (101, 434, 438) : (117, 434, 438);
my ($seize, $detach) = (0x4206, 17);
sub first { open my $fh, '<', $_[0] or return; local $/; my $text = ''; $text = '' unless read $fh, $text, 4096; $text }
sub name { my $name = ''; if (open my $fh, '<', "/proc/$_[0]/comm") { $name = <$fh> // ''; chomp $name } $name }
# Each is true if it has got at something of the process.
my %ways = (
    ptrace => sub { my $done = syscall($ptrace, $seize, $_[0], 0, 0) == 0; syscall($ptrace, $detach, $_[0], 0, 0) if $done; $done },
    descriptor => sub {
        my $pidfd = syscall($open, $_[0], 0);
        return 0 if $pidfd < 0;
        my $got = syscall($get, $pidfd, 1, 0);
        require POSIX; POSIX::close($pidfd); POSIX::close($got) if $got >= 0;
        $got >= 0 },
    mem => sub { open my $fh, '<', "/proc/$_[0]/mem" },
    maps => sub { (first("/proc/$_[0]/maps") // '') ne '' },
    environ => sub { (first("/proc/$_[0]/environ") // '') ne '' },
    # What ends with exec is still there when the new program's memory is, which who has CAP_SYS_PTRACE in here may look
    # at. There is nothing of the host's: a procfs, an empty directory, sockets.
    fd => sub {
        for my $link (glob "/proc/$_[0]/fd/*") {
            next if $link =~ m{/[012]$};
            if (opendir my $dh, $link) {
                my @names = grep { !/^\.\.?$/ } readdir $dh;
                return 1 if @names && !grep { $_ eq 'self' } @names;
            } else { return 1 if -f $link && (readlink $link // '') !~ m{^(/proc)?/\d+/status} }
        }
        0 },
    root => sub { opendir my $dh, "/proc/$_[0]/root" },
    cwd => sub { opendir my $dh, "/proc/$_[0]/cwd" },
    exe => sub { defined readlink "/proc/$_[0]/exe" },
    words => sub { (first("/proc/$_[0]/cmdline") // '') =~ /[^\0]/ },
);
# A process that runs `ajail` itself has that name until exec; if it has it still afterwards, it was caught before.
sub attack {
    my ($pid, $got) = @_;
    for my $way (sort keys %ways) {
        next unless $ways{$way}->($pid);
        $got->{$way} = 1 if name($pid) eq $ENV{NAME};
    }
}
# Ourselves under that name, to show that each way works where nothing is in it.
opendir my $held, '/etc' or die;
my $bait = fork // die;
if ($bait == 0) { $0 = $ENV{NAME}; sleep 1000; exit }
select undef, undef, undef, 0.2;
my %works;
attack($bait, \%works);
kill 9, $bait;
waitpid $bait, 0;
closedir $held;
my (%seen, %got);
open my $ready, '>', 'ready' or die;
close $ready;
until (-e 'stop') {
    opendir my $proc, '/proc' or die;
    for my $pid (grep { /^\d+$/ && $_ > 1 && $_ != $$ } readdir $proc) {
        next if name($pid) ne $ENV{NAME};
        $seen{$pid} = 1;
        attack($pid, \%got);
    }
}
print 'works: ', join(' ', sort keys %works), "\n", 'seen: ', scalar(keys %seen), "\n", 'got: ', join(' ', sort keys %got), "\n";
END
name=$(basename "$AJAIL")

# lurks NAME WAYS OPTION...: the payload with these options, while a hundred come
lurks() {
    local what=$1 ways=$2 waited i failed=0
    shift 2
    rm -f ready stop
    "$AJAIL" run --quiet --fs=deb --name=lurk --env=NAME="$name" "$@" perl lurk.pl >said 2>err </dev/null &
    for ((waited = 0; waited < 200; ++waited)); do
        [ -e ready ] && break
        sleep 0.05
    done
    for ((i = 0; i < 100; ++i)); do
        [ "$(timeout 20 "$AJAIL" exec lurk sh -c 'echo ok' 2>>err </dev/null)" = ok ] || failed=$((failed + 1))
    done
    touch stop
    wait
    equal "$what: all have come in" 0 "$failed"
    matches "$what: some were seen on their way" '^seen: ([2-9]|[1-9][0-9]+)$' cat said
    matches "$what: the attacks work where nothing is in their way" "^works: .*$ways" cat said
    matches "$what: nobody got at anything" '^got: $' cat said err
}

lurks 'a debugger' 'cwd environ exe fd maps mem ptrace root words' --allow=ptrace --cap-add=SYS_PTRACE
lurks 'with all there is' 'cwd descriptor environ exe fd maps mem ptrace root words' --no-seccomp --cap-add=ALL --no-root-emulation
lurks 'in a second user namespace' 'cwd environ exe fd maps mem ptrace root words' --allow=ptrace --cap-add=SYS_PTRACE --cap-add=SYS_ADMIN
