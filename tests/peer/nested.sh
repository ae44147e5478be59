#!/bin/bash
# Sandboxes of others in a jail with --nested: Debian's bubblewrap, and Chromium's own.
# needs: the network (once, for tests/peer/prepare)
# seconds: 300
# not: root
. "$TESTS/lib.sh"
kept=$HOME/.cache/ajail-tests/packages
if [ ! -d "$kept/fs/nested" ]; then
    fail_ 'the root filesystem nested' "$kept/fs/nested" 'none: tests/peer/prepare makes it'
    exit
fi
plain() { "$AJAIL" run --quiet --fs="$kept/fs/nested" --no-net --env=HOME=/tmp "$@"; }
nested() { plain --nested "$@"; }

# Everything as it is, once more; and with a procfs, a /dev and a /tmp of its own.
whole=(bwrap --unshare-all --proc /proc --dev /dev --ro-bind / /)
own=(bwrap --unshare-all --die-with-parent --new-session --ro-bind / / --tmpfs /tmp --proc /proc --dev /dev)
seen='id -u; cd /proc; echo [0-9]*; touch /tmp/x && echo writes; cat sys/kernel/ostype; touch /usr/x 2>/dev/null; cat kcore 2>/dev/null; true'
for user in root www-data; do
    as=(nested "--user=$user")
    uid=$("${as[@]}" -- id -u)
    output "bwrap, all of the root, as $user" "$uid" "${as[@]}" -- "${whole[@]}" id -u
    output "bwrap, its own procfs, as $user" "$uid"$'\n1 2\nwrites\nLinux' "${as[@]}" -- "${own[@]}" sh -c "$seen"
    output "bwrap in bwrap, as $user" "$uid"$'\n1 2\nwrites\nLinux' "${as[@]}" -- "${own[@]}" "${own[@]}" sh -c "$seen"
    status "its status, as $user" 7 "${as[@]}" -- "${own[@]}" sh -c 'exit 7'
    # What is read-only for bubblewrap alone is not to somebody with capabilities in it; what is for the jail is.
    output "with capabilities in it, as $user" held "${as[@]}" --rol -- "${own[@]}" --uid 0 --gid 0 --cap-add ALL sh -c '
        for mount in / "$PWD"; do mount -o remount,bind,rw "$mount" 2>/dev/null; done
        umount /proc "$PWD" 2>/dev/null
        touch x 2>/dev/null || echo held'
done
matches 'bwrap without --nested' '^bwrap: (No permissions to create|Creating) (a )?new namespace' plain -- "${own[@]}" true
output 'bwrap in a jail in a jail' '1 2' nested --user=root --rol="$AJAIL" -- \
    "$AJAIL" run --quiet --fs=host --nested -- "${own[@]}" sh -c 'cd /proc; echo [0-9]*'

cat >page.html <<'HTML'
<!DOCTYPE html>
<title>no script</title>
<p id="sum"></p>
<script>document.getElementById("sum").textContent = "six times seven is " + 6 * 7</script>
HTML
chrome='timeout 60 chromium --headless --disable-gpu --disable-crash-reporter'
dom="$chrome --dump-dom file://$PWD/page.html"
found='<p id="sum">six times seven is 42</p>'
matches 'Chromium, in its own sandbox' "$found" nested --user=www-data -- sh -c "$dom"
matches 'without --nested, without its own' "$found" plain -- sh -c "$dom --no-sandbox"
matches 'without --nested, with its own' 'No usable sandbox!' plain --user=www-data -- sh -c "$dom"

# What the page's process is in: it goes on until it is looked at.
cat >look.sh <<'S'
chromium --headless --disable-gpu --disable-crash-reporter --remote-debugging-port=0 "$@" "file://$PWD/page.html" 2>/tmp/log &
for _ in $(seq 300); do
    for proc in /proc/[0-9]*; do
        tr '\0' ' ' <"$proc/cmdline" | grep -q -e ' --type=renderer ' || continue
        filters=$(sed -n 's/^Seccomp_filters:\t//p' "$proc/status")
        [ "$filters" -gt "$(sed -n 's/^Seccomp_filters:\t//p' /proc/self/status)" ] || [ $# -gt 0 ] || continue
        for kind in user pid net; do
            [ "$(readlink "$proc/ns/$kind")" = "$(readlink "/proc/self/ns/$kind")" ] || echo "own $kind"
        done
        exit
    done 2>/dev/null
    sleep 0.1
done
tail /tmp/log
S
output 'what the page is in' $'own user\nown pid\nown net' nested --user=www-data -- sh look.sh
output 'without its sandbox' '' nested --user=www-data -- sh look.sh --no-sandbox
