// SPDX-License-Identifier: Apache-2.0
// See info.h. Written by hand: the one document has lines and the other has not, and programs compare.
#include "ns/info.h"

#include "ns/wire.h"
#include "spec/procfs.h"

#include <utility>

namespace ajail::ns {

namespace {

using sys::Done;
using sys::Fd;
using sys::Status;

bool wanted(const spec::Plan& plan) { return plan.supervise.info >= 0 || plan.supervise.status >= 0; }

} // namespace

Status tell_namespaces(const spec::Plan& plan, const Fd& report) {
    if (!wanted(plan)) return Done{};
    const spec::Shared& shared = plan.shared;
    const std::pair<const char*, bool> all[] = {
        {"cgroup", !shared.cgroup}, {"ipc", !shared.ipc}, {"mnt", true},
        {"net", !shared.network},   {"pid", !shared.pid}, {"uts", !shared.uts}};
    std::string text; // a line each: the name, and the inode by which others know it
    for (auto [name, own] : all) {
        std::string path = std::string("/proc/self/ns/") + name;
        struct stat st {};
        if (own && ::stat(path.c_str(), &st) == 0) text += std::string(name) + " " + std::to_string(st.st_ino) + "\n";
    }
    Message message{.kind = Message::namespaces};
    text.copy(message.about.data(), message.about.size() - 1);
    return tell(report, message);
}

Status write_info(const spec::Plan& plan, pid_t pid, const Fd& report) {
    if (!wanted(plan)) return Done{};
    const spec::Supervise& asked = plan.supervise;
    Heard heard = TRY(hear(report));
    if (heard.message.kind == Message::error) return heard.message.error_value;
    if (heard.message.kind != Message::namespaces) return sys::refused(EPROTO);
    std::string lines = "{\n    \"child-pid\": " + std::to_string(pid);
    std::string line = "{ \"child-pid\": " + std::to_string(pid);
    heard.message.about.back() = '\0';
    std::string_view told = heard.message.about.data();
    while (!told.empty()) {
        std::string_view one = spec::take_line(told), name = spec::take_word(one);
        std::uint64_t inode = 0;
        if (!spec::take_number(one, inode)) return sys::refused(EPROTO);
        std::string pair = "\"" + std::string(name) + "-namespace\": " + std::to_string(inode);
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
    int code = exit_code(outcome);
    // Whoever asked may be gone.
    (void)sys::write_all(plan.supervise.status, "{ \"exit-code\": " + std::to_string(code) + " }\n");
}

} // namespace ajail::ns
