// SPDX-License-Identifier: Apache-2.0
// See store.h. The names in the store are chosen by the user, the contents by whoever ran inside: nothing in a root
// filesystem is ever followed.
#include "store/store.h"

#include "spec/procfs.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <climits>
#include <fts.h>
#include <memory>
#include <optional>
#include <set>
#include <sys/file.h>
#include <sys/random.h>

namespace ajail::store {

using sys::Call;
using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

constexpr std::size_t kRandomLetters = 8;
constexpr std::size_t kSmall = 64 << 10;  // an os-release is a few hundred bytes
constexpr std::size_t kLongestName = 200; // of a distribution

Result<std::string> random_letters() {
    static constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::array<unsigned char, kRandomLetters> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) < 0) return sys::failed(Call::read);
    std::string text;
    for (unsigned char byte : bytes) text += kLetters[byte % (sizeof kLetters - 1)];
    return text;
}

// HOME, HOME/SHELF: made with the first thing in it.
Result<Fd> open_shelf(const std::string& home, const char* shelf) {
    for (const std::string& path : {home, home + "/" + shelf}) {
        Status made = sys::mkdirat(AT_FDCWD, path.c_str(), 0700);
        if (!made && made.error().err != EEXIST) return made.error();
    }
    return sys::open((home + "/" + shelf).c_str(), O_RDONLY | O_DIRECTORY);
}

bool is_temporary(const std::string& name) {
    return name.starts_with('.') && name.size() > kRandomLetters + 2 && name[name.size() - kRandomLetters - 1] == '~';
}

// Only these are removed from a directory that is not the store's: nobody else's files have such names.
constexpr std::string_view kScratch = ".ajail~";
bool is_scratch(const std::string& name) {
    return name.starts_with(kScratch) && name.size() == kScratch.size() + kRandomLetters;
}

// Who may write to a directory can give any other in it a scratch directory's name, also one of ours. But its owner and
// its mode it keeps, and no directory that is of use to somebody has this one.
bool is_scratch(const Fd& dir, unsigned owner) {
    struct stat st {};
    return ::fstat(dir.get(), &st) == 0 && (st.st_mode & 01777U) == sys::kScratchMode &&
           (st.st_uid == owner || st.st_uid == ::geteuid());
}

// A directory of ours without permissions. Never what a symlink leads to that somebody puts there meanwhile.
bool make_accessible(int dir, const std::string& name) {
    auto there = sys::openat(dir, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    return there && ::chmod(("/proc/self/fd/" + std::to_string((*there).get())).c_str(), 0700) == 0;
}

// The scratch directory NAME in PARENT, which is open as DIR: what is in DIR, whatever has that name by now.
Status remove_scratch(int parent, const std::string& name, const Fd& dir, const Remover& remover) {
    std::vector<std::string> names = TRY(sys::names_in(dir.get()));
    for (const std::string& entry : names) TRY(remover(dir.get(), entry));
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) < 0) return sys::failed(Call::rmdir);
    return Done{};
}

// What killed processes left in the directory PARENT, which is not only ours.
void remove_abandoned_in(int parent, unsigned owner, const Remover& remover) {
    auto names = sys::names_in(parent);
    if (!names) return;
    for (const std::string& name : *names) {
        if (!is_scratch(name)) continue;
        auto dir = sys::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (dir && is_scratch(*dir, owner) && sys::flock((*dir).get(), LOCK_EX))
            (void)remove_scratch(parent, name, *dir, remover);
    }
}

// HOME/scratch, locked: a symlink of its own name for each scratch directory, wherever that is. Empty if it cannot be
// had. Made if TO_ADD, as is HOME.
Fd open_known_scratch(const std::string& home, bool to_add) {
    std::string path = home + "/scratch";
    auto open = [&] { return sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW); };
    for (int tries = 0; tries < 4; ++tries) { // the last one to leave removes it
        auto known = open();
        if (!known && known.error().err == ENOENT && to_add) {
            for (const std::string& dir : {home, path})
                if (::mkdir(dir.c_str(), 0700) < 0 && errno != EEXIST) return {};
            known = open();
        }
        if (!known) return {};
        struct stat now {};
        if (::flock((*known).get(), LOCK_EX) < 0) return {};
        struct stat st = {};
        if (::fstat((*known).get(), &st) == 0 && ::stat(path.c_str(), &now) == 0 && st.st_ino == now.st_ino)
            return std::move(known).take();
    }
    return {};
}

void forget_scratch(const std::string& home, const std::string& name) {
    Fd known = open_known_scratch(home, false);
    if (!known) return;
    (void)::unlinkat(known.get(), name.c_str(), 0); // another may have been faster
    (void)::rmdir((home + "/scratch").c_str());     // unless there are others
}

struct Abandoned {
    std::string name;
    Fd parent, dir; ///< the directory, locked; empty if it is gone
};

