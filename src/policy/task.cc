// SPDX-License-Identifier: Apache-2.0
// See task.h.
#include "policy/task.h"

#include "spec/procfs.h"

#include <cerrno>

namespace ajail::policy {

bool gone(const sys::Error& error) { return error.err == ENOENT || error.err == ESRCH; }

sys::Result<std::string> read_of(const sys::Fd& proc, pid_t task, const char* file) {
    constexpr std::size_t kLimit = 1 << 20; // a status with 65,536 groups
    auto opened = sys::openat(proc.get(), (std::to_string(task) + "/" + file).c_str(), O_RDONLY);
    if (!opened && gone(opened.error())) return std::string();
    sys::Fd fd = TRY(std::move(opened));
    auto text = sys::read_all(fd.get(), kLimit);
    if (!text && gone(text.error())) return std::string();
    return text;
}

unsigned file_id(std::string_view status, const char* name) {
    constexpr std::size_t kFour = 4; // real, effective, saved, file system
    std::vector<unsigned> ids = spec::numbers_of(status, name);
    return ids.size() == kFour ? ids[3] : kNobody;
}

} // namespace ajail::policy
