// SPDX-License-Identifier: Apache-2.0
// See filters.h.
#include "policy/filters.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>

namespace ajail::policy {

namespace {

bool passes(std::span<const sock_filter> program) {
    return std::any_of(program.begin(), program.end(), [](const sock_filter& instruction) {
        return instruction.code == (BPF_RET | BPF_K) && instruction.k == kPass;
    });
}

// Of one system call, and of what it is called where numbers and structures have grown: chown32, stat64,
// recvmmsg_time64. What is foreign passes, to be killed by the program behind.
bool append_call(std::vector<sock_filter>& program, std::string_view name, std::uint32_t arch, std::uint32_t answer) {
    bool known = false;
    for (const char* suffix : {"", "32", "64", "_time64"}) {
        if (arch == kNativeArch && *suffix != '\0') break;
        int number = syscall_number(std::string(name) + suffix, arch);
        if (number < 0) continue;
        const sock_filter call[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
                                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 3),
                                    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(number), 0, 1),
                                    BPF_STMT(BPF_RET | BPF_K, answer),
                                    BPF_STMT(BPF_RET | BPF_K, kPass)};
        append_passing(program, call);
        known = true;
    }
    return known;
}

void leave_allowing_to_base(std::vector<sock_filter>& parts) {
    for (std::size_t at = 0; at < parts.size(); ++at)
        if (parts[at].code == (BPF_RET | BPF_K) && parts[at].k == SECCOMP_RET_ALLOW)
            parts[at] = BPF_JUMP(BPF_JMP | BPF_JA, static_cast<__u32>(parts.size() - at - 1), 0, 0);
}

// The parts of NAME, for one architecture.
std::optional<std::vector<sock_filter>> join(std::string_view name, std::uint32_t arch) {
    constexpr std::string_view kSigns = "+-", kAllowlist = "default";
    constexpr sock_filter kAllow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    std::size_t end = std::min(name.find_first_of(kSigns), name.size());
    auto base = name.starts_with('-') ? std::span<const sock_filter>(kAllow) : program(name.substr(0, end), arch);
    if (base.empty() || passes(base)) return std::nullopt;
    std::string_view base_name = name.substr(0, end);
    std::vector<sock_filter> whole; // all that passes
    while (end < name.size()) {
        std::size_t start = end + 1;
        char sign = name[end];
        end = std::min(name.find_first_of(kSigns, start), name.size());
        std::string_view part = name.substr(start, end - start);
        if (sign == '+' && part == "32bit") continue;
        std::vector<sock_filter> front;
        if (auto group = program(part, arch); sign == '+' && !group.empty() && passes(group))
            append_passing(front, group);
        else if (!append_call(front, part, arch, sign == '+' ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM) &&
                 !is_syscall(part))
            return std::nullopt; // what only the other architecture has is nothing here
        whole.insert(whole.begin(), front.begin(), front.end());
    }
    if (base_name != kAllowlist) leave_allowing_to_base(whole);
    whole.insert(whole.end(), base.begin(), base.end());
    return whole;
}

} // namespace

bool is_syscall(std::string_view name) {
    return syscall_number(name) >= 0 || (kCompatArch != 0 && syscall_number(name, kCompatArch) >= 0);
}

std::vector<sock_filter> joined(std::string_view name) {
    if (name.find(',') != std::string_view::npos) {
        auto stack = program(name);
        return {stack.begin(), stack.end()};
    }
    auto whole = join(name, kNativeArch);
    if (!whole) return {};
    if (name.find("+32bit") != std::string_view::npos) { // no system call's name begins so
        auto other = kCompatArch == 0 ? std::nullopt : join(name, kCompatArch);
        if (!other) return {};
        const sock_filter choose[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kCompatArch, 1, 0),
                                      BPF_STMT(BPF_JMP | BPF_JA, static_cast<__u32>(other->size()))};
        whole->insert(whole->begin(), other->begin(), other->end());
        whole->insert(whole->begin(), std::begin(choose), std::end(choose));
    }
    if (whole->size() > BPF_MAXINSNS) return {};
    return *std::move(whole);
}

} // namespace ajail::policy
