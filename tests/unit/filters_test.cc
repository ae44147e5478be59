// SPDX-License-Identifier: Apache-2.0
// The embedded seccomp programs, asked every question through an evaluator and a few through the kernel,
// against a second statement of what the .policy files say. Also policy-gen itself: what it refuses, and that
// the checked-in disassembly is what it makes.

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include "bpf.h"
#include "policy/filters.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <linux/audit.h>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using ajail::tests::BadProgram;
using ajail::tests::run_bpf;
using Program = std::vector<sock_filter>;
using Args = std::array<std::uint64_t, 6>;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kFake = SECCOMP_RET_ERRNO;
constexpr std::uint32_t kAsk = SECCOMP_RET_USER_NOTIF;
constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kKill = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint32_t kX32 = 0x40000000;
constexpr std::uint64_t kHigh = std::uint64_t{1} << 32;

seccomp_data call(std::uint32_t arch, std::uint32_t nr, const Args& args) {
    seccomp_data data{};
    data.nr = static_cast<int>(nr);
    data.arch = arch;
    for (std::size_t i = 0; i < args.size(); ++i) data.args[i] = args[i];
    return data;
}

/// Numbers of the kernel's tables, written out: neither libseccomp's, which made the programs, nor those of
/// the headers, which know only one architecture. -1 where there is no such call.
struct Number {
    std::string_view name;
    int x86_64;
    int aarch64;
};

constexpr std::array kNumbers{
    Number{"ioctl", 16, 29},       Number{"chown", 92, -1},       Number{"lchown", 94, -1},
    Number{"fchown", 93, 55},      Number{"fchownat", 260, 54},   Number{"mknod", 133, -1},
    Number{"mknodat", 259, 33},    Number{"setgroups", 116, 159}, Number{"getgroups", 115, 158},
    Number{"fchmod", 91, 52},      Number{"write", 1, 64},        Number{"setuid", 105, 146},
    Number{"setgid", 106, 144},    Number{"setreuid", 113, 145},  Number{"setregid", 114, 143},
    Number{"setresuid", 117, 147}, Number{"setresgid", 119, 149}, Number{"setfsuid", 122, 151},
    Number{"setfsgid", 123, 152},  Number{"getuid", 102, 174},    Number{"geteuid", 107, 175},
    Number{"getgid", 104, 176},    Number{"getegid", 108, 177},   Number{"getresuid", 118, 148},
    Number{"getresgid", 120, 150}, Number{"capset", 126, 91},     Number{"prctl", 157, 167},
    Number{"setxattr", 188, 5},    Number{"lsetxattr", 189, 6},   Number{"fsetxattr", 190, 7},
};

/// An architecture that programs are made for.
struct Arch {
    const char* name;
    std::uint32_t audit;
    bool x32;
    int Number::*column;

    int nr(std::string_view syscall) const {
        for (const Number& number : kNumbers) {
            if (number.name == syscall) return number.*column;
        }
        throw std::logic_error("not in kNumbers: " + std::string(syscall));
    }
};

constexpr std::array kArches{Arch{"x86_64", AUDIT_ARCH_X86_64, true, &Number::x86_64},
                             Arch{"aarch64", AUDIT_ARCH_AARCH64, false, &Number::aarch64}};

const Arch& this_arch() {
#if defined(__x86_64__)
    return kArches[0];
#else
    return kArches[1];
#endif
}

/// What the .policy files say, once more and by other means.
using Meaning = std::function<std::uint32_t(const Arch&, int nr, const Args&)>;

std::uint32_t terminal_meaning(const Arch& arch, int nr, const Args& args) {
    if (nr != arch.nr("ioctl")) return kAllow;
    const auto request = static_cast<std::uint32_t>(args[1]);
    const bool refused = request == 0x5412 || request == 0x541C || request == 0x541D || request == 0x5423;
    return refused ? kEperm : kAllow;
}

