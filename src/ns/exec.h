// SPDX-License-Identifier: Apache-2.0
// The last steps of a payload.
#pragma once

#include "ns/run.h"

namespace ajail::ns {

/// Enters the first of the Plan's working directories that can be entered. Returns which; the error of the last.
sys::Result<std::string> enter_cwd(const spec::Exec& exec);

/// What ajail changed of its own signals and umask, as the caller had it.
sys::Status restore(const Caller& caller);

/// Becomes the payload, with PWD as the Plan says. Returns only to say why not.
sys::Status execute(const spec::Exec& exec, const std::string& cwd);

} // namespace ajail::ns
