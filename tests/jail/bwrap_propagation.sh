#!/bin/bash
# As bwrap: what the host mounts while a jail runs does not appear in it, so it is not writable there either, nor
# set-user-ID or with devices. Mounts are made in a user and mount namespace of the test's own, shared as a host's are.
# not: root
. "$TESTS/lib.sh"

mkdir -p tree/before tree/later
mkfifo go answer
cat >inside <<'END'
echo ready >answer
read -r _ <go
if [ -e tree/later/late ]; then echo seen; else echo unseen; fi
if touch tree/later/written 2>/dev/null; then echo writable; else echo read-only; fi
if touch tree/before/written 2>/dev/null; then echo writable; else echo read-only; fi
grep -c ' shared:\| master:' /proc/self/mountinfo
END
cat >script <<'END'
set -e
mount --make-rshared /
mount -t tmpfs none tree/before
"$AJAIL" bwrap $1 --ro-bind / / --proc /proc sh inside >said &
read -r _ <answer
mount -t tmpfs none tree/later
touch tree/later/late
echo >go
wait
cat said
END
for options in '' '--unshare-user --unshare-pid'; do
    output "a later mount${options:+, $options}" 'unseen read-only read-only 0 ' \
        bash -c "unshare --user --map-root-user --mount bash script '$options' | tr '\n' ' '"
done
