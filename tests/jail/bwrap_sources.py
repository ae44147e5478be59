"""As bwrap: a bind source that somebody replaces meanwhile is what was named, or an error; never something else."""
import ctypes
import threading
from pty_harness import *

RENAME_EXCHANGE = 2
with open(AJAIL, "rb") as binary:
    TIMES = 15 if b"__asan_init" in binary.read() else 150
libc = ctypes.CDLL(None, use_errno=True)
ROOT = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
        "--symlink", "usr/lib64", "/lib64"]


def bwrap(*arguments, **options):
    return subprocess.run([os.environ["AJAIL"], "bwrap", *ROOT, *arguments], capture_output=True, text=True, **options)


def exchange(one, other):
    libc.renameat2(-100, one.encode(), -100, other.encode(), RENAME_EXCHANGE)


class Racer(threading.Thread):
    """Exchanges two names, over and over."""

    def __init__(self, one, other):
        super().__init__()
        self.names, self.ended = (one, other), False

    def run(self):
        while not self.ended:
            exchange(*self.names)

    def __exit__(self, *_):
        self.ended = True
        self.join()

    def __enter__(self):
        self.start()


def make(name, content):
    os.mkdir(name)
    with open(name + "/is", "w") as file:
        file.write(content)


@test
def by_descriptor_what_the_descriptor_is():
    make("meant", "meant")
    make("other", "other")
    fd = os.open("meant", os.O_PATH)
    seen = set()
    with Racer("meant", "other"):
        for _ in range(TIMES):
            done = bwrap("--bind-fd", str(fd), "/x", "cat", "/x/is", pass_fds=[fd])
            seen.add(done.stdout if done.returncode == 0 else "error")
    os.close(fd)
    equal("what was seen, errors aside", {"meant"}, seen - {"error"})


@test
def a_moved_one_is_still_that_one():
    make("before", "moved")
    fd = os.open("before", os.O_PATH)
    os.rename("before", "after")
    make("before", "another")
    equal("it", "moved", bwrap("--ro-bind-fd", str(fd), "/x", "cat", "/x/is", pass_fds=[fd]).stdout)
    os.close(fd)


@test
def a_path_is_never_followed_anew():
    # Directory and symlink take turns at the name; once it was found to be a directory, the link is not followed.
    make("dir", "directory")
    make("secret", "secret")
    os.symlink(os.path.abspath("secret"), "link")
    os.mkdir("box")
    os.rename("dir", "box/name")
    os.rename("link", "box/link")
    results = {}
    with Racer("box/name", "box/link"):
        for _ in range(TIMES):
            done = bwrap("--ro-bind", "box/name", "/x", "cat", "/x/is")
            key = done.stdout if done.returncode == 0 else done.stderr.split(":")[-1].strip()
            results[key] = results.get(key, 0) + 1
    # Seen as a link it is followed: that is what was named then.
    allowed = {"directory", "secret", "Too many levels of symbolic links", "No such file or directory"}
    equal("nothing else was seen", set(), set(results) - allowed)


@test
def what_was_a_file_must_be_one():
    make("d", "x")
    with open("f", "w") as file:
        file.write("file")
    results = set()
    with Racer("d", "f"):
        for _ in range(TIMES):
            done = bwrap("--ro-bind", "f", "/x", "sh", "-c", "test -f /x && echo file || echo directory")
            results.add(done.stdout.strip() if done.returncode == 0 else "error")
    true("file, directory or an error", results <= {"file", "directory", "error"}, results)


run()
