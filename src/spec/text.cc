// SPDX-License-Identifier: Apache-2.0
// A Plan as text for people. Names come from outside and are escaped: a terminal acts on nothing printed here.
#include "spec/plan.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>

namespace ajail::spec {

namespace {

// Indexed by number, linux/capability.h up to Linux 6.18.
constexpr std::string_view kCapNames[] = {"CAP_CHOWN",
                                          "CAP_DAC_OVERRIDE",
                                          "CAP_DAC_READ_SEARCH",
                                          "CAP_FOWNER",
                                          "CAP_FSETID",
                                          "CAP_KILL",
                                          "CAP_SETGID",
                                          "CAP_SETUID",
                                          "CAP_SETPCAP",
                                          "CAP_LINUX_IMMUTABLE",
                                          "CAP_NET_BIND_SERVICE",
                                          "CAP_NET_BROADCAST",
                                          "CAP_NET_ADMIN",
                                          "CAP_NET_RAW",
                                          "CAP_IPC_LOCK",
                                          "CAP_IPC_OWNER",
                                          "CAP_SYS_MODULE",
                                          "CAP_SYS_RAWIO",
                                          "CAP_SYS_CHROOT",
                                          "CAP_SYS_PTRACE",
                                          "CAP_SYS_PACCT",
                                          "CAP_SYS_ADMIN",
                                          "CAP_SYS_BOOT",
                                          "CAP_SYS_NICE",
                                          "CAP_SYS_RESOURCE",
                                          "CAP_SYS_TIME",
                                          "CAP_SYS_TTY_CONFIG",
                                          "CAP_MKNOD",
                                          "CAP_LEASE",
                                          "CAP_AUDIT_WRITE",
                                          "CAP_AUDIT_CONTROL",
                                          "CAP_SETFCAP",
                                          "CAP_MAC_OVERRIDE",
                                          "CAP_MAC_ADMIN",
                                          "CAP_SYSLOG",
                                          "CAP_WAKE_ALARM",
                                          "CAP_BLOCK_SUSPEND",
                                          "CAP_AUDIT_READ",
                                          "CAP_PERFMON",
                                          "CAP_BPF",
                                          "CAP_CHECKPOINT_RESTORE"};

void append_hex(std::string& out, unsigned char byte) {
    char hex[5];
    std::snprintf(hex, sizeof hex, "\\x%02x", byte);
    out += hex;
}

/// Length of the UTF-8 sequence at the start of TEXT and its code point; 0 if it is not one.
std::size_t decode(std::string_view text, char32_t& point) {
    auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char lead = at(0);
    if (lead < 0x80) return point = lead, 1;
    std::size_t length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    if (lead >= 0xf5 || length == 0 || text.size() < length) return 0;
    point = lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((at(i) & 0xc0) != 0x80) return 0;
        point = point << 6 | (at(i) & 0x3fU);
    }
    bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    bool surrogate = point >= 0xd800 && point < 0xe000;
    return overlong || surrogate || point > 0x10ffff ? 0 : length;
}

// C0, DEL, C1, and the bidirectional and line-breaking controls that make a line read otherwise than it is.
bool acts_on_terminal(char32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || c == 0x61c;
}

std::string arrow(const std::string& from, const std::string& to) { return escape(from) + " -> " + escape(to); }

struct Describe {
    std::string operator()(const op::Filesystem& o) const { return o.type + " -> " + escape(o.target); }
    std::string operator()(const op::Directory& o) const { return "directory -> " + escape(o.target); }
    std::string operator()(const op::Bind& o) const { return "bind " + arrow(host_path(o.source), o.target); }
    std::string operator()(const op::Overlay& o) const {
        std::string from;
        for (const Source& lower : o.lowers) from += (from.empty() ? "" : " + ") + escape(host_path(lower));
        if (!o.entry.empty()) from += (from.back() == '/' ? "" : "/") + escape(o.entry);
        return "overlay " + from + " -> " + escape(o.target);
    }
    std::string operator()(const op::MakeDirectory& o) const { return "make directory " + escape(o.target); }
    std::string operator()(const op::Chmod& o) const { return "chmod " + escape(o.target); }
    std::string operator()(const op::ReadOnly& o) const { return "read-only " + escape(o.target); }
    std::string operator()(const op::Restrict& o) const { return "restrict " + escape(o.target); }
    std::string operator()(const op::Mask& o) const { return "mask " + escape(o.target); }
    std::string operator()(const op::Data& o) const { return "data -> " + escape(o.target); }
    std::string operator()(const op::Symlink& o) const { return "symlink " + arrow(o.target, o.to); }
    std::string operator()(const op::Sysctl& o) const { return "sysctl " + escape(o.target) + " = " + o.value; }
};

// As words, like the options of a file system.
std::string mode(unsigned bits) {
    char text[16];
    (void)std::snprintf(text, sizeof text, "mode=%o", bits);
    return text;
}

struct Details {
    std::string operator()(const op::Filesystem& o) const {
        std::string text = words(o.attr);
        for (const auto& [key, value] : o.options) text += "," + key + "=" + value;
        return text;
    }
    std::string operator()(const op::Directory& o) const {
        return words(o.attr) + "," + mode(o.mode) + (o.kept.empty() ? ",on scratch" : ",kept=" + o.kept);
    }
    std::string operator()(const op::Bind& o) const {
        return words(o.attr, o.idmap) + ",recursive" + (o.edit ? ",edit" : "") + (o.make_setid ? ",make-setid" : "");
    }
    std::string operator()(const op::Overlay& o) const {
        std::string text = words(o.attr, o.idmap);
        if (o.mode && o.writes == Layers::thrown_away) text += "," + mode(*o.mode);
        if (o.writes == Layers::none) return text;
        if (!o.kept.empty()) return text + ",kept=" + o.kept;
        return text + ",upper=" + (o.writes == Layers::kept ? escape(host_path(o.upper)) : "scratch");
    }
    std::string operator()(const op::MakeDirectory& o) const { return mode(o.mode); }
    std::string operator()(const op::Chmod& o) const { return mode(o.mode); }
    std::string operator()(const op::ReadOnly&) const { return ""; }
    std::string operator()(const op::Restrict& o) const { return words(o.attr); }
    std::string operator()(const op::Mask& o) const { return o.optional ? "ro,empty,if there" : "ro,empty"; }
    std::string operator()(const op::Data& o) const {
        return (o.bind ? words(o.attr) + "," : "") + std::to_string(o.content.size()) + " bytes";
    }
    std::string operator()(const op::Symlink&) const { return ""; }
    std::string operator()(const op::Sysctl& o) const { return o.old_root ? "of the old root's /proc" : ""; }
};

// What SHARED leaves to be made.
std::string namespaces(const Shared& shared) {
    std::string text = shared.user ? "" : " user";
    text += " mount";
    if (!shared.pid) text += " pid";
    if (!shared.ipc) text += " ipc";
    if (!shared.uts) text += " uts";
    if (!shared.cgroup) text += " cgroup";
    if (!shared.network) text += " net";
    return text;
}

std::string descriptors(const Enter& enter, const Supervise& asked) {
    std::string text;
    auto add = [&](const char* name, int fd) {
        if (fd >= 0) text += std::string(" ") + name + "=" + std::to_string(fd);
    };
    add("userns", enter.userns);
    add("pidns", enter.pidns);
    add("last-userns", enter.last_userns);
    add("info", asked.info);
    add("status", asked.status);
    add("block", asked.block);
    add("ids", asked.ids);
    for (int fd : asked.sync) add("sync", fd);
    return text;
}

// How the life of a jail that is not the usual one is tied to others.
std::string life(const Plan& plan) {
    std::string text;
    if (plan.init != Init::keeper) text += plan.init == Init::none ? " no init" : " a reaper";
    if (plan.supervise.die_with_parent) text += ", ends with the caller";
    for (const std::string& lock : plan.supervise.locks) text += ", lock " + escape(lock);
    return text;
}

std::string map_text(const IdMaps& maps) {
    std::string text;
    for (const IdMap& map : maps)
        text += (text.empty() ? "" : ", ") + std::to_string(map.inside) + " " + std::to_string(map.outside) + " " +
                std::to_string(map.count);
    return text;
}

std::string user_text(const User& user) {
    std::string text = "uid " + std::to_string(user.uid) + " gid " + std::to_string(user.gid) + " groups";
    for (unsigned group : user.groups) text += " " + std::to_string(group);
    return text + (user.groups.empty() ? " none" : "");
}

const char* unit_of(const Limit& limit) {
    std::string_view name = limit.name;
    return name == "cpu" ? "%" : name == "timeout" ? " ms" : name == "pids" ? "" : " bytes";
}

// The options with their limits, by what they are kept, and what is done for it.
std::string limits_text(const Plan& plan) {
    std::string text;
    for (const Limit& limit : plan.limits) {
        bool kept = limit.means != Means::none;
        text += "limit        " + std::string(limit.name) + " ";
        text += kept ? std::to_string(limit.value) + unit_of(limit) + " (" + name(limit.means) + ")\n" : "none\n";
    }
    for (const Rlimit& r : plan.rlimits) {
        text += "rlimit       " + std::string(r.name) + " " + std::to_string(r.soft);
        text += (r.soft == r.hard ? "" : " " + std::to_string(r.hard)) + "\n";
    }
    if (!plan.cgroup.directory.empty()) {
        text += plan.cgroup.manager.empty() ? "cgroup       in " : "cgroup       in a scope of systemd's below ";
        text += escape(plan.cgroup.directory);
        for (const auto& s : plan.cgroup.settings) text += ", " + s.file + " " + s.value;
        text += plan.cgroup.enable.empty() ? "\n" : ", and one for ajail\n";
    }
    if (!plan.cpus.empty()) text += "cpus        ";
    for (unsigned cpu : plan.cpus) text += " " + std::to_string(cpu);
    if (!plan.cpus.empty()) text += "\n";
    if (plan.oom_score_adj) text += "oom score    " + std::to_string(*plan.oom_score_adj) + "\n";
    return text;
}

} // namespace

