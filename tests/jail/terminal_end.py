"""However it ends, the terminal is as it was, and nobody waits for one that is gone."""
from pty_harness import *


def same_modes(end, status, text="echo RE\"\"ADY; exec sleep 1000"):
    """END(terminal, pid of the payload) ends it; the modes must be what they were."""
    mark = new_mark()
    with Terminal(script(text.replace("1000", mark))) as t:
        t.expect("READY")
        eventually("raw while it runs", t.is_raw)
        # Not at once: while it executes, a process has no arguments.
        end(t, eventually("the payload is there", lambda: [p for p in processes(mark) if p != t.pid])[-1])
        got = t.finish()
        t.same_modes()
        equal("exit status", status, got)


@test
def after_an_exit():
    same_modes(lambda t, _: t.send("\n"), 3, "stty raw -echo; echo RE\"\"ADY; read x; exit 3; : 1000")


@test
def after_the_payload_was_killed():
    same_modes(lambda _, pid: os.kill(pid, signal.SIGKILL), 137)


@test
def after_a_signal_to_ajail():
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        same_modes(lambda t, _, sig=sig: os.kill(t.pid, sig), 128 + sig)


@test
def after_a_signal_to_continue():
    # Of one that was not stopped: its own raw modes must not be taken for the caller's.
    def end(t, _):
        os.kill(t.pid, signal.SIGCONT)
        t.expect("CONTINUED")
        os.kill(t.pid, signal.SIGTERM)
    same_modes(end, 143, "trap 'echo CONTIN\"\"UED' CONT; echo RE\"\"ADY; while :; do sleep 0.02; done; : 1000")


@test
def after_init_was_killed():
    same_modes(lambda t, _: os.kill(children(t.pid)[0], signal.SIGKILL), 137)


@test
def after_a_command_that_is_not_there():
    with Terminal(jail("no-such-command")) as t:
        equal("exit status", 127, t.finish())
        t.same_modes()
        # One whole line, also if the terminal was raw a moment ago.
        true("a message on a line", re.search(rb"^ajail: no-such-command: .*\r\n$", t.everything), shown(t.everything))


@test
def other_modes_than_the_usual_are_kept():
    with Terminal(["sh", "-c", 'stty -ixon -echoctl erase ^H; "$@"; stty -a | tr -s "; " "\\n\\n" | tr "\\n" .', "sh",
                   *script("stty -a | tr -s '; ' '\\n\\n' | grep -xE -- '-ixon|-echoctl|\\^H'; stty ixon")]) as t:
        t.finish()
        first, _, second = t.everything.replace(b"\r\n", b".").partition(b".speed.")
        for mode in (b"-ixon", b"-echoctl", b"^H"):
            true(f"{mode} inside", mode in first.split(b"."), shown(t.everything))
            true(f"{mode} afterwards", mode in second.split(b"."), shown(t.everything))


def hung_up(text, ready="READY"):
    mark = new_mark()
    become_subreaper()
    with Terminal(script(text.replace("1000", mark))) as t:
        t.expect(ready)
        t.hang_up()
        t.wait()
        eventually("nothing left", lambda: not processes(mark) and no_children())


@test
def the_terminal_hangs_up():
    hung_up("echo RE\"\"ADY; exec sleep 1000")
    hung_up("echo RE\"\"ADY; exec cat - 1000")


@test
def the_terminal_hangs_up_and_the_payload_reads_on():
    # Deaf to SIGHUP it still reads the end of its input, as from any terminal that is gone.
    hung_up("trap '' HUP; echo RE\"\"ADY; while read x; do :; done; : 1000")


@test
def the_terminal_hangs_up_and_the_payload_writes_on():
    hung_up("trap '' HUP; echo RE\"\"ADY; while echo tick; do sleep 0.02; done 2>/dev/null; : 1000", ready="tick")


@test
def the_terminal_hangs_up_under_a_shell():
    mark = new_mark()
    with shell_on_host() as t:
        t.line(f"$J sleep {mark}")
        eventually("it runs", lambda: sleepers(mark))
        t.hang_up()
        eventually("nothing left", lambda: not processes(mark))


@test
def a_terminal_that_takes_nothing_does_not_keep_it():
    # ^S on the host's side, a frozen window: the output has nowhere to go, and TERM must end it all the same.
    mark = new_mark()
    with Terminal(script(f"trap 'exit 9' TERM; : {mark}; yes & wait")) as t:
        t.expect("y\r\ny")
        eventually("the terminal is full", lambda: state(t.pid) == "S" and not fed(t))
        os.kill(t.pid, signal.SIGTERM)
        t.wait(timeout=20)
        equal("exit status", 9, t.status)


def fed(t):
    """Whether ajail uses the processor: not when it waits for the terminal."""
    before = cpu_seconds(t.pid)
    time.sleep(0.1)
    return cpu_seconds(t.pid) - before > 0.01


def busy(pid):
    """Processor seconds of PID in half a second."""
    before = cpu_seconds(pid)
    time.sleep(0.5)
    return cpu_seconds(pid) - before


@test
def waiting_costs_nothing():
    with Terminal(script("touch started; exec sleep 1000")) as t:
        eventually("it runs", lambda: os.path.exists("started"))
        true("an idle jail is idle", busy(t.pid) < 0.1, cpu_seconds(t.pid))


@test
def waiting_costs_nothing_when_the_payload_has_left_the_terminal():
    # A daemon: nobody in the jail has the pty open, and its master says so without end.
    os.mkfifo("go")
    with Terminal(script("exec </dev/null >/dev/null 2>&1; touch left; read x <go; exit 3")) as t:
        eventually("it has closed its terminal", lambda: os.path.exists("left"))
        used = busy(t.pid)
        true("no busy waiting", used < 0.1, f"{used} s of processor time in half a second")


@test
def a_payload_that_left_the_terminal_can_come_back():
    os.mkfifo("come")
    with Terminal(script("exec </dev/null >/dev/null 2>&1; read x <come; echo back >/dev/tty; read x </dev/tty; "
                         "echo \"<$x>\" >/dev/tty; exit 4")) as t:
        eventually("it waits", lambda: try_to_write("come"))
        t.expect("back")
        t.line("hello")
        t.expect("<hello>")
        equal("exit status", 4, t.finish())


def try_to_write(fifo):
    try:
        fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    os.write(fd, b"x\n")
    os.close(fd)
    return True


@test
def waiting_costs_nothing_after_a_hang_up():
    # As under nohup: it lives on, with a terminal that answers every question with an end.
    mark = new_mark()
    with Terminal(["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *jail("sleep", mark)]) as t:
        eventually("it runs", lambda: sleepers(mark) and t.is_raw())
        t.hang_up()
        used = busy(t.pid)
        true("no busy waiting", used < 0.1, f"{used} s of processor time in half a second")
        equal("alive", None, t.wait_quickly())
        os.kill(t.pid, signal.SIGTERM)
        t.wait()
        eventually("nothing left", lambda: not processes(mark))


run()
