// SPDX-License-Identifier: Apache-2.0
// See limits.h.
#include "policy/limits.h"

#include "policy/task.h"
#include "spec/procfs.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace ajail::policy {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

// Faster than any CPU fills fresh pages, also huge ones: 2 to 3 are seen.
constexpr std::uint64_t kBytesPerMs = (std::uint64_t{4} << 30) / 1000;
constexpr int kOften = 10, kSeldom = 1000; // ms
// What looking costs of a CPU is at most this part of it, however many processes there are.
constexpr std::int64_t kPart = 8;
constexpr std::int64_t kPatience = 500; // ms

pid_t pid_of(const std::string& name) {
    std::string_view digits = name;
    pid_t pid = 0;
    return name[0] != '0' && spec::take_number(digits, pid) ? pid : 0;
}

} // namespace

Status limit(const spec::Plan& plan) {
    for (const spec::Rlimit& r : plan.rlimits) TRY(sys::setrlimit(r.resource, r.soft, r.hard));
    if (!plan.cpus.empty()) TRY(sys::sched_setaffinity(plan.cpus));
    return Done{};
}

int milliseconds_until(std::uint64_t used, std::uint64_t limit, std::size_t cpus) {
    std::uint64_t left = used < limit ? limit - used : 0;
    std::uint64_t ms = left / (kBytesPerMs * std::max<std::size_t>(cpus, 1));
    return static_cast<int>(std::clamp<std::uint64_t>(ms, kOften, kSeldom));
}

MemoryWatch::MemoryWatch(std::uint64_t limit, const Fd& proc) : limit_(limit), proc_(proc) {
    if (limit_ == 0) return;
    if (auto cpus = sys::sched_getaffinity()) cpus_ = (*cpus).size(); // else as if there were many
    next_ = sys::now() + milliseconds_until(0, limit_, cpus_);
}

int MemoryWatch::wait() const {
    if (limit_ == 0) return -1;
    return static_cast<int>(std::max<std::int64_t>(next_ - sys::now(), 0));
}

Result<bool> MemoryWatch::exceeded() {
    if (over_) return true;
    if (limit_ == 0 || sys::now() < next_) return false;
    if (look_ && !look_->waits_in_vain()) {
        next_ = sys::now() + kOften;
        return false;
    }
    if (look_) {
        (void)sys::kill(look_->pid, SIGKILL);
        decide(look_->at_most, look_->cost); // who keeps it waiting counts for all that it can have
        look_.reset();
        return over_;
    }
    std::int64_t start = sys::now(CLOCK_THREAD_CPUTIME_ID);
    std::vector<Process> all = TRY(processes());
    // At most: pages that several have are counted for each, and files as well; in swap there may be others', too.
    struct sysinfo machine {};
    if (::sysinfo(&machine) < 0) return sys::failed(sys::Call::sysinfo);
    std::uint64_t used = std::uint64_t{machine.totalswap - machine.freeswap} * machine.mem_unit;
    for (const Process& process : all) used += process.bytes;
    // Worth its price where it can show that there is much more left.
    bool looking = used > limit_ / 2 && look(all, used);
    std::int64_t cost = sys::now(CLOCK_THREAD_CPUTIME_ID) - start;
    if (looking) look_->cost = cost, next_ = sys::now() + kOften;
    else decide(used, cost);
    return over_;
}

// To count exactly takes the mmap_lock of each process, and one with other threads can keep it from us for as long as it
// takes to fill the machine. So not init counts, but a process of its own, which can be left waiting. (Nobody else is in
// this one, so that it can be copied without more ado.) False: there can be no other process.
bool MemoryWatch::look(std::vector<Process>& all, std::uint64_t at_most) {
    auto pipe = sys::pipe();
    if (!pipe) return false;
    auto [result, into] = std::move(pipe).take();
    auto pid = sys::clone3(0, nullptr);
    if (!pid) return false;
    if (*pid == 0) {
        auto used = measure(all);
        // Who ended between the two looks at it, and shared its memory (vfork(2)), was counted as another.
        if (used && *used > limit_) used = measure(all);
        Counted counted{used ? *used : at_most, sys::now(CLOCK_THREAD_CPUTIME_ID)};
        std::string_view bytes(reinterpret_cast<const char*>(&counted), sizeof counted);
        ::_exit(used && sys::write_all(into.get(), bytes) ? 0 : 1);
    }
    look_ = Look{*pid, std::move(result), sys::now(), at_most, 0};
    return true;
}

