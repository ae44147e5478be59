// SPDX-License-Identifier: Apache-2.0
#include "probe/bait.h"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <ftw.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ajail::probe {

namespace {

using sys::Fd;

constexpr const char* kContent = "content\n";

char g_secret[64] = "ajail: a secret in memory"; // in the victim, too, at the same address

bool write_file(const std::string& path, const char* text, mode_t mode) {
    Fd file(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode));
    return file && ::write(file.get(), text, std::strlen(text)) == static_cast<ssize_t>(std::strlen(text));
}

std::string read_file(const std::string& path) {
    Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string all;
    char part[8192];
    for (ssize_t n = 0; file && (n = ::read(file.get(), part, sizeof part)) > 0;)
        all.append(part, static_cast<std::size_t>(n));
    return all;
}

std::string link_of(const std::string& path) {
    char to[64] = "";
    ssize_t n = ::readlink(path.c_str(), to, sizeof to - 1);
    return n > 0 ? std::string(to, static_cast<std::size_t>(n)) : std::string();
}

std::string identity(const std::string& path) { // DEVICE:INODE:PATH
    struct stat st {};
    if (::stat(path.c_str(), &st) < 0) return {};
    return std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino) + ":" + path;
}

Fd unix_socket(int type, bool abstract, const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.size() + 2 > sizeof address.sun_path) return {};
    std::memcpy(address.sun_path + (abstract ? 1 : 0), name.data(), name.size());
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
    Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) < 0) return {};
    if (type == SOCK_STREAM && ::listen(fd.get(), 8) < 0) return {};
    return fd;
}

Fd tcp_listener(int& port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (!fd || ::bind(fd.get(), any, size) < 0 || ::listen(fd.get(), 8) < 0 ||
        ::getsockname(fd.get(), any, &size) < 0)
        return {};
    port = ntohs(address.sin_port);
    return fd;
}

int remove_one(const char* path, const struct stat* st, int kind, struct FTW*) {
    if (kind == FTW_DNR || (st != nullptr && S_ISDIR(st->st_mode))) (void)::rmdir(path);
    else (void)::unlink(path);
    return 0;
}
int open_up(const char* path, const struct stat* st, int, struct FTW*) {
    if (st != nullptr && S_ISDIR(st->st_mode)) (void)::chmod(path, 0700);
    return 0;
}

constexpr int kDeep = 16;

} // namespace

std::unique_ptr<Bait> Bait::make(const std::string& parent) {
    std::unique_ptr<Bait> bait(new Bait);
    std::string name = parent + "/ajail-verify.XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) return nullptr;
    bait->directory_ = name;
    // What ends us is put off until all of it is gone.
    sigset_t ends;
    ::sigemptyset(&ends);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::sigaddset(&ends, signal);
    (void)::sigprocmask(SIG_BLOCK, &ends, &bait->mask_);
    // The victim removes the objects, so it must know of them.
    if (!bait->files() || (bait->objects(), !bait->victim())) {
        int err = errno;
        bait.reset();
        errno = err;
        return nullptr;
    }
    bait->places();
    bait->terminal();
    return bait;
}

Bait::~Bait() {
    alive_.reset();
    if (victim_ > 0) (void)::waitpid(victim_, nullptr, 0);
    else (void)::nftw(directory_.c_str(), remove_one, kDeep, FTW_DEPTH | FTW_PHYS);
    (void)::sigprocmask(SIG_SETMASK, &mask_, nullptr);
}

bool Bait::files() {
    for (const char* name :
         {"work", "work/deep", "work/deep/hidden", "work/between", "work/.git", "work/.git/hooks",
          "work/.git/modules", "work/.git/modules/sub", "work/.git/objects", "work/.git/refs", "fixed"})
        if (::mkdir((directory_ + "/" + name).c_str(), 0755) < 0) return false;
    constexpr struct {
        const char *name, *content;
        mode_t mode;
    } kFiles[] = {{"secret", "secret\n", 0600},
                  {"input", "input\n", 0400},
                  {"log", "", 0600},
                  {"fixed/file", kContent, 0644},
                  {"work/between/file", kContent, 0644},
                  {"work/deep/hidden/file", "secret\n", 0644},
                  {"work/.git/HEAD", "ref: refs/heads/main\n", 0644},
                  {"work/.git/config", "[core]\n\tbare = false\n", 0644},
                  {"work/.git/modules/sub/config", "[core]\n\tbare = false\n", 0644},
                  {"work/.git/hooks/pre-commit", "#!/bin/sh\n", 0755}};
    for (const auto& file : kFiles)
        if (!write_file(directory_ + "/" + file.name, file.content, file.mode)) return false;
    add("secret", directory_ + "/secret");
    if (Fd socket = unix_socket(SOCK_STREAM, false, directory_ + "/socket")) {
        add("socket", directory_ + "/socket");
        held_.push_back(std::move(socket));
    }
    return true;
}

