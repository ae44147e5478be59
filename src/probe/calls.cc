// SPDX-License-Identifier: Apache-2.0
// Parts of the kernel that few look at, or that are the machine's: each called so that its own code answers. Numbers
// where headers are older than the call; they are the same on x86-64 and arm64.
#include "probe/inside.h"

#include <linux/keyctl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/uio.h>

namespace ajail::probe {

namespace {

char g_page[4096] __attribute__((aligned(4096)));

long perf() {
    auto* attr = reinterpret_cast<std::uint32_t*>(g_page);
    attr[0] = 1;       // PERF_TYPE_SOFTWARE
    attr[1] = 64;      // size
    g_page[40] = 0x60; // exclude_kernel, exclude_hv
    return ::syscall(SYS_perf_event_open, g_page, 0, -1, -1, 0);
}
long modify_ldt() {
#ifdef SYS_modify_ldt
    return ::syscall(SYS_modify_ldt, 0, g_page, sizeof g_page);
#else
    skipped("x86 only");
#endif
}
long iopl() {
#ifdef SYS_iopl
    return ::syscall(SYS_iopl, 3);
#else
    skipped("x86 only");
#endif
}
long ioperm() {
#ifdef SYS_ioperm
    return ::syscall(SYS_ioperm, 0x80, 1, 1);
#else
    skipped("x86 only");
#endif
}
int self() { return static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)); }
long vmsplice() {
    int ends[2];
    if (::pipe(ends) < 0) return -1;
    iovec page{g_page, sizeof g_page};
    return ::syscall(SYS_vmsplice, ends[1], &page, 1, 0);
}
long set_own_hostname() {
    char name[256] = "";
    if (::gethostname(name, sizeof name - 1) < 0) return -1;
    return ::syscall(SYS_sethostname, name, std::strlen(name));
}

constexpr const char* kKind = "kernel";
constexpr Probe kProbes[] = {
    {"io-uring", kKind, "io_uring", nullptr, [] { return ::syscall(425, 2, nullptr); }, "io_uring_setup"},
    {"userfaultfd", kKind, "hold the kernel at a page fault", nullptr, [] { return ::syscall(SYS_userfaultfd, 1); },
     "userfaultfd"},
    {"bpf", kKind, "load a program into the kernel (CVE-2021-3490)", nullptr,
     [] { return ::syscall(SYS_bpf, 5, g_page, 128); }, "bpf"},
    {"perf", kKind, "performance events (CVE-2013-2094)", nullptr, perf, "perf_event_open"},
    {"keyctl", kKind, "keyrings (CVE-2016-0728)", nullptr,
     [] { return ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0); }, "keyctl"},
    {"add-key", kKind, "make a key", nullptr,
     [] { return ::syscall(SYS_add_key, "user", "ajail-probe", "x", 1, KEY_SPEC_PROCESS_KEYRING); }, "add_key"},
    {"request-key", kKind, "have the host make a key", nullptr,
     [] { return ::syscall(SYS_request_key, "user", "ajail-probe-nosuch", nullptr, 0); }, "request_key"},
    {"personality", kKind, "make all memory executable", nullptr,
     [] { return ::syscall(SYS_personality, 1L << 32 | READ_IMPLIES_EXEC); }, "personality"},
    {"modify-ldt", kKind, "segments (CVE-2015-3290)", nullptr, modify_ldt, "modify_ldt"},
    {"iopl", kKind, "the machine's ports", nullptr, iopl},
    {"ioperm", kKind, "one of the machine's ports", nullptr, ioperm},
    {"kcmp-own", kKind, "where the kernel keeps things", nullptr,
     [] { return ::syscall(SYS_kcmp, ::getpid(), ::getpid(), 0, 0, 0); }, "kcmp"},
    {"pidfd-getfd-own", kKind, "descriptors of others", nullptr,
     [] { return ::syscall(SYS_pidfd_getfd, self(), 0, 0); }, "pidfd_getfd"},
    {"madvise-own", kKind, "memory of others", nullptr,
     [] {
         iovec range{g_page, sizeof g_page};
         return ::syscall(SYS_process_madvise, self(), &range, 1, MADV_COLD, 0);
     },
     "process_madvise"},
    {"vmsplice", kKind, "pages in a pipe (CVE-2022-0847)", nullptr, vmsplice, "vmsplice"},
    {"fanotify", kKind, "watch a file system", nullptr,
     [] { return ::syscall(SYS_fanotify_init, 0x200 /* FAN_REPORT_FID */, 0); }, "fanotify_init"},
    {"move-pages", kKind, "where memory lies", nullptr,
     [] { return ::syscall(SYS_move_pages, 0, 0, nullptr, nullptr, nullptr, 0); }, "move_pages"},
    {"set-mempolicy", kKind, "memory policies", nullptr, [] { return ::syscall(SYS_set_mempolicy, 0, nullptr, 0); },
     "set_mempolicy"},
    {"mount", kKind, "mount", nullptr, [] { return mount_old("t", in_work("nosuch").c_str(), "tmpfs", 0); }, "mount"},
    {"umount", kKind, "umount", nullptr, [] { return umount_old(given("work")); }},
    // The root itself, which nobody can: a newer kernel (7.2) looks for the directories before it asks who calls.
    {"pivot-root", kKind, "pivot_root", nullptr, [] { return ::syscall(SYS_pivot_root, "/", "/"); }},
    {"fsopen", kKind, "a file system by the newer calls (CVE-2022-0185)", nullptr,
     [] { return ::syscall(SYS_fsopen, "ajail-nosuch", 0); }},
    {"open-tree", kKind, "a mount of one's own", nullptr, [] { return open_tree(given("work"), 1); }},
    {"mount-setattr", kKind, "what a mount allows", nullptr,
     [] { return make_writable(AT_FDCWD, in_work("nosuch").c_str(), 0); }},
    {"statmount", kKind, "mounts by number", nullptr,
     [] { return ::syscall(458 /* listmount */, g_page, g_page + 2048, 8, 0); }, "listmount"},
    {"setns", kKind, "setns", nullptr,
     [] { return static_cast<long>(::setns(::open("/proc/self/ns/uts", O_RDONLY), 0)); }},
    {"hostname", kKind, "set the host name, to what it is", nullptr, set_own_hostname},
    {"acct", kKind, "accounting", nullptr, [] { return ::syscall(SYS_acct, "/nosuch/ajail"); }},
    {"swapon", kKind, "swap", nullptr, [] { return ::syscall(SYS_swapon, "/nosuch/ajail", 0); }},
    {"quotactl", kKind, "quotas (of no device)", nullptr,
     [] { return ::syscall(SYS_quotactl, 0x800001 << 8, "/nosuch/ajail", 0, nullptr); }, "quotactl"},
    {"reboot", kKind, "reboot, with a wrong magic number", nullptr, [] { return ::syscall(SYS_reboot, 0, 0, 0, 0); }},
    {"module", kKind, "load a module, of no content", nullptr,
     [] { return ::syscall(SYS_init_module, g_page, 0, ""); }},
    {"kexec", kKind, "another kernel, with flags that there are not", nullptr,
     [] { return ::syscall(SYS_kexec_load, 0, 0, nullptr, 0x8000L); }},
};

} // namespace

std::span<const Probe> calls() { return kProbes; }

} // namespace ajail::probe
