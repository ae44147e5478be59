// SPDX-License-Identifier: Apache-2.0
// The command line of bwrap, a word a line after a byte for the caller and up to an empty line; behind that, what the
// descriptor 9 has (--args, --seccomp, --file ...): options -> Spec -> Plan.
#include "cli/bwrap.h"
#include "fuzz.h"
#include "sys/calls.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace ajail;

namespace {

constexpr int kData = 9;

// What is close-on-exec no caller has given: so what the fuzzer has open is out of reach, with what it opens between two
// inputs. The pipe of its symbolizer was one that `--args 3` waited at.
bool keep_ours() { return static_cast<bool>(sys::close_on_exec_from(0)); }

bool give(std::string_view content) {
    int fd = ::memfd_create("data", MFD_CLOEXEC);
    if (fd < 0 || ::write(fd, content.data(), content.size()) < 0 || ::lseek(fd, 0, SEEK_SET) < 0) return false;
    if (fd == kData) return ::fcntl(fd, F_SETFD, 0) == 0;
    return ::dup2(fd, kData) == kData && ::close(fd) == 0;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bool elsewhere = ::chdir("/usr/share") == 0;
    if (!elsewhere || !keep_ours() || size == 0) return 0;
    std::string text(data + 1, data + size);
    std::size_t end = std::min(text.find("\n\n"), text.size());
    std::string line = text.substr(0, end);
    if (line.find('\0') != line.npos) return 0;
    if (!give(end == text.size() ? "" : std::string_view(text).substr(end + 2))) return 0;
    const bool root = (data[0] & 1U) != 0;
    cli::BwrapFacts facts{.uid = root ? 0U : 1000U, .gid = root ? 0U : 1001U};
    if (root) facts.caps = facts.permitted = (1ULL << 41) - 1;
    constexpr const char* kEnvironment[] = {"HOME=/home/you", "A=1", "broken", nullptr};
    auto parsed = cli::parse_bwrap("bwrap", fuzz::words(line, '\n'), kEnvironment, facts);
    if (auto* wrong = std::get_if<cli::Wrong>(&parsed.what)) fuzz::message(wrong->message);
    auto* options = std::get_if<cli::BwrapOptions>(&parsed.what);
    if (options == nullptr) return 0;
    auto specified = cli::specify(*options, facts);
    if (auto* wrong = std::get_if<cli::Wrong>(&specified)) fuzz::message(wrong->message);
    auto* spec = std::get_if<spec::Spec>(&specified);
    if (spec == nullptr) return 0;
    fuzz::must(spec->bare, "as bwrap nothing is added");
    spec::Host host{.uid = facts.uid, .gid = facts.gid, .real_root = root};
    auto lowered = spec::lower(*spec, host);
    if (auto* refusal = std::get_if<spec::Refusal>(&lowered)) fuzz::message(refusal->message);
    else fuzz::plan(std::get<spec::Plan>(lowered), *spec, host);
    return 0;
}
