// SPDX-License-Identifier: Apache-2.0
// The embedded seccomp programs, asked every question through an evaluator, against a second statement of what the
// .policy files say.
#include "filters.h"

#include "policy/emulation.h"
#include "policy/refused.h"
#include "spec/filters.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <linux/audit.h>
#include <map>
#include <netinet/in.h>
#include <sched.h>
#include <set>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace ajail::tests;

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

TEST_CASE("filters: init", "[filters]") {
    CHECK(ask("init", "prlimit64", {1, RLIMIT_NOFILE, 0x1000, 0}) == kEperm);
    CHECK(ask("init", "prlimit64", {1 | kHigh, RLIMIT_NOFILE, 0x1000, 0}) == kEperm); // pids are 32-bit numbers
    CHECK(ask("init", "prlimit64", {1, RLIMIT_NOFILE, kHigh, 0}) == kEperm);          // and pointers are not
    CHECK(ask("init", "prlimit64", {1, RLIMIT_NOFILE, 0, 0x1000}) == kPass);          // told, not set
    for (const std::uint64_t pid : {0U, 2U, 0x10001U})
        CHECK(ask("init", "prlimit64", {pid, RLIMIT_NOFILE, 0x1000, 0}) == kPass);
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
    for (const std::string_view name : kAsked) {
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
            CHECK(run_bpf(program, call(this_arch().audit, nr, {0, 0x5412, 1, 1})) == subject.unknown);
        }
        // -1 is how a tracer skips a call (ptrace(2)); the kernel answers ENOSYS.
        CHECK(run_bpf(program, call(this_arch().audit, 0xffffffff, {})) == subject.unknown);
        if (!this_arch().x32) continue;
        CHECK(run_bpf(program, call(this_arch().audit, kX32, {})) == kKill);
        CHECK(run_bpf(program, call(this_arch().audit, 0x80000000, {})) == kKill);
        CHECK(run_bpf(program, call(this_arch().audit, 0xfffffffe, {})) == kKill);
    }
}

TEST_CASE("filters: the programs say what the text says", "[filters][policy-gen]") {
    for (const Subject& subject : subjects()) {
        for (const Arch& arch : kArches) {
            INFO(subject.name << " for " << arch.name);
            const Program program = assemble(disassembly(arch.name, subject.name));
            const auto run = [&](const seccomp_data& data) { return run_bpf(program, data); };
            CHECK(first_difference(arch, subject, run).value_or("") == "");
            for (const Arch& other : kArches)
                CHECK((other.audit == arch.audit || run(call(other.audit, 0, {})) == kKill));
            CHECK(run(call(AUDIT_ARCH_ARM, 0, {})) == kKill);
        }
    }
}

