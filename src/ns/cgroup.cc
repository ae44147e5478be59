// SPDX-License-Identifier: Apache-2.0
// See cgroup.h, and cgroups(7) for the rules.
#include "ns/cgroup.h"

#include "ns/scope.h"

#include <sys/file.h>
#include <unistd.h>

namespace ajail::ns {

namespace {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

constexpr const char* kPrefix = "ajail-";

Status write(const Fd& dir, const std::string& file, const std::string& value) {
    Fd fd = TRY(sys::openat(dir.get(), file.c_str(), O_WRONLY));
    return sys::write_all(fd.get(), value);
}

Result<std::string> read(const Fd& dir, const char* file) {
    Fd fd = TRY(sys::openat(dir.get(), file, O_RDONLY));
    return sys::read_all(fd.get(), 1 << 16);
}

// Whoever lives holds a lock on its own: without one, the monitor was killed, and its jail with it.
void remove_abandoned(const Fd& parent) {
    auto names = sys::names_in(parent.get());
    if (!names) return;
    for (const std::string& name : *names) {
        if (!name.starts_with(kPrefix)) continue;
        auto dir = sys::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY);
        if (dir && sys::flock((*dir).get(), LOCK_EX)) (void)::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR);
    }
}

// One that is made and not locked yet looks abandoned: who comes too late for the lock, or finds that the name is gone,
// takes another.
Result<Fd> lock(const Fd& parent, const std::string& name) {
    Fd dir = TRY(sys::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    TRY(sys::flock(dir.get(), LOCK_SH));
    Fd still = TRY(sys::openat(parent.get(), name.c_str(), O_PATH | O_DIRECTORY));
    struct stat mine = TRY(sys::fstat(dir.get())), there = TRY(sys::fstat(still.get()));
    if (mine.st_ino != there.st_ino) return sys::refused(ENOENT);
    return dir;
}

// In PARENT, locked. Another pid namespace may have somebody with our number.
Result<Fd> make_in(const Fd& parent, std::string& name) {
    constexpr unsigned kTries = 100;
    std::string base = kPrefix + std::to_string(::getpid());
    for (unsigned i = 0;; ++i) {
        name = base + "." + std::to_string(i);
        Status made = sys::mkdirat(parent.get(), name.c_str(), 0755);
        if (!made && made.error().err == EEXIST && i < kTries) continue;
        TRY(std::move(made));
        auto locked = lock(parent, name);
        bool lost = !locked && (locked.error().err == ENOENT || locked.error().err == EWOULDBLOCK);
        if (!lost || i >= kTries) return locked;
    }
}

Status set(const Fd& dir, const spec::JailCgroup::Setting& setting) {
    Status written = write(dir, setting.file, setting.value);
    if (!written && written.error().err == ENOENT && setting.if_there) return Done{};
    TRY(std::move(written));
    std::string got = TRY(read(dir, setting.file.c_str()));
    return got == setting.value + "\n" ? Status(Done{}) : Status(sys::refused(EPERM));
}

} // namespace

// To a cgroup of our own beside the jail's, so that the one that we were in can hand controllers on.
Status Cgroup::leave(const spec::JailCgroup& plan) {
    if (plan.enable.empty()) return Done{};
    Fd leaf = TRY(make_in(parent_, monitors_));
    TRY(write(leaf, "cgroup.procs", "0"));
    std::string enable;
    for (const std::string& controller : plan.enable) {
        enable += (enable.empty() ? "+" : " +") + controller;
        disable_ += (disable_.empty() ? "-" : " -") + controller;
    }
    return write(parent_, "cgroup.subtree_control", enable);
}

Result<Cgroup> Cgroup::make(const spec::JailCgroup& plan) {
    Cgroup made;
    if (plan.directory.empty()) return made;
    std::string directory = plan.directory;
    if (!plan.manager.empty()) directory = TRY(enter_scope(plan.manager, plan.directory));
    made.parent_ = TRY(sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY));
    remove_abandoned(made.parent_);
    TRY(made.leave(plan));
    made.own_ = TRY(make_in(made.parent_, made.name_));
    for (const auto& setting : plan.settings) TRY(set(made.own_, setting));
    return made;
}

Cgroup::~Cgroup() {
    if (!parent_) return;
    // What is killed may take a moment to be gone.
    for (int tries = 0; !name_.empty() && tries < 100; ++tries) {
        if (::unlinkat(parent_.get(), name_.c_str(), AT_REMOVEDIR) == 0 || errno != EBUSY) break;
        (void)::poll(nullptr, 0, 2);
    }
    if (monitors_.empty()) return;
    (void)write(parent_, "cgroup.subtree_control", disable_);
    (void)write(parent_, "cgroup.procs", "0");
    (void)::unlinkat(parent_.get(), monitors_.c_str(), AT_REMOVEDIR);
}

bool Cgroup::out_of_memory() const {
    if (!own_) return false;
    auto events = read(own_, "memory.events");
    std::size_t kills = events ? (*events).find("\noom_kill ") : std::string::npos;
    return kills != std::string::npos && (*events)[kills + 10] != '0';
}

} // namespace ajail::ns
