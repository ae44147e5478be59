// SPDX-License-Identifier: Apache-2.0
#include "cli/job.h"

#include "cli/words.h"

#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace ajail::cli {

namespace {

constexpr int kUserNamespaces = 11, kMounts = 12, kProc = 13, kGrants = 18; // as in doctor.cc

// docker(1)'s own command line makes the job's container there, so its options are good for all of it.
std::string for_github(int status) {
    bool contained = ::access("/.dockerenv", F_OK) == 0 || ::access("/run/.containerenv", F_OK) == 0;
    if (contained && look_around().apparmor_restricts)
        return "For GitHub Actions: without `container:`, since from within one nothing can be done about AppArmor's "
               "restriction.\n";
    if (contained)
        return "For GitHub Actions: without `container:`, or with this in it:\n"
               "    options: --user 1001 --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
               "--security-opt systempaths=unconfined\n";
    if (status != kUserNamespaces) return "";
    return "For GitHub Actions, a step before this one:\n"
           "    - run: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n";
}

// The runner speaks to Docker's daemon. That has no option for what it masks of /proc: systempaths is a word of docker(1),
// and the daemon refuses it.
std::string for_gitlab(int status) {
    if (status == kProc)
        return "For GitLab: Docker's daemon masks parts of /proc. --proc=auto does with that (in the job: variables: "
               "{AJAIL_ARGS: --proc=auto}); for packages it takes Podman in Docker's place, with this in the "
               "runner's "
               "config.toml:\n"
               "    [runners.docker]\n"
               "      security_opt = [\"seccomp=unconfined\", \"unmask=ALL\"]\n"
               "or privileged = true, on machines that are thrown away after the job.\n";
    if (status == kGrants)
        return "For GitLab, so that the job is not root's:\n"
               "    image:\n"
               "      name: ...\n"
               "      docker:\n"
               "        user: \"1000\"\n";
    if (status != kUserNamespaces && status != kMounts) return "";
    return "For GitLab's Docker executor, in the runner's config.toml:\n"
           "    [runners.docker]\n"
           "      security_opt = [\"seccomp:unconfined\", \"apparmor:unconfined\"]\n";
}

} // namespace

std::string lines_for_job(int status) {
    auto in = [](const char* variable) {
        const char* value = std::getenv(variable);
        return value != nullptr && std::string_view(value) == "true";
    };
    if (status == 0) return "";
    if (in("GITHUB_ACTIONS")) return for_github(status);
    if (in("GITLAB_CI")) return for_gitlab(status);
    return "";
}

} // namespace ajail::cli
