// SPDX-License-Identifier: Apache-2.0
// What the host later executes, in directories that a jail may write to: read-only where it is there, and out of the way
// where it was not, while the jail runs and afterwards.
#pragma once

#include "cli/cover.h"
#include "ns/run.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace ajail::cli {

class Guard {
public:
    /// GIT: what git runs programs by, too. PATTERNS: as in protect.h.
    Guard(bool git, std::vector<std::string> patterns) : git_(git), patterns_(std::move(patterns)) {}

    /// For on top of GRANT, a directory, which is open as TOP: what is there of those names, mounted on itself read-only; a
    /// git directory likewise, since a mountpoint cannot be renamed away. On failure `in_the_way` is what could not be
    /// covered; ELOOP: a symbolic link, and a jail may have put it there.
    /// Without LISTED, of git's alone.
    sys::Result<std::vector<spec::Bind>> cover(const spec::Bind& grant, sys::Fd top, bool listed = true);
    const std::string& in_the_way() const { return all_.in_the_way; }
    const char* option_for_it() const { return option(all_.by_git); }

    /// What is read-only: for people.
    std::vector<std::string> covered() const;
    /// What the user is to know before the jail runs.
    std::vector<std::string> warnings() const;

    bool has_something() const { return !all_.places.empty(); }
    /// After a look: readable once something has happened to the names; -1: not all of them could be watched, and they are
    /// to be looked at again and again.
    int watched() const { return all_.unwatched.empty() ? all_.inotify.get() : -1; }
    /// What a jail has made is renamed, so that nobody finds it. What the host has put in place of something that
    /// was covered is to be covered again.
    sys::Result<std::vector<ns::Cover>> look();
    /// Once the jails have ended. The lines that tell of all that.
    std::vector<std::string> settle();

private:
    static const char* option(bool git) { return git ? "--allow-hooks" : "--protect=none"; }
    struct Said {
        std::string first;
        unsigned times = 0;
    };
    sys::Status begin(std::vector<ns::Cover>& covers);
    sys::Status look_at_everything(std::vector<ns::Cover>& covers, bool doubting);
    void heard(Place& at, const std::string& name, bool there, std::vector<ns::Cover>& covers);
    sys::Status again(Place& at, const Covered& covered, bool certain, std::vector<ns::Cover>& covers);
    void appeared(Place& at, const Rule& rule, const std::string& name);
    void look_into(Place& at, const Rule& rule, const std::string& name);
    void look_at_all(Place& at);
    void look_at_repository(Place& at);
    void leave(std::size_t grant, const std::string& path);
    void rename_away(Place& at, const std::string& name, bool git);
    int move(Place& at, const std::string& name, std::string& other); ///< errno
    static std::string called(const std::string& other, bool git);
    bool rename_directory(Place& at);
    void say_replaced(const Place& at, const std::string& name);
    void say(const std::string& path, const std::string& text);

    bool git_;
    std::vector<std::string> patterns_;
    Places all_ = {};
    std::map<std::string, Said> said_ = {};                   ///< by path
    std::set<std::pair<std::size_t, std::string>> away_ = {}; ///< grants, and what was renamed to in them
    sys::Status failed_ = sys::Done{};
    bool begun_ = false;
};

} // namespace ajail::cli
