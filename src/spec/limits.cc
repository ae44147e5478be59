// SPDX-License-Identifier: Apache-2.0
// See limits.h. First a cgroup, which counts everything and asks nobody; where there is none, what comes closest.
#include "spec/limits.h"

#include <algorithm>
#include <asm/resource.h>

namespace ajail::spec {

namespace {

constexpr std::uint64_t kPids = 4096, kMi = 1 << 20;
constexpr std::uint64_t kOpenSoft = 1024, kOpenHard = 65536; // a higher soft one breaks select(2)
// Of the signals that a user may have queued, which the kernel counts for all that is the user's, a jail gets a part.
constexpr std::uint64_t kSignals = 8, kFewSignals = 1024;
constexpr std::uint64_t kFiles = 1 << 20, kFewFiles = 8192, kPage = 4096;
// Numbers that the kernel does not give out again once it has been round, and the highest pid_max that it takes
// (RESERVED_PIDS, PID_MAX_LIMIT).
constexpr std::uint64_t kReservedPids = 300, kMaxPids = 1 << 22;
// Of 1000, each of which counts as a thousandth of the memory that the machine has.
constexpr int kOomScoreAdj = 800;

class Limiting {
public:
    Limiting(Plan& plan, const Spec& spec, const Host& host)
        : plan_(plan), spec_(spec), asked_(spec.limits), host_(host) {}

    std::optional<std::string> run() {
        plan_.rlimits = {
            {"core", RLIMIT_CORE, 0, 0},
            {"memlock", RLIMIT_MEMLOCK, std::min(8 * kMi, host_.hard.memlock), std::min(8 * kMi, host_.hard.memlock)},
            {"nice", RLIMIT_NICE, 0, 0},
            {"nofile", RLIMIT_NOFILE, std::min(kOpenSoft, host_.hard.nofile), std::min(kOpenHard, host_.hard.nofile)},
            {"rtprio", RLIMIT_RTPRIO, 0, 0},
            {"sigpending", RLIMIT_SIGPENDING, signals(), signals()}};
        plan_.oom_score_adj = std::max(kOomScoreAdj, host_.oom_score_adj);
        pids();
        memory();
        if (auto why_not = cpu()) return why_not;
        if (auto why_not = disk()) return why_not;
        plan_.timeout = asked_.timeout;
        record("timeout", asked_.timeout == 0 ? Means::none : Means::monitor, asked_.timeout);
        if (plan_.cgroup.settings.empty()) return std::nullopt;
        plan_.cgroup.directory = host_.cgroup.directory;
        plan_.cgroup.manager = host_.cgroup.manager;
        return std::nullopt;
    }

private:
    std::uint64_t signals() const {
        return std::min(std::max(host_.hard.sigpending / kSignals, kFewSignals), host_.hard.sigpending);
    }

    void record(const char* name, Means means, std::uint64_t value) {
        plan_.limits.push_back({name, means, means == Means::none ? 0 : value});
    }

    // Whether the jail's cgroup can have this controller. It has it, then.
    bool cgroup(const char* controller) {
        const std::vector<std::string>& there = host_.cgroup.controllers;
        if (host_.cgroup.directory.empty() || std::find(there.begin(), there.end(), controller) == there.end())
            return false;
        if (host_.cgroup.own || !host_.cgroup.manager.empty()) plan_.cgroup.enable.emplace_back(controller);
        return true;
    }
    void set(const char* file, std::string value, bool if_there = false) {
        plan_.cgroup.settings.push_back({file, std::move(value), if_there});
    }

    // The limit of a user is counted for each user in each user namespace (Linux 5.14), so it bounds a jail with one id,
    // and init, which needs no other process to end a jail, is never short. With a range each of 65,536 users would have it.
    void pids() {
        if (asked_.pids == kUnlimited) return record("pids", Means::none, 0);
        std::uint64_t wanted = asked_.pids == 0 ? kPids : asked_.pids;
        std::uint64_t each = std::min(wanted, host_.hard.nproc);
        plan_.rlimits.push_back({"nproc", RLIMIT_NPROC, each, each});
        if (asked_.pids > each)
            plan_.degraded.push_back({"a limit of " + std::to_string(wanted) + " processes",
                                      "your own is " + std::to_string(each) + " (ulimit -Hu)"});
        if (cgroup("pids")) {
            set("pids.max", std::to_string(wanted));
            return record("pids", Means::cgroup, wanted);
        }
        if (!plan_.groups) return record("pids", Means::rlimit, each);
        bool proc = std::any_of(spec_.mounts.begin(), spec_.mounts.end(),
                                [](const Mount& mount) { return std::holds_alternative<Proc>(mount); });
        if (host_.own_pid_max && !spec_.shared.pid && proc && !plan_.callers_proc)
            return record("pids", Means::pidns, wanted);
        record("pids", Means::rlimit, each);
        plan_.degraded.push_back(
            {"a limit on the processes of all users of the jail together",
             "each of them has its own; a cgroup would have one for all, or Linux 6.14 with a /proc of "
             "the jail's own"});
    }

