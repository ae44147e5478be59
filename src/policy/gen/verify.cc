// SPDX-License-Identifier: Apache-2.0
// Asks a compiled program what the text of its policy says, for values on both sides of every comparison.
// libseccomp (2.5.4 and 2.6.0) forgets to load an argument again for some sets of rules with several
// comparisons each, and reports nothing: a call that should be denied is let through. Such a policy stops the
// build here. The tests have an evaluator of their own, so that one mistake does not hide in both.

#include "policy.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <functional>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <map>
#include <seccomp.h>
#include <set>

namespace ajail::policy::gen {

namespace {

using Args = std::array<std::uint64_t, 6>;

/// More questions than this about one syscall would make the build slow; such a policy can be split in two.
constexpr std::size_t kMaxQuestions = 4'000'000;

/// What one check is about.
struct Subject {
    const Policy& policy;
    const Arch& arch;
    std::span<const sock_filter> program;
    std::string maker;
};

bool jumps(const Subject& subject, const sock_filter& instruction, std::uint32_t accumulator) {
    switch (instruction.code) {
    case BPF_JMP | BPF_JEQ | BPF_K: return accumulator == instruction.k;
    case BPF_JMP | BPF_JGT | BPF_K: return accumulator > instruction.k;
    case BPF_JMP | BPF_JGE | BPF_K: return accumulator >= instruction.k;
    case BPF_JMP | BPF_JSET | BPF_K: return (accumulator & instruction.k) != 0;
    default: fail(subject.policy, 0, subject.maker + " made an instruction that policy-gen does not know");
    }
}

std::uint32_t run(const Subject& subject, const seccomp_data& data) {
    std::uint32_t accumulator = 0;
    for (std::size_t at = 0; at < subject.program.size(); ++at) {
        const sock_filter& instruction = subject.program[at];
        switch (instruction.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (instruction.k > sizeof data - sizeof accumulator) {
                fail(subject.policy, 0, subject.maker + " made a load outside of seccomp_data");
            }
            std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + instruction.k, sizeof accumulator);
            break;
        case BPF_ALU | BPF_AND | BPF_K: accumulator &= instruction.k; break;
        case BPF_JMP | BPF_JA: at += instruction.k; break;
        case BPF_RET | BPF_K: return instruction.k;
        default: at += jumps(subject, instruction, accumulator) ? instruction.jt : instruction.jf;
        }
    }
    fail(subject.policy, 0, subject.maker + " made a program without an end");
}

std::uint32_t ask(const Subject& subject, std::uint32_t audit, std::uint32_t nr, const Args& args) {
    seccomp_data data{};
    data.nr = static_cast<int>(nr);
    data.arch = audit;
    for (std::size_t i = 0; i < args.size(); ++i) data.args[i] = args[i];
    return run(subject, data);
}

bool holds(const Rule& rule, const Args& args) {
    for (const Comparison& comparison : rule.when) {
        const bool equal = (args[comparison.arg] & comparison.mask) == comparison.value;
        if (equal != comparison.equal) return false;
    }
    return true;
}

/// Values of one 32-bit half of an argument. A program loads and compares halves, so each half is varied
/// alone: every constant, its neighbours under the mask, and one value that no comparison is about.
class Half {
public:
    void add(std::uint32_t mask, std::uint32_t value) {
        const std::uint32_t lowest = mask & (~mask + 1);
        values_.insert({value, value | ~mask, value ^ lowest});
    }