/// What init answers, whatever the arguments.
constexpr std::array kAsked{"setuid",    "setgid",    "setreuid", "setregid", "setresuid", "setresgid", "setfsuid",
                            "setfsgid",  "setgroups", "getuid",   "geteuid",  "getgid",    "getegid",   "getresuid",
                            "getresgid", "getgroups", "capset",   "setxattr", "lsetxattr", "fsetxattr"};

std::uint32_t root_meaning(const Arch& arch, int nr, const Args& args) {
    const auto is = [&](const char* name) { return nr >= 0 && nr == arch.nr(name); };
    const auto owners = [&](std::size_t uid) { return args[uid] != 0 || args[uid + 1] != 0 ? kFake : kAllow; };
    const auto device = [&](std::size_t mode) {
        const auto type = args[mode] & S_IFMT;
        const bool whiteout = type == S_IFCHR && args[mode + 1] == 0;
        return (type == S_IFCHR && !whiteout) || type == S_IFBLK ? kAsk : kAllow;
    };
    if (is("chown") || is("lchown") || is("fchown")) return owners(1);
    if (is("fchownat")) return owners(2);
    if (is("mknod")) return device(1);
    if (is("mknodat")) return device(2);
    if (is("prctl")) {
        const auto option = static_cast<std::uint32_t>(args[0]);
        return option == PR_SET_KEEPCAPS ? kAsk : option == PR_SET_TIMERSLACK ? kFake : kAllow;
    }
    return std::any_of(kAsked.begin(), kAsked.end(), is) ? kAsk : kAllow;
}

/// What devices.policy says: device nodes alone.
std::uint32_t devices_meaning(const Arch& arch, int nr, const Args& args) {
    const bool node = nr >= 0 && (nr == arch.nr("mknod") || nr == arch.nr("mknodat"));
    return node && root_meaning(arch, nr, args) == kAsk ? kFake : kAllow;
}

struct Subject {
    const char* name;
    Meaning meaning;
    std::vector<const char*> syscalls; ///< those whose arguments a rule looks at
};

const std::vector<Subject>& subjects() {
    static const std::vector<Subject> all{
        {"terminal", terminal_meaning, {"ioctl"}},
        {"root", root_meaning, {"chown", "lchown", "fchown", "fchownat", "mknod", "mknodat", "prctl"}},
        {"devices", devices_meaning, {"mknod", "mknodat"}},
    };
    return all;
}

/// Values on both sides of everything that a rule compares, with and without high bits.
const std::vector<std::uint64_t>& interesting_values() {
    static const std::vector<std::uint64_t> values = [] {
        constexpr std::array<std::uint64_t, 26> kLow{
            0,          1,          7,       8,       29,      30,      12345,   0xfffe, 0x7fffffff,
            0x80000000, 0xffffffff, 0x5401,  0x5411,  0x5412,  0x5413,  0x541C,  0x541D, 0x541E,
            0x5423,     0x5424,     0010644, 0020666, 0060660, 0100644, 0140755, 0120777};
        std::vector<std::uint64_t> out;
        for (const auto low : kLow) {
            out.insert(out.end(), {low, low | kHigh, low | ~std::uint64_t{0} << 32});
        }
        return out;
    }();
    return values;
}

std::string show(const Arch& arch, std::uint32_t nr, const Args& args) {
    char text[160];
    (void)std::snprintf(text, sizeof text,
                        "%s nr %" PRIu32 " (0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", ...)",
                        arch.name, nr, args[0], args[1], args[2], args[3]); // cut is still readable
    return text;
}

/// Compares without a CHECK a question: there are a million of them.
using Ask = std::function<std::uint32_t(const seccomp_data&)>;

