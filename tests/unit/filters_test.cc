// SPDX-License-Identifier: Apache-2.0
// The embedded seccomp programs, asked every question through an evaluator and a few through the kernel,
// against a second statement of what the .policy files say. Also policy-gen itself: what it refuses, and that
// the checked-in disassembly is what it makes.

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include "bpf.h"
#include "policy/emulation.h"
#include "policy/filters.h"
#include "policy/refused.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <linux/audit.h>
#include <netinet/in.h>
#include <optional>
#include <sched.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using ajail::tests::BadProgram;
using ajail::tests::run_bpf;
using Program = std::vector<sock_filter>;
using Args = std::array<std::uint64_t, 6>;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kFake = SECCOMP_RET_ERRNO;
constexpr std::uint32_t kAsk = SECCOMP_RET_USER_NOTIF;
constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;
using ajail::policy::kPass;
constexpr std::uint32_t kKill = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint32_t kX32 = 0x40000000;
constexpr std::uint64_t kHigh = std::uint64_t{1} << 32;

seccomp_data call(std::uint32_t arch, std::uint32_t nr, const Args& args) {
    seccomp_data data{};
    data.nr = static_cast<int>(nr);
    data.arch = arch;
    for (std::size_t i = 0; i < args.size(); ++i) data.args[i] = args[i];
    return data;
}

/// Numbers of the kernel's tables, written out: neither libseccomp's, which made the programs, nor those of
/// the headers, which know only one architecture. -1 where there is no such call.
struct Number {
    std::string_view name;
    int x86_64;
    int aarch64;
    int i386; ///< of the call that libc uses: chown32 for chown
};

constexpr std::array kNumbers{
    Number{"ioctl", 16, 29, 54},
    Number{"chown", 92, -1, 212},
    Number{"lchown", 94, -1, 198},
    Number{"fchown", 93, 55, 207},
    Number{"fchownat", 260, 54, 298},
    Number{"mknod", 133, -1, 14},
    Number{"mknodat", 259, 33, 297},
    Number{"setgroups", 116, 159, 206},
    Number{"getgroups", 115, 158, 205},
    Number{"fchmod", 91, 52, 94},
    Number{"write", 1, 64, 4},
    Number{"setuid", 105, 146, 213},
    Number{"setgid", 106, 144, 214},
    Number{"setreuid", 113, 145, 203},
    Number{"setregid", 114, 143, 204},
    Number{"setresuid", 117, 147, 208},
    Number{"setresgid", 119, 149, 210},
    Number{"setfsuid", 122, 151, 215},
    Number{"setfsgid", 123, 152, 216},
    Number{"getuid", 102, 174, 199},
    Number{"geteuid", 107, 175, 201},
    Number{"getgid", 104, 176, 200},
    Number{"getegid", 108, 177, 202},
    Number{"getresuid", 118, 148, 209},
    Number{"getresgid", 120, 150, 211},
    Number{"capset", 126, 91, 185},
    Number{"prctl", 157, 167, 172},
    Number{"setxattr", 188, 5, 226},
    Number{"lsetxattr", 189, 6, 227},
    Number{"fsetxattr", 190, 7, 228},
    Number{"clone", 56, 220, 120},
    Number{"unshare", 272, 97, 310},
    Number{"personality", 135, 92, 136},
    Number{"socket", 41, 198, 359},
    Number{"socketpair", 53, 199, 360},
    Number{"setsockopt", 54, 208, 366},
    Number{"ptrace", 101, 117, 26},
    Number{"seccomp", 317, 277, 354},
    Number{"chmod", 90, -1, 15},
    Number{"fchmodat", 268, 53, 306},
    Number{"fchmodat2", 452, 452, 452},
    Number{"creat", 85, -1, 8},
    Number{"open", 2, -1, 5},
    Number{"openat", 257, 56, 295},
    Number{"openat2", 437, 437, 437},
    Number{"landlock_restrict_self", 446, 446, 446},
    Number{"mseal", 462, 462, 462},
    Number{"mkdir", 83, -1, 39},
    Number{"mkdirat", 258, 34, 296},
    Number{"process_vm_readv", 310, 270, 347},
    Number{"process_vm_writev", 311, 271, 348},
    // what default.policy refuses
    Number{"mount", 165, 40, 21},
    Number{"umount2", 166, 39, 52},
    Number{"pivot_root", 155, 41, 217},
    Number{"setns", 308, 268, 346},
    Number{"swapon", 167, 224, 87},
    Number{"swapoff", 168, 225, 115},
    Number{"reboot", 169, 142, 88},
    Number{"kexec_load", 246, 104, 283},
    Number{"kexec_file_load", 320, 294, -1},
    Number{"init_module", 175, 105, 128},
    Number{"finit_module", 313, 273, 350},
    Number{"delete_module", 176, 106, 129},
    Number{"acct", 163, 89, 51},
    Number{"quotactl", 179, 60, 131},
    Number{"quotactl_fd", 443, 443, 443},
    Number{"clock_settime", 227, 112, 264},
    Number{"settimeofday", 164, 170, 79},
    Number{"syslog", 103, 116, 103},
    Number{"sethostname", 170, 161, 74},
    Number{"setdomainname", 171, 162, 121},
    Number{"iopl", 172, -1, 110},
    Number{"ioperm", 173, -1, 101},
    Number{"modify_ldt", 154, -1, 123},
    Number{"open_by_handle_at", 304, 265, 342},
    Number{"perf_event_open", 298, 241, 336},
    Number{"bpf", 321, 280, 357},
    Number{"fanotify_init", 300, 262, 338},
    Number{"fanotify_mark", 301, 263, 339},
    Number{"kcmp", 312, 272, 349},
    Number{"mbind", 237, 235, 274},
    Number{"set_mempolicy", 238, 237, 276},
    Number{"set_mempolicy_home_node", 450, 450, 450},
    Number{"move_pages", 279, 239, 317},
    Number{"migrate_pages", 256, 238, 294},
    Number{"vmsplice", 278, 75, 316},
    Number{"userfaultfd", 323, 282, 374},
    Number{"pidfd_getfd", 438, 438, 438},
    Number{"process_madvise", 440, 440, 440},
    Number{"vhangup", 153, 58, 111},
    Number{"umount", -1, -1, 22},
    Number{"stime", -1, -1, 25},
    Number{"clock_settime64", -1, -1, 404},
    Number{"vm86", -1, -1, 166},
    Number{"vm86old", -1, -1, 113},
    // what it does not know
    Number{"keyctl", 250, 219, 288},
    Number{"add_key", 248, 217, 286},
    Number{"request_key", 249, 218, 287},
    Number{"io_uring_setup", 425, 425, 425},
    Number{"io_uring_enter", 426, 426, 426},
    Number{"io_uring_register", 427, 427, 427},
    Number{"clone3", 435, 435, 435},
    Number{"open_tree", 428, 428, 428},
    Number{"move_mount", 429, 429, 429},
    Number{"fsopen", 430, 430, 430},
    Number{"fsconfig", 431, 431, 431},
    Number{"fsmount", 432, 432, 432},
    Number{"fspick", 433, 433, 433},
    Number{"mount_setattr", 442, 442, 442},
    Number{"statmount", 457, 457, 457},
    Number{"listmount", 458, 458, 458},
    Number{"open_tree_attr", 467, 467, 467},
};

/// The calls of an architecture by their numbers: asked many times a question, where a search for a name takes long.
using Names = std::array<std::string_view, 512>;
constexpr Names names_of(int Number::*column) {
    Names names{};
    for (const Number& number : kNumbers)
        if (number.*column >= 0) names[static_cast<std::size_t>(number.*column)] = number.name;
    return names;
}

/// An architecture that programs are made for.
struct Arch {
    const char* name;
    std::uint32_t audit;
    bool x32;
    int Number::*column;
    Names names = names_of(column);

    bool is(int nr, std::string_view syscall) const {
        const auto at = static_cast<std::size_t>(nr); // a negative one is beyond the end as well
        return at < names.size() && names[at] == syscall;
    }

    int nr(std::string_view syscall) const {
        for (const Number& number : kNumbers) {
            if (number.name == syscall) return number.*column;
        }
        throw std::logic_error("not in kNumbers: " + std::string(syscall));
    }
};

constexpr std::array kArches{Arch{"x86_64", AUDIT_ARCH_X86_64, true, &Number::x86_64},
                             Arch{"aarch64", AUDIT_ARCH_AARCH64, false, &Number::aarch64},
                             Arch{"i386", AUDIT_ARCH_I386, false, &Number::i386}};

const Arch& this_arch() {
#if defined(__x86_64__)
    return kArches[0];
#else
    return kArches[1];
#endif
}

/// What the .policy files say, once more and by other means.
using Meaning = std::function<std::uint32_t(const Arch&, int nr, const Args&)>;

std::uint32_t terminal_meaning(const Arch& arch, int nr, const Args& args) {
    if (!arch.is(nr, "ioctl")) return kAllow;
    const auto request = static_cast<std::uint32_t>(args[1]);
    const bool refused = request == 0x5412 || request == 0x541C || request == 0x541D || request == 0x5423;
    return refused ? kEperm : kAllow;
}

/// What init answers, whatever the arguments.
constexpr std::array<std::string_view, 20> kAsked{"setuid",    "setgid",   "setreuid", "setregid",  "setresuid",
                                                  "setresgid", "setfsuid", "setfsgid", "setgroups", "getuid",
                                                  "geteuid",   "getgid",   "getegid",  "getresuid", "getresgid",
                                                  "getgroups", "capset",   "setxattr", "lsetxattr", "fsetxattr"};