TEST_CASE("filters: joined", "[filters]") {
    using ajail::policy::joined;
    const auto says = [](const char* name, const char* syscall, const Args& args = {}) {
        const Program program = joined(name);
        REQUIRE_FALSE(program.empty());
        return run_bpf(program, call(this_arch().audit, static_cast<std::uint32_t>(this_arch().nr(syscall)), args));
    };
    CHECK(says("default", "perf_event_open") == kEperm);
    CHECK(says("default+perf", "perf_event_open") == kAllow);
    CHECK(says("default+perf", "bpf") == kEperm);
    CHECK(says("default+perf", "keyctl") == kEnosys);
    CHECK(says("default+bpf", "bpf") == kAllow);
    CHECK(says("default-mkdirat", "mkdirat") == kEperm);
    CHECK(says("default+mkdirat-mkdirat", "mkdirat") == kEperm);
    CHECK(says("default-mkdirat+mkdirat", "mkdirat") == kAllow); // the last one stands in front
    CHECK(says("default", "ptrace") == kAllow);
    CHECK(says("default+strict", "ptrace") == kEperm);
    CHECK(says("default+strict+ptrace", "ptrace") == kAllow);
    CHECK(says("default+strict", "bpf") == kEperm);
    CHECK(says("default+vsock", "socket", {kHigh | AF_VSOCK}) == kAllow);
    // As they are loaded, all of them in front of something else.
    for (const char* name : {"root+setid", "devices+setid", "terminal+setid"}) {
        CHECK(says(name, "fchmod", {3, 0755}) == kAllow);
        CHECK(says(name, "fchmod", {3, 04755}) == kAsk);
        CHECK(says(name, "openat", {3, 0, 0, 04755}) == kAllow); // makes nothing
        CHECK(says(name, "openat", {3, 0, O_CREAT, 02755}) == kAsk);
        CHECK(says(name, "openat2") == kEnosys);
        CHECK(says((std::string(name) + "+openat2").c_str(), "openat2") == kAllow);
    }
    CHECK(says("root+setid", "getuid") == kAsk);
    CHECK(says("devices+setid", "mknodat", {3, 0, S_IFBLK | 06666, 1}) == kFake);
    CHECK(says("terminal+setid", "ioctl", {0, TIOCSTI}) == kEperm);
    CHECK(says("default+vsock", "socket", {AF_PACKET}) == (SECCOMP_RET_ERRNO | EAFNOSUPPORT));
    CHECK(says("default+userns", "clone", {CLONE_NEWUSER}) == kAllow);
    CHECK(says("default", "socket", {AF_INET, SOCK_RAW}) == kAllow); // capabilities decide
    CHECK(says("default+userns", "socket", {AF_INET6, SOCK_RAW | SOCK_CLOEXEC}) == kEperm);
    CHECK(says("default+userns", "socket", {AF_INET, kHigh | SOCK_PACKET}) == kEperm);
    CHECK(says("default+userns", "socket", {AF_INET, SOCK_DGRAM}) == kAllow);
    CHECK(says("default+userns+raw_socket", "socket", {AF_INET, SOCK_RAW}) == kAllow);
    CHECK(says("default+userns", "setsockopt", {3, IPPROTO_IP, 64}) == (SECCOMP_RET_ERRNO | ENOPROTOOPT));
    CHECK(says("default+userns", "setsockopt", {3, SOL_SOCKET, 64}) == kAllow);
    // In front of others, what is allowed is left to them.
    CHECK(says("root+perf", "perf_event_open") == kAllow);
    CHECK(says("root+fchownat", "fchownat", {0, 0, 5, 5}) == kFake);
    CHECK(says("root+noted+setuid+userns+setid", "setuid") == kAsk);
    CHECK(says("root+noted+fchmod+setid", "fchmod", {3, 04755}) == kAsk);
    CHECK(says("root-fchownat", "fchownat", {0, 0, 5, 5}) == kEperm);
    CHECK(says("terminal+ioctl", "ioctl", {0, TIOCSTI}) == kEperm);
    CHECK(says("root+noted+seccomp+setid+listener", "seccomp", {1, 8}) == (SECCOMP_RET_ERRNO | EBUSY));
    CHECK(says("root+noted+seccomp+setid+listener", "seccomp", {1, 0}) == kAllow);
    for (const char* name : {"", "defaul", "default+", "default-", "default+nosuch", "default-nosuch",
                             "default+perf-", "strict", "perf", "+perf", "default-perf"})
        CHECK(joined(name).empty());
    CHECK(ajail::policy::syscall_number("mseal") == this_arch().nr("mseal"));
    CHECK(ajail::policy::syscall_number("openat") == this_arch().nr("openat"));
    CHECK(ajail::policy::syscall_number("nosuch") == -1);
    CHECK(ajail::policy::syscall_number("") == -1);
}

