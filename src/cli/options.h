// SPDX-License-Identifier: Apache-2.0
// The command line of `ajail run`, as it was given: read, not yet understood.
#pragma once

#include "cli/accounts.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ajail::cli {

/// What a directory may be mounted as.
enum class Kind { ro, rol, rw, hide, dev };

/// `--KIND=PATH` or `--mount=SOURCE,TARGET[,KIND]`, in the order given.
struct Grant {
    Kind kind;
    std::string source, target;
};

/// What of the host's, besides git's, is not to be changed by a jail.
struct Protect {
    bool list = true;                   ///< protect.inc
    std::vector<std::string> more = {}; ///< patterns, as in that
};

struct RunOptions {
    std::optional<std::string> fs;
    spec::Scratch scratch; ///< the directory as it was given
    spec::Limits limits;
    Kind cwd = Kind::rw;
    std::vector<Grant> grants;
    std::vector<std::string> edits; ///< absolute paths inside the root filesystem that are written for good
    bool network = true;
    std::vector<int> caps;
    std::vector<std::pair<std::string, std::optional<std::string>>> env; ///< no value: the caller's
    std::string hostname = "localhost";
    spec::Users users = spec::Users::one;
    std::optional<UserWish> user;
    bool root_emulation = true;
    spec::Seccomp seccomp = spec::Seccomp::standard;
    std::string seccomp_profile;          ///< the file, for Seccomp::profile
    std::vector<std::string> allow, deny; ///< groups and system calls, all of them known
    bool hooks = false;                   ///< what the host's git runs programs from may be changed
    Protect protect;
    bool sys = false; ///< a /sys
    enum class Proc { fresh, bind, none, automatic } proc = Proc::fresh;
    std::optional<std::string> keep; ///< what would be thrown away stays, under this name; empty: one that is free
    bool quiet = false, verbose = false;
    std::string name;   ///< for `ajail ps` and its like; empty: its number
    std::string report; ///< a file, or the number of a descriptor
    enum class DryRun { no, text, json } dry_run = DryRun::no;
    std::vector<std::string> command;

    std::string in;                                         ///< the workspace to run in
    bool clone = false;                                     ///< or one that is made for it
    bool entrypoint = false;                                ///< the command is the workspace's
    std::vector<std::pair<std::string, std::string>> given; ///< all options, by name, as they came
    // Of a workspace, never of a command line:
    std::string at;         ///< where the current directory appears inside; empty: where it is
    std::string workspace;  ///< its name, and in lists the jail's
    std::vector<Grant> own; ///< directories of ajail's own, in which git's files may be written
};

/// Shown on stdout and done: help or version.
struct Shown {
    std::string text;
};
struct Wrong {
    std::string message;
};

/// ARGS without the program's name and subcommand. `args_from_env` is AJAIL_ARGS, put in front.
std::variant<RunOptions, Shown, Wrong> parse_run(std::vector<std::string> args, const char* args_from_env);

/// What `given` says, for a later parse_run() in another directory than CWD. KEPT: what concerns one run is left out.
std::vector<std::string> as_words(const RunOptions& options, const std::string& cwd, bool kept);

/// WORD is an option of `ajail run`, with or without a value.
bool is_run_option(std::string_view word);

/// `ajail verify`, with all options of `ajail run`.
struct VerifyOptions {
    RunOptions run;
    bool json = false, verbose = false;
};
std::variant<VerifyOptions, Shown, Wrong> parse_verify(std::vector<std::string> args, const char* args_from_env);

/// `ajail mkfs DISTRIBUTION [NAME]`.
struct MkfsOptions {
    std::string distribution, name;
    std::string packages, suite, mirror;
    bool cache = true, verbose = false;
};
std::variant<MkfsOptions, Shown, Wrong> parse_mkfs(const std::vector<std::string>& args);

/// `ajail fs VERB NAME...`.
struct FsOptions {
    enum class Verb { list, remove, copy, import, export_ } verb = Verb::list;
    std::vector<std::string> names; ///< as many as the verb needs
    bool cache = false, json = false, verbose = false;
};
std::variant<FsOptions, Shown, Wrong> parse_fs(const std::vector<std::string>& args);

/// `ajail create`, `list`, `status`, `destroy` and `pull`.
struct WorkspaceOptions {
    std::string name;
    std::vector<std::string> more; ///< names, to destroy
    std::string repo, ref, entrypoint;
    std::string branch, as; ///< to pull, and its name in the original; empty: the same, or what it was made with
    bool worktree = false, diff = false, force = false, json = false, verbose = false;
    RunOptions run; ///< the workspace's own
};
std::variant<WorkspaceOptions, Shown, Wrong> parse_create(std::vector<std::string> args, const char* args_from_env);
std::variant<WorkspaceOptions, Shown, Wrong> parse_list(std::vector<std::string> args);
std::variant<WorkspaceOptions, Shown, Wrong> parse_status(std::vector<std::string> args);
std::variant<WorkspaceOptions, Shown, Wrong> parse_destroy(std::vector<std::string> args);
std::variant<WorkspaceOptions, Shown, Wrong> parse_pull(std::vector<std::string> args);
/// `ajail enter NAME`: `ajail run --in=NAME` with the workspace's own command.
std::variant<RunOptions, Shown, Wrong> parse_enter(std::vector<std::string> args);

/// `ajail doctor`.
struct DoctorOptions {
    bool json = false, apparmor_profile = false, verbose = false;
};
std::variant<DoctorOptions, Shown, Wrong> parse_doctor(const std::vector<std::string>& args);

/// `ajail ps`, `ajail exec JAIL COMMAND...`, `ajail kill JAIL...`.
struct PsOptions {
    bool json = false, verbose = false;
};
std::variant<PsOptions, Shown, Wrong> parse_ps(const std::vector<std::string>& args);
struct ExecOptions {
    std::string jail;
    std::vector<std::string> command;
    bool verbose = false;
};
std::variant<ExecOptions, Shown, Wrong> parse_exec(const std::vector<std::string>& args);
struct KillOptions {
    std::vector<std::string> jails;
    bool force = false, verbose = false;
};
std::variant<KillOptions, Shown, Wrong> parse_kill(const std::vector<std::string>& args);

/// `ajail --help`.
std::string overview();

} // namespace ajail::cli
