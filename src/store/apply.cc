// SPDX-License-Identifier: Apache-2.0
// See apply.h. Below the directory of the host everything is looked up anew, beneath it and through no link: a jail may have
// put links into its layer, and whoever works on the host into the directory. Each path is old or new, never half: who
// is killed leaves one file of a known name at the most, and the next one goes on.
#include "store/apply.h"

#include "store/make.h"

#include <algorithm>
#include <unordered_set>

namespace ajail::store {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

std::string parent(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}
std::string last_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// A directory that has been made, or opened up, to be filled gets its mode last; we may have been killed before.
bool still(const Note& now, const Note& base) {
    if (now == base) return true;
    return now.what == base.what && S_ISDIR(now.mode) && now.inode == base.inode &&
           now.mode == (base.mode | kUnfinished);
}

class Application {
public:
    Application(const Sides& sides, Notes notes, const Wishes& wishes)
        : sides_(sides), notes_(std::move(notes)), wishes_(wishes) {}

    Result<Applied> run(const Layer& layer) {
        Changes changes = compare(sides_, layer, false, [&](const std::string& path, const Entry& below) {
            auto note = notes_.find(path);
            if (note != notes_.end() && note->second != note_of(below) && wanted(path)) said_.already.push_back(path);
        });
        for (const Problem& problem : changes.problems) {
            if (!wishes_.last && (problem.err == EACCES || problem.err == EPERM)) return sys::refused(problem.err);
            if (wanted(problem.path)) refuse(problem.path, Change::modified, Why::failed, problem.err);
        }
        if (!wishes_.dry) discard_temporary();
        std::vector<const Change*> todo = choose(changes.list);
        all_ = todo.size();
        auto deleted = std::stable_partition(todo.begin(), todo.end(),
                                             [](const Change* one) { return one->kind == Change::deleted; });
        std::for_each(std::make_reverse_iterator(deleted), todo.rend(), [&](const Change* one) { each(*one); });
        auto directories =
            std::stable_partition(deleted, todo.end(), [](const Change* one) { return S_ISDIR(one->after.mode); });
        std::for_each(deleted, directories, [&](const Change* one) { prepare(*one); });
        std::for_each(directories, todo.end(), [&](const Change* one) { each(*one); });
        std::for_each(std::make_reverse_iterator(directories), std::make_reverse_iterator(deleted),
                      [&](const Change* one) { finish(*one); });
        restore();
        return std::move(said_);
    }

private:
    bool wanted(const std::string& path) const {
        return std::any_of(wishes_.paths.begin(), wishes_.paths.end(),
                           [&](const std::string& top) { return in_or_at(path, top); });
    }
    // A new directory that what is wanted is in.
    bool leads_to_wanted(const Change& change) const {
        return change.kind == Change::added && S_ISDIR(change.after.mode) &&
               std::any_of(wishes_.paths.begin(), wishes_.paths.end(),
                           [&](const std::string& top) { return in_or_at(top, change.path); });
    }

    // An empty one is all, and nobody's name.
    bool is_named(const std::string& path) const {
        return !path.empty() && std::find(wishes_.paths.begin(), wishes_.paths.end(), path) != wishes_.paths.end();
    }

    // What a change of mode gives to others and they had not: to write, or anything at the top itself, by which all else
    // is got at. Of what is new, as much as the caller's own programs would.
    mode_t withheld(const Change& change) const {
        bool is_new = change.kind == Change::added || change.different.type;
        if (S_ISLNK(change.after.mode) || is_named(change.path)) return 0;
        if (is_new) return change.after.mode & wishes_.umask & kOthersWrite;
        constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
        return change.after.mode & ~change.before.mode & (change.path.empty() ? kOthers : kOthersWrite);
    }
    mode_t mode_for(const Change& change) const { return change.after.mode & 01777 & ~withheld(change); }

