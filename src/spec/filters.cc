// SPDX-License-Identifier: Apache-2.0
// See filters.h. What each program does stands in src/policy/filters.
#include "spec/filters.h"

#include <algorithm>
#include <iterator>
#include <linux/capability.h>
#include <set>
#include <string_view>

namespace ajail::spec {

namespace {

// What the payload still calls once the allowlist stands: the listener is handed over, that it stands is read back, and
// exec. The report takes memory, and waits for the monitor.
constexpr const char* kAfterSeccomp[] = {"sendmsg", "pread64", "execve"};
constexpr const char* kForReport[] = {"write", "recvmsg", "brk", "mmap", "munmap"};

constexpr const char* kSetAttribute[] = {"setxattr", "lsetxattr", "fsetxattr", "setxattrat"};

// Those by which a file gets its mode.
constexpr const char* kTakesMode[] = {"open",     "openat",    "creat", "chmod",  "fchmod",
                                      "fchmodat", "fchmodat2", "mknod", "mknodat"};

constexpr const char* kSetIdAway = "keeping set-user-ID bits off files in granted directories";

bool names(const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool allows(const Policy& policy, std::string_view group) { return allowed(policy.allow, policy.deny, group); }

class Filters {
public:
    Filters(Plan& plan, const Spec& spec, const Host& host) : plan_(plan), spec_(spec), host_(host) {}

    // Of equal answers the newest program's counts (seccomp(2)): so of two that ask, the one that is listened to comes
    // later (guard), and what is denied by name comes last, and is refused and not faked. The terminal's and the root
    // emulation are walls and promises of their own, whatever is allowed besides.
    void choose() {
        const Policy& asked = spec_.policy;
        bool filtered = asked.seccomp != Seccomp::off, strict = asked.seccomp == Seccomp::strict || refuses_set_ids();
        bool listed = filtered && asked.seccomp != Seccomp::profile; // a profile says itself what is allowed
        std::string root = root_emulation();
        bool listens = filtered && may_listen(root == "root");
        std::string changes = listed && listens ? (strict ? "+noted+noted_strict" : "+noted") : "";
        if (listed) changes += allowed();
        if (listed) plan_.filters.push_back("default" + std::string(strict ? "+strict" : "") + changes);
        if (filtered) plan_.filters.push_back(asked.unsynced ? "terminal+init+unsynced" : "terminal+init");
        if (!root.empty()) plan_.filters.push_back(root);
        if (listens) plan_.filters.back() += changes + guard();
        if (!allows(asked, "32bit")) join();
        if (std::string denied = denials_by_name(); filtered && !denied.empty()) plan_.filters.push_back(denied);
        if (filtered && allows(asked, "32bit"))
            for (std::string& filter : plan_.filters) filter += "+32bit";
        if (refuses_set_ids() && asked.seccomp == Seccomp::standard)
            plan_.degraded.push_back(
                {"set-user-ID bits, and debuggers",
                 std::string(why_nobody_answers()) + "; the policy is that of --seccomp=strict"});
        // Where the policy lets nobody ask for keys, the caller's keyring is out of reach as well; else lower() refuses.
        if (!host_.keyctl && listed && !asks_for_keys()) {
            plan_.own_keyring = false;
            plan_.degraded.push_back(
                {"a session keyring of the jail's own",
                 std::string(kNoKeyctl) + "; what keeps the caller's away is the seccomp policy alone"});
        }
        if (const char* why = sets_ids())
            plan_.degraded.push_back(
                {kSetIdAway, std::string(why) + (host_.real_root ? "; they are root's for whoever gets there" : "")});
        if (asked.seccomp != Seccomp::profile) return;
        plan_.programs = asked.programs;
        plan_.profile = asked.profile;
    }

private:
    std::string root_emulation() {
        if (spec_.policy.no_root_emulation) return "";
        if (plan_.groups) return "devices"; // all else is really done
        // A jail in a jail: the outer one's init answers, and two could not (seccomp(2): EBUSY).
        if (!payload_is_root(plan_) || host_.emulated) return "";
        if (!host_.listener && !plan_.callers_proc) return "root";
        plan_.degraded.push_back({"root emulation", std::string(why_nobody_answers()) + "; chown and the like fail"});
        return "";
    }

    bool asks_for_keys() const {
        bool any = allows(spec_.policy, "keyring") || allows(spec_.policy, "32bit");
        for (const char* call : {"keyctl", "add_key", "request_key"}) any |= allows(spec_.policy, call);
        return any;
    }

    // The kernel translates every program at each start, and asks each in turn.
    void join() {
        std::string all;
        for (const std::string& filter : plan_.filters) all += (all.empty() ? "" : ",") + filter;
        if (std::find(std::begin(kStacks), std::end(kStacks), all) != std::end(kStacks)) plan_.filters = {all};
    }

    // There can be one listener (seccomp(2), EBUSY): ours, or that of a program outside, or, where sandboxes inside are
    // allowed and no ROOT is emulated, one of theirs: what ours would guard there could not hold (sets_ids).
    bool may_listen(bool root) const {
        return !host_.emulated && !host_.listener && !plan_.callers_proc && (!nested(spec_.policy) || root);
    }

    // Where nobody can be asked which of them are for granted directories.
    bool refuses_set_ids() const {
        Seccomp policy = spec_.policy.seccomp;
        return plan_.callers_proc && (policy == Seccomp::standard || policy == Seccomp::strict);
    }

    // Null if our init can.
    const char* why_nobody_answers() const {
        if (plan_.callers_proc) return "init finds who asks in a /proc of the jail's own, and there is none";
        return host_.listener ? "another seccomp program here asks somebody already, and the kernel takes one such"
                              : nullptr;
    }

    // Joined with the newest of those that may ask, which must also have the allowlist's changes: only its questions are
    // heard. In front of them, as no --allow opens these: set-id bits are asked about, and nobody else listens.
    std::string guard() const {
        bool openat2 = sandboxes() || allows(spec_.policy, "openat2");
        return std::string("+setid") + (openat2 ? "+openat2" : "") + "+listener";
    }

    bool sandboxes() const { return nested(spec_.policy) || plan_.second_userns; }

    // Why set-id bits may come to a file in a granted directory; null if they cannot.
    const char* sets_ids() const {
        if (spec_.policy.seccomp == Seccomp::off) return "there is no seccomp policy";
        if (allows(spec_.policy, "io_uring")) return "io_uring opens files past the seccomp policy";
        if (allows(spec_.policy, "openat2")) return "openat2 is allowed, and its mode cannot be seen";
        // The copies that overlayfs makes in its upper layer have the mode of what they are copies of.
        if (sandboxes()) return "mounts inside are allowed, and an overlayfs copies them up";
        // A jail in a jail: the outer one's init answers, and strips them everywhere, or nowhere.
        if (host_.emulated) return host_.strips ? nullptr : "the jail around this one does not";
        if (!refuses_set_ids()) return why_nobody_answers();
        bool any = std::any_of(std::begin(kTakesMode), std::end(kTakesMode),
                               [&](const char* call) { return allows(spec_.policy, call); });
        return any ? "a call that is allowed by name lets any mode through, and nobody is asked" : nullptr;
    }

    // What is allowed besides, by name, see policy/filters.h.
    std::string allowed() const {
        const Policy& asked = spec_.policy;
        std::string name;
        std::set<std::string> groups;
        for (const SeccompGroup& group : seccomp_groups()) {
            groups.insert(group.name);
            if (std::string_view(group.name) == "32bit") continue; // choose()
            // A capability without the calls that it is for would be no capability.
            bool implied = (std::string_view(group.name) == "userns" && (plan_.second_userns || asked.nested)) ||
                           (std::string_view(group.name) == "raw-socket" && adds(asked, CAP_NET_RAW));
            std::string program = group.name;
            std::replace(program.begin(), program.end(), '-', '_');
            if (allows(asked, group.name) || (implied && !names(asked.deny, group.name))) name += "+" + program;
        }
        for (const std::string& call : std::set(asked.allow.begin(), asked.allow.end()))
            if (!groups.contains(call)) name += "+" + call;
        return name;
    }

    std::string denials_by_name() const {
        std::set<std::string> denied(spec_.policy.deny.begin(), spec_.policy.deny.end());
        for (const SeccompGroup& group : seccomp_groups())
            if (denied.erase(group.name) != 0) denied.insert(group.denied.begin(), group.denied.end());
        if (!plan_.cpus.empty()) denied.insert("sched_setaffinity"); // or the payload could undo it
        if (refuses_attributes(plan_, spec_, host_))
            denied.insert(std::begin(kSetAttribute), std::end(kSetAttribute));
        // A profile may let rings through, which neither that nor the questions about set-id bits would see.
        if (spec_.policy.seccomp == Seccomp::profile && !allows(spec_.policy, "io_uring"))
            denied.insert("io_uring_setup");
        std::string name;
        for (const std::string& call : denied) name += "-" + call;
        return name;
    }

    Plan& plan_;
    const Spec& spec_;
    const Host& host_;
};

} // namespace

const std::vector<SeccompGroup>& seccomp_groups() {
    static const std::vector<SeccompGroup> groups = {
        {"ptrace", "", {"ptrace", "process_vm_readv", "process_vm_writev"}},
        {"perf", ""},
        {"io_uring", "its rings open files and sockets past the seccomp policy"},
        {"userns", "mounts, overlayfs, network devices and more of the kernel become reachable"},
        {"keyring", "keys belong to no namespace"},
        {"vsock", "no network namespace holds these sockets back"},
        {"raw-socket", ""},
        {"numa", ""},
        {"32bit", "the kernel's other entrance, for 32-bit programs"},
    };
    return groups;
}

bool allowed(const std::vector<std::string>& allow, const std::vector<std::string>& deny, std::string_view name) {
    return names(allow, name) && !names(deny, name);
}

bool adds(const Policy& policy, int cap) {
    return std::find(policy.add_caps.begin(), policy.add_caps.end(), cap) != policy.add_caps.end();
}

bool nested(const Policy& policy) { return policy.nested || allows(policy, "userns"); }

bool payload_is_root(const Plan& plan) { return (plan.user ? plan.user->uid : plan.uids[0].inside) == 0; }

bool refuses_attributes(const Plan& plan, const Spec& spec, const Host& host) {
    return host.real_root && nested(spec.policy) && payload_is_root(plan) && spec.policy.seccomp != Seccomp::off &&
           !allows(spec.policy, "io_uring") && !adds(spec.policy, CAP_SETFCAP);
}

std::optional<std::string> denials(const Spec& spec) {
    const Policy& asked = spec.policy;
    if (asked.seccomp == Seccomp::off && !asked.deny.empty())
        return "--deny: without a seccomp policy nothing can be refused (--seccomp=off)";
    for (const std::string& name : asked.allow)
        if (asked.seccomp == Seccomp::profile && name != "32bit" && name != "userns" && name != "io_uring")
            return "--allow=" + name + ": with a profile, that says what is allowed (--seccomp=FILE)";
    for (const char* call : kAfterSeccomp)
        if (names(asked.deny, call)) return std::string("--deny=") + call + ": starting the command takes it";
    for (const char* call : kForReport)
        if (spec.report && names(asked.deny, call)) return std::string("--deny=") + call + ": --report takes it";
    return std::nullopt;
}

void filter(Plan& plan, const Spec& spec, const Host& host) {
    Filters(plan, spec, host).choose();
    auto bit = [](int cap) { return std::uint64_t{1} << cap; };
    bool asks = std::any_of(plan.filters.begin(), plan.filters.end(), [](const std::string& name) {
        return name.starts_with("root") || name.find("+setid") != std::string::npos;
    });
    plan.init_caps = bit(CAP_KILL);
    // To read what pointers point to, to keep who is who (policy/emulation.h), to be who asks (policy/deputy.h).
    if (asks) plan.init_caps |= bit(CAP_SYS_PTRACE) | bit(CAP_SYS_NICE) | bit(CAP_SYS_CHROOT) | answering_caps(plan);
    if (asks && plan.groups) plan.init_caps |= bit(CAP_SETUID) | bit(CAP_SETGID);
    if (plan.watched_memory != 0) plan.init_caps |= bit(CAP_SYS_PTRACE); // to see who has how much (policy/limits.h)
}

std::uint64_t answering_caps(const Plan& plan) {
    constexpr std::uint64_t kOverFiles = std::uint64_t{1} << CAP_DAC_OVERRIDE | std::uint64_t{1} << CAP_FOWNER |
                                         std::uint64_t{1} << CAP_DAC_READ_SEARCH | std::uint64_t{1} << CAP_FSETID;
    return plan.caps & kOverFiles;
}

} // namespace ajail::spec
