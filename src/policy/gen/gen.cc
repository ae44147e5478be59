// SPDX-License-Identifier: Apache-2.0
// policy-gen: compiles .policy files with libseccomp while ajail is built, so that ajail needs neither
// libseccomp nor a fallback when it fails. Writes one C++ file with the programs of every architecture, or
// one program as text. The grammar is in read.cc; any doubt about a policy ends with one line and no output.

#include "policy.h"
#include "spec/filters.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>

namespace ajail::policy::gen {

namespace {

std::string constant_name(const std::string& name) {
    std::string out;
    bool start = true;
    for (const char c : name) {
        if (c != '_') out += start ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
        start = c == '_';
    }
    return out + "Program";
}

std::string array_of(const std::string& name, std::span<const sock_filter> program) {
    std::string out = "constexpr auto " + name + " = std::to_array<sock_filter>({\n";
    for (const sock_filter& instruction : program) {
        char line[64];
        (void)std::snprintf(line, sizeof line, "    {0x%02x, %u, %u, 0x%08x},\n", instruction.code, instruction.jt,
                            instruction.jf,
                            instruction.k); // 64 bytes hold the widest numbers
        out += line;
    }
    return out + "});\n";
}

/// Every name of a system call that ARCH has, in the order of the names.
std::string numbers_of(const std::string& name, const Arch* arch) {
    std::map<std::string, int> numbers;
    for (int number = 0; arch != nullptr && number < kPastTheLast; ++number)
        if (std::string call = name_of(*arch, number); !call.empty()) numbers[call] = number;
    std::string out = "constexpr std::array<std::pair<std::string_view, int>, " + std::to_string(numbers.size()) +
                      "> " + name + "{{\n";
    for (const auto& [call, number] : numbers) out += "    {\"" + call + "\", " + std::to_string(number) + "},\n";
    return out + "}};\n";
}

const Arch* arch_named(std::string_view name) {
    for (const Arch& arch : arches())
        if (arch.name == name) return &arch;
    return nullptr;
}

/// The programs of ARCH and its numbers, as constants that begin with PREFIX; empty ones for no ARCH.
std::string part_of(const std::vector<Policy>& policies, const std::string& prefix, const Arch* arch) {
    std::string out;
    for (const Policy& policy : policies) {
        const std::string name = prefix + constant_name(policy.name);
        if (arch != nullptr) out += array_of(name, compile(policy, *arch)) + "\n";
        else out += "constexpr std::array<sock_filter, 0> " + name + "{};\n";
    }
    return out + numbers_of(prefix + "Numbers", arch) + "\n";
}

std::string constant_of(std::size_t stack) { return "kNativeStack" + std::to_string(stack); }

/// Of those that lower() may ask for, what POLICIES suffice for; only for ARCH itself.
std::string stacks_of(const std::vector<Policy>& policies, const Arch& arch) {
    std::string out;
    for (std::size_t i = 0; i < std::size(spec::kStacks); ++i)
        if (const auto stack = stack_of(spec::kStacks[i], policies))
            out += array_of(constant_of(i), compile(*stack, arch)) + "\n";
    return out;
}

constexpr const char* kLookUp = R"(
int number(const auto& numbers, std::string_view name) {
    const auto* found = std::lower_bound(numbers.begin(), numbers.end(), name,
                                         [](const auto& one, auto wanted) { return one.first < wanted; });
    return found != numbers.end() && found->first == name ? found->second : -1;
}

} // namespace

int syscall_number(std::string_view name, std::uint32_t arch) {
    return arch == kNativeArch ? number(kNativeNumbers, name) : number(kCompatNumbers, name);
}

std::span<const sock_filter> program(std::string_view name, std::uint32_t arch) {
    bool native = arch == kNativeArch;
)";

std::string cpp_file(const std::vector<Policy>& policies) {
    std::string out = "// SPDX-License-Identifier: Apache-2.0\n"
                      "// Made by policy-gen with libseccomp " +
                      libseccomp_version() +
                      " from the .policy files. Not written by hand.\n\n"
                      "#include \"policy/filters.h\"\n\n"
                      "#include <algorithm>\n#include <array>\n#include <utility>\n\n"
                      "namespace ajail::policy {\n\nnamespace {\n\n";
    std::string keyword = "#if ";
    for (const Arch& arch : arches()) {
        if (arch.when.empty()) continue;
        out += keyword + std::string(arch.when) + "\n\n" + part_of(policies, "kNative", &arch) +
               part_of(policies, "kCompat", arch_named(arch.compat)) + stacks_of(policies, arch);
        keyword = "#elif ";
    }
    out += "#else\n#error \"no seccomp programs for this architecture\"\n#endif\n\n";
    std::string lookup;
    for (const Policy& policy : policies) {
        const std::string name = constant_name(policy.name), native = "kNative" + name;
        out += "static_assert(!" + native + ".empty() && " + native + ".size() <= BPF_MAXINSNS);\n";
        out += "static_assert(BPF_CLASS(" + native + ".back().code) == BPF_RET);\n";
        lookup += "    if (name == \"" + policy.name + "\")\n        return native ? std::span<const sock_filter>(" +
                  native + ") : kCompat" + name + ";\n";
    }
    for (std::size_t i = 0; i < std::size(spec::kStacks); ++i)
        if (stack_of(spec::kStacks[i], policies))
            lookup += "    if (native && name == \"" + std::string(spec::kStacks[i]) + "\") return " +
                      constant_of(i) + ";\n";
    return out + kLookUp + lookup + "    return {};\n}\n\n} // namespace ajail::policy\n";
}

Policy read_and_check(const std::string& path) {
    Policy policy = read_policy(path);
    check_rules(policy);
    return policy;
}

std::vector<Policy> read_all(std::span<const std::string> paths) {
    std::vector<Policy> policies;
    std::set<std::string> names;
    for (const std::string& path : paths) {
        policies.push_back(read_and_check(path));
        if (!names.insert(constant_name(policies.back().name)).second) {
            fail(policies.back(), 0, "another file has this name");
        }
    }
    return policies;
}

int write_cpp(const std::string& target, std::span<const std::string> paths) {
    const std::string text = cpp_file(read_all(paths));
    std::ofstream file(target);
    file << text;
    file.close();
    if (!file) {
        std::cerr << target << ": cannot write\n";
        (void)std::remove(target.c_str()); // a half-written file must not look up to date
        return 1;
    }
    return 0;
}

/// The program of the one policy in PATHS, or of STACK, which is of them.
std::string text_of(const Arch& arch, const std::string& stack, std::span<const std::string> paths) {
    const std::vector<Policy> policies = read_all(paths);
    if (stack.empty()) return disassemble(policies[0].name + ".policy", arch, compile(policies[0], arch));
    const auto known = stack_of(stack, policies);
    if (!known) fail(policies[0], 0, "these policies do not make '" + stack + "'");
    return disassemble(stack, arch, compile(*known, arch));
}

int write_text(const std::string& arch_name, const std::string& stack, std::span<const std::string> paths) {
    const Arch* arch = arch_named(arch_name);
    if (arch == nullptr) {
        std::cerr << "policy-gen: unknown architecture '" << arch_name << "'\n";
        return 1;
    }
    std::cout << text_of(*arch, stack, paths) << std::flush;
    return std::cout ? 0 : 1;
}

int usage() {
    std::cerr << "usage: policy-gen OUT.cc FILE.policy...\n"
                 "       policy-gen --text [--arch=x86_64|aarch64|i386] FILE.policy\n"
                 "       policy-gen --text [--arch=...] --stack=NAME FILE.policy...\n";
    return 1;
}

int run(std::span<const std::string> args) {
    if (!args.empty() && args[0] == "--text") {
        args = args.subspan(1);
        std::string arch = "x86_64", stack;
        for (auto [option, value] : {std::pair("--arch=", &arch), std::pair("--stack=", &stack)}) {
            if (args.empty() || !args[0].starts_with(option)) continue;
            *value = args[0].substr(std::string_view(option).size());
            args = args.subspan(1);
        }
        if (args.empty() || (stack.empty() && args.size() > 1)) return usage();
        return write_text(arch, stack, args);
    }
    if (args.size() < 2 || args[0].starts_with("-")) return usage();
    return write_cpp(args[0], args.subspan(1));
}

} // namespace

void fail(const Policy& policy, int line, std::string_view what) {
    std::fprintf(stderr, "%s:%d: %.*s\n", policy.path.c_str(), line, static_cast<int>(what.size()), what.data());
    std::_Exit(1);
}

} // namespace ajail::policy::gen

int main(int argc, char** argv) {
    const std::vector<std::string> args(argv + 1, argv + argc);
    return ajail::policy::gen::run(args);
}
