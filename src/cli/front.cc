// SPDX-License-Identifier: Apache-2.0
// See front.h.
#include "cli/front.h"

#include "cli/fs.h"
#include "cli/git.h"
#include "cli/jails.h"
#include "cli/machine.h"
#include "cli/protect.h"
#include "cli/words.h"
#include "policy/profile.h"
#include "store/store.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <unistd.h>

extern char** environ;

namespace ajail::cli {

namespace {

using spec::within;

// Instead of the host's, which is the same in every jail of it: the form of machine-id(5), and a UUID.
constexpr const char* kMachineId = "616a61696c0040008000000000000000\n";
constexpr const char* kBootId = "616a6169-6c00-4000-8000-000000000000\n";

constexpr const char* kMachineIdFile = "/etc/machine-id";

constexpr std::size_t kMaxProfile = 1 << 20; // Docker's has 20 KiB
constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const char* name_of(Kind kind) {
    switch (kind) {
    case Kind::ro: return "ro";
    case Kind::rol: return "rol";
    case Kind::rw: return "rw";
    case Kind::hide: return "hide";
    case Kind::dev: return "dev";
    }
    return "?";
}

} // namespace

spec::Spec Front::spec() {
    mounts().reserve(32 + options_.grants.size());
    directory();
    root();
    if (options_.user) user(*options_.user);
    fixed_mounts();
    if (!root_.empty()) hide_own(host_path(spec_.root.source), "/", spec_.root.kind == spec::Root::writable);
    project();
    writable_grants();
    for (const Grant& grant : options_.own) own(grant);
    for (const Grant& grant : options_.grants) add(grant);
    spec_.users = options_.users;
    spec_.scratch = {options_.scratch.size, scratch_directory()};
    spec_.limits = options_.limits;
    spec_.shared.network = options_.network;
    spec_.hostname = options_.hostname;
    if (!host_.sethostname && options_.hostname != RunOptions().hostname)
        throw Refused{std::string("--hostname: ") + spec::kNoSethostname};
    spec_.policy.add_caps = options_.caps;
    spec_.policy.no_root_emulation = !options_.root_emulation;
    spec_.policy.seccomp = options_.seccomp;
    spec_.policy.allow = options_.allow;
    spec_.policy.deny = options_.deny;
    spec_.report = !options_.report.empty();
    if (options_.seccomp == spec::Seccomp::profile) profile();
    spec_.command.argv = options_.command;
    spec_.command.cwds = {inside()};
    environment();
    return std::move(spec_);
}

std::optional<Report> Front::report(mode_t umask) const {
    if (options_.report.empty() || options_.dry_run != RunOptions::DryRun::no) return std::nullopt;
    auto place = [&]() -> sys::Result<Report> {
        if (auto fd = report_descriptor(options_.report)) return Report::to_descriptor(*fd);
        std::string path = absolute(options_.report, cwd_);
        std::size_t slash = path.rfind('/');
        std::string dir = slash == 0 ? "/" : path.substr(0, slash);
        std::string writable = within(dir, cwd_) ? cwd_ : jails_write(path);
        return Report::to_file(TRY(look_at(dir, writable, writable == cwd_)), path.substr(slash + 1), umask);
    };
    auto made = place();
    if (made) return std::move(made).take();
    int err = made.error().err;
    throw Refused{"--report=" + spec::escape(options_.report) + ": " +
                  (err == EBADF    ? "no descriptor of that number is open for writing"
                   : err == EEXIST ? "is there already, and is not overwritten; remove it, or choose another name"
                   : err == ELOOP
                       ? "a symbolic link in the path is not followed, because a jail may have put it there"
                       : std::strerror(err))};
}

std::string Front::why_not_locked(store::Hold wanted, const sys::Error& error) const {
    std::string why = cli::why_not_locked(fs_, root_, wanted, error);
    if (error.call != sys::Call::flock) return "cannot lock the root filesystem " + why;
    return "the root filesystem " + why +
           (wanted == store::Hold::exclusive ? "; --fs-edit and --home-edit need it alone"
                                             : "; wait until that has ended, or use a copy (ajail fs copy)");
}

void Front::status(const spec::Plan& plan) const {
    bool color = host_.tty[2] && std::getenv("NO_COLOR") == nullptr;
    auto head = [&](const char* text) { return color ? std::string("\033[1m") + text + "\033[0m" : text; };
    std::string out = head("ajail") + " " + spec::escape(fs_) + " in " + spec::escape(inside()) + "\n";
    if (!fs_note_.empty()) out += "  (" + fs_note_ + ")\n";
    out += head("Networking:") + (options_.network ? " enabled\n" : " disabled\n");
    out += head("Mounts:") + "\n";
    for (const ShownGrant& m : shown_)
        out += "  " + spec::escape(m.source) + " -> " + spec::escape(m.target) + " (" + m.kind + ")\n";
    if (std::string line = git_elsewhere(); !line.empty()) out += "  " + line + "\n";
    std::string covered;
    std::vector<std::string> all = guard_.covered();
    constexpr std::size_t kShown = 8;
    for (std::size_t i = 0; i < std::min(all.size(), kShown); ++i) covered += (i == 0 ? "" : ", ") + all[i];
    if (all.size() > kShown) covered += " and " + std::to_string(all.size() - kShown) + " more";
    if (!covered.empty())
        out +=
            head("Protected:") + " " + covered + " (what your machine runs is read-only: --allow-hooks, --protect)\n";
    if (!options_.caps.empty()) out += head("Caps:");
    for (int cap : options_.caps) out += " " + std::string(spec::cap_name(cap));
    if (!options_.caps.empty()) out += "\n";
    if (options_.seccomp == spec::Seccomp::off) out += head("Seccomp:") + " off, all system calls are reachable\n";
    if (options_.seccomp == spec::Seccomp::profile)
        out += head("Seccomp:") + " as " + spec::escape(options_.seccomp_profile) + " says\n";
    for (const spec::SeccompGroup& group : spec::seccomp_groups())
        if (*group.opens != '\0' && spec::allowed(options_.allow, options_.deny, group.name))
            out += head("Allowed:") + " " + group.name + " (" + opened_by(group) + ")\n";
    if (options_.hooks) out += head("Allowed:") + " hooks (your git runs what is written to .git)\n";
    for (const spec::Degraded& d : plan.degraded)
        out += head("Given up: ") + spec::escape(d.what) + " (" + spec::escape(d.why) + ")\n";
    std::fputs((out + "Starting...\n\n").c_str(), stderr);
}

std::vector<std::string> Front::patterns(const Protect& protect) {
    std::vector<std::string> out = protect.more;
    if (protect.list) out.insert(out.end(), protected_by_default().begin(), protected_by_default().end());
    return out;
}

ns::Outside Front::outside() {
    for (const std::string& line : guard_.warnings()) warn(line);
    if (!guard_.has_something()) return {};
    return {[this] { return guard_.look(); }, [this] { return guard_.watched(); }};
}

void Front::settle() {
    for (const std::string& line : guard_.settle()) warn(line);
}

// Where git will say that there is no repository, though the host's git finds one.
std::string Front::git_elsewhere() const {
    if (options_.cwd == Kind::hide) return {};
    std::string git = repository_elsewhere(cwd_), dir = git;
    // Above, its directory is what git works in.
    if (std::string above = git.substr(0, git.rfind('/')); !git.empty() && within(cwd_, above)) dir = above;
    if (git.empty() || within(physical(caller_.home), dir)) return {}; // nobody should be told to grant a home
    for (const ShownGrant& m : shown_)
        if (m.source == m.target && within(git, m.target)) return {};
    return "git: the repository is in " + spec::escape(dir) + ", which is not granted (--rw=" + spec::escape(dir) +
           ")";
}

// Netfilter is for the policy to refuse, and a profile is in its place.
std::string Front::opened_by(const spec::SeccompGroup& group) const {
    if (std::string_view(group.name) != "userns") return group.opens;
    bool policy = options_.seccomp == spec::Seccomp::standard || options_.seccomp == spec::Seccomp::strict;
    return group.opens + std::string("; netfilter ") +
           (policy                                   ? "stays refused"
            : options_.seccomp == spec::Seccomp::off ? "too"
                                                     : "as the profile says");
}

void Front::directory() {
    auto cwd = current_directory();
    if (!cwd)
        throw Refused{
            std::string("the current directory: ") + std::strerror(cwd.error().err) +
            (cwd.error().err == ERANGE ? " (its path is too long)" : " (was it deleted? cd to one that exists)")};
    cwd_ = *cwd;
    if (cwd_ == "/" && options_.cwd != Kind::hide)
        throw Refused{"refusing to run in /: the jail would be given the whole machine (cd to the directory that "
                      "the command is to work in, or --hide gives it nothing)"};
    // There it would lie over the jail's own.
    for (const char* dir : {"/proc", "/sys", "/dev"})
        if (cwd_ == dir || (within(cwd_, dir) && std::string_view(dir) != "/dev"))
            throw Refused{
                "refusing to run in " + spec::escape(cwd_) + ": " + dir +
                " is the machine's, and a jail has its own (cd to the directory that the command is to work in)"};
    // What a path that getcwd(3) tells is below of has no link in it, and is no deeper.
    bool below = cwd_ != caller_.home && within(cwd_, caller_.home);
    if (options_.cwd != Kind::hide && !below && within(physical(caller_.home), cwd_))
        warn(spec::escape(cwd_) + " holds your home directory with all its keys and settings, and the jail is "
                                  "given it; cd to a project, or add --hide");
}

std::string Front::available() const {
    std::string list;
    for (const std::string& name : store::root_filesystems(caller_.ajail_home))
        list += (list.empty() ? "" : ", ") + spec::escape(name);
    std::string make = "; to make one: ajail mkfs debian NAME";
    if (list.empty()) return "there is none yet in " + spec::escape(caller_.ajail_home) + "/fs" + make;
    return "there are: " + list + (options_.fs ? "" : "; to use one: --fs=NAME") + make;
}

// Of several, none is taken by chance.
std::string Front::default_root() {
    auto names = store::root_filesystems(caller_.ajail_home);
    if (names.empty())
        fs_note_ = "no root filesystem yet, so the host's system directories; to make one: ajail mkfs debian";
    return names.empty() ? "host" : names.size() == 1 ? names[0] : "default";
}

void Front::root() {
    fs_ = options_.fs ? *options_.fs : default_root();
    if (fs_ == "host") return host_root();
    std::string path = absolute(fs_, "/");
    if (!fs_.starts_with('/')) {
        if (fs_.find('/') != std::string::npos || fs_.empty() || fs_ == "." || fs_ == "..")
            throw Refused{"--fs=" + spec::escape(fs_) + ": should be a name under " +
                          spec::escape(caller_.ajail_home) + "/fs, or an absolute path"};
        path = caller_.ajail_home + "/fs/" + fs_;
    }
    Seen seen;
    auto source = look_at(path, cwd_, true, &seen);
    if (fs_.starts_with('/') && (!source || !(*source).directory))
        throw Refused{"no root filesystem " + spec::escape(fs_) + ": " +
                      std::strerror(source ? ENOTDIR : source.error().err)};
    if (!source || !(*source).directory)
        throw Refused{"no root filesystem " + spec::escape(fs_) + " (" + available() + ")"};
    own_files(path, seen.owner);
    spec_.root = {spec::Root::overlay, std::move(source).take()};
    if (!options_.edits.empty()) spec_.root.source.closed_by = closed_above(path);
    inside_home_ = "/root";
    root_ = path;
    show(path, "/", "ro");
    edits(path);
}

// Whose id is not mapped is nobody inside: not even root could change, or make a mountpoint in, what is theirs.
void Front::own_files(const std::string& path, unsigned owner) const {
    if (host_.real_root || owner == host_.uid) return;
    const auto& ranges = host_.subordinates.uids; // known if they were asked for
    bool mapped = std::any_of(ranges.begin(), ranges.end(), [&](const spec::IdRange& range) {
        return owner >= range.first && owner - range.first < range.count;
    });
    if (mapped) return;
    throw Refused{"the root filesystem " + spec::escape(path) + " belongs to uid " + std::to_string(owner) +
                  ", not to you; a copy of your own: tar -C " + spec::escape(path) +
                  " -c . | ajail fs import NAME -"};
}

void Front::edits(const std::string& path) {
    for (const std::string& raw : options_.edits) {
        std::string edit = absolute(raw, "/");
        if (edit != "/") continue;
        spec_.root.kind = spec::Root::writable;
        shown_.back().kind = "rw";
    }
    if (spec_.root.kind == spec::Root::writable) return; // all of it: the parts are in it
    for (const std::string& raw : options_.edits) {
        std::string edit = absolute(raw, "/");
        auto source = look_in_root(path, edit);
        if (!source)
            throw Refused{"cannot edit " + spec::escape(edit) + " in " + spec::escape(fs_) + ": " +
                          std::strerror(source.error().err)};
        spec::Source part = std::move(source).take();
        part.closed_by = spec_.root.source.closed_by;
        mounts().emplace_back(spec::Bind{
            .source = std::move(part), .target = edit, .writable = true, .edit = true, .make_setid = true});
        show(path + edit, edit, "rw");
    }
}

// The host's own programs, nothing of its users: an empty home, your own ids.
void Front::host_root() {
    if (!options_.edits.empty())
        throw Refused{"--fs-edit and --home-edit need a root filesystem of the jail's own (--fs=NAME)"};
    spec_.root.kind = spec::Root::empty;
    spec_.identity = spec::Identity::self;
    if (caller_.name.empty()) look_for_name(caller_, host_.uid);
    inside_home_ = host_.real_root ? "/root" : caller_.home == "/" ? "/tmp" : caller_.home;
    for (spec::Mount& mount : host_system()) {
        auto* overlay = std::get_if<spec::Overlay>(&mount);
        std::string source = overlay == nullptr ? "" : host_path(overlay->source);
        std::string target = overlay == nullptr ? "" : overlay->target;
        mounts().push_back(std::move(mount));
        if (source.empty()) continue;
        show(target, target, "ro");
        hide_own(source, target, false);
    }
}

void Front::user(const UserWish& wish) {
    if (spec_.identity == spec::Identity::self) {
        unsigned uid = host_.real_root ? 0 : host_.uid, gid = host_.real_root ? 0 : host_.gid;
        bool own = (wish.name.empty() ? wish.uid == uid : wish.name == caller_.name) && wish.gid.value_or(gid) == gid;
        if (!own)
            throw Refused{"--user: with the host's own programs you are " + spec::escape(caller_.name) +
                          " and nobody else (--fs=NAME: a root filesystem of its own)"};
        return;
    }
    auto text = [&](const char* file) {
        auto content = read_in_root(root_, file);
        if (!content)
            throw Refused{"--user: " + std::string(file) + " in " + spec::escape(fs_) + ": " +
                          std::strerror(content.error().err)};
        return *content;
    };
    who_ = who_is(wish, text("/etc/passwd"), text("/etc/group"));
    if (!who_)
        throw Refused{"--user: no user " + spec::escape(wish.name) + " in the /etc/passwd of " + spec::escape(fs_) +
                      (options_.keep ? " (who is in a kept layer only: by number, --user=UID:GID)" : "")};
    spec_.user = who_->ids;
    inside_home_ = who_->account.home;
}

// Whether there is one.
bool Front::proc() {
    using Proc = RunOptions::Proc;
    Proc kind = options_.proc;
    if (kind == Proc::automatic) kind = host_.fresh_proc ? Proc::fresh : Proc::bind;
    spec_.callers_proc = kind != Proc::fresh;
    if (kind != Proc::none) {
        mounts().emplace_back(spec::Proc{"/proc"});
        return true;
    }
    if (spec_.root.kind == spec::Root::empty) mounts().emplace_back(spec::Directory{"/proc"});
    mounts().emplace_back(spec::Mask{"/proc"});
    return false;
}

void Front::fixed_mounts() {
    auto no_name = [&](const char* path, const char* content) {
        mounts().emplace_back(spec::Data{path, content, 0444, spec::Data::read_only});
    };
    if (proc()) no_name("/proc/sys/kernel/random/boot_id", kBootId);
    if (spec_.root.kind == spec::Root::empty) {
        if (::access(kMachineIdFile, F_OK) == 0) no_name(kMachineIdFile, kMachineId);
        else if (errno != ENOENT) throw Refused{std::string(kMachineIdFile) + ": " + std::strerror(errno)};
    }
    if (std::string why = why_no_devices(); !why.empty()) throw Refused{why};
    mounts().emplace_back(spec::Dev{"/dev"});
    if (options_.sys) mounts().emplace_back(spec::Sys{"/sys"});
    else processors();
    mounts().emplace_back(spec::Tmpfs{"/tmp", 01777});
    mounts().emplace_back(spec::Tmpfs{"/run"});
    mounts().emplace_back(spec::Tmpfs{"/run/lock", 01777}); // is /var/lock, which daemons take for granted
    bool host = spec_.root.kind == spec::Root::empty;
    if (host && inside_home_ != "/tmp") mounts().emplace_back(spec::Tmpfs{inside_home_, 0700});
    if (auto text = options_.network ? resolv_conf() : std::nullopt)
        mounts().emplace_back(spec::Data{"/etc/resolv.conf", *text});
    if (host && !caller_.in_passwd && !host_.real_root) { // a name for an id that only NSS knows
        auto passwd = sys::read_file("/etc/passwd", 16 << 20);
        std::string ids = std::to_string(host_.uid) + ":" + std::to_string(host_.gid);
        std::string line = caller_.name + ":x:" + ids + "::" + inside_home_ + ":/bin/sh\n";
        if (passwd) mounts().emplace_back(spec::Data{"/etc/passwd", *passwd + line});
    }
}

// What libraries (and lscpu) count processors by. All of it: older ones count the names in it.
void Front::processors() {
    constexpr const char* kThem = "/sys/devices/system/cpu"; // the kernel makes no link of it
    bool there = ::access(kThem, F_OK) == 0;
    if (!there && (errno == ENOENT || errno == EACCES)) return; // a container's /sys
    if (!there) throw Refused{std::string(kThem) + ": " + std::strerror(errno)};
    spec::Source source{.path = kThem, .resolve = spec::Resolve::real, .directory = true, .system = true};
    mounts().emplace_back(spec::Bind{std::move(source), kThem});
}

void Front::project() {
    if (cwd_ == "/") return; // hidden: the jail has its own
    Seen seen;
    auto source = look_at(cwd_, cwd_, true, &seen);
    if (!source) throw Refused{spec::escape(cwd_) + ": " + std::strerror(source.error().err)};
    mount_as(options_.cwd, std::move(source).take(), std::move(seen.fd), cwd_, inside());
}

// Of a workspace. What it is to git is nobody's but the jail's: nothing on the host looks there.
void Front::own(const Grant& grant) {
    auto source = look_at(grant.source);
    if (!source)
        throw Refused{"the workspace needs " + spec::escape(grant.source) + ": " + std::strerror(source.error().err)};
    mount_as(grant.kind, std::move(source).take(), {}, grant.source, grant.target);
}

void Front::add(const Grant& grant) {
    std::string path = absolute(grant.source, cwd_), target = absolute(grant.target, cwd_);
    auto option = [&] {
        return grant.source == grant.target
                   ? std::string("--") + name_of(grant.kind) + "=" + spec::escape(grant.source)
                   : "--mount=" + spec::escape(grant.source) + "," + spec::escape(grant.target);
    };
    if (target == "/") throw Refused{option() + ": the target / is the root filesystem itself (--fs says which)"};
    std::string writable = within(path, cwd_) ? cwd_ : jails_write(path);
    Seen seen;
    auto source = look_at(path, writable, writable == cwd_, &seen);
    if (!source && source.error().err == ELOOP)
        throw Refused{option() + ": a symbolic link below " + spec::escape(writable) +
                      " is not followed, because a jail may have put it there; name what it points to"};
    if (!source)
        throw Refused{option() + ": " + std::strerror(source.error().err) +
                      (grant.source.starts_with('~') ? " (your shell expands no ~ there: $HOME)" : "")};
    mount_as(grant.kind, std::move(source).take(), std::move(seen.fd), path, target);
}

// The directories that are given to be written to, each once.
void Front::writable_grants() {
    for (const std::vector<Grant>* grants : {&options_.grants, &options_.own})
        for (const Grant& grant : *grants) {
            if (grant.kind != Kind::rw && grant.kind != Kind::dev) continue;
            if (std::string dir = absolute(grant.source, cwd_); dir != "/") writable_.insert(dir);
        }
}

std::set<std::string> Front::writable() const {
    std::set<std::string> dirs = writable_;
    if (options_.cwd == Kind::rw || options_.cwd == Kind::dev) dirs.insert(cwd_);
    return dirs;
}

// The one of them that PATH, which has no symlinks, is in; empty if there is none.
std::string Front::given_to_write(const std::string& path) const {
    for (const std::string& dir : writable())
        if (within(path, physical(dir))) return dir;
    return {};
}

// What is thrown away must not be within the payload's reach: it is this jail's `/`, and others'.
std::string Front::scratch_directory() const {
    if (options_.scratch.directory.empty()) return {};
    std::string path = absolute(options_.scratch.directory, cwd_), real = physical(path);
    if (std::string dir = given_to_write(real); !dir.empty())
        throw Refused{"--scratch=" + spec::escape(options_.scratch.directory) + " is in " + spec::escape(dir) +
                      ", where the jail may write; choose a directory that it is not given"};
    return path;
}

// The outermost directory above PATH that is given to be written to; `/` if there is none.
std::string Front::jails_write(const std::string& path) const {
    for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1))
        if (writable_.contains(path.substr(0, end))) return path.substr(0, end);
    return "/";
}

