"""Many jails at once, and one in another's way."""
from pty_harness import *

COUNT = 20


@test
def twenty_at_once():
    become_subreaper()
    running = [(n, subprocess.Popen(script(f"echo $(hostname) >/tmp/x; echo {n}; cat /proc/1/comm; read x; exit {n + 50}"),
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
               for n in range(COUNT)]
    for number, process in running: # all of them live before the first may end
        equal("first line", b"%d\n" % number, process.stdout.readline())
    for number, process in running:
        process.stdin.write(b"go\n")
        process.stdin.close()
        equal("the rest", (b"ajail-init\n", b""), (process.stdout.read(), process.stderr.read()))
        equal("exit status", number + 50, process.wait(LONG))
    true("nobody is left", no_children())


@test
def twenty_on_terminals():
    terminals = [Terminal(script(f"read x; echo \"<$x-{n}-$(tty)>\"; exit {n}")) for n in range(COUNT)]
    try:
        for number, t in enumerate(terminals):
            t.line(f"line{number}")
        for number, t in enumerate(terminals):
            t.expect(f"<line{number}-{number}-/dev/pts/0>")
            equal("exit status", number, t.finish())
            true("the terminal as it was", t.is_sane(), t.modes())
    finally:
        for t in terminals:
            t.close()


@test
def one_after_another():
    become_subreaper()
    for number in range(60):
        equal("exit status", number, completed(script(f"exit {number}"))[0])
    true("nobody is left", no_children())


@test
def a_jail_does_not_see_another():
    mark = new_mark()
    process = subprocess.Popen(jail("sleep", mark), stdin=subprocess.DEVNULL)
    eventually("it runs", lambda: sleepers(mark))
    code, out, _ = completed(script("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c '^1[0-9]*[.][0-9]*$'; kill -9 -1; echo alive"))
    process_state = process.poll()
    process.kill()
    process.wait()
    equal("processes of the other", (0, b"0\nalive\n"), (code, out))
    equal("the other lives", None, process_state)


run()
