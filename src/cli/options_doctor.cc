// SPDX-License-Identifier: Apache-2.0
// The command line of `ajail doctor`.
#include "cli/parser.h"

namespace ajail::cli {

namespace {

constexpr Option kDoctorOptions[] = {
    {"json", Takes::nothing, "", "Options", "print the findings for programs"},
    {"apparmor-profile", Takes::nothing, "", "Options", "print a profile that lets this file make user namespaces"},
    {"verbose", Takes::nothing, "", "Options", "tell on stderr what is done"},
};

} // namespace

std::variant<DoctorOptions, Shown, Wrong> parse_doctor(const std::vector<std::string>& args) {
    return reading<DoctorOptions>([&]() -> std::variant<DoctorOptions, Shown, Wrong> {
        Parser parser(
            "ajail doctor [--json|--apparmor-profile]",
            "Tries all that a jail needs of this machine, and says what is missing and what to do about it.",
            kDoctorOptions);
        DoctorOptions options;
        std::vector<std::string> words = args;
        auto shown = parser.read(words, true, [&](const std::string& name, const std::string&) {
            if (name == "json") options.json = true;
            else if (name == "apparmor-profile") options.apparmor_profile = true;
            else if (name == "verbose") options.verbose = true;
        });
        if (shown) return *std::move(shown);
        if (!words.empty()) wrong("doctor: takes options only, not " + spec::escape(words[0]));
        return options;
    });
}

} // namespace ajail::cli
