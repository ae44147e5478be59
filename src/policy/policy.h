// SPDX-License-Identifier: Apache-2.0
// The policy room: what is taken from the payload before exec. ns::payload calls these in the order in which they
// stand here; each fails closed.
#pragma once

#include "spec/plan.h"
#include "sys/calls.h"

#include <string>
#include <utility>
#include <vector>

namespace ajail::policy {

/// Leaves at most KEEP of the bounding set. What is not in WITHIN is gone from it already.
sys::Status bound(std::uint64_t keep, std::uint64_t within = ~std::uint64_t{0});
/// Permitted, effective := KEEP; inheritable and ambient too if AMBIENT, else empty.
sys::Status drop_caps(std::uint64_t keep, bool ambient);
/// no_new_privs: no exec grants anything from here on (prctl(2), PR_SET_NO_NEW_PRIVS).
sys::Status forbid_new_privs();
/// What a ruleset handles, and what it grants of that: beneath `/`, and besides where devices are. See landlock(7).
struct Ruleset {
    std::uint64_t handled = 0, anywhere = 0, on_devices = 0, scoped = 0;
};
/// The one for a kernel that has the version ABI of Landlock; only what FILES does not concern if it is false.
Ruleset ruleset(unsigned abi, bool files);
/// Where a walk up from a file may end: a directory, and the operation on whose mount it is to stand.
struct Above {
    std::string path = "/";
    std::size_t op = 0;
};
/// The nearest directory at or above PATH, an absolute one, on a file system of the jail's own: where that is not mounted
/// as `/`, the top of its mount. Pure.
Above own_above(const spec::Plan& plan, std::string path);
/// What the jail stands on: where the payload is, and the mounts by their operations.
struct Ground {
    const std::string& cwd;
    const std::vector<std::pair<std::size_t, std::uint64_t>>& mounts;
};
/// A ruleset that grants everything beneath `/` of the jail but devices, and nothing else: objects of the host that came
/// in as stdio cannot be opened again with more rights than they were given with, a device works only where devices
/// are (ABI 5), and abstract sockets and processes outside are out of reach (ABI 6).
sys::Status landlock(const spec::Plan& plan, const Ground& ground);
/// The seccomp programs of the Plan, in order. EINVAL for a name that was not built in. If one of them asks, the
/// descriptor on which somebody must answer (see emulation.h), else none. It is the last one that asks: of several
/// questions about a call the kernel puts the newest program's (seccomp(2)).
sys::Result<sys::Fd> filter(const spec::Plan& plan);
/// What we run under ourselves.
struct Around {
    bool emulation = false; ///< a jail's root emulation, which answers for jails inside as well
    bool strips = false;    ///< and takes set-user-ID bits off files
    bool listener = false;  ///< somebody else's program with a listener: the kernel takes no second one
    bool hostname = true;   ///< sethostname(2) is left, which Podman's refuses
    bool keyctl = true;     ///< keyctl(2) is, which systemd-nspawn's refuses
};
sys::Result<Around> around();
/// The caller's own programs, in order. After the last of them only exec is certain to work.
sys::Status load(const spec::Plan& plan);
/// Whether filter() will give a descriptor.
bool asks(const spec::Plan& plan);
/// For a bare jail: what the kernel says of ids, capabilities and no_new_privs; EPERM if that is not the Plan's. STATUS:
/// /proc/self/status, where there is one.
sys::Status read_back(const spec::Plan& plan, const sys::Fd& status);

} // namespace ajail::policy
