#!/bin/bash
# The command line: where options end, one dash or two, default command, help, version, what is refused.
. "$TESTS/lib.sh"

output 'the first word that is no option starts the command' '--no-net -x' jail echo --no-net -x
output '-- ends the options' '--fs=x' jail -- echo --fs=x
output 'a lone dash, too' ok jail - echo ok
output 'only the first -- does' '-- x' jail -- echo -- x
output 'one dash is as good as two' 0 "$AJAIL" -fs=deb -quiet -no-net id -u
output 'without "run", for short' ok "$AJAIL" --fs=deb --quiet echo ok
output 'a value as the next word' ok "$AJAIL" run --fs deb --quiet echo ok
output 'a command called run' 'not here' jail sh -c 'command -v run || echo not here'

bash_in_jail() { echo 'echo "$0"' | "$AJAIL" run --quiet --fs=deb "$@"; }
output 'no command: bash' bash bash_in_jail
output '-- and nothing: bash' bash bash_in_jail --
mkdir -p "$PWD/../tiny.$$/bin"
cp /bin/busybox "$PWD/../tiny.$$/bin/sh" 2>/dev/null && [ "$(ldd /bin/busybox 2>&1 | grep -c '=>')" = 0 ] &&
    output 'no bash there: sh' sh bash -c 'echo "echo \$0" | "$AJAIL" run --quiet --fs="$1"' - "$PWD/../tiny.$$"
rm -rf "$PWD/../tiny.$$"

output 'arguments arrive as they are' "$(printf 'a b|c\nd||*|\\|"')" jail sh -c 'printf "%s|%s|%s|%s|%s|%s" "$@"' - \
    'a b' $'c\nd' '' '*' \\ '"'
bytes() { jail printf %s $'\xff\xfe\x01\x80' | od -An -tx1 | tr -d ' \n'; }
equal 'arguments are bytes' fffe0180 "$(bytes)"

matches 'help is on stdout' '^Usage: ajail' sh -c '"$AJAIL" run --help 2>/dev/null'
for words in --help -h help 'run --help' 'run -help' 'mkfs --help' --version 'run --version' 'run --quiet --help x'; do
    # shellcheck disable=SC2086 # several words
    status "ajail $words" 0 "$AJAIL" $words
    equal "ajail $words says nothing on stderr" '' "$(cat "$ERR")"
done
matches 'version' '^ajail [0-9]+\.[0-9]+' "$AJAIL" --version
matches 'and for what, with what in it' '^for (x86-64|aarch64), with glibc .*nlohmann-json' "$AJAIL" --version

refuses 'an unknown option' 'unknown option --bogus' jail --bogus true
refuses "an option of bubblewrap's" 'unknown option --ro-bind .*ajail bwrap --help' "$AJAIL" --ro-bind / / true
refuses 'with control characters' 'unknown option --a\\x1b\\x0ab' jail --a$'\e\n'b true
refuses 'a value too many' '--no-net takes no value' jail --no-net=1 true
refuses 'an empty value' '--ro= needs a value' jail --ro= true
refuses 'a value that is missing' '--env needs a value' jail --env
refuses 'an unknown capability' 'no such capability' jail --cap-add=CAP_NO true
matches 'a subcommand with a slip in it' "^ajail: verfy: command not found.*did you mean 'ajail verify'" \
    "$AJAIL" --fs=deb --quiet verfy
for slip in statuss:status exe:exec kil:kill statsu:status aply:apply; do
    matches "$slip" "did you mean 'ajail ${slip#*:}'" "$AJAIL" --fs=deb --quiet "${slip%:*}"
done
matches 'no slip of a short name' "command not found in the jail's PATH\$" "$AJAIL" --fs=deb --quiet kiss
matches 'a command and its arguments as one word' 'without the quotes it is a command' "$AJAIL" --fs=deb --quiet 'ls -la'
mkdir out
matches 'a value after a space' '^ajail: out: command not found.*\./out .*--rw=out' "$AJAIL" --fs=deb --quiet --rw out true
rmdir out
# shellcheck disable=SC2088 # as it is typed
refuses 'a tilde that no shell has expanded' '^ajail: --rw=~/p: No such file .*\$HOME' jail '--rw=~/p' true
refuses 'a user who may be in the kept layer' 'no user zz .*--user=UID:GID' jail --user=zz --keep=k --dry-run true
refuses 'a long host name' '--hostname has 65 bytes; at most 64' jail --hostname="$(printf 'x%.0s' {1..65})" true
output 'the longest' "$(printf 'x%.0s' {1..64})" jail --hostname="$(printf 'x%.0s' {1..64})" uname -n
refuses 'the report on stdout by the name of others' '--report=-: say --report=1' jail --report=- true
matches 'limits have units' '^limit        timeout 9000 ms ' jail --timeout=9 --dry-run true
matches 'as JSON they are numbers' '"value": 9000' jail --timeout=9 --dry-run=json true

# No room: it is not for mounts that there is none.
refuses 'little disk' 'No space left on device \(no jail fits into the 1024 bytes .*--disk=SIZE' jail --disk=1k true
refuses 'little memory' '--disk=SIZE \(without it, half of --memory\)' jail --memory=1k true
sanitized || refuses 'for verify' 'its --disk is too small' "$AJAIL" verify --fs=deb --disk=16k
refuses 'few descriptors' 'Too many open files \(too many open files; raise ulimit -n\)' \
    bash -c 'ulimit -n 10; "$AJAIL" run --quiet --fs=deb true'
if [ "$AS" = user ]; then
    sanitized || refuses 'few processes' 'clone3: Resource temporarily unavailable \(too many processes of this user; raise ulimit -u' \
        bash -c 'ulimit -u 1; exec "$AJAIL" run --quiet --fs=deb true'
    refuses 'a range in a user namespace of one id' 'in a user namespace, as here, .*start ajail outside of it' \
        unshare -Ur --mount sh -c 'mount --bind /dev/null /etc/subuid && "$AJAIL" run --quiet --fs=deb --users=range true'
fi
matches 'more processes than the caller may have' 'Given up: a limit of 300 processes \(your own is 200 \(ulimit -Hu\)\)' \
    bash -c 'ulimit -u 200; "$AJAIL" run --fs=deb --pids=300 true'
refuses '--bw' '--env' jail --bw=--unsetenv true
output '--bwrap-bin does nothing' ok jail --bwrap-bin=/nonexistent echo ok
refuses 'an unknown distribution' 'slackware' "$AJAIL" mkfs slackware
# It dies with a message of the monitor's unread, and the monitor listens only then.
if command -v strace >/dev/null && [ "$(uname -m)" = x86_64 ] && ! sanitized; then # which look for leaks, but not so
    touch file
    refuses 'why the set-up failed is heard late' 'overlay .*/file -> /etc: Is a directory' \
        strace -qq -o /dev/null -e trace=poll -e inject=poll:delay_enter=300000 \
        "$AJAIL" run --quiet --fs=deb --mount="$PWD/file,/etc,ro" true
else
    skip 'why the set-up failed is heard late' 'strace, for x86-64'
fi
