// SPDX-License-Identifier: Apache-2.0
// Error, Result and TRY. An error is coordinates (what was being done, which call, which operation of the plan,
// errno), eight bytes that cross clone3 as they are; the sentence is made by src/cli, which has the plan.
// std::expected is not used: GCC 12 has it in C++23 only and clang 14 cannot compile it.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>

namespace ajail::sys {

/// What ajail was doing; the first word of a message.
enum class Stage : std::uint8_t {
    none,
    start,
    namespaces,
    idmap,
    ids,
    hostname,
    network,
    mount,
    pivot,
    terminal,
    payload,
    capabilities,
    no_new_privs,
    landlock,
    seccomp,
    readback,
    exec,
    monitor,
    store,
    enter,
    info,
    lock,
    nested,
    limits,
    report,
    protect
};

/// The call that failed. `check` is ajail's own refusal: the call worked, what it showed is not acceptable. `parents`
/// and `target`: what it took to have the directories above a mount's target, and the target itself.
enum class Call : std::uint8_t {
    none,
    check,
    capset,
    chdir,
    chroot,
    clone3,
    close_range,
    connect,
    dup3,
    execve,
    fchown,
    flock,
    fsconfig,
    fsmount,
    fsopen,
    fstat,
    getdents,
    helper,
    ioctl,
    keyctl,
    kill,
    landlock,
    mkdir,
    mknod,
    mmap,
    mount_setattr,
    move_mount,
    open,
    open_tree,
    openat2,
    pidfd,
    pipe,
    pivot_root,
    poll,
    prctl,
    read,
    readlink,
    recv,
    rename,
    rmdir,
    seccomp,
    send,
    setgroups,
    sethostname,
    setresgid,
    setresuid,
    setrlimit,
    setsid,
    sigmask,
    signalfd,
    socket,
    symlink,
    umount,
    unlink,
    unshare,
    waitid,
    write,
    chmod,
    fcntl_lock,
    parents,
    setns,
    target,
    sched_setaffinity,
    kcmp,
    getrlimit,
    sysinfo,
    uname,
    link,
    inotify
};

constexpr std::uint16_t kNoOp = 0xffff;

struct Error {
    Stage stage = Stage::none;
    Call call = Call::none;
    std::uint16_t op = kNoOp; ///< index into Plan::ops, or kNoOp
    std::int32_t err = 0;     ///< errno
};
static_assert(sizeof(Error) == 8 && std::is_trivially_copyable_v<Error>, "crosses clone3 as bytes");

const char* name(Stage stage);
const char* name(Call call);

struct Done {};

/// A value or an Error. `if (!r)` means that it failed.
template <class T> class [[nodiscard]] Result {
public:
    Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : v_(std::in_place_index<1>, error) {}
    explicit operator bool() const { return v_.index() == 0; }
    const Error& error() const { return *std::get_if<1>(&v_); }
    T take() && { return std::move(*std::get_if<0>(&v_)); }
    const T& operator*() const { return *std::get_if<0>(&v_); }

private:
    std::variant<T, Error> v_;
};

using Status = Result<Done>;

/// The same error, said to have happened during STAGE.
template <class T> Result<T> during(Stage stage, Result<T> result) {
    if (result) return result;
    Error error = result.error();
    error.stage = stage;
    return error;
}

/// The same error, of a call that says what it was for.
inline Error as(Call call, Error error) {
    error.call = call;
    return error;
}

} // namespace ajail::sys

/// Takes the value of a Result or returns its error from the enclosing function. Only as a whole statement or a
/// whole initialiser, never inside an expression.
#define TRY(...)                     \
    __extension__({                  \
        auto&& try_ = (__VA_ARGS__); \
        if (!try_) [[unlikely]]      \
            return try_.error();     \
        std::move(try_).take();      \
    })
