// SPDX-License-Identifier: Apache-2.0
// Shows a compiled program as text, one instruction a line, so that a review sees what a change of a rule
// did. Each line starts with the instruction's place and its four numbers, which the tests read back; the
// rest is for people.

#include "policy.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <linux/seccomp.h>
#include <optional>

namespace ajail::policy::gen {

namespace {

__attribute__((format(printf, 1, 2))) std::string format(const char* pattern, ...) {
    std::array<char, 160> out{};
    va_list args;
    va_start(args, pattern);
    (void)std::vsnprintf(out.data(), out.size(), pattern, args); // nothing printed here is that long
    va_end(args);
    return out.data();
}

/// A field of seccomp_data by its offset; both architectures are little endian, so the low half comes first.
std::string field_name(std::uint32_t offset) {
    if (offset == offsetof(seccomp_data, nr)) return "nr";
    if (offset == offsetof(seccomp_data, arch)) return "arch";
    constexpr std::uint32_t kArgs = offsetof(seccomp_data, args);
    if (offset < kArgs || offset >= sizeof(seccomp_data) || offset % 4 != 0) return format("[%u]", offset);
    return format("arg%u.%s", (offset - kArgs) / 8, (offset - kArgs) % 8 == 0 ? "low" : "high");
}

/// The field that the accumulator was loaded from before each instruction. Classic BPF jumps forwards only,
/// so one pass sees every way to an instruction; where ways disagree there is no answer.
std::vector<std::optional<std::uint32_t>> loaded_fields(std::span<const sock_filter> program) {
    struct State {
        bool reached = false;
        std::optional<std::uint32_t> field;
    };
    std::vector<State> before(program.size() + 1); // the last stands for everything past the end
    const auto flow = [&](std::size_t target, std::optional<std::uint32_t> field) {
        State& state = before[std::min(target, program.size())];
        if (state.reached && state.field != field) field.reset();
        state = {true, field};
    };
    std::vector<std::optional<std::uint32_t>> fields;
    for (std::size_t i = 0; i < program.size(); ++i) {
        const sock_filter& instruction = program[i];
        const auto field = before[i].field;
        fields.push_back(field);
        switch (BPF_CLASS(instruction.code)) {
        case BPF_LD: flow(i + 1, instruction.k); break;
        case BPF_ALU: flow(i + 1, field); break;
        case BPF_JMP:
            if (BPF_OP(instruction.code) == BPF_JA) {
                flow(i + 1 + instruction.k, field);
            } else {
                flow(i + 1 + instruction.jt, field);
                flow(i + 1 + instruction.jf, field);
            }
            break;
        default: break; // RET ends the way
        }
    }
    return fields;
}

std::string answer(std::uint32_t k) {
    const std::uint32_t data = k & SECCOMP_RET_DATA;
    switch (k & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW: return "ALLOW";
    case SECCOMP_RET_KILL_PROCESS: return "KILL_PROCESS";
    case SECCOMP_RET_USER_NOTIF: return "USER_NOTIF";
    case SECCOMP_RET_TRACE: return k == kPass ? "PASS" : format("0x%08x", k);
    case SECCOMP_RET_ERRNO: {
        const char* name = data == 0 ? nullptr : strerrorname_np(static_cast<int>(data));
        return name != nullptr ? format("ERRNO %s", name) : format("ERRNO %u", data);
    }
    default: return format("0x%08x", k);
    }
}

/// What a comparison compares with: a name where the field has names.
std::string operand(const Arch& arch, std::optional<std::uint32_t> field, const sock_filter& instruction) {
    const bool is_arch = field == offsetof(seccomp_data, arch);
    if (is_arch && instruction.k == arch.audit) return std::string(arch.audit_name);
    constexpr std::uint32_t kX32SyscallBit = 0x40000000; // <asm/unistd.h>, x86_64 only
    if (field == offsetof(seccomp_data, nr)) {
        if (arch.name == "x86_64" && instruction.k == kX32SyscallBit) return "__X32_SYSCALL_BIT";
        if (const std::string name = name_of(arch, static_cast<int>(instruction.k)); !name.empty()) return name;
    }
    return format("0x%x", instruction.k);
}

std::string jump(const Arch& arch, std::optional<std::uint32_t> field, std::size_t at,
                 const sock_filter& instruction) {
    if (BPF_OP(instruction.code) == BPF_JA) return format("jump %zu", at + 1 + instruction.k);
    const char* relation = "?";
    switch (BPF_OP(instruction.code)) {
    case BPF_JEQ: relation = "=="; break;
    case BPF_JGT: relation = ">"; break;
    case BPF_JGE: relation = ">="; break;
    case BPF_JSET: relation = "&"; break;
    default: break;
    }
    return format("if %s %s then %zu else %zu", relation, operand(arch, field, instruction).c_str(),
                  at + 1 + instruction.jt, at + 1 + instruction.jf);
}

std::string describe(const Arch& arch, std::optional<std::uint32_t> field, std::size_t at,
                     const sock_filter& instruction) {
    switch (BPF_CLASS(instruction.code)) {
    case BPF_LD: return "load " + field_name(instruction.k);
    case BPF_ALU:
        if (instruction.code == (BPF_ALU | BPF_AND | BPF_K)) return format("and 0x%x", instruction.k);
        break;
    case BPF_JMP: return jump(arch, field, at, instruction);
    case BPF_RET: return "return " + answer(instruction.k);
    default: break;
    }
    return "?";
}

} // namespace

std::string disassemble(const std::string& what, const Arch& arch, std::span<const sock_filter> program) {
    std::string out = format("# %s for %s, with the names of libseccomp %s: %zu instructions\n", what.c_str(),
                             std::string(arch.name).c_str(), libseccomp_version().c_str(), program.size());
    out += "# Made by policy-gen --text, not by hand.\n";
    out += "#    code jt jf k\n";
    const auto fields = loaded_fields(program);
    for (std::size_t i = 0; i < program.size(); ++i) {
        const sock_filter& instruction = program[i];
        out += format("%4zu 0x%02x %2u %2u 0x%08x  ", i, instruction.code, instruction.jt, instruction.jf,
                      instruction.k);
        out += describe(arch, fields[i], i, instruction) + "\n";
    }
    return out;
}

} // namespace ajail::policy::gen
