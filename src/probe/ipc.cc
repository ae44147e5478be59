// SPDX-License-Identifier: Apache-2.0
// Talking to others: sockets, System V and POSIX objects, keys, the network.
#include "probe/inside.h"

#include <arpa/inet.h>
#include <cstddef>
#include <cstdio>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace ajail::probe {

namespace {

long to_unix(int type, bool abstract, const char* name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::size_t n = std::strlen(name);
    if (n + 2 > sizeof address.sun_path) skipped("too long a name");
    std::memcpy(address.sun_path + (abstract ? 1 : 0), name, n);
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + n + 1);
    int fd = ::socket(AF_UNIX, type, 0);
    return fd < 0 ? fd : ::connect(fd, reinterpret_cast<sockaddr*>(&address), size);
}
void abstract_stream() { must_fail("connect", to_unix(SOCK_STREAM, true, given("abstract"))); }
void abstract_datagram() {
    must_fail("connect", to_unix(SOCK_DGRAM, true, (std::string(given("abstract")) + ".d").c_str()));
}
void path_socket() { must_fail("connect", to_unix(SOCK_STREAM, false, given("socket"))); }
void services() { // what is usually there and gives the machine, or the user's session, away
    for (const char* path : {"/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock",
                             "/run/podman/podman.sock", "/run/dbus/system_bus_socket", "/run/systemd/private",
                             "/run/systemd/journal/socket", "/dev/log", "/tmp/.X11-unix/X0"}) {
        struct stat st {};
        if (::stat(path, &st) == 0 || to_unix(SOCK_STREAM, false, path) == 0) allowed("%s", path);
    }
    blocked("none of them is there");
}
void environment_sockets() {
    for (const char* name : {"DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
                             "XDG_RUNTIME_DIR", "GPG_AGENT_INFO", "DOCKER_HOST", "TMUX", "KRB5CCNAME"})
        if (std::getenv(name) != nullptr && !given_name(name)) allowed("%s", name);
    blocked("none of them is set but by option");
}

int key() { return static_cast<int>(given_number("key")); }
void shm_sysv() { must_fail("shmget", ::shmget(key(), 0, 0)); }
void sem_sysv() { must_fail("semget", ::semget(key(), 0, 0)); }
void shm_posix() { must_fail("shm_open", ::shm_open((std::string("/") + given("posix")).c_str(), O_RDONLY, 0)); }
void mq_posix() { must_fail("mq_open", ::mq_open((std::string("/") + given("posix")).c_str(), O_RDONLY)); }

// A key that the caller has put into its session's or its user's keyring.
void key_of(long ring, const char* description) {
    char text[16];
    long found = ::syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", description, 0);
    if (found < 0) return refused("search");
    must_fail("read", ::syscall(SYS_keyctl, KEYCTL_READ, found, text, sizeof text));
}
void session_key() { key_of(KEY_SPEC_SESSION_KEYRING, given("session_key")); }
void user_key() { key_of(KEY_SPEC_USER_KEYRING, given("user_key")); }

void loopback_tcp() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(given_number("port")));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    must_fail("connect", ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
}
void interfaces() {
    struct if_nameindex* list = ::if_nameindex();
    if (list == nullptr) return refused("if_nameindex");
    for (; list->if_index != 0; ++list)
        if (std::strcmp(list->if_name, "lo") != 0) allowed("%s", list->if_name);
    blocked("nothing but a loopback");
}
void privileged_port() { // of an own network it may, of the host's it may not
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(1);
    int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    must_fail("bind", ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
}
void configure_network() {
    ifreq request{};
    std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
    int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    if (::ioctl(fd, 0x8913 /* SIOCGIFFLAGS */, &request) < 0) return refused("SIOCGIFFLAGS");
    must_fail("SIOCSIFFLAGS", ::ioctl(fd, 0x8914, &request)); // as they are
}

// A filter that compares 64 bits lets a high one pass (CVE-2019-10063).
constexpr long kHigh = 1L << 32;
long socket_of(long family, long type, long protocol) { return ::syscall(SYS_socket, family, type, protocol); }

long option_of(int family, long level, long name) {
    int fd = ::socket(family, SOCK_DGRAM, 0);
    return fd < 0 ? fd : ::syscall(SYS_setsockopt, fd, kHigh | level, kHigh | name, nullptr, 0);
}

constexpr struct {
    int number;
    const char* name;
} kFamilies[] = {{3, "ax25"},  {4, "ipx"},        {5, "appletalk"}, {6, "netrom"},   {8, "atmpvc"},
                 {9, "x25"},   {11, "rose"},      {12, "decnet"},   {19, "econet"},  {20, "atmsvc"},
                 {21, "rds"},  {23, "irda"},      {24, "pppox"},    {26, "llc"},     {29, "can"},
                 {30, "tipc"}, {31, "bluetooth"}, {33, "rxrpc"},    {35, "phonet"},  {36, "ieee802154"},
                 {37, "caif"}, {39, "nfc"},       {41, "kcm"},      {42, "qipcrtr"}, {43, "smc"},
                 {44, "xdp"},  {45, "mctp"}};
void families() { // a kernel that has none, or loads no module for it, says the same as a filter
    for (auto [number, name] : kFamilies)
        for (long type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW}) {
            if (socket_of(number, type, 0) >= 0) allowed("%s", name);
            if (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT) allowed("%s has looked at the type", name);
        }
    refused("socket");
}
void netlinks() {
    for (long protocol = 0; protocol < 32; ++protocol) {
        if (protocol == 0 || protocol == 15) continue; // routes; udev, which has its own
        if (socket_of(AF_NETLINK, SOCK_RAW, protocol) >= 0) allowed("protocol %ld", protocol);
        if (socket_of(AF_NETLINK, SOCK_RAW, kHigh | protocol) >= 0) allowed("protocol %#lx", kHigh | protocol);
    }
    refused("socket");
}

