// SPDX-License-Identifier: Apache-2.0
// What a 32-bit program needs of libc: says a word for each thing that works.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void* thread(void* arg) { return arg; }

int main(void) {
    struct timespec now, moment = {0, 1000};
    if (clock_gettime(CLOCK_REALTIME, &now) == 0 && nanosleep(&moment, NULL) == 0) printf("time ");
    pthread_t id;
    if (pthread_create(&id, NULL, thread, NULL) == 0 && pthread_join(id, NULL) == 0) printf("thread ");
    fflush(stdout);
    int status = 0;
    pid_t child = fork();
    if (child == 0) _exit(3);
    if (waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3) printf("fork ");
    struct stat st;
    if (stat("/", &st) == 0) printf("stat ");
    if (setgid(5) == 0 && setuid(5) == 0) printf("uid=%d ", (int)getuid());
    printf("socket=%s\n", socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? strerrorname_np(errno) : "ok");
    return 0;
}
