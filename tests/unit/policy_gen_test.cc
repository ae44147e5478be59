// SPDX-License-Identifier: Apache-2.0
// policy-gen: what it refuses, and that what is embedded and the checked-in disassembly are what it makes.
#include "filters.h"
#include "spec/filters.h"

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <linux/audit.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace ajail::tests;

namespace {

/// What policy-gen says about a file "bad.policy" of this text.
Ran generate(const std::string& text, const std::string& arch = "x86_64") {
    const TemporaryDirectory directory;
    const auto file = directory.path / "bad.policy";
    std::ofstream(file) << text;
    Ran ran = run_generator("--text --arch=" + arch + " '" + file.string() + "'");
    const std::string prefix = directory.path.string() + "/";
    if (ran.output.starts_with(prefix)) ran.output.erase(0, prefix.size());
    return ran;
}

const std::string kHead = "default allow # d\nbadarch kill # b\n";

/// Files that policy-gen must not accept, and what it says of each.
const std::vector<std::pair<std::string, std::string>> kRefused{
    {"", "bad.policy:0: the file has no rule"},
    {kHead, "bad.policy:2: the file has no rule"},
    {kHead + "fake setgroups\n", "bad.policy:3: no '# reason' behind the rule"},
    {kHead + "fake setgroups # \n", "bad.policy:3: no '# reason' behind the rule"},
    {"fake setgroups # r\n", "bad.policy:1: 'default' and 'badarch' come before the first rule"},
    {"default allow # r\nfake setgroups # r\n", "bad.policy:2: 'default' and 'badarch' come before the first rule"},
    {"default allow # r\ndefault allow # r\n", "bad.policy:2: a second 'default'"},
    {"default fake # r\n", "bad.policy:1: expected 'default allow', 'default pass' or 'default deny ERRNO'"},
    {kHead + "otherwise # r\n", "bad.policy:3: 'otherwise' comes after a rule"},
    {kHead + "fake setgroups # r\notherwise # r\n", "bad.policy:4: no rule after 'otherwise'"},
    {kHead + "fake setgroups # r\notherwise # r\notherwise # r\n", "bad.policy:5: 'otherwise' comes after a rule"},
    {kHead + "fake setgroups # r\notherwise now # r\n", "bad.policy:4: unexpected 'now'"},
    {kHead + "fake setgroups setgruops # r\n", "bad.policy:3: unknown syscall 'setgruops'"},
    {kHead + "fake setgroups setgroups # r\n", "bad.policy:3: the same rule is in line 3"},
    {"badarch allow # r\n", "bad.policy:1: expected 'badarch kill'"},
    {kHead + "forbid setgroups # r\n", "bad.policy:3: unknown rule 'forbid'"},
    {kHead + "\n# c\ndeny setgruops EPERM # r\n", "bad.policy:5: unknown syscall 'setgruops'"},
    {kHead + "fake ?setgruops # r\n", "bad.policy:3: unknown syscall 'setgruops'"},
    {kHead + "deny setgroups EPREM # r\n", "bad.policy:3: unknown errno 'EPREM'"},
    {kHead + "deny setgroups # r\n", "bad.policy:3: expected an errno name at the end of the line"},
    {kHead + "fake setgroups EPERM # r\n", "bad.policy:3: unexpected 'EPERM'"},
    {kHead + "fake chown if arg6 == 0 # r\n", "bad.policy:3: 'arg6' is not one of arg0 to arg5"},
    {kHead + "fake chown if arg1 < 7 # r\n", "bad.policy:3: '<' is neither == nor !="},
    {kHead + "fake chown if arg1 & 1 != 1 # r\n", "bad.policy:3: != takes no mask"},
    {kHead + "fake chown if arg1 == 09 # r\n", "bad.policy:3: '09' is not a number of 64 bits"},
    {kHead + "fake chown if arg1 == 0x # r\n", "bad.policy:3: '0x' is not a number of 64 bits"},
    {kHead + "fake chown if arg1 == -1 # r\n", "bad.policy:3: '-1' is not a number of 64 bits"},
    {kHead + "fake chown if arg1 == 0x10000000000000000 # r\n",
     "bad.policy:3: '0x10000000000000000' is not a number of 64 bits"},
    {kHead + "fake chown if arg1 & 6 == 1 # r\n", "bad.policy:3: never true: the value has bits outside the mask"},
    {kHead + "fake chown if arg1 & 0 == 0 # r\n", "bad.policy:3: always true: the mask is 0"},
    {kHead + "fake chown if arg1 == 1 and # r\n", "bad.policy:3: expected arg0 to arg5 at the end of the line"},
    {kHead + "fake chown if arg1 != 1 and arg1 != 2 # r\n",
     "bad.policy:3: one argument is compared twice in one rule"},
    {kHead + "allow setgroups # r\n", "bad.policy:3: the rule says what 'default' says already"},
    {kHead + "fake setgroups # r\nfake setgroups # r\n", "bad.policy:4: the same rule is in line 3"},
    {kHead + "fake ioctl if arg1 == 1 # r\nfake ioctl # r\n",
     "bad.policy:4: libseccomp would drop the conditional rule: 'ioctl' has another kind of rule in line 3"},
    {kHead + "fake ioctl if arg1 == 1 # r\ndeny ioctl EPERM if arg2 == 1 # r\n",
     "bad.policy:4: overlaps with a rule of another action in line 3; rules have no order"},
};

/// The libseccomp that a disassembly says it was made with.
std::string version(const std::string& text) {
    const auto start = text.find("libseccomp ");
    return text.substr(start, text.find(':', start) - start);
}

} // namespace

