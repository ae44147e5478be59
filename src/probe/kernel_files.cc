// SPDX-License-Identifier: Apache-2.0
// Files of the kernel: knobs that are the machine's, and what they tell.
#include "probe/inside.h"

#include <cstdio>
#include <sched.h>
#include <sys/wait.h>

namespace ajail::probe {

namespace {

constexpr unsigned long kBind = 1UL << 12, kRemount = 1UL << 5;

// Opened only: what could be written is not.
bool any_opens(std::span<const char* const> names) {
    for (const char* name : names) {
        if (::open(name, O_WRONLY) >= 0) return true;
        refused(std::strrchr(name, '/') + 1);
    }
    return false;
}
constexpr const char* kSysctls[] = {"/proc/sys/kernel/core_pattern",     "/proc/sys/kernel/modprobe",
                                    "/proc/sys/vm/drop_caches",          "/proc/sys/kernel/randomize_va_space",
                                    "/proc/sys/fs/suid_dumpable",        "/proc/sys/kernel/hostname",
                                    "/proc/sys/kernel/yama/ptrace_scope"};
void sysctl() {
    if (any_opens(kSysctls)) allowed("a sysctl for writing");
}
void namespaced_sysctl() { // root's of a namespace: those that raise what the jail was given
    constexpr const char* kNames[] = {"/proc/sys/user/max_user_namespaces", "/proc/sys/user/max_mnt_namespaces",
                                      "/proc/sys/net/ipv4/ip_forward", "/proc/sys/fs/mqueue/msg_max"};
    if (any_opens(kNames)) allowed("a sysctl of a namespace for writing");
}
void sysctl_remounted() {
    own_mounts();
    for (const char* dir : {"/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger"}) {
        if (mount_old(nullptr, dir, nullptr, kRemount | kBind) < 0) refused("remount");
        (void)make_writable(AT_FDCWD, dir, 0);
        if (umount_old(dir) < 0) refused("umount");
    }
    if (any_opens(kSysctls)) allowed("a sysctl for writing");
}
void sysrq() {
    constexpr const char* kNames[] = {"/proc/sysrq-trigger"};
    if (::access(kNames[0], F_OK) < 0) skipped("not in this kernel");
    if (any_opens(kNames)) allowed("sysrq-trigger");
}
void machine() {
    constexpr const char* kNames[] = {"/proc/irq/default_smp_affinity", "/proc/mtrr", "/proc/acpi/wakeup",
                                      "/proc/latency_stats", "/proc/scsi/scsi"};
    if (any_opens(kNames)) allowed("a file of the machine's");
}

// Without the masks, by a procfs of one's own.
void fresh() {
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) < 0) return refused("unshare");
    (void)in_child([] {
        std::string dir = in_work("proc");
        (void)::mkdir(dir.c_str(), 0755);
        own_mounts();
        if (mount_old("p", dir.c_str(), "proc", 0) == 0) allowed("procfs");
        if (mount_old("s", dir.c_str(), "sysfs", 0) == 0) allowed("sysfs");
        long fs = ::syscall(SYS_fsopen, "proc", 0);
        if (fs >= 0 && ::syscall(SYS_fsconfig, fs, 6, nullptr, nullptr, 0) == 0 &&
            ::syscall(SYS_fsmount, fs, 0, 0) >= 0)
            allowed("procfs, by fsmount");
    });
    blocked("no procfs of one's own");
}
void fresh_userns() {
    if (::unshare(CLONE_NEWUSER) < 0) return refused("unshare");
    fresh();
}

// A procfs at /proc/sys, under the mount at /proc: the file of it that nothing else shows.
void under_cover(const char* how) {
    static const std::string s_cover = in_work("cover");
    for (const std::string& place : {std::string("/proc/sys"), std::string("/proc"), s_cover + "/proc/sys",
                                     s_cover + "/sys", s_cover, std::string("sys"), std::string("../sys")})
        if (!content(place + "/" + given("covered")).empty()) allowed("%s, in %s", how, place.c_str());
}
std::string cover() { return in_work("cover"); }
void cover_umount() {
    for (int round = 0; round < 3; ++round)
        for (const char* dir : {"/proc/sys", "/proc", "/proc/.", "/"})
            if (umount_old(dir) == 0) under_cover("umount");
}
void cover_move() {
    constexpr unsigned long kMove = 1UL << 13;
    if (mount_old("/proc", cover().c_str(), nullptr, kMove) == 0) under_cover("moving the cover");
    long tree = open_tree("/proc", 0);
    if (tree >= 0 && ::syscall(SYS_move_mount, tree, "", AT_FDCWD, cover().c_str(), 4) == 0)
        under_cover("move_mount");
}
void cover_beneath() { // Linux 6.5
    long tree = open_tree(given("work"), 1);
    if (tree >= 0 && ::syscall(SYS_move_mount, tree, "", AT_FDCWD, "/proc", 4 | 0x200) == 0) cover_umount();
}
void cover_copy() { // the mounts once more: are those locked as well?
    constexpr unsigned long kRec = 1UL << 14;
    if (mount_old("/", cover().c_str(), nullptr, kBind) == 0) under_cover("a bind without what is below");
    if (mount_old("/", cover().c_str(), nullptr, kBind | kRec) < 0) return;
    under_cover("a recursive bind");
    if (umount_old((cover() + "/proc").c_str()) == 0) under_cover("umount in a recursive bind");
    int held = ::open(cover().c_str(), O_PATH | O_DIRECTORY);
    if (umount_old(cover().c_str()) < 0 || ::fchdir(held) < 0) return;
    under_cover("in what was detached");
    if (::chdir("proc") == 0) under_cover("in what was detached, below");
}
void cover_root() {
    if (::chdir("/proc") < 0) return;
    under_cover("from inside");
    if (::syscall(SYS_pivot_root, ".", ".") == 0) under_cover("pivot_root");
    if (umount_old(".") == 0) under_cover("pivot_root and umount");
    if (::syscall(SYS_chroot, ".") == 0) under_cover("chroot");
}
void cover_all() {
    for (auto way : {cover_umount, cover_move, cover_beneath, cover_copy, cover_root}) (void)in_child(way);
}
void covered() {
    constexpr unsigned long kRec = 1UL << 14, kShared = 1UL << 20;
    (void)given("covered");
    (void)::mkdir(cover().c_str(), 0755);
    under_cover("as it stands");
    cover_all();
    (void)in_child([] {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) cover_all();
        if (mount_old(nullptr, "/", nullptr, kShared | kRec) == 0) cover_all();
        if (::unshare(CLONE_NEWNS) == 0) cover_all();                 // what happens here happens there as well
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) cover_all(); // copies of copies
    });
}

