// SPDX-License-Identifier: Apache-2.0
// Programs in front of one another: classic BPF knows only forward jumps, so a program whose last word is a jump to its
// end can be followed by any other. Nothing in either of them changes.
#include "policy/filters.h"

namespace ajail::policy {

void append_passing(std::vector<sock_filter>& program, std::span<const sock_filter> part) {
    for (std::size_t at = 0; at < part.size(); ++at) {
        sock_filter instruction = part[at];
        if (instruction.code == (BPF_RET | BPF_K) && instruction.k == kPass)
            instruction = BPF_JUMP(BPF_JMP | BPF_JA, static_cast<__u32>(part.size() - at - 1), 0, 0);
        program.push_back(instruction);
    }
}

} // namespace ajail::policy
