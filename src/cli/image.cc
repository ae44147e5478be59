// SPDX-License-Identifier: Apache-2.0
// See image.h. Formats: docker save's manifest.json; OCI image-layout.md, image-index.md, manifest.md.
#include "cli/image.h"

#include "spec/plan.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <sys/utsname.h>

namespace ajail::cli {

namespace {

using Json = nlohmann::ordered_json;
using spec::escape;

constexpr int kMaxIndexes = 4; // an index may list indexes
constexpr std::size_t kMaxLayers = 1000;

// Thrown inside this file only.
struct Bad {
    std::string message;
};

Json read_json(const ReadFile& read, const std::string& path) {
    auto text = read(path);
    if (!text) throw Bad{escape(path) + " is missing in the archive, or is no small file"};
    // The rest is left out as it is read: finding a name among others takes as long as there are names, and leaving some out
    // of an object as long as there are objects beside it.
    constexpr std::size_t kMaxObjects = 5000;
    std::size_t objects = 0;
    constexpr std::array<std::string_view, 7> kNames = {"Layers",   "layers", "manifests",   "digest",
                                                        "platform", "os",     "architecture"};
    auto wanted = [&](int, Json::parse_event_t event, Json& parsed) {
        if (event == Json::parse_event_t::object_start && ++objects > kMaxObjects)
            throw Bad{escape(path) + " has more than 5000 objects"};
        return event != Json::parse_event_t::key ||
               std::find(kNames.begin(), kNames.end(), parsed.get_ref<const std::string&>()) != kNames.end();
    };
    Json json = Json::parse(*text, wanted, false);
    if (json.is_discarded()) throw Bad{escape(path) + " is not JSON"};
    return json;
}

// The member NAME if JSON is an object that has it as a string.
std::string text_of(const Json& json, const char* name) {
    auto found = json.is_object() ? json.find(name) : json.end();
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& list_of(const Json& json, const char* name, std::string_view where) {
    auto found = json.is_object() ? json.find(name) : json.end();
    if (found == json.end() || !found->is_array()) throw Bad{escape(where) + " has no list \"" + name + "\""};
    return *found;
}

Layers checked(Layers layers) {
    if (layers.empty()) throw Bad{"the image has no layers"};
    if (layers.size() > kMaxLayers) throw Bad{"the image has more than 1000 layers"};
    return layers;
}

Layers docker(const ReadFile& read) {
    Json images = read_json(read, "manifest.json");
    if (!images.is_array() || images.empty()) throw Bad{"manifest.json lists no image"};
    if (images.size() > 1)
        throw Bad{"there are " + std::to_string(images.size()) + " images in the archive; save one alone"};
    Layers layers;
    for (const Json& layer : list_of(images[0], "Layers", "manifest.json")) {
        if (!layer.is_string()) throw Bad{"manifest.json: a layer without a name"};
        layers.push_back(layer.get<std::string>());
    }
    return checked(std::move(layers));
}

// `sha256:0123...` -> blobs/sha256/0123...
std::string blob(const Json& descriptor) {
    std::string digest = text_of(descriptor, "digest");
    std::size_t colon = digest.find(':');
    auto all = [&](std::size_t from, std::size_t to, std::string_view allowed) {
        return from < to && digest.substr(from, to - from).find_first_not_of(allowed) == std::string::npos;
    };
    if (colon == std::string::npos || !all(0, colon, "abcdefghijklmnopqrstuvwxyz0123456789") ||
        !all(colon + 1, digest.size(), "0123456789abcdef"))
        throw Bad{"a digest that is none: " + escape(digest.substr(0, 100))};
    return "blobs/" + digest.substr(0, colon) + "/" + digest.substr(colon + 1);
}

// Attestations and the like have the platform unknown/unknown; a descriptor without a platform fits all.
bool fits(const Json& descriptor, const std::string& architecture) {
    auto platform = descriptor.is_object() ? descriptor.find("platform") : descriptor.end();
    if (platform == descriptor.end()) return true;
    return text_of(*platform, "os") == "linux" && text_of(*platform, "architecture") == architecture;
}

Layers oci(const ReadFile& read, const std::string& architecture) {
    std::string where = "index.json";
    Json json = read_json(read, where);
    for (int depth = 0; depth < kMaxIndexes; ++depth) {
        if (json.is_object() && json.contains("layers")) {
            Layers layers;
            for (const Json& layer : list_of(json, "layers", where)) layers.push_back(blob(layer));
            return checked(std::move(layers));
        }
        std::vector<std::string> candidates;
        for (const Json& descriptor : list_of(json, "manifests", where)) {
            if (!fits(descriptor, architecture)) continue;
            std::string path = blob(descriptor);
            if (std::find(candidates.begin(), candidates.end(), path) == candidates.end()) candidates.push_back(path);
        }
        if (candidates.empty()) throw Bad{"there is no image for linux/" + architecture + " in the archive"};
        if (candidates.size() > 1)
            throw Bad{"there are " + std::to_string(candidates.size()) + " images in the archive; save one alone"};
        where = candidates[0];
        json = read_json(read, where);
    }
    throw Bad{"image indexes nested too deep"};
}

} // namespace

std::variant<Layers, BadImage> image_layers(const ReadFile& read, const std::string& architecture) {
    try {
        return read("manifest.json") ? docker(read) : oci(read, architecture);
    } catch (const Bad& bad) {
        return BadImage{bad.message};
    } catch (const Json::exception&) {
        return BadImage{"the image's JSON is not as it should be"};
    }
}

std::string image_architecture() {
    utsname name{};
    std::string machine = ::uname(&name) == 0 ? name.machine : "";
    if (machine == "x86_64") return "amd64";
    if (machine == "aarch64") return "arm64";
    return machine; // riscv64, s390x, ppc64le are the same in both
}

} // namespace ajail::cli
