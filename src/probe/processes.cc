// SPDX-License-Identifier: Apache-2.0
// Processes: those of the host, the jail's init, descriptors, the working directory, stdio.
#include "probe/inside.h"

#include <csignal>
#include <cstdio>
#include <dirent.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

namespace ajail::probe {

namespace {

std::string proc(const char* pid, const char* name) { return std::string("/proc/") + pid + "/" + name; }
std::string proc(pid_t pid, const char* name) { return proc(std::to_string(pid).c_str(), name); }

bool is_called(const char* pid, const char* name) { return content(proc(pid, "comm")) == std::string(name) + "\n"; }

// A process of the host. Its number may be that of one of the jail's own, which proves nothing.
pid_t victim() {
    auto pid = static_cast<pid_t>(given_number("victim"));
    std::string comm = content(proc(pid, "comm"));
    if (!comm.empty() && comm != std::string(given("word")) + "\n") blocked("its number is another process's");
    return pid;
}

void host_pids() {
    each_process([](const char* pid) {
        if (is_called(pid, given("word"))) allowed("process %s is seen", pid);
    });
}

void signal_host() { must_fail("kill", ::kill(victim(), 0)); }
int pidfd_of(pid_t pid) {
    auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0) refused("pidfd_open");
    return fd;
}
void pidfd_host() { must_fail("pidfd_open", pidfd_of(victim())); }
void priority_host() { must_fail("setpriority", ::setpriority(PRIO_PROCESS, static_cast<id_t>(victim()), 19)); }
void prlimit_host() {
    rlimit limit{};
    must_fail("prlimit", ::prlimit(victim(), RLIMIT_NOFILE, nullptr, &limit));
}
void affinity_host() {
    cpu_set_t set;
    must_fail("sched_getaffinity", ::sched_getaffinity(victim(), sizeof set, &set));
}

void seize(pid_t pid) {
    long result = ::ptrace(PTRACE_SEIZE, pid, 0, 0);
    if (result == 0) (void)::ptrace(PTRACE_DETACH, pid, 0, 0);
    must_fail("PTRACE_SEIZE", result);
}
void ptrace_host() { seize(victim()); }

// Where the other process keeps something: any other answer than EPERM and ESRCH would be access as well.
void vm_read(pid_t pid, unsigned long address) {
    char byte = 0;
    iovec here{&byte, 1}, there{reinterpret_cast<void*>(address), 1};
    long n = ::process_vm_readv(pid, &here, 1, &there, 1, 0);
    if (n >= 0 || errno == EFAULT) allowed("process_vm_readv");
    refused("process_vm_readv");
}
void vm_read_host() { vm_read(victim(), std::strtoul(given("address"), nullptr, 10)); }
void mem_host() {
    std::string path = proc(victim(), "mem");
    must_fail("for writing", ::open(path.c_str(), O_RDWR));
    must_fail("for reading", ::open(path.c_str(), O_RDONLY));
}
void getfd_host() {
    int fd = pidfd_of(victim());
    if (fd >= 0) must_fail("pidfd_getfd", ::syscall(SYS_pidfd_getfd, fd, given_number("victim_fd"), 0));
}
void kcmp_host() { must_fail("kcmp", ::syscall(SYS_kcmp, victim(), ::getpid(), 2 /* KCMP_FILES */, 0, 0)); }
void madvise_host() {
    int fd = pidfd_of(victim());
    iovec range{reinterpret_cast<void*>(std::strtoul(given("address"), nullptr, 10) & ~4095UL), 4096};
    if (fd >= 0) must_fail("process_madvise", ::syscall(SYS_process_madvise, fd, &range, 1, MADV_COLD, 0));
}
void setns_host() { // a mount namespace cannot be entered from a user namespace that does not own it
    int fd = pidfd_of(victim());
    for (int kind : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUTS})
        if (fd >= 0) must_fail("setns", ::setns(fd, kind));
}
void open_links(pid_t pid, std::span<const char* const> links) {
    for (const char* link : links) must_fail(link, ::open(proc(pid, link).c_str(), O_RDONLY | O_NONBLOCK));
}
constexpr const char *kPlaces[] = {"root/.", "cwd/.", "exe"},
                     *kNamespaces[] = {"ns/mnt", "ns/user", "ns/pid", "ns/net"};
void root_host() { open_links(victim(), kPlaces); }

// Contents that are not only NUL.
void words_of(pid_t pid, const char* name) {
    std::string text = content(proc(pid, name));
    if (text.find_first_not_of('\0') != std::string::npos) allowed("%s: %zu bytes", name, text.size());
    refused(name);
}
void environ_host() { words_of(victim(), "environ"); }

// --- init, PID 1: nothing of it can be looked into
void init_ptrace() { seize(1); }
void init_memory() {
    vm_read(1, 4096);
    must_fail("mem", ::open("/proc/1/mem", O_RDONLY));
    for (const char* name : {"maps", "smaps", "auxv", "stack", "syscall"}) words_of(1, name);
}
void init_environ() { words_of(1, "environ"); }
void init_cmdline() { words_of(1, "cmdline"); }
// A list of numbers is no access: where a user namespace is around everything, the jail's root owns /proc/1.
void init_fds() {
    for (const char* name : {"fd", "map_files"}) {
        DIR* dir = ::opendir(proc(1, name).c_str());
        if (dir == nullptr) refused(name);
        for (dirent* e = nullptr; dir != nullptr && (e = ::readdir(dir)) != nullptr;) {
            char to[256];
            if (e->d_name[0] == '.') continue;
            if (::readlinkat(::dirfd(dir), e->d_name, to, sizeof to) >= 0) allowed("%s/%s", name, e->d_name);
        }
    }
}
void init_links() { open_links(1, kPlaces); }
void init_namespaces() { open_links(1, kNamespaces); }

