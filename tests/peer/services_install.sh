#!/bin/bash
# Services that keep files under users of their own: installed in a jail, started as Debian starts them, asked, gone.
# needs: the network (once, for tests/peer/prepare)
# seconds: 240
# not: root userns
# shellcheck disable=SC2154 # modes: services.bash
. "$TESTS/lib.sh"
# shellcheck source=tests/peer/services.bash
. "$TESTS/peer/services.bash"

cat >install.sh <<'END'
. ./inside.sh
echo postfix postfix/main_mailer_type select Local only | debconf-set-selections
apt-get install -q -y --no-install-recommends "$@" >/tmp/apt.log 2>&1 || { tail -n 30 /tmp/apt.log; exit 1; }

if [ -e /usr/bin/psql ]; then
    service postgresql start
    until_ su postgres -c 'psql -c "select 1"'
    echo "postgres: $(su postgres -c 'psql -Atc "select current_user, version()"')"
    su postgres -c 'createuser www-data && createdb -O www-data shop'
    echo "peer: $(su www-data -s /bin/sh -c 'psql -Atc "create table t (i int); insert into t values (6), (7);
        select current_user, sum(i) from t" shop' | tail -n 1)"
    echo "postgres runs as $(owner postgres), its files are $(stat -c %U /var/lib/postgresql/15/main/base)'s"
    service postgresql stop
    echo "stopped: $(pidof postgres || echo yes)"
fi

service redis-server start
until_ redis-cli ping
echo "redis: $(redis-cli ping)"
redis-cli set key kept
redis-cli save
echo "redis runs as $(owner redis-server), its file is $(stat -c %U /var/lib/redis/dump.rdb)'s"
service redis-server restart
until_ redis-cli ping
echo "after a restart: $(redis-cli get key)"

service mariadb start
echo "mariadb: $(mariadb -Ne 'create database shop; create table shop.t (i int) engine=innodb; insert into shop.t values (40), (2);
    select sum(i), current_user(), version() from shop.t' | tr '\t' ' ')"
echo "mariadb runs as $(owner mariadbd), its files are $(stat -c %U /var/lib/mysql/shop)'s"
service mariadb stop

useradd -m eve
[ -e /usr/bin/psql ] || postconf -e strict_mailbox_ownership=no # with one id, what eve owns is root's
service postfix start
printf 'Subject: news\n\nall is well\n' | /usr/sbin/sendmail eve@localhost
until_ test -s /var/mail/eve
echo "mail: $(grep -c '^Subject: news$' /var/mail/eve) $(tail -n 2 /var/mail/eve | tr -d '\n')"
printf 'Subject: more\n\nby SMTP\n' | perl -MNet::SMTP -e '
    my $smtp = Net::SMTP->new("127.0.0.1") or die; $smtp->mail("root\@localhost"); $smtp->to("eve\@localhost");
    $smtp->data(<STDIN>) or die $smtp->message'
until_ grep '^by SMTP$' /var/mail/eve
echo "smtp: $(grep -c '^by SMTP$' /var/mail/eve)"
echo "qmgr runs as $(owner qmgr), the mail is $(stat -c %U /var/mail/eve)'s"
END

for mode in "${modes[@]}"; do
    packages=(redis-server mariadb-server postfix)
    [ "$mode" = one ] || packages+=(postgresql-15)
    session "installed, $mode" fresh "$mode" -- bash ./install.sh "${packages[@]}"
    says 'redis' 'redis: PONG'
    says 'redis keeps' 'after a restart: kept'
    says 'mariadb' 'mariadb: 42 root@localhost 10\.11\..*-MariaDB.*'
    says 'mail is delivered' 'mail: 1 all is well'
    says 'and from SMTP' 'smtp: 1'
    if [ "$mode" = one ]; then
        # The kernel knows nobody else.
        says 'redis is root, in truth' "redis runs as root, its file is root's"
        says 'mariadb, too' "mariadb runs as root, its files are root's"
        says 'and mail' "qmgr runs as root, the mail is root's"
    else
        says 'redis is itself' "redis runs as redis, its file is redis's"
        says 'mariadb is itself' "mariadb runs as mysql, its files are mysql's"
        says 'postfix is itself' "qmgr runs as postfix, the mail is eve's"
        says 'PostgreSQL' 'postgres: postgres\|PostgreSQL 15\..*'
        says 'PostgreSQL is itself' "postgres runs as postgres, its files are postgres's"
        says 'it knows another user by its socket' 'peer: www-data\|13'
        says 'it ends' 'stopped: yes'
    fi
done
output 'and nothing of it is there in the next jail' gone fresh one -- \
    sh -c 'id redis >/dev/null 2>&1 || test -e /usr/bin/redis-cli || echo gone'

# Installed once, and used in later jails.
if [ "${modes[-1]}" = range ]; then
    export AJAIL_HOME=$PWD/store
    mkdir -m 700 store && mkdir store/fs && cp -a --reflink=auto "$kept/fs/bookworm" store/fs/base
    check 'a copy' "$AJAIL" fs copy base shop
    check 'edited' fresh range --fs=shop --fs-edit -- apt-get install -q -y --no-install-recommends redis-server
    cat >used.sh <<'END'
. ./inside.sh
service redis-server start
until_ redis-cli ping
redis-cli set key kept
redis-cli save
echo "redis: $(redis-cli ping)"
echo "runs as $(owner redis-server), its directory is $(stat -c %U /var/lib/redis)'s"
END
    check 'a copy of that' "$AJAIL" fs copy shop shop.2
    for name in shop shop.2; do
        session "used: $name" range --fs=$name -- bash ./used.sh
        says 'redis' 'redis: PONG'
        says 'is itself' "runs as redis, its directory is redis's"
    done
    output 'nothing of that stays' 0 range --fs=shop sh -c 'ls /var/lib/redis | wc -l'
    check 'removed' "$AJAIL" fs remove shop shop.2
    equal 'wholly' base "$(ls -A store/fs)"
fi
