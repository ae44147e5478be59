#!/bin/bash
# Web servers: nginx and apache2, in both kinds of jails over one root filesystem, also at the same time.
# needs: the network (once, for tests/peer/prepare)
# not: root userns
# shellcheck disable=SC2154 # modes: services.bash
. "$TESTS/lib.sh"
# shellcheck source=tests/peer/services.bash
. "$TESTS/peer/services.bash"

cat >web.sh <<'END'
. ./inside.sh
rm -f /var/www/html/*
echo "a page of $1" >/var/www/html/index.html
install -m 600 -o www-data /dev/null /var/www/html/own.html
echo "for www-data alone" >/var/www/html/own.html
install -m 600 /dev/null /var/www/html/secret.html
sed -i 's/\b80\b/8080/' /etc/apache2/ports.conf /etc/apache2/sites-available/000-default.conf
service nginx start
service apache2 start
echo "nginx: $(page http://127.0.0.1/)"
echo "apache2: $(page http://127.0.0.1:8080/)"
echo "own: $(page http://127.0.0.1/own.html)"
echo "kept out: $(page http://127.0.0.1/secret.html 2>&1 | tail -n 1)"
echo "nginx runs as $(owner nginx), apache2 as $(owner apache2)"
if [ $# -gt 1 ]; then # another jail does the same meanwhile
    touch "up-$1"
    until_ test -e "up-$2"
    echo "meanwhile: $(page http://127.0.0.1/)"
    touch "done-$1"
    until_ test -e "done-$2"
fi
service nginx stop
service apache2 stop
echo "stopped: $(pidof nginx apache2 || echo yes)"
END

for mode in "${modes[@]}"; do
    session "web, $mode" "$mode" -- bash ./web.sh "$mode"
    says 'nginx' "nginx: a page of $mode"
    says 'apache2' "apache2: a page of $mode"
    says 'a file of its user' 'own: for www-data alone'
    if [ "$mode" = range ]; then
        says "a file of root's is none of its" 'kept out: .*HTTPError: HTTP Error 403: Forbidden'
        says 'they are somebody' 'nginx runs as root www-data, apache2 as root www-data'
    else
        says 'all files are one user'"'"'s' 'kept out: '
        says 'they are root, in truth' 'nginx runs as root, apache2 as root'
    fi
    says 'they end' 'stopped: yes'
done

# Two jails of one root filesystem, each with a server at the same port.
second=${modes[-1]}
one -- bash ./web.sh first second >first.said 2>&1 &
session 'two at once, the second' "$second" -- bash ./web.sh second first
says 'its page' 'meanwhile: a page of second'
check 'two at once, the first' wait $!
equal 'its page' 'meanwhile: a page of first' "$(grep -a '^meanwhile' first.said)"
equal 'neither is there afterwards' 0 "$(grep -rl 'a page of' "$kept/fs/services/var/www" | wc -l)"
