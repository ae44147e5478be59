// SPDX-License-Identifier: Apache-2.0
// See words.h. One table of hints by (stage, call, errno); causes outside ajail (sysctls, AppArmor, a container's
// seccomp filter) are looked for only after a failure.
#include "cli/words.h"

#include "cli/caller.h"
#include "cli/complete.h"
#include "policy/filters.h"
#include "policy/refused.h"
#include "spec/procfs.h"
#include "sys/calls.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <linux/capability.h>
#include <linux/magic.h>
#include <numeric>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace ajail::cli {

namespace {

using sys::Call;
using sys::Error;
using sys::Stage;

struct Hint {
    Stage stage; ///< Stage::none: any
    Call call;   ///< Call::none: any
    int err;     ///< 0: any
    const char* text;
};

bool told = false; // what --verbose tells

constexpr const char* kNoProc =
    "/proc is not mounted, and a jail cannot be set up without it; as root: mount -t proc proc /proc";
constexpr const char* kTooManyMounts = "too many mounts, see /proc/sys/fs/mount-max";

// The first that fits.
constexpr const char* kProcReadOnly =
    "/proc is read-only here, and nobody can write id maps; what surrounds ajail must mount it as its own "
    "(bubblewrap: --proc /proc)";
constexpr const char* kProcMasked =
    "a fresh /proc is refused where the surrounding container masks parts of its own; without --nested, ajail run "
    "--proc=auto does with the container's; for all else, Docker: --security-opt systempaths=unconfined, Podman: "
    "--security-opt unmask=ALL";
constexpr const char* kForbidden =
    "what surrounds ajail forbids it: a container's seccomp filter, another sandbox (Landlock), "
    "or a chroot; start it outside of that";
constexpr const char* kFaked =
    "something between ajail and the kernel answers for it, as a seccomp filter with errno 0 does";
constexpr const char* kRootOfContainer = "for the machine's root this takes CAP_SYS_ADMIN, which a container takes "
                                         "away: run ajail as an ordinary user there";
constexpr Hint kHints[] = {
    {Stage::mount, Call::check, EROFS,
     "the target does not exist, and making it would change a directory of the host; make it there first"},
    {Stage::mount, Call::check, EBUSY, "the target is the root of the jail itself"},
    {Stage::mount, Call::check, ENOTDIR, "source and target must both be directories or both be files"},
    {Stage::mount, Call::check, EISDIR, "source and target must both be directories or both be files"},
    {Stage::mount, Call::check, ELOOP, "too many symbolic links, or a link where none is allowed"},
    {Stage::mount, Call::openat2, ELOOP,
     "a symbolic link below the current directory is not followed (a jail may have put it there); name its target"},
    {Stage::mount, Call::openat2, EXDEV, "the path leads out of the directory that it stands in"},
    {Stage::mount, Call::mount_setattr, EINVAL,
     "this file system cannot be id-mapped (mount_setattr(2)), as a container's own cannot; run ajail as an ordinary "
     "user, "
     "or use a volume (AJAIL_HOME says where root filesystems are)"},
    {Stage::mount, Call::fsopen, ENODEV,
     "the kernel has no such file system; as root: modprobe overlay (or use --fs=host)"},
    {Stage::mount, Call::fsconfig, ENODEV, "the kernel has no such file system; as root: modprobe overlay"},
    {Stage::mount, Call::fsconfig, EINVAL,
     "overlayfs cannot use what is there: an overlay over two others, perhaps, as in a jail in a jail in a jail"},
    {Stage::mount, Call::fsmount, EPERM, kProcMasked},
    {Stage::mount, Call::open_tree, EPERM, kRootOfContainer},
    {Stage::mount, Call::mount_setattr, EPERM, kRootOfContainer},
    {Stage::limits, Call::open, EROFS, kProcReadOnly},
    {Stage::idmap, Call::open, EROFS, kProcReadOnly},
    {Stage::idmap, Call::write, EPERM,
     "who is root takes CAP_SETUID, CAP_SETGID and CAP_SETFCAP to map ids (user_namespaces(7)), which what surrounds "
     "ajail "
     "has taken away: run ajail as an ordinary user there"},
    {Stage::mount, Call::open_tree, ENOSPC, kTooManyMounts},
    {Stage::mount, Call::move_mount, ENOSPC, kTooManyMounts},
    {Stage::pivot, Call::pivot_root, EINVAL,
     "the root is the kernel's initramfs, which no mount can take the place of; what boots this system has to go to "
     "another file system first (switch_root(8), also a tmpfs)"},
    {Stage::exec, Call::chdir, 0, "the directory cannot be entered in the jail"},
    {Stage::start, Call::openat2, ENOENT, kNoProc},
    {Stage::start, Call::prctl, EINVAL, "the kernel is built without seccomp (CONFIG_SECCOMP)"},
    {Stage::start, Call::openat2, ENOSYS,
     "this is a jail of ajail, and it works in one with --nested; or the kernel is older than Linux 5.6"},
    {Stage::protect, Call::none, 0,
     "it was replaced on the host while the jail ran, and could not be made read-only there again: the jail was "
     "ended"},
    {Stage::limits, Call::check, ETIMEDOUT,
     "systemd's user manager gives no cgroup; unset XDG_RUNTIME_DIR to do without"},
    {Stage::limits, Call::check, EREMOTEIO,
     "systemd's user manager gives no cgroup; unset XDG_RUNTIME_DIR to do without"},
    {Stage::limits, Call::setrlimit, EPERM, "the caller's own hard limit is lower, or the kernel did not set it"},
    {Stage::idmap, Call::open, 0, "/proc is needed to write id maps, and is not there"},
    {Stage::report, Call::write, 0, "what --report names cannot be written to"},
    {Stage::report, Call::link, EEXIST, "the file of --report is there already, and is not overwritten; remove it"},
    {Stage::report, Call::open, EEXIST, "the file of --report is there already, and is not overwritten; remove it"},
    {Stage::none, Call::clone3, EAGAIN,
     "too many processes of this user; raise ulimit -u, or the pids limit of the cgroup that this runs in"},
    {Stage::none, Call::close_range, EPROTO, kFaked},
    {Stage::none, Call::none, EMFILE, "too many open files; raise ulimit -n"},
    {Stage::none, Call::none, EFBIG, "the limit on the size of files is too low for a jail; raise ulimit -f"},
    {Stage::none, Call::none, ENFILE, "the machine has too many open files, see /proc/sys/fs/file-max"},
};

bool fits(const Hint& hint, const Error& error) {
    return (hint.stage == Stage::none || hint.stage == error.stage) &&
           (hint.call == Call::none || hint.call == error.call) && (hint.err == 0 || hint.err == error.err);
}

std::string first_line(const char* path) {
    auto text = sys::read_file(path);
    if (!text) return {};
    return (*text).substr(0, (*text).find('\n'));
}

// A line of an id map, as proc(5) has it.
// What the hint takes for granted besides.
bool applies(const Hint& hint, const Error& error, const spec::Plan* plan) {
    if (hint.text == kRootOfContainer) return ::geteuid() == 0;
    if (hint.text != kProcMasked || plan == nullptr || error.op >= plan->ops.size()) return true;
    auto* made = std::get_if<spec::op::Filesystem>(&plan->ops[error.op]);
    return made != nullptr && made->type == "proc";
}

struct Mapped {
    std::uint64_t inside = 0, outside = 0, count = 0;
};

std::vector<Mapped> id_map(const char* path) {
    std::vector<Mapped> map;
    auto text = sys::read_file(path);
    for (std::string_view rest = text ? *text : std::string_view(); !rest.empty();) {
        std::string_view line = spec::take_line(rest);
        Mapped ids;
        bool whole = spec::take_number(line, ids.inside) && spec::take_number(line, ids.outside) &&
                     spec::take_number(line, ids.count);
        if (whole) map.push_back(ids);
    }
    return map;
}

bool mapped(const char* path, unsigned id) {
    std::vector<Mapped> map = id_map(path);
    return std::any_of(map.begin(), map.end(),
                       [&](const Mapped& ids) { return id >= ids.inside && id - ids.inside < ids.count; });
}

bool maps_all(const char* path) {
    std::vector<Mapped> map = id_map(path);
    return !map.empty() && map[0].inside == 0 && map[0].outside == 0 && map[0].count >= 0xFFFFFFFFUL;
}

// What is mounted by then is counted by the hints; all else that there is no room for lies on the scratch.
std::string no_room(const Error& error, const spec::Plan& plan) {
    bool mounting = error.call == Call::open_tree || error.call == Call::move_mount;
    if (error.stage != Stage::mount || error.err != ENOSPC || mounting) return {};
    if (!plan.scratch.directory.empty())
        return "the file system of --scratch is full, " + spec::escape(plan.scratch.directory);
    if (plan.scratch.size == 0 || plan.scratch.size == spec::kUnlimited) return {};
    return "no jail fits into the " + std::to_string(plan.scratch.size) +
           " bytes for what is thrown away; more: --disk=SIZE (without it, half of --memory)";
}

// A layer that the kernel will not take apart (has_locked_children), or that cannot be the upper one: EINVAL for either.
std::string no_layer(const Error& error, const spec::Plan& plan) {
    if (error.stage != Stage::mount || error.err != EINVAL || error.op >= plan.ops.size()) return {};
    auto* overlay = std::get_if<spec::op::Overlay>(&plan.ops[error.op]);
    if (overlay == nullptr) return {};
    if (overlay->target == "/" && has_submounts(overlay->lowers.at(0))) return spec::kMountedInRoot;
    for (const std::string& dir : {plan.scratch.directory, plan.scratch.kept}) {
        struct statfs fs {};
        if (!dir.empty() && ::statfs(dir.c_str(), &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC)
            return spec::escape(dir) +
                   " is on an overlay itself, as a container's own files are, and overlayfs writes to "
                   "none; AJAIL_HOME or --scratch on a volume or a tmpfs";
    }
    return {};
}

std::string command_sentence(const Error& error, const spec::Plan& plan) {
    std::string command = plan.exec.argv.empty() ? "" : spec::escape(plan.exec.argv[0]);
    if (error.err == ENOENT || error.err == ENOTDIR) {
        if (command.find('/') != std::string::npos)
            return command +
                   (::access(plan.exec.argv[0].c_str(), X_OK) == 0
                        ? ": is on this machine and not in the jail (--rol=DIR gives it), or what is to run it "
                          "is not (#!, ld.so)"
                        : ": no such file in the jail, or not the one that is to run it (#!, ld.so)");
        std::string other = nearest(command, command_names());
        std::string hint;
        if (!other.empty()) hint = "; did you mean 'ajail " + other + "'?";
        else if (command.find(' ') != std::string::npos)
            hint = "; without the quotes it is a command and its arguments";
        else if (::access(plan.exec.argv[0].c_str(), F_OK) == 0)
            hint = "; ./" + command +
                   " is the file of that name here, and an option has its value after '=' (--rw=" + command + ")";
        return command + ": command not found in the jail's PATH" + hint;
    }
    return command + ": cannot be executed in the jail: " + std::strerror(error.err);
}

} // namespace

std::string nearest(std::string_view word, std::span<const std::string_view> names) {
    for (std::string_view name : names) {
        if (name.size() < 4) continue;                 // everything is near
        std::vector<std::size_t> row(word.size() + 1); // distances of Levenshtein, a row a letter of NAME
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 0; i < name.size(); ++i) {
            std::size_t corner = std::exchange(row[0], i + 1);
            for (std::size_t j = 0; j < word.size(); ++j) {
                std::size_t changed = corner + (name[i] == word[j] ? 0 : 1);
                corner = row[j + 1];
                row[j + 1] = std::min({changed, row[j] + 1, corner + 1});
            }
        }
        constexpr std::size_t kShort = 4; // others would be taken for them
        if (row.back() <= (name.size() > kShort ? 2 : 1)) return std::string(name);
    }
    return {};
}

