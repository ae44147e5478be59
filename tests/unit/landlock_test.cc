// SPDX-License-Identifier: Apache-2.0
// The Landlock ruleset, for each version of the kernel's: what it does not know may not be asked of it (EINVAL), and
// what is handled and granted nowhere is refused.
#include "catch.h"
#include "policy/policy.h"

using ajail::policy::Ruleset;
using ajail::policy::ruleset;

namespace {
// The numbers of linux/landlock.h, not its names: the header that this was built with may be older.
constexpr std::uint64_t kFirst = 0x1fff, kRefer = 1U << 13, kTruncate = 1U << 14, kIoctl = 1U << 15;

void is(unsigned abi, std::uint64_t handled, std::uint64_t scoped) {
    INFO("ABI " << abi);
    Ruleset rules = ruleset(abi, true);
    CHECK(rules.handled == handled);
    CHECK(rules.anywhere == (handled & ~kIoctl));
    CHECK(rules.on_devices == (handled & kIoctl));
    CHECK(rules.scoped == scoped);
    Ruleset scopes = ruleset(abi, false);
    CHECK((scopes.handled | scopes.anywhere | scopes.on_devices) == 0);
    CHECK(scopes.scoped == scoped);
}
} // namespace

TEST_CASE("Landlock: the ruleset for each ABI") {
    is(0, 0, 0);
    is(1, kFirst, 0);
    is(2, kFirst | kRefer, 0);
    is(3, kFirst | kRefer | kTruncate, 0);
    is(4, kFirst | kRefer | kTruncate, 0);
    is(5, kFirst | kRefer | kTruncate | kIoctl, 0);
    is(6, kFirst | kRefer | kTruncate | kIoctl, 3);
    is(7, kFirst | kRefer | kTruncate | kIoctl, 3);
    is(8, kFirst | kRefer | kTruncate | kIoctl, 3);
    is(99, kFirst | kRefer | kTruncate | kIoctl, 3);
}
