// SPDX-License-Identifier: Apache-2.0
// What `ajail changes` and `ajail apply` have in common: kept layers, and the paths of theirs that are meant.
#pragma once

#include "cli/caller.h"
#include "cli/options.h"
#include "ns/run.h"
#include "store/kept.h"
#include "store/settle.h"

#include <functional>
#include <string>
#include <vector>

namespace ajail::cli {

/// Why NAME, at PATH, cannot be opened; a line.
std::string why_not_open(const std::string& name, const std::string& path, const sys::Error& error);

/// WORK, and where that returns EACCES, once more as the root of the caller's subordinate ids, or of its own only: what a
/// jail has made, and taken permissions from. WORK is told whether it is the last time.
sys::Status as_owner(const spec::Host& host, const ns::Caller& process,
                     const std::function<sys::Status(bool last)>& work);

/// store::settle(), also where files are of subordinate ids.
sys::Status settle_kept(store::Kept& kept, const spec::Host& host, const ns::Caller& process,
                        const store::Seen& seen = {});

/// NAME in HOME, settled if nobody uses it. To look only, or else for us alone; then somebody who uses it is in the way. The
/// reason for none has been told.
std::optional<store::Kept> open_kept(const char* command, const std::string& home, const std::string& name, bool look,
                                     const spec::Host& host, const ns::Caller& process);

/// Exit status: a path means nothing.
constexpr int kNothing = 1;

/// What is meant in one layer: paths as in store::Visit. None: nothing.
using Meant = std::vector<std::string>;
/// For each layer of KEPT, by the paths WORDS: as in the jail, or, relative ones, from the current directory CWD. Without
/// words all that is in them. WRONG: why the first word that means nothing does not.
std::vector<Meant> meant(const store::Kept& kept, const std::vector<std::string>& words, const std::string& cwd,
                         std::string& wrong);

/// Whether programs of the host run, by themselves, what is at PATH of LAYER.
/// MODE: what it becomes; 0: nothing.
bool host_runs_in(const store::Layer& layer, const std::string& path, mode_t mode);
/// LAYER lies on a git directory, a bare one perhaps, or in one.
bool is_git_directory(const store::Layer& layer);

} // namespace ajail::cli