int fail(const std::string& text) {
    std::fprintf(stderr, "ajail: %s\n", text.c_str());
    return kFailed;
}

int show(const std::string& text, int (*failed)(const std::string&)) {
    bool ok = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    if (!ok && errno == EPIPE) return kFailed; // who read it has seen enough
    return ok ? 0 : failed("writing to stdout failed");
}

void warn(const std::string& text) { std::fprintf(stderr, "ajail: warning: %s\n", text.c_str()); }

void tell(const std::function<std::string()>& text) {
    if (told) std::fprintf(stderr, "ajail: %s\n", text().c_str());
}
void be_verbose() { told = true; }

Circumstances look_around() {
    Circumstances here;
    here.proc_missing = !sys::open("/proc/self/status", O_RDONLY);
    here.userns_sysctl_off = first_line("/proc/sys/kernel/unprivileged_userns_clone") == "0";
    here.apparmor_restricts = first_line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1";
    here.no_userns_left = first_line("/proc/sys/user/max_user_namespaces") == "0";
    here.userns_missing = !here.proc_missing && !sys::open("/proc/self/ns/user", O_PATH);
    auto status = sys::read_file("/proc/self/status");
    here.seccomp_filtered = status && (*status).find("\nSeccomp:\t2") != std::string::npos;
    here.own_userns = !here.proc_missing && !maps_all("/proc/self/uid_map");
    here.unmapped =
        here.own_userns && (!mapped("/proc/self/uid_map", ::geteuid()) || !mapped("/proc/self/gid_map", ::getegid()));
    // In a chroot, `/` is no mountpoint that can be reached, unless it happens to be one.
    const auto& points = mountpoints();
    here.chrooted = !points.empty() && std::find(points.begin(), points.end(), "/") == points.end();
    return here;
}

