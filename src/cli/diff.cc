// SPDX-License-Identifier: Apache-2.0
// See diff.h. Never git: it reads settings, and may run what they say.
#include "cli/diff.h"

#include "spec/plan.h"
#include "store/make.h"
#include "sys/calls.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

namespace ajail::cli {

namespace {

using sys::Fd;
using sys::Result;

constexpr const char *kBold = "\033[1m", *kCyan = "\033[36m", *kRed = "\033[31m", *kGreen = "\033[32m",
                     *kPlain = "\033[m";

bool set(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

// In the directories of PATH that are absolute.
std::string program(std::string_view name) {
    const char* path = std::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
    while (!rest.empty()) {
        std::string_view dir = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(dir.size() + 1, rest.size()));
        std::string found = std::string(dir) + "/" + std::string(name);
        if (dir.starts_with('/') && ::access(found.c_str(), X_OK) == 0) return found;
    }
    return {};
}

// What the user's pager is to be called with; empty: none.
std::string pager() {
    for (const char* variable : {"GIT_PAGER", "PAGER"})
        if (const char* wish = std::getenv(variable)) return std::strcmp(wish, "cat") == 0 ? "" : wish;
    std::string less = program("less");
    return less.empty() ? "" : "less -FRX";
}

void ordinary_signals() {
    (void)::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

int ended(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// diff(1) on the two, and its output.
struct Running {
    pid_t pid = -1;
    Fd out;
};
std::optional<Running> start(const std::string& diff, const Fd& before, const Fd& after, const std::string& was,
                             const std::string& is) {
    auto pipe = sys::pipe();
    auto null = sys::open("/dev/null", O_RDWR);
    if (!pipe || !null) return std::nullopt;
    auto [from, to] = std::move(pipe).take();
    constexpr int kBefore = 3, kAfter = 4;
    std::vector<std::string> words = {"diff",    "-u", "--label",         was,
                                      "--label", is,   "/proc/self/fd/3", "/proc/self/fd/4"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    char* none[] = {nullptr};
    // Out of the way of the numbers that they get.
    Fd first(::fcntl(before.get(), F_DUPFD_CLOEXEC, 10)), second(::fcntl(after.get(), F_DUPFD_CLOEXEC, 10));
    Fd output(::fcntl(to.get(), F_DUPFD_CLOEXEC, 10)), input(::fcntl((*null).get(), F_DUPFD_CLOEXEC, 10));
    pid_t pid = ::fork();
    if (pid < 0) return std::nullopt;
    if (pid == 0) {
        bool ready = ::dup2(input.get(), 0) == 0 && ::dup2(output.get(), 1) == 1 && ::dup2(input.get(), 2) == 2 &&
                     ::dup2(first.get(), kBefore) == kBefore && ::dup2(second.get(), kAfter) == kAfter;
        ordinary_signals();
        if (ready) ::execve(diff.c_str(), argv.data(), none);
        ::_exit(127);
    }
    return Running{pid, std::move(from)};
}

Result<Fd> open_side(const DiffSide& side) {
    if (S_ISREG(side.mode))
        return sys::openat2(side.top, side.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                            store::kBeneath);
    if (!S_ISLNK(side.mode)) return sys::open("/dev/null", O_RDONLY);
    Fd link = TRY(sys::openat2(side.top, side.path.c_str(), O_PATH | O_NOFOLLOW, store::kBeneath));
    std::string target = TRY(sys::readlinkat(link.get(), ""));
    Fd text = TRY(sys::memory_file("ajail"));
    TRY(sys::write_all(text.get(), target + "\n"));
    if (::lseek(text.get(), 0, SEEK_SET) < 0) return sys::failed(sys::Call::read);
    return text;
}

} // namespace

Paper::Paper() {
    if (::isatty(1) != 1) return;
    colours_ = !set("NO_COLOR") && !(std::getenv("TERM") != nullptr && std::strcmp(std::getenv("TERM"), "dumb") == 0);
    std::string command = pager();
    auto pipe = sys::pipe();
    if (command.empty() || !pipe) return;
    auto [from, to] = std::move(pipe).take();
    stdout_.reset(::fcntl(1, F_DUPFD_CLOEXEC, 3));
    pager_ = ::fork();
    if (pager_ == 0) {
        ordinary_signals();
        std::string shell = "sh", option = "-c"; // PAGER is a command line
        char* argv[] = {shell.data(), option.data(), command.data(), nullptr};
        if (::dup2(from.get(), 0) == 0) ::execve("/bin/sh", argv, environ);
        ::_exit(127);
    }
    if (pager_ > 0) (void)::dup2(to.get(), 1);
}

Paper::~Paper() { (void)end(); }

void Paper::flush() {
    if (!failed_ && !waiting_.empty())
        if (auto written = sys::write_all(1, waiting_); !written) {
            failed_ = true;
            error_ = written.error().err;
        }
    waiting_.clear();
}

bool Paper::end() {
    flush();
    if (pager_ > 0) {
        (void)::dup2(stdout_.get(), 1); // its input ends
        (void)ended(std::exchange(pager_, -1));
        if (error_ == EPIPE) failed_ = false; // it was left early
    }
    errno = error_;
    return !failed_;
}

void Paper::text(std::string_view text) {
    constexpr std::size_t kMuch = 64 << 10;
    waiting_ += text;
    if (waiting_.size() >= kMuch) flush();
}

void Paper::coloured(const char* colour, const std::string& line) {
    if (colours_) text(colour + line + kPlain + "\n");
    else text(line + "\n");
}

void Paper::head(const std::string& line) { coloured(kBold, line.substr(0, line.size() - 1)); }

void Paper::difference(std::string_view its_line) {
    if (its_line.starts_with("\\ ")) return text(std::string(its_line) + "\n"); // of diff: no newline at the end
    std::string shown;
    while (!its_line.empty()) { // tabs are part of a text
        std::size_t tab = its_line.find('\t');
        shown += spec::escape(its_line.substr(0, tab));
        if (tab == std::string_view::npos) break;
        shown += '\t';
        its_line.remove_prefix(tab + 1);
    }
    bool names = shown.starts_with("--- ") || shown.starts_with("+++ ");
    if (names) coloured(kBold, shown);
    else if (shown.starts_with("@@")) coloured(kCyan, shown);
    else if (shown.starts_with('-')) coloured(kRed, shown);
    else if (shown.starts_with('+')) coloured(kGreen, shown);
    else text(shown + "\n");
}

namespace {

// The lines of FILE, each with SIGN before it; or only counted, if there is no paper. What has a NUL in it, or a line that
// nobody reads, is no text: a jail can make files of any size that are nothing but holes.
struct Lines {
    std::size_t count = 0;
    bool binary = false, ends = true; ///< with a newline
};
constexpr std::size_t kLongest = 1 << 20;
Lines read_lines(const Fd& file, Paper* paper, char sign) {
    Lines lines;
    std::string rest;
    std::vector<char> block(64 << 10);
    for (;;) {
        auto got = sys::read_some(file.get(), block);
        if (!got || *got == 0) break;
        std::string_view text(block.data(), *got);
        lines.binary = text.find('\0') != std::string_view::npos || rest.size() > kLongest;
        if (lines.binary) return lines;
        lines.count += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
        lines.ends = text.back() == '\n';
        rest.append(text);
        std::size_t start = 0;
        for (std::size_t end; (end = rest.find('\n', start)) != std::string::npos; start = end + 1)
            if (paper != nullptr) paper->difference(sign + rest.substr(start, end - start));
        rest.erase(0, start);
    }
    if (!lines.ends) ++lines.count;
    if (!rest.empty() && paper != nullptr) paper->difference(sign + rest);
    return lines;
}

// All of one side, as diff -u would show it.
void whole(Paper& paper, const Fd& file, bool added, const std::string& label) {
    Lines lines = read_lines(file, nullptr, ' ');
    if (lines.binary) return paper.text("Binary files differ: " + spec::escape(label) + "\n");
    if (lines.count == 0 || ::lseek(file.get(), 0, SEEK_SET) < 0) return;
    std::string range = lines.count == 1 ? "1" : "1," + std::to_string(lines.count);
    paper.difference("--- " + (added ? "/dev/null" : label));
    paper.difference("+++ " + (added ? label : "/dev/null"));
    paper.difference(added ? "@@ -0,0 +" + range + " @@" : "@@ -" + range + " +0,0 @@");
    if (!read_lines(file, &paper, added ? '+' : '-').ends) paper.difference("\\ No newline at end of file");
}

} // namespace

void unified(Paper& paper, const DiffSide& before, const DiffSide& after) {
    auto has_text = [](mode_t mode) { return S_ISREG(mode) || S_ISLNK(mode); };
    if (!has_text(before.mode) && !has_text(after.mode)) return;
    auto was = open_side(before), is = open_side(after);
    std::string shown = spec::escape(after.mode != 0 ? after.shown : before.shown);
    if (!was || !is) return paper.text(shown + ": " + std::strerror((was ? is : was).error().err) + "\n");
    if (!has_text(before.mode)) return whole(paper, *is, true, after.shown);
    if (!has_text(after.mode)) return whole(paper, *was, false, before.shown);
    static const std::string diff = program("diff");
    if (diff.empty()) return paper.text("(there is no diff on this machine to show what differs)\n");
    auto label = [](const DiffSide& side) { return side.mode != 0 ? spec::escape(side.shown) : "/dev/null"; };
    auto running = start(diff, *was, *is, label(before), label(after));
    if (!running) return paper.text(shown + ": diff cannot be run: " + std::strerror(errno) + "\n");
    std::string rest;
    std::vector<char> block(64 << 10);
    bool binary = false;
    for (;;) {
        auto got = sys::read_some(running->out.get(), block);
        if (!got || *got == 0) break;
        rest.append(block.data(), *got);
        std::size_t start_of_line = 0;
        for (std::size_t end; (end = rest.find('\n', start_of_line)) != std::string::npos; start_of_line = end + 1) {
            std::string_view line = std::string_view(rest).substr(start_of_line, end - start_of_line);
            if (line.starts_with("Binary files ")) binary = true;
            else paper.difference(line);
        }
        rest.erase(0, start_of_line);
    }
    if (!rest.empty()) paper.difference(rest);
    running->out.reset();
    int status = ended(running->pid);
    if (binary) paper.text("Binary files differ: " + shown + "\n");
    else if (status != 0 && status != 1) paper.text(shown + ": diff failed\n");
}

} // namespace ajail::cli
