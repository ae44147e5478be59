// SPDX-License-Identifier: Apache-2.0
// `ajail run --keep`: what the jail would have thrown away is kept under a name, and taken up again by it.
#pragma once

#include "cli/caller.h"
#include "cli/options.h"
#include "ns/run.h"
#include "spec/plan.h"
#include "store/settle.h"

namespace ajail::cli {

class Keeping {
public:
    /// For the throw-away layers of SPEC: where they are kept, in SPEC, as WISH says, or under a name that is free and has to
    /// do with the directory CWD. If DRY nothing is made on disk, and nobody is in the way. Or why they cannot be kept.
    static std::variant<Keeping, Wrong> take_up(const std::string& wish, const std::string& home,
                                                const std::string& cwd, bool dry, const spec::Host& host,
                                                const ns::Caller& process, spec::Spec& spec);
    Keeping(Keeping&&) = default;
    Keeping& operator=(Keeping&&) = delete;
    /// What was made for a jail that has not begun is gone again.
    ~Keeping();

    /// The jail of PLAN is about to begin; what the host changes from now on has been changed below it.
    sys::Status begin(const spec::Plan& plan);
    /// It has ended. The line that tells of what is kept.
    std::string end(const spec::Host& host, const ns::Caller& process);
    const std::string& name() const { return name_; }

private:
    Keeping() = default;
    std::string home_, name_;
    store::Kept kept_;
    store::Seen seen_; ///< when the jail began
    bool begun_ = false;
};

/// `ajail discard NAME...`.
struct DiscardOptions {
    std::vector<std::string> names;
    bool verbose = false;
};
std::variant<DiscardOptions, Shown, Wrong> parse_discard(const std::vector<std::string>& args);
int discard(const DiscardOptions& options, const ns::Caller& process);

} // namespace ajail::cli
