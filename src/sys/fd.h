// SPDX-License-Identifier: Apache-2.0
// Fd: the only owner of a descriptor in this program. Move-only; born close-on-exec by every wrapper that makes
// one. A bare int never owns.
#pragma once

#include <cerrno>
#include <unistd.h>
#include <utility>

namespace ajail::sys {

class Fd {
public:
    Fd() noexcept = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }

    /// Closes what is held. Never retried: on Linux the descriptor is gone even after EINTR (close(2)), and a
    /// second close may hit somebody else's.
    void reset(int fd = -1) noexcept {
        int held = std::exchange(fd_, fd);
        if (held < 0) return;
        int saved = errno;
        (void)::close(held);
        errno = saved;
    }

private:
    int fd_ = -1;
};

} // namespace ajail::sys