std::optional<std::string> first_difference(const Arch& arch, const Subject& subject, const Ask& ask) {
    const auto same = [&](std::uint32_t nr, const Args& args) {
        return ask(call(arch.audit, nr, args)) == subject.meaning(arch, static_cast<int>(nr), args);
    };
    const auto& values = interesting_values();
    for (const char* name : subject.syscalls) {
        if (arch.nr(name) < 0) continue;
        const auto nr = static_cast<std::uint32_t>(arch.nr(name));
        for (const auto one : values) {
            for (const auto two : values) {
                for (const auto three : values) {
                    const Args args{0xdead, one, two, three, ~std::uint64_t{0}, 7};
                    if (!same(nr, args)) return show(arch, nr, args);
                }
            }
        }
    }
    for (std::uint32_t nr = 0; nr < 2048; ++nr) {
        for (const auto value : values) {
            const Args args{value, value, value, value, value, value};
            if (!same(nr, args)) return show(arch, nr, args);
        }
    }
    return std::nullopt;
}

Program embedded(const char* name) {
    const auto program = ajail::policy::program(name);
    REQUIRE_FALSE(program.empty());
    return {program.begin(), program.end()};
}

std::uint32_t ask(const char* program, const char* syscall, const Args& args) {
    const int nr = this_arch().nr(syscall);
    REQUIRE(nr >= 0);
    return run_bpf(embedded(program), call(this_arch().audit, static_cast<std::uint32_t>(nr), args));
}

// Running policy-gen

struct Ran {
    int status;
    std::string output; ///< stdout and stderr
};

Ran run_generator(const std::string& arguments) {
    const std::string command = "'" AJAIL_POLICY_GEN "' " + arguments + " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Ran ran{0, {}};
    std::array<char, 4096> buffer{};
    while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        ran.output.append(buffer.data(), got);
    }
    const int status = pclose(pipe);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
}

std::string policy_path(const std::string& name) {
    return std::string(AJAIL_POLICY_FILTERS_DIR "/") + name + ".policy";
}

std::string disassembly(const std::string& arch, const std::string& name) {
    const Ran ran = run_generator("--text --arch=" + arch + " '" + policy_path(name) + "'");
    INFO(ran.output);
    REQUIRE(ran.status == 0);
    return ran.output;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    REQUIRE(file);
    return text.str();
}

/// Reads the numbers of a disassembly back.
Program assemble(const std::string& text) {
    Program program;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::size_t at = 0;
        unsigned code = 0;
        unsigned jt = 0;
        unsigned jf = 0;
        unsigned k = 0;
        INFO(line);
        REQUIRE(std::sscanf(line.c_str(), "%zu 0x%x %u %u 0x%x", &at, &code, &jt, &jf, &k) == 5);
        REQUIRE(at == program.size());
        program.push_back({static_cast<__u16>(code), static_cast<__u8>(jt), static_cast<__u8>(jf), k});
    }
    return program;
}

struct TemporaryDirectory {
    std::filesystem::path path;

    TemporaryDirectory() {
        std::string pattern = std::filesystem::temp_directory_path() / "ajail-filters-XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    ~TemporaryDirectory() {
        std::error_code ignored; // a leftover directory is no reason to fail
        std::filesystem::remove_all(path, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
};

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
    {"default fake # r\n", "bad.policy:1: expected 'default allow' or 'default deny ERRNO'"},
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

// Loading a program for real

/// Runs STEPS in a child under the program and returns its wait status. STEPS returns the exit status and
/// must not use Catch: it runs in a forked copy, which leaves by _exit.
int under_filter(const char* name, const std::function<int()>& steps) {
    Program program = embedded(name);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const sock_fprog prog{static_cast<unsigned short>(program.size()), program.data()};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(101);
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) != 0) _exit(102);
        _exit(steps());
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return status;
}

bool refused(long result) { return result == -1 && errno == EPERM; }

} // namespace

