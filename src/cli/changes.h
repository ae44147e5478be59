// SPDX-License-Identifier: Apache-2.0
// `ajail changes` and `ajail apply`: what jails have changed with --keep, and how it gets to the directories themselves.
#pragma once

#include "cli/options.h"
#include "ns/run.h"

#include <string>
#include <variant>
#include <vector>

namespace ajail::cli {

/// `ajail changes [NAME [PATH...]]`.
struct ChangesOptions {
    std::string name; ///< empty: what there is
    std::vector<std::string> paths;
    bool json = false, diff = false, verbose = false;
};
std::variant<ChangesOptions, Shown, Wrong> parse_changes(const std::vector<std::string>& args);
int changes(const ChangesOptions& options, const ns::Caller& process);

/// `ajail apply NAME [PATH...]`.
struct ApplyOptions {
    std::string name;
    std::vector<std::string> paths;
    bool dry = false, json = false, hooks = false, verbose = false;
};
std::variant<ApplyOptions, Shown, Wrong> parse_apply(const std::vector<std::string>& args);
int apply(const ApplyOptions& options, const ns::Caller& process);

/// Deep trees take two a level.
void allow_many_descriptors();

} // namespace ajail::cli
