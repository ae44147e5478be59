// SPDX-License-Identifier: Apache-2.0
// See caller.h. /etc/passwd is read here and not through getpwuid(3): a static binary cannot load NSS modules.
#include "cli/caller.h"

#include "cli/accounts.h"
#include "cli/machine.h"
#include "mount/mount.h"
#include "policy/policy.h"
#include "spec/procfs.h"
#include "sys/calls.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace ajail::cli {

using spec::Resolve;
using spec::Source;
using spec::within;
using sys::Fd;
using sys::Result;

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

constexpr std::size_t kDatabase = 16 << 20; // a file of users that is larger is none

// As far as can be seen: owned by a root that this user namespace knows and set-user-ID where that counts, or with file
// capabilities.
bool gains_privileges(const std::string& path) {
    struct stat st {};
    struct statvfs fs {};
    if (::stat(path.c_str(), &st) < 0 || ::statvfs(path.c_str(), &fs) < 0 || (fs.f_flag & ST_NOSUID) != 0)
        return false;
    return (st.st_uid == 0 && (st.st_mode & S_ISUID) != 0) ||
           ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

// Where the set-user-ID helpers are installed; the caller's PATH is for systems that keep programs elsewhere. A directory
// in it may be one that a jail can write to, so there the name alone is not enough.
std::string find_program(const std::string& name) {
    auto there = [](const std::string& path) {
        struct stat st {};
        return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::access(path.c_str(), X_OK) == 0;
    };
    for (const char* dir : {"/usr/bin/", "/bin/", "/usr/local/bin/"})
        if (there(dir + name)) return dir + name;
    std::string dirs = environment("PATH");
    for (std::string_view rest = dirs; !rest.empty();) {
        std::string_view dir = spec::take_line(rest, ':');
        std::string path = std::string(dir) + "/" + name;
        if (dir.starts_with('/') && there(path) && gains_privileges(path)) return path;
    }
    return {};
}

Result<std::string> path_of(const Fd& fd) {
    return sys::readlinkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd.get())).c_str());
}

// Opens PATH as the other flags say, and makes it the real one. Where no symbolic link is in it, it is that already.
Result<Fd> open_real(std::string& path, int flags) {
    if (absolute(path, "/") == path) {
        auto fd = sys::openat2(AT_FDCWD, path.c_str(), O_PATH | static_cast<unsigned>(flags), RESOLVE_NO_SYMLINKS);
        if (fd || fd.error().err != ELOOP) return fd;
    }
    Fd fd = TRY(sys::open(path.c_str(), O_PATH | flags));
    path = TRY(path_of(fd));
    return fd;
}

Result<Source> examine(Source source, Fd fd, Seen* seen = nullptr) {
    struct stat st = TRY(sys::fstat(fd.get()));
    source.directory = S_ISDIR(st.st_mode);
    if (seen != nullptr) *seen = {std::move(fd), st.st_uid};
    return source;
}

} // namespace

// proc(5): the fifth field.
const std::vector<std::string>& mountpoints() {
    static const std::vector<std::string> points = [] {
        std::vector<std::string> found;
        auto text = sys::read_file("/proc/self/mountinfo", 64 << 20);
        std::string_view rest = text ? std::string_view(*text) : "";
        while (!rest.empty()) {
            std::string_view line = spec::take_line(rest);
            for (int before = 0; before < 4; ++before) (void)spec::take_word(line);
            found.push_back(spec::unescape(spec::take_word(line)));
        }
        return found;
    }();
    return points;
}

void look_for_name(Caller& caller, unsigned uid) {
    auto passwd = sys::read_file("/etc/passwd", kDatabase);
    if (auto account = account_of(passwd ? *passwd : "", uid)) {
        caller.name = account->name;
        caller.in_passwd = true;
        if (caller.home.empty()) caller.home = account->home;
    }
    if (caller.name.empty()) caller.name = environment("USER");
    if (caller.name.empty()) caller.name = "user";
}

bool has_submounts(const Source& source) {
    const std::string dir = host_path(source);
    return source.directory && std::any_of(mountpoints().begin(), mountpoints().end(), [&](const std::string& point) {
               return point != dir && within(point, dir);
           });
}

void look_for_overlays(spec::Host& host, spec::Spec& spec, bool all) {
    bool more = std::any_of(spec.mounts.begin(), spec.mounts.end(),
                            [](const spec::Mount& mount) { return std::holds_alternative<spec::Overlay>(mount); });
    if (!more && !all) return;
    look_for_overlay(host);
    spec.root.source.submounts = has_submounts(spec.root.source);
    std::map<dev_t, bool> known;
    for (spec::Mount& mount : spec.mounts)
        if (auto* overlay = std::get_if<spec::Overlay>(&mount))
            overlay->source.topmost = !mount::carries_overlay(overlay->source, known);
}