TEST_CASE("evaluator: what libseccomp does not emit is an error", "[bpf]") {
    const seccomp_data data = call(AUDIT_ARCH_X86_64, 1, {});
    const sock_filter ret = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    CHECK(run_bpf(Program{ret}, data) == kAllow);
    CHECK_THROWS_AS(run_bpf(Program{}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_MISC | BPF_TAX, 0), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_STMT(BPF_RET | BPF_A, 0)}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_JUMP(BPF_JMP | BPF_JA, 7, 0, 0), ret}, data), BadProgram);
    CHECK_THROWS_AS(run_bpf(Program{BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 9, 9), ret}, data), BadProgram);
}

TEST_CASE("evaluator: comparisons, mask and jumps", "[bpf]") {
    const auto taken = [](unsigned operation, std::uint32_t value, std::uint32_t k) {
        const Program program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                              BPF_JUMP(static_cast<__u16>(BPF_JMP | operation | BPF_K), k, 0, 1),
                              BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 2)};
        return run_bpf(program, call(AUDIT_ARCH_X86_64, value, {})) == 1;
    };
    CHECK(taken(BPF_JEQ, 5, 5));
    CHECK_FALSE(taken(BPF_JEQ, 5, 6));
    CHECK(taken(BPF_JGT, 0x80000000, 6)); // unsigned
    CHECK_FALSE(taken(BPF_JGT, 6, 6));
    CHECK(taken(BPF_JGE, 6, 6));
    CHECK_FALSE(taken(BPF_JGE, 5, 6));
    CHECK(taken(BPF_JSET, 6, 2));
    CHECK_FALSE(taken(BPF_JSET, 6, 9));
    const Program masked{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
                         BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
                         BPF_STMT(BPF_JMP | BPF_JA, 1),
                         BPF_STMT(BPF_RET | BPF_K, 1),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x50, 0, 1),
                         BPF_STMT(BPF_RET | BPF_K, 2),
                         BPF_STMT(BPF_RET | BPF_K, 3)};
    CHECK(run_bpf(masked, call(AUDIT_ARCH_X86_64, 0, {0x357})) == 2);
}

TEST_CASE("filters: names", "[filters]") {
    for (const Subject& subject : subjects()) CHECK_FALSE(ajail::policy::program(subject.name).empty());
    CHECK(ajail::policy::program("").empty());
    CHECK(ajail::policy::program("termina").empty());
    CHECK(ajail::policy::program("terminal.policy").empty());
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(AJAIL_POLICY_FILTERS_DIR)) {
        if (entry.path().extension() != ".policy") continue;
        ++files;
        INFO(entry.path());
        CHECK_FALSE(ajail::policy::program(entry.path().stem().string()).empty());
    }
    CHECK(files == subjects().size()); // a new policy gets a meaning here
}

TEST_CASE("filters: terminal", "[filters]") {
    for (const std::uint64_t request : {0x5412U, 0x541CU, 0x541DU, 0x5423U}) {
        INFO(request);
        CHECK(ask("terminal", "ioctl", {0, request, 0}) == kEperm);
        for (unsigned bit = 0; bit < 32; ++bit) {
            CHECK(ask("terminal", "ioctl", {0, request | kHigh << bit, 0}) == kEperm);
            CHECK(ask("terminal", "ioctl", {0, request ^ std::uint64_t{1} << bit, 0}) ==
                  terminal_meaning(this_arch(), this_arch().nr("ioctl"), {0, request ^ std::uint64_t{1} << bit, 0}));
        }
    }
    CHECK(ask("terminal", "ioctl", {0, TCGETS}) == kAllow);
    CHECK(ask("terminal", "ioctl", {0, TIOCSWINSZ}) == kAllow);
    // The request is arg1 and no other.
    CHECK(ask("terminal", "ioctl", {0x5412, TCGETS, 0x5412, 0x5412}) == kAllow);
    CHECK(ask("terminal", "write", {0, 0x5412}) == kAllow);
}

