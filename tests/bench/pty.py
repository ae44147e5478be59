"""pty.py COMMAND...: the seconds that a command's output takes through the terminal that it runs on, from the first byte
to the last. `pty.py -w MEGABYTES` is such a command: it writes so much text, in lines of 80."""
import fcntl
import os
import sys
import termios
import time

LINES = (b"x" * 79 + b"\n") * 819
if sys.argv[1] == "-w":
    for _ in range(int(sys.argv[2]) * 1000000 // len(LINES)):
        left = LINES
        while left:
            left = left[os.write(1, left):]
    sys.exit()
master, slave = os.openpty()
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)
    os.closerange(3, 256)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(slave)
begin = end = size = 0
while True:
    try:
        size += len(os.read(master, 65536))
    except OSError: # EIO: nobody has it open any more
        break
    end = time.monotonic()
    begin = begin or end
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
if status != 0 or size < 1000000:
    sys.exit(f"the command ended with {status}, after {size} bytes")
print(end - begin)
