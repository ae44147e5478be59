// SPDX-License-Identifier: Apache-2.0
// What every fuzzer holds its results against, besides that nothing crashes.
#pragma once

#include "policy/filters.h"
#include "spec/plan.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <linux/capability.h>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ajail::fuzz {

/// Ends the fuzzer, which then keeps the input.
inline void must(bool holds, const char* what, const std::string& about = {}) {
    if (holds) return;
    std::fprintf(stderr, "BROKEN: %s: %s\n", what, about.c_str());
    std::abort();
}

inline bool plain(std::string_view text, bool lines) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return (lines && c == '\n') || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
    });
}

/// A message: one line, which a terminal shows and does not act on.
inline void message(const std::string& text) {
    must(!text.empty() && plain(text, false), "a message is one line of text", text);
}

inline std::vector<std::string> words(std::string_view text, char separator) {
    std::vector<std::string> all(1);
    for (char c : text)
        if (c == separator) all.emplace_back();
        else all.back() += c;
    return all;
}

inline void maps(const spec::IdMaps& maps, const spec::Host& host, unsigned own) {
    for (std::size_t i = 0; i < maps.size(); ++i) {
        must(maps[i].count > 0 && maps[i].inside + (maps[i].count - 1) >= maps[i].inside &&
                 maps[i].outside + (maps[i].count - 1) >= maps[i].outside,
             "an id map has ids and does not wrap around");
        // In a user namespace 0 is somebody else's id, and the caller's own.
        must(maps[i].outside != 0 || (own == 0 && !host.real_root), "the machine's root is never mapped");
        for (std::size_t j = 0; j < i; ++j) {
            auto apart = [&](unsigned a, unsigned b) {
                return a < b ? b - a >= maps[i].count : a - b >= maps[j].count;
            };
            must(apart(maps[i].inside, maps[j].inside) && apart(maps[i].outside, maps[j].outside),
                 "no id is mapped twice");
        }
    }
}

/// PLAN is as tight as the design says, and can be shown.
inline void plan(const spec::Plan& plan, const spec::Spec& spec, const spec::Host& host) {
    const std::string text = to_text(plan), json = to_json(plan);
    must(plain(text, true), "the plan as text has no control bytes", text);
    must(plain(json, true) && nlohmann::json::accept(json), "the plan as JSON is that", json);
    must(!plan.exec.argv.empty() && !plan.exec.candidates.empty(), "there is something to execute");
    for (std::size_t i = 0; i < plan.ops.size(); ++i)
        must(plain(describe_op(plan, i), false), "an operation is one line");
    if (spec.bare) return;
    maps(plan.uids, host, host.uid);
    maps(plan.gids, host, host.gid);
    must(!plan.uids.empty() && !plan.gids.empty(), "there is always a user namespace");
    must(!plan.descriptors && !plan.host_targets && plan.own_keyring && plan.new_session && !plan.caller_caps,
         "nothing of the caller's");
    must(plan.terminal != spec::Terminal::callers && plan.init == spec::Init::keeper, "its terminal, its init");
    const bool admin = (plan.caps >> CAP_SYS_ADMIN & 1U) != 0;
    must(!admin || plan.second_userns, "mounts are locked under CAP_SYS_ADMIN");
    const auto& asked = spec.policy.add_caps;
    must(!admin || std::find(asked.begin(), asked.end(), CAP_SYS_ADMIN) != asked.end(), "no capability unasked for");
    for (const std::string& name : plan.filters) {
        must(!policy::joined(name).empty(), "a seccomp program is one", name);
        must(policy::joined(name).size() <= BPF_MAXINSNS, "and not too long", name);
    }
    if (spec.policy.seccomp == spec::Seccomp::off) return;
    auto loads = [&](const std::string& program) { // by itself, or with others as one
        return std::any_of(plan.filters.begin(), plan.filters.end(), [&](const std::string& name) {
            return ("," + name).find("," + program) != std::string::npos;
        });
    };
    must(loads("terminal"), "the terminal is walled off");
    must(spec.policy.seccomp == spec::Seccomp::profile ? !plan.programs.empty() : loads("default"),
         "there is a policy");
}

inline spec::Host host_of(std::uint8_t kind) {
    spec::Host host{.uid = 1000, .gid = 1001, .landlock_abi = kind % 8U};
    if ((kind & 8U) != 0) host.uid = host.gid = 0;
    host.real_root = (kind & 24U) == 24U;
    host.overlay = (kind & 32U) == 0;
    if ((kind & 64U) != 0) host.tty = {true, true, true};
    if ((kind & 128U) != 0)
        host.subordinates = {"you", {{100000, 65536}}, {{100000, 65536}}, "/usr/bin/newuidmap", "/usr/bin/newgidmap"};
    return host;
}

} // namespace ajail::fuzz
