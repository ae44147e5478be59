// SPDX-License-Identifier: Apache-2.0
// See steps.h. The order within each function is part of the security argument.
#include "ns/steps.h"

#include "ns/exec.h"
#include "policy/limits.h"
#include "policy/policy.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>

namespace ajail::ns {

namespace {

using spec::Plan;
using sys::Done;
using sys::during;
using sys::Fd;
using sys::Result;
using sys::Stage;
using sys::Status;

constexpr int kFailed = 125;

// USER's uid and gid, and every capability that there was.
Status take_uid(const spec::User& user) {
    TRY(sys::prctl(PR_SET_KEEPCAPS, 1));
    TRY(sys::setresgid(user.gid));
    TRY(sys::setresuid(user.uid));
    TRY(sys::prctl(PR_SET_KEEPCAPS, 0));
    sys::Caps caps = TRY(sys::capget());
    return sys::capset({caps.permitted, caps.permitted, 0}); // the effective ones went with uid 0, capabilities(7)
}

// In a user namespace that others have made: the ids that were asked for, without losing what the set-up needs.
Status switch_ids(const Plan& plan) { return plan.user ? take_uid(*plan.user) : Status(Done{}); }

// A set-up call may be answered with yes and not done, by a filter around us or a kernel with a bug. ABOUT: the first
// wall that does not stand.
Status all_stand(const Look& look, std::string& about) {
    for (const spec::Wall& wall : look.walls()) {
        if (wall.stands) continue;
        about = wall.control + ": wanted " + wall.wanted + ", got " + wall.got;
        return sys::refused(EPERM);
    }
    return Done{};
}

} // namespace

Status take_ids(const Plan& plan) {
    if (plan.enter.userns >= 0) return switch_ids(plan);
    if (plan.uids.empty()) return Done{};
    // Where there are many ids the caller's groups can and must be left; a map of one id denies setgroups, and they
    // stay.
    if (plan.groups) TRY(sys::setgroups({}));
    // One id is ours already, but a root emulation around us has to be told.
    TRY(sys::setresgid(plan.gids.at(0).inside));
    return sys::setresuid(plan.uids.at(0).inside);
}

Result<Fd> make_terminal(const Plan& plan, const Fd& report) {
    if (plan.terminal == spec::Terminal::none) return Fd();
    Fd master = TRY(sys::open("/dev/pts/ptmx", O_RDWR | O_NOCTTY));
    int locked = 0;
    TRY(sys::ioctl(master.get(), TIOCSPTLCK, &locked));
    int slave = TRY(sys::ioctl(master.get(), TIOCGPTPEER, reinterpret_cast<void*>(O_RDWR | O_NOCTTY | O_CLOEXEC)));
    Fd owned(slave);
    // Of the same devpts: never a terminal that somebody else has.
    struct stat ours = TRY(sys::fstat(master.get())), its = TRY(sys::fstat(slave));
    if (slave < 3 || ours.st_dev != its.st_dev) return sys::refused(EPERM);
    if (plan.user) TRY(sys::fchown(slave, plan.user->uid, static_cast<gid_t>(-1)));
    TRY(tell(report, {.kind = Message::terminal}, master.get()));
    Heard answer = TRY(hear(report));
    if (answer.message.kind == Message::eof) give_up();
    if (answer.message.kind != Message::go) return sys::refused(EPROTO);
    return owned;
}

Status put_terminal(const Plan& plan, const Fd& slave) {
    for (int fd = 0; slave && fd < 3; ++fd)
        if (plan.tty[static_cast<std::size_t>(fd)]) TRY(sys::dup2(slave.get(), fd));
    return Done{};
}

Status become_user(const Plan& plan) {
    if (!plan.user) return Done{};
    TRY(sys::setgroups(plan.user->groups));
    return take_uid(*plan.user);
}

Status shut_in(const Plan& plan, std::uint64_t within, const Fd& slave, Look& look) {
    TRY(during(Stage::capabilities, policy::bound(plan.caps, within)));
    TRY(during(Stage::capabilities, policy::drop_caps(plan.caps, plan.ambient)));
    TRY(during(Stage::no_new_privs, policy::forbid_new_privs()));
    TRY(during(Stage::payload, sys::close_on_exec_from(3)));
    TRY(during(Stage::readback, look.before_landlock(slave)));
    // From here on only what stands in the jail can be opened.
    TRY(during(Stage::landlock, policy::landlock(plan, look.ground())));
    return during(Stage::readback, look.before_filters());
}

Status put_up_filters(const Plan& plan, const Fd& socket, Look& look) {
    Fd listener = TRY(during(Stage::seccomp, policy::filter(plan)));
    if (listener) TRY(during(Stage::seccomp, tell(socket, {.kind = Message::listener}, listener.get())));
    return during(Stage::readback, look.after_filters());
}

Status become_program(const Plan& plan, const Look& look, const std::string& cwd, std::size_t first,
                      std::string& about) {
    TRY(during(Stage::readback, all_stand(look, about)));
    // What the caller brings may refuse anything but exec.
    TRY(during(Stage::seccomp, policy::load(plan)));
    return during(Stage::exec, execute(plan.exec, cwd, first));
}

void fail(const Fd& report, sys::Error error, const std::string& about) {
    Message message{.kind = Message::error, .value = 0, .error_value = error, .about = {}};
    about.copy(message.about.data(), message.about.size() - 1);
    if (!tell_plainly(report, message)) (void)tell(report, message); // nobody else to tell
    give_up();
}

void give_up() { ::_exit(kFailed); }

} // namespace ajail::ns
