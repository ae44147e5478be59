// SPDX-License-Identifier: Apache-2.0
// The command line of `ajail run`, a word a line after a byte for the machine: options -> Spec -> Plan. What the words name
// is looked at on the machine that this runs on, and nothing is changed there.
#include "cli/run.h"
#include "fuzz.h"

#include <unistd.h>

using namespace ajail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bool elsewhere = ::chdir("/usr/share") == 0; // not in /, where nothing is run
    if (!elsewhere || size == 0) return 0;
    const spec::Host host = fuzz::host_of(data[0]);
    std::string text(data + 1, data + size);
    if (text.find('\0') != text.npos) return 0; // arguments have none
    auto parsed = cli::parse_run(fuzz::words(text, '\n'), nullptr);
    if (auto* wrong = std::get_if<cli::Wrong>(&parsed)) fuzz::message(wrong->message);
    auto* options = std::get_if<cli::RunOptions>(&parsed);
    if (options == nullptr) return 0;
    auto specified = cli::specify(*options, host, {"you", "/home/you", true, "/nonexistent/.ajail"});
    if (auto* wrong = std::get_if<cli::Wrong>(&specified)) fuzz::message(wrong->message);
    auto* spec = std::get_if<spec::Spec>(&specified);
    if (spec == nullptr) return 0;
    auto lowered = spec::lower(*spec, host);
    if (auto* refusal = std::get_if<spec::Refusal>(&lowered)) fuzz::message(refusal->message);
    else fuzz::plan(std::get<spec::Plan>(lowered), *spec, host);
    return 0;
}
