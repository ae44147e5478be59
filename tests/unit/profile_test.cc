// SPDX-License-Identifier: Apache-2.0
// Profiles in Docker's and OCI's format: what the compiled program answers, and what is refused.

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include "bpf.h"
#include "policy/filters.h"
#include "policy/profile.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <linux/capability.h>
#include <string>

namespace {

using namespace ajail;
using policy::kNativeArch;
using Args = std::array<std::uint64_t, 6>;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW, kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS, kKill = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint64_t kHigh = std::uint64_t{1} << 32;

const std::string kExec = R"({"names": ["execve"], "action": "SCMP_ACT_ALLOW"})";
/// A profile that refuses, with these rules, besides execve and what is newest.
std::string denying(const std::string& rules) {
    return R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"name": "mseal", "action": "SCMP_ACT_ALLOW"}, )" +
           kExec + (rules.empty() ? "" : ", ") + rules + "]}";
}
std::string allowing(const std::string& rules) {
    return R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [)" + rules + "]}";
}
std::string rule(const std::string& name, const std::string& action, const std::string& more = "") {
    return R"({"names": [")" + name + R"("], "action": "SCMP_ACT_)" + action + "\"" + (more.empty() ? "" : ", ") +
           more + "}";
}
std::string arg(int index, const std::string& op, const std::string& value, const std::string& two = "0") {
    return R"({"index": )" + std::to_string(index) + R"(, "op": "SCMP_CMP_)" + op + R"(", "value": )" + value +
           R"(, "valueTwo": )" + two + "}";
}
std::string args(const std::string& list) { return R"("args": [)" + list + "]"; }

policy::ProfileFacts facts{.caps = 1U << CAP_CHOWN, .kernel = {6, 2}};

struct Says {
    policy::Profile profile;
    std::uint32_t operator()(const char* name, const Args& values = {}, std::uint32_t arch = kNativeArch) const {
        int nr = policy::syscall_number(name, arch);
        REQUIRE(nr >= 0);
        return number(static_cast<std::uint32_t>(nr), values, arch);
    }
    std::uint32_t number(std::uint32_t nr, const Args& values = {}, std::uint32_t arch = kNativeArch) const {
        seccomp_data data{};
        data.nr = static_cast<int>(nr);
        data.arch = arch;
        std::copy(values.begin(), values.end(), data.args);
        return tests::run_bpf(profile.program, data);
    }
};

Says compiled(const std::string& text) {
    auto result = policy::compile_profile(text, facts);
    if (auto* bad = std::get_if<policy::BadProfile>(&result)) FAIL(bad->why);
    return {std::get<policy::Profile>(std::move(result))};
}
std::string refusal(const std::string& text) {
    auto result = policy::compile_profile(text, facts);
    auto* bad = std::get_if<policy::BadProfile>(&result);
    return bad == nullptr ? "compiled" : bad->why;
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("profile: actions") {
    auto says =
        compiled(allowing(rule("mkdirat", "ERRNO") + "," + rule("getcwd", "ERRNO", R"("errnoRet": 13)") + "," +
                          rule("bpf", "KILL") + "," + rule("unlinkat", "KILL_PROCESS") + "," + rule("chdir", "TRAP") +
                          "," + rule("fchdir", "LOG") + "," + rule("acct", "ERRNO", R"("errno": "EACCES")")));
    CHECK(says("mkdirat") == kEperm);
    CHECK(says("getcwd") == (SECCOMP_RET_ERRNO | EACCES));
    CHECK(says("acct") == (SECCOMP_RET_ERRNO | EACCES));
    CHECK(says("bpf") == SECCOMP_RET_KILL_THREAD);
    CHECK(says("unlinkat") == kKill);
    CHECK(says("chdir") == SECCOMP_RET_TRAP);
    CHECK(says("fchdir") == SECCOMP_RET_LOG);
    CHECK(says("read") == kAllow);
    CHECK(says.number(2000) == kAllow);
    CHECK(says.number(0, {}, AUDIT_ARCH_I386) == kKill);
    CHECK(says.number(0, {}, AUDIT_ARCH_ARM) == kKill);
    if (kNativeArch == AUDIT_ARCH_X86_64) CHECK(says.number(0x40000000) == kKill); // x32
    CHECK(says.number(~0U) == kAllow);
    auto other =
        compiled(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5, "syscalls": [)" + kExec + "]}");
    CHECK(other("getcwd") ==
          (SECCOMP_RET_ERRNO | (policy::syscall_number("getcwd") > policy::syscall_number("execve") ? ENOSYS : 5)));
    CHECK(other("read") == (SECCOMP_RET_ERRNO | 5));
}