constexpr const char* kKind = "ipc";
constexpr Probe kProbes[] = {
    {"abstract-unix", kKind, "connect to an abstract socket of the host (CVE-2020-15257)", abstract_stream},
    {"abstract-datagram", kKind, "the same, for datagrams", abstract_datagram},
    {"unix-path-socket", kKind, "connect to a socket in a directory of the host", path_socket},
    {"services", kKind, "connect to the host's docker, D-Bus, journal, X", services},
    {"env-sockets", kKind, "learn of the session's sockets from the environment", environment_sockets},
    {"sysv-shm", kKind, "find System V memory of the host", shm_sysv},
    {"sysv-sem", kKind, "find a System V semaphore of the host", sem_sysv},
    {"posix-shm", kKind, "find POSIX memory of the host", shm_posix},
    {"posix-mq", kKind, "find a message queue of the host", mq_posix},
    {"keyring-session", kKind, "read a key of the caller's session", session_key},
    {"keyring-user", kKind, "read a key of the caller", user_key},
    {"loopback-tcp", kKind, "connect to a service on 127.0.0.1", loopback_tcp},
    {"net-interfaces", kKind, "see the host's network interfaces", interfaces},
    {"net-port", kKind, "listen on a port below 1024", privileged_port},
    {"net-configure", kKind, "configure a network interface", configure_network},
    {"socket-families", kKind, "a socket of a family that few look at (CVE-2026-43284, CVE-2021-43267)", families,
     nullptr, "socket"},
    {"netlink", kKind, "a netlink protocol besides routes", netlinks, nullptr, "socket"},
    {"vsock", kKind, "talk to the hypervisor", nullptr, [] { return socket_of(kHigh | 40, SOCK_STREAM, 0); },
     "socket"},
    {"af-alg", kKind, "the kernel's cryptography (CVE-2026-31431)", nullptr,
     [] { return socket_of(kHigh | 38, SOCK_SEQPACKET, 0); }, "socket"},
    {"packet-socket", kKind, "packets as they come (CVE-2020-14386)", nullptr,
     [] { return socket_of(kHigh | 17, SOCK_DGRAM, 0); }},
    {"raw-socket", kKind, "packets as one likes", nullptr, [] { return socket_of(AF_INET, SOCK_RAW, IPPROTO_ICMP); }},
    {"raw6-socket", kKind, "the same, by IPv6", nullptr,
     [] { return socket_of(AF_INET6, kHigh | SOCK_RAW, IPPROTO_ICMPV6); }},
    {"old-packet", kKind, "packets as they come, as long ago (CVE-2020-14386)", nullptr,
     [] { return socket_of(AF_INET, kHigh | SOCK_PACKET, 0); }},
    {"iptables", kKind, "the packet filter, as before (CVE-2021-22555)", nullptr,
     [] { return option_of(AF_INET, 0, 64); }},
    {"ip6tables", kKind, "the same for IPv6 (CVE-2021-22555)", nullptr, [] { return option_of(AF_INET6, 41, 64); }},
    {"arptables", kKind, "the same for ARP", nullptr, [] { return option_of(AF_INET, 0, 96); }},
    {"ebtables", kKind, "the same for bridges", nullptr, [] { return option_of(AF_INET, 0, 128); }},
    {"ipvs", kKind, "virtual servers", nullptr, [] { return option_of(AF_INET, 0, 1154); }},
    {"netlink-xfrm", kKind, "IPsec (CVE-2026-43500)", nullptr, [] { return socket_of(AF_NETLINK, SOCK_RAW, 6); },
     "socket"},
    {"nf-tables", kKind, "the packet filter (CVE-2024-1086)", nullptr,
     [] { return socket_of(AF_NETLINK, SOCK_RAW, kHigh | 12); }, "socket"},
    {"netlink-audit", kKind, "the audit log", nullptr, [] { return socket_of(AF_NETLINK, SOCK_RAW, 9); }, "socket"},
    {"netlink-uevent", kKind, "what happens to devices", nullptr, [] { return socket_of(AF_NETLINK, SOCK_RAW, 15); },
     "socket"},
};

} // namespace

std::span<const Probe> ipc() { return kProbes; }

} // namespace ajail::probe
