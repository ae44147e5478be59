#!/bin/bash
# Anthropic's sandbox-runtime, which hides and protects files by mounts of bubblewrap's, and takes the network away but
# for its own proxy, at the end of a socket that is mounted.
# needs: the network (once, for tests/peer/prepare)
# not: root userns
. "$TESTS/lib.sh"
# shellcheck source=tests/peer/bwrap.bash
. "$TESTS/peer/bwrap.bash"
needs curl curl rg ripgrep socat socat
bin=$HOME/.cache/ajail-tests/packages/srt/node_modules/.bin
[ -x "$bin/srt" ] || fail_ 'what npm installs' "$bin/srt" 'none: tests/peer/prepare makes it'
PATH=$PATH:$bin

mkdir site closed closed/open open
echo 'from the host' >site/index.html
echo secret | tee secret closed/secret >closed/open/public
echo kept >open/kept
# Two servers: one is allowed.
/usr/bin/python3 -c '
import functools, http.server, os, threading
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="site")
servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
for server in servers:
    threading.Thread(target=server.serve_forever).start()
with open("ports.part", "w") as file:
    print(*(server.server_port for server in servers), file=file)
os.rename("ports.part", "ports")
' 2>requests &
servers=$!
for _ in $(seq 100); do [ ! -e ports ] || break; sleep 0.1; done
read -r allowed other <ports
cat >settings.json <<JSON
{
  "network": { "allowedDomains": ["127.0.0.1:$allowed"], "deniedDomains": [] },
  "filesystem": {
    "denyRead": ["$PWD/secret", "$PWD/closed"],
    "allowRead": ["$PWD/closed/open"],
    "allowWrite": ["$PWD/open"],
    "denyWrite": ["$PWD/open/kept", "$PWD/open/absent"]
  }
}
JSON
srt() { command srt --settings settings.json -c "$1"; }

output 'a command' 'it runs' srt 'echo it runs'
called 'a command' "--unshare-net .*--ro-bind / / .*--bind $PWD/open $PWD/open .*--unshare-pid "
status 'its status' 7 srt 'exit 7'
output 'its stdin' piped srt 'cat' < <(echo piped)
output 'it is who calls' "$(id -u):$(id -g)" srt 'echo "$(id -u):$(id -g)"'
output 'of its processes it sees its own' 'no' srt "[ -e /proc/$$/fd ] && echo yes || echo no"

check 'it writes where it may' srt 'echo mine >open/new'
equal 'and that is real' mine "$(cat open/new)"
for file in site/index.html secret new "$HOST_TMP/new" "$HOME/new" open/kept open/absent; do
    matches "not $file" "Read-only file system|Permission denied" srt "echo spoilt >'$file'"
done
matches 'nor another name for it' 'Read-only file system|busy' srt 'mv open/kept open/moved'
equal 'nothing is spoilt' "$(printf '%s\n' 'from the host' secret kept)" "$(cat site/index.html secret open/kept)"
equal 'nothing is new' "closed open/kept open/new ports secret site/index.html" \
    "$(echo closed open/* ports secret site/*)"
equal 'nor elsewhere' '' "$(find "$PWD" "$HOST_TMP" "$HOME" -maxdepth 1 -name new -print -delete)"

denied 'it does not read what is denied' srt 'grep -q secret secret'
output 'nor the directory' 'open' srt 'ls closed'
output 'but what is allowed in it' secret srt 'cat closed/open/public'
output 'and everything else' 'from the host' srt 'cat site/index.html'

# Not around the proxy, and by it to the one that is allowed. Its variables except loopback: hence --noproxy.
page() { echo "curl -sS --max-time 20 --noproxy '' http://$1/"; }
output 'the server that is allowed' 'from the host' srt "$(page "127.0.0.1:$allowed")"
matches 'the other one' 'blocked by network allowlist' srt "$(page "127.0.0.1:$other")"
matches 'somebody else' 'blocked by network allowlist' srt "$(page example.com)"
denied 'not directly' srt "curl -sS --max-time 20 --noproxy '*' http://127.0.0.1:$allowed/"
output 'it has a loopback' 1 srt 'tail -n +3 /proc/net/dev | wc -l'
equal 'who was asked, and how often' '1 1' "$(wc -l <requests) $(grep -c 'GET / ' requests)"
# Its seccomp program, the second one.
matches 'no new socket of a path' 'not permitted' srt 'socat -u /dev/null UNIX-CONNECT:/nowhere'

# More than fits into a command line: its mounts are in a file then.
mkdir many
touch "many/$(printf x%.0s {1..180})"-{1..500}
/usr/bin/python3 - <<PY
import json, os
with open("settings.json", encoding="utf-8") as file:
    settings = json.load(file)
settings["filesystem"]["denyRead"] = [f"$PWD/many/{name}" for name in os.listdir("many")]
with open("settings.json", "w", encoding="utf-8") as file:
    json.dump(settings, file)
PY
output 'a long list' '500 character special file' srt 'stat -c %F many/* | sort | uniq -c | xargs'
called 'a long list' ' --args '

fails_without srt srt 'echo >open/unsandboxed'
check 'and nothing has run' test ! -e open/unsandboxed
kill "$servers"
