// SPDX-License-Identifier: Apache-2.0
// See workspace_shelf.h.
#include "cli/workspace_shelf.h"

#include "cli/fs.h"
#include "cli/machine.h"
#include "cli/run.h"
#include "cli/words.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <unistd.h>

namespace ajail::cli {

using store::Hold;
using store::Workspace;
using sys::Fd;

namespace {

constexpr std::size_t kSettings = 64 << 10;

// The caller's own git configuration, for a name and an address.
std::string settings(const Caller& caller) {
    const char* config = std::getenv("XDG_CONFIG_HOME");
    std::string dir = config != nullptr && *config == '/' ? config : caller.home + "/.config";
    for (const std::string& path : {caller.home + "/.gitconfig", dir + "/git/config"}) {
        auto file = sys::open_regular(AT_FDCWD, path.c_str(), 0);
        auto text = file ? sys::read_all((*file).get(), kSettings) : sys::Result<std::string>(file.error());
        if (text && !(*text).empty()) return *text;
    }
    return {};
}

// What the original has its objects from may have been written by a jail, so only who calls can grant it.
std::vector<std::string> granted(const Repository& from, const RunOptions& options, const std::string& cwd) {
    std::vector<std::string> borrowed = checked(borrowed_objects(from.common));
    for (const std::string& dir : borrowed) {
        bool given = std::any_of(options.grants.begin(), options.grants.end(), [&](const Grant& grant) {
            std::string path = absolute(grant.source, cwd);
            return grant.kind != Kind::hide && path == absolute(grant.target, cwd) && spec::within(dir, path);
        });
        if (!given)
            throw Refused{"the repository has objects from " + spec::escape(dir) +
                          "; if it may see that, add --rol=" + spec::escape(dir)};
    }
    return borrowed;
}

// What somebody works on there is not committed, and not in the workspace. If that cannot be told it is not.
void tell_uncommitted(const WorkspaceGit& git, const Repository& from) {
    if (from.top == from.git) return; // a bare one
    auto answer = git.uncommitted(from);
    const auto* count = std::get_if<unsigned long>(&answer);
    if (count == nullptr || *count == 0) return;
    std::fprintf(stderr, "ajail: %lu file%s not committed in %s %s not in the workspace\n", *count,
                 *count == 1 ? "" : "s", spec::escape(from.top).c_str(), *count == 1 ? "is" : "are");
}

void tell_no_author(const Workspace& w, const RunOptions& options) {
    bool given = std::any_of(options.env.begin(), options.env.end(),
                             [](const auto& variable) { return variable.first.starts_with("GIT_AUTHOR_"); });
    if (given || (!w.author.empty() && !w.address.empty())) return;
    std::fputs(
        "ajail: git will ask in it who commits; to say it before: git config --global user.name and user.email\n",
        stderr);
}

// What would not run in W is not made. DIR: where it is being made, its directories are there.
void must_run(const Workspace& w, const std::string& dir) {
    RunOptions run = in_workspace(w, dir, {});
    auto here = sys::open(".", O_PATH | O_DIRECTORY);
    sys::Status entered = here ? sys::chdir((dir + "/tree").c_str()) : sys::Status(here.error());
    if (!entered) throw Refused{std::string("the current directory: ") + std::strerror(entered.error().err)};
    auto wrong = refusal(std::move(run));
    sys::Status back = sys::fchdir((*here).get());
    if (wrong) throw Refused{wrong->message};
    if (!back) throw Refused{std::string("the current directory: ") + std::strerror(back.error().err)};
}

} // namespace

Shelf::Shelf(const ns::Caller& process) : process_(process) {
    auto looked = sys::during(sys::Stage::start, look_at_host());
    if (!looked) throw Refused{sentence(looked.error(), nullptr)};
    host_ = std::move(looked).take();
    host_.subordinates = look_for_subordinates(host_.uid);
    caller_ = who_calls(host_.uid);
    const char* given = std::getenv("AJAIL_HOME");
    if (given != nullptr && *given != '\0' && *given != '/')
        throw Refused{"AJAIL_HOME is not an absolute path, and what runs in a workspace has another directory"};
    // It may not be there yet.
    const std::string& home = caller_.ajail_home;
    std::size_t slash = home.rfind('/');
    home_ = ::access(home.c_str(), F_OK) == 0 || slash == 0 ? physical(home)
                                                            : physical(home.substr(0, slash)) + home.substr(slash);
}

store::Remover Shelf::remover() const { return cli::remover(host_, process_); }

Fd Shelf::lock(const std::string& name, Hold hold) const {
    auto locked = store::good_name(name) ? store::lock(path(name), hold) : sys::Result<Fd>(sys::refused(ENOENT));
    if (locked) return std::move(locked).take();
    if (locked.error().err == ENOENT || locked.error().err == ENOTDIR) throw Refused{none(name)};
    throw Refused{"the workspace " + why_not_locked(name, path(name), hold, locked.error())};
}

Workspace Shelf::read(const std::string& name) const {
    auto workspace = store::read_workspace(home_, name);
    if (workspace) return *workspace;
    if (workspace.error().err == ENOENT) throw Refused{none(name)};
    throw Refused{spec::escape(path(name)) + "/state.json " +
                  (workspace.error().err == EINVAL ? "is damaged" : std::strerror(workspace.error().err)) +
                  " (ajail destroy --force removes the workspace)"};
}

std::vector<store::Holder> Shelf::holders(const std::string& name) const {
    auto dir = sys::open(path(name).c_str(), O_RDONLY | O_DIRECTORY);
    std::vector<store::Holder> found;
    if (dir) found = store::holders((*dir).get());
    std::erase_if(found, [](const store::Holder& holder) { return holder.pid == ::getpid(); });
    return found;
}

std::string Shelf::branch(const Workspace& w) const {
    return current_branch(w.worktree ? w.git + "/worktrees/" + w.entry : path(w.name) + "/git").value_or("");
}

std::string Shelf::none(const std::string& name) const {
    std::string list;
    for (const std::string& have : store::workspaces(home_)) list += (list.empty() ? "" : ", ") + spec::escape(have);
    return "no workspace " + spec::escape(name) + " (" +
           (list.empty() ? "there is none yet; ajail create makes one" : "there are: " + list) + ")";
}

std::optional<Workspace> make_workspace(const Shelf& shelf, const Wish& wish, const RunOptions& options) {
    auto cwd = current_directory();
    if (!cwd) throw Refused{std::string("the current directory: ") + std::strerror(cwd.error().err)};
    std::string branch = "ajail/" + wish.name;
    if (!store::good_name(wish.name) || !good_branch(branch))
        throw Refused{spec::escape(wish.name) + " is no name for a workspace (1 to 64 letters, digits, . _ -)"};
    Repository from = checked(find_repository(absolute(wish.repo.empty() ? *cwd : wish.repo, *cwd)));
    if (from.top == "/") throw Refused{"a repository at / cannot be worked on in a jail"};
    Workspace w{.name = wish.name,
                .worktree = wish.worktree,
                .repo = from.top,
                .git = from.common,
                .branch = branch,
                .base = {},
                .entry = {},
                .author = {},
                .address = {},
                .created = static_cast<std::int64_t>(std::time(nullptr)),
                .entrypoint = wish.entrypoint,
                .borrowed = granted(from, options, *cwd),
                .options = as_words(options, *cwd, true)};
    auto partial = store::make_workspace(shelf.home(), w.name, shelf.remover());
    if (!partial && partial.error().err == EEXIST) return std::nullopt;
    auto why = [&](const sys::Error& error) {
        return Refused{spec::escape(shelf.path(w.name)) + ": " + std::strerror(error.err)};
    };
    if (!partial) throw why(partial.error());
    store::Partial directory = std::move(partial).take();
    for (const char* name : {"tree", "git", "outbox"})
        if (auto made = sys::mkdirat(directory.dir(), name, 0755); !made) throw why(made.error());
    must_run(w, directory.path());
    std::string tree = shelf.path(w.name) + "/tree";
    WorkspaceGit git = shelf.git(w, wish.verbose, directory.path());
    Workspace made = checked(git.create(from, wish.ref, settings(shelf.caller()), tree));
    sys::Status written = store::write_workspace(directory.dir(), made);
    if (written) written = store::commit_workspace(shelf.home(), directory);
    if (written && !wish.quiet) {
        tell_uncommitted(git, from);
        tell_no_author(made, options);
    }
    if (written) return made;
    if (w.worktree) (void)shelf.git(made, wish.verbose, directory.path()).remove_entry(tree);
    if (written.error().err == EEXIST) return std::nullopt;
    if (written.error().err == EILSEQ)
        throw Refused{"a path or option is not UTF-8, and cannot be kept in state.json"};
    throw why(written.error());
}

void remove_workspace(const Shelf& shelf, const std::string& name, const Fd& lock) {
    sys::Status removed = lock ? store::remove_workspace(shelf.home(), name, shelf.remover()) : sys::refused(ENOLCK);
    if (!removed)
        throw Refused{spec::escape(shelf.path(name)) + ": " + std::strerror(removed.error().err) +
                      "; what is left is removed with the next ajail create"};
}

} // namespace ajail::cli