Caller who_calls(unsigned uid) {
    Caller caller;
    if (std::string home = environment("HOME"); home.starts_with('/')) caller.home = home;
    else look_for_name(caller, uid);
    if (!caller.home.starts_with('/')) caller.home = "/";
    caller.home = absolute(caller.home, "/");
    caller.ajail_home = environment("AJAIL_HOME");
    if (!caller.ajail_home.empty()) {
        auto cwd = caller.ajail_home.starts_with('/') ? sys::Result<std::string>("/") : current_directory();
        caller.ajail_home = absolute(caller.ajail_home, cwd ? *cwd : "/");
    }
    if (caller.ajail_home.empty()) caller.ajail_home = (caller.home == "/" ? "" : caller.home) + "/.ajail";
    return caller;
}

bool is_real_root(unsigned uid) {
    // A user namespace around us may call the machine's root anything. What belongs to it for good says more than
    // uid_map, which tells one level only: without a name for it here, that shows as the overflow uid.
    constexpr unsigned kOverflow = 65534;
    constexpr const char* kKnob = "/proc/sys/kernel/panic";
    struct stat knob {};
    if (::stat(kKnob, &knob) != 0) {
        // uid 0 is the machine's own unless a user namespace has mapped it to somebody else (user_namespaces(7)).
        unsigned inside = 1, outside = 0;
        auto map = sys::read_file("/proc/self/uid_map");
        bool mapped =
            map && std::sscanf((*map).c_str(), "%u %u", &inside, &outside) == 2 && inside == 0 && outside != 0;
        return uid == 0 && !mapped;
    }
    if (knob.st_uid != uid || uid != kOverflow) return knob.st_uid == uid;
    // So somebody who is called like that, as nobody in a container is, is told by what only the machine's root may.
    return ::faccessat(AT_FDCWD, kKnob, W_OK, AT_EACCESS) == 0 || errno != EACCES;
}

Result<spec::Host> look_at_host() {
    spec::Host host;
    TRY(look_at_limits(host));
    host.uid = static_cast<unsigned>(::getauxval(AT_EUID)); // as execve(2) left them
    host.gid = static_cast<unsigned>(::getauxval(AT_EGID));
    host.real_root = is_real_root(host.uid);
    host.landlock_abi = TRY(sys::landlock_abi());
    policy::Around around = TRY(policy::around());
    host.emulated = around.emulation;
    host.strips = around.strips;
    host.listener = around.listener;
    host.sethostname = around.hostname;
    host.keyctl = around.keyctl;
    for (std::size_t fd = 0; fd < host.tty.size(); ++fd) {
        host.tty[fd] = ::isatty(static_cast<int>(fd)) == 1;
        // So says what is no terminal (EINVAL: /dev/urandom). Any other answer may be a terminal's (EIO: it has hung
        // up), and a payload must not get that.
        if (!host.tty[fd] && errno != ENOTTY && errno != EINVAL) return sys::failed(sys::Call::ioctl);
    }
    return host;
}

spec::Subordinates look_for_subordinates(unsigned uid) {
    Caller caller;
    look_for_name(caller, uid);
    const std::string& name = caller.name;
    spec::Subordinates found{.user = caller.in_passwd ? name : ""};
    auto text = [](const char* path) {
        auto content = sys::read_file(path, kDatabase);
        return content ? *content : std::string();
    };
    std::string uids = text("/etc/subuid"), gids = text("/etc/subgid");
    found.uids = ranges_of(uids, name, uid);
    found.gids = ranges_of(gids, name, uid);
    found.free = free_ids(uids, gids);
    found.newuidmap = find_program("newuidmap");
    found.newgidmap = find_program("newgidmap");
    found.privileged = gains_privileges(found.newuidmap) && gains_privileges(found.newgidmap);
    auto set = sys::prctl(PR_GET_NO_NEW_PRIVS);
    found.no_new_privs = set && *set == 1;
    return found;
}

Result<std::string> current_directory() {
    char buffer[4096];
    if (::getcwd(buffer, sizeof buffer) == nullptr) return sys::failed(sys::Call::chdir);
    std::string cwd = buffer;
    if (!cwd.starts_with('/')) return sys::refused(ENOENT); // "(unreachable)...", getcwd(3)
    return cwd;
}

std::string absolute(const std::string& path, const std::string& cwd) {
    // Most are what they would become; a name that begins with a dot is looked at.
    bool plain = path.starts_with('/') && !path.ends_with('/') && path.find("//") == std::string::npos &&
                 path.find("/.") == std::string::npos;
    if (plain) return path;
    std::vector<std::string_view> parts;
    const std::string whole = path.starts_with('/') ? path : cwd + "/" + path;
    for (std::string_view rest = whole; !rest.empty();) {
        std::string_view name = spec::take_line(rest, '/');
        if (name.empty() || name == ".") continue;
        if (name != "..") parts.push_back(name);
        else if (!parts.empty()) parts.pop_back();
    }
    std::string out;
    for (std::string_view part : parts) (out += '/') += part;
    return out.empty() ? "/" : out;
}

std::string physical(const std::string& path) {
    std::string real = path;
    return open_real(real, O_DIRECTORY) ? real : path;
}

Result<std::string> real_path(const std::string& path) {
    std::string real = path;
    TRY(open_real(real, 0));
    return real;
}

