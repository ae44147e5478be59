// SPDX-License-Identifier: Apache-2.0
// What a .policy file says, as data, and the things done with it: read, check, compile, verify, show. Part of
// policy-gen, which runs while ajail is built; nothing here is linked into ajail. A mistake in a policy stops
// the build.
#pragma once

#include "policy/assemble.h"
#include "policy/filters.h"

#include <cstdint>
#include <iosfwd>
#include <linux/filter.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ajail::policy::gen {

using policy::kPass;

/// One test of a syscall argument: `argN & MASK == VALUE`, or `argN != VALUE` on all 64 bits.
struct Comparison {
    unsigned arg = 0;
    bool equal = true;
    std::uint64_t mask = ~std::uint64_t{0};
    std::uint64_t value = 0;

    bool operator==(const Comparison&) const = default;
};

/// ACTION for SYSCALL when every comparison holds. Several for one syscall are alternatives. A line may name several
/// syscalls, and is then as many rules.
struct Rule {
    int line = 0;
    int section = 0; ///< rules have an order between sections only: the first section with an answer decides
    std::string syscall;
    bool may_be_missing = false;  ///< written `?name`: skipped where the architecture does not have it
    std::uint32_t action = 0;     ///< SECCOMP_RET_*
    std::vector<Comparison> when; ///< empty: always
};

struct Policy {
    std::string path;
    std::string name; ///< file name without .policy
    int last_line = 0;
    std::uint32_t fallback = 0; ///< SECCOMP_RET_* for what no rule names; kPass: what the next part answers
    int last_section = 0;
    std::vector<Rule> rules;
};

/// An architecture that ajail is built for, or whose programs run on one.
struct Arch {
    std::string_view name;
    std::uint32_t audit; ///< AUDIT_ARCH_*, which is also libseccomp's token
    std::string_view audit_name;
    std::string_view when;   ///< preprocessor condition that is true when compiling for it; empty: never
    std::string_view compat; ///< name of the architecture whose programs run on it, too
};

std::span<const Arch> arches();

/// "FILE:LINE: WHAT" on stderr, exit status 1. Leaves at once, so nothing half-made is written. (In gen.cc: the fuzzer has
/// another.)
[[noreturn]] void fail(const Policy& policy, int line, std::string_view what);

Policy read_policy(const std::string& path);
/// The same from TEXT, for a POLICY that knows its path.
void read_policy(Policy& policy, std::istream& text);

/// Stops on rules that libseccomp would accept and then silently drop or reorder.
void check_rules(const Policy& policy);

/// The number of a syscall, negative where ARCH has none of this name. More than libseccomp's own: see numbers.cc.
/// On i386, where ids once had 16 bits, `chown` is chown32, and the old call has no name.
int number_of(const Arch& arch, const std::string& syscall);
/// libseccomp rewrites the numbers of a foreign architecture by its own table, and refuses what that does not have.
/// Such a call is left to the fallback there.
bool can_be_said(const Arch& arch, const Rule& rule);
constexpr std::uint32_t kX32SyscallBit = 0x40000000; // <asm/unistd.h>
constexpr int kPastTheLast = 1024;                   ///< no number of any architecture here is near it
/// Whether NAME is a syscall of any architecture.
bool is_syscall(const std::string& name);
/// The name of syscall NUMBER, empty if there is none.
std::string name_of(const Arch& arch, int number);

/// By assemble(), and verified: a third of what libseccomp makes of the same, and as much less for the kernel to compile at
/// each start. libseccomp compiles it as well, and is held to the same text; but not for i386, where it would let socketcall
/// through with every call of a socket, and cannot compare arguments of those.
std::vector<sock_filter> compile(const Policy& policy, const Arch& arch);

/// What POLICY says of ARCH's calls.
Abi answers_of(const Policy& policy, const Arch& arch);

/// `root+noted+setid`: BASE with policies in FRONT of it, as joined() in policy/filters.h; the first is asked first.
struct Joined {
    const Policy* base = nullptr;
    std::vector<const Policy*> fronts;
    bool allows() const; ///< what a front allows is allowed, and not left to the base
};
/// `default,terminal+init`: one after the other, as the kernel would have them if each were loaded.
struct Stack {
    std::string name;
    std::vector<Joined> programs;
};
/// None if it is not all of POLICIES.
std::optional<Stack> stack_of(std::string_view name, std::span<const Policy> policies);
/// One program that says what those of STACK say together: what takes most away decides, and among equals the newest. The
/// newest one's questions are heard. Verified against the texts.
std::vector<sock_filter> compile(const Stack& stack, const Arch& arch);
void verify(const Stack& stack, const Arch& arch, std::span<const sock_filter> program);
/// Whether the action ONE comes before OTHER (seccomp(2)).
bool takes_more(std::uint32_t one, std::uint32_t other);

constexpr const char* kLibseccomp = "libseccomp";
/// Stops unless PROGRAM, of MAKER's, answers what POLICY says.
void verify(const Policy& policy, const Arch& arch, std::span<const sock_filter> program, std::string_view maker);

/// PROGRAM as text, with WHAT it is in its first line.
std::string disassemble(const std::string& what, const Arch& arch, std::span<const sock_filter> program);

/// "2.5.4": the libseccomp in use, by whose names of calls a program is made.
std::string libseccomp_version();

} // namespace ajail::policy::gen
