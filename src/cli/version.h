// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace ajail::cli {

constexpr const char* kVersion = "0.1.0";

/// For --version: what this is, for which machine, and the libraries that are in it.
std::string version();

} // namespace ajail::cli
