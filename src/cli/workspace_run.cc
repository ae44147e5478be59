// SPDX-License-Identifier: Apache-2.0
// What runs in a workspace: `ajail run` with the workspace's options, its files where the original's are, and what git
// needs of the original read-only.
#include "cli/run.h"
#include "cli/words.h"
#include "cli/workspace.h"
#include "cli/workspace_shelf.h"

#include <cctype>
#include <cstring>

namespace ajail::cli {

namespace {

using store::Hold;
using store::Workspace;
using sys::Fd;

// BASENAME-N of the repository here.
Workspace make_unnamed(const Shelf& shelf, const RunOptions& options) {
    auto cwd = current_directory();
    if (!cwd) throw Refused{std::string("the current directory: ") + std::strerror(cwd.error().err)};
    std::string top = checked(find_repository(*cwd)).top, base;
    for (char c : top.substr(top.rfind('/') + 1)) {
        bool good = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c == '-' && !base.empty());
        base += good ? c : '_';
    }
    constexpr std::size_t kLongest = 50;
    base.resize(std::min(base.size(), kLongest));
    constexpr int kMost = 10000;
    for (int number = 1; number < kMost; ++number) {
        Wish wish{.name = base + "-" + std::to_string(number), .quiet = options.quiet, .verbose = options.verbose};
        if (auto made = make_workspace(shelf, wish, options)) return *made;
    }
    throw Refused{"there are too many workspaces of that repository"};
}

} // namespace

RunOptions in_workspace(const Workspace& w, const std::string& path, const RunOptions& options) {
    auto cwd = current_directory();
    if (!cwd) throw Refused{std::string("the current directory: ") + std::strerror(cwd.error().err)};
    std::vector<std::string> words = w.options, more = as_words(options, *cwd, false);
    if (!options.clone) words.insert(words.end(), more.begin(), more.end());
    auto parsed = parse_run(std::move(words), nullptr);
    if (auto* wrong = std::get_if<Wrong>(&parsed)) throw Refused{"the options of " + w.name + ": " + wrong->message};
    if (!std::holds_alternative<RunOptions>(parsed)) throw Refused{"the options of " + w.name + " are none"};
    auto run = std::get<RunOptions>(std::move(parsed));
    if (options.clone) { // what concerns this run alone
        run.quiet = options.quiet;
        run.verbose = options.verbose;
        run.report = options.report;
    }
    if (run.cwd == Kind::hide) throw Refused{"--hide: there would be nothing to work on"};
    if (run.keep) throw Refused{"--keep: a workspace keeps what is done in it (without a bare --ro)"};
    run.command = options.command;
    if (options.entrypoint && !w.entrypoint.empty()) run.command = {"sh", "-c", w.entrypoint};
    if (physical(w.git) != w.git)
        throw Refused{"there is a symbolic link in " + spec::escape(w.git) + " by now, where " + w.name +
                      " has its objects"};
    run.workspace = w.name;
    if (w.worktree) {
        run.grants.insert(run.grants.begin(), Grant{run.cwd, w.git, w.git});
        for (const char* who : {"AUTHOR", "COMMITTER"}) {
            std::string variable = std::string("GIT_") + who;
            if (!w.author.empty()) run.env.insert(run.env.begin(), {variable + "_NAME", w.author});
            if (!w.address.empty()) run.env.insert(run.env.begin(), {variable + "_EMAIL", w.address});
        }
        return run;
    }
    run.at = w.repo;
    run.own = {{run.cwd, path + "/git", w.repo + "/.git"},
               {Kind::rol, w.git, "/ajail/origin"},
               {run.cwd, path + "/outbox", "/ajail/outbox"}};
    return run;
}

namespace {

// A workspace without a name of the caller's choice goes again if there is nothing in it.
void keep_or_remove(const Shelf& shelf, const Workspace& w, bool verbose) {
    Fd lock = shelf.lock(w.name, Hold::exclusive);
    auto lost = shelf.git(w, verbose).lost();
    const auto* known = std::get_if<Lost>(&lost);
    if (known != nullptr && known->files == 0 && known->commits == 0) return remove_workspace(shelf, w.name, lock);
    std::fprintf(stderr, "ajail: what was done is in the workspace %s (ajail status %s, ajail pull %s)\n",
                 w.name.c_str(), w.name.c_str(), w.name.c_str());
}

} // namespace

int run_in_workspace(const RunOptions& options, const ns::Caller& process) {
    try {
        Shelf shelf(process);
        std::optional<Workspace> made;
        if (options.clone) made = make_unnamed(shelf, options);
        const std::string name = made ? made->name : options.in;
        if (made && !options.quiet) std::fprintf(stderr, "ajail: the workspace %s\n", name.c_str());
        Fd lock = shelf.lock(name, Hold::shared); // until the jail has ended, or we are killed
        Workspace w = shelf.read(name);
        RunOptions run = in_workspace(w, shelf.path(name), options);
        const std::string tree = shelf.path(name) + "/tree";
        if (auto changed = sys::chdir(tree.c_str()); !changed)
            throw Refused{spec::escape(tree) + ": " + std::strerror(changed.error().err)};
        // Where `git` goes; with --nested a payload could take it away.
        if (!w.worktree) (void)sys::mkdirat(AT_FDCWD, ".git", 0755);
        int code = cli::run(run, process);
        lock.reset();
        if (made) keep_or_remove(shelf, w, options.verbose);
        return code;
    } catch (const Refused& refused) {
        return fail(refused.message);
    }
}

} // namespace ajail::cli
