// SPDX-License-Identifier: Apache-2.0
// Id maps of many ids, and why there are none.
#include "spec/ids.h"

#include <algorithm>
#include <cstdint>

namespace ajail::spec {

namespace {

constexpr unsigned kMostIds = 65535;   // besides root: what Debian and its like assign, nobody (65534) included
constexpr std::size_t kMostMaps = 128; // all lines together must fit into one page (user_namespaces(7))

constexpr std::uint64_t kEnd = 0xffffffff; // the id -1 is none

/// Of RANGE, the parts that are not in TAKEN.
std::vector<IdRange> without(const std::vector<IdRange>& taken, IdRange range) {
    std::vector<IdRange> parts;
    std::uint64_t at = range.first, end = std::min(at + range.count, kEnd);
    while (at < end) {
        // What is free from here on: up to the next that is taken, or past the one we are in.
        std::uint64_t stop = end, skip = at;
        for (const IdRange& t : taken) {
            std::uint64_t first = t.first, past = first + t.count;
            if (first <= at && at < past) skip = std::max(skip, past);
            else if (first > at) stop = std::min(stop, first);
        }
        if (skip == at) parts.push_back({static_cast<unsigned>(at), static_cast<unsigned>(stop - at)});
        at = skip == at ? stop : skip;
    }
    return parts;
}

} // namespace

bool maps(const IdMaps& maps, unsigned inside) {
    return std::any_of(maps.begin(), maps.end(),
                       [&](const IdMap& map) { return inside >= map.inside && inside - map.inside < map.count; });
}

IdMaps map_range(unsigned own, const std::vector<IdRange>& ranges) {
    IdMaps maps = {{0, own, 1}};
    // Twice the same id outside, and the kernel takes no map at all; 0 is the machine's root, whatever a file says.
    std::vector<IdRange> taken = {{0, 1}, {own, 1}};
    unsigned next = 1;
    for (const IdRange& range : ranges) {
        for (IdRange part : without(taken, range)) {
            part.count = std::min(part.count, kMostIds + 1 - next);
            if (part.count == 0 || maps.size() == kMostMaps) return maps;
            taken.push_back(part);
            maps.push_back({next, part.first, part.count});
            next += part.count;
        }
    }
    return maps;
}

std::string no_range(const Host& host) {
    const Subordinates& have = host.subordinates;
    if (have.newuidmap.empty() || have.newgidmap.empty())
        return std::string(have.newuidmap.empty() ? "newuidmap" : "newgidmap") +
               " is not installed; as root: apt-get install uidmap";
    if (have.user.empty() && host.uid != 0)
        return "uid " + std::to_string(host.uid) + " has no name in /etc/passwd, by which newuidmap knows users";
    bool uids = map_range(host.uid, have.uids).size() > 1, gids = map_range(host.gid, have.gids).size() > 1;
    if (!uids || !gids) {
        std::string where = uids ? "/etc/subgid" : gids ? "/etc/subuid" : "/etc/subuid and /etc/subgid";
        std::string none = "no subordinate ids of " + escape(have.user) + " in " + where;
        if (host.uid == 0) // the machine's root has no need of them
            return none + ", and in a user namespace, as here, only ids that it has itself could stand there "
                          "(/proc/self/uid_map); start ajail outside of it";
        std::string range = std::to_string(have.free) + "-" + std::to_string(have.free + kMostIds);
        return none + "; as root: usermod" + (uids ? "" : " --add-subuids " + range) +
               (gids ? "" : " --add-subgids " + range) + " " + escape(have.user);
    }
    if (have.no_new_privs)
        return "newuidmap needs privileges, and ajail was started where none can be gained (no_new_privs is set)";
    return {};
}

} // namespace ajail::spec
