// SPDX-License-Identifier: Apache-2.0
// /etc/subuid and /etc/subgid, /etc/passwd and /etc/group of a root filesystem, in that order, between lines of `--`: what
// a jail may map, and who somebody in it is.
#include "cli/accounts.h"
#include "fuzz.h"

using namespace ajail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string text(data + 1, data + size);
    std::string files[4];
    for (std::size_t i = 0, at = 0; i < 4 && at <= text.size(); ++i) {
        std::size_t end = i == 3 ? text.size() : std::min(text.find("--\n", at), text.size());
        files[i] = text.substr(at, end - at);
        at = end + 3;
    }
    spec::Host host = fuzz::host_of(data[0] | 128);
    host.subordinates.uids = cli::ranges_of(files[0], "you", host.uid);
    host.subordinates.gids = cli::ranges_of(files[1], "you", host.uid);
    for (const auto* ranges : {&host.subordinates.uids, &host.subordinates.gids})
        for (const spec::IdRange& range : *ranges)
            fuzz::must(range.count > 0 && range.first + (range.count - 1) >= range.first, "a range has ids");
    host.subordinates.free = cli::free_ids(files[0], files[1]);
    for (auto users : {spec::Users::one, spec::Users::range, spec::Users::automatic}) {
        spec::Spec spec;
        spec.users = users;
        spec.command.argv = {"true"};
        if ((data[0] & 64U) != 0) {
            auto who = cli::who_is({.name = "daemon"}, files[2], files[3]);
            if (!who) return 0;
            spec.user = who->ids;
        }
        auto lowered = spec::lower(spec, host);
        if (auto* refusal = std::get_if<spec::Refusal>(&lowered)) {
            fuzz::message(refusal->message);
            continue;
        }
        const auto& plan = std::get<spec::Plan>(lowered);
        fuzz::plan(plan, spec, host);
        if (!plan.user) continue;
        fuzz::must(spec::maps(plan.uids, plan.user->uid) && spec::maps(plan.gids, plan.user->gid),
                   "whoever the payload becomes is mapped");
    }
    return 0;
}
