#!/bin/bash
# What jobs for CI are given, carried out by an ordinary user: see ci.py.
set -u
# shellcheck disable=SC2034 # user.sh
as=user
BINARY=${AJAIL_BINARY:-$(dirname "$0")/../build/ajail}
tests=$(cd "$(dirname "$0")" && pwd)
if ! python3 -c 'import yaml' 2>/dev/null || [ ! -x "$(command -v shellcheck)" ]; then
    echo 'skip   needs python3-yaml and shellcheck'
    exit 0
fi
# shellcheck source=tests/user.sh
. "$tests/user.sh"
mkdir -p "$here/sources/tools"
cp "$tests/../action.yml" "$tests/ci.py" "$here/sources/" || die 'cannot copy'
cp -r "$tests/../tools/ci" "$here/sources/tools/" || die 'cannot copy'
chmod -R a+rX "$here/sources"
cd "$here/work" && "${become[@]}" "${clean[@]}" python3 "$here/sources/ci.py" "$here/sources" "$here/ajail" "$base/ci"
