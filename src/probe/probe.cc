// SPDX-License-Identifier: Apache-2.0
#include "probe/inside.h"

#include "spec/procfs.h"
#include "spec/spec.h"

#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <dirent.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

// From <sys/mount.h>, which cannot stand beside <linux/mount.h> with older headers.
constexpr int kDetach = 2;

namespace ajail::probe {

namespace {

constexpr int kSeconds = 20;

// Where a probe leaves its answer: memory that it shares with its parent, because a descriptor for it would be one
// more that it could find.
struct Told {
    bool said;
    Result result;
};
Told* g_told;
char** g_words;
char g_refusals[kWhySize];

[[noreturn]] void tell(Answer answer, const char* format, std::va_list args) {
    g_told->result.answer = answer;
    (void)std::vsnprintf(g_told->result.why, kWhySize, format, args);
    for (char* c = g_told->result.why; *c != '\0'; ++c)
        if (*c < ' ' || *c > '~') *c = '?'; // names and contents that somebody else has made
    g_told->said = true;
    ::_exit(0);
}

// Refusals of a filter, a missing privilege, or a kernel without it.
bool is_refusal(int err) {
    return err == EPERM || err == EACCES || err == ENOSYS || err == EAFNOSUPPORT || err == EPROTONOSUPPORT ||
           err == ENOPROTOOPT;
}

const char* errno_name() {
    const char* name = ::strerrorname_np(errno);
    return name == nullptr ? "?" : name;
}

[[noreturn]] void child(const Probe& probe) {
    (void)::setpgid(0, 0);
    // In the background of a terminal: that is to be told by an errno.
    (void)std::signal(SIGTTOU, SIG_IGN);
    (void)std::signal(SIGTTIN, SIG_IGN);
    if (probe.reach == nullptr) {
        probe.run();
        blocked();
    }
    errno = 0;
    long result = probe.reach();
    if (result < 0 && is_refusal(errno)) {
        refused(probe.name);
        blocked();
    }
    if (result >= 0) allowed("answered %ld", result);
    allowed("reached: %s", errno_name());
}

// The kernel kills for calls of a foreign table; all other deaths are the probe's own.
void judge_death(int status) {
    Result& result = g_told->result;
    int killer = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result.answer = killer == SIGSYS ? Answer::blocked : Answer::broken;
    (void)std::snprintf(result.why, kWhySize, killer == 0 ? "no answer" : "signal %d", killer);
}

bool wait_for(pid_t pid, int& status) {
    for (int i = 0; i < kSeconds * 2000; ++i) {
        pid_t ended = ::waitpid(pid, &status, WNOHANG);
        if (ended != 0) return ended == pid;
        timespec pause{0, i < 40 ? 50'000 : 500'000};
        (void)::nanosleep(&pause, nullptr);
    }
    return false;
}

} // namespace

const char* word(Answer answer) {
    switch (answer) {
    case Answer::blocked: return "BLOCKED";
    case Answer::allowed: return "ALLOWED";
    case Answer::skipped: return "SKIPPED";
    case Answer::broken: return "BROKEN";
    }
    return "?";
}

std::vector<const Probe*> all() {
    std::vector<const Probe*> list;
    for (auto room : {processes, files, mounts, kernel_files, ipc, terminal, kernel, calls, exhaustion, afterwards})
        for (const Probe& probe : room()) list.push_back(&probe);
    return list;
}

const Probe* find(const char* name) {
    for (const Probe* probe : all())
        if (std::strcmp(probe->name, name) == 0) return probe;
    return nullptr;
}

Result run(const Probe& probe, char** words) {
    if (g_told == nullptr) {
        void* page = ::mmap(nullptr, sizeof *g_told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        Result result;
        if (page == MAP_FAILED) {
            (void)std::snprintf(result.why, kWhySize, "mmap: %s", errno_name());
            return result;
        }
        g_told = static_cast<Told*>(page);
    }
    *g_told = Told{};
    g_words = words;
    g_refusals[0] = '\0';
    pid_t pid = ::fork();
    if (pid < 0) {
        (void)std::snprintf(g_told->result.why, kWhySize, "fork: %s", errno_name());
        return g_told->result;
    }
    if (pid == 0) child(probe);
    int status = 0;
    errno = 0;
    bool ended = wait_for(pid, status);
    int err = errno;
    (void)::kill(-pid, SIGKILL); // what it has left behind, too
    if (!ended) {
        (void)::kill(pid, SIGKILL);
        (void)::waitpid(pid, &status, 0);
        errno = err;
        if (err != 0) (void)std::snprintf(g_told->result.why, kWhySize, "wait: %s", errno_name());
        else (void)std::snprintf(g_told->result.why, kWhySize, "no end after %d s", kSeconds);
        g_told->result.answer = Answer::broken;
    } else if (!g_told->said) judge_death(status);
    return g_told->result;
}

void allowed(const char* format, ...) {
    std::va_list args;
    va_start(args, format);
    tell(Answer::allowed, format, args);
}

void skipped(const char* format, ...) {
    std::va_list args;
    va_start(args, format);
    tell(Answer::skipped, format, args);
}

namespace {
[[noreturn, gnu::format(printf, 1, 2)]] void told_blocked(const char* format, ...) {
    std::va_list args;
    va_start(args, format);
    tell(Answer::blocked, format, args);
}
} // namespace

void blocked(const char* why) {
    told_blocked("%s", why != nullptr ? why : g_refusals[0] != '\0' ? g_refusals : "nothing there");
}

void refused(const char* what) {
    std::size_t used = std::strlen(g_refusals);
    (void)std::snprintf(g_refusals + used, kWhySize - used, "%s%s: %s", used == 0 ? "" : "; ", what, errno_name());
}

void must_fail(const char* what, long result) {
    if (result >= 0) allowed("%s", what);
    refused(what);
}

const char* given_or(const char* key, const char* otherwise) {
    std::size_t n = std::strlen(key);
    for (char** w = g_words; w != nullptr && *w != nullptr; ++w)
        if (std::strncmp(*w, key, n) == 0 && (*w)[n] == '=') return *w + n + 1;
    return otherwise;
}

const char* given(const char* key) {
    const char* value = given_or(key, nullptr);
    if (value == nullptr) skipped("not prepared: %s", key);
    return value;
}

bool given_path(const char* key, const std::string& path) {
    std::string start = std::string(key) + "=";
    for (char** w = g_words; w != nullptr && *w != nullptr; ++w)
        if (std::string_view word = *w;
            word.starts_with(start) && spec::within(path, std::string(word.substr(start.size()))))
            return true;
    return false;
}

bool given_name(const std::string& name) {
    return (std::string(",") + given_or("env", "") + ",").find("," + name + ",") != std::string::npos;
}

long given_number(const char* key) { return std::strtol(given(key), nullptr, 10); }

int in_child(void (*body)()) {
    pid_t pid = ::fork();
    if (pid == 0) {
        body();
        ::_exit(77);
    }
    int status = 0;
    (void)::waitpid(pid, &status, 0);
    if (g_told->said) ::_exit(0);
    return status;
}

std::string content(const std::string& path) {
    int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    char text[4096];
    ssize_t n = fd < 0 ? -1 : ::read(fd, text, sizeof text);
    if (fd >= 0) close(fd);
    return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

void each_process(void (*see)(const char* pid)) {
    DIR* dir = ::opendir("/proc");
    for (dirent* e = nullptr; dir != nullptr && (e = ::readdir(dir)) != nullptr;)
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9') see(e->d_name);
    if (dir != nullptr) (void)::closedir(dir);
}

void each_mount(void (*see)(const std::string& target, const char* options, const char* line)) {
    std::FILE* file = std::fopen("/proc/self/mountinfo", "re");
    if (file == nullptr) skipped("no mountinfo");
    char line[8192], target[4096], options[512];
    while (std::fgets(line, sizeof line, file) != nullptr)
        if (std::sscanf(line, "%*s %*s %*s %*s %4095s %511s", target, options) == 2)
            see(spec::unescape(target), options, line);
    (void)std::fclose(file);
}

std::string in_work(const char* name) { return std::string(given("work")) + "/" + name; }

void climb(const char* how, int start) {
    const char* secret = given("secret");
    int dir = ::openat(start, ".", O_PATH | O_DIRECTORY);
    for (int i = 0; dir >= 0 && i < 64; ++i) {
        if (::openat(dir, secret + 1, O_RDONLY) >= 0) allowed("%s", how);
        int up = ::openat(dir, "..", O_PATH | O_DIRECTORY);
        close(dir);
        dir = up;
    }
    if (dir >= 0) close(dir);
}

long mount_old(const char* source, const char* target, const char* type, unsigned long flags, const char* data) {
    return ::syscall(SYS_mount, source, target, type, flags, data);
}
long umount_old(const char* target) { return ::syscall(SYS_umount2, target, kDetach); }
long open_tree(const char* path, unsigned flags) { return ::syscall(SYS_open_tree, AT_FDCWD, path, flags); }

long make_writable(int dir, const char* path, unsigned at) {
    mount_attr attr{};
    attr.attr_clr = MOUNT_ATTR_RDONLY;
    return ::syscall(SYS_mount_setattr, dir, path, at, &attr, sizeof attr);
}

void own_mounts() {
    constexpr unsigned long kRec = 1UL << 14, kPrivate = 1UL << 18;
    if (::unshare(CLONE_NEWNS) == 0) (void)mount_old(nullptr, "/", nullptr, kRec | kPrivate);
}

} // namespace ajail::probe
