// SPDX-License-Identifier: Apache-2.0
// The system calls. See calls.h. glibc 2.36 has no wrapper for clone3, openat2, seccomp, landlock and pidfd calls
// with the semantics needed here, so those go through syscall(2).
#include "sys/calls.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <dirent.h>
#include <grp.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/kcmp.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <memory>
#include <new>
#include <sched.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

namespace ajail::sys {

namespace {

constexpr std::size_t kCpuMask = 1024; // bytes, for 8,192 CPUs: as many as a kernel can have
constexpr std::size_t kBits = 8 * sizeof(unsigned long);

// Code and constants, which are still in the page cache: what is needed again comes back from there.
int give_back_file(dl_phdr_info* info, std::size_t, void* page_size) {
    auto page = *static_cast<std::size_t*>(page_size);
    for (const ElfW(Phdr) & part : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
        if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
        auto start = (info->dlpi_addr + part.p_vaddr) / page * page;
        auto end = (info->dlpi_addr + part.p_vaddr + part.p_memsz) / page * page;
        (void)::madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
    }
    return 0;
}

template <class Function> auto retry(Function function) {
    decltype(function()) result;
    do {
        result = function();
    } while (result < 0 && errno == EINTR);
    return result;
}

Status status(long result, Call call) {
    if (result < 0) return failed(call);
    return Done{};
}

Result<Fd> owned(long result, Call call) {
    if (result < 0) return failed(call);
    return Fd(static_cast<int>(result));
}

} // namespace

Error failed(Call call) { return Error{Stage::none, call, kNoOp, errno}; }
Error refused(int err) { return Error{Stage::none, Call::check, kNoOp, err}; }

Result<pid_t> clone3(std::uint64_t flags, Fd* pidfd, const Fd& cgroup) {
    int raw = -1;
    clone_args args{};
    args.flags = flags | (pidfd != nullptr ? CLONE_PIDFD : 0) | (cgroup ? CLONE_INTO_CGROUP : 0);
    if (cgroup) args.cgroup = static_cast<__u64>(cgroup.get());
    args.pidfd = reinterpret_cast<std::uintptr_t>(&raw);
    args.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD; // with that, as the caller's own
    constexpr timespec kMoment = {.tv_sec = 0, .tv_nsec = 10'000'000};
    long pid = ::syscall(SYS_clone3, &args, sizeof args);
    for (int more = 10; pid < 0 && errno == ENOSPC && (flags & CLONE_NEWUSER) != 0 && more > 0; --more)
        pid = (::nanosleep(&kMoment, nullptr), ::syscall(SYS_clone3, &args, sizeof args));
    if (pid < 0) return failed(Call::clone3);
    if (pid > 0 && pidfd != nullptr) pidfd->reset(raw);
    return static_cast<pid_t>(pid);
}

Result<int> ask_child(std::uint64_t flags, const std::function<int()>& ask) {
    pid_t pid = TRY(clone3(flags, nullptr));
    if (pid == 0) {
        (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::_exit(ask());
    }
    siginfo_t info = TRY(waitid(P_PID, static_cast<id_t>(pid), WEXITED));
    if (info.si_code != CLD_EXITED) return refused(EINTR);
    return info.si_status;
}

Status unshare(int flags) { return status(::unshare(flags), Call::unshare); }
Status setns(int fd, int type) { return status(::setns(fd, type), Call::setns); }
Status execve(const char* path, char* const argv[], char* const envp[]) {
    (void)::execve(path, argv, envp); // returns only to say why not
    return failed(Call::execve);
}
namespace {
Result<std::int32_t> keyring(long number) {
    if (number < 0 && errno == ENOSYS) return 0;
    if (number < 0) return failed(Call::keyctl);
    return number == 0 ? Result<std::int32_t>(refused(EPROTO)) : static_cast<std::int32_t>(number);
}
} // namespace
Result<std::int32_t> own_session_keyring() {
    return keyring(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr));
}
Result<std::int32_t> session_keyring() {
    return keyring(::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
}
Status setsid() {
    pid_t session = ::setsid();
    return session == 0 ? refused(EPROTO) : status(session, Call::setsid); // no session has that number
}
// Raw: glibc's versions of these three signal all threads with a stale idea of which there are.
Status setgroups(std::span<const unsigned> groups) {
    return status(::syscall(SYS_setgroups, groups.size(), groups.data()), Call::setgroups);
}
Status setresuid(uid_t uid) { return status(::syscall(SYS_setresuid, uid, uid, uid), Call::setresuid); }
Status setresgid(gid_t gid) { return status(::syscall(SYS_setresgid, gid, gid, gid), Call::setresgid); }
Status sethostname(std::string_view name) {
    return status(::sethostname(name.data(), name.size()), Call::sethostname);
}
Result<long> prctl(int option, unsigned long arg2, unsigned long arg3) {
    long result = ::prctl(option, arg2, arg3, 0UL, 0UL);
    if (result < 0) return failed(Call::prctl);
    return result;
}
Status kill(pid_t pid, int sig) { return status(::kill(pid, sig), Call::kill); }
Status pidfd_send_signal(int pidfd, int sig) {
    return status(::syscall(SYS_pidfd_send_signal, pidfd, sig, nullptr, 0), Call::pidfd);
}
Result<Fd> pidfd_open(pid_t pid) { return owned(::syscall(SYS_pidfd_open, pid, 0), Call::pidfd); }
Result<siginfo_t> waitid(idtype_t type, id_t id, int options) {
    siginfo_t info{};
    if (retry([&] { return ::waitid(type, id, &info, options); }) < 0) return failed(Call::waitid);
    return info;
}
Result<std::atomic<bool>*> shared_flag() {
    void* page =
        ::mmap(nullptr, sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return failed(Call::mmap);
    return new (page) std::atomic<bool>(false);
}
void give_back_memory() {
    (void)::malloc_trim(0);
    // Below the frame that we are in, and what it needs for one call. ENOMEM: it never was as large as that.
    constexpr std::size_t kStack = 1 << 20, kOwn = 512;
    auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    auto* end = static_cast<char*>(__builtin_frame_address(0)) - kOwn;
    char* above = end - reinterpret_cast<std::uintptr_t>(end) % page;
    (void)::madvise(above - kStack, kStack, MADV_DONTNEED);
    (void)::dl_iterate_phdr(give_back_file, &page);
}
Status setrlimit(int resource, std::uint64_t soft, std::uint64_t hard) {
    rlimit wanted{soft, hard}, got{};
    auto which = static_cast<__rlimit_resource>(resource);
    auto as_wanted = [&] { return got.rlim_cur == soft && got.rlim_max == hard; };
    got.rlim_cur = ~soft; // in case that it is not told
    if (::prlimit(0, which, &wanted, &got) < 0) return failed(Call::setrlimit);
    if (as_wanted()) return Done{}; // before already
    if (::getrlimit(which, &got) < 0) return failed(Call::setrlimit);
    return as_wanted() ? Status(Done{}) : Status(refused(EPERM));
}
Status sched_setaffinity(std::span<const unsigned> cpus) {
    std::vector<unsigned long> mask(kCpuMask / sizeof(unsigned long));
    for (unsigned cpu : cpus) {
        if (cpu / 8 >= kCpuMask) return refused(EINVAL);
        mask[cpu / kBits] |= 1UL << cpu % kBits;
    }
    if (::syscall(SYS_sched_setaffinity, 0, kCpuMask, mask.data()) < 0) return failed(Call::sched_setaffinity);
    std::vector<unsigned> got = TRY(sched_getaffinity());
    return std::equal(got.begin(), got.end(), cpus.begin(), cpus.end()) ? Status(Done{}) : Status(refused(EPERM));
}
Result<std::vector<unsigned>> sched_getaffinity() {
    std::array<unsigned long, kCpuMask / sizeof(unsigned long)> mask{};
    long size = ::syscall(SYS_sched_getaffinity, 0, kCpuMask, mask.data()); // of what the machine can have
    if (size < 0) return failed(Call::sched_setaffinity);
    std::vector<unsigned> cpus;
    for (unsigned cpu = 0; cpu < static_cast<unsigned>(size) * 8; ++cpu)
        if ((mask[cpu / kBits] >> cpu % kBits & 1) != 0) cpus.push_back(cpu);
    return cpus;
}
Result<bool> same_memory(pid_t a, pid_t b) {
    long order = ::syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);
    if (order < 0) return failed(Call::kcmp);
    return order == 0;
}
std::int64_t now(clockid_t clock) {
    timespec time{};
    (void)::clock_gettime(clock, &time);
    return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1000000;
}
Status chdir(const char* path) { return status(::chdir(path), Call::chdir); }
Status chroot_here() { return status(::syscall(SYS_chroot, "."), Call::chroot); }
Status fchdir(int fd) { return status(::fchdir(fd), Call::chdir); }

std::pair<Fd, Fd> take_pair(int fds[2]) { return {Fd(fds[0]), Fd(fds[1])}; }
namespace {

Result<Fd> unix_socket(const char* path, int type, sockaddr_un& address) {
    address.sun_family = AF_UNIX;
    std::size_t size = std::strlen(path);
    if (size >= sizeof address.sun_path) return refused(ENAMETOOLONG);
    std::memcpy(address.sun_path, path, size);
    return owned(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0), Call::socket);
}

Result<Fd> connect(const char* path, int type) {
    sockaddr_un address{};
    Fd fd = TRY(unix_socket(path, type, address));
    int done = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (done < 0) return failed(Call::connect);
    return fd;
}

} // namespace

Result<Fd> connect_unix(const char* path) { return connect(path, SOCK_STREAM); }
Result<Fd> connect_packets(const char* path) { return connect(path, SOCK_SEQPACKET); }
Result<Fd> listen_packets(const char* path) {
    constexpr int kWaiting = 128;
    sockaddr_un address{};
    Fd fd = TRY(unix_socket(path, SOCK_SEQPACKET, address));
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return failed(Call::socket);
    if (::listen(fd.get(), kWaiting) < 0) return failed(Call::socket);
    return fd;
}
Result<Fd> accept(int socket) { return owned(::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC), Call::socket); }
Result<ucred> peer(int socket) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0) return failed(Call::socket);
    return who;
}
Result<Fd> peer_process(int socket) {
    int pidfd = -1; // which the kernel makes close-on-exec
    socklen_t size = sizeof pidfd;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0) return failed(Call::socket);
    return owned(pidfd, Call::socket);
}
Result<std::pair<Fd, Fd>> socketpair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) return failed(Call::socket);
    return take_pair(fds);
}
Result<std::pair<Fd, Fd>> pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) < 0) return failed(Call::pipe);
    return take_pair(fds);
}
Result<Fd> memory_file(const char* name) { return owned(::memfd_create(name, MFD_CLOEXEC), Call::open); }
Result<Fd> open(const char* path, int flags, mode_t mode) { return openat(AT_FDCWD, path, flags, mode); }
Result<Fd> openat(int dir, const char* path, int flags, mode_t mode) {
    return owned(retry([&] { return ::openat(dir, path, flags | O_CLOEXEC, mode); }), Call::open);
}
Result<Fd> openat2(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve, mode_t mode) {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.mode = mode;
    how.resolve = resolve;
    // EAGAIN: a rename elsewhere raced with the scoped lookup, see openat2(2). Bounded, so that nobody can hold
    // us here by renaming for ever.
    long result = -1;
    for (int tries = 0; tries < 64; ++tries) {
        result = ::syscall(SYS_openat2, dir, path, &how, sizeof how);
        if (result >= 0 || (errno != EAGAIN && errno != EINTR)) break;
    }
    return owned(result, Call::openat2);
}
Result<struct stat> fstat(int fd) {
    struct stat st {};
    if (::fstat(fd, &st) < 0) return failed(Call::fstat);
    return st;
}
Result<struct statx> statx(int fd) {
    struct statx st {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_MNT_ID, &st) < 0) return failed(Call::fstat);
    // Where statx(2) is missing the C library makes up the rest, but this it cannot.
    if ((st.stx_mask & STATX_MNT_ID) == 0) return refused(ENOSYS);
    return st;
}
Result<std::uint64_t> mount_id(int fd) {
    struct statx st = TRY(statx(fd));
    return st.stx_mnt_id;
}
namespace {

// TAKE is asked for each whether more are wanted.
template <class Take> Status each_in(int dir, Take take) {
    struct Close {
        void operator()(DIR* stream) const { (void)::closedir(stream); }
    };
    Fd copy = TRY(openat(dir, ".", O_RDONLY | O_DIRECTORY));
    std::unique_ptr<DIR, Close> stream(::fdopendir(copy.get()));
    if (!stream) return failed(Call::getdents);
    (void)copy.release(); // the stream's now
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
        std::string name = entry->d_name;
        if (name != "." && name != ".." && !take(std::move(name), *entry)) return Done{};
        errno = 0;
    }
    return errno == 0 ? Status(Done{}) : Status(failed(Call::getdents));
}

} // namespace