    // The caller's cgroup, if it has one, or the machine.
    std::uint64_t available() const {
        if (host_.memory_limit == 0) return host_.memory;
        return host_.memory == 0 ? host_.memory_limit : std::min(host_.memory, host_.memory_limit);
    }
    static std::uint64_t part(std::uint64_t of, unsigned percent) {
        return of / 100 * percent + of % 100 * percent / 100;
    }
    std::uint64_t bytes(const Amount& amount) const {
        return amount.percent != 0 ? part(host_.memory, amount.percent) : amount.bytes;
    }

    void memory() {
        bool asked = asked_.memory != Amount{};
        memory_ = asked ? bytes(asked_.memory) : part(available(), 75);
        if (memory_ == 0) memory_ = kUnlimited; // not known how much there is
        if (memory_ == kUnlimited) return record("memory", Means::none, 0);
        if (cgroup("memory")) {
            set("memory.max", std::to_string(memory_ / kPage * kPage));
            set("memory.swap.max", "0", true); // not there where swap is not counted
            set("memory.oom.group", "1");      // half a jail is of no use
            return record("memory", Means::cgroup, memory_);
        }
        if (plan_.callers_proc) return memory_of_each(asked);
        plan_.watched_memory = memory_;
        // What one process cannot have anyway should fail where it asks, each time at the same place. Not by default:
        // sanitizers and the like ask for far more than they use.
        std::uint64_t data = std::min(memory_, host_.hard.data);
        if (asked) plan_.rlimits.push_back({"data", RLIMIT_DATA, data, data});
        record("memory", Means::watched, memory_);
    }

    // Init finds the jail's processes in the jail's own procfs.
    void memory_of_each(bool asked) {
        std::uint64_t data = std::min(memory_, host_.hard.data);
        if (asked) plan_.rlimits.push_back({"data", RLIMIT_DATA, data, data});
        record("memory", asked ? Means::rlimit : Means::none, asked ? data : 0);
        plan_.degraded.push_back(
            {"a limit on the memory of all processes together",
             "the jail has no /proc of its own to count them in, and there is no cgroup for it"});
    }

    std::optional<std::string> cpu() {
        if (asked_.cpu == 0) {
            record("cpu", Means::none, 0);
            return std::nullopt;
        }
        if (cgroup("cpu")) {
            set("cpu.max", std::to_string(std::uint64_t{asked_.cpu} * 1000) + " 100000");
            record("cpu", Means::cgroup, asked_.cpu);
            return std::nullopt;
        }
        if (asked_.cpu % 100 != 0)
            return "--cpu: a part of a CPU takes a cgroup with a cpu controller that you may use, as systemd's user "
                   "manager "
                   "gives; without one, whole CPUs";
        if (host_.cpus.empty()) return "--cpu: the kernel does not tell which CPUs there are";
        // Neighbours, from the one that the caller was on: not all jails on the same.
        for (std::size_t i = 0; i < std::min<std::size_t>(asked_.cpu / 100, host_.cpus.size()); ++i)
            plan_.cpus.push_back(host_.cpus[(host_.cpu + i) % host_.cpus.size()]);
        std::sort(plan_.cpus.begin(), plan_.cpus.end());
        if (spec_.policy.seccomp == Seccomp::off)
            plan_.degraded.push_back(
                {"keeping the payload on its CPUs", "without a seccomp policy it may choose others"});
        record("cpu", Means::affinity, asked_.cpu);
        return std::nullopt;
    }

    std::optional<std::string> disk() {
        plan_.scratch.directory = spec_.scratch.directory;
        plan_.scratch.kept = spec_.scratch.kept;
        std::uint64_t size = bytes(spec_.scratch.size);
        if (!spec_.scratch.directory.empty()) {
            record("disk", Means::none, 0);
            if (size == 0 || size == kUnlimited) return std::nullopt;
            return "--disk: on disk, ajail cannot keep a limit; --scratch=tmpfs, or a DIR on a file system of that "
                   "size";
        }
        // As the kernel's own default, but also of less than the machine has: when it is full, that should be ENOSPC and
        // nobody's death.
        if (size == 0) {
            size = available();
            if (asked_.memory != Amount{}) size = std::min(size == 0 ? kUnlimited : size, memory_);
            size = size == kUnlimited ? 0 : size / 2;
        }
        plan_.scratch.size = size;
        if (size == 0) return record("disk", Means::tmpfs, 0), std::nullopt; // the kernel's choice
        // Empty files take memory, too, about a KiB each.
        plan_.scratch.files = size == kUnlimited ? kUnlimited : std::clamp(size / kPage, kFewFiles, kFiles);
        record("disk", size == kUnlimited ? Means::none : Means::tmpfs, size);
        return std::nullopt;
    }

    Plan& plan_;
    const Spec& spec_;
    const Limits& asked_;
    const Host& host_;
    std::uint64_t memory_ = kUnlimited;
};

} // namespace

std::optional<std::string> limit(Plan& plan, const Spec& spec, const Host& host) {
    return Limiting(plan, spec, host).run();
}

std::optional<std::uint64_t> pid_max(const Plan& plan) {
    for (const Limit& limit : plan.limits)
        if (limit.means == Means::pidns) return std::min(limit.value, kMaxPids - kReservedPids) + kReservedPids;
    return std::nullopt;
}

const char* name(Means means) {
    static constexpr const char* kNames[] = {"none",    "cgroup",   "pidns", "rlimit",
                                             "watched", "affinity", "tmpfs", "monitor"};
    return kNames[static_cast<int>(means)];
}

} // namespace ajail::spec