TEST_CASE("filters: several as one say what they say together", "[filters]") {
    // seccomp(2): what takes most away, and of equals the newest's. The last one has the listener.
    const auto rank = [](std::uint32_t action) {
        return static_cast<std::int32_t>(action & SECCOMP_RET_ACTION_FULL);
    };
    std::map<bool, std::set<std::string_view>> asked; // by which of two sets of values: see first_difference()
    for (const Subject& subject : subjects())
        asked[subject.unknown == kAllow].insert(subject.syscalls.begin(), subject.syscalls.end());
    for (const std::string name : ajail::spec::kStacks) {
        INFO(name);
        const Program one = ajail::policy::joined(name);
        REQUIRE_FALSE(one.empty());
        std::vector<Program> stack;
        for (std::size_t start = 0, end = 0; end != std::string::npos; start = end + 1) {
            end = name.find(',', start);
            stack.push_back(ajail::policy::joined(name.substr(start, end - start)));
            REQUIRE_FALSE(stack.back().empty());
        }
        const auto together = [&](const seccomp_data& data) {
            std::uint32_t says = kAllow;
            bool heard = true;
            for (std::size_t i = stack.size(); i-- > 0;) {
                const std::uint32_t next = run_bpf(stack[i], data);
                if (rank(next) >= rank(says)) continue;
                says = next;
                heard = i + 1 == stack.size();
            }
            return says == kAsk && !heard ? kEnosys : says;
        };
        const auto run = [&](const seccomp_data& data) { return run_bpf(one, data); };
        for (const auto& [allowed, names] : asked) {
            std::vector<const char*> syscalls;
            for (const std::string_view syscall : names) syscalls.push_back(syscall.data());
            const Subject subject{name.c_str(),
                                  [&](const Arch& arch, int nr, const Args& args) {
                                      return together(call(arch.audit, static_cast<std::uint32_t>(nr), args));
                                  },
                                  syscalls, allowed ? kAllow : kEnosys};
            CHECK(first_difference(this_arch(), subject, run).value_or("") == "");
        }
        for (const std::uint32_t nr : {0xffffffffU, kX32, 0x80000000U, 0xfffffffeU}) {
            CHECK(run(call(this_arch().audit, nr, {})) == together(call(this_arch().audit, nr, {})));
            CHECK(run(call(AUDIT_ARCH_I386, nr, {})) == kKill);
        }
    }
    for (const char* name : {"default,terminal", "default+noted,terminal+init,", ",", "default,terminal+init+32bit"})
        CHECK(ajail::policy::joined(name).empty()); // nobody has compiled these
}

TEST_CASE("filters: a denylist alone", "[filters]") {
    const auto nr = [](const char* name) { return static_cast<std::uint32_t>(this_arch().nr(name)); };
    const Program program = ajail::policy::joined("-mkdirat-ptrace");
    REQUIRE_FALSE(program.empty());
    CHECK(run_bpf(program, call(this_arch().audit, nr("mkdirat"), {})) == kEperm);
    CHECK(run_bpf(program, call(this_arch().audit, nr("ptrace"), {})) == kEperm);
    CHECK(run_bpf(program, call(this_arch().audit, nr("bpf"), {})) == kAllow);
    CHECK(ajail::policy::joined("-").empty());
    CHECK(ajail::policy::joined("-nosuch").empty());
}

TEST_CASE("filters: with 32-bit programs", "[filters]") {
    using ajail::policy::joined;
    if (this_arch().audit != AUDIT_ARCH_X86_64) {
        CHECK(joined("default+32bit").empty());
        return;
    }
    // Each part is the one that the text shows, chosen by the architecture.
    for (const Subject& subject : subjects()) {
        if (subject.unknown == kPass) continue;
        INFO(subject.name);
        const Program program = joined(std::string(subject.name) + "+32bit");
        REQUIRE_FALSE(program.empty());
        for (const Arch* const arch : {&kArches[0], &kArches[2]}) {
            INFO(arch->name);
            const auto run = [&](const seccomp_data& data) { return run_bpf(program, data); };
            CHECK(first_difference(*arch, subject, run).value_or("") == "");
        }
        CHECK(run_bpf(program, call(AUDIT_ARCH_ARM, 0, {})) == kKill);
        CHECK(run_bpf(program, call(AUDIT_ARCH_X86_64, kX32, {})) == kKill);
    }
    const auto says = [](const char* name, std::uint32_t nr, const Args& args = {}) {
        return run_bpf(joined(name), call(AUDIT_ARCH_I386, nr, args));
    };
    CHECK(says("default", 20) == kKill);
    CHECK(says("default+32bit", 20) == kAllow);                  // getpid
    CHECK(says("default+32bit", 102, {1}) == kEnosys);           // socketcall
    CHECK(says("default+32bit", 117, {21}) == kEnosys);          // ipc
    CHECK(says("default+32bit+socketcall", 102, {1}) == kAllow); // by name, what only the other one has
    CHECK(says("default+32bit", 359, {AF_ALG}) == (SECCOMP_RET_ERRNO | EAFNOSUPPORT));
    CHECK(says("default+vsock+32bit", 359, {AF_VSOCK}) == kAllow);
    CHECK(says("default+strict+32bit", 26) == kEperm); // ptrace
    CHECK(says("default+strict+ptrace+32bit", 26) == kAllow);
    CHECK(says("default+32bit-chown", 212) == kEperm);    // chown32
    CHECK(says("default+32bit-recvmmsg", 417) == kEperm); // recvmmsg_time64
    CHECK(says("-mkdir+32bit", 39) == kEperm);
    CHECK(says("-mkdir+32bit", 40) == kAllow);
    CHECK(says("root+noted+setid+listener+32bit", 354, {1, 8}) == (SECCOMP_RET_ERRNO | EBUSY));
    for (const char* name : {"default+noted+32bit", "root+noted+setid+listener+32bit"}) {
        CHECK(says(name, 336) == kAsk); // perf_event_open
        CHECK(says(name, 359, {AF_VSOCK}) == kAsk);
        CHECK(says(name, 120, {CLONE_NEWUSER}) == kAsk);
        CHECK(says(name, 120, {SIGCHLD}) == kAllow);
    }
    CHECK(joined("perf+32bit").empty());
    CHECK(joined("nosuch+32bit").empty());
}

