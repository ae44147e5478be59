// SPDX-License-Identifier: Apache-2.0
// walls(): what the kernel says against the Plan, with kernels that have not done what they said.
#include "catch.h"
#include "spec/walls.h"

#include <algorithm>
#include <functional>
#include <linux/capability.h>
#include <nlohmann/json.hpp>

using namespace ajail::spec;

namespace {

const Host kUser{.uid = 1000, .gid = 100, .real_root = false, .landlock_abi = 6, .overlay = true, .tty = {}};

constexpr const char* kStatus =
    "Name:\tajail\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0 65534 \nNStgid:\t77\t2\n"
    "NSpid:\t77\t2\nNSpgid:\t77\t2\nNSsid:\t77\t2\nCapInh:\t0000000000000000\n"
    "CapPrm:\t00000000a00405fb\nCapEff:\t00000000a00405fb\nCapBnd:\t00000000a00405fb\n"
    "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t4\n";

// Mounts 100 and on are those of the operations; 150 has come along in the bind.
constexpr const char* kMountinfo =
    "100 90 0:50 / / rw,nosuid,nodev,relatime - overlay overlay rw\n"
    "101 100 0:51 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
    "103 101 0:51 /sys /proc/sys ro,nosuid,nodev,noexec,relatime - proc proc rw\n"
    "104 101 0:40 /nothing /proc/keys ro,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw\n"
    "105 100 8:1 /x /a\\040b ro,nosuid,nodev,relatime - ext4 /dev/x rw\n"
    "150 105 0:77 / /a\\040b/sub ro,nosuid,nodev,relatime - tmpfs tmpfs rw\n";

struct Case {
    Plan plan;
    Seen seen;

    Case() {
        Spec spec;
        spec.root = {Root::overlay, {.path = "/store/fs/deb"}};
        spec.mounts = {Bind{{.path = "/x"}, "/a b"}};
        spec.shared.network = true;
        spec.command.argv = {"true"};
        spec.policy.allow = {"perf"}; // three programs, and not one
        plan = std::get<Plan>(lower(spec, kUser));
        plan.ops = {plan.ops.at(0),
                    op::Filesystem{"proc", {}, "/proc", Attr{.writable = true}},
                    op::Sysctl{"/proc/sys/user/max_user_namespaces", "0"},
                    op::Restrict{"/proc/sys", Attr{}},
                    op::Mask{"/proc/keys", true},
                    plan.ops.at(1),
                    op::Mask{"/proc/nosuch", true}};
        seen.callers = {1, 2, 3, 4, 5, 6, 7};
        seen.own = {11, 12, 13, 14, 15, 16, 7};
        auto status = read_status(kStatus);
        REQUIRE(status);
        seen.status = *status;
        seen.filters_before = 1;
        seen.own_keyring = true;
        seen.landlock_files = seen.landlock_scopes = true;
        seen.hostname = "localhost";
        seen.cwd = "/";
        seen.mounts = {{0, 100}, {1, 101}, {3, 103}, {4, 104}, {5, 105}};
        seen.mountinfo = kMountinfo;
        seen.sysctls = {{2, "0\n"}};
    }

    void replace(const std::string& what, const std::string& with) {
        std::size_t at = seen.mountinfo.find(what);
        REQUIRE(at != std::string::npos);
        seen.mountinfo.replace(at, what.size(), with);
    }

    // The controls that do not stand.
    std::vector<std::string> fallen() const {
        std::vector<Wall> found = walls(plan, seen, false);
        add_filters(plan, seen, false, found);
        std::vector<std::string> names;
        for (const Wall& wall : found) {
            CHECK_FALSE(wall.stands);
            CHECK(wall.wanted != wall.got);
            names.push_back(wall.control);
        }
        return names;
    }
};

using Names = std::vector<std::string>;

Names after(const std::function<void(Case&)>& change) {
    Case one;
    change(one);
    return one.fallen();
}

} // namespace

TEST_CASE("where everything is as planned all walls stand, and the report has each of them") {
    Case one;
    CHECK(one.fallen().empty());
    std::vector<Wall> all = walls(one.plan, one.seen, true);
    add_filters(one.plan, one.seen, true, all);
    CHECK(std::all_of(all.begin(), all.end(), [](const Wall& wall) { return wall.stands; }));
    auto json = nlohmann::json::parse(to_json(one.plan, all));
    CHECK(json["stands"] == true);
    CHECK(json["controls"].size() == all.size());
    auto got = [&](const std::string& control) {
        for (const Wall& wall : all)
            if (wall.control == control) return wall.got;
        return std::string("missing");
    };
    CHECK(got("net namespace") == "the caller's");
    CHECK(got("mount /a b") == "ro,nosuid,nodev");
    CHECK(got("mount /a b/sub") == "ro,nosuid,nodev");
    CHECK(got("mask /proc/keys") == "ro,nosuid,nodev,noexec, empty");
    CHECK(got("mask /proc/nosuch") == "nothing is there");
    CHECK(got("supplementary groups") == "0 65534");
    CHECK(got("seccomp default+noted+perf") == "loaded");
}

