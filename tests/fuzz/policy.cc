// SPDX-License-Identifier: Apache-2.0
// The text of a .policy file. What is refused is refused with a line and in one; what is not is compiled, and says what the
// text says, of which verify() makes sure.
#include "policy.h"
#include "fuzz.h"

#include <sstream>

using namespace ajail;

namespace {

struct Failed {
    std::string what;
};

} // namespace

namespace ajail::policy::gen {

void fail(const Policy&, int, std::string_view what) { throw Failed{std::string(what)}; }

} // namespace ajail::policy::gen

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kEnough = 12;
    std::istringstream text(std::string(data, data + size));
    policy::gen::Policy policy;
    policy.path = "x.policy";
    policy.name = "x";
    try {
        policy::gen::read_policy(policy, text);
        policy::gen::check_rules(policy);
    } catch (const Failed& failed) {
        fuzz::must(!failed.what.empty() && failed.what.find('\n') == std::string::npos, "a mistake is one line",
                   failed.what);
        return 0;
    }
    if (policy.rules.size() > kEnough) return 0;
    for (const policy::gen::Arch& arch : policy::gen::arches()) {
        try {
            (void)policy::gen::compile(policy, arch);
        } catch (const Failed& failed) {
            fuzz::must(arch.name != "i386" || failed.what.find("program") == std::string::npos, "assemble() is right",
                       failed.what);
        }
    }
    return 0;
}
