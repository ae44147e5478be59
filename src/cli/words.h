// SPDX-License-Identifier: Apache-2.0
// Every word that the user reads about a failure: coordinates become a sentence, and the sentence says what to do.
#pragma once

#include "ns/run.h"
#include "spec/plan.h"
#include "sys/result.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ajail::cli {

constexpr int kTimedOut = 124, kFailed = 125, kNotExecutable = 126, kNotFound = 127;

/// `ajail: TEXT` on stderr, one line; returns kFailed. TEXT is printed as it is: escape what came from outside.
int fail(const std::string& text);
/// TEXT on stdout; 0, or what FAILED says where it cannot be written.
int show(const std::string& text, int (*failed)(const std::string&) = fail);
/// `ajail: warning: TEXT` on stderr.
void warn(const std::string& text);
/// `ajail: TEXT()` on stderr, with --verbose.
void tell(const std::function<std::string()>& text);
void be_verbose();

/// Of NAMES, the one that WORD may have been meant for; empty if there is none.
std::string nearest(std::string_view word, std::span<const std::string_view> names);

/// What the kernel told about this machine; gathered only once something has failed.
struct Circumstances {
    bool userns_sysctl_off = false;  ///< kernel.unprivileged_userns_clone = 0 (Debian's patch)
    bool apparmor_restricts = false; ///< kernel.apparmor_restrict_unprivileged_userns = 1 (Ubuntu)
    bool no_userns_left = false;     ///< user.max_user_namespaces = 0, or all in use
    bool userns_missing = false;     ///< no /proc/self/ns/user
    bool seccomp_filtered = false;   ///< somebody's seccomp filter is on us
    bool chrooted = false;
    bool proc_missing = false;
    bool own_userns = false; ///< in a user namespace that is not the machine's: a container, a sandbox
    bool unmapped = false;   ///< our uid or gid has no number in it
};
Circumstances look_around();

/// Why namespaces cannot be had, and the fix; empty if none of the known causes fits. Pure.
std::string diagnose(const sys::Error& error, const Circumstances& here);

/// The whole sentence for ERROR, without `ajail: `. ABOUT: as in ns::Outcome.
std::string sentence(const sys::Error& error, const spec::Plan* plan, const std::string& about = {});
/// The same for a helper program that failed.
std::string sentence(const ns::HelperEnd& helper);

/// What of ajail's doing may have made the payload fail, and the option that changes it; none if it ended well.
std::vector<std::string> hints(const ns::Outcome& outcome);
/// That a seccomp program has killed the payload, and the option for it; empty if none has. Also what a shell says of a
/// child: it looks the same. Which call it was the kernel tells nobody but an auditor.
std::string killed(const ns::Outcome& outcome, const spec::Plan& plan);

} // namespace ajail::cli