std::string words(const Attr& attr, bool idmap) {
    std::string text = attr.writable ? "rw" : "ro";
    if (!attr.setuid) text += ",nosuid";
    if (!attr.devices) text += ",nodev";
    if (!attr.exec) text += ",noexec";
    if (idmap) text += ",idmap";
    return text;
}

std::string escape(std::string_view text) {
    auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '\\'; };
    std::string out;
    while (!text.empty()) {
        // Mostly all of it, and there may be thousands of paths.
        auto run = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), plain) - text.begin());
        out += text.substr(0, run);
        text.remove_prefix(run);
        if (text.empty()) break;
        char32_t point = 0;
        std::size_t length = decode(text, point);
        if (length == 0) {
            append_hex(out, static_cast<unsigned char>(text[0]));
            length = 1;
        } else if (acts_on_terminal(point)) {
            for (std::size_t i = 0; i < length; ++i) append_hex(out, static_cast<unsigned char>(text[i]));
        } else {
            if (point == '\\') out += '\\'; // so that a real backslash cannot pass for an escape
            out += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
    return out;
}

std::optional<std::string> unescaped(std::string_view text) {
    auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
        } else if (text.substr(i, 2) == "\\\\") {
            out += text[++i];
        } else {
            int high = text.substr(i, 2) == "\\x" && i + 3 < text.size() ? digit(text[i + 2]) : -1;
            int low = high < 0 ? -1 : digit(text[i + 3]);
            if (low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 3;
        }
    }
    return out;
}