std::string diagnose(const Error& error, const Circumstances& here) {
    if (error.err == EAGAIN || error.err == EMFILE || error.err == ENFILE) return {}; // the table's
    bool creating = error.stage == Stage::namespaces;
    bool stripped = error.err == EPERM || error.err == EACCES;
    if (!creating && !stripped) return {};
    if (creating && here.proc_missing) return kNoProc;
    if (creating && here.userns_missing) return "the kernel is built without user namespaces (CONFIG_USER_NS)";
    if (creating && here.no_userns_left && here.own_userns)
        return "user namespaces are switched off in the container or sandbox that this runs in (a jail of ajail has "
               "them with --nested); as root there: sysctl -w user.max_user_namespaces=10000";
    if (creating && here.no_userns_left)
        return "user namespaces are switched off; as root: sysctl -w user.max_user_namespaces=10000";
    if (creating && error.err == ENOSPC)
        return "no more user namespaces may be made here: nested too deep, or user.max_user_namespaces (or another "
               "max_*_namespaces) is used up";
    if (creating && stripped && here.userns_sysctl_off)
        return "user namespaces are forbidden to ordinary users; as root: sysctl -w "
               "kernel.unprivileged_userns_clone=1";
    if (stripped && here.apparmor_restricts)
        return "AppArmor restricts user namespaces; as root: sysctl -w "
               "kernel.apparmor_restrict_unprivileged_userns=0, or give this binary a profile with `userns,`";
    if (creating && here.chrooted) return "a chroot forbids user namespaces (user_namespaces(7)); run outside of it";
    if (creating && stripped && here.unmapped)
        return "the user namespace that this runs in has no id map, or none for the caller's ids";
    if (creating && here.seccomp_filtered)
        return "a seccomp filter around ajail (a container's?) forbids user namespaces; for Docker: --security-opt "
               "seccomp=unconfined";
    return {};
}

