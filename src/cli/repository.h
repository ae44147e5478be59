// SPDX-License-Identifier: Apache-2.0
// Where a repository is, by its files alone: a jail may have written any of them, so no git of the host looks at them,
// no symbolic link is followed, and what one file says of another counts only where that one agrees.
#pragma once

#include "cli/options.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ajail::cli {

struct Repository {
    std::string top;    ///< the working directory; of a bare one the git directory
    std::string git;    ///< the git directory, of a linked worktree its entry in the common one
    std::string common; ///< the git directory with the objects and branches
};

/// The one that DIR, an absolute path, is in.
std::variant<Repository, Wrong> find_repository(const std::string& dir);

/// The directories outside COMMON, a git directory, that it has objects from (gitrepository-layout(5),
/// objects/info/alternates), and those from them.
std::variant<std::vector<std::string>, Wrong> borrowed_objects(const std::string& common);

/// NAME can be a branch, by the rules of git-check-ref-format(1).
bool good_branch(std::string_view name);

/// What is checked out of the git directory GIT; nothing if it is no branch with a good name.
std::optional<std::string> current_branch(const std::string& git);

} // namespace ajail::cli