    std::set<std::uint32_t> values() const {
        std::set<std::uint32_t> all = values_;
        std::uint32_t other = 0x5a5a5a5a;
        while (all.contains(other)) ++other;
        all.insert(other);
        return all;
    }

private:
    std::set<std::uint32_t> values_{0};
};

/// For each argument of these rules, values that decide its comparisons in every way; {0} where there is
/// none.
std::array<std::vector<std::uint64_t>, 6> deciding_values(std::span<const Rule* const> rules) {
    std::array<std::vector<std::uint64_t>, 6> out;
    for (unsigned arg = 0; arg < out.size(); ++arg) {
        Half low;
        Half high;
        bool compared = false;
        for (const Rule* rule : rules) {
            for (const Comparison& comparison : rule->when) {
                if (comparison.arg != arg) continue;
                compared = true;
                low.add(static_cast<std::uint32_t>(comparison.mask), static_cast<std::uint32_t>(comparison.value));
                high.add(static_cast<std::uint32_t>(comparison.mask >> 32),
                         static_cast<std::uint32_t>(comparison.value >> 32));
            }
        }
        if (!compared) out[arg] = {0};
        if (!compared) continue;
        for (const std::uint64_t upper : high.values()) {
            for (const std::uint64_t lower : low.values()) out[arg].push_back(upper << 32 | lower);
        }
    }
    return out;
}

/// The next combination of VALUES, counting INDEX up like an odometer; false after the last.
bool advance(std::array<std::size_t, 6>& index, const std::array<std::vector<std::uint64_t>, 6>& values) {
    for (std::size_t i = 0; i < index.size(); ++i) {
        if (++index[i] < values[i].size()) return true;
        index[i] = 0;
    }
    return false;
}

[[noreturn]] void differs(const Subject& subject, const Rule& rule, const Args& args, std::uint32_t got) {
    std::string what = subject.maker + "'s program for " + std::string(subject.arch.name) +
                       " does not say what the text" + " says: " + rule.syscall + "(";
    for (const std::uint64_t arg : args) {
        std::array<char, 24> text{};
        (void)std::snprintf(text.data(), text.size(), "0x%llx, ",
                            static_cast<unsigned long long>(arg)); // 20 fit
        what += text.data();
    }
    std::array<char, 24> answer{};
    (void)std::snprintf(answer.data(), answer.size(), "0x%08x", got); // 10 characters
    what.replace(what.size() - 2, 2, ")");
    fail(subject.policy, rule.line, what + " is answered " + answer.data() + "; write simpler rules");
}

/// In order of their sections, and those of one do not contradict each other.
const Rule* first_of(std::span<const Rule* const> rules, const Args& args) {
    for (const Rule* rule : rules)
        if (holds(*rule, args)) return rule;
    return nullptr;
}

std::uint32_t said(const Policy& policy, std::span<const Rule* const> rules, const Args& args) {
    const Rule* match = first_of(rules, args);
    return match != nullptr ? match->action : policy.fallback;
}

using Rules = std::map<const Policy*, std::vector<const Rule*>>;

/// As the kernel would have it of the programs of STACK.
std::uint32_t said(const Stack& stack, const Rules& rules, const Args& args) {
    std::uint32_t most = SECCOMP_RET_ALLOW;
    bool heard = true;
    for (auto program = stack.programs.rbegin(); program != stack.programs.rend(); ++program) {
        std::uint32_t says = kPass;
        for (const Policy* front : program->fronts)
            if (says == kPass) says = said(*front, rules.at(front), args);
        if (says == kPass || (says == SECCOMP_RET_ALLOW && !program->allows()))
            says = said(*program->base, rules.at(program->base), args);
        if (!takes_more(says, most)) continue;
        most = says;
        heard = program == stack.programs.rbegin();
    }
    return most == SECCOMP_RET_USER_NOTIF && !heard ? SECCOMP_RET_ERRNO | ENOSYS : most;
}

using Expected = std::function<std::uint32_t(const Args&)>;

/// Asks what RULES, all those of one syscall, could make a difference to.
void verify_syscall(const Subject& subject, std::uint32_t nr, std::span<const Rule* const> rules,
                    const Expected& expected) {
    const auto values = deciding_values(rules);
    std::size_t questions = 1;
    for (const auto& one : values) {
        if (questions > kMaxQuestions / one.size()) {
            fail(subject.policy, rules[0]->line, "too many comparisons for '" + rules[0]->syscall + "' to check");
        }
        questions *= one.size();
    }
    std::array<std::size_t, 6> index{};
    do {
        Args args{};
        for (std::size_t i = 0; i < args.size(); ++i) args[i] = values[i][index[i]];
        const std::uint32_t got = ask(subject, subject.arch.audit, nr, args);
        if (got != expected(args)) {
            const Rule* match = first_of(rules, args);
            differs(subject, match != nullptr ? *match : *rules[0], args, got);
        }
    } while (advance(index, values));
}

/// What comes by numbers that no rule is about.
void verify_foreign(const Subject& subject, std::uint32_t nr) {
    const Arch& arch = subject.arch;
    bool killed = ask(subject, AUDIT_ARCH_ARM, nr, {}) == SECCOMP_RET_KILL_PROCESS;
    for (const Arch& other : arches())
        killed &= other.audit == arch.audit || ask(subject, other.audit, nr, {}) == SECCOMP_RET_KILL_PROCESS;
    if (arch.audit == AUDIT_ARCH_X86_64) {
        killed &= ask(subject, arch.audit, nr | kX32SyscallBit, {}) == SECCOMP_RET_KILL_PROCESS;
    }
    if (!killed) fail(subject.policy, 0, subject.maker + "'s program lets a foreign ABI through");
}

std::vector<const Rule*> rules_of(const Subject& subject, const Policy& policy, std::uint32_t nr) {
    std::vector<const Rule*> rules;
    for (const Rule& rule : policy.rules) {
        const int number = number_of(subject.arch, rule.syscall);
        const bool said = subject.maker != kLibseccomp || can_be_said(subject.arch, rule);
        if (number >= 0 && static_cast<std::uint32_t>(number) == nr && said) rules.push_back(&rule);
    }
    return rules;
}

} // namespace

void verify(const Policy& policy, const Arch& arch, std::span<const sock_filter> program, std::string_view maker) {
    const Subject subject{policy, arch, program, std::string(maker)};
    for (std::uint32_t nr = 0; nr < 2 * kPastTheLast; ++nr) {
        const auto rules = rules_of(subject, policy, nr);
        const auto expected = [&](const Args& args) { return said(policy, rules, args); };
        if (!rules.empty()) verify_syscall(subject, nr, rules, expected);
        if (rules.empty() && ask(subject, arch.audit, nr, {}) != policy.fallback) {
            fail(policy, 0,
                 subject.maker + "'s program answers syscall " + std::to_string(nr) + ", which no rule names");
        }
        verify_foreign(subject, nr);
    }
}

void verify(const Stack& stack, const Arch& arch, std::span<const sock_filter> program) {
    const Policy& listener = *stack.programs.back().base;
    const Subject subject{listener, arch, program, "policy-gen: " + stack.name};
    for (std::uint32_t nr = 0; nr < 2 * kPastTheLast; ++nr) {
        std::vector<const Rule*> all;
        Rules rules;
        for (const Joined& joined : stack.programs) {
            std::vector<const Policy*> parts = joined.fronts;
            parts.push_back(joined.base);
            for (const Policy* part : parts) {
                rules[part] = rules_of(subject, *part, nr);
                all.insert(all.end(), rules[part].begin(), rules[part].end());
            }
        }
        const auto expected = [&](const Args& args) { return said(stack, rules, args); };
        if (!all.empty()) verify_syscall(subject, nr, all, expected);
        if (all.empty() && ask(subject, arch.audit, nr, {}) != expected({}))
            fail(listener, 0, subject.maker + ": the program answers syscall " + std::to_string(nr));
        verify_foreign(subject, nr);
    }
}

} // namespace ajail::policy::gen
