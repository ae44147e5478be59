"""Where stdin is no terminal but the output is, the keys are the payload's as soon as it asks for them, and not before."""
from pty_harness import *

# A program as less or fzf: takes /dev/tty raw and shows each key that it gets, until q.
with open("keys.sh", "w") as keys:
    keys.write('exec 3<>/dev/tty\n'
               'old=$(stty -g <&3)\n'
               'stty -icanon -echo min 1 <&3\n'
               'echo KE""YS\n'
               # (One program: a shell that starts one for each key may just be doing so when it is interrupted, and forget.)
               """perl -e '$| = 1; print "<$c>" while sysread(STDIN, $c, 1) && $c ne "q"' <&3\n"""
               'stty "$old" <&3\n'
               'echo END-"$(wc -l)"\n')
KEYS = "$J sh keys.sh"
ASK = "read b </dev/tty; echo \"<$b>\""


def has_the_keys(t):
    eventually("the keys go to the jail", lambda: not t.modes()["isig"]) # which a shell that edits a line leaves


def prompt(t):
    t.expect(HOST_PROMPT)


@test
def single_keys():
    with shell_on_host() as t:
        for command, count in ((f"seq 1234 | {KEYS}", 1234), (f"{KEYS} </dev/null", 0), (f"{KEYS} <&-", 0),
                               (f"seq 5 | {KEYS} >/dev/tty", 5)):
            t.line(command)
            t.expect("KEYS\r\n")
            t.send("a")
            t.expect("^<a>")
            t.send("b\x04")
            t.expect("^<b><\x04>")
            t.send("q")
            t.expect(f"^END-{count}\r\n")
            prompt(t)


@test
def a_question_in_a_script():
    # curl ... | sh: lines, with the jail's echo, and what comes before and after is text as it was.
    for stdin in ("pipe", "null"):
        read, write = os.pipe()
        os.write(write, b"one\ntwo\n")
        os.close(write)
        source = read if stdin == "pipe" else os.open("/dev/null", os.O_RDONLY)
        with Terminal(script(f"wc -l; printf 'name? '; {ASK}; printf 'x\\ny\\n'"), stdin=source) as t:
            os.close(source)
            t.expect(r"name\? ")
            has_the_keys(t)
            t.line("hello")
            equal("exit status", 0, t.finish())
            equal("all that was seen", b"%d\r\nname? hello\r\n<hello>\r\nx\r\ny\r\n" % (2 if stdin == "pipe" else 0),
                  t.everything)
            t.same_modes()


@test
def a_password_is_not_shown():
    with Terminal(script("stty -echo </dev/tty; printf 'password: ' >/dev/tty; read p </dev/tty; stty echo </dev/tty; "
                         "echo \"<$p>\""), stdin=os.open("/dev/null", os.O_RDONLY)) as t:
        t.expect("password: $")
        t.line("secret")
        equal("exit status", 0, t.finish())
        equal("after the prompt", b"<secret>\r\n", t.everything.partition(b": ")[2])
        t.same_modes()


@test
def a_prompt_that_minds_being_in_the_background():
    # As sudo and ssh do: a handler, the modes put back, the signal once more. With a shell that waits above.
    with open("ask.pl", "w") as file:
        file.write('use POSIX; my $got; $SIG{TTIN} = $SIG{TTOU} = sub { $got = shift };\n'
                   'open my $t, "+<", "/dev/tty" or die; my $line;\n'
                   'for (;;) { $got = ""; my $n = sysread $t, $line, 100; last if $n; next unless $got;\n'
                   '  local $SIG{$got} = "DEFAULT"; select undef, undef, undef, 0.05; kill $got, $$; }\n'
                   'print "<", $line =~ s/\\n//r, ">\\n";\n')
    for command in ("perl ask.pl", "sh -c 'perl ask.pl; echo after'", "sh -c 'sh -c \"perl ask.pl; :\"; :'"):
        with shell_on_host() as t:
            for number in range(5):
                t.line(f"echo x | $J {command}")
                has_the_keys(t)
                t.line(f"h{number}")
                t.expect(f"<h{number}>")
                prompt(t)


@test
def a_pager_of_its_own():
    if subprocess.run(jail("sh", "-c", "command -v less"), stdout=subprocess.DEVNULL).returncode != 0:
        raise Skipped("there is no less in the root filesystem")
    with shell_on_host(env={"J": " ".join(jail(options=("--env=TERM=xterm",)))}) as t:
        t.line("seq 100000 200000 | $J less")
        t.expect("100000\r\n.*:")
        t.send(" ")
        t.expect("100080.*:")
        # It may have looked for signals just before it waits for a key, and then waits.
        stopped = lambda: (t.send("\x1a"), t.read_for(0.2), b"Stopped" in t.buffer)[-1]
        eventually("it stops", stopped)
        prompt(t)
        t.line("fg")
        t.expect("100080")
        t.send("q")
        prompt(t)