std::uint32_t root_meaning(const Arch& arch, int nr, const Args& args) {
    const auto is = [&](std::string_view name) { return arch.is(nr, name); };
    const auto owners = [&](std::size_t uid) { return args[uid] != 0 || args[uid + 1] != 0 ? kFake : kAllow; };
    const auto device = [&](std::size_t mode) {
        const auto type = args[mode] & S_IFMT;
        const bool whiteout = type == S_IFCHR && args[mode + 1] == 0;
        return (type == S_IFCHR && !whiteout) || type == S_IFBLK ? kAsk : kAllow;
    };
    if (is("chown") || is("lchown") || is("fchown")) return owners(1);
    if (is("fchownat")) return owners(2);
    if (is("mknod")) return device(1);
    if (is("mknodat")) return device(2);
    if (is("prctl")) {
        const auto option = static_cast<std::uint32_t>(args[0]);
        return option == PR_SET_KEEPCAPS ? kAsk : option == PR_SET_TIMERSLACK ? kFake : kAllow;
    }
    return std::any_of(kAsked.begin(), kAsked.end(), is) ? kAsk : kAllow;
}

/// What devices.policy says: device nodes alone.
std::uint32_t devices_meaning(const Arch& arch, int nr, const Args& args) {
    const bool node = arch.is(nr, "mknod") || arch.is(nr, "mknodat");
    return node && root_meaning(arch, nr, args) == kAsk ? kFake : kAllow;
}

// libseccomp up to 2.5 can name what is newer only for the machine that it runs on. (It does not make i386's.)
bool names_newer(const Arch& arch) { return arch.audit == this_arch().audit || arch.audit == AUDIT_ARCH_I386; }

// What default.policy says of the numbers that it does not allow.
constexpr std::array<std::string_view, 44> kRefusedCalls{"mount",
                                                         "umount2",
                                                         "pivot_root",
                                                         "setns",
                                                         "swapon",
                                                         "swapoff",
                                                         "reboot",
                                                         "kexec_load",
                                                         "kexec_file_load",
                                                         "init_module",
                                                         "finit_module",
                                                         "delete_module",
                                                         "acct",
                                                         "quotactl",
                                                         "quotactl_fd",
                                                         "clock_settime",
                                                         "settimeofday",
                                                         "syslog",
                                                         "sethostname",
                                                         "setdomainname",
                                                         "iopl",
                                                         "ioperm",
                                                         "modify_ldt",
                                                         "open_by_handle_at",
                                                         "perf_event_open",
                                                         "bpf",
                                                         "fanotify_init",
                                                         "fanotify_mark",
                                                         "kcmp",
                                                         "mbind",
                                                         "set_mempolicy",
                                                         "set_mempolicy_home_node",
                                                         "move_pages",
                                                         "migrate_pages",
                                                         "vmsplice",
                                                         "userfaultfd",
                                                         "pidfd_getfd",
                                                         "process_madvise",
                                                         "vhangup",
                                                         "umount",
                                                         "stime",
                                                         "clock_settime64",
                                                         "vm86",
                                                         "vm86old"};

/// Numbers from FIRST to LAST.
struct Gap {
    int first, last;
};
constexpr int kNone = 1 << 30;
constexpr std::array kUnknownX86{
    Gap{134, 134}, Gap{136, 136},  Gap{139, 139},                // uselib ustat sysfs
    Gap{156, 156}, Gap{174, 174},  Gap{177, 178}, Gap{180, 185}, // _sysctl, modules of Linux 2.4, six never written
    Gap{212, 212}, Gap{214, 215},  Gap{236, 236}, Gap{248, 250}, // dcookie, epoll of Linux 2.5, vserver, keys
    Gap{337, 423}, Gap{425, 433},  Gap{435, 435}, Gap{442, 442}, // io_uring, mounts; clone3; mount_setattr
    Gap{457, 461}, Gap{463, kNone}};                             // statmount to lsm_*; but mseal; newer
constexpr std::array kUnknownArm{Gap{18, 18},   Gap{42, 42},   Gap{217, 219}, Gap{244, 259}, Gap{295, 423},
                                 Gap{425, 433}, Gap{435, 435}, Gap{442, 442}, Gap{457, 461}, Gap{463, kNone}};

// By asm/unistd_32.h: what is obsolete or has no code, ids of 16 bits, socketcall (102), ipc (117), keys, io_uring, mounts.
constexpr std::array kUnknownI386{
    Gap{16, 18},    Gap{23, 24},   Gap{28, 28},   Gap{31, 32},   Gap{35, 35},   Gap{44, 44},   Gap{46, 47},
    Gap{49, 50},    Gap{53, 53},   Gap{56, 56},   Gap{58, 58},   Gap{62, 62},   Gap{70, 71},   Gap{80, 81},
    Gap{84, 84},    Gap{86, 86},   Gap{95, 95},   Gap{98, 98},   Gap{102, 102}, Gap{112, 112}, Gap{117, 117},
    Gap{127, 127},  Gap{130, 130}, Gap{134, 135}, Gap{137, 139}, Gap{149, 149}, Gap{164, 165}, Gap{167, 167},
    Gap{169, 171},  Gap{182, 182}, Gap{188, 189}, Gap{222, 223}, Gap{251, 251}, Gap{253, 253}, Gap{273, 273},
    Gap{285, 288},  Gap{387, 392}, Gap{415, 415}, Gap{425, 433}, Gap{435, 435}, Gap{442, 442}, Gap{457, 461},
    Gap{463, kNone}};

bool in_a_gap(const Arch& arch, int nr) {
    const auto in = [&](const auto& gaps) {
        return nr < 0 || std::any_of(gaps.begin(), gaps.end(), [&](Gap g) { return nr >= g.first && nr <= g.last; });
    };
    if (arch.audit == AUDIT_ARCH_I386) return in(kUnknownI386);
    return arch.x32 ? in(kUnknownX86) : in(kUnknownArm);
}

std::uint32_t family_meaning(std::uint32_t family, std::uint32_t protocol) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6) return kAllow;
    if (family != AF_NETLINK) return SECCOMP_RET_ERRNO | EAFNOSUPPORT;
    return protocol == 0 || protocol == 15 ? kAllow : SECCOMP_RET_ERRNO | EPROTONOSUPPORT;
}

std::uint32_t default_meaning(const Arch& arch, int nr, const Args& args) {
    const auto is = [&](std::string_view name) { return arch.is(nr, name); };
    const auto low = [&](std::size_t arg) { return static_cast<std::uint32_t>(args[arg]); };
    constexpr std::uint32_t kNew =
        CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    if (is("clone")) return (low(0) & kNew) == 0 ? kAllow : kEperm;
    if (is("unshare")) return (low(0) & (kNew | CLONE_NEWTIME)) == 0 ? kAllow : kEperm;
    if (is("socket")) return family_meaning(low(0), low(2));
    if (is("socketpair")) return low(0) == AF_UNIX ? kAllow : SECCOMP_RET_ERRNO | EAFNOSUPPORT;
    if (is("personality")) {
        const std::uint32_t rest = low(0) & ~std::uint32_t{0x20008}, other = low(0) & ~std::uint32_t{0x40008};
        return rest == 0 || other == 0 || low(0) == 0xffffffff ? kAllow : kEperm;
    }
    if (std::any_of(kRefusedCalls.begin(), kRefusedCalls.end(), is)) return kEperm;
    if (is("mseal") && !names_newer(arch)) return kEnosys;
    return in_a_gap(arch, nr) ? kEnosys : kAllow;
}