Result<std::vector<std::string>> names_in(int dir, std::size_t most) {
    std::vector<std::string> names;
    TRY(each_in(dir, [&](std::string name, const dirent&) {
        names.push_back(std::move(name));
        return names.size() < most;
    }));
    return names;
}
Result<std::vector<std::pair<std::string, std::uint64_t>>> directories_in(int dir) {
    std::vector<std::pair<std::string, std::uint64_t>> found;
    TRY(each_in(dir, [&](std::string name, const dirent& entry) {
        if (entry.d_type == DT_DIR) found.emplace_back(std::move(name), entry.d_ino);
        return true;
    }));
    return found;
}
Status mkdirat(int dir, const char* path, mode_t mode) { return status(::mkdirat(dir, path, mode), Call::mkdir); }
Status link_file(int fd, int dir, const char* path) {
    std::string link = "/proc/self/fd/" + std::to_string(fd);
    return status(::linkat(AT_FDCWD, link.c_str(), dir, path, AT_SYMLINK_FOLLOW), Call::link);
}
Status make_file(int dir, const char* path, mode_t mode) {
    if (::mknodat(dir, path, S_IFREG | mode, 0) == 0) return Done{};
    if (errno != ENOSYS) return failed(Call::mknod);
    // A FUSE may know files only as something that is created and opened at once.
    TRY(openat(dir, path, O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_WRONLY, mode));
    return Done{};
}
Status symlinkat(const char* target, int dir, const char* path) {
    return status(::symlinkat(target, dir, path), Call::symlink);
}
Result<std::string> readlinkat(int dir, const char* path) {
    std::array<char, 4096> buffer;
    ssize_t n = ::readlinkat(dir, path, buffer.data(), buffer.size());
    if (n < 0) return failed(Call::readlink);
    if (static_cast<std::size_t>(n) == buffer.size()) {
        errno = ENAMETOOLONG;
        return failed(Call::readlink);
    }
    return std::string(buffer.data(), static_cast<std::size_t>(n));
}
Status fchown(int fd, uid_t uid, gid_t gid) { return status(::fchown(fd, uid, gid), Call::fchown); }
Status fchmod(int fd, mode_t mode) { return status(::fchmod(fd, mode), Call::fchown); }
Status chmod_path(int fd, mode_t mode) {
    std::string link = "/proc/self/fd/" + std::to_string(fd);
    return status(::chmod(link.c_str(), mode), Call::chmod);
}
Status chmodat(int dir, const char* path, mode_t mode) { return status(::fchmodat(dir, path, mode, 0), Call::chmod); }
Result<bool> is_proc(int fd) {
    struct statfs fs {};
    if (::fstatfs(fd, &fs) < 0) return failed(Call::fstat);
    return fs.f_type == PROC_SUPER_MAGIC;
}
Status lock_for_reading(int fd) {
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    return status(retry([&] { return ::fcntl(fd, F_SETLK, &lock); }), Call::fcntl_lock);
}
Status write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t n = retry([&] { return ::write(fd, bytes.data(), bytes.size()); });
        if (n < 0) return failed(Call::write);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return Done{};
}
Result<std::size_t> read_some(int fd, std::span<char> into) {
    ssize_t n = retry([&] { return ::read(fd, into.data(), into.size()); });
    if (n < 0) return failed(Call::read);
    return static_cast<std::size_t>(n);
}
Result<Fd> open_regular(int root, const char* path, std::uint64_t resolve) {
    Fd found = TRY(openat2(root, path, O_PATH, resolve));
    struct stat st = TRY(fstat(found.get()));
    if (!S_ISREG(st.st_mode)) return refused(EINVAL);
    return open(("/proc/self/fd/" + std::to_string(found.get())).c_str(), O_RDONLY);
}
Result<std::string> read_file(const char* path, std::size_t limit) {
    Fd fd = TRY(open(path, O_RDONLY | O_NONBLOCK)); // a FIFO put there must not hold us
    return read_all(fd.get(), limit);
}
Result<std::string> read_all(int fd, std::size_t limit) {
    std::string text;
    std::array<char, 4096> buffer;
    for (;;) {
        std::size_t n = TRY(read_some(fd, buffer));
        if (n == 0) return text;
        text.append(buffer.data(), n);
        if (text.size() > limit) return Error{Stage::none, Call::read, kNoOp, EFBIG};
    }
}
Status write_file(const char* path, std::string_view bytes) {
    Fd fd = TRY(open(path, O_WRONLY));
    return write_all(fd.get(), bytes);
}
Result<Fd> duplicate(int fd) { return owned(::fcntl(fd, F_DUPFD_CLOEXEC, 3), Call::dup3); }
Status dup2(int from, int to, int flags) {
    if (from == to) return status(::fcntl(to, F_SETFD, flags == O_CLOEXEC ? FD_CLOEXEC : 0), Call::dup3);
    return status(::dup3(from, to, flags), Call::dup3);
}
namespace {
// One more descriptor, to see what becomes of it: a seccomp program around ajail may say that all was done (errno 0).
Result<int> canary() {
    int low = ::open("/", O_PATH);
    if (low < 0 || low > 2) return low < 0 ? Result<int>(failed(Call::open)) : low;
    Fd stdio(low); // one of those was closed
    int fd = ::fcntl(low, F_DUPFD, 3);
    return fd < 0 ? Result<int>(failed(Call::dup3)) : fd;
}
Status answered(bool done) { return done ? Status(Done{}) : as(Call::close_range, refused(EPROTO)); }
} // namespace
Status close_on_exec_from(unsigned first) {
    Fd fd(TRY(canary()));
    // 4 is CLOSE_RANGE_CLOEXEC (close_range(2), Linux 5.11).
    TRY(status(::syscall(SYS_close_range, first, ~0U, 4U), Call::close_range));
    return answered(::fcntl(fd.get(), F_GETFD) == FD_CLOEXEC);
}
Status close_all_but(std::span<const int> kept) {
    int fd = TRY(canary());
    // close_range(2) between one kept descriptor and the next larger.
    for (unsigned from = 3;;) {
        unsigned next = ~0U;
        for (int one : kept)
            if (one >= 0 && static_cast<unsigned>(one) >= from && static_cast<unsigned>(one) < next)
                next = static_cast<unsigned>(one);
        if (next > from && ::syscall(SYS_close_range, from, next == ~0U ? next : next - 1, 0U) < 0)
            return failed(Call::close_range);
        if (next == ~0U) return answered(::fcntl(fd, F_GETFD) < 0 && errno == EBADF);
        from = next + 1;
    }
}
Status flock(int fd, int operation) {
    return status(retry([&] { return ::flock(fd, operation | LOCK_NB); }), Call::flock);
}
Result<int> ioctl(int fd, unsigned long request, void* arg) {
    int result = ::ioctl(fd, request, arg);
    if (result < 0) return failed(Call::ioctl);
    return result;
}
Result<int> poll(std::span<pollfd> fds, int timeout_ms) {
    int n = ::poll(fds.data(), fds.size(), timeout_ms);
    if (n < 0 && errno == EINTR) return 0;
    if (n < 0) return failed(Call::poll);
    return n;
}
Result<Fd> signalfd(const sigset_t& mask) {
    return owned(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK), Call::signalfd);
}
Result<Fd> inotify() { return owned(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), Call::inotify); }
Result<int> inotify_watch(int inotify, int dir) {
    std::string path = "/proc/self/fd/" + std::to_string(dir);
    int number = ::inotify_add_watch(
        inotify, path.c_str(), IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_EXCL_UNLINK);
    if (number < 0) return failed(Call::inotify);
    return number;
}
Status sigprocmask(int how, const sigset_t& set, sigset_t* old) {
    return status(::sigprocmask(how, &set, old), Call::sigmask);
}

