// SPDX-License-Identifier: Apache-2.0
// What is done to archives and whole root filesystems, by the host's tar and cp, in jails where only the target can be
// changed (tools/fs/archive.sh, embedded).
#pragma once

#include "cli/script.h"

#include <string>
#include <string_view>

namespace ajail::cli {

/// One jail's work.
struct Task {
    std::string_view mode;        ///< as in archive.sh
    std::string source = {};      ///< a directory of the host at /source, read-only
    std::string target = {};      ///< one at /target, to be written
    std::string_view format = {}; ///< what stdin is compressed with
    std::string exclude = {};     ///< names not to unpack, a line each
    bool layer = false;           ///< stdin is a layer of an image
    int in = -1, out = -1;        ///< stdin and stdout; /dev/null if -1. Read from the start, wherever they stand.
};

/// Runs TASK. With VERBOSE its messages go to stderr as they come.
Done carry_out(const Task& task, const spec::Host& host, const ns::Caller& process, bool verbose);

/// What the file is compressed with, by its first bytes: gzip, xz, zstd, bzip2, or empty.
std::string_view compression(int fd);

} // namespace ajail::cli