TEST_CASE("profile: what is newer than it does not exist") {
    auto says = compiled(denying(""));
    CHECK(says("mseal") == kAllow);
    CHECK(says("bpf") == kEperm);
    CHECK(says.number(463) == kEnosys);
    CHECK(says.number(0x3fffffff) == kEnosys);
    CHECK(says.number(~0U) == kEperm);
    // Also what depends on something that is not so is known to it.
    auto other = compiled(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [)" + kExec + "," +
                          rule("mseal", "ALLOW", R"("includes": {"caps": ["CAP_SYS_ADMIN"]})") + "]}");
    CHECK(other("mseal") == kEperm);
    CHECK(compiled(R"({"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [)" + kExec + "]}").number(463) ==
          kKill);
}

TEST_CASE("profile: comparisons") {
    auto allows = [](const std::string& comparison, std::uint64_t value) {
        return compiled(denying(rule("lseek", "ALLOW", args(comparison))))("lseek", {9, value}) == kAllow;
    };
    const std::string big = "8589934599"; // 2 << 32 | 7
    constexpr std::uint64_t kBig = 2 * kHigh + 7;
    struct Case {
        const char* op;
        bool (*holds)(std::uint64_t, std::uint64_t);
    };
    const Case cases[] = {
        {"EQ", [](auto a, auto b) { return a == b; }}, {"NE", [](auto a, auto b) { return a != b; }},
        {"LT", [](auto a, auto b) { return a < b; }},  {"LE", [](auto a, auto b) { return a <= b; }},
        {"GT", [](auto a, auto b) { return a > b; }},  {"GE", [](auto a, auto b) { return a >= b; }}};
    for (const Case& one : cases) {
        INFO(one.op);
        for (std::uint64_t value : {kBig, kBig - 1, kBig + 1, kBig - kHigh, kBig + kHigh, kBig - kHigh + 1,
                                    kBig + kHigh - 1, std::uint64_t{0}, std::uint64_t{7}, ~std::uint64_t{0}}) {
            INFO(value);
            CHECK(allows(arg(1, one.op, big), value) == one.holds(value, kBig)); // more than 32 bits are meant
        }
        for (std::uint64_t value : {0U, 6U, 7U, 8U, 0x7fffffffU, 0xffffffffU})
            CHECK(allows(arg(1, one.op, "7"), value) == one.holds(value, 7));
    }
    CHECK(allows(arg(1, "MASKED_EQ", "12", "4"), 0xf7));
    CHECK_FALSE(allows(arg(1, "MASKED_EQ", "12", "4"), 0xff));
    CHECK(allows(arg(1, "MASKED_EQ", "8589934592", "8589934592"), kBig));
    CHECK_FALSE(allows(arg(1, "MASKED_EQ", "8589934592", "8589934592"), 7));
}

// However the kernel reads an argument, nothing that a rule refuses gets through by a bit in its high half, and nothing
// is allowed by one (CVE-2019-10063).
TEST_CASE("profile: high halves") {
    for (const char* op : {"EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ"}) {
        for (std::uint64_t value : {0ULL, 4ULL, 5ULL, 6ULL, 0xffffffffULL}) {
            for (std::uint64_t high : {std::uint64_t{0}, kHigh, ~std::uint64_t{0} << 32}) {
                INFO(op << " " << value << " " << high);
                bool masked = std::string(op) == "MASKED_EQ";
                auto comparison = args(masked ? arg(0, op, "255", "5") : arg(0, op, "5"));
                auto allow = compiled(denying(rule("socket", "ALLOW", comparison)));
                auto deny = compiled(allowing(rule("socket", "ERRNO", comparison)));
                if (allow("socket", {high | value}) == kAllow) CHECK(allow("socket", {value}) == kAllow);
                if (deny("socket", {value}) == kEperm) CHECK(deny("socket", {high | value}) == kEperm);
                if (allow("socket", {high | value}) == kAllow) CHECK(deny("socket", {high | value}) == kEperm);
            }
        }
    }
    auto ne = compiled(denying(rule("socket", "ALLOW", args(arg(0, "NE", "40")))));
    CHECK(ne("socket", {40}) == kEperm);
    CHECK(ne("socket", {kHigh | 40}) == kEperm);
    CHECK(ne("socket", {2}) == kAllow);
    // A number below 0, as it looks in 64 bits.
    auto minus = compiled(allowing(rule("personality", "ERRNO", args(arg(0, "EQ", "18446744073709551615")))));
    CHECK(minus("personality", {0xffffffff}) == kEperm);
    CHECK(minus("personality", {~std::uint64_t{0}}) == kEperm);
    CHECK(minus("personality", {0x7fffffff}) == kAllow);
    auto all = compiled(allowing(rule("ioctl", "ERRNO", args(arg(1, "MASKED_EQ", "18446744073709551615", "21522")))));
    CHECK(all("ioctl", {0, 21522}) == kEperm);
    CHECK(all("ioctl", {0, kHigh | 21522}) == kEperm);
}

