#!/usr/bin/env python3
"""tour.py [--update] PAGE HOME AJAIL KEPT NAME: see tests/tour, which calls it.

In a page, `…` stands for anything within a line, and a line `…` for any number of lines. What else may differ from run
to run is in DIFFERS. A command goes on in the next line as long as the shell would ask for more.
"""
import difflib
import os
import pwd
import re
import shutil
import subprocess
import sys
import time

INDENT = "    "
YOU = "/home/you"
TOKEN = "the-command-has-ended"
SETTLE = 2.0  # a jail in the background has started by then, as with somebody who types the next command

# What differs from run to run and from machine to machine. On a page stands what one run printed.
DIFFERS = [
    (r"\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?Z?", "TIME"),
    (r"^( *\S+ +)\d+( +TIME)", r"\1PID\2"),  # ajail ps
    (r"^mount\[\d+\]", "mount[N]"),
    (r"\b[0-9a-f]{7,40}\b", "HASH"),  # of commits; and what makes a name a new one
    (r"\b\d+ blocked, \d+ allowed on purpose, \d+ skipped", "N blocked"),  # by the kernel
    (r"\b\d+(\.\d+)?[KMG]\b", "SIZE"),
    (r"\bPostgreSQL [\d.]+ \(Debian [^ )]*", "PostgreSQL VERSION"),
    (r"\bLinux \d+\.\d+\S*", "Linux VERSION"),
    (r" {2,}", "  "),  # columns are as wide as what is in them
]


def same(line):
    for pattern, stands in DIFFERS:
        line = re.sub(pattern, stands, line)
    return line.rstrip()


def fits(page, printed):
    """Whether what was printed is what the page says."""
    pattern = ""
    for line in page:
        if line.strip() == "…":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += r"[^\n]*?".join(re.escape(part) for part in same(line).split("…")) + r"\n"
    return re.fullmatch(pattern, "".join(same(line) + "\n" for line in printed)) is not None


class Shell:
    """One bash, whose directory and variables last from command to command."""

    def __init__(self, home, ajail):
        local = f"{home}/.local/bin"
        os.makedirs(local)
        shutil.copy(ajail, f"{local}/ajail")
        environment = {key: os.environ[key] for key in ("LANG", "TERM") if key in os.environ}
        environment |= {"HOME": home, "USER": "you", "PATH": f"{local}:{os.environ['PATH']}", "GIT_CONFIG_NOSYSTEM": "1"}
        self.home = home
        self.status = 0
        self.bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], cwd=home, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace")

    def run(self, command):
        """The lines that it prints, on stdout and stderr."""
        command = command.replace(YOU, self.home)
        self.bash.stdin.write(f"(exit {self.status})\n{{ {command}\n}} </dev/null\nprintf '\\n{TOKEN} %s\\n' $?\n")
        self.bash.stdin.flush()
        lines = []
        for line in self.bash.stdout:
            if line.startswith(TOKEN):
                self.status = int(line.split()[1])
                break
            lines.append(line.rstrip("\n").replace(self.home, YOU))
        else:
            sys.exit(f"the shell has ended at: {command}")
        # The line that ends before the token is either what was printed without an end, or empty.
        if lines and not lines[-1]:
            lines.pop()
        if command.rstrip().endswith("&"):
            time.sleep(SETTLE)
        return columns(lines)

    def end(self):
        self.bash.stdin.close()
        self.bash.wait()


def columns(lines):
    """A table, with its columns as wide as what is in them now that a name in it is shorter."""
    rows = [re.split(r" {2,}", line.rstrip()) for line in lines]
    width = len(rows[0]) if rows else 0
    if width < 3 or not all(len(row) <= width for row in rows) or not re.match(r"[A-Z]+  ", lines[0]):
        return lines
    widest = [max(len(row[i]) for row in rows if i < len(row)) for i in range(width)]
    return ["  ".join(cell.ljust(widest[i]) for i, cell in enumerate(row)).rstrip() for row in rows]


