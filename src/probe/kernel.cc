// SPDX-License-Identifier: Apache-2.0
// Namespaces, privileges, other tables of system calls.
#include "probe/inside.h"

#include <csignal>
#include <cstdio>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

namespace ajail::probe {

namespace {

void userns_unshare() { must_fail("unshare", ::unshare(CLONE_NEWUSER)); }
void userns_clone() {
    long pid = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) ::_exit(0);
    must_fail("clone", pid);
}
void userns_clone3() {
    clone_args args{};
    args.flags = CLONE_NEWUSER;
    args.exit_signal = SIGCHLD;
    long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) ::_exit(0);
    must_fail("clone3", pid);
}
void other_namespaces() {
    for (int flag : {CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, 0x80})
        must_fail("unshare", ::unshare(flag));
}
void mount_nested() { // what a user namespace is for, to most exploits
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return refused("unshare");
    must_fail("mount", mount_old("t", given("work"), "tmpfs", 0));
}
void namespace_parent() {
    for (const char* name : {"pid", "user", "mnt"}) {
        int fd = ::open((std::string("/proc/self/ns/") + name).c_str(), O_RDONLY);
        if (fd < 0) refused("open");
        else must_fail("NS_GET_PARENT", ::ioctl(fd, 0xb702));
        int owner = fd < 0 ? -1 : ::ioctl(fd, 0xb701 /* NS_GET_USERNS */);
        if (owner >= 0 && ::setns(owner, 0) == 0) allowed("the owner of %s is entered", name);
    }
}

// WORD is `kind:[inode]` of the host, as many as there are, with commas.
void compare(const char* list, const char* kinds) {
    for (std::string rest = kinds; !rest.empty();) {
        std::string kind = rest.substr(0, rest.find(' '));
        rest.erase(0, std::min(kind.size() + 1, rest.size()));
        char link[64] = "";
        ssize_t n = ::readlink(("/proc/self/ns/" + kind).c_str(), link, sizeof link - 1);
        if (n > 0 && std::strstr(list, link) != nullptr) allowed("%s is the host's", kind.c_str());
    }
    blocked("others");
}
void shared_namespaces() { compare(given("namespaces"), "user mnt pid ipc uts cgroup"); }
void shared_network() { compare(given("namespaces"), "net"); }

// --- privileges
// What package managers and services need: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP
// NET_BIND_SERVICE SYS_CHROOT AUDIT_WRITE SETFCAP.
constexpr std::uint64_t kUsual = 0xa00405fb;
// What a line of /proc/self/status says: a call that only pretends changes nothing there.
std::string status_line(const char* name) {
    std::string text = content("/proc/self/status"), start = std::string("\n") + name + ":\t";
    std::size_t at = text.find(start);
    if (at == std::string::npos) skipped("no /proc/self/status");
    at += start.size();
    return text.substr(at, text.find('\n', at) - at);
}
void no_new_privs() {
    if (status_line("NoNewPrivs") != "1") allowed("not set");
    must_fail("to be unset", ::prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
}
unsigned long long status_of(const char* name) { return std::strtoull(status_line(name).c_str(), nullptr, 16); }
void capabilities() {
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct all[2] = {{~0U, ~0U, 0}, {0x1ff, 0x1ff, 0}};
    unsigned long long added = std::strtoull(given_or("caps", "0"), nullptr, 16);
    if (::syscall(SYS_capset, &head, all) < 0) refused("capset");
    for (const char* name : {"CapEff", "CapPrm", "CapBnd"})
        if (unsigned long long more = status_of(name) & ~kUsual & ~added; more != 0)
            allowed("%s has %llx", name, more);
}
void inheritable() {
    for (const char* name : {"CapInh", "CapAmb"})
        if (status_of(name) != 0) allowed("%s is not empty", name);
    blocked("none");
}
void drop_groups() { // a group may be there to refuse
    std::string before = status_line("Groups");
    if (before.find_first_not_of(' ') == std::string::npos) blocked("there are none to be dropped");
    if (::setgroups(0, nullptr) < 0) refused("setgroups");
    if (status_line("Groups") != before) allowed("gone: %s", before.c_str());
    blocked();
}
void callers_groups() {
    std::string own = std::to_string(::getegid()) + " ", groups = status_line("Groups");
    if (groups.find_first_not_of(' ') != std::string::npos && groups != own) allowed("%s", groups.c_str());
    blocked("none but its own");
}
void become_another() {
    std::string before = status_line("Uid");
    for (uid_t id : {12345U, 1000U, 1U}) {
        if (::syscall(SYS_setresuid, id, id, id) < 0) refused("setresuid");
        if (status_line("Uid") != before) allowed("uid %u", id);
    }
    blocked();
}

void trace_own() {
    pid_t pid = ::fork();
    if (pid == 0) {
        (void)::pause();
        ::_exit(0);
    }
    must_fail("PTRACE_SEIZE", ::ptrace(PTRACE_SEIZE, pid, 0, 0));
}
void kernel_log() {
    char text[256];
    must_fail("syslog", ::syscall(SYS_syslog, 3 /* READ_ALL */, text, sizeof text));
    must_fail("/dev/kmsg", ::open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
}

// A socket that no filter has seen: by io_uring the kernel makes it for us. Layout as in io_uring_setup(2).
void uring_socket() {
    struct {
        std::uint32_t sq_entries, cq_entries, flags, cpu, idle, features, wq, resv[3];
        std::uint32_t sq[10], cq[10]; // head, tail, mask, entries, flags, dropped, array ...; ... overflow, cqes
    } params{};
    int ring = static_cast<int>(::syscall(425, 2, &params));
    if (ring < 0) return refused("io_uring_setup");
    auto map = [&](off_t at) {
        return static_cast<char*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, at));
    };
    char *sq = map(0), *cq = map(0x8000000), *entries = map(0x10000000);
    if (sq == MAP_FAILED || cq == MAP_FAILED || entries == MAP_FAILED) skipped("mmap of the ring");
    entries[0] = 45; // IORING_OP_SOCKET: fd is the family, off the type
    std::int32_t family = 40 /* AF_VSOCK */;
    std::uint64_t type = 1;
    std::memcpy(entries + 4, &family, 4);
    std::memcpy(entries + 8, &type, 8);
    std::uint32_t first = 0, one = 1;
    std::memcpy(sq + params.sq[6], &first, 4);
    std::memcpy(sq + params.sq[1], &one, 4);
    if (::syscall(426, ring, 1, 1, 1 /* GETEVENTS */, nullptr, 0) < 0) return refused("io_uring_enter");
    std::int32_t result = 0;
    std::memcpy(&result, cq + params.cq[5] + 8, 4);
    if (result >= 0) allowed("a socket of the hypervisor's family");
    errno = -result;
    refused("IORING_OP_SOCKET");
}

