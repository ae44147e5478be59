// SPDX-License-Identifier: Apache-2.0
// How each command's words are read: one table of options a command, from which its parser and its help are made, and
// against which the manual is tested.
#pragma once

#include "cli/options.h"
#include "cli/version.h"
#include "cli/words.h"
#include "spec/plan.h"

#include <algorithm>
#include <array>
#include <span>

namespace ajail::cli {

/// Stands for the value that an option was given without; no argument can contain it.
inline constexpr std::string_view kBare("", 1);

enum class Takes { nothing, value, optional_value };

struct Option {
    const char* name; ///< without dashes
    Takes takes;
    const char* value; ///< its name in the help
    const char* group;
    const char* help;
};

inline constexpr Option kOther[] = {
    {"help", Takes::nothing, "", "Other", "print this help"},
    {"version", Takes::nothing, "", "Other", "print the version"},
};

inline constexpr std::pair<std::string_view, const char*> kLetters[] = {
    {"p", "packages"}, {"s", "suite"}, {"m", "mirror"}, {"h", "help"}};

/// Returned by parse_*().
[[noreturn]] inline void wrong(const std::string& message) { throw Wrong{message}; }

class Parser {
public:
    /// ALSO: read as well, and not told in the help.
    Parser(std::string usage, const char* description, std::span<const Option> options,
           std::span<const Option> also = {})
        : usage_(std::move(usage)), description_(description), tables_{kOther, options, also} {}

    // Takes the options out of WORDS, up to `--` or, where words are not MIXED with options, `-` or the first other
    // word. SEEN gets them in their order, once all are known to be options. What is returned is to be shown instead.
    template <class Seen> std::optional<Shown> read(std::vector<std::string>& words, bool mixed, Seen seen) {
        std::vector<std::pair<const Option*, std::string>> found;
        std::vector<std::string> rest;
        auto ends = [&](const std::string& word) { return word == "--" || (word == "-" && !mixed); };
        std::size_t at = 0;
        for (; at < words.size() && !ends(words[at]); ++at) {
            if (words[at].starts_with('-') && words[at] != "-") {
                const std::string name = found.emplace_back(read_one(words, at)).first->name;
                if (name == "help") return Shown{help()};
                if (name == "version") return Shown{version()};
            } else if (mixed) rest.push_back(std::move(words[at]));
            else break;
        }
        if (at < words.size() && ends(words[at])) ++at;
        std::move(words.begin() + static_cast<std::ptrdiff_t>(at), words.end(), std::back_inserter(rest));
        words = std::move(rest);
        for (const auto& [option, value] : found) seen(option->name, value);
        return std::nullopt;
    }

private:
    std::pair<const Option*, std::string> read_one(const std::vector<std::string>& words, std::size_t& at) const {
        const std::string& word = words[at];
        std::size_t start = word.starts_with("--") ? 2 : 1, equals = word.find('=');
        const Option* option = find(std::string_view(word).substr(start, equals - start));
        if (option == nullptr) {
            std::vector<std::string_view> names;
            for (std::span<const Option> table : tables_)
                for (const Option& one : table) names.emplace_back(one.name);
            std::string other = nearest(std::string_view(word).substr(start, equals - start), names);
            wrong("unknown option " + spec::escape(word) + (other.empty() ? "" : "; did you mean --" + other + "?"));
        }
        std::string name = option->name;
        if (name == "help" || name == "version") return {option, ""};
        if (equals != std::string::npos) {
            if (option->takes == Takes::nothing) wrong("--" + name + " takes no value");
            if (equals + 1 == word.size()) wrong("--" + name + "= needs a value after the =");
            return {option, word.substr(equals + 1)};
        }
        if (option->takes != Takes::value) return {option, std::string(kBare)};
        if (at + 1 >= words.size()) wrong("--" + name + " needs a value");
        return {option, words[++at]};
    }

    const Option* find(std::string_view name) const {
        for (auto [letter, full] : kLetters)
            if (name == letter) name = full;
        for (std::span<const Option> table : tables_)
            for (const Option& option : table)
                if (name == option.name) return &option;
        return nullptr;
    }

    // As in GNU's programs: what it is called, and from the same column on what it does.
    static std::string line(const Option& option) {
        constexpr std::size_t kColumn = 30;
        std::string text = "  ";
        for (auto [letter, full] : kLetters)
            if (std::string_view(full) == option.name && letter != "h") text += "-" + std::string(letter) + ",";
        text += std::string("--") + option.name;
        if (option.takes == Takes::value) text += std::string(" ") + option.value;
        if (option.takes == Takes::optional_value) text += "[=" + std::string(option.value) + "]";
        text.resize(std::max(text.size() + 1, kColumn), ' ');
        return text + option.help + "\n";
    }

    std::string help() const {
        std::string text = "Usage: " + usage_ + "\n" + description_ + "\n";
        std::string_view group;
        for (std::span<const Option> table : {tables_[0], tables_[1]})
            for (const Option& option : table) {
                if (group != option.group) text += std::string("\n") + option.group + ":\n";
                group = option.group;
                text += line(option);
            }
        return text;
    }

    std::string usage_;
    const char* description_;
    std::array<std::span<const Option>, 3> tables_;
};

template <class Options, class Read> std::variant<Options, Shown, Wrong> reading(Read read) {
    try {
        return read();
    } catch (const Wrong& wrong) {
        return wrong;
    }
}

inline std::vector<std::string> split(std::string_view text, char separator, bool backslash) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (backslash && text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == separator || text[i + 1] == '\\'))
            parts.back() += text[++i];
        else if (text[i] == separator) parts.emplace_back();
        else parts.back() += text[i];
    }
    return parts;
}

} // namespace ajail::cli
