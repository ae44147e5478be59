// SPDX-License-Identifier: Apache-2.0
// The part of lower() that decides by what each limit is kept.
#pragma once

#include "spec/plan.h"

namespace ajail::spec {

/// Fills in PLAN's limits, for what SPEC asks on HOST; or why they cannot be kept. The ids must be known.
std::optional<std::string> limit(Plan& plan, const Spec& spec, const Host& host);

/// kernel.pid_max for the jail's pid namespace, if that is what keeps a limit of PLAN.
std::optional<std::uint64_t> pid_max(const Plan& plan);

} // namespace ajail::spec
