// SPDX-License-Identifier: Apache-2.0
// For probes that are compiled while testing.
#pragma once

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Ends the process unless THAT is true.
#define must(that)                                                                             \
    do {                                                                                       \
        errno = 0;                                                                             \
        if (!(that)) {                                                                         \
            fprintf(stderr, "line %d: not true: %s (%s)\n", __LINE__, #that, strerror(errno)); \
            _exit(1);                                                                          \
        }                                                                                      \
    } while (0)
