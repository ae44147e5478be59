// SPDX-License-Identifier: Apache-2.0
// See emulation.h.
#include "policy/emulation.h"

#include "policy/filters.h"
#include "policy/refused.h"
#include "policy/task.h"
#include "spec/procfs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
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
constexpr std::uintptr_t kSyncWakeUp = 1;  // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
constexpr std::size_t kMaxGroups = 65536;  // NGROUPS_MAX
constexpr std::size_t kMaxEntries = 16384; // different identities at a time, and microseconds of slack at most
constexpr std::size_t kMaxHeld = 1U << 22; // groups in all of them

// Who has an id of 0 has the capabilities, or gets them back (capabilities(7)).
bool has_root(const Ids& ids) { return ids.real == 0 || ids.effective == 0 || ids.saved == 0; }
bool may_set(const Identity& who) { return who.user.effective == 0 || who.kept_caps; }

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

std::int64_t set_id_of(int nr, const std::uint64_t args[6], Identity& who) {
    auto id = [&](int i) { return static_cast<std::uint32_t>(args[i]); };
    bool root = may_set(who);
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

std::string number(pid_t task, const char* file) { return std::to_string(task) + "/" + file; }

// A file of /proc, at most 4 KiB of it; empty if the task is gone.
std::string read_proc(const sys::Fd& proc, const std::string& path) {
    auto fd = sys::openat(proc.get(), path.c_str(), O_RDONLY);
    std::array<char, 4096> buffer;
    if (!fd) return {};
    auto size = sys::read_some((*fd).get(), buffer);
    return size ? std::string(buffer.data(), *size) : std::string();
}

bool read_at(const sys::Fd& memory, std::uint64_t address, void* into, std::size_t size) {
    return memory && ::pread(memory.get(), into, size, static_cast<off_t>(address)) == static_cast<ssize_t>(size);
}
bool write_at(const sys::Fd& memory, std::uint64_t address, const void* from, std::size_t size) {
    return memory && ::pwrite(memory.get(), from, size, static_cast<off_t>(address)) == static_cast<ssize_t>(size);
}

} // namespace

int native_number(const seccomp_data& data) {
    if (data.arch == kNativeArch) return data.nr;
    constexpr const char* kAsked[] = {"setuid",
                                      "setgid",
                                      "setreuid",
                                      "setregid",
                                      "setresuid",
                                      "setresgid",
                                      "setfsuid",
                                      "setfsgid",
                                      "setgroups",
                                      "getuid",
                                      "geteuid",
                                      "getgid",
                                      "getegid",
                                      "getresuid",
                                      "getresgid",
                                      "getgroups",
                                      "capset",
                                      "prctl",
                                      "mknod",
                                      "mknodat",
                                      "setxattr",
                                      "lsetxattr",
                                      "fsetxattr",
                                      "chmod",
                                      "fchmod",
                                      "fchmodat",
                                      "fchmodat2",
                                      "creat",
                                      "open",
                                      "openat",
                                      "landlock_restrict_self"};
    for (const Refused& refused : refused_calls())
        if (syscall_number(refused.call, kCompatArch) == data.nr) return refused.nr;
    for (const char* name : kAsked) {
        int number = syscall_number(std::string(name) + "32", kCompatArch);
        if (number < 0) number = syscall_number(name, kCompatArch);
        if (number == data.nr) return syscall_number(name);
    }
    return -1;
}

std::int64_t set_id(int nr, const std::uint64_t args[6], Identity& who) {
    bool had = has_root(who.user);
    std::int64_t result = set_id_of(nr, args, who);
    bool has = has_root(who.user);
    if (had != has) who.kept_caps = had && who.keeps_caps;
    return result;
}

Identity after_exec(Identity who) {
    for (Ids* ids : {&who.user, &who.group}) ids->saved = ids->file = ids->effective;
    who.keeps_caps = who.kept_caps = false;
    return who;
}

Emulation::Emulation(sys::Fd listener, const sys::Fd& proc, std::uint64_t slack, Place place)
    : proc_(proc), slack_(slack), place_(std::move(place)), entries_(1, Entry{}) {
    add(std::move(listener));
}

