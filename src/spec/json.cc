// SPDX-License-Identifier: Apache-2.0
// A Plan as JSON for programs. Paths are bytes: what is not UTF-8 stands as \xNN, a backslash as \\, so nothing is
// lost and the output is always valid.
#include "spec/plan.h"

#include <nlohmann/json.hpp>

namespace ajail::spec {

namespace {

using Json = nlohmann::ordered_json;

Json strings(const std::vector<std::string>& list) {
    Json out = Json::array();
    for (const std::string& s : list) out.push_back(escape(s));
    return out;
}

Json source_json(const Source& s) {
    static constexpr const char* kResolve[] = {"follow", "real", "beneath", "in_root"};
    Json out{{"path", escape(host_path(s))}, {"resolve", kResolve[static_cast<int>(s.resolve)]}};
    if (!s.base.empty()) out["base"] = escape(s.base);
    out["kind"] = s.directory ? "directory" : "file";
    return out;
}

Json attr_json(const Attr& a) {
    return {{"writable", a.writable}, {"devices", a.devices}, {"setuid", a.setuid}, {"exec", a.exec}};
}

struct ToJson {
    Json operator()(const op::Directory& o) const {
        return {{"op", "directory"}, {"target", escape(o.target)}, {"mode", o.mode}, {"attr", attr_json(o.attr)}};
    }
    Json operator()(const op::Filesystem& o) const {
        Json options = Json::object();
        for (const auto& [key, value] : o.options) options[key] = value;
        return {{"op", "filesystem"},
                {"type", o.type},
                {"target", escape(o.target)},
                {"options", options},
                {"attr", attr_json(o.attr)}};
    }
    Json operator()(const op::Bind& o) const {
        return {{"op", "bind"},
                {"source", source_json(o.source)},
                {"target", escape(o.target)},
                {"attr", attr_json(o.attr)},
                {"recursive", true},
                {"idmap", o.idmap},
                {"edit", o.edit}};
    }
    Json operator()(const op::Overlay& o) const {
        Json out{{"op", "overlay"},    {"lower", source_json(o.lower)}, {"target", escape(o.target)},
                 {"upper", "scratch"}, {"attr", attr_json(o.attr)},     {"idmap", o.idmap}};
        if (!o.entry.empty()) out["entry"] = escape(o.entry);
        return out;
    }
    Json operator()(const op::Restrict& o) const {
        return {{"op", "restrict"}, {"target", escape(o.target)}, {"attr", attr_json(o.attr)}};
    }
    Json operator()(const op::Mask& o) const {
        return {{"op", "mask"}, {"target", escape(o.target)}, {"optional", o.optional}};
    }
    Json operator()(const op::Data& o) const {
        return {{"op", "data"}, {"target", escape(o.target)}, {"content", escape(o.content)}, {"mode", o.mode}};
    }
    Json operator()(const op::Symlink& o) const {
        return {{"op", "symlink"}, {"target", escape(o.target)}, {"to", escape(o.to)}};
    }
    Json operator()(const op::Sysctl& o) const {
        return {{"op", "sysctl"}, {"target", escape(o.target)}, {"value", o.value}};
    }
};

Json map_json(const IdMaps& maps) {
    Json out = Json::array();
    for (const IdMap& m : maps) out.push_back({{"inside", m.inside}, {"outside", m.outside}, {"count", m.count}});
    return out;
}

Json user_json(const Plan& plan) {
    User user = plan.user.value_or(User{plan.uids.at(0).inside, plan.gids.at(0).inside, {}});
    return {{"uid", user.uid}, {"gid", user.gid}, {"groups", user.groups}};
}

} // namespace

std::string to_json(const Plan& plan) {
    static constexpr const char* kTerminal[] = {"none", "cooked", "raw"};
    Json ops = Json::array();
    for (const Op& op : plan.ops) ops.push_back(std::visit(ToJson{}, op));
    Json caps = Json::array();
    for (int cap = 0; cap < 64; ++cap)
        if ((plan.caps >> cap & 1U) != 0) caps.push_back(cap_name(cap));
    Json degraded = Json::array();
    for (const Degraded& d : plan.degraded) degraded.push_back({{"what", escape(d.what)}, {"why", escape(d.why)}});
    Json namespaces = {"user", "mount", "pid", "ipc", "uts", "cgroup"};
    if (!plan.network) namespaces.push_back("net");
    Json out{
        {"namespaces", namespaces},
        {"uid_map", map_json(plan.uids)},
        {"gid_map", map_json(plan.gids)},
        {"setgroups", plan.groups},
        {"user", user_json(plan)},
        {"real_root", plan.real_root},
        {"hostname", escape(plan.hostname)},
        {"scratch", {{"size", plan.scratch.size}, {"directory", escape(plan.scratch.directory)}}},
        {"ops", ops},
        {"terminal", kTerminal[static_cast<int>(plan.terminal)]},
        {"second_userns", plan.second_userns},
        {"capabilities", caps},
        {"no_new_privs", true},
        {"landlock_abi", plan.landlock_abi},
        {"landlock_files", plan.landlock_files},
        {"seccomp", strings(plan.filters)},
        {"degraded", degraded},
        {"exec",
         {{"candidates", strings(plan.exec.candidates)},
          {"argv", strings(plan.exec.argv)},
          {"env", strings(plan.exec.env)},
          {"cwd", escape(plan.exec.cwd)}}},
    };
    if (!plan.newuidmap.empty()) out["map_helpers"] = {escape(plan.newuidmap), escape(plan.newgidmap)};
    return out.dump(2) + "\n";
}

} // namespace ajail::spec
