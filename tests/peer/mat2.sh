#!/bin/bash
# mat2, which lets exiftool look at a photograph in bubblewrap, and clean one there.
# not: userns
. "$TESTS/lib.sh"
# shellcheck source=tests/peer/bwrap.bash
. "$TESTS/peer/bwrap.bash"
needs /usr/bin/mat2 mat2 /usr/bin/exiftool libimage-exiftool-perl

# By its library: the command of Debian 12 sandboxes only with --no-sandbox.
cat >mat2.py <<'PY'
import sys
from libmat2 import parser_factory

how, photo = sys.argv[1:]
parser, _ = parser_factory.get_parser(photo)
assert parser.sandbox
parser.lightweight_cleaning = how == "--lightweight"
if how == "--show":
    print("\n".join(f"{key}: {value}" for key, value in parser.get_meta().items()))
elif not parser.remove_all():
    sys.exit("mat2 has failed")
PY
mat2() { /usr/bin/python3 mat2.py "$@"; }
/usr/bin/python3 - <<'PY' || fail_ 'a photograph' 'one' 'none'
import gi
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf
GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, 40, 30).savev("photo.jpg", "jpeg", [], [])
PY
check 'somebody took it' exiftool -q -overwrite_original -Artist='Jane Doe' -GPSLatitude=52.5 -GPSLatitudeRef=N \
    -Comment='at home' photo.jpg
original=$(sha256sum photo.jpg)

matches 'mat2 --show' '^Artist: Jane Doe$' mat2 --show photo.jpg
called 'mat2 --show' '--unshare-net .*exiftool -json '

# What there is in the cleaned one, by exiftool itself.
about() { exiftool -Artist -Comment -GPS:all "$1"; }
size() { exiftool -p '$MIMEType $ImageSize' "$1"; }
matches 'what there is to clean' 'Doe' about photo.jpg
check 'mat2 --lightweight' mat2 --lightweight photo.jpg
called 'mat2 --lightweight' '--bind /.*exiftool -all= .*-o photo\.cleaned\.jpg'
output 'nothing of it is left' '' about photo.cleaned.jpg
output 'it is the photograph' 'image/jpeg 40x30' size photo.cleaned.jpg
equal 'the original is as it was' "$original" "$(sha256sum photo.jpg)"
rm -f photo.cleaned.jpg

# An exiftool that does what a photograph could make it do.
cat >bin/exiftool <<TOOL
#!/bin/sh
echo "reads: \$(cat '$HOST_TMP/marker' /etc/passwd 2>/dev/null | wc -c)" >&2
echo "net: \$(tail -n +3 /proc/net/dev | wc -l)" >&2
echo "others: \$(ls -d /proc/[0-9]* | wc -l)" >&2
for where in '$PWD' '$PWD/bin' '$HOST_TMP' /tmp /usr; do echo bad >"\$where/$$.dropped"; done 2>/dev/null
exec /usr/bin/exiftool "\$@"
TOOL
chmod 755 bin/exiftool
dropped() { find "$PWD" "$HOST_TMP" /tmp /usr -maxdepth 2 -name "$$.dropped" -printf '%p\n' -delete 2>/dev/null; }
check 'a worse exiftool' mat2 --show photo.jpg
cp "$ERR" said
matches 'it reads nothing else' '^reads: 0$' cat said
matches 'it has a loopback at most' '^net: 1$' cat said
matches 'it sees itself' '^others: [1-5]$' cat said
equal 'and leaves nothing' '' "$(dropped)"
rm bin/exiftool

fails_without 'mat2 --lightweight' mat2 --lightweight photo.jpg
check 'and nothing is cleaned' test ! -e photo.cleaned.jpg
