"""`ajail exec` at a terminal: the program has a pty of the jail's own."""
from pty_harness import *

NAME = "terminal"


def inside(*words):
    return [AJAIL, "exec", NAME, *words]


class Running:
    """A jail that runs meanwhile."""

    def __enter__(self):
        self.process = subprocess.Popen([AJAIL, "run", "--quiet", "--fs=deb", "--name=" + NAME, "cat"],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        end = time.monotonic() + LONG
        while subprocess.run(inside("true"), stderr=subprocess.DEVNULL).returncode != 0:
            if time.monotonic() > end:
                raise Failed("a jail", "none")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(LONG)


@test
def it_is_a_pty_of_the_jail():
    with Running(), Terminal(inside("sh", "-c", "tty; stty size"), rows=37, columns=111) as t:
        t.expect(r"/dev/pts/\d+\r\n37 111\r\n")
        equal("exit status", 0, t.finish())


@test
def control_c_ends_the_program():
    with Running(), Terminal(inside("sh", "-c", "echo READY; exec sleep 100")) as t:
        t.expect("READY")
        t.send(b"\x03")
        equal("exit status", 130, t.finish())


@test
def a_shell_has_job_control():
    with Running(), Terminal(inside("bash", "--norc", "-i")) as t:
        t.send(b"sleep 100\r")
        time.sleep(0.5)
        t.send(b"\x1a")
        t.expect("Stopped")
        t.send(b"kill -9 %1; exec sh -c 'exit 6'\r")
        equal("exit status", 6, t.finish())


@test
def a_resize_is_seen_inside():
    reporter = ('$| = 1; $SIG{WINCH} = sub { my $size = `stty size </dev/tty`; chomp $size; print "A${size}Z\\n" }; '
                'print "READY\\n"; select undef, undef, undef, 0.02 while 1;')
    with Running(), Terminal(inside("perl", "-e", reporter)) as t:
        t.expect("READY")
        t.resize(20, 60)
        t.expect("A20 60Z", timeout=5)


@test
def the_terminal_is_as_before():
    with Running(), Terminal(["sh", "-c", f"stty -g; {AJAIL} exec {NAME} true; stty -g"]) as t:
        t.expect(r"(\S+)\r\n\1\r\n")
        equal("exit status", 0, t.finish())


run()
