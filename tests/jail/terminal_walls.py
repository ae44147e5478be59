"""The host's terminal is out of reach: no descriptor, no name, and no ioctl that types."""
from pty_harness import *

# Tries on stdio and /dev/tty. The number of an ioctl is 32 bits to the kernel, whatever the upper half says.
TYPER = r"""
my $call = { x86_64 => 16, aarch64 => 29 }->{(split ' ', `uname -m`)[0]};
my @fds = (0, 1, 2);
open(my $tty, '+<', '/dev/tty') and push @fds, fileno($tty);
my $bad = 0;
for my $fd (@fds) {
    for my $high (0, 1 << 32, 0xffffffff << 32) {
        for my $key (split //, "echo STO\"\"LEN\r") {
            $bad++ if syscall($call, $fd, 0x5412 | $high, $key) != -1;                 # TIOCSTI
        }
        for my $sub ("\2" . "\0" x 10, "\3", "\2\1\0\1\0\5\0\1\0\0\0") {
            my $buffer = $sub . "\0" x 64;
            $bad++ if syscall($call, $fd, 0x541C | $high, $buffer) != -1;              # TIOCLINUX
        }
    }
}
print STDERR "fds=", scalar(@fds), " worked=$bad\n";
"""


def write_typer():
    with open("typer.pl", "w") as file:
        file.write(TYPER)


@test
def nothing_is_typed_into_the_callers_shell():
    write_typer()
    with shell_on_host() as t:
        for command in ("$J perl typer.pl", "$J perl typer.pl | cat", "true | $J perl typer.pl", "$J perl typer.pl </dev/null >/dev/null"):
            t.line(command)
            t.expect(r"fds=4 worked=0\r\n")
            t.expect(HOST_PROMPT)
        t.line("$J perl typer.pl &")
        t.expect(r"fds=4 worked=0\r+\n")
        t.line("wait; echo A$((1+1))Z")
        t.expect(r"\nA2Z")
        t.read_for(0.2)
        true("nothing arrived", b"STOLEN" not in t.everything, shown(t.everything))


@test
def without_a_terminal_there_is_none():
    # Started from a terminal, with no stdio on it: it stays the controlling terminal of the caller only.
    read, write = os.pipe()
    with Terminal(["sh", "-c", 'exec "$@" 2>&1', "sh", *script("tty; echo x >/dev/tty; ls -C /dev/pts; echo done")],
                  stdin=os.open("/dev/null", os.O_RDONLY), stdout=write) as t:
        os.close(write)
        t.finish()
        with os.fdopen(read, "rb") as file:
            out = file.read().decode()
        true("not a tty, and /dev/tty leads nowhere", "not a tty" in out and "/dev/tty: No such device" in out, out)
        equal("the terminal", b"", t.everything)


@test
def only_the_jails_terminal_can_be_named():
    with Terminal(script("ls /dev/pts | sort | tr '\\n' ,; for fd in 0 1 2; do readlink /proc/self/fd/$fd; done; tty")) as t:
        t.expect(r"0,ptmx,/dev/pts/0\r\n/dev/pts/0\r\n/dev/pts/0\r\n/dev/pts/0\r\n")
        equal("exit status", 0, t.finish())


@test
def no_descriptor_anywhere_is_the_hosts_terminal():
    # By device number: the one of the jail's devpts differs, whatever the names are.
    look = ("for f in /proc/[0-9]*/fd/*; do [ ! -e $f ] || stat -Lc '%t:%T:%d %n' $f; done 2>/dev/null | sort -u; "
            "stat -Lc 'own %d' /dev/pts/0; echo END")
    with Terminal(script(look)) as t:
        host = os.stat(t.name).st_dev
        out = t.expect("(.*)END").group(1).decode()
        for line in out.splitlines():
            if "/fd/" in line:
                true("not on the host's devpts", f":{host} " not in line, out)
        true("looked at some", "/fd/1" in out, out)


@test
def the_usual_names_work_inside():
    with Terminal(script("echo to-tty >/dev/tty; echo to-console >/dev/console; test -c /dev/ptmx && "
                         "script -qec 'tty' /dev/null; echo RE\"\"ADY; read x </dev/tty; echo \"<$x>\"")) as t:
        t.expect(r"to-tty\r\nto-console\r\n/dev/pts/1\r+\n.*READY")
        t.line("hello")
        t.expect("<hello>")
        equal("exit status", 0, t.finish())


@test
def modes_set_inside_stay_inside():
    with Terminal(script("stty -icanon -echo -opost -isig <&1; echo RE\"\"ADY; stty -a <&1"),
                  stdin=os.open("/dev/null", os.O_RDONLY)) as t:
        equal("exit status", 0, t.finish())
        true("set", b"-icanon" in t.everything, shown(t.everything))
        t.same_modes()


run()