TEST_CASE("filters: root, owners", "[filters]") {
    const auto check = [](const char* name, std::size_t uid) {
        if (this_arch().nr(name) < 0) return;
        INFO(name);
        const auto owned = [&](std::uint64_t user, std::uint64_t group) {
            Args args{3, 0x1000, 0, 0, 0x100, 9};
            args[uid] = user;
            args[uid + 1] = group;
            return ask("root", name, args);
        };
        CHECK(owned(0, 0) == kAllow);
        CHECK(owned(12345, 0) == kFake);
        CHECK(owned(0, 42) == kFake);
        CHECK(owned(12345, 42) == kFake);
        CHECK(owned(0xffffffff, 0) == kFake); // (uid_t)-1
        CHECK(owned(0, ~std::uint64_t{0}) == kFake);
        CHECK(owned(kHigh, 0) == kFake); // all 64 bits count
        CHECK(owned(0, kHigh) == kFake);
    };
    check("chown", 1);
    check("lchown", 1);
    check("fchown", 1);
    check("fchownat", 2);
}

TEST_CASE("filters: devices", "[filters]") {
    const auto check = [](const char* filter, std::uint32_t taken, const char* name, std::size_t mode_arg) {
        if (this_arch().nr(name) < 0) return;
        INFO(filter << " " << name);
        const auto made = [&](std::uint64_t mode, std::uint64_t device = 0x0103) {
            Args args{3, S_IFCHR, S_IFCHR, S_IFCHR, 0, 0};
            args[mode_arg] = mode;
            args[mode_arg + 1] = device;
            return ask(filter, name, args);
        };
        CHECK(made(S_IFCHR | 0666) == taken);
        CHECK(made(S_IFBLK | 0660) == taken);
        CHECK(made(kHigh | S_IFCHR | 0666) == taken); // the kernel takes 16 bits
        CHECK(made(0x10000 | S_IFBLK) == taken);
        CHECK(made(S_IFCHR, 0) == kAllow); // a whiteout
        CHECK(made(S_IFBLK, 0) == taken);
        for (const int type : {0, S_IFREG, S_IFIFO, S_IFSOCK, S_IFDIR, S_IFLNK}) {
            CHECK(made(static_cast<std::uint64_t>(type | 0644)) == kAllow);
        }
    };
    check("root", kAsk, "mknod", 1);
    check("root", kAsk, "mknodat", 2);
    check("devices", kFake, "mknod", 1);
    check("devices", kFake, "mknodat", 2);
    CHECK(ask("root", "fchmod", {3, 04755}) == kAllow);
}

TEST_CASE("filters: root, who one is", "[filters]") {
    for (const char* name : kAsked) {
        INFO(name);
        CHECK(ask("root", name, {}) == kAsk);
        CHECK(ask("root", name, {1, 0x7fff0000, ~std::uint64_t{0}}) == kAsk);
    }
    CHECK(ask("root", "prctl", {PR_SET_KEEPCAPS, 1}) == kAsk);
    CHECK(ask("root", "prctl", {PR_SET_KEEPCAPS, 0}) == kAsk);
    CHECK(ask("root", "prctl", {kHigh | PR_SET_KEEPCAPS, 1}) == kAsk); // the kernel takes 32 bits
    CHECK(ask("root", "prctl", {PR_SET_TIMERSLACK, 1}) == kFake);
    for (const int option :
         {PR_GET_TIMERSLACK, PR_GET_KEEPCAPS, PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG}) {
        CHECK(ask("root", "prctl", {static_cast<std::uint64_t>(option), PR_SET_KEEPCAPS, PR_SET_KEEPCAPS}) == kAllow);
    }
}

TEST_CASE("filters: foreign ABIs are killed", "[filters]") {
    constexpr std::array<std::uint32_t, 6> kForeign{
        AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_S390X, AUDIT_ARCH_RISCV64, 0, 0xffffffff};
    for (const Subject& subject : subjects()) {
        INFO(subject.name);
        const Program program = embedded(subject.name);
        for (std::uint32_t nr = 0; nr < 1024; ++nr) {
            bool killed = true;
            for (const auto arch : kForeign) killed &= run_bpf(program, call(arch, nr, {})) == kKill;
            if (this_arch().x32) {
                killed &= run_bpf(program, call(this_arch().audit, nr | kX32, {0, 0x5412, 0, 0})) == kKill;
            }
            if (!killed) FAIL("nr " << nr);
        }
    }
}

