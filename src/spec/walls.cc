// SPDX-License-Identifier: Apache-2.0
// Compares a Plan with what the kernel says. Texts are made only where they are wanted: for the report, and of a wall
// that does not stand.
#include "spec/walls.h"

#include "spec/procfs.h"

#include <algorithm>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <nlohmann/json.hpp>

namespace ajail::spec {

namespace {

constexpr const char* kStatus = "/proc/self/status";
constexpr const char* kMountinfo = "/proc/self/mountinfo";
template <class Number> bool read_line(std::string_view text, const char* name, Number& number, int base = 10) {
    auto found = field(text, name);
    return found && take_number(*found, number, base);
}

// The last number: ids are listed from the outermost namespace to the process's own (proc(5), NSpid).
bool read_innermost(std::string_view text, const char* name, int& number) {
    auto found = field(text, name);
    bool any = false;
    while (found && take_number(*found, number)) any = true;
    return any;
}

bool read_four(std::string_view text, const char* name, std::array<unsigned, 4>& ids) {
    auto found = field(text, name);
    return found && std::all_of(ids.begin(), ids.end(), [&](unsigned& id) { return take_number(*found, id); });
}

std::string list(const std::vector<unsigned>& numbers) {
    std::string text;
    for (unsigned number : numbers) text += (text.empty() ? "" : " ") + std::to_string(number);
    return text.empty() ? "none" : text;
}

// As the kernel shows it, numbers only, each line once more with single blanks.
std::vector<std::array<unsigned, 3>> read_map(std::string_view text) {
    std::vector<std::array<unsigned, 3>> map;
    while (!text.empty()) {
        std::string_view row = take_line(text);
        std::array<unsigned, 3> entry{};
        if (take_number(row, entry[0]) && take_number(row, entry[1]) && take_number(row, entry[2]))
            map.push_back(entry);
    }
    std::sort(map.begin(), map.end());
    return map;
}

std::vector<std::array<unsigned, 3>> numbers(const IdMaps& maps, bool identity) {
    std::vector<std::array<unsigned, 3>> map;
    for (const IdMap& entry : maps)
        map.push_back({entry.inside, identity ? entry.inside : entry.outside, entry.count});
    std::sort(map.begin(), map.end());
    return map;
}

std::string map_text(const std::vector<std::array<unsigned, 3>>& map) {
    std::string text;
    for (const auto& [inside, outside, count] : map)
        text += (text.empty() ? "" : ", ") + std::to_string(inside) + " " + std::to_string(outside) + " " +
                std::to_string(count);
    return text.empty() ? "none" : text;
}

// A line of mountinfo, see proc(5).
struct Mounted {
    std::uint64_t id = 0, parent = 0;
    std::string_view root, target, options;
    bool is_private = true;
};

std::optional<Mounted> read_mount(std::string_view text) {
    Mounted mount;
    if (!take_number(text, mount.id) || !take_number(text, mount.parent)) return std::nullopt;
    (void)take_word(text); // the device
    mount.root = take_word(text);
    mount.target = take_word(text);
    mount.options = take_word(text);
    for (std::string_view tag = take_word(text); tag != "-"; tag = take_word(text)) {
        if (tag.empty()) return std::nullopt;
        mount.is_private = false; // shared, a slave, or unbindable, which nobody has asked for
    }
    return mount;
}

bool has(std::string_view options, std::string_view option) {
    for (std::size_t at = 0; at <= options.size();) {
        std::size_t end = std::min(options.find(',', at), options.size());
        if (options.substr(at, end - at) == option) return true;
        at = end + 1;
    }
    return false;
}

bool as_tight(std::string_view options, const Attr& attr) {
    return (attr.writable || has(options, "ro")) && (attr.setuid || has(options, "nosuid")) &&
           (attr.devices || has(options, "nodev")) && (attr.exec || has(options, "noexec"));
}

std::string attributes(std::string_view options) {
    return words({.writable = !has(options, "ro"),
                  .devices = !has(options, "nodev"),
                  .setuid = !has(options, "nosuid"),
                  .exec = !has(options, "noexec")});
}

// What the mount of an operation must have; none if it makes none.
struct AttrOf {
    using Wanted = std::optional<Attr>;
    Wanted operator()(const op::Mask&) const { return Attr{}; }
    Wanted operator()(const op::Data& o) const { return o.bind ? Wanted(o.attr) : std::nullopt; }
    Wanted operator()(const op::MakeDirectory&) const { return std::nullopt; }
    Wanted operator()(const op::Chmod&) const { return std::nullopt; }
    Wanted operator()(const op::ReadOnly&) const { return std::nullopt; }
    Wanted operator()(const op::Symlink&) const { return std::nullopt; }
    Wanted operator()(const op::Sysctl&) const { return std::nullopt; }
    template <class O> Wanted operator()(const O& o) const { return o.attr; }
};

bool optional_(const Op& op) {
    auto* mask = std::get_if<op::Mask>(&op);
    return std::holds_alternative<op::Restrict>(op) || (mask != nullptr && mask->optional);
}

class Judge {
public:
    Judge(const Plan& plan, const Seen& seen, bool all) : plan_(plan), seen_(seen), all_(all) {}

