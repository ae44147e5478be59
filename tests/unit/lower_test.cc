// SPDX-License-Identifier: Apache-2.0
// lower(): order, safe zero values, what is given up and what is refused, ids.
#include "catch.h"
#include "spec/plan.h"

#include <algorithm>
#include <linux/capability.h>

using namespace ajail::spec;

namespace {

const Host kUser{.uid = 1000, .gid = 100, .real_root = false, .landlock_abi = 6, .overlay = true, .tty = {}};
const Host kRoot{.uid = 0, .gid = 0, .real_root = true, .landlock_abi = 6, .overlay = true, .tty = {}};

Spec in_deb() {
    Spec spec;
    spec.root = {Root::overlay, {.path = "/store/fs/deb"}};
    spec.command.argv = {"true"};
    return spec;
}

Plan plan_of(const Spec& spec, const Host& host = kUser) {
    auto lowered = lower(spec, host);
    REQUIRE(std::holds_alternative<Plan>(lowered));
    return std::get<Plan>(lowered);
}

template <class T> std::vector<T> all(const Plan& plan) {
    std::vector<T> found;
    for (const Op& op : plan.ops)
        if (auto* one = std::get_if<T>(&op)) found.push_back(*one);
    return found;
}

template <class T> const T& at(const Plan& plan, std::size_t index) {
    REQUIRE(index < plan.ops.size());
    REQUIRE(std::holds_alternative<T>(plan.ops[index]));
    return std::get<T>(plan.ops[index]);
}

std::uint64_t bit(int cap) { return std::uint64_t{1} << cap; }
bool has(const std::vector<std::string>& list, const char* what) {
    return std::find(list.begin(), list.end(), what) != list.end();
}

} // namespace

TEST_CASE("the root comes first, and mounts stay in order") {
    Spec spec = in_deb();
    spec.mounts = {Tmpfs{"/a"}, Bind{{.path = "/x"}, "/a/b"}, Mask{"/a/b/c"}, Symlink{"/l", "t"},
                   Bind{.source = {.path = "/y"}, .target = "/a", .writable = true}};
    Plan plan = plan_of(spec);
    REQUIRE(plan.ops.size() == 6);
    std::vector<std::string> targets;
    for (const Op& op : plan.ops) targets.push_back(target_of(op));
    CHECK(targets == std::vector<std::string>{"/", "/a", "/a/b", "/a/b/c", "/l", "/a"});
}

TEST_CASE("the zero value of everything is the tightest") {
    CHECK(Attr{} == Attr{.writable = false, .devices = false, .setuid = false, .exec = false});
    Spec spec = in_deb();
    spec.mounts = {Bind{{.path = "/x"}, "/x"}};
    Plan plan = plan_of(spec);
    CHECK(at<op::Bind>(plan, 1).attr == Attr{.exec = true});
    CHECK_FALSE(plan.shared.network);
    CHECK_FALSE(plan.second_userns);
    CHECK(plan.terminal == Terminal::none);
}

TEST_CASE("no mount of any plan is set-user-ID, and devices work only where they were asked for") {
    for (const Host& host : {kUser, kRoot}) {
        Spec spec = in_deb();
        spec.mounts = {Proc{"/proc"},
                       Dev{"/dev"},
                       Tmpfs{"/t"},
                       Overlay{{.path = "/o"}, "/o"},
                       Bind{.source = {.path = "/x"}, .target = "/x", .writable = true},
                       Bind{.source = {.path = "/d"}, .target = "/d", .writable = true, .devices = true}};
        for (const Op& op : plan_of(spec, host).ops)
            std::visit(
                [](const auto& o) {
                    if constexpr (requires { o.attr; }) {
                        CHECK_FALSE(o.attr.setuid);
                        bool device = o.target.starts_with("/dev/") || o.target == "/d";
                        if (!device) CHECK_FALSE(o.attr.devices);
                    }
                },
                op);
    }
}

