// SPDX-License-Identifier: Apache-2.0
// `ajail doctor`: what of a jail this machine, and whatever ajail runs in, lets stand.
#pragma once

#include "cli/options.h"
#include "ns/run.h"

namespace ajail::cli {

/// Makes jails that have one thing more each, in which nothing is executed, and says which of them stand: 0 if `ajail run`
/// works, else a status for each class of what is missing.
int doctor(const DoctorOptions& options, const ns::Caller& process);

} // namespace ajail::cli
