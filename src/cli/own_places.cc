// SPDX-License-Identifier: Apache-2.0
// See own_places.h.
#include "cli/own_places.h"

#include "cli/caller.h"
#include "cli/protect.h"
#include "spec/plan.h"
#include "sys/calls.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <unistd.h>

namespace ajail::cli {

namespace {

using spec::within;
using sys::Done;
using sys::Status;

// Of all users; in each one's there is what its session takes commands by, and the jails that run.
constexpr const char* kRuntime = "/run/user";

// What the store has in it.
constexpr std::string_view kShelves[] = {"fs", "cache", "kept", "workspaces", "running", "scratch"};
// Of a workspace, what jails write anyway.
constexpr std::string_view kOfWorkspace[] = {"tree", "git", "outbox"};

bool is_any(std::span<const std::string_view> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// PATH, below the store: what later jails run or ajail goes by is there or in it.
bool on_a_shelf(std::string_view path) {
    auto [shelf, rest] = first_name(path);
    if (!is_any(kShelves, shelf)) return false;
    return shelf != "workspaces" || !is_any(kOfWorkspace, first_name(first_name(rest).second).first);
}

// PATH lies in a directory that is closed to the caller, and cannot be opened by it either. (Its owner is judged by the
// owner's bits alone; all whom a user namespace has no id for have one number.)
bool out_of_reach(std::string path) {
    struct stat st {};
    while (::stat(path.c_str(), &st) < 0 && errno == EACCES) path.resize(std::max<std::size_t>(path.rfind('/'), 1));
    return S_ISDIR(st.st_mode) && (st.st_uid != ::geteuid() || (st.st_mode & S_IXUSR) != 0);
}

// PATH without symbolic links, as far as it is there already; empty where no jail of the caller's comes to. What else cannot
// be looked at may be anywhere.
std::string where_it_will_be(std::string path) {
    std::string rest;
    for (;;) {
        auto real = real_path(path);
        if (real) return (*real == "/" && !rest.empty() ? "" : *real) + rest;
        if (real.error().err == EACCES && out_of_reach(path)) return {};
        if (real.error().err != ENOENT || path == "/")
            throw Wrong{spec::escape(path) + ": " + std::strerror(real.error().err)};
        std::size_t slash = path.rfind('/');
        rest.insert(0, path.substr(slash));
        path.resize(std::max<std::size_t>(slash, 1));
    }
}

// The symbolic links that PATH, an absolute one, leads through, each without any in front of it.
std::vector<std::string> links_of(const std::string& path) {
    constexpr std::size_t kMost = 40; // the kernel's own
    std::vector<std::string> links;
    std::string done, rest = path;
    while (!rest.empty() && links.size() <= kMost) {
        std::size_t slash = std::min(rest.find('/'), rest.size());
        std::string name = rest.substr(0, slash);
        rest.erase(0, slash + 1);
        if (name.empty() || name == ".") continue;
        if (name == "..") {
            done.resize(done.empty() ? 0 : done.rfind('/'));
            continue;
        }
        std::string here = done + "/" + name;
        auto to = sys::readlinkat(AT_FDCWD, here.c_str());
        if (!to) {
            done = here;
            continue;
        }
        links.push_back(here);
        if ((*to).starts_with('/')) done.clear();
        rest = *to + "/" + rest;
    }
    return links;
}

// A directory of the caller's alone, with those above it.
Status make(const std::string& path) {
    constexpr mode_t kOwners = 0700;
    Status made = sys::mkdirat(AT_FDCWD, path.c_str(), kOwners);
    if (!made && made.error().err == ENOENT && path.rfind('/') != 0) {
        if (Status above = make(path.substr(0, path.rfind('/'))); !above) return above;
        made = sys::mkdirat(AT_FDCWD, path.c_str(), kOwners);
    }
    return !made && made.error().err == EEXIST ? Status(Done{}) : made;
}

} // namespace

// Whichever of them is in use now: another session's ajail may use another.
void OwnPlaces::find() {
    found_ = true;
    store_ = where_it_will_be(ajail_home_);
    if (!store_.empty()) registries_ = {store_ + "/running"};
    const char* given = std::getenv("XDG_RUNTIME_DIR");
    std::string runtime = given != nullptr && *given == '/' ? where_it_will_be(absolute(given, "/")) : "";
    if (!runtime.empty()) registries_.push_back(runtime + "/ajail");
}

std::variant<std::vector<std::string>, Wrong> OwnPlaces::hidden_in(const std::string& source, bool writable,
                                                                   bool is_root) {
    std::vector<std::string> hidden;
    auto hide = [&](const std::string& place) {
        auto in = [&](const std::string& below) {
            return within(place, source + (source == "/" ? "" : "/") + below);
        };
        if (std::any_of(hidden.begin(), hidden.end(), [&](const std::string& path) { return in(path.substr(1)); }))
            return;
        if (::access(place.c_str(), F_OK) != 0 && !dry_) {
            // Where the caller may make nothing the jail may not either; and in another user's that is that one's.
            struct stat above {};
            bool others =
                ::stat(place.substr(0, place.rfind('/')).c_str(), &above) == 0 && above.st_uid != ::geteuid();
            Status made = others ? Status(sys::refused(EPERM)) : make(place);
            if (!made && made.error().err != EACCES && made.error().err != EPERM && made.error().err != EROFS)
                throw Wrong{spec::escape(place) +
                            " is not to be seen by the jail, and cannot be made: " + std::strerror(made.error().err)};
            if (!made) return;
        }
        hidden.push_back(place.substr(source == "/" ? 0 : source.size()));
    };
    try {
        if (!found_) find();
        const std::string shown = spec::escape(source);
        writable = writable && !store_.empty();
        bool in_store = writable && within(source, store_) && source != store_;
        std::string_view inside = in_store ? std::string_view(source).substr(store_.size() + 1) : "";
        bool edited = is_root && first_name(inside).first == "fs" && !first_name(inside).second.empty(); // --fs-edit
        if ((in_store && on_a_shelf(inside) && !edited) || (writable && source == store_))
            throw Wrong{shown + ": later jails run, and ajail apply takes, what this one could write there; grant "
                                "something else, or read-only (--ro); --fs=NAME --fs-edit changes a root filesystem"};
        if (writable && within(store_, source)) hide(store_);
        if (writable && absolute(ajail_home_, "/") != store_)
            for (const std::string& link : links_of(ajail_home_))
                if (within(link, source))
                    throw Wrong{shown + ": the jail could change the symbolic link " + spec::escape(link) +
                                ", by which ajail finds what later jails run; set AJAIL_HOME to what it points to"};
        if (within(kRuntime, source) && ::access(kRuntime, F_OK) == 0) hide(kRuntime);
        std::vector<std::string> registries = registries_;
        bool runtime = within(source, kRuntime);
        if (runtime && source != kRuntime)
            registries.push_back(source.substr(0, source.find('/', std::strlen(kRuntime) + 1)) + "/ajail");
        for (const std::string& place : registries) {
            if (within(source, place))
                throw Wrong{shown + ": your jails that run are noted down there, and by that this one could get into "
                                    "the others; grant something else"};
            if (within(place, source)) hide(place);
        }
        if (source == kRuntime)
            throw Wrong{shown + ": holds what the sessions of all users take commands by; grant what is "
                                "needed of it"};
    } catch (const Wrong& wrong) {
        return wrong;
    }
    return hidden;
}

} // namespace ajail::cli
