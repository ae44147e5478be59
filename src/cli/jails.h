// SPDX-License-Identifier: Apache-2.0
// The jails that run: how one is noted down for others to find, and what can be done with it from outside.
#pragma once

#include "cli/options.h"
#include "ns/run.h"
#include "store/running.h"

#include <optional>
#include <string>

namespace ajail::cli {

/// What is told of a jail.
struct Described {
    std::string fs, directory;
    std::vector<std::string> command;
    std::string workspace = {}; ///< that it is in, if it is one
};

/// Where jails of this caller are noted down; AJAIL_HOME as in Caller.
std::string running_directory(const std::string& ajail_home);
/// Notes ours down under NAME; if that is empty, as its workspace is called (the second one WORKSPACE-2), or by its number.
/// It cannot be: none if nobody asked for a name, else the error is what to say.
std::variant<std::optional<store::Running>, Wrong> note_down(const std::string& directory, const std::string& name,
                                                             const Described& jail);

int ps(const PsOptions& options, const ns::Caller& process);
int exec(const ExecOptions& options, const ns::Caller& process);
int kill(const KillOptions& options, const ns::Caller& process);

} // namespace ajail::cli
