// SPDX-License-Identifier: Apache-2.0
// See emulation.h. A task that was never heard of is who its process, or else its parent, is: kept by looking at
// /proc when it first asks. A parent that changed in between, or is gone, is a difference that is accepted: it can
// mislead a program, not a wall.
#include "policy/emulation.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/seccomp.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace ajail::policy {

namespace {

constexpr std::uint32_t kLeave = ~std::uint32_t{0};
constexpr std::size_t kMaxGroups = 65536;   // NGROUPS_MAX
constexpr std::size_t kForgetBeyond = 1024; // tasks remembered before the dead among them are looked for

bool may_be(const Ids& ids, std::uint32_t id) { return id == ids.real || id == ids.effective || id == ids.saved; }

std::int64_t set_one(Ids& ids, bool root, std::uint32_t id) {
    if (id == kLeave) return -EINVAL;
    if (root) ids = {id, id, id, id};
    else if (id == ids.real || id == ids.saved) ids.effective = ids.file = id;
    else return -EPERM;
    return 0;
}

std::int64_t set_two(Ids& ids, bool root, std::uint32_t real, std::uint32_t effective) {
    Ids wanted = ids;
    if (real != kLeave) {
        if (!root && real != ids.real && real != ids.effective) return -EPERM;
        wanted.real = real;
    }
    if (effective != kLeave) {
        if (!root && !may_be(ids, effective)) return -EPERM;
        wanted.effective = effective;
    }
    if (real != kLeave || (effective != kLeave && effective != ids.real)) wanted.saved = wanted.effective;
    wanted.file = wanted.effective;
    ids = wanted;
    return 0;
}

std::int64_t set_three(Ids& ids, bool root, std::uint32_t real, std::uint32_t effective, std::uint32_t saved) {
    for (std::uint32_t id : {real, effective, saved})
        if (id != kLeave && !root && !may_be(ids, id)) return -EPERM;
    if (real != kLeave) ids.real = real;
    if (effective != kLeave) ids.effective = effective;
    if (saved != kLeave) ids.saved = saved;
    ids.file = ids.effective;
    return 0;
}

std::int64_t set_file(Ids& ids, bool root, std::uint32_t id) {
    std::int64_t before = ids.file;
    if (id != kLeave && (root || may_be(ids, id) || id == ids.file)) ids.file = id;
    return before;
}

std::string number(pid_t task, const char* file) { return std::to_string(task) + "/" + file; }

// A file of /proc, at most 4 KiB of it; empty if the task is gone.
std::string read_proc(const sys::Fd& proc, const std::string& path) {
    auto fd = sys::openat(proc.get(), path.c_str(), O_RDONLY);
    std::array<char, 4096> buffer;
    if (!fd) return {};
    auto size = sys::read_some((*fd).get(), buffer);
    return size ? std::string(buffer.data(), *size) : std::string();
}

std::uint64_t field(const std::string& status, const char* name, int base = 10) {
    std::size_t at = status.find(std::string("\n") + name + ":");
    if (at == std::string::npos) return 0;
    return std::strtoull(status.c_str() + at + std::strlen(name) + 2, nullptr, base);
}

// proc(5): field 22 of stat, after a name that may contain anything but is the last thing in parentheses.
std::uint64_t start_of(const sys::Fd& proc, pid_t task) {
    std::string stat = read_proc(proc, number(task, "stat"));
    std::size_t at = stat.rfind(')');
    for (int i = 2; i < 22 && at != std::string::npos; ++i) at = stat.find(' ', at + 1);
    return at == std::string::npos ? 0 : std::strtoull(stat.c_str() + at, nullptr, 10);
}

} // namespace

std::int64_t set_id(int nr, const std::uint64_t args[6], Identity& who) {
    auto id = [&](int i) { return static_cast<std::uint32_t>(args[i]); };
    bool root = who.user.effective == 0 || who.keeps_caps; // the capabilities go with it
    switch (nr) {
    case SYS_setuid: return set_one(who.user, root, id(0));
    case SYS_setgid: return set_one(who.group, root, id(0));
    case SYS_setreuid: return set_two(who.user, root, id(0), id(1));
    case SYS_setregid: return set_two(who.group, root, id(0), id(1));
    case SYS_setresuid: return set_three(who.user, root, id(0), id(1), id(2));
    case SYS_setresgid: return set_three(who.group, root, id(0), id(1), id(2));
    case SYS_setfsuid: return set_file(who.user, root, id(0));
    case SYS_setfsgid: return set_file(who.group, root, id(0));
    default: return -ENOSYS;
    }
}

