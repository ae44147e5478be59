// SPDX-License-Identifier: Apache-2.0
// Limits: by what each is kept, what is never exceeded, how memory is watched, where a cgroup is.
#include "catch.h"
#include "cli/machine.h"
#include "cli/options.h"
#include "policy/limits.h"
#include "scratch.h"
#include "spec/plan.h"

#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

using namespace ajail;
using namespace ajail::spec;

namespace {

constexpr std::uint64_t kGi = 1 << 30;
const Host kUser{.uid = 1000, .gid = 100, .landlock_abi = 6, .memory = 8 * kGi};

Spec in_deb(Limits limits = {}) {
    Spec spec;
    spec.root = {Root::overlay, {.path = "/store/fs/deb"}};
    spec.mounts = {Proc{"/proc"}};
    spec.limits = limits;
    spec.command.argv = {"true"};
    return spec;
}

Plan plan_of(const Spec& spec, const Host& host = kUser) {
    auto lowered = lower(spec, host);
    REQUIRE(std::holds_alternative<Plan>(lowered));
    return std::get<Plan>(lowered);
}

Limit limit_of(const Plan& plan, std::string_view name) {
    for (const Limit& limit : plan.limits)
        if (limit.name == name) return limit;
    FAIL("no limit " << name);
    return {};
}

const Rlimit* rlimit_of(const Plan& plan, int resource) {
    for (const Rlimit& r : plan.rlimits)
        if (r.resource == resource) return &r;
    return nullptr;
}

std::optional<std::string> pid_max_of(const Plan& plan) {
    for (const Op& op : plan.ops)
        if (auto* sysctl = std::get_if<op::Sysctl>(&op); sysctl && sysctl->target == "/proc/sys/kernel/pid_max")
            return sysctl->value;
    return std::nullopt;
}

Host with_cgroup(std::vector<std::string> controllers, bool own = false) {
    Host host = kUser;
    host.cgroup = {"/sys/fs/cgroup/mine", std::move(controllers), own};
    return host;
}

cli::RunOptions options_of(const std::string& option) {
    auto parsed = cli::parse_run({option, "true"}, nullptr);
    INFO(option);
    REQUIRE(std::holds_alternative<cli::RunOptions>(parsed));
    return std::get<cli::RunOptions>(parsed);
}

std::string wrong(const std::string& option) {
    auto parsed = cli::parse_run({option, "true"}, nullptr);
    auto* message = std::get_if<cli::Wrong>(&parsed);
    return message == nullptr ? "" : message->message;
}

} // namespace

TEST_CASE("limits stand without being asked for") {
    Plan plan = plan_of(in_deb());
    CHECK(limit_of(plan, "pids").value == 4096);
    CHECK(limit_of(plan, "pids").means == Means::rlimit);
    CHECK(limit_of(plan, "memory").value == 6 * kGi);
    CHECK(limit_of(plan, "memory").means == Means::watched);
    CHECK(plan.watched_memory == 6 * kGi);
    CHECK(limit_of(plan, "cpu").means == Means::none);
    CHECK(limit_of(plan, "disk").value == 4 * kGi);
    CHECK(limit_of(plan, "timeout").means == Means::none);
    for (int resource : {RLIMIT_CORE, RLIMIT_NICE, RLIMIT_RTPRIO}) {
        REQUIRE(rlimit_of(plan, resource) != nullptr);
        CHECK(rlimit_of(plan, resource)->hard == 0);
    }
    CHECK(rlimit_of(plan, RLIMIT_NOFILE)->soft == 1024);
    CHECK(rlimit_of(plan, RLIMIT_NOFILE)->hard == 65536);
    CHECK(rlimit_of(plan, RLIMIT_MEMLOCK)->hard == 8 << 20);
    CHECK(rlimit_of(plan, RLIMIT_NPROC)->hard == 4096);
    CHECK(rlimit_of(plan, RLIMIT_SIGPENDING)->hard == UINT64_MAX / 8);
    CHECK(rlimit_of(plan, RLIMIT_AS) == nullptr); // address space is not memory
    CHECK(rlimit_of(plan, RLIMIT_DATA) == nullptr);
    CHECK(plan.oom_score_adj == 800);
    CHECK(plan.degraded.empty());
}

