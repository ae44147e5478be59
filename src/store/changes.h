// SPDX-License-Identifier: Apache-2.0
// What a kept layer changes: complete, every path with an entry of its own.
#pragma once

#include "store/layer.h"

namespace ajail::store {

/// What is known of one side of a change.
struct State {
    mode_t mode = 0; ///< with its type; 0: nothing is there
    std::int64_t size = 0;
    std::string target; ///< of a symbolic link
};

struct Change {
    enum Kind : std::uint8_t { deleted, renamed, added, modified } kind = modified;
    std::string path;     ///< as in Visit
    std::string from;     ///< its name before, if it was renamed
    std::string link_to;  ///< a path before it that is the same file of the layer
    State before, after;  ///< below, and in the layer
    Difference different; ///< for `modified` and `renamed`
};

struct Changes {
    std::vector<Change> list; ///< deletions first, then in the order of their paths
    std::vector<Problem> problems;
    bool denied() const; ///< one is that we may not read something
};

/// What LAYER changes. With RENAMES a file that was deleted here and added there is one change. HAS_ALREADY gets the paths
/// of which nothing differs, if there is somebody to get them.
Changes compare(const Sides& sides, const Layer& layer, bool renames,
                const std::function<void(const std::string& path, const Entry& below)>& has_already = {});

} // namespace ajail::store
