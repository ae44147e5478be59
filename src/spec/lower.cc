// SPDX-License-Identifier: Apache-2.0
// lower(): from what was asked for to what will be done. Every choice between kernel features is made here.
#include "spec/filters.h"
#include "spec/ids.h"
#include "spec/limits.h"

#include <algorithm>
#include <cstdio>
#include <linux/capability.h>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace ajail::spec {

namespace {

constexpr std::size_t kMaxOps = 60000; // an Error's operation index has 16 bits

constexpr std::uint64_t bit(int cap) { return std::uint64_t{1} << cap; }

// What a package manager's root needs inside its own namespace and no more: Docker's default set without MKNOD and
// NET_RAW. Over ids that are not mapped they mean nothing.
constexpr std::uint64_t kRootCaps = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_FSETID) |
                                    bit(CAP_KILL) | bit(CAP_SETGID) | bit(CAP_SETUID) | bit(CAP_SETPCAP) |
                                    bit(CAP_SETFCAP) | bit(CAP_NET_BIND_SERVICE) | bit(CAP_SYS_CHROOT) |
                                    bit(CAP_AUDIT_WRITE);

constexpr unsigned kNestedUserns = 16; // for each user; Chromium's sandbox, bubblewrap and ajail make one or two each

constexpr unsigned kPrivate = 0700; // parents of what has no mode of its own

// Who may not enter a directory shall not get further by the ones above, which are made for it.
constexpr unsigned parents_for(unsigned mode) {
    return 0755U & ~((mode & 0070U) == 0 ? 0050U : 0U) & ~((mode & 0007U) == 0 ? 0005U : 0U);
}

constexpr Attr kReadOnly{};
constexpr Attr kProgramsReadOnly{.exec = true};
constexpr Attr kPrograms{.writable = true, .exec = true};
constexpr Attr kData{.writable = true};

// Of a fresh procfs: kernel knobs that file modes alone do not protect from a mapped root (the list of runc's
// readonlyPaths), and what tells about or reaches the whole machine (its maskedPaths and more).
constexpr const char* kProcReadOnly[] = {"sys", "irq", "bus", "fs"};
constexpr const char* kProcMasked[] = {
    "sysrq-trigger", "kcore",      "keys",         "key-users",  "kallsyms",    "kmsg",     "timer_list",
    "sched_debug",   "interrupts", "kpagecount",   "kpageflags", "kpagecgroup", "slabinfo", "latency_stats",
    "vmallocinfo",   "acpi",       "pagetypeinfo", "scsi",       "asound",      "mtrr",     "driver/rtc"};
// Of /sys, where nothing can be written: what tells about the firmware, the kernel's own memory and programs, other
// jails' limits, and what the processor draws (CVE-2020-8694).
constexpr const char* kSysMasked[] = {
    "firmware", "power",          "module",    "kernel/debug", "kernel/notes",      "kernel/security",
    "fs/bpf",   "kernel/tracing", "fs/pstore", "fs/cgroup",    "kernel/vmcoreinfo", "devices/virtual/powercap"};
constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom", "tty"};
constexpr std::pair<const char*, const char*> kDevLinks[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},      {"ptmx", "pts/ptmx"}};

constexpr const char* kTerminals = "256"; // of the 4,096 that the machine has (kernel.pty.max)

std::string join(const std::string& dir, std::string_view name) {
    std::string path = dir;
    if (path.empty() || path.back() != '/') path += '/';
    path += name;
    return path;
}

class Lowering {
public:
    Lowering(const Spec& spec, const Host& host) : spec_(spec), host_(host) {}