TEST_CASE("a bind grants what it says and no more") {
    Spec spec = in_deb();
    spec.mounts = {Bind{.source = {.path = "/w"}, .target = "/w", .writable = true},
                   Bind{.source = {.path = "/d"}, .target = "/d", .writable = true, .devices = true}};
    Plan plan = plan_of(spec);
    CHECK(at<op::Bind>(plan, 1).attr == Attr{.writable = true, .exec = true});
    CHECK(at<op::Bind>(plan, 2).attr == Attr{.writable = true, .devices = true, .exec = true});
    CHECK_FALSE(at<op::Bind>(plan, 1).edit);
}

TEST_CASE("the kinds of root") {
    Spec spec = in_deb();
    CHECK(at<op::Overlay>(plan_of(spec), 0).target == "/");
    spec.root.kind = Root::writable;
    Plan plan = plan_of(spec);
    CHECK(at<op::Bind>(plan, 0).attr.writable);
    CHECK(at<op::Bind>(plan, 0).edit);
    spec.root = {};
    CHECK(at<op::Directory>(plan_of(spec), 0).target == "/");
}

TEST_CASE("one id: root inside, or the caller's own") {
    Plan plan = plan_of(in_deb());
    CHECK(plan.uids.at(0).inside == 0);
    CHECK(plan.uids.at(0).outside == 1000);
    CHECK(plan.uids.at(0).count == 1);
    CHECK(plan.gids.at(0).outside == 100);
    CHECK_FALSE(plan.ambient);
    CHECK(has(plan.filters, "default+noted,terminal+init,root+noted+setid+listener"));

    Spec spec;
    spec.identity = Identity::self;
    plan = plan_of(spec);
    CHECK(plan.uids.at(0).inside == 1000);
    CHECK(plan.gids.at(0).inside == 100);
    CHECK(plan.caps == 0);
    CHECK(has(plan.filters, "default+noted,terminal+init+noted+setid+listener")); // no root to answer for
    spec.policy.add_caps = {CAP_NET_ADMIN};
    plan = plan_of(spec);
    CHECK(plan.caps == bit(CAP_NET_ADMIN));
    CHECK(plan.ambient);
}

TEST_CASE("real root is never mapped, and its directories come id-mapped") {
    for (Identity identity : {Identity::root, Identity::self}) {
        Spec spec = in_deb();
        spec.identity = identity;
        Source system{.path = "/usr", .system = true};
        spec.mounts = {Bind{.source = {.path = "/p"}, .target = "/p", .writable = true},
                       Overlay{{.path = "/o"}, "/o"}, Overlay{system, "/usr"},
                       Bind{.source = {.path = "/d"}, .target = "/d", .writable = true, .devices = true},
                       Dev{"/dev"}};
        Plan plan = plan_of(spec, kRoot);
        CHECK(plan.real_root);
        for (const IdMaps& maps : {plan.uids, plan.gids}) {
            REQUIRE(maps.size() == 1);
            const IdMap& map = maps[0];
            CHECK(map.inside == 0);
            CHECK(map.outside == kRootRangeBase);
            CHECK(map.count == kRootRangeCount);
        }
        CHECK(at<op::Overlay>(plan, 0).idmap);
        CHECK(at<op::Bind>(plan, 1).idmap);
        CHECK(at<op::Overlay>(plan, 2).idmap);
        CHECK_FALSE(at<op::Overlay>(plan, 3).idmap); // the host's system is not the payload's own
        CHECK(at<op::Bind>(plan, 4).idmap);          // devices of its own; those below /dev cannot be (devtmpfs)
        // It has its range, no id is faked.
        CHECK(has(plan.filters, "default+noted,terminal+init,devices+noted+setid+listener"));
        for (const auto& bind : all<op::Bind>(plan))
            if (bind.target.starts_with("/dev/")) CHECK_FALSE(bind.idmap);
    }
    for (const auto& bind : all<op::Bind>(plan_of(in_deb()))) CHECK_FALSE(bind.idmap);
}

TEST_CASE("an overlay of a file is one of its directory that shows only the file") {
    struct {
        const char *path, *dir, *entry;
    } cases[] = {{"/etc/hosts", "/etc", "hosts"},
                 {"/f", "/", "f"},
                 {"f", ".", "f"},
                 {"a/b/f", "a/b", "f"},
                 {"/a b/c,d:\n", "/a b", "c,d:\n"}};
    for (const auto& c : cases) {
        Spec spec = in_deb();
        spec.mounts = {Overlay{{.path = c.path, .directory = false}, "/t"}};
        const auto plan = plan_of(spec);
        const auto& overlay = at<op::Overlay>(plan, 1);
        CHECK(overlay.lowers.at(0).path == c.dir);
        CHECK(overlay.entry == c.entry);
        CHECK(overlay.lowers.at(0).directory);
        CHECK(overlay.target == "/t");
    }
}

