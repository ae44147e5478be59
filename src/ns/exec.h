// SPDX-License-Identifier: Apache-2.0
// The last steps of a payload.
#pragma once

#include "ns/run.h"

namespace ajail::ns {

/// Enters the first of the Plan's working directories that can be entered. Returns which; the error of the last.
sys::Result<std::string> enter_cwd(const spec::Exec& exec);

/// What ajail changed of its own signals and umask, as the caller had it.
sys::Status restore(const Caller& caller);

/// The first of the candidates that is not missing, or the last: of those before it execve(2) would say that they are.
std::size_t first_there(const spec::Exec& exec);

/// Becomes the payload, with PWD as the Plan says: by the candidates from FIRST on. Returns only to say why not.
sys::Status execute(const spec::Exec& exec, const std::string& cwd, std::size_t first);

} // namespace ajail::ns