TEST_CASE("no limit is above the caller's own") {
    Host host = kUser;
    host.hard = {.nproc = 100, .nofile = 512, .memlock = 65536, .data = kGi};
    host.oom_score_adj = 1000;
    Plan plan = plan_of(in_deb({.memory = {.bytes = 2 * kGi}}), host);
    CHECK(rlimit_of(plan, RLIMIT_NPROC)->hard == 100);
    CHECK(rlimit_of(plan, RLIMIT_NOFILE)->soft == 512);
    CHECK(rlimit_of(plan, RLIMIT_NOFILE)->hard == 512);
    CHECK(rlimit_of(plan, RLIMIT_MEMLOCK)->soft == 65536);
    CHECK(rlimit_of(plan, RLIMIT_DATA)->hard == kGi);
    CHECK(plan.oom_score_adj == 1000);
    CHECK(limit_of(plan, "pids").value == 100);
}

TEST_CASE("of what the kernel counts for all that is the caller's, a jail gets a part") {
    auto signals = [](std::uint64_t hard) {
        Host host = kUser;
        host.hard.sigpending = hard;
        return rlimit_of(plan_of(in_deb(), host), RLIMIT_SIGPENDING)->hard;
    };
    CHECK(signals(96000) == 12000);
    CHECK(signals(4000) == 1024);
    CHECK(signals(500) == 500);
    auto watchers = [](Inotify inotify, bool bare = false) {
        Host host = kUser;
        host.inotify = inotify;
        Spec spec = in_deb();
        spec.bare = bare;
        if (bare) spec.user = User{1000, 100};
        std::string all;
        for (const Op& op : plan_of(spec, host).ops)
            if (auto* sysctl = std::get_if<op::Sysctl>(&op);
                sysctl && sysctl->target.find("inotify") != std::string::npos)
                all += sysctl->target.substr(sysctl->target.rfind('_')) + "=" + sysctl->value;
        return all;
    };
    CHECK(watchers({128, 8192}) == "_instances=64_watches=4096");
    CHECK(watchers({1, 8192}) == "_instances=1_watches=4096");
    CHECK(watchers({}).empty()); // a kernel without
    CHECK(watchers({128, 8192}, true).empty());
}

TEST_CASE("each limit can be switched off") {
    Spec spec = in_deb({.pids = kUnlimited, .memory = {.bytes = kUnlimited}});
    spec.scratch.size.bytes = kUnlimited;
    Plan plan = plan_of(spec);
    for (const Limit& limit : plan.limits) CHECK(limit.means == Means::none);
    CHECK(rlimit_of(plan, RLIMIT_NPROC) == nullptr);
    CHECK(plan.watched_memory == 0);
    CHECK(plan.scratch.files == kUnlimited);
}

TEST_CASE("what bwrap's caller has not asked for is not limited") {
    Spec spec = in_deb();
    spec.bare = true;
    spec.user = User{1000, 100};
    Plan plan = plan_of(spec);
    CHECK(plan.limits.empty());
    CHECK(plan.rlimits.empty());
    CHECK(plan.scratch.size == 0);
    CHECK_FALSE(plan.oom_score_adj);
}

