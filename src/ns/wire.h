// SPDX-License-Identifier: Apache-2.0
// What the processes of a jail say to each other, over three SOCK_SEQPACKET pairs (and a fourth for one message: the
// pidfd of a child that was born inside of a user namespace to enter, or why it was not).
//
//   report    monitor <-> child, then payload. Closed by exec.
//     monitor -> child    tree N (+fd)   an idmapped tree for operation N       (real root only)
//                         go             id maps are written: proceed     (not to a child that writes its own)
//                         namespaces     what the monitor's are, numbers in `about`         (not for a bare jail)
//     child  -> monitor   process (+fd)  a pidfd: that one is the jail's, not the sender  (a pid namespace in another)
//                         namespaces     what they are, in `about`                        (if the Plan has whom to tell)
//                         terminal (+fd) the master of the jail's pty; answered by go
//                         report (+fd)   what stands, in memory; answered by go           (if the Plan has one)
//                         go             all is set up, exec is next                      (a bare jail)
//                         error E        a step failed; the sender exits
//                         EOF            exec happened (or the sender died: init's end tells)
//   lifeline  monitor <-> init, for the life of the jail. EOF at either end: the other is gone.
//     monitor -> init     signal S       for the payload
//                         join           somebody from outside is to come in; answered by all spaces, and go
//                         listener (+fd) where the kernel's questions about one who has joined come
//     init   -> monitor   too_much        the jail has more memory than it may; init exits, and with it the jail
//                         too_late        likewise, its time is up and the monitor has not ended it
//                         stopped S      the payload was stopped by S, not by the monitor's SIGTSTP; SIGTTIN, SIGTTOU: it
//                                        wants the terminal, has it in the jail, and waits for SIGCONT
//                         exited C / killed S   the payload ended; init exits, and with it the jail. Which calls it has refused
//                         error E        init itself failed; it exits
//                         space N (+fd)  namespace N of kNamespaces; or one of Space
//                         go             those were all
//
//   joining   monitor <-> the process that it has made to join. Closed by exec.
//     joiner -> monitor   process (+fd)  a pidfd: that one becomes the program, and the sender exits; answered by go,
//                                        to that one
//                         terminal (+fd) as of the child; answered by go
//                         listener (+fd) as of the payload
//                         error E        a step failed; the sender exits
//
//   visit     `ajail exec` or `ajail kill` <-> monitor, by the socket that the jail is noted down with
//     visitor -> monitor  stdio N (+fd)  descriptor N of the program
//                         command (+fd)  a file with its words, each ended by a zero: it is to run now
//                         go             the terminal is ready
//                         signal S       for the program
//                         end F          the jail is to end; F: at once
//                         EOF            nobody is there any more: neither is the program to be
//     monitor -> visitor  terminal (+fd) the master of the program's pty; answered by go
//                         error E        it could not be run
//                         exited C / killed S   the program ended
//                         go             the jail has been told to end
//                         EOF            it has ended, or will not have this visitor
//
//   words     payload <-> init, until exec
//     payload -> init     go             it has entered its second user namespace      (if the Plan has one)
//     init -> payload     go             the maps of that are written                  (likewise)
//                         go             init is small
//     payload -> init     listener (+fd) where the kernel's questions come, if a program of the Plan asks
//
// Anything else is a protocol error (EPROTO).
#pragma once

#include "spec/walls.h"
#include "sys/calls.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace ajail::ns {

/// What a payload has to end by itself once it was asked to, because its time is up.
constexpr std::int64_t kGraceMs = 10000;

/// What it takes to join, besides the namespaces of init's in their order.
enum Space : std::int32_t {
    second_user = std::tuple_size_v<spec::Namespaces>, ///< of the payload, if it has others than init
    second_mnt,
    procfs, ///< of the jail
    spaces  ///< how many there are
};

struct Message {
    enum Kind : std::uint32_t {
        eof,
        tree,
        go,
        terminal,
        listener,
        error,
        signal,
        stopped,
        exited,
        killed,
        process,
        namespaces,
        too_much,
        too_late,
        report,
        join,
        space,
        stdio,
        command,
        end
    } kind = eof;
    std::int32_t value = 0;
    sys::Error error_value{};
    std::array<char, 240> about{}; ///< of an error: what was found; cut off, ended by a zero
    std::uint64_t refused = 0;     ///< of exited and killed: calls, see policy/refused.h
};

inline Message with_numbers(Message message, const spec::Namespaces& numbers) {
    static_assert(sizeof numbers <= sizeof message.about);
    std::memcpy(message.about.data(), numbers.data(), sizeof numbers);
    return message;
}
inline spec::Namespaces numbers_in(const Message& message) {
    spec::Namespaces numbers;
    std::memcpy(numbers.data(), message.about.data(), sizeof numbers);
    return numbers;
}

inline sys::Status tell(const sys::Fd& socket, Message message, int fd = -1) {
    return sys::send(socket.get(), std::as_bytes(std::span(&message, 1)), fd);
}
/// The same to who may have failed in the meantime: its own word, and its end, tell more.
inline sys::Status tell_if_alive(const sys::Fd& socket, const Message& message) {
    sys::Status told = tell(socket, message);
    bool dead = !told && (told.error().err == EPIPE || told.error().err == ECONNRESET);
    return dead ? sys::Status(sys::Done{}) : told;
}

/// By a plain write(2), which the seccomp programs of others let through.
inline bool tell_plainly(const sys::Fd& socket, const Message& message) {
    return ::write(socket.get(), &message, sizeof message) >= 0;
}

/// The other end is gone.
inline sys::Result<bool> closed(const sys::Fd& socket) {
    pollfd end{socket.get(), POLLIN, 0};
    int ready = TRY(sys::poll({&end, 1}, 0));
    return ready > 0 && (end.revents & POLLHUP) != 0;
}

struct Heard {
    Message message;
    sys::Fd fd;
};

/// Blocks for the next message; kind eof when the other end is closed.
inline sys::Result<Heard> hear(const sys::Fd& socket) {
    Heard heard;
    sys::Received received = TRY(sys::receive(socket.get(), std::as_writable_bytes(std::span(&heard.message, 1))));
    if (received.size == 0) heard.message = Message{};
    else if (received.size != sizeof(Message)) return sys::refused(EPROTO);
    heard.fd = std::move(received.fd);
    return heard;
}

} // namespace ajail::ns
