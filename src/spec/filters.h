// SPDX-License-Identifier: Apache-2.0
// The part of lower() that chooses the seccomp programs.
#pragma once

#include "spec/plan.h"

namespace ajail::spec {

/// Programs that are one, in the order in which they would be loaded each by itself: those of a jail of which nothing else
/// is asked. They are compiled so while ajail is built (policy/gen).
constexpr const char* kStacks[] = {
    "default+noted,terminal+init,root+noted+setid+listener",
    "default+noted,terminal+init,devices+noted+setid+listener",
    "default+noted,terminal+init+noted+setid+listener",
    "default,terminal+init",
};

/// Whether what SPEC allows and denies can be; or why not.
std::optional<std::string> denials(const Spec& spec);

/// Fills in PLAN's seccomp programs, for what SPEC asks on HOST, what is given up by them, and what init needs to answer
/// them. The ids, the capabilities and the limits must be known.
void filter(Plan& plan, const Spec& spec, const Host& host);

/// Capabilities over files that the payload may have, and with it who acts in its place.
std::uint64_t answering_caps(const Plan& plan);

/// CAP is one of those that are added.
bool adds(const Policy& policy, int cap);
/// The payload may make user namespaces.
bool nested(const Policy& policy);
/// By the ids, which must be known.
bool payload_is_root(const Plan& plan);
/// Where the root that root starts has CAP_SETFCAP only for the sake of user namespaces inside.
bool refuses_attributes(const Plan& plan, const Spec& spec, const Host& host);

} // namespace ajail::spec
