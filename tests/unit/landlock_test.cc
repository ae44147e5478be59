// SPDX-License-Identifier: Apache-2.0
// The Landlock ruleset, for each version of the kernel's: what it does not know may not be asked of it (EINVAL), and
// what is handled and granted nowhere is refused.
#include "catch.h"
#include "policy/policy.h"

#include <string>

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

TEST_CASE("Landlock: a directory of the jail's own, near where the payload is") {
    using namespace ajail::spec;
    auto at = [](auto op, const char* target) {
        op.target = target;
        return Op(op);
    };
    op::Filesystem proc;
    proc.type = "proc";
    Plan plan;
    plan.ops = {
        at(op::Overlay(), "/"),     at(op::Directory(), "/tmp"),     at(op::Bind(), "/home/u/project"),
        at(op::Bind(), "/tmp/a/b"), at(op::Overlay(), "/tmp/a/b/c"), at(op::Restrict(), "/home/u/project/.git"),
        at(proc, "/proc"),          at(op::Bind(), "/tmp/a/b/c/d")};
    auto above = [&](const char* path) {
        auto [found, op] = ajail::policy::own_above(plan, path);
        return found + " " + std::to_string(op);
    };
    CHECK(above("/") == "/ 0");
    CHECK(above("/root/x") == "/root/x 0");
    CHECK(above("/home/u/project") == "/home/u 0"); // the project's inode is the host's as well
    CHECK(above("/home/u/project/sub/dir") == "/home/u 0");
    CHECK(above("/home/u/project/.git") == "/home/u 0");
    CHECK(above("/proc/1") == "/ 0");
    CHECK(above("/home/u/projects") == "/home/u/projects 0");
    CHECK(above("/tmp/a/b") == "/tmp 1"); // all of that mount: what is renamed in it finds the same on both sides
    CHECK(above("/tmp/a/b/c") == "/tmp/a/b/c 4"); // what is written there is thrown away
    CHECK(above("/tmp/a/b/c/d/e") == "/tmp/a/b/c 4");
    plan.ops.push_back(at(op::Bind(), "/tmp"));
    CHECK(above("/tmp/x") == "/ 0");
    plan.ops.pop_back();
    plan.scratch.directory = "/srv"; // which the host has, too
    CHECK(above("/tmp/a/b") == "/ 0");
    plan.ops = {at(op::Bind(), "/")};
    CHECK(above("/root/x") == "/ 0");
    plan.ops = {};
    CHECK(above("/root/x") == "/ 0");
}
