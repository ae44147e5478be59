// SPDX-License-Identifier: Apache-2.0
// See guests.h. A visitor is a process of the same user, which could as well be the monitor's debugger; what must not get
// in here is one that is itself in a jail, where that user's id is the payload's.
#include "ns/guests.h"

#include "ns/neighbour.h"

#include <sys/wait.h>

namespace ajail::ns {

namespace {

using sys::Fd;

constexpr std::size_t kMostGuests = 256;

bool is_readable(const Fd& fd) {
    pollfd wait{fd.get(), POLLIN, 0};
    auto polled = sys::poll({&wait, 1}, 0);
    return polled && *polled > 0;
}

} // namespace

Guests::Guests(const spec::Plan& plan, const Caller& caller, const Fd& lifeline, const Fd& cgroup)
    : plan_(plan), caller_(caller), lifeline_(lifeline), cgroup_(cgroup), door_(caller.door) {}

void Guests::watch(std::vector<pollfd>& fds) const {
    fds.push_back({door_, static_cast<short>(guests_.size() < kMostGuests ? POLLIN : 0), 0});
    for (const Guest& guest : guests_)
        for (const Fd* fd : {&guest.visitor, &guest.report, &guest.bearer, &guest.process})
            fds.push_back({fd->get(), POLLIN, 0});
}

void Guests::turn(std::span<const pollfd> fds) {
    bool any = false;
    for (const pollfd& fd : fds) any = any || fd.revents != 0;
    if (!any) return;
    if (fds[0].revents != 0) let_in();
    guests_.remove_if([&](Guest& guest) { return turn(guest); });
}

void Guests::let_in() {
    auto accepted = sys::accept(door_);
    if (!accepted) return void(door_ = -1); // no descriptors left, for one: those who come would be heard for ever
    if (neighbour(*accepted)) guests_.emplace_back().visitor = std::move(accepted).take();
}

// One round for GUEST. True if nothing is left of it.
bool Guests::turn(Guest& guest) {
    pollfd fds[] = {{guest.visitor.get(), POLLIN, 0},
                    {guest.report.get(), POLLIN, 0},
                    {guest.bearer.get(), POLLIN, 0},
                    {guest.process.get(), POLLIN, 0}};
    if (!sys::poll(fds, 0)) return false;
    if (fds[0].revents != 0 && !hear_visitor(guest)) leave(guest);
    if (fds[1].revents != 0) hear_joiner(guest);
    if (fds[2].revents != 0) {
        Message nobody;
        (void)reap(guest.bearer, nobody);
        while (guest.report && !guest.process && is_readable(guest.report)) hear_joiner(guest);
        // It was ended between bearing and telling. What it has born waits for us, and gives up.
        if (guest.pid == 0 && guest.end.kind != Message::error)
            guest.end = {.kind = Message::error,
                         .error_value = {sys::Stage::start, sys::Call::recv, sys::kNoOp, EPROTO}};
        if (!guest.process) guest.report.reset();
    }
    if (fds[3].revents != 0 && !guest.report) (void)reap(guest.process, guest.end);
    bool runs = guest.report || guest.bearer || guest.process || guest.waits;
    if (runs) return false;
    if (guest.joined && guest.visitor) (void)tell(guest.visitor, guest.end);
    return guest.joined || !guest.visitor;
}

// False when nobody is there any more, or wants what there is not.
bool Guests::hear_visitor(Guest& guest) {
    auto heard = hear(guest.visitor);
    if (!heard) return false;
    Heard said = std::move(heard).take();
    std::int32_t value = said.message.value;
    switch (said.message.kind) {
    case Message::stdio:
        if (value < 0 || value > 2 || !said.fd || guest.joined || guest.waits) return false;
        guest.given.stdio.at(static_cast<std::size_t>(value)) = std::move(said.fd);
        return true;
    case Message::command:
        if (!said.fd || guest.joined || guest.waits) return false;
        for (const Fd& fd : guest.given.stdio)
            if (!fd) return false;
        guest.given.command = std::move(said.fd);
        guest.waits = static_cast<bool>(tell(lifeline_, {.kind = Message::join}));
        return guest.waits;
    case Message::go:
        return std::exchange(guest.shows, false) && guest.report && tell(guest.report, {.kind = Message::go});
    case Message::signal: pass_on(guest, value); return true;
    case Message::end: end_ = value != 0; return static_cast<bool>(tell(guest.visitor, {.kind = Message::go}));
    default: return false;
    }
}

// Nobody waits for what runs there any more.
void Guests::leave(Guest& guest) {
    guest.visitor.reset();
    for (const Fd* pidfd : {&guest.bearer, &guest.process})
        if (*pidfd) (void)sys::pidfd_send_signal(pidfd->get(), SIGKILL);
}

void Guests::hear_init(Heard heard) {
    if (heard.message.kind == Message::space) {
        auto number = static_cast<std::size_t>(heard.message.value);
        if (number < spaces_.size()) spaces_.at(number) = std::move(heard.fd);
        return;
    }
    // Init answers in the order in which it was asked, and guests are in the order in which they came: whose answer this
    // is does not matter, they are all the same.
    for (Guest& guest : guests_) {
        if (!guest.waits) continue;
        guest.given.spaces = std::move(spaces_);
        start(guest);
        return;
    }
}

void Guests::start(Guest& guest) {
    guest.waits = false;
    guest.joined = true;
    Joiner given = std::move(guest.given);
    guest.given = {};
    auto fail = [&](const sys::Error& error) {
        guest.end = {.kind = Message::error, .error_value = error};
        if (guest.end.error_value.stage == sys::Stage::none) guest.end.error_value.stage = sys::Stage::start;
    };
    if (!guest.visitor) return; // gone meanwhile
    auto pair = sys::socketpair();
    if (!pair) return fail(pair.error());
    auto [ours, its] = std::move(pair).take();
    auto born = sys::clone3(0, &guest.bearer, cgroup_);
    if (!born) return fail(born.error());
    // Nobody there comes back to whose Plan it is.
    if (*born == 0) join(const_cast<spec::Plan&>(plan_), caller_, std::move(given), std::move(its));
    guest.report = std::move(ours);
    ever_ = true;
}

void Guests::hear_joiner(Guest& guest) {
    auto heard = hear(guest.report);
    if (!heard && heard.error().err == ECONNRESET) return; // it died with something of ours unread; told once
    if (!heard) return guest.report.reset();
    Heard said = std::move(heard).take();
    switch (said.message.kind) {
    case Message::process:
        guest.process = std::move(said.fd);
        guest.pid = said.message.value;
        if (!guest.visitor || !tell(guest.report, {.kind = Message::go})) leave(guest);
        return;
    case Message::terminal:
        guest.shows = true;
        if (!guest.visitor || !tell(guest.visitor, {.kind = Message::terminal}, said.fd.get())) leave(guest);
        return;
    case Message::listener:
        // Who asks waits for an answer; if nobody can give one, nothing runs.
        if (!tell(lifeline_, {.kind = Message::listener}, said.fd.get())) leave(guest);
        return;
    case Message::error: guest.end = said.message; return;
    default: return guest.report.reset(); // exec has happened, or both have ended
    }
}

// As init does it for the payload: what a terminal sends, to the group that the program leads. A stop is forced. The
// number is the program's as long as it is not reaped.
void Guests::pass_on(const Guest& guest, int sig) const {
    if (!guest.process || guest.pid <= 1) return;
    bool group = sig == SIGINT || sig == SIGQUIT || sig == SIGTSTP || sig == SIGCONT || sig == SIGWINCH;
    int sent = sig == SIGTSTP ? SIGSTOP : sig;
    if (group && ::kill(-guest.pid, sent) == 0) return;
    (void)sys::pidfd_send_signal(guest.process.get(), sent);
}

// True if it has ended; an error that was told before stays.
bool Guests::reap(Fd& pidfd, Message& end) {
    auto info = sys::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), WEXITED);
    pidfd.reset();
    if (!info) return false;
    if (end.kind == Message::error) return true;
    end.kind = (*info).si_code == CLD_EXITED ? Message::exited : Message::killed;
    end.value = (*info).si_status;
    return true;
}