bool acl_names_others(const std::vector<std::uint8_t>& value) {
    posix_acl_xattr_entry entry{};
    for (std::size_t at = sizeof(posix_acl_xattr_header); at + sizeof entry <= value.size(); at += sizeof entry) {
        std::memcpy(&entry, &value[at], sizeof entry);
        bool named = entry.e_tag == ACL_USER || entry.e_tag == ACL_GROUP; // little-endian, as every arch here
        if (named && entry.e_id != 0) return true;
    }
    return false;
}

sys::Status Emulation::answer() {
    seccomp_notif asked{};
    auto heard = sys::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &asked);
    if (!heard && heard.error().err == ENOENT) return sys::Done{}; // it was killed meanwhile
    TRY(std::move(heard));
    std::uint64_t args[6];
    std::copy(std::begin(asked.data.args), std::end(asked.data.args), args);
    Reply reply = this->reply(static_cast<pid_t>(asked.pid), asked.data.nr, args);
    seccomp_notif_resp answer{};
    answer.id = asked.id;
    if (reply.real) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else if (reply.value < 0) answer.error = static_cast<std::int32_t>(reply.value);
    else answer.val = reply.value;
    auto told = sys::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
    if (!told && told.error().err != ENOENT) return told.error();
    return sys::Done{};
}

Emulation::Reply Emulation::reply(pid_t task, int nr, const std::uint64_t args[6]) {
    if (nr == SYS_setgroups) return set_groups(task, args);
    if (nr == SYS_capset) return set_caps(task, args);
    if (nr == SYS_prctl) return keep_caps(task, args);
    if (nr == SYS_setxattr || nr == SYS_lsetxattr || nr == SYS_fsetxattr) return set_attribute(task, args);
    Identity who = identity(task);
    std::int64_t value = set_id(nr, args, who);
    if (value == -ENOSYS) return tell(task, nr, args);
    if (value >= 0) remember(task, std::move(who));
    return {value};
}

Emulation::Reply Emulation::tell(pid_t task, int nr, const std::uint64_t args[6]) {
    Identity who = identity(task);
    auto three = [&](const Ids& ids) -> Reply {
        std::uint32_t values[] = {ids.real, ids.effective, ids.saved};
        for (int i = 0; i < 3; ++i)
            if (!write_memory(task, args[i], &values[i], sizeof values[i])) return {-EFAULT};
        return {0};
    };
    switch (nr) {
    case SYS_getuid: return {who.user.real};
    case SYS_geteuid: return {who.user.effective};
    case SYS_getgid: return {who.group.real};
    case SYS_getegid: return {who.group.effective};
    case SYS_getresuid: return three(who.user);
    case SYS_getresgid: return three(who.group);
    default: break;
    }
    if (nr != SYS_getgroups || !who.groups_set) return {0, true};
    auto room = static_cast<std::int32_t>(args[0]);
    auto count = static_cast<std::int64_t>(who.groups.size());
    if (room < 0 || (room > 0 && room < count)) return {-EINVAL};
    if (room == 0 || count == 0) return {count};
    bool written = write_memory(task, args[1], who.groups.data(), who.groups.size() * sizeof who.groups[0]);
    return {written ? count : -EFAULT};
}

Emulation::Reply Emulation::set_groups(pid_t task, const std::uint64_t args[6]) {
    Identity who = identity(task);
    if (who.user.effective != 0 && !who.keeps_caps) return {-EPERM};
    if (args[0] > kMaxGroups) return {-EINVAL};
    who.groups.assign(static_cast<std::size_t>(args[0]), 0);
    if (!who.groups.empty() &&
        !read_memory(task, args[1], who.groups.data(), who.groups.size() * sizeof who.groups[0]))
        return {-EFAULT};
    who.groups_set = true;
    remember(task, std::move(who));
    return {0};
}

