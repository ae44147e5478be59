// SPDX-License-Identifier: Apache-2.0
// Who a task is after a set*id, by the rules of credentials(7), and by the kernel's own word where that can be had.
#include "catch.h"
#include "policy/emulation.h"
#include "policy/filters.h"

#include <cerrno>
#include <linux/seccomp.h>
#include <sstream>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace ajail::policy;

namespace {

constexpr std::uint32_t kLeave = ~std::uint32_t{0};

std::ostream& operator<<(std::ostream& out, const Ids& ids) {
    return out << ids.real << ' ' << ids.effective << ' ' << ids.saved << ' ' << ids.file;
}

struct Case {
    const char* why;
    int nr;
    std::vector<std::uint32_t> args;
    Ids before;
    std::int64_t result;
    Ids after;
};

constexpr Ids kRoot{0, 0, 0, 0};
constexpr Ids kUser{7, 7, 7, 7};
constexpr Ids kThree{1, 2, 3, 2};  // real, effective, saved: nobody of them root
constexpr Ids kLent{7, 7, 0, 7};   // has dropped for a while
constexpr Ids kRaised{7, 0, 0, 0}; // a set-user-ID program
constexpr Ids kReal{0, 7, 7, 7};   // root is the real one only

// Calls on the user ids.
const std::vector<Case> kCases{
    {"root becomes somebody for good", SYS_setuid, {5}, kRoot, 0, {5, 5, 5, 5}},
    {"by the effective id", SYS_setuid, {5}, kRaised, 0, {5, 5, 5, 5}},
    {"others: to the real one, saved stays", SYS_setuid, {1}, kThree, 0, {1, 1, 3, 1}},
    {"others: to the saved one", SYS_setuid, {3}, kThree, 0, {1, 3, 3, 3}},
    {"others: the effective one is not enough", SYS_setuid, {2}, kThree, -EPERM, kThree},
    {"others: root is a stranger", SYS_setuid, {0}, kUser, -EPERM, kUser},
    {"back by the saved one", SYS_setuid, {0}, kLent, 0, {7, 0, 0, 0}},
    {"back by the real one", SYS_setuid, {0}, kReal, 0, {0, 0, 7, 0}},
    {"-1 is no id", SYS_setuid, {kLeave}, kRoot, -EINVAL, kRoot},

    {"both", SYS_setreuid, {5, 6}, kRoot, 0, {5, 6, 6, 6}},
    {"real alone: saved follows", SYS_setreuid, {5, kLeave}, kRoot, 0, {5, 0, 0, 0}},
    {"effective alone: saved follows where it is not the real one",
     SYS_setreuid,
     {kLeave, 5},
     kRoot,
     0,
     {0, 5, 5, 5}},
    {"effective to the real one: saved stays", SYS_setreuid, {kLeave, 1}, kThree, 0, {1, 1, 3, 1}},
    {"effective to the saved one", SYS_setreuid, {kLeave, 3}, kThree, 0, {1, 3, 3, 3}},
    {"swapped", SYS_setreuid, {2, 1}, kThree, 0, {2, 1, 1, 1}},
    {"real to the saved one: no", SYS_setreuid, {3, kLeave}, kThree, -EPERM, kThree},
    {"effective to a stranger: no", SYS_setreuid, {kLeave, 4}, kThree, -EPERM, kThree},
    {"one right, one wrong: nothing", SYS_setreuid, {2, 4}, kThree, -EPERM, kThree},
    {"neither: the file id follows", SYS_setreuid, {kLeave, kLeave}, {1, 2, 3, 3}, 0, kThree},

    {"all", SYS_setresuid, {4, 5, 6}, kRoot, 0, {4, 5, 6, 5}},
    {"some", SYS_setresuid, {kLeave, 5, kLeave}, kRoot, 0, {0, 5, 0, 5}},
    {"others: any of the three for any", SYS_setresuid, {3, 1, 2}, kThree, 0, {3, 1, 2, 1}},
    {"others: no stranger as real one", SYS_setresuid, {0, kLeave, kLeave}, kThree, -EPERM, kThree},
    {"nor as effective one", SYS_setresuid, {1, 0, 1}, kThree, -EPERM, kThree},
    {"nor as saved one", SYS_setresuid, {1, 1, 0}, kThree, -EPERM, kThree},
    {"dropped for good", SYS_setresuid, {0, 0, 0}, kUser, -EPERM, kUser},
    {"back by the saved one alone", SYS_setresuid, {kLeave, 0, kLeave}, kLent, 0, {7, 0, 0, 0}},
    {"the file id is none of the three", SYS_setresuid, {kLeave, 9, kLeave}, {7, 7, 7, 9}, -EPERM, {7, 7, 7, 9}},

    {"tells the one before", SYS_setfsuid, {5}, kRoot, 0, {0, 0, 0, 5}},
    {"others: one of the three", SYS_setfsuid, {3}, kThree, 2, {1, 2, 3, 3}},
    {"others: what it is", SYS_setfsuid, {9}, {7, 7, 7, 9}, 9, {7, 7, 7, 9}},
    {"others: a stranger changes nothing, and is no error", SYS_setfsuid, {4}, kThree, 2, kThree},
    {"-1 asks", SYS_setfsuid, {kLeave}, {0, 0, 0, 5}, 5, {0, 0, 0, 5}},
};

int group_call(int nr) {
    switch (nr) {
    case SYS_setuid: return SYS_setgid;
    case SYS_setreuid: return SYS_setregid;
    case SYS_setresuid: return SYS_setresgid;
    default: return SYS_setfsgid;
    }
}

std::int64_t call(int nr, const std::vector<std::uint32_t>& args, Identity& who) {
    std::uint64_t all[6] = {0xdead, 0xdead, 0xdead, 0xdead, 0xdead, 0xdead};
    for (std::size_t i = 0; i < args.size(); ++i)
        all[i] = args[i] | std::uint64_t{0xbad} << 32; // the kernel takes 32 bits
    return set_id(nr, all, who);
}

bool is_root(const Ids& ids) { return ids.effective == 0; }

} // namespace

