// SPDX-License-Identifier: Apache-2.0
// `ajail run`: options -> Spec -> Plan -> engine, with what is held on the host meanwhile.
#include "cli/run.h"

#include "cli/front.h"
#include "cli/fs.h"
#include "cli/jails.h"
#include "cli/keep.h"
#include "cli/machine.h"
#include "cli/words.h"
#include "cli/workspace.h"
#include "store/store.h"

#include <cstring>

namespace ajail::cli {

std::variant<spec::Spec, Wrong> specify(const RunOptions& options, const spec::Host& host, const Caller& caller) {
    try {
        return Front(options, host, caller).spec();
    } catch (const Refused& refused) {
        return Wrong{refused.message};
    }
}

namespace {

// At what only some options ask for.
void look_further(spec::Host& host, const RunOptions& options) {
    look_for_means(host, options.limits);
    if (options.users != spec::Users::one) host.subordinates = look_for_subordinates(host.uid);
    using Proc = RunOptions::Proc;
    if (options.proc != Proc::fresh) look_for_proc(host, options.proc == Proc::automatic);
}

} // namespace

std::optional<Wrong> refusal(RunOptions options) {
    options.dry_run = RunOptions::DryRun::text;
    auto looked = sys::during(sys::Stage::start, look_at_host());
    if (!looked) return Wrong{sentence(looked.error(), nullptr)};
    spec::Host host = *std::move(looked);
    look_further(host, options);
    auto specified = specify(options, host, who_calls(host.uid));
    if (auto* wrong = std::get_if<Wrong>(&specified)) return *wrong;
    auto& spec = std::get<spec::Spec>(specified);
    look_for_overlays(host, spec, true);
    auto lowered = spec::lower(spec, host);
    if (auto* refused = std::get_if<spec::Refusal>(&lowered)) return Wrong{refused->message};
    return std::nullopt;
}

int run(const RunOptions& options, const ns::Caller& process, const std::function<void(spec::Spec&)>& amend) {
    if (!options.in.empty() || options.clone) return run_in_workspace(options, process);
    auto looked = sys::during(sys::Stage::start, look_at_host());
    if (!looked) return fail(sentence(looked.error(), nullptr));
    spec::Host host = *std::move(looked);
    Caller caller = who_calls(host.uid);
    look_further(host, options);
    store::Remover remove = remover(host, process);
    std::string home = caller.ajail_home;
    unsigned owner = scratch_owner(host);
    if (options.dry_run == RunOptions::DryRun::no) store::remove_abandoned_scratch(home, owner, remove);
    Front front(options, host, std::move(caller));
    spec::Spec spec;
    std::optional<Report> report;
    try {
        spec = front.spec();
        report = front.report(process.umask);
        if (amend) amend(spec);
    } catch (const Refused& refused) {
        return fail(refused.message);
    }
    sys::Fd lock;
    if (options.dry_run == RunOptions::DryRun::no && spec.root.kind != spec::Root::empty) {
        store::Hold wanted = options.edits.empty() ? store::Hold::shared : store::Hold::exclusive;
        auto locked = store::lock(spec.root.source.path, wanted);
        if (!locked) return fail(front.why_not_locked(wanted, locked.error()));
        lock = std::move(locked).take(); // until the jail has ended, or we are killed
    }
    std::optional<store::Scratch> scratch; // gone with this function, or by the next one that uses the directory
    if (options.dry_run == RunOptions::DryRun::no && !spec.scratch.directory.empty()) {
        if (auto held = ns::hold_signals(); !held) return fail(sentence(held.error(), nullptr));
        auto made = store::Scratch::create(home, spec.scratch.directory, owner, remove);
        if (!made)
            return fail("--scratch=" + spec::escape(options.scratch.directory) + ": " +
                        std::strerror(made.error().err));
        scratch.emplace(std::move(made).take());
        spec.scratch.directory = scratch->path();
    }
    std::optional<Keeping> keeping;
    if (options.keep) {
        auto taken = Keeping::take_up(*options.keep, home, front.directory_of_run(),
                                      options.dry_run != RunOptions::DryRun::no, host, process, spec);
        if (auto* wrong = std::get_if<Wrong>(&taken)) return fail(wrong->message);
        keeping.emplace(std::get<Keeping>(std::move(taken)));
        if (options.scratch.size != spec::Amount{} && options.scratch.size.bytes != spec::kUnlimited)
            warn("--disk says how much is thrown away at most; what --keep keeps takes up disk without a limit");
    }
    look_for_overlays(host, spec, options.dry_run != RunOptions::DryRun::no);
    auto lowered = spec::lower(spec, host);
    if (auto* refusal = std::get_if<spec::Refusal>(&lowered)) return fail(refusal->message);
    const auto& plan = std::get<spec::Plan>(lowered);
    if (options.dry_run != RunOptions::DryRun::no)
        return show(options.dry_run == RunOptions::DryRun::json ? to_json(plan) : to_text(plan));
    std::optional<store::Running> running; // for others to find, until the jail has ended
    if (!amend) {
        auto noted = note_down(running_directory(home), options.name,
                               {front.fs(), front.directory_of_run(), plan.exec.argv, options.workspace});
        if (auto* wrong = std::get_if<Wrong>(&noted)) return fail(wrong->message);
        if (auto& one = std::get<0>(noted)) running.emplace(*std::move(one));
    }
    if (!options.quiet) front.status(plan);
    ns::Caller with_report = process;
    if (running) with_report.door = running->door().get();
    if (report) with_report.report = [&report](std::string_view text) { return report->write(text); };
    if (keeping)
        if (auto begun = keeping->begin(plan); !begun)
            return fail("--keep=" + keeping->name() + ": " + std::strerror(begun.error().err));
    with_report.outside = front.outside();
    spec = {}; // the plan says it all, and init has a copy of what we have
    int code = execute(plan, with_report, !options.quiet);
    front.settle();
    if (keeping)
        if (std::string line = keeping->end(host, process); !options.quiet) (void)fail(line);
    sys::Status removed = scratch ? scratch->remove() : sys::Status(sys::Done{});
    if (!removed)
        warn(spec::escape(scratch->path()) +
             " is left, for the next ajail to remove: " + std::strerror(removed.error().err));
    return code;
}

} // namespace ajail::cli
