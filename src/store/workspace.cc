// SPDX-License-Identifier: Apache-2.0
// See workspace.h.
#include "store/workspace.h"

#include <nlohmann/json.hpp>

namespace ajail::store {

using sys::Call;
using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

constexpr const char* kState = "state.json";
constexpr const char* kShelf = "workspaces";
constexpr int kVersion = 1;
constexpr std::size_t kLargest = 1 << 20;

Status sync(int fd) {
    if (::fsync(fd) < 0) return sys::failed(Call::write);
    return Done{};
}

nlohmann::ordered_json to_json(const Workspace& w) {
    return {{"version", kVersion},    {"name", w.name},       {"mode", w.worktree ? "worktree" : "clone"},
            {"repo", w.repo},         {"git", w.git},         {"branch", w.branch},
            {"base", w.base},         {"entry", w.entry},     {"author", w.author},
            {"address", w.address},   {"created", w.created}, {"entrypoint", w.entrypoint},
            {"borrowed", w.borrowed}, {"options", w.options}};
}

// Throws what nlohmann::ordered_json throws where it is something else.
Workspace from_json(const nlohmann::ordered_json& json) {
    Workspace w;
    json.at("name").get_to(w.name);
    w.worktree = json.at("mode").get<std::string>() == "worktree";
    json.at("repo").get_to(w.repo);
    json.at("git").get_to(w.git);
    json.at("branch").get_to(w.branch);
    json.at("base").get_to(w.base);
    json.at("entry").get_to(w.entry);
    json.at("author").get_to(w.author);
    json.at("address").get_to(w.address);
    json.at("created").get_to(w.created);
    json.at("entrypoint").get_to(w.entrypoint);
    json.at("borrowed").get_to(w.borrowed);
    json.at("options").get_to(w.options);
    return w;
}

} // namespace

std::string workspace_path(const std::string& home, const std::string& name) {
    return home + "/" + kShelf + "/" + name;
}

std::vector<std::string> workspaces(const std::string& home) { return names_on(home, kShelf); }

Result<Workspace> read_workspace(const std::string& home, const std::string& name) {
    if (!good_name(name)) return sys::refused(ENOENT);
    Fd dir = TRY(sys::open(workspace_path(home, name).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
    auto opened = sys::open_regular(dir.get(), kState, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (!opened && opened.error().err == ENOENT) return sys::refused(EINVAL);
    Fd file = TRY(std::move(opened));
    std::string text = TRY(sys::read_all(file.get(), kLargest));
    try {
        auto json = nlohmann::ordered_json::parse(text);
        if (json.at("version") != kVersion) return sys::refused(EINVAL);
        return from_json(json);
    } catch (const nlohmann::ordered_json::exception&) {
        return sys::refused(EINVAL);
    }
}

Result<Partial> make_workspace(const std::string& home, const std::string& name, Remover remover) {
    Partial partial = TRY(Partial::create(home, name, std::move(remover), kShelf));
    TRY(sys::fchmod(partial.dir(), 0700));
    return partial;
}

Status write_workspace(int dir, const Workspace& workspace) {
    std::string text;
    try {
        text = to_json(workspace).dump(2) + "\n";
    } catch (const nlohmann::ordered_json::exception&) {
        return sys::refused(EILSEQ);
    }
    Fd file = TRY(sys::openat(dir, kState, O_CREAT | O_EXCL | O_WRONLY, 0600));
    TRY(sys::write_all(file.get(), text));
    TRY(sync(file.get()));
    return sync(dir);
}

Status commit_workspace(const std::string& home, Partial& partial) {
    TRY(partial.commit());
    Fd shelf = TRY(sys::open((home + "/" + kShelf).c_str(), O_RDONLY | O_DIRECTORY));
    return sync(shelf.get());
}

Status remove_workspace(const std::string& home, const std::string& name, const Remover& remover) {
    Fd shelf = TRY(sys::open((home + "/" + kShelf).c_str(), O_RDONLY | O_DIRECTORY));
    return take_away(shelf.get(), name, remover);
}

} // namespace ajail::store
