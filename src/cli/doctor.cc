// SPDX-License-Identifier: Apache-2.0
// See doctor.h. No version, no setting is asked: each thing is tried, by the engine that will need it, and where that fails
// the reason is the one that `ajail run` would give. A jail stands when all that is left is that its command is not there.
#include "cli/doctor.h"

#include "cli/apparmor_scripts.h"
#include "cli/caller.h"
#include "cli/job.h"
#include "cli/machine.h"
#include "cli/run.h"
#include "cli/words.h"
#include "spec/procfs.h"
#include "sys/calls.h"

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <sys/statvfs.h>
#include <sys/wait.h>

namespace ajail::cli {

namespace {

using sys::Stage;

constexpr const char* kNothing = "/ajail-doctor-executes-nothing";
constexpr const char* kStands = "stands";

// Whether something is there. DETAIL: of what works; WHY: of what does not, with what to do about it.
struct Answer {
    bool works = false;
    std::string detail, why;
};

class Doctor;

// In the order in which a jail needs them.
struct Check {
    const char* name;
    int status;          ///< the exit status where it is missing; 0: it is not needed
    const char* without; ///< what ajail does without it; empty: nothing
    Answer (Doctor::*look)();
};

struct Finding {
    const Check* check;
    std::optional<Answer> answer; ///< none: what it stands on is missing
};

class Doctor {
public:
    explicit Doctor(const ns::Caller& process) : process_(process) {}

    std::vector<Finding> examine();

private:
    // Why a jail of SPEC does not stand; nothing if it does.
    struct Failure {
        Stage stage = Stage::none;
        std::string why;
    };
    std::optional<Failure> attempt(spec::Spec spec) {
        spec.command.argv = {kNothing};
        auto lowered = spec::lower(spec, host_);
        if (auto* refusal = std::get_if<spec::Refusal>(&lowered)) return Failure{Stage::none, refusal->message};
        plan_ = std::get<spec::Plan>(std::move(lowered));
        auto told = sys::during(Stage::namespaces, told_by_child([&] { return run_plan(); }));
        if (!told) return Failure{Stage::namespaces, sentence(told.error(), &plan_)};
        if (*told == kStands) return {};
        return Failure{(*told).empty() ? Stage::none : static_cast<Stage>((*told)[0]),
                       (*told).empty() ? "the jail was killed" : (*told).substr(1)};
    }
    // The stage as a letter, and why; or kStands.
    std::string run_plan() {
        auto stage = [](Stage at) { return std::string(1, static_cast<char>(at)); };
        ns::Outcome outcome = ns::run(plan_, process_);
        if (outcome.helper) return stage(Stage::idmap) + sentence(*outcome.helper);
        if (!outcome.error) return stage(Stage::none) + "the jail has ended before its command was executed";
        const sys::Error& error = *outcome.error;
        if (error.stage == Stage::exec && error.call == sys::Call::execve && error.err == ENOENT) return kStands;
        return stage(error.stage) + sentence(error, &plan_, outcome.about);
    }
    // A monitor lets go of stdout, so each jail has a process of its own for one.
    template <class Tell> static sys::Result<std::string> told_by_child(Tell tell) {
        auto [from, to] = TRY(sys::pipe());
        pid_t pid = TRY(sys::clone3(0, nullptr));
        if (pid == 0) ::_exit(sys::write_all(to.get(), tell()) ? 0 : 1);
        to.reset();
        auto text = sys::read_all(from.get(), 1 << 16);
        TRY(sys::waitid(P_PID, static_cast<id_t>(pid), WEXITED));
        return text;
    }
    Answer tried(const spec::Spec& spec, std::string detail = {}) {
        auto failure = attempt(spec);
        return {!failure, std::move(detail), failure ? failure->why : ""};
    }

    // Without /proc nothing can be read back, and what comes before that stands.
    static Answer mounted(const std::optional<Failure>& failure) {
        bool works = !failure || failure->stage == Stage::readback;
        return {works, "", works ? "" : failure->why};
    }

    // With the caller's terminals, for which a jail needs devices.
    Answer tried_with_terminal(const spec::Spec& spec) {
        host_.tty = tty_;
        Answer answer = tried(spec);
        host_.tty = {};
        return answer;
    }

    // The least of a jail; each of the others is one with something more.
    spec::Spec least() const {
        spec::Spec spec;
        spec.shared.network = spec.shared.cgroup = true;
        // It may be all that keeps the caller's keys away.
        spec.policy.seccomp = host_.keyctl ? spec::Seccomp::off : spec::Seccomp::standard;
        spec.policy.no_root_emulation = true;
        return spec;
    }
    spec::Spec with_proc() const {
        spec::Spec spec = least();
        spec.callers_proc = !host_.fresh_proc;
        if (spec.callers_proc) spec.policy.seccomp = spec::Seccomp::standard; // which may be all that holds then
        spec.mounts.emplace_back(spec::Proc{"/proc"});
        return spec;
    }

