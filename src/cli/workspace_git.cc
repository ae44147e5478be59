// SPDX-License-Identifier: Apache-2.0
// See workspace_git.h.
#include "cli/workspace_git.h"

#include "cli/caller.h"
#include "cli/guard.h"
#include "cli/protect.h"
#include "cli/words.h"
#include "cli/workspace_scripts.h"
#include "spec/procfs.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ajail::cli {

using sys::Fd;

namespace {

constexpr const char* kOrigin = "/ajail/origin";
constexpr const char* kOriginalTree = "/ajail/work";
constexpr std::uint64_t kMinute = 60000;
constexpr std::size_t kMostText = 64 << 20;

bool is_commit(std::string_view text) {
    return (text.size() == 40 || text.size() == 64) &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<unsigned long> number(std::string_view text) {
    unsigned long value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Wrong nonsense() { return {"git's answer is none; the repository may be damaged"}; }

// " 3 files changed, 5 insertions(+), 2 deletions(-)", of which a part may be missing.
bool read_stat(std::string_view line, Changes& changes) {
    while (!line.empty()) {
        std::string_view part = spec::take_line(line, ',');
        if (part.empty() || part[0] != ' ') return false;
        part.remove_prefix(1);
        std::size_t space = part.find(' ');
        auto count = number(part.substr(0, space));
        if (!count || space == std::string_view::npos) return false;
        std::string_view what = part.substr(space + 1);
        if (what.starts_with("file")) changes.files = *count;
        else if (what.starts_with("insertion")) changes.insertions = *count;
        else if (what.starts_with("deletion")) changes.deletions = *count;
        else return false;
    }
    return true;
}

// A path in a repository, whose entry there may be a link to a directory.
bool is_run(std::string_view path) { return host_runs(path) || host_runs_below(path); }

// The entries of `git diff --raw -z` at the beginning of REST: of those that are there afterwards, what a host runs.
bool read_raw(std::string_view& rest, std::vector<std::string>& run) {
    while (rest.starts_with(':')) {
        std::string_view entry = spec::take_line(rest, '\0');
        std::size_t space = entry.rfind(' ');
        char kind = space + 1 < entry.size() ? entry[space + 1] : '\0';
        if (space == std::string_view::npos || rest.empty()) return false;
        std::string_view path = spec::take_line(rest, '\0');
        if (kind == 'R' || kind == 'C') path = spec::take_line(rest, '\0');
        if (kind != 'D' && is_run(path)) run.emplace_back(path);
    }
    return true;
}

// One entry of `git status --porcelain=v2 -z`; of a renamed file the next one is what it was called.
bool read_entry(std::string_view& rest, Changes& changes) {
    std::string_view entry = spec::take_line(rest, '\0');
    if (entry.size() < 3 || entry[1] != ' ') return false;
    char kind = entry[0];
    int fields = kind == '1' ? 8 : kind == '2' ? 9 : kind == 'u' ? 10 : kind == '?' ? 1 : 0;
    if (fields == 0) return false;
    std::string_view path = entry, state = entry.substr(2, 2);
    for (int field = 0; field < fields; ++field) {
        std::size_t space = path.find(' ');
        if (space == std::string_view::npos) return false;
        path.remove_prefix(space + 1);
    }
    if (kind == '2') (void)spec::take_line(rest, '\0');
    auto& list = kind == '?'                                 ? changes.untracked
                 : kind == '2'                               ? changes.renamed
                 : state.find('D') != std::string_view::npos ? changes.deleted
                 : kind == '1' && state.find('A') == 0       ? changes.added
                                                             : changes.modified;
    list.emplace_back(path);
    return true;
}

} // namespace

// One jail's.
struct WorkspaceGit::Work {
    const char* mode;
    enum { none, guarded, all } writes_original = none; ///< all: where no git runs
    bool writes_workspace = false;
    bool workspace = true; ///< is there at all
    bool original = true;  ///< likewise
    std::string tree = {}; ///< where it is in the jail
    std::vector<std::pair<std::string, std::string>> env = {};
    std::string settings = {};
    std::string original_tree = {}; ///< to be seen, at kOriginalTree
    std::uint64_t timeout = 10 * kMinute;
};

Answer<bool> WorkspaceGit::run(Work work, int in, int out) const {
    spec::Spec spec = script_jail();
    spec.limits.timeout = work.timeout;
    // What a jail with several ids has left can be read only with them.
    if (work.workspace && !work.writes_workspace) spec.users = spec::Users::automatic;
    spec.mounts.emplace_back(spec::Tmpfs{"/tmp", 01777});
    Guard guard(true, {});
    std::string wrong;
    auto add = [&](const std::string& path, const std::string& target, bool writable, bool guarded = false) {
        Seen seen;
        auto source = look_at(path, "/", false, &seen);
        if (!source) return void(wrong = spec::escape(path) + ": " + std::strerror(source.error().err));
        if ((*source).path != path)
            return void(wrong = spec::escape(path) + ": there is a symbolic link in that path by now");
        spec::Bind bind{.source = std::move(source).take(), .target = target, .writable = writable};
        spec.mounts.emplace_back(bind);
        if (!guarded) return;
        auto covers = guard.cover(bind, std::move(seen.fd));
        if (!covers) return void(wrong = spec::escape(guard.in_the_way()) + ": " + std::strerror(covers.error().err));
        for (const spec::Bind& cover : *covers) spec.mounts.emplace_back(cover);
    };
    std::string origin = w_.worktree ? w_.git : kOrigin; // a linked worktree names it
    if (work.original) {
        add(w_.git, origin, work.writes_original != Work::none, work.writes_original == Work::guarded);
        for (const std::string& dir : w_.borrowed) add(dir, dir, false);
    }
    if (!work.original_tree.empty()) add(work.original_tree, kOriginalTree, false);
    std::string tree = work.tree.empty() ? "/workspace/tree" : work.tree, git = "/workspace/git";
    if (work.workspace) add(dir_ + "/tree", tree, work.writes_workspace);
    if (w_.worktree) git = origin + "/worktrees/" + w_.entry;
    else if (work.workspace)
        for (const char* name : {"git", "outbox"})
            add(dir_ + "/" + name, std::string("/workspace/") + name, work.writes_workspace);
    if (!wrong.empty()) return Wrong{wrong};
    if (!work.settings.empty())
        spec.mounts.emplace_back(spec::Data{"/gitconfig", work.settings, 0444, spec::Data::read_only});
    auto& env = spec.command.env;
    env.insert(env.end(), {{"ORIGIN", origin},
                           {"ORIGIN_GIT", origin},
                           {"TREE", tree},
                           {"BASE", w_.base},
                           {"ENTRY", w_.entry},
                           {"BRANCH", w_.branch}});
    // While a worktree is made, git is to find out for itself what it works in.
    if (work.workspace && w_.worktree == !w_.entry.empty())
        env.insert(env.end(), {{"GIT_DIR", git}, {"GIT_WORK_TREE", tree}});
    if (w_.worktree && !w_.entry.empty()) env.emplace_back("OWN_HEAD", git + "/HEAD");
    for (auto& variable : work.env) {
        std::erase_if(env, [&](const auto& have) { return have.first == variable.first; });
        env.push_back(std::move(variable));
    }
    spec.command.argv = {"sh", "-c", std::string(kWorkspaceScripts[0].text), "git.sh", work.mode};
    Done done = run_script(spec, in, out, host_, process_, verbose_);
    for (const std::string& line : guard.settle()) warn(line);
    if (done.code != 0) return Wrong{done.said.empty() ? "git failed" : done.said};
    return true;
}

Answer<std::string> WorkspaceGit::ask(Work work) const {
    auto file = sys::memory_file("ajail");
    if (!file) return Wrong{std::strerror(file.error().err)};
    auto done = run(std::move(work), -1, (*file).get());
    if (auto* wrong = std::get_if<Wrong>(&done)) return *wrong;
    (void)::lseek((*file).get(), 0, SEEK_SET);
    auto text = sys::read_all((*file).get(), kMostText);
    if (!text)
        return Wrong{text.error().err == EFBIG ? "git's answer is larger than 64 MiB" : "git's answer is lost"};
    return *text;
}

// In a jail without a repository: one of those could have a program look at the rest of them, and at passwords.
Answer<WorkspaceGit::Identity> WorkspaceGit::identity(const std::string& settings) const {
    auto answer = ask({.mode = "identity", .workspace = false, .original = false, .settings = settings});
    if (auto* wrong = std::get_if<Wrong>(&answer)) return *wrong;
    std::string_view rest = std::get<std::string>(answer);
    Identity who;
    who.name = spec::take_line(rest);
    who.address = spec::take_line(rest);
    return rest.empty() ? Answer<Identity>(who) : nonsense();
}

Answer<store::Workspace> WorkspaceGit::create(const Repository& from, const std::string& ref,
                                              const std::string& settings, const std::string& tree) const {
    std::string origin = w_.worktree ? w_.git : kOrigin;
    Identity who;
    if (!settings.empty()) {
        auto known = identity(settings);
        if (auto* wrong = std::get_if<Wrong>(&known)) return *wrong;
        who = std::get<Identity>(std::move(known));
    }
    Work work{.mode = w_.worktree ? "create-worktree" : "create",
              .writes_original = w_.worktree ? Work::guarded : Work::none,
              .writes_workspace = true,
              .tree = w_.worktree ? tree : "",
              .env = {{"ORIGIN_GIT", origin + from.git.substr(from.common.size())},
                      {"REF", ref},
                      {"AUTHOR", who.name},
                      {"ADDRESS", who.address}},
              .timeout = 60 * kMinute};
    auto answer = ask(std::move(work));
    if (auto* wrong = std::get_if<Wrong>(&answer)) return *wrong;
    std::string_view rest = std::get<std::string>(answer), line = spec::take_line(rest);
    store::Workspace made = w_;
    made.base = spec::take_line(line, ' ');
    made.entry = line;
    made.author = spec::take_line(rest);
    made.address = spec::take_line(rest);
    if (!is_commit(made.base) && made.base != "unborn") return nonsense();
    if (w_.worktree ? !store::good_name(made.entry) : !made.entry.empty()) return nonsense();
    return made;
}

Answer<bool> WorkspaceGit::remove_entry(const std::string& tree) const {
    return run({.mode = "remove-worktree", .writes_original = Work::all, .workspace = false, .env = {{"TREE", tree}}},
               -1, -1);
}

Answer<Changes> WorkspaceGit::changes() const {
    auto answer = ask({.mode = "status"});
    if (auto* wrong = std::get_if<Wrong>(&answer)) return *wrong;
    std::string_view rest = std::get<std::string>(answer);
    Changes changes;
    auto commits = number(spec::take_line(rest));
    if (!commits || !read_raw(rest, changes.run) || !read_stat(spec::take_line(rest), changes)) return nonsense();
    changes.commits = *commits;
    while (!rest.empty())
        if (!read_entry(rest, changes)) return nonsense();
    return changes;
}

Answer<std::string> WorkspaceGit::patch() const { return ask({.mode = "diff"}); }

Answer<Lost> WorkspaceGit::lost() const {
    auto answer = ask({.mode = "lost"});
    if (auto* wrong = std::get_if<Wrong>(&answer)) return *wrong;
    std::string_view rest = std::get<std::string>(answer), line = spec::take_line(rest);
    auto files = number(spec::take_line(line, ' ')), commits = number(line);
    if (!files || !commits) return nonsense();
    Lost lost{*files, *commits, {}, {}};
    std::string_view subjects = spec::take_line(rest, '\0');
    while (subjects.find('\n') != std::string_view::npos) lost.first_commits.emplace_back(spec::take_line(subjects));
    while (rest.find('\0') != std::string_view::npos)
        if (std::string_view entry = spec::take_line(rest, '\0'); entry.size() > 3)
            lost.first_files.emplace_back(entry.substr(3)); // after two letters and a blank
    return lost;
}

Answer<unsigned long> WorkspaceGit::uncommitted(const Repository& from) const {
    std::string origin = w_.worktree ? w_.git : kOrigin;
    auto answer = ask({.mode = "uncommitted",
                       .workspace = false,
                       .env = {{"ORIGIN_GIT", origin + from.git.substr(from.common.size())}, {"WORK", kOriginalTree}},
                       .original_tree = from.top,
                       .timeout = kMinute / 3});
    if (auto* wrong = std::get_if<Wrong>(&answer)) return *wrong;
    std::string_view line = std::get<std::string>(answer);
    auto count = number(spec::take_line(line));
    if (!count || !line.empty()) return nonsense();
    return *count;
}

// Two jails: one sees what a payload wrote and can change nothing; the other changes the original, and sees only a pack.
Answer<Pulled> WorkspaceGit::pull(const std::string& branch, const std::string& as) const {
    auto file = sys::open(dir_.c_str(), O_TMPFILE | O_RDWR, 0600); // without a name: it may be large
    if (!file) file = sys::memory_file("ajail");
    if (!file) return Wrong{std::strerror(file.error().err)};
    int fd = (*file).get();
    auto packed = run({.mode = "pack", .env = {{"BRANCH", branch}}, .timeout = 60 * kMinute}, -1, fd);
    if (auto* wrong = std::get_if<Wrong>(&packed)) return *wrong;
    std::string head(65, '\0');
    ssize_t size = ::pread(fd, head.data(), head.size(), 0);
    head.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    std::size_t end = head.find('\n');
    if (end == std::string::npos || !is_commit(std::string_view(head).substr(0, end))) return nonsense();
    (void)::lseek(fd, 0, SEEK_SET);
    auto said = sys::memory_file("ajail");
    if (!said) return Wrong{std::strerror(said.error().err)};
    auto unpacked = run({.mode = "unpack",
                         .writes_original = Work::guarded,
                         .workspace = false,
                         .env = {{"BRANCH", as}},
                         .timeout = 60 * kMinute},
                        fd, (*said).get());
    if (auto* wrong = std::get_if<Wrong>(&unpacked)) return *wrong;
    (void)::lseek((*said).get(), 0, SEEK_SET);
    auto text = sys::read_all((*said).get(), 16 * kMostText);
    std::string_view rest = text ? std::string_view(*text) : "", line = spec::take_line(rest);
    Pulled pulled{.commit = std::string(spec::take_line(line, ' ')), .before = {}, .from = {}, .run = {}};
    auto count = number(spec::take_line(line, ' '));
    std::string_view before = spec::take_line(line, ' ');
    if (!count || !is_commit(pulled.commit) || (before != "new" && !is_commit(before)) || !is_commit(line))
        return nonsense();
    pulled.commits = *count;
    if (before != "new") pulled.before = before;
    pulled.from = line;
    while (!rest.empty())
        if (std::string_view path = spec::take_line(rest, '\0'); is_run(path)) pulled.run.emplace_back(path);
    return pulled;
}

} // namespace ajail::cli
