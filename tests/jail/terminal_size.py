"""The size of the terminal, and what programs use to draw."""
from pty_harness import *


# Tells the size whenever it changes. Not a shell: bash loses a trap now and then that comes while it reads.
REPORTER = """
$| = 1;
$SIG{WINCH} = sub { my $size = `stty size </dev/tty`; chomp $size; print "A${size}Z\\n" };
print "READY\\n";
select undef, undef, undef, 0.02 while 1;
"""


@test
def the_size_is_right_from_the_start():
    with Terminal(script("stty size"), rows=37, columns=111) as t:
        t.expect(r"37 111\r\n")
        equal("exit status", 0, t.finish())
    with Terminal(script("stty size"), rows=0, columns=0) as t: # a serial line knows none
        t.expect(r"0 0\r\n")


@test
def a_resize_is_seen_inside():
    with Terminal(jail("perl", "-e", REPORTER)) as t:
        t.expect("READY")
        for rows, columns in ((20, 60), (61, 203), (20, 60)):
            t.resize(rows, columns)
            t.expect(rf"A{rows} {columns}Z", timeout=5)


@test
def a_resize_takes_no_second():
    # The fastest of some: a loaded machine is slow now and then, a timer of ours would be slow always.
    with Terminal(jail("perl", "-e", REPORTER)) as t:
        t.expect("READY")
        took = []
        for number in range(5):
            start = time.monotonic()
            t.resize(30 + number, 90)
            t.expect(rf"A{30 + number} 90Z")
            took.append(time.monotonic() - start)
        true("at most 0.5 s", min(took) < 0.5, took)


@test
def a_resize_without_a_terminal_at_stdin():
    read, write = os.pipe()
    with Terminal(jail("perl", "-e", REPORTER),
                  stdin=read) as t:
        os.close(read)
        t.expect("READY")
        t.resize(33, 44)
        t.expect("A33 44Z")
    os.close(write)


@test
def a_resize_while_stopped_or_in_the_background():
    with shell_on_host() as t:
        t.line("$J bash -c 'echo RE\"\"ADY; while :; do read -t 0.1 x; "
               "[ \"$x\" != s ] || echo A$(stty size)Z; done'")
        t.expect("READY")
        t.send("\x1a")
        t.expect("Stopped")
        t.expect(HOST_PROMPT)
        t.resize(31, 101)
        t.line("fg")
        eventually("raw again", t.is_raw)
        t.line("s")
        t.expect("A31 101Z")
        t.send("\x1a")
        t.expect("Stopped")
        t.expect(HOST_PROMPT)
        t.line("bg")
        t.expect(HOST_PROMPT)
        t.resize(32, 102) # the kernel tells the foreground group only
        t.line("fg")
        eventually("raw again", t.is_raw)
        t.line("s")
        t.expect("A32 102Z")


@test
def term_and_colours():
    with Terminal(script("echo A${TERM}Z; tput colors; tput setaf 1 | od -An -c; printf '\\033[38;2;1;2;3mx\\033[0m'"),
                  env={"TERM": "xterm-256color"}) as t:
        t.expect("Axterm-256colorZ\r\n256\r\n")
        t.expect(r"033   \[   3   1   m\r\n")
        t.expect(r"\x1b\[38;2;1;2;3mx\x1b\[0m")
        equal("exit status", 0, t.finish())
    with Terminal(script("ls --color=auto -d /root"), env={"TERM": "xterm"}) as t:
        t.expect("\x1b\\[.*root")


run()
