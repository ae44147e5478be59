// SPDX-License-Identifier: Apache-2.0
// What is said as bwrap. Programs know failures by bubblewrap's words, so these are kept; where it only passes on an
// errno and more is known, more is said.
#include "cli/bwrap.h"
#include "cli/words.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ajail::cli {

namespace {

using spec::escape;
using sys::Call;
using sys::Error;
using sys::Stage;

std::string octal(unsigned mode) {
    char text[16];
    (void)std::snprintf(text, sizeof text, "%#o", mode);
    return text;
}

bool any_of(Call call, std::initializer_list<Call> calls) {
    return std::find(calls.begin(), calls.end(), call) != calls.end();
}

// "No space left" is what mount(2) says where there are too many mounts.
std::string mount_error(int err) {
    std::string text = std::strerror(err);
    return err == ENOSPC ? text + " (too many mounts, see /proc/sys/fs/mount-max)" : text;
}

// A mount operation that failed; empty where nothing of bubblewrap's fits.
class OpWords {
public:
    OpWords(const ns::Outcome& outcome, const BwrapOptions& options, const spec::Op& op)
        : error_(*outcome.error), why_(std::strerror(error_.err)), about_(outcome.about),
          target_(escape(as_given(options, spec::target_of(op)))) {}

    std::string operator()(const spec::op::Filesystem& op) const {
        return of_target().value_or("Can't mount " + op.type + " on " + target_ + ": " + mount_error(error_.err));
    }
    std::string operator()(const spec::op::Bind& op) const {
        std::string source = escape(spec::host_path(op.source));
        if (is(Call::check, ESTALE)) return "Race condition binding dirfd";
        if (any_of(error_.call, {Call::open, Call::openat2, Call::fstat, Call::open_tree}))
            return "Can't open source " + source + ": " + why_;
        if (auto said = of_target()) return *said;
        return "Can't bind mount " + source + " on " + target_ +
               ": Unable to mount source on destination: " + mount_error(error_.err);
    }
    std::string operator()(const spec::op::Overlay& op) const {
        if (any_of(error_.call, {Call::open, Call::openat2}) && op.lowers.size() == 1)
            return "Can't open source " + escape(spec::host_path(op.lowers[0])) + ": " + why_;
        if (auto said = of_target()) return *said;
        std::string head = "Can't make overlay mount on " + target_ + " with options " + layers(op) + ": ";
        if (error_.err == ELOOP) return head + "Overlay directories may not overlap";
        if (const spec::Source* file = no_directory(op); file != nullptr && error_.err == EINVAL)
            return head + why_ + " (" + escape(spec::host_path(*file)) + " is not a directory)";
        return head + mount_error(error_.err);
    }
    std::string operator()(const spec::op::Data& op) const {
        if (auto said = of_target()) return *said;
        if (op.bind && any_of(error_.call, {Call::open_tree, Call::mount_setattr, Call::move_mount}))
            return "Can't bind mount tmpfile on " + target_ +
                   ": Unable to mount source on destination: " + mount_error(error_.err);
        return "Can't write data to file " + target_ + ": " + why_;
    }
    std::string operator()(const spec::op::MakeDirectory&) const {
        return of_target().value_or("Can't create file " + target_ + ": " + why_);
    }
    std::string operator()(const spec::op::Chmod& op) const {
        if (error_.call == Call::target) return "Can't open " + target_ + ": " + why_;
        return "Can't chmod " + octal(op.mode) + " " + target_ + ": " + why_;
    }
    std::string operator()(const spec::op::ReadOnly&) const {
        return of_target().value_or("Can't remount readonly on " + target_ + ": " + why_);
    }
    std::string operator()(const spec::op::Symlink&) const {
        std::string head = "Can't make symlink at " + target_ + ": ";
        if (error_.call == Call::parents) return *of_target();
        if (is(Call::check, EEXIST)) return head + "existing destination is " + escape(about_);
        if (is(Call::check, EINVAL)) return head + "destination exists and is not a symlink";
        return head + why_;
    }
    template <class Other> std::string operator()(const Other&) const { return {}; }

private:
    // What was in the way at the target.
    std::optional<std::string> of_target() const {
        if (error_.call == Call::parents) return "Can't mkdir parents for " + target_ + ": " + why_;
        if (error_.call == Call::target) return "Can't create file " + target_ + ": " + why_;
        if (is(Call::check, ELOOP)) return "Can't mount on symlink destination " + target_;
        if (is(Call::check, ENOTDIR)) return "Destination is not a directory " + target_;
        if (is(Call::check, EISDIR)) return "Destination is not a file " + target_;
        return std::nullopt;
    }