TEST_CASE("an overlay that cannot be is read-only, and said to be given up") {
    Spec spec = in_deb();
    spec.mounts = {Overlay{{.path = "/o", .submounts = true}, "/o"}};
    Plan plan = plan_of(spec);
    CHECK(at<op::Bind>(plan, 1).attr == Attr{.exec = true});
    REQUIRE(plan.degraded.size() == 1);
    CHECK(plan.degraded[0].what == "writing to /o");

    spec.mounts = {Overlay{{.path = "/o"}, "/o"}};
    CHECK(plan_of(spec).degraded.empty());
    Host none = kUser;
    none.overlay = false;
    spec.root = {};
    plan = plan_of(spec, none);
    CHECK_FALSE(at<op::Bind>(plan, 1).attr.writable);
    CHECK(plan.degraded.size() == 1);
}

TEST_CASE("a throw-away root without overlayfs is refused: it may not become a writable one") {
    Host none = kUser;
    none.overlay = false;
    auto lowered = lower(in_deb(), none);
    REQUIRE(std::holds_alternative<Refusal>(lowered));
    CHECK(std::get<Refusal>(lowered).message.find("overlay") != std::string::npos);
    Spec writable = in_deb();
    writable.root.kind = Root::writable;
    CHECK(std::holds_alternative<Plan>(lower(writable, none)));
}

TEST_CASE("capabilities: a package manager's, what was added, never more") {
    std::uint64_t caps = plan_of(in_deb()).caps;
    for (int cap : {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_SETUID, CAP_SETGID}) CHECK((caps & bit(cap)) != 0);
    for (int cap : {CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_NET_ADMIN, CAP_NET_RAW, CAP_MKNOD, CAP_SYS_MODULE, CAP_BPF,
                    CAP_PERFMON, CAP_SYS_RAWIO, CAP_DAC_READ_SEARCH})
        CHECK((caps & bit(cap)) == 0);
    Spec spec = in_deb();
    spec.policy.add_caps = {CAP_SYS_PTRACE};
    CHECK(plan_of(spec).caps == (caps | bit(CAP_SYS_PTRACE)));
}

TEST_CASE("who may mount gets a second user namespace, and loses Landlock for files") {
    Spec spec = in_deb();
    spec.mounts = {Proc{"/proc"}};
    CHECK(all<op::Sysctl>(plan_of(spec)).at(0).value == "0");
    spec.policy.add_caps = {CAP_SYS_ADMIN};
    Plan plan = plan_of(spec);
    CHECK(plan.second_userns);
    CHECK(plan.landlock_abi == 6); // its scopes stay
    CHECK_FALSE(plan.landlock_files);
    REQUIRE(plan.degraded.size() == 2);
    CHECK(plan.degraded[0].what == "Landlock for files");
    CHECK(all<op::Sysctl>(plan).at(0).value == "1"); // the second level is already counted
    spec.policy.nested = true;
    CHECK(all<op::Sysctl>(plan_of(spec)).at(0).value == "17");
}

TEST_CASE("a kernel without Landlock is said to be one") {
    Host none = kUser;
    none.landlock_abi = 0;
    Plan plan = plan_of(in_deb(), none);
    CHECK(plan.landlock_abi == 0);
    REQUIRE(plan.degraded.size() == 1);
    CHECK(plan.degraded[0].what == "Landlock");
    CHECK(plan_of(in_deb()).landlock_abi == 6);
    CHECK(plan_of(in_deb()).landlock_files);
    // Without scopes, a shared network is a way to the host's abstract sockets, and that is said.
    Spec spec = in_deb();
    spec.shared.network = true;
    none.landlock_abi = 5;
    CHECK(plan_of(spec, none).degraded.size() == 1);
    CHECK(plan_of(spec).degraded.empty());
}

