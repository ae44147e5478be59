// limits_probe WHAT [N]: uses up N of something, as a program would, and says what became of it.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t mega;

static void *fill(int flags) {
    char *at = mmap(NULL, mega << 20, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        printf("mmap: %s\n", strerror(errno));
        exit(1);
    }
    memset(at, 1, mega << 20);
    return at;
}

// Long enough for init to look.
static void stay(void) { usleep(700000); }

static void *thread(void *argument) {
    (void)argument;
    usleep(100000); // the first thread has ended by then
    fill(MAP_SHARED); // which RLIMIT_DATA does not count
    stay();
    puts("done");
    fflush(stdout);
    _exit(0);
}

static int child(void *argument) {
    (void)argument;
    stay();
    _exit(0);
}

static void children(int count, void (*work)(void)) {
    for (int i = 0; i < count; ++i)
        if (fork() == 0) {
            work();
            stay();
            _exit(0);
        }
    while (wait(NULL) > 0) {
    }
}

// Into a file of nobody's, which is never mapped.
static int written(void) {
    static char block[1 << 20];
    int fd = memfd_create("written", MFD_CLOEXEC);
    memset(block, 1, sizeof block);
    for (size_t i = 0; i < mega; ++i)
        if (write(fd, block, sizeof block) != sizeof block) return printf("write: %s\n", strerror(errno)), 1;
    puts("done");
    return 0;
}

static void fill_private(void) { fill(MAP_PRIVATE); }
static void nothing(void) {}

// As many processes as there can be, in turns as each of USERS.
static void forks(int most, int users) {
    int count = 0;
    for (int user = 0; user < users; ++user) {
        if (user > 0 && setresuid(user, user, 0) < 0) {
            printf("setresuid: %s\n", strerror(errno));
            break;
        }
        for (int i = 0; i < most; ++i) {
            pid_t pid = fork();
            if (pid < 0) break;
            if (pid == 0)
                for (;;) pause();
            ++count;
        }
        if (user > 0 && setresuid(0, 0, 0) < 0) break;
    }
    printf("%d\n", count);
}

static void bomb(void) {
    for (;;) (void)!fork();
}

// A process whose memory nobody else gets to look at (mmap_lock): one thread fills it in one call, which reads, and
// others always wait to write.
static int pipes[2];

static void *filler(void *argument) {
    void *at = mmap(NULL, mega << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (at == MAP_FAILED) _exit(3);
    (void)!write(pipes[1], "x", 1);
    return argument;
}
static void *writer(void *argument) {
    for (;;) {
        void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(at, 4096);
    }
    return argument;
}

static int blind(void) {
    pthread_t id;
    if (pipe(pipes) < 0) return 3;
    if (fork() == 0) {
        pthread_create(&id, NULL, writer, NULL);
        pthread_create(&id, NULL, writer, NULL);
        pthread_create(&id, NULL, filler, NULL);
        pthread_join(id, NULL);
        for (;;) pause();
    }
    struct pollfd full = {.fd = pipes[0], .events = POLLIN};
    poll(&full, 1, -1);
    puts("full");
    fflush(stdout);
    kill(-1, SIGKILL);
    return 0;
}

static int notes(void) {
    int count = 0;
    while (inotify_init() >= 0) ++count;
    printf("%d\n", count);
    return 0;
}

static int queue(void) {
    sigset_t set;
    int count = 0;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    while (sigqueue(getpid(), SIGRTMIN, (union sigval){0}) == 0) ++count;
    printf("%d\n", count);
    return 0;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    int n = argc > 2 ? atoi(argv[2]) : 0;
    mega = (size_t)n;
    if (!strcmp(what, "forks")) return forks(n, argc > 3 ? atoi(argv[3]) : 1), 0;
    if (!strcmp(what, "bomb")) bomb();
    if (!strcmp(what, "blind")) return blind();
    if (!strcmp(what, "notes")) return notes();
    if (!strcmp(what, "queue")) return queue();
    if (!strcmp(what, "written")) return written();
    if (!strcmp(what, "one")) fill_private(), stay();
    else if (!strcmp(what, "several")) children(4, fill_private);
    else if (!strcmp(what, "shared")) fill(MAP_SHARED), stay();
    else if (!strcmp(what, "segment")) { // attached
        int id = shmget(IPC_PRIVATE, mega << 20, 0600 | IPC_CREAT);
        char *at = shmat(id, NULL, 0);
        if (id < 0 || at == (void *)-1) return printf("shm: %s\n", strerror(errno)), 1;
        memset(at, 1, mega << 20);
        stay();
    } else if (!strcmp(what, "thread")) {
        pthread_t id;
        pthread_create(&id, NULL, thread, NULL);
        pthread_exit(NULL);
    } else if (!strcmp(what, "copies")) fill_private(), children(8, nothing); // written by nobody: still one
    else if (!strcmp(what, "vfork")) {
        fill_private();
        static char stack[65536];
        for (int i = 0; i < 3; ++i)
            waitpid(clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL), NULL, 0);
    } else if (!strcmp(what, "raise")) {
        static const struct { const char *name; int resource; } limits[] = {
            {"core", RLIMIT_CORE}, {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"memlock", RLIMIT_MEMLOCK},
            {"nice", RLIMIT_NICE}, {"rtprio", RLIMIT_RTPRIO}, {"sigpending", RLIMIT_SIGPENDING}};
        for (unsigned i = 0; i < sizeof limits / sizeof *limits; ++i) {
            struct rlimit limit;
            getrlimit(limits[i].resource, &limit);
            limit.rlim_max += 1;
            limit.rlim_cur = limit.rlim_max;
            if (setrlimit(limits[i].resource, &limit) == 0) printf("raised %s\n", limits[i].name);
        }
        struct sched_param real_time = {.sched_priority = 1};
        if (sched_setscheduler(0, SCHED_FIFO, &real_time) == 0) puts("real-time");
        if (setpriority(PRIO_PROCESS, 0, -1) == 0) puts("priority");
    } else return printf("what is %s?\n", what), 2;
    puts("done");
    return 0;
}
