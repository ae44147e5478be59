// SPDX-License-Identifier: Apache-2.0
// What the files of a procfs say, proc(5). Pure.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ajail::spec {

/// The first line of TEXT, which is without it then, or what else ends with END.
std::string_view take_line(std::string_view& text, char end = '\n');
/// Likewise its first word; empty if there is none.
std::string_view take_word(std::string_view& text);
/// Likewise the number that it begins with; false if it does not.
template <class Number> bool take_number(std::string_view& text, Number& number, int base = 10) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc();
}

/// What stands behind `NAME:` on a line of TEXT. (A task's name, which may contain anything, stands there escaped, so
/// each line is the kernel's.)
std::optional<std::string_view> field(std::string_view text, std::string_view name);
/// The first number of that; 0 if there is none.
std::uint64_t number_of(std::string_view text, std::string_view name, int base = 10);
/// All of its decimal numbers.
std::vector<unsigned> numbers_of(std::string_view text, std::string_view name);

/// The cgroup of version 2 in CGROUPS, a /proc/PID/cgroup (cgroups(7)); empty if there is none.
std::string cgroup_path(std::string_view cgroups);

/// A path of mountinfo, where `\040` and the like stand for what would end a word.
std::string unescape(std::string_view path);

} // namespace ajail::spec