TEST_CASE("filters: numbers never heard of", "[filters]") {
    for (const Subject& subject : subjects()) {
        INFO(subject.name);
        const Program program = embedded(subject.name);
        for (const std::uint32_t nr : {600U, 1000U, 4096U, 0x3fffffffU}) {
            CHECK(run_bpf(program, call(this_arch().audit, nr, {0, 0x5412, 1, 1})) == kAllow);
        }
        // -1 is how a tracer skips a call (ptrace(2)); the kernel answers ENOSYS.
        CHECK(run_bpf(program, call(this_arch().audit, 0xffffffff, {})) == kAllow);
        if (!this_arch().x32) continue;
        CHECK(run_bpf(program, call(this_arch().audit, kX32, {})) == kKill);
        CHECK(run_bpf(program, call(this_arch().audit, 0x80000000, {})) == kKill);
        CHECK(run_bpf(program, call(this_arch().audit, 0xfffffffe, {})) == kKill);
    }
}

TEST_CASE("filters: the programs say what the text says", "[filters]") {
    for (const Subject& subject : subjects()) {
        for (const Arch& arch : kArches) {
            INFO(subject.name << " for " << arch.name);
            const Program program = assemble(disassembly(arch.name, subject.name));
            const auto run = [&](const seccomp_data& data) { return run_bpf(program, data); };
            CHECK(first_difference(arch, subject, run).value_or("") == "");
            CHECK(run(call(AUDIT_ARCH_I386, 0, {})) == kKill);
            CHECK(run(call(AUDIT_ARCH_ARM, 0, {})) == kKill);
        }
    }
}