TEST_CASE("seccomp: the allowlist, the terminal's, the root emulation unless refused, and what is denied last") {
    using Names = std::vector<std::string>;
    CHECK(plan_of(in_deb()).filters == Names{"default+noted,terminal+init,root+noted+setid+listener"});
    Spec spec = in_deb();
    spec.policy.unsynced = true;
    CHECK(plan_of(spec).filters == Names{"default+noted", "terminal+init+unsynced", "root+noted+setid+listener"});
    spec.policy = {.no_root_emulation = true};
    CHECK(plan_of(spec).filters == Names{"default+noted,terminal+init+noted+setid+listener"});
    spec.policy.deny = {"mkdir"};
    CHECK(plan_of(spec).filters == Names{"default+noted,terminal+init+noted+setid+listener", "-mkdir"});
    spec.policy.seccomp = Seccomp::strict;
    spec.policy.deny = {"mkdir"};
    CHECK(plan_of(spec).filters ==
          Names{"default+strict+noted+noted_strict", "terminal+init+noted+noted_strict+setid+listener", "-mkdir"});
    spec.policy = {.seccomp = Seccomp::profile, .deny = {"mkdir"}, .programs = {"x"}};
    CHECK(plan_of(spec).filters == Names{"terminal+init", "root+setid+listener", "-io_uring_setup-mkdir"});
    spec.policy.no_root_emulation = true;
    CHECK(plan_of(spec).filters == Names{"terminal+init+setid+listener", "-io_uring_setup-mkdir"});
    spec.policy.allow = {"32bit", "userns"};
    CHECK(plan_of(spec).filters == Names{"terminal+init+32bit", "-io_uring_setup-mkdir+32bit"});
    spec.policy.allow = {"io_uring"};
    CHECK(plan_of(spec).filters == Names{"terminal+init+setid+listener", "-mkdir"});
    // There is one listener: a program around us may have it, or a sandbox inside, unless a root is emulated.
    Host filtered = kUser;
    filtered.listener = true;
    CHECK(plan_of(in_deb(), filtered).filters == Names{"default,terminal+init"});
    spec.policy = {.allow = {"userns"}};
    CHECK(plan_of(spec).filters ==
          Names{"default+noted+userns", "terminal+init", "root+noted+userns+setid+openat2+listener"});
    spec.policy.no_root_emulation = true;
    CHECK(plan_of(spec).filters == Names{"default+userns", "terminal+init"});
    spec.policy = {.allow = {"32bit", "perf"}};
    CHECK(plan_of(spec).filters ==
          Names{"default+noted+perf+32bit", "terminal+init+32bit", "root+noted+perf+setid+listener+32bit"});
    spec.policy = {.no_root_emulation = true};
    spec.policy.seccomp = Seccomp::off;
    CHECK(plan_of(spec).filters.empty());
    spec.policy.deny = {"mkdir"};
    CHECK(std::holds_alternative<Refusal>(lower(spec, kUser)));
    CHECK(plan_of(Spec{.bare = true}).filters.empty());
}

TEST_CASE("set-id bits: kept out of granted directories, or it is said why not") {
    auto given_up = [](Policy policy) {
        Spec spec = in_deb();
        spec.policy = std::move(policy);
        Plan plan = plan_of(spec);
        return std::any_of(plan.degraded.begin(), plan.degraded.end(),
                           [](const Degraded& d) { return d.what.find("set-user-ID") != std::string::npos; });
    };
    CHECK_FALSE(given_up({}));
    CHECK_FALSE(given_up({.no_root_emulation = true}));
    CHECK_FALSE(given_up({.seccomp = Seccomp::strict}));
    CHECK_FALSE(given_up({.allow = {"chmod", "ptrace"}})); // by the allowlist, which is another program
    CHECK_FALSE(given_up({.allow = {"openat2"}, .deny = {"openat2"}}));
    CHECK(given_up({.seccomp = Seccomp::off}));
    CHECK(given_up({.allow = {"io_uring"}}));
    CHECK_FALSE(given_up({.seccomp = Seccomp::profile, .programs = {"x"}}));
    CHECK(given_up({.seccomp = Seccomp::profile, .allow = {"io_uring"}, .programs = {"x"}}));
    CHECK(given_up({.allow = {"openat2"}}));
    CHECK(given_up({.nested = true}));
    CHECK(given_up({.add_caps = {CAP_SYS_ADMIN}}));
    Spec spec = in_deb();
    spec.policy.allow = {"openat2"};
    CHECK(has(plan_of(spec).filters, "root+noted+openat2+setid+openat2+listener"));
    spec = in_deb();
    Source closed{.path = "/c/fs/e", .closed_by = "/c"};
    spec.mounts = {Bind{.source = {.path = "/d"}, .target = "/d", .writable = true},
                   Bind{.source = closed, .target = "/e", .writable = true, .edit = true, .make_setid = true}};
    Plan plan = plan_of(spec);
    CHECK_FALSE(at<op::Bind>(plan, 1).make_setid);
    CHECK(at<op::Bind>(plan, 2).make_setid);
    CHECK(plan.degraded.empty());
}