    std::vector<Wall> run() {
        namespaces();
        ids();
        capabilities();
        landlock();
        session();
        mounts();
        sysctls();
        if (seen_.more) more(*seen_.more);
        return std::move(walls_);
    }

    std::vector<Wall> filters() {
        seccomp();
        return std::move(walls_);
    }

private:
    // WANTED and GOT are called only if their texts are needed.
    template <class Control, class Wanted, class Got>
    void wall(bool stands, Control control, const char* by, Wanted wanted, Got got) {
        if (stands && !all_) return;
        walls_.push_back({control(), wanted(), got(), by, stands});
    }
    template <class Wanted, class Got>
    void wall(bool stands, const char* control, const char* by, Wanted wanted, Got got) {
        wall(
            stands, [&] { return std::string(control); }, by, wanted, got);
    }

    void namespaces() {
        const Shared& s = plan_.shared;
        const bool shared[] = {s.user, false, s.pid, s.ipc, s.uts, s.cgroup, s.network};
        for (std::size_t i = 0; i < seen_.own.size(); ++i) {
            bool own = seen_.own[i] != 0 && seen_.own[i] != seen_.callers[i];
            auto text = [](bool is_own) { return std::string(is_own ? "own" : "the caller's"); };
            wall(
                own || shared[i], [&] { return std::string(kNamespaces[i]) + " namespace"; }, "/proc/self/ns",
                [&] { return text(!shared[i]); }, [&] { return text(own); });
        }
        if (!plan_.second_userns) return;
        for (std::size_t i : {0U, 1U}) // user and mnt
            wall(
                seen_.own[i] != seen_.inits[i],
                [&] { return "second " + std::string(kNamespaces[i]) + " namespace"; }, "/proc/self/ns",
                [] { return std::string("own"); },
                [&] { return std::string(seen_.own[i] != seen_.inits[i] ? "own" : "init's"); });
    }

    void ids() {
        const Status& is = seen_.status;
        User user = plan_.user.value_or(User{plan_.uids.at(0).inside, plan_.gids.at(0).inside, {}});
        auto id = [&](const char* control, unsigned wanted, const std::array<unsigned, 4>& got) {
            wall(
                std::all_of(got.begin(), got.end(), [&](unsigned one) { return one == wanted; }), control, kStatus,
                [&] {
                    return list({wanted, wanted, wanted, wanted});
                },
                [&] {
                    return list({got.begin(), got.end()});
                });
        };
        id("uid", user.uid, is.uids);
        id("gid", user.gid, is.gids);
        std::vector<unsigned> wanted = user.groups, got = is.groups;
        std::sort(wanted.begin(), wanted.end()); // as the kernel has them
        std::sort(got.begin(), got.end());
        wall(
            !plan_.groups || wanted == got, "supplementary groups", kStatus,
            [&] { return plan_.groups ? list(wanted) : "the caller's, who cannot leave them with one id"; },
            [&] { return list(is.groups); });
        if (plan_.hostname)
            wall(
                seen_.hostname == *plan_.hostname, "host name", "uname(2)", [&] { return escape(*plan_.hostname); },
                [&] { return escape(seen_.hostname); });
    }