    bool is(Call call, int err) const { return error_.call == call && error_.err == err; }

    static const spec::Source* no_directory(const spec::op::Overlay& op) {
        bool kept = op.writes == spec::Layers::kept;
        if (kept && !op.upper.directory) return &op.upper;
        if (kept && !op.work.directory) return &op.work;
        for (const spec::Source& lower : op.lowers)
            if (!lower.directory) return &lower;
        return nullptr;
    }

    static std::string layers(const spec::op::Overlay& op) {
        std::string text;
        if (op.writes == spec::Layers::kept)
            text = "upperdir=" + escape(op.upper.path) + ",workdir=" + escape(op.work.path) + ",";
        text += "lowerdir=";
        for (std::size_t i = op.lowers.size(); i-- > 0;) // the top one first, as the kernel has them
            text += escape(spec::host_path(op.lowers[i])) + (i == 0 ? "" : ":");
        return text;
    }

    // The Plan's are absolute.
    static std::string as_given(const BwrapOptions& options, const std::string& target) {
        for (const BwrapMount& mount : options.mounts)
            if (std::visit([&](const auto& m) { return m.target == target; }, mount.mount)) return mount.given;
        return target;
    }

    const Error& error_;
    std::string why_;
    const std::string& about_;
    std::string target_;
};

std::string of_namespaces(const Error& error, const spec::Plan& plan) {
    bool forbidden = error.err == EPERM && !plan.shared.user; // else it is CAP_SYS_ADMIN that is missing
    bool explained = forbidden || error.err == EINVAL || error.err == ENOSPC || error.err == EACCES;
    std::string why = explained ? diagnose(error, look_around()) : std::string();
    if (why.empty()) why = std::strerror(error.err);
    return (forbidden ? "No permissions to create a new namespace: " : "Creating new namespace failed: ") + why;
}

// Which of them it was the error does not tell; the first is what usually fails.
std::string of_entering(const Error& error, const spec::Enter& enter) {
    std::string why = std::strerror(error.err);
    if (enter.userns < 0 && enter.pidns >= 0) return "Setting pidns failed: " + why;
    if (enter.userns < 0) return "Setting userns2 failed: " + why;
    if (error.err != EINVAL) return "Joining specified user namespace failed: " + why;
    return "Joining the specified user namespace failed, it might not be a descendant of the current user namespace.";
}

std::string of_lock(const Error& error, const std::string& path) {
    std::string what = error.call == Call::fcntl_lock ? "Unable to lock file " : "Unable to open lock file ";
    return what + escape(path) + ": " + std::strerror(error.err);
}

// A step that is no mount operation.
std::string of_step(const ns::Outcome& outcome, const spec::Plan& plan, const BwrapOptions& options) {
    const Error& error = *outcome.error;
    std::string why = std::strerror(error.err);
    switch (error.stage) {
    case Stage::namespaces: return of_namespaces(error, plan);
    case Stage::enter: return of_entering(error, plan.enter);
    case Stage::info: return "Write to info_fd: " + why;
    case Stage::idmap:
        if (plan.supervise.ids < 0 || error.err != EPERM) return {};
        return "id map: whoever wrote to --userns-block-fd, or closed it, has not written the id maps";
    case Stage::hostname: return "Can't set hostname to " + escape(options.hostname.value_or("")) + ": " + why;
    case Stage::nested: return "creation of new user namespaces was not disabled as requested";
    case Stage::lock: return of_lock(error, outcome.about);
    case Stage::seccomp:
        return error.err == EINVAL ? "Unable to set up system call filtering as requested: the kernel does not take "
                                     "the program (Invalid argument), or has no CONFIG_SECCOMP_FILTER"
                                   : "prctl(PR_SET_SECCOMP): " + why;
    case Stage::exec:
        if (error.call == Call::chdir) return "Can't chdir to " + escape(plan.exec.cwds.back()) + ": " + why;
        return "execvp " + escape(options.command.at(0)) + ": " + why;
    default: return {};
    }
}

} // namespace

int bwrap_fail(const std::string& text) {
    std::fprintf(stderr, "bwrap: %s\n", text.c_str());
    return 1;
}

std::string bwrap_sentence(const ns::Outcome& outcome, const spec::Plan& plan, const BwrapOptions& options) {
    const Error& error = *outcome.error;
    std::string said;
    if (error.op == sys::kNoOp || error.op >= plan.ops.size()) said = of_step(outcome, plan, options);
    else said = std::visit(OpWords(outcome, options, plan.ops[error.op]), plan.ops[error.op]);
    return said.empty() ? sentence(error, &plan) : said;
}

} // namespace ajail::cli