TEST_CASE("set_id: user ids") {
    for (const Case& c : kCases) {
        INFO(c.why);
        Identity who;
        who.user = c.before;
        who.group = {20, 21, 22, 21};
        who.groups = {4, 5};
        Identity wanted = who;
        wanted.user = c.after;
        CHECK(call(c.nr, c.args, who) == c.result);
        CHECK(who.user == c.after);
        CHECK(who == wanted); // and nothing else
    }
}

TEST_CASE("set_id: group ids, whose root is a user id") {
    for (const Case& c : kCases) {
        INFO(c.why);
        Identity who;
        who.user = is_root(c.before) ? kRaised : kUser;
        who.group = c.before;
        Identity wanted = who;
        wanted.group = c.after;
        CHECK(call(group_call(c.nr), c.args, who) == c.result);
        CHECK(who == wanted);
    }
    Identity staff; // group 0 gives no rights
    staff.user = kUser;
    CHECK(call(SYS_setgid, {5}, staff) == -EPERM);
    staff.user = kRoot;
    staff.group = kUser;
    CHECK(call(SYS_setgid, {5}, staff) == 0);
}

TEST_CASE("set_id: who has kept the capabilities may go on") {
    Identity who;
    who.keeps_caps = true;
    CHECK(call(SYS_setresuid, {7, 7, kLeave}, who) == 0);
    CHECK_FALSE(who.kept_caps); // nothing to keep: the saved id gives them back
    CHECK(call(SYS_setresgid, {5, 5, 5}, who) == -EPERM);
    CHECK(call(SYS_setresuid, {kLeave, 0, kLeave}, who) == 0);
    CHECK(call(SYS_setuid, {7}, who) == 0);
    CHECK(who.kept_caps);
    who.keeps_caps = false; // too late
    CHECK(call(SYS_setresgid, {5, 5, 5}, who) == 0);
    CHECK(call(SYS_setuid, {8}, who) == 0);
    CHECK(who.user == Ids{8, 8, 8, 8});
    CHECK(who.group == Ids{5, 5, 5, 5});
    who = after_exec(who);
    CHECK(call(SYS_setuid, {7}, who) == -EPERM);
    who.keeps_caps = true; // has none to keep
    CHECK(call(SYS_setuid, {7}, who) == -EPERM);
    CHECK(call(SYS_setuid, {8}, who) == 0);
    CHECK_FALSE(who.kept_caps);
}

TEST_CASE("set_id: what is none") {
    Identity who;
    for (int nr : {SYS_getuid, SYS_getgroups, SYS_setgroups, SYS_capset, SYS_read, -1}) {
        CHECK(call(nr, {5, 5, 5}, who) == -ENOSYS);
        CHECK(who == Identity{});
    }
}

TEST_CASE("after_exec: the saved id is the effective one, and so is the file system's") {
    Identity who;
    who.user = {1, 2, 3, 4};
    who.group = {5, 6, 7, 8};
    who.groups = {9};
    who.groups_set = who.keeps_caps = who.kept_caps = true;
    Identity wanted = who;
    wanted.user = {1, 2, 2, 2};
    wanted.group = {5, 6, 6, 6};
    wanted.keeps_caps = wanted.kept_caps = false;
    CHECK(after_exec(who) == wanted);
    CHECK(after_exec(wanted) == wanted);
}

