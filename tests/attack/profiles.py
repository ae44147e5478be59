#!/usr/bin/env python3
# seconds: 300
"""All probes in every profile, and where nothing is in their way.

`controls` lists the probes that cannot be shown to work here, `expected` what is allowed in a profile, each with its
reason. Everything else must be blocked by a jail and allowed outside of one.
"""
import collections
import json
import os
import shutil
import socket
import subprocess
import sys
import time

AJAIL, AS, HERE = os.environ["AJAIL"], os.environ["AS"], os.path.join(os.environ["TESTS"], "attack")
ATTACK = os.path.join(os.path.dirname(AJAIL), "attack")
counts = collections.Counter()
# What a caller's environment says, and a jail must not know.
environment = dict(os.environ, DBUS_SESSION_BUS_ADDRESS="unix:path=/run/nosuch", SSH_AUTH_SOCK="/tmp/nosuch")
SECONDS = 240  # on an emulated machine; a tenth of that on others


def tell(ok, name, wanted="", got=""):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}\n  wanted: {wanted}\n  got:    {got}")


def table(name):
    """Lines `PROBE WHERE REASON`, with # for comments."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                yield line.split(None, 2)


def run(command, **more):
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False, **more)


# --- controls -------------------------------------------------------------------------------------------------------

# Mounts that can be taken off again, sockets where the host's would be, a file system without limits, an overlay that
# tells its layers.
MOUNTS = r"""
for word; do
    case $word in fixed=*) fixed=${word#*=} ;; hidden=*) hidden=${word#*=} ;; work=*) work=${word#*=} ;; esac
done
mkdir "$work/upper" "$work/work1" "$work/merged" &&
mount --bind "$fixed" "$fixed" && mount -o remount,bind,ro "$fixed" && mount -t tmpfs t "$hidden" &&
mount --bind "$work/between/file" "$work/between/file" && mount -o remount,bind,ro "$work/between/file" &&
mount -t tmpfs -o nr_inodes=0,size=100% t /dev/shm && mount -t tmpfs t /run &&
mount -t overlay -o "lowerdir=$fixed,upperdir=$work/upper,workdir=$work/work1" o "$work/merged" &&
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/docker.sock")' && exec "$@"
"""


def controls():
    """probe -> all answers that it gave somewhere outside."""
    words = ["granted=/nosuch", "env=NOTHING", "memory=33554432"]
    attack = [ATTACK, "--all", *words]
    namespace = ["unshare", "-m"] if AS == "root" else ["unshare", "-Urm"]
    shell = os.path.join(os.getcwd(), "sh")
    shutil.copy(os.path.realpath("/bin/sh"), shell)  # a PID 1 that the caller could overwrite
    rich = ["prlimit", "--nofile=1024:2048"]
    if AS == "root":
        rich += ["setpriv", "--groups", "12345"]
    ways = {
        "outside": [*rich, *attack],
        "mounts": [*namespace, "--propagation", "shared", "sh", "-c", MOUNTS, "sh", *attack],
        "pidns": [*namespace, "-nu", "--fork", "--pid", "--mount-proc", shell, "-c", '"$@"; exit', "sh", *attack],
        "alone": [*namespace, "--fork", "--pid", "--mount-proc", "setpriv", "--inh-caps=+chown", "--ambient-caps=+chown", *attack],
    }
    answers = collections.defaultdict(set)
    for name, command in ways.items():
        ran = run([ATTACK, "--bait", *command])
        lines = [line.split("\t") for line in ran.stdout.splitlines()]
        tell(len(lines) == len(PROBES), f"control {name}", f"{len(PROBES)} answers", (len(lines), ran.stderr[-500:]))
        for probe, _, answer, why in lines:
            answers[probe].add(answer)
            tell(answer != "BROKEN", f"control {name}: {probe}", "an answer", why)
    return answers


def set_so(condition):
    name, equals, value = condition.partition("=")
    path = "/proc/sys/" + name.replace(".", "/")
    return equals and os.path.exists(path) and open(path, encoding="utf-8").read().strip() == value


PROBES = {line.split("\t")[0]: line.split("\t")[1] for line in run([ATTACK, "--list"]).stdout.splitlines()}
tell(len(PROBES) >= 90, "number of probes", "90 at least", len(PROBES))
start = time.monotonic()
outside = controls()
without = {probe: (where, reason) for probe, where, reason in table("controls")}
for probe, answers in outside.items():
    where = without.get(probe, ("everywhere", ""))[0]
    if "ALLOWED" in answers:
        tell(True, probe)
    elif where == "nowhere" or (where == "root" and AS != "root") or set_so(where):
        counts["skipped"] += 1
    elif answers == {"SKIPPED"} and os.uname().machine != "x86_64":  # of another machine
        counts["skipped"] += 1
    else:
        tell(False, f"control of {probe}", "ALLOWED somewhere", answers)
for probe in without:
    tell(probe in PROBES, f"controls: {probe}", "a probe", "none")

# --- profiles -------------------------------------------------------------------------------------------------------

userns = ["unshare", "-Ur"]
PROFILES = {
    "default": ([], []),
    "strict": ([], ["--seccomp=strict"]),
    "userns": ([], ["--allow=userns"]),
    "host": ([], ["--fs=host"]),
    "no-net": ([], ["--no-net"]),
    "caps": ([], [f"--cap-add={cap}" for cap in ("SYS_ADMIN", "SYS_PTRACE", "MKNOD", "DAC_READ_SEARCH")]),
}
if "--nested" in run([AJAIL, "run", "--help"]).stdout:
    PROFILES["nested"] = ([], ["--nested"])
if AS == "user":
    PROFILES["inside"] = (userns, [])
    me, known = os.environ.get("USER", ""), ""
    for file in ("/etc/subuid", "/etc/subgid"):
        known += open(file, encoding="utf-8").read() if os.path.exists(file) else ""
    if shutil.which("newuidmap") and known.count(f"\n{me}:") + known.startswith(f"{me}:") >= 2:
        PROFILES["range"] = ([], ["--users=range"])
    else:
        counts["skipped"] += 1
        print("skipped range: no newuidmap, or no subordinate ids")

expected = collections.defaultdict(dict)  # probe -> profile -> must it?
later = set()
for probe, profiles, reason in table("expected"):
    tell(probe in PROBES, f"expected: {probe}", "a probe", "none")
    must = not profiles.endswith("?")
    if reason.startswith("later:"):
        later.add(probe)
    for profile in PROFILES if profiles.rstrip("?") == "all" else profiles.rstrip("?").split(","):
        expected[probe][profile] = must

# What Landlock alone stands in the way of, from that ABI on.
checks = json.loads(run([AJAIL, "doctor", "--json"]).stdout)["checks"]
abi = next(int(check.get("detail", "").removeprefix("ABI ") or 0) for check in checks if check["name"] == "Landlock")
for probe, oldest in (("stdin-reopen", 1), ("stdout-reopen", 1), ("abstract-unix", 6), ("abstract-datagram", 6)):
    for profile in PROFILES if abi < oldest else ():
        expected[probe].setdefault(profile, False)

for profile, (prefix, options) in PROFILES.items():
    root = [] if "--fs=host" in options else ["--fs=deb"]
    ran = run([*prefix, AJAIL, "verify", "--json", *root, *options])
    try:
        results = {entry["name"]: entry for entry in json.loads(ran.stdout)["probes"]}
    except ValueError:
        tell(False, f"profile {profile}", "a table", (ran.returncode, ran.stderr))
        continue
    tell(set(results) == set(PROBES), f"profile {profile}", "all probes", set(PROBES) ^ set(results))
    summary = collections.Counter(entry["result"] for entry in results.values())
    print(f"profile {profile}:", ", ".join(f"{n} {word}" for word, n in sorted(summary.items())))
    holes = [name for name, entry in results.items() if entry["result"] == "ALLOWED" and not entry["opened_by"]]
    told = f"ajail: verify: not contained: {', '.join(holes)}\n" if holes else ""
    tell((ran.returncode, ran.stderr) == (1 if holes else 0, told), f"profile {profile}: verify", told, (ran.returncode, ran.stderr))
    for probe, entry in results.items():
        got, must = entry["result"], expected[probe].get(profile)
        if got == "ALLOWED":  # what verify takes for granted must stand in the list as well, and the other way round
            tell(must is not None, f"profile {profile}: {probe}", "BLOCKED", f"ALLOWED({entry['why']})")
            told = entry["opened_by"] or probe in later
            tell(told, f"profile {profile}: {probe}", "a reason in verify", f"ALLOWED({entry['why']})")
        elif got == "BLOCKED":
            tell(not must, f"profile {profile}: {probe}", "ALLOWED, or an exception less", f"BLOCKED({entry['why']})")
        else:
            known = got == "SKIPPED" and (outside[probe] == {"SKIPPED"} or must is not None)
            tell(known, f"profile {profile}: {probe}", "an answer", f"{got}({entry['why']})")
print(f"all of it took {time.monotonic() - start:.1f} s")
tell(time.monotonic() - start < SECONDS, "time", f"{SECONDS} s at most", f"{time.monotonic() - start:.1f} s")

# --- verify itself ----------------------------------------------------------------------------------------------------

listener = socket.socket(socket.AF_UNIX)
listener.bind("docker.sock")
ran = run([AJAIL, "verify", "--fs=deb", f"--mount={os.getcwd()}/docker.sock,/run/docker.sock"])
tell(ran.returncode == 1, "a hole is told by the status", 1, (ran.returncode, ran.stderr))
tell("not contained: services" in ran.stderr, "and by its name", "services", ran.stderr)
os.unlink("docker.sock")
ran = run([AJAIL, "verify", "--fs=deb", "--verbose"])
lines = ran.stdout.splitlines()
tell(len(lines) == len(PROBES) + 1 and "not contained" in lines[-1], "the table", len(PROBES) + 1, lines[-1:])
ran = run([AJAIL, "verify", "--fs=deb", "--hostname=" + "x" * 100])
told = (ran.returncode, ran.stderr.count("\n"), "hostname" in ran.stderr)
tell(told == (125, 1, True), "a jail that does not start", "status 125 and one line", (ran.returncode, ran.stderr))
for words in (["true"], ["--dry-run"], ["--nosuch"]):
    ran = run([AJAIL, "verify", *words])
    tell(ran.returncode == 125 and ran.stderr.count("\n") == 1, f"verify {words[0]}", "one line", (ran.returncode, ran.stderr))
tell(os.listdir(".") in (["sh"], []), "nothing is left in the project", ["sh"], os.listdir("."))
os.unlink("sh")

print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
sys.exit(1 if counts["failed"] else 0)
