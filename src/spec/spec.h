// SPDX-License-Identifier: Apache-2.0
// Spec: what was asked for, in the user's words. Front ends write it, lower() reads it, nothing else does.
// The order of mounts is meaning: later on top. Safe is the zero value (read-only, nodev, nosuid, recursive,
// mandatory); a field is named for the power it grants, so that an audit greps for `true`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ajail::spec {

/// How the path of a source is looked up on the host.
enum class Resolve : std::uint8_t {
    follow,  ///< as any program does: a fixed path of the system
    real,    ///< an absolute path that the front end's look-up came to: no symlink is in it any more
    beneath, ///< relative to `base`, no symlink, not out of it: `base` is a directory that jails write
    in_root, ///< `base` is a root filesystem: symlinks resolve inside it, as they would in the jail
};

/// A file or directory of the host. Bytes, never decoded.
struct Source {
    std::string path;
    std::string base = {};    ///< for beneath and in_root, where `path` is relative
    bool base_is_cwd = false; ///< `base` only names the caller's working directory, which is opened as such
    Resolve resolve = Resolve::follow;
    bool directory = true;  ///< what it was when the front end looked; the engine refuses if it changed
    bool submounts = false; ///< other file systems are mounted in it
    bool topmost = false;   ///< on as many overlays as the kernel lays upon each other
    bool system = false;    ///< of the host's system, not the user's: never presented as the payload's own (idmap)
    int descriptor = -1;    ///< of the caller, which this path must still lead to: another object is refused
    std::string closed_by =
        {}; ///< a directory above it that lets in nobody but the caller and root; empty: not known
};

struct Bind {
    Source source;
    std::string target;
    bool writable = false;
    bool devices = false; ///< device nodes in it may be opened
    bool edit = false;    ///< of a root filesystem: mountpoints that are missing in it may be made for the time being
    bool make_setid = false; ///< files in it may be made set-user-ID and set-group-ID: it is a root filesystem;
                             ///< only where its source says `closed_by`
};
/// The source below, a throw-away layer above. For a file, of its directory, and only the file is shown.
struct Overlay {
    Source source;
    std::string target;
    std::string kept = {}; ///< not thrown away: the layer's name in Scratch::kept
};
/// Layers of the host, the lowest first. Writes are kept in `upper`, or are thrown away, or there are none.
struct Layers {
    enum Writes : std::uint8_t { none, thrown_away, kept } writes = none;
    std::vector<Source> lowers;
    Source upper = {},
           work = {}; ///< for Writes::kept: where they go, and an empty directory of the same file system for work
    std::string target;
};
struct Tmpfs {
    std::string target;
    unsigned mode = 0755;
    std::uint64_t size = 0; ///< bytes; 0: no limit of its own
    std::string kept = {};  ///< a directory of this name in Scratch::kept instead
};
struct Mqueue {
    std::string target;
};
/// An empty read-only file or directory in place of what is there.
struct Mask {
    std::string target;
};
/// A file with this content (tmpfs-backed, writable, thrown away) in place of what is there.
struct Data {
    enum How : std::uint8_t {
        replace,   ///< where the ground is thrown away, an ordinary file of it; else mounted over what is there
        written,   ///< into the file system that the target stands on, whichever that is
        mounted,   ///< over what is there, writable
        read_only, ///< over what is there
    };
    std::string target;
    std::string content;
    unsigned mode = 0644;
    How how = replace;
};
/// A directory, where there is none yet.
struct Directory {
    std::string target;
    unsigned mode = 0755;
};
struct Chmod {
    std::string target;
    unsigned mode = 0;
};
/// The mount at target becomes read-only; not those in it.
struct ReadOnly {
    std::string target;
};
struct Symlink {
    std::string target; ///< where the link stands
    std::string to;
};
struct Proc {
    std::string target;
};
/// A minimal /dev: null zero full random urandom tty, own devpts, shm, mqueue.
struct Dev {
    std::string target;
};
/// What the machine consists of, without its knobs; read-only.
struct Sys {
    std::string target;
};
using Mount = std::variant<Bind, Overlay, Layers, Tmpfs, Mqueue, Mask, Data, Directory, Chmod, ReadOnly, Symlink,
                           Proc, Dev, Sys>;

/// What stands at `/`.
struct Root {
    enum Kind : std::uint8_t { empty, overlay, writable } kind = empty;
    Source source = {};    ///< not for `empty`, which is a tmpfs
    std::string kept = {}; ///< as for an Overlay
};

/// Who the payload is, inside.
enum class Identity : std::uint8_t { root, self };

/// How many ids there are inside.
enum class Users : std::uint8_t {
    one,       ///< the identity's own
    range,     ///< root and the caller's subordinate ids (subuid(5), subgid(5))
    automatic, ///< range where it can be had, else one
};

/// A user inside, by numbers: the front end has looked the name up.
struct User {
    unsigned uid = 0, gid = 0;
    std::vector<unsigned> groups = {}; ///< supplementary
};

/// Which system calls there are; see src/policy/filters.
enum class Seccomp : std::uint8_t {
    standard, ///< those of default.policy
    strict,   ///< fewer: no debuggers, no set-id bits
    profile,  ///< those of a file: Policy::programs
    off       ///< all of them
};