void Front::mount_as(Kind kind, spec::Source source, sys::Fd fd, const std::string& path, const std::string& target) {
    std::string real = host_path(source);
    std::size_t at = mounts().size();
    switch (kind) {
    case Kind::ro:
        source.submounts = has_submounts(source);
        mounts().emplace_back(spec::Overlay{std::move(source), target});
        break;
    case Kind::rol: mounts().emplace_back(spec::Bind{std::move(source), target}); break;
    case Kind::rw:
    case Kind::dev:
        mounts().emplace_back(spec::Bind{
            .source = std::move(source), .target = target, .writable = true, .devices = kind == Kind::dev});
        break;
    case Kind::hide:
        if (source.directory) mounts().emplace_back(spec::Tmpfs{target});
        else mounts().emplace_back(spec::Mask{target});
        break;
    }
    show(kind == Kind::hide ? "_" : path, target, name_of(kind));
    bool writable = kind == Kind::rw || kind == Kind::dev;
    if (writable) guard(std::get<spec::Bind>(mounts().at(at)), std::move(fd));
    if (kind != Kind::hide) hide_own(real, target, writable); // above what is guarded
}

// Where jails are noted down there are sockets, which take commands for them from whoever has this user's id, as a payload
// has; and no read-only mount keeps one from connecting (unix(7)).
void Front::hide_own(const std::string& source, const std::string& target, bool writable) {
    auto hidden = own_places_.hidden_in(source, writable, target == "/");
    if (auto* wrong = std::get_if<Wrong>(&hidden)) throw Refused{wrong->message};
    for (const std::string& path : std::get<0>(hidden))
        mounts().emplace_back(spec::Mask{(target == "/" ? "" : target) + path});
}