TEST_CASE("filters: what is embedded is what the text shows", "[filters]") {
    std::vector<std::string> names(std::begin(ajail::spec::kStacks), std::end(ajail::spec::kStacks));
    for (const Subject& subject : subjects()) names.emplace_back(subject.name);
    for (const std::string& name : names) {
        INFO(name);
        const Program built = embedded(name.c_str());
        const Program shown = assemble(disassembly(this_arch().name, name));
        REQUIRE(built.size() == shown.size());
        for (std::size_t i = 0; i < built.size(); ++i) {
            INFO(i);
            CHECK(built[i].code == shown[i].code);
            CHECK(built[i].jt == shown[i].jt);
            CHECK(built[i].jf == shown[i].jf);
            CHECK(built[i].k == shown[i].k);
        }
    }
}

TEST_CASE("filters: the checked-in disassembly is current", "[filters][policy-gen]") {
    for (const Subject& subject : subjects()) {
        for (const Arch* const one : {&kArches[0], &kArches[2]}) {
            const Arch& arch = *one;
            const std::string file = std::string(subject.name) + "." + arch.name + ".txt";
            INFO("after a change: policy-gen --text --arch=" << arch.name << " " << subject.name << ".policy > "
                                                             << file);
            const std::string recorded = read_file(AJAIL_POLICY_FILTERS_DIR "/" + file);
            const std::string made = disassembly(arch.name, subject.name);
            if (version(recorded) == version(made)) {
                CHECK(recorded == made);
            } else { // another libseccomp may order instructions otherwise, but has to mean the same
                const Program program = assemble(recorded);
                const auto run = [&](const seccomp_data& data) { return run_bpf(program, data); };
                CHECK(first_difference(arch, subject, run).value_or("") == "");
            }
        }
    }
}