TEST_CASE("set-id bits in a root filesystem: only where nobody else on the host gets to it") {
    Spec spec = in_deb();
    spec.root.kind = Root::writable;
    Plan plan = plan_of(spec);
    CHECK_FALSE(at<op::Bind>(plan, 0).make_setid);
    REQUIRE(plan.degraded.size() == 1);
    CHECK(plan.degraded[0].why.find("chmod") != std::string::npos);
    spec.root.source.closed_by = "/c";
    CHECK(at<op::Bind>(plan_of(spec), 0).make_setid);
    CHECK(plan_of(spec).degraded.empty());
    // The payload could open again what it may write to.
    for (const char* given : {"/c", "/"}) {
        spec.mounts = {Bind{.source = {.path = given}, .target = "/given", .writable = true}};
        plan = plan_of(spec);
        CHECK_FALSE(at<op::Bind>(plan, 0).make_setid);
        REQUIRE(plan.degraded.size() == 1);
        CHECK(plan.degraded[0].why.find("/c") != std::string::npos);
    }
    for (const char* other : {"/c/project", "/cc"}) {
        spec.mounts = {Bind{.source = {.path = other}, .target = "/given", .writable = true}};
        CHECK(at<op::Bind>(plan_of(spec), 0).make_setid);
    }
    spec.mounts = {Bind{.source = {.path = "/c"}, .target = "/given"}};
    CHECK(at<op::Bind>(plan_of(spec), 0).make_setid);
}

TEST_CASE("seccomp: what is allowed and denied stands in the names of the programs") {
    auto names = [](Policy policy) {
        Spec spec = in_deb();
        spec.policy = std::move(policy);
        std::vector<std::string> filters;
        for (const std::string& one : plan_of(spec).filters)
            for (std::size_t start = 0, end = 0; end != std::string::npos; start = end + 1)
                end = one.find(',', start), filters.push_back(one.substr(start, end - start));
        REQUIRE(filters.size() >= 3);
        CHECK(filters[1] == "terminal+init");
        // Both programs that ask have the same opinion on what the allowlist says.
        bool strict = spec.policy.seccomp == Seccomp::strict;
        std::string start = strict ? "default+strict+noted+noted_strict" : "default+noted";
        REQUIRE(filters[0].starts_with(start));
        std::string allowed = filters[0].substr(start.size());
        CHECK(filters[2].starts_with("root" + std::string(strict ? "+noted+noted_strict" : "+noted") + allowed +
                                     "+setid"));
        return allowed + (filters.size() > 3 ? filters.at(3) : "");
    };
    CHECK(names({.seccomp = Seccomp::strict}).empty());
    CHECK(names({.seccomp = Seccomp::strict, .allow = {"ptrace"}}) == "+ptrace");
    CHECK(names({.allow = {"raw-socket", "io_uring", "syslog", "acct"}}) == "+io_uring+raw_socket+acct+syslog");
    CHECK(names({.deny = {"mkdir", "chown"}}) == "-chown-mkdir");
    // What is denied stays so, whatever allows it.
    CHECK(names({.allow = {"perf", "bpf"}, .deny = {"perf", "bpf"}}) == "+bpf-bpf");
    CHECK(names({.deny = {"ptrace"}}) == "-process_vm_readv-process_vm_writev-ptrace");
    CHECK(names({.add_caps = {CAP_SYS_ADMIN}}) == "+userns");
    CHECK(names({.add_caps = {CAP_NET_RAW}}) == "+raw_socket");
    CHECK(names({.nested = true}) == "+userns");
    CHECK(names({.add_caps = {CAP_SYS_ADMIN}, .deny = {"userns"}}).empty());
}

