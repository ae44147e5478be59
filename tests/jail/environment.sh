#!/bin/bash
# The environment is built from nothing.
. "$TESTS/lib.sh"

wanted="HOME=/root
IS_SANDBOX=1
PATH=/root/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PWD=$PWD
TERM=xterm
USER=root"
sorted() { env "${@%%|*}" "$AJAIL" run --quiet --fs=deb env | sort; }
output 'what there is' "$wanted" sorted SECRET=1 LD_PRELOAD= LANG=de
output 'TERM is the caller'"'"'s' TERM=dumb sh -c 'TERM=dumb "$AJAIL" run --quiet --fs=deb env | grep ^TERM'
output 'xterm if it has none' TERM=xterm sh -c 'unset TERM; "$AJAIL" run --quiet --fs=deb env | grep ^TERM'
in_jail() { env "${@:2}" "$AJAIL" run --quiet --fs=deb sh -c "$1"; }
output 'AJAIL_ENV_X' '1 two words' in_jail 'echo "$X $Y"' AJAIL_ENV_X=1 'AJAIL_ENV_Y=two words'
output 'an empty one' '[]' in_jail 'echo "[${X-unset}]"' AJAIL_ENV_X=
output 'it replaces the defaults' '/h /p:/bin' in_jail 'echo "$HOME $PATH"' AJAIL_ENV_HOME=/h AJAIL_ENV_PATH=/p:/bin
refuses 'without a name' 'AJAIL_ENV_' env AJAIL_ENV_=x "$AJAIL" run --quiet --fs=deb true
output '--env' 1 jail --env=X=1 sh -c 'echo $X'
output '--env, the caller'"'"'s' passed sh -c 'X=passed "$AJAIL" run --quiet --fs=deb --env=X sh -c "echo \$X"'
output '--env, which the caller has not' '[unset]' jail --env=NOT_THERE sh -c 'echo "[${NOT_THERE-unset}]"'
output '--env wins over AJAIL_ENV_' cli sh -c 'AJAIL_ENV_X=env "$AJAIL" run --quiet --fs=deb --env=X=cli sh -c "echo \$X"'
output 'the last --env wins' 2 jail --env=X=1 --env=X=2 sh -c 'echo $X'
output 'PATH is what commands are looked up in' found sh -c 'mkdir -p b; printf "#!/bin/sh\necho found\n" >b/mine; chmod +x b/mine
    "$AJAIL" run --quiet --fs=deb --env=PATH="$PWD/b:/bin" mine'
equal 'values are bytes' 'ff0a' "$(jail --env=X=$'\xff\n' sh -c 'printf %s "$X" | od -An -tx1 | tr -d " \n"')"
output 'the caller'"'"'s PATH does not matter' ok sh -c 'PATH=/nonexistent "$AJAIL" run --quiet --fs=deb echo ok'
output 'without any environment' ok env -i AJAIL_HOME="$AJAIL_HOME" "$AJAIL" run --quiet --fs=deb echo ok
output 'a store that is named by a way round' ok env AJAIL_HOME="$AJAIL_HOME/none/..//." "$AJAIL" run --quiet --fs=deb echo ok
