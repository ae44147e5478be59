// SPDX-License-Identifier: Apache-2.0
// What the tests of the seccomp programs share: the calls of each architecture, what the .policy files say in other
// words, and policy-gen.
#pragma once

#include "bpf.h"
#include "catch.h"
#include "policy/filters.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <linux/audit.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ajail::tests {

using Program = std::vector<sock_filter>;
using Args = std::array<std::uint64_t, 6>;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kFake = SECCOMP_RET_ERRNO;
constexpr std::uint32_t kAsk = SECCOMP_RET_USER_NOTIF;
constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;
using policy::kPass;
constexpr std::uint32_t kKill = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint32_t kX32 = 0x40000000;
constexpr std::uint64_t kHigh = std::uint64_t{1} << 32;

seccomp_data call(std::uint32_t arch, std::uint32_t nr, const Args& args);

struct Number; ///< a call and its numbers
/// The calls of an architecture by their numbers: asked many times a question, where a search for a name takes long.
using Names = std::array<std::string_view, 512>;

/// An architecture that programs are made for.
struct Arch {
    const char* name;
    std::uint32_t audit;
    bool x32;
    int Number::*column;
    Names names;

    bool is(int nr, std::string_view syscall) const {
        const auto at = static_cast<std::size_t>(nr); // a negative one is beyond the end as well
        return at < names.size() && names[at] == syscall;
    }

    int nr(std::string_view syscall) const;
};

extern const std::array<Arch, 3> kArches; ///< x86_64, aarch64, i386
const Arch& this_arch();

/// What the .policy files say, once more and by other means.
using Meaning = std::function<std::uint32_t(const Arch&, int nr, const Args&)>;

// What default.policy says of the numbers that it does not allow.
constexpr std::array<std::string_view, 44> kRefusedCalls{"mount",
                                                         "umount2",
                                                         "pivot_root",
                                                         "setns",
                                                         "swapon",
                                                         "swapoff",
                                                         "reboot",
                                                         "kexec_load",
                                                         "kexec_file_load",
                                                         "init_module",
                                                         "finit_module",
                                                         "delete_module",
                                                         "acct",
                                                         "quotactl",
                                                         "quotactl_fd",
                                                         "clock_settime",
                                                         "settimeofday",
                                                         "syslog",
                                                         "sethostname",
                                                         "setdomainname",
                                                         "iopl",
                                                         "ioperm",
                                                         "modify_ldt",
                                                         "open_by_handle_at",
                                                         "perf_event_open",
                                                         "bpf",
                                                         "fanotify_init",
                                                         "fanotify_mark",
                                                         "kcmp",
                                                         "mbind",
                                                         "set_mempolicy",
                                                         "set_mempolicy_home_node",
                                                         "move_pages",
                                                         "migrate_pages",
                                                         "vmsplice",
                                                         "userfaultfd",
                                                         "pidfd_getfd",
                                                         "process_madvise",
                                                         "vhangup",
                                                         "umount",
                                                         "stime",
                                                         "clock_settime64",
                                                         "vm86",
                                                         "vm86old"};

/// What init answers, whatever the arguments.
constexpr std::array<std::string_view, 20> kAsked{"setuid",    "setgid",   "setreuid", "setregid",  "setresuid",
                                                  "setresgid", "setfsuid", "setfsgid", "setgroups", "getuid",
                                                  "geteuid",   "getgid",   "getegid",  "getresuid", "getresgid",
                                                  "getgroups", "capset",   "setxattr", "lsetxattr", "fsetxattr"};
std::uint32_t terminal_meaning(const Arch& arch, int nr, const Args& args);
std::uint32_t root_meaning(const Arch& arch, int nr, const Args& args);

struct Subject {
    const char* name;
    Meaning meaning;
    std::vector<const char*> syscalls; ///< those whose arguments a rule looks at
    std::uint32_t unknown = kAllow;    ///< what it says of a number that does not exist
};

const std::vector<Subject>& subjects();

std::string show(const Arch& arch, std::uint32_t nr, const Args& args);
/// Compares without a CHECK a question: there are a million of them.
using Ask = std::function<std::uint32_t(const seccomp_data&)>;
std::optional<std::string> first_difference(const Arch& arch, const Subject& subject, const Ask& ask);

Program embedded(const char* name);
std::uint32_t ask(const char* program, std::string_view syscall, const Args& args);

/// policy-gen, run.
struct Ran {
    int status;
    std::string output; ///< stdout and stderr
};
Ran run_generator(const std::string& arguments);
std::string policy_path(const std::string& name);
/// Of a policy, or of one of spec::kStacks.
std::string disassembly(const std::string& arch, const std::string& name);
std::string read_file(const std::filesystem::path& path);
/// Reads the numbers of a disassembly back.
Program assemble(const std::string& text);

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

} // namespace ajail::tests
