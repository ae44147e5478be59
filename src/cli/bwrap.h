// SPDX-License-Identifier: Apache-2.0
// The front end for programs that call bubblewrap: its command line -> Spec, its words and exit codes back.
#pragma once

#include "cli/bwrap_options.h"
#include "ns/run.h"

#include <string>
#include <vector>

namespace ajail::cli {

/// ARGS as given to bwrap, which was called CALLED. Returns the exit status: 1 for every failure of ours, else the
/// command's.
int bwrap(const std::string& called, const std::vector<std::string>& args, const ns::Caller& process);

/// What OPTIONS come to, or why nothing is run. Looks at what they name; takes the content of descriptors that have data.
std::variant<spec::Spec, Wrong> specify(BwrapOptions& options, const BwrapFacts& facts);

/// `bwrap: TEXT` on stderr, one line; returns 1. TEXT is printed as it is: escape what came from outside.
int bwrap_fail(const std::string& text);
/// The same for OUTCOME, the failed run of PLAN, which OPTIONS had asked for.
std::string bwrap_sentence(const ns::Outcome& outcome, const spec::Plan& plan, const BwrapOptions& options);

} // namespace ajail::cli
