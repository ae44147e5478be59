#!/bin/bash
# Hostile archives: whatever is in them, nothing changes but the new root filesystem.
. "$TESTS/lib.sh"
export AJAIL_HOME=$PWD/store
mkdir -p outside store/fs/victim
echo secret >outside/file
echo mine >store/fs/victim/file
chmod 644 outside/file

cat >tars.py <<'PY'
import io, json, os, tarfile
here = os.getcwd()
F, D, S, H, C, B = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE
def tar(path, *entries, fileobj=None):
    with tarfile.open(path, "w", fileobj=fileobj, format=tarfile.GNU_FORMAT) as t:
        for name, kind, rest in entries:
            e = tarfile.TarInfo(name)
            e.type, e.mode, data = kind, 0o755, b""
            if kind == F: data = rest.encode(); e.size = len(data)
            elif kind in (S, H): e.linkname = rest
            elif kind in (C, B): e.devmajor, e.devminor = rest
            elif rest: e.mode = rest
            if kind == F and name.endswith("setuid"): e.mode = 0o6755
            t.addfile(e, io.BytesIO(data))
up = "../" * 20
tar("absolute.tar", (here + "/outside/file", F, "OVERWRITTEN"), ("/ok", F, "ok"))
tar("dotdot.tar", (up + here[1:] + "/outside/file", F, "OVERWRITTEN"))
tar("dotdot2.tar", ("a", D, 0), ("a/../../victim/file", F, "OVERWRITTEN"))
for name, to in (("absolute", here + "/outside"), ("relative", up + here[1:] + "/outside"), ("sibling", "../victim")):
    tar(f"link-{name}.tar", ("l", S, to), ("l/file", F, "OVERWRITTEN"), ("l/new", F, "NEW"))
    tar(f"linkfile-{name}.tar", ("l", S, to + "/file"), ("l", F, "OVERWRITTEN"))
    tar(f"hard-{name}.tar", ("h", H, to + "/file"), ("h", F, "OVERWRITTEN"))
tar("dirlink.tar", ("d", D, 0), ("d", S, here + "/outside"), ("d/file", F, "OVERWRITTEN"), ("d", D, 0))
tar("hardlink-symlink.tar", ("s", S, here + "/outside/file"), ("h", H, "s"), ("h", F, "OVERWRITTEN"))
tar("devices.tar", ("null", C, (1, 3)), ("d/sda", B, (8, 0)), ("d/odd name\twith\\", C, (1, 5)), ("ok", F, "ok"))
tar("huge.tar", ("n" * 5000, F, "x"))
tar("huger.tar", ("n" * 200000, F, "x"))
tar("json-deep.tar", ("manifest.json", F, "[" * (3 << 20)))
tar("json-large.tar", ("manifest.json", F, '[{"Layers":[' + "[]," * (2 << 20) + "[]]}]"), ("index.json", F, "{}"), ("oci-layout", F, "{}"))
tar("long.tar", ("d/" * 3000 + "f", F, "x"))
tar("setuid.tar", ("setuid", F, "x"), ("noaccess", D, 0o1), ("noaccess/f", F, "x"), (".", D, 0o1))
tar("control.tar", ("a\x1b]0;title\x07\n\x1b[31m/../b", F, "x"))
def image(path, *layers):
    with tarfile.open(path, "w") as t:
        def put(name, data):
            e = tarfile.TarInfo(name); e.size = len(data); t.addfile(e, io.BytesIO(data))
        for i, entries in enumerate(layers):
            b = io.BytesIO(); tar(None, *entries, fileobj=b); put(f"{i}.tar", b.getvalue())
        put("manifest.json", json.dumps([{"Layers": [f"{i}.tar" for i in range(len(layers))]}]).encode())
for name, to in (("absolute", here + "/outside"), ("relative", up + here[1:] + "/outside"), ("sibling", "../victim")):
    image(f"image-link-{name}.tar", [("l", S, to)], [("l/file", F, "OVERWRITTEN"), ("l/new", F, "NEW")])
    image(f"image-whiteout-{name}.tar", [("l", S, to)], [("l/.wh.file", F, "")])
    image(f"image-opaque-{name}.tar", [("l", S, to)], [("l/.wh..wh..opq", F, "")])
image("image-dotdot.tar", [("a", D, 0)], [("../victim/.wh.file", F, ""), (up + here[1:] + "/outside/.wh.file", F, "")])
image("image-wh-dotdot.tar", [("a", D, 0)], [(".wh...", F, ""), ("a/.wh...", F, ""), (".wh..", F, ""), ("a/../.wh..", F, "")])
PY
check 'the archives are made' python3 tars.py
umask 022
state() { find outside store/fs/victim -printf '%p %i %y %m %s %n %T@ %C@\n'; cat outside/* store/fs/victim/*; }
before=$(state)
for archive in *.tar; do
    STATUS=0
    "$AJAIL" fs import new "$archive" >out 2>err || STATUS=$?
    equal "$archive: nothing outside has changed" "$before" "$(state)"
    case $STATUS in
    0) [ ! -s err ] || matches "$archive: what is said" 'left out' cat err ;;
    125) equal "$archive: one line" 1 "$(wc -l <err)" ;;
    *) equal "$archive: status" '0 or 125' "$STATUS: $(cat err)" ;;
    esac
    equal "$archive: no control bytes" '' "$(tr -d '\n\t -~' <err)"
    case $archive in
    absolute.tar) equal "$archive: inside" ok "$(cat store/fs/new/ok)" ;;
    devices.tar)
        equal "$archive: counted" 'import: 3 device nodes left out' "$(cat err)"
        equal "$archive: none is made" '' "$(find store/fs/new ! -type f ! -type d)"
        equal "$archive: the rest is" ok "$(cat store/fs/new/ok)"
        ;;
    setuid.tar)
        equal "$archive: not set-id" 755 "$(stat -c %a store/fs/new/setuid)"
        equal "$archive: can be entered" 701 "$(stat -c %a store/fs/new/noaccess)"
        ;;
    huge.tar | huger.tar | json-*.tar) equal "$archive: refused" 125 "$STATUS" ;;
    esac
    [ "$STATUS" != 0 ] || check "$archive: goes" "$AJAIL" fs remove new
    equal "$archive: nothing is left" victim "$(ls -A store/fs)"
done

check 'a plain one after all that' "$AJAIL" fs import new setuid.tar
check 'goes' "$AJAIL" fs remove new