    void caps(const char* control, std::uint64_t wanted, std::uint64_t got, bool stands, const char* by = kStatus) {
        wall(
            stands, control, by, [&] { return cap_words(wanted); }, [&] { return cap_words(got); });
    }
    void caps(const char* control, std::uint64_t wanted, std::uint64_t got) {
        caps(control, wanted, got, wanted == got);
    }

    void capabilities() {
        const Status& is = seen_.status;
        std::uint64_t kept = plan_.ambient ? plan_.caps : 0;
        caps("permitted capabilities", plan_.caps, is.permitted);
        caps("effective capabilities", plan_.caps, is.effective);
        caps("inheritable capabilities", kept, is.inheritable);
        caps("ambient capabilities", kept, is.ambient);
        caps("bounding set", plan_.caps, is.bounding, (is.bounding & ~plan_.caps) == 0);
        wall(
            seen_.securebits == 0, "securebits", "prctl(2)", [] { return std::string("0"); },
            [&] { return std::to_string(seen_.securebits); });
        wall(
            is.no_new_privs, "no_new_privs", kStatus, [] { return std::string("1"); },
            [&] { return std::string(is.no_new_privs ? "1" : "0"); });
    }

    // The kernel tells how many there are; which ones it has refused to load would have been an error.
    void seccomp() {
        const Status& is = seen_.status;
        std::size_t loaded = is.seccomp == SECCOMP_MODE_FILTER && is.filters >= seen_.filters_before
                                 ? is.filters - seen_.filters_before
                                 : 0;
        for (std::size_t i = 0; i < plan_.filters.size(); ++i)
            wall(
                i < loaded, [&] { return "seccomp " + plan_.filters[i]; }, kStatus,
                [] { return std::string("loaded"); }, [&] { return std::string(i < loaded ? "loaded" : "missing"); });
        if (plan_.filters.empty())
            wall(
                true, "seccomp", kStatus, [] { return std::string("none"); },
                [&] { return std::to_string(loaded) + " programs"; });
    }

    void landlock() {
        auto probe = [&](const char* what, bool wanted, std::optional<bool> refused, const char* by) {
            auto text = [](bool in_force) { return std::string(in_force ? "in force" : "none"); };
            wall(
                !wanted || refused.value_or(true),
                [&] { return "Landlock ABI " + std::to_string(plan_.landlock_abi) + ": " + what; }, by,
                [&] { return text(wanted); },
                [&] { return refused  ? text(*refused)
                             : wanted ? std::string("not to be told")
                                      : text(false); });
        };
        probe("files", plan_.landlock_abi > 0 && plan_.landlock_files, seen_.landlock_files,
              "opening a directory that is not beneath /");
        probe("signals and abstract sockets", plan_.landlock_abi >= kLandlockScopes, seen_.landlock_scopes,
              "signal 0 to init");
    }

    void session() {
        const Status& is = seen_.status;
        bool pty = plan_.terminal != Terminal::none;
        constexpr int kInit = 1;
        wall(
            pty ? is.session == kInit && is.group == is.pid : is.session == is.pid, "session", kStatus,
            [&] { return std::string(pty ? "init's" : "own"); },
            [&] {
                return is.session == is.pid ? "own" : is.session == kInit ? "init's" : std::to_string(is.session);
            });
        wall(
            seen_.terminal, "terminal", "fstat(2)", [&] { return std::string(pty ? "own pty" : "none"); },
            [&] {
                return std::string(!seen_.terminal ? "another" : pty ? "own pty" : "none");
            });
        if (plan_.own_keyring)
            wall(
                seen_.own_keyring.value_or(true), "session keyring", "keyctl(2)", [] { return std::string("own"); },
                [&] {
                    return std::string(!seen_.own_keyring   ? "no kernel with keys"
                                       : *seen_.own_keyring ? "own"
                                                            : "the caller's");
                });
        wall(
            seen_.cwd.starts_with('/'), "working directory", "getcwd(2)",
            [&] { return escape(plan_.exec.cwds.front()); }, [&] { return escape(seen_.cwd); });
    }

    bool read_mountinfo() {
        std::string_view text = seen_.mountinfo;
        mounts_.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')));
        while (!text.empty()) {
            auto mount = read_mount(take_line(text));
            if (!mount) return false;
            mounts_.push_back(*mount);
        }
        std::sort(mounts_.begin(), mounts_.end(), [](const Mounted& a, const Mounted& b) { return a.id < b.id; });
        return true;
    }

