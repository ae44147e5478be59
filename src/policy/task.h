// SPDX-License-Identifier: Apache-2.0
// What a procfs (proc(5)) tells of a task of the jail.
#pragma once

#include "sys/calls.h"

#include <string>
#include <string_view>

namespace ajail::policy {

/// ERROR is what a file of a task that has ended answers.
bool gone(const sys::Error& error);
/// All of FILE in TASK's directory of PROC; empty if the task is gone.
sys::Result<std::string> read_of(const sys::Fd& proc, pid_t task, const char* file);

constexpr unsigned kNobody = ~0U;
/// Of Uid or Gid in STATUS, the id for files; kNobody if it cannot be read.
unsigned file_id(std::string_view status, const char* name);

} // namespace ajail::policy
