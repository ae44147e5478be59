// SPDX-License-Identifier: Apache-2.0
#include "cli/version.h"

#include <cstdio>
#include <gnu/libc-version.h>
#include <nlohmann/json.hpp>

namespace ajail::cli {

std::string version() {
#if defined(__x86_64__)
    constexpr const char* kMachine = "x86-64";
#elif defined(__aarch64__)
    constexpr const char* kMachine = "aarch64";
#else
#error "no seccomp programs for this architecture, see src/policy/gen"
#endif
    char text[256];
    (void)std::snprintf(text, sizeof text,
                        "ajail %s\nfor %s, with glibc %s, libstdc++ %d (of %d), nlohmann-json %d.%d.%d\n", kVersion,
                        kMachine, ::gnu_get_libc_version(), _GLIBCXX_RELEASE, __GLIBCXX__,
                        NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH);
    return text;
}

} // namespace ajail::cli
