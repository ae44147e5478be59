// SPDX-License-Identifier: Apache-2.0
// The steps from a fresh process in the jail's namespaces to the payload's program, for the payload and for whoever joins
// it later: one policy, put up by the same code in the same order. ns/child.cc and ns/join.cc say when.
#pragma once

#include "ns/run.h"
#include "ns/seen.h"
#include "ns/wire.h"

#include <string>

namespace ajail::ns {

/// The first ids of the maps, and nobody's groups where they can be left.
sys::Status take_ids(const spec::Plan& plan);

/// The jail's pty: from its own devpts, so that no terminal of the host is reachable. Who is at the other end of REPORT
/// gets the master and answers when size and modes are right. Returns the slave.
sys::Result<sys::Fd> make_terminal(const spec::Plan& plan, const sys::Fd& report);
/// SLAVE in place of those of our stdio that are a terminal.
sys::Status put_terminal(const spec::Plan& plan, const sys::Fd& slave);

/// From the jail's root to the payload's user. The capabilities outlive it for what still needs them (the bounding set
/// is lowered with CAP_SETPCAP); shut_in() leaves those that the Plan says.
sys::Status become_user(const spec::Plan& plan);

/// Capabilities, no_new_privs, descriptors, Landlock, and a look at what stands. WITHIN: what the bounding set still has.
sys::Status shut_in(const spec::Plan& plan, std::uint64_t within, const sys::Fd& slave, Look& look);
/// The seccomp programs, and a look at them. If one of them asks, the descriptor to answer on goes to SOCKET.
sys::Status put_up_filters(const spec::Plan& plan, const sys::Fd& socket, Look& look);
/// Becomes the program, if all walls stand; else ABOUT is the first that does not. CWD and FIRST: see ns/exec.h.
sys::Status become_program(const spec::Plan& plan, const Look& look, const std::string& cwd, std::size_t first,
                           std::string& about);

/// Tells the other end of REPORT why, and ends.
[[noreturn]] void fail(const sys::Fd& report, sys::Error error, const std::string& about = {});
/// Ends: the other end is gone, or has told why already.
[[noreturn]] void give_up();

} // namespace ajail::ns
