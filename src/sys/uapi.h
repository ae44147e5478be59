// SPDX-License-Identifier: Apache-2.0
// Kernel constants newer than the headers of Debian 12 (Linux 6.1), and nothing else.
#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

// Who is at the other end of a socket, as a pidfd (Linux 6.5). See unix(7).
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
// Landlock ABI 3 (Linux 6.2): truncate. ABI 5 (6.10): ioctl on devices. See landlock(7).
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
// Landlock ABI 6 (Linux 6.12): scopes.
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
// Flags of a seccomp listener (Linux 6.6).
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

namespace ajail::sys {

constexpr int kFchmodat2 = 452; // Linux 6.6, on every architecture
// What open(2) adds on machines of 64 bits and openat2(2) does not: without it files end at 2 GiB.
#if defined(__aarch64__)
constexpr int kLargeFile = 0400000;
#else
constexpr int kLargeFile = 0100000;
#endif

/// struct landlock_ruleset_attr as of ABI 6; older kernels take its first 8 bytes.
struct LandlockRuleset {
    __u64 handled_access_fs;
    __u64 handled_access_net;
    __u64 scoped;
};

} // namespace ajail::sys
