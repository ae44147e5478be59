// SPDX-License-Identifier: Apache-2.0
// The caller and its machine: facts read before anything is done.
#pragma once

#include "spec/host.h"
#include "spec/spec.h"
#include "sys/fd.h"
#include "sys/result.h"

#include <optional>
#include <string>
#include <vector>

namespace ajail::cli {

struct Caller {
    std::string name; ///< empty until look_for_name()
    std::string home; ///< from the environment, else from /etc/passwd; never empty
    bool in_passwd = false;
    std::string ajail_home; ///< AJAIL_HOME, or ~/.ajail
};

/// Who calls, for the user id UID.
Caller who_calls(unsigned uid);
/// From /etc/passwd, else from the environment. For those only who need it: that file may be large.
void look_for_name(Caller& caller, unsigned uid);
sys::Result<spec::Host> look_at_host();
/// The user id UID, if that is the caller's, is the machine's root.
bool is_real_root(unsigned uid);
/// The helper programs, and the subordinate ids of the user id UID.
spec::Subordinates look_for_subordinates(unsigned uid);

/// The mountpoints of this mount namespace that can be reached, as /proc/self/mountinfo tells them; read once.
const std::vector<std::string>& mountpoints();

/// Whether other file systems are mounted in SOURCE. No overlay can be made of it then.
bool has_submounts(const spec::Source& source);

/// Whether there can be overlays for SPEC, and on what. A run that has none but its root finds out by making that, unless
/// ALL are to be known beforehand.
void look_for_overlays(spec::Host& host, spec::Spec& spec, bool all);

/// The current directory, or why there is none.
sys::Result<std::string> current_directory();

/// PATH made absolute against CWD, without `.`, `..` and double slashes. Lexically: no link is followed.
std::string absolute(const std::string& path, const std::string& cwd);
/// The same directory without symbolic links; PATH itself if it cannot be opened.
std::string physical(const std::string& path);

/// What PATH leads to, without symbolic links.
sys::Result<std::string> real_path(const std::string& path);

struct Seen {
    sys::Fd fd; ///< O_PATH
    unsigned owner = 0;
};

/// The source for PATH (absolute, normal), with what is there filled in, but for submounts: beneath WRITABLE, a directory that jails
/// write to, if it lies there, following no link; else what PATH leads to now. `/` is no such directory. CWD: WRITABLE
/// is the working directory, and is opened as such. SEEN: what is there, for more than the source. The error says why it
/// cannot be looked at.
sys::Result<spec::Source> look_at(const std::string& path, const std::string& writable = "/", bool cwd = false,
                                  Seen* seen = nullptr);
/// The first directory above PATH that nobody but the caller and root can search, by its mode; empty if there is none.
/// PATH itself does not count: what is in a root filesystem's, jails may change.
std::string closed_above(const std::string& path);
/// The source SUB of the root filesystem ROOT, resolved inside of it.
sys::Result<spec::Source> look_in_root(const std::string& root, const std::string& sub);

/// The text of the file PATH of the root filesystem ROOT, resolved inside of it; nothing if it is not there.
sys::Result<std::string> read_in_root(const std::string& root, const std::string& path);

/// The system directories of the host for a jail without a root filesystem of its own, with fresh /proc, /dev and
/// /tmp: /usr, /etc and their like, none of the user's.
std::vector<spec::Mount> host_system();

/// Why a jail can have none of the six devices, which it takes from the host: one is not there, or is something else, which
/// jails could leave words in for each other. Empty if it can.
std::string why_no_devices();
/// /etc/resolv.conf of the host, symlinks followed; nothing if it has none.
std::optional<std::string> resolv_conf();

} // namespace ajail::cli
