// SPDX-License-Identifier: Apache-2.0
// What a job for CI needs where jails cannot be made, in that CI's own words.
#pragma once

#include <string>

namespace ajail::cli {

/// The lines for the job that this runs in, by its environment (GITHUB_ACTIONS, GITLAB_CI), where the doctor comes to
/// STATUS; empty if that is 0, if it is no job, or if nothing in its definition helps.
std::string lines_for_job(int status);

} // namespace ajail::cli