Result<Source> look_at(const std::string& path, const std::string& writable, bool cwd, Seen* seen) {
    Source source{.path = path, .resolve = Resolve::real};
    if (writable == "/" || !within(path, writable)) {
        Fd fd = TRY(open_real(source.path, 0));
        return examine(std::move(source), std::move(fd), seen);
    }
    source.resolve = Resolve::beneath;
    source.path = path.size() == writable.size() ? "." : path.substr(writable.size() + 1);
    source.base = writable;
    source.base_is_cwd = cwd;
    Fd base = TRY(sys::open(cwd ? "." : writable.c_str(), O_PATH | O_DIRECTORY));
    if (!cwd) source.base = TRY(path_of(base));
    if (source.path == ".") return examine(std::move(source), std::move(base), seen);
    Fd fd = TRY(sys::openat2(base.get(), source.path.c_str(), O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
    return examine(std::move(source), std::move(fd), seen);
}

std::string closed_above(const std::string& path) {
    auto fd = sys::open(path.c_str(), O_PATH | O_DIRECTORY);
    auto found = fd ? path_of(*fd) : Result<std::string>(fd.error());
    if (!found) return {};
    const std::string& real = *found;
    for (std::size_t end = real.find('/'); end != std::string::npos; end = real.find('/', end + 1)) {
        std::string dir = real.substr(0, end == 0 ? 1 : end);
        struct stat st {};
        if (dir == real || ::stat(dir.c_str(), &st) < 0) return {};
        bool owner = st.st_uid == 0 || st.st_uid == ::geteuid();
        bool group = (st.st_mode & S_IXGRP) == 0 || st.st_gid == 0 || st.st_gid == ::getegid();
        if (owner && group && (st.st_mode & S_IXOTH) == 0) return dir;
    }
    return {};
}

Result<Source> look_in_root(const std::string& root, const std::string& sub) {
    Source source{.path = sub.substr(sub.find_first_not_of('/')), .base = root, .resolve = Resolve::in_root};
    Fd base = TRY(sys::open(root.c_str(), O_PATH | O_DIRECTORY));
    Fd fd = TRY(sys::openat2(base.get(), source.path.c_str(), O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS));
    return examine(std::move(source), std::move(fd));
}

Result<std::string> read_in_root(const std::string& root, const std::string& path) {
    Fd base = TRY(sys::open(root.c_str(), O_PATH | O_DIRECTORY));
    // A jail may have put anything there.
    auto there = sys::open_regular(base.get(), path.c_str(), RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (!there && there.error().err == ENOENT) return std::string();
    Fd fd = TRY(std::move(there));
    return sys::read_all(fd.get(), kDatabase);
}

std::string why_no_devices() {
    constexpr struct {
        const char* path;
        unsigned major, minor; // Documentation/admin-guide/devices.txt in the kernel's sources
    } kDevices[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
    for (const auto& device : kDevices) {
        struct stat st {};
        std::string path = device.path, number = std::to_string(device.major) + " " + std::to_string(device.minor);
        if (::stat(device.path, &st) != 0)
            return path + ": " + std::strerror(errno) +
                   "; a jail takes it from what surrounds it (bubblewrap: --dev /dev)";
        if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(device.major, device.minor))
            return path + " is not the device that it should be; as root: rm " + path + "; mknod -m 666 " + path +
                   " c " + number;
    }
    struct statvfs fs {};
    if (::statvfs(kDevices[0].path, &fs) != 0) return std::string(kDevices[0].path) + ": " + std::strerror(errno);
    if ((fs.f_flag & ST_NODEV) != 0)
        return "/dev is mounted where no device works; as root: mount -o remount,dev /dev";
    return {};
}

std::vector<spec::Mount> host_system() {
    std::vector<spec::Mount> mounts;
    for (const char* dir :
         {"/usr", "/etc", "/opt", "/nix", "/gnu", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
        if (auto to = sys::readlinkat(AT_FDCWD, dir); to) {
            mounts.emplace_back(spec::Symlink{dir, *to});
        } else if (auto source = look_at(dir); source && (*source).directory) {
            Source system = std::move(source).take();
            system.system = true;
            system.submounts = has_submounts(system);
            mounts.emplace_back(spec::Overlay{system, dir});
        }
    }
    // Who talks to it has things built outside, by root; a read-only bind would leave it there.
    if (constexpr const char* kDaemon = "/nix/var/nix/daemon-socket"; sys::open(kDaemon, O_PATH | O_DIRECTORY))
        mounts.emplace_back(spec::Tmpfs{kDaemon});
    mounts.emplace_back(spec::Tmpfs{"/var"});
    mounts.emplace_back(spec::Tmpfs{"/var/tmp", 01777});
    mounts.emplace_back(spec::Symlink{"/var/run", "/run"});
    return mounts;
}

std::optional<std::string> resolv_conf() {
    auto text = sys::read_file("/etc/resolv.conf");
    if (!text) return std::nullopt;
    return *text;
}

} // namespace ajail::cli
