// SPDX-License-Identifier: Apache-2.0
// See bwrap.h. What bubblewrap resolves and looks at in its child is looked at here, beforehand.
#include "cli/bwrap.h"

#include "cli/caller.h"
#include "cli/machine.h"
#include "cli/words.h"
#include "sys/calls.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

extern char** environ;

namespace ajail::cli {

namespace {

// The reason why nothing is run; thrown inside this file only.
struct Refused {
    std::string message;
};
[[noreturn]] void refuse(const std::string& message, int err) { throw Refused{message + ": " + std::strerror(err)}; }

bool starts_with(const char* path, const char* text) {
    auto content = sys::read_file(path);
    return content && (*content).starts_with(text);
}

BwrapFacts look_for_facts() {
    // As execve(2) left them.
    BwrapFacts facts{.uid = static_cast<unsigned>(::getauxval(AT_UID)),
                     .gid = static_cast<unsigned>(::getauxval(AT_GID))};
    auto caps = sys::capget();
    if (!caps) refuse("capget", caps.error().err);
    facts.caps = (*caps).effective;
    facts.permitted = (*caps).permitted;
    // It takes a file with capabilities to come here with some, and those are for other uses than ours.
    if (facts.uid != 0 && (*caps).permitted != 0)
        throw Refused{"Unexpected capabilities but not setuid, old file caps config?"};
    facts.userns = [] {
        return ::access("/proc/self/ns/user", F_OK) == 0 &&
               !starts_with("/sys/module/user_namespace/parameters/enable", "N") && // RHEL 7
               !starts_with("/proc/sys/user/max_user_namespaces", "0\n");
    };
    facts.no_cgroup_namespace = [] {
        struct stat st {};
        return ::stat("/proc/self/ns/cgroup", &st) == 0 ? 0 : errno;
    };
    facts.selinux = [] { return ::access("/sys/fs/selinux/enforce", F_OK) == 0; };
    return facts;
}

class Front {
public:
    Front(BwrapOptions& options, const BwrapFacts& facts) : o_(options), facts_(facts) {}

    spec::Spec spec() {
        spec_.bare = true;
        spec_.root.kind = spec::Root::empty;
        for (BwrapMount& mount : o_.mounts) add(mount);
        if (o_.seccomp != -1) load_seccomp();
        namespaces();
        supervise();
        policy();
        command();
        return std::move(spec_);
    }

private:
    void add(const BwrapMount& mount) {
        spec::Mount looked_at = mount.mount;
        if (auto* bind = std::get_if<spec::Bind>(&looked_at)) {
            if (!look(bind->source, mount.optional)) return;
        } else if (auto* layers = std::get_if<spec::Layers>(&looked_at)) {
            if (layers->writes == spec::Layers::kept) {
                (void)look(layers->upper, false);
                (void)look(layers->work, false);
            }
            for (spec::Source& lower : layers->lowers) (void)look(lower, false);
        } else if (auto* data = std::get_if<spec::Data>(&looked_at)) {
            auto content = take_data(mount.data);
            if (!content) refuse("Can't write data to file " + spec::escape(mount.given), content.error().err);
            data->content = std::move(content).take();
        }
        spec_.mounts.push_back(std::move(looked_at));
    }

    // Where SOURCE is, without symlinks; false where it may be missing, and is.
    static bool look(spec::Source& source, bool optional) {
        auto found = find(source, optional);
        if (found) return true;
        if (optional && found.error().err == ENOENT) return false;
        refuse("Can't find source path " + spec::escape(source.path), found.error().err);
    }