// For something else than a CPU: how much there is to count does not matter.
bool MemoryWatch::Look::waits_in_vain() const {
    clockid_t clock = CLOCK_MONOTONIC;
    if (::clock_getcpuclockid(pid, &clock) != 0) return false; // has ended
    return sys::now() - since - sys::now(clock) >= kPatience;
}

void MemoryWatch::ended(pid_t pid) {
    if (!look_ || look_->pid != pid) return;
    // Also one that somebody in the jail has killed has not counted anything.
    Counted counted{look_->at_most, 0};
    Counted read{};
    auto size = sys::read_some(look_->result.get(), {reinterpret_cast<char*>(&read), sizeof read});
    if (size && *size == sizeof read) counted = read;
    decide(std::min(counted.bytes, look_->at_most), look_->cost + counted.cost);
    look_.reset();
}

void MemoryWatch::decide(std::uint64_t used, std::int64_t cost) {
    over_ = used > limit_;
    next_ = over_ ? 0 : sys::now() + std::max<std::int64_t>(milliseconds_until(used, limit_, cpus_), kPart * cost);
}

// What a task has resident (proc(5), statm), which costs little and waits for nobody.
Result<std::uint64_t> MemoryWatch::resident(pid_t task) const {
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::string statm = TRY(read_of(proc_, task, "statm"));
    std::string_view text = statm;
    std::uint64_t size = 0, pages = 0;
    return spec::take_number(text, size) && spec::take_number(text, pages) ? pages * page : 0;
}

// A process whose first thread has ended has no memory by its own number, but by those of its other threads.
Result<MemoryWatch::Process> MemoryWatch::process(pid_t pid) const {
    Process found{pid, TRY(resident(pid))};
    if (found.bytes != 0) return found;
    auto tasks = sys::openat(proc_.get(), (std::to_string(pid) + "/task").c_str(), O_PATH | O_DIRECTORY);
    if (!tasks && gone(tasks.error())) return found;
    Fd dir = TRY(std::move(tasks));
    auto names = sys::names_in(dir.get());
    if (!names && gone(names.error())) return found;
    for (const std::string& name : TRY(std::move(names))) {
        found = {pid_of(name), TRY(resident(pid_of(name)))};
        if (found.bytes != 0) break;
    }
    return found;
}

Result<std::vector<MemoryWatch::Process>> MemoryWatch::processes() const {
    std::vector<Process> all;
    for (const std::string& name : TRY(sys::names_in(proc_.get()))) {
        if (pid_of(name) == 0) continue;
        Process found = TRY(process(pid_of(name)));
        if (found.bytes != 0) all.push_back(found);
    }
    return all;
}

// Of its own, with its share of what it has together with others.
Result<std::uint64_t> MemoryWatch::own(pid_t pid) const {
    std::string text = TRY(read_of(proc_, pid, "smaps_rollup"));
    std::uint64_t kilobytes = 0;
    for (const char* kind : {"Pss_Anon", "Pss_Shmem", "SwapPss"}) kilobytes += spec::number_of(text, kind);
    return kilobytes << 10U;
}

// Processes that are one as to memory (vfork(2)) have the same pages, and each says that they are its own. So if it
// comes to that, they are told apart.
Result<std::uint64_t> MemoryWatch::measure(std::vector<Process>& all) const {
    std::uint64_t used = 0;
    for (Process& process : all) {
        auto bytes = own(process.pid);
        // EACCES: who has executed a file that it may not read is hidden from us (ptrace(2)), and stays at what it has
        // resident.
        if (bytes) process.bytes = *bytes;
        else if (bytes.error().err != EACCES && bytes.error().err != EPERM) return bytes.error();
        used += process.bytes;
    }
    if (used <= limit_) return used;
    constexpr std::size_t kCompared = 64; // the largest of them
    std::sort(all.begin(), all.end(), [](const Process& a, const Process& b) { return a.bytes > b.bytes; });
    for (std::size_t i = 0; i < std::min(all.size(), kCompared); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            auto same = sys::same_memory(all[i].pid, all[j].pid);
            if (!same || !*same) continue;
            used -= all[i].bytes;
            all[i].bytes = 0;
            break;
        }
    return used;
}

} // namespace ajail::policy