TEST_CASE("a mount that is not what was asked for") {
    CHECK(after([](Case& c) { c.replace("ro,nosuid,nodev,relatime - ext4", "rw,nosuid,nodev,relatime - ext4"); }) ==
          Names{"mount /a b"});
    CHECK(after([](Case& c) { c.replace("/sub ro,", "/sub rw,"); }) == Names{"mount /a b/sub"});
    CHECK(after([](Case& c) { c.replace("/proc/sys ro,nosuid,", "/proc/sys ro,"); }) == Names{"mount /proc/sys"});
    CHECK(after([](Case& c) { c.replace("/ /proc rw,nosuid,nodev,noexec", "/ /proc rw,nosuid,nodev"); }) ==
          Names{"mount /proc"});
    CHECK(after([](Case& c) { c.replace("relatime - ext4", "relatime shared:4 - ext4"); }) == Names{"mount /a b"});
    CHECK(after([](Case& c) { c.replace("relatime - proc", "relatime master:1 propagate_from:2 - proc"); }) ==
          Names{"mount /proc"});
    // A superblock that is read-only is not the mount's doing.
    CHECK(after([](Case& c) {
              c.replace("ro,nosuid,nodev,relatime - ext4 /dev/x rw", "rw,nosuid,nodev - ext4 /d ro");
          }) == Names{"mount /a b"});
}

TEST_CASE("a mount that is not there, or that nobody asked for") {
    CHECK(after([](Case& c) {
              c.replace("104 101 0:40 /nothing /proc/keys ro,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw\n", "");
          }) == Names{"mask /proc/keys"});
    // Never attached, and its number given to the next one.
    CHECK(after([](Case& c) { c.seen.mounts[3].second = 105; }) == Names{"mask /proc/keys", "mount /proc/keys"});
    CHECK(after([](Case& c) { c.replace("0:40 /nothing", "0:40 /secret"); }) == Names{"mask /proc/keys"});
    CHECK(after([](Case& c) { c.seen.mounts.erase(c.seen.mounts.begin()); }) == Names{"mount /", "mount /"});
    CHECK(after([](Case& c) { c.seen.mounts.erase(c.seen.mounts.begin() + 2); }) == Names{"mount /proc/sys"});
    // The old root, and something in a mount that came without others.
    CHECK(after([](Case& c) { c.seen.mountinfo += "90 80 8:1 / / ro,nosuid,nodev,noexec - ext4 /dev/x rw\n"; }) ==
          Names{"mount /"});
    CHECK(after([](Case& c) {
              c.seen.mountinfo += "160 100 8:1 / /etc ro,nosuid,nodev,noexec - ext4 /dev/x rw\n";
          }) == Names{"mount /etc"});
}

TEST_CASE("what cannot be read does not stand") {
    CHECK(after([](Case& c) { c.seen.mountinfo = "100 90 0:50\n"; }).size() > 1);
    CHECK(after([](Case& c) { c.seen.mountinfo = "100 90 0:50 / / rw shared:1"; }).front() == "mounts");
    CHECK(after([](Case& c) {
              c.seen.mountinfo = "7 7 0:1 / /x ro - a b c\n8 9 0:1 / /y ro - a b c\n9 8 0:1 / / ro - a b c\n";
          }).size() > 1); // parents in a ring
    CHECK(after([](Case& c) { c.seen.mountinfo = ""; }).size() > 1);
    for (const char* word : {"Uid", "Gid", "Groups", "NSpid", "NSsid", "CapInh", "CapBnd", "NoNewPrivs",
                             "Seccomp:", "Seccomp_filters"}) {
        std::string text = kStatus;
        text.replace(text.find(word), 1, "X");
        INFO(word);
        CHECK_FALSE(read_status(text));
    }
    CHECK_FALSE(read_status(""));
    CHECK_FALSE(read_status("Uid:\t0\t0\t0\n"));
}

