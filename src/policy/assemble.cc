// SPDX-License-Identifier: Apache-2.0
// See assemble.h.
#include "policy/assemble.h"

#include <algorithm>
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

// Written from its end to its beginning: what is jumped to is there already, and what says the same is there once, as far
// as a conditional jump reaches.
class Writer {
public:
    /// An instruction, as the number of those that are written up to it.
    using Label = std::size_t;

    Label answers(const Answers& answers) {
        if (auto known = known_.find(&answers); known != known_.end() && near(known->second)) return known->second;
        Label next = 0;
        for (auto answer = answers.rbegin(); answer != answers.rend(); ++answer) next = tested(*answer, next);
        return known_[&answers] = next;
    }

    // A search by halves; the accumulator holds the number.
    Label search(std::span<const Ranges::value_type> ranges) {
        if (ranges.size() == 1) return answers(*ranges[0].second);
        auto below = ranges.first(ranges.size() / 2), from = ranges.subspan(ranges.size() / 2);
        Label not_less = search(from), less = search(below);
        return jump(kNotLess, from[0].first, not_less, less);
    }

    Label statement(std::uint16_t code, std::uint32_t k) {
        program_.push_back(BPF_STMT(code, k));
        return program_.size();
    }

    Label jump(std::uint16_t code, std::uint32_t k, Label if_true, Label if_false) {
        // What is put in between for one of them may be too much for the other.
        while (!near(if_true) || !near(if_false)) {
            Label& far = near(if_true) ? if_false : if_true;
            far = statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(program_.size() - far));
        }
        auto past = [&](Label label) { return static_cast<__u8>(program_.size() - label); };
        program_.push_back(BPF_JUMP(code, k, past(if_true), past(if_false)));
        return program_.size();
    }

    /// What goes on to LABEL without a jump has to stand right in front of it.
    Label before(Label label, std::uint16_t code, std::uint32_t k) {
        if (label != program_.size())
            statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(program_.size() - label));
        return statement(code, k);
    }

    Program take() {
        std::reverse(program_.begin(), program_.end());
        return std::move(program_);
    }

private:
    // One instruction may still come in front of the jump.
    bool near(Label label) const { return program_.size() - label < 255; }

    Label action(std::uint32_t action) {
        if (auto known = actions_.find(action); known != actions_.end() && near(known->second)) return known->second;
        return actions_[action] = statement(BPF_RET | BPF_K, action);
    }

    // ANSWER if its tests hold, else what is at NEXT.
    Label tested(const Answer& answer, Label next) {
        Label holds = action(answer.action);
        for (auto test = answer.when.rbegin(); test != answer.when.rend(); ++test) {
            std::vector<Step> steps;
            if (!test->low) compare_high(steps, *test);
            compare_low(steps, *test);
            Label done = holds;
            for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
                auto label = [&](Way way) { return way == on ? holds : way == held ? done : next; };
                if (BPF_CLASS(step->code) == BPF_JMP)
                    holds = jump(step->code, step->k, label(step->if_true), label(step->if_false));
                else holds = before(holds, step->code, step->k);
            }
        }
        return holds;
    }

    Program program_; // backwards
    std::map<const Answers*, Label> known_;
    std::map<std::uint32_t, Label> actions_;
};

} // namespace

std::vector<sock_filter> assemble(std::span<const Abi> abis) {
    Writer writer;
    Writer::Label next = writer.statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    for (auto abi = abis.rbegin(); abi != abis.rend(); ++abi) {
        Ranges ranges; // without those that say the same as the one before
        for (const auto& [number, answers] : abi->from) {
            if (!ranges.empty() && *ranges.back().second == answers) continue;
            auto is = [&wanted = answers](const auto& range) { return *range.second == wanted; };
            auto same = std::find_if(ranges.begin(), ranges.end(), is);
            ranges.emplace_back(number, same == ranges.end() ? &answers : same->second);
        }
        Writer::Label entry = writer.before(writer.search(ranges), kLoad, offsetof(seccomp_data, nr));
        next = writer.jump(kEqual, abi->audit, entry, next);
    }
    (void)writer.before(next, kLoad, offsetof(seccomp_data, arch));
    Program program = writer.take();
    if (program.size() > BPF_MAXINSNS) return {};
    return program;
}

} // namespace ajail::policy
