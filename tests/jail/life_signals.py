"""Signals to ajail reach the payload, as if it had been started itself."""
from pty_harness import *

# Writes each signal's name to the file `log`; ends by `end`.
TRAPS = ("for s in INT TERM HUP QUIT USR1 USR2 CONT; do trap \"echo $s >>log\" $s; done; touch ready; "
         "while [ ! -e end ]; do sleep 0.02; done; exit 21")


class Started:
    """A jail without a terminal, in a directory of its own."""

    def __init__(self, argv, **kwargs):
        self.directory = f"run{new_mark()}"
        os.mkdir(self.directory)
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        kwargs.setdefault("stderr", subprocess.DEVNULL) # a shell says which of its children a signal has killed
        self.process = subprocess.Popen(argv, cwd=self.directory, **kwargs)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(LONG)

    def has(self, name):
        return lambda: os.path.exists(f"{self.directory}/{name}")

    def ready(self):
        eventually("the payload runs", self.has("ready"))
        return self

    def log(self):
        return contents(f"{self.directory}/log").split()

    def touch(self, name):
        open(f"{self.directory}/{name}", "w").close()

    def wait(self, timeout=LONG):
        return status_of(self.process.wait(timeout))


def pass_all(options=()):
    with Started(script(TRAPS, options=options)) as jail_:
        jail_.ready()
        told = []
        for name in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "CONT"):
            os.kill(jail_.pid, getattr(signal, "SIG" + name))
            told.append(name)
            eventually(f"{name} arrives", lambda: jail_.log() == told)
        jail_.touch("end")
        equal("exit status", 21, jail_.wait())


@test
def each_signal_reaches_the_payload():
    pass_all()
    pass_all(("--no-net",))


@test
def each_signal_reaches_a_payload_with_a_terminal():
    with Terminal(script("rm -f log ready end; " + TRAPS)) as t:
        eventually("the payload runs", lambda: os.path.exists("ready"))
        for name in ("TERM", "HUP", "USR1", "USR2", "INT", "QUIT"):
            os.kill(t.pid, getattr(signal, "SIG" + name))
            eventually(f"{name} arrives", lambda: contents("log").split()[-1:] == [name])
        open("end", "w").close()
        equal("exit status", 21, t.finish())
        equal("each once", 6, len(contents("log").split()))


@test
def signals_without_a_trap_end_it():
    for name in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2"):
        with Started(script("touch ready; exec sleep 1000")) as jail_:
            jail_.ready()
            # The payload is sleep by now, or still a shell that a signal ends likewise.
            os.kill(jail_.pid, getattr(signal, "SIG" + name))
            equal(f"exit status after {name}", 128 + getattr(signal, "SIG" + name), jail_.wait())


@test
def interrupt_reaches_the_children_too():
    # A terminal sends ^C to the whole foreground group, here the jail's.
    with Started(script("sh -c 'trap \"echo child >>log; exit\" INT; touch ready; while :; do sleep 0.02; done';"
                        "echo after >>log")) as jail_:
        jail_.ready()
        os.kill(jail_.pid, signal.SIGINT)
        eventually("the child has it", lambda: "child" in jail_.log())
        true("an end", jail_.wait() in (0, 130))


@test
def stopped_and_continued():
    mark = new_mark()
    with Started(script("touch ready; exec sleep " + mark)) as jail_:
        jail_.ready()
        os.kill(jail_.pid, signal.SIGSTOP)
        eventually("ajail is stopped", lambda: state(jail_.pid) == "T")
        os.kill(jail_.pid, signal.SIGCONT)
        eventually("ajail runs", lambda: state(jail_.pid) == "S")
        os.kill(jail_.pid, signal.SIGTERM)
        equal("exit status", 143, jail_.wait())


@test
def signals_sent_while_it_is_stopped_come_later():
    with Started(script(TRAPS)) as jail_:
        jail_.ready()
        os.kill(jail_.pid, signal.SIGSTOP)
        eventually("ajail is stopped", lambda: state(jail_.pid) == "T")
        os.kill(jail_.pid, signal.SIGUSR1)
        os.kill(jail_.pid, signal.SIGHUP)
        os.kill(jail_.pid, signal.SIGCONT)
        eventually("they arrive", lambda: {"USR1", "HUP", "CONT"} <= set(jail_.log()))
        jail_.touch("end")
        equal("exit status", 21, jail_.wait())


@test
def an_end_while_it_is_stopped():
    with Started(script("touch ready; while [ ! -e end ]; do sleep 0.02; done; exit 8")) as jail_:
        jail_.ready()
        os.kill(jail_.pid, signal.SIGSTOP)
        jail_.touch("end")
        eventually("the jail is gone", lambda: all(state(pid) == "Z" for pid in children(jail_.pid)))
        os.kill(jail_.pid, signal.SIGCONT)
        equal("exit status", 8, jail_.wait())


