#!/bin/bash
# Tools that keep caches and programs in the home: pip, npm, go, gcc. It is the jail's own, and gone with it.
# needs: the network
# not: root userns
# shellcheck disable=SC2154 # modes: services.bash
. "$TESTS/lib.sh"
# shellcheck source=tests/peer/services.bash
. "$TESTS/peer/services.bash"

mkdir -p sdist/greet node go c
cat >sdist/pyproject.toml <<'END'
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "greet"
version = "1.5"
[project.scripts]
greet = "greet:main"
[tool.setuptools]
packages = ["greet"]
END
echo 'def main(): print("greetings from", __file__)' >sdist/greet/__init__.py
cat >node/package.json <<'END'
{ "name": "tests", "version": "1.0.0", "private": true, "dependencies": { "is-odd": "3.0.1" } }
END
cat >node/package-lock.json <<'END'
{
  "name": "tests", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": { "name": "tests", "version": "1.0.0", "dependencies": { "is-odd": "3.0.1" } },
    "node_modules/is-number": {
      "version": "6.0.0",
      "integrity": "sha512-Wu1VHeILBK8KAWJUAiSZQX94GmOE45Rg6/538fKwiloUu21KncEkYGPqob2oSZ5mUT73vLGrHQjKw3KMPwfDzg=="
    },
    "node_modules/is-odd": {
      "version": "3.0.1",
      "integrity": "sha512-CQpnWPrDwmP1+SMHXZhtLtJv90yiyVfluGsX5iNCVkrhQtU3TQHsUWPG9wkdk9Lgd5yNpAg9jQEo90CBaXgWMA==",
      "dependencies": { "is-number": "^6.0.0" }
    }
  }
}
END
printf 'module example.com/sum\n\ngo 1.19\n' >go/go.mod
cat >go/main.go <<'END'
package main

import (
	"fmt"
	"os"
	"os/user"
)

func main() {
	who, _ := user.Current()
	fmt.Println("go says", len(os.Args)*21, who.Username)
}
END
printf '#include <stdio.h>\nint main(void) { puts("gcc says hello"); }\n' >c/hello.c

cat >pip.sh <<'END'
. ./inside.sh
pip install ./sdist 2>&1 | grep -o 'externally-managed-environment'
# The jail has no PyPI: what builds the package is Debian's setuptools.
pip wheel -q --no-deps --no-build-isolation -w /tmp/wheels ./sdist && ls /tmp/wheels
python3 -m venv ~/venv
~/venv/bin/pip install -q --no-index --find-links /tmp/wheels greet
echo "venv: $(~/venv/bin/greet)"
pip install -q --no-index --break-system-packages --root-user-action=ignore --no-build-isolation ./sdist
echo "system: $(greet)"
pip install -q --no-index --break-system-packages --user --find-links /tmp/wheels --force-reinstall --root-user-action=ignore greet
echo "user: $(~/.local/bin/greet)"
END
cat >npm.sh <<'END'
cd node
npm ci || exit
node -e 'console.log("node says", require("is-odd")(7))'
echo "cache: $(find ~/.npm/_cacache/content-v2 -type f | wc -l)"
npm install -g is-odd@3.0.1 >/dev/null
echo "global: $(NODE_PATH=$(npm root -g) node -e 'console.log(require("is-odd")(8))')"
END
cat >build.sh <<'END'
cd c && gcc -O2 -o hello hello.c && ./hello
cd ../go && go build -o sum . && ./sum 1
echo "cache: $(find "$(go env GOCACHE)" -type f | wc -l)"
case $(go env GOCACHE) in "$HOME"/*) echo 'cache at home' ;; esac
END

# npm: with the network. Where a proxy looks into TLS, the host knows its certificate.
online() {
    "$AJAIL" run --quiet --fs="$kept/fs/services" --mount=/etc/ssl/certs/ca-certificates.crt,/run/ca.crt \
        --env=NODE_EXTRA_CA_CERTS=/run/ca.crt "$@"
}

# All that is in the real home, but for the tests' own.
home() { find ~ -path ~/.cache/ajail-tests -prune -o -printf '%p %y %m %s %C@\n' | sort; }
before=$(home)
for mode in "${modes[@]}"; do
    session "pip, $mode" "$mode" -- bash ./pip.sh
    says "Debian's rule" externally-managed-environment
    says 'a wheel' 'greet-1\.5-py3-none-any\.whl'
    says 'in a venv' 'venv: greetings from /root/venv/.*/greet/__init__\.py'
    says 'in the system' 'system: greetings from /usr/local/lib/.*/greet/__init__\.py'
    says 'of the user' 'user: greetings from /root/\.local/lib/.*/greet/__init__\.py'

    session "gcc and go, $mode" "$mode" -- bash ./build.sh
    says gcc 'gcc says hello'
    says go 'go says 42 root'
    says "go's cache" 'cache: [1-9][0-9]*'
    says 'in the home' 'cache at home'
    equal 'what was built is ours' "$(id -un)" "$(stat -c %U c/hello go/sum | sort -u)"
    output 'and runs outside' 'gcc says hello' ./c/hello

    users=()
    [ "$mode" = one ] || users=(--users=range)
    session "npm, $mode" online "${users[@]}" -- bash ./npm.sh
    says ci 'added 2 packages in .*'
    says 'what it installed' 'node says true'
    says 'its cache' 'cache: [2-9][0-9]*'
    says 'and globally' 'global: false'
    equal 'it is in the project' "$(id -un)" "$(stat -c %U node/node_modules/is-{number,odd} | sort -u)"
    rm -r node/node_modules
done
equal 'nothing of it is left at home' '' "$(diff <(echo "$before") <(home))"
output 'nor in the next jail' "$(ls -A "$kept/fs/services/root")" one -- ls -A /root
output 'nor in its /usr/local' gone one -- sh -c 'command -v greet || echo gone'