TEST_CASE("many users in a jail have one limit on processes together") {
    Host root = kUser;
    root.uid = root.gid = 0;
    root.real_root = true;
    SECTION("of the pid namespace") {
        root.own_pid_max = true;
        Plan plan = plan_of(in_deb({.pids = 500}), root);
        CHECK(limit_of(plan, "pids").means == Means::pidns);
        CHECK(pid_max_of(plan) == "800"); // the kernel gives the first 300 only once
        CHECK(rlimit_of(plan, RLIMIT_NPROC)->hard == 500);
        CHECK(pid_max_of(plan_of(in_deb({.pids = 1ULL << 40}), root)) == "4194304"); // as high as it goes
        CHECK_FALSE(pid_max_of(plan_of(in_deb({.pids = kUnlimited}), root)));
    }
    SECTION("or it is said that they have not") {
        Plan plan = plan_of(in_deb(), root);
        CHECK(limit_of(plan, "pids").means == Means::rlimit);
        REQUIRE(plan.degraded.size() == 1);
        CHECK(plan.degraded[0].what.find("processes") != std::string::npos);
    }
    SECTION("also of the cgroup") {
        root.cgroup = with_cgroup({"pids"}).cgroup;
        root.own_pid_max = true;
        Plan plan = plan_of(in_deb(), root);
        CHECK(limit_of(plan, "pids").means == Means::cgroup);
        CHECK_FALSE(pid_max_of(plan));
        CHECK(plan.degraded.empty());
    }
    SECTION("not the machine's pid_max") {
        root.own_pid_max = true;
        Spec spec = in_deb();
        spec.mounts.clear();
        CHECK_FALSE(pid_max_of(plan_of(spec, root)));
    }
}

TEST_CASE("one user needs no limit of the pid namespace") {
    Host host = kUser;
    host.own_pid_max = true;
    CHECK_FALSE(pid_max_of(plan_of(in_deb(), host)));
}

TEST_CASE("a cgroup comes first") {
    Limits limits{.pids = 10, .memory = {.bytes = kGi + 5}, .cpu = 50};
    Plan plan = plan_of(in_deb(limits), with_cgroup({"memory", "pids", "cpu"}));
    std::string settings;
    for (const auto& s : plan.cgroup.settings) settings += s.file + "=" + s.value + (s.if_there ? "? " : " ");
    CHECK(settings ==
          "pids.max=10 memory.max=1073741824 memory.swap.max=0? memory.oom.group=1 cpu.max=50000 100000 ");
    CHECK(plan.cgroup.directory == "/sys/fs/cgroup/mine");
    CHECK(plan.cgroup.enable.empty());
    CHECK(plan.watched_memory == 0);
    CHECK(rlimit_of(plan, RLIMIT_DATA) == nullptr);
    CHECK(rlimit_of(plan, RLIMIT_NPROC)->hard == 10);
    CHECK(plan.cpus.empty());

    plan = plan_of(in_deb(), with_cgroup({"memory", "pids", "cpu"}, true));
    CHECK(plan.cgroup.enable == std::vector<std::string>{"pids", "memory"});

    plan = plan_of(in_deb(), with_cgroup({"hugetlb"}));
    CHECK(plan.cgroup.directory.empty());
    CHECK(limit_of(plan, "memory").means == Means::watched);
}

TEST_CASE("memory that was asked for is also one process' limit, and half of it the scratch's") {
    Plan plan = plan_of(in_deb({.memory = {.bytes = kGi}}));
    CHECK(plan.watched_memory == kGi);
    CHECK(rlimit_of(plan, RLIMIT_DATA)->hard == kGi);
    CHECK(plan.scratch.size == kGi / 2);
    CHECK(plan_of(in_deb({.memory = {.percent = 25}})).watched_memory == 2 * kGi);
}

TEST_CASE("scratch is half of the memory that the caller may use") {
    Spec spec = in_deb();
    Host host = kUser;
    host.memory_limit = kGi;
    CHECK(plan_of(spec, host).scratch.size == kGi / 2);
    CHECK(plan_of(spec, host).scratch.files == 131072); // one for each page
    CHECK(plan_of(spec, host).watched_memory == kGi / 4 * 3);
    spec.scratch.size.bytes = 64 * kGi;
    CHECK(plan_of(spec, host).scratch.size == 64 * kGi);
    CHECK(plan_of(spec, host).scratch.files == 1 << 20);
    spec.scratch.size.bytes = 1024;
    CHECK(plan_of(spec, host).scratch.files == 8192);
    spec.scratch.size = {.percent = 10};
    CHECK(plan_of(spec).scratch.size == 8 * kGi / 10);
    host.memory = host.memory_limit = 0; // not known
    spec.scratch.size = {};
    CHECK(plan_of(spec, host).scratch.size == 0);
}

