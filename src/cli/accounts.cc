// SPDX-License-Identifier: Apache-2.0
// See accounts.h. Read here and not through getpwnam(3) and the like: those know only the host's files, and a static
// binary cannot load NSS modules.
#include "cli/accounts.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

namespace ajail::cli {

namespace {

constexpr std::uint64_t kIds = 0xffffffff;                            // -1 is none
constexpr unsigned kFirstSubordinate = 100000, kSubordinates = 65536; // as useradd(8) gives them
constexpr std::size_t kMostGroups = 65536;                            // NGROUPS_MAX, setgroups(2)

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number > kIds) return std::nullopt;
    return number;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

// Calls SEEN with the fields of each line that has COUNT of them, until it says true.
template <class Seen> void each_line(std::string_view text, std::size_t count, Seen seen) {
    for (std::string_view line : split(text, '\n')) {
        // A line with a NUL in it is another one to programs in C.
        if (line.empty() || line[0] == '#' || line.find('\0') != std::string_view::npos) continue;
        std::vector<std::string_view> fields = split(line, ':');
        if (fields.size() == count && !fields[0].empty() && seen(fields)) return;
    }
}

template <class Wanted> std::optional<Account> find_account(std::string_view passwd, Wanted wanted) {
    std::optional<Account> found;
    each_line(passwd, 7, [&](const std::vector<std::string_view>& fields) {
        auto uid = parse_id(fields[2]), gid = parse_id(fields[3]);
        if (!uid || !gid || !wanted(fields[0], *uid)) return false;
        auto text = [&](std::size_t i, const char* otherwise) {
            return std::string(fields[i].starts_with('/') ? fields[i] : otherwise);
        };
        found = Account{std::string(fields[0]), *uid, *gid, text(5, "/"), text(6, "/bin/sh")};
        return true;
    });
    return found;
}

// All ranges, of whoever WANTED says.
template <class Wanted> std::vector<spec::IdRange> find_ranges(std::string_view subids, Wanted wanted) {
    std::vector<spec::IdRange> found;
    each_line(subids, 3, [&](const std::vector<std::string_view>& fields) {
        auto first = parse_number(fields[1]), count = parse_number(fields[2]);
        if (!first || !count || *count == 0 || *first >= kIds || !wanted(fields[0])) return false;
        unsigned length = static_cast<unsigned>(std::min(*count, kIds - *first));
        found.push_back({static_cast<unsigned>(*first), length});
        return false;
    });
    return found;
}

} // namespace

std::optional<unsigned> parse_id(std::string_view text) {
    auto number = parse_number(text);
    if (!number || *number >= kIds) return std::nullopt;
    return static_cast<unsigned>(*number);
}

std::optional<Account> account_named(std::string_view passwd, std::string_view name) {
    return find_account(passwd, [&](std::string_view its, unsigned) { return its == name; });
}

std::optional<Account> account_of(std::string_view passwd, unsigned uid) {
    return find_account(passwd, [&](std::string_view, unsigned its) { return its == uid; });
}

std::vector<unsigned> groups_of(std::string_view group, std::string_view name, unsigned gid) {
    std::vector<unsigned> found = {gid};
    std::unordered_set<unsigned> seen = {gid}; // a hostile file has millions of lines
    each_line(group, 4, [&](const std::vector<std::string_view>& fields) {
        auto id = parse_id(fields[2]);
        if (!id || seen.contains(*id)) return false;
        auto members = split(fields[3], ',');
        if (std::find(members.begin(), members.end(), name) == members.end()) return false;
        seen.insert(*id);
        found.push_back(*id);
        return found.size() == kMostGroups;
    });
    return found;
}

std::vector<spec::IdRange> ranges_of(std::string_view subids, std::string_view name, unsigned uid) {
    std::string number = std::to_string(uid);
    return find_ranges(subids, [&](std::string_view owner) { return owner == name || owner == number; });
}

unsigned free_ids(std::string_view subuids, std::string_view subgids) {
    auto anybody = [](std::string_view) { return true; };
    std::vector<spec::IdRange> taken = find_ranges(subuids, anybody), more = find_ranges(subgids, anybody);
    taken.insert(taken.end(), more.begin(), more.end());
    std::sort(taken.begin(), taken.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::uint64_t free = kFirstSubordinate;
    for (const spec::IdRange& range : taken)
        if (range.first < free + kSubordinates)
            free = std::max<std::uint64_t>(free, std::uint64_t{range.first} + range.count);
    return free + kSubordinates < kIds ? static_cast<unsigned>(free) : kFirstSubordinate;
}

std::optional<UserWish> parse_user(std::string_view text) {
    UserWish wish;
    std::size_t colon = text.find(':');
    std::string_view who = text.substr(0, colon);
    if (who.empty()) return std::nullopt;
    if (colon != std::string_view::npos) {
        wish.gid = parse_id(text.substr(colon + 1));
        if (!wish.gid) return std::nullopt;
    }
    if (auto uid = parse_id(who)) wish.uid = *uid;
    else if (who.find_first_not_of("0123456789") == std::string_view::npos) return std::nullopt; // no such id
    else wish.name = who;
    return wish;
}

std::optional<Who> who_is(const UserWish& wish, std::string_view passwd, std::string_view group) {
    auto account = wish.name.empty() ? account_of(passwd, wish.uid) : account_named(passwd, wish.name);
    if (!account && !wish.name.empty()) return std::nullopt;
    Who who;
    if (account) {
        who.ids = {account->uid, wish.gid.value_or(account->gid), {}};
        if (!wish.gid) who.ids.groups = groups_of(group, account->name, account->gid);
        who.account = *std::move(account);
    } else {
        who.ids = {wish.uid, wish.gid.value_or(wish.uid), {}};
        who.account = {std::to_string(wish.uid), who.ids.uid, who.ids.gid, "/", "/bin/sh"};
    }
    return who;
}

} // namespace ajail::cli
