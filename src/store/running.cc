// SPDX-License-Identifier: Apache-2.0
// See running.h. A file gets its name once it is locked and whole: whoever can lock one has found what a killed monitor
// has left.
#include "store/running.h"

#include "store/store.h"

#include <algorithm>
#include <cerrno>
#include <sys/file.h>

namespace ajail::store {

using sys::Fd;
using sys::Result;

namespace {

constexpr std::string_view kFile = ".jail";
constexpr const char* kSocket = ".sock";
constexpr std::size_t kMostText = 1 << 20;

std::string file_of(const std::string& name) { return name + std::string(kFile); }

// Short, whatever the directory is called: an address of a socket has room for 107 bytes (unix(7)).
std::string address_of(const Fd& dir, const std::string& name) {
    return "/proc/self/fd/" + std::to_string(dir.get()) + "/" + name + kSocket;
}

// The file last: by that what is left is found, and removed by the next one who looks.
void forget(const Fd& dir, const std::string& name) {
    if (::unlinkat(dir.get(), (name + kSocket).c_str(), 0) == 0 || errno == ENOENT)
        (void)::unlinkat(dir.get(), file_of(name).c_str(), 0);
}

// The file of NAME; none if nobody holds it, and then it is gone. Who is asked for it waits a moment for the lock that
// is taken here.
Result<Fd> held(const Fd& dir, const std::string& name) {
    Fd file = TRY(sys::openat(dir.get(), file_of(name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (!sys::flock(file.get(), LOCK_EX)) return file;
    struct stat st = TRY(sys::fstat(file.get()));
    if (st.st_nlink != 0) forget(dir, name); // else somebody was faster, and the name may be another's by now
    return Fd();
}

} // namespace

std::string running_directory(const char* runtime, const std::string& home) {
    std::string_view dir = runtime == nullptr ? "" : runtime;
    struct stat st {};
    bool usable = dir.starts_with('/') && ::stat(runtime, &st) == 0 && S_ISDIR(st.st_mode) &&
                  st.st_uid == ::geteuid() && (st.st_mode & 022) == 0;
    return usable ? std::string(dir) + "/ajail" : home + "/running";
}

Result<Running> Running::note(const std::string& directory, const std::string& name, std::string_view text) {
    Running one;
    one.dir_ = TRY(open_own(directory));
    one.file_ = TRY(sys::openat(one.dir_.get(), ".", O_TMPFILE | O_RDWR, 0600));
    TRY(sys::flock(one.file_.get(), LOCK_EX));
    // A caller's limit on files is no reason to die (SIGXFSZ, setrlimit(2)): it is one not to be noted down.
    auto before = ::signal(SIGXFSZ, SIG_IGN);
    sys::Status written = sys::write_all(one.file_.get(), text);
    (void)::signal(SIGXFSZ, before);
    TRY(std::move(written));
    sys::Status linked = sys::link_file(one.file_.get(), one.dir_.get(), file_of(name).c_str());
    if (!linked && linked.error().err == EEXIST) {
        auto other = held(one.dir_, name);
        if (other && *other) return sys::refused(EEXIST);
        linked = sys::link_file(one.file_.get(), one.dir_.get(), file_of(name).c_str());
    }
    TRY(std::move(linked));
    one.name_ = name; // ours to remove from here on
    std::string address = address_of(one.dir_, name);
    auto door = sys::listen_packets(address.c_str());
    if (!door && door.error().err == EADDRINUSE) {
        (void)::unlinkat(one.dir_.get(), (name + kSocket).c_str(), 0);
        door = sys::listen_packets(address.c_str());
    }
    one.door_ = TRY(std::move(door));
    return one;
}

Running::~Running() {
    if (dir_ && !name_.empty()) forget(dir_, name_);
}

std::vector<Jail> running(const std::string& directory) {
    std::vector<Jail> found;
    auto dir = sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    auto names = dir ? sys::names_in((*dir).get()) : Result<std::vector<std::string>>(dir.error());
    if (!names) return found;
    for (const std::string& file : *names) {
        if (!file.ends_with(kFile)) continue;
        std::string name = file.substr(0, file.size() - kFile.size());
        if (!good_name(name)) continue;
        auto holds = held(*dir, name);
        auto text =
            holds && *holds ? sys::read_all((*holds).get(), kMostText) : Result<std::string>(sys::refused(ENOENT));
        if (text) found.push_back({name, *text});
    }
    std::sort(found.begin(), found.end(), [](const Jail& a, const Jail& b) { return a.name < b.name; });
    return found;
}

bool is_running(const std::string& directory, const std::string& name) {
    auto dir = sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!dir) return false;
    auto holds = held(*dir, name);
    return holds && *holds;
}

Result<Fd> knock(const std::string& directory, const std::string& name) {
    Fd dir = TRY(sys::open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
    for (int more = 100;; --more) {
        auto door = sys::connect_packets(address_of(dir, name).c_str());
        // It comes a moment after the note, which is what others see.
        if (door || more == 0 || !is_running(directory, name)) return door;
        (void)sys::poll({}, 10);
    }
}

} // namespace ajail::store