void Bait::objects() {
    std::string name = "ajail-verify-" + std::to_string(::getpid());
    Fd stream = unix_socket(SOCK_STREAM, true, name), datagram = unix_socket(SOCK_DGRAM, true, name + ".d");
    if (stream && datagram) add("abstract", name);
    int port = 0;
    Fd tcp = tcp_listener(port);
    if (tcp) add("port", std::to_string(port));
    for (Fd* fd : {&stream, &datagram, &tcp})
        if (*fd) held_.push_back(std::move(*fd));
    auto key = static_cast<key_t>(0x616a0000 + (::getpid() & 0xffff));
    shm_ = ::shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600);
    sem_ = ::semget(key, 1, IPC_CREAT | IPC_EXCL | 0600);
    if (shm_ >= 0 && sem_ >= 0) add("key", std::to_string(key));
    mqd_t queue = ::mq_open(("/" + name).c_str(), O_CREAT | O_EXCL | O_RDWR, 0600, nullptr);
    Fd shm(::shm_open(("/" + name).c_str(), O_CREAT | O_EXCL | O_RDWR, 0600));
    if (queue != static_cast<mqd_t>(-1) && shm) add("posix", name);
    if (queue != static_cast<mqd_t>(-1)) (void)::mq_close(queue);
    key_ = ::syscall(SYS_add_key, "user", name.c_str(), "x", 1, KEY_SPEC_USER_KEYRING);
    constexpr int kGoneAfter = 300;            // seconds, whatever happens
    constexpr unsigned kUsersToo = 0x3f3f0000; // not only for who has it in the session's keyring
    if (key_ >= 0 && ::syscall(SYS_keyctl, KEYCTL_SETPERM, key_, kUsersToo) == 0 &&
        ::syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, key_, kGoneAfter) == 0)
        add("user_key", name);
    add("session_key", name + "-session");
}

// Of the host's process that is attacked: it ends when the bait does, and takes everything with it.
bool Bait::victim() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return false;
    Fd wait(ends[0]);
    alive_.reset(ends[1]);
    victim_ = ::fork();
    if (victim_ < 0) return false;
    if (victim_ == 0) {
        alive_.reset();
        wait_and_clean_up(wait.get());
    }
    std::string name = "aj-" + std::to_string(victim_); // 15 characters at most
    add("word", name);
    add("victim", std::to_string(victim_));
    add("victim_fd", "0");
    add("address", std::to_string(reinterpret_cast<unsigned long>(g_secret)));
    std::string comm = "/proc/" + std::to_string(victim_) + "/comm";
    for (int i = 0; i < 1000 && read_file(comm) != name + "\n"; ++i) (void)::usleep(200);
    return true;
}

void Bait::wait_and_clean_up(int alive) const {
    (void)::setsid(); // a terminal's ^C is not for it
    (void)::prctl(PR_SET_NAME, ("aj-" + std::to_string(::getpid())).c_str());
    (void)::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); // Yama, where there is one, would be the wall instead
    char byte = 0;
    while (::read(alive, &byte, 1) < 0 && errno == EINTR) {
    }
    if (shm_ >= 0) (void)::shmctl(shm_, IPC_RMID, nullptr);
    if (sem_ >= 0) (void)::semctl(sem_, 0, IPC_RMID);
    std::string name = "/ajail-verify-" + std::to_string(::getppid());
    for (const std::string& word : words_)
        if (word.starts_with("posix=")) name = "/" + word.substr(std::strlen("posix="));
    (void)::mq_unlink(name.c_str());
    (void)::shm_unlink(name.c_str());
    if (key_ >= 0) (void)::syscall(SYS_keyctl, KEYCTL_UNLINK, key_, KEY_SPEC_USER_KEYRING);
    (void)::nftw(directory_.c_str(), open_up, kDeep, FTW_PHYS);
    (void)::nftw(directory_.c_str(), remove_one, kDeep, FTW_DEPTH | FTW_PHYS);
    ::_exit(0);
}