// The scratch directory that the link NAME tells of, unless somebody uses it, or it is out of reach for now.
std::optional<Abandoned> look_at_scratch(int known, const std::string& name, unsigned owner) {
    std::array<char, PATH_MAX> target{};
    ssize_t size = ::readlinkat(known, name.c_str(), target.data(), target.size());
    std::string path(target.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    // Only what create() would have written: never a directory with another name.
    if (!path.starts_with('/') || !path.ends_with("/" + name)) return std::nullopt;
    auto parent = sys::open(path.substr(0, path.size() - name.size()).c_str(), O_RDONLY | O_DIRECTORY);
    if (!parent) {
        if (parent.error().err == ENOENT) return Abandoned{name, {}, {}};
        return std::nullopt;
    }
    auto dir = sys::openat((*parent).get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!dir && dir.error().err == ENOENT) return Abandoned{name, {}, {}};
    if (!dir || !is_scratch(*dir, owner) || !sys::flock((*dir).get(), LOCK_EX)) return std::nullopt;
    return Abandoned{name, std::move(parent).take(), std::move(dir).take()};
}

struct Locked {
    std::string name;
    Fd dir;
};

// A new directory PREFIXxxxxxxxx in PARENT, locked. Whoever cleans up may get in between: then another.
Result<Locked> make_locked(int parent, const std::string& prefix, mode_t mode) {
    for (int tries = 0; tries < 16; ++tries) {
        std::string letters = TRY(random_letters());
        std::string name = prefix + letters;
        TRY(sys::mkdirat(parent, name.c_str(), mode));
        auto dir = sys::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (dir && sys::flock((*dir).get(), LOCK_EX) && sys::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW))
            return Locked{name, std::move(dir).take()};
        (void)::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
    }
    return sys::refused(EAGAIN);
}

// How many directories deep a tree is removed in place; what lies deeper is moved up first, so that neither our
// stack nor our descriptors are somebody else's to use up.
constexpr int kDeep = 64;

// The directory NAME, ready to be emptied. Neither a symlink nor a mount is entered.
Result<Fd> open_to_empty(int dir, const std::string& name) {
    auto open = [&] {
        return sys::openat2(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    };
    auto opened = open();
    if (!opened && opened.error().err == EACCES) {
        if (!make_accessible(dir, name)) return sys::failed(Call::open);
        opened = open();
    }
    Fd inner = TRY(std::move(opened));
    (void)::fchmod(inner.get(), 0700); // if it fails, the unlinks that follow say so
    return inner;
}

Status remove_below(int dir, const std::string& name, int top, int depth) {
    if (::unlinkat(dir, name.c_str(), 0) == 0) return Done{};
    if (errno != EISDIR) return sys::failed(Call::unlink);
    Fd inner = TRY(open_to_empty(dir, name));
    if (depth == kDeep) {
        std::string letters = TRY(random_letters());
        if (::renameat2(dir, name.c_str(), top, letters.c_str(), RENAME_NOREPLACE) < 0)
            return sys::failed(Call::rename);
        return Done{};
    }
    std::vector<std::string> names = TRY(sys::names_in(inner.get()));
    for (const std::string& entry : names) TRY(remove_below(inner.get(), entry, top, depth + 1));
    if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) < 0) return sys::failed(Call::rmdir);
    return Done{};
}

struct CloseFts {
    void operator()(FTS* walk) const { (void)::fts_close(walk); }
};

// As du(1): blocks, a hard-linked file once, other file systems not. What cannot be read is not counted.
std::uint64_t disk_usage(const std::string& path) {
    std::string copy = path;
    std::array<char*, 2> roots = {copy.data(), nullptr};
    std::unique_ptr<FTS, CloseFts> walk(::fts_open(roots.data(), FTS_PHYSICAL | FTS_COMFOLLOW | FTS_XDEV, nullptr));
    std::set<ino_t> linked;
    std::uint64_t blocks = 0;
    while (const FTSENT* entry = walk ? ::fts_read(walk.get()) : nullptr) {
        bool counts = entry->fts_info != FTS_DP && entry->fts_info != FTS_NS && entry->fts_info != FTS_ERR;
        const struct stat* st = entry->fts_statp;
        if (!counts || (!S_ISDIR(st->st_mode) && st->st_nlink > 1 && !linked.insert(st->st_ino).second)) continue;
        blocks += static_cast<std::uint64_t>(st->st_blocks);
    }
    return blocks * 512;
}

// A small regular file inside a root filesystem, whatever its links and names pretend to be.
std::string small_file(int root, const char* path) {
    constexpr std::uint64_t kHow = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    auto file = sys::open_regular(root, path, kHow);
    if (!file) return {};
    auto text = sys::read_all((*file).get(), kSmall);
    return text ? *text : std::string();
}

