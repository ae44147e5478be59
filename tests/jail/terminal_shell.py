"""An interactive shell in a jail: it owns its terminal, and job control works inside."""
from pty_harness import *


@test
def the_shell_has_a_terminal_of_the_jail():
    with shell_in_jail() as t:
        greeting = t.everything
        for complaint in (b"cannot set terminal process group", b"no job control", b"ioctl"):
            true("no complaint about the terminal", complaint not in greeting, shown(greeting))
        t.line("echo A$(tty)Z; echo B$-Z")
        t.expect(r"\nA/dev/pts/0Z\r")
        flags = t.expect(r"\nB(\w+)Z").group(1)
        true("job control is on (m)", b"m" in flags, flags)
        t.expect(JAIL_PROMPT)
        t.line("exit 7")
        equal("exit status", 7, t.finish())
        true("the terminal as it was", t.is_sane(), t.modes())


@test
def the_shell_leads_the_foreground_of_its_terminal():
    with shell_in_jail() as t:
        # ps(1) is not in every root: fields 5 to 8 of stat are process group, session, terminal, its foreground.
        t.line("set -- $(sed 's/.*) //' /proc/$$/stat); echo A$3,$6,$(($5 != 0))Z,$$")
        group, front, has, pid = t.expect(r"\nA(\d+),(-?\d+),(\d)Z,(\d+)").groups()
        equal("a controlling terminal", b"1", has)
        equal("group of the shell", pid, group)
        t.expect(JAIL_PROMPT)
        t.line("echo to-the-tty >/dev/tty && echo A$((1+1))Z")
        t.expect(r"\nto-the-tty\r\nA2Z")
        t.line("echo A$((1+2))Z; read x </dev/tty; echo \"<$x>\"")
        t.expect(r"\nA3Z")
        t.line("hello")
        t.expect("<hello>")


@test
def interrupt_ends_only_the_foreground_job():
    mark = new_mark()
    with shell_in_jail() as t:
        t.line(f"echo $$; sleep {mark}")
        shell = t.expect(r"\n(\d+)\r\n").group(1)
        eventually("sleep runs", lambda: sleepers(mark))
        t.send("\x03")
        t.expect(JAIL_PROMPT)
        equal("jobs after ^C", [], processes(mark))
        t.line("echo A$?Z; echo $$")
        t.expect(r"\nA130Z")
        equal("the same shell", shell, t.expect(r"\n(\d+)\r\n").group(1))


@test
def quit_reaches_the_foreground_job():
    with shell_in_jail() as t:
        t.line("bash -c 'trap \"echo GOT-$((4-1)); exit 9\" QUIT; echo RE\"\"ADY; while :; do sleep 0.05; done'")
        t.expect("READY")
        t.send("\x1c")
        t.expect("GOT-3")
        t.expect(JAIL_PROMPT)


@test
def a_job_stops_and_goes_on():
    mark = new_mark()
    with shell_in_jail() as t:
        t.line(f"sleep {mark}")
        (pid,) = eventually("sleep runs", lambda: processes(mark))
        t.send("\x1a")
        t.expect(r"\[1\]\+  Stopped +sleep")
        t.expect(JAIL_PROMPT)
        equal("state of the job", "T", state(pid))
        t.line("jobs")
        t.expect(r"\[1\]\+  Stopped +sleep")
        t.expect(JAIL_PROMPT)
        t.line("fg")
        t.expect(r"sleep [\d.]+\r\n")
        eventually("the job runs again", lambda: state(pid) == "S")
        t.send("\x1a")
        t.expect(r"Stopped")
        t.expect(JAIL_PROMPT)
        t.line("bg")
        t.expect(JAIL_PROMPT)
        eventually("the job runs in the background", lambda: state(pid) == "S")
        t.line("kill %1; wait; echo A$((2+3))Z")
        t.expect(r"\nA5Z")
        equal("the job is gone", [], processes(mark))


@test
def a_background_job_that_reads_is_stopped():
    with shell_in_jail() as t:
        t.line("cat & wait -n; jobs")
        t.expect(r"\[1\]\+  Stopped(\(tty input\))? +cat")


@test
def an_editor_of_lines_works():
    # History, cursor keys and kill: readline in raw mode, through two line disciplines.
    with shell_in_jail(options=("--env=TERM=xterm",)) as t:
        t.line("echo first-$((1+5))")
        t.expect(r"[\r\n]first-6")
        t.expect(r"JAIL> (\x1b\[\?2004h)?$")
        t.send("\x1b[A\x05-again\x01\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C2\r")
        t.expect(r"2first-6-again")


@test
def stop_of_the_shell_itself_does_not_lose_it():
    # `suspend` in a shell which nobody outside would wake: ajail leads the session, so nothing may stop for good.
    with shell_in_jail() as t:
        t.line("suspend; echo A$((3+3))Z")
        t.expect(r"\nA6Z")
        t.line("echo A$((3+4))Z")
        t.expect(r"\nA7Z")


run()
