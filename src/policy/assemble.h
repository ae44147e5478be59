// SPDX-License-Identifier: Apache-2.0
// From what is to be answered to which system call, to a classic BPF program: ajail's own policies while it is built, and
// what comes as a file at run time. libseccomp makes three times as many instructions of the first, has no comparison of 32
// bits but for equality, drops rules that stand beside an unconditional one, and makes wrong programs of some sets of
// comparisons (see gen/verify.cc).
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <map>
#include <span>
#include <vector>

namespace ajail::policy {

/// One test of an argument.
struct Test {
    enum Op : std::uint8_t { equal, not_equal, less, less_or_equal, greater, greater_or_equal };
    unsigned arg = 0;
    Op op = equal;
    std::uint64_t mask = ~std::uint64_t{0}; ///< of the argument, for (in)equality
    std::uint64_t value = 0;
    bool low = false; ///< of the low 32 bits only
    bool operator==(const Test&) const = default;
};

/// ACTION if every test holds.
struct Answer {
    std::vector<Test> when = {};
    std::uint32_t action = 0; ///< SECCOMP_RET_*
    bool operator==(const Answer&) const = default;
};

/// The first that holds decides. The last one always holds.
using Answers = std::vector<Answer>;

/// What one architecture's calls are answered: each as the nearest number at or below it. 0 is among them.
struct Abi {
    std::uint32_t audit = 0; ///< AUDIT_ARCH_*
    std::map<std::uint32_t, Answers> from;
};

/// Kills what is of no ABI here. Empty if it is more than the kernel takes (BPF_MAXINSNS).
std::vector<sock_filter> assemble(std::span<const Abi> abis);

} // namespace ajail::policy
