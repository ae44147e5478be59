// SPDX-License-Identifier: Apache-2.0
// See assemble.h.
#include "policy/assemble.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <linux/seccomp.h>
#include <optional>
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
constexpr std::uint16_t kNotLess = BPF_JMP | BPF_JGE | BPF_K, kAnyBit = BPF_JMP | BPF_JSET | BPF_K;

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
    bool equality = test.op == Test::equal || test.op == Test::not_equal;
    if (equality && mask != ~0U && (value == 0 || (value == mask && std::has_single_bit(mask)))) {
        bool wanted = (test.op == Test::equal) == (value != 0);
        steps.push_back({kAnyBit, mask, wanted ? on : failed, wanted ? failed : on});
        return;
    }
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

std::vector<Step> steps_of(const Test& test) {
    std::vector<Step> steps;
    if (!test.low) compare_high(steps, test);
    compare_low(steps, test);
    return steps;
}

// Bits of the low half, of which TEST wants any.
std::uint32_t any_of(const Test& test) {
    if (test.low || test.mask == 0 || test.mask >> 32 != 0) return 0;
    bool one = test.op == Test::equal && test.value == test.mask && std::has_single_bit(test.mask);
    return one || (test.op == Test::not_equal && test.value == 0) ? static_cast<std::uint32_t>(test.mask) : 0;
}

// Two that say the same, of bits of one argument and else under the same tests, are one: the bits 06000 of a mode are asked
// for together, and at one place for all ways to open a file.
bool unite(Answer& one, const Answer& other) {
    if (one.action != other.action || one.when.size() != other.when.size()) return false;
    auto [mine, theirs] = std::mismatch(one.when.begin(), one.when.end(), other.when.begin());
    if (mine == one.when.end() || !std::equal(mine + 1, one.when.end(), theirs + 1)) return false;
    std::uint32_t bits = any_of(*mine), more = any_of(*theirs);
    if (mine->arg != theirs->arg || bits == 0 || more == 0) return false;
    *mine = {.arg = mine->arg, .op = Test::not_equal, .mask = bits | more, .value = 0};
    return true;
}

Answers united(const Answers& answers) {
    Answers out;
    for (const Answer& answer : answers) {
        out.push_back(answer);
        while (out.size() > 1 && unite(*(out.end() - 2), out.back())) out.pop_back();
    }
    return out;
}

// Written from its end to its beginning: what is jumped to is there already, and what says the same is there once, as far
// as a conditional jump reaches.
class Writer {
public:
    /// An instruction, as the number of those that are written up to it.
    using Label = std::size_t;

    Label answers(const Answers& answers) {
        if (auto known = known_.find(&answers); known != known_.end() && near(known->second)) return known->second;
        Answers all = united(answers);
        Entry next;
        for (auto answer = all.rbegin(); answer != all.rend(); ++answer) {
            std::vector<Step> first = answer->when.empty() ? std::vector<Step>() : steps_of(answer->when[0]);
            // One load and one comparison: who comes on from there has it loaded.
            bool has = answer->when.size() == 1 && first.size() == 2 && next.load == first[0].k;
            Label otherwise = has ? next.label : loaded(next);
            next = tested(*answer, otherwise);
        }
        return known_[&answers] = loaded(next);
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

    // Where an answer's tests begin, and what they want in the accumulator.
    struct Entry {
        Label label = 0;
        std::optional<std::uint32_t> load = std::nullopt;
    };

    Label loaded(const Entry& entry) { return entry.load ? before(entry.label, kLoad, *entry.load) : entry.label; }

    // ANSWER if its tests hold, else what is at NEXT.
    Entry tested(const Answer& answer, Label next) {
        Entry holds{action(answer.action)};
        for (auto test = answer.when.rbegin(); test != answer.when.rend(); ++test) {
            std::vector<Step> steps = steps_of(*test);
            Label done = loaded(holds);
            holds = {done};
            for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
                auto label = [&](Way way) { return way == on ? loaded(holds) : way == held ? done : next; };
                if (BPF_CLASS(step->code) == BPF_JMP)
                    holds = {jump(step->code, step->k, label(step->if_true), label(step->if_false))};
                else if (step->code == kLoad) holds.load = step->k;
                else holds = {before(loaded(holds), step->code, step->k)};
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