TEST_CASE("profile: several rules for one call") {
    const std::string tiocsti = args(arg(1, "EQ", "21522"));
    for (const std::string& text : {denying(rule("ioctl", "ALLOW") + "," + rule("ioctl", "ERRNO", tiocsti)),
                                    denying(rule("ioctl", "ERRNO", tiocsti) + "," + rule("ioctl", "ALLOW")),
                                    allowing(rule("ioctl", "ERRNO", tiocsti))}) {
        auto says = compiled(text); // libseccomp would drop the first of them
        CHECK(says("ioctl", {0, 21522}) == kEperm);
        CHECK(says("ioctl", {0, kHigh | 21522}) == kEperm);
        CHECK(says("ioctl", {0, 1}) == kAllow);
    }
    auto two = compiled(denying(rule("socket", "ALLOW", args(arg(0, "EQ", "1"))) + "," +
                                rule("socket", "ALLOW", args(arg(0, "EQ", "16") + "," + arg(2, "EQ", "0")))));
    CHECK(two("socket", {1}) == kAllow);
    CHECK(two("socket", {16, 3, 0}) == kAllow);
    CHECK(two("socket", {16, 3, 9}) == kEperm);
    CHECK(two("socket", {2}) == kEperm);
    auto refused = compiled(denying(rule("mkdirat", "ALLOW") + "," + rule("mkdirat", "ERRNO", R"("errnoRet": 13)")));
    CHECK(refused("mkdirat") == (SECCOMP_RET_ERRNO | EACCES));
    auto strictest = compiled(allowing(rule("mkdirat", "ERRNO") + "," + rule("mkdirat", "KILL_PROCESS")));
    CHECK(strictest("mkdirat") == kKill);
    // Several of one argument are alternatives, where they cannot be anything else.
    auto list = arg(0, "EQ", "0") + "," + arg(0, "EQ", "8");
    auto either = compiled(denying(rule("personality", "ALLOW", args(list))));
    CHECK(either("personality", {8}) == kAllow);
    CHECK(either("personality", {0}) == kAllow);
    CHECK(either("personality", {4}) == kEperm);
    for (const std::string& unclear : {arg(0, "GE", "1") + "," + arg(0, "LE", "5"), list + "," + arg(1, "EQ", "1"),
                                       arg(0, "MASKED_EQ", "1", "1") + "," + arg(0, "MASKED_EQ", "2", "2")})
        CHECK(has(refusal(denying(rule("socket", "ALLOW", args(unclear)))),
                  "syscalls[2].args: one argument is compared"));
}

TEST_CASE("profile: what rules depend on") {
    auto with = [](const std::string& more) {
        return compiled(denying(rule("mkdirat", "ALLOW", more)))("mkdirat") == kAllow;
    };
    CHECK(with(R"("includes": {}, "excludes": {}, "args": null, "comment": "x")"));
    CHECK(with(R"("includes": {"caps": ["CAP_CHOWN"]})"));
    CHECK_FALSE(with(R"("includes": {"caps": ["CAP_CHOWN", "CAP_BPF"]})"));
    CHECK_FALSE(with(R"("includes": {"caps": ["CAP_OF_NEXT_YEAR"]})"));
    CHECK_FALSE(with(R"("excludes": {"caps": ["CAP_BPF", "CAP_CHOWN"]})"));
    CHECK(with(R"("excludes": {"caps": ["CAP_BPF"]})"));
    CHECK(with(R"("includes": {"minKernel": "4.8"})"));
    CHECK(with(R"("includes": {"minKernel": "6.2"})"));
    CHECK_FALSE(with(R"("includes": {"minKernel": "6.10"})"));
    CHECK_FALSE(with(R"("excludes": {"minKernel": "6.2"})"));
    CHECK_FALSE(with(R"("includes": {"arches": ["s390x"]})"));
    CHECK(with(R"("includes": {"arches": ["amd64", "arm64"]})"));
    CHECK(with(R"("excludes": {"arches": ["s390x"]})"));
    CHECK_FALSE(with(R"("excludes": {"arches": ["amd64", "arm64"]})"));
    CHECK(
        has(refusal(denying(rule("mkdirat", "ALLOW", R"("includes": {"caps": ["CHOWN"]})"))), "unknown capability"));
    for (const char* version : {"4", "4.", "x.1", "4.8.1", "4.8-rc1", "-1.2", "99999999999.1"})
        CHECK(has(refusal(denying(
                      rule("mkdirat", "ALLOW", R"("includes": {"minKernel": ")" + std::string(version) + "\"}"))),
                  "syscalls[2].includes.minKernel: should be a version"));
}