TEST_CASE("filters: the checked-in disassembly of those that are one is current", "[filters][policy-gen]") {
    for (std::size_t i = 0; i < std::size(ajail::spec::kStacks); ++i) {
        const std::string name = ajail::spec::kStacks[i], file = "stack" + std::to_string(i) + ".x86_64.txt";
        INFO("after a change: policy-gen --text --stack=" << name << " *.policy > " << file);
        const std::string recorded = read_file(AJAIL_POLICY_FILTERS_DIR "/" + file);
        const std::string made = disassembly("x86_64", name);
        CHECK(recorded.starts_with("# " + name + " for x86_64"));
        // Another libseccomp knows other numbers.
        if (version(recorded) == version(made)) CHECK(recorded == made);
    }
}

TEST_CASE("policy-gen: what it refuses", "[policy-gen]") {
    for (const auto& [text, expected] : kRefused) {
        INFO(text);
        const Ran ran = generate(text);
        CHECK(ran.status == 1);
        CHECK(ran.output == expected + "\n"); // one line
    }
}

TEST_CASE("policy-gen: a set of rules that libseccomp gets wrong", "[policy-gen]") {
    // 2.5.4 and 2.6.0 allow clone(0, 2, 1 << 32), which the second rule is about. A version that does not is
    // welcome; what may not happen is a program that says something else than the text.
    const Ran ran = generate(kHead + "fake clone if arg1 != 1 and arg2 != 0x100000000 and arg0 == 0 # r\n" +
                             "fake clone if arg0 == 0 and arg1 != 0 # r\n");
    INFO(ran.output);
    if (ran.status == 0) {
        constexpr std::uint32_t kClone = 56;
        CHECK(run_bpf(assemble(ran.output), call(AUDIT_ARCH_X86_64, kClone, {0, 2, kHigh})) == kFake);
    } else {
        CHECK(ran.status == 1);
        CHECK(ran.output.starts_with("bad.policy:4: libseccomp's program for x86_64 does not say what the text"));
    }
}

TEST_CASE("policy-gen: calls that an architecture does not have", "[policy-gen]") {
    CHECK(generate(kHead + "fake chown # r\nfake setgroups # r\n", "x86_64").status == 0);
    CHECK(generate(kHead + "fake chown # r\nfake setgroups # r\n", "aarch64").output ==
          "bad.policy:3: no syscall 'chown' on aarch64; write '?chown' if that is right\n");
    CHECK(generate(kHead + "fake ?chown # r\n", "aarch64").output == "bad.policy:3: no rule is left on aarch64\n");
    CHECK(generate(kHead + "fake ?chown # r\nfake setgroups # r\n", "aarch64").status == 0);
}

TEST_CASE("policy-gen: files and arguments", "[policy-gen]") {
    const TemporaryDirectory directory;
    const std::string out = directory.path / "out.cc";
    CHECK(run_generator("").status == 1);
    CHECK(run_generator("'" + out + "'").status == 1);
    CHECK(run_generator("--text --arch=vax '" + policy_path("root") + "'").status == 1);
    CHECK(run_generator("'" + out + "' /nowhere/x.policy").output ==
          "/nowhere/x.policy:0: No such file or directory\n");
    CHECK(run_generator("'" + out + "' /nowhere/x.txt").status == 1);
    CHECK(run_generator("'" + out + "' '" + policy_path("root") + "' '" + policy_path("root") + "'").status == 1);
    CHECK_FALSE(std::filesystem::exists(out)); // an error leaves no output
    CHECK(run_generator("/nowhere/out.cc '" + policy_path("root") + "'").status == 1);
    CHECK(run_generator("'" + out + "' '" + policy_path("root") + "'").status == 0);
    CHECK(std::filesystem::file_size(out) > 1000);
}

