// SPDX-License-Identifier: Apache-2.0
// The seccomp programs that were compiled into this binary, from the .policy files in filters/. What each one
// does and why is written there, a reason a line; the .txt beside a file is what libseccomp made of it.
#pragma once

#include <linux/filter.h>
#include <span>
#include <string_view>

namespace ajail::policy {

/// The compiled program NAME (file name without .policy), for this binary's architecture. It lives as long as
/// the process. An empty span means that there is no such program: a mistake of the caller, never "nothing to
/// filter".
///
/// Programs are made to be stacked, one seccomp(2) call each. The kernel runs all of them and takes the
/// answer of the highest precedence; between two ERRNO answers (a fake is ERRNO 0) the one loaded last wins.
std::span<const sock_filter> program(std::string_view name);

} // namespace ajail::policy
