// SPDX-License-Identifier: Apache-2.0
// See join.h. Two processes. The first enters the namespaces, and nobody in the jail can see it, for it stays in the pid
// namespace outside: all that needs the host, ids or more capabilities than the payload has, it does. The second is born
// into the jail's pid namespace with nothing of the host's but its memory, which is the outer user namespace's until
// exec and not dumpable: no capability of the jail opens it (ptrace(2); CVE-2016-9962 and CVE-2016-8659 are what happens
// else).
#include "ns/join.h"

#include "ns/child.h"
#include "ns/exec.h"
#include "ns/steps.h"
#include "policy/limits.h"

#include <cstring>
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

constexpr std::size_t kMostWords = 8 << 20; // more than execve(2) takes

// A change of ids makes a process dumpable again where fs.suid_dumpable says so (prctl(2)).
Status hide() {
    TRY(sys::prctl(PR_SET_DUMPABLE, 0));
    return TRY(sys::prctl(PR_GET_DUMPABLE)) == 0 ? Status(Done{}) : Status(sys::refused(EPERM));
}

Result<std::vector<std::string>> words_in(const Fd& file) {
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return sys::failed(sys::Call::read);
    std::string text = TRY(sys::read_all(file.get(), kMostWords));
    std::vector<std::string> words;
    for (std::size_t start = 0; start < text.size();) {
        std::size_t end = text.find('\0', start);
        if (end == std::string::npos) return sys::refused(EPROTO);
        words.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return words;
}

// As those of a payload: none leads out (a directory would, and O_PATH opened again), and a terminal is not handed on.
Status take_stdio(Plan& plan, const std::array<Fd, 3>& stdio) {
    for (int fd = 0; fd < 3; ++fd) {
        const Fd& its = stdio.at(static_cast<std::size_t>(fd));
        struct stat st = TRY(sys::fstat(its.get()));
        int flags = ::fcntl(its.get(), F_GETFL);
        if (flags < 0 || (flags & O_PATH) != 0 || S_ISDIR(st.st_mode)) return sys::refused(EBADF);
        bool tty = plan.tty.at(static_cast<std::size_t>(fd)) = ::isatty(its.get()) == 1;
        if (!tty && errno != ENOTTY && errno != EINVAL) return sys::failed(sys::Call::ioctl); // see look_at_host()
        TRY(sys::dup2(its.get(), fd));
        // What was there is the monitor's.
        struct stat now = TRY(sys::fstat(fd));
        if (now.st_dev != st.st_dev || now.st_ino != st.st_ino) return sys::refused(EBADF);
    }
    bool any = plan.tty[0] || plan.tty[1] || plan.tty[2];
    plan.terminal = any ? spec::Terminal::raw : spec::Terminal::none;
    return Done{};
}

// The Plan is the jail's; what differs is the program, its stdio, and that the mounts stand already.
Status amend(Plan& plan, const Joiner& its) {
    spec::set_command(plan.exec, TRY(words_in(its.command)));
    TRY(take_stdio(plan, its.stdio));
    plan.ops.clear();
    plan.hostname.reset(); // the payload may have changed it, where it may
    plan.report = false;
    return Done{};
}

struct Inodes {
    spec::Namespaces callers{}, inits{}, wanted{};
};

Result<Inodes> look_at(const Plan& plan, const Joiner& its) {
    Inodes inodes;
    inodes.callers = TRY(own_namespaces(AT_FDCWD, "/proc/self/ns"));
    for (std::size_t i = 0; i < inodes.inits.size(); ++i) {
        if (inodes.callers[i] == 0) continue; // this kernel has none of that kind
        inodes.inits[i] = TRY(sys::fstat(its.spaces.at(i).get())).st_ino;
    }
    inodes.wanted = inodes.inits;
    if (!plan.second_userns) return inodes;
    inodes.wanted[0] = TRY(sys::fstat(its.spaces.at(Space::second_user).get())).st_ino;
    inodes.wanted[1] = TRY(sys::fstat(its.spaces.at(Space::second_mnt).get())).st_ino;
    return inodes;
}

// The user namespace first: it gives the right to enter the others. The mounts are last, those of the second user
// namespace if there is one; the pid namespace is for children only (setns(2)).
Status enter(const Plan& plan, const Joiner& its, const Inodes& inodes) {
    constexpr std::size_t kUser = 0, kMnt = 1;
    TRY(sys::setns(its.spaces[kUser].get(), CLONE_NEWUSER));
    TRY(hide());
    TRY(take_ids(plan));
    TRY(hide());
    for (std::size_t i = kMnt + 1; i < inodes.inits.size(); ++i)
        if (inodes.inits[i] != inodes.callers[i]) TRY(sys::setns(its.spaces.at(i).get(), 0));
    if (plan.second_userns) {
        TRY(sys::setns(its.spaces[Space::second_user].get(), CLONE_NEWUSER));
        TRY(hide());
    }
    const Fd& mounts = its.spaces.at(plan.second_userns ? std::size_t{Space::second_mnt} : kMnt);
    return sys::setns(mounts.get(), CLONE_NEWNS); // and `/` and the working directory are theirs
}

// Beneath no `/` of anybody's.
Result<Fd> somewhere_else() {
    Fd tmpfs = TRY(sys::fsopen("tmpfs"));
    return sys::fsmount(tmpfs.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

Status same_namespaces(const Inodes& inodes, const Fd& proc, std::string& about) {
    spec::Namespaces own = TRY(own_namespaces(proc.get()));
    if (own == inodes.wanted) return Done{};
    about = "namespaces: wanted the payload's, got others";
    return sys::refused(EPERM);
}

// A session of its own, which the pty is the terminal of.
Status lead_session(const Fd& slave) {
    TRY(sys::setsid());
    if (slave) TRY(sys::ioctl(slave.get(), TIOCSCTTY, nullptr));
    return Done{};
}

// What the first has made for the second.
struct Prepared {
    Inodes inodes;
    Fd proc, outside, slave;
    std::int32_t keyring = 0;
    std::string cwd;
};

Status become(const Plan& plan, const Caller& caller, Prepared made, const Fd& report, std::string& about) {
    // The monitor has our number, and will reap us.
    Heard known = TRY(during(Stage::start, hear(report)));
    if (known.message.kind == Message::eof) give_up();
    if (known.message.kind != Message::go) return during(Stage::start, Status(sys::refused(EPROTO)));
    TRY(during(Stage::terminal, lead_session(made.slave)));
    TRY(during(Stage::payload, restore(caller)));
    TRY(during(Stage::readback, same_namespaces(made.inodes, made.proc, about)));
    Look look = Look::joining(plan, made.inodes.callers, made.inodes.inits, std::move(made.proc),
                              std::move(made.outside), made.keyring);
    TRY(shut_in(plan, ~std::uint64_t{0}, made.slave, look));
    std::size_t first = first_there(plan.exec);
    TRY(put_up_filters(plan, report, look));
    return become_program(plan, look, made.cwd, first, about);
}

Result<Prepared> prepare(Plan& plan, const Caller& caller, Joiner& its, const Fd& report) {
    TRY(during(Stage::limits, be_taken_first(plan, "/proc/self"))); // its file is root's once that is hidden
    TRY(during(Stage::start, hide()));
    // The monitor's arguments and environment, which /proc/PID/cmdline shows to anybody.
    std::memset(caller.args, 0, caller.args_size);
    TRY(during(Stage::exec, amend(plan, its)));
    std::vector<int> kept = {report.get()};
    for (const Fd& space : its.spaces) kept.push_back(space.get());
    TRY(during(Stage::start, sys::close_all_but(kept)));
    for (Fd& fd : its.stdio) (void)fd.release();
    (void)its.command.release();
    Prepared made;
    made.inodes = TRY(during(Stage::enter, look_at(plan, its)));
    made.proc = std::move(its.spaces[Space::procfs]);
    if (!made.proc || !TRY(sys::is_proc(made.proc.get())))
        return during(Stage::enter, Status(sys::refused(EPROTO))).error();
    TRY(during(Stage::enter, enter(plan, its, made.inodes)));
    for (Fd& space : its.spaces) space.reset();
    // Past this line nothing of the host is left but the report socket and what was given as stdio.
    TRY(during(Stage::start, sys::prctl(PR_SET_PDEATHSIG, SIGKILL)));
    if (TRY(during(Stage::start, closed(report)))) give_up(); // the monitor has died before that
    if (plan.own_keyring) made.keyring = TRY(during(Stage::start, sys::own_session_keyring()));
    made.outside = TRY(during(Stage::landlock, somewhere_else()));
    made.slave = TRY(during(Stage::terminal, make_terminal(plan, report)));
    TRY(during(Stage::terminal, put_terminal(plan, made.slave)));
    made.cwd = TRY(during(Stage::exec, enter_cwd(plan.exec)));
    TRY(during(Stage::ids, become_user(plan)));
    TRY(during(Stage::limits, policy::limit(plan)));
    TRY(during(Stage::start, hide()));
    return made;
}

} // namespace

void join(Plan& plan, const Caller& caller, Joiner its, Fd report) {
    auto prepared = prepare(plan, caller, its, report);
    if (!prepared) fail(report, prepared.error());
    Prepared made = std::move(prepared).take();
    plan.terminal = spec::Terminal::none; // the session is the program's own, as it is without one
    Fd pidfd;
    auto born = during(Stage::payload, sys::clone3(CLONE_PARENT, &pidfd));
    if (!born) fail(report, born.error());
    if (*born == 0) {
        std::string about;
        sys::Error error = become(plan, caller, std::move(made), report, about).error();
        fail(report, error, about);
    }
    bool told = static_cast<bool>(tell(report, {.kind = Message::process, .value = *born}, pidfd.get()));
    if (!told) (void)sys::pidfd_send_signal(pidfd.get(), SIGKILL);
    ::_exit(0);
}

} // namespace ajail::ns
