// SPDX-License-Identifier: Apache-2.0
// call NUMBER [ARGUMENT...]: makes that system call, and says `ok`, or the name of the errno. Numbers as in C. Static: it
// runs in any root.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
    long a[7] = {0};
    for (int i = 1; i < argc && i < 8; ++i) a[i - 1] = (long)strtoul(argv[i], NULL, 0);
    if (argc < 2) return 2;
    long result = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    if (result == 0 && (a[0] == 56 || a[0] == 57)) _exit(0); // a child
    puts(result < 0 ? strerrorname_np(errno) : "ok");
    return 0;
}
