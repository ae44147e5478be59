// SPDX-License-Identifier: Apache-2.0
// /proc/PID/status (proc(5)) of a task of the jail.
#pragma once

#include "sys/calls.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ajail::policy {

/// All of it; empty if the task is gone.
std::string read_status(const sys::Fd& proc, pid_t task);
/// The first number of the line NAME, 0 if there is none.
std::uint64_t status_number(const std::string& status, const char* name, int base = 10);
/// All decimal numbers of the line NAME.
std::vector<unsigned> status_list(const std::string& status, const char* name);
constexpr unsigned kNobody = ~0U;
/// Of Uid or Gid, the id for files; kNobody if it cannot be read.
unsigned file_id(const std::string& status, const char* name);

} // namespace ajail::policy
