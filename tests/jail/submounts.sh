#!/bin/bash
# What is mounted below a grant comes with it, and is as read-only as the top.
# Mounts are made in a user and mount namespace of the test's own.
# not: root
. "$TESTS/lib.sh"

mkdir -p p/sub/subsub p/plain g
cat >script <<'END'
set -e
mount -t tmpfs none p/sub
mkdir p/sub/subsub
mount -t tmpfs none p/sub/subsub
echo s >p/sub/f
echo ss >p/sub/subsub/f
cd p
writes() { "$AJAIL" run --quiet --fs=deb "$@" sh -c '
    for d in . sub sub/subsub; do touch $d/w 2>/dev/null && printf "%s " $d; done; cat sub/f sub/subsub/f | tr "\n" " "'; }
echo "rw: $(writes)"
rm -f w sub/w sub/subsub/w
echo "rol: $(writes --rol)"
echo "ro: $(writes --ro)"
echo "left: $(find . -name w)"
echo "rol=sub: $(writes --rol=sub)"
rm -f w
echo "hole: $(writes --rol --rw=sub/subsub)"
rm -f sub/subsub/w
echo "ro=plain: $("$AJAIL" run --quiet --fs=deb --ro=plain sh -c 'touch plain/w && echo yes')"
echo "hide: $("$AJAIL" run --quiet --fs=deb --hide=sub ls -A sub)"
echo "dry: $("$AJAIL" run --fs=deb --ro --dry-run | grep -c 'given up *writing to')"
cd ../g
echo "grant: $("$AJAIL" run --quiet --fs=deb --rol=../p sh -c 'touch ../p/sub/w 2>/dev/null && echo yes; cat ../p/sub/subsub/f')"
END
lines=$(unshare --user --map-root-user --mount bash script 2>&1)
said() { sed -n "s/^$1: *//p" <<<"$lines" | sed 's/ *$//'; }
equal 'the script ran' 10 "$(wc -l <<<"$lines")"
equal '--rw: all can be written' '. sub sub/subsub s ss' "$(said rw)"
equal '--rol: none can' 's ss' "$(said rol)"
equal '--ro: read-only where there are submounts, nothing stays' 's ss' "$(said ro)"
equal '--ro: nothing stayed' '' "$(said left)"
equal '--rol=sub' '. s ss' "$(said 'rol=sub')"
equal 'a hole in --rol' 'sub/subsub s ss' "$(said hole)"
equal '--ro of a part without submounts is an overlay' yes "$(said 'ro=plain')"
equal '--hide covers them' '' "$(said hide)"
equal 'what --ro cannot do is said in the plan' 1 "$(said dry)"
equal 'below a grant' ss "$(said grant)"

# What is mounted later on the host does not appear inside.
cat >later <<'END'
mkdir -p q/later
cd q
mount --make-rshared / 2>/dev/null
"$AJAIL" run --quiet --fs=deb --rol sh -c 'echo ready; sleep 1; ls later; touch later/w 2>/dev/null && echo wrote' &
sleep 0.5
mount -t tmpfs none later && echo x >later/appeared
wait
END
output 'mounted later' ready unshare --user --map-root-user --mount bash later

# In a root filesystem no overlay can be made of it.
cat >inside <<'END'
mount -t tmpfs none "$AJAIL_HOME/fs/deb/mnt"
"$AJAIL" run --fs=deb "$@"
END
for how in --quiet --dry-run; do
    matches "mounted in the root filesystem: $how" 'mounted inside the root filesystem.*; unmount them' \
        unshare --user --map-root-user --mount bash inside "$how" true
done
