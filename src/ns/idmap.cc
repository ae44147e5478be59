// SPDX-License-Identifier: Apache-2.0
// See idmap.h. An ordinary user may map one id, its own. More are written by newuidmap(1) and newgidmap(1), which are
// set-user-ID and look into /etc/subuid and /etc/subgid themselves: the only programs that a run ever executes besides
// the payload, and only then.
#include "ns/idmap.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sys/prctl.h>

namespace ajail::ns {

namespace {

using sys::Done;
using sys::Fd;
using sys::Status;

constexpr std::size_t kMostSaid = 1000;

std::vector<std::string> helper_arguments(const std::string& path, const spec::IdMaps& maps, pid_t pid) {
    std::vector<std::string> out = {path, std::to_string(pid)};
    for (const spec::IdMap& map : maps)
        for (unsigned number : {map.inside, map.outside, map.count}) out.push_back(std::to_string(number));
    return out;
}

// ^C ends it as it would any program; but a job that ^Z stops with us waiting for it would hang its shell.
sigset_t helper_mask(const Caller& caller) {
    sigset_t mask = caller.mask;
    ::sigaddset(&mask, SIGTSTP);
    return mask;
}

// In the forked child: the helper, with an empty environment, no input, and its words going to SAID.
Status exec_helper(char* const argv[], const Fd& said, const sigset_t& mask) {
    Fd nothing = TRY(sys::open("/dev/null", O_RDWR));
    TRY(sys::dup2(nothing.get(), 0));
    TRY(sys::dup2(said.get(), 1));
    TRY(sys::dup2(said.get(), 2));
    TRY(sys::sigprocmask(SIG_SETMASK, mask, nullptr));
    char* const no_environment[] = {nullptr};
    return sys::execve(argv[0], argv, no_environment);
}

// To its end, so that it cannot block on a full pipe; only the beginning is kept.
Status read_said(const Fd& from, std::string& said) {
    char buffer[1024];
    for (;;) {
        std::size_t n = TRY(sys::read_some(from.get(), buffer));
        if (n == 0) return Done{};
        said.append(buffer, std::min(n, kMostSaid - said.size()));
    }
}

// PID is our child and not waited for, so the number cannot come to mean another process while the helper runs.
Status run_helper(const std::string& path, const spec::IdMaps& maps, pid_t pid, const Caller& caller,
                  std::optional<HelperEnd>& end) {
    std::vector<std::string> arguments = helper_arguments(path, maps, pid);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    sigset_t mask = helper_mask(caller);
    auto [said, words] = TRY(sys::pipe());
    pid_t helper = TRY(sys::clone3(0, nullptr));
    if (helper == 0) {
        Status failed = exec_helper(argv.data(), words, mask);
        (void)sys::write_all(words.get(), std::strerror(failed.error().err));
        ::_exit(127);
    }
    words.reset();
    HelperEnd ended;
    ended.path = path;
    Status read = read_said(said, ended.said);
    siginfo_t info = TRY(sys::waitid(P_PID, static_cast<id_t>(helper), WEXITED));
    TRY(read);
    if (info.si_code == CLD_EXITED && info.si_status == 0) return Done{};
    (info.si_code == CLD_EXITED ? ended.code : ended.signal) = info.si_status;
    end = std::move(ended);
    return sys::Error{sys::Stage::none, sys::Call::helper, sys::kNoOp, EPERM};
}

// PROC: whose.
Status write_directly(const spec::Plan& plan, const std::string& proc) {
    // Without it gid_map may not be written by an ordinary user (CVE-2014-8989).
    if (!plan.groups) TRY(sys::write_file((proc + "setgroups").c_str(), "deny"));
    TRY(sys::write_file((proc + "uid_map").c_str(), map_lines(plan.uids)));
    return sys::write_file((proc + "gid_map").c_str(), map_lines(plan.gids));
}

} // namespace

sys::Result<pid_t> number_in_proc(const Fd& pidfd) {
    std::string text = TRY(sys::read_file(("/proc/self/fdinfo/" + std::to_string(pidfd.get())).c_str()));
    std::size_t at = text.find("\nPid:");
    if (at == std::string::npos) return sys::refused(EPROTO);
    return static_cast<pid_t>(std::strtol(text.c_str() + at + 5, nullptr, 10));
}

pid_t number_in_proc(const Fd& pidfd, pid_t pid) {
    auto number = number_in_proc(pidfd);
    return number && *number > 0 ? *number : pid;
}

std::string map_lines(const spec::IdMaps& maps) {
    std::string out;
    for (const spec::IdMap& map : maps) {
        out += out.empty() ? "" : "\n";
        out += std::to_string(map.inside) + " " + std::to_string(map.outside) + " " + std::to_string(map.count);
    }
    return out;
}

std::string identity_lines(spec::IdMaps maps) {
    for (spec::IdMap& map : maps) map.outside = map.inside;
    return map_lines(maps);
}

bool writes_own_maps(const spec::Plan& plan) {
    auto one = [](const spec::IdMaps& maps) { return maps.size() == 1 && maps[0].count == 1; };
    return one(plan.uids) && one(plan.gids) && plan.newuidmap.empty() && !plan.groups && plan.enter.userns < 0;
}

Status write_own_maps(const spec::Plan& plan) { return write_directly(plan, "/proc/self/"); }

Status write_maps(const spec::Plan& plan, const Caller& caller, pid_t pid, std::optional<HelperEnd>& helper) {
    if (plan.newuidmap.empty()) return write_directly(plan, "/proc/" + std::to_string(pid) + "/");
    TRY(run_helper(plan.newuidmap, plan.uids, pid, caller, helper));
    return run_helper(plan.newgidmap, plan.gids, pid, caller, helper);
}

Status with_ids(const spec::Plan& plan, const Caller& caller, const std::function<Status()>& work,
                std::optional<HelperEnd>& helper) {
    auto [mine, its] = TRY(sys::socketpair());
    Fd process;
    pid_t pid = TRY(sys::clone3(CLONE_NEWUSER, &process));
    if (pid == 0) {
        mine.reset();
        if (auto dies = sys::prctl(PR_SET_PDEATHSIG, SIGKILL); !dies)
            ::_exit(dies.error().err); // nothing outlives us
        char go = 0;
        auto told = sys::read_some(its.get(), {&go, 1}); // end of file: there are no maps
        if (!told || *told != 1) ::_exit(EPERM);
        Status done = work();
        ::_exit(done ? 0 : done.error().err);
    }
    its.reset();
    Status mapped = write_maps(plan, caller, number_in_proc(process, pid), helper);
    if (mapped) mapped = sys::write_all(mine.get(), "g");
    mine.reset();
    siginfo_t info = TRY(sys::waitid(P_PID, static_cast<id_t>(pid), WEXITED));
    TRY(mapped);
    int err = info.si_code == CLD_EXITED ? info.si_status : EINTR;
    return err == 0 ? Status(Done{}) : Status(sys::refused(err));
}

} // namespace ajail::ns