std::string sentence(const ns::HelperEnd& helper) {
    std::string text = "id map: " + spec::escape(helper.path);
    if (helper.signal != 0) return text + " was killed by signal " + std::to_string(helper.signal);
    std::string said = helper.said.substr(0, helper.said.find_last_not_of('\n') + 1);
    std::replace(said.begin(), said.end(), '\n', ' ');
    text += " failed with status " + std::to_string(helper.code);
    if (!said.empty()) text += ", saying: " + spec::escape(said);
    // Set-user-ID root it writes the map as root, who then needs it for a user namespace of the caller's.
    auto administers = sys::prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN);
    if (administers && *administers == 0)
        return text + " (where a container takes CAP_SYS_ADMIN away, set-user-ID root is not enough: setcap "
                      "cap_setuid+ep newuidmap, cap_setgid+ep newgidmap, or --cap-add=SYS_ADMIN for the container)";
    return text + " (it must be set-user-ID root or have cap_setuid or cap_setgid, and agrees only to what stands in "
                  "/etc/subuid and /etc/subgid)";
}

std::vector<std::string> hints(const ns::Outcome& outcome) {
    if (outcome.error || outcome.init_killed || ns::exit_code(outcome) == 0) return {};
    std::vector<std::string> out;
    std::string refused;
    auto calls = policy::refused_calls();
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if ((outcome.refused >> i & 1U) == 0) continue;
        refused += (refused.empty() ? "" : ", ") + std::string(calls[i].call) + " (--allow=" + calls[i].option + ")";
    }
    if (!refused.empty()) out.push_back("refused on the way: " + refused);
    return out;
}