std::string_view cap_name(int number) {
    if (number < 0 || static_cast<std::size_t>(number) >= std::size(kCapNames)) return {};
    return kCapNames[number];
}

std::optional<int> cap_number(std::string_view name) {
    constexpr int kCaps = 64; // as many as a set has room for
    int number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size() && number >= 0 && number < kCaps) return number;
    auto same = [](char a, char b) { return a == (b >= 'a' && b <= 'z' ? static_cast<char>(b - 'a' + 'A') : b); };
    auto is = [&](std::string_view one) {
        return std::equal(one.begin(), one.end(), name.begin(), name.end(), same);
    };
    const auto* found = std::find_if(std::begin(kCapNames), std::end(kCapNames), is);
    if (found == std::end(kCapNames)) return std::nullopt;
    return static_cast<int>(found - std::begin(kCapNames));
}

std::vector<std::string> cap_names(std::uint64_t caps) {
    std::vector<std::string> names;
    for (int cap = 0; cap < 64; ++cap) {
        if ((caps >> cap & 1U) == 0) continue;
        std::string name(cap_name(cap));
        names.push_back(name.empty() ? std::to_string(cap) : name);
    }
    return names;
}

std::string cap_words(std::uint64_t caps) {
    std::string text;
    for (const std::string& name : cap_names(caps)) text += (text.empty() ? "" : " ") + name;
    return text.empty() ? "none" : text;
}