TEST_CASE("policy-gen: an allowlist, every kind of rule, and a tree", "[policy-gen]") {
    std::string text = "default deny ENOSYS # r\nbadarch kill # r\n"
                       "allow clone if arg0 & 0x7E020000 == 0 # r\n"
                       "deny socket EAFNOSUPPORT if arg0 == 38 and arg2 != 0 # r\n"
                       "allow socket if arg0 == 1 # r\n";
    // Enough syscalls for the binary tree; every fourth is refused. Numbers are those of x86_64.
    const std::vector<std::pair<std::string, int>> plain{
        {"read", 0},     {"write", 1},    {"close", 3},  {"fstat", 5},  {"lseek", 8},  {"mmap", 9},
        {"munmap", 11},  {"brk", 12},     {"dup", 32},   {"kill", 62},  {"fork", 57},  {"execve", 59},
        {"uname", 63},   {"fcntl", 72},   {"fsync", 74}, {"chdir", 80}, {"umask", 95}, {"getuid", 102},
        {"getgid", 104}, {"openat", 257}, {"statx", 332}};
    for (std::size_t i = 0; i < plain.size(); ++i) {
        text += i % 4 == 0 ? "deny " + plain[i].first + " EACCES # r\n" : "allow " + plain[i].first + " # r\n";
    }
    const Ran ran = generate(text);
    INFO(ran.output);
    REQUIRE(ran.status == 0);
    const Program program = assemble(ran.output);
    const Arch& arch = kArches[0];
    const auto expected = [&](int nr, const Args& args) -> std::uint32_t {
        constexpr int kSocket = 41;
        constexpr int kClone = 56;
        for (std::size_t i = 0; i < plain.size(); ++i) {
            if (nr == plain[i].second) return i % 4 == 0 ? SECCOMP_RET_ERRNO | EACCES : kAllow;
        }
        if (nr == kClone && (args[0] & 0x7E020000) == 0) return kAllow;
        if (nr == kSocket && args[0] == 1) return kAllow;
        if (nr == kSocket && args[0] == 38 && args[2] != 0) return SECCOMP_RET_ERRNO | EAFNOSUPPORT;
        return SECCOMP_RET_ERRNO | ENOSYS;
    };
    for (int nr = 0; nr < 1024; ++nr) {
        for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{17}, std::uint64_t{38},
                                          kHigh | 1, kHigh | 38, std::uint64_t{0x10000000}, std::uint64_t{0x20000}}) {
            for (const std::uint64_t third : {std::uint64_t{0}, std::uint64_t{1}, kHigh}) {
                const Args args{first, 0, third, 0, 0, 0};
                const auto number = static_cast<std::uint32_t>(nr);
                const auto got = run_bpf(program, call(arch.audit, number, args));
                if (got != expected(nr, args)) FAIL(show(arch, number, args) << ": " << got);
            }
        }
    }
    CHECK(run_bpf(program, call(arch.audit, kX32, {})) == kKill);
    CHECK(run_bpf(program, call(AUDIT_ARCH_I386, 3, {})) == kKill);
}

TEST_CASE("policy-gen: sections, passing, many names a line, newer calls", "[policy-gen]") {
    const Ran ran = generate("default pass # r\nbadarch kill # r\n"
                             "allow socket mseal if arg0 & 0xffffffff == 1 # r\n"
                             "otherwise # r\n"
                             "deny mseal bpf EACCES # r\ndeny socket EPERM if arg0 & 0xffffffff == 2 # r\n");
    INFO(ran.output);
    REQUIRE(ran.status == 0);
    const Program program = assemble(ran.output);
    const auto says = [&](const char* name, std::uint64_t arg) {
        return run_bpf(program, call(AUDIT_ARCH_X86_64, static_cast<std::uint32_t>(kArches[0].nr(name)), {arg}));
    };
    CHECK(says("socket", kHigh | 1) == kAllow);
    CHECK(says("socket", kHigh | 2) == kEperm);
    CHECK(says("socket", 3) == kPass);
    CHECK(says("mseal", 1) == kAllow);
    CHECK(says("mseal", 2) == (SECCOMP_RET_ERRNO | EACCES));
    CHECK(says("bpf", 1) == (SECCOMP_RET_ERRNO | EACCES));
    CHECK(says("write", 1) == kPass);
}
