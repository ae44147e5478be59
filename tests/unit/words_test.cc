// SPDX-License-Identifier: Apache-2.0
// The sentences about failures: which cause is named for which circumstances.
#include "catch.h"
#include "cli/words.h"
#include "policy/filters.h"

#include <cerrno>
#include <csignal>
#include <functional>

using namespace ajail;
using cli::Circumstances;
using cli::diagnose;
using sys::Call;
using sys::Error;
using sys::Stage;

namespace {

constexpr Error kForbidden{Stage::namespaces, Call::clone3, sys::kNoOp, EPERM};
constexpr Error kNoSpace{Stage::namespaces, Call::clone3, sys::kNoOp, ENOSPC};

std::string why(const Error& error, const std::function<void(Circumstances&)>& change) {
    Circumstances here;
    change(here);
    return diagnose(error, here);
}

bool says(const std::string& text, const char* word) {
    INFO(text);
    return text.find(word) != std::string::npos;
}

} // namespace

TEST_CASE("what may help a payload that has failed") {
    spec::Plan plan;
    plan.filters = {"default+noted", "terminal+noted+setid+listener"};
    ns::Outcome outcome;
    auto text = [&] {
        std::string all;
        for (const std::string& hint : cli::hints(outcome)) all += hint + "|";
        return all;
    };
    outcome.refused = 3;
    CHECK(text().empty()); // it has done without
    outcome.code = 1;
    CHECK(text() == "refused on the way: perf_event_open (--allow=perf), io_uring_setup (--allow=io_uring)|");
    outcome.error = kForbidden;
    CHECK(text().empty());
    outcome.error.reset();
    outcome.refused = 0;
    CHECK(text().empty());
    constexpr bool k32bit = policy::kCompatArch != 0; // of 64-bit Arm it cannot be allowed
    const std::string kForeign =
        k32bit ? "32-bit or x32): --allow=32bit" : "32-bit): --seccomp=off --no-root-emulation";
    auto killed = [&] { return cli::killed(outcome, plan); };
    CHECK(killed().empty());
    for (int code : {128 + SIGSYS, 0}) { // a shell's child, or the payload itself
        outcome.code = code;
        outcome.signal = code == 0 ? SIGSYS : 0;
        CHECK(killed().ends_with("killed by SIGSYS, as by a system call of a foreign ABI (" + kForeign));
    }
    plan.profile = "/x.json";
    CHECK(killed().ends_with(kForeign + ", or as /x.json says (--seccomp)"));
    plan.filters = {"terminal+32bit"};
    CHECK(says(killed(), k32bit ? "(x32): --seccomp=off --no-root-emulation, or as"
                                : "(32-bit): --seccomp=off --no-root-emulation, or as"));
    plan.profile.clear();
    plan.filters = {"root"};
    CHECK(killed().ends_with("--no-root-emulation"));
    plan.filters.clear();
    CHECK(killed().empty());
}

TEST_CASE("each reason for no namespaces is told with its fix") {
    CHECK(says(why(kForbidden, [](auto& c) { c.userns_sysctl_off = true; }), "kernel.unprivileged_userns_clone=1"));
    CHECK(says(why(kForbidden, [](auto& c) { c.apparmor_restricts = true; }),
               "kernel.apparmor_restrict_unprivileged_userns=0"));
    CHECK(says(why(kForbidden, [](auto& c) { c.seccomp_filtered = true; }), "seccomp"));
    CHECK(says(why(kForbidden, [](auto& c) { c.chrooted = true; }), "chroot"));
    CHECK(says(why(kForbidden, [](auto& c) { c.proc_missing = true; }), "/proc"));
    CHECK(says(why(kNoSpace, [](auto& c) { c.no_userns_left = true; }), "user.max_user_namespaces"));
    CHECK(says(why(kNoSpace, [](auto&) {}), "max_user_namespaces"));
    CHECK(says(why(kNoSpace, [](auto& c) { c.no_userns_left = c.own_userns = true; }), "sandbox"));
    CHECK(says(why(kForbidden, [](auto& c) { c.unmapped = true; }), "id map"));
    Error missing = kForbidden;
    missing.err = EINVAL;
    CHECK(says(why(missing, [](auto& c) { c.userns_missing = true; }), "CONFIG_USER_NS"));
    Error filtered = kForbidden;
    filtered.err = ENOSYS; // what Docker's default profile answers to clone3
    CHECK(says(why(filtered, [](auto& c) { c.seccomp_filtered = true; }), "seccomp"));
}

TEST_CASE("AppArmor lets the namespace be made and takes its power away: told for later steps as well") {
    Error later{Stage::mount, Call::mount_setattr, sys::kNoOp, EPERM};
    CHECK(says(why(later, [](auto& c) { c.apparmor_restricts = true; }), "AppArmor"));
    Error maps{Stage::idmap, Call::write, sys::kNoOp, EACCES};
    CHECK(says(why(maps, [](auto& c) { c.apparmor_restricts = true; }), "AppArmor"));
}