    std::variant<Plan, Refusal> run() {
        if (spec_.bare) {
            bare();
        } else {
            if (auto why_not = ids()) return Refusal{*why_not};
            if (auto why_not = user()) return Refusal{*why_not};
            if (auto why_not = denials(spec_)) return Refusal{*why_not};
            plan_.callers_proc = spec_.callers_proc;
            if (auto why_not = limit(plan_, spec_, host_)) return Refusal{*why_not};
            if (plan_.callers_proc && (nested(spec_.policy) || needs_second_userns()))
                return Refusal{"user namespaces and mounts inside take a /proc of the jail's own (--proc=fresh)"};
        }
        plan_.ops.reserve(2 * spec_.mounts.size() + 8); // growing would touch as many pages again
        if (const char* why_not = root()) return Refusal{why_not};
        if (plan_.callers_proc)
            if (const char* why_not = sysctls_of_caller()) return Refusal{why_not};
        for (const Mount& mount : spec_.mounts) std::visit([this](const auto& m) { add(m); }, mount);
        policy();
        if (plan_.own_keyring && !host_.keyctl)
            return Refusal{std::string(kNoKeyctl) + ", and what may ask for keys would get at the caller's"};
        terminal();
        exec();
        plan_.report = spec_.report;
        plan_.shared = spec_.shared;
        if (host_.sethostname) plan_.hostname = spec_.hostname;
        else if (spec_.hostname) plan_.degraded.push_back({"a host name of the jail's own", kNoSethostname});
        if (plan_.ops.size() > kMaxOps) return Refusal{"more than 60000 mounts in one jail"};
        return std::move(plan_);
    }

    std::uint64_t caps() {
        (void)ids(); // lower() says what is wrong
        (void)user();
        return payload_caps();
    }

private:
    // What is asked for and nothing else, see Spec::bare. One id, the caller's own, also real root's.
    void bare() {
        plan_.enter = spec_.enter;
        plan_.supervise = spec_.supervise;
        plan_.new_session = spec_.new_session;
        plan_.own_keyring = false;
        plan_.descriptors = true;
        plan_.host_targets = true;
        const Supervise& asked = spec_.supervise;
        bool needs_reaper = !spec_.shared.pid || !asked.sync.empty() || !asked.locks.empty();
        plan_.init = needs_reaper && !asked.as_pid_1 ? Init::reaper : Init::none;
        if (spec_.enter.userns >= 0) plan_.user = spec_.user;
        if (spec_.shared.user || spec_.enter.userns >= 0 || asked.ids >= 0 || !spec_.user) return;
        plan_.uids = {{spec_.user->uid, host_.uid, 1}};
        plan_.gids = {{spec_.user->gid, host_.gid, 1}};
    }

    // One id, or a range: an unassigned one for real root (which is never mapped), a subordinate one for others.
    // Or why not.
    std::optional<std::string> ids() {
        plan_.real_root = host_.real_root;
        if (host_.real_root) {
            plan_.uids = plan_.gids = {{0, kRootRangeBase, kRootRangeCount}};
            plan_.groups = true;
            return std::nullopt;
        }
        bool self = spec_.identity == Identity::self;
        plan_.uids = {{self ? host_.uid : 0, host_.uid, 1}};
        plan_.gids = {{self ? host_.gid : 0, host_.gid, 1}};
        if (spec_.users == Users::one) return std::nullopt;
        std::string why_not =
            self ? "the host's own programs run as you (--fs=NAME: a root filesystem of its own)" : no_range(host_);
        // Whoever insists on a range hears it from the helper itself, which knows better.
        if (why_not.empty() && spec_.users == Users::automatic && !host_.subordinates.privileged)
            why_not = "newuidmap or newgidmap is not set-user-ID root here";
        if (!why_not.empty()) {
            if (spec_.users == Users::range) return "--users=range: " + why_not;
            plan_.degraded.push_back({"users of their own inside", why_not});
            return std::nullopt;
        }
        plan_.uids = map_range(host_.uid, host_.subordinates.uids);
        plan_.gids = map_range(host_.gid, host_.subordinates.gids);
        plan_.groups = true;
        plan_.newuidmap = host_.subordinates.newuidmap;
        plan_.newgidmap = host_.subordinates.newgidmap;
        return std::nullopt;
    }

    // The payload's user: with several ids it becomes that one, with one id that one is what the id is called. Or why
    // it cannot be.
    std::optional<std::string> user() {
        if (!spec_.user) return std::nullopt;
        const User& user = *spec_.user;
        bool many = plan_.groups;
        if (!many) {
            // The host's own files are the caller's by number: no other number could be right.
            bool own = user.uid == host_.uid && user.gid == host_.gid;
            if (spec_.identity == Identity::self)
                return own ? std::nullopt : std::optional<std::string>("--user: the host's own programs run as you");
            plan_.uids[0].inside = user.uid;
            plan_.gids[0].inside = user.gid;
            if (std::any_of(user.groups.begin(), user.groups.end(), [&](unsigned g) { return g != user.gid; }))
                plan_.degraded.push_back({"the user's supplementary groups", "one id is mapped"});
            return std::nullopt;
        }
        if (!maps(plan_.uids, user.uid)) return "--user: uid " + std::to_string(user.uid) + not_mapped(plan_.uids);
        if (!maps(plan_.gids, user.gid)) return "--user: gid " + std::to_string(user.gid) + not_mapped(plan_.gids);
        for (unsigned group : user.groups)
            if (!maps(plan_.gids, group))
                return "--user: the user's group " + std::to_string(group) + not_mapped(plan_.gids);
        plan_.user = user;
        return std::nullopt;
    }