// By value: what it was copied from stands in the list that grows here. Without TOP there is nothing to guard.
void Front::guard(spec::Bind grant, sys::Fd top) {
    if (!grant.source.directory || !top) return;
    // Nobody works in a workspace's tree but jails, and what is changed there comes home as commits.
    bool listed = grant.target != options_.at || !options_.protect.more.empty();
    auto covers = guard_.cover(grant, std::move(top), listed);
    if (!covers) {
        std::string path = spec::escape(guard_.in_the_way()), option = guard_.option_for_it();
        if (covers.error().err == ELOOP)
            throw Refused{path +
                          " is a symbolic link, which a jail may have put there, and programs of the host run "
                          "what it leads to; put that itself there, or " +
                          option};
        throw Refused{path + ", by which the host may run programs: " + std::strerror(covers.error().err) + " (" +
                      option + ")"};
    }
    for (const spec::Bind& cover : *covers) mounts().emplace_back(cover);
}

void Front::environment() {
    bool own = spec_.identity == spec::Identity::self && !host_.real_root;
    set("HOME", inside_home_);
    set("USER", who_ ? who_->account.name : own ? caller_.name : "root");
    if (who_) set("SHELL", who_->account.shell);
    set("PATH", (inside_home_ == "/" ? "" : inside_home_) + "/.local/bin:" + kPath);
    const char* term = std::getenv("TERM");
    set("TERM", term == nullptr || *term == '\0' ? "xterm" : term);
    set("IS_SANDBOX", "1");
    set("PWD", inside());
    constexpr std::string_view kPrefix = "AJAIL_ENV_";
    for (char** variable = environ; *variable != nullptr; ++variable) {
        std::string_view text = *variable;
        if (!text.starts_with(kPrefix)) continue;
        std::size_t equals = text.find('=');
        std::string_view name = text.substr(kPrefix.size(), equals - kPrefix.size());
        if (name.empty()) throw Refused{"AJAIL_ENV_ in the environment has no name after it (AJAIL_ENV_NAME=VALUE)"};
        set(std::string(name), std::string(text.substr(equals + 1)));
    }
    for (const auto& [name, value] : options_.env) {
        const char* callers = std::getenv(name.c_str());
        if (value) set(name, *value);
        else if (callers != nullptr) set(name, callers);
    }
}

