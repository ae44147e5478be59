#!/bin/bash
# WebKitGTK: what runs a page is in bubblewrap, and so is the proxy by which it speaks D-Bus.
# not: root userns
. "$TESTS/lib.sh"
# shellcheck source=tests/peer/bwrap.bash
. "$TESTS/peer/bwrap.bash"
needs /usr/bin/bwrap bubblewrap /usr/bin/xdg-dbus-proxy xdg-dbus-proxy xvfb-run xvfb xauth xauth dbus-run-session dbus \
    /usr/lib/*/girepository-1.0/WebKit2-4.1.typelib gir1.2-webkit2-4.1
export HOME=$PWD/home
mkdir home site
# In a container WebKit would do without.
export WEBKIT_FORCE_SANDBOX=1

cat >site/index.html <<'HTML'
<!DOCTYPE html>
<title>no script</title>
<script>document.title = "six times seven is " + 6 * 7</script>
<h1>Hello</h1>
HTML
cat >browser.py <<'PY'
"""browser.py FILE: the title that a page's script has given it, and what the kernel says of the process it is in."""
import os
import sys
import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2

NAMESPACES = ("mnt", "net", "pid", "user", "uts")


def about(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    print("id", status["Uid"].split()[0], status["Gid"].split()[0])
    print("capabilities, no_new_privs, seccomp", status["CapEff"], status["NoNewPrivs"], status["Seccomp"])
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
        mounts = [line.split(" ") for line in file]
    print("mounted", *(mount[5].split(",")[0] for mount in mounts if mount[4] == os.path.dirname(page)))
    where = "/proc/{}/ns/{}".format
    print("own", *(kind for kind in NAMESPACES if os.readlink(where(pid, kind)) != os.readlink(where("self", kind))))


def titled(view, _):
    title = view.get_title()
    if not title or title == "no script":
        return
    print("title", title)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                arguments = file.read().split(b"\0")
            with open(f"/proc/{pid}/environ", "rb") as file:
                ours = f"HOME={os.environ['HOME']}".encode() in file.read().split(b"\0")
        except OSError:
            continue
        if ours and arguments[0].endswith(b"/WebKitWebProcess"):
            about(pid)
    view.done = True
    Gtk.main_quit()


def failed(_, *what):
    print("failed", *what, file=sys.stderr)
    Gtk.main_quit()


page = os.path.abspath(sys.argv[1])
context = WebKit2.WebContext.new()
context.set_sandbox_enabled(True)
context.add_path_to_sandbox(os.path.dirname(page), True)
view = WebKit2.WebView.new_with_context(context)
view.done = False
view.connect("notify::title", titled)
view.connect("load-failed", failed)
view.connect("web-process-terminated", failed)
window = Gtk.Window()
window.add(view)
window.show_all()
view.load_uri("file://" + page)
GLib.timeout_add_seconds(60, Gtk.main_quit)
Gtk.main()
sys.exit(not view.done)
PY
# Xvfb's sockets and D-Bus's are in /tmp; that one is gone afterwards.
cat >session.sh <<'SESSION'
export XDG_RUNTIME_DIR=/tmp/run
mkdir -m 700 /tmp/run
exec dbus-run-session -- xvfb-run -s '-nolisten local -screen 0 640x480x24' /usr/bin/python3 browser.py site/index.html
SESSION
: >bwrap.log
check 'a page' over sh session.sh
cp "$OUT" said
matches 'its script ran' '^title six times seven is 42$' cat said
output 'in one process' "id $(id -u) $(id -g)"$'\ncapabilities, no_new_privs, seccomp 0000000000000000 1 2
mounted ro
own mnt net pid user uts' grep -E '^(id|capabilities.*|mounted|own) ' said
cp bwrap.log page.log
called 'the proxy' '^bwrap --args [0-9]+ -- /usr/bin/xdg-dbus-proxy '
cp page.log bwrap.log
called 'the page' '^bwrap --args [0-9]+ -- .*/WebKitWebProcess '
cp page.log bwrap.log
called 'what it is in' "^file .*--ro-bind-try $PWD/site $PWD/site .*--unshare-net .*--seccomp"
fails_without 'a page' over sh session.sh
