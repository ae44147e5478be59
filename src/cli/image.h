// SPDX-License-Identifier: Apache-2.0
// The layers of a container image, from the JSON in a `docker save` archive or an OCI image layout. Pure: JSON from
// strangers in, names of files in the archive out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ajail::cli {

/// Paths of layers in the archive, lowest first.
using Layers = std::vector<std::string>;
/// Why the image cannot be used; escaped.
struct BadImage {
    std::string message;
};

/// The text of a small file of the archive, nothing if it is not there.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

/// For an archive with manifest.json (docker save) or index.json (OCI). ARCHITECTURE: as in Go, `amd64`.
std::variant<Layers, BadImage> image_layers(const ReadFile& read, const std::string& architecture);

/// This machine's.
std::string image_architecture();

} // namespace ajail::cli
