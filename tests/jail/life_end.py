"""When the payload ends, everything in the jail ends at once, and its exit status is ajail's."""
from pty_harness import *


@test
def exit_statuses():
    for code in (0, 1, 2, 42, 124, 125, 126, 127, 128, 129, 200, 254, 255):
        equal("exit status", code, completed(script(f"exit {code}"))[0])


@test
def deaths_by_signal():
    for sig in (signal.SIGHUP, signal.SIGINT, signal.SIGABRT, signal.SIGKILL, signal.SIGUSR1, signal.SIGSEGV,
                signal.SIGPIPE, signal.SIGALRM, signal.SIGTERM, signal.SIGRTMIN + 3):
        equal(f"after {sig}", 128 + sig, completed(script(f"ulimit -c 0; kill -{int(sig)} $$; sleep 10"))[0])


@test
def statuses_of_a_command_that_cannot_run():
    for command, code, word in ((["no-such-command"], 127, b"not found"), (["/no/such"], 127, b"no such file"),
                                (["/etc/passwd"], 126, b"cannot be executed"), (["/etc"], 126, b"cannot be executed")):
        got, out, err = completed(jail(*command))
        equal(f"exit status of {command}", code, got)
        equal("stdout", b"", out)
        true("a line that says why", re.fullmatch(rb"ajail: [^\n]*" + word + rb"[^\n]*\n", err), err)


def ends_with_the_payload(text, marks=1, status=5):
    """TEXT starts something with the name MARK that would live for a day."""
    become_subreaper()
    mark = new_mark()
    read, write = os.pipe()
    process = subprocess.Popen(script(text.replace("MARK", mark) + f"\nread x\nexit {status}"), stdin=read,
                               stderr=subprocess.PIPE)
    os.close(read)
    try:
        eventually("all of them run", lambda: len(sleepers(mark)) == marks)
        start = time.monotonic()
        os.write(write, b"go\n")
        equal("exit status", status, status_of(process.wait(LONG)))
        true("at once", time.monotonic() - start < 5, time.monotonic() - start)
        equal("left", [], processes(mark)) # not eventually: when ajail has ended, they have
        true("nobody at all is left", no_children())
    finally:
        os.close(write)
        process.kill()
        process.communicate()


@test
def background_children_end():
    ends_with_the_payload("sleep MARK & sleep MARK &", marks=2)


@test
def children_in_a_session_of_their_own_end():
    ends_with_the_payload("setsid sleep MARK & setsid setsid -f sleep MARK &", marks=2)


@test
def daemons_end():
    ends_with_the_payload("(setsid sh -c '(sleep MARK </dev/null >/dev/null 2>&1 &)' &)")


@test
def children_that_ignore_signals_end():
    ends_with_the_payload("(trap '' HUP INT TERM QUIT USR1 USR2 PIPE CHLD; exec setsid sleep MARK) &")


@test
def stopped_children_end():
    ends_with_the_payload("sleep MARK & while [ $(cat /proc/$!/comm) != sleep ]; do :; done; kill -STOP $!")


@test
def many_children_end():
    ends_with_the_payload("i=0; while [ $i -lt 100 ]; do setsid sleep MARK & i=$((i+1)); done", marks=100)


@test
def a_child_that_holds_the_output_does_not_keep_it():
    start = time.monotonic()
    code, out, _ = completed(script("setsid sleep 1000 & echo done"))
    equal("exit status and output", (0, b"done\n"), (code, out))
    true("at once", time.monotonic() - start < 10, time.monotonic() - start)


@test
def orphans_are_reaped():
    # Two levels of fork: the grandchildren are init's, and die.
    text = ("i=0; while [ $i -lt 200 ]; do (sh -c : & ) ; i=$((i+1)); done; n=1; tries=0; "
            "while [ $n != 0 ] && [ $tries -lt 200 ]; do sleep 0.05; tries=$((tries+1)); "
            "n=$(cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '); done; echo zombies=$n")
    code, out, err = completed(script(text), timeout=120)
    equal("zombies", b"zombies=0\n", out)
    equal("exit status", 0, code)
    equal("stderr", b"", err)


@test
def the_payload_keeps_its_own_children():
    # Init takes orphans only; whoever has a parent is waited for by that.
    code, out, _ = completed(script("sh -c 'exit 7' & p=$!; sleep 0.2; wait $p; echo $?"))
    equal("status of a child", (0, b"7\n"), (code, out))


@test
def the_payload_is_killed_from_outside():
    mark = new_mark()
    process = subprocess.Popen(jail("sleep", mark), stdin=subprocess.DEVNULL)
    eventually("it runs", lambda: sleepers(mark))
    (pid,) = sleepers(mark)
    os.kill(pid, signal.SIGKILL)
    equal("exit status", 137, status_of(process.wait(LONG)))


@test
def init_is_killed_from_outside():
    become_subreaper()
    mark = new_mark()
    process = subprocess.Popen(jail("sleep", mark), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    eventually("it runs", lambda: sleepers(mark))
    (init,) = children(process.pid)
    os.kill(init, signal.SIGKILL)
    _, err = process.communicate(timeout=LONG)
    equal("exit status", 137, status_of(process.returncode))
    eventually("nothing left", lambda: not processes(mark) and no_children())
    true("a line that says so", re.fullmatch(rb"ajail: [^\n]+\n", err), err)


@test
def init_does_not_listen_to_the_payload():
    code, out, _ = completed(script("for s in KILL STOP TERM INT HUP USR1 SEGV CHLD CONT; do kill -$s 1; done; "
                                    "sleep 0.1; echo alive; exit 6"))
    equal("alive", (6, b"alive\n"), (code, out))


@test
def a_fork_storm_ends():
    code, _, _ = completed(script("f() { while :; do sh -c : & done; }; for i in 1 2 3; do f 2>/dev/null & done; sleep 0.3; exit 3",
                                  options=("--no-net",)), timeout=120)
    equal("exit status", 3, code)


run()
