// SPDX-License-Identifier: Apache-2.0
// See neighbour.h.
#include "ns/neighbour.h"

#include "ns/seen.h"

namespace ajail::ns {

namespace {

using sys::Fd;
using sys::Result;

Result<bool> is_ready(const Fd& fd, short events) {
    pollfd wait{fd.get(), events, 0};
    return TRY(sys::poll({&wait, 1}, 0)) > 0;
}

// Before Linux 6.5 a number is all that is known, and it may be another's by now, unless its process holds the socket
// still.
Result<Fd> by_number(const Fd& socket, pid_t pid) {
    Fd process = TRY(sys::pidfd_open(pid));
    return TRY(is_ready(socket, 0)) ? Result<Fd>(sys::refused(ESRCH)) : Result<Fd>(std::move(process));
}

} // namespace

Result<Fd> neighbour(const Fd& socket) {
    constexpr std::size_t kUser = 0, kPid = 2;
    ucred who = TRY(sys::peer(socket.get()));
    if (who.uid != ::geteuid() || who.pid <= 0) return sys::refused(EPERM);
    auto told = sys::peer_process(socket.get());
    if (!told && told.error().err == ENOPROTOOPT) told = by_number(socket, who.pid);
    if (!told && told.error().err == EINVAL) return sys::refused(ESRCH); // as some kernels say it
    Fd process = TRY(std::move(told));
    auto own = TRY(own_namespaces(AT_FDCWD, "/proc/self/ns"));
    std::string its = "/proc/" + std::to_string(who.pid) + "/ns";
    auto theirs = own_namespaces(AT_FDCWD, its.c_str());
    // Whoever runs still has had that number all the time.
    if (TRY(is_ready(process, POLLIN))) return sys::refused(ESRCH);
    bool same = theirs && (*theirs)[kUser] == own[kUser] && (*theirs)[kPid] == own[kPid];
    return same ? Result<Fd>(std::move(process)) : sys::refused(EPERM);
}

} // namespace ajail::ns
