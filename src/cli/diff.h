// SPDX-License-Identifier: Apache-2.0
// Differences of text, by the host's diff(1), which gets two open files and nothing else.
#pragma once

#include "sys/fd.h"

#include <string>
#include <string_view>
#include <sys/types.h>

namespace ajail::cli {

/// stdout: with the colours of git, and through the user's pager, where it is a terminal.
class Paper {
public:
    Paper();
    ~Paper();
    Paper(const Paper&) = delete;
    Paper& operator=(const Paper&) = delete;

    void text(std::string_view text);
    void head(const std::string& line);         ///< of a change; with its newline
    void difference(std::string_view its_line); ///< of diff's output, as it came; it is escaped here
    /// All has been written, and read. False, and errno: it could not be.
    bool end();

private:
    void coloured(const char* colour, const std::string& line);
    void flush();

    std::string waiting_;
    bool colours_ = false, failed_ = false;
    int error_ = 0;
    pid_t pager_ = -1;
    sys::Fd stdout_; ///< while the pager has its place
};

/// One side of a comparison.
struct DiffSide {
    int top; ///< an open directory, and PATH below it
    std::string path;
    mode_t mode;       ///< 0: nothing is there
    std::string shown; ///< for people
};
/// What differs between them, if both are text (of a link: where it leads).
void unified(Paper& paper, const DiffSide& before, const DiffSide& after);

} // namespace ajail::cli
