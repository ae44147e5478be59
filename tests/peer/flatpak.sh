#!/bin/bash
# Flatpak: builds a runtime and an application, installs them from a repository in a directory, and runs it. Each has
# bubblewrap under it: the build, what checks an icon, the application, and the proxy between it and D-Bus.
# not: root userns
if [ -z "${DBUS_SESSION_BUS_ADDRESS:-}" ]; then exec dbus-run-session -- bash "$0"; fi
. "$TESTS/lib.sh"
# shellcheck source=tests/peer/bwrap.bash
. "$TESTS/peer/bwrap.bash"
needs flatpak flatpak xdg-dbus-proxy xdg-dbus-proxy dbus-send dbus
export FLATPAK_BWRAP=$PWD/bin/bwrap FLATPAK_USER_DIR=$PWD/flatpak XDG_DATA_HOME=$PWD/data
# The proxy's sockets are there, and the name of one is short.
export XDG_RUNTIME_DIR=$HOST_TMP/run HOME=$PWD/home
mkdir -m 700 "$XDG_RUNTIME_DIR" home
# Whether somebody's parents object is asked there; that nobody knows is good enough.
export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS
arch=$(flatpak --default-arch)

# The runtime: some of the host's programs.
mkdir -p runtime/files runtime/usr/{bin,lib,lib64}
cat >runtime/metadata <<INI
[Runtime]
name=org.example.Platform
runtime=org.example.Platform/$arch/1
sdk=org.example.Platform/$arch/1
INI
programs=(bash cat chmod dbus-send id ls mkdir sed sleep touch unshare)
for program in "${programs[@]}"; do
    cp "$(command -v "$program")" runtime/usr/bin/
    ldd "runtime/usr/bin/$program" | grep -o '/lib[^ ]*'
done | sort -u | while read -r library; do
    mkdir -p "runtime/usr${library%/*}"
    cp -L "$library" "runtime/usr$library"
done
ln -s bash runtime/usr/bin/sh
check 'the runtime' flatpak build-export --disable-sandbox repository runtime 1
check 'a repository' flatpak --user remote-add --no-gpg-verify here repository
check 'the runtime is installed' flatpak --user install --noninteractive here org.example.Platform//1

# The application.
check 'build-init' flatpak build-init app org.example.App org.example.Platform org.example.Platform 1
: >bwrap.log
cat >build.sh <<'BUILD'
set -e
mkdir -p /app/bin /app/share/applications /app/share/icons/hicolor/64x64/apps
cat >/app/bin/hello <<'APP'
#!/bin/sh
echo "hello from $FLATPAK_ID"
echo "with $*"
exit 5
APP
chmod 755 /app/bin/hello
cat >/app/share/applications/org.example.App.desktop <<'INI'
[Desktop Entry]
Type=Application
Name=Hello
Exec=hello
Icon=org.example.App
INI
cat icon.png >/app/share/icons/hicolor/64x64/apps/org.example.App.png
touch /usr/new 2>/dev/null || echo '/usr is read-only'
sed -n '3,$s/:.*//p' /proc/net/dev
BUILD
/usr/bin/python3 - <<'PY' || fail_ 'an icon' 'one' 'none'
import gi
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf
GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, 64, 64).savev("icon.png", "png", [], [])
PY
output 'build' $'/usr is read-only\n    lo' flatpak build app bash build.sh
called 'build' '^file .*--ro-bind.* /usr .*--unshare-net'
status 'the status of a build' 7 flatpak build app sh -c 'exit 7'
check 'build-finish' flatpak build-finish app --command=hello
: >bwrap.log
check 'build-export' flatpak build-export repository app
called 'what checks an icon' 'validate-icon'
check 'install' flatpak --user install --noninteractive here org.example.App

: >bwrap.log
status 'run' 5 flatpak run org.example.App some 'arguments of mine'
equal 'what it says' $'hello from org.example.App\nwith some arguments of mine' "$(cat "$OUT")"
cp bwrap.log run.log
called 'run' '^bwrap --args [0-9]+ -- hello some'
cp run.log bwrap.log
called "D-Bus's proxy" '^bwrap --args [0-9]+ -- xdg-dbus-proxy '

# inside COMMANDS: bash, in the application's sandbox
inside() { flatpak run --command=bash org.example.App -c "$1"; }
output 'it is who calls' "$(id -u):$(id -g)" inside 'echo "$(id -u):$(id -g)"'
output 'the root' 'app bin dev etc home lib lib64 proc run sys tmp usr var' inside 'echo $(ls /)'
output 'the network' '    lo' inside "sed -n '3,\$s/:.*//p' /proc/net/dev"
matches '/usr is read-only' 'Read-only file system' inside 'touch /usr/new'
matches '/app is read-only' 'Read-only file system' inside 'touch /app/new'
output 'the home is another' '' inside 'ls ~; touch ~/new'
equal 'and gone' '' "$(ls home)"
output 'nothing of the host' '' inside "ls -d /etc/shadow '$HOST_TMP/marker' '$PWD/bwrap.log' 2>/dev/null || true"
check 'its data' inside 'echo kept >$XDG_DATA_HOME/file'
equal 'are kept' kept "$(cat home/.var/app/org.example.App/data/file)"
matches 'flatpak knows it' '^name=org.example.App$' inside 'cat /.flatpak-info'
# Its seccomp program.
matches 'no user namespace in it' 'unshare failed: Operation not permitted' inside 'unshare --user true'
output 'its capabilities, no_new_privs' $'CapEff:\t0000000000000000\nNoNewPrivs:\t1' \
    inside 'sed -nE "/^(CapEff|NoNewPrivs):/p" /proc/self/status'
# By the proxy; who may not see the names of others asks in vain.
bus='dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus'
matches 'D-Bus' 'boolean true' inside "$bus.NameHasOwner string:org.freedesktop.DBus"
matches 'filtered' 'boolean false' inside "$bus.NameHasOwner string:org.freedesktop.Flatpak"
output 'a directory that is granted' 'real' flatpak run --filesystem="$HOST_TMP" --command=bash org.example.App \
    -c "echo real >'$HOST_TMP/new'; cat '$HOST_TMP/new'"
equal 'is the real one' real "$(cat "$HOST_TMP/new")"

# From outside: flatpak was told which process it is.
flatpak run --instance-id-fd=9 --command=bash org.example.App -c 'echo up; exec sleep 1000' >up 2>&1 9>instance &
run=$!
for _ in $(seq 100); do [ ! -s up ] || break; sleep 0.1; done
read -r child < <(flatpak ps --columns=instance,child-pid | sed -n "s/^$(cat instance)[^0-9]*//p")
output 'the process it knows is the one' sleep ps -o comm= --ppid "$child"
check 'kill' flatpak kill "$(cat instance)"
STATUS=0
wait "$run" || STATUS=$?
equal 'killed' 137 "$STATUS"
denied 'it is gone' ps -p "$child"

fails_without 'flatpak run' flatpak run org.example.App
fails_without 'flatpak build' flatpak build app touch /app/new