    // Who made which mount. The number of a mount that nobody holds is given to the next one: of two with the same, the
    // first is gone.
    void know_makers() {
        ids_.resize(plan_.ops.size());
        made_.reserve(seen_.mounts.size());
        for (auto [index, id] : seen_.mounts) {
            if (!ids_.at(index)) ids_[index] = id;
            made_.emplace_back(id, index);
        }
        auto earlier = [](const auto& a, const auto& b) { return a.first < b.first; };
        std::stable_sort(made_.begin(), made_.end(), earlier);
    }

    const Mounted* mounted(std::uint64_t id) const {
        auto at = std::lower_bound(mounts_.begin(), mounts_.end(), id,
                                   [](const Mounted& mount, std::uint64_t wanted) { return mount.id < wanted; });
        return at != mounts_.end() && at->id == id ? &*at : nullptr;
    }

    std::optional<std::size_t> maker(std::uint64_t id) const {
        auto behind = std::upper_bound(made_.begin(), made_.end(), id,
                                       [](std::uint64_t wanted, const auto& made) { return wanted < made.first; });
        bool found = behind != made_.begin() && std::prev(behind)->first == id;
        return found ? std::optional(std::prev(behind)->second) : std::nullopt;
    }

    // The operation that a mount comes from: by itself, or as one of those that came with a recursive bind.
    std::optional<std::size_t> origin(const Mounted& mount) const {
        const Mounted* at = &mount;
        for (std::size_t steps = 0; steps <= mounts_.size(); ++steps) {
            if (auto made = maker(at->id)) {
                const Op& op = plan_.ops[*made];
                bool recursive = std::holds_alternative<op::Bind>(op) || std::holds_alternative<op::Restrict>(op);
                return at == &mount || recursive ? made : std::nullopt;
            }
            at = mounted(at->parent);
            if (at == nullptr) return std::nullopt;
        }
        return std::nullopt;
    }

    static std::string got_of(const Mounted* mount) {
        if (mount == nullptr) return "missing";
        return attributes(mount->options) + (mount->is_private ? "" : ", not private");
    }

    void made(std::size_t index, const Attr& attr) {
        const Op& op = plan_.ops[index];
        const std::optional<std::uint64_t>& id = ids_[index];
        bool mask = std::holds_alternative<op::Mask>(op);
        auto control = [&] { return (mask ? "mask " : "mount ") + escape(target_of(op)); };
        auto wanted = [&] { return words(attr) + (mask ? ", empty" : ""); };
        if (!id)
            return wall(optional_(op), control, "openat2(2)", wanted,
                        [&] { return std::string(optional_(op) ? "nothing is there" : "missing"); });
        const Mounted* mount = maker(*id) == index ? mounted(*id) : nullptr;
        // Nobody writes to the two things that masks show: only their own mounts lead there.
        bool empty = mount != nullptr && (mount->root.ends_with("/nothing") || mount->root.ends_with("/empty"));
        bool stands = mount != nullptr && mount->is_private && as_tight(mount->options, attr) && (empty || !mask);
        wall(stands, control, kMountinfo, wanted, [&] { return got_of(mount) + (mask && empty ? ", empty" : ""); });
    }

    void mounts() {
        bool readable = read_mountinfo();
        wall(
            readable, "mounts", kMountinfo, [] { return std::string("as proc(5) has them"); },
            [&] { return std::string(readable ? "as proc(5) has them" : "something else"); });
        know_makers();
        for (std::size_t i = 0; i < plan_.ops.size(); ++i)
            if (auto attr = std::visit(AttrOf{}, plan_.ops[i])) made(i, *attr);
        for (const Mounted& mount : mounts_) {
            if (maker(mount.id)) continue;
            auto from = origin(mount);
            auto attr = from ? std::visit(AttrOf{}, plan_.ops[*from]) : std::nullopt;
            wall(
                attr && mount.is_private && as_tight(mount.options, *attr),
                [&] { return "mount " + escape(unescape(mount.target)); }, kMountinfo,
                [&] { return attr ? words(*attr) : "none"; }, [&] { return got_of(&mount); });
        }
    }

