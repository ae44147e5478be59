// SPDX-License-Identifier: Apache-2.0
// See git.h and cover.h. A bounded number of submodules and worktrees is looked at.
#include "cli/git.h"

#include "cli/caller.h"
#include "cli/cover.h"
#include "cli/protect.h"
#include "sys/calls.h"

#include <algorithm>
#include <climits>
#include <cstring>

namespace ajail::cli {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

// gitrepository-layout(5). `commondir`: where hooks and config are looked for instead.
// `.git`: of a path that is given to it, git tries PATH/.git first, whatever PATH is.
constexpr const char* kGit = ".git";
constexpr const char* kNames[] = {"hooks", "config", "config.worktree", "commondir", "info/attributes", kGit};
constexpr const char* kWorktreeNames[] = {"config.worktree", "commondir", kGit};
constexpr const char* kHead = "HEAD";
constexpr const char* kSigns[] = {"objects", "refs", "commondir"}; // besides HEAD
constexpr std::size_t kMost = 64; // directories that are looked at in `modules` and `worktrees`; more are read-only

bool is_one_of(std::string_view name, std::span<const char* const> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* other) { return name == other; });
}

} // namespace

// It wants a valid HEAD, and the others where `commondir` says.
Result<bool> is_repository(const Fd& dir) {
    if (!TRY(has(dir, kHead))) return false;
    return TRY(has(dir, "commondir")) || (TRY(has(dir, "objects")) && TRY(has(dir, "refs")));
}

