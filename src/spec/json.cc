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
    if (s.descriptor >= 0) out["descriptor"] = s.descriptor;
    return out;
}

Json attr_json(const Attr& a) {
    return {{"writable", a.writable}, {"devices", a.devices}, {"setuid", a.setuid}, {"exec", a.exec}};
}

struct ToJson {
    Json operator()(const op::Directory& o) const {
        Json out{{"op", "directory"}, {"target", escape(o.target)}, {"mode", o.mode}, {"attr", attr_json(o.attr)}};
        if (!o.kept.empty()) out["kept"] = o.kept;
        return out;
    }
    Json operator()(const op::Filesystem& o) const {
        Json options = Json::object();
        for (const auto& [key, value] : o.options) options[key] = value;
        return {{"op", "filesystem"},         {"type", o.type},
                {"target", escape(o.target)}, {"options", options},
                {"attr", attr_json(o.attr)},  {"parents", o.parents}};
    }
    Json operator()(const op::Bind& o) const {
        return {{"op", "bind"},
                {"source", source_json(o.source)},
                {"target", escape(o.target)},
                {"attr", attr_json(o.attr)},
                {"recursive", true},
                {"idmap", o.idmap},
                {"edit", o.edit},
                {"make_setid", o.make_setid}};
    }
    Json operator()(const op::Overlay& o) const {
        Json lowers = Json::array();
        for (const Source& lower : o.lowers) lowers.push_back(source_json(lower));
        Json out{{"op", "overlay"},
                 {"lowers", lowers},
                 {"target", escape(o.target)},
                 {"attr", attr_json(o.attr)},
                 {"idmap", o.idmap}};
        if (o.writes == Layers::thrown_away) out["upper"] = o.kept.empty() ? "scratch" : "kept";
        if (!o.kept.empty()) out["kept"] = o.kept;
        if (o.writes == Layers::kept) out["upper"] = source_json(o.upper), out["work"] = source_json(o.work);
        if (o.mode) out["mode"] = *o.mode;
        if (!o.entry.empty()) out["entry"] = escape(o.entry);
        return out;
    }
    Json operator()(const op::MakeDirectory& o) const {
        return {{"op", "make_directory"}, {"target", escape(o.target)}, {"mode", o.mode}};
    }
    Json operator()(const op::Chmod& o) const {
        return {{"op", "chmod"}, {"target", escape(o.target)}, {"mode", o.mode}};
    }
    Json operator()(const op::ReadOnly& o) const { return {{"op", "read_only"}, {"target", escape(o.target)}}; }
    Json operator()(const op::Restrict& o) const {
        return {{"op", "restrict"}, {"target", escape(o.target)}, {"attr", attr_json(o.attr)}};
    }
    Json operator()(const op::Mask& o) const {
        return {{"op", "mask"}, {"target", escape(o.target)}, {"optional", o.optional}};
    }
    Json operator()(const op::Data& o) const {
        return {{"op", "data"},   {"target", escape(o.target)}, {"content", escape(o.content)}, {"mode", o.mode},
                {"bind", o.bind}, {"attr", attr_json(o.attr)}};
    }
    Json operator()(const op::Symlink& o) const {
        return {{"op", "symlink"}, {"target", escape(o.target)}, {"to", escape(o.to)}};
    }
    Json operator()(const op::Sysctl& o) const {
        return {{"op", "sysctl"}, {"target", escape(o.target)}, {"value", o.value}, {"old_root", o.old_root}};
    }
};

Json map_json(const IdMaps& maps) {
    Json out = Json::array();
    for (const IdMap& m : maps) out.push_back({{"inside", m.inside}, {"outside", m.outside}, {"count", m.count}});
    return out;
}

Json user_json(const Plan& plan) {
    if (!plan.user && plan.uids.empty()) return nullptr; // whoever calls
    User user = plan.user.value_or(User{plan.uids.at(0).inside, plan.gids.at(0).inside, {}});
    return {{"uid", user.uid}, {"gid", user.gid}, {"groups", user.groups}};
}

// Descriptors of the caller; -1: none.
Json supervise_json(const Plan& plan) {
    const Supervise& s = plan.supervise;
    return {{"userns", plan.enter.userns},
            {"pidns", plan.enter.pidns},
            {"last_userns", plan.enter.last_userns},
            {"info", s.info},
            {"status", s.status},
            {"block", s.block},
            {"ids", s.ids},
            {"sync", s.sync},
            {"locks", strings(s.locks)},
            {"die_with_parent", s.die_with_parent}};
}

