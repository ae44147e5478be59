// SPDX-License-Identifier: Apache-2.0
// See store.h. The names in the store are chosen by the user, the contents by whoever ran inside: nothing in a root
// filesystem is ever followed.
#include "store/store.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <dirent.h>
#include <memory>
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

struct CloseDir {
    void operator()(DIR* dir) const { (void)::closedir(dir); }
};

Result<std::vector<std::string>> names_in(int dir) {
    Fd copy = TRY(sys::openat(dir, ".", O_RDONLY | O_DIRECTORY));
    std::unique_ptr<DIR, CloseDir> stream(::fdopendir(copy.get()));
    if (!stream) return sys::failed(Call::getdents);
    (void)copy.release(); // the stream's now
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(std::move(name));
        errno = 0;
    }
    if (errno != 0) return sys::failed(Call::getdents);
    return names;
}

Result<std::string> random_letters() {
    static constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::array<unsigned char, kRandomLetters> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) < 0) return sys::failed(Call::read);
    std::string text;
    for (unsigned char byte : bytes) text += kLetters[byte % (sizeof kLetters - 1)];
    return text;
}

// HOME, HOME/fs: made with the store's first root filesystem.
Result<Fd> open_store(const std::string& home) {
    for (const std::string& path : {home, home + "/fs"}) {
        Status made = sys::mkdirat(AT_FDCWD, path.c_str(), 0700);
        if (!made && made.error().err != EEXIST) return made.error();
    }
    return sys::open((home + "/fs").c_str(), O_RDONLY | O_DIRECTORY);
}

bool is_temporary(const std::string& name) {
    return name.starts_with('.') && name.size() > kRandomLetters + 2 && name[name.size() - kRandomLetters - 1] == '~';
}

// What killed processes left: nobody holds its lock.
void remove_abandoned(int fs) {
    auto names = names_in(fs);
    if (!names) return;
    for (const std::string& name : *names) {
        if (!is_temporary(name)) continue;
        auto dir = sys::openat(fs, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (dir && ::flock((*dir).get(), LOCK_EX | LOCK_NB) == 0) (void)remove_tree(fs, name);
    }
}

} // namespace

std::vector<std::string> root_filesystems(const std::string& home) {
    auto fs = sys::open((home + "/fs").c_str(), O_RDONLY | O_DIRECTORY);
    if (!fs) return {};
    auto names = names_in((*fs).get());
    if (!names) return {};
    std::vector<std::string> found;
    for (const std::string& name : *names) {
        bool directory = bool(sys::openat((*fs).get(), name.c_str(), O_PATH | O_DIRECTORY));
        if (directory && !is_temporary(name)) found.push_back(name);
    }
    std::sort(found.begin(), found.end());
    return found;
}

bool good_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || name[0] == '.' || name[0] == '-') return false;
    return std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-');
    });
}

Result<Partial> Partial::create(const std::string& home, const std::string& name) {
    Partial partial;
    partial.fs_ = TRY(open_store(home));
    remove_abandoned(partial.fs_.get());
    if (sys::openat(partial.fs_.get(), name.c_str(), O_PATH | O_NOFOLLOW)) return sys::refused(EEXIST);
    std::string letters = TRY(random_letters());
    std::string temporary = "." + name + "~" + letters;
    TRY(sys::mkdirat(partial.fs_.get(), temporary.c_str(), 0755));
    partial.name_ = name;
    partial.temporary_ = temporary; // from here on the destructor removes it
    partial.path_ = home + "/fs/" + temporary;
    partial.dir_ = TRY(sys::openat(partial.fs_.get(), temporary.c_str(), O_RDONLY | O_DIRECTORY));
    if (::flock(partial.dir_.get(), LOCK_EX | LOCK_NB) < 0) return sys::failed(Call::open);
    return partial;
}

Partial::~Partial() {
    if (fs_ && !temporary_.empty()) (void)remove_tree(fs_.get(), temporary_);
}

Status Partial::commit() {
    if (::renameat2(fs_.get(), temporary_.c_str(), fs_.get(), name_.c_str(), RENAME_NOREPLACE) < 0)
        return sys::failed(Call::rename);
    temporary_.clear();
    return Done{};
}

Status remove_tree(int dir, const std::string& name) {
    if (::unlinkat(dir, name.c_str(), 0) == 0) return Done{};
    if (errno != EISDIR && errno != EPERM) return sys::failed(Call::unlink);
    auto opened = sys::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!opened && opened.error().err == EACCES) {
        // Ours, without permissions. The parent is not shared with anybody who could swap it for a symlink.
        if (::fchmodat(dir, name.c_str(), 0700, 0) < 0) return sys::failed(Call::open);
        opened = sys::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    }
    Fd inner = TRY(std::move(opened));
    (void)::fchmod(inner.get(), 0700); // if it fails, the unlinks below say so
    std::vector<std::string> names = TRY(names_in(inner.get()));
    for (const std::string& entry : names) TRY(remove_tree(inner.get(), entry));
    if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) < 0) return sys::failed(Call::rmdir);
    return Done{};
}

} // namespace ajail::store
