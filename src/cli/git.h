// SPDX-License-Identifier: Apache-2.0
// What the host's git runs programs from, in directories that a jail may write to: hooks and settings (core.fsmonitor,
// core.sshCommand, filters ...). A jail that may change them waits for the user's next `git status`.
#pragma once

#include "spec/spec.h"
#include "sys/fd.h"
#include "sys/result.h"

#include <string>
#include <vector>

namespace ajail::cli {

class GitGuard {
public:
    /// For on top of GRANT, a directory, which is open as TOP, with a git directory at its top (or that is one): the git directory mounted on
    /// itself, since a mountpoint cannot be renamed away, and read-only what is there of those names. On failure
    /// `in_the_way` is what could not be covered; ELOOP: a symbolic link, and a jail may have put it there.
    sys::Result<std::vector<spec::Bind>> cover(const spec::Bind& grant, sys::Fd top);
    const std::string& in_the_way() const { return in_the_way_; }

    /// Once the jails have ended: a name that was not there could not be covered. What has it now is renamed, so that
    /// git does not find it; likewise what makes a git directory of the grant itself. The lines that tell of it.
    std::vector<std::string> settle() const;

private:
    struct Watched {
        sys::Fd directory;
        std::string path; ///< on the host, for people
        std::vector<std::string> absent;
        bool whole = false;   ///< the project's git directory, with all that git wants of one
        bool project = false; ///< none: its top
    };
    struct Covering;

    std::vector<Watched> watched_;
    std::string in_the_way_;
};

/// The git directory that git finds from DIR, an absolute path, where that is not in DIR itself: above it, or named by a
/// linked worktree's or submodule's `.git`. Empty if there is none.
std::string repository_elsewhere(const std::string& dir);

} // namespace ajail::cli
