// SPDX-License-Identifier: Apache-2.0
// Workspaces: `ajail create`, `list`, `status`, `destroy`, `pull`, and what runs in one.
#pragma once

#include "cli/options.h"
#include "ns/run.h"

namespace ajail::cli {

int create(const WorkspaceOptions& options, const ns::Caller& process);
int list(const WorkspaceOptions& options, const ns::Caller& process);
int status(const WorkspaceOptions& options, const ns::Caller& process);
int destroy(const WorkspaceOptions& options, const ns::Caller& process);
int pull(const WorkspaceOptions& options, const ns::Caller& process);

/// `ajail run --in` and `--clone`, and `ajail enter`.
int run_in_workspace(const RunOptions& options, const ns::Caller& process);

} // namespace ajail::cli