std::string describe_op(const Plan& plan, std::size_t index) {
    return "mount[" + std::to_string(index) + "] " + std::visit(Describe{}, plan.ops[index]);
}

std::string to_text(const Plan& plan) {
    std::string out = "namespaces  " + namespaces(plan.shared) + "\n";
    if (std::string fds = descriptors(plan.enter, plan.supervise); !fds.empty()) out += "descriptors " + fds + "\n";
    if (!plan.uids.empty())
        out += "uid map      " + map_text(plan.uids) + "\ngid map      " + map_text(plan.gids) + "\n";
    if (!plan.newuidmap.empty())
        out += "map helpers  " + escape(plan.newuidmap) + " " + escape(plan.newgidmap) + "\n";
    if (plan.hostname) out += "hostname     " + escape(*plan.hostname) + "\n";
    if (plan.scratch.size == kUnlimited) out += "scratch      tmpfs without limits\n";
    else if (plan.scratch.size != 0)
        out += "scratch      tmpfs of " + std::to_string(plan.scratch.size) + " bytes" +
               (plan.scratch.files != 0 ? ", " + std::to_string(plan.scratch.files) + " files\n" : "\n");
    if (!plan.scratch.directory.empty()) out += "scratch      in " + escape(plan.scratch.directory) + "\n";
    if (!plan.scratch.kept.empty()) out += "kept         in " + escape(plan.scratch.kept) + "\n";
    for (std::size_t i = 0; i < plan.ops.size(); ++i) {
        out += describe_op(plan, i);
        std::string details = std::visit(Details{}, plan.ops[i]);
        if (!details.empty()) out += " (" + details + ")";
        out += "\n";
    }
    out += "pivot        the old root is unreachable from here on\n";
    if (plan.terminal == Terminal::callers)
        out += std::string("terminal     the caller's") + (plan.new_session ? ", a new session\n" : "\n");
    else if (plan.terminal != Terminal::none)
        out += std::string("terminal     own pty, host ") + (plan.terminal == Terminal::raw ? "raw\n" : "cooked\n");
    if (std::string text = life(plan); !text.empty()) out += "life        " + text + "\n";
    if (plan.descriptors) out += "inherited    all descriptors of the caller\n";
    if (plan.callers_proc) out += "read back    in the caller's /proc\n";
    if (plan.second_userns) out += "userns       a second level locks the mounts\n";
    if (plan.user) out += "user         " + user_text(*plan.user) + "\n";
    if (plan.init == Init::keeper) out += "init         " + cap_words(plan.init_caps) + "\n";
    out += "capabilities " + (plan.caller_caps ? "as the caller has them" : cap_words(plan.caps)) + "\n";
    if (plan.assert_no_userns) out += "userns       nothing is run if a further one can be made\n";
    out += "no_new_privs yes\nlandlock     ";
    out += plan.landlock_abi == 0
               ? "no\n"
               : "ABI " + std::to_string(plan.landlock_abi) + (plan.landlock_files ? "\n" : ", scopes only\n");
    out += "seccomp     ";
    for (const std::string& filter : plan.filters) out += " " + filter;
    for (const std::string& program : plan.programs)
        out += (plan.profile.empty() ? " (" : " " + escape(plan.profile) + " (") +
               std::to_string(program.size() / 8) +
               (plan.profile.empty() ? " instructions of the caller)" : " instructions)");
    out += plan.filters.empty() && plan.programs.empty() ? " no\n" : "\n";
    out += limits_text(plan);
    if (plan.report) out += "report       what stands, before exec\n";
    for (const Degraded& d : plan.degraded) out += "given up     " + escape(d.what) + ": " + escape(d.why) + "\n";
    for (const std::string& variable : plan.exec.env) out += "env          " + escape(variable) + "\n";
    out += "chdir       ";
    for (const std::string& cwd : plan.exec.cwds)
        out += (&cwd == &plan.exec.cwds.front() ? " " : ", else ") + escape(cwd);
    const Exec& exec = plan.exec;
    if (!exec.candidates.empty() && !exec.candidates[0].ends_with(exec.argv.at(0))) { // called otherwise
        out += "\nfile        ";
        for (const std::string& file : exec.candidates)
            out += (&file == &exec.candidates.front() ? " " : ", else ") + escape(file);
    }
    out += "\nexec        ";
    for (const std::string& argument : plan.exec.argv) out += " " + escape(argument);
    return out + "\n";
}

} // namespace ajail::spec
