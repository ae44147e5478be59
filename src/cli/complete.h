// SPDX-License-Identifier: Apache-2.0
// `ajail complete`: what the word that is being typed may become, for the shells' completions (tools/completions).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ajail::cli {

/// The commands that have a name, `run` among them.
std::span<const std::string_view> command_names();

/// WORDS after `ajail`, the last one as far as it is typed: a line each of what it may become, none where that is a file or
/// a program.
int complete(const std::vector<std::string>& words);

} // namespace ajail::cli
