// SPDX-License-Identifier: Apache-2.0
// See settle.h. A line a path: what it was, and its name, escaped.
#include "store/settle.h"

#include "spec/plan.h"
#include "spec/procfs.h"
#include "store/make.h"

#include <cinttypes>
#include <cstdio>
#include <deque>
#include <unordered_set>

namespace ajail::store {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

constexpr std::size_t kLargest = std::size_t{1} << 30;
constexpr std::string_view kHead = "ajail base 1\n";

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

std::string line(const std::string& path, const Note& note) {
    std::string escaped = spec::escape(path);
    if (note.what != Note::present) return (note.what == Note::absent ? "- " : "! ") + escaped + "\n";
    std::array<char, 128> numbers{};
    (void)std::snprintf(numbers.data(), numbers.size(),
                        "%" PRIu64 " %" PRIo64 " %" PRId64 " %" PRId64 " %" PRId64 " ", note.inode, note.mode,
                        note.size, note.modified, note.status);
    return (note.ours ? "+ " : "") + (numbers.data() + escaped) + "\n";
}

bool take_line(std::string_view text, Notes& notes) {
    Note note{.ours = text.starts_with("+ ")};
    if (note.ours) text.remove_prefix(2);
    std::string_view escaped = text.size() < 2 ? std::string_view() : text.substr(2);
    if (text.starts_with("- ")) note.what = Note::absent;
    else if (text.starts_with("! ")) note.what = Note::changed;
    else {
        int end = 0;
        note.what = Note::present;
        std::string whole(text);
        int fields = std::sscanf(whole.c_str(), "%" SCNu64 " %" SCNo64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n",
                                 &note.inode, &note.mode, &note.size, &note.modified, &note.status, &end);
        if (fields != 5 || text.size() <= static_cast<std::size_t>(end)) return false;
        escaped = text.substr(static_cast<std::size_t>(end) + 1);
    }
    auto path = spec::unescaped(escaped);
    if (path) notes.emplace(std::move(*path), note);
    return path.has_value();
}

class Settling {
public:
    Settling(const Layer& layer, const Notes& old, std::int64_t since, const Seen& seen)
        : layer_(layer), old_(old), since_(since) {
        if (auto found = seen.find(layer.id); found != seen.end()) seen_ = &found->second;
    }

    Result<Note> note(const std::string& path, const Entry& kept, const Entry& below) {
        bool replaced =
            replaced_.contains(directory_of(path)) || TRY(is_replaced(path, below)) || TRY(is_removed(kept, below));
        if (replaced && (kept.is(S_IFDIR) || below.is(S_IFDIR))) replaced_.insert(path);
        Note now = note_of(below);
        auto had = old_.find(path);
        if (had != old_.end() && had->second == now) return had->second;
        bool same = kept.there() == below.there() &&
                    (!kept.there() || !TRY(difference(kept, below, Count::what_is_carried_over)).any());
        // What apply has made, also by one that was killed; a link to it has changed its status.
        if (same && had != old_.end())
            now.ours = now.what == Note::present &&
                       (had->second.what == Note::absent || (had->second.ours && had->second.inode == now.inode));
        if (same) return now;
        if (had != old_.end()) return had->second;
        bool touched = now.status >= since_ && now.status != 0;
        return touched || replaced ? Note{.what = Note::changed} : now;
    }

private:
    static std::string directory_of(const std::string& path) {
        std::size_t slash = path.rfind('/');
        return slash == std::string::npos ? std::string() : path.substr(0, slash);
    }

    // A directory that was moved to its place is as old as before, with all that is in it. But its own status has changed, and
    // what it was moved to has one name more.
    Result<bool> is_replaced(const std::string& path, const Entry& below) const {
        bool top = path.empty() || layer_.kind == Layer::file;
        if (top) return layer_.inode != 0 && below.there() && below.st.st_ino != layer_.inode;
        if (!below.is(S_IFDIR) || nanoseconds(below.st.st_ctim) < since_) return false;
        if (seen_ != nullptr)
            if (auto known = seen_->find(path); known != seen_->end()) return known->second != below.st.st_ino;
        return has_changed(below.dir);
    }

    // What was copied up has lain below, by this name or by the one that it had then.
    Result<bool> is_removed(const Entry& kept, const Entry& below) const {
        if (below.there() || !kept.there() || below.dir < 0 || !has_overlay_mark(kept, "origin")) return false;
        return has_changed(below.dir);
    }