TEST_CASE("seccomp: user namespaces inside, by name") {
    Spec spec = in_deb();
    spec.mounts = {Proc{"/proc"}};
    spec.policy.allow = {"userns"};
    Plan plan = plan_of(spec);
    CHECK(all<op::Sysctl>(plan).at(0).value == "16");
    // A procfs that all of can be seen, and the one that covers it.
    CHECK(at<op::Directory>(plan, 1).target == "/proc");
    CHECK(at<op::Filesystem>(plan, 2).target == "/proc/sys");
    CHECK(at<op::Filesystem>(plan, 3).target == "/proc");
    CHECK_FALSE(plan.second_userns); // the mounts of the jail are locked for whoever makes one
    CHECK_FALSE(plan.landlock_files);
    REQUIRE(plan.degraded.size() == 2);
    spec.policy.add_caps = {CAP_SYS_RESOURCE}; // could raise the limit, by a procfs that somebody inside mounts
    CHECK(plan_of(spec).second_userns);
    spec.policy.deny = {"userns"};
    CHECK(all<op::Sysctl>(plan_of(spec)).at(0).value == "0");
    CHECK(at<op::Filesystem>(plan_of(spec), 1).target == "/proc");
    CHECK_FALSE(plan_of(spec).second_userns);
}

TEST_CASE("user namespaces inside, started by root") {
    Spec spec = in_deb();
    spec.policy.nested = true;
    Plan plan = plan_of(spec, kRoot);
    CHECK((plan.caps & bit(CAP_SETFCAP)) != 0);
    CHECK(plan.filters.back() == "-fsetxattr-lsetxattr-setxattr-setxattrat");
    CHECK(plan.degraded.back().what == "setting extended attributes");
    SECTION("without a policy that could refuse to set them") {
        spec.policy.seccomp = Seccomp::off;
        CHECK((plan_of(spec, kRoot).caps & bit(CAP_SETFCAP)) == 0);
    }
    SECTION("nor where rings could go past it, which a profile does not get") {
        spec.policy.allow = {"io_uring"};
        CHECK((plan_of(spec, kRoot).caps & bit(CAP_SETFCAP)) == 0);
        spec.policy = {.seccomp = Seccomp::profile, .nested = true, .programs = {"x"}};
        CHECK((plan_of(spec, kRoot).caps & bit(CAP_SETFCAP)) != 0);
        CHECK(plan_of(spec, kRoot).filters.back() == "-fsetxattr-io_uring_setup-lsetxattr-setxattr-setxattrat");
        spec.policy.allow = {"io_uring"};
        CHECK((plan_of(spec, kRoot).caps & bit(CAP_SETFCAP)) == 0);
    }
    SECTION("whoever asks for the capability has all of it") {
        spec.policy.add_caps = {CAP_SETFCAP};
        CHECK((plan_of(spec, kRoot).caps & bit(CAP_SETFCAP)) != 0);
        CHECK_FALSE(plan_of(spec, kRoot).filters.back().starts_with('-'));
    }
    SECTION("uid 0 of a user namespace around, with the host's programs") {
        spec.identity = Identity::self;
        Host host = kUser;
        host.uid = host.gid = 0;
        CHECK(plan_of(spec, host).caps == bit(CAP_SETFCAP));
        CHECK_FALSE(plan_of(spec, host).filters.back().starts_with('-'));
        spec.policy.nested = false;
        CHECK(plan_of(spec, host).caps == 0);
    }
    SECTION("another user than root needs none") {
        spec.user = User{1, 1, {}};
        CHECK(plan_of(spec, kRoot).caps == 0);
        CHECK_FALSE(plan_of(spec, kRoot).filters.back().starts_with('-'));
    }
}

