// SPDX-License-Identifier: Apache-2.0
// See filters.h.
#include "filters.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/audit.h>
#include <netinet/in.h>
#include <optional>
#include <sched.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace ajail::tests {

/// Numbers of the kernel's tables, written out: neither libseccomp's, which made the programs, nor those of
/// the headers, which know only one architecture. -1 where there is no such call.
struct Number {
    std::string_view name;
    int x86_64;
    int aarch64;
    int i386; ///< of the call that libc uses: chown32 for chown
};

namespace {

constexpr std::array kNumbers{
    Number{"ioctl", 16, 29, 54},
    Number{"chown", 92, -1, 212},
    Number{"lchown", 94, -1, 198},
    Number{"fchown", 93, 55, 207},
    Number{"fchownat", 260, 54, 298},
    Number{"fsync", 74, 82, 118},
    Number{"fdatasync", 75, 83, 148},
    Number{"sync", 162, 81, 36},
    Number{"syncfs", 306, 267, 344},
    Number{"sync_file_range", 277, 84, 314},
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
    Number{"prlimit64", 302, 261, 340},
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

constexpr Names names_of(int Number::*column) {
    Names names{};
    for (const Number& number : kNumbers)
        if (number.*column >= 0) names[static_cast<std::size_t>(number.*column)] = number.name;
    return names;
}

} // namespace

seccomp_data call(std::uint32_t arch, std::uint32_t nr, const Args& args) {
    seccomp_data data{};
    data.nr = static_cast<int>(nr);
    data.arch = arch;
    for (std::size_t i = 0; i < args.size(); ++i) data.args[i] = args[i];
    return data;
}

int Arch::nr(std::string_view syscall) const {
    for (const Number& number : kNumbers) {
        if (number.name == syscall) return number.*column;
    }
    throw std::logic_error("not in kNumbers: " + std::string(syscall));
}

const std::array<Arch, 3> kArches{
    Arch{"x86_64", AUDIT_ARCH_X86_64, true, &Number::x86_64, names_of(&Number::x86_64)},
    Arch{"aarch64", AUDIT_ARCH_AARCH64, false, &Number::aarch64, names_of(&Number::aarch64)},
    Arch{"i386", AUDIT_ARCH_I386, false, &Number::i386, names_of(&Number::i386)}};

const Arch& this_arch() {
#if defined(__x86_64__)
    return kArches[0];
#else
    return kArches[1];
#endif
}

std::uint32_t terminal_meaning(const Arch& arch, int nr, const Args& args) {
    if (!arch.is(nr, "ioctl")) return kAllow;
    const auto request = static_cast<std::uint32_t>(args[1]);
    const bool refused = request == 0x5412 || request == 0x541C || request == 0x541D || request == 0x5423;
    return refused ? kEperm : kAllow;
}

std::uint32_t init_meaning(const Arch& arch, int nr, const Args& args) {
    const bool sets = arch.is(nr, "prlimit64") && args[2] != 0;
    return sets && static_cast<std::uint32_t>(args[0]) == 1 ? kEperm : kPass;
}

std::uint32_t unsynced_meaning(const Arch& arch, int nr, const Args&) {
    constexpr std::string_view kWaiting[] = {"fsync", "fdatasync", "sync", "syncfs", "sync_file_range"};
    const auto is = [&](std::string_view name) { return arch.is(nr, name); };
    return std::any_of(std::begin(kWaiting), std::end(kWaiting), is) ? kFake : kPass;
}

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

namespace {

/// What devices.policy says: device nodes alone.
std::uint32_t devices_meaning(const Arch& arch, int nr, const Args& args) {
    const bool node = arch.is(nr, "mknod") || arch.is(nr, "mknodat");
    return node && root_meaning(arch, nr, args) == kAsk ? kFake : kAllow;
}

/// Numbers from FIRST to LAST.
struct Gap {
    int first, last;
};
constexpr int kNone = 1 << 30;
constexpr std::array kUnknownX86{
    Gap{134, 134}, Gap{136, 136},  Gap{139, 139},                // uselib ustat sysfs
    Gap{156, 156}, Gap{174, 174},  Gap{177, 178}, Gap{180, 185}, // _sysctl, modules of Linux 2.4, six never written
    Gap{212, 212}, Gap{214, 215},  Gap{236, 236}, Gap{248, 250}, // dcookie, epoll of Linux 2.5, vserver, keys
    Gap{337, 423}, Gap{425, 433},  Gap{435, 435}, Gap{442, 442},
    Gap{447, 447},                   // io_uring, mounts; clone3; mount_setattr; memfd_secret
    Gap{457, 461}, Gap{463, kNone}}; // statmount to lsm_*; but mseal; newer
constexpr std::array kUnknownArm{Gap{18, 18},   Gap{42, 42},   Gap{217, 219},  Gap{244, 259},
                                 Gap{295, 423}, Gap{425, 433}, Gap{435, 435},  Gap{442, 442},
                                 Gap{447, 447}, Gap{457, 461}, Gap{463, kNone}};

// By asm/unistd_32.h: what is obsolete or has no code, ids of 16 bits, socketcall (102), ipc (117), keys, io_uring, mounts.
constexpr std::array kUnknownI386{
    Gap{16, 18},   Gap{23, 24},    Gap{28, 28},   Gap{31, 32},   Gap{35, 35},   Gap{44, 44},   Gap{46, 47},
    Gap{49, 50},   Gap{53, 53},    Gap{56, 56},   Gap{58, 58},   Gap{62, 62},   Gap{70, 71},   Gap{80, 81},
    Gap{84, 84},   Gap{86, 86},    Gap{95, 95},   Gap{98, 98},   Gap{102, 102}, Gap{112, 112}, Gap{117, 117},
    Gap{127, 127}, Gap{130, 130},  Gap{134, 135}, Gap{137, 139}, Gap{149, 149}, Gap{164, 165}, Gap{167, 167},
    Gap{169, 171}, Gap{182, 182},  Gap{188, 189}, Gap{222, 223}, Gap{251, 251}, Gap{253, 253}, Gap{273, 273},
    Gap{285, 288}, Gap{387, 392},  Gap{415, 415}, Gap{425, 433}, Gap{435, 435}, Gap{442, 442}, Gap{447, 447},
    Gap{457, 461}, Gap{463, kNone}};

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
            if (arch.is(nr, name)) return kAllow;
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
    const auto is = [&](std::string_view name) { return arch.is(nr, name); };
    if (is("clone") || is("unshare")) return default_meaning(arch, nr, args) == kAllow ? kAllow : kAsk;
    if (is("socket")) {
        const auto family = static_cast<std::uint32_t>(args[0]);
        return family == AF_VSOCK || family == AF_PACKET ? kAsk : kPass;
    }
    constexpr std::array<std::string_view, 19> kNoted{"setns",       "mount",
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
    const auto is = [&](std::string_view name) { return arch.is(nr, name); };
    return is("ptrace") || is("process_vm_readv") || is("process_vm_writev") ? kAsk : kPass;
}

std::uint32_t listener_meaning(const Arch& arch, int nr, const Args& args) {
    const bool listens = (args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
    return arch.is(nr, "seccomp") && listens ? SECCOMP_RET_ERRNO | EBUSY : kPass;
}

} // namespace

const std::vector<Subject>& subjects() {
    static const std::vector<Subject> all{
        {"terminal", terminal_meaning, {"ioctl"}},
        {"init", init_meaning, {"prlimit64"}, kPass},
        {"unsynced", unsynced_meaning, {}, kPass},
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

namespace {

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

} // namespace

std::string show(const Arch& arch, std::uint32_t nr, const Args& args) {
    char text[160];
    (void)std::snprintf(text, sizeof text,
                        "%s nr %" PRIu32 " (0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", ...)",
                        arch.name, nr, args[0], args[1], args[2], args[3]); // cut is still readable
    return text;
}

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
    const bool one = std::filesystem::exists(policy_path(name));
    const std::string files =
        one ? "'" + policy_path(name) + "'" : "'--stack=" + name + "' '" AJAIL_POLICY_FILTERS_DIR "'/*.policy";
    const Ran ran = run_generator("--text --arch=" + arch + " " + files);
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

} // namespace ajail::tests
