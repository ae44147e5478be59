// SPDX-License-Identifier: Apache-2.0
// See profile.h. Whatever is not understood is refused: a rule that is passed over would be a wall with a hole, or a
// hole with a wall. The exception are system calls that nobody has here, because profiles are made for many machines.
#include "policy/profile.h"

#include "policy/assemble.h"
#include "policy/filters.h"
#include "spec/plan.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <sched.h>
#include <set>

namespace ajail::policy {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxDepth = 8;   // the format has six
constexpr std::size_t kMaxFields = 64; // of an object; the format has fewer
constexpr std::uint32_t kMaxErrno = 4095;
constexpr std::uint32_t kX32SyscallBit = 0x40000000; // <asm/unistd.h>

// As moby and libseccomp call this binary's architecture.
#if defined(__x86_64__)
constexpr std::string_view kName = "amd64", kToken = "SCMP_ARCH_X86_64", kCompatToken = "SCMP_ARCH_X86";
#elif defined(__aarch64__)
constexpr std::string_view kName = "arm64", kToken = "SCMP_ARCH_AARCH64", kCompatToken = {};
#endif

// Thrown inside of this file only.
struct Bad {
    std::string why;
};

// A value, and the way to it: `syscalls[3].args[0].op`.
struct At {
    const Json& json;
    std::string path;

    [[noreturn]] void wrong(const std::string& why) const { throw Bad{(path.empty() ? "" : path + ": ") + why}; }

    At member(const char* name) const {
        static const Json kNothing;
        auto found = json.find(name);
        return {found == json.end() ? kNothing : *found, path.empty() ? name : path + "." + name};
    }
    // Nothing, null and empty are the same, as for programs in Go.
    bool empty() const { return json.is_null() || (json.is_structured() && json.empty()) || json == ""; }

    std::vector<At> items() const {
        std::vector<At> all;
        if (json.is_null()) return all;
        if (!json.is_array()) wrong("should be a list");
        for (const Json& item : json) all.push_back({item, path + "[" + std::to_string(all.size()) + "]"});
        return all;
    }
    const std::string& text() const {
        if (!json.is_string()) wrong("should be a string");
        return json.get_ref<const std::string&>();
    }
    std::string quoted() const { return "'" + spec::escape(text()) + "'"; }
    std::uint64_t number(std::uint64_t most) const {
        if (!json.is_number_unsigned() || json.get<std::uint64_t>() > most)
            wrong("should be a whole number from 0 to " + std::to_string(most));
        return json.get<std::uint64_t>();
    }
    void only(std::initializer_list<std::string_view> known) const {
        if (!json.is_object()) wrong("should be an object");
        for (const auto& [name, value] : json.items())
            if (std::find(known.begin(), known.end(), name) == known.end())
                wrong("unknown field '" + spec::escape(name) + "'");
    }
};

// Before it is parsed, because a parser keeps all that it has read of it: how deep it is nested, and whether two fields of
// one object have one name, of which readers choose as they like.
void look_through(std::string_view text) {
    std::vector<std::set<std::string_view>> names(1);
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '{' || text[at] == '[') names.emplace_back();
        if ((text[at] == '}' || text[at] == ']') && names.size() > 1) names.pop_back();
        if (names.size() > kMaxDepth) throw Bad{"is nested too deep"};
        if (text[at] != '"') continue;
        std::size_t start = at + 1;
        for (++at; at < text.size() && text[at] != '"'; ++at)
            if (text[at] == '\\') ++at;
        std::string_view word = text.substr(start, std::min(at, text.size()) - start);
        std::size_t next = text.find_first_not_of(" \t\r\n", at + 1);
        if (next == std::string_view::npos || text[next] != ':') continue;
        if (word.find('\\') != std::string_view::npos)
            throw Bad{"the field '" + spec::escape(word) + "' is not known"};
        if (names.back().size() > kMaxFields) throw Bad{"has an object of more than 64 fields"};
        if (!names.back().insert(word).second) throw Bad{"the field '" + spec::escape(word) + "' is there twice"};
    }
}

Json read(const std::string& text) {
    look_through(text);
    try {
        return Json::parse(text);
    } catch (const Json::parse_error& error) {
        std::string_view before(text.data(), std::min(error.byte == 0 ? 0 : error.byte - 1, text.size()));
        auto line = 1 + std::count(before.begin(), before.end(), '\n');
        std::size_t column = before.size() - (before.rfind('\n') + 1) + 1; // npos + 1 is 0
        throw Bad{"line " + std::to_string(line) + ", column " + std::to_string(column) + ": this is not JSON"};
    } catch (const Json::exception&) {
        throw Bad{"a number in it is too large"};
    }
}