TEST_CASE("profile: the other architecture") {
    if (policy::kCompatArch == 0) return;
    auto text = [](const std::string& field) {
        return R"({"defaultAction": "SCMP_ACT_ERRNO", )" + field + R"(, "syscalls": [)" + kExec + "," +
               rule("socket", "ALLOW", args(arg(0, "EQ", "1"))) + "," + rule("socketcall", "ALLOW") + "," +
               rule("chown32", "ALLOW") + "," + rule("mseal", "ALLOW") + "]}";
    };
    for (const char* field :
         {R"("architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])",
          R"("archMap": [{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
                                 {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}])"}) {
        auto says = compiled(text(field));
        CHECK(says("socket", {1}, AUDIT_ARCH_I386) == kAllow);
        CHECK(says("socket", {2}, AUDIT_ARCH_I386) == kEperm);
        CHECK(says("socketcall", {1}, AUDIT_ARCH_I386) == kEnosys); // whatever it says: they hide what is meant
        CHECK(says("ipc", {1}, AUDIT_ARCH_I386) == kEnosys);
        CHECK(says("chown32", {1}, AUDIT_ARCH_I386) == kAllow);
        CHECK(says("chown", {1}, AUDIT_ARCH_I386) == kEperm);
        CHECK(says.number(500, {1}, AUDIT_ARCH_I386) == kEnosys);
        CHECK(says.number(0x40000000) == kKill);
        CHECK(says.profile.unknown == std::vector<std::string>{"chown32", "socketcall"});
    }
    for (const char* field :
         {R"("architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"])", R"("archMap": null)",
          R"("archMap": [{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_X86"]}])"})
        CHECK(compiled(text(field))("socket", {1}, AUDIT_ARCH_I386) == kKill);
    CHECK(
        has(refusal(text(R"("architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86_64"}])")),
            "there is an archMap as well"));
}

TEST_CASE("profile: unknown calls are passed over, and told") {
    auto says = compiled(denying(rule("nosuch", "ALLOW") + "," + rule("mkdirat", "ALLOW") + "," + rule("", "ALLOW")));
    CHECK(says("mkdirat") == kAllow);
    CHECK(says.profile.unknown == std::vector<std::string>{"", "nosuch"});
}

