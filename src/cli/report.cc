// SPDX-License-Identifier: Apache-2.0
// See report.h. A report that is there is of this run: nothing is overwritten, and so nothing is followed or waited
// for that a jail may have put there, neither a symlink nor a FIFO.
#include "cli/report.h"

#include "mount/mount.h"

#include <charconv>

namespace ajail::cli {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

std::optional<int> report_descriptor(std::string_view value) {
    int fd = -1;
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), fd);
    bool number = error == std::errc() && end == value.data() + value.size() && fd >= 0;
    return number ? std::optional(fd) : std::nullopt;
}

Result<Report> Report::to_descriptor(int fd) {
    int flags = ::fcntl(fd, F_GETFL);
    bool writable = flags >= 0 && (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_RDONLY;
    if (!writable) return sys::refused(EBADF);
    Report report;
    report.fd_ = TRY(sys::duplicate(fd)); // one that no program inherits
    if (fd > 2) Fd(fd).reset();
    return report;
}

Result<Report> Report::to_file(const spec::Source& directory, std::string name, mode_t umask) {
    if (name.empty()) return sys::refused(EISDIR);
    Report report;
    report.directory_ = TRY(mount::open_source(directory));
    auto there = sys::openat(report.directory_.get(), name.c_str(), O_PATH | O_NOFOLLOW);
    if (there) return sys::refused(EEXIST);
    if (there.error().err != ENOENT) return there.error();
    report.name_ = std::move(name);
    report.mode_ = 0666 & ~umask;
    return report;
}

Status Report::write(std::string_view text) const {
    if (fd_) return sys::write_all(fd_.get(), text);
    if (TRY(write_nameless(text))) return Done{};
    return write_named(text);
}

// Without a name until it is whole. False where the file system has no such files (open(2), O_TMPFILE).
Result<bool> Report::write_nameless(std::string_view text) const {
    auto file = sys::openat(directory_.get(), ".", O_TMPFILE | O_WRONLY, mode_);
    if (!file && (file.error().err == EOPNOTSUPP || file.error().err == EISDIR)) return false;
    Fd fd = TRY(std::move(file));
    TRY(sys::write_all(fd.get(), text));
    TRY(sys::link_file(fd.get(), directory_.get(), name_.c_str()));
    return true;
}

Status Report::write_named(std::string_view text) const {
    Fd fd = TRY(sys::openat(directory_.get(), name_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode_));
    Status written = sys::write_all(fd.get(), text);
    if (!written) (void)::unlinkat(directory_.get(), name_.c_str(), 0);
    return written;
}

} // namespace ajail::cli
