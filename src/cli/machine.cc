// SPDX-License-Identifier: Apache-2.0
// See machine.h.
#include "cli/machine.h"

#include "spec/procfs.h"
#include "sys/calls.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace ajail::cli {

namespace {

using sys::Fd;

std::string text_of(const std::string& path) {
    auto text = sys::read_file(path.c_str());
    return text ? *text : std::string();
}

// Of a file with one number, which one read(2) tells, all of it; 0 if there is none ("max").
std::int64_t number_in(const Fd& file) {
    std::array<char, 32> text{};
    auto size = file ? sys::read_some(file.get(), text) : sys::Result<std::size_t>(0);
    std::string_view rest(text.data(), size ? *size : 0);
    std::int64_t number = 0;
    return spec::take_number(rest, number) ? number : 0;
}
std::uint64_t number_in(const std::string& path) {
    auto file = sys::open(path.c_str(), O_RDONLY);
    return file ? static_cast<std::uint64_t>(std::max<std::int64_t>(number_in(*file), 0)) : 0;
}

std::vector<std::string> words_of(const std::string& path) {
    std::string text = text_of(path);
    std::vector<std::string> out;
    for (std::string_view rest = text; !rest.empty();)
        for (std::string_view line = spec::take_line(rest); !line.empty();)
            if (std::string_view word = spec::take_word(line); !word.empty()) out.emplace_back(word);
    return out;
}

// The least limit of the memory cgroups in CGROUPS, /proc/self/cgroup, and those above them (cgroups(7)); 0 if there is
// none below what the MACHINE has. A container without a cgroup namespace has its own cgroup at the top, whatever /proc
// says.
std::uint64_t memory_limit(const std::string& cgroups, std::uint64_t machine) {
    std::uint64_t least = machine;
    bool found = false; // where version 1 has the controller, version 2 has not
    for (std::string_view rest = cgroups; !rest.empty();) {
        std::string_view line = spec::take_line(rest);
        bool second = line.starts_with("0::");
        std::size_t path = line.find('/');
        if (path == std::string::npos || (!second && line.find(":memory:") == std::string::npos)) continue;
        const char* file = second ? "/memory.max" : "/memory.limit_in_bytes";
        if (std::exchange(found, true)) continue;
        for (std::string dir(path + 1 == line.size() ? "" : line.substr(path));; dir.erase(dir.rfind('/'))) {
            std::uint64_t limit = number_in((second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory") + dir + file);
            if (limit != 0) least = std::min(least, limit);
            if (dir.empty()) break;
        }
    }
    return least < machine ? least : 0;
}

sys::Result<std::uint64_t> hard_limit(__rlimit_resource resource) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) < 0) return sys::failed(sys::Call::getrlimit);
    return limit.rlim_max == RLIM_INFINITY ? UINT64_MAX : limit.rlim_max;
}

// In a user namespace that has no limit of its own, that of the machine.
std::uint64_t inotify(const std::string& what) {
    std::uint64_t own = number_in("/proc/sys/user/max_inotify_" + what);
    return own < INT_MAX ? own : number_in("/proc/sys/fs/inotify/max_user_" + what);
}

// The whole hierarchy, or beside one of version 1 (systemd's hybrid), without what that has of the controllers.
std::string hierarchy() {
    for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
        if (::access((std::string(mount) + "/cgroup.controllers").c_str(), F_OK) == 0) return mount;
    return {};
}

spec::Cgroup look_for_cgroup(const std::string& cgroups) {
    std::string path = spec::cgroup_path(cgroups), mount = path.size() <= 1 ? "" : hierarchy(); // `/`: everybody's
    return mount.empty() ? spec::Cgroup() : cli::look_for_cgroup(mount, path, ::getpid());
}

// Its socket for its owner alone, which takes no bus. It is in a cgroup of its own, beside those that it makes.
void look_for_manager(spec::Host& host) {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (!host.cgroup.directory.empty() || runtime == nullptr || *runtime != '/') return;
    std::string socket = std::string(runtime) + "/systemd/private", mount = hierarchy();
    auto connected = sys::connect_unix(socket.c_str());
    auto who = connected ? sys::peer((*connected).get()) : sys::Result<ucred>(connected.error());
    if (!who || (*who).uid != ::geteuid() || mount.empty()) return;
    std::string path = spec::cgroup_path(text_of("/proc/" + std::to_string((*who).pid) + "/cgroup"));
    if (path.find("/..") != std::string::npos || !path.ends_with("/init.scope")) return;
    path.erase(path.rfind('/'));
    host.cgroup = {mount, words_of(mount + path + "/cgroup.controllers"), false, socket};
}

void look_for_cpus(spec::Host& host) {
    auto cpus = sys::sched_getaffinity();
    if (!cpus) return;
    host.cpus = std::move(cpus).take();
    int on = ::sched_getcpu();
    auto found = std::find(host.cpus.begin(), host.cpus.end(), static_cast<unsigned>(on));
    if (found != host.cpus.end()) host.cpu = static_cast<unsigned>(found - host.cpus.begin());
}

} // namespace

