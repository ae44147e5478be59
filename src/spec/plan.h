// SPDX-License-Identifier: Apache-2.0
// Plan: what will be done, in order, nothing implied. The engine runs it and decides nothing; --dry-run prints it.
#pragma once

#include "spec/host.h"
#include "spec/spec.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ajail::spec {

/// Attributes of a mount. The zero value is the tightest.
struct Attr {
    bool writable = false, devices = false, setuid = false, exec = false;
    bool operator==(const Attr&) const = default;
};

struct IdMap {
    unsigned inside = 0, outside = 0, count = 1;
    bool operator==(const IdMap&) const = default;
};
/// As in /proc/PID/uid_map. The first entry begins with the id that the child takes.
using IdMaps = std::vector<IdMap>;

/// INSIDE is one of the ids that MAPS map.
bool maps(const IdMaps& maps, unsigned inside);

namespace op {
/// fsopen(type) with options, attached at target.
struct Filesystem {
    std::string type;
    std::vector<std::pair<std::string, std::string>> options;
    std::string target;
    Attr attr;
    unsigned parents = 0755; ///< mode of the directories above target that are missing
};
/// A new directory on scratch, attached at target: whatever is thrown away shares one limit.
struct Directory {
    std::string target;
    unsigned mode = 0755;
    Attr attr;
    std::string kept = {}; ///< of the Plan's kept layers, by this name; made if it is not there
};
/// A recursive clone of source, attributes set on the whole detached tree, attached at target.
struct Bind {
    Source source;
    std::string target;
    Attr attr;
    bool idmap = false;      ///< through an idmapped mount, so that the host's ids appear as the jail's
    bool edit = false;       ///< a root filesystem, or a part of one: missing mountpoints are made in it beforehand
    bool make_setid = false; ///< the program `setid` lets files in it be set-user-ID, as in what is thrown away
};
/// overlayfs: `lowers` below, the lowest first, above them a layer on the jail's scratch, one of the host, or none.
struct Overlay {
    std::vector<Source> lowers;
    std::string entry; ///< not empty: only this name of it is shown
    std::string target;
    Attr attr;
    bool idmap = false; ///< of the one lower
    Layers::Writes writes = Layers::thrown_away;
    Source upper = {}, work = {};      ///< for Layers::kept
    std::optional<unsigned> mode = {}; ///< of the new upper directory; none: what the lower one has
    std::string kept =
        {}; ///< not empty: the layer is one of the Plan's kept ones, by this name, and made if it is not there
};
/// What stands at target, bound onto itself with these attributes; nothing if there is no target.
struct Restrict {
    std::string target;
    Attr attr;
};
/// An empty read-only file or directory over target; nothing if there is no target and it is optional.
struct Mask {
    std::string target;
    bool optional = false;
};
struct Data {
    std::string target;
    std::string content;
    unsigned mode = 0644;
    bool bind = false; ///< over what is there; else written into the file system that the target stands on
    Attr attr = {};    ///< for a bind
    unsigned parents = 0755;
};
struct MakeDirectory {
    std::string target;
    unsigned mode = 0755;
    unsigned parents = 0755;
};
struct Chmod {
    std::string target;
    unsigned mode = 0;
};
/// The mount at target, and only that one, becomes read-only.
struct ReadOnly {
    std::string target;
};
/// What is there already with the same `to` is left alone.
struct Symlink {
    std::string target;
    std::string to;
};
/// A value for a file of /proc/sys: of the jail's own, or of the old root's, where the user namespace of who writes is
/// what counts.
struct Sysctl {
    std::string target;
    std::string value;
    bool old_root = false;
};
} // namespace op

using Op = std::variant<op::Filesystem, op::Directory, op::Bind, op::Overlay, op::Restrict, op::Mask, op::Data,
                        op::MakeDirectory, op::Chmod, op::ReadOnly, op::Symlink, op::Sysctl>;

