// SPDX-License-Identifier: Apache-2.0
// Runs a classic BPF program on a seccomp_data, as the kernel would: the tests ask it what a filter answers
// without loading one. It knows the instructions that libseccomp emits; anything else throws, and so fails
// the test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <span>
#include <stdexcept>
#include <string>

namespace ajail::tests {

/// What a program could not go on with.
struct BadProgram : std::runtime_error {
    BadProgram(const char* what, std::size_t at) : std::runtime_error(what + (" at " + std::to_string(at))) {}
};

/// True if a conditional jump is taken. `at` is for the complaint.
inline bool compares(const sock_filter& instruction, std::uint32_t accumulator, std::size_t at) {
    switch (instruction.code) {
    case BPF_JMP | BPF_JEQ | BPF_K: return accumulator == instruction.k;
    case BPF_JMP | BPF_JGT | BPF_K: return accumulator > instruction.k;
    case BPF_JMP | BPF_JGE | BPF_K: return accumulator >= instruction.k;
    case BPF_JMP | BPF_JSET | BPF_K: return (accumulator & instruction.k) != 0;
    default: throw BadProgram("an instruction that libseccomp does not emit", at);
    }
}

/// The SECCOMP_RET_* value that PROGRAM answers for DATA. Jumps only go forwards, so it ends.
inline std::uint32_t run_bpf(std::span<const sock_filter> program, const seccomp_data& data) {
    std::uint32_t accumulator = 0;
    std::size_t at = 0;
    while (at < program.size()) {
        const sock_filter& instruction = program[at];
        switch (instruction.code) {
        case BPF_LD | BPF_W | BPF_ABS: // seccomp_check_filter() in the kernel has the same two conditions
            if (instruction.k % 4 != 0 || instruction.k >= sizeof data)
                throw BadProgram("a load outside the data", at);
            std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + instruction.k, sizeof accumulator);
            at += 1;
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            accumulator &= instruction.k;
            at += 1;
            break;
        case BPF_JMP | BPF_JA: at += std::size_t{1} + instruction.k; break;
        case BPF_RET | BPF_K: return instruction.k;
        default: at += std::size_t{1} + (compares(instruction, accumulator, at) ? instruction.jt : instruction.jf);
        }
    }
    throw BadProgram("no return", at);
}

} // namespace ajail::tests
