// SPDX-License-Identifier: Apache-2.0
// See status.h. A task's name, which may contain anything, comes escaped there, so that each line is the kernel's.
#include "policy/status.h"

#include <cstdlib>
#include <cstring>

namespace ajail::policy {

namespace {

constexpr std::size_t kLimit = 1 << 20; // 65,536 groups fit

// Behind `NAME:`, up to the end; null if there is no such line.
const char* line(const std::string& status, const char* name) {
    std::size_t at = status.find(std::string("\n") + name + ":");
    return at == std::string::npos ? nullptr : status.c_str() + at + std::strlen(name) + 2;
}

} // namespace

std::string read_status(const sys::Fd& proc, pid_t task) {
    auto fd = sys::openat(proc.get(), (std::to_string(task) + "/status").c_str(), O_RDONLY);
    if (!fd) return {};
    auto text = sys::read_all((*fd).get(), kLimit);
    return text ? std::move(text).take() : std::string();
}

std::uint64_t status_number(const std::string& status, const char* name, int base) {
    const char* at = line(status, name);
    return at == nullptr ? 0 : std::strtoull(at, nullptr, base);
}

std::vector<unsigned> status_list(const std::string& status, const char* name) {
    std::vector<unsigned> numbers;
    const char* at = line(status, name);
    while (at != nullptr) {
        at += std::strspn(at, " \t");
        if (*at < '0' || *at > '9') break;
        char* end = nullptr;
        numbers.push_back(static_cast<unsigned>(std::strtoul(at, &end, 10)));
        at = end;
    }
    return numbers;
}

unsigned file_id(const std::string& status, const char* name) {
    constexpr std::size_t kFour = 4; // real, effective, saved, file system
    std::vector<unsigned> ids = status_list(status, name);
    return ids.size() == kFour ? ids[3] : kNobody;
}

} // namespace ajail::policy