void Emulation::add(sys::Fd listener) {
    if (!listener) return;
    // Asker and answerer take turns, best on one processor: a third of the time. Linux 6.6; older ones do without.
    (void)sys::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, reinterpret_cast<void*>(kSyncWakeUp));
    listeners_.emplace(next_++, std::move(listener));
}

void Emulation::watch(std::vector<pollfd>& fds) const {
    for (const auto& [number, listener] : listeners_) fds.push_back({listener.get(), POLLIN, 0});
}

sys::Status Emulation::answer(std::span<const pollfd> fds) {
    for (const pollfd& polled : fds) {
        auto found = std::find_if(listeners_.begin(), listeners_.end(),
                                  [&](const auto& one) { return one.second.get() == polled.fd; });
        if (found == listeners_.end()) continue;
        if ((polled.revents & POLLIN) != 0) TRY(answer_one(found->first));
        else if (polled.revents != 0) listeners_.erase(found); // nobody is left who could ask
    }
    return sys::Done{};
}

// -1: nobody is left there, and so not this asker.
int Emulation::where(const Asked& asked) const {
    auto found = listeners_.find(asked.listener);
    return found == listeners_.end() ? -1 : found->second.get();
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

sys::Status Emulation::answer_one(std::uint64_t listener) {
    seccomp_notif question{};
    auto heard = sys::ioctl(where({.listener = listener}), SECCOMP_IOCTL_NOTIF_RECV, &question);
    if (!heard) {
        int err = heard.error().err; // ENOENT: killed meanwhile; ENOTCONN: that was the last one
        return err == ENOENT || err == ENOTCONN || err == EINTR ? sys::Status(sys::Done{}) : heard.error();
    }
    Asked asked{listener, question.id, static_cast<pid_t>(question.pid), native_number(question.data), {}};
    std::copy(std::begin(question.data.args), std::end(question.data.args), asked.args);
    // First, so that nothing below can let it happen.
    if (int err = refuse(asked.nr, asked.args[0], refused_); err != 0) return tell(asked, {-err});
    Reply reply = this->reply(asked);
    return reply.later ? sys::Status(sys::Done{}) : tell(asked, reply);
}

sys::Status Emulation::tell(const Asked& asked, const Reply& reply) {
    seccomp_notif_resp answer{};
    answer.id = asked.id;
    if (reply.real) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else if (reply.value < 0) answer.error = static_cast<std::int32_t>(reply.value);
    else answer.val = reply.value;
    auto told = sys::ioctl(where(asked), SECCOMP_IOCTL_NOTIF_SEND, &answer);
    // ENOENT, EBADF: the asker is gone. One that is still there would wait for ever.
    if (!told && ((told.error().err != ENOENT && told.error().err != EBADF) || waits(asked))) return told.error();
    return sys::Done{};
}

sys::Status Emulation::ended(pid_t pid, bool well) {
    auto found = later_.find(pid);
    if (found == later_.end()) return sys::Done{};
    Asked asked = found->second;
    later_.erase(found);
    return well ? sys::Status(sys::Done{}) : tell(asked, {-EPERM});
}

Emulation::Reply Emulation::reply(const Asked& asked) {
    if (asked.nr < 0) return {-ENOSYS}; // not one of those that are asked: nobody has looked at it
    if (asked.nr == SYS_setgroups) return set_groups(asked);
    if (asked.nr == SYS_capset) return set_caps(asked);
    if (asked.nr == SYS_prctl) return keep_caps(asked);
    if (auto deed = deed_of(asked.nr, asked.args)) return depute(asked, *deed);
    if (asked.nr == SYS_landlock_restrict_self) {
        ruled_ = true;
        return {0, true};
    }
    if (asked.nr == SYS_setxattr || asked.nr == SYS_lsetxattr || asked.nr == SYS_fsetxattr)
        return set_attribute(asked);
    Identity who = identity(asked.task);
    std::int64_t value = set_id(asked.nr, asked.args, who);
    if (value == -ENOSYS) return who_is(asked);
    if (value >= 0 && !remember(asked, who)) return {-EAGAIN};
    return {value};
}

Emulation::Reply Emulation::who_is(const Asked& asked) {
    Identity who = identity(asked.task);
    auto three = [&](const Ids& ids) -> Reply {
        std::uint32_t values[] = {ids.real, ids.effective, ids.saved};
        sys::Fd its = memory(asked, O_RDWR);
        for (int i = 0; i < 3; ++i)
            if (!write_at(its, asked.args[i], &values[i], sizeof values[i])) return {-EFAULT};
        return {0};
    };
    switch (asked.nr) {
    case SYS_getuid: return {who.user.real};
    case SYS_geteuid: return {who.user.effective};
    case SYS_getgid: return {who.group.real};
    case SYS_getegid: return {who.group.effective};
    case SYS_getresuid: return three(who.user);
    case SYS_getresgid: return three(who.group);
    default: break;
    }
    if (asked.nr != SYS_getgroups) return {-ENOSYS}; // no question that is known here
    if (!who.groups_set) return {0, true};
    auto room = static_cast<std::int32_t>(asked.args[0]);
    auto count = static_cast<std::int64_t>(who.groups.size());
    if (room < 0 || (room > 0 && room < count)) return {-EINVAL};
    if (room == 0 || count == 0) return {count};
    std::size_t size = who.groups.size() * sizeof who.groups[0];
    bool written = write_at(memory(asked, O_RDWR), asked.args[1], who.groups.data(), size);
    return {written ? count : -EFAULT};
}

Emulation::Reply Emulation::set_groups(const Asked& asked) {
    Identity who = identity(asked.task);
    if (!may_set(who)) return {-EPERM};
    auto count = static_cast<std::uint32_t>(asked.args[0]); // the kernel takes 32 bits
    if (count > kMaxGroups) return {-EINVAL};
    who.groups.assign(count, 0);
    if (count != 0 &&
        !read_at(memory(asked, O_RDONLY), asked.args[1], who.groups.data(), count * sizeof who.groups[0]))
        return {-EFAULT};
    std::sort(who.groups.begin(), who.groups.end()); // as the kernel tells them
    who.groups_set = true;
    return {remember(asked, who) ? 0 : -ENOMEM};
}

// What only takes away is really done. What asks for more than there is would fail, and daemons give up then; they
// hold what the jail's root holds anyhow.
Emulation::Reply Emulation::set_caps(const Asked& asked) {
    __user_cap_header_struct header{};
    std::array<__user_cap_data_struct, 2> data{};
    sys::Fd its = memory(asked, O_RDONLY);
    if (!read_at(its, asked.args[0], &header, sizeof header)) return {0, true};
    std::size_t words = header.version == _LINUX_CAPABILITY_VERSION_1 ? 1 : 2;
    if (!read_at(its, asked.args[1], data.data(), words * sizeof data[0])) return {0, true};
    auto status = read_of(proc_, asked.task, "status");
    if (!status || (*status).empty()) return {0, true}; // whoever gives something away is not told so in vain
    std::uint64_t have = spec::number_of(*status, "CapPrm", 16);
    std::uint64_t inheritable = have | spec::number_of(*status, "CapInh", 16);
    auto both = [&](auto member) { return data[0].*member | static_cast<std::uint64_t>(data[1].*member) << 32; };
    if (Identity who = identity(asked.task); who.kept_caps) { // whoever gives CAP_SETUID away means it
        who.kept_caps = (both(&__user_cap_data_struct::permitted) >> CAP_SETUID & 1U) != 0;
        if (!remember(asked, who)) return {-EPERM};
    }
    bool less = (both(&__user_cap_data_struct::permitted) & ~have) == 0 &&
                (both(&__user_cap_data_struct::inheritable) & ~inheritable) == 0;
    return {0, less};
}

// The filter asks for PR_SET_KEEPCAPS only.
Emulation::Reply Emulation::keep_caps(const Asked& asked) {
    Identity who = identity(asked.task);
    if (asked.args[1] > 1) return {0, true}; // EINVAL
    who.keeps_caps = asked.args[1] != 0;
    if (!remember(asked, who)) return {-EPERM};
    return {0, true};
}

// By a process of its own: a file system may take its time, or for ever, and init has others to answer. (Nobody else
// is in this one, so that it can be copied without more ado.)
Emulation::Reply Emulation::depute(const Asked& asked, const Deed& deed) {
    // Rules of its own that we do not know may forbid an asker what it would get here.
    if (deed.kind != Deed::mode && ruled_) return {-EPERM};
    auto helper = sys::clone3(0, nullptr);
    if (!helper) return {-EPERM};
    if (*helper == 0) ::_exit(act(asked, deed) ? 0 : 1); // init answers then: ended()
    later_.emplace(*helper, asked);
    return {.later = true};
}

sys::Status Emulation::act(const Asked& asked, const Deed& deed) {
    std::string path;
    if (deed.has_path) {
        auto read = read_path(asked, deed.path);
        if (!read) return tell(asked, {-read.error().err});
        path = std::move(read).take();
    }
    auto asker = Asker::look(proc_, asked.task, deed, path, place_);
    if (!waits(asked)) return sys::refused(ESRCH); // what was looked up may be another's
    if (!asker) return tell(asked, {-asker.error().err});
    sys::Fd opened;
    std::int64_t value = (*asker).act(proc_, deed, path, place_, opened);
    if (value == 0 && deed.kind == Deed::open) return hand_over(asked, opened, deed.flags);
    return tell(asked, {value});
}

// The answer is the number that OPENED gets there.
sys::Status Emulation::hand_over(const Asked& asked, const sys::Fd& opened, int flags) {
    seccomp_notif_addfd add{};
    add.id = asked.id;
    add.flags = SECCOMP_ADDFD_FLAG_SEND; // Linux 5.14
    add.srcfd = static_cast<std::uint32_t>(opened.get());
    add.newfd_flags = (flags & O_CLOEXEC) != 0 ? O_CLOEXEC : 0;
    auto given = sys::ioctl(where(asked), SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    return given ? sys::Status(sys::Done{}) : tell(asked, {-given.error().err}); // EMFILE
}

sys::Result<std::string> Emulation::read_path(const Asked& asked, std::uint64_t address) {
    std::array<char, PATH_MAX> bytes{};
    sys::Fd its = memory(asked, O_RDONLY);
    // Less where the memory ends.
    ssize_t size = its ? ::pread(its.get(), bytes.data(), bytes.size(), static_cast<off_t>(address)) : -1;
    std::size_t length = ::strnlen(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    if (static_cast<ssize_t>(length) < size) return std::string(bytes.data(), length);
    return sys::refused(size == PATH_MAX ? ENAMETOOLONG : EFAULT);
}

// An access list that names users or groups is as much of an owner as chown's, and treated alike. What cannot be read
// is the kernel's to refuse.
Emulation::Reply Emulation::set_attribute(const Asked& asked) {
    constexpr std::string_view kAcl = "system.posix_acl_";
    std::array<char, kAcl.size()> name;
    sys::Fd its = memory(asked, O_RDONLY);
    if (!read_at(its, asked.args[1], name.data(), name.size())) return {0, true};
    if (std::string_view(name.data(), name.size()) != kAcl || asked.args[3] > XATTR_SIZE_MAX) return {0, true};
    std::vector<std::uint8_t> value(static_cast<std::size_t>(asked.args[3]));
    if (!read_at(its, asked.args[2], value.data(), value.size())) return {0, true};
    return {0, !acl_names_others(value)};
}

Identity Emulation::identity(pid_t task) {
    if (entries_.size() == 1) return {}; // nobody has changed yet: no need to look
    const std::optional<Entry>& entry = entries_[place_of(std::to_string(task))];
    if (!entry) return {};
    std::uint64_t image = entry->image == 0 ? 0 : image_of(task);
    return image == entry->image ? entry->who : after_exec(entry->who);
}

// False if there is no room, or the kernel has not taken the number.
bool Emulation::remember(const Asked& asked, const Identity& who) {
    Entry entry{who, 0};
    if (who != after_exec(who)) entry.image = image_of(asked.task);
    std::size_t wanted = place(entry);
    std::string path = number(asked.task, "timerslack_ns");
    auto file = sys::openat(proc_.get(), path.c_str(), O_WRONLY);
    // The number may be another task's by now; while the question waits, it is not.
    if (wanted == kMaxEntries || !file || !waits(asked)) return false;
    if (!sys::write_all((*file).get(), std::to_string(slack_ + wanted))) return false;
    return place_of(std::to_string(asked.task)) == wanted; // a real-time task has no slack
}

// Where ENTRY is in the table, from now on; kMaxEntries if there is no room.
std::size_t Emulation::place(const Entry& entry) {
    auto found = std::find(entries_.begin(), entries_.end(), entry);
    if (found != entries_.end()) return static_cast<std::size_t>(found - entries_.begin());
    for (bool again : {false, true}) {
        std::size_t held = entry.who.groups.size();
        for (const auto& other : entries_) held += other ? other->who.groups.size() : 0;
        auto free = std::find(entries_.begin(), entries_.end(), std::nullopt);
        if (held <= kMaxHeld && (free != entries_.end() || entries_.size() < kMaxEntries)) {
            free = entries_.insert(free == entries_.end() ? free : entries_.erase(free), entry);
            return static_cast<std::size_t>(free - entries_.begin());
        }
        if (!again) forget_unused();
    }
    return kMaxEntries;
}

// A task that is forked by one that is not looked at yet, is not seen itself, and loses its parent meanwhile could find
// another's identity in its place. It would take some thousand identities to get here, and mislead nobody else.
void Emulation::forget_unused() {
    std::vector<bool> used(entries_.size());
    used[0] = true;
    auto processes = sys::names_in(proc_.get());
    if (!processes) return;
    for (const std::string& process : *processes) {
        auto threads = sys::openat(proc_.get(), (process + "/task").c_str(), O_RDONLY | O_DIRECTORY);
        if (!threads) continue; // not a process, or gone
        auto tasks = sys::names_in((*threads).get());
        if (!tasks) continue;
        for (const std::string& task : *tasks) used[place_of(task)] = true;
    }
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (!used[i]) entries_[i].reset();
}

// The root's where the number is none of ours: whoever changes its own has itself to blame.
std::size_t Emulation::place_of(const std::string& task) {
    std::string slack = read_proc(proc_, task + "/timerslack_ns");
    std::uint64_t place = std::strtoull(slack.c_str(), nullptr, 10) - slack_;
    return place < entries_.size() ? static_cast<std::size_t>(place) : 0;
}

// Something that is another after an exec, and the same in all threads: where the stack starts, as field 28 of stat
// (proc(5)) tells, after a name that may contain anything but is the last thing in parentheses.
std::uint64_t Emulation::image_of(pid_t task) {
    std::string stat = read_proc(proc_, number(task, "stat"));
    std::size_t at = stat.rfind(')');
    for (int i = 2; i < 28 && at != std::string::npos; ++i) at = stat.find(' ', at + 1);
    return at == std::string::npos ? 0 : std::strtoull(stat.c_str() + at, nullptr, 10);
}

// While the asker waits, its number cannot be another task's (seccomp_unotify(2)).
bool Emulation::waits(const Asked& asked) {
    std::uint64_t id = asked.id;
    return static_cast<bool>(sys::ioctl(where(asked), SECCOMP_IOCTL_NOTIF_ID_VALID, &id));
}

// The memory of the asker and of nobody else, whatever it does meanwhile: an open file of it stays with what it was
// opened for (proc(5)).
sys::Fd Emulation::memory(const Asked& asked, int flags) {
    auto opened = sys::openat(proc_.get(), number(asked.task, "mem").c_str(), flags);
    return opened && waits(asked) ? std::move(opened).take() : sys::Fd();
}

} // namespace ajail::policy
