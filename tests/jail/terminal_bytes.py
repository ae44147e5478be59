"""Nothing is lost, added or changed between the payload and the caller, terminal or not."""
import hashlib
import threading
from pty_harness import *

ALL_BYTES = bytes(range(256))


@test
def no_output_is_lost_at_the_end():
    # Fast output, then an immediate end: what the terminal has taken is shown.
    for _ in range(3):
        with Terminal(script("stty -opost; seq 1 150000; printf LAST")) as t:
            equal("exit status", 0, t.finish())
            want = b"".join(b"%d\n" % n for n in range(1, 150001)) + b"LAST"
            true("a megabyte of output, all of it", t.everything == want,
                 f"{len(t.everything)} of {len(want)} bytes, ending in {t.everything[-30:]!r}")


@test
def a_short_output_is_not_lost():
    for number in range(25):
        with Terminal(script(f"printf {number}-done")) as t:
            t.finish()
            equal("output", f"{number}-done".encode(), t.everything)


@test
def a_slow_reader_gets_it_all():
    with Terminal(script("stty -opost; seq 1 20000; printf LAST")) as t:
        eventually("it waits for the terminal", lambda: select.select([t.master], [], [], 0)[0])
        data = b""
        while not data.endswith(b"LAST"):
            data += os.read(t.master, 1500)
            time.sleep(0.0005)
        equal("bytes", len(b"".join(b"%d\n" % n for n in range(1, 20001))) + 4, len(data))
        equal("exit status", 0, t.finish())


@test
def a_big_paste_goes_in_unharmed():
    lines = b"".join(b"%06d %s\n" % (n, b"x" * 56) for n in range(1024))
    with Terminal(script("stty raw -echo; echo RE\"\"ADY; head -c 65536 | sha256sum; stty sane")) as t:
        t.expect("READY")
        t.send(lines)
        t.expect(hashlib.sha256(lines).hexdigest())
        equal("exit status", 0, t.finish())
    with Terminal(script("stty -echo; echo RE\"\"ADY; head -c 65536 | sha256sum")) as t: # line by line
        t.expect("READY")
        t.send(lines)
        t.expect(hashlib.sha256(lines).hexdigest())
        equal("exit status", 0, t.finish())


@test
def input_that_nobody_reads_does_not_stop_output():
    with Terminal(script("stty raw -echo; echo RE\"\"ADY; read x </dev/null; while [ ! -e stop ]; do sleep 0.05; done;"
                         " echo OUT\"\"PUT")) as t:
        t.expect("READY")
        end = time.monotonic() + 5
        sent = 0
        while sent < 300000 and time.monotonic() < end:
            if not select.select([], [t.master], [], 0.3)[1]:
                break
            sent += os.write(t.master, b"y" * 256)
        open("stop", "w").close()
        t.expect("OUTPUT")
        equal("exit status", 0, t.finish())


@test
def eight_bits_go_both_ways():
    with Terminal(script("stty raw -echo; echo RE\"\"ADY; head -c 256 | od -An -v -tx1 | tr -d ' \\n'; stty sane")) as t:
        t.expect("READY")
        t.send(ALL_BYTES)
        t.expect(ALL_BYTES.hex())
    with open("all", "wb") as file:
        file.write(ALL_BYTES)
    with Terminal(script("stty raw; printf BEGIN; cat all; printf END; stty sane")) as t:
        equal("bytes", ALL_BYTES, t.expect(rb"BEGIN(.*)END").group(1))
        t.finish()


@test
def output_can_be_held():
    with Terminal(script("echo RE\"\"ADY; while :; do echo tick; sleep 0.02; done")) as t:
        t.expect("READY.*tick")
        t.send("\x13")
        # What was on its way still comes; then nothing does.
        def silent():
            t.buffer = b""
            t.read_for(0.3)
            return not t.buffer
        eventually("silence after ^S", silent)
        t.send("\x11")
        t.expect("tick.*tick")
        t.send("\x03")
        equal("exit status", 130, t.finish())


@test
def end_of_file():
    with Terminal(script("echo RE\"\"ADY; cat; echo A$?Z")) as t:
        t.expect("READY")
        t.send("ab\x04\x04") # once: what was typed; twice: the end
        t.expect("ab.*A0Z")
        equal("exit status", 0, t.finish())


# Terminals and pipes mixed


@test
def a_pipeline_is_clean():
    data = os.urandom(300000) + ALL_BYTES
    done = subprocess.run(jail("cat"), input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LONG)
    true("the same bytes", done.stdout == data, f"{len(done.stdout)} bytes")
    equal("stderr", b"", done.stderr)


@test
def a_pipeline_under_a_shell():
    with shell_on_host() as t:
        t.line("printf 'x\\r\\ny\\n' | $J cat | tee f | od -An -c; echo \"${PIPESTATUS[*]}\"")
        t.expect(r"x  \\r  \\n   y  \\n\r\n0 0 0 0\r\n")
        with open("f", "rb") as file:
            equal("the file", b"x\r\ny\n", file.read())


