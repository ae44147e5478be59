// SPDX-License-Identifier: Apache-2.0
// Names become descriptors. Sources: opened on the host as the front end saw them, or refused.
// Destinations: resolved once, inside the new root, and made where they are missing. A root filesystem and a
// project are hostile: any component may be a symlink that points anywhere (CVE-2026-87766, CVE-2021-30465 are this
// class). Every lookup is scoped by the kernel; a string never decides where a write goes.
#include "mount/mount.h"

#include <algorithm>
#include <deque>

namespace ajail::mount {

namespace {

using sys::Fd;
using sys::Result;

constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
constexpr int kMaxLinks = 40; // as path_resolution(7)

void push_front(std::deque<std::string>& names, const std::string& path) {
    std::deque<std::string> front;
    for (std::size_t start = 0; start < path.size();) {
        std::size_t end = path.find('/', start);
        if (end == std::string::npos) end = path.size();
        if (end > start) front.push_back(path.substr(start, end - start));
        start = end + 1;
    }
    names.insert(names.begin(), front.begin(), front.end());
}

std::string joined(const std::deque<std::string>& names) {
    std::string path = ".";
    for (const std::string& name : names) path += "/" + name;
    return path;
}

// One component that is missing: made in its parent, if that may be written to.
Result<Fd> make(const Fd& parent, const std::string& name, bool directory, const MayMake& may_make) {
    if (!may_make(parent.get(), name, directory)) return sys::refused(EROFS);
    if (directory) {
        TRY(sys::mkdirat(parent.get(), name.c_str(), 0755));
        return sys::openat(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY);
    }
    TRY(sys::make_file(parent.get(), name.c_str(), 0644));
    return sys::openat(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW);
}

Result<Fd> make_parents(int root, const std::string& path, mode_t mode) {
    Fd parent = TRY(sys::openat2(root, ".", O_PATH | O_DIRECTORY, kInRoot));
    for (std::size_t start = 0; start < path.size();) {
        std::size_t end = std::min(path.find('/', start), path.size());
        std::string name = path.substr(start, end - start);
        start = end + 1;
        if (name.empty()) continue;
        auto made = sys::mkdirat(parent.get(), name.c_str(), mode);
        if (!made && made.error().err != EEXIST) return made.error();
        parent = TRY(sys::openat2(root, ("./" + path.substr(0, end)).c_str(), O_PATH | O_DIRECTORY, kInRoot));
    }
    return parent;
}

// What is missing of NAMES, below as many of them as lead to a directory; nothing (EEXIST) if a symlink is among the
// rest, which has to be followed name by name.
Result<Fd> make_below(int root, std::deque<std::string> names, bool directory, const MayMake& may_make) {
    if (std::any_of(names.begin(), names.end(), [](const std::string& name) { return name == "." || name == ".."; }))
        return sys::refused(EEXIST);
    std::deque<std::string> missing;
    Result<Fd> at = sys::refused(ENOENT);
    while (!at && at.error().err == ENOENT && !names.empty()) {
        missing.push_front(std::move(names.back()));
        names.pop_back();
        at = sys::openat2(root, joined(names).c_str(), O_PATH | O_DIRECTORY, kInRoot);
    }
    if (at) {
        auto there = sys::openat2((*at).get(), missing.front().c_str(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
        if (there) return sys::refused(EEXIST);
        if (there.error().err != ENOENT) return there.error();
    }
    for (std::size_t i = 0; at && i < missing.size(); ++i)
        at = make(*at, missing[i], directory || i + 1 < missing.size(), may_make);
    return at;
}

} // namespace

Result<Fd> find_source(const spec::Source& source) {
    if (source.resolve == spec::Resolve::follow) return sys::open(source.path.c_str(), O_PATH);
    // What has become a symlink since was not asked for. And no symlink climbs to `/` by `..`, where scratch is
    // mounted meanwhile.
    if (source.resolve == spec::Resolve::real)
        return sys::openat2(AT_FDCWD, source.path.c_str(), O_PATH, RESOLVE_NO_SYMLINKS);
    // Whoever may write to the parent of the working directory may have put something else at its name.
    const char* name = source.base_is_cwd ? "." : source.base.c_str();
    Fd base = TRY(sys::open(name, O_PATH | O_DIRECTORY));
    if (source.path.empty() || source.path == ".") return base;
    // Beneath: a jail that ran here before may have put a symlink in place of what is granted now.
    std::uint64_t how = source.resolve == spec::Resolve::beneath ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS : kInRoot;
    return sys::openat2(base.get(), source.path.c_str(), O_PATH, how);
}

Result<Fd> open_source(const spec::Source& source) {
    Fd fd = TRY(find_source(source));
    struct stat st = TRY(sys::fstat(fd.get()));
    if (S_ISLNK(st.st_mode)) return sys::refused(ELOOP);
    if (S_ISDIR(st.st_mode) != source.directory) return sys::refused(source.directory ? ENOTDIR : EISDIR);
    if (source.descriptor >= 0) {
        struct stat meant = TRY(sys::fstat(source.descriptor));
        if (st.st_dev != meant.st_dev || st.st_ino != meant.st_ino) return sys::refused(ESTALE);
    }
    return fd;
}

Result<Place> find_place(int root, const std::string& path, mode_t parents, Place known) {
    std::size_t last = path.find_last_not_of('/');
    std::string whole = last == std::string::npos ? "" : path.substr(0, last + 1);
    std::size_t slash = whole.rfind('/');
    std::string above = slash == std::string::npos ? "" : whole.substr(0, slash);
    std::string name = slash == std::string::npos ? whole : whole.substr(slash + 1);
    if (name.empty() || name == "." || name == "..") above = whole, name = "."; // a directory, in any case
    if (known.parent && known.above == above)
        return Place{std::move(known.parent), std::move(name), std::move(above)};
    auto parent = sys::openat2(root, ("./" + above).c_str(), O_PATH | O_DIRECTORY, kInRoot);
    if (!parent && parent.error().err == ENOENT) parent = make_parents(root, above, parents);
    if (!parent) return sys::as(sys::Call::parents, parent.error());
    return Place{std::move(parent).take(), std::move(name), std::move(above)};
}

Result<bool> make_place(const Place& place, bool directory, mode_t mode) {
    sys::Status made = directory ? sys::mkdirat(place.parent.get(), place.name.c_str(), mode)
                                 : sys::make_file(place.parent.get(), place.name.c_str(), mode);
    if (!made && made.error().err == EEXIST) return false;
    if (!made) return sys::as(sys::Call::target, made.error());
    return true;
}

Result<Fd> open_place(const Place& place, bool directory) {
    auto found = sys::openat2(place.parent.get(), place.name.c_str(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
    if (!found) return sys::as(sys::Call::target, found.error());
    struct stat st = TRY(sys::fstat((*found).get()));
    if (S_ISLNK(st.st_mode)) return sys::refused(ELOOP);
    if (S_ISDIR(st.st_mode) != directory) return sys::refused(directory ? ENOTDIR : EISDIR);
    return found;
}

Result<Fd> resolve(int root, const std::string& path, bool directory, const MayMake& may_make) {
    std::deque<std::string> todo, done; // done: components without symlinks
    push_front(todo, path);
    if (auto found = sys::openat2(root, joined(todo).c_str(), O_PATH, kInRoot); found || found.error().err != ENOENT)
        return found;
    if (auto made = make_below(root, todo, directory, may_make); made || made.error().err != EEXIST) return made;
    int links = 0;
    Fd made; // the last of DONE, if it was missing: nothing is in it
    while (!todo.empty()) {
        std::string name = std::move(todo.front());
        todo.pop_front();
        if (name == ".") continue;
        if (name == "..") {
            if (!done.empty()) done.pop_back();
            made.reset();
            continue;
        }
        if (made) {
            made = TRY(make(made, name, directory || !todo.empty(), may_make));
            done.push_back(std::move(name));
            continue;
        }
        Fd parent =
            TRY(sys::openat2(root, joined(done).c_str(), O_PATH | O_DIRECTORY, kInRoot | RESOLVE_NO_SYMLINKS));
        auto found = sys::openat2(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW,
                                  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
        if (!found) {
            if (found.error().err != ENOENT) return found;
            made = TRY(make(parent, name, directory || !todo.empty(), may_make));
        } else if (struct stat st = TRY(sys::fstat((*found).get())); S_ISLNK(st.st_mode)) {
            if (++links > kMaxLinks) return sys::refused(ELOOP);
            std::string to = TRY(sys::readlinkat((*found).get(), ""));
            if (to.starts_with('/')) done.clear();
            push_front(todo, to);
            continue;
        }
        done.push_back(std::move(name));
    }
    if (made) return made;
    return sys::openat2(root, joined(done).c_str(), O_PATH | O_NOFOLLOW, kInRoot | RESOLVE_NO_SYMLINKS);
}

} // namespace ajail::mount