// 0: the kernel's own choice.
Json amount_json(std::uint64_t amount) { return amount == kUnlimited ? Json("none") : Json(amount); }

// By option: the value and by what it is kept; then what is done for it.
Json limits_json(const Plan& plan) {
    Json out = Json::object();
    for (const Limit& limit : plan.limits) out[limit.name] = {{"value", limit.value}, {"means", name(limit.means)}};
    if (out.empty()) return out;
    Json rlimits = Json::object(), settings = Json::object();
    for (const Rlimit& r : plan.rlimits) rlimits[r.name] = {{"soft", r.soft}, {"hard", r.hard}};
    for (const auto& s : plan.cgroup.settings) settings[s.file] = s.value;
    out["rlimits"] = rlimits;
    out["cgroup"] = {{"directory", escape(plan.cgroup.directory)},
                     {"manager", escape(plan.cgroup.manager)},
                     {"enable", strings(plan.cgroup.enable)},
                     {"settings", settings}};
    out["cpus"] = plan.cpus;
    out["oom_score_adj"] = plan.oom_score_adj ? Json(*plan.oom_score_adj) : Json(nullptr);
    return out;
}

} // namespace

std::string to_json(const Plan& plan) {
    static constexpr const char* kTerminal[] = {"none", "cooked", "raw", "callers"};
    static constexpr const char* kInit[] = {"keeper", "reaper", "none"};
    Json ops = Json::array();
    for (const Op& op : plan.ops) ops.push_back(std::visit(ToJson{}, op));
    Json instructions = Json::array(); // of the caller's programs, how many
    for (const std::string& program : plan.programs) instructions.push_back(program.size() / 8);
    Json degraded = Json::array();
    for (const Degraded& d : plan.degraded) degraded.push_back({{"what", escape(d.what)}, {"why", escape(d.why)}});
    Json namespaces = Json::array();
    auto own = [&](const char* name, bool shared) {
        if (!shared) namespaces.push_back(name);
    };
    own("user", plan.shared.user);
    own("mount", false);
    own("pid", plan.shared.pid);
    own("ipc", plan.shared.ipc);
    own("uts", plan.shared.uts);
    own("cgroup", plan.shared.cgroup);
    own("net", plan.shared.network);
    Json out{
        {"namespaces", namespaces},
        {"uid_map", map_json(plan.uids)},
        {"gid_map", map_json(plan.gids)},
        {"setgroups", plan.groups},
        {"user", user_json(plan)},
        {"real_root", plan.real_root},
        {"hostname", plan.hostname ? Json(escape(*plan.hostname)) : Json(nullptr)},
        {"scratch",
         {{"size", amount_json(plan.scratch.size)},
          {"files", amount_json(plan.scratch.files)},
          {"directory", escape(plan.scratch.directory)},
          {"kept", escape(plan.scratch.kept)}}},
        {"ops", ops},
        {"terminal", kTerminal[static_cast<int>(plan.terminal)]},
        {"second_userns", plan.second_userns},
        {"callers_proc", plan.callers_proc},
        {"init", kInit[static_cast<int>(plan.init)]},
        {"new_session", plan.new_session},
        {"own_keyring", plan.own_keyring},
        {"descriptors", plan.descriptors},
        {"host_targets", plan.host_targets},
        {"init_capabilities", cap_names(plan.init_caps)},
        {"capabilities", cap_names(plan.caps)},
        {"ambient", plan.ambient},
        {"caller_caps", plan.caller_caps},
        {"assert_no_userns", plan.assert_no_userns},
        {"no_new_privs", true},
        {"landlock_abi", plan.landlock_abi},
        {"landlock_files", plan.landlock_files},
        {"landlock_devices", strings(plan.landlock_devices)},
        {"seccomp", strings(plan.filters)},
        {"seccomp_programs", instructions},
        {"seccomp_profile", plan.profile.empty() ? Json(nullptr) : Json(escape(plan.profile))},
        {"limits", limits_json(plan)},
        {"report", plan.report},
        {"degraded", degraded},
        {"exec",
         {{"candidates", strings(plan.exec.candidates)},
          {"argv", strings(plan.exec.argv)},
          {"env", strings(plan.exec.env)},
          {"cwds", strings(plan.exec.cwds)},
          {"pwd", plan.exec.pwd}}},
    };
    if (plan.host_targets) out["supervise"] = supervise_json(plan);
    if (!plan.newuidmap.empty()) out["map_helpers"] = {escape(plan.newuidmap), escape(plan.newgidmap)};
    return out.dump(2) + "\n";
}

} // namespace ajail::spec