std::string killed(const ns::Outcome& outcome, const spec::Plan& plan) {
    if (outcome.error || ns::exit_code(outcome) != 128 + SIGSYS || plan.filters.empty()) return "";
    auto is = [&](std::string_view part) { return plan.filters.back().find(part) != std::string::npos; };
    bool off = !is("default") && !is("terminal") && plan.filters.size() == 1, both = is("+32bit");
    constexpr bool kOption = policy::kCompatArch != 0; // of 64-bit Arm there is none
    std::string text = "the command was killed by SIGSYS, as by a system call of a foreign ABI (";
    text += !kOption ? "32-bit): " : both ? "x32): " : "32-bit or x32): ";
    text += off && !both       ? "--no-root-emulation"
            : both || !kOption ? "--seccomp=off --no-root-emulation"
                               : "--allow=32bit";
    return plan.profile.empty() ? text : text + ", or as " + spec::escape(plan.profile) + " says (--seccomp)";
}

std::string sentence(const Error& error, const spec::Plan* plan, const std::string& about) {
    if (error.stage == Stage::readback && error.call == Call::check && !about.empty())
        return "read-back: a wall does not stand, though every call for it succeeded: " + about + " (" + kFaked + ")";
    if (error.stage == Stage::exec && error.call == Call::execve && plan != nullptr)
        return command_sentence(error, *plan);
    std::string text;
    if (plan != nullptr && error.op != sys::kNoOp && error.op < plan->ops.size())
        text = spec::describe_op(*plan, error.op) + ": ";
    else if (error.stage == Stage::protect && !about.empty()) text = "protect " + spec::escape(about) + ": ";
    else if (error.stage == Stage::exec && error.call == Call::chdir && plan != nullptr)
        text = spec::escape(plan->exec.cwds.back()) + ": ";
    else text = std::string(sys::name(error.stage)) + ": ";
    if (error.call != Call::check) text += std::string(sys::name(error.call)) + ": ";
    text += std::strerror(error.err);
    std::string why = diagnose(error, look_around());
    if (why.empty() && plan != nullptr) why = no_room(error, *plan);
    if (why.empty() && plan != nullptr) why = no_layer(error, *plan);
    for (const Hint& hint : kHints) {
        if (!why.empty()) break;
        if (fits(hint, error) && applies(hint, error, plan)) why = hint.text;
    }
    if (why.empty() && error.err == EPERM && error.call != Call::check) why = kForbidden;
    return why.empty() ? text : text + " (" + why + ")";
}

} // namespace ajail::cli
