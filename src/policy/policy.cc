// SPDX-License-Identifier: Apache-2.0
// Capabilities, no_new_privs, Landlock, seccomp, and the read-back of them.
#include "policy/policy.h"

#include "policy/filters.h"
#include "spec/walls.h"

#include <algorithm>
#include <cstring>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <optional>
#include <sys/prctl.h>

namespace ajail::policy {

using sys::Done;
using sys::Fd;
using sys::Status;

namespace {

constexpr int kStdio = 3;

// It is close-on-exec, and a call fewer.
void leave_to_exec(Fd fd) { (void)fd.release(); }

// Opening stdio again through /proc/self/fd gives what the descriptor has, no more: what came in read-only cannot
// be written.
std::uint64_t as_opened(int fd_flags, mode_t mode, const Ruleset& rules) {
    std::uint64_t access = 0;
    int way = fd_flags & O_ACCMODE;
    if (way == O_RDONLY || way == O_RDWR) access |= LANDLOCK_ACCESS_FS_READ_FILE;
    if (way == O_WRONLY || way == O_RDWR) access |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
    if (S_ISCHR(mode)) access |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return access & rules.handled;
}

// Hidden by a later mount, or not for this user: nothing is there for it.
bool is_nothing(int err) { return err == ENOENT || err == ENOTDIR || err == EACCES; }

// On a file system that nobody else ever mounts.
bool is_own(const spec::Plan& plan, const spec::Op& op) {
    if (auto* made = std::get_if<spec::op::Filesystem>(&op)) return made->type == "tmpfs";
    if (auto* made = std::get_if<spec::op::Directory>(&op))
        return plan.scratch.directory.empty() && made->kept.empty();
    return std::holds_alternative<spec::op::Overlay>(op);
}

bool mounts(const spec::Op& op) {
    return std::holds_alternative<spec::op::Bind>(op) || std::holds_alternative<spec::op::Overlay>(op) ||
           std::holds_alternative<spec::op::Directory>(op) || std::holds_alternative<spec::op::Filesystem>(op);
}

// The operation whose mount PATH is on, unless symlinks lead elsewhere.
std::optional<std::size_t> mounted_above(const spec::Plan& plan, const std::string& path) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < plan.ops.size(); ++i) {
        const std::string& target = spec::target_of(plan.ops[i]);
        if (!mounts(plan.ops[i]) || !spec::within(path, target)) continue;
        if (!found || spec::within(target, spec::target_of(plan.ops[*found]))) found = i;
    }
    return found;
}

// The kernel asks each directory from a file up to the first that has a rule, at every open: here is one that is nearer
// than `/`. No directory that others have: a rule belongs to the inode, and who was handed a descriptor of the host (stdin,
// something sent over a socket) would by the project's own directory be granted all beneath it by the host's mount as well,
// where nothing is read-only and nothing masked. So it is one of the jail's own file systems, and that its path leads to the
// very mount is looked at. Nothing is granted by it that `/` does not grant.
Status allow_near(const spec::Plan& plan, const Ground& ground, int ruleset, std::uint64_t access) {
    Above above = own_above(plan, ground.cwd);
    if (above.path == "/") return Done{};
    auto made = std::find_if(ground.mounts.begin(), ground.mounts.end(),
                             [&](const auto& mount) { return mount.first == above.op; });
    if (made == ground.mounts.end()) return Done{};
    auto directory = sys::open(above.path.c_str(), O_PATH | O_DIRECTORY);
    if (!directory && is_nothing(directory.error().err)) return Done{};
    Fd fd = TRY(std::move(directory));
    if (TRY(sys::mount_id(fd.get())) != made->second) return Done{};
    TRY(sys::landlock_allow(ruleset, fd.get(), access));
    leave_to_exec(std::move(fd));
    return Done{};
}

bool asks(std::span<const sock_filter> bytes) {
    return std::any_of(bytes.begin(), bytes.end(), [](const sock_filter& instruction) {
        return instruction.code == (BPF_RET | BPF_K) && instruction.k == SECCOMP_RET_USER_NOTIF;
    });
}

} // namespace

Status bound(std::uint64_t keep, std::uint64_t within) {
    for (int cap = 0; cap < 64; ++cap) {
        if (((within & ~keep) >> cap & 1U) == 0) continue;
        auto dropped = sys::prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(cap));
        if (dropped) continue;
        auto present = sys::prctl(PR_CAPBSET_READ, static_cast<unsigned long>(cap));
        if (!present && cap > CAP_LAST_CAP && present.error().err == EINVAL)
            break; // past the last one that this kernel knows
        if (!present || *present != 0) return dropped.error();
    }
    return Done{};
}

