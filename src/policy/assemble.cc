// SPDX-License-Identifier: Apache-2.0
// See assemble.h.
#include "policy/assemble.h"

#include <cstddef>
#include <linux/seccomp.h>
#include <utility>

namespace ajail::policy {

namespace {

using Program = std::vector<sock_filter>;
using Ranges = std::vector<std::pair<std::uint32_t, const Answers*>>;

// Where the tests of one answer go on: the next instruction, the end of this test, or the next answer.
enum Way : std::uint8_t { on, held, failed };
struct Step {
    std::uint16_t code;
    std::uint32_t k;
    Way if_true = on, if_false = on;
};

constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS, kAnd = BPF_ALU | BPF_AND | BPF_K;
constexpr std::uint16_t kEqual = BPF_JMP | BPF_JEQ | BPF_K, kGreater = BPF_JMP | BPF_JGT | BPF_K;
constexpr std::uint16_t kNotLess = BPF_JMP | BPF_JGE | BPF_K;

// Both architectures are little endian.
std::uint32_t place_of(unsigned arg, bool high) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + std::size_t{8} * arg + (high ? 4 : 0));
}

// The high halves decide, or they are equal.
void compare_high(std::vector<Step>& steps, const Test& test) {
    auto mask = static_cast<std::uint32_t>(test.mask >> 32), value = static_cast<std::uint32_t>(test.value >> 32);
    if (mask == 0) return;
    steps.push_back({kLoad, place_of(test.arg, true)});
    if (mask != ~0U) steps.push_back({kAnd, mask});
    switch (test.op) {
    case Test::equal: break;
    case Test::not_equal: steps.push_back({kEqual, value, on, held}); return;
    case Test::less:
    case Test::less_or_equal:
        steps.push_back({kGreater, value, failed, on});
        steps.push_back({kEqual, value, on, held});
        return;
    case Test::greater:
    case Test::greater_or_equal: steps.push_back({kGreater, value, held, on}); break;
    }
    steps.push_back({kEqual, value, on, failed});
}

void compare_low(std::vector<Step>& steps, const Test& test) {
    auto mask = static_cast<std::uint32_t>(test.mask), value = static_cast<std::uint32_t>(test.value);
    steps.push_back({kLoad, place_of(test.arg, false)});
    if (mask != ~0U) steps.push_back({kAnd, mask});
    switch (test.op) {
    case Test::equal: steps.push_back({kEqual, value, on, failed}); break;
    case Test::not_equal: steps.push_back({kEqual, value, failed, on}); break;
    case Test::less: steps.push_back({kNotLess, value, failed, on}); break;
    case Test::less_or_equal: steps.push_back({kGreater, value, failed, on}); break;
    case Test::greater: steps.push_back({kGreater, value, on, failed}); break;
    case Test::greater_or_equal: steps.push_back({kNotLess, value, on, failed}); break;
    }
}

// At most six tests of eight steps each: every jump fits into eight bits.
void append_answer(Program& program, const Answer& answer) {
    std::vector<std::vector<Step>> tests;
    std::size_t left = 1; // the return
    for (const Test& test : answer.when) {
        std::vector<Step> steps;
        if (!test.low) compare_high(steps, test);
        compare_low(steps, test);
        left += steps.size();
        tests.push_back(std::move(steps));
    }
    for (const std::vector<Step>& steps : tests) {
        for (std::size_t at = 0; at < steps.size(); ++at) {
            --left;
            auto jump = [&](Way way) {
                return static_cast<__u8>(way == on ? 0 : way == held ? steps.size() - at - 1 : left);
            };
            const Step& step = steps[at];
            program.push_back({step.code, jump(step.if_true), jump(step.if_false), step.k});
        }
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, answer.action));
}

// A search by halves; the accumulator holds the number.
void append_search(Program& program, std::span<const Ranges::value_type> ranges) {
    if (ranges.size() == 1) {
        for (const Answer& answer : *ranges[0].second) append_answer(program, answer);
        return;
    }
    auto below = ranges.first(ranges.size() / 2), from = ranges.subspan(ranges.size() / 2);
    program.push_back(BPF_JUMP(kNotLess, from[0].first, 0, 1));
    std::size_t far = program.size(); // this may be too far for a conditional jump
    program.push_back(BPF_STMT(BPF_JMP | BPF_JA, 0));
    append_search(program, below);
    program[far].k = static_cast<__u32>(program.size() - far - 1);
    append_search(program, from);
}

} // namespace

std::vector<sock_filter> assemble(std::span<const Abi> abis) {
    Program program{BPF_STMT(kLoad, offsetof(seccomp_data, arch))};
    for (const Abi& abi : abis) {
        Ranges ranges; // without those that say the same as the one before
        for (const auto& [number, answers] : abi.from)
            if (ranges.empty() || *ranges.back().second != answers) ranges.emplace_back(number, &answers);
        Program part{BPF_STMT(kLoad, offsetof(seccomp_data, nr))};
        append_search(part, ranges);
        program.push_back(BPF_JUMP(kEqual, abi.audit, 1, 0));
        program.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<__u32>(part.size())));
        program.insert(program.end(), part.begin(), part.end());
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    if (program.size() > BPF_MAXINSNS) return {};
    return program;
}

} // namespace ajail::policy