void Bait::places() {
    const char* home = std::getenv("HOME");
    for (auto [key, path] : {std::pair{"tmp", "/tmp"}, {"run", "/run"}, {"root", "/"}, {"home", home}})
        if (path != nullptr && (std::strcmp(path, "/") != 0 || std::strcmp(key, "root") == 0))
            if (std::string id = identity(path); !id.empty()) add(key, id);
    std::string spaces;
    for (const char* kind : {"user", "mnt", "pid", "ipc", "uts", "cgroup", "net"})
        spaces += link_of(std::string("/proc/self/ns/") + kind) + ",";
    add("namespaces", spaces);
    constexpr std::size_t kEnough = 12; // of the 32 digits: to recognise it, not to tell it
    if (std::string id = read_file("/etc/machine-id"); id.size() >= kEnough) add("machine", id.substr(0, kEnough));
    char host[256] = "";
    if (::gethostname(host, sizeof host - 1) == 0 && std::strcmp(host, "localhost") != 0) add("hostname", host);
}

void Bait::terminal() {
    int unlock = 0, number = -1;
    master_.reset(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!master_ || ::ioctl(master_.get(), TIOCSPTLCK, &unlock) < 0 || ::ioctl(master_.get(), TIOCGPTN, &number) < 0)
        return;
    std::string path = "/dev/pts/" + std::to_string(number);
    slave_.reset(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (slave_) add("pts", identity(path));
}

void Bait::careless(const std::function<int()>& body) const {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)::sigprocmask(SIG_SETMASK, &mask_, nullptr);
    Fd input(::open((directory_ + "/input").c_str(), O_RDONLY | O_CLOEXEC));
    Fd log(::open((directory_ + "/log").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    (void)::setsid();
    if (slave_) (void)::ioctl(slave_.get(), TIOCSCTTY, 0);
    const Fd& err = slave_ ? slave_ : log;
    if (!input || !log || ::dup2(input.get(), 0) < 0 || ::dup2(log.get(), 1) < 0 || ::dup2(err.get(), 2) < 0)
        ::_exit(125);
    // Not closed on exec: whoever starts the payload must do it.
    if (::open((directory_ + "/secret").c_str(), O_RDONLY) < 0) ::_exit(125);
    std::string name;
    for (const std::string& word : words_)
        if (word.starts_with("session_key=")) name = word.substr(std::strlen("session_key="));
    if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) >= 0)
        (void)::syscall(SYS_add_key, "user", name.c_str(), "x", 1, KEY_SPEC_SESSION_KEYRING);
    ::_exit(body());
}

int Bait::launch(const std::function<int()>& body) {
    pid_t pid = ::fork();
    if (pid == 0) careless(body);
    constexpr int kTick = 20; // ms
    int status = 0;
    bool ended = pid < 0;
    for (bool more = true; more;) { // what is left is read once more after the end
        more = !ended;
        pollfd waits{master_ ? master_.get() : -1, POLLIN, 0};
        char part[4096];
        if (::poll(&waits, 1, ended ? 0 : kTick) > 0)
            if (ssize_t n = ::read(master_.get(), part, sizeof part); n > 0)
                said_.append(part, static_cast<std::size_t>(n));
        sigset_t pending;
        bool stop = ::sigpending(&pending) == 0 &&
                    (::sigismember(&pending, SIGINT) == 1 || ::sigismember(&pending, SIGTERM) == 1 ||
                     ::sigismember(&pending, SIGHUP) == 1);
        if (stop && !ended) (void)::kill(pid, SIGKILL);
        ended = ended || ::waitpid(pid, &status, WNOHANG) == pid;
    }
    return pid < 0 ? -1 : status;
}

std::string Bait::output() const { return read_file(directory_ + "/log"); }

bool Bait::untouched() const {
    struct stat st {};
    for (const char* name : {"/fixed/file", "/work/between/file"})
        if (read_file(directory_ + name) != kContent) return false;
    if (::stat((directory_ + "/fixed").c_str(), &st) < 0 || st.st_nlink != 2) return false;
    return ::stat((directory_ + "/secret.planted").c_str(), &st) < 0 && read_file(directory_ + "/input") == "input\n";
}

} // namespace ajail::probe
