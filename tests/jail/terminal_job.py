"""A jail as a job of the caller's interactive shell: stopped, continued, in the background, killed."""
from pty_harness import *

# A payload that shows its input byte by byte and says when it begins.
ECHOER = ("stty raw -echo; trap \"stty sane\" EXIT; echo RE\"\"ADY; "
          "while IFS= read -rn1 c && [ \"$c\" != q ]; do printf \"<%s>\" \"$c\"; done")


def start_echoer(t):
    t.line(f"$J bash -c '{ECHOER}'")
    t.expect("READY")
    eventually("raw while the jail runs", t.is_raw)


@test
def a_stopped_payload_stops_as_a_job():
    mark = new_mark()
    with shell_on_host() as t:
        t.line(f"$J sleep {mark}")
        eventually("the jail runs and has the keys", lambda: sleepers(mark) and t.is_raw())
        t.send("\x1a")
        t.expect(r"\[1\]\+  Stopped")
        t.expect(HOST_PROMPT)
        pids = processes(mark)
        equal("all of it is stopped", ["T"], sorted({state(pid) for pid in pids}))
        # What the shell gives to its next program, not what readline makes of it at the prompt.
        t.line("stty -a | tr -s ' ;' '\\n\\n' | grep -xE -- '-?(icanon|echo|isig|opost|icrnl)' | sort | tr '\\n' .; echo Z")
        t.expect(r"\necho\.icanon\.icrnl\.isig\.opost\.Z")
        t.line("fg")
        eventually("raw again", t.is_raw)
        eventually("the payload runs again", lambda: {state(pid) for pid in pids} == {"S"})
        t.send("\x03")
        t.expect(HOST_PROMPT)
        t.line("echo A$?Z")
        t.expect(r"\nA130Z")
        equal("nothing left", [], processes(mark))


@test
def cat_goes_on_with_its_input():
    with shell_on_host() as t:
        t.line("$J cat")
        eventually("raw", t.is_raw)
        t.line("one")
        t.expect("one\r\none\r\n")
        for round_ in range(3):
            t.send("\x1a")
            t.expect("Stopped")
            t.expect(HOST_PROMPT)
            t.line("fg")
            eventually("raw again", t.is_raw)
            t.line(f"more{round_}")
            t.expect(f"more{round_}\r\nmore{round_}\r\n")
        t.send("\x04")
        t.expect(HOST_PROMPT)


@test
def a_full_screen_program_gets_its_modes_back():
    with shell_on_host(env={"TERM": "xterm"}) as t:
        t.line("seq 1 500 >numbers; $J less numbers")
        t.expect(r"[\r\n]1\r\n.*numbers")
        time.sleep(0.5) # less takes note of a ^Z between its prompt and its read, but only at the next key
        t.send("\x1a")
        t.expect("Stopped")
        t.expect(r"HOST> (\x1b\[\?2004h)?$")
        t.line("fg")
        eventually("raw again", t.is_raw)
        t.send("G")
        t.expect(r"\n500\r\n")
        t.send("q")
        t.expect(r"HOST> (\x1b\[\?2004h)?$")
        t.line("echo A$?Z")
        t.expect(r"[\r\n]A0Z")


@test
def in_the_background_it_takes_no_keys():
    mark = new_mark()
    with shell_on_host() as t:
        t.line(f"$J sleep {mark}")
        eventually("the jail runs and has the keys", lambda: sleepers(mark) and t.is_raw())
        t.send("\x1a")
        t.expect("Stopped")
        t.expect(HOST_PROMPT)
        t.line("bg")
        t.expect(HOST_PROMPT)
        eventually("all of it runs", lambda: {state(pid) for pid in processes(mark)} == {"S"})
        for number in range(20):
            t.line(f"echo A$(({number}+1))Z")
            t.expect(rf"\nA{number + 1}Z")
            t.expect(HOST_PROMPT)
        equal("stopped ones", set(), {state(pid) for pid in processes(mark)} & {"T", "t"})
        t.line("fg") # of a job that runs: no signal tells it
        eventually("raw again", t.is_raw)
        t.send("\x03")
        t.expect(HOST_PROMPT)
        equal("nothing left", [], processes(mark))


