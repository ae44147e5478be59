// SPDX-License-Identifier: Apache-2.0
// What the host's git runs programs from: hooks and settings (core.fsmonitor, core.sshCommand, filters ...). A jail that
// may change them waits for the user's next `git status`. How they are covered is told in cover.h.
#pragma once

#include <string>
#include <string_view>

namespace ajail::cli {

/// PATH, in a git directory, is one of those.
bool git_runs(std::string_view path);

/// The git directory that git finds from DIR, an absolute path, where that is not in DIR itself: above it, or named by a
/// linked worktree's or submodule's `.git`. Empty if there is none.
std::string repository_elsewhere(const std::string& dir);

} // namespace ajail::cli
