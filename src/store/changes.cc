// SPDX-License-Identifier: Apache-2.0
// See changes.h.
#include "store/changes.h"

#include "spec/spec.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace ajail::store {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

Result<State> state_of(const Entry& entry) {
    State state{.mode = entry.st.st_mode, .size = entry.there() ? entry.st.st_size : 0, .target = {}};
    if (entry.is(S_IFLNK)) state.target = TRY(sys::readlinkat(entry.dir, entry.name.c_str()));
    return state;
}

std::string_view parent(std::string_view path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view last_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

class Comparison {
public:
    Comparison(const Layer& layer, Changes& changes,
               const std::function<void(const std::string&, const Entry&)>& has_already)
        : layer_(layer), changes_(changes), has_already_(has_already) {}

    Status visit(const std::string& path, const Entry& kept, const Entry& below) {
        // The mode of a root filesystem's own directory is the jail's, whatever that of the one below.
        if (path.empty() && layer_.kind != Layer::directory) return Done{};
        std::string link_to;
        if (kept.is(S_IFREG) && kept.st.st_nlink > 1) {
            auto [first, fresh] = names_.try_emplace(kept.st.st_ino, path);
            if (!fresh) link_to = first->second;
        }
        if (kept.there() && below.there()) {
            Difference different = TRY(difference(kept, below));
            if (!different.any()) {
                if (has_already_) has_already_(path, below);
                return Done{};
            }
            return add(Change::modified, path, kept, below, std::move(different), link_to);
        }
        return add(kept.there() ? Change::added : Change::deleted, path, kept, below, {}, link_to);
    }

private:
    Status add(Change::Kind kind, const std::string& path, const Entry& kept, const Entry& below,
               Difference different, const std::string& link_to) {
        Change change{.kind = kind,
                      .path = path,
                      .from = {},
                      .link_to = {},
                      .before = TRY(state_of(below)),
                      .after = TRY(state_of(kept)),
                      .different = std::move(different)};
        change.link_to = link_to;
        changes_.list.push_back(std::move(change));
        return Done{};
    }

    const Layer& layer_;
    Changes& changes_;
    const std::function<void(const std::string&, const Entry&)>& has_already_;
    std::unordered_map<ino_t, std::string> names_;
};

// What the engine has made for mounts to be put on is none of the jail's doing.
void leave_out_mountpoints(const Layer& layer, std::vector<Change>& list) {
    if (layer.made.empty()) return;
    std::unordered_set<std::string> needed; // directories with something else in them
    auto is_mountpoint = [&](const Change& change) {
        std::string inside = path_inside(layer, change.path);
        // Of a root filesystem also files that are written anew for each jail, as resolv.conf.
        bool file = S_ISREG(change.after.mode) && change.kind != Change::renamed;
        if (file && (layer.kind == Layer::root || (change.kind == Change::added && change.after.size == 0)))
            return layer.made.contains(inside);
        if (change.kind != Change::added || needed.contains(change.path) || !S_ISDIR(change.after.mode)) return false;
        auto in = layer.made.lower_bound(inside);
        if (in != layer.made.end() && *in == inside) return true;
        in = layer.made.lower_bound(inside + "/");
        return in != layer.made.end() && in->starts_with(inside + "/");
    };
    std::vector<Change> rest;
    for (auto change = list.rbegin(); change != list.rend(); ++change) { // what is in a directory first
        if (is_mountpoint(*change)) continue;
        needed.emplace(parent(change->path));
        rest.push_back(std::move(*change));
    }
    list.assign(std::make_move_iterator(rest.rbegin()), std::make_move_iterator(rest.rend()));
}

Result<Fd> parent_of(const Fd& top, const std::string& path) {
    std::string above(parent(path));
    return sys::openat2(top.get(), above.empty() ? "." : above.c_str(), O_PATH | O_DIRECTORY,
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

// Deletions and additions that are one file: of the same size, then of the same sum, then compared. Of several that could
// be it, the one with the same last name.
class Renames {
public:
    Renames(const Sides& sides, std::vector<Change>& list) : sides_(sides), list_(list) {}

    void find() {
        for (const Change& change : list_) {
            if (change.kind == Change::deleted) deleted_sizes_.insert(change.before.size);
            if (change.kind == Change::added) added_sizes_.insert(change.after.size);
        }
        for (Change& change : list_) keys_.push_back(key(change));
        match(true);
        match(false);
        std::erase_if(list_, [&](const Change& change) {
            return change.kind == Change::deleted && gone_.contains(change.path);
        });
    }

private:
    // What two must have in common; empty for what is never told as renamed.
    std::string key(const Change& change) {
        bool deleted = change.kind == Change::deleted;
        if ((!deleted && change.kind != Change::added) || !change.link_to.empty()) return {};
        const State& state = deleted ? change.before : change.after;
        if (S_ISLNK(state.mode)) return "> " + state.target;
        bool both = deleted_sizes_.contains(state.size) && added_sizes_.contains(state.size);
        if (!S_ISREG(state.mode) || state.size == 0 || !both) return {};
        auto dir = parent_of(deleted ? sides_.below : sides_.kept, change.path);
        if (!dir) return {};
        auto sum = sum_of({.dir = (*dir).get(), .name = std::string(last_name(change.path))});
        return sum ? std::to_string(state.size) + " " + std::to_string(*sum) : std::string();
    }

    void match(bool same_name) {
        auto whole_key = [&](std::size_t i) {
            return same_name ? keys_[i] + "/" + std::string(last_name(list_[i].path)) : keys_[i];
        };
        std::unordered_map<std::string, std::vector<std::size_t>> deleted;
        for (std::size_t i = list_.size(); i-- > 0;) // the first is the next to be taken
            if (list_[i].kind == Change::deleted && !keys_[i].empty() && !gone_.contains(list_[i].path))
                deleted[whole_key(i)].push_back(i);
        for (std::size_t i = 0; i < list_.size(); ++i) {
            Change& change = list_[i];
            if (change.kind != Change::added || keys_[i].empty()) continue;
            auto found = deleted.find(whole_key(i));
            if (found == deleted.end() || found->second.empty()) continue;
            const Change& before = list_[found->second.back()];
            if (!same(before, change)) continue;
            change.kind = Change::renamed;
            change.from = before.path;
            change.before = before.before;
            change.different.mode = S_ISREG(change.after.mode) && before.before.mode != change.after.mode;
            gone_.insert(before.path);
            found->second.pop_back();
        }
    }

    bool same(const Change& before, const Change& after) const {
        if (S_ISLNK(after.after.mode)) return true;
        auto old_dir = parent_of(sides_.below, before.path), new_dir = parent_of(sides_.kept, after.path);
        if (!old_dir || !new_dir) return false;
        auto equal = same_content({.dir = (*old_dir).get(), .name = std::string(last_name(before.path))},
                                  {.dir = (*new_dir).get(), .name = std::string(last_name(after.path))});
        return equal && *equal;
    }

    const Sides& sides_;
    std::vector<Change>& list_;
    std::unordered_set<std::int64_t> deleted_sizes_, added_sizes_;
    std::vector<std::string> keys_;
    std::unordered_set<std::string> gone_;
};

} // namespace

bool Changes::denied() const {
    return std::any_of(problems.begin(), problems.end(),
                       [](const Problem& one) { return one.err == EACCES || one.err == EPERM; });
}

Changes compare(const Sides& sides, const Layer& layer, bool renames,
                const std::function<void(const std::string& path, const Entry& below)>& has_already) {
    Changes changes;
    Comparison comparison(layer, changes, has_already);
    walk(
        sides,
        [&](const std::string& path, const Entry& kept, const Entry& below) {
            return comparison.visit(path, kept, below);
        },
        changes.problems);
    leave_out_mountpoints(layer, changes.list);
    if (renames) Renames(sides, changes.list).find();
    std::stable_partition(changes.list.begin(), changes.list.end(),
                          [](const Change& change) { return change.kind == Change::deleted; });
    return changes;
}

} // namespace ajail::store