    Answer kernel();
    Answer user_namespaces();
    Answer mounts();
    Answer grants();
    Answer proc();
    Answer devices();
    Answer overlay();
    Answer system_calls();
    Answer jail();
    Answer host_name();
    Answer keyring();
    Answer landlock();
    Answer emulation();
    Answer network();
    Answer nested();
    Answer subordinate_ids();
    Answer cgroup();
    Answer scratch();
    Answer disk();

    static const Check kChecks[];

    const ns::Caller& process_;
    spec::Host host_;
    std::array<bool, 3> tty_{};    ///< as in Host
    std::optional<Failure> least_; ///< of the least of jails
    spec::Plan plan_;              ///< the last one that was tried
};

const Check Doctor::kChecks[] = {
    {"kernel", 10, "", &Doctor::kernel},
    {"user namespaces", 11, "", &Doctor::user_namespaces},
    {"mounts", 12, "", &Doctor::mounts},
    {"granted directories", 18, "ajail run --hide alone, unless an ordinary user runs it", &Doctor::grants},
    {"/proc", 13,
     "ajail run --proc=auto shows the one around the jail, --proc=none none; most packages cannot be installed, and "
     "mkfs, fs copy, fs import, fs export and create are refused",
     &Doctor::proc},
    {"devices", 14, "", &Doctor::devices},
    {"overlay", 15, "--fs=NAME is refused, and what --ro and --fs=host would throw away is read-only",
     &Doctor::overlay},
    {"system calls", 16, "", &Doctor::system_calls},
    {"a whole jail", 17, "", &Doctor::jail},
    {"host name", 0, "the name of what is around the jail is seen in it", &Doctor::host_name},
    {"session keyring", 0, "what keeps the caller's keys away is the seccomp policy alone", &Doctor::keyring},
    {"Landlock", 0,
     "a file that is stdin can be opened for writing, and abstract Unix sockets of the host are reachable unless "
     "--no-net",
     &Doctor::landlock},
    {"root emulation", 0, "most packages cannot be installed, as chown(2) and setuid(2) fail", &Doctor::emulation},
    {"own network", 0, "--no-net is refused", &Doctor::network},
    {"nested sandboxes", 0, "--nested is refused", &Doctor::nested},
    {"subordinate ids", 0, "--users=range is refused, and services have no users of their own",
     &Doctor::subordinate_ids},
    {"cgroup", 0, "limits are kept by resource limits for each process, and by init watching the memory",
     &Doctor::cgroup},
    {"memory for the scratch", 0, "--scratch=DIR keeps on disk what is thrown away", &Doctor::scratch},
    {"room for root filesystems", 0, "ajail mkfs has nowhere to put them", &Doctor::disk},
};

std::vector<Finding> Doctor::examine() {
    std::vector<Finding> findings;
    bool stands = true;
    for (const Check& check : kChecks) {
        findings.push_back({&check, {}});
        if (!stands) continue;
        findings.back().answer = (this->*check.look)();
        stands = findings.back().answer->works || *check.without != 0;
    }
    return findings;
}

Answer Doctor::kernel() {
    auto version = kernel_version();
    if (version < kOldestKernel) return {false, "", too_old(version)};
    auto looked = sys::during(Stage::start, look_at_host());
    if (!looked) return {false, "", sentence(looked.error(), nullptr)};
    host_ = std::move(looked).take();
    look_for_overlay(host_);
    look_for_proc(host_, false); // the check of that name tries
    tty_ = std::exchange(host_.tty, {});
    return {true, "Linux " + std::to_string(version.first) + "." + std::to_string(version.second), ""};
}

Answer Doctor::user_namespaces() {
    least_ = attempt(least());
    bool works = !least_ || (least_->stage != Stage::namespaces && least_->stage != Stage::idmap);
    return {works, host_.real_root ? "of the machine's root" : "", works ? "" : least_->why};
}

Answer Doctor::mounts() { return mounted(least_); }

// What the machine's root grants is id-mapped, which takes CAP_SYS_ADMIN, and a file system that has it.
Answer Doctor::grants() {
    auto cwd = current_directory();
    std::string dir = cwd && *cwd != "/" ? *cwd : "/usr";
    auto source = look_at(dir);
    if (!source) source = look_at(dir = "/usr"); // a run takes the directory that it is in, whatever leads there
    if (!source) return {false, "", dir + ": " + std::strerror(source.error().err)};
    spec::Spec spec = least();
    spec.mounts.emplace_back(spec::Bind{std::move(source).take(), "/granted"});
    return mounted(attempt(spec));
}

Answer Doctor::proc() {
    Answer answer = tried(with_proc());
    host_.fresh_proc = answer.works;
    return answer;
}

Answer Doctor::devices() {
    if (std::string why = why_no_devices(); !why.empty()) return {false, "", why};
    spec::Spec spec = with_proc();
    spec.mounts.emplace_back(spec::Dev{"/dev"});
    return tried_with_terminal(spec);
}

Answer Doctor::overlay() {
    spec::Spec spec = with_proc();
    for (const char* dir : {"/usr", "/etc", "/"}) {
        auto looked = look_at(dir);
        if (!looked || !(*looked).directory) continue;
        spec::Source source = std::move(looked).take();
        source.submounts = has_submounts(source);
        spec.mounts.emplace_back(
            spec::Layers{.writes = spec::Layers::thrown_away, .lowers = {std::move(source)}, .target = "/lower"});
        break;
    }
    return tried(spec);
}

Answer Doctor::system_calls() {
    spec::Spec spec = with_proc();
    spec.policy.seccomp = spec::Seccomp::standard;
    return tried(spec);
}

// As of `ajail run`, with the host's programs.
Answer Doctor::jail() {
    RunOptions options;
    options.fs = "host";
    options.cwd = Kind::hide;
    options.quiet = true;
    options.proc = RunOptions::Proc::automatic;
    auto specified = specify(options, host_, who_calls(host_.uid));
    if (auto* wrong = std::get_if<Wrong>(&specified)) return {false, "", wrong->message};
    auto& spec = std::get<spec::Spec>(specified);
    look_for_overlays(host_, spec, false);
    return tried_with_terminal(spec);
}

Answer Doctor::host_name() { return {host_.sethostname, "", host_.sethostname ? "" : spec::kNoSethostname}; }

Answer Doctor::keyring() { return {host_.keyctl, "", host_.keyctl ? "" : spec::kNoKeyctl}; }

Answer Doctor::landlock() {
    if (host_.landlock_abi == 0) return {false, "", spec::kNoLandlock};
    std::string abi = "ABI " + std::to_string(host_.landlock_abi);
    if (host_.landlock_abi < spec::kLandlockScopes)
        return {false, "", abi + " keeps files, not abstract Unix sockets: Linux 6.12 does"};
    return {true, abi, ""};
}

Answer Doctor::emulation() {
    spec::Spec spec = with_proc();
    spec.policy.no_root_emulation = false;
    Answer answer = tried(spec);
    for (const spec::Degraded& one : plan_.degraded)
        if (answer.works && one.what == "root emulation") return {false, "", one.why};
    return answer;
}

Answer Doctor::network() {
    spec::Spec spec = with_proc();
    spec.shared.network = false;
    return tried(spec);
}

Answer Doctor::nested() {
    spec::Spec spec = with_proc();
    spec.policy.nested = true;
    return tried(spec);
}

Answer Doctor::subordinate_ids() {
    host_.subordinates = look_for_subordinates(host_.uid);
    spec::Spec spec = with_proc();
    spec.users = spec::Users::range;
    auto answer = tried(spec);
    for (const spec::IdMap& map : plan_.uids) // (of the last one that was tried)
        if (answer.works && map.count > 1) answer.detail = std::to_string(map.count) + " ids";
    return answer;
}

Answer Doctor::cgroup() {
    spec::Spec spec = with_proc();
    spec.limits.pids = 1000;
    spec.limits.memory.percent = 50;
    spec.limits.cpu = 100;
    look_for_means(host_, spec.limits);
    auto answer = tried(spec);
    if (!answer.works || !plan_.cgroup.directory.empty()) return answer;
    return {false, "",
            "none of version 2 is delegated to you; where systemd is: systemd-run --user --scope -p Delegate=yes "
            "ajail ..., or XDG_RUNTIME_DIR as a login sets it"};
}

constexpr std::uint64_t kEnough = 1 << 30; // for a root filesystem with a compiler, or to install one

// What there is of it now, and not only how much a jail may take.
Answer Doctor::scratch() {
    auto memory = sys::read_file("/proc/meminfo");
    std::uint64_t free = memory ? spec::number_of(*memory, "MemAvailable") << 10U : 0; // in KiB, proc(5)
    if (host_.memory_limit != 0) free = std::min(free, host_.memory_limit);
    std::string has = std::to_string(free >> 20U) + " MiB are available";
    if (free < kEnough) return {false, "", has};
    return {true, has, ""};
}

Answer Doctor::disk() {
    Caller caller = who_calls(host_.uid);
    std::string dir = caller.ajail_home;
    struct statvfs fs {};
    while (::statvfs(dir.c_str(), &fs) < 0) {
        if (errno != ENOENT || dir == "/") return {false, "", spec::escape(dir) + ": " + std::strerror(errno)};
        dir.resize(std::max<std::size_t>(dir.rfind('/'), 1));
    }
    std::string where = spec::escape(dir);
    if (::access(dir.c_str(), W_OK) < 0)
        return {false, "", where + ": " + std::strerror(errno) + "; AJAIL_HOME names another place"};
    std::uint64_t room = std::uint64_t{fs.f_bavail} * fs.f_frsize;
    std::string has = where + " has " + std::to_string(room >> 20U) + " MiB";
    if (room < kEnough) return {false, "", has + "; AJAIL_HOME names another place"};
    return {true, has, ""};
}

const char* result_of(const Finding& finding) {
    return !finding.answer ? "untried" : finding.answer->works ? "works" : "missing";
}

std::string table(const std::vector<Finding>& findings) {
    std::string text;
    std::size_t missing = 0;
    const Check* fatal = nullptr;
    std::string needed; // for something
    for (const Finding& finding : findings) {
        const auto& [check, answer] = finding;
        std::string line = result_of(finding);
        line.resize(9, ' ');
        line += check->name;
        std::string more = answer ? answer->works ? answer->detail : answer->why : "";
        if (!more.empty()) {
            line.resize(std::max<std::size_t>(line.size() + 1, 36), ' ');
            line += more;
        }
        text += line + "\n";
        if (!answer || answer->works) continue;
        ++missing;
        if (check->status != 0) needed += (needed.empty() ? "" : ", ") + std::string(check->name);
        if (*check->without == 0) fatal = check;
        else text += std::string(9, ' ') + "without it: " + check->without + "\n";
    }
    if (fatal != nullptr) return text + "No jail can be made here: " + fatal->name + " is what is missing.\n";
    if (missing == 0) return text + "Everything works.\n";
    std::string some = std::to_string(missing) + " of " + std::to_string(findings.size()) +
                       (missing == 1 ? " is" : " are") + " missing";
    if (!needed.empty()) return text + "Jails work here, but not all: see " + needed + "; " + some + ".\n";
    return text + "Jails work here; " + some + ", and ajail does without.\n";
}

std::string json(const std::vector<Finding>& findings, int status, const std::string& for_job) {
    nlohmann::ordered_json checks = nlohmann::ordered_json::array();
    for (const Finding& finding : findings) {
        const auto& [check, answer] = finding;
        nlohmann::ordered_json one = {
            {"name", check->name}, {"result", result_of(finding)}, {"needed", check->status != 0}};
        if (check->status != 0) one["status"] = check->status;
        if (answer && !answer->detail.empty()) one["detail"] = answer->detail;
        if (answer && !answer->works) one["why"] = answer->why;
        if (answer && !answer->works && *check->without != 0) one["without"] = check->without;
        checks.push_back(std::move(one));
    }
    nlohmann::ordered_json all = {{"works", status == 0}, {"status", status}, {"checks", checks}};
    if (!for_job.empty()) all["job"] = for_job;
    return all.dump(2) + "\n";
}

// apparmor.d(5). Unconfined but for its name, which is what the restriction of user namespaces asks for (Ubuntu 23.10 and
// newer, where kernel.apparmor_restrict_unprivileged_userns is 1).
int apparmor_profile() {
    auto self = sys::readlinkat(AT_FDCWD, "/proc/self/exe");
    std::string path = self ? *self : "/usr/bin/ajail";
    // Patterns, variables and quotes would make it a profile for other files, or other rules.
    bool control = std::any_of(path.begin(), path.end(),
                               [](char one) { return static_cast<unsigned char>(one) < ' ' || one == '\x7f'; });
    if (control || path.find_first_of("\"\\*?[]{}^@#") != std::string::npos)
        return fail("doctor --apparmor-profile: " + spec::escape(path) +
                    " cannot be written in a profile; move ajail to another directory");
    bool plain = path.find_first_of(" ,") == std::string::npos;
    constexpr std::string_view kPlace = "@PATH@";
    std::string text(kApparmorScripts[0].text);
    return show(text.replace(text.find(kPlace), kPlace.size(), plain ? path : "\"" + path + "\""));
}

} // namespace

int doctor(const DoctorOptions& options, const ns::Caller& process) {
    if (options.apparmor_profile) return apparmor_profile();
    if (auto held = ns::hold_signals(); !held) return fail(sentence(held.error(), nullptr));
    auto findings = Doctor(process).examine();
    int status = 0; // of what no jail can do without, else of the first
    for (const auto& [check, answer] : findings)
        if (answer && !answer->works && (status == 0 || *check->without == 0)) status = check->status;
    std::string for_job = lines_for_job(status);
    int shown = show(options.json ? json(findings, status, for_job) : table(findings) + for_job);
    return shown != 0 ? shown : status;
}

} // namespace ajail::cli
