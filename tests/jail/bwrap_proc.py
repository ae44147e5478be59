"""As bwrap, by the machine's root: what protects the kernel's knobs stands in the procfs that was mounted, also where
somebody exchanges the directories above it meanwhile."""
# only: root
import ctypes
import threading
from pty_harness import *

RENAME_EXCHANGE = 2
RUNS = 150
libc = ctypes.CDLL(None, use_errno=True)


class Racer(threading.Thread):
    """Exchanges two names, over and over."""

    def __init__(self, one, other):
        super().__init__()
        self.names, self.ended = (one.encode(), other.encode()), False

    def run(self):
        while not self.ended:
            libc.renameat2(-100, self.names[0], -100, self.names[1], RENAME_EXCHANGE)


# Opened only, never written. One of the two is the procfs.
LOOK = """
for place in "$@"; do
    [ -e "$place/proc/self" ] || continue
    for knob in core_pattern hostname; do
        (exec 3>>"$place/proc/sys/kernel/$knob") 2>/dev/null && echo "$knob can be written"
    done
done
exit 0
"""


def looks(*arguments):
    command = [AJAIL, "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", *arguments]
    return completed([*command, "sh", "-c", LOOK, "sh", os.path.abspath("one"), os.path.abspath("other")])


@test
def the_knobs_are_read_only_wherever_the_procfs_is():
    os.makedirs("one/proc", exist_ok=True)
    os.makedirs("other/proc/sys", exist_ok=True)  # something to put in its place
    here = os.getcwd()
    for options in (["--unshare-pid"], []):
        for target in (here + "/one/proc", here + "/one/proc/"):
            equal(f"{options}, {target}", (0, b"", b""), looks("--bind", here, here, *options, "--proc", target))


@test
def also_while_somebody_exchanges_the_directory_above():
    os.makedirs("one/proc", exist_ok=True)
    os.makedirs("other/proc/sys", exist_ok=True)
    here = os.getcwd()
    racer = Racer(here + "/one", here + "/other")
    racer.start()
    try:
        for _ in range(RUNS):
            status, out, said = looks("--bind", here, here, "--unshare-pid", "--proc", here + "/one/proc")
            true("refused, or read-only", status == 1 or (status, out) == (0, b""), (status, out, said))
    finally:
        racer.ended = True
        racer.join()


run()
