// SPDX-License-Identifier: Apache-2.0
// See git.h. Fixed names, and a bounded number of submodules and worktrees: the project itself is not walked.
#include "cli/git.h"

#include "cli/caller.h"
#include "spec/plan.h"
#include "sys/calls.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>
#include <sys/random.h>

namespace ajail::cli {

using spec::Bind;
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

// No link: a jail that ran here before may have put it there, and what it leads to is writable. ENOENT is an empty Fd.
Result<Fd> find(const Fd& dir, const std::string& name) {
    auto found = sys::openat2(dir.get(), name.c_str(), O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (!found && found.error().err == ENOENT) return Fd();
    return found;
}

Result<bool> is_directory(const Fd& fd) {
    struct stat st = TRY(sys::fstat(fd.get()));
    return S_ISDIR(st.st_mode);
}

// Whatever has that name, a dangling link as well.
Result<bool> has(const Fd& dir, const char* name) {
    struct stat st {};
    if (::fstatat(dir.get(), name, &st, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno == ENOENT) return false;
    return sys::failed(sys::Call::fstat);
}

// No less than what git takes for a git directory: it wants a valid HEAD, and the others where `commondir` says.
Result<bool> is_repository(const Fd& dir) {
    if (!TRY(has(dir, kHead))) return false;
    return TRY(has(dir, "commondir")) || (TRY(has(dir, "objects")) && TRY(has(dir, "refs")));
}

// The caller may rename in DIR as long as this lives: a jail may have taken that away, to keep what it made there.
class Writable {
public:
    explicit Writable(const Fd& dir) : dir_(dir.get()) {
        auto st = sys::fstat(dir_);
        constexpr mode_t kNeeded = S_IWUSR | S_IXUSR;
        if (!st || ((*st).st_mode & kNeeded) == kNeeded) return;
        mode_ = (*st).st_mode & 07777;
        changed_ = static_cast<bool>(sys::chmod_path(dir_, mode_ | kNeeded));
    }
    ~Writable() {
        if (changed_) (void)sys::chmod_path(dir_, mode_);
    }
    Writable(const Writable&) = delete;
    Writable& operator=(const Writable&) = delete;

private:
    int dir_;
    mode_t mode_ = 0;
    bool changed_ = false;
};

// Out of git's way, and the end of the line that tells of it. A link is renamed, not what it leads to.
std::string rename_away(const Fd& dir, const std::string& name) {
    unsigned random = 0;
    char other[48];
    bool renamed = ::getrandom(&random, sizeof random, 0) == sizeof random &&
                   std::snprintf(other, sizeof other, "%s.jail-%08x", name.c_str(), random) > 0 &&
                   ::renameat2(dir.get(), name.c_str(), dir.get(), other, RENAME_NOREPLACE) == 0;
    return renamed ? "it is called " + std::string(other) + " now (--allow=git-config)"
                   : "it could not be renamed: " + std::string(std::strerror(errno));
}

std::string join(const std::string& path, const std::string& name) {
    return path.empty() || name.empty() ? path + name : path + "/" + name;
}

} // namespace

// The search in one granted directory. Paths are relative to that, and empty for itself.
struct GitGuard::Covering {
    GitGuard& guard;
    const Bind& grant;
    std::vector<Bind> binds = {};
    std::size_t looked_at = 0;
    bool covers_git = false; // the one at the top

    std::string shown(const std::string& path) const { return join(host_path(grant.source), path); }

    void bind(const std::string& path, bool directory, bool writable) {
        Bind bind = grant;
        bind.source.path = grant.source.path == "." ? path : join(grant.source.path, path);
        bind.source.directory = directory;
        bind.source.submounts = false;
        bind.target = join(grant.target, path);
        bind.writable = writable;
        binds.push_back(std::move(bind));
    }

    Result<Fd> look(const Fd& dir, const std::string& above, const std::string& name) {
        auto found = find(dir, name);
        if (!found) guard.in_the_way_ = shown(join(above, name));
        return found;
    }

    template <std::size_t N> Status cover(Fd dir, const std::string& path, const char* const (&names)[N]) {
        std::vector<std::string> absent;
        for (const char* name : names) {
            if (path.empty() && covers_git && std::string_view(name) == kGit) continue;
            Fd found = TRY(look(dir, path, name));
            if (found) bind(join(path, name), TRY(is_directory(found)), false);
            else if (std::strchr(name, '/') == nullptr) absent.emplace_back(name);
        }
        bool whole = (path.empty() || path == kGit) && TRY(is_repository(dir));
        guard.watched_.push_back({std::move(dir), shown(path), std::move(absent), whole});
        return Done{};
    }

    Status git_directory(Fd dir, const std::string& path) {
        TRY(all_in(dir, path, "modules", &Covering::module));
        TRY(all_in(dir, path, "worktrees", &Covering::worktree));
        return cover(std::move(dir), path, kNames);
    }

    Status worktree(Fd dir, const std::string& path) { return cover(std::move(dir), path, kWorktreeNames); }

    // A submodule's name may have slashes in it.
    Status module(Fd dir, const std::string& path) {
        Fd sign = TRY(look(dir, path, "HEAD"));
        if (!sign) sign = TRY(look(dir, path, "config"));
        return sign ? git_directory(std::move(dir), path) : each(dir, path, &Covering::module);
    }

    using Visit = Status (Covering::*)(Fd dir, const std::string& path);

    // Where there are too many, or ones that cannot be looked at, nothing in NAME can be changed.
    Status all_in(const Fd& dir, const std::string& path, const char* name, Visit visit) {
        Fd list = TRY(look(dir, path, name));
        if (!list || !TRY(is_directory(list))) return Done{};
        std::size_t before = binds.size(), watched = guard.watched_.size();
        TRY(each(list, join(path, name), visit));
        if (looked_at <= kMost) return Done{};
        binds.resize(before, grant);
        guard.watched_.resize(watched);
        bind(join(path, name), true, false);
        return Done{};
    }

    Status each(const Fd& list, const std::string& path, Visit visit) {
        std::vector<std::string> names = TRY(sys::names_in(list.get(), kMost + 1));
        std::sort(names.begin(), names.end()); // a Plan is the same each time
        for (const std::string& name : names) {
            if (++looked_at > kMost) return Done{};
            Fd entry = TRY(look(list, path, name));
            if (entry && TRY(is_directory(entry))) TRY((this->*visit)(std::move(entry), join(path, name)));
        }
        return Done{};
    }

    Status run(Fd top) {
        auto found = look(top, "", kGit);
        if (!found && found.error().err == EACCES) return Done{}; // for the host's git as well
        std::vector<std::string> absent;
        if (Fd git = TRY(std::move(found)); git) {
            bool directory = TRY(is_directory(git));
            bind(kGit, directory, directory); // a file names the git directory elsewhere, gitrepository-layout(5)
            covers_git = true;
            if (directory) TRY(git_directory(std::move(git), kGit));
        } else absent.emplace_back(kGit);
        // Where `.git` is none that it takes, git looks at the directory itself, and a jail may break the one there is.
        // Without a HEAD it takes a HEAD to make it one.
        bool head = TRY(has(top, kHead));
        if (!head) absent.emplace_back(kHead);
        else if (TRY(is_repository(top))) return git_directory(std::move(top), "");
        for (const char* name : kSigns)
            if (head && !TRY(has(top, name))) absent.emplace_back(name);
        guard.watched_.push_back({std::move(top), shown(""), std::move(absent), false, true});
        return Done{};
    }
};

Result<std::vector<Bind>> GitGuard::cover(const Bind& grant, Fd top) {
    in_the_way_ = host_path(grant.source);
    Covering covering{*this, grant};
    TRY(covering.run(std::move(top)));
    return std::move(covering.binds);
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

std::vector<std::string> GitGuard::settle() const {
    std::vector<std::string> said;
    for (const Watched& at : watched_) {
        Writable writable(at.directory);
        for (const std::string& name : at.absent) {
            std::string path = spec::escape(at.path + "/" + name), made = path + " was made while the jail ran";
            auto there = has(at.directory, name.c_str());
            if (!there) {
                said.push_back(path + " could not be looked at: " + std::strerror(there.error().err));
                break;
            }
            if (!*there) continue;
            if (at.project && name == kGit) {
                said.push_back(made + ": look at its hooks and config before you use git there");
                continue;
            }
            // In a project, `objects` alone is anybody's name.
            if (auto repository = is_repository(at.directory); at.project && repository && !*repository) continue;
            said.push_back(made + ", and git would run programs by it; " + rename_away(at.directory, name));
        }
        if (!at.whole) continue;
        if (auto repository = is_repository(at.directory); repository && !*repository)
            said.push_back(spec::escape(at.path) + " is no git directory any more: HEAD, objects or refs is missing");
    }
    return said;
}

} // namespace ajail::cli
