// SPDX-License-Identifier: Apache-2.0
// See guard.h. What is not there cannot be covered, since a mountpoint would have to be made on the host; so its
// directory is watched, from outside, where a jail cannot be in the way.
#include "cli/guard.h"

#include "cli/protect.h"
#include "sys/calls.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>
#include <sys/inotify.h>
#include <sys/random.h>

namespace ajail::cli {

using spec::Bind;
using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

// After that, what appears where something covered was removed on the host is not the rest of its being replaced.
constexpr std::int64_t kReplacedMs = 1000;
constexpr std::size_t kMostSaid = 50;
constexpr std::string_view kAway = ".jail-"; // between the old name and a number

// The caller may read and rename in DIR as long as this lives: a jail may have taken that away, to keep what it made there.
class Writable {
public:
    explicit Writable(const Fd& dir) : dir_(dir.get()) {
        auto st = sys::fstat(dir_);
        constexpr mode_t kNeeded = S_IRUSR | S_IWUSR | S_IXUSR;
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

Result<bool> is_same(const Fd& a, const Fd& b) {
    struct stat one = TRY(sys::fstat(a.get())), other = TRY(sys::fstat(b.get()));
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// Removed on the host for good, it is like what never was there.
bool is_late(const Covered& covered) { return covered.gone != 0 && sys::now() - covered.gone >= kReplacedMs; }

bool is_held(const Place& at, const std::string& name) {
    return std::any_of(at.covered.begin(), at.covered.end(),
                       [&](const Covered& c) { return c.name == name && !is_late(c); });
}

} // namespace

Result<std::vector<Bind>> Guard::cover(const Bind& grant, Fd top, bool listed) {
    if (!git_ && (patterns_.empty() || !listed)) return std::vector<Bind>();
    all_.grants.push_back(grant);
    all_.in_the_way = spec::host_path(grant.source);
    Covering covering(all_, all_.grants.size() - 1);
    Place& at = covering.place(std::move(top), "");
    all_.by_git = false;
    if (listed) TRY(covering.listed(at, patterns_));
    all_.by_git = true;
    if (git_) TRY(covering.git(at));
    return std::move(covering.binds());
}

std::vector<std::string> Guard::covered() const {
    std::vector<std::string> out;
    for (const Place& at : all_.places)
        for (const Covered& covered : at.covered) {
            if (covered.writable) continue;
            bool one = all_.grants.size() < 2;
            out.push_back(spec::escape(one ? join(at.path, covered.name) : on_host(all_, at, covered.name)));
        }
    return out;
}

std::vector<std::string> Guard::warnings() const {
    std::vector<std::string> out;
    for (const std::string& path : all_.linked)
        out.push_back(spec::escape(path) +
                      " has another name (a hard link), and the jail may write to it by that, if "
                      "it has it; to make it a file of its own: cp it, and mv the copy in its place");
    return out;
}

void Guard::say(const std::string& path, const std::string& text) {
    // A jail that makes one after the other is told of once.
    bool others = said_.size() >= kMostSaid && !said_.contains(path);
    Said& said = said_[others ? "~" : path];
    if (said.times++ == 0) said.first = others ? "there is more of that" : spec::escape(path) + text;
}

void Guard::say_replaced(const Place& at, const std::string& name) {
    say(on_host(all_, at, name),
        " was replaced while the jail ran, and could be written there for a moment: if that was "
        "not you, look at it");
}

// NAME is OTHER by now. A link is renamed, not what it leads to.
int Guard::move(Place& at, const std::string& name, std::string& other) {
    Writable writable(at.directory);
    unsigned random = 0;
    if (::getrandom(&random, sizeof random, 0) != sizeof random) return EAGAIN;
    char number[9];
    (void)std::snprintf(number, sizeof number, "%08x", random);
    other = name.substr(0, NAME_MAX - kAway.size() - std::strlen(number)).append(kAway) + number;
    int dir = at.directory.get();
    int err = ::renameat2(dir, name.c_str(), dir, other.c_str(), RENAME_NOREPLACE) == 0 ? 0 : errno;
    if (err == 0) away_.emplace(at.grant, join(at.path, other));
    return err;
}

std::string Guard::called(const std::string& other, bool git) {
    return "it is called " + spec::escape(other) +
           " now, with all that is in it; look at it, and remove it or rename it back (" + option(git) +
           " lets it be)";
}

// AT itself, if nothing in it is covered: a jail with several ids may have given it to one of them.
bool Guard::rename_directory(Place& at) {
    std::size_t slash = at.path.rfind('/');
    std::string above = slash == std::string::npos ? "" : at.path.substr(0, slash), name = at.path.substr(slash + 1);
    if (at.path.empty() || !at.covered.empty()) return false;
    for (Place& parent : all_.places) {
        if (parent.left || parent.grant != at.grant || parent.path != above) continue;
        std::string other, path = at.path;
        if (move(parent, name, other) != 0) return false;
        say(on_host(all_, parent, name),
            " is not yours any more, and programs of the host would run what was made in it "
            "while the jail ran; " +
                called(other, false));
        leave(parent.grant, path);
        return true;
    }
    return false;
}

// Out of the host's way.
void Guard::rename_away(Place& at, const std::string& name, bool git) {
    std::string other;
    int err = move(at, name, other);
    if (err == ENOENT || ((err == EACCES || err == EPERM) && rename_directory(at))) return;
    std::string result =
        err == 0 ? called(other, git) : "it could not be renamed: " + std::string(std::strerror(err));
    const char* who = git ? ", and git would run programs by it; " : ", and programs of the host would run it; ";
    say(on_host(all_, at, name), std::string(" was made while the jail ran") + who + result);
}

// AT has a NAME now that RULE means.
void Guard::appeared(Place& at, const Rule& rule, const std::string& name) {
    if (away_.contains({at.grant, join(at.path, name)})) return; // a pattern that fits it once more
    switch (rule.kind) {
    case Rule::sign: return look_at_repository(at);
    case Rule::repository:
        // In a project, `objects` alone is anybody's name.
        if (auto repository = is_repository(at.directory); repository && !*repository) return;
        return rename_away(at, name, true);
    case Rule::git: return rename_away(at, name, true);
    case Rule::listed: break;
    }
    if (rule.below.empty()) rename_away(at, name, false);
    else look_into(at, rule, name);
}

// A directory that holds nothing that is covered, so the jail may make it, and rename it.
void Guard::look_into(Place& at, const Rule& rule, const std::string& name) {
    Writable writable(at.directory);
    auto found = find(at.directory, name);
    if (!found) return rename_away(at, name, false); // a link, which whoever reads it would follow
    auto directory = *found ? is_directory(*found) : Result<bool>(false);
    if (!directory || !*directory) return;
    for (Place& known : all_.places) {
        bool there = !known.left && known.grant == at.grant && known.path == join(at.path, name);
        auto same = there ? is_same(known.directory, *found) : Result<bool>(false);
        if (same && *same) return look_at_all(known);
    }
    Writable readable(*found);
    // Of an id of the jail's that is not the caller's. The host may get at what is in it, and we cannot see it.
    if (!is_accessible(*found, R_OK | W_OK | X_OK)) return rename_away(at, name, false);
    std::vector<std::string> below = rule.below; // what is left makes room for another
    leave(at.grant, join(at.path, name));
    Covering covering(all_, at.grant);
    Place& inside = covering.place(std::move(found).take(), join(at.path, name));
    for (const std::string& pattern : below) {
        std::size_t slash = pattern.find('/');
        Rule in{pattern.substr(0, slash)};
        if (slash != std::string::npos) in.below.push_back(pattern.substr(slash + 1));
        inside.rules.push_back(std::move(in));
    }
    look_at_all(inside);
}

void Guard::look_at_repository(Place& at) {
    for (const Rule& rule : at.rules) {
        auto there = has(at.directory, rule.name.c_str());
        if (rule.kind == Rule::repository && there && *there) appeared(at, rule, rule.name);
    }
}

void Guard::look_at_all(Place& at) {
    Writable writable(at.directory);
    Listing listing(at.directory);
    for (const Rule& rule : std::vector<Rule>(at.rules)) {
        auto found = listing.of(rule);
        if (!found) {
            if (found.error().err == EACCES && rename_directory(at)) return;
            say(on_host(all_, at, rule.name),
                std::string(" could not be looked at: ") + std::strerror(found.error().err));
            return;
        }
        for (const std::string& name : *found) {
            if (!is_held(at, name)) appeared(at, rule, name);
            if (at.left) return;
        }
    }
}

// What was at PATH is not there any more.
void Guard::leave(std::size_t grant, const std::string& path) {
    for (Place& at : all_.places) {
        bool in = at.path == path || (at.path.starts_with(path) && at.path[path.size()] == '/');
        if (at.left || at.grant != grant || !in) continue;
        at.left = true;
        at.directory.reset();
        bool others = std::any_of(all_.places.begin(), all_.places.end(),
                                  [&](const Place& p) { return !p.left && p.watch == at.watch; });
        if (!others && at.watch >= 0) (void)::inotify_rm_watch(all_.inotify.get(), at.watch);
        at.watch = -1;
    }
}

// The kernel has detached what was mounted on it, in all mount namespaces (rename(2) and unlink(2) of a mountpoint of
// others', since Linux 3.18).
Status Guard::again(Place& at, const Covered& covered, bool certain, std::vector<ns::Cover>& covers) {
    struct stat top = {};
    for (const Place& place : all_.places)
        if (!place.left && place.grant == at.grant && place.path.empty())
            top = TRY(sys::fstat(place.directory.get()));
    const Bind grant = all_.grants[at.grant];
    auto add = [&](const std::string& path, bool writable) {
        covers.push_back({grant.target, path, top.st_dev, top.st_ino, certain, writable});
    };
    if (covered.kind != Rule::repository) {
        add(join(at.path, covered.name), covered.writable);
        return Done{};
    }
    Fd found = TRY(find(at.directory, covered.name));
    if (!found) return Done{};
    const std::string path = join(at.path, covered.name);
    for (const Place& known : all_.places) {
        bool there = !known.left && known.grant == at.grant && known.path == path;
        if (!there || !TRY(is_same(known.directory, found))) continue;
        add(path, true); // and what is in it by itself
        return Done{};
    }
    leave(at.grant, path);
    Covering covering(all_, at.grant);
    TRY(covering.dot_git(at, std::move(found)));
    for (const Bind& bind : covering.binds()) add(bind.target.substr(grant.target.size() + 1), bind.writable);
    // It may be half made.
    for (Place& in : all_.places)
        for (const Rule& rule : in.rules)
            if (!in.left && in.grant == at.grant && in.path == join(at.path, covered.name) &&
                !is_covered(in, rule.name))
                in.covered.push_back({rule.name, Rule::git, false, sys::now()});
    return Done{};
}

void Guard::heard(Place& at, const std::string& name, bool there, std::vector<ns::Cover>& covers) {
    auto covered =
        std::find_if(at.covered.begin(), at.covered.end(), [&](const Covered& c) { return c.name == name; });
    bool was = covered != at.covered.end();
    if (!there) {
        if (was) covered->gone = sys::now();
        else leave(at.grant, join(at.path, name));
        return;
    }
    if (was && !is_late(*covered)) {
        struct stat st {};
        (void)::fstatat(at.directory.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW);
        covered->gone = 0;
        covered->device = st.st_dev;
        covered->inode = st.st_ino;
        const Covered copy = *covered;
        say_replaced(at, name);
        if (Status done = again(at, copy, true, covers); !done) failed_ = done;
        return;
    }
    if (was) return rename_away(at, name, covered->kind != Rule::listed);
    const std::vector<Rule> rules = at.rules;
    for (const Rule& rule : rules)
        if (!at.left && fits(rule.name, name)) appeared(at, rule, name);
}

// Watched before it is looked at: nothing happens in between that nobody hears of. The caller's limits on inotify(7) may be
// used up, by other jails as well; then all is looked at again and again, and told.
Status Guard::begin(std::vector<ns::Cover>& covers) {
    begun_ = true;
    auto made = sys::inotify();
    if (!made) all_.unwatched = std::strerror(made.error().err);
    else all_.inotify = std::move(made).take();
    for (std::size_t i = 0; i < all_.places.size(); ++i)
        if (all_.inotify && !all_.places[i].left) watch(all_, all_.places[i]);
    return look_at_everything(covers, true);
}

// Also what is covered. If DOUBTING, it may have been replaced by what has its number: whoever covers it again sees
// whether it was.
Status Guard::look_at_everything(std::vector<ns::Cover>& covers, bool doubting) {
    for (std::size_t i = 0; i < all_.places.size(); ++i) {
        Place& at = all_.places[i];
        if (at.left) continue;
        look_at_all(at);
        for (const Covered& covered : std::vector<Covered>(at.covered)) {
            if (at.left || is_late(covered)) continue;
            struct stat st {};
            bool there = ::fstatat(at.directory.get(), covered.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
            bool other = there && (st.st_dev != covered.device || st.st_ino != covered.inode);
            if (other) say_replaced(at, covered.name);
            if (other || doubting) TRY(again(at, covered, other, covers));
        }
    }
    return Done{};
}

Result<std::vector<ns::Cover>> Guard::look() {
    std::vector<ns::Cover> covers;
    if (!begun_) TRY(begin(covers));
    else if (!all_.unwatched.empty()) TRY(look_at_everything(covers, false));
    if (!all_.inotify) return covers;
    alignas(inotify_event) char buffer[16 << 10];
    for (;;) {
        auto n = sys::read_some(all_.inotify.get(), buffer);
        if (!n && n.error().err == EAGAIN) break;
        std::size_t size = TRY(std::move(n));
        for (std::size_t i = 0; i < size;) {
            inotify_event event;
            std::memcpy(&event, buffer + i, sizeof event);
            std::string name = event.len == 0 ? "" : std::string(buffer + i + sizeof event); // ends with zeros
            i += sizeof event + event.len;
            bool lost = (event.mask & IN_Q_OVERFLOW) != 0, there = (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0;
            if (lost) TRY(look_at_everything(covers, true));
            for (std::size_t p = 0; p < all_.places.size(); ++p) {
                Place& at = all_.places[p];
                if (!at.left && at.watch == event.wd && !name.empty()) heard(at, name, there, covers);
            }
        }
    }
    TRY(failed_);
    return covers;
}

std::vector<std::string> Guard::settle() {
    if (all_.inotify) (void)look(); // there is nothing to cover any more
    for (std::size_t i = 0; i < all_.places.size(); ++i)
        if (!all_.places[i].left) look_at_all(all_.places[i]);
    for (const Place& at : all_.places) {
        auto repository = at.whole && !at.left ? is_repository(at.directory) : Result<bool>(true);
        if (repository && !*repository)
            say(on_host(all_, at, ""), " is no git directory any more: HEAD, objects or refs is missing");
    }
    std::vector<std::string> lines;
    if (!all_.unwatched.empty())
        lines.push_back(
            "what the host would run was not watched while the jail ran, only looked at ten times a second: "
            "inotify: " +
            all_.unwatched + " (see /proc/sys/fs/inotify)");
    for (const auto& [path, said] : said_)
        lines.push_back(said.first + (said.times > 1 ? " (" + std::to_string(said.times) + " times)" : ""));
    return lines;
}

} // namespace ajail::cli
