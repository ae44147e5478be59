// SPDX-License-Identifier: Apache-2.0
// See cover.h. Fixed names, looked at in the directories that they stand in: the project itself is not walked.
#include "cli/cover.h"

#include "cli/protect.h"
#include "spec/plan.h"
#include "sys/calls.h"

#include <algorithm>
#include <cstring>

namespace ajail::cli {

using spec::Bind;
using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

// A directory with fewer names is read at once, which takes less than to ask for each.
constexpr std::size_t kMany = 1000;

// By the first name of each; those first that mean all of it.
std::vector<Rule> rules_of(const std::vector<std::string>& patterns) {
    std::vector<Rule> rules;
    for (const std::string& pattern : patterns)
        if (auto [name, rest] = first_name(pattern); rest.empty()) rules.push_back({std::string(name)});
    std::size_t whole = rules.size();
    for (const std::string& pattern : patterns) {
        auto [name, rest] = first_name(pattern);
        if (rest.empty()) continue;
        std::string first(name);
        auto same = std::find_if(rules.begin() + static_cast<std::ptrdiff_t>(whole), rules.end(),
                                 [&](const Rule& rule) { return rule.name == first; });
        if (same == rules.end()) same = rules.insert(rules.end(), Rule{first});
        same->below.emplace_back(rest);
    }
    return rules;
}

} // namespace

Result<Fd> find(const Fd& dir, const std::string& name) {
    auto found = sys::openat2(dir.get(), name.c_str(), O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (!found && found.error().err == ENOENT) return Fd();
    return found;
}

Result<bool> has(const Fd& dir, const char* name) {
    struct stat st {};
    if (::fstatat(dir.get(), name, &st, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno == ENOENT) return false;
    return sys::failed(sys::Call::fstat);
}

Result<bool> is_directory(const Fd& fd) {
    struct stat st = TRY(sys::fstat(fd.get()));
    return S_ISDIR(st.st_mode);
}

bool is_accessible(const Fd& directory, int mode) { return ::faccessat(directory.get(), ".", mode, AT_EACCESS) == 0; }

Listing::Listing(const Fd& dir) : dir_(dir) {
    auto names = sys::names_in(dir.get(), kMany);
    if (!names) {
        read_ = names.error();
        return;
    }
    all_ = (*names).size() < kMany;
    if (all_) names_ = std::move(names).take();
    std::sort(names_.begin(), names_.end()); // a Plan is the same each time
}

Result<std::vector<std::string>> Listing::of(const Rule& rule) const {
    std::vector<std::string> out;
    bool plain = rule.name.find('*') == std::string::npos;
    if (!all_ && plain && TRY(has(dir_, rule.name.c_str()))) out.push_back(rule.name);
    if (!all_ && plain) return out;
    TRY(Status(read_));
    for (const std::string& name : all_ ? names_ : TRY(sys::names_in(dir_.get())))
        if (fits(rule.name, name)) out.push_back(name);
    std::sort(out.begin(), out.end());
    return out;
}

std::string join(const std::string& path, const std::string& name) {
    return path.empty() || name.empty() ? path + name : path + "/" + name;
}

std::string on_host(const Places& all, const Place& at, const std::string& name) {
    return join(join(spec::host_path(all.grants[at.grant].source), at.path), name);
}

bool is_covered(const Place& at, const std::string& name) {
    return std::any_of(at.covered.begin(), at.covered.end(), [&](const Covered& c) { return c.name == name; });
}

std::string Covering::shown(const std::string& path) const {
    return join(spec::host_path(all_.grants[grant_].source), path);
}

Place& Covering::place(Fd directory, const std::string& path) {
    Place* free = nullptr;
    for (Place& at : all_.places) {
        if (!at.left && at.grant == grant_ && at.path == path) return at;
        if (at.left) free = &at;
    }
    if (free == nullptr) free = &all_.places.emplace_back();
    *free = Place{std::move(directory), path, grant_};
    if (all_.inotify) watch(all_, *free);
    return *free;
}

// Who cannot read it is not told of what happens in it.
void watch(Places& all, Place& at) {
    auto number = sys::inotify_watch(all.inotify.get(), at.directory.get());
    if (number) at.watch = *number;
    else if (number.error().err != EACCES) all.unwatched = std::strerror(number.error().err);
}

void Covering::bind(const std::string& path, bool directory, bool writable) {
    const Bind& grant = all_.grants[grant_];
    Bind bind = grant;
    bind.source.path = grant.source.path == "." ? path : join(grant.source.path, path);
    bind.source.directory = directory;
    bind.source.submounts = false;
    bind.target = join(grant.target, path);
    bind.writable = writable;
    binds_.push_back(std::move(bind));
}

Result<Fd> Covering::look(const Fd& dir, const std::string& above, const std::string& name) {
    auto found = find(dir, name);
    if (!found) all_.in_the_way = shown(join(above, name));
    return found;
}

Status Covering::cover(Place& at, const std::string& name, const Fd& found, Rule::Kind kind) {
    struct stat st = TRY(sys::fstat(found.get()));
    bool writable = kind == Rule::repository && S_ISDIR(st.st_mode);
    std::string path = join(at.path, name);
    bind(path, S_ISDIR(st.st_mode), writable);
    auto same = std::find_if(at.covered.begin(), at.covered.end(), [&](const Covered& c) { return c.name == name; });
    if (same == at.covered.end()) same = at.covered.insert(at.covered.end(), Covered{name});
    *same = {name, kind, writable, 0, st.st_dev, st.st_ino};
    if (S_ISREG(st.st_mode) && st.st_nlink > 1) all_.linked.push_back(shown(path));
    return Done{};
}

Status Covering::listed(Place& at, const std::vector<std::string>& patterns) {
    Listing listing(at.directory);
    for (Rule& rule : rules_of(patterns)) {
        auto found = listing.of(rule);
        if (!found && (found.error().err != EACCES || !at.path.empty())) return found.error();
        std::vector<std::string> names; // of the top, nobody finds what has no fixed name
        if (found) names = std::move(found).take();
        for (const std::string& name : names) {
            if (is_covered(at, name)) continue;
            Fd fd = TRY(look(at.directory, at.path, name));
            if (!fd) continue;
            bool whole = rule.below.empty(), directory = !whole && TRY(is_directory(fd));
            // What cannot be looked into may have anything in it.
            if (directory) whole = !is_accessible(fd, R_OK | X_OK);
            if (whole) TRY(cover(at, name, fd, Rule::listed));
            else if (directory) TRY(listed(place(std::move(fd), join(at.path, name)), rule.below));
        }
        at.rules.push_back(std::move(rule));
    }
    return Done{};
}

} // namespace ajail::cli
