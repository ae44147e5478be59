#!/usr/bin/python3
"""action.yml and tools/ci/gitlab.yml, carried out as their runners would: each script of theirs, with the variables that it
is given. Called by ci.sh, as an ordinary user in an empty directory: ci.py SOURCES AJAIL STORE. STORE is kept between runs, so
that what a root filesystem is made of is fetched once."""
import hashlib
import os
import re
import subprocess
import sys
import tarfile

import yaml

sources, ajail, store = sys.argv[1:]
home = os.getcwd()
counts = {"passed": 0, "failed": 0}
SHELLS = {"sh": ["sh", "-e"], "bash": ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"]}


def check(name, good, said=""):
    counts["passed" if good else "failed"] += 1
    if not good:
        print(f"FAILED {name}\n{str(said)[-3000:]}")


def load(path):
    with open(f"{sources}/{path}", encoding="utf-8") as file:
        return yaml.safe_load(file)


def fresh(name):
    path = f"{home}/{name}"
    os.makedirs(path, exist_ok=name.endswith(".temp"))
    return path


def environment(**more):
    keep = {key: os.environ[key] for key in ("PATH", "HOME", "USER", "LANG") if key in os.environ}
    return {**keep, "AJAIL_HOME": store, **more}


def value(expression, context):
    """One of GitHub's expressions: names, `||`, and comparison with a string."""
    unequal = re.fullmatch(r"(\S+) != '(.*)'", expression)
    if unequal:
        return value(unequal[1], context) != unequal[2]
    for name in expression.split(" || "):
        if context[name]:
            return context[name]
    return ""


def filled(text, context):
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: str(value(found[1], context)), text)


def act(name, path="", ref="v0.1.0", **inputs):
    """The action with INPUTS, in a directory NAME: (status of the first step that failed, or 0; all that was said)"""
    action = load("action.yml")
    work, temp = fresh(name), fresh(f"{name}.temp")
    unknown = set(inputs) - set(action["inputs"])
    assert not unknown, unknown
    context = {f"inputs.{key}": inputs.get(key, one["default"]) for key, one in action["inputs"].items()}
    context |= {"github.action_ref": ref, "github.server_url": "http://127.0.0.1:9", "github.action_repository": "a/b",
                "runner.temp": temp}
    added = f"{temp}/path"
    said = ""
    for number, step in enumerate(action["runs"]["steps"]):
        if "if" in step and not value(step["if"], context):
            continue
        with open(added, "a+", encoding="utf-8") as file:
            file.seek(0)
            paths = [path] * bool(path) + file.read().split()[::-1] + [os.environ["PATH"]]
        script = f"{temp}/{number}.sh"
        with open(script, "w", encoding="utf-8") as file:
            file.write(step["run"])
        env = environment(GITHUB_PATH=added, GITHUB_ACTIONS="true", RUNNER_TEMP=temp)
        env |= {key: filled(text, context) for key, text in step.get("env", {}).items()} | {"PATH": ":".join(paths)}
        where = os.path.join(work, filled(step.get("working-directory", "."), context))
        done = subprocess.run(SHELLS[step["shell"]] + [script], cwd=where, env=env, capture_output=True, text=True, check=False)
        said += f"--- {step['name']}: {done.returncode}\n{done.stdout}{done.stderr}"
        if done.returncode != 0:
            return done.returncode, said
    return 0, said


def release(name):
    """The files of a release, as release.sh makes them; the checksum of its archive"""
    path = fresh(name)
    inside = f"ajail-0.1.0-linux-{os.uname().machine}"
    with tarfile.open(f"{path}/{inside}.tar.gz", "w:gz") as archive:
        archive.add(ajail, f"{inside}/bin/ajail")
    with open(f"{path}/{inside}.tar.gz", "rb") as file:
        checksum = hashlib.sha256(file.read()).hexdigest()
    with open(f"{path}/SHA256SUMS", "w", encoding="utf-8") as file:
        file.write(f"{'0' * 64}  ajail-0.1.0.spdx.json\n{checksum}  {inside}.tar.gz\n")
    return path, checksum