// PRETTY_NAME of os-release(5), a shell assignment; empty if there is none.
std::string pretty_name(int root) {
    std::string text = small_file(root, "etc/os-release");
    if (text.empty()) text = small_file(root, "usr/lib/os-release");
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view line = spec::take_line(rest);
        constexpr std::string_view kKey = "PRETTY_NAME=";
        if (!line.starts_with(kKey)) continue;
        std::string value;
        for (std::size_t i = kKey.size(); i < line.size(); ++i) {
            if (line[i] == '\\' && i + 1 < line.size()) value += line[++i];
            else if (line[i] != '"' && line[i] != '\'') value += line[i];
        }
        return value.substr(0, kLongestName);
    }
    return {};
}

} // namespace

Result<Fd> open_own(const std::string& dir) {
    constexpr int kAsIs = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    auto opened = sys::open(dir.c_str(), kAsIs);
    if (!opened && opened.error().err == ENOENT) {
        for (const std::string& path : {dir.substr(0, dir.rfind('/')), dir}) {
            Status made = sys::mkdirat(AT_FDCWD, path.c_str(), 0700);
            if (!made && made.error().err != EEXIST) return made.error();
        }
        opened = sys::open(dir.c_str(), kAsIs);
    }
    Fd own = TRY(std::move(opened));
    struct stat st = TRY(sys::fstat(own.get()));
    if (st.st_uid != ::geteuid() || (st.st_mode & 077U) != 0) return sys::refused(EPERM);
    return own;
}

// Nobody holds its lock.
void remove_abandoned(int shelf, const Remover& remover) {
    auto names = sys::names_in(shelf);
    if (!names) return;
    for (const std::string& name : *names) {
        if (!is_temporary(name)) continue;
        auto dir = sys::openat(shelf, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!dir && dir.error().err == EACCES && make_accessible(shelf, name)) // an archive said so
            dir = sys::openat(shelf, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (dir && sys::flock((*dir).get(), LOCK_EX)) (void)remover(shelf, name);
    }
}

std::vector<std::string> names_on(const std::string& home, const char* shelf) {
    auto fs = sys::open((home + "/" + shelf).c_str(), O_RDONLY | O_DIRECTORY);
    if (!fs) return {};
    auto names = sys::names_in((*fs).get());
    if (!names) return {};
    std::vector<std::string> found;
    for (const std::string& name : *names) {
        bool directory = bool(sys::openat((*fs).get(), name.c_str(), O_PATH | O_DIRECTORY));
        if (directory && good_name(name)) found.push_back(name);
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<std::string> root_filesystems(const std::string& home) { return names_on(home, "fs"); }

bool good_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || name[0] == '.' || name[0] == '-') return false;
    return std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-');
    });
}

Result<Partial> Partial::create(const std::string& home, const std::string& name, Remover remover,
                                const char* shelf) {
    Partial partial;
    partial.remover_ = std::move(remover);
    partial.fs_ = TRY(open_shelf(home, shelf));
    remove_abandoned(partial.fs_.get(), partial.remover_);
    if (sys::openat(partial.fs_.get(), name.c_str(), O_PATH | O_NOFOLLOW)) return sys::refused(EEXIST);
    Locked made = TRY(make_locked(partial.fs_.get(), "." + name + "~", 0755));
    partial.name_ = name;
    partial.path_ = home + "/" + shelf + "/" + made.name;
    partial.dir_ = std::move(made.dir);
    partial.temporary_ = std::move(made.name); // from here on the destructor removes it
    return partial;
}

Partial::~Partial() {
    if (fs_ && !temporary_.empty()) (void)remover_(fs_.get(), temporary_);
}

Status Partial::commit() {
    if (::renameat2(fs_.get(), temporary_.c_str(), fs_.get(), name_.c_str(), RENAME_NOREPLACE) < 0)
        return sys::failed(Call::rename);
    temporary_.clear();
    dir_.reset(); // and with it the lock: it can be used
    return Done{};
}

Result<Scratch> Scratch::create(const std::string& home, const std::string& dir, unsigned owner, Remover remover) {
    Scratch scratch;
    scratch.remover_ = std::move(remover);
    scratch.parent_ = TRY(sys::open(dir.c_str(), O_RDONLY | O_DIRECTORY));
    remove_abandoned_in(scratch.parent_.get(), owner, scratch.remover_);
    // Held until the directory is locked: between the two it would look abandoned.
    Fd known = open_known_scratch(home, true);
    auto locked = make_locked(scratch.parent_.get(), std::string(kScratch), sys::kScratchMode);
    if (!locked && known) (void)::rmdir((home + "/scratch").c_str()); // unless there are others
    Locked made = TRY(std::move(locked));
    if (!is_scratch(made.dir, owner)) return sys::refused(EPERM); // somebody has put another one there
    scratch.path_ = dir + "/" + made.name;
    scratch.dir_ = std::move(made.dir);
    scratch.name_ = std::move(made.name); // from here on the destructor removes it
    // Where it cannot be noted down (a home that is read-only), only the next one in DIR removes it.
    if (known && sys::symlinkat(scratch.path_.c_str(), known.get(), scratch.name_.c_str())) scratch.home_ = home;
    else if (known) (void)::rmdir((home + "/scratch").c_str());
    if (owner != ::geteuid()) TRY(sys::fchown(scratch.dir_.get(), owner, owner));
    return scratch;
}

