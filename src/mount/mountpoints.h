// SPDX-License-Identifier: Apache-2.0
// Mountpoints in a root filesystem that is itself writable in the jail (--fs-edit, --home-edit): the one case in which
// a mount may find no place on a file system of the jail's own.
#pragma once

#include "spec/plan.h"
#include "sys/calls.h"

#include <string>
#include <vector>

namespace ajail::mount {

/// Directories and empty files made where the Plan's mounts need them below an `edit` bind; removed again, where still
/// empty, with this object.
class Mountpoints {
public:
    static sys::Result<Mountpoints> make(const spec::Plan& plan);
    Mountpoints(Mountpoints&&) = default;
    Mountpoints& operator=(Mountpoints&&) = delete;
    ~Mountpoints();

private:
    struct Made {
        sys::Fd parent;
        std::string name;
        bool directory;
    };
    Mountpoints() = default;
    std::vector<Made> made_;
};

} // namespace ajail::mount
