"""ajail is killed, at any time: nothing of the jail survives, no process, no mount, no file."""
import random
from pty_harness import *


def files():
    """The names in the store, in the current directory, and the mounts that concern either."""
    # The note of a jail whose monitor was killed goes when the next one looks.
    subprocess.run([AJAIL, "ps"], stdout=subprocess.DEVNULL, check=True)
    found = set()
    for top in (os.environ["AJAIL_HOME"], "."):
        for directory, subdirectories, names in os.walk(top):
            found.update(os.path.join(directory, name) for name in subdirectories + names)
            if directory.count("/") >= top.count("/") + 3: # the top of each root filesystem, not all of it
                subdirectories.clear()
    with open("/proc/self/mounts") as mounts:
        found.update(line for line in mounts if os.environ["AJAIL_HOME"] in line or os.getcwd() in line)
    return found


@test
def killed_while_the_payload_runs():
    become_subreaper()
    mark = new_mark()
    before = files()
    process = subprocess.Popen(script(f"trap '' HUP TERM INT; setsid sleep {mark} & sleep {mark}"),
                               stdin=subprocess.DEVNULL)
    eventually("it runs", lambda: len(sleepers(mark)) == 2)
    process.kill()
    process.wait()
    eventually("nothing left", lambda: not processes(mark) and no_children(), timeout=2 + LONG / 3)
    equal("files and mounts", before, files())


@test
def killed_while_the_payload_has_a_terminal():
    become_subreaper()
    mark = new_mark()
    with Terminal(jail("sleep", mark)) as t:
        eventually("it runs", lambda: sleepers(mark))
        os.kill(t.pid, signal.SIGKILL)
        equal("status", 137, t.wait())
        eventually("nothing left", lambda: not processes(mark) and no_children(), timeout=2 + LONG / 3)


@test
def killed_while_it_is_stopped():
    become_subreaper()
    mark = new_mark()
    process = subprocess.Popen(jail("sleep", mark), stdin=subprocess.DEVNULL)
    eventually("it runs", lambda: sleepers(mark))
    process.send_signal(signal.SIGSTOP)
    process.kill()
    process.wait()
    eventually("nothing left", lambda: not processes(mark) and no_children(), timeout=2 + LONG / 3)


@test
def its_caller_is_killed():
    # Nobody tells ajail; it goes on, as every program whose parent has died. Its own end is still clean.
    become_subreaper()
    mark = new_mark()
    caller = subprocess.Popen(["sh", "-c", '"$@"; :', "sh", *jail("sleep", mark)], stdin=subprocess.DEVNULL)
    eventually("it runs", lambda: sleepers(mark))
    (ajail,) = children(caller.pid)
    caller.kill()
    caller.wait()
    os.kill(ajail, signal.SIGKILL)
    eventually("nothing left", lambda: not processes(mark) and no_children(), timeout=2 + LONG / 3)


def killed_at(delays, options=(), **kwargs):
    become_subreaper()
    before = files()
    for delay in delays:
        mark = new_mark()
        process = subprocess.Popen(jail("sleep", mark, options=options), stdin=subprocess.DEVNULL, **kwargs)
        end = time.monotonic() + delay
        while time.monotonic() < end:
            pass # sleep() is too coarse
        process.kill()
        process.wait()
        try:
            eventually("nothing left", no_children, timeout=LONG / 3)
        except Failed:
            left = [contents(f"/proc/{pid}/comm").strip() + " " + state(pid) + " " + contents(f"/proc/{pid}/wchan")
                    for pid in children(os.getpid())]
            for pid in children(os.getpid()):
                os.kill(pid, signal.SIGKILL)
            raise Failed(f"nobody left, killed {delay * 1000:.2f} ms after the start", left) from None
        equal("processes", [], processes(mark))
    equal("files and mounts", before, files())


@test
def killed_at_random_times():
    killed_at([random.uniform(0, 0.03) for _ in range(300)])


@test
def killed_at_random_times_of_the_set_up():
    killed_at([random.uniform(0, 0.010) for _ in range(640)], ("--no-net",))


@test
def killed_at_random_times_on_a_terminal():
    become_subreaper()
    before = files()
    for _ in range(60):
        mark = new_mark()
        with Terminal(jail("sleep", mark)) as t:
            time.sleep(random.uniform(0, 0.02))
            os.kill(t.pid, signal.SIGKILL)
            t.wait()
            eventually("nothing left", no_children, timeout=LONG / 3)
            equal("processes", [], processes(mark))
    equal("files and mounts", before, files())


run()
