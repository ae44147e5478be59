// SPDX-License-Identifier: Apache-2.0
// See settle.h. A line a path: what it was, and its name, escaped.
#include "store/settle.h"

#include "spec/plan.h"
#include "spec/procfs.h"

#include <cinttypes>
#include <cstdio>

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
    return numbers.data() + escaped + "\n";
}

bool take_line(std::string_view text, Notes& notes) {
    Note note;
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
    Settling(const Notes& old, std::int64_t since) : old_(old), since_(since) {}

    Result<Note> note(const std::string& path, const Entry& kept, const Entry& below) const {
        Note now = note_of(below);
        auto had = old_.find(path);
        if (had != old_.end() && had->second == now) return now;
        bool same = kept.there() == below.there() &&
                    (!kept.there() || !TRY(difference(kept, below, Count::what_is_carried_over)).any());
        if (same) return now;
        if (had != old_.end()) return had->second;
        bool gone = !below.there() && kept.there() && !overlay_mark(kept, "origin").empty(); // it was copied up
        bool touched = now.status >= since_ && now.status != 0;
        return gone || touched ? Note{.what = Note::changed} : now;
    }

private:
    const Notes& old_;
    std::int64_t since_;
};

Status settle_layer(const Kept& kept, const Layer& layer, int base, bool last) {
    if (layer.kind == Layer::home) return Done{};
    auto opened = open_sides(kept, layer);
    if (!opened && (opened.error().err == ENOENT || opened.error().err == ELOOP || opened.error().err == ENOTDIR))
        return Done{}; // what lay below is gone, and nothing can be applied there
    Sides sides = TRY(std::move(opened));
    Notes old = TRY(read_notes(kept, layer.id));
    Settling settling(old, *kept.since());
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

Status settle(Kept& kept, bool last) {
    if (!kept.since()) return Done{};
    Status made = sys::mkdirat(kept.dir(), "base", 0700);
    if (!made && made.error().err != EEXIST) return made;
    Fd base = TRY(sys::openat(kept.dir(), "base", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    for (const Layer& layer : kept.layers()) TRY(settle_layer(kept, layer, base.get(), last));
    return kept.settled();
}

} // namespace ajail::store