TEST_CASE("filters: what init refuses is what the policy refuses", "[filters]") {
    using ajail::policy::refuse;
    const auto says = [](const std::string& name, const ajail::policy::Refused& refused) {
        const std::string_view is = refused.call;
        const std::uint64_t first = refused.family >= 0                ? static_cast<std::uint64_t>(refused.family)
                                    : is == "clone" || is == "unshare" ? CLONE_NEWUSER
                                                                       : 0;
        return run_bpf(ajail::policy::joined(name),
                       call(this_arch().audit, static_cast<std::uint32_t>(refused.nr), {first}));
    };
    std::uint64_t all = 0;
    for (const auto& refused : ajail::policy::refused_calls()) {
        INFO(refused.call);
        if (this_arch().audit == AUDIT_ARCH_X86_64) { // what a 32-bit program asks is the same question
            const int nr = kArches[2].nr(refused.call);
            CHECK(ajail::policy::native_number({nr, AUDIT_ARCH_I386, 0, {}}) == refused.nr);
        }
        CHECK(refused.nr == this_arch().nr(refused.call));
        const bool strict = std::string_view(refused.option) == "ptrace";
        const std::string base = strict ? "default+strict" : "default";
        const std::string notes = strict ? "+noted+noted_strict" : "+noted";
        CHECK(says(base, refused) == (SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(refused.err)));
        CHECK(says(base + notes, refused) == kAsk);
        for (const char* asker : {"root", "devices", "terminal"})
            CHECK(says(asker + notes + "+setid+listener", refused) == kAsk);
        std::string option = refused.option;
        std::replace(option.begin(), option.end(), '-', '_');
        CHECK(says(base + notes + "+" + option, refused) == kAllow);
        CHECK(says("root" + notes + "+" + option + "+setid+listener", refused) == kAllow);
        std::uint64_t tried = 0;
        CHECK(refuse(refused.nr, static_cast<std::uint64_t>(refused.family), tried) == refused.err);
        CHECK((all & tried) == 0);
        all |= tried;
    }
    // Nothing else is asked, and the root emulation's questions are left alone.
    const Program noted = ajail::policy::joined("root+noted+noted_strict");
    for (int nr = 0; nr < 1024; ++nr) {
        for (const std::uint64_t first :
             {std::uint64_t{0}, std::uint64_t{AF_VSOCK}, kHigh | AF_PACKET, ~std::uint64_t{0}}) {
            INFO(nr << ' ' << first);
            const Args args{first};
            const auto answer = run_bpf(noted, call(this_arch().audit, static_cast<std::uint32_t>(nr), args));
            const bool emulated = root_meaning(this_arch(), nr, args) == kAsk;
            std::uint64_t tried = 0;
            if (answer == kAsk) CHECK((refuse(nr, first, tried) != 0) == !emulated);
            CHECK((tried & ~all) == 0);
        }
    }
}