    static bool mode_only(const Change& change) {
        const Difference& d = change.different;
        return change.kind == Change::modified && d.mode && !d.type && !d.content && d.attributes.empty();
    }
    // Of a mode, what is not carried over.
    bool nothing_left_of(const Change& change) const {
        return mode_only(change) && ((change.before.mode ^ change.after.mode) & ~kSetId & ~withheld(change)) == 0;
    }
    static bool nothing_but_heeded(const Change& change) {
        const Difference& d = change.different;
        return change.kind == Change::modified && !d.mode && !d.type && !d.content && !d.attributes.empty() &&
               std::all_of(d.attributes.begin(), d.attributes.end(), heeded_by_overlays);
    }

    // That PATH is or is in.
    std::optional<std::string> git_directory(const std::string& path) const {
        if (auto git = git_directory_in(path)) return git;
        return wishes_.all_git ? std::optional<std::string>("") : std::nullopt;
    }
    // It, or something in it, is wanted by its name.
    bool names_git(const std::string& path) const {
        return std::any_of(wishes_.paths.begin(), wishes_.paths.end(), [&](const std::string& top) {
            return !top.empty() && git_directory(top) && in_or_at(path, top);
        });
    }

    std::vector<const Change*> choose(const std::vector<Change>& list) {
        std::vector<const Change*> chosen;
        std::unordered_set<std::string> closed, gits; // directories that are left out
        for (const Change& change : list) {
            bool leads = !wanted(change.path); // made for what is in it, and nothing by itself
            if (leads && !leads_to_wanted(change)) continue;
            Why why = Why::failed;
            mode_t type = change.after.mode & S_IFMT;
            if (last_name(change.path) == wishes_.temporary) why = Why::reserved;
            else if (closed.contains(parent(change.path)) && change.kind == Change::added) why = Why::above_left_out;
            else if (leads) why = Why::failed;
            else if (auto git = git_directory(change.path); git && !wishes_.git && !names_git(change.path)) {
                if (gits.insert(*git).second) said_.left_out.push_back({*git, Change::modified, Why::git});
                continue;
            } else if (!is_named(change.path) && !change.path.empty() &&
                       wishes_.host_runs(change.path, change.after.mode))
                why = Why::host_runs;
            else if (nothing_left_of(change)) why = withheld(change) != 0 ? Why::others_write : Why::set_id;
            else if (nothing_but_heeded(change)) why = Why::overlay;
            else if (type == S_IFCHR || type == S_IFBLK || type == S_IFSOCK) why = Why::special;
            if (why == Why::failed) chosen.push_back(&change);
            else {
                said_.left_out.push_back({change.path, change.kind, why});
                bool is_new = change.kind == Change::added || change.different.type;
                if (is_new && S_ISDIR(change.after.mode)) closed.insert(change.path);
            }
        }
        return chosen;
    }

    void refuse(const std::string& path, Change::Kind kind, Why why, int err = 0) {
        said_.refused.push_back({path, kind, why, err});
        refused_.insert(path);
    }
    void refuse(const Change& change, Why why, int err = 0) { refuse(change.path, change.kind, why, err); }
    void failed(const Change& change, const sys::Error& error) {
        refuse(change,
               error.err == EEXIST      ? Why::changed
               : error.err == ENOTEMPTY ? Why::not_empty
                                        : Why::failed,
               error.err);
    }
    void carried(const Change& change) {
        said_.applied.push_back({change.path, change.kind});
        count();
    }
    void count() {
        if (wishes_.progress) wishes_.progress(++done_, all_);
    }

    Result<Fd> open_below(const std::string& path) const {
        return sys::openat2(sides_.below.get(), path.empty() ? "." : path.c_str(), O_PATH | O_DIRECTORY, kBeneath);
    }

