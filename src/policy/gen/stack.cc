// SPDX-License-Identifier: Apache-2.0
// Several programs as one. The kernel checks, translates and tries each program that is loaded, and runs each at every
// call whose arguments matter; what they say together is known while ajail is built.

#include "policy.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <linux/seccomp.h>

namespace ajail::policy::gen {

namespace {

// The question of a program that nobody listens to: ENOSYS, but only where none of the others says worse.
constexpr std::uint32_t kUnheard = SECCOMP_RET_USER_NOTIF | 1;
constexpr std::uint32_t kUnheardSays = SECCOMP_RET_ERRNO | ENOSYS;

using Combine = std::function<std::uint32_t(std::uint32_t front, std::uint32_t behind)>;

// Whether TEST holds wherever the GIVEN ones do.
bool follows(const Test& test, const std::vector<Test>& given) {
    return std::any_of(given.begin(), given.end(), [&](const Test& known) {
        if (known == test) return true;
        if (known.arg != test.arg || known.op != Test::equal) return false;
        if (test.op == Test::not_equal) return ((known.value ^ test.value) & known.mask) != 0;
        return (known.mask & test.mask) == test.mask && (known.value & test.mask) == test.value;
    });
}

// Whether they cannot hold together.
bool excludes(const Test& one, const Test& other) {
    if (one.arg != other.arg) return false;
    if (one.op == Test::equal && other.op == Test::equal)
        return ((one.value ^ other.value) & one.mask & other.mask) != 0;
    const Test &is = one.op == Test::equal ? one : other, &is_not = one.op == Test::equal ? other : one;
    return is.op == Test::equal && is.mask == ~std::uint64_t{0} && is.value == is_not.value;
}

bool exclude(const Answer& one, const Answer& other) {
    return std::any_of(one.when.begin(), one.when.end(), [&](const Test& test) {
        return std::any_of(other.when.begin(), other.when.end(), [&](const Test& t) { return excludes(test, t); });
    });
}

// Before the last, which always holds, what says the same.
void drop_idle(Answers& answers) {
    while (answers.size() > 1 && (answers.end() - 2)->action == answers.back().action)
        answers.erase(answers.end() - 2);
}

// What comes after one that holds whenever they do.
void drop_unreachable(Answers& answers) {
    Answers left;
    for (const Answer& answer : answers) {
        auto covers = [&](const Answer& earlier) {
            return std::all_of(earlier.when.begin(), earlier.when.end(),
                               [&](const Test& test) { return follows(test, answer.when); });
        };
        if (std::none_of(left.begin(), left.end(), covers)) left.push_back(answer);
    }
    answers = std::move(left);
}

// For each that can be the first to hold in FRONT, each that can be the first in BEHIND.
Answers both(const Answers& front, const Answers& behind, const Combine& combine) {
    Answers out;
    for (const Answer& one : front) {
        Answers under;
        for (const Answer& other : behind) {
            if (exclude(one, other)) continue;
            Answer answer{one.when, combine(one.action, other.action)};
            for (const Test& test : other.when)
                if (!follows(test, one.when)) answer.when.push_back(test);
            under.push_back(answer);
            if (answer.when.size() == one.when.size()) break; // the others are not asked
        }
        drop_idle(under);
        out.insert(out.end(), under.begin(), under.end());
    }
    drop_unreachable(out);
    drop_idle(out);
    return out;
}

const Answers& answers_at(const Abi& abi, std::uint32_t number) {
    return std::prev(abi.from.upper_bound(number))->second;
}

Abi both(const Abi& front, const Abi& behind, const Combine& combine) {
    Abi out{front.audit, {}};
    for (const Abi* abi : {&front, &behind})
        for (const auto& [number, answers] : abi->from)
            out.from[number] = both(answers_at(front, number), answers_at(behind, number), combine);
    return out;
}

Abi as_one(const Joined& program, const Arch& arch) {
    auto next = [](std::uint32_t front, std::uint32_t behind) { return front == kPass ? behind : front; };
    Abi base = answers_of(*program.base, arch);
    if (program.fronts.empty()) return base;
    Abi fronts = answers_of(*program.fronts.front(), arch);
    for (std::size_t i = 1; i < program.fronts.size(); ++i)
        fronts = both(fronts, answers_of(*program.fronts[i], arch), next);
    return both(fronts, base, [&](std::uint32_t front, std::uint32_t behind) {
        return front == SECCOMP_RET_ALLOW && !program.allows() ? behind : next(front, behind);
    });
}

const Policy* named(std::span<const Policy> policies, std::string_view name) {
    auto found = std::find_if(policies.begin(), policies.end(), [&](const Policy& one) { return one.name == name; });
    return found == policies.end() ? nullptr : &*found;
}

} // namespace

bool Joined::allows() const { return base->name == "default"; }

std::optional<Stack> stack_of(std::string_view name, std::span<const Policy> policies) {
    Stack stack{std::string(name), {}};
    for (std::size_t start = 0; start <= name.size();) {
        std::size_t end = std::min(name.find(',', start), name.size());
        std::string_view program = name.substr(start, end - start);
        start = end + 1;
        Joined joined;
        for (std::size_t at = 0; at <= program.size();) {
            std::size_t sign = std::min(program.find('+', at), program.size());
            const Policy* policy = named(policies, program.substr(at, sign - at));
            if (policy == nullptr) return std::nullopt;
            if (joined.base == nullptr) joined.base = policy;
            else joined.fronts.insert(joined.fronts.begin(), policy);
            at = sign + 1;
        }
        stack.programs.push_back(joined);
    }
    return stack;
}

std::vector<sock_filter> compile(const Stack& stack, const Arch& arch) {
    Abi whole = as_one(stack.programs.back(), arch);
    for (std::size_t i = stack.programs.size() - 1; i-- > 0;)
        whole = both(whole, as_one(stack.programs[i], arch), [](std::uint32_t newer, std::uint32_t older) {
            if (!takes_more(older, newer)) return newer;
            return older == SECCOMP_RET_USER_NOTIF ? kUnheard : older;
        });
    for (auto& [number, answers] : whole.from)
        for (Answer& answer : answers)
            if (answer.action == kUnheard) answer.action = kUnheardSays;
    std::vector<sock_filter> program = assemble({&whole, 1});
    verify(stack, arch, program);
    return program;
}

bool takes_more(std::uint32_t one, std::uint32_t other) {
    auto rank = [](std::uint32_t action) { return static_cast<std::int32_t>(action & SECCOMP_RET_ACTION_FULL); };
    return rank(one) < rank(other);
}

} // namespace ajail::policy::gen