// A program that runs cannot be opened for writing; that this is the only reason means that it could be otherwise.
void runtime_write() {
    for (const char* link : {"/proc/1/exe", "/proc/1/map_files"}) {
        int fd = ::open(link, O_WRONLY);
        if (fd >= 0 || errno == ETXTBSY) allowed("%s", link);
        refused(link);
    }
    int held = ::open("/proc/1/exe", O_RDONLY);
    if (held < 0) return;
    int fd = ::open(("/proc/self/fd/" + std::to_string(held)).c_str(), O_WRONLY);
    if (fd >= 0 || errno == ETXTBSY) allowed("/proc/1/exe, held and opened again");
    refused("held and opened again");
}

// --- what came along
void leaked_fds() {
    for (int fd = 3; fd < 65536; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0) continue;
        char to[128] = "";
        if (::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), to, sizeof to - 1) < 0) refused("readlink");
        allowed("descriptor %d: %s", fd, to);
    }
}
void working_directory() {
    char cwd[4096];
    if (::getcwd(cwd, sizeof cwd) != nullptr && cwd[0] != '/') allowed("it is %.60s", cwd);
    climb("..", AT_FDCWD);
    for (int fd = 0; fd < 3; ++fd) climb("stdio", fd);
}

bool is_file(int fd) {
    struct stat st {};
    return ::fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}
void stdin_reopen() {
    if (!is_file(0) || (::fcntl(0, F_GETFL) & O_ACCMODE) != O_RDONLY) skipped("stdin is no file to be read");
    must_fail("for writing", ::open("/proc/self/fd/0", O_WRONLY));
    must_fail("for both", ::open("/dev/stdin", O_RDWR));
    must_fail("truncate", ::truncate("/proc/self/fd/0", 0));
}
void stdout_reopen() {
    if (!is_file(1) || (::fcntl(1, F_GETFL) & O_ACCMODE) != O_WRONLY) skipped("stdout is no file to be written");
    must_fail("for reading", ::open("/proc/self/fd/1", O_RDONLY));
    must_fail("for both", ::open("/dev/stdout", O_RDWR));
}
void stdin_inode() { // a descriptor brings rights over the inode along, which no mount of the jail's is asked about
    if (!is_file(0)) skipped("stdin is no file");
    must_fail("fchmod", ::fchmod(0, 0600));
    must_fail("futimens", ::futimens(0, nullptr));
}

constexpr const char* kKind = "processes";
constexpr Probe kProbes[] = {
    {"proc-host-pids", kKind, "see a process of the host in /proc", host_pids},
    {"signal-host", kKind, "signal it", signal_host},
    {"pidfd-host", kKind, "open a descriptor for it", pidfd_host},
    {"priority-host", kKind, "make it slower", priority_host},
    {"prlimit-host", kKind, "read its limits", prlimit_host},
    {"affinity-host", kKind, "ask for its processors", affinity_host},
    {"ptrace-host", kKind, "trace it", ptrace_host},
    {"pvm-read-host", kKind, "read its memory", vm_read_host},
    {"proc-mem-host", kKind, "open its memory", mem_host},
    {"pidfd-getfd-host", kKind, "take a descriptor of it", getfd_host},
    {"kcmp-host", kKind, "compare its descriptor table", kcmp_host},
    {"madvise-host", kKind, "push its memory out", madvise_host},
    {"setns-host", kKind, "enter its namespaces", setns_host},
    {"proc-root-host", kKind, "go through its root and working directory (CVE-2024-21626)", root_host},
    {"proc-environ-host", kKind, "read its environment", environ_host},
    {"init-ptrace", kKind, "trace the jail's init (CVE-2016-8659)", init_ptrace},
    {"init-memory", kKind, "read the memory of init, or where it lies", init_memory},
    {"init-environ", kKind, "read the launcher's environment from init", init_environ},
    {"init-cmdline", kKind, "read the launcher's arguments from init", init_cmdline},
    {"init-fds", kKind, "see the descriptors of init", init_fds},
    {"init-links", kKind, "go through the root, directory and program of init", init_links},
    {"init-namespaces", kKind, "open the namespaces of init", init_namespaces},
    {"runtime-exe-write", kKind, "overwrite the runtime through init (CVE-2019-5736)", runtime_write},
    {"leaked-fds", kKind, "find a descriptor that leaked (CVE-2024-21626, CVE-2016-8649)", leaked_fds},
    {"cwd-escape", kKind, "climb out from the working directory or stdio (CVE-2024-21626)", working_directory},
    {"stdin-reopen", kKind, "write to a file that was given for reading", stdin_reopen},
    {"stdout-reopen", kKind, "read a file that was given for writing", stdout_reopen},
    {"stdin-inode", kKind, "change mode and times of a file that was given for reading", stdin_inode},
};

} // namespace

std::span<const Probe> processes() { return kProbes; }

} // namespace ajail::probe
