// SPDX-License-Identifier: Apache-2.0
// What the jail leaves behind or takes along: files that the host acts on later, and what tells who the host is.
#include "probe/inside.h"

#include <sys/xattr.h>

extern char** environ;

namespace ajail::probe {

namespace {

void hooks() {
    must_fail("a hook", ::open(in_work(".git/hooks/post-checkout").c_str(), O_CREAT | O_WRONLY, 0755));
    must_fail("a hook that is there", ::open(in_work(".git/hooks/pre-commit").c_str(), O_WRONLY | O_APPEND));
}
void config() { must_fail("config", ::open(in_work(".git/config").c_str(), O_WRONLY | O_APPEND)); }
void config_by_rename() { // as git itself writes it
    std::string fresh = in_work(".git/config.lock");
    (void)::open(fresh.c_str(), O_CREAT | O_WRONLY, 0644);
    must_fail("rename", ::rename(fresh.c_str(), in_work(".git/config").c_str()));
    (void)::unlink(fresh.c_str());
}
void swap_git() {
    std::string git = in_work(".git"), away = in_work(".git-away");
    if (::rename(git.c_str(), away.c_str()) < 0) return refused("rename");
    (void)::rename(away.c_str(), git.c_str());
    allowed("another .git could stand there");
}
void git_modules() {
    must_fail("config of a module", ::open(in_work(".git/modules/sub/config").c_str(), O_WRONLY | O_APPEND));
}
void autoexec() { // what did not exist when the jail began cannot be held
    for (const char* name : {".envrc", ".vscode-tasks.json", ".ajail", "Makefile"})
        must_fail(name, ::open(in_work(name).c_str(), O_CREAT | O_WRONLY, 0644));
}
void set_id() {
    std::string path = in_work("set-id");
    int fd = ::open(path.c_str(), O_CREAT | O_WRONLY, 0755);
    struct stat st {};
    if (fd < 0) return refused("create");
    if (::fchmod(fd, 04755) < 0 && ::chmod(path.c_str(), 02755) < 0) refused("chmod");
    bool set = ::fstat(fd, &st) == 0 && (st.st_mode & 06000) != 0;
    (void)::unlink(path.c_str());
    if (set) allowed("mode %o", st.st_mode & 07777);
    blocked();
}
void file_capability() { // version 2: without the number of a user namespace, so for everybody's
    std::string path = in_work("capable");
    std::uint32_t caps[5] = {0x02000001, 0x80 /* CAP_SETUID */, 0, 0, 0}, back[6] = {};
    (void)::open(path.c_str(), O_CREAT | O_WRONLY, 0755);
    if (::setxattr(path.c_str(), "security.capability", caps, sizeof caps, 0) < 0) {
        refused("setxattr");
        struct { // struct xattr_args
            const void* value;
            std::uint32_t size, flags;
        } args{caps, sizeof caps, 0};
        constexpr long kSetXattrAt = 463; // Linux 6.13
        if (::syscall(kSetXattrAt, AT_FDCWD, path.c_str(), 0, "security.capability", &args, sizeof args) < 0)
            refused("setxattrat");
    }
    // Within its user namespace even one bound to it reads as one for everybody (capabilities(7)); realroot.sh asks the
    // host.
    if (::getxattr(path.c_str(), "security.capability", back, sizeof back) > 0) allowed("it is there");
    blocked();
}
void plant_symlink() {
    std::string path = in_work("link");
    int made = ::symlink(given("secret"), path.c_str());
    if (made == 0) (void)::unlink(path.c_str());
    must_fail("symlink", made);
}

void environment() {
    (void)given("env");
    for (char** variable = environ; *variable != nullptr; ++variable) {
        std::string name(*variable, std::strcspn(*variable, "="));
        if (!given_name(name)) allowed("%.60s", name.c_str());
    }
    blocked("nothing but what was given");
}
void machine_id() {
    std::string id = content("/etc/machine-id");
    if (!id.empty() && id.starts_with(given("machine"))) allowed("/etc/machine-id");
    blocked("another, or none");
}
void host_name() {
    char name[256] = "";
    if (::gethostname(name, sizeof name - 1) == 0 && std::strcmp(name, given("hostname")) == 0) allowed("%s", name);
    blocked("another");
}

constexpr const char* kKind = "afterwards";
constexpr Probe kProbes[] = {
    {"git-hooks", kKind, "write a hook of git's", hooks},
    {"git-config", kKind, "write git's configuration (CVE-2022-24765)", config},
    {"git-config-rename", kKind, "replace git's configuration", config_by_rename},
    {"git-modules", kKind, "write the configuration of a submodule", git_modules},
    {"git-swap", kKind, "put another .git in its place", swap_git},
    {"autoexec-files", kKind, "make files that tools run by themselves (CVE-2026-25725)", autoexec},
    {"suid-file", kKind, "leave a set-user-ID program", set_id},
    {"file-caps", kKind, "leave a program with capabilities", file_capability},
    {"symlink-plant", kKind, "leave a symlink (CVE-2024-42472, CVE-2026-39861)", plant_symlink},
    {"env-leak", kKind, "find variables of the caller's", environment},
    {"machine-id", kKind, "learn which machine it is", machine_id},
    {"host-name", kKind, "learn the machine's name", host_name},
};

} // namespace

std::span<const Probe> afterwards() { return kProbes; }

} // namespace ajail::probe