TEST_CASE("nothing is made up") {
    CHECK(why(kForbidden, [](auto&) {}).empty());
    Error missing{Stage::mount, Call::openat2, sys::kNoOp, ENOENT};
    CHECK(why(missing, [](auto& c) {
              c.apparmor_restricts = c.seccomp_filtered = c.userns_sysctl_off = true;
          }).empty());
}

TEST_CASE("a sentence names the operation, the call and the errno") {
    spec::Plan plan;
    plan.ops.emplace_back(spec::op::Bind{{.path = "/srv/x"}, "/x", {}});
    std::string text = cli::sentence({Stage::mount, Call::open_tree, 0, ENOENT}, &plan);
    CHECK(text == "mount[0] bind /srv/x -> /x: open_tree: No such file or directory");
    CHECK(says(cli::sentence({Stage::mount, Call::check, 0, EROFS}, &plan), "make it there first"));
    CHECK(cli::sentence({Stage::hostname, Call::sethostname, sys::kNoOp, EINVAL}, &plan) ==
          "hostname: sethostname: Invalid argument");
}

TEST_CASE("an index beyond the plan, as a broken message might hold, is survived") {
    spec::Plan plan;
    CHECK(says(cli::sentence({Stage::mount, Call::open_tree, 7, ENOENT}, &plan), "mount: open_tree"));
}

TEST_CASE("commands that cannot be executed") {
    spec::Plan plan;
    plan.exec.argv = {"no\x1bsuch"};
    CHECK(cli::sentence({Stage::exec, Call::execve, sys::kNoOp, ENOENT}, &plan) ==
          "no\\x1bsuch: command not found in the jail's PATH");
    plan.exec.argv = {"/bin/x"};
    CHECK(cli::sentence({Stage::exec, Call::execve, sys::kNoOp, ENOENT}, &plan) ==
          "/bin/x: no such file in the jail, or not the one that is to run it (#!, ld.so)");
    CHECK(says(cli::sentence({Stage::exec, Call::execve, sys::kNoOp, EACCES}, &plan), "cannot be executed"));
}

TEST_CASE("no room is not called too many mounts, which has errnos of its own") {
    spec::Plan plan;
    plan.ops.emplace_back(spec::op::Data{});
    plan.scratch.size = 1024;
    for (Call call : {Call::write, Call::mkdir, Call::open, Call::symlink, Call::fsconfig})
        CHECK(says(cli::sentence({Stage::mount, call, 0, ENOSPC}, &plan),
                   "the 1024 bytes for what is thrown away; more: --disk"));
    for (Call call : {Call::open_tree, Call::move_mount})
        CHECK(says(cli::sentence({Stage::mount, call, 0, ENOSPC}, &plan), "mount-max"));
    plan.scratch = {.directory = "/a\nb"};
    CHECK(says(cli::sentence({Stage::mount, Call::write, 0, ENOSPC}, &plan), "--scratch is full, /a\\x0ab"));
}

TEST_CASE("limits of the caller are told, whatever surrounds it") {
    CHECK(says(cli::sentence({Stage::namespaces, Call::clone3, sys::kNoOp, EAGAIN}, nullptr), "ulimit -u"));
    CHECK(says(cli::sentence({Stage::namespaces, Call::pidfd, sys::kNoOp, EMFILE}, nullptr), "ulimit -n"));
    CHECK(says(cli::sentence({Stage::mount, Call::open_tree, sys::kNoOp, EMFILE}, nullptr), "ulimit -n"));
    CHECK(says(cli::sentence({Stage::report, Call::write, sys::kNoOp, ENOSPC}, nullptr), "--report"));
    Error busy = kForbidden;
    busy.err = EAGAIN;
    CHECK(why(busy, [](auto& c) { c.seccomp_filtered = true; }).empty());
}

TEST_CASE("a subcommand with a slip in it is recognized, and nothing else") {
    auto said = [](const char* word) {
        spec::Plan plan;
        plan.exec.argv = {word};
        return cli::sentence({Stage::exec, Call::execve, sys::kNoOp, ENOENT}, &plan);
    };
    CHECK(said("verfy") == "verfy: command not found in the jail's PATH; did you mean 'ajail verify'?");
    CHECK(says(said("vreify"), "'ajail verify'"));
    CHECK(says(said("mkf"), "'ajail mkfs'"));
    CHECK(says(said("bwarp"), "'ajail bwrap'"));
    for (const char* word : {"vi", "ls", "ps", "make", "python3", "verification", ""})
        CHECK_FALSE(says(said(word), "did you mean"));
}

TEST_CASE("every sentence is one line, whatever the names hold") {
    spec::Plan plan;
    plan.ops.emplace_back(spec::op::Bind{{.path = "/a\nb\x1b[2J"}, "/\n", {}});
    plan.exec.argv = {"a\nb"};
    plan.exec.cwds = {"/x\ny"};
    for (Error error :
         {Error{Stage::mount, Call::open_tree, 0, ENOENT}, Error{Stage::exec, Call::execve, sys::kNoOp, ENOENT},
          Error{Stage::exec, Call::chdir, sys::kNoOp, EACCES}}) {
        std::string text = cli::sentence(error, &plan);
        CHECK(text.find('\n') == std::string::npos);
        CHECK(text.find('\x1b') == std::string::npos);
    }
}
