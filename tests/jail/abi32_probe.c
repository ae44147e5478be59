// SPDX-License-Identifier: Apache-2.0
// call32 NUMBER [ARGUMENT...]: makes that system call of i386, through int 0x80, and says `ok`, or the name of the errno.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
    unsigned a[7] = {0};
    for (int i = 1; i < argc && i < 8; ++i) a[i - 1] = (unsigned)strtoul(argv[i], NULL, 0);
    if (argc < 2) return 2;
    int result = (int)a[0];
    __asm__ volatile("int $0x80"
                     : "+a"(result)
                     : "b"(a[1]), "c"(a[2]), "d"(a[3]), "S"(a[4]), "D"(a[5])
                     : "memory", "r8", "r9", "r10", "r11");
    if (result == 0 && (a[0] == 2 || a[0] == 120)) _exit(0); // a child
    puts(result < 0 && result > -4096 ? strerrorname_np(-result) : "ok");
    return 0;
}
