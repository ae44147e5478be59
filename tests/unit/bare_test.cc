// SPDX-License-Identifier: Apache-2.0
// lower() where the Spec is bare: only what was asked for is in the Plan, and all of it.
#include "catch.h"
#include "spec/plan.h"

#include <linux/capability.h>

using namespace ajail::spec;

namespace {

Host host() {
    Host host;
    host.uid = 1000;
    host.gid = 100;
    host.landlock_abi = 7;
    host.tty = {true, true, true};
    return host;
}

Spec bare() {
    Spec spec;
    spec.bare = true;
    spec.user = User{1000, 100, {}};
    spec.shared = {.pid = true, .network = true, .ipc = true, .uts = true, .cgroup = true};
    spec.hostname = std::nullopt;
    spec.policy.nested = true;
    spec.command.argv = {"true"};
    return spec;
}

Plan plan_of(const Spec& spec, const Host& here = host()) {
    auto lowered = lower(spec, here);
    REQUIRE(std::holds_alternative<Plan>(lowered));
    return std::get<Plan>(lowered);
}

template <class T> const T& at(const Plan& plan, std::size_t index) {
    REQUIRE(index < plan.ops.size());
    REQUIRE(std::holds_alternative<T>(plan.ops[index]));
    return std::get<T>(plan.ops[index]);
}

Source dir(const char* path) { return {.path = path, .resolve = Resolve::real}; }

} // namespace

TEST_CASE("bare: nothing of ajail's own choice") {
    Plan plan = plan_of(bare());
    CHECK(plan.ops.size() == 1);
    CHECK(at<op::Directory>(plan, 0).target == "/");
    CHECK(plan.filters.empty());
    CHECK(plan.landlock_abi == 0);
    CHECK(plan.degraded.empty());
    CHECK(plan.caps == 0);
    CHECK_FALSE(plan.caller_caps);
    CHECK_FALSE(plan.new_session);
    CHECK_FALSE(plan.own_keyring);
    CHECK(plan.descriptors);
    CHECK(plan.host_targets);
    CHECK(plan.terminal == Terminal::callers);
    CHECK(plan.init == Init::none);
    CHECK_FALSE(plan.hostname);
    CHECK(plan.uids == IdMaps{{1000, 1000, 1}});
    CHECK(plan.gids == IdMaps{{100, 100, 1}});
}

TEST_CASE("bare: who stands between monitor and payload") {
    Spec spec = bare();
    SECTION("an own pid namespace has a reaper") {
        spec.shared.pid = false;
        CHECK(plan_of(spec).init == Init::reaper);
    }
    SECTION("unless the payload is PID 1 itself") {
        spec.shared.pid = false;
        spec.supervise.as_pid_1 = true;
        CHECK(plan_of(spec).init == Init::none);
    }
    SECTION("somebody must hold a lock") {
        spec.supervise.locks = {"/lock"};
        CHECK(plan_of(spec).init == Init::reaper);
    }
    SECTION("or a descriptor") {
        spec.supervise.sync = {5};
        CHECK(plan_of(spec).init == Init::reaper);
    }
}

TEST_CASE("bare: ids") {
    Spec spec = bare();
    SECTION("are called what the Spec says") {
        spec.user = User{0, 5, {}};
        Plan plan = plan_of(spec);
        CHECK(plan.uids == IdMaps{{0, 1000, 1}});
        CHECK(plan.gids == IdMaps{{5, 100, 1}});
        CHECK_FALSE(plan.user);
    }
    SECTION("also real root's, and without an unassigned range") {
        Host here = host();
        here.uid = here.gid = 0;
        here.real_root = true;
        spec.user = User{0, 0, {}};
        spec.mounts = {Bind{.source = dir("/srv"), .target = "/srv", .writable = true}};
        Plan plan = plan_of(spec, here);
        CHECK_FALSE(plan.real_root);
        CHECK(plan.uids == IdMaps{{0, 0, 1}});
        CHECK_FALSE(at<op::Bind>(plan, 1).idmap);
    }
    SECTION("no map without a user namespace of its own") {
        SECTION("shared") { spec.shared.user = true; }
        SECTION("entered") { spec.enter.userns = 7; }
        SECTION("mapped by the caller") { spec.supervise.ids = 7; }
        CHECK(plan_of(spec).uids.empty());
    }
    SECTION("in an entered one they are changed to") {
        spec.enter.userns = 7;
        spec.user = User{3, 4, {}};
        Plan plan = plan_of(spec);
        REQUIRE(plan.user);
        CHECK(plan.user->uid == 3);
    }
}

TEST_CASE("bare: the root") {
    Spec spec = bare();
    spec.mounts = {Bind{.source = dir("/"), .target = "/"}, Bind{.source = dir("/srv"), .target = "/srv"}};
    SECTION("that is covered at once needs no ground") {
        Plan plan = plan_of(spec);
        CHECK(plan.ops.size() == 2);
        CHECK(at<op::Bind>(plan, 0).target == "/");
    }
    SECTION("that is covered later does") {
        std::swap(spec.mounts[0], spec.mounts[1]);
        Plan plan = plan_of(spec);
        CHECK(plan.ops.size() == 3);
        CHECK(at<op::Directory>(plan, 0).target == "/");
        CHECK(at<op::Bind>(plan, 2).target == "/");
    }
}

