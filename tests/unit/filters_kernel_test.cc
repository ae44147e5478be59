// SPDX-License-Identifier: Apache-2.0
// The embedded seccomp programs, loaded for real.
#include "filters.h"
#include "policy/refused.h"
#include "spec/filters.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace ajail::tests;

namespace {

/// Runs STEPS in a child under the program and returns its wait status. STEPS returns the exit status and
/// must not use Catch: it runs in a forked copy, which leaves by _exit.
int under_filter(const char* name, const std::function<int()>& steps) {
    Program program = ajail::policy::joined(name);
    REQUIRE_FALSE(program.empty());
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

TEST_CASE("kernel: what nobody answers is refused", "[filters][kernel]") {
    for (const char* name : {"default+noted", ajail::spec::kStacks[0]}) {
        INFO(name);
        const int status = under_filter(name, [] {
            const auto unknown = [](long nr, auto... args) { return syscall(nr, args...) == -1 && errno == ENOSYS; };
            for (const auto& refused : ajail::policy::refused_calls())
                if (std::string_view(refused.option) != "ptrace" &&
                    !unknown(refused.nr, refused.family >= 0 ? long{refused.family} : long{CLONE_NEWUSER}, 0L, 0L, 0L,
                             0L))
                    return 1;
            const pid_t child = fork();
            if (child == 0) _exit(7);
            int how = 0;
            return child < 0 || waitpid(child, &how, 0) != child || WEXITSTATUS(how) != 7 ? 2 : 0;
        });
        CHECK(status == 0);
    }
    for (const char* name : {"terminal+listener", ajail::spec::kStacks[0]}) {
        INFO(name);
        const int listening = under_filter(name, [] {
            sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
            const sock_fprog program{1, &allow};
            if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) != -1)
                return 1;
            if (errno != EBUSY) return 2;
            return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : 3;
        });
        CHECK(listening == 0);
    }
}

TEST_CASE("kernel: default", "[filters][kernel]") {
    // Control: without the program the same calls have other results, or none of these could be told.
    REQUIRE((syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr) == -1 && errno != ENOSYS));
    const int status = under_filter("default", [&] {
        const auto says = [](int err, long nr, auto... args) { return syscall(nr, args...) == -1 && errno == err; };
        for (const std::string_view name : kRefusedCalls)
            if (this_arch().nr(name) >= 0 && !says(EPERM, this_arch().nr(name), -1L, -1L, -1L, -1L)) return 1;
        for (const char* name : {"keyctl", "add_key", "request_key", "io_uring_setup", "io_uring_enter", "clone3",
                                 "fsopen", "open_tree", "mount_setattr", "statmount", "listmount"})
            if (!says(ENOSYS, this_arch().nr(name), -1L, -1L, -1L, -1L)) return 2;
        if (!says(ENOSYS, 470, 0L) || !says(ENOSYS, 1000, 0L)) return 3;
        // 64 bits in a register, of which the kernel takes 32
        for (const long high : {0L, static_cast<long>(kHigh)}) {
            if (!says(EAFNOSUPPORT, SYS_socket, high | AF_VSOCK, SOCK_STREAM, 0)) return 4;
            if (!says(EAFNOSUPPORT, SYS_socket, high | 38, SOCK_SEQPACKET, 0)) return 5; // AF_ALG
            if (!says(EAFNOSUPPORT, SYS_socket, high | AF_PACKET, SOCK_RAW, 0)) return 6;
            if (!says(EPROTONOSUPPORT, SYS_socket, high | AF_NETLINK, SOCK_RAW, high | 12)) return 7; // netfilter
            if (!says(EPERM, SYS_unshare, high | CLONE_NEWUSER)) return 8;
            if (!says(EPERM, SYS_unshare, high | CLONE_NEWTIME)) return 9;
            if (!says(EPERM, SYS_clone, high | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)) return 10;
            if (!says(EPERM, SYS_personality, high | 0x0400000)) return 11; // READ_IMPLIES_EXEC
            if (syscall(SYS_personality, high | 0xffffffff) < 0) return 12;
            if (syscall(SYS_socket, high | AF_UNIX, SOCK_STREAM, 0) < 0) return 13;
            if (syscall(SYS_socket, high | AF_NETLINK, SOCK_RAW, high) < 0) return 14;
        }
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || socket(AF_INET, SOCK_STREAM, 0) < 0) return 15;
        if (!says(EAFNOSUPPORT, SYS_socketpair, AF_TIPC, SOCK_STREAM, 0, ends)) return 16;
        if (unshare(CLONE_FS | CLONE_FILES) != 0) return 17;
        const pid_t child = fork(); // by clone
        if (child == 0) _exit(7);
        int how = 0;
        return child < 0 || waitpid(child, &how, 0) != child || WEXITSTATUS(how) != 7 ? 18 : 0;
    });
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(status == 0);
}

TEST_CASE("kernel: strict", "[filters][kernel]") {
    const TemporaryDirectory directory;
    const std::string file = directory.path / "file", other = directory.path / "other";
    std::ofstream(file) << "x";
    REQUIRE(chmod(file.c_str(), 04755) == 0);
    REQUIRE(chmod(file.c_str(), 0755) == 0);
    const int status = under_filter("default+strict", [&] {
        if (!refused(chmod(file.c_str(), 04755)) || !refused(chmod(file.c_str(), 02755))) return 1;
        if (!refused(open(other.c_str(), O_CREAT | O_WRONLY, 04755))) return 2;
        if (!refused(open(directory.path.c_str(), O_TMPFILE | O_WRONLY, 02755))) return 3;
        if (!refused(mknod(other.c_str(), S_IFREG | 04755, 0))) return 4;
        if (syscall(437, AT_FDCWD, file.c_str(), nullptr, 0) != -1 || errno != ENOSYS) return 5; // openat2
        if (!refused(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr))) return 6;
        if (socket(AF_NETLINK, SOCK_RAW, 15) != -1 || errno != EPROTONOSUPPORT) return 7;
        if (socket(AF_NETLINK, SOCK_RAW, 0) < 0) return 8;
        if (chmod(file.c_str(), 01755) != 0) return 9;
        if (open(other.c_str(), O_CREAT | O_WRONLY, 0755) < 0) return 10;
        if (open(file.c_str(), O_RDONLY, 04755) < 0) return 11; // no file is made, and the mode is nothing
        return 0;
    });
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(status == 0);
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
    std::vector<std::string> whole{"default+strict", "default+userns+acct-mkdir"};
    for (const Subject& subject : subjects())
        if (subject.unknown != kPass) whole.emplace_back(subject.name);
    for (const std::string& name : whole) {
        INFO(name);
        const int x32 = under_filter(name.c_str(), [] {
            (void)syscall(static_cast<long>(kX32 | SYS_getpid)); // does not return
            return 0;
        });
        CHECK(WIFSIGNALED(x32));
        CHECK(WTERMSIG(x32) == SIGSYS);
        const int i386 = under_filter(name.c_str(), [] {
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