// Compiled here, because that takes a file and what the kernel is called; lower() only decides where it stands.
void Front::profile() {
    const std::string &given = options_.seccomp_profile, path = absolute(given, cwd_);
    auto refused = [&](const std::string& why) { return Refused{"--seccomp=" + spec::escape(given) + ": " + why}; };
    auto file = sys::open_regular(AT_FDCWD, path.c_str(), 0);
    if (!file && file.error().call == sys::Call::check) throw refused("is not a file");
    if (!file) throw refused(std::strerror(file.error().err));
    auto text = sys::read_all((*file).get(), kMaxProfile);
    if (!text) throw refused(text.error().err == EFBIG ? "is larger than 1 MiB" : std::strerror(text.error().err));
    if (std::string dir = given_to_write(physical(path)); !dir.empty())
        warn("--seccomp=" + spec::escape(given) + " is in " + spec::escape(dir) +
             ", where the jail may write, and change it for the next one");
    policy::ProfileFacts facts{.caps = payload_caps(spec_, host_), .kernel = kernel_version()};
    auto compiled = policy::compile_profile(*text, facts);
    if (auto* bad = std::get_if<policy::BadProfile>(&compiled)) throw refused(bad->why);
    const auto& profile = std::get<policy::Profile>(compiled);
    if (spec::allowed(options_.allow, options_.deny, "userns") && !profile.userns)
        throw refused("with --nested (--allow=userns), but it lets nobody make a user namespace; allow unshare and "
                      "clone in it, whatever their flags, or leave --nested away");
    for (const std::string& name : profile.unknown)
        tell([&] { return "--seccomp=" + spec::escape(given) + ": no system call " + spec::escape(name) + " here"; });
    const char* bytes = reinterpret_cast<const char*>(profile.program.data());
    spec_.policy.programs = {{bytes, profile.program.size() * sizeof(sock_filter)}};
    spec_.policy.profile = path;
}

void Front::set(const std::string& name, const std::string& value) {
    for (auto& [have, old] : spec_.command.env)
        if (have == name) return void(old = value);
    spec_.command.env.emplace_back(name, value);
}

void Front::show(const std::string& source, const std::string& target, const char* kind) {
    shown_.push_back({source, target, kind});
}

} // namespace ajail::cli
