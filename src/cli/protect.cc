// SPDX-License-Identifier: Apache-2.0
// See protect.h.
#include "cli/protect.h"

#include "cli/git.h"

#include <algorithm>
#include <optional>

namespace ajail::cli {

namespace {

constexpr const char* kList[] = {
#include "cli/protect.inc"
};

// What is left of PATH and of PATTERN where one of them ends; none if they differ before that.
std::optional<std::pair<std::string_view, std::string_view>> side_by_side(std::string_view path,
                                                                          std::string_view pattern) {
    while (!path.empty() && !pattern.empty()) {
        auto [name, rest] = first_name(path);
        auto [wanted, more] = first_name(pattern);
        if (name.empty() || !fits(wanted, name)) return std::nullopt;
        path = rest;
        pattern = more;
    }
    return std::pair(path, pattern);
}

bool begins_with(std::string_view path, std::string_view pattern) {
    auto left = side_by_side(path, pattern);
    return left && left->second.empty();
}

// PATTERN goes on where PATH ends.
bool is_above(std::string_view path, std::string_view pattern) {
    auto left = side_by_side(path, pattern);
    return left && left->first.empty() && !left->second.empty();
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
    for (std::string_view below = path; !below.empty(); below = first_name(below).second)
        for (const char* pattern : kList)
            if (is_above(below, pattern)) return true;
    return false;
}

} // namespace ajail::cli
