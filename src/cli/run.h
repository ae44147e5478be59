// SPDX-License-Identifier: Apache-2.0
// The commands: options -> Spec -> Plan -> engine.
#pragma once

#include "cli/caller.h"
#include "cli/options.h"
#include "ns/run.h"

#include <functional>
#include <optional>

namespace ajail::cli {

/// Runs PLAN; returns the exit status of ajail. Messages go to stderr; with HINTS also what may help a payload that has
/// failed.
int execute(const spec::Plan& plan, const ns::Caller& process, bool hints = false);

/// AMEND, if there is one, has the last word on the Spec.
int run(const RunOptions& options, const ns::Caller& process, const std::function<void(spec::Spec&)>& amend = {});
/// What OPTIONS come to for CALLER on HOST, or why nothing is run. Looks at what they name, and changes nothing.
std::variant<spec::Spec, Wrong> specify(const RunOptions& options, const spec::Host& host, const Caller& caller);
/// What `ajail run` would refuse in the current directory before it starts anything; none if nothing. Changes nothing.
std::optional<Wrong> refusal(RunOptions options);
int mkfs(const MkfsOptions& options, const ns::Caller& process);

} // namespace ajail::cli
