// SPDX-License-Identifier: Apache-2.0
// lo, up. By the old ioctl and not by netlink: RTM_NEWADDR is what AppArmor's and containers' restrictions refuse
// first, and it is not needed (netdevice(7)).
#include "net/net.h"

#include <cstring>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace ajail::net {

sys::Status loopback_up() {
    sys::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return sys::failed(sys::Call::socket);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    TRY(sys::ioctl(socket.get(), SIOCGIFFLAGS, &request));
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    TRY(sys::ioctl(socket.get(), SIOCSIFFLAGS, &request));
    return sys::Done{};
}

} // namespace ajail::net