#ifdef __x86_64__
void by_i386() {
    long result = 0;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory"); // getpid
    if (result != -ENOSYS) allowed("getpid gave %ld", result);
}
void by_x32() {
    if (long result = ::syscall(0x40000000 | 39); result >= 0 || errno != ENOSYS) allowed("getpid gave %ld", result);
}
void foreign(void (*body)()) {
    int status = in_child(body);
    if (WIFSIGNALED(status)) blocked(WTERMSIG(status) == SIGSYS ? "SIGSYS" : "another signal");
    skipped("not in this kernel");
}
void i386() { foreign(by_i386); }
void x32() { foreign(by_x32); }
#else
void i386() { skipped("x86-64 only"); }
void x32() { skipped("x86-64 only"); }
#endif

constexpr const char* kKind = "kernel";
constexpr Probe kProbes[] = {
    {"userns-unshare", kKind, "a user namespace by unshare", userns_unshare},
    {"userns-clone", kKind, "a user namespace by clone", userns_clone},
    {"userns-clone3", kKind, "a user namespace by clone3 (CVE-2021-41133)", userns_clone3},
    {"unshare-others", kKind, "namespaces of other kinds", other_namespaces},
    {"mount-nested", kKind, "a mount in a user namespace (CVE-2022-0185)", mount_nested},
    {"setns-parent", kKind, "namespaces above its own", namespace_parent},
    {"ns-shared", kKind, "a namespace that is the host's", shared_namespaces},
    {"ns-network", kKind, "the host's network", shared_network},
    {"no-new-privs", kKind, "privileges by exec", no_new_privs},
    {"caps", kKind, "capabilities beyond what package managers need, and what was added", capabilities},
    {"caps-inheritable", kKind, "capabilities that exec passes on (CVE-2022-29162, CVE-2022-27650)", inheritable},
    {"setgroups", kKind, "drop a group that keeps it out (CVE-2014-8989, CVE-2018-7169)", drop_groups},
    {"supp-groups", kKind, "have the caller's supplementary groups", callers_groups},
    {"setuid-other", kKind, "become a user that nobody has given", become_another},
    {"ptrace-own", kKind, "trace a process of the jail's own", trace_own, nullptr, "ptrace"},
    {"dmesg", kKind, "read the kernel's log", kernel_log, nullptr, "syslog"},
    {"io-uring-bypass", kKind, "have io_uring make a socket that the filter refuses", uring_socket, nullptr,
     "io_uring_enter"},
    {"i386-abi", kKind, "call by the table of i386", i386},
    {"x32-abi", kKind, "call by the table of x32", x32},
};

} // namespace

std::span<const Probe> kernel() { return kProbes; }

} // namespace ajail::probe
