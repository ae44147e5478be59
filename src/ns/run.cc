// SPDX-License-Identifier: Apache-2.0
// The caller's side of clone3: blocks signals, clones, writes the id maps, lets the child go, monitors.
#include "ns/run.h"

#include "mount/mount.h"
#include "ns/child.h"
#include "ns/idmap.h"
#include "ns/monitor.h"

#include <sys/wait.h>

namespace ajail::ns {

namespace {

using spec::Plan;
using sys::Done;
using sys::during;
using sys::Fd;
using sys::Result;
using sys::Stage;
using sys::Status;

constexpr std::uint64_t kNamespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

Status send_trees(const Plan& plan, pid_t pid, const Fd& report) {
    if (!plan.real_root) return Done{};
    Fd userns = TRY(sys::open(("/proc/" + std::to_string(pid) + "/ns/user").c_str(), O_RDONLY));
    mount::Trees trees = TRY(mount::idmapped_trees(plan, userns.get()));
    for (const auto& [index, tree] : trees)
        TRY(tell(report, {.kind = Message::tree, .value = static_cast<std::int32_t>(index)}, tree.get()));
    return Done{};
}

Status release(const Plan& plan, const Caller& caller, pid_t pid, const Fd& report, Outcome& outcome) {
    TRY(during(Stage::idmap, write_maps(plan, caller, pid, outcome.helper)));
    TRY(during(Stage::mount, send_trees(plan, pid, report)));
    return during(Stage::start, tell(report, {.kind = Message::go}));
}

Result<Outcome> start(const Plan& plan, const Caller& caller) {
    auto [report, child_report] = TRY(sys::socketpair());
    auto [lifeline, child_lifeline] = TRY(sys::socketpair());
    sigset_t watched = watched_signals();
    TRY(sys::sigprocmask(SIG_BLOCK, watched, nullptr));
    Fd signals = TRY(sys::signalfd(watched));
    Fd init;
    std::uint64_t flags = kNamespaces | (plan.network ? 0 : CLONE_NEWNET);
    pid_t pid = TRY(during(Stage::namespaces, sys::clone3(flags, &init)));
    if (pid == 0) {
        report.reset(); // the monitor's ends: with one of them here, its death would not be seen
        lifeline.reset();
        signals.reset();
        child(plan, caller, std::move(child_report), std::move(child_lifeline));
    }
    child_report.reset();
    child_lifeline.reset();
    Ends ends{std::move(report), std::move(lifeline), std::move(init)};
    Outcome failed;
    Status released = release(plan, caller, pid, ends.report, failed);
    if (!released) {
        (void)sys::pidfd_send_signal(ends.init.get(), SIGKILL);
        (void)sys::waitid(P_PIDFD, static_cast<id_t>(ends.init.get()), WEXITED);
        failed.error = released.error();
        return failed;
    }
    return monitor(plan, ends, signals);
}

} // namespace

Outcome run(const Plan& plan, const Caller& caller) {
    auto outcome = start(plan, caller);
    if (outcome) return *outcome;
    Outcome failed;
    failed.error = outcome.error();
    return failed;
}

} // namespace ajail::ns
