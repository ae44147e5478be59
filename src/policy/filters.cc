// SPDX-License-Identifier: Apache-2.0
// See filters.h.
#include "policy/filters.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <linux/audit.h>

namespace ajail::policy {

namespace {

#if defined(__x86_64__)
constexpr __u32 kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr __u32 kArch = AUDIT_ARCH_AARCH64;
#endif

bool passes(std::span<const sock_filter> program) {
    return std::any_of(program.begin(), program.end(), [](const sock_filter& instruction) {
        return instruction.code == (BPF_RET | BPF_K) && instruction.k == kPass;
    });
}

// About one system call. What is foreign passes, to be killed by the program behind.
std::array<sock_filter, 6> one_call(int number, __u32 answer) {
    return {sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
            sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 0, 3),
            sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
            sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(number), 0, 1),
            sock_filter BPF_STMT(BPF_RET | BPF_K, answer),
            sock_filter BPF_STMT(BPF_RET | BPF_K, kPass)};
}

bool put_in_front(std::vector<sock_filter>& whole, char sign, std::string_view part) {
    std::vector<sock_filter> front;
    if (auto group = program(part); sign == '+' && passes(group)) {
        append_passing(front, group);
    } else {
        int number = syscall_number(part);
        if (number < 0) return false;
        append_passing(front, one_call(number, sign == '+' ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM));
    }
    whole.insert(whole.begin(), front.begin(), front.end());
    return whole.size() <= BPF_MAXINSNS;
}

} // namespace

std::vector<sock_filter> joined(std::string_view name) {
    constexpr std::string_view kSigns = "+-";
    std::size_t end = std::min(name.find_first_of(kSigns), name.size());
    auto base = program(name.substr(0, end));
    if (base.empty() || passes(base)) return {};
    std::vector<sock_filter> whole(base.begin(), base.end());
    while (end < name.size()) {
        std::size_t start = end + 1;
        char sign = name[end];
        end = std::min(name.find_first_of(kSigns, start), name.size());
        if (!put_in_front(whole, sign, name.substr(start, end - start))) return {};
    }
    return whole;
}

} // namespace ajail::policy
