// SPDX-License-Identifier: Apache-2.0
// Spec: what was asked for, in the user's words. Front ends write it, lower() reads it, nothing else does.
// The order of mounts is meaning: later on top. Safe is the zero value (read-only, nodev, nosuid, recursive,
// mandatory); a field is named for the power it grants, so that an audit greps for `true`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
    bool system = false;    ///< of the host's system, not the user's: never presented as the payload's own (idmap)
};

struct Bind {
    Source source;
    std::string target;
    bool writable = false;
    bool devices = false; ///< device nodes in it may be opened
    bool edit = false;    ///< of a root filesystem: mountpoints that are missing in it may be made for the time being
};
/// The source below, a throw-away layer above. For a file, of its directory, and only the file is shown.
struct Overlay {
    Source source;
    std::string target;
};
struct Tmpfs {
    std::string target;
    unsigned mode = 0755;
};
/// An empty read-only file or directory in place of what is there.
struct Mask {
    std::string target;
};
/// A file with this content (tmpfs-backed, writable, thrown away) in place of what is there.
struct Data {
    std::string target;
    std::string content;
    unsigned mode = 0644;
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
using Mount = std::variant<Bind, Overlay, Tmpfs, Mask, Data, Symlink, Proc, Dev>;

/// What stands at `/`.
struct Root {
    enum Kind : std::uint8_t { empty, overlay, writable } kind = empty;
    Source source = {}; ///< not for `empty`, which is a tmpfs
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

struct Policy {
    std::vector<int> add_caps = {}; ///< numbers as in capabilities(7), on top of the identity's own
    bool no_root_emulation = false; ///< calls that only a real root could make fail, as the kernel says
    bool nested = false;            ///< the payload may make user namespaces
};

struct Command {
    std::vector<std::string> argv = {}; ///< empty: an interactive shell
    std::vector<std::pair<std::string, std::string>> env = {};
    std::string cwd = "/";
};

/// Where throw-away layers live: a tmpfs of this size (empty: half the memory), or a directory of the host that is
/// the jail's alone and removed after it.
struct Scratch {
    std::string size = {}, directory = {};
};

struct Spec {
    Root root = {};
    Scratch scratch = {};
    std::vector<Mount> mounts = {};
    Identity identity = Identity::root;
    Users users = Users::one;
    std::optional<User> user = {}; ///< who the payload is, where it is not the identity
    bool network = false;          ///< share the host's network namespace
    std::string hostname = "localhost";
    Policy policy = {};
    Command command = {};
};

/// PATH is DIR or in it; both absolute and normal.
bool within(const std::string& path, const std::string& dir);

} // namespace ajail::spec