Status Covering::look_for_links(const Fd& hooks, const std::string& path) {
    for (const std::string& name : TRY(sys::names_in(hooks.get(), kMost))) {
        struct stat st {};
        if (name.ends_with(".sample") || ::fstatat(hooks.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISREG(st.st_mode) && st.st_nlink > 1) all_.linked.push_back(shown(join(path, name)));
    }
    return Done{};
}

Status Covering::names(Place& at, std::span<const char* const> names) {
    for (const char* name : names) {
        if (is_covered(at, name)) continue;
        Fd found = TRY(look(at.directory, at.path, name));
        const char* slash = std::strchr(name, '/');
        if (slash == nullptr) at.rules.push_back({name, Rule::git});
        if (!found) continue;
        if (slash != nullptr) {
            std::string above(name, slash);
            Fd dir = TRY(look(at.directory, at.path, above));
            if (dir) TRY(cover(place(std::move(dir), join(at.path, above)), slash + 1, found, Rule::git));
            continue;
        }
        TRY(cover(at, name, found, Rule::git));
        bool hooks = std::strcmp(name, "hooks") == 0 && TRY(is_directory(found));
        if (hooks) (void)look_for_links(found, join(at.path, name)); // who cannot read it runs nothing of it
    }
    at.whole = (at.path.empty() || at.path == kGit) && TRY(is_repository(at.directory));
    return Done{};
}

Status Covering::git_directory(Fd directory, const std::string& path) {
    Place& at = place(std::move(directory), path);
    TRY(all_in(at.directory, path, "modules", &Covering::module));
    TRY(all_in(at.directory, path, "worktrees", &Covering::worktree));
    return names(at, kNames);
}

Status Covering::worktree(Fd directory, const std::string& path) {
    return names(place(std::move(directory), path), kWorktreeNames);
}

// A submodule's name may have slashes in it.
Status Covering::module(Fd directory, const std::string& path) {
    Fd sign = TRY(look(directory, path, "HEAD"));
    if (!sign) sign = TRY(look(directory, path, "config"));
    return sign ? git_directory(std::move(directory), path) : each(directory, path, &Covering::module);
}

// Where there are too many, or ones that cannot be looked at, nothing in NAME can be changed.
Status Covering::all_in(const Fd& dir, const std::string& path, const char* name, Visit visit) {
    Fd list = TRY(look(dir, path, name));
    if (!list || !TRY(is_directory(list))) return Done{};
    std::size_t before = binds_.size(), placed = all_.places.size();
    TRY(each(list, join(path, name), visit));
    if (looked_at_ <= kMost) return Done{};
    binds_.erase(binds_.begin() + static_cast<std::ptrdiff_t>(before), binds_.end());
    while (all_.places.size() > placed) all_.places.pop_back();
    bind(join(path, name), true, false);
    return Done{};
}

Status Covering::each(const Fd& list, const std::string& path, Visit visit) {
    std::vector<std::string> names = TRY(sys::names_in(list.get(), kMost + 1));
    std::sort(names.begin(), names.end()); // a Plan is the same each time
    for (const std::string& name : names) {
        if (++looked_at_ > kMost) return Done{};
        Fd entry = TRY(look(list, path, name));
        if (entry && TRY(is_directory(entry))) TRY((this->*visit)(std::move(entry), join(path, name)));
    }
    return Done{};
}

// A mountpoint cannot be renamed away. A file names the git directory elsewhere, gitrepository-layout(5).
Status Covering::dot_git(Place& at, Fd git) {
    bool directory = TRY(is_directory(git));
    TRY(cover(at, kGit, git, directory ? Rule::repository : Rule::git));
    return directory ? git_directory(std::move(git), join(at.path, kGit)) : Status(Done{});
}

Status Covering::git(Place& at) {
    if (!is_covered(at, kGit)) {
        auto found = look(at.directory, at.path, kGit);
        if (!found && found.error().err == EACCES) return Done{}; // for the host's git as well
        Fd git = TRY(std::move(found));
        at.rules.push_back({kGit, Rule::git});
        if (git) TRY(dot_git(at, std::move(git)));
    }
    // Where `.git` is none that it takes, git looks at the directory itself, and a jail may break the one there is.
    // Without a HEAD it takes a HEAD to make it one.
    bool head = TRY(has(at.directory, kHead));
    if (!head) at.rules.push_back({kHead, Rule::repository});
    else if (TRY(is_repository(at.directory))) {
        TRY(all_in(at.directory, at.path, "modules", &Covering::module));
        TRY(all_in(at.directory, at.path, "worktrees", &Covering::worktree));
        return names(at, kNames);
    }
    for (const char* name : kSigns) {
        if (head && TRY(has(at.directory, name))) continue;
        at.rules.push_back({name, head ? Rule::repository : Rule::sign});
    }
    return Done{};
}

bool git_runs(std::string_view path) {
    auto [name, rest] = first_name(path);
    if (is_one_of(name, kNames) || path == "info/attributes") return true;
    if (name == "worktrees") return is_one_of(first_name(first_name(rest).second).first, kWorktreeNames);
    if (name != "modules") return false;
    // A submodule's name may be anything, and what is in its git directory, too.
    for (auto [module, in] = first_name(rest); !in.empty();) {
        auto [part, more] = first_name(in);
        if (part == "objects" || part == "refs" || part == "logs") return false;
        if (git_runs(in)) return true;
        in = more;
    }
    return false;
}

std::string repository_elsewhere(const std::string& dir) {
    auto there = [](const std::string& path) { return ::faccessat(AT_FDCWD, path.c_str(), F_OK, 0) == 0; };
    if (!there(join(dir, kGit))) {
        for (std::string above = dir; !above.empty();) {
            above.erase(above.rfind('/'));
            if (std::string git = above + "/" + kGit; there(git)) return git;
        }
        return {};
    }
    auto file = sys::open_regular(AT_FDCWD, join(dir, kGit).c_str(), RESOLVE_NO_SYMLINKS);
    auto text = file ? sys::read_all((*file).get(), PATH_MAX) : Result<std::string>(file.error());
    constexpr std::string_view kBefore = "gitdir: ";
    if (!text || !(*text).starts_with(kBefore)) return {};
    std::string git = absolute((*text).substr(kBefore.size(), (*text).find('\n') - kBefore.size()), dir);
    if (std::size_t worktree = git.rfind("/worktrees/"); worktree != std::string::npos) git.resize(worktree);
    // A jail may have written that file, and what it names is told as something to be granted.
    return there(git + "/HEAD") && there(git + "/objects") ? git : std::string();
}

} // namespace ajail::cli
