// SPDX-License-Identifier: Apache-2.0
// See repository.h.
#include "cli/repository.h"

#include "cli/caller.h"
#include "spec/plan.h"
#include "spec/procfs.h"
#include "sys/calls.h"

#include <algorithm>
#include <climits>
#include <cstring>

namespace ajail::cli {

namespace {

constexpr const char* kGit = "/.git";

// A small file of a git directory, without the newline at its end.
std::optional<std::string> small_file(const std::string& path, std::size_t most = PATH_MAX) {
    auto file = sys::open_regular(AT_FDCWD, path.c_str(), RESOLVE_NO_SYMLINKS);
    auto text = file ? sys::read_all((*file).get(), most) : sys::Result<std::string>(file.error());
    if (!text) return std::nullopt;
    std::string line = *text;
    if (line.ends_with('\n')) line.pop_back();
    return line;
}

mode_t type_of(const std::string& path) {
    struct stat st {};
    return ::lstat(path.c_str(), &st) == 0 ? st.st_mode & S_IFMT : 0;
}

bool has_refs_and_objects(const std::string& git) {
    return type_of(git + "/HEAD") == S_IFREG && type_of(git + "/objects") == S_IFDIR &&
           type_of(git + "/refs") == S_IFDIR;
}

std::string above(const std::string& path) {
    std::string dir = path.substr(0, path.rfind('/'));
    return dir.empty() ? "/" : dir;
}

// The same path without links in its directory.
std::string settled(const std::string& path) {
    std::string dir = physical(above(path));
    return (dir == "/" ? "" : dir) + path.substr(path.rfind('/'));
}

// What the file TOP/.git names, if that knows of it: who wrote the file may have named any repository of the user's.
std::variant<Repository, Wrong> elsewhere(const std::string& top) {
    const std::string file = (top == "/" ? "" : top) + kGit;
    constexpr std::string_view kBefore = "gitdir: ";
    auto text = small_file(file);
    if (!text || !text->starts_with(kBefore) || text->find('\n') != std::string::npos)
        return Wrong{spec::escape(file) + " does not name a git directory"};
    std::string git = physical(absolute(text->substr(kBefore.size()), top));
    Wrong stranger{spec::escape(file) + " names " + spec::escape(git) +
                   ", which does not know of it; name the repository itself with --repo"};
    if (auto back = small_file(git + "/gitdir")) {
        auto common = small_file(git + "/commondir");
        std::string real = common ? physical(absolute(*common, git)) : "";
        if (settled(absolute(*back, git)) != file || above(git) != real + "/worktrees" || !has_refs_and_objects(real))
            return stranger;
        return Repository{top, git, real};
    }
    // A submodule's is in the git directory of the repository that it is in.
    auto outer = top == "/" ? Wrong{} : find_repository(above(top));
    auto* super = std::get_if<Repository>(&outer);
    if (super == nullptr || !spec::within(git, super->git + "/modules") || !has_refs_and_objects(git))
        return stranger;
    return Repository{top, git, git};
}

} // namespace

std::variant<Repository, Wrong> find_repository(const std::string& dir) {
    auto whole = [](const std::string& top, const std::string& git) -> std::variant<Repository, Wrong> {
        if (type_of(git + "/commondir") == 0) return Repository{top, git, git};
        return Wrong{spec::escape(git) + "/commondir names another git directory; name that one with --repo"};
    };
    for (std::string at = physical(dir);; at = above(at)) {
        std::string git = (at == "/" ? "" : at) + kGit;
        mode_t type = type_of(git);
        if (type == S_IFREG) return elsewhere(at);
        if (type == S_IFLNK)
            return Wrong{spec::escape(git) + " is a symbolic link, and is not followed; name the repository that it "
                                             "leads to with --repo"};
        if (type == S_IFDIR && has_refs_and_objects(git)) return whole(at, git);
        if (has_refs_and_objects(at)) return whole(at.ends_with(kGit) ? above(at) : at, at);
        if (at == "/") return Wrong{spec::escape(dir) + " is in no git repository (--repo=DIR names one)"};
    }
}

std::variant<std::vector<std::string>, Wrong> borrowed_objects(const std::string& common) {
    constexpr std::size_t kMost = 64; // git itself goes five deep
    constexpr std::size_t kLargest = 64 << 10;
    std::vector<std::string> found, open = {common + "/objects"};
    while (!open.empty()) {
        std::string objects = open.back(), file = objects + "/info/alternates";
        open.pop_back();
        if (type_of(file) == 0) continue;
        auto text = small_file(file, kLargest);
        if (!text) return Wrong{spec::escape(file) + " cannot be read, or is no file"};
        for (std::string_view rest = *text; !rest.empty();) {
            std::string line(spec::take_line(rest));
            if (line.empty() || line[0] == '#') continue;
            // git wants each directory on the way to be there, in a jail as well.
            if (std::string plain = absolute(line, objects); plain != line)
                return Wrong{spec::escape(file) + ": " + spec::escape(line) +
                             " is nothing that can be granted; write it there as " + spec::escape(plain)};
            if (spec::within(line, common) || std::find(found.begin(), found.end(), line) != found.end()) continue;
            if (found.size() == kMost) return Wrong{spec::escape(file) + ": too many directories"};
            found.push_back(line);
            open.push_back(line);
        }
    }
    return found;
}

bool good_branch(std::string_view name) {
    constexpr std::size_t kLongest = 200; // and a file name at that
    if (name.empty() || name.size() > kLongest || name[0] == '-' || name == "@" || name == "HEAD") return false;
    if (spec::escape(name) != name) return false; // git prints it as it is
    if (name.ends_with('.') || name.find("@{") != std::string_view::npos) return false;
    for (std::string_view rest = name;;) {
        std::size_t slash = rest.find('/');
        std::string_view part = rest.substr(0, slash);
        if (part.empty() || part[0] == '.' || part.ends_with(".lock") || part.find("..") != std::string_view::npos)
            return false;
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
    }
    constexpr std::string_view kNot = " ~^:?*[\\\x7f";
    return std::none_of(name.begin(), name.end(), [&](char c) {
        return static_cast<unsigned char>(c) < ' ' || kNot.find(c) != std::string_view::npos;
    });
}

std::optional<std::string> current_branch(const std::string& git) {
    constexpr std::string_view kBefore = "ref: refs/heads/";
    auto head = small_file(git + "/HEAD");
    if (!head || !head->starts_with(kBefore)) return std::nullopt;
    std::string name = head->substr(kBefore.size());
    if (!good_branch(name)) return std::nullopt;
    return name;
}

} // namespace ajail::cli
