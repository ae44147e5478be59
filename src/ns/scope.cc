// SPDX-License-Identifier: Apache-2.0
// See scope.h. One call over D-Bus, by the manager's own socket, on which nobody stands between: its wire format is that
// of the D-Bus specification, "Marshaling", in the byte order of this machine.
#include "ns/scope.h"

#include "spec/procfs.h"

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace ajail::ns {

namespace {

using sys::Fd;
using sys::Result;
using sys::Status;

constexpr int kPatienceMs = 5000;
constexpr std::size_t kMost = 1 << 20; // of an answer

class Bytes {
public:
    void align(std::size_t to) { text_.resize((text_.size() + to - 1) / to * to); }
    void byte(char c) { text_ += c; }
    void number(std::uint32_t value) {
        align(sizeof value);
        text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void string(std::string_view s) {
        number(static_cast<std::uint32_t>(s.size()));
        text_ += s;
        text_ += '\0';
    }
    void signature(std::string_view s) {
        text_ += static_cast<char>(s.size());
        text_ += s;
        text_ += '\0';
    }
    // An array whose items are aligned to 8 bytes; FILL adds them.
    template <class Fill> void array(Fill fill) {
        number(0);
        std::size_t length = text_.size() - sizeof(std::uint32_t);
        align(8);
        std::size_t start = text_.size();
        fill();
        auto size = static_cast<std::uint32_t>(text_.size() - start);
        std::memcpy(&text_[length], &size, sizeof size);
    }
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

// (sv) of a property
void property(Bytes& out, std::string_view name, std::string_view type) {
    out.align(8);
    out.string(name);
    out.signature(type);
}

// StartTransientUnit(name, mode, properties, aux), for the process PID.
std::string body_of(pid_t pid) {
    Bytes out;
    out.string("ajail-" + std::to_string(pid) + ".scope");
    out.string("fail");
    out.array([&] {
        property(out, "Description", "s");
        out.string("ajail");
        property(out, "Delegate", "b");
        out.number(1);
        property(out, "CollectMode", "s"); // no unit stays behind that has failed
        out.string("inactive-or-failed");
        property(out, "PIDs", "au");
        out.number(sizeof(std::uint32_t));
        out.number(static_cast<std::uint32_t>(pid));
    });
    out.array([] {});
    return out.text();
}

std::string message_of(const std::string& body) {
    enum Field : char { path = 1, interface = 2, member = 3, destination = 6, signature = 8 };
    constexpr char kCall = 1, kVersion = 1;
    Bytes out;
    for (char c : {std::endian::native == std::endian::little ? 'l' : 'B', kCall, '\0', kVersion}) out.byte(c);
    out.number(static_cast<std::uint32_t>(body.size()));
    out.number(1); // the serial
    out.array([&] {
        auto field = [&](Field code, std::string_view type, std::string_view value) {
            out.align(8);
            out.byte(code);
            out.signature(type);
            if (code == signature) out.signature(value);
            else out.string(value);
        };
        field(path, "o", "/org/freedesktop/systemd1");
        field(interface, "s", "org.freedesktop.systemd1.Manager");
        field(member, "s", "StartTransientUnit");
        field(destination, "s", "org.freedesktop.systemd1");
        field(signature, "g", "ssa(sv)a(sa(sv))");
    });
    out.align(8);
    return out.text() + body;
}

// At least SIZE bytes in TEXT.
Status read_until(const Fd& socket, std::string& text, std::size_t size, std::int64_t deadline) {
    while (text.size() < size) {
        pollfd ready{socket.get(), POLLIN, 0};
        std::int64_t left = deadline - sys::now();
        if (left <= 0 || TRY(sys::poll({&ready, 1}, static_cast<int>(left))) == 0) return sys::refused(ETIMEDOUT);
        std::array<char, 4096> buffer{};
        std::size_t n = TRY(sys::read_some(socket.get(), buffer));
        if (n == 0) return sys::refused(ECONNRESET);
        text.append(buffer.data(), n);
    }
    return sys::Done{};
}

// By the credentials that the socket has (D-Bus specification, "EXTERNAL").
Status authenticate(const Fd& socket, std::int64_t deadline) {
    std::string uid = std::to_string(::geteuid()), hex;
    for (char digit : uid) hex += std::string("3") + digit; // in ASCII
    TRY(sys::write_all(socket.get(), std::string(1, '\0') + "AUTH EXTERNAL " + hex + "\r\n"));
    std::string line;
    while (!line.ends_with("\r\n")) TRY(read_until(socket, line, line.size() + 1, deadline));
    return line.starts_with("OK ") ? Status(sys::Done{}) : Status(sys::refused(EACCES));
}

// The first answer is ours: nothing else was asked, and no signal subscribed to.
Status answered(const Fd& socket, std::int64_t deadline) {
    constexpr std::size_t kHead = 16;
    constexpr char kReturn = 2, kError = 3;
    std::string text;
    for (;;) {
        TRY(read_until(socket, text, kHead, deadline));
        std::uint32_t body = 0, fields = 0;
        std::memcpy(&body, &text[4], sizeof body);
        std::memcpy(&fields, &text[12], sizeof fields);
        if (body > kMost || fields > kMost) return sys::refused(EPROTO);
        std::size_t size = (kHead + fields + 7) / 8 * 8 + body;
        TRY(read_until(socket, text, size, deadline));
        if (text[1] == kReturn) return sys::Done{};
        if (text[1] == kError) return sys::refused(EREMOTEIO);
        text.erase(0, size);
    }
}

Result<std::string> own_cgroup() {
    std::string path = spec::cgroup_path(TRY(sys::read_file("/proc/self/cgroup")));
    return path.empty() ? Result<std::string>(sys::refused(ENOENT)) : Result<std::string>(std::move(path));
}

} // namespace

Result<std::string> enter_scope(const std::string& path, const std::string& mount) {
    std::int64_t deadline = sys::now() + kPatienceMs;
    std::string before = TRY(own_cgroup());
    Fd socket = TRY(sys::connect_unix(path.c_str()));
    TRY(authenticate(socket, deadline));
    TRY(sys::write_all(socket.get(), "BEGIN\r\n" + message_of(body_of(::getpid()))));
    TRY(answered(socket, deadline));
    // The answer says that there will be one.
    for (;;) {
        std::string now = TRY(own_cgroup());
        if (now != before && now.ends_with("/ajail-" + std::to_string(::getpid()) + ".scope")) return mount + now;
        if (sys::now() >= deadline) return sys::refused(ETIMEDOUT);
        (void)sys::poll({}, 1);
    }
}

} // namespace ajail::ns