TEST_CASE("on disk there is no limit, and who asks for one hears it") {
    Spec spec = in_deb();
    spec.scratch.directory = "/disk";
    CHECK(limit_of(plan_of(spec), "disk").means == Means::none);
    CHECK(plan_of(spec).scratch.size == 0);
    spec.scratch.size.bytes = kGi;
    CHECK(std::holds_alternative<Refusal>(lower(spec, kUser)));
}

TEST_CASE("CPUs without a cgroup: whole ones, which the payload cannot change") {
    Host host = kUser;
    host.cpus = {1, 4, 7};
    host.cpu = 2;
    Plan plan = plan_of(in_deb({.cpu = 200}), host);
    CHECK(plan.cpus == std::vector<unsigned>{1, 7});
    CHECK(limit_of(plan, "cpu").means == Means::affinity);
    CHECK(plan.filters.back() == "-sched_setaffinity");
    CHECK(plan_of(in_deb({.cpu = 900}), host).cpus == host.cpus);
    CHECK(std::holds_alternative<Refusal>(lower(in_deb({.cpu = 150}), host)));
    CHECK(std::holds_alternative<Refusal>(lower(in_deb({.cpu = 100}), kUser)));
    Spec unfiltered = in_deb({.cpu = 100});
    unfiltered.policy.seccomp = Seccomp::off;
    CHECK(plan_of(unfiltered, host).degraded.size() == 2); // that, and set-id bits
}

TEST_CASE("limits on the command line") {
    CHECK(options_of("--pids=64").limits.pids == 64);
    CHECK(options_of("--pids=none").limits.pids == kUnlimited);
    CHECK(options_of("--memory=512k").limits.memory == Amount{.bytes = 512 << 10});
    CHECK(options_of("--memory=1.5G").limits.memory == Amount{.bytes = kGi / 2 * 3});
    CHECK(options_of("--memory=30%").limits.memory == Amount{.percent = 30});
    CHECK(options_of("--memory=none").limits.memory == Amount{.bytes = kUnlimited});
    CHECK(options_of("--cpu=2").limits.cpu == 200);
    CHECK(options_of("--cpu=0.5").limits.cpu == 50);
    CHECK(options_of("--cpu=150%").limits.cpu == 150);
    CHECK(options_of("--cpu=none").limits.cpu == 0);
    CHECK(options_of("--timeout=90").limits.timeout == 90000);
    CHECK(options_of("--timeout=0.25s").limits.timeout == 250);
    CHECK(options_of("--timeout=1.5m").limits.timeout == 90000);
    CHECK(options_of("--timeout=2h").limits.timeout == 7200000);
    CHECK(options_of("--timeout=1d").limits.timeout == 86400000);
    CHECK(options_of("--timeout=none").limits.timeout == 0);
    CHECK(options_of("--disk=1g").scratch.size == Amount{.bytes = kGi});
    CHECK(options_of("--scratch=tmpfs:1g").scratch.size == Amount{.bytes = kGi});
    CHECK(options_of("--scratch=tmpfs:none").scratch.size == Amount{.bytes = kUnlimited});
    CHECK(options_of("--scratch=/d").scratch.directory == "/d");
    for (const char* option : {"--pids=0",
                               "--pids=-1",
                               "--pids=1k",
                               "--pids=0.5",
                               "--pids=99999999999999999999",
                               "--memory=0m",
                               "--memory=100",
                               "--memory=101%",
                               "--memory=0%",
                               "--memory=1t",
                               "--memory=.5g",
                               "--memory=1.g",
                               "--memory=m",
                               "--memory=999999999999g",
                               "--cpu=0",
                               "--cpu=0%",
                               "--cpu=two",
                               "--timeout=0",
                               "--timeout=5x",
                               "--timeout=1s2",
                               "--timeout=-5",
                               "--disk=0g",
                               "--disk=1 g",
                               "--scratch=tmpfs:",
                               "--scratch=tmpfs:0g"}) {
        INFO(option);
        CHECK(wrong(option).find("should be") != std::string::npos);
    }
}