void leaks(std::span<const char* const> names) {
    for (const char* name : names)
        if (!content(name).empty()) allowed("%s", name);
    blocked("all of them are empty or not there");
}
void proc_leaks() { // what a container shows by default, and is the machine's
    constexpr const char* kNames[] = {
        "/proc/kcore",      "/proc/keys",        "/proc/key-users",    "/proc/kallsyms",      "/proc/kmsg",
        "/proc/timer_list", "/proc/sched_debug", "/proc/interrupts",   "/proc/slabinfo",      "/proc/kpagecount",
        "/proc/kpageflags", "/proc/kpagecgroup", "/proc/vmallocinfo",  "/proc/latency_stats", "/proc/pagetypeinfo",
        "/proc/mtrr",       "/proc/scsi/scsi",   "/proc/asound/cards", "/proc/acpi/wakeup",   "/proc/driver/rtc"};
    leaks(kNames);
}
void sys_leaks() {
    constexpr const char* kNames[] = {
        "/sys/class/dmi/id/product_serial", "/sys/class/dmi/id/product_uuid",      "/sys/kernel/notes",
        "/sys/kernel/vmcoreinfo",           "/sys/module/kernel/parameters/panic", "/sys/power/state"};
    leaks(kNames);
}

void each_cgroup(void (*see)(const char*)) {
    static void (*look)(const char*);
    look = see;
    each_mount([](const std::string& target, const char*, const char* line) {
        if (std::strstr(line, " - cgroup") != nullptr) look(target.c_str());
    });
}
void cgroup_writable() {
    each_cgroup([](const char* target) {
        for (const char* name : {"release_agent", "cgroup.procs", "tasks", "cgroup.subtree_control"})
            if (::open((std::string(target) + "/" + name).c_str(), O_WRONLY) >= 0)
                allowed("%s of %.80s", name, target);
        refused("open");
    });
}
void cgroup_mount() {
    if (::unshare(CLONE_NEWCGROUP | CLONE_NEWNS) < 0) refused("unshare");
    else own_mounts();
    std::string dir = in_work("cgroup");
    (void)::mkdir(dir.c_str(), 0755);
    if (mount_old("c", dir.c_str(), "cgroup2", 0) == 0) allowed("cgroup2");
    for (const char* kind : {"memory", "pids", "rdma"})
        must_fail(kind, mount_old("c", dir.c_str(), "cgroup", 0, kind));
}
void cgroup_userns() {
    if (::unshare(CLONE_NEWUSER) < 0) return refused("unshare");
    cgroup_mount();
}

constexpr const char* kKind = "files";
constexpr Probe kProbes[] = {
    {"proc-sys-write", kKind, "write to sysctls, as core_pattern (CVE-2025-52881)", sysctl},
    {"proc-sys-own", kKind, "write to sysctls of a namespace", namespaced_sysctl},
    {"proc-sys-remount", kKind, "make them writable again (CVE-2025-52565)", sysctl_remounted},
    {"sysrq", kKind, "write to sysrq-trigger (CVE-2025-31133)", sysrq},
    {"proc-machine", kKind, "write to irq, mtrr, acpi", machine},
    {"proc-fresh", kKind, "mount a procfs without masks", fresh},
    {"proc-fresh-userns", kKind, "the same, in a user namespace", fresh_userns},
    {"proc-covered", kKind, "a file of a procfs that lies under the jail's", covered},
    {"proc-leaks", kKind, "read what /proc tells about the machine and its users", proc_leaks},
    {"sys-leaks", kKind, "read what /sys tells about the machine", sys_leaks},
    {"cgroup-escape", kKind, "write to a cgroup (CVE-2022-0492)", cgroup_writable},
    {"cgroup-mount", kKind, "mount cgroups (CVE-2022-0492)", cgroup_mount},
    {"cgroup-userns", kKind, "the same, in a user namespace (CVE-2022-0492)", cgroup_userns},
};

} // namespace

std::span<const Probe> kernel_files() { return kProbes; }

} // namespace ajail::probe
