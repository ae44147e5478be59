// SPDX-License-Identifier: Apache-2.0
// The jails that run: a directory of their caller's alone, in which each has a file that its monitor holds locked as
// long as it lives, and beside it a socket at which it can be asked. What a killed one has left is removed by whoever
// looks next.
#pragma once

#include "sys/calls.h"

#include <string>
#include <string_view>
#include <vector>

namespace ajail::store {

/// Where they are noted down: ajail in RUNTIME (XDG_RUNTIME_DIR; may be null) if that is a directory of the caller's,
/// else HOME/running.
std::string running_directory(const char* runtime, const std::string& home);

/// A jail that is noted down, as long as this object and its process live.
class Running {
public:
    /// TEXT under NAME, a good one. EEXIST: that name is in use.
    static sys::Result<Running> note(const std::string& directory, const std::string& name, std::string_view text);
    Running(Running&&) = default;
    Running& operator=(Running&&) = delete;
    ~Running();
    /// Where others connect; it listens.
    const sys::Fd& door() const { return door_; }

private:
    Running() = default;
    sys::Fd dir_, file_, door_;
    std::string name_;
};

/// One of them, as its monitor has written it.
struct Jail {
    std::string name, text;
};
/// All that run, by their names. Removes what is left of others.
std::vector<Jail> running(const std::string& directory);
/// NAME is still held by the process that has written it.
bool is_running(const std::string& directory, const std::string& name);
/// To the monitor of the jail NAME. ECONNREFUSED, ENOENT: it has ended.
sys::Result<sys::Fd> knock(const std::string& directory, const std::string& name);

} // namespace ajail::store