std::uint32_t strict_meaning(const Arch& arch, int nr, const Args& args) {
    const auto is = [&](std::string_view name) { return arch.is(nr, name); };
    const auto mode = [&](std::size_t arg) { return (args[arg] & (S_ISUID | S_ISGID)) != 0 ? kEperm : kPass; };
    const auto made = [&](std::size_t flags) {
        return (args[flags] & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0 ? mode(flags + 1) : kPass;
    };
    if (is("ptrace") || is("process_vm_readv") || is("process_vm_writev")) return kEperm;
    if (is("openat2")) return kEnosys;
    if (is("socket")) {
        const bool uevent =
            static_cast<std::uint32_t>(args[0]) == AF_NETLINK && static_cast<std::uint32_t>(args[2]) == 15;
        return uevent ? SECCOMP_RET_ERRNO | EPROTONOSUPPORT : kPass;
    }
    if (is("chmod") || is("fchmod") || is("creat") || is("mknod")) return mode(1);
    if (is("fchmodat") || is("fchmodat2") || is("mknodat")) return mode(2);
    return is("open") ? made(1) : is("openat") ? made(2) : kPass;
}

/// Every mode with one of these bits that could come to a file is asked about.
std::uint32_t setid_meaning(const Arch& arch, int nr, const Args& args) {
    const auto is = [&](std::string_view name) { return arch.is(nr, name); };
    const auto mode = [&](std::size_t arg) { return (args[arg] & (S_ISUID | S_ISGID)) != 0 ? kAsk : kPass; };
    const auto made = [&](std::size_t flags) {
        return (args[flags] & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0 ? mode(flags + 1) : kPass;
    };
    const auto node = [&](std::size_t arg) {
        const auto type = static_cast<mode_t>(args[arg]) & S_IFMT;
        return type == 0 || type == S_IFREG ? mode(arg) : kPass;
    };
    if (is("openat2")) return kEnosys;
    if (is("landlock_restrict_self")) return kAsk;
    if (is("ioctl")) {
        const auto request = static_cast<std::uint32_t>(args[1]);
        return request == 0x50009401 || request == 0x50009417 ? kEperm : kPass;
    }
    if (is("mknod")) return node(1);
    if (is("mknodat")) return node(2);
    if (is("chmod") || is("fchmod") || is("creat")) return mode(1);
    if (is("fchmodat") || is("fchmodat2")) return mode(2);
    return is("open") ? made(1) : is("openat") ? made(2) : kPass;
}

/// An opt-in: these calls, whatever their arguments.
Meaning opens(std::vector<std::string_view> names) {
    return [names = std::move(names)](const Arch& arch, int nr, const Args&) {
        for (const std::string_view name : names) {
            if (!arch.is(nr, name)) continue;
            if (names_newer(arch) || (name != "statmount" && name != "listmount" && name != "open_tree_attr"))
                return kAllow;
        }
        return kPass;
    };
}
/// An opt-in: sockets of this family.
Meaning opens_family(std::uint32_t family) {
    return [family](const Arch& arch, int nr, const Args& args) {
        return arch.is(nr, "socket") && static_cast<std::uint32_t>(args[0]) == family ? kAllow : kPass;
    };
}

bool raw_internet(const Args& args) {
    const auto family = static_cast<std::uint32_t>(args[0]);
    return (family == AF_INET || family == AF_INET6) && (args[1] & 0xf) == SOCK_RAW;
}

std::uint32_t raw_socket_meaning(const Arch& arch, int nr, const Args& args) {
    if (!arch.is(nr, "socket")) return kPass;
    return static_cast<std::uint32_t>(args[0]) == AF_PACKET || raw_internet(args) ? kAllow : kPass;
}

std::uint32_t userns_meaning(const Arch& arch, int nr, const Args& args) {
    if (arch.is(nr, "socket")) {
        const bool packet = static_cast<std::uint32_t>(args[0]) == AF_INET && (args[1] & 0xf) == SOCK_PACKET;
        return packet || raw_internet(args) ? kEperm : kPass;
    }
    if (arch.is(nr, "setsockopt")) {
        const auto level = static_cast<std::uint32_t>(args[1]), name = static_cast<std::uint32_t>(args[2]);
        const bool tables = level == IPPROTO_IP ? (name & 0xc0) != 0 : level == IPPROTO_IPV6 && name >> 1 == 32;
        return tables ? SECCOMP_RET_ERRNO | ENOPROTOOPT : kPass;
    }
    static const Meaning calls =
        opens({"clone", "clone3", "unshare", "setns", "mount", "umount2", "pivot_root", "fsopen", "fsconfig",
               "fsmount", "fspick", "open_tree", "open_tree_attr", "move_mount", "mount_setattr", "statmount",
               "listmount", "sethostname", "setdomainname"});
    return calls(arch, nr, args);
}

/// What noted.policy says: of what default.policy refuses, what an option allows.
std::uint32_t noted_meaning(const Arch& arch, int nr, const Args& args) {
    const auto is = [&](const char* name) { return nr >= 0 && nr == arch.nr(name); };
    if (is("clone") || is("unshare")) return default_meaning(arch, nr, args) == kAllow ? kAllow : kAsk;
    if (is("socket")) {
        const auto family = static_cast<std::uint32_t>(args[0]);
        return family == AF_VSOCK || family == AF_PACKET ? kAsk : kPass;
    }
    constexpr std::array kNoted{"setns",       "mount",
                                "umount2",     "pivot_root",
                                "add_key",     "request_key",
                                "keyctl",      "perf_event_open",
                                "mbind",       "io_uring_setup",
                                "move_pages",  "set_mempolicy",
                                "vmsplice",    "set_mempolicy_home_node",
                                "kcmp",        "migrate_pages",
                                "userfaultfd", "process_madvise",
                                "pidfd_getfd"};
    return std::any_of(kNoted.begin(), kNoted.end(), is) ? kAsk : kPass;
}

std::uint32_t noted_strict_meaning(const Arch& arch, int nr, const Args&) {
    const auto is = [&](const char* name) { return nr >= 0 && nr == arch.nr(name); };
    return is("ptrace") || is("process_vm_readv") || is("process_vm_writev") ? kAsk : kPass;
}

std::uint32_t listener_meaning(const Arch& arch, int nr, const Args& args) {
    const bool listens = (args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
    return nr == arch.nr("seccomp") && listens ? SECCOMP_RET_ERRNO | EBUSY : kPass;
}

struct Subject {
    const char* name;
    Meaning meaning;
    std::vector<const char*> syscalls; ///< those whose arguments a rule looks at
    std::uint32_t unknown = kAllow;    ///< what it says of a number that does not exist
};

const std::vector<Subject>& subjects() {
    static const std::vector<Subject> all{
        {"terminal", terminal_meaning, {"ioctl"}},
        {"root", root_meaning, {"chown", "lchown", "fchown", "fchownat", "mknod", "mknodat", "prctl"}},
        {"devices", devices_meaning, {"mknod", "mknodat"}},
        {"default", default_meaning, {"clone", "unshare", "socket", "socketpair", "personality"}, kEnosys},
        {"strict",
         strict_meaning,
         {"chmod", "fchmod", "fchmodat", "fchmodat2", "creat", "mknod", "mknodat", "open", "openat", "socket"},
         kPass},
        {"setid",
         setid_meaning,
         {"chmod", "fchmod", "fchmodat", "fchmodat2", "creat", "mknod", "mknodat", "open", "openat", "ioctl"},
         kPass},
        {"ptrace", opens({"ptrace", "process_vm_readv", "process_vm_writev"}), {}, kPass},
        {"perf", opens({"perf_event_open"}), {}, kPass},
        {"io_uring", opens({"io_uring_setup", "io_uring_enter", "io_uring_register"}), {}, kPass},
        {"keyring", opens({"keyctl", "add_key", "request_key"}), {}, kPass},
        {"numa",
         opens({"mbind", "set_mempolicy", "set_mempolicy_home_node", "move_pages", "migrate_pages"}),
         {},
         kPass},
        {"userns", userns_meaning, {"socket", "setsockopt"}, kPass},
        {"vsock", opens_family(AF_VSOCK), {"socket"}, kPass},
        {"raw_socket", raw_socket_meaning, {"socket"}, kPass},
        {"noted", noted_meaning, {"clone", "unshare", "socket"}, kPass},
        {"noted_strict", noted_strict_meaning, {}, kPass},
        {"listener", listener_meaning, {"seccomp"}, kPass},
    };
    return all;
}

/// Values on both sides of everything that a rule compares, with and without high bits.
const std::vector<std::uint64_t>& interesting_values() {
    static const std::vector<std::uint64_t> values = [] {
        constexpr std::array<std::uint64_t, 33> kLow{
            0,          1,          7,       8,       29,         30,        12345,   0xfffe,  0x7fffffff,
            0x80000000, 0xffffffff, 0x5401,  0x5411,  0x5412,     0x5413,    0x541C,  0x541D,  0x541E,
            0x5423,     0x5424,     0010644, 0020666, 0060660,    0100644,   0140755, 0120777, 0104755,
            0102755,    0004711,    0002711, 0124755, 0x50009401, 0x50009417};
        std::vector<std::uint64_t> out;
        for (const auto low : kLow) {
            out.insert(out.end(), {low, low | kHigh, low | ~std::uint64_t{0} << 32});
        }
        return out;
    }();
    return values;
}

/// The same for what takes families, flags and modes in its first argument or the ones behind.
const std::vector<std::uint64_t>& flags_and_families() {
    static const std::vector<std::uint64_t> values = [] {
        std::vector<std::uint64_t> out;
        for (const std::uint64_t low :
             {0U,       1U,        2U,         3U,         8U,          10U,         15U,
              16U,      17U,       38U,        40U,        41U,         0x7fU,       0x80U,
              0100U,    02000U,    04000U,     06755U,     0x20000U,    0x20008U,    0x40000U,
              0x40008U, 0x400000U, 020000000U, 0x2000000U, 0x10000000U, 0x40000000U, 0xffffffffU})
            out.insert(out.end(), {low, low | kHigh});
        return out;
    }();
    return values;
}

std::string show(const Arch& arch, std::uint32_t nr, const Args& args) {
    char text[160];
    (void)std::snprintf(text, sizeof text,
                        "%s nr %" PRIu32 " (0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", ...)",
                        arch.name, nr, args[0], args[1], args[2], args[3]); // cut is still readable
    return text;
}

/// Compares without a CHECK a question: there are a million of them.
using Ask = std::function<std::uint32_t(const seccomp_data&)>;

std::optional<std::string> first_difference(const Arch& arch, const Subject& subject, const Ask& ask) {
    const auto same = [&](std::uint32_t nr, const Args& args) {
        return ask(call(arch.audit, nr, args)) == subject.meaning(arch, static_cast<int>(nr), args);
    };
    const bool flags = subject.unknown != kAllow;
    const auto& values = flags ? flags_and_families() : interesting_values();
    for (const char* name : subject.syscalls) {
        if (arch.nr(name) < 0) continue;
        const auto nr = static_cast<std::uint32_t>(arch.nr(name));
        for (const auto one : values) {
            for (const auto two : values) {
                for (const auto three : values) {
                    const Args args{0xdead, one, two, three, ~std::uint64_t{0}, 7};
                    if (!same(nr, args)) return show(arch, nr, args);
                    const Args from_first{one, two, three, 0xdead, 0, 7};
                    if (flags && !same(nr, from_first)) return show(arch, nr, from_first);
                }
            }
        }
    }
    for (std::uint32_t nr = 0; nr < 2048; ++nr) {
        for (const auto value : values) {
            const Args args{value, value, value, value, value, value};
            if (!same(nr, args)) return show(arch, nr, args);
        }
    }
    return std::nullopt;
}

Program embedded(const char* name) {
    const auto program = ajail::policy::program(name);
    REQUIRE_FALSE(program.empty());
    return {program.begin(), program.end()};
}

std::uint32_t ask(const char* program, std::string_view syscall, const Args& args) {
    const int nr = this_arch().nr(syscall);
    REQUIRE(nr >= 0);
    return run_bpf(embedded(program), call(this_arch().audit, static_cast<std::uint32_t>(nr), args));
}

// Running policy-gen

struct Ran {
    int status;
    std::string output; ///< stdout and stderr
};

Ran run_generator(const std::string& arguments) {
    const std::string command = "'" AJAIL_POLICY_GEN "' " + arguments + " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Ran ran{0, {}};
    std::array<char, 4096> buffer{};
    while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        ran.output.append(buffer.data(), got);
    }
    const int status = pclose(pipe);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
}

std::string policy_path(const std::string& name) {
    return std::string(AJAIL_POLICY_FILTERS_DIR "/") + name + ".policy";
}

std::string disassembly(const std::string& arch, const std::string& name) {
    const Ran ran = run_generator("--text --arch=" + arch + " '" + policy_path(name) + "'");
    INFO(ran.output);
    REQUIRE(ran.status == 0);
    return ran.output;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    REQUIRE(file);
    return text.str();
}

/// Reads the numbers of a disassembly back.
Program assemble(const std::string& text) {
    Program program;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::size_t at = 0;
        unsigned code = 0;
        unsigned jt = 0;
        unsigned jf = 0;
        unsigned k = 0;
        INFO(line);
        REQUIRE(std::sscanf(line.c_str(), "%zu 0x%x %u %u 0x%x", &at, &code, &jt, &jf, &k) == 5);
        REQUIRE(at == program.size());
        program.push_back({static_cast<__u16>(code), static_cast<__u8>(jt), static_cast<__u8>(jf), k});
    }
    return program;
}