    // The directory PATH of the host, and those that it is in, are what the jail has changed something in: not others that
    // were moved there, with all that is in them as old as before. ESTALE.
    Status is_what_it_was(const std::string& path) {
        if (known_.contains(path)) return Done{};
        if (!path.empty()) TRY(is_what_it_was(parent(path)));
        Fd dir = TRY(open_below(path));
        struct stat st = TRY(sys::fstat(dir.get()));
        if (is_another(path, st)) return sys::refused(ESTALE);
        known_.insert(path);
        return Done{};
    }
    // Than what is noted; what the jail has made is not.
    bool is_another(const std::string& path, const struct stat& st) const {
        auto base = notes_.find(path);
        return base != notes_.end() && S_ISDIR(base->second.mode) && st.st_ino != base->second.inode;
    }

    // Ready to be written in. Held, as the next one is often the same.
    Result<int> open_parent(const std::string& path) {
        if (held_ && held_path_ == path) return held_.get();
        TRY(is_what_it_was(path));
        Fd dir = TRY(open_below(path));
        struct stat st = TRY(sys::fstat(dir.get()));
        if (is_another(path, st)) return sys::refused(ESTALE);
        held_ = std::move(dir);
        held_path_ = path;
        if (wishes_.dry) return held_.get();
        constexpr mode_t kNeeded = S_IWUSR | S_IXUSR;
        if ((st.st_mode & kNeeded) != kNeeded && st.st_uid == ::geteuid()) {
            TRY(sys::chmod_path(held_.get(), (st.st_mode & 07777) | kUnfinished));
            opened_up_.emplace(path, st.st_mode & 07777);
        }
        return held_.get();
    }

    // What one that was killed has left, in one of the directories of the layer.
    void discard_temporary() const {
        std::unordered_set<std::string> seen;
        for (const auto& [path, note] : notes_) {
            std::string above = parent(path);
            if (!seen.insert(above).second) continue;
            auto dir =
                sys::openat2(sides_.below.get(), above.empty() ? "." : above.c_str(), O_PATH | O_DIRECTORY, kBeneath);
            if (dir) (void)discard((*dir).get(), wishes_.temporary); // what cannot be removed will be in the way
        }
    }

    // What is there now is what the jail has changed. Says why not.
    bool check(const Change& change, const Entry& now) {
        auto base = notes_.find(change.path);
        if (base == notes_.end()) return refuse(change, Why::unknown), false;
        if (base->second.what == Note::changed) return refuse(change, Why::changed_under), false;
        if (!still(note_of(now), base->second)) return refuse(change, Why::changed), false;
        return true;
    }

    // The place of CHANGE, if it may be carried over.
    std::optional<Place> place(const Change& change) {
        auto dir = open_parent(parent(change.path));
        if (!dir) {
            int err = dir.error().err;
            bool gone = err == ENOENT || err == ENOTDIR || err == ELOOP || err == EXDEV || err == ESTALE;
            if (wishes_.dry && gone && made_.contains(parent(change.path))) {
                made_.insert(change.path);
                if (!S_ISDIR(change.after.mode)) tell_rest(change), carried(change); // else finish() tells
            } else refuse(change, gone ? Why::no_parent : Why::failed, err);
            return std::nullopt;
        }
        Place at{*dir, last_name(change.path), wishes_.temporary, {}, mode_for(change)};
        auto now = look(at.dir, at.name);
        if (!now) return refuse(change, Why::failed, now.error().err), std::nullopt;
        if (!check(change, *now)) return std::nullopt;
        at.now = *now;
        return at;
    }

    void each(const Change& change) {
        auto at = place(change);
        if (!at) return;
        if (wishes_.dry) return dry(change, *at);
        Status done = change.kind == Change::deleted ? remove(change, *at)
                      : mode_only(change) && at->now.st.st_nlink == 1 // else it is that of other names as well
                          ? change_mode(at->now, at->mode)
                          : put(change, *at);
        if (!done) return failed(change, done.error());
        tell_rest(change);
        carried(change);
    }

