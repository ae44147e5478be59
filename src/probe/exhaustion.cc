// SPDX-License-Identifier: Apache-2.0
// What there is not enough of: each a bomb that stops where it has proved that nobody else would have stopped it.
#include "probe/inside.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <sys/wait.h>

namespace ajail::probe {

namespace {

constexpr int kProcesses = 6000;
constexpr std::size_t kMiB = 1 << 20;

// Processes that share our memory cost the machine nothing but themselves.
int sleeper(void*) {
    for (;;) (void)::pause();
}
void fork_bomb() {
    constexpr std::size_t kStack = 4096;
    auto* stacks =
        static_cast<char*>(::mmap(nullptr, kStack * 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (stacks == MAP_FAILED) skipped("no memory");
    int n = 0; // they only sleep, so they can sleep on the same few stacks
    while (n<kProcesses&& ::clone(sleeper, stacks + kStack * static_cast<std::size_t>(1 + n % 16), CLONE_VM | SIGCHLD,
                                  nullptr)> 0)
        ++n;
    if (n == kProcesses) allowed("%d processes", n);
    refused(("after " + std::to_string(n)).c_str());
}
// Only where a limit was asked for that can be reached without hurting anybody. By several processes: what one may have
// is a limit of its own. Then they wait, because the jail's init may be who has to see them.
void memory_bomb() {
    constexpr std::size_t kMost = 1024 * kMiB, kMore = 64 * kMiB;
    constexpr int kPatience = 300; // of 10 ms
    std::size_t limit = std::strtoull(given_or("memory", "0"), nullptr, 10);
    if (limit < kMiB || limit > kMost) skipped("no limit of %zu MiB or less is given (--memory)", kMost / kMiB);
    struct sysinfo info {};
    if (::sysinfo(&info) < 0 || limit + kMore > std::size_t{info.totalram} * info.mem_unit / 2)
        skipped("the machine is too small to try");
    auto* ready = static_cast<std::atomic<unsigned>*>(
        ::mmap(nullptr, sizeof(std::atomic<unsigned>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (ready == MAP_FAILED) return refused("mmap");
    std::size_t each = limit / 2, processes = (limit + kMore) / each + 1;
    for (std::size_t i = 0; i < processes; ++i) {
        pid_t pid = ::fork();
        if (pid < 0) return refused("fork");
        if (pid != 0) continue;
        void* at = ::mmap(nullptr, each, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (at != MAP_FAILED) ready->fetch_add(1);
        for (;;) (void)::pause();
    }
    for (int i = 0; i < kPatience; ++i) (void)::usleep(10'000);
    if (ready->load() == processes) allowed("%zu MiB by %zu processes", processes * each / kMiB, processes);
    blocked("no memory");
}

// All memory of the machine, as the file system tells it; a small one is filled.
void fill(const char* path) {
    struct statfs fs {};
    if (::statfs(path, &fs) < 0) return refused(path);
    constexpr long kTmpfs = 0x01021994;
    if (fs.f_type != kTmpfs && std::string(path) == "/dev/shm") skipped("not in memory");
    auto size = static_cast<unsigned long long>(fs.f_blocks) * static_cast<unsigned long long>(fs.f_bsize);
    struct sysinfo info {};
    if (::sysinfo(&info) < 0) skipped("it is not told how much memory there is");
    unsigned long long memory = static_cast<unsigned long long>(info.totalram) * info.mem_unit;
    if (fs.f_type == kTmpfs && (fs.f_blocks == 0 || size > memory / 4 * 3))
        allowed("%s has no limit to speak of", path);
}
constexpr const char* kFilled[] = {"/dev/shm", "/tmp", "/run", "/dev"};
void tmpfs_fill() {
    for (const char* path : kFilled) fill(path);
    blocked("each has a limit");
}
void inode_fill() {
    constexpr unsigned long kMany = 4UL << 20;
    for (const char* path : kFilled) {
        struct statfs fs {};
        if (::statfs(path, &fs) == 0 && fs.f_type == 0x01021994 && (fs.f_files == 0 || fs.f_files > kMany))
            allowed("%s: %lu files", path, fs.f_files);
    }
    blocked("each has a limit");
}

void core_dump() {
    if (::chdir(given("work")) < 0) return refused("chdir");
    rlimit limit{};
    (void)::getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_CORE, &limit);
    int status = in_child([] { (void)::raise(SIGABRT); });
    if (WIFSIGNALED(status) && WCOREDUMP(status)) allowed("a core");
    blocked("no core");
}
void realtime() {
    sched_param param{};
    param.sched_priority = 1;
    must_fail("SCHED_FIFO", ::sched_setscheduler(0, SCHED_FIFO, &param));
    must_fail("nice", ::setpriority(PRIO_PROCESS, 0, -5));
}
void oom_score() {
    int fd = ::open("/proc/self/oom_score_adj", O_WRONLY);
    if (fd < 0) return refused("open");
    must_fail("-999", ::write(fd, "-999", 4) == 4 ? 0 : -1);
}
void lock_memory() {
    constexpr std::size_t kSize = 64 * kMiB;
    void* at = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must_fail("64 MiB", ::mlock(at, kSize));
}
void raise_limits() {
    for (auto [which, name] : {std::pair{RLIMIT_NPROC, "processes"},
                               {RLIMIT_NOFILE, "files"},
                               {RLIMIT_CORE, "core"},
                               {RLIMIT_MEMLOCK, "locked memory"}}) {
        rlimit limit{};
        (void)::getrlimit(which, &limit);
        if (limit.rlim_max == RLIM_INFINITY) continue;
        limit.rlim_max += 1;
        must_fail(name, ::setrlimit(which, &limit));
    }
    blocked();
}
// Whose parent has ended, and who has ended: somebody must reap them. After those that other probes have left, which takes
// as long as they get fewer.
void zombies() {
    constexpr std::time_t kSeconds = 5;
    for (int i = 0; i < 32; ++i) {
        pid_t pid = ::fork();
        if (pid == 0) {
            (void)std::signal(SIGCHLD, SIG_DFL);
            (void)::prctl(PR_SET_NAME, "ajail-orphan");
            (void)::fork();
            ::_exit(0);
        }
        int status = 0;
        (void)::waitpid(pid, &status, 0);
    }
    static int s_left, s_all;
    int before = 0;
    for (std::time_t end = std::time(nullptr) + kSeconds; std::time(nullptr) < end; (void)::usleep(10'000)) {
        s_left = s_all = 0;
        each_process([](const char* pid) {
            std::string stat = content(std::string("/proc/") + pid + "/stat");
            if (stat.find("(ajail-orphan) ") != std::string::npos) ++s_left;
            if (stat.find(") Z ") != std::string::npos) ++s_all;
        });
        if (s_left == 0) break;
        if (s_all != before) end = std::time(nullptr) + kSeconds;
        before = s_all;
    }
    if (s_left > 0) allowed("%d zombies", s_left);
    blocked("reaped");
}

constexpr const char* kKind = "exhaustion";
constexpr Probe kProbes[] = {
    {"fork-bomb", kKind, "6,000 processes", fork_bomb, nullptr, nullptr, true},
    {"mem-bomb", kKind, "more memory than was given", memory_bomb, nullptr, nullptr, true},
    {"tmpfs-fill", kKind, "files in memory without end", tmpfs_fill},
    {"inode-fill", kKind, "empty files in memory without end", inode_fill},
    {"core-dump", kKind, "a core dump (CVE-2025-4598, CVE-2025-5054)", core_dump},
    {"rt-sched", kKind, "run before everybody else", realtime},
    {"oom-adj", kKind, "be spared when memory runs out", oom_score},
    {"mlock", kKind, "64 MiB that cannot be swapped", lock_memory},
    {"rlimit-raise", kKind, "a higher limit", raise_limits},
    {"zombie-reap", kKind, "processes that nobody reaps", zombies},
};

} // namespace

std::span<const Probe> exhaustion() { return kProbes; }

} // namespace ajail::probe
