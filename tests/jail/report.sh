#!/bin/bash
# `ajail run --report`: what it says is what an independent look from inside sees; it is there, and whole, before the
# command runs; where it goes nothing is followed or overwritten; a wall that is not there is told, and nothing runs.
. "$TESTS/lib.sh"

# What the payload sees by itself.
cat >look.sh <<'END'
cat /proc/self/status; echo ==; cat /proc/self/mountinfo; echo ==; cat /proc/self/uid_map; echo ==; hostname
END

# compare REPORT SEEN: each entry against the look; what differs on stdout.
cat >compare.py <<'END'
import json, re, sys
report = json.load(open(sys.argv[1]))
status, mountinfo, uid_map, hostname = open(sys.argv[2]).read().split("==\n")
status = dict(line.split(":\t", 1) if ":\t" in line else (line.split(":")[0], "") for line in status.splitlines())
got = {}
for entry in report["controls"]:
    if set(entry) != {"control", "wanted", "got", "stands", "by"} or not all(entry[k] for k in ("control", "wanted", "got", "by")):
        print("not an entry:", entry)
    if not entry["stands"]:
        print("does not stand:", entry)
    if entry["control"] in got and not entry["control"].startswith("mount "):
        print("twice:", entry["control"])
    got.setdefault(entry["control"], []).append(entry["got"])
def is_(control, wanted):
    if control not in got or got[control][-1] != wanted:
        print(control, "is", wanted, "and told as", got.get(control))
NAMES = open("/usr/include/linux/capability.h").read() if len(sys.argv) > 3 else ""
caps = {int(number): name for name, number in re.findall(r"#define (CAP_\w+)\s+(\d+)\s*$", NAMES, re.M)}
for line, control in (("CapPrm", "permitted capabilities"), ("CapEff", "effective capabilities"), ("CapBnd", "bounding set"),
                      ("CapInh", "inheritable capabilities"), ("CapAmb", "ambient capabilities")):
    bits = int(status[line], 16)
    is_(control, " ".join(caps[i] for i in range(64) if bits >> i & 1) or "none")
is_("no_new_privs", status["NoNewPrivs"])
is_("uid", status["Uid"].replace("\t", " "))
is_("gid", status["Gid"].replace("\t", " "))
is_("supplementary groups", status["Groups"].strip() or "none")
is_("host name", hostname.strip())
is_("uid map", ", ".join(" ".join(line.split()) for line in sorted(uid_map.splitlines(), key=lambda l: int(l.split()[0]))))
before = int(re.search(r"^Seccomp_filters:\s+(\d+)", open("/proc/self/status").read(), re.M)[1])
programs = [c for c in got if c.startswith("seccomp ")]
if int(status["Seccomp_filters"]) != before + len(programs):
    print(len(programs), "seccomp programs, and", status["Seccomp_filters"], "in the kernel")
if int(status["Seccomp"]) != (2 if programs or before else 0):
    print("seccomp mode", status["Seccomp"])
told = {c.split(" ", 1)[1]: got[c] for c in got if re.match("(mount|mask) ", c)}
seen = {}
for line in mountinfo.splitlines():
    words = line.split(" ")
    target = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), words[4])
    if words[6] != "-":
        print("not private:", line)
    options = words[5].split(",")
    attributes = ",".join(o for o in ("ro" if "ro" in options else "rw", "nosuid", "nodev", "noexec") if o in options)
    seen.setdefault(target, []).append(attributes)
for target, attributes in seen.items():
    if sorted(a.replace(", empty", "") for a in told.get(target, [])) != sorted(attributes):
        print(target, "is", attributes, "and told as", told.get(target))
for target, attributes in told.items():
    if target not in seen and attributes != ["nothing is there"]:
        print(target, "is not there, and told as", attributes)
if len(seen) < 20 or not report["stands"] or not isinstance(report["given_up"], list):
    print("hardly a report", len(seen), report["stands"])
END

# agrees NAME OPTIONS
agrees() {
    local name=$1
    shift
    check "$name: runs" jail --report=3 "$@" -- sh ./look.sh 3>report.json
    cp "$OUT" seen
    equal "$name: what is told is what is there" '' "$(python3 compare.py report.json seen names 2>&1)"
}
mkdir sub 'a b' && touch file
agrees 'default'
agrees 'no network' --no-net
agrees 'read-only' --rol
agrees 'throw-away, hidden, nested' --ro --hide=sub --rol='a b' --hide=file
agrees 'CAP_SYS_ADMIN' --cap-add=CAP_SYS_ADMIN
agrees 'strict' --seccomp=strict
agrees 'no seccomp' --seccomp=off --no-root-emulation
agrees 'user namespaces' --allow=userns
agrees "the host's programs" --fs=host
if "$AJAIL" run --quiet --fs=deb --users=range true 2>/dev/null; then
    agrees 'a range' --users=range
    agrees 'a user' --users=range --user=www-data
fi

# What the kernel is asked of, and cannot be compared with a file: it has to be there.
names() { python3 -c 'import json, sys; print("\n".join(e["control"] for e in json.load(open(sys.argv[1]))["controls"]))' "$1"; }
jail --report=3 true 3>report.json
for control in 'user namespace' 'net namespace' 'session keyring' 'terminal' 'session' 'securebits' 'init' \
    'sysctl /proc/sys/user/max_user_namespaces'; do
    check "told: $control" grep -qxF -- "$control" <(names report.json)