    static std::string not_mapped(const IdMaps& maps) {
        unsigned count = maps.back().inside + maps.back().count;
        return " is none of the " + std::to_string(count) + " ids in the jail (0 to " + std::to_string(count - 1) +
               ")";
    }

    // What stands at `/`; or why it cannot.
    const char* root() {
        const Source& source = spec_.root.source;
        switch (spec_.root.kind) {
        case Root::empty:
            // What is mounted over all of it at once needs no ground.
            if (!covers_root()) op(op::Directory{"/", 0755, kPrograms});
            break;
        case Root::writable: op(op::Bind{source, "/", kPrograms, idmap(source), true, keeps_setid(source)}); break;
        case Root::overlay:
            if (!host_.overlay)
                return "this kernel offers no overlayfs, and a throw-away root filesystem needs it; as root: "
                       "modprobe "
                       "overlay (or use --fs=host)";
            if (source.submounts && !idmap(source)) return kMountedInRoot;
            op(op::Overlay{.lowers = {source},
                           .entry = "",
                           .target = "/",
                           .attr = kPrograms,
                           .idmap = idmap(source),
                           .kept = spec_.root.kept});
            break;
        }
        return nullptr;
    }

    bool covers_root() const {
        auto* bind = spec_.mounts.empty() ? nullptr : std::get_if<Bind>(&spec_.mounts.front());
        return bind != nullptr && bind->target == "/" && bind->source.directory;
    }

    // A set-id file in a root filesystem is one of the host's, the caller's or root's, for whoever gets to it there. The
    // payload owns what it is given to write to, and could open the way again.
    bool keeps_setid(const Source& source) {
        bool given = std::any_of(spec_.mounts.begin(), spec_.mounts.end(), [&](const Mount& mount) {
            auto* bind = std::get_if<Bind>(&mount);
            return bind != nullptr && bind->writable && within(source.closed_by, host_path(bind->source));
        });
        if (!source.closed_by.empty() && !given) return true;
        constexpr const char* kWhat = "set-user-ID bits of files in the root filesystem";
        bool said = std::any_of(plan_.degraded.begin(), plan_.degraded.end(),
                                [&](const Degraded& d) { return d.what == kWhat; });
        if (!said)
            plan_.degraded.push_back(
                {kWhat,
                 given ? "the directory that keeps others out of it, " + source.closed_by + ", is given for writing"
                       : "others on this machine can get there; chmod go-x on a directory "
                         "above it keeps them out"});
        return false;
    }

    void add(const Bind& m) {
        if (!m.edit) pin(m.target);
        if (m.devices) device_directories_.push_back(m.target);
        Attr attr{.writable = m.writable, .devices = m.devices, .exec = true};
        op(op::Bind{m.source, m.target, attr, idmap(m.source) && !(m.devices && within(host_path(m.source), "/dev")),
                    m.edit, m.make_setid && keeps_setid(m.source)});
    }

    void add(const Overlay& m) {
        pin(m.target);
        // A user namespace may not take a layer apart from the mounts in it (has_locked_children, EINVAL).
        const char* why_not = !host_.overlay                           ? "no overlayfs here"
                              : m.source.submounts && !idmap(m.source) ? "file systems are mounted in it"
                              : m.source.topmost                       ? "it is on two overlays already"
                                                                       : nullptr;
        if (why_not != nullptr) {
            // Read-only keeps the promise that nothing of it changes. What listens in it does so here, too.
            plan_.degraded.push_back(
                {"writing to " + m.target,
                 std::string(why_not) + ", so it is read-only, and sockets in it are the host's"});
            op(op::Bind{m.source, m.target, kProgramsReadOnly, idmap(m.source), false});
            return;
        }
        op::Overlay overlay{.lowers = {m.source},
                            .entry = "",
                            .target = m.target,
                            .attr = kPrograms,
                            .idmap = idmap(m.source),
                            .kept = m.kept};
        if (!m.source.directory) {
            // overlayfs takes directories: the file's own directory below, and only the file shown. Nothing is
            // copied until somebody writes.
            overlay.entry = m.source.path.substr(m.source.path.rfind('/') + 1);
            overlay.lowers[0] = directory_of(m.source);
        }
        op(std::move(overlay));
    }