struct TemporaryDirectory {
    std::filesystem::path path;

    TemporaryDirectory() {
        std::string pattern = std::filesystem::temp_directory_path() / "ajail-filters-XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    ~TemporaryDirectory() {
        std::error_code ignored; // a leftover directory is no reason to fail
        std::filesystem::remove_all(path, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
};

/// What policy-gen says about a file "bad.policy" of this text.
Ran generate(const std::string& text, const std::string& arch = "x86_64") {
    const TemporaryDirectory directory;
    const auto file = directory.path / "bad.policy";
    std::ofstream(file) << text;
    Ran ran = run_generator("--text --arch=" + arch + " '" + file.string() + "'");
    const std::string prefix = directory.path.string() + "/";
    if (ran.output.starts_with(prefix)) ran.output.erase(0, prefix.size());
    return ran;
}

const std::string kHead = "default allow # d\nbadarch kill # b\n";

/// Files that policy-gen must not accept, and what it says of each.
const std::vector<std::pair<std::string, std::string>> kRefused{
    {"", "bad.policy:0: the file has no rule"},
    {kHead, "bad.policy:2: the file has no rule"},
    {kHead + "fake setgroups\n", "bad.policy:3: no '# reason' behind the rule"},
    {kHead + "fake setgroups # \n", "bad.policy:3: no '# reason' behind the rule"},
    {"fake setgroups # r\n", "bad.policy:1: 'default' and 'badarch' come before the first rule"},
    {"default allow # r\nfake setgroups # r\n", "bad.policy:2: 'default' and 'badarch' come before the first rule"},
    {"default allow # r\ndefault allow # r\n", "bad.policy:2: a second 'default'"},
    {"default fake # r\n", "bad.policy:1: expected 'default allow', 'default pass' or 'default deny ERRNO'"},
    {kHead + "otherwise # r\n", "bad.policy:3: 'otherwise' comes after a rule"},
    {kHead + "fake setgroups # r\notherwise # r\n", "bad.policy:4: no rule after 'otherwise'"},
    {kHead + "fake setgroups # r\notherwise # r\notherwise # r\n", "bad.policy:5: 'otherwise' comes after a rule"},
    {kHead + "fake setgroups # r\notherwise now # r\n", "bad.policy:4: unexpected 'now'"},
    {kHead + "fake setgroups setgruops # r\n", "bad.policy:3: unknown syscall 'setgruops'"},
    {kHead + "fake setgroups setgroups # r\n", "bad.policy:3: the same rule is in line 3"},
    {"badarch allow # r\n", "bad.policy:1: expected 'badarch kill'"},
    {kHead + "forbid setgroups # r\n", "bad.policy:3: unknown rule 'forbid'"},
    {kHead + "\n# c\ndeny setgruops EPERM # r\n", "bad.policy:5: unknown syscall 'setgruops'"},
    {kHead + "fake ?setgruops # r\n", "bad.policy:3: unknown syscall 'setgruops'"},
    {kHead + "deny setgroups EPREM # r\n", "bad.policy:3: unknown errno 'EPREM'"},
    {kHead + "deny setgroups # r\n", "bad.policy:3: expected an errno name at the end of the line"},
    {kHead + "fake setgroups EPERM # r\n", "bad.policy:3: unexpected 'EPERM'"},
    {kHead + "fake chown if arg6 == 0 # r\n", "bad.policy:3: 'arg6' is not one of arg0 to arg5"},
    {kHead + "fake chown if arg1 < 7 # r\n", "bad.policy:3: '<' is neither == nor !="},
    {kHead + "fake chown if arg1 & 1 != 1 # r\n", "bad.policy:3: != takes no mask"},
    {kHead + "fake chown if arg1 == 09 # r\n", "bad.policy:3: '09' is not a number of 64 bits"},
    {kHead + "fake chown if arg1 == 0x # r\n", "bad.policy:3: '0x' is not a number of 64 bits"},
    {kHead + "fake chown if arg1 == -1 # r\n", "bad.policy:3: '-1' is not a number of 64 bits"},
    {kHead + "fake chown if arg1 == 0x10000000000000000 # r\n",
     "bad.policy:3: '0x10000000000000000' is not a number of 64 bits"},
    {kHead + "fake chown if arg1 & 6 == 1 # r\n", "bad.policy:3: never true: the value has bits outside the mask"},
    {kHead + "fake chown if arg1 & 0 == 0 # r\n", "bad.policy:3: always true: the mask is 0"},
    {kHead + "fake chown if arg1 == 1 and # r\n", "bad.policy:3: expected arg0 to arg5 at the end of the line"},
    {kHead + "fake chown if arg1 != 1 and arg1 != 2 # r\n",
     "bad.policy:3: one argument is compared twice in one rule"},
    {kHead + "allow setgroups # r\n", "bad.policy:3: the rule says what 'default' says already"},
    {kHead + "fake setgroups # r\nfake setgroups # r\n", "bad.policy:4: the same rule is in line 3"},
    {kHead + "fake ioctl if arg1 == 1 # r\nfake ioctl # r\n",
     "bad.policy:4: libseccomp would drop the conditional rule: 'ioctl' has another kind of rule in line 3"},
    {kHead + "fake ioctl if arg1 == 1 # r\ndeny ioctl EPERM if arg2 == 1 # r\n",
     "bad.policy:4: overlaps with a rule of another action in line 3; rules have no order"},
};

// Loading a program for real

/// Runs STEPS in a child under the program and returns its wait status. STEPS returns the exit status and
/// must not use Catch: it runs in a forked copy, which leaves by _exit.
int under_filter(const char* name, const std::function<int()>& steps) {
    Program program = ajail::policy::joined(name);
    REQUIRE_FALSE(program.empty());
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const sock_fprog prog{static_cast<unsigned short>(program.size()), program.data()};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(101);
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) != 0) _exit(102);
        _exit(steps());
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return status;
}

bool refused(long result) { return result == -1 && errno == EPERM; }

} // namespace

TEST_CASE("evaluator: what libseccomp does not emit is an error", "[bpf]") {
    const seccomp_data data = call(AUDIT_ARCH_X86_64, 1, {});
    const sock_filter ret = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    CHECK(run_bpf(Program{ret}, data) == kAllow);
    CHECK_THROWS_AS(run_bpf(Program{}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_MISC | BPF_TAX, 0), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_RET | BPF_A, 0)}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_JUMP(BPF_JMP | BPF_JA, 7, 0, 0), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 9, 9), ret}, data), BadProgram);
}

TEST_CASE("evaluator: comparisons, mask and jumps", "[bpf]") {
    const auto taken = [](unsigned operation, std::uint32_t value, std::uint32_t k) {
        const Program program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                              BPF_JUMP(static_cast<__u16>(BPF_JMP | operation | BPF_K), k, 0, 1),
                              BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 2)};
        return run_bpf(program, call(AUDIT_ARCH_X86_64, value, {})) == 1;
    };
    CHECK(taken(BPF_JEQ, 5, 5));
    CHECK_FALSE(taken(BPF_JEQ, 5, 6));
    CHECK(taken(BPF_JGT, 0x80000000, 6)); // unsigned
    CHECK_FALSE(taken(BPF_JGT, 6, 6));
    CHECK(taken(BPF_JGE, 6, 6));
    CHECK_FALSE(taken(BPF_JGE, 5, 6));
    CHECK(taken(BPF_JSET, 6, 2));
    CHECK_FALSE(taken(BPF_JSET, 6, 9));
    const Program masked{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
                         BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
                         BPF_STMT(BPF_JMP | BPF_JA, 1),
                         BPF_STMT(BPF_RET | BPF_K, 1),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x50, 0, 1),
                         BPF_STMT(BPF_RET | BPF_K, 2),
                         BPF_STMT(BPF_RET | BPF_K, 3)};
    CHECK(run_bpf(masked, call(AUDIT_ARCH_X86_64, 0, {0x357})) == 2);
}