void Guests::send_away() {
    door_ = -1;
    for (Guest& guest : guests_) {
        auto kill = [](Fd& pidfd, Message& end) {
            if (!pidfd) return;
            (void)sys::pidfd_send_signal(pidfd.get(), SIGKILL);
            (void)reap(pidfd, end);
        };
        Message nobody; // asks how the bearer has ended
        kill(guest.bearer, nobody);
        // The process may be there already, and its number still be on the way.
        while (guest.report && is_readable(guest.report)) hear_joiner(guest);
        kill(guest.process, guest.end);
        if (guest.joined && guest.visitor) (void)tell(guest.visitor, guest.end);
    }
    guests_.clear();
}

// What was born by a bearer that could not tell of it is nobody's else: init waits for it to be reaped.
void Guests::reap_others(const Fd& init) const {
    constexpr int kOften = 20;
    for (pollfd wait{init.get(), POLLIN, 0}; ever_;) {
        auto polled = sys::poll({&wait, 1}, kOften);
        if (!polled || *polled > 0) return;
        auto other = sys::waitid(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT);
        // It may be init's that ends just now.
        polled = sys::poll({&wait, 1}, 0);
        if (!polled || *polled > 0) return;
        if (other && (*other).si_pid != 0) (void)sys::waitid(P_PID, static_cast<id_t>((*other).si_pid), WEXITED);
    }
}

} // namespace ajail::ns
