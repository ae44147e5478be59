// SPDX-License-Identifier: Apache-2.0
// See procfs.h.
#include "spec/procfs.h"

namespace ajail::spec {

std::string_view take_line(std::string_view& text, char end) {
    std::string_view line = text.substr(0, text.find(end));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

std::string_view take_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    return word;
}

std::optional<std::string_view> field(std::string_view text, std::string_view name) {
    // Not line by line: a status has sixty, and is asked for twenty of them.
    for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
        std::string_view rest = text.substr(at + name.size());
        if ((at != 0 && text[at - 1] != '\n') || !rest.starts_with(':')) continue;
        rest.remove_prefix(1);
        return take_line(rest);
    }
    return std::nullopt;
}

std::uint64_t number_of(std::string_view text, std::string_view name, int base) {
    std::uint64_t number = 0;
    auto found = field(text, name);
    return found && take_number(*found, number, base) ? number : 0;
}

std::vector<unsigned> numbers_of(std::string_view text, std::string_view name) {
    std::vector<unsigned> numbers;
    auto found = field(text, name);
    for (unsigned number = 0; found && take_number(*found, number);) numbers.push_back(number);
    return numbers;
}

std::string cgroup_path(std::string_view cgroups) {
    std::size_t line = cgroups.starts_with("0::") ? 0 : cgroups.find("\n0::");
    std::size_t path = line == std::string_view::npos ? line : cgroups.find('/', line);
    if (path == std::string_view::npos) return {};
    return std::string(cgroups.substr(path, cgroups.find('\n', path) - path));
}

std::string unescape(std::string_view path) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        unsigned code = 0;
        bool octal = path[i] == '\\' && i + 3 < path.size() &&
                     std::from_chars(&path[i + 1], &path[i] + 4, code, 8).ptr == &path[i] + 4;
        out += octal ? static_cast<char>(code) : path[i];
        if (octal) i += 3;
    }
    return out;
}

} // namespace ajail::spec