TEST_CASE("filters: names", "[filters]") {
    for (const Subject& subject : subjects()) CHECK_FALSE(ajail::policy::program(subject.name).empty());
    CHECK(ajail::policy::program("").empty());
    CHECK(ajail::policy::program("termina").empty());
    CHECK(ajail::policy::program("terminal.policy").empty());
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(AJAIL_POLICY_FILTERS_DIR)) {
        if (entry.path().extension() != ".policy") continue;
        ++files;
        INFO(entry.path());
        CHECK_FALSE(ajail::policy::program(entry.path().stem().string()).empty());
    }
    CHECK(files == subjects().size()); // a new policy gets a meaning here
}

TEST_CASE("filters: terminal", "[filters]") {
    for (const std::uint64_t request : {0x5412U, 0x541CU, 0x541DU, 0x5423U}) {
        INFO(request);
        CHECK(ask("terminal", "ioctl", {0, request, 0}) == kEperm);
        for (unsigned bit = 0; bit < 32; ++bit) {
            CHECK(ask("terminal", "ioctl", {0, request | kHigh << bit, 0}) == kEperm);
            CHECK(ask("terminal", "ioctl", {0, request ^ std::uint64_t{1} << bit, 0}) ==
                  terminal_meaning(this_arch(), this_arch().nr("ioctl"), {0, request ^ std::uint64_t{1} << bit, 0}));
        }
    }
    CHECK(ask("terminal", "ioctl", {0, TCGETS}) == kAllow);
    CHECK(ask("terminal", "ioctl", {0, TIOCSWINSZ}) == kAllow);
    // The request is arg1 and no other.
    CHECK(ask("terminal", "ioctl", {0x5412, TCGETS, 0x5412, 0x5412}) == kAllow);
    CHECK(ask("terminal", "write", {0, 0x5412}) == kAllow);
}

TEST_CASE("filters: root, owners", "[filters]") {
    const auto check = [](const char* name, std::size_t uid) {
        if (this_arch().nr(name) < 0) return;
        INFO(name);
        const auto owned = [&](std::uint64_t user, std::uint64_t group) {
            Args args{3, 0x1000, 0, 0, 0x100, 9};
            args[uid] = user;
            args[uid + 1] = group;
            return ask("root", name, args);
        };
        CHECK(owned(0, 0) == kAllow);
        CHECK(owned(12345, 0) == kFake);
        CHECK(owned(0, 42) == kFake);
        CHECK(owned(12345, 42) == kFake);
        CHECK(owned(0xffffffff, 0) == kFake); // (uid_t)-1
        CHECK(owned(0, ~std::uint64_t{0}) == kFake);
        CHECK(owned(kHigh, 0) == kFake); // all 64 bits count
        CHECK(owned(0, kHigh) == kFake);
    };
    check("chown", 1);
    check("lchown", 1);
    check("fchown", 1);
    check("fchownat", 2);
}

TEST_CASE("filters: devices", "[filters]") {
    const auto check = [](const char* filter, std::uint32_t taken, const char* name, std::size_t mode_arg) {
        if (this_arch().nr(name) < 0) return;
        INFO(filter << " " << name);
        const auto made = [&](std::uint64_t mode, std::uint64_t device = 0x0103) {
            Args args{3, S_IFCHR, S_IFCHR, S_IFCHR, 0, 0};
            args[mode_arg] = mode;
            args[mode_arg + 1] = device;
            return ask(filter, name, args);
        };
        CHECK(made(S_IFCHR | 0666) == taken);
        CHECK(made(S_IFBLK | 0660) == taken);
        CHECK(made(kHigh | S_IFCHR | 0666) == taken); // the kernel takes 16 bits
        CHECK(made(0x10000 | S_IFBLK) == taken);
        CHECK(made(S_IFCHR, 0) == kAllow); // a whiteout
        CHECK(made(S_IFBLK, 0) == taken);
        for (const int type : {0, S_IFREG, S_IFIFO, S_IFSOCK, S_IFDIR, S_IFLNK}) {
            CHECK(made(static_cast<std::uint64_t>(type | 0644)) == kAllow);
        }
    };
    check("root", kAsk, "mknod", 1);
    check("root", kAsk, "mknodat", 2);
    check("devices", kFake, "mknod", 1);
    check("devices", kFake, "mknodat", 2);
    CHECK(ask("root", "fchmod", {3, 04755}) == kAllow);
}

TEST_CASE("filters: root, who one is", "[filters]") {
    for (const std::string_view name : kAsked) {
        INFO(name);
        CHECK(ask("root", name, {}) == kAsk);
        CHECK(ask("root", name, {1, 0x7fff0000, ~std::uint64_t{0}}) == kAsk);
    }
    CHECK(ask("root", "prctl", {PR_SET_KEEPCAPS, 1}) == kAsk);
    CHECK(ask("root", "prctl", {PR_SET_KEEPCAPS, 0}) == kAsk);
    CHECK(ask("root", "prctl", {kHigh | PR_SET_KEEPCAPS, 1}) == kAsk); // the kernel takes 32 bits
    CHECK(ask("root", "prctl", {PR_SET_TIMERSLACK, 1}) == kFake);
    for (const int option :
         {PR_GET_TIMERSLACK, PR_GET_KEEPCAPS, PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG}) {
        CHECK(ask("root", "prctl", {static_cast<std::uint64_t>(option), PR_SET_KEEPCAPS, PR_SET_KEEPCAPS}) == kAllow);
    }
}

TEST_CASE("filters: foreign ABIs are killed", "[filters]") {
    constexpr std::array<std::uint32_t, 6> kForeign{
        AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_S390X, AUDIT_ARCH_RISCV64, 0, 0xffffffff};
    for (const Subject& subject : subjects()) {
        INFO(subject.name);
        const Program program = embedded(subject.name);
        for (std::uint32_t nr = 0; nr < 1024; ++nr) {
            bool killed = true;
            for (const auto arch : kForeign) killed &= run_bpf(program, call(arch, nr, {})) == kKill;
            if (this_arch().x32) {
                killed &= run_bpf(program, call(this_arch().audit, nr | kX32, {0, 0x5412, 0, 0})) == kKill;
            }
            if (!killed) FAIL("nr " << nr);
        }
    }
}

TEST_CASE("filters: numbers never heard of", "[filters]") {
    for (const Subject& subject : subjects()) {
        INFO(subject.name);
        const Program program = embedded(subject.name);
        for (const std::uint32_t nr : {600U, 1000U, 4096U, 0x3fffffffU}) {
            CHECK(run_bpf(program, call(this_arch().audit, nr, {0, 0x5412, 1, 1})) == subject.unknown);
        }
        // -1 is how a tracer skips a call (ptrace(2)); the kernel answers ENOSYS.
        CHECK(run_bpf(program, call(this_arch().audit, 0xffffffff, {})) == subject.unknown);
        if (!this_arch().x32) continue;
        CHECK(run_bpf(program, call(this_arch().audit, kX32, {})) == kKill);
        CHECK(run_bpf(program, call(this_arch().audit, 0x80000000, {})) == kKill);
        CHECK(run_bpf(program, call(this_arch().audit, 0xfffffffe, {})) == kKill);
    }
}

TEST_CASE("filters: the programs say what the text says", "[filters]") {
    for (const Subject& subject : subjects()) {
        for (const Arch& arch : kArches) {
            INFO(subject.name << " for " << arch.name);
            const Program program = assemble(disassembly(arch.name, subject.name));
            const auto run = [&](const seccomp_data& data) { return run_bpf(program, data); };
            CHECK(first_difference(arch, subject, run).value_or("") == "");
            for (const Arch& other : kArches)
                CHECK((other.audit == arch.audit || run(call(other.audit, 0, {})) == kKill));
            CHECK(run(call(AUDIT_ARCH_ARM, 0, {})) == kKill);
        }
    }
}

TEST_CASE("filters: what is embedded is what the text shows", "[filters]") {
    for (const Subject& subject : subjects()) {
        INFO(subject.name);
        const Program built = embedded(subject.name);
        const Program shown = assemble(disassembly(this_arch().name, subject.name));
        REQUIRE(built.size() == shown.size());
        for (std::size_t i = 0; i < built.size(); ++i) {
            INFO(i);
            CHECK(built[i].code == shown[i].code);
            CHECK(built[i].jt == shown[i].jt);
            CHECK(built[i].jf == shown[i].jf);
            CHECK(built[i].k == shown[i].k);
        }
    }
}

TEST_CASE("filters: the checked-in disassembly is current", "[filters]") {
    for (const Subject& subject : subjects()) {
        for (const Arch* const one : {&kArches[0], &kArches[2]}) {
            const Arch& arch = *one;
            const std::string file = std::string(subject.name) + "." + arch.name + ".txt";
            INFO("after a change: policy-gen --text --arch=" << arch.name << " " << subject.name << ".policy > "
                                                             << file);
            const std::string recorded = read_file(AJAIL_POLICY_FILTERS_DIR "/" + file);
            const std::string made = disassembly(arch.name, subject.name);
            const auto version = [](const std::string& text) {
                const auto start = text.find("libseccomp ");
                return text.substr(start, text.find(':', start) - start);
            };
            if (version(recorded) == version(made)) {
                CHECK(recorded == made);
            } else { // another libseccomp may order instructions otherwise, but has to mean the same
                const Program program = assemble(recorded);
                const auto run = [&](const seccomp_data& data) { return run_bpf(program, data); };
                CHECK(first_difference(arch, subject, run).value_or("") == "");
            }
        }
    }
}

