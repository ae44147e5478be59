#!/bin/bash
# Services that refuse to be root, with one id: --user is whom they want to be.
# needs: the network (once, for tests/peer/prepare)
# not: root userns
# shellcheck disable=SC2154 # modes, kept: services.bash
. "$TESTS/lib.sh"
# shellcheck source=tests/peer/services.bash
. "$TESTS/peer/services.bash"

# A server's first start, in the directory $1.
cat >postgres.sh <<'END'
. ./inside.sh
PATH=/usr/lib/postgresql/15/bin:$PATH
dir=$1
initdb -D "$dir/db" -A peer >"$dir/log" 2>&1 || cat "$dir/log"
pg_ctl -D "$dir/db" -o "-k $dir -c listen_addresses=" -l "$dir/log" -w start
echo "postgres: $(psql -h "$dir" -Atc 'select current_user, version()' postgres)"
psql -h "$dir" -c 'create table t as select generate_series(1, 1000) i' postgres
echo "sum: $(psql -h "$dir" -Atc 'select sum(i) from t' postgres)"
echo "runs as $(owner postgres), its files are $(stat -c %U:%G "$dir/db/base")'s"
pg_ctl -D "$dir/db" -m fast stop
if [ -r /etc/shadow ]; then echo 'all is mine'; else echo 'root is another'; fi
END
cat >again.sh <<'END'
. ./inside.sh
PATH=/usr/lib/postgresql/15/bin:$PATH
pg_ctl -D "$1/db" -o "-k /tmp -c listen_addresses=" -l "$1/log" -w start
echo "kept: $(psql -h /tmp -Atc 'select sum(i) from t' postgres)"
pg_ctl -D "$1/db" -m fast stop
END
cat >redis.sh <<'END'
. ./inside.sh
redis-server --dir /tmp --daemonize yes >/dev/null
until_ redis-cli ping
echo "redis: $(redis-cli ping)"
echo "runs as $(owner redis-server)"
END
cat >nginx.sh <<'END'
. ./inside.sh
mkdir /tmp/www
echo "a page of $(id -un)" >/tmp/www/index.html
cat >/tmp/nginx.conf <<'CONF'
pid /tmp/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    server { listen 127.0.0.1:8080; root /tmp/www; }
}
CONF
nginx -e /tmp/error.log -c /tmp/nginx.conf
echo "nginx: $(page http://127.0.0.1:8080/)"
echo "runs as $(owner nginx)"
END

for mode in "${modes[@]}"; do
    session "PostgreSQL, $mode, --user" "$mode" --user=postgres -- bash ./postgres.sh /tmp
    says 'version()' 'postgres: postgres\|PostgreSQL 15\..*'
    says 'it counts' 'sum: 500500'
    says 'who it is' "runs as postgres, its files are postgres:postgres's"
    if [ "$mode" = one ]; then says 'one id' 'all is mine'; else says 'a user of many' 'root is another'; fi
    session "redis, $mode, --user" "$mode" --user=redis -- bash ./redis.sh
    says 'PING' 'redis: PONG'
    says 'who it is' 'runs as redis'
    session "nginx, $mode, --user" "$mode" --user=www-data -- bash ./nginx.sh
    says 'a page' 'nginx: a page of www-data'
    says 'who it is' 'runs as www-data'
done

# What it wrote stays where it may: in the project, with one id ours.
mkdir data
session 'PostgreSQL in the project' one --user=postgres -- bash ./postgres.sh "$PWD/data"
says 'it counts' 'sum: 500500'
equal 'its files are ours' "$(id -un)" "$(stat -c %U data/db/base)"
session 'and again' one --user=postgres -- bash ./again.sh "$PWD/data"
says 'it is still there' 'kept: 500500'

# As root it does not start: that is why. (docs/root-emulation.md)
matches 'the emulation is not enough for PostgreSQL' 'has wrong ownership' one -- \
    su postgres -c '/usr/lib/postgresql/15/bin/initdb -D /tmp/db'