// Where the cgroup beside ours has controllers, one more can be made there (unless it is systemd's own: who makes cgroups
// in a slice is systemd alone). In ours only if nobody else is in it: no cgroup with processes in it hands controllers on
// (cgroups(7), "no internal processes").
spec::Cgroup look_for_cgroup(const std::string& mount, const std::string& path, int pid) {
    auto may = [](const std::string& dir) {
        return ::access(dir.c_str(), W_OK) == 0 && ::access((dir + "/cgroup.procs").c_str(), W_OK) == 0;
    };
    if (path.find("/..") != std::string::npos || path == "/")
        return {}; // not of our cgroup namespace; or everybody's
    std::string own = mount + path, above = own.substr(0, own.rfind('/'));
    bool delegated = ::access((above + "/cgroup.type").c_str(), F_OK) == 0; // the machine's topmost has none
    if (delegated && !above.ends_with(".slice") && may(above)) {
        auto controllers = words_of(above + "/cgroup.subtree_control");
        if (!controllers.empty()) return {above, controllers, false};
    }
    bool alone = words_of(own + "/cgroup.procs") == std::vector{std::to_string(pid)};
    if (!alone || !may(own) || ::access((own + "/cgroup.subtree_control").c_str(), W_OK) != 0) return {};
    return {own, words_of(own + "/cgroup.controllers"), true};
}

sys::Status look_at_limits(spec::Host& host) {
    // Without /proc or openat2(2), which everything else here relies on, this is what fails.
    host.oom_score_adj =
        static_cast<int>(number_in(TRY(sys::openat2(AT_FDCWD, "/proc/self/oom_score_adj", O_RDONLY, 0))));
    struct sysinfo info {};
    if (::sysinfo(&info) < 0) return sys::failed(sys::Call::sysinfo);
    host.memory = std::uint64_t{info.totalram} * info.mem_unit;
    std::string cgroups = text_of("/proc/self/cgroup");
    host.memory_limit = memory_limit(cgroups, host.memory);
    host.cgroup = look_for_cgroup(cgroups);
    host.hard.nproc = TRY(hard_limit(RLIMIT_NPROC));
    host.hard.nofile = TRY(hard_limit(RLIMIT_NOFILE));
    host.hard.memlock = TRY(hard_limit(RLIMIT_MEMLOCK));
    host.hard.data = TRY(hard_limit(RLIMIT_DATA));
    host.hard.sigpending = TRY(hard_limit(RLIMIT_SIGPENDING));
    host.inotify = {inotify("instances"), inotify("watches")};
    auto kernel = kernel_version();
    if (kernel.first == 0) return sys::failed(sys::Call::uname);
    host.own_pid_max = kernel >= std::pair(6U, 14U);
    return sys::Done{};
}

std::pair<unsigned, unsigned> kernel_version() {
    static const std::pair<unsigned, unsigned> known = [] {
        utsname name{};
        std::pair<unsigned, unsigned> version;
        std::string_view rest = ::uname(&name) == 0 ? name.release : "";
        if (spec::take_number(rest, version.first) && rest.starts_with('.')) {
            rest.remove_prefix(1);
            (void)spec::take_number(rest, version.second);
        }
        return version;
    }();
    return known;
}

std::string too_old(std::pair<unsigned, unsigned> kernel) {
    auto text = [](std::pair<unsigned, unsigned> version) {
        return std::to_string(version.first) + "." + std::to_string(version.second);
    };
    return "this is Linux " + text(kernel) + "; " + text(kOldestKernel) + " or newer is needed";
}

// Absent from the list: either not built, or a module that only root's mount would load. Without /proc there is something
// else to complain about first.
void look_for_overlay(spec::Host& host) {
    auto filesystems = sys::read_file("/proc/filesystems");
    host.overlay = !filesystems || (*filesystems).find("\toverlay\n") != std::string::npos;
}

// All of one must be to be seen already (mount_too_revealing() in the kernel's fs/namespace.c). Should there be no
// namespaces, a jail says why.
void look_for_proc(spec::Host& host, bool fresh) {
    struct statvfs knobs {};
    host.proc_sys = ::statvfs("/proc/sys/user", &knobs) < 0 || (knobs.f_flag & ST_RDONLY) == 0;
    if (!fresh) return;
    auto refused = sys::ask_child(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS, [] {
        auto fs = sys::fsopen("proc");
        auto tree = fs ? sys::fsmount((*fs).get(), 0) : std::move(fs);
        return tree || tree.error().err != EPERM ? 0 : 1;
    });
    host.fresh_proc = !refused || *refused == 0;
}

int known_caps() {
    auto known = [](int cap) { return static_cast<bool>(sys::prctl(PR_CAPBSET_READ, static_cast<unsigned>(cap))); };
    int caps = CAP_LAST_CAP + 1;
    while (caps < 64 && known(caps)) ++caps; // as many as a set has room for
    while (caps > 0 && !known(caps - 1)) --caps;
    return caps;
}

void look_for_means(spec::Host& host, const spec::Limits& asked) {
    if (asked.cpu != 0) look_for_cpus(host);
    bool pids = asked.pids != 0 && asked.pids != spec::kUnlimited;
    bool memory = asked.memory != spec::Amount{} && asked.memory.bytes != spec::kUnlimited;
    if (asked.cpu != 0 || pids || memory) look_for_manager(host);
}

} // namespace ajail::cli