TEST_CASE("policy-gen: what it refuses", "[policy-gen]") {
    for (const auto& [text, expected] : kRefused) {
        INFO(text);
        const Ran ran = generate(text);
        CHECK(ran.status == 1);
        CHECK(ran.output == expected + "\n"); // one line
    }
}

TEST_CASE("policy-gen: a set of rules that libseccomp gets wrong", "[policy-gen]") {
    // 2.5.4 and 2.6.0 allow clone(0, 2, 1 << 32), which the second rule is about. A version that does not is
    // welcome; what may not happen is a program that says something else than the text.
    const Ran ran = generate(kHead + "fake clone if arg1 != 1 and arg2 != 0x100000000 and arg0 == 0 # r\n" +
                             "fake clone if arg0 == 0 and arg1 != 0 # r\n");
    INFO(ran.output);
    if (ran.status == 0) {
        constexpr std::uint32_t kClone = 56;
        CHECK(run_bpf(assemble(ran.output), call(AUDIT_ARCH_X86_64, kClone, {0, 2, kHigh})) == kFake);
    } else {
        CHECK(ran.status == 1);
        CHECK(ran.output.starts_with("bad.policy:4: libseccomp's program for x86_64 does not say what the text"));
    }
}

TEST_CASE("policy-gen: calls that an architecture does not have", "[policy-gen]") {
    CHECK(generate(kHead + "fake chown # r\nfake setgroups # r\n", "x86_64").status == 0);
    CHECK(generate(kHead + "fake chown # r\nfake setgroups # r\n", "aarch64").output ==
          "bad.policy:3: no syscall 'chown' on aarch64; write '?chown' if that is right\n");
    CHECK(generate(kHead + "fake ?chown # r\n", "aarch64").output == "bad.policy:3: no rule is left on aarch64\n");
    CHECK(generate(kHead + "fake ?chown # r\nfake setgroups # r\n", "aarch64").status == 0);
}

TEST_CASE("policy-gen: files and arguments", "[policy-gen]") {
    const TemporaryDirectory directory;
    const std::string out = directory.path / "out.cc";
    CHECK(run_generator("").status == 1);
    CHECK(run_generator("'" + out + "'").status == 1);
    CHECK(run_generator("--text --arch=vax '" + policy_path("root") + "'").status == 1);
    CHECK(run_generator("'" + out + "' /nowhere/x.policy").output ==
          "/nowhere/x.policy:0: No such file or directory\n");
    CHECK(run_generator("'" + out + "' /nowhere/x.txt").status == 1);
    CHECK(run_generator("'" + out + "' '" + policy_path("root") + "' '" + policy_path("root") + "'").status == 1);
    CHECK_FALSE(std::filesystem::exists(out)); // an error leaves no output
    CHECK(run_generator("/nowhere/out.cc '" + policy_path("root") + "'").status == 1);
    CHECK(run_generator("'" + out + "' '" + policy_path("root") + "'").status == 0);
    CHECK(std::filesystem::file_size(out) > 1000);
}

TEST_CASE("policy-gen: an allowlist, every kind of rule, and a tree", "[policy-gen]") {
    std::string text = "default deny ENOSYS # r\nbadarch kill # r\n"
                       "allow clone if arg0 & 0x7E020000 == 0 # r\n"
                       "deny socket EAFNOSUPPORT if arg0 == 38 and arg2 != 0 # r\n"
                       "allow socket if arg0 == 1 # r\n";
    // Enough syscalls for the binary tree; every fourth is refused. Numbers are those of x86_64.
    const std::vector<std::pair<std::string, int>> plain{
        {"read", 0},     {"write", 1},    {"close", 3},  {"fstat", 5},  {"lseek", 8},  {"mmap", 9},
        {"munmap", 11},  {"brk", 12},     {"dup", 32},   {"kill", 62},  {"fork", 57},  {"execve", 59},
        {"uname", 63},   {"fcntl", 72},   {"fsync", 74}, {"chdir", 80}, {"umask", 95}, {"getuid", 102},
        {"getgid", 104}, {"openat", 257}, {"statx", 332}};
    for (std::size_t i = 0; i < plain.size(); ++i) {
        text += i % 4 == 0 ? "deny " + plain[i].first + " EACCES # r\n" : "allow " + plain[i].first + " # r\n";
    }
    const Ran ran = generate(text);
    INFO(ran.output);
    REQUIRE(ran.status == 0);
    const Program program = assemble(ran.output);
    const Arch& arch = kArches[0];
    const auto expected = [&](int nr, const Args& args) -> std::uint32_t {
        constexpr int kSocket = 41;
        constexpr int kClone = 56;
        for (std::size_t i = 0; i < plain.size(); ++i) {
            if (nr == plain[i].second) return i % 4 == 0 ? SECCOMP_RET_ERRNO | EACCES : kAllow;
        }
        if (nr == kClone && (args[0] & 0x7E020000) == 0) return kAllow;
        if (nr == kSocket && args[0] == 1) return kAllow;
        if (nr == kSocket && args[0] == 38 && args[2] != 0) return SECCOMP_RET_ERRNO | EAFNOSUPPORT;
        return SECCOMP_RET_ERRNO | ENOSYS;
    };
    for (int nr = 0; nr < 1024; ++nr) {
        for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{17}, std::uint64_t{38},
                                          kHigh | 1, kHigh | 38, std::uint64_t{0x10000000}, std::uint64_t{0x20000}}) {
            for (const std::uint64_t third : {std::uint64_t{0}, std::uint64_t{1}, kHigh}) {
                const Args args{first, 0, third, 0, 0, 0};
                const auto number = static_cast<std::uint32_t>(nr);
                const auto got = run_bpf(program, call(arch.audit, number, args));
                if (got != expected(nr, args)) FAIL(show(arch, number, args) << ": " << got);
            }
        }
    }
    CHECK(run_bpf(program, call(arch.audit, kX32, {})) == kKill);
    CHECK(run_bpf(program, call(AUDIT_ARCH_I386, 3, {})) == kKill);
}

TEST_CASE("policy-gen: sections, passing, many names a line, newer calls", "[policy-gen]") {
    const Ran ran = generate("default pass # r\nbadarch kill # r\n"
                             "allow socket mseal if arg0 & 0xffffffff == 1 # r\n"
                             "otherwise # r\n"
                             "deny mseal bpf EACCES # r\ndeny socket EPERM if arg0 & 0xffffffff == 2 # r\n");
    INFO(ran.output);
    REQUIRE(ran.status == 0);
    const Program program = assemble(ran.output);
    const auto says = [&](const char* name, std::uint64_t arg) {
        return run_bpf(program, call(AUDIT_ARCH_X86_64, static_cast<std::uint32_t>(kArches[0].nr(name)), {arg}));
    };
    CHECK(says("socket", kHigh | 1) == kAllow);
    CHECK(says("socket", kHigh | 2) == kEperm);
    CHECK(says("socket", 3) == kPass);
    CHECK(says("mseal", 1) == kAllow);
    CHECK(says("mseal", 2) == (SECCOMP_RET_ERRNO | EACCES));
    CHECK(says("bpf", 1) == (SECCOMP_RET_ERRNO | EACCES));
    CHECK(says("write", 1) == kPass);
}