TEST_CASE("in a jail, its root emulation is enough; under another listener there is none") {
    Host host = kUser;
    host.emulated = host.strips = true;
    Plan plan = plan_of(in_deb(), host);
    CHECK(plan.filters == std::vector<std::string>{"default,terminal+init"});
    CHECK(plan.degraded.empty());
    host.strips = false; // by --seccomp=off
    plan = plan_of(in_deb(), host);
    REQUIRE(plan.degraded.size() == 1);
    CHECK(plan.degraded[0].what.find("set-user-ID") != std::string::npos);
    host.emulated = false;
    host.listener = true;
    plan = plan_of(in_deb(), host);
    CHECK(plan.filters == std::vector<std::string>{"default,terminal+init"});
    REQUIRE(plan.degraded.size() == 2);
    CHECK(plan.degraded[0].what == "root emulation");
    CHECK(plan.degraded[1].what.find("set-user-ID") != std::string::npos);
    Spec spec = in_deb();
    spec.user = User{1, 1, {}}; // nothing to emulate
    CHECK(plan_of(spec, host).degraded.size() == 1);
}

TEST_CASE("which terminal") {
    struct {
        std::array<bool, 3> tty;
        Terminal want;
    } cases[] = {
        {{false, false, false}, Terminal::none},  {{true, true, true}, Terminal::raw},
        {{true, true, false}, Terminal::raw},     {{false, true, true}, Terminal::cooked},
        {{true, false, true}, Terminal::cooked},  {{false, false, true}, Terminal::cooked},
        {{true, false, false}, Terminal::cooked},
    };
    for (const auto& c : cases) {
        Host host = kUser;
        host.tty = c.tty;
        Plan plan = plan_of(in_deb(), host);
        CHECK(plan.terminal == c.want);
        CHECK(plan.tty == c.tty);
    }
}

TEST_CASE("search of PATH, the jail's") {
    using List = std::vector<std::string>;
    Spec spec = in_deb();
    spec.command.env = {{"PATH", "/a:/b/::c:"}};
    auto candidates = [&](const char* name) {
        spec.command.argv = {name, "x"};
        return plan_of(spec).exec.candidates;
    };
    CHECK(candidates("ls") == List{"/a/ls", "/b/ls", "./ls", "c/ls", "./ls"});
    CHECK(candidates("/bin/ls") == List{"/bin/ls"});
    CHECK(candidates("./ls") == List{"./ls"});
    CHECK(candidates("") == List{""});
    spec.command.argv = {};
    Plan plan = plan_of(spec);
    CHECK(plan.exec.argv == List{"bash"});
    CHECK(plan.exec.candidates ==
          List{"/a/bash", "/b/bash", "./bash", "c/bash", "./bash", "/a/sh", "/b/sh", "./sh", "c/sh", "./sh"});
    CHECK(plan.exec.env == List{"PATH=/a:/b/::c:"});
}

