// SPDX-License-Identifier: Apache-2.0
// Runs a Plan, and says how it ended.
#include "cli/run.h"
#include "cli/words.h"
#include "mount/mountpoints.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string_view>

namespace ajail::cli {

namespace {

// What of the Plan's limits has ended the jail.
int ended_by(ns::Outcome::Limit limit, const spec::Plan& plan) {
    if (limit == ns::Outcome::timeout) {
        char seconds[32];
        (void)std::snprintf(seconds, sizeof seconds, "%g", static_cast<double>(plan.timeout) / 1000);
        fail("the time is up: " + std::string(seconds) + " s (--timeout)");
        return kTimedOut;
    }
    for (const spec::Limit& l : plan.limits)
        if (std::string_view(l.name) == "memory")
            fail("the jail was killed: it had more memory than the " + std::to_string(l.value >> 20U) +
                 " MiB that it may have (--memory)");
    return 128 + SIGKILL;
}

int exit_status(const ns::Outcome& outcome, const spec::Plan& plan) {
    if (outcome.init_killed) fail("the jail's init was killed from outside, and all of the jail with it");
    if (!outcome.error && outcome.limit != ns::Outcome::none) return ended_by(outcome.limit, plan);
    if (std::string why = killed(outcome, plan); !why.empty()) fail(why);
    if (!outcome.error) return ns::exit_code(outcome);
    if (outcome.helper) return fail(sentence(*outcome.helper));
    fail(sentence(*outcome.error, &plan, outcome.about));
    if (outcome.error->stage != sys::Stage::exec || outcome.error->call != sys::Call::execve) return kFailed;
    return outcome.error->err == ENOENT || outcome.error->err == ENOTDIR ? kNotFound : kNotExecutable;
}

} // namespace

int execute(const spec::Plan& plan, const ns::Caller& process, bool hints) {
    for (std::size_t i = 0; i < plan.ops.size(); ++i) tell([&] { return describe_op(plan, i); });
    if (auto held = ns::hold_signals(); !held) return fail(sentence(held.error(), &plan));
    auto mountpoints = mount::Mountpoints::make(plan);
    if (!mountpoints) return fail("mountpoints in the root filesystem: " + sentence(mountpoints.error(), nullptr));
    ns::Outcome outcome = ns::run(plan, process);
    int code = exit_status(outcome, plan);
    for (const std::string& hint : cli::hints(outcome))
        if (hints) (void)fail(hint);
    return code;
}

} // namespace ajail::cli
