"""As bwrap: whoever dies while a jail is set up, nobody waits for ever; and with --die-with-parent nobody survives."""
import json
import random
import struct
from pty_harness import *

ROOT = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]


def bwrap(*arguments):
    return [os.environ["AJAIL"], "bwrap", *ROOT, *arguments]


@test
def killed_at_any_moment_of_the_setup():
    become_subreaper()
    for options in (["--unshare-all"], ["--unshare-all", "--die-with-parent"], ["--die-with-parent"]):
        for _ in range(60):
            process = subprocess.Popen(bwrap(*options, "true"), stdin=subprocess.DEVNULL)
            time.sleep(random.random() * 0.008)
            process.kill()
            process.wait()
        eventually(f"{options}: nobody waits", no_children)


def ignores_sigpipe(pid):
    """It has got as far as that: it knows who its parent is."""
    for line in contents(f"/proc/{pid}/status").splitlines():
        if line.startswith("SigIgn:"):
            return int(line.split()[1], 16) >> (signal.SIGPIPE - 1) & 1 == 1
    return False


@test
def with_die_with_parent_nothing_survives_the_caller():
    become_subreaper()
    for options in (["--unshare-pid"], []):
        mark = new_mark()
        for _ in range(40):
            # The caller is killed, not bwrap itself, at any moment from bwrap's first steps on.
            command = bwrap("--die-with-parent", *options, "sleep", mark)
            caller = subprocess.Popen(["sh", "-c", 'exec 3>&1; "$@" >&3 & echo $!; wait', "sh", *command],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            pid = int(caller.stdout.readline())
            while not ignores_sigpipe(pid):
                pass
            time.sleep(random.random() * 0.008)
            caller.kill()
            caller.wait()
            caller.stdout.close()
        eventually(f"{options}: nothing left", lambda: not sleepers(mark) and no_children())


@test
def the_reader_of_the_info_is_gone():
    reader, writer = os.pipe()
    os.close(reader)
    status, _, said = completed(bwrap("--info-fd", str(writer), "sleep", "100"), pass_fds=[writer])
    os.close(writer)
    equal("status", 1, status)
    true("said", said.startswith(b"bwrap: "), said)


@test
def nobody_writes_the_id_maps():
    info_reader, info_writer = os.pipe()
    reader, writer = os.pipe()
    os.close(writer)  # end of file is no word that the maps are there
    status, _, said = completed(bwrap("--unshare-user", "--userns-block-fd", str(reader), "--info-fd", str(info_writer), "true"),
                               pass_fds=[reader, info_writer])
    for fd in (info_reader, info_writer, reader):
        os.close(fd)
    equal("status", 1, status)
    true("said", b"id map" in said, said)


@test
def the_info_ends_before_the_id_maps_are_there():
    # As the example that comes with bubblewrap does: reads the info to its end, then writes the maps.
    for option in ([], ["--unshare-pid"]):
        info_reader, info_writer = os.pipe()
        reader, writer = os.pipe()
        process = subprocess.Popen(bwrap("--unshare-user", *option, "--userns-block-fd", str(reader), "--info-fd", str(info_writer),
                                         "cat", "/proc/self/uid_map"),
                                   stdout=subprocess.PIPE, pass_fds=[reader, info_writer])
        os.close(reader)
        os.close(info_writer)
        text = b""
        while select.select([info_reader], [], [], 10)[0]:
            part = os.read(info_reader, 4096)
            text += part
            if not part:
                break
        else:
            process.kill()
            true("the end of the info", False)
            continue
        for name, line in (("setgroups", "deny"), ("uid_map", f"7 {os.getuid()} 1"), ("gid_map", f"7 {os.getgid()} 1")):
            with open(f"/proc/{json.loads(text)['child-pid']}/{name}", "w") as file:
                file.write(line)
        os.write(writer, b"1")
        equal("the maps", f"7 {os.getuid()} 1", " ".join(process.communicate()[0].decode().split()))
        equal("status", 0, process.returncode)
        os.close(writer)
        os.close(info_reader)


@test
def a_background_process_may_go_on():
    become_subreaper()
    mark = new_mark()
    status, _, said = completed(bwrap("--unshare-pid", "sh", "-c", f"sleep {mark} >/dev/null 2>&1 </dev/null & exit 3"))
    equal("status", 3, status)
    equal("it goes on", 1, len(sleepers(mark)))
    for pid in sleepers(mark):
        os.kill(pid, signal.SIGKILL)
    eventually("and its reaper ends with it", no_children)


def written_filter(*instructions):
    """The path of a file with a seccomp program."""
    with open("filter", "wb") as file:
        file.write(b"".join(struct.pack("HBBI", *instruction) for instruction in instructions))
    return "filter"


NUMBER = (0x20, 0, 0, 0)  # of the system call
ALLOW = (0x06, 0, 0, 0x7FFF0000)


def refuse(error):
    return (0x06, 0, 0, 0x00050000 | error)


def filtered(path, *arguments):
    with open(path, "rb") as file:
        return completed(bwrap("--seccomp", str(file.fileno()), *arguments), pass_fds=[file.fileno()])


@test
def a_filter_for_the_payload_does_not_keep_the_end_from_being_told():
    not_sanitized("do more at the end of a process")
    # All but what a shell needs to exit is refused: the reaper, under the same filter, still tells.
    allow = [0, 1, 2, 3, 5, 9, 10, 11, 12, 13, 14, 16, 17, 21, 59, 61, 60, 231, 158, 218, 334, 257, 262, 273, 302, 318,
             157, 63, 79, 102, 104, 107, 108, 110, 111, 39]
    if os.uname().machine == "aarch64":
        allow = [17, 29, 48, 56, 57, 62, 63, 64, 78, 79, 80, 93, 94, 96, 99, 134, 135, 160, 167, 172, 173, 174, 175, 176,
                 177, 214, 215, 221, 222, 226, 260, 261, 278, 293, 439]
    program = [NUMBER]
    for number in allow:
        program += [(0x15, 0, 1, number), ALLOW]
    path = written_filter(*program, refuse(errno.ENOSYS))
    equal("status", 7, filtered(path, "--unshare-pid", "sh", "-c", "exit 7")[0])


@test
def a_filter_does_not_keep_the_payload_from_being_started():
    # Between the reaper's filter and the payload's exec nobody waits for a system call that the filter may refuse.
    close = 3
    path = written_filter(NUMBER, (0x15, 0, 1, close), refuse(errno.EPERM), ALLOW)
    for options in (["--unshare-pid"], ["--lock-file", "/etc/passwd"], []):
        # The shell cannot close, either, and may say so.
        status, _, said = filtered(path, *options, "sh", "-c", "exit 7")
        true(f"{options}: it was started", status in (7, 127) and b"bwrap:" not in said, (status, said))


@test
def a_filter_that_refuses_close_does_not_keep_us_waiting_for_the_others():
    mark = new_mark()
    # close(2) of what is above 3: that one the dynamic linker needs.
    path = written_filter(NUMBER, (0x15, 0, 2, 3), (0x20, 0, 0, 16), (0x35, 1, 0, 4), ALLOW, refuse(errno.EPERM))
    begin = time.monotonic()
    status, _, said = filtered(path, "--unshare-pid", "sh", "-c", f"sleep {mark} >/dev/null 2>&1 </dev/null & exit 7")
    true("the status, at once", status == 7 and time.monotonic() - begin < 30, (status, said))
    equal("it goes on", 1, len(sleepers(mark)))
    for pid in sleepers(mark):
        os.kill(pid, signal.SIGKILL)
    eventually("nobody is left", no_children)


@test
def a_filter_that_is_too_long_is_not_cut_off():
    # The kernel is told the length in 16 bits: of 65,537 instructions it would see the first.
    path = written_filter(ALLOW, *[refuse(errno.EPERM)] * 65536)
    for options in (["--unshare-pid"], []):
        status, out, said = filtered(path, *options, "echo", "runs")
        equal(f"{options}: status and output", (1, b""), (status, out))
        true("said", b"bwrap: Unable to set up system call filtering as requested" in said, said)


@test
def stdio_that_was_for_us_is_not_taken_by_a_lock():
    open("lock", "w").close()
    lock = os.path.abspath("lock")
    try_it = f"import fcntl; fcntl.lockf(open({lock!r}, 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    for options in (["--unshare-pid"], []):
        status, _, said = completed(bwrap("--bind", os.getcwd(), os.getcwd(), *options, "--block-fd", "0", "--lock-file",
                                          lock, sys.executable, "-c", try_it))
        true(f"{options}: locked", status == 1 and b"BlockingIOError" in said, (status, said))


@test
def all_of_stdio_may_be_for_us():
    options = ["--unshare-pid", "--block-fd", "0", "--info-fd", "1", "--json-status-fd", "2"]
    status, out, said = completed(bwrap(*options, "sh", "-c", "exit 7"))
    equal("status", 7, status)
    true("what is told", out.startswith(b"{") and said.endswith(b'{ "exit-code": 7 }\n'), (out, said))


@test
def what_is_taken_out_of_the_environment_is_not_in_the_reapers_memory():
    not_sanitized("have too much memory to look through")
    # The payload may trace the reaper, and read it.
    look = """
import re, sys
found = False
for line in open("/proc/1/maps"):
    start, end = (int(number, 16) for number in line.split()[0].split("-"))
    try:
        with open("/proc/1/mem", "rb", 0) as memory:
            memory.seek(start)
            found = found or sys.argv[1][::-1].encode() in memory.read(end - start)
    except (OSError, OverflowError):
        pass
print(found)
"""
    mark = "this is what to look for"
    environment = {**os.environ, "KEPT_FROM_IT": "x" * 64 + mark}
    path = ["--setenv", "PATH", os.environ["PATH"]]
    for options, there in (([], True), (["--unsetenv", "KEPT_FROM_IT"], False), (["--clearenv", *path], False),
                           (["--setenv", "KEPT_FROM_IT", "nothing"], False)):
        command = bwrap("--unshare-pid", *options, sys.executable, "-c", look, mark[::-1])
        status, out, said = completed(command, env=environment)
        equal(f"{options}: status and whether it is there", (0, f"{there}\n".encode()), (status, out))


run()
