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
};
/// A new directory on scratch, attached at target: whatever is thrown away shares one limit.
struct Directory {
    std::string target;
    unsigned mode = 0755;
    Attr attr;
};
/// A recursive clone of source, attributes set on the whole detached tree, attached at target.
struct Bind {
    Source source;
    std::string target;
    Attr attr;
    bool idmap = false; ///< through an idmapped mount, so that the host's ids appear as the jail's
    bool edit = false;  ///< a root filesystem, or a part of one: missing mountpoints are made in it beforehand
};
/// overlayfs: lower below, a layer on the jail's scratch tmpfs above; `entry`: only this name of it is shown.
struct Overlay {
    Source lower;
    std::string entry;
    std::string target;
    Attr attr;
    bool idmap = false;
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
    bool bind = false; ///< over what is there; else written into the throw-away layer that the target stands on
};
struct Symlink {
    std::string target;
    std::string to;
};
/// A value for a file of the jail's own /proc/sys.
struct Sysctl {
    std::string target;
    std::string value;
};
} // namespace op

using Op = std::variant<op::Filesystem, op::Directory, op::Bind, op::Overlay, op::Restrict, op::Mask, op::Data,
                        op::Symlink, op::Sysctl>;

/// How the payload's terminal is made. Never the caller's own: a jail holds no descriptor of the host's terminal.
enum class Terminal : std::uint8_t {
    none,   ///< no stdio is a terminal; a new session without one
    cooked, ///< an own pty for those stdio that are; the host's terminal keeps its line discipline
    raw,    ///< stdin and stdout are terminals: the host's is put in raw mode, all keys go in
};

struct Exec {
    std::vector<std::string> candidates; ///< tried in order while one is missing
    std::vector<std::string> argv;
    std::vector<std::string> env; ///< NAME=VALUE
    std::string cwd;
};

/// A wall that was wanted and cannot be had here, and why; allowed by the Spec, or lower() would have refused.
struct Degraded {
    std::string what, why;
};

struct Plan {
    bool network = false;       ///< share the host's; else an own network namespace with lo up
    bool second_userns = false; ///< the payload may hold CAP_SYS_ADMIN: mounts are locked by a second level
    bool real_root = false;     ///< started by uid 0: the ids below are an unassigned range
    IdMaps uids, gids;
    bool groups = false;              ///< setgroups(2) works inside: the caller's groups are left, else they stay
    std::string newuidmap, newgidmap; ///< the programs that write the maps; empty: written directly
    std::optional<User> user;         ///< whom the payload becomes, from the first id of the maps
    std::string hostname;
    Scratch scratch;
    std::vector<Op> ops;
    Terminal terminal = Terminal::none;
    std::array<bool, 3> tty{};
    std::uint64_t caps = 0;           ///< permitted, effective, bounding of the payload
    bool ambient = false;             ///< the payload is not root inside: its caps must be ambient to survive exec
    unsigned landlock_abi = 0;        ///< 0: no ruleset
    bool landlock_files = true;       ///< else its scopes only
    std::vector<std::string> filters; ///< seccomp programs by name, loaded in order
    Exec exec;
    std::vector<Degraded> degraded;
};

/// What lower() refuses.
struct Refusal {
    std::string message;
};

/// Pure: no system call, no descriptor.
std::variant<Plan, Refusal> lower(const Spec& spec, const Host& host);

/// For people: one operation a line. Bytes that a terminal could act on are escaped.
std::string to_text(const Plan& plan);
/// One line about operation INDEX: `mount[3] bind /srv/x -> /x`.
std::string describe_op(const Plan& plan, std::size_t index);
/// For programs. Bytes that are not UTF-8 stand as \xNN, a backslash as \\.
std::string to_json(const Plan& plan);

/// TEXT with control bytes, escape sequences, bidirectional controls and broken UTF-8 as \xNN: safe on a terminal.
std::string escape(std::string_view text);
/// The name of capability NUMBER, `CAP_...`; empty if there is none.
std::string_view cap_name(int number);
/// The host path that a source names, for people.
std::string host_path(const Source& source);
/// The target of a mount operation, empty for one without.
const std::string& target_of(const Op& op);

} // namespace ajail::spec
