#!/bin/bash
# A command that fails is told which calls were refused on the way, and which options allow them; one that does well
# without is told nothing. Init answers, so what it does while it is asked without end is here, too.
. "$TESTS/lib.sh"

"${CC:-cc}" -static -O1 -o call "$TESTS/jail/seccomp_probe.c" || exit 1
perf=perf_event_open ring='425 1 0'

# ends NAME WANT OPTIONS -- COMMAND: what ajail says after the command, `-` for nothing
ends() {
    local name=$1 want=$2
    shift 2
    run_ "$AJAIL" run --fs=deb "$@"
    got=$(grep -a '^ajail: ' "$ERR")
    equal "$name" "$want" "${got:--}"
}
failing() { echo "$*; exit 3"; }

both='ajail: refused on the way: perf_event_open (--allow=perf), io_uring_setup (--allow=io_uring)'
kinds=(--user=root --user=daemon --fs=host)
for kind in "${kinds[@]}"; do
    ends "two calls, $kind" "$both" "$kind" -- sh -c "$(failing "./call $perf; ./call $ring; ./call $perf")"
    equal "its status, $kind" 3 "$STATUS"
    ends "it does well without, $kind" - "$kind" -- sh -c "./call $perf; ./call $ring"
    equal "and well it is, $kind" 0 "$STATUS"
    ends "killed, $kind" "$both" "$kind" -- sh -c "./call $perf; ./call $ring; kill -KILL \$\$"
    ends "what is allowed is not told, $kind" "${both/perf_event_open (--allow=perf), /}" "$kind" --allow=perf -- \
        sh -c "$(failing "./call $perf; ./call $ring")"
    # Who answers could let it happen. What the kernel says to a listener without a program is EFAULT.
    output "no listener but init, $kind" EBUSY "$AJAIL" run --quiet --fs=deb "$kind" ./call seccomp 1 8 0
    output "other programs as one likes, $kind" EFAULT "$AJAIL" run --quiet --fs=deb "$kind" ./call seccomp 1 0 0
done
ends '--quiet' - --quiet -- sh -c "$(failing "./call $perf")"
ends 'by the name of the call' - --allow=perf_event_open -- sh -c "$(failing "./call $perf")"
ends 'what is denied is refused without a word' - --deny=perf_event_open -- sh -c "$(failing "./call $perf")"
ends 'what no option allows' - -- sh -c "$(failing ./call 999)"
ends 'threads and processes are nobody'\''s business' - -- sh -c "$(failing true)"
ends 'namespaces' 'ajail: refused on the way: unshare (--allow=userns), mount (--allow=userns)' -- \
    sh -c 'unshare -Ur true; mount -t tmpfs none /mnt' 
ends 'strict' 'ajail: refused on the way: ptrace (--allow=ptrace)' --seccomp=strict -- sh -c "$(failing './call ptrace 99')"
ends 'sockets' 'ajail: refused on the way: socket (--allow=vsock), socket (--allow=raw-socket)' -- \
    sh -c "$(failing './call socket 17 3 0; ./call socket 40 1 0; ./call socket 38 5 0')"
own=(--nested --no-root-emulation)
ends 'a payload may have its own listener' - "${own[@]}" -- sh -c "$(failing "./call $perf")"
output 'as the manual has it' EFAULT jail "${own[@]}" ./call seccomp 1 8 0
ends 'nothing is refused, nothing told' - --seccomp=off -- sh -c "$(failing "./call $perf")"
ends 'a command that is not there' 'ajail: nosuch: command not found in the jail'\''s PATH' -- nosuch

# 0x40000000: x32, where there is one
killed='^ajail: the command was killed by SIGSYS, as by a system call of a foreign ABI \(32-bit or x32\): --'
if [ "$(uname -m)" = x86_64 ]; then
    matches 'a foreign ABI' "$killed" "$AJAIL" run --fs=deb ./call $((0x40000027))
    equal 'its status' 159 "$STATUS"
    matches 'a shell'\''s' "$killed" "$AJAIL" run --fs=deb sh -c './call $((0x40000027)); exit $?'
fi

# Six processes that are refused without end. Init hears the monitor all the same, and answers others.
cat >storm.c <<'END'
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    for (int i = 0; i < 5; ++i)
        if (fork() == 0) break;
    for (;;) syscall(SYS_perf_event_open, 0, 0, 0, 0, 0);
}
END
"${CC:-cc}" -static -O1 -o storm storm.c || exit 1
output 'others are answered' 'root 3' timeout 20 "$AJAIL" run --quiet --fs=deb -- \
    sh -c './storm & sleep 0.3; id -un | tr "\n" " "; echo 3'
started=$EPOCHREALTIME
status 'the monitor is heard' 143 timeout --preserve-status --signal=TERM 2 "$AJAIL" run --quiet --fs=deb -- sh -c './storm & exec sleep 60'
took=$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { print b - a < 10 ? "soon" : "late" }')
equal 'and at once' soon "$took"
