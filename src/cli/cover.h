// SPDX-License-Identifier: Apache-2.0
// What is looked at, covered and watched in directories that a jail may write to. For guard.h; git.cc has git's part.
#pragma once

#include "spec/spec.h"
#include "sys/fd.h"
#include "sys/result.h"

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

namespace ajail::cli {

/// A name, or a pattern of names, that is not to appear in a directory.
struct Rule {
    std::string name;
    enum Kind : std::uint8_t {
        listed,     ///< programs of the host run what is there
        git,        ///< the host's git does
        repository, ///< likewise, once there is all that makes the directory a git directory
        sign,       ///< what is part of that, and may stay
    } kind = listed;
    std::vector<std::string> below = {}; ///< not empty: these, and not the directory of that name
};

/// What is mounted on itself.
struct Covered {
    std::string name;
    Rule::Kind kind = Rule::listed;
    bool writable = false; ///< only so that it cannot be renamed
    std::int64_t gone = 0; ///< when it was removed or renamed outside (sys::now())
    std::uint64_t device = 0, inode = 0;
};

/// A directory of the host with such names.
struct Place {
    sys::Fd directory;
    std::string path;      ///< from the top of the grant, which is empty
    std::size_t grant = 0; ///< whose
    int watch = -1;        ///< inotify(7)
    bool whole = false;    ///< the project's git directory, with all that git wants of one
    bool left = false;     ///< not at its path any more
    std::vector<Rule> rules = {};
    std::vector<Covered> covered = {};
};

/// All of that.
struct Places {
    sys::Fd inotify;
    std::string unwatched;  ///< why not all is watched, if that is so
    std::string in_the_way; ///< what could not be covered, after a failure
    bool by_git = false;    ///< and whether git is the one who would run it
    std::vector<spec::Bind> grants = {};
    std::deque<Place> places = {};        ///< references to them stay valid
    std::vector<std::string> linked = {}; ///< covered files of the host that have other names
};

/// The search in one granted directory. Paths are from its top.
class Covering {
public:
    Covering(Places& all, std::size_t grant) : all_(all), grant_(grant) {}
    /// The place of DIRECTORY, which is at PATH; watched, if others are.
    Place& place(sys::Fd directory, const std::string& path);
    /// What PATTERNS say, in AT.
    sys::Status listed(Place& at, const std::vector<std::string>& patterns);
    /// What git runs programs by, where AT is the top.
    sys::Status git(Place& at);
    /// The same of GIT, which is the `.git` in AT.
    sys::Status dot_git(Place& at, sys::Fd git);
    /// What is to be mounted on top of the grant, in this order.
    std::vector<spec::Bind>& binds() { return binds_; }

private:
    using Visit = sys::Status (Covering::*)(sys::Fd directory, const std::string& path);
    sys::Result<sys::Fd> look(const sys::Fd& dir, const std::string& above, const std::string& name);
    void bind(const std::string& path, bool directory, bool writable);
    sys::Status cover(Place& at, const std::string& name, const sys::Fd& found, Rule::Kind kind);
    sys::Status look_for_links(const sys::Fd& hooks, const std::string& path);
    sys::Status names(Place& at, std::span<const char* const> names);
    sys::Status git_directory(sys::Fd directory, const std::string& path);
    sys::Status worktree(sys::Fd directory, const std::string& path);
    sys::Status module(sys::Fd directory, const std::string& path);
    sys::Status all_in(const sys::Fd& dir, const std::string& path, const char* name, Visit visit);
    sys::Status each(const sys::Fd& list, const std::string& path, Visit visit);
    std::string shown(const std::string& path) const;

    Places& all_;
    std::size_t grant_;
    std::vector<spec::Bind> binds_ = {};
    std::size_t looked_at_ = 0;
};

/// From now on.
void watch(Places& all, Place& at);

/// No link is followed: a jail that ran here before may have put it there, and what it leads to is writable. Nothing if
/// there is no NAME.
sys::Result<sys::Fd> find(const sys::Fd& dir, const std::string& name);
/// Whatever has that name, a dangling link as well.
sys::Result<bool> has(const sys::Fd& dir, const char* name);
sys::Result<bool> is_directory(const sys::Fd& fd);
/// By the caller, for what MODE says (access(2)).
bool is_accessible(const sys::Fd& directory, int mode);
/// No less than what git takes for a git directory.
sys::Result<bool> is_repository(const sys::Fd& dir);
/// What is in a directory, as far as rules ask for it.
class Listing {
public:
    explicit Listing(const sys::Fd& dir);
    /// The names that RULE means, in order.
    sys::Result<std::vector<std::string>> of(const Rule& rule) const;

private:
    const sys::Fd& dir_;
    std::vector<std::string> names_ = {};
    bool all_ = false; ///< of the names
    sys::Status read_ = sys::Done{};
};
/// With a slash in between, where both are something.
std::string join(const std::string& path, const std::string& name);
/// The path on the host, for people.
std::string on_host(const Places& all, const Place& at, const std::string& name);
bool is_covered(const Place& at, const std::string& name);

} // namespace ajail::cli
