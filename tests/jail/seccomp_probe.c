// SPDX-License-Identifier: Apache-2.0
// call NAME|NUMBER [ARGUMENT...]: makes that system call, and says `ok`, or the name of the errno. Numbers as in C. Static:
// it runs in any root.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Those whose numbers differ among architectures, and that the tests call.
static const struct { const char* name; long number; } named[] = {
#define CALL(name) {#name, SYS_##name},
    CALL(bpf) CALL(close) CALL(fchownat) CALL(keyctl) CALL(mkdirat) CALL(mount) CALL(open_by_handle_at) CALL(perf_event_open)
    CALL(personality) CALL(ptrace) CALL(seccomp) CALL(set_mempolicy) CALL(socket) CALL(unshare) CALL(userfaultfd)};

static long number_of(const char* word) {
    for (unsigned i = 0; i < sizeof named / sizeof *named; ++i)
        if (!strcmp(word, named[i].name)) return named[i].number;
    char* end;
    long number = (long)strtoul(word, &end, 0);
    if (*word == 0 || *end != 0) exit(2);
    return number;
}

int main(int argc, char** argv) {
    long a[7] = {0};
    if (argc < 2) return 2;
    a[0] = number_of(argv[1]);
    for (int i = 2; i < argc && i < 8; ++i) a[i - 1] = (long)strtoul(argv[i], NULL, 0);
    long result = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    if (result == 0 && a[0] == SYS_clone) _exit(0); // a child
    puts(result < 0 ? strerrorname_np(errno) : "ok");
    return 0;
}