TEST_CASE("/dev: only harmless devices, own pts") {
    Spec spec = in_deb();
    spec.mounts = {Dev{"/dev"}};
    Plan plan = plan_of(spec);
    std::vector<std::string> devices;
    for (const auto& bind : all<op::Bind>(plan)) devices.push_back(bind.target);
    CHECK(devices ==
          std::vector<std::string>{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"});
    std::vector<std::string> types;
    for (const auto& fs : all<op::Filesystem>(plan)) types.push_back(fs.type);
    CHECK(types == std::vector<std::string>{"devpts", "mqueue"});
    CHECK(at<op::Directory>(plan, 1).target == "/dev");
    CHECK_FALSE(at<op::Directory>(plan, 1).attr.exec);
    CHECK(all<op::Directory>(plan).back().target == "/dev/shm");
    auto console = [](const Plan& p) {
        for (const auto& link : all<op::Symlink>(p))
            if (link.target == "/dev/console") return true;
        return false;
    };
    CHECK_FALSE(console(plan));
    Host host = kUser;
    host.tty[2] = true;
    CHECK(console(plan_of(spec, host)));
}

TEST_CASE("/proc: read-only and masked where it reaches the machine") {
    Spec spec = in_deb();
    spec.mounts = {Proc{"/proc"}};
    Plan plan = plan_of(spec);
    CHECK(at<op::Filesystem>(plan, 1).type == "proc");
    CHECK(at<op::Filesystem>(plan, 1).attr == Attr{.writable = true});
    std::vector<std::string> restricted, masked;
    for (const auto& o : all<op::Restrict>(plan)) {
        restricted.push_back(o.target);
        CHECK(o.attr == Attr{});
    }
    for (const auto& o : all<op::Mask>(plan)) {
        masked.push_back(o.target);
        CHECK(o.optional); // a kernel may not have it
    }
    CHECK(has(restricted, "/proc/sys"));
    for (const char* name :
         {"/proc/kcore", "/proc/sysrq-trigger", "/proc/keys", "/proc/kallsyms", "/proc/timer_list"})
        CHECK(has(masked, name));
    // The sysctl is written before /proc/sys turns read-only.
    auto position = [&](auto pick) {
        return std::find_if(plan.ops.begin(), plan.ops.end(), pick) - plan.ops.begin();
    };
    CHECK(position([](const Op& o) { return std::holds_alternative<op::Sysctl>(o); }) <
          position([](const Op& o) { return target_of(o) == "/proc/sys"; }));
}

TEST_CASE("host_path") {
    CHECK(host_path({.path = "/a"}) == "/a");
    CHECK(host_path({.path = "b/c", .base = "/a"}) == "/a/b/c");
    CHECK(host_path({.path = ".", .base = "/a"}) == "/a");
    CHECK(host_path({.path = "", .base = "/"}) == "/");
    CHECK(host_path({.path = "b", .base = "/"}) == "/b");
}

TEST_CASE("/sys: a new one where the network is the jail's own, else the host's; read-only, with masks") {
    Spec spec = in_deb();
    spec.mounts = {Sys{"/sys"}};
    Plan own = plan_of(spec);
    CHECK(at<op::Filesystem>(own, 1).type == "sysfs");
    CHECK(at<op::Filesystem>(own, 1).attr == Attr{});
    spec.shared.network = true;
    Plan shared = plan_of(spec);
    CHECK(at<op::Bind>(shared, 1).source.path == "/sys");
    CHECK(at<op::Bind>(shared, 1).attr == Attr{});
    CHECK_FALSE(at<op::Bind>(plan_of(spec, kRoot), 1).idmap); // the kernel could not
    for (const Plan& plan : {own, shared}) {
        std::vector<std::string> masked;
        for (const op::Mask& mask : all<op::Mask>(plan)) {
            masked.push_back(mask.target);
            CHECK(mask.optional);
        }
        for (const char* name :
             {"firmware", "power", "module", "kernel/debug", "kernel/tracing", "kernel/security", "kernel/notes",
              "kernel/vmcoreinfo", "fs/bpf", "fs/cgroup", "fs/pstore", "devices/virtual/powercap"})
            CHECK(has(masked, (std::string("/sys/") + name).c_str()));
    }
}

TEST_CASE("Landlock knows where devices are") {
    Spec spec = in_deb();
    spec.mounts = {Dev{"/dev"}, Bind{.source = {.path = "/x"}, .target = "/x", .writable = true},
                   Bind{.source = {.path = "/y"}, .target = "/y", .writable = true, .devices = true}};
    CHECK(plan_of(spec).landlock_devices == std::vector<std::string>{"/dev", "/y"});
}

TEST_CASE("who may mount can rename mountpoints: given up where that matters, and said") {
    auto gives_up = [](const Spec& spec) {
        Plan plan = plan_of(spec);
        return std::any_of(plan.degraded.begin(), plan.degraded.end(),
                           [](const Degraded& d) { return d.what.find("in its place") != std::string::npos; });
    };
    Spec spec = in_deb();
    spec.mounts = {Bind{.source = {.path = "/p"}, .target = "/p", .writable = true}};
    Spec git = spec;
    git.mounts.emplace_back(Bind{.source = {.path = "/p/.git"}, .target = "/p/.git", .writable = true});
    CHECK_FALSE(gives_up(git));
    for (Spec* one : {&spec, &git}) one->policy.allow = {"userns"};
    CHECK_FALSE(gives_up(spec));
    CHECK(gives_up(git));
    git.policy = {};
    git.policy.add_caps = {CAP_SYS_ADMIN};
    CHECK(gives_up(git));
}