Status drop_caps(std::uint64_t keep, bool ambient) {
    // What is not inheritable any more is not ambient, either (capabilities(7)).
    TRY(sys::capset({keep, keep, ambient ? keep : 0}));
    for (int cap = 0; ambient && cap < 64; ++cap)
        if ((keep >> cap & 1U) != 0)
            TRY(sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, static_cast<unsigned long>(cap)));
    return Done{};
}

Status forbid_new_privs() {
    TRY(sys::prctl(PR_SET_NO_NEW_PRIVS, 1));
    return Done{};
}

Ruleset ruleset(unsigned abi, bool files) {
    Ruleset rules;
    if (abi >= spec::kLandlockScopes) rules.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
    if (!files || abi == 0) return rules;
    rules.handled = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1; // ABI 1
    if (abi >= 2) rules.handled |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3) rules.handled |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (abi >= 5) rules.handled |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    // The making of device nodes stays: the kernel refuses it in a user namespace, all but the whiteouts of overlayfs.
    rules.anywhere = rules.handled & ~std::uint64_t{LANDLOCK_ACCESS_FS_IOCTL_DEV};
    rules.on_devices = rules.handled & LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return rules;
}

Above own_above(const spec::Plan& plan, std::string path) {
    for (;;) {
        auto op = mounted_above(plan, path);
        if (!op) return {};
        const std::string& target = spec::target_of(plan.ops[*op]);
        // Of another mount than `/` the top: what is renamed or linked within a mount must find all rights there, on both
        // sides (LANDLOCK_ACCESS_FS_REFER); the rule of `/` is above it, and not asked.
        if (is_own(plan, plan.ops[*op])) return {target == "/" ? path : target, *op};
        if (target == "/") return {};
        path = target.substr(0, std::max<std::size_t>(target.rfind('/'), 1));
    }
}

Status landlock(const spec::Plan& plan, const Ground& ground) {
    Ruleset rules = ruleset(plan.landlock_abi, plan.landlock_files);
    if (rules.handled == 0 && rules.scoped == 0) return Done{};
    sys::LandlockRuleset attr{};
    attr.handled_access_fs = rules.handled;
    attr.scoped = rules.scoped;
    Fd ruleset = TRY(sys::landlock_ruleset(attr, static_cast<int>(plan.landlock_abi)));
    if (rules.handled == 0) return sys::landlock_enforce(ruleset.get());
    Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    TRY(sys::landlock_allow(ruleset.get(), root.get(), rules.anywhere));
    leave_to_exec(std::move(root));
    TRY(allow_near(plan, ground, ruleset.get(), rules.anywhere));
    for (const std::string& path : plan.landlock_devices) {
        if (rules.on_devices == 0) break;
        auto devices = sys::open(path.c_str(), O_PATH);
        if (!devices && is_nothing(devices.error().err)) continue;
        Fd fd = TRY(std::move(devices));
        TRY(sys::landlock_allow(ruleset.get(), fd.get(), rules.on_devices));
        leave_to_exec(std::move(fd));
    }
    for (int fd = 0; fd < kStdio; ++fd) {
        struct stat st = TRY(sys::fstat(fd));
        if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) continue; // pipes and sockets are not files to Landlock
        int fd_flags = ::fcntl(fd, F_GETFL);
        if (fd_flags < 0) return sys::failed(sys::Call::open);
        std::uint64_t access = as_opened(fd_flags, st.st_mode, rules);
        if (access == 0) continue;
        Status allowed = sys::landlock_allow(ruleset.get(), fd, access);
        // EBADFD: on no file system that could be mounted (a memfd); Landlock leaves those alone.
        if (!allowed && allowed.error().err != EBADFD) return allowed;
    }
    TRY(sys::landlock_enforce(ruleset.get()));
    leave_to_exec(std::move(ruleset));
    return Done{};
}

bool asks(const spec::Plan& plan) {
    return std::any_of(plan.filters.begin(), plan.filters.end(), [](const auto& name) { return asks(joined(name)); });
}

namespace {

sys::Result<Fd> listen(std::span<const sock_filter> program) {
    Fd listener = TRY(sys::seccomp_listen(program)); // the kernel allows one, EBUSY else
    // Nothing but a listener says ENOENT to a question that nobody has asked.
    std::uint64_t none = 0;
    auto valid = sys::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &none);
    if (valid || valid.error().err != ENOENT) return sys::refused(EPERM);
    return listener;
}

} // namespace

