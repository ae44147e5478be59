// SPDX-License-Identifier: Apache-2.0
// `ajail verify`: a jail with the options of `ajail run`, attacked from inside by the probes of src/probe.
#pragma once

#include "cli/options.h"
#include "ns/run.h"

namespace ajail::cli {

int verify(const VerifyOptions& options, const ns::Caller& process);

/// What ajail was called as inside: attack, and tell on stdout. `words` is ended by a null pointer.
bool is_prober(const char* called);
int probe_from_inside(char** words);

} // namespace ajail::cli
