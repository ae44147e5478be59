// SPDX-License-Identifier: Apache-2.0
// See kept.h.
#include "store/kept.h"

#include "spec/plan.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sys/file.h>

namespace ajail::store {

using sys::Call;
using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kManifest = "manifest.json";
constexpr std::size_t kLargest = 64 << 20;
constexpr int kVersion = 1;
constexpr std::pair<const char*, Layer::Kind> kKinds[] = {{"root", Layer::root},
                                                          {"directory", Layer::directory},
                                                          {"file", Layer::file},
                                                          {"system", Layer::system},
                                                          {"home", Layer::home}};

std::string bytes(const Json& json) {
    auto text = spec::unescaped(json.get<std::string>());
    if (!text) throw std::runtime_error("not escaped");
    return *text;
}

Layer layer_in(const Json& json) {
    Layer layer{.id = json.at("id").get<std::string>(),
                .target = bytes(json.at("target")),
                .source = bytes(json.at("source"))};
    auto kind = json.at("kind").get<std::string>();
    const auto* known =
        std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& one) { return kind == one.first; });
    if (known == std::end(kKinds) || layer.id.empty() ||
        layer.id.find_first_not_of("0123456789") != std::string::npos)
        throw std::runtime_error("no such layer");
    layer.kind = known->second;
    for (const Json& target : json.at("made")) layer.made.insert(bytes(target));
    layer.inode = json.value("inode", std::uint64_t{0});
    return layer;
}

Json to_json(const Layer& layer) {
    Json made = Json::array();
    for (const std::string& target : layer.made) made.push_back(spec::escape(target));
    const char* kind = "";
    for (auto [name, value] : kKinds)
        if (value == layer.kind) kind = name;
    return {{"id", layer.id},
            {"kind", kind},
            {"target", spec::escape(layer.target)},
            {"source", spec::escape(layer.source)},
            {"made", made},
            {"inode", layer.inode}};
}

// HOME/kept, made with the first one that is kept. Nobody else looks into it: files in it may be set-user-ID.
Result<Fd> open_shelf(const std::string& home) { return open_own(home + "/kept"); }

// The directory of the layers, where the jail's ids make what they need.
Status make_layers(int dir, unsigned owner) {
    Status made = sys::mkdirat(dir, "layers", sys::kScratchMode);
    if (!made) return made.error().err == EEXIST ? Status(Done{}) : made;
    if (owner == ::geteuid()) return Done{};
    Fd layers = TRY(sys::openat(dir, "layers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return sys::fchown(layers.get(), owner, owner);
}

} // namespace

Status replace_file(int dir, const std::string& name, std::string_view text) {
    std::string temporary = name + ".new"; // its directory is locked: nobody else makes one
    {
        Fd file = TRY(sys::openat(dir, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
        TRY(sys::write_all(file.get(), text));
        if (::fsync(file.get()) < 0) return sys::failed(Call::write);
    }
    if (::renameat(dir, temporary.c_str(), dir, name.c_str()) < 0) return sys::failed(Call::rename);
    return ::fsync(dir) == 0 || errno == EINVAL ? Status(Done{}) : Status(sys::failed(Call::write));
}

Status Kept::read() {
    Fd file = TRY(sys::open_regular(dir_.get(), kManifest, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
    std::string text = TRY(sys::read_all(file.get(), kLargest));
    try {
        Json json = Json::parse(text);
        if (json.at("version") != kVersion) return sys::refused(EINVAL);
        made_ = json.at("created").get<std::int64_t>();
        if (!json.at("since").is_null()) since_ = json.at("since").get<std::int64_t>();
        for (const Json& layer : json.at("layers")) layers_.push_back(layer_in(layer));
    } catch (const std::exception&) {
        return sys::refused(EINVAL);
    }
    return Done{};
}

Status Kept::write() const {
    Json layers = Json::array();
    for (const Layer& layer : layers_) layers.push_back(to_json(layer));
    Json json = {{"version", kVersion}, {"created", made_}, {"since", nullptr}, {"layers", layers}};
    if (since_) json["since"] = *since_;
    return replace_file(dir_.get(), kManifest, json.dump(2) + "\n");
}

Result<Kept> Kept::open(const std::string& home, const std::string& name, std::optional<Hold> hold) {
    Kept kept;
    if (!good_name(name)) return sys::refused(ENOENT);
    Fd shelf = TRY(sys::open((home + "/kept").c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    kept.dir_ = TRY(hold ? lock_at(shelf.get(), name, *hold)
                         : sys::openat(shelf.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    kept.path_ = home + "/kept/" + name;
    TRY(kept.read());
    return kept;
}

Result<Kept> Kept::open_or_create(const std::string& home, const std::string& name, unsigned owner) {
    Fd shelf = TRY(open_shelf(home));
    remove_abandoned(shelf.get(), remove_tree);
    Status made = sys::mkdirat(shelf.get(), name.c_str(), 0700);
    if (!made && made.error().err != EEXIST) return made.error();
    Kept kept;
    kept.dir_ = TRY(lock_at(shelf.get(), name, Hold::exclusive));
    kept.path_ = home + "/kept/" + name;
    Status there = kept.read();
    if (!there && there.error().err != ENOENT) return there.error();
    kept.created_ = !there; // also one that was killed before it had begun
    if (kept.created_) kept.made_ = sys::now(CLOCK_REALTIME) / 1000;
    TRY(make_layers(kept.dir_.get(), owner));
    return kept;
}

Layer& Kept::layer(const std::string& target) {
    for (Layer& layer : layers_)
        if (layer.target == target) return layer;
    std::string id = std::to_string(layers_.size());
    return layers_.emplace_back(Layer{.id = std::move(id), .target = target, .source = {}});
}

Status Kept::begin(std::int64_t now) {
    since_ = now;
    return write();
}

void Kept::look_below() {
    for (Layer& layer : layers_) {
        struct stat st {};
        bool there =
            !layer.source.empty() && ::fstatat(AT_FDCWD, layer.source.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
        layer.inode = there ? st.st_ino : 0;
    }
}

Status Kept::settled() {
    since_.reset();
    return write();
}

std::vector<std::string> kept_names(const std::string& home) {
    std::vector<std::string> found;
    auto shelf = sys::open((home + "/kept").c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    auto names = shelf ? sys::names_in((*shelf).get()) : sys::Result<std::vector<std::string>>(shelf.error());
    if (!names) return found;
    for (const std::string& name : *names)
        if (good_name(name)) found.push_back(name);
    std::sort(found.begin(), found.end());
    return found;
}

} // namespace ajail::store
