#!/bin/bash
# A project is written by jails: a symbolic link in it leads nowhere.
. "$TESTS/lib.sh"

mkdir -p real sub
echo r >real/f
echo secret >"../secret.$$"
ln -s real link
ln -s "$PWD/../secret.$$" evil
ln -s / sub/up
ln -s nowhere dangling
ln -s loop loop
for kind in ro rol rw hide dev; do
    for name in link evil sub/up/etc dangling loop; do
        refuses "--$kind=$name" 'symbolic link' jail --$kind=$name true
    done
    refuses "--mount=link,/m,$kind" 'symbolic link' jail --mount=link,/m,$kind true
done
output 'what it points to can be named' r jail --rol=real cat link/f
# Below a link, in another word for the same place.
refuses 'through ..' 'symbolic link|No such file' jail --rol="../$(basename "$PWD")/link" true

# A target that is a link: followed inside, never outside.
refuses 'a target over a dangling link out of the jail' '.' jail --mount=real,dangling/x,rol true
check 'nothing was made' test ! -e nowhere
output 'a target through a link' r jail --ro --mount=real,link,rol cat link/f
run_ jail --mount="$PWD/real,$PWD/sub/up/srv/x,rol" cat /srv/x/f
if [ "$STATUS" = 0 ]; then equal 'a target through a link to / is one inside' r "$(cat "$OUT")"; else
    refuses 'a target through a link to /' '^ajail: ' jail --mount="$PWD/real,$PWD/sub/up/srv/x,rol" true
fi
check 'and not on the host' test ! -e /srv/x
# Elsewhere links are the user's own word.
ln -s "$PWD/real" "../link.$$"
output 'a link outside the project is followed' r jail --rol="../link.$$" cat "../link.$$/f"
rm -f "../link.$$" "../secret.$$"
