// SPDX-License-Identifier: Apache-2.0
// See exec.h.
#include "ns/exec.h"

#include <cerrno>
#include <span>
#include <sys/stat.h>

namespace ajail::ns {

namespace {

using sys::Done;
using sys::Stage;
using sys::Status;

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
    out.push_back(nullptr);
    return out;
}

std::vector<std::string> environment(const spec::Exec& exec, const std::string& cwd) {
    std::vector<std::string> env = exec.env;
    if (!exec.pwd) return env;
    for (std::string& variable : env)
        if (variable.starts_with("PWD=")) {
            variable = "PWD=" + cwd;
            return env;
        }
    env.push_back("PWD=" + cwd);
    return env;
}

} // namespace

sys::Result<std::string> enter_cwd(const spec::Exec& exec) {
    sys::Result<std::string> entered = sys::refused(ENOENT);
    for (const std::string& cwd : exec.cwds) {
        Status changed = sys::chdir(cwd.c_str());
        if (changed) return cwd;
        entered = changed.error();
    }
    return entered;
}

Status restore(const Caller& caller) {
    TRY(sys::sigprocmask(SIG_SETMASK, caller.mask, nullptr));
    ::umask(caller.umask);
    if (!caller.ignores_sigpipe && ::signal(SIGPIPE, SIG_DFL) == SIG_ERR) return sys::failed(sys::Call::sigmask);
    return Done{};
}

// An execve(2) that fails has made room for a new program, and takes ten times as long as a stat(2), which walks the same
// path with the same rights. Any other error is left to execve(2).
std::size_t first_there(const spec::Exec& exec) {
    std::size_t i = 0;
    for (; i + 1 < exec.candidates.size(); ++i) {
        struct stat st {};
        if (::stat(exec.candidates[i].c_str(), &st) == 0 || (errno != ENOENT && errno != ENOTDIR)) break;
    }
    return i;
}

// Tries the candidates as execvp(3) does: the next one if a file is missing, remembering a refusal.
Status execute(const spec::Exec& exec, const std::string& cwd, std::size_t first) {
    std::vector<std::string> variables = environment(exec, cwd);
    std::vector<char*> argv = pointers(exec.argv), env = pointers(variables);
    sys::Error missing{Stage::none, sys::Call::execve, sys::kNoOp, ENOENT};
    sys::Error denied{Stage::none, sys::Call::execve, sys::kNoOp, 0};
    for (const std::string& path : std::span(exec.candidates).subspan(first)) {
        if (exec.any_shell) argv[0] = const_cast<char*>(path.c_str() + path.rfind('/') + 1);
        sys::Error error = sys::execve(path.c_str(), argv.data(), env.data()).error();
        if (error.err == ENOEXEC) { // a script without #!, which execvp(3) gives to sh
            std::vector<char*> sh = {const_cast<char*>("sh"), const_cast<char*>(path.c_str())};
            sh.insert(sh.end(), argv.begin() + 1, argv.end());
            return sys::execve("/bin/sh", sh.data(), env.data());
        }
        if (error.err == ENOENT || error.err == ENOTDIR) {
            missing.err = error.err;
            continue;
        }
        denied.err = error.err;
        if (error.err != EACCES) return error;
    }
    return denied.err == 0 ? missing : denied;
}

} // namespace ajail::ns