    // What is not carried over of a file that is.
    void tell_rest(const Change& change) {
        if (S_ISREG(change.after.mode) && (change.after.mode & kSetId) != 0) leave_out(change, Why::set_id);
        if (withheld(change) != 0) leave_out(change, Why::others_write);
        if (!S_ISREG(change.after.mode)) return;
        Fd dir;
        auto kept = kept_entry(change, dir);
        auto its = kept ? attributes(*kept) : Result<Attributes>(kept.error());
        if (its &&
            std::any_of((*its).begin(), (*its).end(), [](const auto& one) { return heeded_by_overlays(one.first); }))
            leave_out(change, Why::overlay);
    }

    void leave_out(const Change& change, Why why) { said_.left_out.push_back({change.path, change.kind, why}); }

    void dry(const Change& change, const Place& at) {
        if (change.kind == Change::deleted && S_ISDIR(change.before.mode)) {
            auto dir = sys::openat2(at.dir, at.name.c_str(), O_RDONLY | O_DIRECTORY, kBeneath);
            auto names = dir ? sys::names_in((*dir).get()) : Result<std::vector<std::string>>(dir.error());
            bool all = names && std::all_of((*names).begin(), (*names).end(), [&](const std::string& name) {
                           return made_.contains(change.path + "/" + name);
                       });
            if (!all) return refuse(change, Why::not_empty);
        }
        made_.insert(change.path); // or removed
        tell_rest(change);
        carried(change);
    }

    // Of CHANGE, in the layer. The descriptor is for as long as what is returned is used.
    Result<Entry> kept_entry(const Change& change, Fd& dir) {
        std::string above = parent(change.path);
        dir =
            TRY(sys::openat2(sides_.kept.get(), above.empty() ? "." : above.c_str(), O_PATH | O_DIRECTORY, kBeneath));
        Entry entry = TRY(look(dir.get(), last_name(change.path)));
        if ((entry.st.st_mode & S_IFMT) != (change.after.mode & S_IFMT)) return sys::refused(ESTALE);
        return entry;
    }

    Status put(const Change& change, const Place& at) {
        Fd dir, first;
        Entry kept = TRY(kept_entry(change, dir));
        // Only what was carried over itself: never the host's own file, which would be the jail's under another name.
        auto base = notes_.find(change.link_to);
        bool ours = base != notes_.end() && (base->second.what == Note::absent || base->second.ours);
        if (ours && !wishes_.host_runs(change.link_to, change.after.mode)) first = same_file(change.link_to, kept);
        return put_file(at, kept, change.after.target, first);
    }

    // What has been carried over to PATH, if it is what KEPT is, too.
    Fd same_file(const std::string& path, const Entry& kept) {
        std::string above = parent(path);
        auto dir =
            sys::openat2(sides_.below.get(), above.empty() ? "." : above.c_str(), O_PATH | O_DIRECTORY, kBeneath);
        if (!dir) return {};
        auto there = look((*dir).get(), last_name(path));
        if (!there || !(*there).is(S_IFREG)) return {};
        auto different = difference(kept, *there, Count::what_is_carried_over);
        if (!different || (*different).any()) return {};
        auto file = sys::openat((*dir).get(), last_name(path).c_str(), O_PATH | O_NOFOLLOW);
        auto st = file ? sys::fstat((*file).get()) : Result<struct stat>(file.error());
        return st && (*st).st_ino == (*there).st.st_ino ? std::move(file).take() : Fd();
    }

    Status remove(const Change& change, const Place& at) {
        if (!S_ISDIR(change.before.mode)) return remove_file(at);
        if (held_path_ == change.path) held_.reset();
        if (::unlinkat(at.dir, at.name.c_str(), AT_REMOVEDIR) < 0) return sys::failed(sys::Call::rmdir);
        opened_up_.erase(change.path);
        return Done{};
    }

    // A directory is there, to be filled; its mode and attributes come last.
    void prepare(const Change& change) {
        bool is_new = change.kind == Change::added || change.different.type;
        if (!is_new) return;
        auto at = place(change);
        if (!at) return;
        if (wishes_.dry) {
            made_.insert(change.path);
            return;
        }
        if (Status made = put_directory(*at); !made) failed(change, made.error());
    }

