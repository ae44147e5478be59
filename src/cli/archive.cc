// SPDX-License-Identifier: Apache-2.0
// See archive.h.
#include "cli/archive.h"

#include "cli/caller.h"
#include "cli/fs_scripts.h"
#include "sys/calls.h"

#include <array>
#include <unistd.h>

namespace ajail::cli {

namespace {

constexpr const char* kExclude = "/exclude";

spec::Spec jail(const Task& task, const spec::Host& host) {
    spec::Spec spec = script_jail();
    auto add = [&](spec::Mount mount) { spec.mounts.push_back(std::move(mount)); };
    // What a jail with several ids has left in a root filesystem is whole only with them.
    if (!task.source.empty()) spec.users = spec::Users::automatic;
    auto& env = spec.command.env;
    env.emplace_back("FORMAT", task.format);
    if (!task.source.empty()) add(spec::Bind{.source = {.path = task.source}, .target = "/source"});
    if (!task.target.empty())
        add(spec::Bind{.source = {.path = task.target, .closed_by = closed_above(task.target)},
                       .target = "/target",
                       .writable = true,
                       .make_setid = !task.source.empty()}); // a copy has what the source has, an import none
    if (task.mode == "extract") {
        add(spec::Data{kExclude, task.exclude});
        env.emplace_back("EXCLUDE", kExclude);
    }
    if (task.layer) env.emplace_back("LAYER", "1");
    if (host.real_root) env.emplace_back("OWNERS", "1");
    spec.command.argv = {"sh", "-c", std::string(kFsScripts[0].text), "archive.sh", std::string(task.mode)};
    return spec;
}

} // namespace

Done carry_out(const Task& task, const spec::Host& host, const ns::Caller& process, bool verbose) {
    if (task.in >= 0) (void)::lseek(task.in, 0, SEEK_SET);
    return run_script(jail(task, host), task.in, task.out, host, process, verbose); // archive.sh bounds what comes
}

std::string_view compression(int fd) {
    std::array<char, 6> bytes{};
    ssize_t size = ::pread(fd, bytes.data(), bytes.size(), 0);
    std::string_view head(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    using namespace std::string_view_literals;
    if (head.starts_with("\x1f\x8b"sv)) return "gzip";
    if (head.starts_with("\xfd"
                         "7zXZ\0"sv))
        return "xz";
    if (head.starts_with("\x28\xb5\x2f\xfd"sv)) return "zstd";
    if (head.starts_with("BZh"sv)) return "bzip2";
    return {};
}

} // namespace ajail::cli
