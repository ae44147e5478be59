#!/bin/bash
# GNOME's thumbnails (libgnome-desktop): it runs thumbnailers, which are given files of anybody's, in bubblewrap.
# not: root userns
. "$TESTS/lib.sh"
# shellcheck source=tests/peer/bwrap.bash
. "$TESTS/peer/bwrap.bash"
needs /usr/bin/bwrap bubblewrap /usr/bin/gdk-pixbuf-thumbnailer libgdk-pixbuf2.0-bin \
    /usr/lib/*/girepository-1.0/GnomeDesktop-3.0.typelib gir1.2-gnomedesktop-3.0
matches 'it is what lies there' ajail over /usr/bin/bwrap --version
equal 'it is the same user' "$(id -u) 0000000000000000" "$(over sh -c 'id -u; sed -n "s/^CapEff:.//p" /proc/self/status' | xargs)"
export HOME=$PWD/home XDG_DATA_DIRS=$PWD/share:/usr/share
mkdir -p home share/thumbnailers
: >bwrap.log

cat >thumbnail.py <<'PY'
"""thumbnail.py FILE TYPE: prints the size of its thumbnail."""
import os
import sys
import gi

gi.require_version("GnomeDesktop", "3.0")
from gi.repository import Gio, GnomeDesktop

path, kind = sys.argv[1:]
uri = Gio.File.new_for_path(path).get_uri()
factory = GnomeDesktop.DesktopThumbnailFactory.new(GnomeDesktop.DesktopThumbnailSize.NORMAL)
pixbuf = factory.generate_thumbnail(uri, kind, None)
factory.save_thumbnail(pixbuf, uri, int(os.stat(path).st_mtime), None)
print(pixbuf.get_width(), pixbuf.get_height())
PY
thumbnail() { over /usr/bin/python3 thumbnail.py "$@"; }
/usr/bin/python3 - <<'PY' || fail_ 'a photograph' 'one' 'none'
import gi
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf
GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, 640, 480).savev("photo.jpg", "jpeg", [], [])
PY
output 'a thumbnail' '128 96' thumbnail photo.jpg image/jpeg
called 'by a thumbnailer' ' --unshare-all .*gdk-pixbuf-thumbnailer '
equal 'it is kept' 1 "$(find home/.cache/thumbnails/normal -name '*.png' | wc -l)"

# A thumbnailer that makes a thumbnail where a condition holds, after it has tried what a file could make it do.
thumbnailer() { # CONDITION
    cat >share/thumbnailers/worse.thumbnailer <<INI
[Thumbnailer Entry]
Exec=/bin/sh -c 'for where in $PWD $PWD/home /usr; do echo bad >\$where/dropped; done; ($1) && exec gdk-pixbuf-thumbnailer -s 128 "\$0" "\$1"' %u %o
MimeType=image/x-worse;
INI
}
net() { echo "test \$(tail -n +3 /proc/net/dev | wc -l) = $1"; }
echo secret >secret
while read -r want name condition; do
    thumbnailer "$condition"
    "$want" "${name//_/ }" thumbnail photo.jpg image/x-worse
    called "${name//_/ }: in the sandbox" 'for where in'
done <<END
check it_is_asked true
denied and_may_say_no false
check its_network_is_a_loopback $(net 1)
check it_reads_nothing_else test ! -e $PWD/secret -a ! -e /etc/passwd
check it_does_not_change_it ! touch /tmp/gnome-desktop-file-to-thumbnail*
check it_sees_itself test \$(ls -d /proc/[0-9]* | wc -l) -lt 10
check it_has_no_capability grep -q CapEff:.0000000000000000 /proc/self/status
END
equal 'and leaves nothing' 'home/.cache' "$(ls -d dropped home/dropped home/.cache /usr/dropped 2>/dev/null)"

fails_without 'a thumbnail' thumbnail photo.jpg image/jpeg
