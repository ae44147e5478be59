// SPDX-License-Identifier: Apache-2.0
// See kept.h.
#include "cli/kept.h"

#include "cli/cover.h"
#include "cli/fs.h"
#include "cli/protect.h"
#include "cli/words.h"
#include "ns/idmap.h"
#include "spec/plan.h"
#include "store/apply.h"

#include <cstdio>
#include <cstring>

namespace ajail::cli {

using store::Kept;
using store::Layer;
using sys::Status;

namespace {

bool denied(const Status& status) { return !status && (status.error().err == EACCES || status.error().err == EPERM); }

// PATH relative to TOP, which it is in or at.
std::string relative(const std::string& path, const std::string& top) {
    if (path == top) return {};
    return path.substr(top == "/" ? 1 : top.size() + 1);
}

// What cannot be looked at may be anything.
bool changes_nothing(const Kept& kept, const Layer& layer, const std::string& path) {
    auto sides = store::open_sides(kept, layer);
    auto there = sides ? store::is_in(*sides, path) : sys::Result<bool>(sides.error());
    return there && !*there;
}

} // namespace

std::string why_not_open(const std::string& name, const std::string& path, const sys::Error& error) {
    if (error.call == sys::Call::flock && error.err == EWOULDBLOCK)
        return spec::escape(name) + " is in use" + by_whom(users_of(path));
    if (error.err == ENOENT)
        return "nothing is kept as " + spec::escape(name) + "; ajail changes lists what there is";
    if (error.err == EINVAL)
        return spec::escape(path) + "/manifest.json cannot be read; look at what is in layers/, then ajail discard " +
               spec::escape(name);
    return spec::escape(path) + ": " + std::strerror(error.err);
}

Status as_owner(const spec::Host& host, const ns::Caller& process, const std::function<Status(bool last)>& work) {
    Status done = work(host.real_root);
    if (!denied(done) || host.real_root) return done;
    spec::Host with_ids = host;
    with_ids.subordinates = look_for_subordinates(host.uid);
    auto lowered = spec::lower({.users = spec::Users::range}, with_ids);
    if (std::holds_alternative<spec::Refusal>(lowered)) lowered = spec::lower({}, with_ids);
    if (std::holds_alternative<spec::Refusal>(lowered)) return work(true);
    std::optional<ns::HelperEnd> helper;
    done = ns::with_ids(
        std::get<spec::Plan>(lowered), process, [&] { return work(true); }, helper);
    if (helper) warn(sentence(*helper));
    return done;
}

Status settle_kept(Kept& kept, const spec::Host& host, const ns::Caller& process, const store::Seen& seen) {
    if (!kept.since()) return sys::Done{};
    Status settled = as_owner(host, process, [&](bool last) { return store::settle(kept, last, seen); });
    if (settled && kept.since()) return kept.settled(); // it was done by another process
    return settled;
}

std::optional<Kept> open_kept(const char* command, const std::string& home, const std::string& name, bool look,
                              const spec::Host& host, const ns::Caller& process) {
    std::string path = home + "/kept/" + name;
    auto say = [&](const std::string& why) { (void)fail(std::string(command) + ": " + why); };
    auto opened = Kept::open(home, name, look ? store::Hold::shared : store::Hold::exclusive);
    if (look && opened && (*opened).since()) {
        opened = sys::refused(EAGAIN); // and with it the lock
        opened = Kept::open(home, name, store::Hold::exclusive);
    }
    bool used = !opened && opened.error().call == sys::Call::flock && opened.error().err == EWOULDBLOCK;
    if (look && used) {
        std::fprintf(stderr, "ajail: %s is in use%s: what follows may change while it is looked at\n",
                     spec::escape(name).c_str(), by_whom(users_of(path)).c_str());
        opened = Kept::open(home, name, std::nullopt);
        if (opened) return std::move(opened).take();
    }
    if (!opened) return say(why_not_open(name, path, opened.error())), std::nullopt;
    Kept kept = std::move(opened).take();
    if (Status settled = settle_kept(kept, host, process); !settled && !look)
        return say(spec::escape(path) + "/base: " + std::strerror(settled.error().err)), std::nullopt;
    return kept;
}

std::vector<Meant> meant(const Kept& kept, const std::vector<std::string>& words, const std::string& cwd,
                         std::string& wrong) {
    const std::vector<Layer>& layers = kept.layers();
    std::vector<Meant> all(layers.size());
    if (words.empty())
        for (Meant& one : all) one = {""};
    for (const std::string& word : words) {
        bool host = !word.starts_with('/'), found = false;
        std::string path = absolute(word, cwd);
        std::size_t nearest = layers.size();
        auto top = [&](std::size_t i) -> const std::string& { return host ? layers[i].source : layers[i].target; };
        for (std::size_t i = 0; i < layers.size(); ++i) {
            if (top(i).empty()) continue;
            if (spec::within(top(i), path)) {
                bool itself = layers[i].kind == Layer::file && top(i) == path;
                all[i].push_back(itself ? layers[i].source.substr(layers[i].source.rfind('/') + 1) : ""); // all of it
                found = true;
            } else if (spec::within(path, top(i)) && layers[i].kind != Layer::file &&
                       (nearest == layers.size() || top(i).size() > top(nearest).size()))
                nearest = i;
        }
        bool exact = false; // a layer of its own
        for (std::size_t i = 0; i < layers.size(); ++i) exact = exact || top(i) == path;
        if (nearest < layers.size() && !exact) all[nearest].push_back(relative(path, top(nearest)));
        if (!wrong.empty() || found) continue;
        if (nearest == layers.size()) wrong = spec::escape(word) + " is in no layer";
        else if (changes_nothing(kept, layers[nearest], relative(path, top(nearest))))
            wrong = "nothing is changed at " + spec::escape(word);
    }
    return all;
}

bool is_git_directory(const Layer& layer) {
    if (layer.kind != Layer::directory && layer.kind != Layer::file) return false;
    if ((layer.source + "/").find("/.git/") != std::string::npos) return true;
    auto top = sys::open(layer.source.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    auto bare = top ? is_repository(*top) : sys::Result<bool>(false);
    return bare && *bare;
}

bool host_runs_in(const Layer& layer, const std::string& path, mode_t mode) {
    if (layer.kind != Layer::directory && layer.kind != Layer::file) return false; // none of a user's
    std::string whole = layer.kind == Layer::file ? layer.source : layer.source + "/" + path;
    std::size_t git = whole.find("/.git/");
    if (git != std::string::npos && host_runs(whole.substr(git + 1))) return true;
    // What is given may be a listed name itself, or be in one. Not all that is above: a project may lie anywhere.
    std::size_t from = layer.source.size() + (layer.kind == Layer::file ? 0 : 1);
    for (int above = layer.kind == Layer::file ? 3 : 2; above > 0 && from > 1; --above)
        from = whole.rfind('/', from - 2) + 1;
    std::string_view name = std::string_view(whole).substr(from);
    return host_runs(name) || (mode != 0 && !S_ISDIR(mode) && host_runs_below(name));
}

} // namespace ajail::cli
