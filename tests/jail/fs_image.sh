#!/bin/bash
# ajail fs import of container images: layers, whiteouts, opaque directories; docker save's format and OCI's.
. "$TESTS/lib.sh"
export AJAIL_HOME=$PWD/store
mkdir layers

cat >images.py <<'PY'
import gzip, hashlib, io, json, os, shutil, subprocess, sys, tarfile

def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, what in entries:
            e = tarfile.TarInfo(name)
            e.mode, data = 0o644, b""
            if what is None: e.type, e.mode = tarfile.DIRTYPE, 0o755
            elif what.startswith("->"): e.type, e.linkname = tarfile.SYMTYPE, what[2:]
            elif what.startswith("=>"): e.type, e.linkname = tarfile.LNKTYPE, what[2:]
            elif what.startswith("dev"): e.type, e.devmajor, e.devminor = tarfile.CHRTYPE, 1, 3
            else: data = what.encode(); e.size = len(data)
            t.addfile(e, io.BytesIO(data))
    return out.getvalue()

layers = [
    tar([("etc", None), ("etc/a", "a"), ("etc/b", "b"), ("etc/sub", None), ("etc/sub/x", "x"),
         ("opaque", None), ("opaque/old", "o"), ("opaque/deep", None), ("opaque/deep/old", "o"),
         ("usr", None), ("usr/lib", None), ("usr/lib/l", "l"), ("lib", "->usr/lib"),
         ("data", None), ("data/real", None), ("data/real/keep", "keep"), ("data/link", "->real"),
         ("abs", "->/usr/lib"), ("turns", None), ("turns/into", None), ("turns/into/file", "f"), ("file", "was a file"),
         ("dev", None), ("dev/null", "dev"), ("linked", "same"), ("linked2", "=>linked"),
         ("tree", None), ("tree/a", None), ("tree/a/b", "b"), ("odd\nname", "odd"), ("sp ace", "s")]),
    tar([("./etc/.wh.a", ""), ("etc/.wh.sub", ""), ("etc/c", "c"), ("etc/b", "b2"),
         ("opaque/.wh..wh..opq", ""), ("opaque/new", "new"),
         ("lib/.wh.l", ""), ("lib/m", "m"), ("data/.wh.link", ""),
         ("abs/.wh.nothing", ""), ("turns/into", "a file now"), ("file", None), ("file/in", "in"),
         (".wh.tree", ""), ("tree", None), ("tree/c", "c"), (".wh.odd\nname", ""), (".wh.sp ace", ""),
         ("etc/.wh...", ""), ("etc/.wh..", ""), (".wh.", ""), ("etc/d", "d"),
         (".wh..wh.plnk", None), (".wh..wh.aufs", "")]),
]

def put(t, name, data):
    e = tarfile.TarInfo(name); e.size = len(data); e.mode = 0o644
    t.addfile(e, io.BytesIO(data))

def docker(path, images=1, change=lambda m: m):
    with tarfile.open(path, "w") as t:
        names = []
        for i, data in enumerate(layers):
            names.append(f"{i:064x}/layer.tar")
            put(t, names[-1], data)
        put(t, "config.json", b"{}")
        m = [{"Config": "config.json", "RepoTags": ["t:1"], "Layers": names}] * images
        put(t, "manifest.json", json.dumps(change(m)).encode())

