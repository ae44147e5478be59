#!/bin/bash
# sudo, gosu and a Python that drops, installed from Debian.
# needs: the network
# not: root
# seconds: 300
. "$TESTS/lib.sh"

cat >drops.py <<'P'
import os, subprocess, threading
os.setgroups([5, 6]); os.setresgid(60, 60, 60); os.setresuid(33, 33, 33)
mine = []
thread = threading.Thread(target=lambda: mine.append(os.getresuid())); thread.start(); thread.join()
child = subprocess.run(["id"], capture_output=True, text=True).stdout.strip()
other = subprocess.run(["id", "-u"], user=33, capture_output=True, text=True).stdout.strip()
try: back = os.setuid(0)
except PermissionError: back = "refused"
print(os.getresuid(), os.getresgid(), sorted(os.getgroups()), mine, child, other, back, sep="|")
P
cat >all.sh <<'S'
say() { echo "== $*"; "$@" 2>&1; }
(apt-get update -q && apt-get install -q -y --no-install-recommends sudo gosu python3-minimal) >install.log 2>&1 || { tail install.log; exit 1; }
say sudo -u nobody id
say sudo -u www-data -g games sh -c 'id -u; id -g; echo $SUDO_USER $USER $HOME'
say sudo -u nobody sudo -n true
useradd -m -s /bin/sh -u 1234 user
say sudo -i -u user id -u
say gosu www-data id
say gosu www-data gosu root true
say python3 drops.py
S
check 'installed, and run' jail sh all.sh
cp "$OUT" said
said() { sed -n "/^== $1\$/,/^==/p" said | sed '1d;/^==/d'; }
equal 'sudo' 'uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)' "$(said 'sudo -u nobody id')"
equal 'sudo with a group' $'33\n60\nroot www-data /var/www' "$(said 'sudo -u www-data -g games .*')"
equal 'sudo to root is for root' 1 "$(said 'sudo -u nobody sudo -n true' | grep -c 'no new privileges\|effective uid\|must be owned')"
equal 'sudo, a login' 1234 "$(said 'sudo -i -u user id -u')"
equal 'gosu' 'uid=33(www-data) gid=33(www-data) groups=33(www-data)' "$(said 'gosu www-data id')"
equal 'gosu back' 1 "$(said 'gosu www-data gosu root true' | grep -c 'not permitted')"
equal 'Python' '(33, 33, 33)|(60, 60, 60)|[5, 6]|[(33, 33, 33)]|uid=33(www-data) gid=60(games) groups=60(games),5(tty),6(disk)|33|refused' \
    "$(said 'python3 drops.py')"
