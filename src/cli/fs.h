// SPDX-License-Identifier: Apache-2.0
// `ajail fs`: what is in the store, and how it gets in and out.
#pragma once

#include "cli/options.h"
#include "ns/run.h"
#include "spec/host.h"
#include "store/store.h"

#include <string>

namespace ajail::cli {

int fs(const FsOptions& options, const ns::Caller& process);
/// `ajail fs import`, into the store HOME.
int fs_import(const FsOptions& options, const spec::Host& host, const ns::Caller& process, const std::string& home);

/// Who holds the lock of the directory PATH, as far as can be seen.
std::vector<store::Holder> users_of(const std::string& path);
/// ` by pid 1, 2`
std::string by_whom(const std::vector<store::Holder>& holders);
/// Why the root filesystem at PATH cannot be locked, NAME to the user: who has it, or what the kernel said.
std::string why_not_locked(const std::string& name, const std::string& path, store::Hold wanted,
                           const sys::Error& error);

/// Whose a scratch directory is: the jail's root's.
unsigned scratch_owner(const spec::Host& host);

/// Removes trees of the caller's own and, as the root of its subordinate ids, what those own.
store::Remover remover(spec::Host host, const ns::Caller& process);

} // namespace ajail::cli
