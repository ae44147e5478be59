// SPDX-License-Identifier: Apache-2.0
// Scripts of ajail's own, run by the host's programs in jails where only what a script is given can be changed.
#pragma once

#include "ns/run.h"
#include "spec/host.h"
#include "spec/spec.h"
#include "sys/fd.h"

#include <array>
#include <string>

namespace ajail::cli {

struct Done {
    int code = 0;     ///< 0, or the exit status for ajail
    std::string said; ///< why it failed: a line for the user, escaped; empty if there is nothing to add
};

/// The host's system, read-only, with nothing to write to but an empty tmpfs as `/`; no network. What the script is to
/// work on is the caller's to add, and the command.
spec::Spec script_jail();

/// Runs SPEC with these as stdin and stdout, /dev/null for -1. With VERBOSE its messages go to stderr as they come.
Done run_script(const spec::Spec& spec, int in, int out, const spec::Host& host, const ns::Caller& process,
                bool verbose);

/// Puts FDS in the places of stdin, stdout and stderr while it lives; each of the three may stay in its own.
class Stdio {
public:
    explicit Stdio(const std::array<int, 3>& fds);
    Stdio(const Stdio&) = delete;
    Stdio& operator=(const Stdio&) = delete;
    ~Stdio();
    bool ok() const { return ok_; }

private:
    std::array<sys::Fd, 3> saved_;
    bool ok_ = true;
};

} // namespace ajail::cli
