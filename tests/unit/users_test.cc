// SPDX-License-Identifier: Apache-2.0
// Users and ids: the files they stand in, and the maps that are made of them.
#include "catch.h"
#include "cli/accounts.h"
#include "spec/ids.h"

#include <algorithm>
#include <linux/capability.h>
#include <string>

using namespace ajail;
using namespace ajail::cli;
using spec::IdMap;
using spec::IdMaps;
using spec::IdRange;
using Ranges = std::vector<IdRange>;
using Groups = std::vector<unsigned>;

namespace {

constexpr const char* kPasswd = "root:x:0:0:root:/root:/bin/bash\n"
                                "# a comment:x:9:9::/:/bin/sh\n"
                                "\n"
                                "short:x:3:3:/home/short:/bin/sh\n"
                                "far:x:4294967295:1::/:/bin/sh\n"
                                "minus:x:-1:1::/:/bin/sh\n"
                                "nogid:x:7:::/:/bin/sh\n"
                                "postgres:x:104:106:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n"
                                "postgres:x:0:0:the second is not seen:/:/bin/sh\n"
                                "relative:x:105:105::home:\n"
                                "last:x:200:201::/last:/bin/zsh";
constexpr const char* kGroup = "root:x:0:\n"
                               "adm:x:4:postgres\n"
                               "ssl-cert:x:107:alice,postgres,bob\n"
                               "again:x:4:postgres\n"
                               "own:x:106:postgres\n"
                               "like:x:108:postgresx,xpostgres\n"
                               "broken:x:postgres\n"
                               "negative:x:-5:postgres\n";

spec::Host with(Ranges uids, Ranges gids) {
    spec::Host host{.uid = 1000, .gid = 100, .landlock_abi = 6};
    host.subordinates.user = "me";
    host.subordinates.uids = std::move(uids);
    host.subordinates.gids = std::move(gids);
    host.subordinates.newuidmap = "/usr/bin/newuidmap";
    host.subordinates.newgidmap = "/usr/bin/newgidmap";
    return host;
}

const Ranges kSome = {{100000, 65536}};

spec::Spec in_deb(spec::Users users) {
    spec::Spec spec;
    spec.root = {spec::Root::overlay, {.path = "/store/fs/deb"}};
    spec.command.argv = {"true"};
    spec.users = users;
    spec.limits.pids = spec::kUnlimited; // or it would have to be said that nothing limits all of them together
    return spec;
}

spec::Plan plan_of(const spec::Spec& spec, const spec::Host& host) {
    auto lowered = spec::lower(spec, host);
    if (auto* refusal = std::get_if<spec::Refusal>(&lowered)) FAIL(refusal->message);
    return std::get<spec::Plan>(lowered);
}

std::string refusal_of(const spec::Spec& spec, const spec::Host& host) {
    auto lowered = spec::lower(spec, host);
    auto* refusal = std::get_if<spec::Refusal>(&lowered);
    REQUIRE(refusal != nullptr);
    CHECK(refusal->message.find('\n') == std::string::npos);
    return refusal->message;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("an id is decimal digits, and -1 is none") {
    CHECK(parse_id("0") == 0U);
    CHECK(parse_id("4294967294") == 4294967294U);
    for (const char* bad :
         {"", "4294967295", "4294967296", "18446744073709551616", "-1", "+1", " 1", "1 ", "0x10", "1e3"})
        CHECK_FALSE(parse_id(bad));
}

TEST_CASE("accounts: the first well-formed line counts") {
    auto postgres = account_named(kPasswd, "postgres");
    REQUIRE(postgres);
    CHECK(postgres->uid == 104);
    CHECK(postgres->gid == 106);
    CHECK(postgres->home == "/var/lib/postgresql");
    CHECK(postgres->shell == "/bin/bash");
    for (const char* none : {"nobody", "short", "far", "minus", "nogid", "# a comment", "", "postgre"})
        CHECK_FALSE(account_named(kPasswd, none));
    CHECK(account_named(kPasswd, "last")->shell == "/bin/zsh"); // no newline after it
    CHECK(account_named(kPasswd, "relative")->home == "/");
    CHECK(account_named(kPasswd, "relative")->shell == "/bin/sh");
    CHECK(account_of(kPasswd, 0)->name == "root");
    CHECK_FALSE(account_of(kPasswd, 9));
    CHECK_FALSE(account_named(std::string("a\0:x:1:1::/:/bin/sh\n", 20), "a"));
    CHECK_FALSE(account_named("", "root"));
}

TEST_CASE("groups: the account's own first, none twice, whole names only") {
    CHECK(groups_of(kGroup, "postgres", 106) == Groups{106, 4, 107});
    CHECK(groups_of(kGroup, "alice", 1000) == Groups{1000, 107});
    CHECK(groups_of("", "x", 5) == Groups{5});
    CHECK(groups_of(kGroup, "", 5) ==
          Groups{5, 0}); // root's empty list has one empty member; no account is called that
}

TEST_CASE("subordinate ranges: by name and by number, in the file's order") {
    const char* text = "# me:1:1\n"
                       "other:100000:65536\n"
                       "me:200000:1000\n"
                       "1000:300000:10\n"
                       "10001:1:1\n"
                       "me2:1:1\n"
                       "me:400000\n"
                       "me:500000:0\n"
                       "me:x:1\n"
                       "me:0x10:1\n"
                       "me:-5:10\n"
                       "me:4294967296:1\n"
                       "me:1:4294967296\n"
                       "me:1:2:3\n"
                       "me:4294967290:100\n"
                       "me:4294967295:1\n"
                       ":7:7\n"
                       "me:600000:5";
    CHECK(ranges_of(text, "me", 1000) == Ranges{{200000, 1000}, {300000, 10}, {4294967290, 5}, {600000, 5}});
    CHECK(ranges_of(text, "nobody", 7).empty());
    CHECK(ranges_of("", "me", 1000).empty());
}

TEST_CASE("what an administrator is told to give belongs to nobody yet") {
    CHECK(free_ids("", "") == 100000);
    CHECK(free_ids("a:100000:65536\n", "") == 165536);
    CHECK(free_ids("a:165536:65536\nb:100000:65536\n", "c:231072:1\n") == 231073);
    CHECK(free_ids("a:165535:1\n", "") == 165536);
    CHECK(free_ids("a:165536:1\n", "") == 100000);
    CHECK(free_ids("a:1:4294967294\n", "") == 100000); // there is no better answer
}

TEST_CASE("a map begins with the caller and never holds an id twice") {
    CHECK(spec::map_range(1000, {{100000, 65536}}) == IdMaps{{0, 1000, 1}, {1, 100000, 65535}});
    CHECK(spec::map_range(1000, {{100000, 10}, {5000, 5}}) == IdMaps{{0, 1000, 1}, {1, 100000, 10}, {11, 5000, 5}});
    CHECK(spec::map_range(1000, {}) == IdMaps{{0, 1000, 1}});
    // The caller's own id and root's are cut out.
    CHECK(spec::map_range(1000, {{998, 5}}) == IdMaps{{0, 1000, 1}, {1, 998, 2}, {3, 1001, 2}});
    CHECK(spec::map_range(1000, {{0, 3}}) == IdMaps{{0, 1000, 1}, {1, 1, 2}});
    CHECK(spec::map_range(1000, {{1000, 1}, {0, 1}}) == IdMaps{{0, 1000, 1}});
    // Overlaps, in every way.
    CHECK(spec::map_range(1, {{10, 10}, {15, 10}}) == IdMaps{{0, 1, 1}, {1, 10, 10}, {11, 20, 5}});
    CHECK(spec::map_range(1, {{15, 10}, {10, 10}}) == IdMaps{{0, 1, 1}, {1, 15, 10}, {11, 10, 5}});
    CHECK(spec::map_range(1, {{12, 2}, {10, 10}}) == IdMaps{{0, 1, 1}, {1, 12, 2}, {3, 10, 2}, {5, 14, 6}});
    CHECK(spec::map_range(1, {{10, 10}, {10, 10}, {12, 2}}) == IdMaps{{0, 1, 1}, {1, 10, 10}});
    // Up to the last id there is.
    CHECK(spec::map_range(1, {{4294967294, 1}}) == IdMaps{{0, 1, 1}, {1, 4294967294, 1}});
    CHECK(spec::map_range(1, {{4294967290, 4294967295}}) == IdMaps{{0, 1, 1}, {1, 4294967290, 5}});
    CHECK(spec::map_range(1, {{4294967295, 7}}) == IdMaps{{0, 1, 1}});
    CHECK(spec::map_range(1, {{2, 4294967295}}) == IdMaps{{0, 1, 1}, {1, 2, 65535}});
}

TEST_CASE("however many and odd the ranges are, the map is one that the kernel takes") {
    unsigned state = 12345;
    auto random = [&](unsigned below) {
        state = state * 1664525U + 1013904223U;
        return (state >> 8) % below;
    };
    for (int round = 0; round < 300; ++round) {
        Ranges ranges;
        unsigned base = random(2) == 0 ? 0 : 4294967295U - 3000;
        for (unsigned i = 0, n = random(400); i < n; ++i) ranges.push_back({base + random(3000), random(500)});
        unsigned own = base + random(3000);
        IdMaps maps = spec::map_range(own, ranges);
        REQUIRE(maps.at(0) == IdMap{0, own, 1});
        unsigned next = 0;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> outside;
        std::size_t text = 0;
        for (const IdMap& map : maps) {
            REQUIRE(map.inside == next);
            REQUIRE(map.count > 0);
            next += map.count;
            outside.emplace_back(map.outside, std::uint64_t{map.outside} + map.count);
            text += std::to_string(map.inside).size() + std::to_string(map.outside).size() +
                    std::to_string(map.count).size() + 3;
        }
        REQUIRE(next <= 65536);
        REQUIRE(maps.size() <= 340);
        REQUIRE(text < 4096);
        std::sort(outside.begin(), outside.end());
        for (std::size_t i = 0; i + 1 < outside.size(); ++i) REQUIRE(outside[i].second <= outside[i + 1].first);
        REQUIRE(outside.back().second <= 4294967295U);
        if (own != 0) REQUIRE(outside.front().first > 0);
    }
}

TEST_CASE("--users=range") {
    spec::Plan plan = plan_of(in_deb(spec::Users::range), with(kSome, {{200000, 65536}}));
    CHECK(plan.uids == IdMaps{{0, 1000, 1}, {1, 100000, 65535}});
    CHECK(plan.gids == IdMaps{{0, 100, 1}, {1, 200000, 65535}});
    CHECK(plan.newuidmap == "/usr/bin/newuidmap");
    CHECK(plan.groups);
    CHECK_FALSE(plan.ambient);
    CHECK(plan.filters == std::vector<std::string>{"default+noted,terminal+init,devices+noted+setid+listener"});
    CHECK(contains(to_text(plan), "uid map      0 1000 1, 1 100000 65535\n"));
    spec::Spec spec = in_deb(spec::Users::range);
    spec.policy.no_root_emulation = true;
    CHECK(plan_of(spec, with(kSome, kSome)).filters ==
          std::vector<std::string>{"default+noted,terminal+init+noted+setid+listener"});
}

TEST_CASE("no helper is run for one id, whatever there is") {
    spec::Plan plan = plan_of(in_deb(spec::Users::one), with(kSome, kSome));
    CHECK(plan.uids == IdMaps{{0, 1000, 1}});
    CHECK(plan.newuidmap.empty());
    CHECK(plan.newgidmap.empty());
    CHECK_FALSE(plan.groups);
}

TEST_CASE("what is missing for a range is said with the command that brings it") {
    spec::Spec spec = in_deb(spec::Users::range);
    spec::Host host = with(kSome, kSome);
    host.subordinates.newgidmap.clear();
    CHECK(contains(refusal_of(spec, host), "newgidmap is not installed; as root: apt-get install uidmap"));
    CHECK(contains(refusal_of(spec, with({}, {})),
                   "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 me"));
    std::string only = refusal_of(spec, with(kSome, {}));
    CHECK(contains(only, "usermod --add-subgids 100000-165535 me"));
    CHECK_FALSE(contains(only, "--add-subuids"));
    CHECK(contains(refusal_of(spec, with({{1000, 1}, {0, 1}}, kSome)), "--add-subuids")); // nothing is left of it
    host = with({}, {});
    host.uid = 0; // of a user namespace: of the machine it would have a range
    CHECK(contains(refusal_of(spec, host), "in a user namespace, as here"));
    CHECK_FALSE(contains(refusal_of(spec, host), "usermod"));
    host = with(kSome, kSome);
    host.subordinates.no_new_privs = true;
    CHECK(contains(refusal_of(spec, host), "no_new_privs"));
    spec.identity = spec::Identity::self;
    CHECK(contains(refusal_of(spec, with(kSome, kSome)), "the host's own programs"));
}

TEST_CASE("--users=auto is a range or, recorded, one id") {
    spec::Spec spec = in_deb(spec::Users::automatic);
    CHECK(plan_of(spec, with(kSome, kSome)).uids.size() == 2);
    CHECK(plan_of(spec, with(kSome, kSome)).degraded.empty());
    spec::Plan plan = plan_of(spec, with({}, {}));
    CHECK(plan.uids == IdMaps{{0, 1000, 1}});
    CHECK(plan.filters == std::vector<std::string>{"default+noted,terminal+init,root+noted+setid+listener"});
    REQUIRE(plan.degraded.size() == 1);
    CHECK(contains(plan.degraded[0].why, "usermod"));
    spec::Host host = with(kSome, kSome);
    host.subordinates.privileged = false;
    CHECK(plan_of(spec, host).uids.size() == 1);
    spec.users = spec::Users::range;
    CHECK(plan_of(spec, host).uids.size() == 2); // the helper will say it
}

TEST_CASE("--user: how it is written") {
    CHECK(parse_user("postgres")->name == "postgres");
    CHECK_FALSE(parse_user("postgres")->gid);
    CHECK(parse_user("104")->name.empty());
    CHECK(parse_user("104")->uid == 104);
    CHECK(parse_user("104:5")->gid == 5U);
    CHECK(parse_user("postgres:5")->gid == 5U);
    CHECK(parse_user("4294967294")->uid == 4294967294U);
    for (const char* bad : {"", ":", ":5", "5:", "x:", "x:y", "5:6:7", "4294967295", "99999999999999999999", "5:-1"})
        CHECK_FALSE(parse_user(bad));
}

TEST_CASE("--user: who that is") {
    auto who = who_is(*parse_user("postgres"), kPasswd, kGroup);
    REQUIRE(who);
    CHECK(who->ids.uid == 104);
    CHECK(who->ids.gid == 106);
    CHECK(who->ids.groups == Groups{106, 4, 107});
    CHECK(who->account.home == "/var/lib/postgresql");
    CHECK(who_is(*parse_user("104"), kPasswd, kGroup)->account.name == "postgres");
    // A group that was named stands alone.
    CHECK(who_is(*parse_user("postgres:7"), kPasswd, kGroup)->ids.gid == 7);
    CHECK(who_is(*parse_user("postgres:7"), kPasswd, kGroup)->ids.groups.empty());
    CHECK_FALSE(who_is(*parse_user("nosuch"), kPasswd, kGroup));
    auto number = who_is(*parse_user("555"), kPasswd, kGroup);
    REQUIRE(number);
    CHECK(number->account.name == "555");
    CHECK(number->ids.gid == 555); // not root's
    CHECK(number->account.home == "/");
}

TEST_CASE("--user with a range becomes that user, without capabilities") {
    spec::Spec spec = in_deb(spec::Users::range);
    spec.user = spec::User{104, 106, {106, 107}};
    spec::Plan plan = plan_of(spec, with(kSome, kSome));
    REQUIRE(plan.user);
    CHECK(plan.user->uid == 104);
    CHECK(plan.uids.at(0).inside == 0);
    CHECK(plan.caps == 0);
    CHECK(plan.ambient);
    CHECK(contains(to_text(plan), "user         uid 104 gid 106 groups 106 107\n"));
    spec.policy.add_caps = {CAP_NET_RAW};
    CHECK(plan_of(spec, with(kSome, kSome)).caps == std::uint64_t{1} << CAP_NET_RAW);
    spec.user = spec::User{0, 0, {}};
    CHECK((plan_of(spec, with(kSome, kSome)).caps & 1U) == 1); // root stays root
}

TEST_CASE("--user with a range must be in it") {
    spec::Spec spec = in_deb(spec::Users::range);
    for (const spec::User& user : {spec::User{500, 1, {}}, spec::User{1, 500, {}}, spec::User{1, 1, {1, 500}}}) {
        spec.user = user;
        CHECK(contains(refusal_of(spec, with({{100000, 499}}, {{100000, 499}})), "none of the 500 ids"));
    }
    spec.user = spec::User{499, 499, {}};
    CHECK(plan_of(spec, with({{100000, 499}}, {{100000, 499}})).user->uid == 499);
}

TEST_CASE("--user with one id is what that id is called") {
    spec::Spec spec = in_deb(spec::Users::one);
    spec.user = spec::User{104, 106, {106}};
    spec::Plan plan = plan_of(spec, with({}, {}));
    CHECK(plan.uids == IdMaps{{104, 1000, 1}});
    CHECK(plan.gids == IdMaps{{106, 100, 1}});
    CHECK_FALSE(plan.user);
    CHECK(plan.caps == 0);
    CHECK(plan.ambient);
    CHECK(plan.filters == std::vector<std::string>{"default+noted,terminal+init+noted+setid+listener"});
    CHECK(plan.degraded.empty());
    spec.user = spec::User{104, 106, {106, 4}};
    CHECK(plan_of(spec, with({}, {})).degraded.size() == 1);
    spec.user = spec::User{0, 0, {0}};
    CHECK(plan_of(spec, with({}, {})).filters.at(0) == "default+noted,terminal+init,root+noted+setid+listener");
    spec.identity = spec::Identity::self;
    spec.user = spec::User{1000, 100, {}};
    CHECK(plan_of(spec, with({}, {})).uids == IdMaps{{1000, 1000, 1}});
    spec.user = spec::User{0, 0, {}};
    CHECK(contains(refusal_of(spec, with({}, {})), "--user"));
}

TEST_CASE("started by root there are many users in any case") {
    spec::Host root{.uid = 0, .gid = 0, .real_root = true, .landlock_abi = 6};
    for (spec::Users users : {spec::Users::one, spec::Users::range, spec::Users::automatic}) {
        spec::Spec spec = in_deb(users);
        spec.user = spec::User{33, 33, {33}};
        spec::Plan plan = plan_of(spec, root);
        CHECK(plan.uids == IdMaps{{0, spec::kRootRangeBase, spec::kRootRangeCount}});
        CHECK(plan.user->uid == 33);
        CHECK(plan.caps == 0);
        CHECK(plan.newuidmap.empty());
        CHECK(plan.degraded.empty());
    }
}
