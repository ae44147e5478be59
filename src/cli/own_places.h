// SPDX-License-Identifier: Apache-2.0
// What of ajail's own no jail is given, wherever it lies: where the jails that run are noted down, and, for writing, the
// store, which later jails trust.
#pragma once

#include "cli/options.h"

#include <string>
#include <variant>
#include <vector>

namespace ajail::cli {

class OwnPlaces {
public:
    /// If DRY, nothing is made.
    OwnPlaces(std::string ajail_home, bool dry) : ajail_home_(std::move(ajail_home)), dry_(dry) {}
    /// What a jail that is given SOURCE, a path without symbolic links, is not to see of that: paths below it, each with a
    /// slash in front. What is not there yet is made, for it would be seen once it is. Or why SOURCE cannot be given.
    /// IS_ROOT: it is the jail's own `/`, which may be a root filesystem that is edited.
    std::variant<std::vector<std::string>, Wrong> hidden_in(const std::string& source, bool writable, bool is_root);

private:
    void find();

    std::string ajail_home_;
    bool dry_;
    bool found_ = false;
    std::string store_;                   ///< without symbolic links, as far as it is there
    std::vector<std::string> registries_; ///< likewise
};

} // namespace ajail::cli