namespace {

// In a child that is BEFORE: the call, and whether the kernel says what set_id says. 0: yes.
int kernel_agrees(const Ids& before, int nr, const std::vector<std::uint32_t>& args) {
    if (syscall(SYS_setresuid, before.real, before.effective, before.saved) != 0) return 2;
    Identity who;
    who.user = before;
    std::int64_t said = call(nr, args, who);
    auto arg = [&](std::size_t i) { return static_cast<long>(i < args.size() ? args[i] : 0); };
    std::int64_t done = syscall(nr, arg(0), arg(1), arg(2));
    if (done < 0) done = -errno;
    Ids after;
    if (syscall(SYS_getresuid, &after.real, &after.effective, &after.saved) != 0) return 3;
    after.file = static_cast<std::uint32_t>(syscall(SYS_setfsuid, kLeave));
    return said == done && who.user == after ? 0 : 1;
}

} // namespace

TEST_CASE("set_id: the kernel agrees, for all there is") {
    if (geteuid() != 0 || syscall(SYS_setresuid, -1, 1, -1) != 0) {
        WARN("needs root");
        return;
    }
    REQUIRE(syscall(SYS_setresuid, -1, 0, -1) == 0);
    std::vector<std::pair<int, std::vector<std::uint32_t>>> calls;
    const std::vector<std::uint32_t> all{0, 1, 2, kLeave};
    for (auto one : all) {
        calls.push_back({SYS_setuid, {one}});
        calls.push_back({SYS_setfsuid, {one}});
        for (auto two : all) {
            calls.push_back({SYS_setreuid, {one, two}});
            for (auto three : all) calls.push_back({SYS_setresuid, {one, two, three}});
        }
    }
    for (std::uint32_t state = 0; state < 27; ++state) {
        Ids before{state % 3, state / 3 % 3, state / 9, state / 3 % 3};
        for (const auto& [nr, args] : calls) {
            pid_t child = fork();
            REQUIRE(child >= 0);
            if (child == 0) _exit(kernel_agrees(before, nr, args)); // no Catch in the copy
            int status = -1;
            REQUIRE(waitpid(child, &status, 0) == child);
            if (status == 0) continue;
            std::ostringstream what;
            what << "as " << before << ": call " << nr << " with";
            for (auto arg : args) what << ' ' << static_cast<std::int32_t>(arg);
            FAIL_CHECK(what.str());
        }
    }
}

TEST_CASE("emulation: whom an access control list names", "[emulation]") {
    // As acl(5) and linux/posix_acl_xattr.h: a version, then tag, permissions and id.
    auto list = [](std::uint8_t tag, std::uint8_t id) {
        return std::vector<std::uint8_t>{2,   0, 0, 0, 1,  0, 7, 0, 0xff, 0xff, 0xff, 0xff, // owner
                                         tag, 0, 5, 0, id, 0, 0, 0};
    };
    CHECK(acl_names_others(list(0x02, 33)));
    CHECK(acl_names_others(list(0x08, 4)));
    CHECK_FALSE(acl_names_others(list(0x02, 0)));
    CHECK_FALSE(acl_names_others(list(0x08, 0)));
    CHECK_FALSE(acl_names_others(list(0x10, 4))); // a mask's id means nothing
    CHECK_FALSE(acl_names_others({}));
    CHECK_FALSE(acl_names_others({2, 0, 0, 0}));
    auto cut = list(0x08, 4);
    cut.pop_back(); // for the kernel to refuse
    CHECK_FALSE(acl_names_others(cut));
}

TEST_CASE("emulation: what 32-bit programs ask") {
    using ajail::policy::native_number;
    seccomp_data data{};
    data.arch = ajail::policy::kNativeArch;
    data.nr = SYS_getuid;
    CHECK(native_number(data) == SYS_getuid);
    if (ajail::policy::kCompatArch != AUDIT_ARCH_I386) return;
    data.arch = AUDIT_ARCH_I386;
    constexpr std::pair<int, long> kSame[] = {
        {199, SYS_getuid}, {213, SYS_setuid}, {208, SYS_setresuid}, {206, SYS_setgroups}, {205, SYS_getgroups},
        {172, SYS_prctl},  {185, SYS_capset}, {297, SYS_mknodat},   {228, SYS_fsetxattr}, {24, -1},
        {23, -1},          {102, -1}};
    for (auto [number, native] : kSame) {
        data.nr = number;
        CHECK(native_number(data) == native);
    }
}