sys::Result<Around> around() {
    Around found;
    if (TRY(sys::prctl(PR_GET_SECCOMP)) != SECCOMP_MODE_FILTER) return found;
    constexpr int kListener = 1, kEmulated = 2, kStrips = 4, kNoHostname = 8, kNoKeyctl = 16;
    auto asked = sys::ask_child(CLONE_NEWUSER | CLONE_NEWUTS, [] {
        auto refused = [](const auto& done) {
            return !done && (done.error().err == EPERM || done.error().err == ENOSYS);
        };
        // A descriptor that is none has no owner to change; a root emulation does not look.
        int status = sys::fchown(-1, 1, 1) ? kEmulated : 0;
        auto file = sys::memory_file("mode");
        if (file && sys::fchmod((*file).get(), 04700)) {
            auto st = sys::fstat((*file).get());
            if (st && ((*st).st_mode & S_ISUID) == 0) status |= kStrips;
        }
        if (refused(sys::sethostname("localhost"))) status |= kNoHostname;
        // ENOSYS (0) is not believed here: it may be the filter's.
        auto keyring = sys::own_session_keyring();
        if (refused(keyring) || (keyring && *keyring == 0)) status |= kNoKeyctl;
        if (forbid_new_privs()) {
            auto listener = sys::seccomp_listen(program("terminal"));
            if (!listener && listener.error().err == EBUSY) status |= kListener;
        }
        return status;
    });
    if (!asked) return Around{.keyctl = false}; // not known; nor will there be a jail, for a reason that is told then
    auto is = [status = *asked](int bit) { return (status & bit) != 0; };
    found.emulation = is(kListener) && is(kEmulated);
    found.listener = is(kListener) && !is(kEmulated);
    found.strips = is(kStrips);
    found.hostname = !is(kNoHostname);
    found.keyctl = !is(kNoKeyctl);
    return found;
}

sys::Result<Fd> filter(const spec::Plan& plan) {
    std::vector<std::vector<sock_filter>> programs;
    for (const std::string& name : plan.filters) {
        programs.push_back(joined(name));
        if (programs.back().empty()) return sys::refused(EINVAL);
    }
    auto last = std::find_if(programs.rbegin(), programs.rend(), [](const auto& bytes) { return asks(bytes); });
    Fd listener;
    for (const auto& bytes : programs) {
        if (last != programs.rend() && &bytes == &*last) listener = TRY(listen(bytes));
        else TRY(sys::seccomp_install(bytes));
    }
    return listener;
}

Status load(const spec::Plan& plan) {
    for (const std::string& bytes : plan.programs) {
        std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
        std::memcpy(program.data(), bytes.data(), program.size() * sizeof(sock_filter));
        TRY(sys::seccomp_install(program));
    }
    return Done{};
}

namespace {

Status read_back_ids(const spec::Plan& plan) {
    if (plan.uids.empty()) return Done{}; // nothing was changed, or by the caller's own map
    uid_t uid = plan.user ? plan.user->uid : plan.uids.at(0).inside;
    gid_t gid = plan.user ? plan.user->gid : plan.gids.at(0).inside;
    uid_t uids[3];
    gid_t gids[3];
    if (::getresuid(&uids[0], &uids[1], &uids[2]) < 0 || ::getresgid(&gids[0], &gids[1], &gids[2]) < 0)
        return sys::refused(EPERM);
    for (int i = 0; i < 3; ++i)
        if (uids[i] != uid || gids[i] != gid) return sys::refused(EPERM);
    int groups = ::getgroups(0, nullptr);
    if (plan.groups && groups != static_cast<int>(plan.user ? plan.user->groups.size() : 0))
        return sys::refused(EPERM);
    return Done{};
}

Status read_back_caps(std::uint64_t kept, bool ambient, const Fd& status) {
    sys::Caps caps = TRY(sys::capget());
    if (caps.permitted != kept || caps.effective != kept) return sys::refused(EPERM);
    if (caps.inheritable != (ambient ? kept : 0)) return sys::refused(EPERM);
    if (status) {
        constexpr std::size_t kMost = 1 << 20; // with 65,536 groups
        auto is = spec::read_status(TRY(sys::read_all(status.get(), kMost)));
        return is && (is->bounding & ~kept) == 0 ? Status(Done{}) : Status(sys::refused(EPERM));
    }
    for (int cap = 0; cap <= CAP_LAST_CAP; ++cap) {
        if ((kept >> cap & 1U) != 0) continue;
        long present = TRY(sys::prctl(PR_CAPBSET_READ, static_cast<unsigned long>(cap)));
        if (present != 0) return sys::refused(EPERM);
    }
    return Done{};
}

} // namespace

Status read_back(const spec::Plan& plan, const Fd& status) {
    TRY(read_back_ids(plan));
    if (!plan.caller_caps) TRY(read_back_caps(plan.caps, plan.ambient, status));
    long no_new_privs = TRY(sys::prctl(PR_GET_NO_NEW_PRIVS));
    return no_new_privs == 1 ? Status(Done{}) : Status(sys::refused(EPERM));
}

} // namespace ajail::policy