// What only takes away is really done. What asks for more than there is would fail, and daemons give up then; they
// hold what the jail's root holds anyhow.
Emulation::Reply Emulation::set_caps(pid_t task, const std::uint64_t args[6]) {
    __user_cap_header_struct header{};
    std::array<__user_cap_data_struct, 2> data{};
    if (!read_memory(task, args[0], &header, sizeof header)) return {0, true};
    std::size_t words = header.version == _LINUX_CAPABILITY_VERSION_1 ? 1 : 2;
    if (!read_memory(task, args[1], data.data(), words * sizeof data[0])) return {0, true};
    std::string status = read_proc(proc_, number(task, "status"));
    std::uint64_t have = field(status, "CapPrm", 16);
    std::uint64_t inheritable = have | field(status, "CapInh", 16);
    auto both = [&](auto member) { return data[0].*member | static_cast<std::uint64_t>(data[1].*member) << 32; };
    if (Identity who = identity(task); who.keeps_caps) { // whoever gives CAP_SETUID away means it
        who.keeps_caps = (both(&__user_cap_data_struct::permitted) >> CAP_SETUID & 1U) != 0;
        remember(task, std::move(who));
    }
    bool less = (both(&__user_cap_data_struct::permitted) & ~have) == 0 &&
                (both(&__user_cap_data_struct::inheritable) & ~inheritable) == 0;
    return {0, less};
}

// The filter asks for PR_SET_KEEPCAPS only.
Emulation::Reply Emulation::keep_caps(pid_t task, const std::uint64_t args[6]) {
    Identity who = identity(task);
    who.keeps_caps = args[1] != 0;
    remember(task, std::move(who));
    return {0, true};
}

// An access list that names users or groups is as much of an owner as chown's, and treated alike. What cannot be read
// is the kernel's to refuse.
Emulation::Reply Emulation::set_attribute(pid_t task, const std::uint64_t args[6]) {
    constexpr std::string_view kAcl = "system.posix_acl_";
    std::array<char, kAcl.size()> name;
    if (!read_memory(task, args[1], name.data(), name.size())) return {0, true};
    if (std::string_view(name.data(), name.size()) != kAcl || args[3] > XATTR_SIZE_MAX) return {0, true};
    std::vector<std::uint8_t> value(static_cast<std::size_t>(args[3]));
    if (!read_memory(task, args[2], value.data(), value.size())) return {0, true};
    return {0, !acl_names_others(value)};
}

Identity Emulation::identity(pid_t task) {
    if (tasks_.empty()) return {}; // nobody has changed yet: no need to look
    auto known = tasks_.find(task);
    std::uint64_t start = start_of(proc_, task);
    if (known != tasks_.end() && known->second.start == start) return known->second.who;
    std::string status = read_proc(proc_, number(task, "status"));
    auto process = static_cast<pid_t>(field(status, "Tgid")), parent = static_cast<pid_t>(field(status, "PPid"));
    auto from = tasks_.find(process != task ? process : parent);
    Identity who = from == tasks_.end() ? Identity{} : from->second.who;
    tasks_[task] = {start, who};
    return who;
}

void Emulation::remember(pid_t task, Identity who) {
    if (who == Identity{} && !tasks_.contains(task)) return;
    if (tasks_.size() > kForgetBeyond) forget_the_dead();
    tasks_[task] = {start_of(proc_, task), std::move(who)};
}

void Emulation::forget_the_dead() {
    std::erase_if(tasks_, [this](const auto& entry) { return start_of(proc_, entry.first) != entry.second.start; });
}

bool Emulation::read_memory(pid_t task, std::uint64_t address, void* into, std::size_t size) {
    auto memory = sys::openat(proc_.get(), number(task, "mem").c_str(), O_RDONLY);
    return memory && ::pread((*memory).get(), into, size, static_cast<off_t>(address)) == static_cast<ssize_t>(size);
}

bool Emulation::write_memory(pid_t task, std::uint64_t address, const void* from, std::size_t size) {
    auto memory = sys::openat(proc_.get(), number(task, "mem").c_str(), O_RDWR);
    return memory && ::pwrite((*memory).get(), from, size, static_cast<off_t>(address)) == static_cast<ssize_t>(size);
}

} // namespace ajail::policy
