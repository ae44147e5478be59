// SPDX-License-Identifier: Apache-2.0
// Workspaces: copies of a repository for jails to work in, each a directory HOME/workspaces/NAME that appears complete or
// not at all, with a file that says what it is. That is written once, before the directory has its name, so whoever
// reads it needs no lock and sees it whole, also after a power cut. Who works in one holds a shared lock on it.
#pragma once

#include "store/store.h"

namespace ajail::store {

/// What state.json says; nothing in a jail can write it.
struct Workspace {
    std::string name;
    bool worktree = false;       ///< a linked worktree of the original, not a clone of its own
    std::string repo;            ///< the original's directory; the same inside
    std::string git;             ///< its common git directory
    std::string branch;          ///< that it was made with
    std::string base;            ///< the commit it started from, or `unborn`
    std::string entry;           ///< of a linked worktree: in the original's worktrees/
    std::string author, address; ///< who commits; a clone's configuration has them as well
    std::int64_t created = 0;
    std::string entrypoint;            ///< shell words; empty: a shell
    std::vector<std::string> borrowed; ///< directories that the original has objects from
    std::vector<std::string> options;  ///< of `ajail run`, with absolute paths
};

/// HOME/workspaces/NAME.
std::string workspace_path(const std::string& home, const std::string& name);
/// Those that exist, sorted.
std::vector<std::string> workspaces(const std::string& home);
/// EINVAL: the file is not what write_workspace() wrote.
sys::Result<Workspace> read_workspace(const std::string& home, const std::string& name);

/// The new workspace NAME in the making.
sys::Result<Partial> make_workspace(const std::string& home, const std::string& name, Remover remover);
/// WORKSPACE into DIR, on the disk. EILSEQ: something in it is not UTF-8.
sys::Status write_workspace(int dir, const Workspace& workspace);
/// It has its name from now on, on the disk, too.
sys::Status commit_workspace(const std::string& home, Partial& partial);
/// Out of sight at once, and then removed. The caller has it locked.
sys::Status remove_workspace(const std::string& home, const std::string& name, const Remover& remover);

} // namespace ajail::store
