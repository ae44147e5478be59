// SPDX-License-Identifier: Apache-2.0
// Files: what the mount table says, devices, file handles, who root is.
#include "probe/inside.h"

#include <cstdio>
#include <dirent.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

namespace ajail::probe {

namespace {

void shared() {
    each_mount([](const std::string& target, const char*, const char* line) {
        if (std::strstr(line, " shared:") != nullptr || std::strstr(line, " master:") != nullptr)
            allowed("%.100s", target.c_str());
    });
}
void flags() {
    each_mount([](const std::string& target, const char* options, const char*) {
        bool devices = target.starts_with("/dev/") || given_path("devices", target);
        if (std::strstr(options, "nosuid") == nullptr || (std::strstr(options, "nodev") == nullptr && !devices))
            allowed("%.100s: %.60s", target.c_str(), options);
    });
}

// Names that the set-up gives to its layers: a word and a number.
bool is_layer(const char* name) {
    std::size_t n = std::strcspn(name, "0123456789");
    std::string stem(name, n);
    return (stem == "upper" || stem == "work" || stem == "merged") && name[n] != '\0' &&
           name[n + std::strspn(name + n, "0123456789")] == '\0';
}
void layers() {
    each_mount([](const std::string&, const char*, const char* line) {
        for (const char* key : {"lowerdir=", "upperdir=", "workdir="}) {
            char path[4096];
            const char* at = std::strstr(line, key);
            if (at == nullptr || std::sscanf(at + std::strlen(key), "%4095[^,: \n]", path) != 1) continue;
            if (::open(path, O_RDONLY | O_DIRECTORY) >= 0) allowed("%s%.100s", key, path);
        }
    });
    for (const char* name : {"/", "/..", "/host"}) {
        DIR* dir = ::opendir(name);
        for (dirent* e = nullptr; dir != nullptr && (e = ::readdir(dir)) != nullptr;)
            if (is_layer(e->d_name)) allowed("%s/%s", name, e->d_name);
    }
}

// On disk, what is thrown away is the host's file system as well: of one directory in it (store/store.h).
bool is_scratch(const char* line) {
    char root[4096];
    return given_or("scratch", nullptr) != nullptr && std::sscanf(line, "%*s %*s %*s %4095s", root) == 1 &&
           std::strstr(root, "/.ajail~") != nullptr;
}
// Which paths were granted is told, so that the others can be judged.
void writable_mounts() {
    (void)given("granted");
    each_mount([](const std::string& target, const char* options, const char* line) {
        constexpr const char* kNotTheHosts[] = {" tmpfs ", " overlay ", " proc ", " devpts ", " mqueue "};
        const char* type = std::strstr(line, " - ");
        if (type == nullptr || std::strncmp(options, "rw", 2) != 0 || given_path("granted", target)) return;
        for (const char* known : kNotTheHosts)
            if (std::strncmp(type + 2, known, std::strlen(known)) == 0) return;
        if (is_scratch(line)) return;
        if (!target.starts_with("/dev/")) allowed("%.100s%.60s", target.c_str(), type);
    });
}

void nodes() {
    DIR* dir = ::opendir("/dev");
    if (dir == nullptr) return refused("/dev");
    for (dirent* e = nullptr; (e = ::readdir(dir)) != nullptr;) {
        struct stat st {};
        bool expected = false;
        for (const char* known : {"null", "zero", "full", "random", "urandom", "tty"})
            expected |= std::strcmp(e->d_name, known) == 0;
        if (::fstatat(::dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !expected &&
            (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && !given_path("devices", std::string("/dev/") + e->d_name))
            allowed("/dev/%s", e->d_name);
    }
}
// The device of zeros, by a node of one's own, for the disk or memory. A call that only pretends makes none.
void own_node() {
    for (const std::string& dir : {std::string(given("work")), std::string("/dev/shm"), std::string("/run")}) {
        std::string path = dir + "/ajail-probe-node";
        if (::mknod(path.c_str(), S_IFCHR | 0666, makedev(1, 5)) < 0) refused("mknod");
        int fd = ::open(path.c_str(), O_RDONLY);
        if (fd < 0) refused("open");
        struct stat st {};
        bool device = fd >= 0 && ::fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);
        (void)::unlink(path.c_str());
        if (device) allowed("%s", path.c_str());
    }
}
void block_node() {
    std::string path = in_work("disk");
    if (::syscall(SYS_mknodat, AT_FDCWD, path.c_str(), S_IFBLK | 0600, makedev(7, 0)) < 0) refused("mknod");
    struct stat st {};
    bool made = ::stat(path.c_str(), &st) == 0 && S_ISBLK(st.st_mode);
    (void)::unlink(path.c_str());
    if (made) allowed("%s", path.c_str());
    blocked();
}

struct Handle {
    unsigned bytes = 128;
    int type = 0;
    unsigned char data[128] = {};
};
void by_handle() {
    int at = ::open(given("work"), O_RDONLY);
    Handle own, root;
    int mount = 0;
    if (::syscall(SYS_name_to_handle_at, AT_FDCWD, given("work"), &own, &mount, 0) < 0) refused("name_to_handle_at");
    else must_fail("the directory's own", ::syscall(SYS_open_by_handle_at, at, &own, O_RDONLY));
    // The root directory of ext4 and XFS by its well-known number, as a program called Shocker did.
    for (std::uint32_t inode : {2U, 128U, 64U}) {
        root.bytes = 8, root.type = 1;
        std::memcpy(root.data, &inode, sizeof inode);
        must_fail("root's", ::syscall(SYS_open_by_handle_at, at, &root, O_RDONLY | O_DIRECTORY));
    }
}
void real_root() { // what belongs to the machine's root appears as nobody's, unless that root is mapped
    struct stat st {};
    if (::stat("/proc/sys/kernel", &st) < 0) return refused("stat");
    if (st.st_uid == 0) allowed("uid 0 of the machine is mapped");
    blocked("uid 0 of the machine is nobody here");
}

constexpr const char* kKind = "files";
constexpr Probe kProbes[] = {
    {"mount-shared", kKind, "find a mount that passes on to the host, or from it", shared},
    {"mount-flags", kKind, "find a mount where set-user-ID files or devices work", flags},
    {"overlay-dirs", kKind, "reach the layers of an overlay (CVE-2023-0386, CVE-2021-3493)", layers},
    {"rw-host-mounts", kKind, "find a writable mount of the host that was not granted", writable_mounts},
    {"dev-nodes", kKind, "find a device besides the six", nodes},
    {"mknod-device", kKind, "make a device node and open it", own_node},
    {"mknod-block", kKind, "make a node for a disk", block_node},
    {"open-by-handle", kKind, "open by file handle", by_handle},
    {"real-root", kKind, "be the machine's root", real_root},
};

} // namespace

std::span<const Probe> mounts() { return kProbes; }

} // namespace ajail::probe