Result<Fd> open_tree(int dir, const char* path, unsigned flags) {
    return owned(::open_tree(dir, path, flags | OPEN_TREE_CLOEXEC), Call::open_tree);
}
Status move_mount(int tree, int target_dir, const char* target) {
    unsigned flags = MOVE_MOUNT_F_EMPTY_PATH;
    if (*target == '\0') flags |= MOVE_MOUNT_T_EMPTY_PATH;
    return status(::move_mount(tree, "", target_dir, target, flags), Call::move_mount);
}
Status mount_setattr(int dir, const char* path, unsigned flags, const mount_attr& attr) {
    mount_attr copy = attr;
    return status(::mount_setattr(dir, path, flags, &copy, sizeof copy), Call::mount_setattr);
}
Result<Fd> fsopen(const char* type) { return owned(::fsopen(type, FSOPEN_CLOEXEC), Call::fsopen); }
Status fsconfig_string(int fs, const char* key, const char* value) {
    return status(::fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0), Call::fsconfig);
}
Status fsconfig_flag(int fs, const char* key) {
    return status(::fsconfig(fs, FSCONFIG_SET_FLAG, key, nullptr, 0), Call::fsconfig);
}
Result<Fd> fsmount(int fs, std::uint64_t attr) {
    if (::fsconfig(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) return failed(Call::fsconfig);
    return owned(::fsmount(fs, FSMOUNT_CLOEXEC, static_cast<unsigned>(attr)), Call::fsmount);
}
Status pivot_root_here() { return status(::syscall(SYS_pivot_root, ".", "."), Call::pivot_root); }
Status umount_detach(const char* path) { return status(::umount2(path, MNT_DETACH), Call::umount); }

Status seccomp_install(std::span<const sock_filter> program) {
    // The kernel is told the length in 16 bits: of more it would load only what the others leave over.
    if (program.size() > BPF_MAXINSNS) return Error{Stage::none, Call::seccomp, kNoOp, EINVAL};
    sock_fprog prog{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    return status(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), Call::seccomp);
}
Result<Fd> seccomp_listen(std::span<const sock_filter> program) {
    sock_fprog prog{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    // Only death interrupts an asker once it is heard: Go's runtime signals its threads all the time.
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    return owned(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog), Call::seccomp);
}
Result<unsigned> landlock_abi() {
    long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 0 && errno != ENOSYS && errno != EOPNOTSUPP && errno != EPERM) return failed(Call::landlock);
    return abi < 0 ? 0U : static_cast<unsigned>(abi);
}
Result<Fd> landlock_ruleset(const LandlockRuleset& attr, int abi) {
    std::size_t size = abi >= 6 ? sizeof attr : abi >= 4 ? 16 : 8;
    return owned(::syscall(SYS_landlock_create_ruleset, &attr, size, 0), Call::landlock);
}
Status landlock_allow(int ruleset, int beneath, std::uint64_t access) {
    landlock_path_beneath_attr attr{};
    attr.allowed_access = access;
    attr.parent_fd = beneath;
    return status(::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), Call::landlock);
}
Status landlock_enforce(int ruleset) {
    return status(::syscall(SYS_landlock_restrict_self, ruleset, 0), Call::landlock);
}
Status capset(const Caps& caps) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    for (int half = 0; half < 2; ++half) {
        data[half].effective = static_cast<__u32>(caps.effective >> (32 * half));
        data[half].permitted = static_cast<__u32>(caps.permitted >> (32 * half));
        data[half].inheritable = static_cast<__u32>(caps.inheritable >> (32 * half));
    }
    return status(::syscall(SYS_capset, &header, data), Call::capset);
}
Result<Caps> capget() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (::syscall(SYS_capget, &header, data) < 0) return failed(Call::capset);
    auto join = [](__u32 low, __u32 high) { return low | static_cast<std::uint64_t>(high) << 32; };
    return Caps{join(data[0].effective, data[1].effective), join(data[0].permitted, data[1].permitted),
                join(data[0].inheritable, data[1].inheritable)};
}

Status send(int socket, std::span<const std::byte> bytes, int fd) {
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    return status(retry([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); }), Call::send);
}
Result<Received> receive(int socket, std::span<std::byte> into) {
    iovec part{into.data(), into.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t n = retry([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
    if (n < 0) return failed(Call::recv);
    Received received;
    received.size = static_cast<std::size_t>(n);
    if (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr && head->cmsg_type == SCM_RIGHTS) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(head), sizeof fd);
        received.fd.reset(fd);
    }
    // A descriptor that there was no room for.
    if ((message.msg_flags & MSG_CTRUNC) != 0) return Error{Stage::none, Call::recv, kNoOp, EMFILE};
    return received;
}

} // namespace ajail::sys