@test
def interrupt_ends_the_pipeline():
    mark = new_mark()
    with shell_on_host() as t:
        t.line(f"sleep {mark} | $J sh -c 'echo RE\"\"ADY; {ASK}'")
        t.expect("READY")
        has_the_keys(t)
        t.send("\x03")
        prompt(t)
        equal("nothing left", [], processes(mark))
        t.line("echo A${PIPESTATUS[*]}Z")
        t.expect("A130 130Z")


@test
def interrupt_is_the_payloads_to_catch():
    with shell_on_host() as t:
        t.line("sleep 1000 | $J bash -c 'trap \"echo GOT\" INT; read b </dev/tty; read b </dev/tty; echo \"<$b>\"'")
        has_the_keys(t)
        t.send("\x03")
        t.expect("GOT\r\n")
        t.line("x")
        t.line("y")
        t.expect("<[xy]>")
        prompt(t)
        t.line("echo x | $J sh -c 'stty -isig -icanon min 1 </dev/tty; echo RE\"\"ADY; head -c1 </dev/tty | od -An -c'")
        t.expect("READY")
        t.send("\x03")
        t.expect("003")
        prompt(t)


@test
def stopped_and_continued():
    mark = new_mark()
    with shell_on_host() as t:
        for sig in (None, signal.SIGTSTP, signal.SIGSTOP):
            t.line(f"{{ seq 7; sleep {mark}; }} | {KEYS}")
            t.expect("KEYS\r\n")
            t.send("a")
            t.expect("<a>")
            # Between its fork and its exec bash has handlers, and forgets what it was told.
            eventually("its neighbour sleeps", lambda: sleepers(mark))
            if sig:
                os.killpg(t.foreground(), sig)
            else:
                t.send("\x1a")
            t.expect(r"Stopped")
            prompt(t)
            t.line("echo A$((1+1))Z")
            t.expect(r"\nA2Z\r\n")
            prompt(t)
            t.line("fg")
            has_the_keys(t)
            t.send("b")
            t.expect("<b>")
            t.send("\x03")
            prompt(t)
            equal("nothing left", [], processes(mark))


@test
def stopped_before_it_asks():
    # ^Z of the host's line discipline, later one of the jail's.
    with shell_on_host() as t:
        t.line(f"sleep 1000 | $J sh -c 'echo RE\"\"ADY; while [ ! -e go ]; do sleep 0.02; done; {ASK}'")
        t.expect("READY")
        t.send("\x1a")
        t.expect("Stopped")
        prompt(t)
        open("go", "w").close()
        t.line("fg")
        has_the_keys(t)
        t.send("\x1a")
        t.expect("Stopped")
        prompt(t)
        t.line("fg")
        has_the_keys(t)
        t.send("\x03")
        prompt(t)


@test
def in_the_background_it_stops_when_it_asks():
    with shell_on_host() as t:
        t.line(f"echo x | $J sh -c '{ASK}' &")
        prompt(t)
        eventually("stopped", lambda: (t.line("jobs"), t.read_for(0.2), b"Stopped" in t.everything)[2])
        t.line("echo A$((1+1))Z")
        t.expect(r"\nA2Z\r\n")
        prompt(t)
        t.line("fg")
        has_the_keys(t)
        t.line("hello")
        t.expect("<hello>")
        prompt(t)


@test
def what_nobody_asked_for_is_for_the_shell():
    with shell_on_host() as t:
        for source in ("echo x |", "</dev/null"):
            t.line(f"{source} $J sh -c 'echo RE\"\"ADY; while [ ! -e go ]; do sleep 0.02; done'")
            t.expect("READY")
            t.line("echo A$((1+1))Z")
            t.read_for(0.3)
            open("go", "w").close()
            t.expect(r"\nA2Z\r\n")
            prompt(t)
            os.unlink("go")


@test
def a_pager_of_the_host_keeps_the_keys():
    mark = new_mark()
    with open("pager.sh", "w") as file:
        file.write(open("keys.sh").read().replace("KE", "PA").replace("YS", "GER"))
    with shell_on_host() as t:
        for command in (f"echo x | $J sh -c 'cat; echo text >&2; sleep {mark}'", f"$J sh -c 'echo text; sleep {mark}'",
                        f"echo x | $J cat | $J sh -c 'cat; sleep {mark}'"):
            t.line(f"{command} | sh pager.sh")
            t.expect("PAGER")
            for key in "abcdefghij":
                t.send(key)
                t.expect(f"<{key}>")
            eventually("the payload is there to be interrupted", lambda: sleepers(mark))
            t.send("\x03")
            prompt(t)
            t.line("stty sane")
            prompt(t)