    void add(const Layers& m) {
        op::Overlay overlay{m.lowers, "", m.target, kPrograms};
        overlay.attr.writable = m.writes != Layers::none;
        overlay.writes = m.writes;
        overlay.upper = m.upper;
        overlay.work = m.work;
        overlay.mode = 0755;
        op(std::move(overlay));
    }

    void add(const Tmpfs& m) {
        pin(m.target);
        if (spec_.bare) op(tmpfs(m.target, m.mode, m.size));
        else op(op::Directory{m.target, m.mode & 07777U, kPrograms, m.kept});
    }
    void add(const Mqueue& m) { op(op::Filesystem{"mqueue", {}, m.target, kData, kPrivate}); }
    void add(const Mask& m) {
        pin(m.target);
        op(op::Mask{m.target, false});
    }
    void add(const Data& m) {
        bool bind = m.how == Data::replace ? !throw_away() : m.how != Data::written;
        Attr attr{.writable = m.how != Data::read_only, .exec = spec_.bare};
        op(op::Data{m.target, m.content, m.mode, bind, attr, parents_for(m.mode)});
    }
    void add(const Directory& m) { op(op::MakeDirectory{m.target, m.mode, parents_for(m.mode)}); }
    void add(const Chmod& m) { op(op::Chmod{m.target, m.mode}); }
    void add(const ReadOnly& m) { op(op::ReadOnly{m.target}); }
    void add(const Symlink& m) { op(op::Symlink{m.target, m.to}); }

    void add(const Proc& m) {
        if (spec_.bare) return bare_proc(m);
        if (spec_.callers_proc) return callers_proc(m.target);
        if (nested(spec_.policy)) covered_proc(m.target);
        op(op::Filesystem{"proc", {}, m.target, kData});
        // No user namespaces below this one: the door to most kernel bugs of the last years. With a second level for
        // the payload that one is already counted. See namespaces(7), "max_user_namespaces".
        unsigned most = (nested(spec_.policy) ? kNestedUserns : 0) + (needs_second_userns() ? 1 : 0);
        op(op::Sysctl{join(m.target, "sys/user/max_user_namespaces"), std::to_string(most)});
        if (auto max = pid_max(plan_)) op(op::Sysctl{join(m.target, "sys/kernel/pid_max"), std::to_string(*max)});
        half_of_inotify(join(m.target, "sys/user/"), false);
        for (const char* name : kProcReadOnly) op(op::Restrict{join(m.target, name), kReadOnly});
        for (const char* name : kProcMasked) op(op::Mask{join(m.target, name), true});
    }

    // All of it read-only: some files of other processes ask for nothing but their owner's id (oom_score_adj).
    void callers_proc(const std::string& target) {
        op(op::Bind{{.path = "/proc", .system = true}, target, kReadOnly});
        for (const char* name : kProcMasked) op(op::Mask{join(target, name), true});
        plan_.degraded.push_back(
            {"a /proc of the jail's own",
             "the caller's is shown, with the names and arguments of the processes around the jail"});
        if (!spec_.shared.network)
            plan_.degraded.push_back({"hiding the network outside",
                                      "in the caller's /proc are addresses, routes and connections of the processes "
                                      "around the jail"});
    }

    // Those of a procfs of the jail's own, where there is none; or why not.
    const char* sysctls_of_caller() {
        constexpr const char* kPlace = "/proc/sys/user/";
        if (host_.proc_sys) {
            op(op::Sysctl{std::string(kPlace) + "max_user_namespaces", "0", true});
            half_of_inotify(kPlace, true);
            return nullptr;
        }
        const Policy& asked = spec_.policy;
        bool made = asked.seccomp == Seccomp::off || asked.seccomp == Seccomp::profile;
        for (const char* call : {"unshare", "clone", "clone3", "setns"})
            made |= allowed(asked.allow, asked.deny, call);
        if (made)
            return "the caller's /proc/sys is read-only, so nothing but the default and strict policies keeps user "
                   "namespaces from being made inside; without them, and with --allow of unshare, clone, clone3 or "
                   "setns, it "
                   "takes --proc=fresh";
        plan_.degraded.push_back(
            {"the kernel's own limit of no user namespaces",
             "the caller's /proc/sys is read-only; what refuses them is the seccomp policy alone"});
        plan_.degraded.push_back({"leaving half of the caller's inotify watches to who is outside",
                                  "the caller's /proc/sys is read-only"});
        return nullptr;
    }

