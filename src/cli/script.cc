// SPDX-License-Identifier: Apache-2.0
// See script.h. The jail's stdio are files, never the terminal: what comes out of an archive or a repository is escaped
// before anybody sees it.
#include "cli/script.h"

#include "cli/caller.h"
#include "cli/run.h"
#include "cli/words.h"
#include "sys/calls.h"

#include <sys/mman.h>
#include <unistd.h>

namespace ajail::cli {

using sys::Fd;

namespace {

// The line of TEXT that says most: tar sums up at the end, and mentions harmless things at the beginning.
std::string telling_line(const std::string& text) {
    std::string found;
    for (std::size_t start = 0; start < text.size() && found.empty();) {
        std::size_t end = std::min(text.find('\n', start), text.size());
        std::string line = text.substr(start, end - start);
        bool harmless = line.find(": Removing leading") != std::string::npos || line.empty();
        if (!harmless) found = line;
        start = end + 1;
    }
    constexpr std::size_t kLongest = 300;
    return spec::escape(found.substr(0, kLongest));
}

} // namespace

spec::Spec script_jail() {
    spec::Spec spec;
    spec.identity = spec::Identity::root;
    auto add = [&](spec::Mount mount) { spec.mounts.push_back(std::move(mount)); };
    for (spec::Mount& mount : host_system()) {
        if (auto* overlay = std::get_if<spec::Overlay>(&mount)) add(spec::Bind{overlay->source, overlay->target});
        else if (auto* link = std::get_if<spec::Symlink>(&mount); link != nullptr && link->target != "/var/run")
            add(std::move(mount));
    }
    add(spec::Proc{"/proc"}); // with it goes that there are no user namespaces inside
    add(spec::Dev{"/dev"});
    spec.command.env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"LC_ALL", "C"}};
    return spec;
}

Done run_script(const spec::Spec& spec, int in, int out, const spec::Host& host, const ns::Caller& process,
                bool verbose) {
    Done done;
    Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    Fd heard(::memfd_create("ajail", MFD_CLOEXEC));
    if (!null || !heard) return {kFailed, "/dev/null or a memfd cannot be opened"};
    spec::Host without_terminal = host;
    without_terminal.tty = {false, false, verbose && host.tty[2]};
    {
        Stdio stdio({in >= 0 ? in : null.get(), out >= 0 ? out : null.get(), verbose ? 2 : heard.get()});
        if (!stdio.ok()) return {kFailed, "stdio cannot be arranged"};
        auto lowered = spec::lower(spec, without_terminal);
        if (auto* refusal = std::get_if<spec::Refusal>(&lowered)) return {kFailed, refusal->message};
        done.code = execute(std::get<spec::Plan>(lowered), process);
    }
    if (done.code == 0) return done;
    std::string text(1 << 16, '\0');
    ssize_t size = ::pread(heard.get(), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    done.said = telling_line(text);
    constexpr std::string_view kOurs = "ajail: ";
    if (done.code == kFailed && done.said.starts_with(kOurs)) done.said.erase(0, kOurs.size());
    if (done.code < 128) done.code = kFailed; // killed: as it was
    return done;
}

Stdio::Stdio(const std::array<int, 3>& fds) {
    for (std::size_t i = 0; i < 3; ++i) {
        int place = static_cast<int>(i);
        saved_[i].reset(::fcntl(place, F_DUPFD_CLOEXEC, 3));
        ok_ = ok_ && saved_[i] && (fds[i] == place || sys::dup2(fds[i], place));
    }
}

Stdio::~Stdio() {
    (void)std::fflush(stderr);
    for (std::size_t i = 0; i < 3; ++i)
        if (saved_[i]) (void)sys::dup2(saved_[i].get(), static_cast<int>(i));
}

} // namespace ajail::cli
