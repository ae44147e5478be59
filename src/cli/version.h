// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ajail::cli {

constexpr const char* kVersion = "0.1.0";

} // namespace ajail::cli