TEST_CASE("bare: proc is the host's without a pid namespace, and its knobs are covered for real root") {
    Spec spec = bare();
    spec.mounts = {Proc{"/proc"}};
    CHECK(host_path(at<op::Bind>(plan_of(spec), 1).source) == "/proc");
    spec.shared.pid = false;
    CHECK(at<op::Filesystem>(plan_of(spec), 1).type == "proc");
    CHECK(plan_of(spec).ops.size() == 2);
    spec.shared.pid = true;
    spec.enter.pidns = 5;
    CHECK(at<op::Filesystem>(plan_of(spec), 1).type == "proc");
    Host here = host();
    here.real_root = true;
    CHECK(at<op::Restrict>(plan_of(spec, here), 2).target == "/proc/sys");
}

TEST_CASE("bare: modes of what is made, and of the directories above") {
    Spec spec = bare();
    auto parents = [&](Mount mount) {
        spec.mounts = {std::move(mount)};
        return std::visit(
            [](const auto& o) -> unsigned {
                if constexpr (requires { o.parents; }) return o.parents;
                else return 0;
            },
            plan_of(spec).ops.at(1));
    };
    CHECK(parents(Directory{"/a/b", 0755}) == 0755);
    CHECK(parents(Directory{"/a/b", 0750}) == 0750);
    CHECK(parents(Directory{"/a/b", 0710}) == 0750);
    CHECK(parents(Directory{"/a/b", 0705}) == 0705);
    CHECK(parents(Directory{"/a/b", 0}) == 0700);
    CHECK(parents(Data{"/a/b", "", 0666, Data::written}) == 0755);
    CHECK(parents(Data{"/a/b", "", 0600, Data::mounted}) == 0700);
    CHECK(parents(Tmpfs{"/a/b", 01777}) == 0755);
    CHECK(parents(Mqueue{"/a/b"}) == 0700);
}

TEST_CASE("bare: a tmpfs has the size that was asked for, and no other") {
    Spec spec = bare();
    spec.mounts = {Tmpfs{"/a", 01777, 4096}, Tmpfs{"/b"}};
    Plan plan = plan_of(spec);
    using Options = std::vector<std::pair<std::string, std::string>>;
    CHECK(at<op::Filesystem>(plan, 1).options == Options{{"mode", "1777"}, {"size", "4096"}});
    CHECK(at<op::Filesystem>(plan, 2).options == Options{{"mode", "755"}});
}

TEST_CASE("bare: layers") {
    Spec spec = bare();
    spec.mounts = {Layers{Layers::none, {dir("/1"), dir("/2")}, {}, {}, "/o"},
                   Layers{Layers::kept, {dir("/1")}, dir("/u"), dir("/w"), "/o"},
                   Layers{Layers::thrown_away, {dir("/1")}, {}, {}, "/o"}};
    Plan plan = plan_of(spec);
    CHECK(at<op::Overlay>(plan, 1).lowers.size() == 2);
    CHECK_FALSE(at<op::Overlay>(plan, 1).attr.writable);
    CHECK(at<op::Overlay>(plan, 2).upper.path == "/u");
    CHECK(at<op::Overlay>(plan, 2).work.path == "/w");
    CHECK(at<op::Overlay>(plan, 3).mode == 0755U);
    CHECK(at<op::Overlay>(plan, 3).attr.writable);
}

TEST_CASE("bare: capabilities") {
    Spec spec = bare();
    SECTION("what is added must survive exec, and a second level locks the mounts under CAP_SYS_ADMIN") {
        spec.policy.add_caps = {CAP_CHOWN};
        CHECK(plan_of(spec).ambient);
        CHECK_FALSE(plan_of(spec).second_userns);
        spec.policy.add_caps = {CAP_CHOWN, CAP_SYS_ADMIN};
        CHECK(plan_of(spec).second_userns);
        SECTION("which a jail without a user namespace cannot have") {
            spec.shared.user = true;
            CHECK_FALSE(plan_of(spec).second_userns);
        }
    }
    SECTION("but not where root has it without having asked: others enter its namespaces") {
        spec.policy.add_caps = {CAP_SYS_ADMIN};
        spec.policy.caller_caps = true;
        CHECK_FALSE(plan_of(spec).second_userns);
        spec.policy.nested = false; // then it could raise the limit
        CHECK(plan_of(spec).second_userns);
    }
    SECTION("root's stay as they are, where no user namespace gives a new bounding set") {
        spec.policy.caller_caps = true;
        spec.policy.add_caps = {CAP_CHOWN};
        CHECK_FALSE(plan_of(spec).caller_caps);
        CHECK(plan_of(spec).caps == 1);
        CHECK_FALSE(plan_of(spec).ambient);
        spec.shared.user = true;
        CHECK(plan_of(spec).caller_caps);
    }
}

TEST_CASE("bare: user namespaces are limited where asked, by a limit that the payload cannot raise") {
    Spec spec = bare();
    spec.policy.nested = false;
    spec.policy.assert_not_nested = true;
    CHECK(at<op::Sysctl>(plan_of(spec), 1).value == "0");
    CHECK(at<op::Sysctl>(plan_of(spec), 1).old_root);
    CHECK(plan_of(spec).assert_no_userns);
    spec.policy.add_caps = {CAP_SYS_RESOURCE};
    CHECK(plan_of(spec).second_userns);
    CHECK(at<op::Sysctl>(plan_of(spec), 1).value == "1");
}

TEST_CASE("bare: the command is searched as execvp does, and may be called otherwise") {
    Spec spec = bare();
    spec.command.argv = {"name", "arg"};
    spec.command.file = "sh";
    CHECK(plan_of(spec).exec.candidates == std::vector<std::string>{"/bin/sh", "/usr/bin/sh"});
    CHECK(plan_of(spec).exec.argv[0] == "name");
    spec.command.env = {{"PATH", "/x"}};
    CHECK(plan_of(spec).exec.candidates == std::vector<std::string>{"/x/sh"});
    CHECK(plan_of(spec).exec.pwd);
}