def output_to_pipe(text, typed, status=0, before="READY"):
    """A payload that reads the terminal and writes to a pipe: (what came out of the pipe, the terminal)."""
    read, write = os.pipe()
    with Terminal(script("echo RE\"\"ADY >&2; " + text), stdout=write) as t:
        os.close(write)
        t.expect(before)
        for data in typed:
            t.send(data)
        equal("exit status", status, t.finish())
        with os.fdopen(read, "rb") as file:
            return file.read(), t.everything.partition(b"READY\r\n")[2]


@test
def from_the_terminal_to_a_pipe():
    out, seen = output_to_pipe("cat", [b"hello\rworld\r\x04"])
    equal("the pipe", b"hello\nworld\n", out)
    # Its own echo, once. (The kernel shows ^D as nothing, or ^D and two backspaces.)
    equal("the echo", b"hello\r\nworld\r\n", seen.replace(b"^D\b\b", b""))


@test
def from_the_terminal_to_a_pipe_an_end_in_a_line():
    out, _ = output_to_pipe("cat", [b"abc\x04\x04"])
    equal("the pipe", b"abc", out)


@test
def from_the_terminal_to_a_pipe_quoted_characters():
    # ^V takes the meaning from the next key: a literal ^C, ^D, carriage return, ^Z, ^U.
    out, _ = output_to_pipe("cat", [b"a\x16\x03b\x16\x04c\x16\rd\x16\x1ae\x16\x15f\x16\x16g\r\x04"])
    equal("the pipe", b"a\x03b\x04c\rd\x1ae\x15f\x16g\n", out)


@test
def from_the_terminal_to_a_pipe_long_lines():
    line = b"0123456789" * 400
    out, _ = output_to_pipe("cat", [line + b"\r", line + b"\r", b"\x04"])
    equal("length of the pipe", 2 * (len(line) + 1), len(out))


@test
def from_the_terminal_to_a_pipe_interrupted():
    out, _ = output_to_pipe("trap 'echo got; exit 5' INT; echo SE\"\"T >&2; while :; do sleep 0.02; done", [b"\x03"],
                            status=5, before="SET")
    equal("the pipe", b"got\n", out)
    output_to_pipe("exec cat", [b"abc\r\x03"], status=130)


@test
def input_that_is_taken_back_does_not_block():
    # ^C empties the queue: a line that poll(2) has promised is gone when it is read. Rare, so many times.
    for _ in range(100):
        out, _ = output_to_pipe("exec cat", [b"abc\r\x03"], status=130)
        true("all of the line or nothing", out in (b"", b"abc\n"), out)


@test
def from_a_pipe_to_the_terminal():
    read, write = os.pipe()
    with Terminal(script("test -t 1 && test ! -t 0 && echo TTY; cat; printf 'a\\nb\\n'"),
                  stdin=read) as t:
        os.close(read)
        os.write(write, b"one\ntwo\n")
        os.close(write)
        equal("exit status", 0, t.finish())
        equal("output, no CR doubled", b"TTY\r\none\r\ntwo\r\na\r\nb\r\n", t.everything)


@test
def from_a_pipe_to_the_terminal_interrupted():
    read, write = os.pipe()
    with Terminal(script("echo RE\"\"ADY; exec cat"), stdin=read) as t:
        t.expect("READY")
        t.send("\x03")
        equal("exit status", 130, t.finish())
        true("the terminal as it was", t.is_sane(), t.modes())
    os.close(read)
    os.close(write)


@test
def only_stderr_is_the_terminal():
    read, write = os.pipe()
    with Terminal(script("test -t 2 && test ! -t 1 && test ! -t 0 && echo TTY >&2; echo out; cat"),
                  stdin=os.open("/dev/null", os.O_RDONLY), stdout=write) as t:
        os.close(write)
        equal("exit status", 0, t.finish())
        equal("stderr", b"TTY\r\n", t.everything)
        with os.fdopen(read, "rb") as file:
            equal("stdout", b"out\n", file.read())


# Takes the terminal raw as a pager does, and then wants ten keys.
PAGER = """
import os, termios, tty
t = os.open("/dev/tty", os.O_RDWR)
old = termios.tcgetattr(t)
tty.setraw(t)
os.write(t, b"PA" b"GER")
got = b""
while len(got) < 10:
    got += os.read(t, 10 - len(got))
termios.tcsetattr(t, termios.TCSADRAIN, old)
os.write(t, b"\\nGOT-" + got + b"\\n")
"""


@test
def a_pager_behind_it_gets_all_keys():
    # `ajail run ... | less`: both are in the foreground, the keys are for the one that has the terminal raw.
    with open("pager.py", "w") as file:
        file.write(PAGER)
    with shell_on_host() as t:
        t.line("$J sh -c 'echo text; sleep 1000' | python3 pager.py")
        t.expect("PAGER")
        for key in "abcdefghij":
            t.send(key)
            time.sleep(0.02) # typed, not pasted: both readers have their chance
        t.expect("GOT-abcdefghij")
        t.send("\x03")
        t.expect(HOST_PROMPT)


run()