    // All that is the caller's shares these, in the jail and outside (inotify(7)): half of them stay outside.
    void half_of_inotify(const std::string& place, bool old_root) {
        auto half = [&](const char* name, std::uint64_t of) {
            std::string value = std::to_string(std::max<std::uint64_t>(of / 2, 1));
            if (of != 0) op(op::Sysctl{join(place, name), value, old_root});
        };
        half("max_inotify_instances", host_.inotify.instances);
        half("max_inotify_watches", host_.inotify.watches);
    }

    // Who has a mount namespace inside may mount a procfs there only if all of one can be seen in it already, on some
    // mount (mnt_already_visible in the kernel's fs/namespace.c), and of the jail's own parts are masked. So there is
    // one more, in a directory below the jail's own, where no path leads. It can never be uncovered, since mounts are
    // locked in every mount namespace whose user namespace is another (mount_namespaces(7)).
    void covered_proc(const std::string& target) {
        op(op::Directory{target, 0755, kData});
        // The name that it has in mountinfo: one that leads to something less, for who goes by that (bubblewrap).
        op(op::Filesystem{"proc", {}, join(target, "sys"), kData});
    }

    void add(const Dev& m) {
        if (spec_.bare) return bare_dev(m);
        device_directories_.push_back(m.target);
        op(op::Directory{m.target, 0755, kData});
        for (const char* name : kDevices) {
            Source source{.path = join("/dev", name), .directory = false, .system = true};
            op(op::Bind{source, join(m.target, name), Attr{.writable = true, .devices = true}, false, false});
        }
        for (auto [name, to] : kDevLinks) op(op::Symlink{join(m.target, name), to});
        op(op::Filesystem{"devpts",
                          {{"ptmxmode", "0666"}, {"mode", "620"}, {"max", kTerminals}},
                          join(m.target, "pts"),
                          Attr{.writable = true, .devices = true}});
        op(op::Directory{join(m.target, "shm"), 01777, kPrograms});
        op(op::Filesystem{"mqueue", {}, join(m.target, "mqueue"), kData});
        bool any_tty = host_.tty[0] || host_.tty[1] || host_.tty[2];
        if (any_tty) op(op::Symlink{join(m.target, "console"), "pts/0"});
    }

    void add(const Sys& m) {
        // A new one shows the devices of the network namespace that it is made in, and takes one of the jail's own.
        if (spec_.shared.network) op(op::Bind{{.path = "/sys", .system = true}, m.target, kReadOnly});
        else op(op::Filesystem{"sysfs", {}, m.target, kReadOnly});
        for (const char* name : kSysMasked) op(op::Mask{join(m.target, name), true});
    }

    // Without an own pid namespace the host's procfs is the right one, and a new one could not be mounted.
    void bare_proc(const Proc& m) {
        Source host{.path = "/proc"};
        if (spec_.shared.pid && spec_.enter.pidns < 0) op(op::Bind{host, m.target, kPrograms});
        else op(op::Filesystem{"proc", {}, m.target, kData, kPrivate});
        // To others than the machine's root their modes say no.
        for (const char* name : {"sys", "sysrq-trigger", "irq", "bus"})
            if (host_.real_root) op(op::Restrict{join(m.target, name), kProgramsReadOnly});
    }

    void bare_dev(const Dev& m) {
        op(tmpfs(m.target, 0755, 0, kPrivate));
        auto device = [&](const std::string& path, const char* name) {
            Source source{.path = path, .directory = false, .system = true};
            Attr attr{.writable = true, .devices = true, .exec = true};
            op(op::Bind{source, join(m.target, name), attr});
        };
        for (const char* name : kDevices) device(join("/dev", name), name);
        for (auto [name, to] : kDevLinks) op(op::Symlink{join(m.target, name), to});
        op(op::MakeDirectory{join(m.target, "shm")});
        op(op::MakeDirectory{join(m.target, "pts")});
        op(op::Filesystem{"devpts",
                          {{"ptmxmode", "0666"}, {"mode", "620"}},
                          join(m.target, "pts"),
                          Attr{.writable = true, .devices = true},
                          kPrivate});
        if (!host_.console.empty()) device(host_.console, "console");
    }

