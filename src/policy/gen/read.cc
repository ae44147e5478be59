// SPDX-License-Identifier: Apache-2.0
// Reads a .policy file: a rule a line, each with its reason behind `#`. Knows the grammar and the names of
// errors and syscalls, nothing about what a rule compiles to. What it does not understand stops the build.

#include "policy.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <linux/seccomp.h>
#include <optional>

namespace ajail::policy::gen {

namespace {

constexpr std::string_view kSpace = " \t\r";

std::vector<std::string_view> split_words(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        const auto start = text.find_first_not_of(kSpace);
        if (start == std::string_view::npos) return words;
        text.remove_prefix(start);
        const auto end = std::min(text.find_first_of(kSpace), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

/// Decimal, 0x hexadecimal or 0 octal, as in C; nothing else, and no overflow.
std::optional<std::uint64_t> number(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x")) {
        base = 16;
        text.remove_prefix(2);
    } else if (text.starts_with("0")) {
        base = 8;
    }
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

/// Aliases (EWOULDBLOCK, ENOTSUP, EDEADLOCK) are unknown: the disassembly prints one name a number.
std::optional<std::uint32_t> errno_of(std::string_view name) {
    constexpr int kMaxErrno = 4095; // the kernel's MAX_ERRNO
    for (int number = 1; number <= kMaxErrno; ++number) {
        const char* known = strerrorname_np(number);
        if (known != nullptr && name == known) return static_cast<std::uint32_t>(number);
    }
    return std::nullopt;
}

/// The words of one line and the place for complaints about them.
class Line {
public:
    Line(const Policy& policy, int line, std::string_view text)
        : policy_(policy), line_(line), words_(split_words(text)) {}

    bool empty() const { return next_ == words_.size(); }
    int line() const { return line_; }

    [[noreturn]] void fail(const std::string& what) const { gen::fail(policy_, line_, what); }

    std::string word(const char* expected) {
        if (empty()) fail(std::string("expected ") + expected + " at the end of the line");
        return std::string(words_[next_++]);
    }

    /// A syscall's name is next: in small letters, as errno names are not.
    bool at_name() const {
        if (empty() || words_[next_] == "if") return false;
        const char first = words_[next_][0];
        return (first >= 'a' && first <= 'z') || first == '_' || first == '?';
    }

    bool accept(std::string_view expected) {
        if (empty() || words_[next_] != expected) return false;
        ++next_;
        return true;
    }

    void finish() const {
        if (!empty()) fail("unexpected '" + std::string(words_[next_]) + "'");
    }

private:
    const Policy& policy_;
    int line_;
    std::vector<std::string_view> words_;
    std::size_t next_ = 0;
};

std::uint32_t read_errno(Line& line) {
    const std::string name = line.word("an errno name");
    const auto number = errno_of(name);
    if (!number) line.fail("unknown errno '" + name + "'");
    return SECCOMP_RET_ERRNO | *number;
}

std::uint64_t read_number(Line& line, const char* expected) {
    const std::string text = line.word(expected);
    const auto value = number(text);
    if (!value) line.fail("'" + text + "' is not a number of 64 bits");
    return *value;
}

Comparison read_comparison(Line& line) {
    Comparison comparison;
    const std::string arg = line.word("arg0 to arg5");
    if (arg.size() != 4 || !arg.starts_with("arg") || arg[3] < '0' || arg[3] > '5') {
        line.fail("'" + arg + "' is not one of arg0 to arg5");
    }
    comparison.arg = static_cast<unsigned>(arg[3] - '0');
    const bool masked = line.accept("&");
    if (masked) comparison.mask = read_number(line, "a mask");
    const std::string relation = line.word("== or !=");
    if (relation != "==" && relation != "!=") line.fail("'" + relation + "' is neither == nor !=");
    comparison.equal = relation == "==";
    // libseccomp has no masked inequality.
    if (masked && !comparison.equal) line.fail("!= takes no mask");
    comparison.value = read_number(line, "a value");
    if ((comparison.value & ~comparison.mask) != 0) {
        line.fail("never true: the value has bits outside the mask");
    }
    if (comparison.mask == 0) line.fail("always true: the mask is 0");
    return comparison;
}

std::vector<Comparison> read_condition(Line& line) {
    std::vector<Comparison> when;
    if (!line.accept("if")) return when;
    do {
        when.push_back(read_comparison(line));
        for (std::size_t i = 0; i + 1 < when.size(); ++i) {
            if (when[i].arg == when.back().arg) line.fail("one argument is compared twice in one rule");
        }
    } while (line.accept("and"));
    return when;
}

Rule read_syscall(Line& line) {
    Rule rule;
    rule.line = line.line();
    rule.syscall = line.word("a syscall name");
    rule.may_be_missing = rule.syscall.starts_with('?');
    if (rule.may_be_missing) rule.syscall.erase(0, 1);
    if (!is_syscall(rule.syscall)) line.fail("unknown syscall '" + rule.syscall + "'");
    return rule;
}

/// One line: as many rules as it names syscalls.
std::vector<Rule> read_rules(Line& line, const std::string& verb) {
    std::vector<Rule> rules;
    do {
        rules.push_back(read_syscall(line));
    } while (line.at_name());
    std::uint32_t action = SECCOMP_RET_ALLOW;
    if (verb == "fake") action = SECCOMP_RET_ERRNO;
    if (verb == "ask") action = SECCOMP_RET_USER_NOTIF;
    if (verb == "deny") action = read_errno(line);
    const std::vector<Comparison> when = read_condition(line);
    for (Rule& rule : rules) {
        rule.action = action;
        rule.when = when;
    }
    return rules;
}

std::uint32_t read_default(Line& line) {
    if (line.accept("allow")) return SECCOMP_RET_ALLOW;
    if (line.accept("pass")) return kPass;
    if (line.accept("deny")) return read_errno(line);
    line.fail("expected 'default allow', 'default pass' or 'default deny ERRNO'");
}

/// What a file must say before its first rule.
struct Head {
    bool fallback = false;
    bool badarch = false;
};

void read_line(Policy& policy, Head& head, Line& line) {
    const std::string verb = line.word("a rule");
    if (verb == "default") {
        if (head.fallback) line.fail("a second 'default'");
        head.fallback = true;
        policy.fallback = read_default(line);
    } else if (verb == "badarch") {
        if (head.badarch) line.fail("a second 'badarch'");
        head.badarch = true;
        if (!line.accept("kill")) line.fail("expected 'badarch kill'");
    } else if (verb == "allow" || verb == "deny" || verb == "fake" || verb == "ask") {
        if (!head.fallback || !head.badarch) line.fail("'default' and 'badarch' come before the first rule");
        for (Rule& rule : read_rules(line, verb)) {
            rule.section = policy.last_section;
            policy.rules.push_back(std::move(rule));
        }
    } else if (verb == "otherwise") {
        if (policy.rules.empty() || policy.rules.back().section != policy.last_section) {
            line.fail("'otherwise' comes after a rule");
        }
        ++policy.last_section;
    } else {
        line.fail("unknown rule '" + verb + "'");
    }
    line.finish();
}

std::string base_name(const std::string& path) {
    constexpr std::string_view kSuffix = ".policy";
    std::string name = path.substr(path.rfind('/') + 1);
    const bool suffixed = name.ends_with(kSuffix);
    if (suffixed) name.resize(name.size() - kSuffix.size());
    // The name becomes part of a C++ identifier.
    const bool plain = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == name.npos;
    return suffixed && plain ? name : std::string();
}

} // namespace

Policy read_policy(const std::string& path) {
    Policy policy;
    policy.path = path;
    policy.name = base_name(path);
    if (policy.name.empty()) fail(policy, 0, "the file name is not [a-z0-9_]+.policy");
    std::ifstream file(path);
    if (!file) fail(policy, 0, std::strerror(errno));
    read_policy(policy, file);
    return policy;
}

void read_policy(Policy& policy, std::istream& file) {
    Head head;
    std::string text;
    while (std::getline(file, text)) {
        ++policy.last_line;
        const auto hash = text.find('#');
        const std::string_view rule = std::string_view(text).substr(0, hash);
        Line line(policy, policy.last_line, rule);
        if (line.empty()) continue;
        const bool reason = hash != text.npos && text.find_first_not_of(" \t\r#", hash) != text.npos;
        if (!reason) line.fail("no '# reason' behind the rule");
        read_line(policy, head, line);
    }
    if (file.bad()) fail(policy, policy.last_line, "read error");
    if (policy.rules.empty()) fail(policy, policy.last_line, "the file has no rule");
    if (policy.rules.back().section != policy.last_section)
        fail(policy, policy.last_line, "no rule after 'otherwise'");
}

} // namespace ajail::policy::gen