/// An opt-in: a few system calls under one name.
struct SeccompGroup {
    const char* name;                     ///< for people; the program is called so too, with _ for -
    const char* opens;                    ///< what else becomes reachable by it; empty: nothing to speak of
    std::vector<const char*> denied = {}; ///< what refusing it takes away from default.policy
};
const std::vector<SeccompGroup>& seccomp_groups();
/// NAME stands in ALLOW, and not in DENY, which wins.
bool allowed(const std::vector<std::string>& allow, const std::vector<std::string>& deny, std::string_view name);

struct Policy {
    std::vector<int> add_caps = {}; ///< numbers as in capabilities(7), on top of the identity's own
    bool caller_caps = false;       ///< the capabilities of the caller stay as they are
    bool no_root_emulation = false; ///< calls that only a real root could make fail, as the kernel says
    Seccomp seccomp = Seccomp::standard;
    std::vector<std::string> allow = {}; ///< groups and system calls by name, on top of that; of `userns`, see nested
    std::vector<std::string> deny = {};  ///< likewise; answered EPERM, also where `allow` names them
    bool nested = false;                 ///< the payload may make user namespaces
    bool unsynced = false;               ///< fsync(2) and its like do nothing: what a power cut takes is made again
    bool assert_not_nested = false;      ///< try, and refuse to run if it can
    std::vector<std::string> programs = {}; ///< seccomp programs, the bytes of sock_filter[], loaded in order
    std::string profile = {};               ///< the file that they were made from, for people
};

struct Command {
    std::vector<std::string> argv = {}; ///< empty: an interactive shell
    std::string file = {};              ///< what is executed, if it is not argv[0]
    std::vector<std::pair<std::string, std::string>> env = {};
    std::vector<std::string> cwds = {"/"}; ///< the first that can be entered
};

/// What the payload has in common with its caller. All false: namespaces of its own.
struct Shared {
    bool user = false, pid = false, network = false, ipc = false, uts = false, cgroup = false;
};

/// Namespaces that are there and are entered, by descriptors of the caller; -1: none.
struct Enter {
    int userns = -1, pidns = -1;
    int last_userns = -1; ///< once the mounts are made
};

/// Descriptors of the caller by which it follows and steers the jail's life; -1: none.
struct Supervise {
    int info = -1;              ///< gets a JSON document about the process, before it is let go
    int status = -1;            ///< gets that, and one with the exit status at the end
    int block = -1;             ///< read from just before exec
    int ids = -1;               ///< read from when the user namespace is there: the caller writes its id maps
    std::vector<int> sync = {}; ///< stays open as long as the jail lives
    std::vector<std::string> locks = {}; ///< files of the jail, locked as long as it lives (fcntl(2), F_RDLCK)
    bool die_with_parent = false;        ///< the jail ends with its caller, however that ends
    bool as_pid_1 = false;               ///< the payload is PID 1 itself
};

/// As an amount or a number: no limit.
constexpr std::uint64_t kUnlimited = UINT64_MAX;

/// Of memory: bytes, or percent of what the machine has. Both 0: ajail's own choice.
struct Amount {
    std::uint64_t bytes = 0;
    unsigned percent = 0;
    bool operator==(const Amount&) const = default;
};

/// Where throw-away layers live: a tmpfs of this size, or a directory of the host that is the jail's alone and removed
/// after it.
struct Scratch {
    Amount size = {};
    std::string directory = {};
    std::string kept = {}; ///< a directory of the host where layers stay that are to be taken up again
};

/// What a jail may use of the machine.
struct Limits {
    std::uint64_t pids = 0; ///< tasks at once; 0: ajail's own choice
    Amount memory = {};
    unsigned cpu = 0;          ///< percent of one CPU; 0: all that there are
    std::uint64_t timeout = 0; ///< milliseconds until the jail is ended; 0: never
};

struct Spec {
    Root root = {};
    Scratch scratch = {};
    Limits limits = {}; ///< not for `bare`
    std::vector<Mount> mounts = {};
    Identity identity = Identity::root;
    Users users = Users::one;
    std::optional<User> user = {}; ///< who the payload is, where it is not the identity
    Shared shared = {};
    std::optional<std::string> hostname = "localhost"; ///< none: what the host has
    Policy policy = {};
    Command command = {};
    bool callers_proc =
        false;           ///< each Proc is the one that the caller sees, read-only, or there is none; not for `bare`
    bool report = false; ///< what stands is told before the command is executed
    /// Only what is asked for, for callers that speak bubblewrap: the payload has the caller's terminal, session,
    /// descriptors and keyring, runs under no seccomp program, ruleset or capability of ajail's choice, may outlive
    /// its caller, and targets that are missing are made also on the host's file systems.
    bool bare = false;
    bool new_session = false; ///< for `bare`, the others always have one
    Enter enter = {};         ///< for `bare`
    Supervise supervise = {}; ///< for `bare`
};

/// PATH is DIR or in it; both absolute and normal.
bool within(const std::string& path, const std::string& dir);

} // namespace ajail::spec