    // A file system of its own, where that is what programs look for.
    static op::Filesystem tmpfs(const std::string& target, unsigned mode, std::uint64_t size,
                                std::optional<unsigned> parents = {}) {
        char text[16];
        (void)std::snprintf(text, sizeof text, "%o", mode & 07777U);
        op::Filesystem fs{"tmpfs", {{"mode", text}}, target, kPrograms, parents.value_or(parents_for(mode))};
        if (size != 0) fs.options.emplace_back("size", std::to_string(size));
        return fs;
    }

    // With CAP_SYS_RESOURCE the limit on user namespaces could be raised again.
    bool needs_second_userns() const {
        if (spec_.bare && plan_.uids.empty()) return false; // no user namespace of ours at all
        // Root has them without having asked, and whoever enters its namespaces from outside expects one level.
        if (spec_.bare && spec_.policy.caller_caps && spec_.policy.nested) return false;
        // What is nested lends a procfs where it can be written, to the jail's processes as well.
        bool limited = spec_.bare ? !spec_.policy.nested : nested(spec_.policy);
        return adds(spec_.policy, CAP_SYS_ADMIN) || (limited && adds(spec_.policy, CAP_SYS_RESOURCE));
    }

    void bare_policy() {
        const Policy& asked = spec_.policy;
        for (int cap : asked.add_caps) plan_.caps |= bit(cap);
        // The bounding set of a new user namespace is full, and is cut to what the caller has.
        plan_.caller_caps = asked.caller_caps && spec_.shared.user;
        plan_.ambient = !asked.caller_caps;
        plan_.second_userns = needs_second_userns();
        plan_.programs = asked.programs;
        plan_.assert_no_userns = asked.assert_not_nested;
        if (!asked.nested)
            op(op::Sysctl{"/proc/sys/user/max_user_namespaces", plan_.second_userns ? "1" : "0", true});
    }

    std::uint64_t payload_caps() const {
        bool root = (spec_.identity == Identity::root || host_.real_root) && payload_is_root(plan_);
        std::uint64_t caps = root ? kRootCaps : 0;
        // In a granted directory a file capability that the jail's root sets is the host root's: good for everybody.
        if (host_.real_root) caps &= ~bit(CAP_SETFCAP);
        // Without it uid 0 can be nobody in a user namespace inside (user_namespaces(7)).
        if (nested(spec_.policy) && payload_is_root(plan_) &&
            (!host_.real_root || refuses_attributes(plan_, spec_, host_)))
            caps |= bit(CAP_SETFCAP);
        for (int cap : spec_.policy.add_caps) caps |= bit(cap);
        return caps;
    }

    void policy() {
        if (spec_.bare) return bare_policy();
        plan_.caps = payload_caps();
        plan_.ambient = !payload_is_root(plan_);
        plan_.second_userns = needs_second_userns();
        plan_.landlock_abi = host_.landlock_abi;
        plan_.landlock_devices = std::move(device_directories_);
        if ((plan_.second_userns || nested(spec_.policy)) && plan_.landlock_abi != 0) {
            // Under a ruleset that handles files every mount(2) is refused (landlock(7)); who asks for
            // CAP_SYS_ADMIN or user namespaces wants mounts.
            plan_.landlock_files = false; // its scopes (ABI 6) do not mind
            const char* who = plan_.second_userns ? "CAP_SYS_ADMIN was granted" : "user namespaces are allowed";
            plan_.degraded.push_back({"Landlock for files", std::string(who) + ", and no mount works under it"});
        } else if (host_.landlock_abi == 0) {
            plan_.degraded.push_back({"Landlock", kNoLandlock});
        }
        if (host_.landlock_abi < kLandlockScopes && spec_.shared.network)
            plan_.degraded.push_back({"keeping the host's abstract Unix sockets away",
                                      "the network is shared, and Landlock can do it from Linux 6.12 on"});
        if ((plan_.second_userns || nested(spec_.policy)) && stands_on_writable())
            plan_.degraded.push_back({"holding what is mounted in a writable directory in its place",
                                      "who may mount can put the mounts aside, and rename what was below them"});
        filter(plan_, spec_, host_);
        if (refuses_attributes(plan_, spec_, host_))
            plan_.degraded.push_back({"setting extended attributes",
                                      "a file capability that the jail's root sets would be the host root's; with "
                                      "--cap-add=CAP_SETFCAP it can"});
    }

