// SPDX-License-Identifier: Apache-2.0
// What probes are written with. They run in a process of their own, so nothing is ever released.
#pragma once

#include "probe/probe.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <string>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace ajail::probe {

// The answers: the first counts, and ends the process.
[[noreturn, gnu::format(printf, 1, 2)]] void allowed(const char* format, ...);
[[noreturn, gnu::format(printf, 1, 2)]] void skipped(const char* format, ...);
[[noreturn]] void blocked(const char* why = nullptr); ///< without WHY: what refused() has noted

/// Notes errno as a reason.
void refused(const char* what);
/// The answer is allowed() if RESULT is none of an error.
void must_fail(const char* what, long result);

/// The value of a word; where there is none the probe is skipped.
const char* given(const char* key);
const char* given_or(const char* key, const char* otherwise);
long given_number(const char* key);
/// PATH is one of those given as KEY, of which there may be several, or below.
bool given_path(const char* key, const std::string& path);
/// NAME is a variable of the environment that was given.
bool given_name(const std::string& name);

/// Runs BODY in a child, which may answer; comes back if it has not. The wait status.
int in_child(void (*body)());

/// The content of a small file, also one in /proc; empty if there is none to be had.
std::string content(const std::string& path);
/// For each number in /proc.
void each_process(void (*see)(const char* pid));
/// For each line of mountinfo: its mountpoint, its options, and all of it.
void each_mount(void (*see)(const std::string& target, const char* options, const char* line));

/// A path in the directory that is given for writing.
std::string in_work(const char* name);
/// From the directory START up to its root: is the file of the host that nobody was given there?
void climb(const char* how, int start);

/// mount(2) and umount(2) as the kernel has them; mounts of the caller's own first, so that nobody else sees them.
long mount_old(const char* source, const char* target, const char* type, unsigned long flags,
               const char* data = nullptr);
long umount_old(const char* target);
long open_tree(const char* path, unsigned flags);
/// Clears MOUNT_ATTR_RDONLY.
long make_writable(int dir, const char* path, unsigned at);
void own_mounts();

// The table, a file each.
std::span<const Probe> processes();
std::span<const Probe> files();
std::span<const Probe> mounts();
std::span<const Probe> kernel_files();
std::span<const Probe> ipc();
std::span<const Probe> terminal();
std::span<const Probe> kernel();
std::span<const Probe> calls();
std::span<const Probe> exhaustion();
std::span<const Probe> afterwards();

} // namespace ajail::probe
