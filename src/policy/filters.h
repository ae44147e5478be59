// SPDX-License-Identifier: Apache-2.0
// The seccomp programs that were compiled into this binary, from the .policy files in filters/. What each one
// does and why is written there, a reason a line; the .txt beside a file is what libseccomp made of it.
#pragma once

#include <cstdint>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <span>
#include <string_view>
#include <vector>

namespace ajail::policy {

/// How a program says that it has no opinion (`default pass`), and what is joined behind it decides. The kernel never
/// gets to see it; loaded by mistake it would be ENOSYS for everything (seccomp(2), no tracer).
constexpr std::uint32_t kPass = SECCOMP_RET_TRACE | 0x7061;

/// AUDIT_ARCH_* of this binary, and of the 32-bit programs that its kernel may run as well; 0 where ajail has no
/// programs for those.
#if defined(__x86_64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_X86_64, kCompatArch = AUDIT_ARCH_I386;
#elif defined(__aarch64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_AARCH64, kCompatArch = 0;
#endif

/// The compiled program NAME (file name without .policy), for ARCH, one of the two. It lives as long as
/// the process. An empty span means that there is no such program: a mistake of the caller, never "nothing to
/// filter".
///
/// Programs are made to be stacked, one seccomp(2) call each. The kernel runs all of them and takes the
/// answer of the highest precedence; between two ERRNO answers (a fake is ERRNO 0) the one loaded last wins.
std::span<const sock_filter> program(std::string_view name, std::uint32_t arch = kNativeArch);

/// The number of a system call of ARCH, one of the two, -1 if there is none of that name.
int syscall_number(std::string_view name, std::uint32_t arch = kNativeArch);

/// NAME is a system call of either.
bool is_syscall(std::string_view name);

/// `default+io_uring+acct-mkdir`: the program `default`, and in front of it, each in front of those before it, the
/// program `io_uring`, one that allows acct(2), and one that refuses mkdir(2) with EPERM. The first that has an opinion
/// decides; stacked programs could only take away. Empty if a name is unknown. What is allowed in front of another program
/// than `default` passes to that one, which has its own opinion on other things. Without a first name, `-mkdir`, all else
/// is allowed. With `+32bit` in it, programs of the other architecture have the same, of their own numbers; they are
/// killed else. `default,terminal+init` is what these say when one is loaded after the other; only those of
/// spec::kStacks are known.
std::vector<sock_filter> joined(std::string_view name);

/// Appends PART; where it would answer kPass, what is appended after it is asked.
void append_passing(std::vector<sock_filter>& program, std::span<const sock_filter> part);

} // namespace ajail::policy