TEST_CASE("the nearer the limit, the sooner the next look") {
    CHECK(policy::milliseconds_until(0, 64 * kGi, 2) == 1000);
    CHECK(policy::milliseconds_until(60 * kGi, 64 * kGi, 2) < 600);
    CHECK(policy::milliseconds_until(60 * kGi, 64 * kGi, 2) > 400);
    CHECK(policy::milliseconds_until(64 * kGi, 64 * kGi, 2) == 10);
    CHECK(policy::milliseconds_until(65 * kGi, 64 * kGi, 2) == 10);
    CHECK(policy::milliseconds_until(0, kGi, 0) > 10);
}

namespace {

void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
}

void make_cgroup(const std::string& dir, const std::string& procs, const std::string& enabled) {
    put(dir + "/cgroup.procs", procs);
    put(dir + "/cgroup.controllers", "cpu memory pids\n");
    put(dir + "/cgroup.type", "domain\n");
    put(dir + "/cgroup.subtree_control", enabled);
}

} // namespace

TEST_CASE("a cgroup that others can be made in") {
    tests::Scratch scratch;
    const std::string mount = scratch.path();
    make_cgroup(mount + "/given", "", "memory pids\n");
    make_cgroup(mount + "/given/a", "1\n2\n", "");
    spec::Cgroup found = cli::look_for_cgroup(mount, "/given/a", 1);
    CHECK(found.directory == mount + "/given");
    CHECK(found.controllers == std::vector<std::string>{"memory", "pids"});
    CHECK_FALSE(found.own);

    make_cgroup(mount + "/alone", "7\n", "");
    found = cli::look_for_cgroup(mount, "/alone", 7);
    CHECK(found.directory == mount + "/alone");
    CHECK(found.own);
    CHECK(found.controllers.size() == 3);
    CHECK(cli::look_for_cgroup(mount, "/alone", 8).directory.empty()); // somebody else is in it

    make_cgroup(mount + "/app.slice", "", "memory pids\n");
    make_cgroup(mount + "/app.slice/a", "1\n2\n", "");
    CHECK(cli::look_for_cgroup(mount, "/app.slice/a", 1).directory.empty()); // systemd's own
    CHECK(cli::look_for_cgroup(mount, "/", 1).directory.empty());
    put(mount + "/cgroup.procs", "");
    put(mount + "/cgroup.subtree_control", "memory pids\n");
    make_cgroup(mount + "/b", "1\n2\n", "");
    CHECK(cli::look_for_cgroup(mount, "/b", 1).directory.empty()); // the machine's topmost
    put(mount + "/cgroup.type", "domain\n");
    CHECK(cli::look_for_cgroup(mount, "/b", 1).directory == mount); // a container's
    CHECK(cli::look_for_cgroup(mount, "/../given/a", 1).directory.empty());
    CHECK(cli::look_for_cgroup(mount, "/nowhere/a", 1).directory.empty());
}

TEST_CASE("more processes than the caller may have are told") {
    Host host = kUser;
    host.hard.nproc = 500;
    CHECK(plan_of(in_deb({.pids = 500}), host).degraded.empty());
    CHECK(plan_of(in_deb(), host).degraded.empty()); // nobody has asked
    Plan plan = plan_of(in_deb({.pids = 501}), host);
    REQUIRE(plan.degraded.size() == 1);
    CHECK(plan.degraded[0].what == "a limit of 501 processes");
    CHECK(plan.degraded[0].why == "your own is 500 (ulimit -Hu)");
}

TEST_CASE("limits have units for people") {
    Plan plan = plan_of(in_deb({.memory = {.bytes = kGi}, .timeout = 9000}));
    std::string text = to_text(plan);
    for (const char* line :
         {"limit        pids 4096 (rlimit)\n", "limit        memory 1073741824 bytes (watched)\n",
          "limit        timeout 9000 ms (monitor)\n", "limit        disk 536870912 bytes (tmpfs)\n"})
        CHECK(text.find(line) != std::string::npos);
    Spec half = in_deb({.cpu = 50});
    CHECK(to_text(plan_of(half, with_cgroup({"cpu"}))).find("limit        cpu 50% (cgroup)\n") != std::string::npos);
}
