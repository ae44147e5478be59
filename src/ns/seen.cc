// SPDX-License-Identifier: Apache-2.0
// See seen.h.
#include "ns/seen.h"

#include "spec/procfs.h"

#include <charconv>
#include <climits>
#include <sys/prctl.h>
#include <sys/utsname.h>

namespace ajail::ns {

using sys::Done;
using sys::Fd;
using sys::Result;
using sys::Status;

namespace {

constexpr std::size_t kMost = 16 << 20;
constexpr pid_t kInit = 1;

Result<std::string> read_at(int dir, const char* path) {
    Fd file = TRY(sys::openat(dir, path, O_RDONLY));
    return sys::read_all(file.get(), kMost);
}

// What the kernel makes in one piece, it gives as far as there is room: less than that was all.
Result<std::string> read_piece(int fd) {
    std::string text;
    std::array<char, 4096> buffer;
    for (std::size_t n = buffer.size(); n == buffer.size() && text.size() <= kMost;) {
        n = TRY(sys::read_some(fd, buffer));
        text.append(buffer.data(), n);
    }
    return text;
}

// The jail's root is beneath a directory of scratch, which nothing leads to any more: no rule of the ruleset is above
// it, so opening it is refused by Landlock and by nobody else (its mode is 0755).
Result<bool> refused_outside(const Fd& outside) {
    auto opened = sys::openat(outside.get(), ".", O_RDONLY | O_DIRECTORY);
    if (!opened && opened.error().err != EACCES) return opened.error();
    return !opened;
}

Result<bool> may_signal(pid_t pid) {
    Status signalled = sys::kill(pid, 0);
    if (!signalled && signalled.error().err != EPERM) return signalled.error();
    return static_cast<bool>(signalled);
}

} // namespace

Result<spec::Status> status_of(int proc, const char* path) {
    Fd file = TRY(sys::openat(proc, path, O_RDONLY));
    auto status = spec::read_status(TRY(read_piece(file.get())));
    return status ? Result<spec::Status>(*std::move(status)) : sys::refused(EPROTO);
}

Result<spec::Namespaces> own_namespaces(int proc, const char* self) {
    spec::Namespaces inodes{};
    Fd dir = TRY(sys::openat(proc, self, O_PATH | O_DIRECTORY));
    for (std::size_t i = 0; i < inodes.size(); ++i) {
        // The text, `user:[4026531837]`: looking at the file itself would make the kernel make it.
        auto link = sys::readlinkat(dir.get(), spec::kNamespaces[i]);
        if (!link && link.error().err == ENOENT) continue; // this kernel has none of that kind
        std::string text = TRY(std::move(link));
        std::size_t digits = text.find('[');
        if (digits == std::string::npos) return sys::refused(EPROTO);
        (void)std::from_chars(text.data() + digits + 1, text.data() + text.size(), inodes[i]);
    }
    return inodes;
}

Result<Look> Look::around(const spec::Plan& plan, const spec::Namespaces& callers, mount::Built built,
                          std::int32_t keyring) {
    Look look(plan, std::move(built));
    look.keyring_ = keyring;
    look.seen_.callers = callers;
    look.seen_.mounts = std::move(look.built_.mounts);
    look.seen_.sysctls = std::move(look.built_.sysctls);
    look.seen_.mountinfo = TRY(read_at(look.built_.proc.get(), "self/mountinfo"));
    if (plan.second_userns) look.seen_.inits = TRY(own_namespaces(look.built_.proc.get()));
    return look;
}

Look Look::joining(const spec::Plan& plan, const spec::Namespaces& callers, const spec::Namespaces& inits, Fd proc,
                   Fd outside, std::int32_t keyring) {
    mount::Built built;
    built.proc = std::move(proc);
    built.outside = std::move(outside);
    Look look(plan, std::move(built));
    look.keyring_ = keyring;
    look.seen_.callers = callers;
    look.seen_.inits = inits;
    return look;
}

Fd Look::leave() {
    Fd proc = std::move(built_.proc);
    *this = Look(*plan_, {});
    return proc;
}

Status Look::with_capabilities() {
    if (!plan_->report) return Done{};
    int proc = built_.proc.get();
    spec::Seen::More more;
    std::string init = "1"; // the payload's parent, wherever it has another number
    if (plan_->callers_proc) {
        std::string own = TRY(read_at(proc, "self/status"));
        init = std::to_string(spec::number_of(own, "PPid"));
    }
    more.init = TRY(status_of(proc, (init + "/status").c_str()));
    auto exe = sys::readlinkat(proc, (init + "/exe").c_str());
    if (!exe && exe.error().err != EACCES && exe.error().err != EPERM) return exe.error();
    more.init_hidden = !exe;
    more.uid_map = TRY(read_at(proc, "self/uid_map"));
    more.gid_map = TRY(read_at(proc, "self/gid_map"));
    seen_.more = std::move(more);
    return Done{};
}

// Stdio that is a terminal is the slave: of the jail's own devpts, where the host has nothing.
Result<bool> Look::terminal_is(const Fd& slave) const {
    if (!slave) return true;
    struct stat own = TRY(sys::fstat(slave.get()));
    for (int fd = 0; fd < 3; ++fd) {
        if (!plan_->tty[static_cast<std::size_t>(fd)]) continue;
        struct stat is = TRY(sys::fstat(fd));
        if (is.st_dev != own.st_dev || is.st_ino != own.st_ino) return false;
    }
    return true;
}

Status Look::before_landlock(const Fd& slave) {
    int proc = built_.proc.get();
    seen_.own = TRY(own_namespaces(proc));
    seen_.securebits = TRY(sys::prctl(PR_GET_SECUREBITS));
    std::int32_t keyring = plan_->own_keyring ? TRY(sys::session_keyring()) : 0;
    if (keyring != 0 || keyring_ != 0) seen_.own_keyring = keyring == keyring_;
    seen_.terminal = TRY(terminal_is(slave));
    utsname name{};
    if (::uname(&name) == 0) seen_.hostname = name.nodename;
    std::array<char, PATH_MAX> cwd{};
    if (::syscall(SYS_getcwd, cwd.data(), cwd.size()) > 0) seen_.cwd = cwd.data();
    // Who could not signal init anyway cannot tell what forbids it.
    if (plan_->landlock_abi >= spec::kLandlockScopes) signals_init_ = TRY(may_signal(kInit));
    status_ = TRY(sys::openat(proc, "self/status", O_RDONLY));
    if (plan_->report) paper_ = TRY(sys::memory_file("ajail-report"));
    return Done{};
}

Status Look::before_filters() {
    if (plan_->landlock_abi > 0 && plan_->landlock_files) seen_.landlock_files = TRY(refused_outside(built_.outside));
    if (signals_init_) seen_.landlock_scopes = !TRY(may_signal(kInit));
    text_ = TRY(read_piece(status_.get()));
    auto status = spec::read_status(text_);
    if (!status) return sys::refused(EPROTO);
    seen_.status = *std::move(status);
    seen_.filters_before = seen_.status.filters;
    walls_ = spec::walls(*plan_, seen_, plan_->report);
    constexpr std::size_t kLonger = 256; // numbers that have grown meanwhile
    text_.resize(text_.size() + kLonger);
    return Done{};
}

Status Look::after_filters() {
    ssize_t n = ::pread(status_.get(), text_.data(), text_.size(), 0);
    if (n < 0) return sys::failed(sys::Call::read);
    if (!spec::read_filters({text_.data(), static_cast<std::size_t>(n)}, seen_.status)) return sys::refused(EPROTO);
    spec::add_filters(*plan_, seen_, plan_->report, walls_);
    return Done{};
}

} // namespace ajail::ns