    void finish(const Change& change) {
        bool is_new = change.kind == Change::added || change.different.type;
        if (refused_.contains(change.path)) return;
        if (wishes_.dry && is_new) return tell_rest(change), carried(change);
        auto dir = sys::openat2(sides_.below.get(), change.path.empty() ? "." : change.path.c_str(),
                                O_RDONLY | O_DIRECTORY, kBeneath);
        if (!dir) return refuse(change, Why::failed, dir.error().err);
        struct stat st {};
        if (::fstat((*dir).get(), &st) < 0) return refuse(change, Why::failed, errno);
        if (!is_new && !mode_is_known(change, st)) return;
        if ((change.after.mode & kSetId & ~st.st_mode) != 0) leave_out(change, Why::set_id);
        if (withheld(change) != 0) leave_out(change, Why::others_write);
        if (wishes_.dry) return carried(change);
        Fd above;
        auto kept = change.path.empty() ? Result<Entry>(Entry{.dir = sides_.kept.get(), .name = "."})
                                        : kept_entry(change, above);
        if (!kept) return refuse(change, Why::failed, kept.error().err);
        Status done = copy_attributes(*kept, {.dir = (*dir).get(), .name = ".", .st = st});
        // What the file system hands down from the directory above (chmod(2)) stays.
        mode_t mode = mode_for(change) | (st.st_mode & S_ISGID);
        if (done) done = sys::fchmod((*dir).get(), mode);
        if (!done) return refuse(change, Why::failed, done.error().err);
        opened_up_.erase(change.path);
        carried(change);
    }

    // Or it is a directory of ours that was made before we were killed. What else is in it counts for itself.
    bool mode_is_known(const Change& change, const struct stat& st) {
        auto base = notes_.find(change.path);
        if (base == notes_.end()) return refuse(change, Why::unknown), false;
        if (base->second.what != Note::present || !S_ISDIR(base->second.mode)) {
            if ((st.st_mode & 01777) == kUnfinished) return true;
            return refuse(change, Why::changed), false;
        }
        Note now{.what = Note::present, .inode = st.st_ino, .mode = st.st_mode};
        if (auto before = opened_up_.find(change.path); before != opened_up_.end())
            now.mode = (now.mode & S_IFMT) | before->second;
        if (!still(now, base->second)) return refuse(change, Why::changed), false;
        return true;
    }

    // What had to be opened up, and is not changed by the jail, is as it was.
    void restore() {
        for (auto one = opened_up_.rbegin(); one != opened_up_.rend(); ++one) {
            auto dir = sys::openat2(sides_.below.get(), one->first.empty() ? "." : one->first.c_str(),
                                    O_PATH | O_DIRECTORY, kBeneath);
            if (dir) (void)sys::chmod_path((*dir).get(), one->second);
        }
    }

    const Sides& sides_;
    Notes notes_;
    const Wishes& wishes_;
    Applied said_;
    std::unordered_set<std::string> refused_, made_;
    std::unordered_set<std::string> known_; ///< directories, by is_what_it_was()
    std::map<std::string, mode_t> opened_up_;
    std::size_t done_ = 0, all_ = 0;
    Fd held_;
    std::string held_path_;
};

} // namespace

bool in_or_at(const std::string& path, const std::string& top) {
    return top.empty() || path == top || (path.starts_with(top) && path[top.size()] == '/');
}

std::optional<std::string> git_directory_in(const std::string& path) {
    constexpr std::string_view kGit = "/.git/";
    std::size_t at = ("/" + path + "/").find(kGit);
    if (at == std::string::npos) return std::nullopt;
    return path.substr(0, at + kGit.size() - 2);
}

Result<Applied> apply(const Kept& kept, const Layer& layer, const Wishes& wishes) {
    Sides sides = TRY(open_sides(kept, layer));
    Notes notes = TRY(read_notes(kept, layer.id));
    return Application(sides, std::move(notes), wishes).run(layer);
}

} // namespace ajail::store
