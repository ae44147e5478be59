// SPDX-License-Identifier: Apache-2.0
// Where the report of `ajail run --report=FILE|FD` goes.
#pragma once

#include "spec/spec.h"
#include "sys/calls.h"

#include <optional>
#include <string>
#include <string_view>

namespace ajail::cli {

/// The descriptor that the value of --report names, if it is a number.
std::optional<int> report_descriptor(std::string_view value);

class Report {
public:
    /// FD of the caller, which must be open for writing (EBADF).
    static sys::Result<Report> to_descriptor(int fd);
    /// A new file NAME in DIRECTORY, made once there is something to write: EEXIST if there is one now.
    static sys::Result<Report> to_file(const spec::Source& directory, std::string name, mode_t umask);

    /// Complete or, of a file, not at all.
    sys::Status write(std::string_view text) const;

private:
    sys::Result<bool> write_nameless(std::string_view text) const;
    sys::Status write_named(std::string_view text) const;

    sys::Fd fd_, directory_;
    std::string name_;
    mode_t mode_ = 0;
};

} // namespace ajail::cli