/// How the payload's terminal is made. Unless the Spec is bare it is never the caller's own: a jail holds no descriptor
/// of the host's terminal.
enum class Terminal : std::uint8_t {
    none,   ///< no stdio is a terminal; a new session without one
    cooked, ///< an own pty for those stdio that are; the host's terminal keeps its line discipline, but where stdin is
            ///< none it becomes raw once the payload asks for keys
    raw,    ///< stdin and stdout are terminals: the host's is put in raw mode, all keys go in
    callers ///< whatever stdio the caller has given
};

/// Who stands between the monitor and the payload.
enum class Init : std::uint8_t {
    keeper, ///< answers, passes signals on, and ends the jail with the payload or the monitor
    reaper, ///< waits for children until there are none, and is as capable and filtered as the payload
    none    ///< nobody: the payload is the monitor's own child, and PID 1 of its namespace if that is a new one
};

struct Exec {
    std::vector<std::string> candidates; ///< tried in order while one is missing
    std::vector<std::string> argv;
    bool any_shell =
        false; ///< which is called by the name that it is found by, instead of argv[0] (busybox looks at it)
    std::vector<std::string> env;  ///< NAME=VALUE
    std::vector<std::string> cwds; ///< the first that can be entered becomes the working directory
    bool pwd = false;              ///< and the value of PWD
};

/// By what a limit is kept.
enum class Means : std::uint8_t {
    none,     ///< there is no limit
    cgroup,   ///< a cgroup of the jail's own
    pidns,    ///< kernel.pid_max of the jail's pid namespace
    rlimit,   ///< setrlimit(2)
    watched,  ///< init looks, and ends the jail
    affinity, ///< sched_setaffinity(2), which the payload is refused
    tmpfs,    ///< the size of the scratch
    monitor,  ///< a timer of the monitor
};
const char* name(Means means);

/// A limit that was wanted, by the name of its option, and how it is kept; the fields below have what is done for it.
struct Limit {
    const char* name;
    Means means = Means::none;
    std::uint64_t value = 0; ///< tasks, bytes, percent, milliseconds
};

/// setrlimit(2), for the payload.
struct Rlimit {
    const char* name;
    int resource;
    std::uint64_t soft, hard;
};

/// A cgroup for the jail, made in `directory` and removed afterwards. Or in a scope below that, for which `manager` is
/// asked.
struct JailCgroup {
    struct Setting {
        std::string file, value;
        bool if_there = false;
    };
    std::string directory = {};           ///< empty: none
    std::string manager = {};             ///< the socket of systemd's user manager; empty: nobody is asked
    std::vector<std::string> enable = {}; ///< controllers, once the monitor has left `directory`
    std::vector<Setting> settings = {};
};

/// Where throw-away layers live, as in the Spec.
struct ScratchPlan {
    std::uint64_t size = 0;  ///< of the tmpfs; 0: the kernel's own choice, kUnlimited: none
    std::uint64_t files = 0; ///< that there can be in it; likewise
    std::string directory = {};
    std::string kept = {};
};

/// A wall that was wanted and cannot be had here, and why; allowed by the Spec, or lower() would have refused.
struct Degraded {
    std::string what, why;
};

/// Why it cannot be the lower layer of an overlay.
constexpr const char* kMountedInRoot =
    "other file systems are mounted inside the root filesystem, and the kernel does "
    "not let a user namespace take them apart; unmount them";