    static sys::Status find(spec::Source& source, bool optional) {
        // The name of a descriptor of ours would lead to what is ours.
        if (source.descriptor != -1 && !is_callers(source.descriptor)) return sys::refused(ENOENT);
        if (is_normal(source.path)) {
            auto straight = sys::openat2(AT_FDCWD, source.path.c_str(), O_PATH, RESOLVE_NO_SYMLINKS);
            if (straight) {
                struct stat st = TRY(sys::fstat((*straight).get()));
                source.directory = S_ISDIR(st.st_mode);
                source.resolve = spec::Resolve::real;
                return sys::Done{};
            }
        }
        sys::Fd fd = TRY(sys::open(source.path.c_str(), O_PATH));
        struct stat meant = TRY(sys::fstat(fd.get()));
        source.directory = S_ISDIR(meant.st_mode);
        auto link = sys::readlinkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd.get())).c_str());
        if (!link) refuse("Can't read /proc/self/fd, /proc must be mounted", link.error().err);
        std::string real = std::move(link).take();
        struct stat named {};
        bool has_name = real.starts_with('/');
        if (!has_name || ::stat(real.c_str(), &named) < 0) {
            int err = has_name ? errno : ENOENT;
            // Gone, or never had a name. What has one only in /proc, like a namespace, is a source for --bind-try.
            if (!optional || !spec::within(source.path, "/proc")) return sys::refused(err);
            source.resolve = spec::Resolve::follow;
            return sys::Done{};
        }
        source.path = real;
        source.resolve = spec::Resolve::real;
        return spec::within(real, "/proc") ? in_proc(source) : sys::Done{};
    }

    // Absolute, with nothing in it that leads back or nowhere, and not in /proc, which says other things to others.
    static bool is_normal(const std::string& path) {
        if (!path.starts_with('/') || spec::within(path, "/proc")) return false;
        for (std::size_t at = 0; at < path.size();) {
            std::size_t end = std::min(path.find('/', at + 1), path.size());
            std::string_view name = std::string_view(path).substr(at + 1, end - at - 1);
            if (name.empty() || name == "." || name == "..") return false;
            at = end;
        }
        return true;
    }

    // What is looked up there by somebody else is something else: /proc/self is whoever looks.
    static sys::Status in_proc(spec::Source& source) {
        source.resolve = spec::Resolve::follow;
        std::string ours = "/proc/" + TRY(sys::readlinkat(AT_FDCWD, "/proc/self"));
        if (spec::within(source.path, ours)) source.path = "/proc/self" + source.path.substr(ours.size());
        return sys::Done{};
    }

    void load_seccomp() {
        auto program = seccomp_program(o_.seccomp);
        if (auto* wrong = std::get_if<Wrong>(&program)) throw Refused{wrong->message};
        o_.programs = {std::get<std::string>(std::move(program))};
    }

    void namespaces() {
        spec_.shared = {.user = !o_.user && o_.userns == -1,
                        .pid = !o_.pid,
                        .network = !o_.network,
                        .ipc = !o_.ipc,
                        .uts = !o_.uts,
                        .cgroup = !o_.cgroup};
        need(o_.userns, "Joining specified user namespace failed");
        need(o_.pidns, "Setting pidns failed");
        need(o_.userns2, "Setting userns2 failed");
        spec_.enter = {.userns = o_.userns, .pidns = o_.pidns, .last_userns = o_.userns2};
        spec::User user{.uid = o_.uid.value_or(facts_.uid), .gid = o_.gid.value_or(facts_.gid)};
        bool other = user.uid != facts_.uid || user.gid != facts_.gid;
        if (o_.user || (o_.userns != -1 && other)) spec_.user = user;
        spec_.hostname = o_.hostname;
    }

    void supervise() {
        need(o_.info, "Write to info_fd");
        need(o_.status, "Write to info_fd");
        spec::Supervise& asked = spec_.supervise;
        asked.info = o_.info;
        asked.status = o_.status;
        // Waiting for what is not there ends at once. Its number may become that of something of ours.
        if (is_callers(o_.block)) asked.block = o_.block;
        if (is_callers(o_.ids)) asked.ids = o_.ids;
        for (int fd : o_.sync)
            if (is_callers(fd)) asked.sync.push_back(fd);
        asked.locks = o_.locks;
        asked.die_with_parent = o_.die_with_parent;
        asked.as_pid_1 = o_.as_pid_1;
        spec_.new_session = o_.new_session;
    }

    static void need(int fd, const char* for_what) {
        if (fd != -1 && !is_callers(fd)) refuse(for_what, EBADF);
    }

    void policy() {
        spec::Policy& policy = spec_.policy;
        policy.caller_caps = facts_.uid == 0 && !o_.caps_given;
        // Outside a user namespace of its own nobody can be given what the caller has not.
        std::uint64_t caps = spec_.shared.user ? o_.caps & facts_.permitted : o_.caps;
        for (int cap = 0, known = caps == 0 ? 0 : known_caps(); cap < known; ++cap)
            if ((caps >> cap & 1U) != 0) policy.add_caps.push_back(cap);
        policy.nested = !o_.disable_userns;
        policy.assert_not_nested = o_.disable_userns || o_.assert_userns_disabled;
        policy.programs = o_.programs;
    }

    void command() {
        spec::Command& command = spec_.command;
        command.argv = o_.command;
        command.env = o_.env;
        if (o_.argv0) command.file = std::exchange(command.argv[0], *o_.argv0);
        command.cwds.clear();
        if (o_.chdir) {
            command.cwds.push_back(*o_.chdir);
            return;
        }
        if (auto cwd = working_directory()) command.cwds.push_back(*cwd);
        if (auto home = variable("HOME")) command.cwds.push_back(*home);
        command.cwds.emplace_back("/");
    }

    // By the name that the caller's shell has for it, if that still leads here: as get_current_dir_name(3).
    std::optional<std::string> working_directory() const {
        struct stat named {
        }, here{};
        auto pwd = variable("PWD");
        if (pwd && ::stat(pwd->c_str(), &named) == 0 && ::stat(".", &here) == 0 && named.st_dev == here.st_dev &&
            named.st_ino == here.st_ino)
            return pwd;
        auto cwd = current_directory();
        return cwd ? std::optional(std::move(cwd).take()) : std::nullopt;
    }

    std::optional<std::string> variable(std::string_view name) const {
        for (const auto& [have, value] : o_.env)
            if (have == name) return value;
        return std::nullopt;
    }

    BwrapOptions& o_;
    const BwrapFacts& facts_;
    spec::Spec spec_;
};