TEST_CASE("filters: joined", "[filters]") {
    using ajail::policy::joined;
    const auto says = [](const char* name, const char* syscall, const Args& args = {}) {
        const Program program = joined(name);
        REQUIRE_FALSE(program.empty());
        return run_bpf(program, call(this_arch().audit, static_cast<std::uint32_t>(this_arch().nr(syscall)), args));
    };
    CHECK(says("default", "perf_event_open") == kEperm);
    CHECK(says("default+perf", "perf_event_open") == kAllow);
    CHECK(says("default+perf", "bpf") == kEperm);
    CHECK(says("default+perf", "keyctl") == kEnosys);
    CHECK(says("default+bpf", "bpf") == kAllow);
    CHECK(says("default-mkdirat", "mkdirat") == kEperm);
    CHECK(says("default+mkdirat-mkdirat", "mkdirat") == kEperm);
    CHECK(says("default-mkdirat+mkdirat", "mkdirat") == kAllow); // the last one stands in front
    CHECK(says("default", "ptrace") == kAllow);
    CHECK(says("default+strict", "ptrace") == kEperm);
    CHECK(says("default+strict+ptrace", "ptrace") == kAllow);
    CHECK(says("default+strict", "bpf") == kEperm);
    CHECK(says("default+vsock", "socket", {kHigh | AF_VSOCK}) == kAllow);
    // As they are loaded, all of them in front of something else.
    for (const char* name : {"root+setid", "devices+setid", "terminal+setid"}) {
        CHECK(says(name, "fchmod", {3, 0755}) == kAllow);
        CHECK(says(name, "fchmod", {3, 04755}) == kAsk);
        CHECK(says(name, "openat", {3, 0, 0, 04755}) == kAllow); // makes nothing
        CHECK(says(name, "openat", {3, 0, O_CREAT, 02755}) == kAsk);
        CHECK(says(name, "openat2") == kEnosys);
        CHECK(says((std::string(name) + "+openat2").c_str(), "openat2") == kAllow);
    }
    CHECK(says("root+setid", "getuid") == kAsk);
    CHECK(says("devices+setid", "mknodat", {3, 0, S_IFBLK | 06666, 1}) == kFake);
    CHECK(says("terminal+setid", "ioctl", {0, TIOCSTI}) == kEperm);
    CHECK(says("default+vsock", "socket", {AF_PACKET}) == (SECCOMP_RET_ERRNO | EAFNOSUPPORT));
    CHECK(says("default+userns", "clone", {CLONE_NEWUSER}) == kAllow);
    CHECK(says("default", "socket", {AF_INET, SOCK_RAW}) == kAllow); // capabilities decide
    CHECK(says("default+userns", "socket", {AF_INET6, SOCK_RAW | SOCK_CLOEXEC}) == kEperm);
    CHECK(says("default+userns", "socket", {AF_INET, kHigh | SOCK_PACKET}) == kEperm);
    CHECK(says("default+userns", "socket", {AF_INET, SOCK_DGRAM}) == kAllow);
    CHECK(says("default+userns+raw_socket", "socket", {AF_INET, SOCK_RAW}) == kAllow);
    CHECK(says("default+userns", "setsockopt", {3, IPPROTO_IP, 64}) == (SECCOMP_RET_ERRNO | ENOPROTOOPT));
    CHECK(says("default+userns", "setsockopt", {3, SOL_SOCKET, 64}) == kAllow);
    // In front of others, what is allowed is left to them.
    CHECK(says("root+perf", "perf_event_open") == kAllow);
    CHECK(says("root+chown", "chown", {0, 5, 5}) == kFake);
    CHECK(says("root+noted+setuid+userns+setid", "setuid") == kAsk);
    CHECK(says("root+noted+fchmod+setid", "fchmod", {3, 04755}) == kAsk);
    CHECK(says("root-chown", "chown", {0, 5, 5}) == kEperm);
    CHECK(says("terminal+ioctl", "ioctl", {0, TIOCSTI}) == kEperm);
    CHECK(says("root+noted+seccomp+setid+listener", "seccomp", {1, 8}) == (SECCOMP_RET_ERRNO | EBUSY));
    CHECK(says("root+noted+seccomp+setid+listener", "seccomp", {1, 0}) == kAllow);
    for (const char* name : {"", "defaul", "default+", "default-", "default+nosuch", "default-nosuch",
                             "default+perf-", "strict", "perf", "+perf", "default-perf"})
        CHECK(joined(name).empty());
    CHECK(ajail::policy::syscall_number("mseal") == this_arch().nr("mseal"));
    CHECK(ajail::policy::syscall_number("openat") == this_arch().nr("openat"));
    CHECK(ajail::policy::syscall_number("nosuch") == -1);
    CHECK(ajail::policy::syscall_number("") == -1);
}

TEST_CASE("filters: a denylist alone", "[filters]") {
    const auto nr = [](const char* name) { return static_cast<std::uint32_t>(this_arch().nr(name)); };
    const Program program = ajail::policy::joined("-mkdirat-ptrace");
    REQUIRE_FALSE(program.empty());
    CHECK(run_bpf(program, call(this_arch().audit, nr("mkdirat"), {})) == kEperm);
    CHECK(run_bpf(program, call(this_arch().audit, nr("ptrace"), {})) == kEperm);
    CHECK(run_bpf(program, call(this_arch().audit, nr("bpf"), {})) == kAllow);
    CHECK(ajail::policy::joined("-").empty());
    CHECK(ajail::policy::joined("-nosuch").empty());
}

TEST_CASE("filters: with 32-bit programs", "[filters]") {
    using ajail::policy::joined;
    if (this_arch().audit != AUDIT_ARCH_X86_64) {
        CHECK(joined("default+32bit").empty());
        return;
    }
    // Each part is the one that the text shows, chosen by the architecture.
    for (const Subject& subject : subjects()) {
        if (subject.unknown == kPass) continue;
        INFO(subject.name);
        const Program program = joined(std::string(subject.name) + "+32bit");
        REQUIRE_FALSE(program.empty());
        for (const Arch* const arch : {&kArches[0], &kArches[2]}) {
            INFO(arch->name);
            const auto run = [&](const seccomp_data& data) { return run_bpf(program, data); };
            CHECK(first_difference(*arch, subject, run).value_or("") == "");
        }
        CHECK(run_bpf(program, call(AUDIT_ARCH_ARM, 0, {})) == kKill);
        CHECK(run_bpf(program, call(AUDIT_ARCH_X86_64, kX32, {})) == kKill);
    }
    const auto says = [](const char* name, std::uint32_t nr, const Args& args = {}) {
        return run_bpf(joined(name), call(AUDIT_ARCH_I386, nr, args));
    };
    CHECK(says("default", 20) == kKill);
    CHECK(says("default+32bit", 20) == kAllow);                  // getpid
    CHECK(says("default+32bit", 102, {1}) == kEnosys);           // socketcall
    CHECK(says("default+32bit", 117, {21}) == kEnosys);          // ipc
    CHECK(says("default+32bit+socketcall", 102, {1}) == kAllow); // by name, what only the other one has
    CHECK(says("default+32bit", 359, {AF_ALG}) == (SECCOMP_RET_ERRNO | EAFNOSUPPORT));
    CHECK(says("default+vsock+32bit", 359, {AF_VSOCK}) == kAllow);
    CHECK(says("default+strict+32bit", 26) == kEperm); // ptrace
    CHECK(says("default+strict+ptrace+32bit", 26) == kAllow);
    CHECK(says("default+32bit-chown", 212) == kEperm);    // chown32
    CHECK(says("default+32bit-recvmmsg", 417) == kEperm); // recvmmsg_time64
    CHECK(says("-mkdir+32bit", 39) == kEperm);
    CHECK(says("-mkdir+32bit", 40) == kAllow);
    CHECK(says("root+noted+setid+listener+32bit", 354, {1, 8}) == (SECCOMP_RET_ERRNO | EBUSY));
    for (const char* name : {"default+noted+32bit", "root+noted+setid+listener+32bit"}) {
        CHECK(says(name, 336) == kAsk); // perf_event_open
        CHECK(says(name, 359, {AF_VSOCK}) == kAsk);
        CHECK(says(name, 120, {CLONE_NEWUSER}) == kAsk);
        CHECK(says(name, 120, {SIGCHLD}) == kAllow);
    }
    CHECK(joined("perf+32bit").empty());
    CHECK(joined("nosuch+32bit").empty());
}

TEST_CASE("filters: what init refuses is what the policy refuses", "[filters]") {
    using ajail::policy::refuse;
    const auto says = [](const std::string& name, const ajail::policy::Refused& refused) {
        const std::string_view is = refused.call;
        const std::uint64_t first = refused.family >= 0                ? static_cast<std::uint64_t>(refused.family)
                                    : is == "clone" || is == "unshare" ? CLONE_NEWUSER
                                                                       : 0;
        return run_bpf(ajail::policy::joined(name),
                       call(this_arch().audit, static_cast<std::uint32_t>(refused.nr), {first}));
    };
    std::uint64_t all = 0;
    for (const auto& refused : ajail::policy::refused_calls()) {
        INFO(refused.call);
        if (this_arch().audit == AUDIT_ARCH_X86_64) { // what a 32-bit program asks is the same question
            const int nr = kArches[2].nr(refused.call);
            CHECK(ajail::policy::native_number({nr, AUDIT_ARCH_I386, 0, {}}) == refused.nr);
        }
        CHECK(refused.nr == this_arch().nr(refused.call));
        const bool strict = std::string_view(refused.option) == "ptrace";
        const std::string base = strict ? "default+strict" : "default";
        const std::string notes = strict ? "+noted+noted_strict" : "+noted";
        CHECK(says(base, refused) == (SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(refused.err)));
        CHECK(says(base + notes, refused) == kAsk);
        for (const char* asker : {"root", "devices", "terminal"})
            CHECK(says(asker + notes + "+setid+listener", refused) == kAsk);
        std::string option = refused.option;
        std::replace(option.begin(), option.end(), '-', '_');
        CHECK(says(base + notes + "+" + option, refused) == kAllow);
        CHECK(says("root" + notes + "+" + option + "+setid+listener", refused) == kAllow);
        std::uint64_t tried = 0;
        CHECK(refuse(refused.nr, static_cast<std::uint64_t>(refused.family), tried) == refused.err);
        CHECK((all & tried) == 0);
        all |= tried;
    }
    // Nothing else is asked, and the root emulation's questions are left alone.
    const Program noted = ajail::policy::joined("root+noted+noted_strict");
    for (int nr = 0; nr < 1024; ++nr) {
        for (const std::uint64_t first :
             {std::uint64_t{0}, std::uint64_t{AF_VSOCK}, kHigh | AF_PACKET, ~std::uint64_t{0}}) {
            INFO(nr << ' ' << first);
            const Args args{first};
            const auto answer = run_bpf(noted, call(this_arch().audit, static_cast<std::uint32_t>(nr), args));
            const bool emulated = root_meaning(this_arch(), nr, args) == kAsk;
            std::uint64_t tried = 0;
            if (answer == kAsk) CHECK((refuse(nr, first, tried) != 0) == !emulated);
            CHECK((tried & ~all) == 0);
        }
    }
}

TEST_CASE("kernel: what nobody answers is refused", "[filters][kernel]") {
    const int status = under_filter("default+noted", [] {
        const auto unknown = [](long nr, auto... args) { return syscall(nr, args...) == -1 && errno == ENOSYS; };
        for (const auto& refused : ajail::policy::refused_calls())
            if (std::string_view(refused.option) != "ptrace" &&
                !unknown(refused.nr, refused.family >= 0 ? long{refused.family} : long{CLONE_NEWUSER}, 0L, 0L, 0L,
                         0L))
                return 1;
        const pid_t child = fork();
        if (child == 0) _exit(7);
        int how = 0;
        return child < 0 || waitpid(child, &how, 0) != child || WEXITSTATUS(how) != 7 ? 2 : 0;
    });
    CHECK(status == 0);
    const int listening = under_filter("terminal+listener", [] {
        sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        const sock_fprog program{1, &allow};
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) != -1) return 1;
        if (errno != EBUSY) return 2;
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : 3;
    });
    CHECK(listening == 0);
}

