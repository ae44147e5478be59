// SPDX-License-Identifier: Apache-2.0
// The opt-ins to the seccomp policy; what each is made of stands in src/policy/filters.
#include "spec/spec.h"

namespace ajail::spec {

const std::vector<SeccompGroup>& seccomp_groups() {
    static const std::vector<SeccompGroup> groups = {
        {"ptrace", "", {"ptrace", "process_vm_readv", "process_vm_writev"}},
        {"perf", ""},
        {"io_uring", "its rings open files and sockets past the seccomp policy"},
        {"userns", "mounts, overlayfs, nf_tables and more of the kernel become reachable"},
        {"keyring", "keys belong to no namespace"},
        {"vsock", "no network namespace holds these sockets back"},
        {"raw-socket", ""},
        {"numa", ""},
        {"32bit", "the kernel's other entrance, for 32-bit programs"},
    };
    return groups;
}

} // namespace ajail::spec