spec::Host look_at_host(const BwrapFacts& facts) {
    spec::Host host{.uid = facts.uid, .gid = facts.gid};
    host.real_root = is_real_root(facts.uid);
    const char* console = ::isatty(1) == 1 ? ::ttyname(1) : nullptr;
    if (console != nullptr) host.console = console;
    return host;
}

// Says what was wrong, for `logger --prio-prefix` and its like.
int fail(const std::string& text, bool level_prefix) {
    if (level_prefix) std::fputs("<3>", stderr);
    return bwrap_fail(text);
}

int run(BwrapOptions& options, const BwrapFacts& facts, const ns::Caller& process) {
    spec::Spec spec = Front(options, facts).spec();
    auto lowered = spec::lower(spec, look_at_host(facts));
    if (auto* refusal = std::get_if<spec::Refusal>(&lowered)) throw Refused{refusal->message};
    const auto& plan = std::get<spec::Plan>(lowered);
    if (options.dry_run != RunOptions::DryRun::no)
        return show(options.dry_run == RunOptions::DryRun::json ? to_json(plan) : to_text(plan), bwrap_fail);
    ns::Outcome outcome = ns::run(plan, process);
    if (outcome.error) throw Refused{bwrap_sentence(outcome, plan, options)};
    if (outcome.init_killed) throw Refused{"the sandbox was killed before the command could be executed"};
    return ns::exit_code(outcome);
}

} // namespace

std::variant<spec::Spec, Wrong> specify(BwrapOptions& options, const BwrapFacts& facts) {
    try {
        return Front(options, facts).spec();
    } catch (const Refused& refused) {
        return Wrong{refused.message};
    }
}

int bwrap(const std::string& called, const std::vector<std::string>& args, const ns::Caller& process) {
    BwrapParsed parsed;
    try {
        BwrapFacts facts = look_for_facts();
        parsed = parse_bwrap(called, args, environ, facts);
        for (const BwrapWarning& warning : parsed.warnings)
            std::fprintf(stderr, "%sbwrap: %s\n", warning.level_prefix ? "<4>" : "", warning.text.c_str());
        std::fputs(parsed.aside.c_str(), stderr);
        if (auto* shown = std::get_if<Shown>(&parsed.what)) return show(shown->text, bwrap_fail);
        if (auto* wrong = std::get_if<Wrong>(&parsed.what)) return fail(wrong->message, parsed.level_prefix);
        if (auto* usage = std::get_if<Usage>(&parsed.what)) {
            std::fputs(usage->text.c_str(), stderr);
            return 1;
        }
        return run(std::get<BwrapOptions>(parsed.what), facts, process);
    } catch (const Refused& refused) {
        return fail(refused.message, parsed.level_prefix);
    }
}

} // namespace ajail::cli
