// SPDX-License-Identifier: Apache-2.0
// The cgroup that a jail is born into, and that the monitor removes after it.
#pragma once

#include "spec/plan.h"
#include "sys/calls.h"

namespace ajail::ns {

class Cgroup {
public:
    /// As PLAN has it, with its limits set and read back; none if it has none.
    static sys::Result<Cgroup> make(const spec::JailCgroup& plan);
    Cgroup() = default;
    Cgroup(Cgroup&&) = default;
    Cgroup& operator=(Cgroup&&) = delete;
    ~Cgroup();

    const sys::Fd& fd() const { return own_; }
    /// The kernel has ended the jail for want of memory.
    bool out_of_memory() const;

private:
    sys::Status leave(const spec::JailCgroup& plan);

    sys::Fd parent_, own_;
    std::string name_, monitors_; ///< in the parent; the monitor's is only there if it had to leave the parent
    std::string disable_;         ///< what undoes that
};

} // namespace ajail::ns
