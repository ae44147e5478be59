// SPDX-License-Identifier: Apache-2.0
// See protect.h.
#include "cli/protect.h"

#include "cli/git.h"

#include <algorithm>

namespace ajail::cli {

namespace {

constexpr const char* kList[] = {
#include "cli/protect.inc"
};

bool begins_with(std::string_view path, std::string_view pattern) {
    while (!pattern.empty()) {
        auto [wanted, more] = first_name(pattern);
        auto [name, rest] = first_name(path);
        if (name.empty() || !fits(wanted, name)) return false;
        pattern = more;
        path = rest;
    }
    return true;
}

} // namespace

std::span<const char* const> protected_by_default() { return kList; }

bool fits(std::string_view pattern, std::string_view name) {
    std::size_t star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == name;
    if (!name.starts_with(pattern.substr(0, star))) return false;
    std::string_view after = pattern.substr(star + 1);
    for (std::size_t start = star; start <= name.size(); ++start)
        if (fits(after, name.substr(start))) return true;
    return false;
}

std::pair<std::string_view, std::string_view> first_name(std::string_view path) {
    std::size_t slash = std::min(path.find('/'), path.size());
    return {path.substr(0, slash), path.substr(std::min(slash + 1, path.size()))};
}

bool is_pattern(std::string_view pattern) {
    if (pattern.empty() || pattern.ends_with('/')) return false;
    while (!pattern.empty()) {
        auto [name, rest] = first_name(pattern);
        // More stars than names have use for would take for ever to compare.
        bool much = std::count(name.begin(), name.end(), '*') > 4;
        if (name.empty() || name == "." || name == ".." || much) return false;
        pattern = rest;
    }
    return true;
}

bool host_runs(std::string_view path) {
    bool in_git = false; // where a HEAD makes nothing new
    for (std::string_view below = path; !below.empty();) {
        auto [name, rest] = first_name(below);
        if (name == ".git" && (rest.empty() || git_runs(rest))) return true;
        in_git = in_git || name == ".git";
        if (name == "HEAD" && rest.empty() && !in_git) return true;
        for (const char* pattern : kList)
            if (begins_with(below, pattern)) return true;
        below = rest;
    }
    return false;
}

bool host_runs_below(std::string_view path) {
    // PATTERN goes on where PATH ends.
    auto above = [](std::string_view pattern, std::string_view dir) {
        while (!dir.empty()) {
            auto [name, rest] = first_name(dir);
            auto [wanted, more] = first_name(pattern);
            if (more.empty() || !fits(wanted, name)) return false;
            dir = rest;
            pattern = more;
        }
        return true;
    };
    for (std::string_view below = path; !below.empty(); below = first_name(below).second)
        for (const char* pattern : kList)
            if (above(pattern, below)) return true;
    return false;
}

} // namespace ajail::cli