done
check 'told: each seccomp program by name' test "$(names report.json | grep -c '^seccomp default+noted,terminal+init,\(root\|devices\)+noted+setid+listener$')" = 1
jail --report=3 --deny=mkdirat true 3>report.json
check 'told: what is denied is one of its own' test "$(names report.json | grep -c '^seccomp ')" = 2
jail --report=3 --allow=perf true 3>report.json
check 'told: programs that are not one' test "$(names report.json | grep -c '^seccomp \(default+noted+perf\|terminal+init\|\(root\|devices\)+noted+perf+setid+listener\)$')" = 3
check 'told: second namespaces' grep -qxF 'second user namespace' <(jail --report=1 --cap-add=CAP_SYS_ADMIN true >r && names r)
matches 'what is given up is told' 'CAP_SYS_ADMIN was granted|this kernel has none' jail --report=1 --cap-add=CAP_SYS_ADMIN true

# Before the command, and whole.
output 'the command finds it complete' '}' jail --report=own.json -- tail -n 1 own.json
rm own.json
check 'its user can read it, and whom the umask lets' test "$(umask 027; jail --report=own.json true; stat -c %a own.json)" = 640
rm own.json
denied 'a command that does what it can' jail --report="$HOST_TMP/r" -- sh -c "kill -9 -1; exec >/dev/full; echo x"
check 'does nothing to it' python3 -m json.tool "$HOST_TMP/r"
rm "$HOST_TMP/r"
status 'a command that is not there' 127 jail --report=own.json nosuch
check 'is told all the same' python3 -m json.tool own.json
check 'nothing with --dry-run' jail --report=other.json --dry-run true
check 'nothing is written by it' test ! -e other.json

# Where it goes.
refuses 'a file that is there' '^ajail: --report=own.json: is there already' jail --report=own.json echo ran
echo untouched >target
ln -s target link
refuses 'a symlink' '^ajail: --report=link: is there already' jail --report=link echo ran
ln -s nowhere dangling
refuses 'a symlink to nowhere' '^ajail: --report=dangling: is there already' jail --report=dangling echo ran
mkfifo fifo
refuses 'a FIFO, without waiting' '^ajail: --report=fifo: is there already' timeout 10 "$AJAIL" run --quiet --fs=deb --report=fifo echo ran
ln -s "$HOST_TMP" out
refuses 'a directory by a symlink that a jail may have put there' '^ajail: --report=out/r: a symbolic link in the path' \
    jail --report=out/r echo ran
check 'nothing was made' test ! -e "$HOST_TMP/r" -a ! -e nowhere
mkdir "$HOST_TMP/granted"
ln -s "$PWD" "$HOST_TMP/granted/out"
refuses 'the same in a directory that is granted' 'a symbolic link in the path' \
    jail --rw="$HOST_TMP/granted" --report="$HOST_TMP/granted/out/r" echo ran
check 'beside the link' jail --rw="$HOST_TMP/granted" --report="$HOST_TMP/granted/r" true
check 'it is there' test -s "$HOST_TMP/granted/r"
refuses 'no such directory' '^ajail: --report=nosuch/r: No such file' jail --report=nosuch/r echo ran
refuses 'a directory' '^ajail: --report=sub: is there already' jail --report=sub echo ran
refuses 'a descriptor that is not there' '^ajail: --report=7: no descriptor of that number is open for writing' \
    jail --report=7 echo ran
refuses 'one that is read from' 'no descriptor of that number is open for writing' jail --report=7 echo ran 7<file
refuses 'one that is full' '^ajail: report: write: No space left on device \(what --report names' jail --report=7 echo ran 7>/dev/full
output 'the others are not inherited' '0 1 2' jail --report=7 -- sh -c 'echo $(ls /proc/self/fd | head -n 3)' 7>r 8<file
output 'a number is a descriptor, ./7 is a file' '' jail --report=./7 true
check 'it is a file' test -s 7
refuses '--deny of what it takes' '^ajail: --deny=recvmsg: --report takes it' jail --report=1 --deny=recvmsg true

# A kernel that says yes and does nothing: a seccomp program around ajail, errno 0.
if [ "$(uname -m)" != x86_64 ]; then
    skip 'a lying kernel' 'the numbers here are those of x86-64'
    exit 0
fi
cat >lie.py <<'END'
import ctypes, os, struct, sys
number, libc = int(sys.argv[1]), ctypes.CDLL(None)
code = struct.pack("HBBI", 0x20, 0, 0, 0) + struct.pack("HBBI", 0x15, 0, 1, number) + \
    struct.pack("HBBI", 0x06, 0, 0, 0x00050000) + struct.pack("HBBI", 0x06, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(code)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
program = Program(4, ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
os.execv(sys.argv[2], sys.argv[2:])
END
# lies NUMBER CALL CONTROL: with the call answered by 0, CONTROL is what does not stand
lies() {
    rm -f r ran
    refuses "$2 is a lie" "^ajail: read-back: a wall does not stand.*: $3: wanted .*, got " \
        python3 lie.py "$1" "$AJAIL" run --quiet --fs=deb --report=r -- touch ran
    check "$2: nothing ran" test ! -e ran
    matches "$2: the report says so" "^$3\$" python3 -c 'import json
report = json.load(open("r"))
print(*[e["control"] for e in report["controls"] if not e["stands"] and not report["stands"]], sep="\n")'
}
if [ "$AS" != root ]; then # whose jails need idmapped mounts, and end without
    lies 442 mount_setattr 'mount /proc/sys'
fi
[ "$("$AJAIL" run --fs=deb --dry-run true | grep -c '^landlock *ABI')" = 0 ] ||
    lies 446 landlock_restrict_self 'Landlock ABI [0-9]+: files'
lies 170 sethostname 'host name'
check 'the same way, without a lie' python3 lie.py 999 "$AJAIL" run --quiet --fs=deb --report=honest -- touch ran
check 'it runs' test -e ran