TEST_CASE("kernel: default", "[filters][kernel]") {
    // Control: without the program the same calls have other results, or none of these could be told.
    REQUIRE((syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr) == -1 && errno != ENOSYS));
    const int status = under_filter("default", [&] {
        const auto says = [](int err, long nr, auto... args) { return syscall(nr, args...) == -1 && errno == err; };
        for (const std::string_view name : kRefusedCalls)
            if (this_arch().nr(name) >= 0 && !says(EPERM, this_arch().nr(name), -1L, -1L, -1L, -1L)) return 1;
        for (const char* name : {"keyctl", "add_key", "request_key", "io_uring_setup", "io_uring_enter", "clone3",
                                 "fsopen", "open_tree", "mount_setattr", "statmount", "listmount"})
            if (!says(ENOSYS, this_arch().nr(name), -1L, -1L, -1L, -1L)) return 2;
        if (!says(ENOSYS, 470, 0L) || !says(ENOSYS, 1000, 0L)) return 3;
        // 64 bits in a register, of which the kernel takes 32
        for (const long high : {0L, static_cast<long>(kHigh)}) {
            if (!says(EAFNOSUPPORT, SYS_socket, high | AF_VSOCK, SOCK_STREAM, 0)) return 4;
            if (!says(EAFNOSUPPORT, SYS_socket, high | 38, SOCK_SEQPACKET, 0)) return 5; // AF_ALG
            if (!says(EAFNOSUPPORT, SYS_socket, high | AF_PACKET, SOCK_RAW, 0)) return 6;
            if (!says(EPROTONOSUPPORT, SYS_socket, high | AF_NETLINK, SOCK_RAW, high | 12)) return 7; // netfilter
            if (!says(EPERM, SYS_unshare, high | CLONE_NEWUSER)) return 8;
            if (!says(EPERM, SYS_unshare, high | CLONE_NEWTIME)) return 9;
            if (!says(EPERM, SYS_clone, high | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)) return 10;
            if (!says(EPERM, SYS_personality, high | 0x0400000)) return 11; // READ_IMPLIES_EXEC
            if (syscall(SYS_personality, high | 0xffffffff) < 0) return 12;
            if (syscall(SYS_socket, high | AF_UNIX, SOCK_STREAM, 0) < 0) return 13;
            if (syscall(SYS_socket, high | AF_NETLINK, SOCK_RAW, high) < 0) return 14;
        }
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || socket(AF_INET, SOCK_STREAM, 0) < 0) return 15;
        if (!says(EAFNOSUPPORT, SYS_socketpair, AF_TIPC, SOCK_STREAM, 0, ends)) return 16;
        if (unshare(CLONE_FS | CLONE_FILES) != 0) return 17;
        const pid_t child = fork(); // by clone
        if (child == 0) _exit(7);
        int how = 0;
        return child < 0 || waitpid(child, &how, 0) != child || WEXITSTATUS(how) != 7 ? 18 : 0;
    });
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(status == 0);
}

TEST_CASE("kernel: strict", "[filters][kernel]") {
    const TemporaryDirectory directory;
    const std::string file = directory.path / "file", other = directory.path / "other";
    std::ofstream(file) << "x";
    REQUIRE(chmod(file.c_str(), 04755) == 0);
    REQUIRE(chmod(file.c_str(), 0755) == 0);
    const int status = under_filter("default+strict", [&] {
        if (!refused(chmod(file.c_str(), 04755)) || !refused(chmod(file.c_str(), 02755))) return 1;
        if (!refused(open(other.c_str(), O_CREAT | O_WRONLY, 04755))) return 2;
        if (!refused(open(directory.path.c_str(), O_TMPFILE | O_WRONLY, 02755))) return 3;
        if (!refused(mknod(other.c_str(), S_IFREG | 04755, 0))) return 4;
        if (syscall(437, AT_FDCWD, file.c_str(), nullptr, 0) != -1 || errno != ENOSYS) return 5; // openat2
        if (!refused(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr))) return 6;
        if (socket(AF_NETLINK, SOCK_RAW, 15) != -1 || errno != EPROTONOSUPPORT) return 7;
        if (socket(AF_NETLINK, SOCK_RAW, 0) < 0) return 8;
        if (chmod(file.c_str(), 01755) != 0) return 9;
        if (open(other.c_str(), O_CREAT | O_WRONLY, 0755) < 0) return 10;
        if (open(file.c_str(), O_RDONLY, 04755) < 0) return 11; // no file is made, and the mode is nothing
        return 0;
    });
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(status == 0);
}

TEST_CASE("kernel: terminal", "[filters][kernel]") {
    // A pipe answers ENOTTY to these requests, so an EPERM is the filter's.
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    char letter = 'x';
    REQUIRE(syscall(SYS_ioctl, ends[0], TIOCSTI, &letter) == -1);
    REQUIRE(errno == ENOTTY);
    const int status = under_filter("terminal", [&] {
        int waiting = -1;
        if (!refused(syscall(SYS_ioctl, ends[0], 0x5412UL, &letter))) return 1;
        if (!refused(syscall(SYS_ioctl, ends[0], kHigh | 0x5412UL, &letter))) return 2; // CVE-2019-10063
        if (!refused(syscall(SYS_ioctl, ends[0], 0x541CUL, &letter))) return 3;
        if (!refused(syscall(SYS_ioctl, ends[0], 0x541DUL, 0))) return 4;
        if (!refused(syscall(SYS_ioctl, ends[0], 0x5423UL, &waiting))) return 5;
        if (ioctl(ends[0], FIONREAD, &waiting) != 0 || waiting != 0) return 6;
        return 0;
    });
    CHECK(status == 0);
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("kernel: root", "[filters][kernel]") {
    const TemporaryDirectory directory;
    const std::string file = directory.path / "file";
    const std::string fifo = directory.path / "fifo";
    const std::string device = directory.path / "device";
    std::ofstream(file) << "x";
    struct stat before {};
    REQUIRE(stat(file.c_str(), &before) == 0);
    const int status = under_filter("root", [&] {
        struct stat now {};
        if (chown(file.c_str(), 12345, 12345) != 0) return 1;
        if (lchown(file.c_str(), 12345, 0) != 0) return 2;
        if (fchownat(AT_FDCWD, file.c_str(), 0, 12345, 0) != 0) return 3;
        if (stat(file.c_str(), &now) != 0) return 4;
        if (now.st_uid != before.st_uid || now.st_gid != before.st_gid) return 5; // said, not done
        if (chown("/nonexistent/file", 0, 0) != -1 || errno != ENOENT) return 6;  // 0:0 reaches the kernel
        if (mknod(device.c_str(), S_IFCHR | 0666, 0x0103) != -1 || errno != ENOSYS) return 7; // nobody listens here
        if (mknodat(AT_FDCWD, device.c_str(), S_IFBLK | 0666, 0x0700) != -1 || errno != ENOSYS) return 8;
        if (lstat(device.c_str(), &now) != -1 || errno != ENOENT) return 9;
        if (mknod(device.c_str(), S_IFCHR | 0600, 0) != 0 && errno != EPERM) return 17; // not on an overlay
        if (mkfifo(fifo.c_str(), 0600) != 0) return 10;
        if (lstat(fifo.c_str(), &now) != 0 || !S_ISFIFO(now.st_mode)) return 11;
        // Nobody listens here, and then an asked call is ENOSYS (seccomp(2)): never the kernel's own.
        const gid_t groups[] = {54321};
        if (syscall(SYS_setgroups, 1, groups) != -1 || errno != ENOSYS) return 12;
        if (syscall(SYS_getuid) != -1 || errno != ENOSYS) return 13;
        if (syscall(SYS_setresuid, 0, 0, 0) != -1 || errno != ENOSYS) return 14;
        if (prctl(PR_SET_KEEPCAPS, 1) != -1 || errno != ENOSYS) return 15;
        if (prctl(PR_GET_KEEPCAPS) != 0) return 16;
        const int slack = prctl(PR_GET_TIMERSLACK);
        if (prctl(PR_SET_TIMERSLACK, 1) != 0 || prctl(PR_GET_TIMERSLACK) != slack) return 18;
        return 0;
    });
    CHECK(status == 0);
}

#if defined(__x86_64__)
TEST_CASE("kernel: foreign ABIs are killed", "[filters][kernel]") {
    std::vector<std::string> whole{"default+strict", "default+userns+acct-mkdir"};
    for (const Subject& subject : subjects())
        if (subject.unknown != kPass) whole.emplace_back(subject.name);
    for (const std::string& name : whole) {
        INFO(name);
        const int x32 = under_filter(name.c_str(), [] {
            (void)syscall(static_cast<long>(kX32 | SYS_getpid)); // does not return
            return 0;
        });
        CHECK(WIFSIGNALED(x32));
        CHECK(WTERMSIG(x32) == SIGSYS);
        const int i386 = under_filter(name.c_str(), [] {
            long result = 20; // getpid(2) of i386
            asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
            return 0;
        });
        // SIGSEGV: a kernel without the 32-bit entry (CONFIG_IA32_EMULATION) has no such call to refuse.
        CHECK(WIFSIGNALED(i386));
        CHECK((WTERMSIG(i386) == SIGSYS || WTERMSIG(i386) == SIGSEGV));
    }
}
#endif
