// SPDX-License-Identifier: Apache-2.0
// See refused.h.
#include "policy/refused.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace ajail::policy {

namespace {

constexpr std::array kRefused{
    Refused{SYS_perf_event_open, "perf_event_open", EPERM, "perf"},
    Refused{SYS_io_uring_setup, "io_uring_setup", ENOSYS, "io_uring"},
    Refused{SYS_clone, "clone", EPERM, "userns"},
    Refused{SYS_unshare, "unshare", EPERM, "userns"},
    Refused{SYS_setns, "setns", EPERM, "userns"},
    Refused{SYS_mount, "mount", EPERM, "userns"},
    Refused{SYS_umount2, "umount2", EPERM, "userns"},
    Refused{SYS_pivot_root, "pivot_root", EPERM, "userns"},
    Refused{SYS_add_key, "add_key", ENOSYS, "keyring"},
    Refused{SYS_request_key, "request_key", ENOSYS, "keyring"},
    Refused{SYS_keyctl, "keyctl", ENOSYS, "keyring"},
    Refused{SYS_mbind, "mbind", EPERM, "numa"},
    Refused{SYS_set_mempolicy, "set_mempolicy", EPERM, "numa"},
    Refused{SYS_set_mempolicy_home_node, "set_mempolicy_home_node", EPERM, "numa"},
    Refused{SYS_move_pages, "move_pages", EPERM, "numa"},
    Refused{SYS_migrate_pages, "migrate_pages", EPERM, "numa"},
    Refused{SYS_socket, "socket", EAFNOSUPPORT, "vsock", AF_VSOCK},
    Refused{SYS_socket, "socket", EAFNOSUPPORT, "raw-socket", AF_PACKET},
    Refused{SYS_ptrace, "ptrace", EPERM, "ptrace"}, // strict
    Refused{SYS_process_vm_readv, "process_vm_readv", EPERM, "ptrace"},
    Refused{SYS_process_vm_writev, "process_vm_writev", EPERM, "ptrace"},
    Refused{SYS_userfaultfd, "userfaultfd", EPERM, "userfaultfd"},
    Refused{SYS_vmsplice, "vmsplice", EPERM, "vmsplice"},
    Refused{SYS_process_madvise, "process_madvise", EPERM, "process_madvise"},
    Refused{SYS_pidfd_getfd, "pidfd_getfd", EPERM, "pidfd_getfd"},
    Refused{SYS_kcmp, "kcmp", EPERM, "kcmp"},
};
static_assert(kRefused.size() <= 64, "a set of them is a number of 64 bits");

} // namespace

std::span<const Refused> refused_calls() { return kRefused; }

int refuse(int nr, std::uint64_t first, std::uint64_t& tried) {
    for (std::size_t i = 0; i < kRefused.size(); ++i) {
        const Refused& call = kRefused[i];
        if (call.nr != nr || (call.family >= 0 && call.family != static_cast<int>(first))) continue;
        tried |= std::uint64_t{1} << i;
        return call.err;
    }
    return 0;
}

} // namespace ajail::policy
