// SPDX-License-Identifier: Apache-2.0
// Names and numbers of syscalls: libseccomp's, and those that are newer than it. A number, once given, stays
// (Documentation/process/adding-syscalls.rst), so a table of them does not age; it only grows.

#include "policy.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <linux/audit.h>
#include <map>
#include <memory>
#include <seccomp.h>

namespace ajail::policy::gen {

namespace {

/// From the kernel's arch/x86/entry/syscalls/syscall_64.tbl and scripts/syscall.tbl. -1: not there.
struct Newer {
    std::string_view name;
    int x86_64;
    int aarch64;
};
constexpr std::array kNewer{
    Newer{"uretprobe", 335, -1},          Newer{"uprobe", 336, -1},
    Newer{"cachestat", 451, 451},         Newer{"fchmodat2", 452, 452},
    Newer{"map_shadow_stack", 453, 453},  Newer{"futex_wake", 454, 454},
    Newer{"futex_wait", 455, 455},        Newer{"futex_requeue", 456, 456},
    Newer{"statmount", 457, 457},         Newer{"listmount", 458, 458},
    Newer{"lsm_get_self_attr", 459, 459}, Newer{"lsm_set_self_attr", 460, 460},
    Newer{"lsm_list_modules", 461, 461},  Newer{"mseal", 462, 462},
    Newer{"setxattrat", 463, 463},        Newer{"getxattrat", 464, 464},
    Newer{"listxattrat", 465, 465},       Newer{"removexattrat", 466, 466},
    Newer{"open_tree_attr", 467, 467},    Newer{"file_getattr", 468, 468},
    Newer{"file_setattr", 469, 469},      Newer{"listns", 470, 470},
};

int number_in(const Newer& newer, const Arch& arch) {
    constexpr int kSameEverywhere = 424; // from here on; what is older and only x86-64's, i386 does not have
    if (arch.audit == AUDIT_ARCH_I386) return newer.x86_64 < kSameEverywhere ? -1 : newer.x86_64;
    return arch.audit == AUDIT_ARCH_X86_64 ? newer.x86_64 : newer.aarch64;
}

// By its numbers: under the names of sockets and of System V's IPC, libseccomp has marks for socketcall and ipc.
int number_on_i386(const Arch& arch, const std::string& syscall) {
    static const std::map<std::string, int> numbers = [&] {
        std::map<std::string, int> all;
        for (int number = 0; number < kPastTheLast; ++number)
            if (std::string name = name_of(arch, number); !name.empty()) all.emplace(std::move(name), number);
        return all;
    }();
    for (const std::string& name : {syscall + "32", syscall})
        if (auto found = numbers.find(name); found != numbers.end()) return found->second;
    return -1;
}

} // namespace

int number_of(const Arch& arch, const std::string& syscall) {
    if (arch.audit == AUDIT_ARCH_I386) return number_on_i386(arch, syscall);
    const int known = seccomp_syscall_resolve_name_arch(arch.audit, syscall.c_str());
    if (known != __NR_SCMP_ERROR) return known;
    const auto* newer = std::find_if(kNewer.begin(), kNewer.end(), [&](const Newer& n) { return n.name == syscall; });
    return newer == kNewer.end() ? -1 : number_in(*newer, arch);
}

bool can_be_said(const Arch& arch, const Rule& rule) {
    return arch.audit == AUDIT_ARCH_I386 || arch.audit == seccomp_arch_native() ||
           seccomp_syscall_resolve_name(rule.syscall.c_str()) != __NR_SCMP_ERROR;
}

bool is_syscall(const std::string& name) {
    // The number may be negative: libseccomp's mark for a call that exists elsewhere.
    if (seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR) return true;
    return std::any_of(kNewer.begin(), kNewer.end(), [&](const Newer& n) { return n.name == name; });
}

std::string name_of(const Arch& arch, int number) {
    struct Free {
        void operator()(char* text) const { std::free(text); }
    };
    const std::unique_ptr<char, Free> known(seccomp_syscall_resolve_num_arch(arch.audit, number));
    if (known) return known.get();
    for (const Newer& newer : kNewer)
        if (number >= 0 && number_in(newer, arch) == number) return std::string(newer.name);
    return {};
}

} // namespace ajail::policy::gen
