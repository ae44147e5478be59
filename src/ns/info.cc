// SPDX-License-Identifier: Apache-2.0
// See info.h. Written by hand: the one document has lines and the other has not, and programs compare.
#include "ns/info.h"

#include <utility>

namespace ajail::ns {

namespace {

using sys::Done;
using sys::Fd;
using sys::Status;

// Of each namespace that the jail does not share, the inode by which others know it.
std::vector<std::pair<std::string, ino_t>> namespaces(const spec::Plan& plan, pid_t pid) {
    const spec::Shared& shared = plan.shared;
    const std::pair<const char*, bool> all[] = {
        {"cgroup", !shared.cgroup}, {"ipc", !shared.ipc}, {"mnt", true},
        {"net", !shared.network},   {"pid", !shared.pid}, {"uts", !shared.uts}};
    std::vector<std::pair<std::string, ino_t>> found;
    for (auto [name, own] : all) {
        std::string path = "/proc/" + std::to_string(pid) + "/ns/" + name;
        struct stat st {};
        if (own && ::stat(path.c_str(), &st) == 0) found.emplace_back(name, st.st_ino);
    }
    return found;
}

} // namespace

Status write_info(const spec::Plan& plan, pid_t pid, pid_t listed) {
    const spec::Supervise& asked = plan.supervise;
    if (asked.info < 0 && asked.status < 0) return Done{};
    std::string lines = "{\n    \"child-pid\": " + std::to_string(pid);
    std::string line = "{ \"child-pid\": " + std::to_string(pid);
    for (const auto& [name, inode] : namespaces(plan, listed)) {
        std::string pair = "\"" + name + "-namespace\": " + std::to_string(inode);
        lines += ",\n    " + pair;
        line += ", " + pair;
    }
    if (asked.info >= 0) {
        Fd end(asked.info); // its reader waits for the end
        TRY(sys::write_all(asked.info, lines + "\n}\n"));
    }
    return asked.status >= 0 ? sys::write_all(asked.status, line + " }\n") : Status(Done{});
}

void write_end(const spec::Plan& plan, const Outcome& outcome) {
    if (plan.supervise.status < 0 || !outcome.executed) return;
    int code = outcome.signal != 0 ? 128 + outcome.signal : outcome.code;
    // Whoever asked may be gone.
    (void)sys::write_all(plan.supervise.status, "{ \"exit-code\": " + std::to_string(code) + " }\n");
}

} // namespace ajail::ns
