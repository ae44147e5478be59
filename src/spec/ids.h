// SPDX-License-Identifier: Apache-2.0
// Maps of many ids. Pure.
#pragma once

#include "spec/plan.h"

namespace ajail::spec {

/// The caller's OWN id as 0, and from 1 on the ids of RANGES, in their order: at most 65,535, none twice, and never 0
/// or OWN.
IdMaps map_range(unsigned own, const std::vector<IdRange>& ranges);

/// Why HOST's caller cannot have a range of ids, and what to do about it; empty if it can.
std::string no_range(const Host& host);

} // namespace ajail::spec