    // Something in it was made, removed or renamed, perhaps.
    Result<bool> has_changed(int dir) const {
        struct stat st = TRY(sys::fstat(dir));
        return nanoseconds(st.st_ctim) >= since_;
    }

    const Layer& layer_;
    const Notes& old_;
    std::int64_t since_;
    const std::unordered_map<std::string, std::uint64_t>* seen_ = nullptr;
    std::unordered_set<std::string> replaced_; ///< directories
};

Status settle_layer(const Kept& kept, const Layer& layer, int base, bool last, const Seen& seen) {
    if (layer.kind == Layer::home) return Done{};
    auto opened = open_sides(kept, layer);
    if (!opened && (opened.error().err == ENOENT || opened.error().err == ELOOP || opened.error().err == ENOTDIR))
        return Done{}; // what lay below is gone, and nothing can be applied there
    Sides sides = TRY(std::move(opened));
    Notes old = TRY(read_notes(kept, layer.id));
    Settling settling(layer, old, *kept.since(), seen);
    std::string text(kHead);
    std::vector<Problem> problems;
    walk(
        sides,
        [&](const std::string& path, const Entry& its, const Entry& below) -> Status {
            text += line(path, TRY(settling.note(path, its, below)));
            return Done{};
        },
        problems);
    // A path without a note is never applied.
    for (const Problem& problem : problems)
        if (!last && (problem.err == EACCES || problem.err == EPERM)) return sys::refused(problem.err);
    return replace_file(base, layer.id, text);
}

// The nearest ones first. What cannot be looked at is not known.
void look_at_directories(int top, std::size_t most, std::unordered_map<std::string, std::uint64_t>& found) {
    std::deque<std::string> waiting{""};
    for (; !waiting.empty(); waiting.pop_front()) {
        const std::string& path = waiting.front();
        auto dir = sys::openat2(top, path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY, kBeneath);
        auto names = dir ? sys::directories_in((*dir).get())
                         : Result<std::vector<std::pair<std::string, std::uint64_t>>>(dir.error());
        if (!names) continue;
        for (auto& [name, inode] : *names) {
            if (found.size() >= most) return;
            std::string below = path.empty() ? name : path + "/" + name;
            found.emplace(below, inode);
            waiting.push_back(std::move(below));
        }
    }
}

} // namespace

Note note_of(const Entry& below) {
    if (!below.there()) return {};
    Note note{.what = Note::present, .inode = below.st.st_ino, .mode = below.st.st_mode};
    if (below.is(S_IFDIR)) return note; // what is in it has notes of its own
    note.size = below.st.st_size;
    note.modified = nanoseconds(below.st.st_mtim);
    note.status = nanoseconds(below.st.st_ctim);
    return note;
}

Result<Notes> read_notes(const Kept& kept, const std::string& id) {
    Notes notes;
    auto opened = sys::open_regular(kept.dir(), ("base/" + id).c_str(), RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (!opened && opened.error().err == ENOENT) return notes;
    Fd file = TRY(std::move(opened));
    std::string text = TRY(sys::read_all(file.get(), kLargest));
    if (!text.starts_with(kHead)) return sys::refused(EINVAL);
    std::string_view rest = std::string_view(text).substr(kHead.size());
    while (!rest.empty())
        if (!take_line(spec::take_line(rest), notes)) return sys::refused(EINVAL);
    return notes;
}

Seen look_at_directories(const Kept& kept, std::size_t most) {
    Seen seen;
    for (const Layer& layer : kept.layers()) {
        auto top = layer.kind == Layer::directory ? sys::open(layer.source.c_str(), O_RDONLY | O_DIRECTORY)
                                                  : Result<Fd>(sys::refused(EINVAL));
        if (top) look_at_directories((*top).get(), most, seen[layer.id]);
    }
    return seen;
}

Status settle(Kept& kept, bool last, const Seen& seen) {
    if (!kept.since()) return Done{};
    Status made = sys::mkdirat(kept.dir(), "base", 0700);
    if (!made && made.error().err != EEXIST) return made;
    Fd base = TRY(sys::openat(kept.dir(), "base", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    for (const Layer& layer : kept.layers()) TRY(settle_layer(kept, layer, base.get(), last, seen));
    return kept.settled();
}

} // namespace ajail::store
