"""Closed, broken and half-open stdio."""
from pty_harness import *


def closing(*descriptors):
    def close():
        for fd in descriptors:
            os.close(fd)
    return close


@test
def closed_stdin():
    code, out, _ = completed(script("readlink /proc/self/fd/0; cat; echo end"), stdin=None, preexec_fn=closing(0))
    equal("an empty one", (0, b"/dev/null\nend\n"), (code, out))


@test
def everything_closed():
    process = subprocess.Popen(script("for fd in 0 1 2; do readlink /proc/self/fd/$fd; done >fds; ls /proc/self/fd >>fds; exit 4"),
                               preexec_fn=closing(0, 1, 2))
    equal("exit status", 4, status_of(process.wait(LONG)))
    equal("descriptors", ["/dev/null", "/dev/null"], [line for line in contents("fds").split() if line == "/dev/null"])


@test
def no_descriptor_arrives_by_accident():
    read, write = os.pipe()
    code, out, _ = completed(script("ls /proc/self/fd | tr '\\n' ' '"), pass_fds=(read, write))
    equal("stdio and what ls opens", (0, b"0 1 2 3 "), (code, out))
    os.close(read)
    os.close(write)


@test
def a_payload_that_closes_its_output_early():
    # Nobody else, ajail and init included, may hold it: the next one in a pipeline waits for the end.
    for closes in ("exec >&-", "exec >/dev/null"):
        process = subprocess.Popen(script(f"echo out; {closes}; read x; exit 5"), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        try:
            out, end = b"", time.monotonic() + 10
            while time.monotonic() < end:
                if select.select([process.stdout], [], [], 0.1)[0]:
                    data = os.read(process.stdout.fileno(), 4096)
                    out += data or b"END"
                    if not data:
                        break
            equal("all, up to its end", b"out\nEND", out)
            equal("still running", None, process.poll())
            process.stdin.write(b"go\n")
            process.stdin.close()
            equal("exit status", 5, status_of(process.wait(LONG)))
        finally:
            process.kill()
            process.wait()


@test
def a_reader_that_leaves():
    process = subprocess.Popen(jail("yes"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    process.stdout.read(1000)
    process.stdout.close()
    equal("SIGPIPE", 141, status_of(process.wait(LONG)))
    code, out, _ = completed(["bash", "-c", '"$@" | head -n 1; echo ${PIPESTATUS[0]}', "sh", *jail("yes")])
    equal("in a shell", (0, b"y\n141\n"), (code, out))


@test
def a_reader_that_was_never_there():
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(script("echo x; echo y >&2", options=()), stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    process.communicate(timeout=LONG)
    equal("SIGPIPE", 141, status_of(process.returncode))


@test
def the_status_block_into_a_broken_pipe():
    # What ajail itself has to say must not end it before the payload.
    read, write = os.pipe()
    os.close(read)
    argv = [AJAIL, "run", "--fs=deb", "--", "sh", "-c", "echo ran >ran; exit 6"]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=write)
    os.close(write)
    equal("exit status", 6, status_of(process.wait(LONG)))
    equal("the payload", "ran\n", contents("ran"))


@test
def a_pipe_is_not_kept_open_by_ajail():
    # The writer learns when the payload closes its stdin, though ajail and init live on.
    process = subprocess.Popen(script("exec <&-; touch closed; while [ ! -e end ]; do sleep 0.02; done; exit 3"),
                               stdin=subprocess.PIPE)
    eventually("the payload has closed it", lambda: os.path.exists("closed"))
    broken = False
    try:
        for _ in range(3):
            os.write(process.stdin.fileno(), b"x")
    except BrokenPipeError:
        broken = True
    open("end", "w").close()
    equal("exit status", 3, status_of(process.wait(LONG)))
    process.stdin = None
    true("a broken pipe", broken, "written, to nobody")


@test
def both_ways_at_once():
    data = os.urandom(1 << 20)
    process = subprocess.Popen(jail("cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(data, timeout=LONG)
    true("the same", out == data, len(out))
    equal("stderr", b"", err)


@test
def stdout_and_stderr_are_apart():
    equal("each its own", (0, b"out\n", b"err\n"), completed(script("echo out; echo err >&2")))


run()
