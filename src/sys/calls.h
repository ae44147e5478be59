// SPDX-License-Identifier: Apache-2.0
// One thin wrapper a system call: errno becomes an Error that names the call, a descriptor becomes an Fd that is
// close-on-exec, EINTR is retried where a retry is right. No policy, no defaults, no messages.
#pragma once

#include "sys/fd.h"
#include "sys/result.h"
#include "sys/uapi.h"

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <vector>

struct sock_filter;

namespace ajail::sys {

/// Of the directory that a jail's scratch is in, on disk: its owner's alone, and a mode that no other directory has.
constexpr mode_t kScratchMode = 01700;

Error failed(Call call); ///< errno of CALL, just now
Error refused(int err);  ///< ajail's own check said no

// Processes
/// clone3(2) without CLONE_VM: returns like fork. `pidfd` may be null. CGROUP: what the child is born into, if that is
/// not ours. Raw on purpose: after it, only system calls and this room's wrappers are used; glibc's idea of the thread
/// id is stale. A user namespace of which nothing is left (a trial's) counts until the kernel has cleaned up, by and by:
/// where there is no room for one more (ENOSPC) it tries again for a tenth of a second.
Result<pid_t> clone3(std::uint64_t flags, Fd* pidfd, const Fd& cgroup = {});
/// What ASK returns (0 to 127) in a child of clone3(2)'s FLAGS, which has no other purpose: only trying tells what namespaces
/// allow, and there is no way back from them. EINTR if something killed it. It ends with its parent.
Result<int> ask_child(std::uint64_t flags, const std::function<int()>& ask);
Status unshare(int flags);
Status setns(int fd, int type);
/// False, in memory that children share; for good.
Result<std::atomic<bool>*> shared_flag();
Status execve(const char* path, char* const argv[], char* const envp[]);
Status setsid();
/// An empty session keyring in place of the caller's, and its number; 0 where the kernel has no keyrings.
Result<std::int32_t> own_session_keyring();
/// The number of the one that there is; likewise.
Result<std::int32_t> session_keyring();
Status setgroups(std::span<const unsigned> groups);
Status setresuid(uid_t uid);
Status setresgid(gid_t gid);
Status sethostname(std::string_view name);
Result<long> prctl(int option, unsigned long arg2 = 0, unsigned long arg3 = 0);
Status kill(pid_t pid, int sig);
Status pidfd_send_signal(int pidfd, int sig);
Result<Fd> pidfd_open(pid_t pid);
/// waitid(2): pid 0 when nothing is ready (WNOHANG). `id` as for the idtype.
Result<siginfo_t> waitid(idtype_t type, id_t id, int options);
/// To the kernel: what of heap, stack and code is in use no more. For who only waits from now on.
void give_back_memory();
/// The limit of RESOURCE, of the caller: set, and read back.
Status setrlimit(int resource, std::uint64_t soft, std::uint64_t hard);
/// Likewise, the CPUs that the caller runs on.
Status sched_setaffinity(std::span<const unsigned> cpus);
/// Those that it may run on.
Result<std::vector<unsigned>> sched_getaffinity();
/// The processes A and B have the same memory (kcmp(2)).
Result<bool> same_memory(pid_t a, pid_t b);
/// What CLOCK shows, in milliseconds.
std::int64_t now(clockid_t clock = CLOCK_MONOTONIC);
Status chdir(const char* path);
Status fchdir(int fd);
Status chroot_here(); ///< chroot("."), see chroot(2): to see paths as somebody else does, and never as a wall

// Descriptors and files
std::pair<Fd, Fd> take_pair(int fds[2]);
Result<std::pair<Fd, Fd>> socketpair();
Result<Fd> connect_unix(const char* path);    ///< a stream, to the socket at PATH
Result<Fd> connect_packets(const char* path); ///< likewise, SOCK_SEQPACKET
Result<Fd> listen_packets(const char* path);  ///< a new socket at PATH; what is accepted there is close-on-exec
Result<Fd> accept(int socket);
Result<ucred> peer(int socket);           ///< who listens there, or has connected (unix(7), SO_PEERCRED)
Result<Fd> peer_process(int socket);      ///< the same, as a pidfd; ENOPROTOOPT before Linux 6.5
Result<std::pair<Fd, Fd>> pipe();         ///< to read from, to write to
Result<Fd> memory_file(const char* name); ///< memfd_create(2)
Result<Fd> open(const char* path, int flags, mode_t mode = 0);
Result<Fd> openat(int dir, const char* path, int flags, mode_t mode = 0);
Result<Fd> openat2(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve, mode_t mode = 0);
Result<struct stat> fstat(int fd);
Result<struct statx> statx(int fd);     ///< likewise, with the mount that FD was opened through
Result<std::uint64_t> mount_id(int fd); ///< of that mount
/// What is in the directory that DIR is open on, in no order, MOST names of it; neither "." nor "..".
Result<std::vector<std::string>> names_in(int dir, std::size_t most = SIZE_MAX);
/// The directories among them, as far as that is told with their names, and their numbers.
Result<std::vector<std::pair<std::string, std::uint64_t>>> directories_in(int dir);
Status mkdirat(int dir, const char* path, mode_t mode);
Status make_file(int dir, const char* path, mode_t mode); ///< an empty one, where nothing is (mknod(2))
/// Gives the file that FD is open on the name PATH, which nobody has (linkat(2), through /proc/self/fd).
Status link_file(int fd, int dir, const char* path);
Status symlinkat(const char* target, int dir, const char* path);
Result<std::string> readlinkat(int dir, const char* path);
Status fchown(int fd, uid_t uid, gid_t gid);
Status fchmod(int fd, mode_t mode);
/// The same for a descriptor that may be O_PATH (chmod(2), through /proc/self/fd).
Status chmod_path(int fd, mode_t mode);
Status chmodat(int dir, const char* path, mode_t mode); ///< follows a link at the end
Result<bool> is_proc(int fd);                           ///< of a procfs
/// A read lock on all of the file, as long as this process has no descriptor of it closed (fcntl(2), F_SETLK).
Status lock_for_reading(int fd);
Status write_all(int fd, std::string_view bytes);
Result<std::size_t> read_some(int fd, std::span<char> into);
/// What can still be read from FD, at most `limit` bytes (EFBIG beyond).
Result<std::string> read_all(int fd, std::size_t limit);
/// The regular file PATH below ROOT, resolved as RESOLVE_* says, for reading. What else has that name is looked at, and
/// never opened: a device may do things, a FIFO wait (EINVAL).
Result<Fd> open_regular(int root, const char* path, std::uint64_t resolve);
/// The whole file, at most `limit` bytes (EFBIG beyond).
Result<std::string> read_file(const char* path, std::size_t limit = 1 << 20);
Status write_file(const char* path, std::string_view bytes);
Result<Fd> duplicate(int fd);                 ///< at 3 or higher
Status dup2(int from, int to, int flags = 0); ///< flags: O_CLOEXEC or none
Status close_on_exec_from(unsigned first);
/// Closes every descriptor from 3 on but these.
Status close_all_but(std::span<const int> kept);
Status flock(int fd, int operation); ///< never waits: LOCK_NB is added
Result<int> ioctl(int fd, unsigned long request, void* arg);
Result<int> poll(std::span<pollfd> fds, int timeout_ms);
Result<Fd> signalfd(const sigset_t& mask);
Result<Fd> inotify(); ///< never waits
/// What gets, loses or changes a name in the directory DIR, which may be O_PATH; the number of the watch.
Result<int> inotify_watch(int inotify, int dir);
Status sigprocmask(int how, const sigset_t& set, sigset_t* old);

// Mounts
Result<Fd> open_tree(int dir, const char* path, unsigned flags);
Status move_mount(int tree, int target_dir, const char* target);
Status mount_setattr(int dir, const char* path, unsigned flags, const mount_attr& attr);
Result<Fd> fsopen(const char* type);
Status fsconfig_string(int fs, const char* key, const char* value);
Status fsconfig_flag(int fs, const char* key);
Result<Fd> fsmount(int fs, std::uint64_t attr); ///< creates the superblock, then a detached mount of it
Status pivot_root_here();                       ///< pivot_root(".", "."), see pivot_root(2)
Status umount_detach(const char* path);

// Policy
/// By prctl(2): the one of the two calls that a filter which was loaded before is expected to let through.
Status seccomp_install(std::span<const sock_filter> program);
/// The same for a program that asks (SECCOMP_RET_USER_NOTIF): the descriptor on which to answer.
Result<Fd> seccomp_listen(std::span<const sock_filter> program);
/// 0: this kernel has none (ENOSYS: not built in, EOPNOTSUPP: switched off), or a container's seccomp filter refuses
/// what it does not know (EPERM: systemd-nspawn's). Any other failure is an error.
Result<unsigned> landlock_abi();
Result<Fd> landlock_ruleset(const LandlockRuleset& attr, int abi);
Status landlock_allow(int ruleset, int beneath, std::uint64_t access);
Status landlock_enforce(int ruleset);
struct Caps {
    std::uint64_t effective = 0, permitted = 0, inheritable = 0;
};
Status capset(const Caps& caps);
Result<Caps> capget();

// Messages over a SOCK_SEQPACKET pair
/// Sends BYTES with at most one descriptor. Never raises SIGPIPE.
Status send(int socket, std::span<const std::byte> bytes, int fd = -1);
struct Received {
    std::size_t size = 0; ///< 0: the other end is closed
    Fd fd;
};
Result<Received> receive(int socket, std::span<std::byte> into);

} // namespace ajail::sys
