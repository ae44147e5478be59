// SPDX-License-Identifier: Apache-2.0
// See lock.h. Taken without waiting; a moment's patience covers those who only finish (a directory that was made a
// millisecond ago, a jail that is just ending).
#include "store/lock.h"

#include "spec/procfs.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <sys/file.h>
#include <sys/sysmacros.h>

namespace ajail::store {

using sys::Fd;
using sys::Result;

namespace {

constexpr int kTries = 10;
constexpr long kPauseNs = 20'000'000;

// The device number that /proc/locks shows. Not st_dev: btrfs makes up one for each subvolume.
dev_t device_of(int dir, dev_t otherwise) {
    auto id = sys::mount_id(dir);
    auto text = sys::read_file("/proc/self/mountinfo", 64 << 20);
    if (!id || !text) return otherwise;
    for (std::string_view rest = *text; !rest.empty();) {
        std::string line(spec::take_line(rest));
        unsigned long long mount = 0;
        unsigned high = 0, low = 0;
        if (std::sscanf(line.c_str(), "%llu %*u %u:%u", &mount, &high, &low) == 3 && mount == *id)
            return makedev(high, low);
    }
    return otherwise;
}

bool same_file(int fd, int dir, const char* name, int flags) {
    struct stat opened {
    }, named{};
    return ::fstat(fd, &opened) == 0 && ::fstatat(dir, name, &named, flags) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

Result<Fd> take(int dir, const std::string& name, Hold hold, int open_flags, int stat_flags) {
    auto opened = sys::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | open_flags);
    if (!opened && opened.error().err == EACCES && hold == Hold::shared) return Fd();
    Fd fd = TRY(std::move(opened));
    for (int left = kTries;;) {
        sys::Status locked = sys::flock(fd.get(), hold == Hold::shared ? LOCK_SH : LOCK_EX);
        if (locked) break;
        if (locked.error().err != EWOULDBLOCK) {
            if (hold == Hold::shared) return Fd();
            return locked.error();
        }
        if (--left == 0) return locked.error();
        timespec pause{0, kPauseNs};
        (void)::nanosleep(&pause, nullptr);
    }
    // Who had it before may have removed it; from here on nobody will.
    if (!same_file(fd.get(), dir, name.c_str(), stat_flags)) return sys::refused(ENOENT);
    return fd;
}

} // namespace

std::vector<Holder> holders(int dir) {
    std::vector<Holder> found;
    auto st = sys::fstat(dir);
    auto text = sys::read_file("/proc/locks", 64 << 20);
    if (!st || !text) return found;
    dev_t device = device_of(dir, (*st).st_dev);
    for (std::string_view rest = *text; !rest.empty();) {
        std::string line(spec::take_line(rest));
        char type[16] = "", mode[16] = "";
        int pid = 0;
        unsigned high = 0, low = 0;
        unsigned long long inode = 0;
        // Those who wait have `->` in place of the type.
        int fields =
            std::sscanf(line.c_str(), "%*u: %15s %*s %15s %d %x:%x:%llu", type, mode, &pid, &high, &low, &inode);
        if (fields != 6 || std::string_view(type) != "FLOCK") continue;
        if (makedev(high, low) != device || inode != (*st).st_ino || pid <= 0) continue;
        found.push_back({pid, std::string_view(mode) == "WRITE" ? Hold::exclusive : Hold::shared});
    }
    std::sort(found.begin(), found.end(), [](const Holder& a, const Holder& b) { return a.pid < b.pid; });
    // The list goes on changing between two parts that are read of it: one may be told twice.
    auto same = [](const Holder& a, const Holder& b) { return a.pid == b.pid; };
    found.erase(std::unique(found.begin(), found.end(), same), found.end());
    return found;
}

Result<Fd> lock(const std::string& path, Hold hold) { return take(AT_FDCWD, path, hold, 0, 0); }
Result<Fd> lock_at(int dir, const std::string& name, Hold hold) {
    return take(dir, name, hold, O_NOFOLLOW, AT_SYMLINK_NOFOLLOW);
}

} // namespace ajail::store
