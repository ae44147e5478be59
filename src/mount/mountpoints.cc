// SPDX-License-Identifier: Apache-2.0
// See mountpoints.h. Made by the caller before the jail is there, resolved inside the root filesystem like any other
// destination.
#include "mount/mountpoints.h"

#include "mount/mount.h"

#include <algorithm>

namespace ajail::mount {

using sys::Fd;
using sys::Result;

Result<Mountpoints> Mountpoints::make(const spec::Plan& plan) {
    Mountpoints points;
    if (!plan.edits_root) return points;
    const auto& root_bind = std::get<spec::op::Bind>(plan.ops.front());
    Fd root = TRY(sys::open(root_bind.source.path.c_str(), O_PATH | O_DIRECTORY));
    std::vector<std::string> covered; // below these, the mountpoint is on a file system of the jail's own
    for (const spec::Op& op : plan.ops) {
        const std::string& target = spec::target_of(op);
        bool below = std::any_of(covered.begin(), covered.end(), [&](const std::string& c) {
            return target.starts_with(c) && (target.size() == c.size() || target[c.size()] == '/');
        });
        if (target == "/" || below) continue;
        bool directory = true;
        if (auto* bind = std::get_if<spec::op::Bind>(&op)) directory = bind->source.directory;
        if (auto* overlay = std::get_if<spec::op::Overlay>(&op)) directory = overlay->entry.empty();
        if (std::holds_alternative<spec::op::Data>(op)) directory = false;
        if (std::holds_alternative<spec::op::Mask>(op)) continue;
        auto remember = [&](int dir, const std::string& name, bool is_dir) {
            points.made_.push_back({Fd(::fcntl(dir, F_DUPFD_CLOEXEC, 3)), name, is_dir});
            return true;
        };
        TRY(resolve(root.get(), target, directory, remember));
        covered.push_back(target);
    }
    return points;
}

Mountpoints::~Mountpoints() {
    // Only what is still empty and as it was made: somebody inside may have put something there.
    for (auto made = made_.rbegin(); made != made_.rend(); ++made) {
        struct stat st {};
        if (!made->parent) continue;
        if (!made->directory && (::fstatat(made->parent.get(), made->name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                                 !S_ISREG(st.st_mode) || st.st_size != 0))
            continue;
        (void)::unlinkat(made->parent.get(), made->name.c_str(), made->directory ? AT_REMOVEDIR : 0);
    }
}

} // namespace ajail::mount