// What lets a call go on. A comparison of a rule that allows must hold however the kernel reads the argument, and of one
// that refuses, in any way.
bool allows(std::uint32_t action) { return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG; }

// The more it takes away, the less (seccomp(2), "in decreasing order of precedence"; the values are signed).
std::int32_t precedence(std::uint32_t action) { return static_cast<std::int32_t>(action & SECCOMP_RET_ACTION_FULL); }

struct Rule {
    std::vector<std::string> names;
    std::vector<Answer> answers; ///< alternatives
    bool counts = true;          ///< what it depends on is so
};

class Reader {
public:
    Reader(const Json& json, const ProfileFacts& facts) : top_{json, ""}, facts_(facts) {}

    Profile profile() {
        top_.only({"defaultAction", "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "syscalls",
                   "flags", "listenerPath", "listenerMetadata"});
        for (const char* name : {"flags", "listenerPath", "listenerMetadata"})
            if (At field = top_.member(name); !field.empty())
                field.wrong("is not supported: nobody would listen, and the rest is ajail's own affair");
        default_ = action(top_.member("defaultAction"), top_.member("defaultErrnoRet"), top_.member("defaultErrno"));
        std::vector<Rule> rules;
        for (const At& item : top_.member("syscalls").items()) rules.push_back(rule(item));
        std::vector<Abi> abis{abi(kNativeArch, rules)};
        if (has_compat()) abis.push_back(abi(kCompatArch, rules));
        Profile out{assemble(abis), makes_userns(abis[0]), {unknown_.begin(), unknown_.end()}};
        if (out.program.empty()) throw Bad{"is more than the kernel takes (4096 instructions of BPF)"};
        return out;
    }

private:
    std::uint32_t action(const At& name, const At& number, const At& errno_name) const {
        constexpr std::pair<std::string_view, std::uint32_t> kActions[] = {
            {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
            {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
            {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
            {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
            {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
            {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
            {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
        };
        const std::string& wanted = name.text();
        if (wanted == "SCMP_ACT_NOTIFY" || wanted == "SCMP_ACT_TRACE")
            name.wrong(wanted + " is not supported: " +
                       (wanted == "SCMP_ACT_NOTIFY" ? "nobody would answer" : "the payload could be its own tracer"));
        const auto* found = std::find_if(std::begin(kActions), std::end(kActions),
                                         [&](const auto& known) { return known.first == wanted; });
        if (found == std::end(kActions)) name.wrong("unknown action " + name.quoted());
        bool has_errno = found->second == SECCOMP_RET_ERRNO;
        for (const At& field : {number, errno_name})
            if (!has_errno && !field.empty()) field.wrong("only SCMP_ACT_ERRNO has one");
        return has_errno ? found->second | error(number, errno_name) : found->second;
    }

    static std::uint32_t error(const At& number, const At& name) {
        std::optional<std::uint32_t> value;
        if (!number.empty()) value = static_cast<std::uint32_t>(number.number(kMaxErrno));
        if (name.empty()) return value.value_or(EPERM);
        for (std::uint32_t err = 1; err <= kMaxErrno; ++err) {
            const char* known = ::strerrorname_np(static_cast<int>(err));
            if (known == nullptr || name.text() != known) continue;
            if (value && *value != err) name.wrong("is not the errno number beside it");
            return err;
        }
        name.wrong("unknown errno " + name.quoted());
    }

    Rule rule(const At& at) {
        at.only({"names", "name", "action", "errnoRet", "errno", "args", "comment", "includes", "excludes"});
        Rule rule;
        At names = at.member("names"), name = at.member("name");
        if (names.empty() == name.empty()) at.wrong("should have 'names', or else 'name'");
        for (const At& item : names.items()) rule.names.push_back(item.text());
        if (!name.empty()) rule.names.push_back(name.text());
        std::uint32_t answer = action(at.member("action"), at.member("errnoRet"), at.member("errno"));
        rule.answers = conditions(at.member("args"), answer);
        rule.counts = holds(at.member("includes"), true) && holds(at.member("excludes"), false);
        return rule;
    }

    // Several comparisons of one argument are alternatives to Docker, each a rule of its own. Where that is not what they
    // could mean anyhow, it is for their author to say.
    static std::vector<Answer> conditions(const At& at, std::uint32_t action) {
        std::vector<Test> tests;
        bool twice = false, equalities = true, one = true;
        for (const At& item : at.items()) {
            Test made = test(item, allows(action));
            equalities &= made.op == Test::equal && made.mask == ~std::uint64_t{0};
            for (const Test& other : tests) {
                twice |= other.arg == made.arg;
                one &= other.arg == made.arg;
            }
            tests.push_back(made);
        }
        if (!twice) return {{tests, action}};
        if (!one || !equalities)
            at.wrong("one argument is compared twice, which others take for 'or'; write a rule for each");
        std::vector<Answer> alternatives;
        for (const Test& one_test : tests) alternatives.push_back({{one_test}, action});
        return alternatives;
    }

    static Test test(const At& at, bool allowing) {
        at.only({"index", "value", "valueTwo", "op"});
        constexpr std::pair<std::string_view, Test::Op> kOps[] = {
            {"SCMP_CMP_EQ", Test::equal},        {"SCMP_CMP_NE", Test::not_equal},
            {"SCMP_CMP_LT", Test::less},         {"SCMP_CMP_LE", Test::less_or_equal},
            {"SCMP_CMP_GT", Test::greater},      {"SCMP_CMP_GE", Test::greater_or_equal},
            {"SCMP_CMP_MASKED_EQ", Test::equal},
        };
        At op = at.member("op"), second = at.member("valueTwo");
        const auto* found = std::find_if(std::begin(kOps), std::end(kOps),
                                         [&](const auto& known) { return known.first == op.text(); });
        if (found == std::end(kOps)) op.wrong("unknown comparison " + op.quoted());
        constexpr std::uint64_t kAny = ~std::uint64_t{0};
        Test test{.arg = static_cast<unsigned>(at.member("index").number(5)), .op = found->second};
        test.value = at.member("value").number(kAny);
        std::uint64_t two = second.empty() ? 0 : second.number(kAny);
        if (found->first == "SCMP_CMP_MASKED_EQ") {
            test.mask = std::exchange(test.value, two);
            if ((test.value & ~test.mask) != 0) second.wrong("has bits outside of the mask, so it can never be");
        } else if (two != 0) {
            second.wrong("only SCMP_CMP_MASKED_EQ has one");
        }
        // The kernel takes many arguments for 32-bit numbers, and a comparison of 64 is passed by a high bit
        // (CVE-2019-10063); others are addresses and sizes, where it is the other way round. A value that fits in 32 bits
        // may be meant for either. Of both readings one implies the other.
        bool fits = test.value >> 32 == 0 || (test.value >> 31 == ~std::uint64_t{0} >> 31 && is_equality(test.op));
        bool upwards = test.op == Test::not_equal || test.op == Test::greater || test.op == Test::greater_or_equal;
        test.low = fits && upwards == allowing;
        return test;
    }
    static bool is_equality(Test::Op op) { return op == Test::equal || op == Test::not_equal; }

    // Whether what the rule depends on is there (WANTED), or not.
    bool holds(const At& at, bool wanted) const {
        if (at.empty()) return true;
        at.only({"caps", "arches", "minKernel"});
        bool all = true, any = false;
        auto see = [&](bool there) {
            all &= there;
            any |= there;
        };
        for (const At& cap : at.member("caps").items()) see(has(cap));
        if (At arches = at.member("arches"); !arches.empty()) {
            bool here = false;
            for (const At& arch : arches.items()) here |= arch.text() == kName;
            see(here);
        }
        if (At kernel = at.member("minKernel"); !kernel.empty()) see(facts_.kernel >= version(kernel));
        return wanted ? all : !any;
    }

    bool has(const At& name) const {
        for (int cap = 0; cap < 64; ++cap)
            if (spec::cap_name(cap) == name.text()) return (facts_.caps >> cap & 1U) != 0;
        if (!name.text().starts_with("CAP_")) name.wrong("unknown capability " + name.quoted());
        return false; // newer than ajail: not there
    }

    static std::pair<unsigned, unsigned> version(const At& at) {
        std::pair<unsigned, unsigned> out;
        const char *start = at.text().data(), *end = start + at.text().size();
        auto major = std::from_chars(start, end, out.first);
        if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') at.wrong("should be a version, as 4.8");
        auto minor = std::from_chars(major.ptr + 1, end, out.second);
        if (minor.ec != std::errc{} || minor.ptr != end) at.wrong("should be a version, as 4.8");
        return out;
    }

    // Whether programs of the other ABI have a part of their own; else they are killed.
    bool has_compat() const {
        At list = top_.member("architectures"), map = top_.member("archMap");
        if (!list.empty() && !map.empty()) list.wrong("there is an archMap as well, and only one can be right");
        bool has = false;
        for (const At& arch : list.items()) has |= arch.text() == kCompatToken;
        for (const At& entry : map.items()) {
            entry.only({"architecture", "subArchitectures"});
            bool native = entry.member("architecture").text() == kToken;
            for (const At& arch : entry.member("subArchitectures").items())
                has |= native && arch.text() == kCompatToken;
        }
        return kCompatArch != 0 && has;
    }

    Abi abi(std::uint32_t audit, const std::vector<Rule>& rules) {
        std::map<std::uint32_t, Answers> calls;
        std::uint32_t newest = 0;
        for (const Rule& rule : rules) {
            for (const std::string& name : rule.names) {
                int found = syscall_number(name, audit);
                if (found < 0 && audit == kNativeArch) unknown_.insert(name);
                if (found < 0) continue;
                auto number = static_cast<std::uint32_t>(found);
                newest = std::max(newest, number);
                Answers& answers = calls[number];
                if (rule.counts) answers.insert(answers.end(), rule.answers.begin(), rule.answers.end());
            }
        }
        Abi abi{audit, {{0, {{{}, default_}}}}};
        for (auto& [number, answers] : calls) {
            order(answers);
            abi.from.try_emplace(number + 1, Answers{{{}, default_}});
            abi.from[number] = std::move(answers);
        }
        // What is newer than the profile does not exist: libc then takes an older way, as it does with runc.
        bool newer = (default_ & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
        if (newer) abi.from[newest + 1] = {{{}, SECCOMP_RET_ERRNO | ENOSYS}};
        if (audit == kNativeArch) {
            may_start(abi);
            abi.from[kX32SyscallBit] = {{{}, SECCOMP_RET_KILL_PROCESS}};
            abi.from[~0U] = {{{}, default_}}; // -1: skipped by a tracer
        } else {
            // They hide the family, or the call, from every rule.
            for (const char* name : {"socketcall", "ipc"})
                if (int number = syscall_number(name, audit); number >= 0) {
                    auto at = static_cast<std::uint32_t>(number);
                    abi.from.try_emplace(at + 1, Answers{{{}, default_}});
                    abi.from[at] = {{{}, SECCOMP_RET_ERRNO | ENOSYS}};
                }
        }
        return abi;
    }

    // Rules have no order in the format: the one that takes most away decides, as between programs (seccomp(2)), and
    // among equals the one that says more precisely when.
    void order(Answers& answers) const {
        std::stable_sort(answers.begin(), answers.end(), [](const Answer& a, const Answer& b) {
            if (precedence(a.action) != precedence(b.action)) return precedence(a.action) < precedence(b.action);
            return !a.when.empty() && b.when.empty();
        });
        auto always = std::find_if(answers.begin(), answers.end(), [](const Answer& a) { return a.when.empty(); });
        if (always != answers.end()) answers.erase(always + 1, answers.end());
        else answers.push_back({{}, default_});
    }

    static void may_start(const Abi& abi) {
        const Answers& answers = answers_to(abi, "execve");
        if (std::none_of(answers.begin(), answers.end(), [](const Answer& a) { return allows(a.action); }))
            throw Bad{"does not allow execve, so no command could be started"};
    }

    static const Answers& answers_to(const Abi& abi, const char* call) {
        return std::prev(abi.from.upper_bound(static_cast<std::uint32_t>(syscall_number(call))))->second;
    }

    // The flags are the first argument of the one and the other; of clone3 they cannot be seen.
    static bool makes_userns(const Abi& abi) {
        for (const char* call : {"unshare", "clone", "clone3"}) {
            const Answers& answers = answers_to(abi, call);
            auto first = std::find_if(answers.begin(), answers.end(), [](const Answer& answer) {
                return std::all_of(answer.when.begin(), answer.when.end(),
                                   [](const Test& test) { return holds(test, test.arg == 0 ? CLONE_NEWUSER : 0); });
            });
            if (first != answers.end() && allows(first->action)) return true;
        }
        return false;
    }

    static bool holds(const Test& test, std::uint64_t arg) {
        std::uint64_t mask = test.low ? test.mask & 0xffffffff : test.mask, value = test.value & mask;
        arg &= mask;
        switch (test.op) {
        case Test::equal: return arg == value;
        case Test::not_equal: return arg != value;
        case Test::less: return arg < value;
        case Test::less_or_equal: return arg <= value;
        case Test::greater: return arg > value;
        case Test::greater_or_equal: return arg >= value;
        }
        return false;
    }

    At top_;
    const ProfileFacts& facts_;
    std::uint32_t default_ = SECCOMP_RET_KILL_PROCESS;
    std::set<std::string> unknown_;
};

} // namespace

std::variant<Profile, BadProfile> compile_profile(const std::string& text, const ProfileFacts& facts) {
    try {
        return Reader(read(text), facts).profile();
    } catch (const Bad& bad) {
        return BadProfile{bad.why};
    }
}

} // namespace ajail::policy