    void terminal() {
        if (spec_.bare) {
            plan_.terminal = Terminal::callers;
            return;
        }
        plan_.tty = host_.tty;
        if (host_.tty[0] && host_.tty[1]) plan_.terminal = Terminal::raw;
        else if (host_.tty[0] || host_.tty[1] || host_.tty[2]) plan_.terminal = Terminal::cooked;
    }

    void exec() {
        plan_.exec.cwds = spec_.command.cwds;
        plan_.exec.pwd = spec_.bare;
        for (const auto& [name, value] : spec_.command.env) plan_.exec.env.push_back(name + "=" + value);
        set_command(plan_.exec, spec_.command.argv, spec_.command.file);
    }

    // A mount holds its own name and nothing above it: below a writable directory, one in between could be renamed
    // away and something else be put at the path. So each in between becomes a mountpoint (rename(2): EBUSY).
    void pin(const std::string& target) {
        if (spec_.bare) return;
        std::optional<std::size_t> last;
        over(target, [&](const std::string& dir) {
            if (auto at = last_at_.find(dir); at != last_at_.end()) last = std::max(last.value_or(0), at->second);
        });
        std::size_t index = last.value_or(plan_.ops.size());
        auto* ground = last ? std::get_if<op::Bind>(&plan_.ops[index]) : nullptr;
        if (ground == nullptr || !ground->attr.writable || ground->edit) return;
        Attr attr = ground->attr;
        std::size_t end = target.find('/', ground->target.size() + 1);
        for (; end != std::string::npos; end = target.find('/', end + 1))
            if (pinned_.emplace(index, target.substr(0, end)).second) op(op::Restrict{target.substr(0, end), attr});
    }

    // Something is mounted in a directory of the host that is given to be written to. In a mount namespace of its own
    // the payload may detach the whole tree and go on in it by a descriptor; mountpoints of other namespaces can be
    // renamed (rename(2), since Linux 3.18).
    bool stands_on_writable() const {
        std::unordered_set<std::string> writable;
        for (const Op& op : plan_.ops) {
            bool on = false;
            over(target_of(op), [&](const std::string& dir) { on |= writable.contains(dir); });
            if (on) return true;
            auto* bind = std::get_if<op::Bind>(&op);
            if (bind != nullptr && bind->attr.writable && bind->source.directory && !bind->edit)
                writable.insert(bind->target);
        }
        return false;
    }

    // SEE each directory that PATH is within, itself first: few look-ups, however many mounts there are.
    template <class See> static void over(std::string path, See see) {
        for (std::size_t end = path.size(); end > 1; end = path.rfind('/', end - 1)) {
            path.resize(end);
            see(path);
        }
        see("/");
    }

    // Whether all that a path of the root filesystem may lead to, by whatever links, is thrown away.
    bool throw_away() const {
        bool edits = std::any_of(spec_.mounts.begin(), spec_.mounts.end(), [](const Mount& mount) {
            auto* bind = std::get_if<Bind>(&mount);
            return bind != nullptr && bind->edit;
        });
        return spec_.root.kind == Root::overlay && !edits;
    }

    bool idmap(const Source& source) const { return plan_.real_root && !source.system; }
    void op(Op o) {
        if (!spec_.bare && !std::holds_alternative<op::Restrict>(o)) last_at_[target_of(o)] = plan_.ops.size();
        plan_.ops.push_back(std::move(o));
    }

    const Spec& spec_;
    const Host& host_;
    Plan plan_;
    std::unordered_map<std::string, std::size_t> last_at_; ///< the last operation at a target that can be stood on
    std::set<std::pair<std::size_t, std::string>> pinned_; ///< by operation that they stand on
    std::vector<std::string> device_directories_;          ///< where device nodes are
};

} // namespace

std::variant<Plan, Refusal> lower(const Spec& spec, const Host& host) { return Lowering(spec, host).run(); }

std::uint64_t payload_caps(const Spec& spec, const Host& host) { return Lowering(spec, host).caps(); }

} // namespace ajail::spec
