// SPDX-License-Identifier: Apache-2.0
// The command line of bubblewrap 0.12, as it was given: read, its sources not yet looked at.
#pragma once

#include "cli/options.h"
#include "spec/spec.h"
#include "sys/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ajail::cli {

/// What options mean depends on this.
struct BwrapFacts {
    unsigned uid = 0, gid = 0;
    std::uint64_t caps = 0;      ///< the caller's effective ones
    std::uint64_t permitted = 0; ///< and its permitted ones
    // Looked at once an option asks for it.
    bool (*userns)() = [] { return true; };          ///< the kernel has them, and they are not switched off
    int (*no_cgroup_namespace)() = [] { return 0; }; ///< errno of looking for them
    bool (*selinux)() = [] { return false; };
};

struct BwrapMount {
    spec::Mount mount;     ///< sources as they were given
    bool optional = false; ///< left out where its source is not there
    int data = -1;         ///< the descriptor that has the content
    std::string given;     ///< the target as it was given
};

struct BwrapOptions {
    std::vector<BwrapMount> mounts;
    // namespaces of its own
    bool user = false, user_try = false, pid = false, network = false, ipc = false, uts = false;
    bool cgroup = false, cgroup_try = false;
    int userns = -1, userns2 = -1, pidns = -1;
    bool disable_userns = false, assert_userns_disabled = false;
    std::optional<unsigned> uid, gid;
    std::optional<std::string> hostname, chdir, argv0;
    std::vector<std::pair<std::string, std::string>> env;
    int info = -1, status = -1, block = -1, ids = -1, seccomp = -1;
    std::vector<int> sync;
    std::vector<std::string> locks;
    std::vector<std::string> programs; ///< that --add-seccomp-fd has read
    bool new_session = false, die_with_parent = false, as_pid_1 = false;
    bool caps_given = false;
    std::uint64_t caps = 0;
    bool level_prefix = false;
    RunOptions::DryRun dry_run = RunOptions::DryRun::no;
    std::vector<std::string> command;
};

/// There is no command: the help, on stderr.
struct Usage {
    std::string text;
};

struct BwrapWarning {
    std::string text;
    bool level_prefix = false;
};

struct BwrapParsed {
    std::variant<BwrapOptions, Shown, Usage, Wrong> what;
    bool level_prefix = false; ///< by the time that something was wrong
    std::string aside = {};    ///< for people, beside what is shown: goes to stderr
    std::vector<BwrapWarning> warnings = {};
};

/// ARGS as given to bwrap, which was called CALLED, with ENVIRONMENT. Reads, and closes, the descriptors of --args and
/// --add-seccomp-fd.
BwrapParsed parse_bwrap(const std::string& called, const std::vector<std::string>& args,
                        const char* const* environment, const BwrapFacts& facts);

/// `bwrap --help`.
std::string bwrap_help(const std::string& called);
/// WORD is an option of bubblewrap, and none of `ajail run`.
bool only_of_bwrap(std::string_view word);

/// FD is the caller's. One that we have opened ourselves since is close-on-exec, as no inherited one can be.
bool is_callers(int fd);
/// What can be read from FD, which is closed then: the payload does not get it. The error is read(2)'s.
sys::Result<std::string> take_data(int fd);
/// The same for a seccomp program, sock_filter[].
std::variant<std::string, Wrong> seccomp_program(int fd);

} // namespace ajail::cli
