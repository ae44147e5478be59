// SPDX-License-Identifier: Apache-2.0
// What git is asked about workspaces, and told to do with them. It never runs on the host: a repository that a jail has
// written makes it run programs (core.fsmonitor, filters, hooks), so each question is a jail of ajail's own
// (tools/workspace/git.sh, embedded), without network, with a time limit, and its answer is taken apart strictly.
#pragma once

#include "cli/repository.h"
#include "cli/script.h"
#include "store/workspace.h"

#include <optional>
#include <string>
#include <vector>

namespace ajail::cli {

/// What git says; or why it could not, a line for the user.
template <class T> using Answer = std::variant<T, Wrong>;

struct Changes {
    std::vector<std::string> modified, added, deleted, renamed, untracked; ///< not committed; bytes from inside
    unsigned long commits = 0, files = 0, insertions = 0, deletions = 0;   ///< since it was made
    std::vector<std::string> run; ///< of what has changed since then: programs of the host run it by themselves
};
/// What only the workspace has.
struct Lost {
    unsigned long files = 0, commits = 0;
    std::vector<std::string> first_files, first_commits; ///< bytes from inside
};
struct Pulled {
    std::string commit, before; ///< before: empty if it is a new branch
    std::string from;           ///< what the commit was compared with
    unsigned long commits = 0;
    std::vector<std::string> run; ///< as in Changes
};

class WorkspaceGit {
public:
    /// DIR: where the workspace is for now. HOST and PROCESS must outlive this.
    WorkspaceGit(const store::Workspace& workspace, std::string dir, const spec::Host& host,
                 const ns::Caller& process, bool verbose)
        : w_(workspace), dir_(std::move(dir)), host_(host), process_(process), verbose_(verbose) {}

    /// Fills the empty directories of a new one, from REF of the original; FROM: where HEAD is. SETTINGS: the caller's,
    /// of which only a name and an address are taken. Of the workspace `base`, `entry`, `author` and `address` are set.
    /// TREE: where its tree will be.
    Answer<store::Workspace> create(const Repository& from, const std::string& ref, const std::string& settings,
                                    const std::string& tree) const;
    /// How many files of the original, in whose directory HEAD is FROM, are not committed.
    Answer<unsigned long> uncommitted(const Repository& from) const;
    /// The entry of a linked worktree in the original.
    Answer<bool> remove_entry(const std::string& tree) const;
    Answer<Changes> changes() const;
    Answer<std::string> patch() const;
    Answer<Lost> lost() const;
    Answer<Pulled> pull(const std::string& branch, const std::string& as) const;

private:
    struct Work;
    struct Identity {
        std::string name, address;
    };
    Answer<Identity> identity(const std::string& settings) const;
    Answer<bool> run(Work work, int in, int out) const;
    Answer<std::string> ask(Work work) const;

    const store::Workspace& w_;
    std::string dir_;
    const spec::Host& host_;
    const ns::Caller& process_;
    bool verbose_;
};

} // namespace ajail::cli
