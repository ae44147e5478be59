// SPDX-License-Identifier: Apache-2.0
// A seccomp profile in JSON. What comes out is a program that the kernel would take; it kills what is foreign, and answers
// nothing but what the format has.
#include "policy/profile.h"
#include "../unit/bpf.h"
#include "fuzz.h"

using namespace ajail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string text(data, data + size);
    auto result = policy::compile_profile(text, {.caps = 0xa80425fb, .kernel = {6, 2}});
    if (auto* bad = std::get_if<policy::BadProfile>(&result)) {
        fuzz::message(bad->why);
        return 0;
    }
    const auto& program = std::get<policy::Profile>(result).program;
    fuzz::must(!program.empty() && program.size() <= BPF_MAXINSNS, "the kernel takes it");
    for (std::size_t at = 0; at < program.size(); ++at) { // as bpf_check_classic() in the kernel
        const sock_filter& one = program[at];
        const std::size_t left = program.size() - at - 1;
        if (one.code == (BPF_JMP | BPF_JA)) fuzz::must(one.k < left, "a jump goes somewhere");
        else if (BPF_CLASS(one.code) == BPF_JMP) fuzz::must(one.jt < left && one.jf < left, "jumps go somewhere");
    }
    fuzz::must(BPF_CLASS(program.back().code) == BPF_RET, "it ends");
    for (std::uint32_t nr = 0; nr < 480; ++nr) {
        for (std::uint64_t arg :
             {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{1} << 32 | 2, ~std::uint64_t{0}}) {
            seccomp_data call{static_cast<int>(nr), policy::kNativeArch, 0, {arg, arg, arg, arg, arg, arg}};
            const std::uint32_t action = tests::run_bpf(program, call) & SECCOMP_RET_ACTION_FULL;
            fuzz::must(action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG || action == SECCOMP_RET_ERRNO ||
                           action == SECCOMP_RET_TRAP || action == SECCOMP_RET_KILL_THREAD ||
                           action == SECCOMP_RET_KILL_PROCESS,
                       "an answer that the format has");
        }
        seccomp_data foreign{static_cast<int>(nr), AUDIT_ARCH_ARM, 0, {}};
        fuzz::must(tests::run_bpf(program, foreign) == SECCOMP_RET_KILL_PROCESS, "what is foreign is killed");
    }
    return 0;
}
