// SPDX-License-Identifier: Apache-2.0
// How a jail's processes look at themselves, for spec::walls(): everything that can be asked before the seccomp
// programs stand is asked before, and after them only how many there are.
#pragma once

#include "mount/mount.h"
#include "policy/policy.h"
#include "spec/walls.h"
#include "sys/calls.h"

namespace ajail::ns {

/// The namespaces of the calling process. PROC: a procfs, and the way from there to what it has of us.
sys::Result<spec::Namespaces> own_namespaces(int proc, const char* self = "self/ns");

/// What /proc says of a process; PATH: below the procfs PROC.
sys::Result<spec::Status> status_of(int proc, const char* path);

class Look {
public:
    /// In init, once the mounts are made: what stands, and the procfs by which the rest is seen.
    static sys::Result<Look> around(const spec::Plan& plan, const spec::Namespaces& callers, mount::Built built,
                                    std::int32_t keyring);

    /// In a process that joins a jail: PROC is its procfs, INITS are the namespaces of its init, OUTSIDE is no directory
    /// beneath its `/`. PLAN has no mounts: they are what the namespace is.
    static Look joining(const spec::Plan& plan, const spec::Namespaces& callers, const spec::Namespaces& inits,
                        sys::Fd proc, sys::Fd outside, std::int32_t keyring);

    /// In init, which has the payload look: forgets it all but for the procfs.
    sys::Fd leave();

    /// In the payload, with the capabilities that it has for setting up: what only they can tell.
    sys::Status with_capabilities();
    /// Without them, before Landlock; SLAVE: of the jail's pty, if there is one.
    sys::Status before_landlock(const sys::Fd& slave);
    sys::Status before_filters();
    /// Takes pread64(2) alone.
    sys::Status after_filters();

    /// Of the payload, once it is where it will be.
    policy::Ground ground() const { return {seen_.cwd, seen_.mounts}; }

    const std::vector<spec::Wall>& walls() const { return walls_; }
    /// Memory for the report, if there is to be one: made before the filters, which may refuse it.
    const sys::Fd& paper() const { return paper_; }

private:
    Look(const spec::Plan& plan, mount::Built built) : plan_(&plan), built_(std::move(built)) {}
    sys::Result<bool> terminal_is(const sys::Fd& slave) const;

    const spec::Plan* plan_;
    mount::Built built_;
    spec::Seen seen_;
    std::int32_t keyring_ = 0;
    std::vector<spec::Wall> walls_;
    bool signals_init_ = false; ///< before Landlock
    sys::Fd status_, paper_;
    std::string text_; ///< of the status: room for it is taken before the filters
};

} // namespace ajail::ns