struct Plan {
    Shared shared; ///< where the network is not, lo is brought up
    Enter enter;
    Supervise supervise;
    Init init = Init::keeper;
    bool new_session = true;          ///< setsid(2)
    bool own_keyring = true;          ///< an empty session keyring
    bool descriptors = false;         ///< the caller's are inherited, 3 and on
    bool host_targets = false;        ///< missing targets are made wherever they are missing; none is a symlink
    bool second_userns = false;       ///< the payload may hold CAP_SYS_ADMIN: mounts are locked by a second level
    bool real_root = false;           ///< started by uid 0: the ids below are an unassigned range
    IdMaps uids, gids;                ///< empty: none are written
    bool groups = false;              ///< setgroups(2) works inside: the caller's groups are left, else they stay
    std::string newuidmap, newgidmap; ///< the programs that write the maps; empty: written directly
    std::optional<User> user;         ///< whom the payload becomes, from the first id of the maps
    std::optional<std::string> hostname;
    ScratchPlan scratch;
    bool callers_proc = false; ///< no procfs of the jail's own: what stands is looked up in the caller's, where
                               ///< processes have other numbers
    std::vector<Op> ops;
    Terminal terminal = Terminal::none;
    std::array<bool, 3> tty{};
    std::uint64_t caps = 0;        ///< permitted, effective, bounding of the payload
    std::uint64_t init_caps = 0;   ///< permitted, effective, bounding of init, if that is a keeper
    bool ambient = false;          ///< inheritable and ambient as well: without being root they survive exec so
    bool caller_caps = false;      ///< instead of all that: those of the caller stay as they are
    bool assert_no_userns = false; ///< the payload must not be able to make one: tried before exec
    unsigned landlock_abi = 0;     ///< 0: no ruleset
    bool landlock_files = true;    ///< else its scopes only
    std::vector<std::string> landlock_devices; ///< where the ioctls of devices work
    std::vector<std::string> filters;          ///< seccomp programs by name, loaded in order
    std::vector<std::string> programs; ///< the caller's own, the bytes of sock_filter[]; loaded after the others
    std::string profile;               ///< the file that they were made from, if there is one
    std::vector<Limit> limits;         ///< what of the machine the jail may use, and by what that is kept:
    std::vector<Rlimit> rlimits;
    JailCgroup cgroup;
    std::uint64_t watched_memory = 0; ///< bytes; init ends a jail that has more. 0: it does not look
    std::vector<unsigned> cpus;       ///< the payload runs on these; empty: on all
    std::uint64_t timeout = 0;        ///< milliseconds after which the monitor ends the jail; 0: never
    std::optional<int> oom_score_adj; ///< of all of the jail
    Exec exec;
    bool report = false; ///< what stands is told before exec
    std::vector<Degraded> degraded;
};

/// What lower() refuses.
struct Refusal {
    std::string message;
};

/// Pure: no system call, no descriptor.
std::variant<Plan, Refusal> lower(const Spec& spec, const Host& host);

/// ARGV is what EXEC runs, a shell if it is empty; looked up by EXEC's PATH, as FILE or by its own first word. Pure.
void set_command(Exec& exec, std::vector<std::string> argv, const std::string& file = {});

/// The capabilities that the payload will have, where lower() refuses nothing. Pure.
std::uint64_t payload_caps(const Spec& spec, const Host& host);

/// For people: one operation a line. Bytes that a terminal could act on are escaped.
std::string to_text(const Plan& plan);
/// One line about operation INDEX: `mount[3] bind /srv/x -> /x`.
std::string describe_op(const Plan& plan, std::size_t index);
/// For programs. Bytes that are not UTF-8 stand as \xNN, a backslash as \\.
std::string to_json(const Plan& plan);

/// TEXT with control bytes, escape sequences, bidirectional controls and broken UTF-8 as \xNN: safe on a terminal.
std::string escape(std::string_view text);
/// What escape() was given; none if it cannot have come from there.
std::optional<std::string> unescaped(std::string_view text);
/// The name of capability NUMBER, `CAP_...`; empty if there is none.
std::string_view cap_name(int number);
/// By its name, in letters of either case, or by its number; none if it is neither.
std::optional<int> cap_number(std::string_view name);
/// The capabilities of a set, by name or number.
std::vector<std::string> cap_names(std::uint64_t caps);
/// In one line; `none` if there are none.
std::string cap_words(std::uint64_t caps);
/// As in mountinfo: `ro,nosuid,nodev,noexec`.
std::string words(const Attr& attr, bool idmap = false);
/// The host path that a source names, for people.
std::string host_path(const Source& source);
/// SOURCE, or the directory that a file is in.
Source directory_of(Source source);
/// The target of a mount operation, empty for one without.
const std::string& target_of(const Op& op);

} // namespace ajail::spec