@test
def a_job_started_in_the_background_is_not_stopped():
    with shell_on_host() as t:
        os.mkfifo("go")
        t.line("$J sh -c 'read x <go; echo OUT\"\"PUT' &")
        t.expect(HOST_PROMPT)
        t.line("echo 1 >go; wait; echo A$((1+1))Z")
        t.expect("OUTPUT")
        t.expect(r"\nA2Z")
        true("not stopped", b"Stopped" not in t.everything, shown(t.everything))


@test
def a_job_started_in_the_background_has_ordinary_modes():
    # The shell's line editor has the terminal raw when such a job starts. The job must not inherit that.
    with shell_on_host() as t:
        os.mkfifo("go2")
        t.line("$J sh -c 'touch started; read x <go2; stty -a >modes; cat; exit 3' &")
        t.expect(HOST_PROMPT)
        eventually("the job runs, and the shell reads keys",
                   lambda: os.path.exists("started") and not t.modes()["icanon"])
        t.line("echo 1 >go2")
        t.expect(HOST_PROMPT)
        modes = eventually("modes are told", lambda: contents("modes"))
        for mode in ("icanon", "echo", "icrnl", "isig"):
            true(f"{mode} is on in the jail", re.search(rf"(^|[\s;]){mode}\b", modes), modes)
        t.line("fg")
        eventually("raw", t.is_raw)
        t.line("hello")
        t.expect("hello\r\nhello\r\n")
        t.send("\x04")
        t.expect(HOST_PROMPT)
        t.line("echo A$?Z")
        t.expect(r"\nA3Z")


@test
def a_stopped_job_can_be_killed():
    mark = new_mark()
    with shell_on_host() as t:
        t.line(f"$J sleep {mark}")
        eventually("the jail runs and has the keys", lambda: sleepers(mark) and t.is_raw())
        t.send("\x1a")
        t.expect("Stopped")
        t.expect(HOST_PROMPT)
        t.line("kill %1")
        # One that is about to end has no arguments any more, and the shell does not know yet: not before it has reaped.
        eventually("nothing left", lambda: not processes(mark) and not children(t.pid), timeout=5)
        t.line("jobs")
        t.expect(r"Terminated|Exit 143") # told here, or before the prompt


@test
def stopped_from_outside_and_continued():
    # SIGSTOP cannot be seen coming: the shell puts its own modes back, and ajail has to notice when it wakes.
    for sig, name in ((signal.SIGSTOP, "SIGSTOP"), (signal.SIGTSTP, "SIGTSTP")):
        with shell_on_host() as t:
            start_echoer(t)
            os.kill(t.foreground(), sig)
            t.expect("Stopped")
            t.expect(HOST_PROMPT)
            t.line("fg")
            eventually(f"raw again after {name}", t.is_raw)
            t.send("ab")
            t.expect("<a><b>")
            t.send("q")
            t.expect(HOST_PROMPT)
            true("not stopped twice", t.everything.count(b"Stopped") == 1, shown(t.everything))


@test
def a_stop_from_outside_stops_the_payload():
    mark = new_mark()
    with shell_on_host() as t:
        t.line(f"$J sleep {mark}")
        eventually("the jail runs and has the keys", lambda: sleepers(mark) and t.is_raw())
        os.kill(t.foreground(), signal.SIGTSTP)
        t.expect("Stopped")
        eventually("all of it is stopped", lambda: {state(pid) for pid in processes(mark)} == {"T"})
        t.expect(HOST_PROMPT)
        t.line("fg")
        eventually("all of it runs, in the foreground",
                   lambda: {state(pid) for pid in processes(mark)} == {"S"} and t.is_raw())
        t.send("\x03")
        t.expect(HOST_PROMPT)