TEST_CASE("profile: refused") {
    struct Case {
        std::string text, why;
    };
    const std::string deep(100000, '[');
    const Case cases[] = {
        {"", "line 1, column 1: this is not JSON"},
        {"{\n  \"defaultAction\": x", "line 2, column 20: this is not JSON"},
        {"{\"defaultAction\": \"\xff\"}", "this is not JSON"},
        {deep, "is nested too deep"},
        {R"({"a": )" + deep, "is nested too deep"},
        {"[]", "should be an object"},
        {"{}", "defaultAction: should be a string"},
        {R"({"defaultAction": "SCMP_ACT_ALOW"})", "defaultAction: unknown action 'SCMP_ACT_ALOW'"},
        {R"({"defaultAction": "\u001b[31m"})", "unknown action '\\x1b[31m'"},
        {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscall": []})", "unknown field 'syscall'"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultAction": "SCMP_ACT_ALLOW"})",
         "'defaultAction' is there twice"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "default\u0041ction": "SCMP_ACT_ALLOW"})", "is not known"},
        {R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1})",
         "defaultErrnoRet: only SCMP_ACT_ERRNO has one"},
        {R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"]})", "flags: is not supported"},
        {R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/x"})", "listenerPath: is not supported"},
        {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {"a": 1}})", "syscalls: should be a list"},
        {allowing("7"), "syscalls[0]: should be an object"},
        {allowing(R"({"action": "SCMP_ACT_ERRNO"})"), "syscalls[0]: should have 'names', or else 'name'"},
        {allowing(R"({"name": "a", "names": ["b"], "action": "SCMP_ACT_ERRNO"})"),
         "should have 'names', or else 'name'"},
        {allowing(R"({"names": [7], "action": "SCMP_ACT_ERRNO"})"), "syscalls[0].names[0]: should be a string"},
        {allowing(rule("bpf", "NOTIFY")), "syscalls[0].action: SCMP_ACT_NOTIFY is not supported"},
        {allowing(rule("bpf", "TRACE")), "syscalls[0].action: SCMP_ACT_TRACE is not supported"},
        {allowing(rule("bpf", "ERRNO", R"("errnoRet": 4096)")), "errnoRet: should be a whole number from 0 to 4095"},
        {allowing(rule("bpf", "ERRNO", R"("errnoRet": -1)")), "errnoRet: should be a whole number"},
        {allowing(rule("bpf", "ERRNO", R"("errnoRet": 1.0)")), "errnoRet: should be a whole number"},
        {allowing(rule("bpf", "ERRNO", R"("errno": "ENOWAY")")), "errno: unknown errno 'ENOWAY'"},
        {allowing(rule("bpf", "ERRNO", R"("errno": "EPERM", "errnoRet": 2)")), "is not the errno number beside it"},
        {allowing(rule("bpf", "ERRNO", R"("arg": [])")), "syscalls[0]: unknown field 'arg'"},
        {allowing(rule("bpf", "ERRNO", args(arg(6, "EQ", "1")))),
         "syscalls[0].args[0].index: should be a whole number"},
        {allowing(rule("bpf", "ERRNO", args(arg(0, "BIT", "1")))), "args[0].op: unknown comparison 'SCMP_CMP_BIT'"},
        {allowing(rule("bpf", "ERRNO", args(arg(0, "EQ", "18446744073709551616")))),
         "value: should be a whole number"},
        {allowing(rule("bpf", "ERRNO", args(arg(0, "EQ", "1e999")))), "a number in it is too large"},
        {allowing(rule("bpf", "ERRNO", args(arg(0, "EQ", "1", "1")))), "valueTwo: only SCMP_CMP_MASKED_EQ has one"},
        {allowing(rule("bpf", "ERRNO", args(arg(0, "MASKED_EQ", "1", "2")))), "has bits outside of the mask"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO"})", "does not allow execve"},
        {allowing(rule("execve", "KILL")), "does not allow execve"},
    };
    for (const Case& one : cases) {
        INFO(one.text.substr(0, 200));
        const std::string why = refusal(one.text);
        INFO(why);
        CHECK(has(why, one.why));
        CHECK(std::all_of(why.begin(), why.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    }
    std::string many;
    for (unsigned i = 0; i < 1000; ++i)
        many += (i == 0 ? "" : ",") +
                rule("ioctl", "ERRNO",
                     args(arg(1, "EQ", std::to_string(i * 2)) + "," + arg(2, "GT", std::to_string(i * kHigh))));
    CHECK(has(refusal(allowing(many)), "is more than the kernel takes"));
}

TEST_CASE("whether a user namespace can be made is known") {
    auto userns = [](const std::string& text) {
        auto compiled = policy::compile_profile(text, facts);
        REQUIRE(std::holds_alternative<policy::Profile>(compiled));
        return std::get<policy::Profile>(compiled).userns;
    };
    // Docker's: clone without the flags of namespaces, clone3 not there.
    std::string plain = rule("clone", "ALLOW", args(arg(0, "MASKED_EQ", "2114060288", "0")));
    CHECK_FALSE(userns(denying("")));
    CHECK_FALSE(userns(denying(plain)));
    CHECK_FALSE(userns(denying(plain + ", " + rule("clone3", "ERRNO", R"("errnoRet": 38)"))));
    CHECK(userns(denying(rule("clone", "ALLOW"))));
    CHECK(userns(denying(rule("unshare", "ALLOW"))));
    CHECK(userns(denying(rule("unshare", "LOG"))));
    CHECK(userns(denying(rule("clone3", "ALLOW"))));
    CHECK(userns(denying(rule("unshare", "ALLOW", args(arg(0, "EQ", "268435456"))))));
    CHECK(userns(denying(rule("unshare", "ALLOW", args(arg(0, "GE", "268435456"))))));
    CHECK_FALSE(userns(denying(rule("unshare", "ALLOW", args(arg(0, "LT", "268435456"))))));
    CHECK_FALSE(userns(denying(rule("unshare", "ALLOW", args(arg(0, "NE", "268435456"))))));
    CHECK(userns(allowing("")));
    CHECK_FALSE(userns(allowing(rule("clone3", "ERRNO") + ", " + rule("clone", "KILL") + ", " +
                                rule("unshare", "ERRNO", args(arg(0, "EQ", "268435456"))))));
}
