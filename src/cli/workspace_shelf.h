// SPDX-License-Identifier: Apache-2.0
// Where workspaces are, and how one is made. The files of a clone are in tree/, its git directory beside that in git/, and
// mounted on tree/.git only inside: there is no repository that the host's git could come upon, so hooks and settings are
// the jail's to write. outbox/ takes what is pushed.
#pragma once

#include "cli/caller.h"
#include "cli/front.h"
#include "cli/workspace_git.h"

#include <optional>

namespace ajail::cli {

/// Throws why there is no answer.
template <class T> T checked(Answer<T> answer, const std::string& before = {}) {
    if (auto* wrong = std::get_if<Wrong>(&answer)) throw Refused{before + wrong->message};
    return std::get<T>(std::move(answer));
}

/// Throws Refused where something cannot be done.
class Shelf {
public:
    explicit Shelf(const ns::Caller& process);

    const std::string& home() const { return home_; }
    const Caller& caller() const { return caller_; }
    std::string path(const std::string& name) const { return store::workspace_path(home_, name); }
    store::Remover remover() const;
    /// DIR: where W is, if not on the shelf.
    WorkspaceGit git(const store::Workspace& w, bool verbose, const std::string& dir = {}) const {
        return {w, dir.empty() ? path(w.name) : dir, host_, process_, verbose};
    }

    sys::Fd lock(const std::string& name, store::Hold hold) const;
    store::Workspace read(const std::string& name) const;
    /// Those who are in it, we aside.
    std::vector<store::Holder> holders(const std::string& name) const;
    /// What is checked out; empty if it is no branch.
    std::string branch(const store::Workspace& w) const;

private:
    std::string none(const std::string& name) const;

    const ns::Caller& process_;
    spec::Host host_;
    Caller caller_;
    std::string home_;
};

/// A workspace as it is asked for.
struct Wish {
    std::string name, repo = {}, ref = {}, entrypoint = {};
    bool worktree = false, quiet = false, verbose = false;
};
/// The options of `ajail run` that OPTIONS come to in W, which is in DIR.
RunOptions in_workspace(const store::Workspace& w, const std::string& dir, const RunOptions& options);
/// Nothing if there is one of that name.
std::optional<store::Workspace> make_workspace(const Shelf& shelf, const Wish& wish, const RunOptions& options);

/// Out of sight, and gone. LOCK: ours, exclusive.
void remove_workspace(const Shelf& shelf, const std::string& name, const sys::Fd& lock);

} // namespace ajail::cli