@test
def afterwards_the_shell_reads_at_once():
    with shell_on_host() as t:
        for number in range(15):
            t.line("$J true; echo RE\"\"ADY; read x; echo \"<$x>\"")
            t.expect("READY") # keys typed before went to the jail, whose terminal it was
            t.line(f"typed{number}")
            t.expect(f"<typed{number}>")
            t.expect(HOST_PROMPT)
        true("never stopped", b"Stopped" not in t.everything, shown(t.everything))
        true("never reset", b"Input/output" not in t.everything, shown(t.everything))


@test
def interrupt_in_a_script_ends_both():
    # Same process group as the script's shell, which waits and then ends itself by SIGINT: only if its child did.
    mark = new_mark()
    with open("script.sh", "w") as file:
        file.write(f"$J sleep {mark}\necho after-$?\n")
    with shell_on_host() as t:
        t.line("sh script.sh")
        eventually("the jail runs and has the keys", lambda: sleepers(mark) and t.is_raw())
        t.send("\x03")
        t.expect("after-130")
        t.expect(HOST_PROMPT)
        equal("nothing left", [], processes(mark))
        true("the terminal as it was", not t.modes()["icanon"] or t.is_sane(), t.modes())


@test
def a_stop_in_a_script_stops_both():
    mark = new_mark()
    with open("script.sh", "w") as file:
        file.write(f"$J sleep {mark}\necho after-$?\n")
    with shell_on_host() as t:
        t.line("sh script.sh")
        eventually("the jail runs and has the keys", lambda: sleepers(mark) and t.is_raw())
        t.send("\x1a")
        t.expect(r"Stopped +sh script.sh")
        t.expect(HOST_PROMPT)
        t.line("fg")
        eventually("raw again", t.is_raw)
        t.send("\x03")
        t.expect("after-130")
        t.expect(HOST_PROMPT)


@test
def interrupt_before_there_is_a_payload():
    # Typed while the jail is built, when nothing is raw yet.
    with shell_on_host() as t:
        for _ in range(5):
            t.line("$J sleep 1000")
            t.send("\x03")
            end = time.monotonic() + LONG
            while True: # once more if it came before the shell had started anything, which it then still does
                try:
                    t.expect(HOST_PROMPT, timeout=0.3)
                    break
                except Failed:
                    true("an end by ^C", time.monotonic() < end, shown(t.buffer))
                    t.send("\x03")


@test
def nobody_to_wake_it():
    # Without a shell above, ^Z must not stop it for good: the process group is orphaned.
    with Terminal(script("echo RE\"\"ADY; read x; echo \"<$x>\"; exit 4")) as t:
        t.expect("READY")
        t.send("\x1a")
        t.expect(r"\^Z")
        t.line("hello")
        t.expect("<hello>")
        equal("exit status", 4, t.finish())


@test
def time_is_up_while_stopped():
    mark = new_mark()
    with shell_on_host(env={"J": " ".join(jail(options=("--timeout=2",)))}) as t:
        t.line(f"$J bash -c 'setsid sleep {mark} & while :; do kill -STOP $$; done'")
        t.expect("Stopped")
        t.expect(HOST_PROMPT)
        eventually("it goes on behind its back", lambda: sleepers(mark))
        eventually("is ended, unasked", lambda: not sleepers(mark), timeout=40)
        t.line("fg")
        t.expect(r"the time is up: 2 s")
        t.expect(HOST_PROMPT)
        t.line("echo A$?Z")
        t.expect(r"\nA124Z")


@test
def inside_script():
    with Terminal(["script", "-qec", " ".join(jail("bash", "--norc", "--noprofile", "-i", options=(
            "--env=PS1=JAIL\\>", "--env=INPUTRC=/dev/null"))), "/dev/null"]) as t:
        t.expect(r"JAIL>")
        t.line("tty; echo A$((1+1))Z")
        t.expect(r"/dev/pts/0\r\n")
        t.expect(r"A2Z")
        t.line("echo RE\"\"ADY; cat")
        t.expect("READY")
        t.line("hello")
        t.expect("hello\r+\nhello")
        t.send("\x03")
        t.expect(r"JAIL>")
        t.line("exit 6")
        equal("exit status", 6, t.finish())


run()