Scratch::~Scratch() { (void)remove(); }

Status Scratch::remove() {
    if (!parent_ || name_.empty()) return Done{};
    std::string name = std::exchange(name_, {});
    TRY(remove_scratch(parent_.get(), name, dir_, remover_));
    if (!home_.empty()) forget_scratch(home_, name);
    return Done{};
}

void remove_abandoned_scratch(const std::string& home, unsigned owner, const Remover& remover) {
    Fd known = open_known_scratch(home, false);
    if (!known) return;
    auto names = sys::names_in(known.get());
    if (!names) return;
    if ((*names).empty()) (void)::rmdir((home + "/scratch").c_str()); // whoever has made it was killed just then
    std::vector<Abandoned> found;
    for (const std::string& name : *names)
        if (auto abandoned = is_scratch(name) ? look_at_scratch(known.get(), name, owner) : std::nullopt)
            found.push_back(std::move(*abandoned));
    known.reset(); // the directories themselves are locked now
    for (const Abandoned& one : found)
        if (!one.dir || remove_scratch(one.parent.get(), one.name, one.dir, remover)) forget_scratch(home, one.name);
}

Status remove_tree(int dir, const std::string& name) {
    if (::unlinkat(dir, name.c_str(), 0) == 0) return Done{};
    if (errno != EISDIR) return sys::failed(Call::unlink);
    Fd top = TRY(open_to_empty(dir, name));
    for (;;) {
        std::vector<std::string> names = TRY(sys::names_in(top.get()));
        if (names.empty()) break;
        for (const std::string& entry : names) TRY(remove_below(top.get(), entry, top.get(), 0));
    }
    if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) < 0) return sys::failed(Call::rmdir);
    return Done{};
}

Status empty_directory(int dir) {
    std::vector<std::string> names = TRY(sys::names_in(dir));
    for (const std::string& entry : names) TRY(remove_tree(dir, entry));
    return Done{};
}

Status remove(const std::string& shelf, const std::string& name, const Remover& remover) {
    Fd fs = TRY(sys::open(shelf.c_str(), O_RDONLY | O_DIRECTORY));
    remove_abandoned(fs.get(), remover);
    struct stat st {};
    if (name.find('/') != std::string::npos || is_temporary(name)) return sys::refused(ENOENT);
    if (::fstatat(fs.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return sys::failed(Call::fstat);
    if (S_ISLNK(st.st_mode)) { // somebody's shortcut to a directory elsewhere, which is not ours to remove
        if (::unlinkat(fs.get(), name.c_str(), 0) < 0) return sys::failed(Call::unlink);
        return Done{};
    }
    if (!S_ISDIR(st.st_mode)) return sys::refused(ENOTDIR);
    auto locked = lock_at(fs.get(), name, Hold::exclusive);
    if (!locked && locked.error().err == EACCES) {
        if (!make_accessible(fs.get(), name)) return sys::failed(Call::open);
        locked = lock_at(fs.get(), name, Hold::exclusive);
    }
    Fd held = TRY(std::move(locked));
    return take_away(fs.get(), name, remover);
}

Status take_away(int dir, const std::string& name, const Remover& remover) {
    std::string letters = TRY(random_letters());
    std::string temporary = "." + name.substr(0, 64) + "~" + letters;
    if (::renameat2(dir, name.c_str(), dir, temporary.c_str(), RENAME_NOREPLACE) < 0)
        return sys::failed(Call::rename);
    return remover(dir, temporary);
}

Result<Details> look_into(const std::string& path) {
    Details details;
    Fd dir = TRY(sys::open(path.c_str(), O_PATH | O_DIRECTORY));
    struct statx st {};
    if (::statx(dir.get(), "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &st) < 0) return sys::failed(Call::fstat);
    details.made = (st.stx_mask & STATX_BTIME) != 0 ? st.stx_btime.tv_sec : st.stx_mtime.tv_sec;
    details.size = disk_usage(path);
    details.pretty_name = pretty_name(dir.get());
    if (auto readable = sys::openat(dir.get(), ".", O_RDONLY | O_DIRECTORY))
        details.in_use = holders((*readable).get());
    return details;
}

} // namespace ajail::store
