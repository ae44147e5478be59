// SPDX-License-Identifier: Apache-2.0
// See workspace.h. What comes from inside is escaped; what only a workspace has is not removed unless that is asked for.
#include "cli/workspace.h"

#include "cli/words.h"
#include "cli/workspace_shelf.h"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace ajail::cli {

namespace {

using Json = nlohmann::ordered_json;
using store::Hold;
using store::Workspace;
using sys::Fd;

std::string time_of(std::int64_t seconds, const char* format, std::tm* (*parts)(const std::time_t*, std::tm*)) {
    char text[32] = "";
    auto time = static_cast<std::time_t>(seconds);
    if (std::tm tm{}; parts(&time, &tm) != nullptr) (void)std::strftime(text, sizeof text, format, &tm);
    return text;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths(rows[0].size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
        out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
}

std::string plural(unsigned long count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

template <class Go> int refusing(const char* command, Go go) {
    try {
        return go();
    } catch (const Refused& refused) {
        return fail(std::string(command) + ": " + refused.message);
    }
}

Json as_json(const Shelf& shelf, const Workspace& w) {
    return {{"name", spec::escape(w.name)},
            {"repo", spec::escape(w.repo)},
            {"branch", spec::escape(shelf.branch(w))},
            {"mode", w.worktree ? "worktree" : "clone"},
            {"base", w.base},
            {"path", spec::escape(shelf.path(w.name) + "/tree")},
            {"created", time_of(w.created, "%Y-%m-%dT%H:%M:%SZ", ::gmtime_r)},
            {"entrypoint", spec::escape(w.entrypoint)},
            {"status", shelf.holders(w.name).empty() ? "stopped" : "running"}};
}

// The first of NAMES, which come from inside, of ALL.
std::string first_of(const std::vector<std::string>& names, std::size_t all, std::size_t most) {
    constexpr std::size_t kLongest = 60;
    std::string text;
    std::size_t shown = std::min(names.size(), most);
    for (std::size_t i = 0; i < shown; ++i) {
        text += (i == 0 ? "" : ", ") + spec::escape(names[i].substr(0, kLongest));
        if (names[i].size() > kLongest) text += "...";
    }
    if (all > shown) text += (shown == 0 ? "" : " and ") + std::to_string(all - shown) + " more";
    return text;
}

// Also how to go on.
std::string what_is_lost(const Lost& lost, const std::string& name) {
    if (lost.files == 0 && lost.commits == 0) return {};
    constexpr std::size_t kShown = 3;
    std::string what, which;
    if (lost.files != 0) {
        what = plural(lost.files, "file") + " not committed";
        which = first_of(lost.first_files, lost.files, kShown);
    }
    if (lost.commits != 0) {
        what += (what.empty() ? "" : " and ") + plural(lost.commits, "commit") + " that the original has not";
        which += (which.empty() ? "" : "; ") + first_of(lost.first_commits, lost.commits, kShown);
    }
    return what + " would be lost with " + name + " (" + which + "); ajail pull " + name +
           " brings commits home, ajail destroy --force " + name + " removes it all the same";
}

// One line about what programs of the host run by themselves; LOOK: how to look at it.
std::string as_line(const std::vector<std::string>& run, const std::string& look) {
    if (run.empty()) return {};
    constexpr std::size_t kShown = 10;
    return "! " + plural(run.size(), "file") +
           " that programs of your machine run by themselves: " + first_of(run, run.size(), kShown) + " (look at " +
           (run.size() == 1 ? "it" : "them") + ": " + look + ")\n";
}

// What a shell takes as it is.
bool is_plain(std::string_view word) {
    return std::all_of(word.begin(), word.end(), [](unsigned char c) {
        return c < 0x80 && (std::isalnum(c) != 0 || std::strchr("._/-", c) != nullptr);
    });
}

// That BRANCH, one from inside, is left.
void tell_other_branch(const Workspace& w, const std::string& branch) {
    if (branch.empty() || branch == w.branch) return;
    std::string pull = is_plain(branch) ? "ajail pull " + w.name + " " + branch : "name it to ajail pull";
    std::fprintf(stderr, "ajail: %s is on %s by now, which stays there (%s)\n", w.name.c_str(),
                 spec::escape(branch).c_str(), pull.c_str());
}

// Who is in it is asked to end, and then made to. By a descriptor: a number may be somebody else's by now.
void end_holders(const Shelf& shelf, const std::string& name, int signal) {
    for (const store::Holder& holder : shelf.holders(name)) {
        auto process = sys::pidfd_open(holder.pid);
        if (!process) continue;
        auto still = shelf.holders(name);
        bool same =
            std::any_of(still.begin(), still.end(), [&](const auto& other) { return other.pid == holder.pid; });
        if (same) (void)sys::pidfd_send_signal((*process).get(), signal);
    }
}

Fd lock_by_force(const Shelf& shelf, const std::string& name) {
    constexpr int kRounds = 10; // lock() itself waits a moment
    for (int round = 0; round < kRounds; ++round) {
        auto locked = store::lock(shelf.path(name), Hold::exclusive);
        if (locked) return std::move(locked).take();
        if (locked.error().err != EWOULDBLOCK) break;
        end_holders(shelf, name, round < kRounds / 2 ? SIGTERM : SIGKILL);
    }
    return shelf.lock(name, Hold::exclusive);
}

// A patch from inside: lines and tabs stay, and nothing else that a terminal acts on.
std::string shown_patch(std::string_view patch, bool color) {
    std::string out;
    while (!patch.empty()) {
        std::string_view line = patch.substr(0, patch.find('\n'));
        patch.remove_prefix(std::min(line.size() + 1, patch.size()));
        const char* paint = !color                      ? ""
                            : line.starts_with("diff ") ? "\033[1m"
                            : line.starts_with("@@")    ? "\033[36m"
                            : line.starts_with('+')     ? "\033[32m"
                            : line.starts_with('-')     ? "\033[31m"
                                                        : "";
        out += paint;
        for (std::string_view rest = line; !rest.empty();) {
            std::size_t plain = std::min(rest.find_first_of("\t\\"), rest.size());
            out += spec::escape(rest.substr(0, plain));
            rest.remove_prefix(plain);
            if (rest.empty()) break;
            out += rest[0];
            rest.remove_prefix(1);
        }
        if (*paint != '\0') out += "\033[0m";
        out += '\n';
    }
    return out;
}

Json names(const std::vector<std::string>& paths) {
    Json list = Json::array();
    for (const std::string& path : paths) list.push_back(spec::escape(path));
    return list;
}

std::string as_text(const Json& about, const Changes& changes) {
    std::string branch = about["branch"], status = about["status"];
    std::string out = std::string(about["name"]) + ": " + (branch.empty() ? "on no branch" : "on " + branch) + ", " +
                      plural(changes.commits, "commit") + " since it was made, " + status + "\n";
    const std::pair<const char*, const std::vector<std::string>*> lists[] = {{"modified", &changes.modified},
                                                                             {"added", &changes.added},
                                                                             {"deleted", &changes.deleted},
                                                                             {"renamed", &changes.renamed},
                                                                             {"new", &changes.untracked}};
    bool clean = true;
    for (auto [what, list] : lists)
        for (const std::string& path : *list) {
            out += "  " + std::string(what) + std::string(10 - std::strlen(what), ' ') + spec::escape(path) + "\n";
            clean = false;
        }
    if (clean) out += "  nothing that is not committed\n";
    if (changes.files != 0)
        out += plural(changes.files, "file") + " changed since it was made, +" + std::to_string(changes.insertions) +
               " -" + std::to_string(changes.deletions) + "\n";
    return out + as_line(changes.run, "ajail status " + std::string(about["name"]) + " --diff");
}

void destroy_one(const Shelf& shelf, const std::string& name, const WorkspaceOptions& options) {
    Fd lock =
        options.force && store::good_name(name) ? lock_by_force(shelf, name) : shelf.lock(name, Hold::exclusive);
    auto state = store::read_workspace(shelf.home(), name);
    if (!options.force) {
        Workspace w = shelf.read(name);
        auto lost = shelf.git(w, options.verbose).lost();
        if (auto* wrong = std::get_if<Wrong>(&lost))
            throw Refused{"what would be lost with " + name + " cannot be told: " + wrong->message +
                          "; look at it (ajail status " + name + "), or ajail destroy --force " + name +
                          " removes it all the same"};
        if (std::string what = what_is_lost(std::get<Lost>(lost), name); !what.empty()) throw Refused{what};
    }
    if (state && (*state).worktree) {
        auto gone = shelf.git(*state, options.verbose).remove_entry(shelf.path(name) + "/tree");
        if (auto* wrong = std::get_if<Wrong>(&gone))
            warn("worktrees/" + spec::escape((*state).entry) + " of " + spec::escape((*state).git) +
                 " stays: " + wrong->message);
    }
    remove_workspace(shelf, name, lock);
}

} // namespace

int create(const WorkspaceOptions& options, const ns::Caller& process) {
    return refusing("create", [&] {
        Shelf shelf(process);
        Wish wish{options.name,     options.repo,      options.ref,    options.entrypoint,
                  options.worktree, options.run.quiet, options.verbose};
        auto made = make_workspace(shelf, wish, options.run);
        if (!made)
            throw Refused{spec::escape(options.name) + " exists already; remove it first (ajail destroy " +
                          spec::escape(options.name) + ") or choose another name"};
        if (options.json) return show(as_json(shelf, *made).dump(2) + "\n");
        return show("workspace " + made->name + ": branch " + made->branch + " of " + spec::escape(made->repo) +
                    " at " + made->base.substr(0, 12) + "\nto work in it: ajail enter " + made->name + "\n");
    });
}

int list(const WorkspaceOptions& options, const ns::Caller& process) {
    return refusing("list", [&] {
        Shelf shelf(process);
        Json json = Json::array();
        std::vector<std::vector<std::string>> rows = {{"NAME", "REPO", "BRANCH", "CREATED", "STATUS", "ENTRYPOINT"}};
        for (const std::string& name : store::workspaces(shelf.home())) {
            auto read = store::read_workspace(shelf.home(), name);
            if (!read && read.error().err == ENOENT) continue; // removed meanwhile
            if (!read) {
                warn(spec::escape(shelf.path(name)) + "/state.json cannot be read (ajail destroy --force)");
                continue;
            }
            const Workspace& w = *read;
            Json one = as_json(shelf, w);
            std::string branch = one["branch"];
            rows.push_back({one["name"], one["repo"], branch.empty() ? "(none)" : branch,
                            time_of(w.created, "%Y-%m-%d %H:%M", ::localtime_r), one["status"], one["entrypoint"]});
            json.push_back(std::move(one));
        }
        return show(options.json ? json.dump(2) + "\n" : table(rows));
    });
}

int status(const WorkspaceOptions& options, const ns::Caller& process) {
    return refusing("status", [&] {
        Shelf shelf(process);
        Fd lock = shelf.lock(options.name, Hold::shared);
        Workspace w = shelf.read(options.name);
        WorkspaceGit git = shelf.git(w, options.verbose);
        if (options.diff) {
            bool color = ::isatty(1) == 1 && std::getenv("NO_COLOR") == nullptr;
            return show(shown_patch(checked(git.patch()), color));
        }
        Changes changes = checked(git.changes());
        Json about = as_json(shelf, w);
        if (!options.json) return show(as_text(about, changes));
        Json json = {{"name", about["name"]},
                     {"branch", about["branch"]},
                     {"modified", names(changes.modified)},
                     {"added", names(changes.added)},
                     {"deleted", names(changes.deleted)},
                     {"renamed", names(changes.renamed)},
                     {"untracked", names(changes.untracked)},
                     {"commits", changes.commits},
                     {"stats",
                      {{"files_changed", changes.files},
                       {"insertions", changes.insertions},
                       {"deletions", changes.deletions}}},
                     {"host_runs", names(changes.run)},
                     {"running", about["status"] == "running"}};
        return show(json.dump(2) + "\n");
    });
}

int destroy(const WorkspaceOptions& options, const ns::Caller& process) {
    std::vector<std::string> names = options.more;
    names.insert(names.begin(), options.name);
    int code = 0;
    for (const std::string& name : names)
        code = std::max(code, refusing("destroy", [&] {
                            Shelf shelf(process);
                            destroy_one(shelf, name, options);
                            return 0;
                        }));
    return code;
}

int pull(const WorkspaceOptions& options, const ns::Caller& process) {
    return refusing("pull", [&] {
        Shelf shelf(process);
        Fd lock = shelf.lock(options.name, Hold::shared);
        Workspace w = shelf.read(options.name);
        if (w.worktree) throw Refused{"the branches of " + w.name + ", a worktree, are the original's already"};
        // What is checked out is for the jail to say, so it counts for nothing unless it is named.
        if (options.branch.empty()) tell_other_branch(w, shelf.branch(w));
        std::string branch = options.branch.empty() ? w.branch : options.branch;
        std::string as = options.as.empty() ? branch : options.as;
        Pulled pulled = checked(shelf.git(w, options.verbose).pull(branch, as));
        if (options.json) {
            Json json = {{"name", w.name},
                         {"branch", as},
                         {"from", branch},
                         {"commit", pulled.commit},
                         {"commits", pulled.commits},
                         {"before", nullptr},
                         {"host_runs", names(pulled.run)}};
            if (!pulled.before.empty()) json["before"] = pulled.before;
            return show(json.dump(2) + "\n");
        }
        return show(spec::escape(as) + " of " + spec::escape(w.repo) + (pulled.before.empty() ? " is new" : "") +
                    ": " + plural(pulled.commits, "commit") + ", " + pulled.commit.substr(0, 12) + "\n" +
                    as_line(pulled.run, "git diff " + pulled.from.substr(0, 12) + " " + pulled.commit.substr(0, 12)));
    });
}

} // namespace ajail::cli
