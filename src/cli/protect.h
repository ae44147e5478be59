// SPDX-License-Identifier: Apache-2.0
// Which names the host later executes: git's, and a list (protect.inc). Pure: what is there is looked at in guard.h.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ajail::cli {

/// The list: paths from the top of what a jail may write, with `*` for anything within one name.
std::span<const char* const> protected_by_default();

/// NAME is what PATTERN says, in which `*` stands for any characters, or none.
bool fits(std::string_view pattern, std::string_view name);

/// Up to the first slash; and what follows it, empty if nothing does.
std::pair<std::string_view, std::string_view> first_name(std::string_view path);

/// PATTERN can stand in the list: relative, normal, not empty.
bool is_pattern(std::string_view pattern);

/// The host may run what is at PATH, which is relative to the top of a directory that a jail could write: one of the list
/// in any directory of it, a `.git`, in that what git runs programs by, or a HEAD elsewhere, which makes a git directory
/// of the one that it is in.
bool host_runs(std::string_view path);
/// Or something that is below PATH, if PATH is a symbolic link to it.
bool host_runs_below(std::string_view path);

} // namespace ajail::cli
