// SPDX-License-Identifier: Apache-2.0
// Mountpoints for a root filesystem that is itself the root (--fs-edit): the one case in which a mount finds no place
// on a file system of the jail's own.
#pragma once

#include "spec/plan.h"
#include "sys/calls.h"

#include <string>
#include <vector>

namespace ajail::mount {

/// Directories and empty files made in a root filesystem that is itself writable (--fs-edit) so that the Plan's
/// mounts find a place; removed again, where still empty, with this object.
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