TEST_CASE("ids, groups and capabilities") {
    CHECK(after([](Case& c) { c.seen.status.uids[2] = 1000; }) == Names{"uid"});
    CHECK(after([](Case& c) { c.seen.status.gids[3] = 5; }) == Names{"gid"});
    CHECK(after([](Case& c) { c.plan.groups = true; }) == Names{"supplementary groups"});
    CHECK(after([](Case& c) {
              c.plan.groups = true;
              c.plan.user = User{0, 0, {65534, 0}};
          }).empty());
    CHECK(after([](Case& c) { c.seen.hostname = "host"; }) == Names{"host name"});
    CHECK(after([](Case& c) { c.seen.status.permitted |= 1U << CAP_MKNOD; }) == Names{"permitted capabilities"});
    CHECK(after([](Case& c) { c.seen.status.bounding |= std::uint64_t{1} << 60; }) == Names{"bounding set"});
    CHECK(after([](Case& c) { c.seen.status.bounding = 0; }).empty());
    CHECK(after([](Case& c) { c.seen.status.ambient = 1; }) == Names{"ambient capabilities"});
    CHECK(after([](Case& c) { c.seen.securebits = 1; }) == Names{"securebits"});
    CHECK(after([](Case& c) { c.seen.status.no_new_privs = false; }) == Names{"no_new_privs"});
}

TEST_CASE("namespaces, seccomp, Landlock, session") {
    CHECK(after([](Case& c) { c.seen.own[0] = c.seen.callers[0]; }) == Names{"user namespace"});
    CHECK(after([](Case& c) { c.seen.own[5] = 0; }) == Names{"cgroup namespace"});
    CHECK(after([](Case& c) { c.plan.shared.network = false; }) == Names{"net namespace"});
    CHECK(after([](Case& c) {
              c.plan.second_userns = true;
              c.seen.inits = c.seen.own;
          }) == Names{"second user namespace", "second mnt namespace"});
    CHECK(after([](Case& c) { c.seen.status.filters = 3; }) == Names{"seccomp root+noted+perf+setid+listener"});
    CHECK(after([](Case& c) { c.seen.status.seccomp = 0; }).size() == 3);
    CHECK(after([](Case& c) { c.seen.filters_before = 5; }).size() == 3);
    CHECK(after([](Case& c) { c.seen.landlock_files = false; }) == Names{"Landlock ABI 6: files"});
    CHECK(after([](Case& c) { c.seen.landlock_scopes = false; }).size() == 1);
    CHECK(after([](Case& c) { c.seen.landlock_scopes.reset(); }).empty());
    CHECK(after([](Case& c) { c.seen.status.session = 1; }) == Names{"session"});
    CHECK(after([](Case& c) { c.plan.terminal = Terminal::raw; }) == Names{"session"});
    CHECK(after([](Case& c) { c.seen.terminal = false; }) == Names{"terminal"});
    CHECK(after([](Case& c) { c.seen.own_keyring = false; }) == Names{"session keyring"});
    CHECK(after([](Case& c) { c.seen.cwd = "(unreachable)/x"; }) == Names{"working directory"});
    CHECK(after([](Case& c) { c.seen.sysctls[0].second = "1000\n"; }).size() == 1);
    CHECK(after([](Case& c) { c.seen.sysctls.clear(); }).size() == 1);
}

TEST_CASE("init, and the maps, where they were looked at") {
    auto with = [](const std::function<void(Seen::More&)>& change) {
        return after([&](Case& c) {
            Seen::More more;
            more.init.permitted = c.plan.init_caps;
            more.init_hidden = true;
            more.uid_map = "         0       1000          1\n";
            more.gid_map = "         0        100          1\n";
            change(more);
            c.seen.more = more;
        });
    };
    CHECK(with([](auto&) {}).empty());
    CHECK(with([](auto& more) { more.init_hidden = false; }) == Names{"init"});
    CHECK(with([](auto& more) { more.init.bounding = 1; }).size() == 1);
    CHECK(with([](auto& more) { more.uid_map = "0 0 1\n"; }) == Names{"uid map"});
    CHECK(with([](auto& more) { more.gid_map += "1 1 1\n"; }) == Names{"gid map"});
    CHECK(with([](auto& more) { more.gid_map = ""; }) == Names{"gid map"});
}

TEST_CASE("a name is told so that no terminal acts on it, and what does not stand is said first and last") {
    Case one;
    std::get<op::Bind>(one.plan.ops[5]).target = "/\033[2J";
    one.replace("ro,nosuid,nodev,relatime - ext4", "rw,nosuid,nodev,relatime - ext4");
    one.plan.degraded = {{"some\033thing", "why not"}};
    std::vector<Wall> all = walls(one.plan, one.seen, true);
    std::string text = to_json(one.plan, all);
    CHECK(text.find('\033') == std::string::npos);
    auto json = nlohmann::json::parse(text);
    CHECK(json["stands"] == false);
    CHECK(json["given_up"][0]["what"] == "some\\x1bthing");
}
