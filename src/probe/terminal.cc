// SPDX-License-Identifier: Apache-2.0
// The caller's terminal.
#include "probe/inside.h"

#include <cstdio>
#include <sys/ioctl.h>
#include <termios.h>

namespace ajail::probe {

namespace {

constexpr unsigned long kLinux = 0x541C; // TIOCLINUX
unsigned long g_request;

// Any answer but EPERM comes from the terminal.
void ask(int fd) {
    int number = 0;
    char byte[8] = {'x'};
    void* argument = g_request << 32 >> 32 == TIOCSETD ? static_cast<void*>(&number) : byte;
    if (::syscall(SYS_ioctl, fd, g_request, argument) >= 0) allowed("request %#lx", g_request);
    if (g_request << 32 >> 32 == kLinux && errno != EPERM) allowed("request %#lx is answered", g_request);
    refused("ioctl");
}
// On a terminal of one's own the same is forbidden; to have one takes a session of one's own.
void ask_own() {
    (void)::setsid();
    int master = ::open("/dev/ptmx", O_RDWR), number = -1, unlock = 0;
    if (master < 0 || ::ioctl(master, TIOCSPTLCK, &unlock) < 0 || ::ioctl(master, TIOCGPTN, &number) < 0) return;
    int fd = ::open(("/dev/pts/" + std::to_string(number)).c_str(), O_RDWR);
    if (fd >= 0) ask(fd);
}
void try_request(unsigned long request) {
    g_request = request;
    for (int fd = 0; fd < 3; ++fd)
        if (::isatty(fd) == 1) ask(fd);
    if (in_child(ask_own) != 0) refused("ioctl");
}
void tiocsti() { try_request(TIOCSTI); }
void tiocsti_high() {
    for (unsigned long high : {1UL << 32, 1UL << 63, 0xffffffffUL << 32}) try_request(TIOCSTI | high);
}
void tioclinux() {
    for (unsigned long high : {0UL, 1UL << 32}) try_request(kLinux | high);
}
void tiocsetd() {
    for (unsigned long high : {0UL, 1UL << 32}) try_request(TIOCSETD | high);
}

// DEVICE:INODE:PATH of a terminal of the host.
bool parse(unsigned long long& dev, unsigned long long& ino, char (&path)[64]) {
    return std::sscanf(given("pts"), "%llu:%llu:%63s", &dev, &ino, path) == 3;
}
void held() {
    unsigned long long dev = 0, ino = 0;
    char path[64];
    if (!parse(dev, ino, path)) skipped("no terminal");
    for (int fd = 0; fd < 3; ++fd) {
        struct stat st {};
        if (::fstat(fd, &st) == 0 && st.st_dev == dev && S_ISCHR(st.st_mode)) allowed("descriptor %d", fd);
    }
    blocked("stdio is none of the host's");
}
void by_name() {
    unsigned long long dev = 0, ino = 0;
    char path[64];
    if (!parse(dev, ino, path)) skipped("no terminal");
    for (int i = -1; i < 64; ++i) {
        std::string name = i < 0 ? path : "/dev/pts/" + std::to_string(i);
        struct stat st {};
        if (::stat(name.c_str(), &st) == 0 && st.st_dev == dev) allowed("%s", name.c_str());
    }
    blocked("another devpts");
}

constexpr const char* kKind = "terminal";
constexpr Probe kProbes[] = {
    {"tiocsti", kKind, "type into a terminal (CVE-2017-5226)", tiocsti},
    {"tiocsti-highbits", kKind, "the same, with bits that the kernel does not look at (CVE-2019-10063)",
     tiocsti_high},
    {"tioclinux", kKind, "paste into a virtual console (CVE-2023-28100)", tioclinux},
    {"tiocsetd", kKind, "load a line discipline", tiocsetd},
    {"tty-held", kKind, "hold the caller's terminal as stdio", held},
    {"host-pts", kKind, "open a terminal of the host by its name", by_name},
};

} // namespace

std::span<const Probe> terminal() { return kProbes; }

} // namespace ajail::probe
