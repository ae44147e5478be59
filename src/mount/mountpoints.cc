// SPDX-License-Identifier: Apache-2.0
// See mountpoints.h. Made by the caller before the jail is there, resolved inside the root filesystem like any other
// destination.
#include "mount/mountpoints.h"

#include "mount/mount.h"

#include <algorithm>

namespace ajail::mount {

using sys::Fd;
using sys::Result;

namespace {

// The operation on whose file system the target of operation INDEX stands: the last earlier one over it.
const spec::Op* stands_on(const spec::Plan& plan, std::size_t index) {
    for (std::size_t i = index; i-- > 0;)
        if (spec::within(spec::target_of(plan.ops[index]), spec::target_of(plan.ops[i]))) return &plan.ops[i];
    return nullptr;
}

bool wants_directory(const spec::Op& op) {
    if (auto* bind = std::get_if<spec::op::Bind>(&op)) return bind->source.directory;
    if (auto* overlay = std::get_if<spec::op::Overlay>(&op)) return overlay->entry.empty();
    return std::holds_alternative<spec::op::Filesystem>(op) || std::holds_alternative<spec::op::Directory>(op);
}

bool needs_target(const spec::Op& op) {
    return wants_directory(op) || std::holds_alternative<spec::op::Bind>(op) ||
           std::holds_alternative<spec::op::Overlay>(op) || std::holds_alternative<spec::op::Data>(op);
}

} // namespace

Result<Mountpoints> Mountpoints::make(const spec::Plan& plan) {
    Mountpoints points;
    bool any = std::any_of(plan.ops.begin(), plan.ops.end(), [](const spec::Op& op) {
        auto* bind = std::get_if<spec::op::Bind>(&op);
        return bind != nullptr && bind->edit;
    });
    if (!any) return points;
    auto remember = [&](int dir, const std::string& name, bool directory) {
        // Without it nothing could be removed again: then it is not made.
        Fd parent(::fcntl(dir, F_DUPFD_CLOEXEC, 3));
        if (!parent) return false;
        points.made_.push_back({std::move(parent), name, directory});
        return true;
    };
    for (std::size_t i = 0; i < plan.ops.size(); ++i) {
        const spec::Op* ground = stands_on(plan, i);
        const auto* bind = ground == nullptr ? nullptr : std::get_if<spec::op::Bind>(ground);
        if (bind == nullptr || !bind->edit || !needs_target(plan.ops[i])) continue;
        Fd root = TRY(open_source(bind->source));
        std::string inside = bind->target == "/" ? spec::target_of(plan.ops[i])
                                                 : spec::target_of(plan.ops[i]).substr(bind->target.size());
        auto found = resolve(root.get(), inside, wants_directory(plan.ops[i]), remember);
        // Somebody else was faster: it is theirs.
        if (!found && found.error().err == EEXIST && !points.made_.empty()) points.made_.pop_back();
        TRY(std::move(found));
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