def oci(path, pack=gzip.compress, architecture="amd64", nested=False, extra=()):
    with tarfile.open(path, "w") as t:
        def blob(data):
            d = hashlib.sha256(data).hexdigest()
            put(t, "blobs/sha256/" + d, data)
            return {"digest": "sha256:" + d, "size": len(data)}
        put(t, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        ls = [blob(pack(l)) for l in layers]
        m = blob(json.dumps({"schemaVersion": 2, "config": blob(b"{}"), "layers": ls}).encode())
        ms = [dict(m, platform={"os": "linux", "architecture": architecture}), *extra]
        if nested: ms = [blob(json.dumps({"schemaVersion": 2, "manifests": ms}).encode())]
        put(t, "index.json", json.dumps({"schemaVersion": 2, "manifests": ms}).encode())

here = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
docker("docker.tar")
docker("two.tar", 2)
docker("outside.tar", change=lambda m: [{"Layers": ["../../../../../../../../../../etc/passwd"]}])
docker("absolute.tar", change=lambda m: [{"Layers": ["/etc/passwd"]}])
docker("nolayers.tar", change=lambda m: [{"Layers": []}])
docker("odd.tar", change=lambda m: [[[[]]]])
docker("numbers.tar", change=lambda m: [{"Layers": [1, 2]}])
docker("names.tar", change=lambda m: [{**{str(n): 0 for n in range(300000)}, **m[0]}])
docker("objects.tar", change=lambda m: [{}] * 1000000)
with tarfile.open("broken.tar", "w") as t: put(t, "manifest.json", b"[{" * 100000)
with tarfile.open("linked.tar", "w") as t:
    e = tarfile.TarInfo("a/layer.tar"); e.type, e.linkname = tarfile.SYMTYPE, "../b/layer.tar"
    put(t, "b/layer.tar", layers[0]); t.addfile(e)
    put(t, "manifest.json", json.dumps([{"Layers": ["b/layer.tar", "a/layer.tar"]}]).encode())
with tarfile.open("linkout.tar", "w") as t:
    e = tarfile.TarInfo("a"); e.type, e.linkname = tarfile.SYMTYPE, os.path.abspath("docker.tar")
    t.addfile(e); put(t, "manifest.json", json.dumps([{"Layers": ["a"]}]).encode())
unknown = {"digest": "sha256:" + "0" * 64, "platform": {"os": "unknown", "architecture": "unknown"}}
oci("oci.tar", architecture=here, extra=[unknown])
oci("nested.tar", pack=lambda d: d, architecture=here, nested=True)
if shutil.which("zstd"): oci("zstd.tar", pack=lambda d: subprocess.run(["zstd", "-qc"], input=d, stdout=subprocess.PIPE).stdout, architecture=here)
oci("other.tar", architecture="vax")
oci("digest.tar", architecture=here, extra=[dict(unknown, digest="sha256:../../../../etc/passwd", platform={"os": "linux", "architecture": here})])
PY
check 'the images are made' python3 images.py

want='./.: d
abs: l /usr/lib
data: d
data/real: d
data/real/keep: f
dev: d
etc: d
etc/b: f
etc/c: f
etc/d: f
file: d
file/in: f
lib: l usr/lib
linked: f
linked2: f
opaque: d
opaque/new: f
tree: d
tree/c: f
turns: d
turns/into: f
usr: d
usr/lib: d
usr/lib/m: f'
want=$(LC_ALL=C sort <<<"$want")
tree() { (cd "$AJAIL_HOME/fs/$1" && find . -printf './%P: %y %l\n' | sed 's/ $//; s|^\./\([^:]\)|\1|; s|^\./: |./.: |' | LC_ALL=C sort); }
for image in docker oci nested zstd; do
    if [ $image = zstd ] && ! [ -x "$(command -v zstd)" ]; then
        skip 'layers with zstd' 'no zstd here'
        continue
    fi
    matches "$image: import" '1 device node left out' "$AJAIL" fs import $image $image.tar
    equal "$image: layers over each other" "$want" "$(tree $image)"
    equal "$image: the upper one wins" b2 "$(cat "$AJAIL_HOME/fs/$image/etc/b")"
    equal "$image: hard links" 2 "$(stat -c %h "$AJAIL_HOME/fs/$image/linked")"
    check "$image: remove" "$AJAIL" fs remove $image
done
check 'a layer that is a link to another' "$AJAIL" fs import linked linked.tar
check 'goes' "$AJAIL" fs remove linked
check '300,000 names in its JSON do not take their square' timeout 30 "$AJAIL" fs import names names.tar
check 'go' "$AJAIL" fs remove names
refuses 'nor do a million objects' 'more than 5000 objects' timeout 30 "$AJAIL" fs import no objects.tar
gzip -k docker.tar
check 'the whole compressed' "$AJAIL" fs import packed docker.tar.gz
equal 'is the same' "$want" "$(tree packed)"
check 'it goes' "$AJAIL" fs remove packed

refuses 'two images' '2 images in the archive' "$AJAIL" fs import no two.tar
refuses 'a layer outside' 'the layer \.\./' "$AJAIL" fs import no outside.tar
refuses 'a layer by an absolute path' 'the layer /etc/passwd: No such file' "$AJAIL" fs import no absolute.tar
refuses 'a layer that is a link out' 'the layer a: No such file' "$AJAIL" fs import no linkout.tar
refuses 'no layers' 'no layers' "$AJAIL" fs import no nolayers.tar
refuses 'odd JSON' 'no list "Layers"' "$AJAIL" fs import no odd.tar
refuses 'numbers for names' 'without a name' "$AJAIL" fs import no numbers.tar
refuses 'broken JSON' 'not JSON' "$AJAIL" fs import no broken.tar
refuses 'another architecture' 'no image for linux/' "$AJAIL" fs import no other.tar
refuses 'a digest that is a path' 'digest' "$AJAIL" fs import no digest.tar
equal 'nothing is left' '' "$(ls -A "$AJAIL_HOME/fs")"