@test
def a_pager_in_a_jail_behind_a_jail():
    with shell_on_host() as t:
        t.line(f"$J sh -c 'seq 77; while [ ! -e go ]; do sleep 0.02; done; echo one >&2; echo two >&2' | {KEYS}")
        t.expect("KEYS")
        for key in "abcdefghij":
            t.send(key)
            t.expect(f"<{key}>")
        open("go", "w").close()
        t.expect("one\r\ntwo\r\n") # lines, also of a neighbour that knows nothing of it
        t.send("q")
        t.expect("END-77\r\n")
        prompt(t)


@test
def raw_output_stays_as_it_is():
    with Terminal(script("stty raw </dev/tty; printf 'BEGIN\\n\\r\\nx\\r\\r\\nEND\\n\\n'; head -c1 </dev/tty; "
                         "stty sane </dev/tty; printf 'a\\nb\\n'"), stdin=os.open("/dev/null", os.O_RDONLY)) as t:
        t.expect("END\n\n")
        t.send(".")
        equal("exit status", 0, t.finish())
        true("nothing added or taken", b"BEGIN\n\r\nx\r\r\nEND\n\n." in t.everything, shown(t.everything))
        true("then lines again", t.everything.endswith(b"a\r\nb\r\n"), shown(t.everything))
        t.same_modes()


def ended(end, status):
    read, write = os.pipe()
    mark = new_mark()
    with Terminal(script(f": {mark}; echo RE\"\"ADY; {ASK}; exit 3"), stdin=read) as t:
        t.expect("READY")
        has_the_keys(t)
        end(t, eventually("the payload is there", lambda: [p for p in processes(mark) if p != t.pid])[-1])
        got = t.finish()
        t.same_modes()
        equal("exit status", status, got)
    os.close(read)
    os.close(write)


@test
def however_it_ends_the_modes_are_as_they_were():
    ended(lambda t, _: t.line("x"), 3)
    ended(lambda t, _: t.send("\x04"), 3)
    ended(lambda t, _: t.send("\x03"), 130)
    ended(lambda t, pid: os.kill(pid, signal.SIGKILL), 137)
    ended(lambda t, _: os.kill(t.pid, signal.SIGTERM), 143)
    ended(lambda t, _: os.kill(children(t.pid)[0], signal.SIGKILL), 137)


@test
def a_hang_up_ends_it():
    read, write = os.pipe()
    mark = new_mark()
    with Terminal(script(f": {mark}; echo RE\"\"ADY; {ASK}"), stdin=read) as t:
        t.expect("READY")
        has_the_keys(t)
        t.hang_up()
        t.wait()
        eventually("nothing left", lambda: not processes(mark))
    os.close(read)
    os.close(write)


@test
def a_resize_while_it_has_the_keys():
    read, write = os.pipe()
    with Terminal(jail("perl", "-e", '$| = 1; open T, "</dev/tty"; $SIG{WINCH} = sub { print "A", `stty size </dev/tty` };'
                       ' print "READY\\n"; 1 until sysread T, $_, 1'), stdin=read) as t:
        t.expect("READY")
        has_the_keys(t)
        t.resize(33, 44)
        t.expect("A33 44")
    os.close(read)
    os.close(write)


@test
def another_sessions_terminal_is_not_read():
    # Its output goes to a terminal that is not the one of its session: there is nobody to ask whose the keys are.
    with Terminal(["sh", "-c", 'setsid "$@" & wait; echo ENDED', "sh", *script(f"echo RE\"\"ADY; {ASK}")],
                  stdin=os.open("/dev/null", os.O_RDONLY)) as t:
        t.expect("READY")
        t.line("hello")
        t.read_for(0.5)
        t.same_modes()
        true("not read", b"<" not in t.everything and b"ENDED" not in t.everything, shown(t.everything))


@test
def stderr_alone_and_write_only_are_enough():
    with shell_on_host() as t:
        for command in (f"echo x | $J sh -c 'read b </dev/tty; echo \"<$b>\" >&2' >/dev/null 2>/dev/tty",
                        f"$J sh -c '{ASK}' <&- 2>&1 >/dev/tty", f"echo x | $J sh -c '{ASK}' | cat"):
            t.line(command)
            has_the_keys(t)
            t.line("hello")
            t.expect(r"\n<hello>\r\n")
            prompt(t)


run()
