// SPDX-License-Identifier: Apache-2.0
// The net room. So far: the loopback interface of an own network namespace.
#pragma once

#include "sys/calls.h"

namespace ajail::net {

/// Brings `lo` up in the calling process's network namespace; the kernel gives it 127.0.0.1/8 and ::1 itself.
sys::Status loopback_up();

} // namespace ajail::net