    void sysctls() {
        for (std::size_t i = 0; i < plan_.ops.size(); ++i) {
            auto* sysctl = std::get_if<op::Sysctl>(&plan_.ops[i]);
            if (sysctl == nullptr) continue;
            auto is = std::find_if(seen_.sysctls.begin(), seen_.sysctls.end(),
                                   [&](const auto& one) { return one.first == i; });
            std::string got = is == seen_.sysctls.end() ? "not to be read" : is->second;
            got.erase(std::min(got.find('\n'), got.size()));
            wall(
                got == sysctl->value, [&] { return "sysctl " + escape(sysctl->target); }, "read(2)",
                [&] { return sysctl->value; }, [&] { return escape(got); });
        }
    }

    void map(const char* control, const IdMaps& maps, const std::string& text, const char* by) {
        auto wanted = numbers(maps, plan_.second_userns), got = read_map(text);
        wall(
            wanted == got, control, by, [&] { return map_text(wanted); }, [&] { return map_text(got); });
    }

    void more(const Seen::More& seen) {
        map("uid map", plan_.uids, seen.uid_map, "/proc/self/uid_map");
        map("gid map", plan_.gids, seen.gid_map, "/proc/self/gid_map");
        wall(
            seen.init_hidden, "init", "readlink(2) of /proc/1/exe",
            [] { return std::string("not to be looked into"); },
            [&] { return std::string(seen.init_hidden ? "not to be looked into" : "open"); });
        std::uint64_t got = seen.init.permitted | seen.init.inheritable | seen.init.bounding;
        caps("init's capabilities", plan_.init_caps, got, got == plan_.init_caps, "/proc/1/status");
    }

    const Plan& plan_;
    const Seen& seen_;
    bool all_;
    std::vector<Wall> walls_;
    std::vector<Mounted> mounts_;                             ///< by id
    std::vector<std::pair<std::uint64_t, std::size_t>> made_; ///< id, operation; likewise
    std::vector<std::optional<std::uint64_t>> ids_;           ///< of the mount that an operation made
};

} // namespace

std::optional<Status> read_status(std::string_view text) {
    Status is;
    unsigned no_new_privs = 0;
    constexpr int kHex = 16;
    bool all = read_four(text, "Uid", is.uids) && read_four(text, "Gid", is.gids) && field(text, "Groups") &&
               read_line(text, "CapInh", is.inheritable, kHex) && read_line(text, "CapPrm", is.permitted, kHex) &&
               read_line(text, "CapEff", is.effective, kHex) && read_line(text, "CapBnd", is.bounding, kHex) &&
               read_line(text, "CapAmb", is.ambient, kHex) && read_line(text, "NoNewPrivs", no_new_privs) &&
               read_filters(text, is) && read_innermost(text, "NSpid", is.pid) &&
               read_innermost(text, "NSpgid", is.group) && read_innermost(text, "NSsid", is.session);
    if (!all) return std::nullopt;
    is.no_new_privs = no_new_privs == 1;
    is.groups = numbers_of(text, "Groups");
    return is;
}

bool read_filters(std::string_view text, Status& status) {
    return read_line(text, "Seccomp", status.seccomp) && read_line(text, "Seccomp_filters", status.filters);
}

std::vector<Wall> walls(const Plan& plan, const Seen& seen, bool all) { return Judge(plan, seen, all).run(); }

void add_filters(const Plan& plan, const Seen& seen, bool all, std::vector<Wall>& walls) {
    for (Wall& wall : Judge(plan, seen, all).filters()) walls.push_back(std::move(wall));
}

std::string to_json(const Plan& plan, const std::vector<Wall>& walls) {
    nlohmann::ordered_json controls = nlohmann::ordered_json::array();
    bool all = true;
    for (const Wall& wall : walls) {
        all = all && wall.stands;
        controls.push_back({{"control", wall.control},
                            {"wanted", wall.wanted},
                            {"got", wall.got},
                            {"stands", wall.stands},
                            {"by", wall.by}});
    }
    nlohmann::ordered_json given_up = nlohmann::ordered_json::array();
    for (const Degraded& d : plan.degraded) given_up.push_back({{"what", escape(d.what)}, {"why", escape(d.why)}});
    return nlohmann::ordered_json{{"stands", all}, {"controls", controls}, {"given_up", given_up}}.dump(2) + "\n";
}

} // namespace ajail::spec