TEST_CASE("filters: what is embedded is what the text shows", "[filters]") {
    for (const Subject& subject : subjects()) {
        INFO(subject.name);
        const Program built = embedded(subject.name);
        const Program shown = assemble(disassembly(this_arch().name, subject.name));
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

TEST_CASE("filters: the checked-in disassembly is current", "[filters]") {
    const Arch& arch = kArches[0];
    for (const Subject& subject : subjects()) {
        INFO(subject.name << ": after a change, policy-gen --text " << subject.name << ".policy > its .x86_64.txt");
        const std::string recorded =
            read_file(std::string(AJAIL_POLICY_FILTERS_DIR "/") + subject.name + "." + arch.name + ".txt");
        const std::string made = disassembly(arch.name, subject.name);
        const auto version = [](const std::string& text) {
            const auto start = text.find("libseccomp ");
            return text.substr(start, text.find(':', start) - start);
        };
        if (version(recorded) == version(made)) {
            CHECK(recorded == made);
        } else { // another libseccomp may order instructions otherwise, but has to mean the same
            const Program program = assemble(recorded);
            const auto run = [&](const seccomp_data& data) { return run_bpf(program, data); };
            CHECK(first_difference(arch, subject, run).value_or("") == "");
        }
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

TEST_CASE("kernel: terminal", "[filters][kernel]") {
    // A pipe answers ENOTTY to these requests, so an EPERM is the filter's.
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    char letter = 'x';
    REQUIRE(syscall(SYS_ioctl, ends[0], TIOCSTI, &letter) == -1);
    REQUIRE(errno == ENOTTY);
    const int status = under_filter("terminal", [&] {
        int waiting = -1;
        if (!refused(syscall(SYS_ioctl, ends[0], 0x5412UL, &letter))) return 1;
        if (!refused(syscall(SYS_ioctl, ends[0], kHigh | 0x5412UL, &letter))) return 2; // CVE-2019-10063
        if (!refused(syscall(SYS_ioctl, ends[0], 0x541CUL, &letter))) return 3;
        if (!refused(syscall(SYS_ioctl, ends[0], 0x541DUL, 0))) return 4;
        if (!refused(syscall(SYS_ioctl, ends[0], 0x5423UL, &waiting))) return 5;
        if (ioctl(ends[0], FIONREAD, &waiting) != 0 || waiting != 0) return 6;
        return 0;
    });
    CHECK(status == 0);
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("kernel: root", "[filters][kernel]") {
    const TemporaryDirectory directory;
    const std::string file = directory.path / "file";
    const std::string fifo = directory.path / "fifo";
    const std::string device = directory.path / "device";
    std::ofstream(file) << "x";
    struct stat before {};
    REQUIRE(stat(file.c_str(), &before) == 0);
    const int status = under_filter("root", [&] {
        struct stat now {};
        if (chown(file.c_str(), 12345, 12345) != 0) return 1;
        if (lchown(file.c_str(), 12345, 0) != 0) return 2;
        if (fchownat(AT_FDCWD, file.c_str(), 0, 12345, 0) != 0) return 3;
        if (stat(file.c_str(), &now) != 0) return 4;
        if (now.st_uid != before.st_uid || now.st_gid != before.st_gid) return 5; // said, not done
        if (chown("/nonexistent/file", 0, 0) != -1 || errno != ENOENT) return 6;  // 0:0 reaches the kernel
        if (mknod(device.c_str(), S_IFCHR | 0666, 0x0103) != -1 || errno != ENOSYS) return 7; // nobody listens here
        if (mknodat(AT_FDCWD, device.c_str(), S_IFBLK | 0666, 0x0700) != -1 || errno != ENOSYS) return 8;
        if (lstat(device.c_str(), &now) != -1 || errno != ENOENT) return 9;
        if (mknod(device.c_str(), S_IFCHR | 0600, 0) != 0 && errno != EPERM) return 17; // not on an overlay
        if (mkfifo(fifo.c_str(), 0600) != 0) return 10;
        if (lstat(fifo.c_str(), &now) != 0 || !S_ISFIFO(now.st_mode)) return 11;
        // Nobody listens here, and then an asked call is ENOSYS (seccomp(2)): never the kernel's own.
        const gid_t groups[] = {54321};
        if (syscall(SYS_setgroups, 1, groups) != -1 || errno != ENOSYS) return 12;
        if (syscall(SYS_getuid) != -1 || errno != ENOSYS) return 13;
        if (syscall(SYS_setresuid, 0, 0, 0) != -1 || errno != ENOSYS) return 14;
        if (prctl(PR_SET_KEEPCAPS, 1) != -1 || errno != ENOSYS) return 15;
        if (prctl(PR_GET_KEEPCAPS) != 0) return 16;
        const int slack = prctl(PR_GET_TIMERSLACK);
        if (prctl(PR_SET_TIMERSLACK, 1) != 0 || prctl(PR_GET_TIMERSLACK) != slack) return 18;
        return 0;
    });
    CHECK(status == 0);
}

#if defined(__x86_64__)
TEST_CASE("kernel: foreign ABIs are killed", "[filters][kernel]") {
    for (const Subject& subject : subjects()) {
        INFO(subject.name);
        const int x32 = under_filter(subject.name, [] {
            (void)syscall(static_cast<long>(kX32 | SYS_getpid)); // does not return
            return 0;
        });
        CHECK(WIFSIGNALED(x32));
        CHECK(WTERMSIG(x32) == SIGSYS);
        const int i386 = under_filter(subject.name, [] {
            long result = 20; // getpid(2) of i386
            asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
            return 0;
        });
        // SIGSEGV: a kernel without the 32-bit entry (CONFIG_IA32_EMULATION) has no such call to refuse.
        CHECK(WIFSIGNALED(i386));
        CHECK((WTERMSIG(i386) == SIGSYS || WTERMSIG(i386) == SIGSEGV));
    }
}
#endif
