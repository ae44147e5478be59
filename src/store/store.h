// SPDX-License-Identifier: Apache-2.0
// The store: what ajail keeps on disk. Root filesystems under HOME/fs, each a directory that appears complete or
// not at all.
#pragma once

#include "store/lock.h"
#include "sys/calls.h"

#include <functional>
#include <string>
#include <vector>

namespace ajail::store {

/// DIR, for the caller alone: made if it is not there, with the one that it is in. EPERM: it is somebody else's, or open to
/// others.
sys::Result<sys::Fd> open_own(const std::string& dir);
/// The directories HOME/SHELF/NAME that exist, complete; sorted.
std::vector<std::string> names_on(const std::string& home, const char* shelf);
/// The root filesystems that exist, sorted. Empty if there is no store.
std::vector<std::string> root_filesystems(const std::string& home);

/// A name for a root filesystem: 1 to 64 of [A-Za-z0-9._-], not starting with a dot or a dash.
bool good_name(std::string_view name);

/// Removes NAME in DIR and everything in it, never following a symlink and never crossing into a mount (EXDEV); makes
/// directories without permissions accessible first.
sys::Status remove_tree(int dir, const std::string& name);
/// Everything in DIR, in the same way.
sys::Status empty_directory(int dir);
/// remove_tree, or what removes other people's files too: those that a jail's subordinate ids own.
using Remover = std::function<sys::Status(int dir, const std::string& name)>;

/// A root filesystem (on another SHELF, something else) in the making: HOME/SHELF/.NAME~XXXXXXXX, locked while we live.
/// Gone with this object unless commit() was called; what a killed process left is removed by the next one.
class Partial {
public:
    /// EEXIST if NAME is there already.
    static sys::Result<Partial> create(const std::string& home, const std::string& name,
                                       Remover remover = remove_tree, const char* shelf = "fs");
    Partial(Partial&&) = default;
    Partial& operator=(Partial&&) = delete;
    ~Partial();
    const std::string& path() const { return path_; }
    int dir() const { return dir_.get(); }
    /// Renames to NAME, atomically, and unlocks it; EEXIST if somebody was faster.
    sys::Status commit();

private:
    Partial() = default;
    sys::Fd fs_, dir_;
    std::string name_, temporary_, path_;
    Remover remover_;
};

/// A directory DIR/.ajail~XXXXXXXX for one jail, locked while we live, removed with this object; what a killed
/// process left in DIR is removed by the next one. Where it is stands in HOME/scratch meanwhile, so that a jail that
/// uses another DIR, or none, finds it too: remove_abandoned_scratch(). Others may write to DIR (/tmp): what has the name
/// of one but not its owner and mode is neither used nor removed.
class Scratch {
public:
    /// OWNER: whose it will be, for a jail that has other ids than we.
    static sys::Result<Scratch> create(const std::string& home, const std::string& dir, unsigned owner,
                                       Remover remover = remove_tree);
    Scratch(Scratch&&) = default;
    Scratch& operator=(Scratch&&) = delete;
    ~Scratch();
    const std::string& path() const { return path_; }
    /// Now, for who wants to know whether it could be done. What is left is for remove_abandoned_scratch().
    sys::Status remove();

private:
    Scratch() = default;
    sys::Fd parent_, dir_;
    std::string home_, name_, path_;
    Remover remover_;
};
/// Removes the scratch directories that HOME/scratch tells of and that nobody uses. Cheap where there are none.
/// OWNER: as for Scratch::create().
void remove_abandoned_scratch(const std::string& home, unsigned owner, const Remover& remover = remove_tree);

/// Removes NAME in SHELF (HOME/fs, HOME/kept): gone from sight at once, from the disk then, and if that is cut short, with
/// the next one that is made or removed. EWOULDBLOCK: in use. A NAME that is a symlink is only unlinked.
sys::Status remove(const std::string& shelf, const std::string& name, const Remover& remover = remove_tree);
/// What killed processes were making or removing in the directory SHELF.
void remove_abandoned(int shelf, const Remover& remover);

/// NAME in DIR, which the caller has locked: gone from sight at once, and so on.
sys::Status take_away(int dir, const std::string& name, const Remover& remover);

struct Details {
    std::uint64_t size = 0;  ///< bytes on disk
    std::int64_t made = 0;   ///< seconds since 1970
    std::string pretty_name; ///< the distribution, in its own words: bytes from inside
    std::vector<Holder> in_use;
};
/// What there is to know about the root filesystem at PATH. Changes nothing, takes no lock.
sys::Result<Details> look_into(const std::string& path);

} // namespace ajail::store