@test
def keyboard_stop_stops_the_payload():
    mark = new_mark()
    become_subreaper()
    # In a process group that is not orphaned, as a shell's job: its parent is in the session, in another group.
    with Started(jail("sleep", mark), process_group=0) as jail_:
        eventually("it runs", lambda: sleepers(mark))
        pids = processes(mark)
        for _ in range(3):
            os.kill(jail_.pid, signal.SIGTSTP)
            eventually("all of it is stopped", lambda: {state(pid) for pid in pids} == {"T"})
            os.kill(jail_.pid, signal.SIGCONT)
            eventually("all of it runs", lambda: {state(pid) for pid in pids} == {"S"})
        os.kill(jail_.pid, signal.SIGTERM)
        equal("exit status", 143, jail_.wait())


@test
def an_ignored_hangup_stays_ignored():
    mark = new_mark()
    with Started(["nohup", *script(f"trap '' USR1; grep SigIgn /proc/self/status >log; touch ready; exec sleep {mark}")]) as jail_:
        jail_.ready()
        os.kill(jail_.pid, signal.SIGHUP)
        ignored = int(jail_.log()[-1], 16)
        true("SIGHUP ignored in the payload", ignored & 1, hex(ignored))
        os.kill(jail_.pid, signal.SIGUSR1)
        os.kill(jail_.pid, signal.SIGTERM) # comes after the others, and is what ends it
        equal("exit status", 143, jail_.wait())


@test
def the_payload_starts_with_the_callers_mask_and_dispositions():
    with Started(script("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\n' >log"),
                 preexec_fn=lambda: (signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGUSR2}),
                                     signal.signal(signal.SIGALRM, signal.SIG_IGN))) as jail_:
        equal("exit status", 0, jail_.wait())
        blocked, ignored = (int(x, 16) for x in re.findall(r"\b[0-9a-f]{16}", contents(jail_.directory + "/log")))
        bit = lambda *signals: sum(1 << (s - 1) for s in signals)
        equal("blocked", bit(signal.SIGALRM, signal.SIGUSR2), blocked)
        equal("ignored", bit(signal.SIGALRM), ignored)


@test
def a_caller_that_ignores_its_children():
    with Started(script("(exit 3); echo $? >log; sh -c 'exit 4' & wait $!; echo $? >>log; exit 5"),
                 preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)) as jail_:
        equal("exit status", 5, jail_.wait())
        equal("inside", ["3", "4"], jail_.log())


@test
def a_storm_of_signals():
    with Started(script("n=0; trap 'n=$((n+1)); echo $n >log' USR1; trap 'exit 9' TERM; touch ready; "
                        "while :; do sleep 0.02; done")) as jail_:
        jail_.ready()
        for _ in range(1000):
            os.kill(jail_.pid, signal.SIGUSR1)
        eventually("some of them arrive", lambda: jail_.log())
        os.kill(jail_.pid, signal.SIGTERM) # not lost behind the others
        equal("exit status", 9, jail_.wait())


@test
def a_storm_of_signals_of_all_kinds():
    with Started(script(TRAPS)) as jail_:
        jail_.ready()
        sent = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
                signal.SIGCONT, signal.SIGWINCH]
        for _ in range(200):
            for sig in sent:
                os.kill(jail_.pid, sig)
        eventually("each arrives", lambda: len(set(jail_.log())) == 7)
        jail_.touch("end")
        equal("exit status", 21, jail_.wait())


def taken(pid):
    """No signal waits for PID: it has read them all."""
    return not int(re.search(r"ShdPnd:\s*(\w+)", contents(f"/proc/{pid}/status")).group(1), 16)


@test
def signals_that_come_too_late():
    # Both are made slow: some are on their way to init when the payload ends, and ajail looks only when init is gone.
    # The exit status must not be lost.
    with Started(script("trap '' USR1 USR2 HUP TERM; touch ready; read x; exit 21"), stdin=subprocess.PIPE,
                 preexec_fn=lambda: signal.signal(signal.SIGCONT, signal.SIG_IGN)) as jail_: # wakes it, but is no message
        jail_.ready()
        (init,) = children(jail_.pid)
        (payload,) = children(init)
        os.kill(init, signal.SIGSTOP)
        eventually("init is stopped", lambda: state(init) == "T")
        for sig in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGTERM):
            jail_.process.send_signal(sig)
        eventually("ajail has them", lambda: taken(jail_.pid))
        jail_.process.stdin.write(b"go\n")
        jail_.process.stdin.close()
        eventually("the payload has ended", lambda: state(payload) == "Z")
        os.kill(jail_.pid, signal.SIGSTOP)
        eventually("ajail is stopped", lambda: state(jail_.pid) == "T")
        os.kill(init, signal.SIGCONT)
        eventually("init has ended", lambda: state(init) == "Z")
        os.kill(jail_.pid, signal.SIGCONT)
        equal("exit status", 21, jail_.wait())


@test
def a_signal_during_set_up_ends_it():
    # At all times, also before there is a payload: the signal counts once it can, and nothing hangs.
    become_subreaper()
    for number in range(60):
        for sig in (signal.SIGTERM, signal.SIGINT):
            process = subprocess.Popen(jail("sleep", "1000"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            end = time.monotonic() + number * 0.0005
            while time.monotonic() < end:
                pass
            process.send_signal(sig)
            _, err = process.communicate(timeout=LONG)
            equal(f"exit status {number * 0.5} ms after the start", 128 + sig, status_of(process.returncode))
            equal("stderr", b"", err)
    eventually("nothing left", no_children)


run()
