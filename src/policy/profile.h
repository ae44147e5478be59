// SPDX-License-Identifier: Apache-2.0
// Seccomp profiles as Docker (moby) and the OCI runtime specification write them, in JSON. What the format leaves open,
// and where ajail reads it more strictly than others, stands in docs/security.md.
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ajail::policy {

/// What rules may depend on (`includes`, `excludes`).
struct ProfileFacts {
    std::uint64_t caps = 0;               ///< of the payload
    std::pair<unsigned, unsigned> kernel; ///< as 6.1
};

struct Profile {
    std::vector<sock_filter> program;
    bool userns = false;              ///< a user namespace can be made
    std::vector<std::string> unknown; ///< calls by names that none has here: their rules are left out, as by others
};

/// Why it is none, in one line, with the place.
struct BadProfile {
    std::string why;
};

/// Pure. TEXT is not trusted.
std::variant<Profile, BadProfile> compile_profile(const std::string& text, const ProfileFacts& facts);

} // namespace ajail::policy