def unfinished(command):
    """Whether the shell would ask for more."""
    if command.endswith("\\"):
        return True
    said = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True, check=False).stderr
    return "unexpected EOF" in said or "unexpected end of file" in said or "delimited by end-of-file" in said


def parts(text):
    """The page, as a list of lines outside of commands and of (lines of the command, lines printed)."""
    lines = text.split("\n")
    found, i = [], 0
    while i < len(lines):
        if not lines[i].startswith(INDENT + "$ "):
            found.append(lines[i])
            i += 1
            continue
        typed = [lines[i][len(INDENT):]]
        i += 1
        while unfinished("\n".join(typed)[2:]):
            if i == len(lines) or not lines[i].startswith(INDENT):
                sys.exit(f"the page has only a part of: {typed[0]}")
            typed.append(lines[i][len(INDENT):])
            i += 1
        printed = []
        while i < len(lines) and (lines[i].startswith(INDENT) or not lines[i].strip()):
            if lines[i].startswith(INDENT + "$ "):
                break
            # An empty line belongs to what is printed if that goes on after it.
            if not lines[i].strip():
                after = next((line for line in lines[i:] if line.strip()), "")
                if not after.startswith(INDENT) or after.startswith(INDENT + "$ "):
                    break
            printed.append(lines[i][len(INDENT):])
            i += 1
        found.append((typed, printed))
    return found


def ranges():
    """Whether the user has subordinate ids, and what gives them."""
    def listed(file):
        user = pwd.getpwuid(os.getuid()).pw_name
        with open(file, encoding="utf-8") as lines:
            return any(line.split(":")[0] in (user, str(os.getuid())) for line in lines)
    return bool(shutil.which("newuidmap")) and listed("/etc/subuid") and listed("/etc/subgid")


def walk(name, found, shell, update):
    """Runs the commands; the number of those that print something else, and the page as it should be."""
    wrong = ran = skipped = 0
    lines = []
    for part in found:
        if isinstance(part, str):
            lines.append(part)
            continue
        typed, page = part
        if "--users=range" in "\n".join(typed) and not ranges():
            print(f"skipped {typed[0]}: no newuidmap, or no subordinate ids")
            skipped += 1
            lines += [(INDENT + line).rstrip() for line in typed + page]
            continue
        started = time.monotonic()
        printed = shell.run("\n".join(typed)[2:])
        ran += 1
        if (took := time.monotonic() - started) > SETTLE + 1:
            print(f"  {took:5.1f} s  {typed[0]}", flush=True)
        good = fits(page, printed)
        if not good and not update:
            wrong += 1
            print(f"FAILED {typed[0]}")
            print("\n".join(difflib.unified_diff(page, printed, "on the page", "printed", lineterm="")))
        shown = page if good else printed
        lines += [INDENT + line for line in typed] + [(INDENT + line).rstrip() for line in shown]
    if ran == 0:
        sys.exit(f"FAILED {name}: no command on the page")
    print(f"{ran - wrong} passed, {wrong} failed, {skipped} skipped")
    return wrong, "\n".join(lines)


def main():
    words = sys.argv[1:]
    update = words[0] == "--update"
    page, home, ajail, kept, name = words[update:]
    os.umask(0o022)
    with open(page, encoding="utf-8") as file:
        text = file.read()
    cache = f"{home}/.ajail/cache"
    os.makedirs(f"{home}/.ajail", 0o700)
    if os.path.isdir(f"{kept}/cache"):
        shutil.copytree(f"{kept}/cache", cache)
    shell = Shell(home, ajail)
    if name == "readme":  # it begins after quickstart.sh
        said = shell.run("ajail mkfs debian deb")
        if shell.status != 0:
            sys.exit("\n".join(said))
    wrong, new = walk(name, parts(text), shell, update)
    shell.end()
    if os.path.isdir(cache):
        shutil.rmtree(f"{kept}/cache", ignore_errors=True)
        shutil.copytree(cache, f"{kept}/cache")
        os.chmod(f"{kept}/cache", 0o700)
    if update and new != text:
        with open(page, "w", encoding="utf-8") as file:
            file.write(new)
    sys.exit(1 if wrong else 0)


main()
