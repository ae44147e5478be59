// SPDX-License-Identifier: Apache-2.0
// The words for stages and calls, as they stand in messages.
#include "sys/result.h"

namespace ajail::sys {

const char* name(Stage stage) {
    switch (stage) {
    case Stage::none: return "";
    case Stage::start: return "start";
    case Stage::namespaces: return "namespaces";
    case Stage::idmap: return "id map";
    case Stage::ids: return "ids";
    case Stage::hostname: return "hostname";
    case Stage::network: return "network";
    case Stage::mount: return "mount";
    case Stage::pivot: return "pivot";
    case Stage::terminal: return "terminal";
    case Stage::payload: return "payload";
    case Stage::capabilities: return "capabilities";
    case Stage::no_new_privs: return "no_new_privs";
    case Stage::landlock: return "landlock";
    case Stage::seccomp: return "seccomp";
    case Stage::readback: return "read-back";
    case Stage::exec: return "exec";
    case Stage::monitor: return "monitor";
    case Stage::store: return "store";
    case Stage::enter: return "enter namespace";
    case Stage::info: return "info";
    case Stage::lock: return "lock";
    case Stage::nested: return "nested user namespaces";
    case Stage::limits: return "limits";
    case Stage::report: return "report";
    case Stage::protect: return "protect";
    }
    return "?";
}

const char* name(Call call) {
    switch (call) {
    case Call::none: return "";
    case Call::check: return "check";
    case Call::capset: return "capset";
    case Call::chdir: return "chdir";
    case Call::chroot: return "chroot";
    case Call::clone3: return "clone3";
    case Call::close_range: return "close_range";
    case Call::connect: return "connect";
    case Call::dup3: return "dup3";
    case Call::execve: return "execve";
    case Call::fchown: return "fchown";
    case Call::flock: return "flock";
    case Call::fsconfig: return "fsconfig";
    case Call::fsmount: return "fsmount";
    case Call::fsopen: return "fsopen";
    case Call::fstat: return "fstat";
    case Call::getdents: return "getdents";
    case Call::helper: return "helper";
    case Call::ioctl: return "ioctl";
    case Call::keyctl: return "keyctl";
    case Call::kill: return "kill";
    case Call::landlock: return "landlock";
    case Call::mkdir: return "mkdir";
    case Call::mknod: return "mknod";
    case Call::mmap: return "mmap";
    case Call::mount_setattr: return "mount_setattr";
    case Call::move_mount: return "move_mount";
    case Call::open: return "open";
    case Call::open_tree: return "open_tree";
    case Call::openat2: return "openat2";
    case Call::pidfd: return "pidfd";
    case Call::pipe: return "pipe";
    case Call::pivot_root: return "pivot_root";
    case Call::poll: return "poll";
    case Call::prctl: return "prctl";
    case Call::read: return "read";
    case Call::readlink: return "readlink";
    case Call::recv: return "recvmsg";
    case Call::rename: return "rename";
    case Call::rmdir: return "rmdir";
    case Call::seccomp: return "seccomp";
    case Call::send: return "sendmsg";
    case Call::setgroups: return "setgroups";
    case Call::sethostname: return "sethostname";
    case Call::setresgid: return "setresgid";
    case Call::setresuid: return "setresuid";
    case Call::setrlimit: return "setrlimit";
    case Call::setsid: return "setsid";
    case Call::sigmask: return "sigprocmask";
    case Call::signalfd: return "signalfd";
    case Call::socket: return "socket";
    case Call::symlink: return "symlink";
    case Call::umount: return "umount";
    case Call::unlink: return "unlink";
    case Call::unshare: return "unshare";
    case Call::waitid: return "waitid";
    case Call::write: return "write";
    case Call::chmod: return "chmod";
    case Call::fcntl_lock: return "fcntl";
    case Call::parents: return "parent directories";
    case Call::setns: return "setns";
    case Call::target: return "target";
    case Call::sched_setaffinity: return "sched_setaffinity";
    case Call::kcmp: return "kcmp";
    case Call::getrlimit: return "getrlimit";
    case Call::sysinfo: return "sysinfo";
    case Call::uname: return "uname";
    case Call::link: return "linkat";
    case Call::inotify: return "inotify";
    }
    return "?";
}

} // namespace ajail::sys
