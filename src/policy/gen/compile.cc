// SPDX-License-Identifier: Apache-2.0
// Turns a Policy into a classic BPF program for one architecture, twice: the one that is used is assemble()'s, and
// libseccomp's is held to the same text, so that a mistake of reading is found by two. Refuses sets of rules whose meaning
// libseccomp would change: it keeps no order between rules, and drops conditional rules beside an unconditional one.

#include "policy.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <map>
#include <memory>
#include <seccomp.h>
#include <set>
#include <sys/mman.h>
#include <unistd.h>

namespace ajail::policy::gen {

namespace {

// __x86_64__ is also true for the x32 ABI, whose calls every program here answers by killing.
constexpr std::array kArches{
    Arch{"x86_64", AUDIT_ARCH_X86_64, "AUDIT_ARCH_X86_64", "defined(__x86_64__) && !defined(__ILP32__)", "i386"},
    Arch{"aarch64", AUDIT_ARCH_AARCH64, "AUDIT_ARCH_AARCH64", "defined(__aarch64__) && !defined(__ILP32__)", ""},
    Arch{"i386", AUDIT_ARCH_I386, "AUDIT_ARCH_I386", "", ""},
};

struct Release {
    void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

/// Above this many syscalls a search by halves is shorter than the list (seccomp_attr_set(3)).
constexpr std::size_t kTreePays = 16;

void check(const Policy& policy, int line, const char* call, int result) {
    if (result < 0) fail(policy, line, std::string(call) + ": " + std::strerror(-result));
}

/// True if no argument can satisfy both.
bool exclude_each_other(const Comparison& a, const Comparison& b) {
    if (a.arg != b.arg) return false;
    if (a.equal && b.equal) return ((a.value ^ b.value) & a.mask & b.mask) != 0;
    const Comparison& equality = a.equal ? a : b;
    const Comparison& inequality = a.equal ? b : a;
    return equality.equal && !inequality.equal && equality.mask == ~std::uint64_t{0} &&
           equality.value == inequality.value;
}

bool can_both_hold(const Rule& a, const Rule& b) {
    for (const Comparison& one : a.when) {
        for (const Comparison& other : b.when) {
            if (exclude_each_other(one, other)) return false;
        }
    }
    return true;
}

void check_pair(const Policy& policy, const Rule& earlier, const Rule& later) {
    const std::string place = " in line " + std::to_string(earlier.line);
    if (earlier.when == later.when && earlier.action == later.action) {
        fail(policy, later.line, "the same rule is" + place);
    }
    if (earlier.when.empty() != later.when.empty()) {
        fail(policy, later.line,
             "libseccomp would drop the conditional rule: '" + later.syscall + "' has another kind of rule" + place);
    }
    if (earlier.action != later.action && can_both_hold(earlier, later)) {
        fail(policy, later.line, "overlaps with a rule of another action" + place + "; rules have no order");
    }
}

Context new_filter(const Policy& policy, const Arch& arch, std::uint32_t fallback) {
    // Level 3 knows KILL_PROCESS, 5 USER_NOTIF. Without this libseccomp asks the kernel that the build happens to run on,
    // which may be older, or itself a sandbox; see seccomp_api_set(3).
    check(policy, 0, "seccomp_api_set", seccomp_api_set(5));
    Context filter(seccomp_init(fallback));
    if (!filter) fail(policy, 0, "seccomp_init failed");
    void* context = filter.get();
    check(policy, 0, "seccomp_attr_set", seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
    if (seccomp_arch_native() != arch.audit) {
        check(policy, 0, "seccomp_arch_add", seccomp_arch_add(context, arch.audit));
        check(policy, 0, "seccomp_arch_remove", seccomp_arch_remove(context, seccomp_arch_native()));
    }
    return filter;
}

void add_rule(const Policy& policy, const Arch& arch, void* context, const Rule& rule) {
    std::vector<scmp_arg_cmp> when;
    for (const Comparison& comparison : rule.when) {
        scmp_arg_cmp out{};
        out.arg = comparison.arg;
        out.op = comparison.equal ? SCMP_CMP_MASKED_EQ : SCMP_CMP_NE;
        out.datum_a = comparison.equal ? comparison.mask : comparison.value;
        out.datum_b = comparison.equal ? comparison.value : 0;
        when.push_back(out);
    }
    // libseccomp takes the building machine's numbers, or marks of its own for calls that only others have.
    int number = seccomp_syscall_resolve_name(rule.syscall.c_str());
    if (number == __NR_SCMP_ERROR) number = number_of(arch, rule.syscall);
    // _exact: a rule that libseccomp would have to rewrite stops the build.
    check(
        policy, rule.line, "seccomp_rule_add",
        seccomp_rule_add_exact_array(context, rule.action, number, static_cast<unsigned>(when.size()), when.data()));
}

std::vector<sock_filter> export_program(const Policy& policy, void* context) {
    const int fd = memfd_create("program", MFD_CLOEXEC);
    if (fd < 0) fail(policy, 0, std::string("memfd_create: ") + std::strerror(errno));
    check(policy, 0, "seccomp_export_bpf", seccomp_export_bpf(context, fd));
    const off_t size = lseek(fd, 0, SEEK_END);
    std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
    const ssize_t got = pread(fd, program.data(), program.size() * sizeof(sock_filter), 0);
    (void)close(fd); // only read from
    if (size <= 0 || got != size) fail(policy, 0, "libseccomp made no whole program");
    if (program.size() > BPF_MAXINSNS) fail(policy, policy.last_line, "more than BPF_MAXINSNS instructions");
    return program;
}

std::vector<sock_filter> compile_section(const Policy& policy, const Arch& arch, int section, std::uint32_t fallback,
                                         bool& any) {
    const Context filter = new_filter(policy, arch, fallback);
    std::set<std::string> syscalls;
    for (const Rule& rule : policy.rules) {
        if (rule.section != section) continue;
        if (number_of(arch, rule.syscall) < 0) {
            if (rule.may_be_missing) continue;
            fail(policy, rule.line,
                 "no syscall '" + rule.syscall + "' on " + std::string(arch.name) + "; write '?" + rule.syscall +
                     "' if that is right");
        }
        if (!can_be_said(arch, rule)) continue;
        add_rule(policy, arch, filter.get(), rule);
        syscalls.insert(rule.syscall);
    }
    any |= !syscalls.empty();
    if (syscalls.size() > kTreePays) {
        check(policy, 0, "seccomp_attr_set", seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
    }
    return export_program(policy, filter.get());
}

Answer answer_of(const Rule& rule) {
    Answer answer{{}, rule.action};
    for (const Comparison& comparison : rule.when) {
        answer.when.push_back({.arg = comparison.arg,
                               .op = comparison.equal ? Test::equal : Test::not_equal,
                               .mask = comparison.mask,
                               .value = comparison.value});
    }
    return answer;
}

} // namespace

Abi answers_of(const Policy& policy, const Arch& arch) {
    const Answer fallback{{}, policy.fallback};
    std::map<std::uint32_t, Answers> calls;
    for (const Rule& rule : policy.rules) { // in the order of their sections
        const int number = number_of(arch, rule.syscall);
        if (number >= 0) calls[static_cast<std::uint32_t>(number)].push_back(answer_of(rule));
    }
    Abi abi{arch.audit, {{0, {fallback}}}};
    if (arch.audit == AUDIT_ARCH_X86_64) {
        abi.from[kX32SyscallBit] = {Answer{{}, SECCOMP_RET_KILL_PROCESS}};
        abi.from[~0U] = {fallback}; // what a tracer has taken away (seccomp(2))
    }
    for (auto& [number, answers] : calls) {
        answers.push_back(fallback);
        const auto always =
            std::find_if(answers.begin(), answers.end(), [](const Answer& a) { return a.when.empty(); });
        answers.erase(always + 1, answers.end());
        abi.from.try_emplace(number + 1, Answers{fallback});
        abi.from[number] = std::move(answers);
    }
    return abi;
}

namespace {

std::vector<sock_filter> assembled(const Policy& policy, const Arch& arch) {
    const Abi abi = answers_of(policy, arch);
    std::vector<sock_filter> program = assemble({&abi, 1});
    if (program.empty()) fail(policy, policy.last_line, "more than BPF_MAXINSNS instructions");
    return program;
}

// By libseccomp, a section at a time.
std::vector<sock_filter> compiled(const Policy& policy, const Arch& arch) {
    std::vector<sock_filter> program;
    bool any = false;
    for (int section = 0; section <= policy.last_section; ++section) {
        const bool last = section == policy.last_section;
        const std::vector<sock_filter> part =
            compile_section(policy, arch, section, last ? policy.fallback : kPass, any);
        if (last) program.insert(program.end(), part.begin(), part.end());
        else append_passing(program, part);
    }
    if (!any) fail(policy, policy.last_line, "no rule is left on " + std::string(arch.name));
    return program;
}

} // namespace

std::span<const Arch> arches() { return kArches; }

std::string libseccomp_version() {
    const scmp_version* version = seccomp_version();
    return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
           std::to_string(version->micro);
}

void check_rules(const Policy& policy) {
    for (std::size_t later = 0; later < policy.rules.size(); ++later) {
        const Rule& rule = policy.rules[later];
        if (rule.action == policy.fallback && rule.section == policy.last_section) {
            fail(policy, rule.line, "the rule says what 'default' says already");
        }
        for (std::size_t earlier = 0; earlier < later; ++earlier) {
            const Rule& other = policy.rules[earlier];
            if (other.syscall == rule.syscall && other.section == rule.section) check_pair(policy, other, rule);
        }
    }
}

std::vector<sock_filter> compile(const Policy& policy, const Arch& arch) {
    std::vector<sock_filter> program = assembled(policy, arch);
    verify(policy, arch, program, "policy-gen");
    if (arch.audit == AUDIT_ARCH_I386) return program;
    verify(policy, arch, compiled(policy, arch), kLibseccomp);
    return program;
}

} // namespace ajail::policy::gen