def executable(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\n{text}")
    os.chmod(path, 0o755)


def content(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:
        return str(error)


# What shows that it is a jail, and which.
SCRIPT = 'echo "$IS_SANDBOX $(uname -n) $(ls -A /tmp | wc -l)" >out\n'
IN_JAIL = "1 inside 0"


def github():
    status, said = act("given", binary=ajail, run=SCRIPT, options="--hostname=inside\n--no-net\n")
    check("an ajail that is given, a script in a jail", status == 0 and content(f"{home}/given/out") == IN_JAIL,
          said + content(f"{home}/given/out"))
    files, checksum = release("files")
    url = f"file://{files}"
    # What is not there to be had over https: a curl that would not take anything else from it.
    curl = fresh("curl.bin")
    executable(f"{curl}/curl", f"""case "$*" in
*"--proto =https --proto-redir =https "*"https://ajail.example/v0.1.0/"*) ;;
*) exit 1 ;;
esac
while [ "$1" != -o ]; do shift; done
cp "{files}/${{3##*/}}" "$2"
""")
    https = {"url": "https://ajail.example/v0.1.0", "path": curl}
    left = f"{fresh('released.temp')}/ajail/ajail-0.1.0-linux-{os.uname().machine}/bin"
    os.makedirs(left)
    executable(f"{left}/ajail", "echo of an earlier job\n")
    os.symlink(f"{home}/elsewhere", f"{home}/released.temp/ajail/SHA256SUMS")
    status, said = act("released", **https, run=SCRIPT, options="--hostname=inside")
    check("nothing of an earlier job stays", not os.path.exists(f"{home}/elsewhere"), said)
    check("a release, by the action's tag", status == 0 and content(f"{home}/released/out") == IN_JAIL, said)
    status, said = act("pinned", url=url, ref="main", version="0.1.0", sha256=checksum, run="true")
    check("a release by its checksum", status == 0, said)
    status, said = act("other", url=url, sha256="1" * 64, run="touch out")
    check("another checksum", status != 0 and "checksum is not 111" in said and "No such" in content(f"{home}/other/out"), said)
    status, said = act("branch", url=url, ref="main", run="true")
    check("a branch is no release", status != 0 and "'main' is no release" in said, said)
    status, said = act("insecure", url=url, run="true")
    check("nothing but https without a checksum", status != 0 and "cannot get file://" in said, said)
    for number, version in enumerate(("0.1.0/../../x", "0.1.0;s/x", "0.1.0 x", "0.1.0\n")):
        status, said = act(f"version{number}", url=url, version=version, sha256=checksum, run="true")
        check(f"the version {version!r}", status != 0 and "is no release" in said, said)
    status, said = act("lines", url=url, sha256=f"{hashlib.sha256().hexdigest()}  /dev/null\n#", run="true")
    check("a checksum is no list of them", status != 0 and "checksum is not" in said, said)
    with open(f"{files}/ajail-0.1.0-linux-{os.uname().machine}.tar.gz", "ab") as file:
        file.write(b"\0")
    status, said = act("changed", **https, run="true")
    check("an archive that was changed", status != 0 and "the checksum is not" in said, said)
    status, said = act("nowhere", run="true")
    check("nothing there", status != 0 and "cannot get http://127.0.0.1:9/a/b/releases/download/v0.1.0/" in said, said)
    status, said = act("failing", binary=ajail, run="false | true\ntouch out")
    check("a script that fails fails the step", status == 1 and "No such" in content(f"{home}/failing/out"), said)
    status, said = act("only", binary=ajail)
    check("only installed", status == 0 and "--- Run" not in said and content(f"{home}/only.temp/path").endswith("/ajail"), said)


def restricted():
    """A runner whose AppArmor restricts user namespaces: played by sysctl, sudo, and an ajail that fails until then."""
    for name, parser in (("profile", 0), ("sysctl", 1)):
        bin_dir, done = fresh(f"{name}.bin"), f"{home}/{name}.done"
        executable(f"{bin_dir}/sysctl", f"test -e {done}.sysctl && echo 0 || echo 1\n")
        executable(f"{bin_dir}/sudo", f"""echo "$*" >>{done}
case $1 in
tee) cat >{done}.profile ;;
apparmor_parser) [ {parser} = 0 ] && touch {done}.parsed; exit {parser} ;;
sysctl) touch {done}.sysctl ;;
esac
""")
        executable(f"{bin_dir}/wrapped", f"""case $*:$(ls {done}.parsed {done}.sysctl 2>/dev/null) in
doctor:) exit 11 ;;
esac
exec {ajail} "$@"
""")
        status, said = act(f"restricted-{name}", path=bin_dir, binary=f"{bin_dir}/wrapped", run=SCRIPT)
        check(f"restricted, {name}: it runs", status == 0, said)
        wanted = ["tee /etc/apparmor.d/ajail", "apparmor_parser -r /etc/apparmor.d/ajail"]
        if parser:
            wanted.append("sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
        check(f"restricted, {name}: what sudo was asked for", content(done).splitlines() == wanted, content(done))
        check(f"restricted, {name}: the profile", "userns," in content(f"{done}.profile"), content(f"{done}.profile"))


def broken():
    """A runner where something else is missing, though AppArmor restricts: its settings stay."""
    bin_dir = fresh("broken.bin")
    executable(f"{bin_dir}/sysctl", "echo 1\n")
    executable(f"{bin_dir}/sudo", f"touch {home}/sudo-was-asked\n")
    for status in (10, 13, 16, 125):
        executable(f"{bin_dir}/wrapped", f"""[ "$1" != doctor ] || exit {status}
exec {ajail} "$@"
""")
        done, said = act(f"broken-{status}", path=bin_dir, binary=f"{bin_dir}/wrapped", run="true")
        check(f"doctor says {status}: it fails", done == status, said)
        check(f"doctor says {status}: no sudo", not os.path.exists(f"{home}/sudo-was-asked"), said)


def debian():
    subprocess.run([ajail, "fs", "remove", "trixie"], env=environment(), capture_output=True, check=False)
    status, said = act("debian", binary=ajail, mkfs="trixie", run="id -un >out; . /etc/os-release; echo $VERSION_CODENAME >>out")
    check("a Debian of its own", status == 0 and content(f"{home}/debian/out") == "root\ntrixie", said)


def gitlab():
    job = load("tools/ci/gitlab.yml")[".ajail"]
    files, checksum = release("files-gitlab")
    lines = job["before_script"] + ["ajail run --quiet --fs=host --hostname=inside -- sh -c '" + SCRIPT.replace("\n", "") + "'"]
    # As Docker does, for whom no jail has a /proc of its own.
    masked = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
              'mount -t tmpfs none /proc/scsi 2>/dev/null || mount -t tmpfs none /proc/fs; exec "$@"', "-"]
    for name, given, around in (("file", {"AJAIL_FILE": ajail}, []), ("url", {"AJAIL_URL": f"file://{files}", "AJAIL_SHA256": checksum}, []),
                                ("masked", {"AJAIL_FILE": ajail}, masked), ("none", {}, [])):
        work = fresh(f"gitlab-{name}")
        env = environment(**{**job["variables"], **given}, CI_PROJECT_DIR=work, GITLAB_CI="true")
        done = subprocess.run(around + ["sh", "-e", "-c", "\n".join(lines)], cwd=work, env=env, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        if around:
            check("GitLab: /proc is masked there", "missing  /proc" in said, said)
        if given:
            check(f"GitLab, {name}", done.returncode == 0 and content(f"{work}/out") == IN_JAIL, said)
        else:
            check("GitLab, without an address", done.returncode == 1 and "AJAIL_URL" in said and "not found" not in said, said)


def scripts():
    steps = load("action.yml")["runs"]["steps"]
    job = load("tools/ci/gitlab.yml")[".ajail"]["before_script"]
    check("both are installed by the same script", steps[0]["run"] in job)
    check("no expression in a script", not any("${{" in step["run"] for step in steps))
    for shell, text in [(step["shell"], step["run"]) for step in steps] + [("sh", "\n".join(job))]:
        done = subprocess.run(["shellcheck", f"--shell={shell}", "-"], input=text, capture_output=True, text=True, check=False)
        check("shellcheck", done.returncode == 0, done.stdout)


os.makedirs(store, mode=0o700, exist_ok=True)
for part in (scripts, github, restricted, broken, gitlab, debian):
    part()
print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
sys.exit(counts["failed"] > 0)
