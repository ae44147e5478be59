// SPDX-License-Identifier: Apache-2.0
// policy-gen: compiles .policy files with libseccomp while ajail is built, so that ajail needs neither
// libseccomp nor a fallback when it fails. Writes one C++ file with the programs of every architecture, or
// one program as text. The grammar is in read.cc; any doubt about a policy ends with one line and no output.

#include "policy.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

namespace ajail::policy::gen {

namespace {

std::string constant_name(const std::string& name) {
    std::string out = "k";
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
std::string numbers_of(const Arch& arch) {
    std::map<std::string, int> numbers;
    constexpr int kPastTheLast = 1024; // no architecture here is near it
    for (int number = 0; number < kPastTheLast; ++number)
        if (std::string name = name_of(arch, number); !name.empty()) numbers[name] = number;
    std::string out = "constexpr std::pair<std::string_view, int> kNumbers[] = {\n";
    for (const auto& [name, number] : numbers) out += "    {\"" + name + "\", " + std::to_string(number) + "},\n";
    return out + "};\n";
}

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
        out += keyword + std::string(arch.when) + "\n\n";
        for (const Policy& policy : policies) {
            out += array_of(constant_name(policy.name), compile(policy, arch)) + "\n";
        }
        out += numbers_of(arch) + "\n";
        keyword = "#elif ";
    }
    out += "#else\n#error \"no seccomp programs for this architecture\"\n#endif\n\n";
    std::string lookup;
    for (const Policy& policy : policies) {
        const std::string name = constant_name(policy.name);
        out += "static_assert(!" + name + ".empty() && " + name + ".size() <= BPF_MAXINSNS);\n";
        out += "static_assert(BPF_CLASS(" + name + ".back().code) == BPF_RET);\n";
        lookup += "    if (name == \"" + policy.name + "\") return " + name + ";\n";
    }
    return out + "\n} // namespace\n\nstd::span<const sock_filter> program(std::string_view name) {\n" + lookup +
           "    return {};\n}\n\nint syscall_number(std::string_view name) {\n"
           "    const auto* found = std::lower_bound(std::begin(kNumbers), std::end(kNumbers), name,\n"
           "                                         [](const auto& one, auto wanted) { return one.first < wanted; "
           "});\n"
           "    return found != std::end(kNumbers) && found->first == name ? found->second : -1;\n"
           "}\n\n} // namespace ajail::policy\n";
}

Policy read_and_check(const std::string& path) {
    Policy policy = read_policy(path);
    check_rules(policy);
    return policy;
}

int write_cpp(const std::string& target, std::span<const std::string> paths) {
    std::vector<Policy> policies;
    std::set<std::string> names;
    for (const std::string& path : paths) {
        policies.push_back(read_and_check(path));
        if (!names.insert(constant_name(policies.back().name)).second) {
            fail(policies.back(), 0, "another file has this name");
        }
    }
    const std::string text = cpp_file(policies);
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

int write_text(const std::string& arch_name, const std::string& path) {
    for (const Arch& arch : arches()) {
        if (arch.name != arch_name) continue;
        const Policy policy = read_and_check(path);
        std::cout << disassemble(policy, arch, compile(policy, arch)) << std::flush;
        return std::cout ? 0 : 1;
    }
    std::cerr << "policy-gen: unknown architecture '" << arch_name << "'\n";
    return 1;
}

int usage() {
    std::cerr << "usage: policy-gen OUT.cc FILE.policy...\n"
                 "       policy-gen --text [--arch=x86_64|aarch64] FILE.policy\n";
    return 1;
}

int run(std::span<const std::string> args) {
    if (!args.empty() && args[0] == "--text") {
        args = args.subspan(1);
        constexpr std::string_view kOption = "--arch=";
        std::string arch = "x86_64";
        if (!args.empty() && args[0].starts_with(kOption)) {
            arch = args[0].substr(kOption.size());
            args = args.subspan(1);
        }
        return args.size() == 1 ? write_text(arch, args[0]) : usage();
    }
    if (args.size() < 2 || args[0].starts_with("-")) return usage();
    return write_cpp(args[0], args.subspan(1));
}

} // namespace

} // namespace ajail::policy::gen

int main(int argc, char** argv) {
    const std::vector<std::string> args(argv + 1, argv + argc);
    return ajail::policy::gen::run(args);
}
