// SPDX-License-Identifier: Apache-2.0
// The entry: puts the process in order before anything else looks at it, then hands over to a command.
#include "cli/bwrap.h"
#include "cli/changes.h"
#include "cli/complete.h"
#include "cli/doctor.h"
#include "cli/fs.h"
#include "cli/jails.h"
#include "cli/keep.h"
#include "cli/machine.h"
#include "cli/report.h"
#include "cli/run.h"
#include "cli/verify.h"
#include "cli/words.h"
#include "cli/workspace.h"
#include "sys/calls.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <sys/auxv.h>
#include <sys/prctl.h>

namespace {

using namespace ajail;

// As what the binary was called.
struct Called {
    bool bwrap = false;
    std::string name = {};
    int first = 1; ///< of its arguments
};

Called called(int argc, char** argv) {
    std::string path = argv[0], name = path.substr(path.rfind('/') + 1);
    if (name == "bwrap") return {.bwrap = true, .name = path};
    if (argc > 1 && std::strcmp(argv[1], "bwrap") == 0) return {.bwrap = true, .name = "ajail bwrap", .first = 2};
    // Through /proc/self/exe, by who was called as bwrap before: the name is lost.
    if (name == "exe" && argc > 1 && cli::only_of_bwrap(argv[1])) return {.bwrap = true, .name = path};
    return {};
}

using Flags = std::array<int, 3>; // of stdio, open(2)

// 0-2 exist from now on, so that no later open becomes somebody's stdin. As bwrap the payload gets what the caller has,
// and no more: what is put in place of a closed one ends with exec.
bool own_descriptors(bool bwrap, Flags& flags) {
    for (int fd = 0; fd < 3; ++fd) {
        int& its = flags.at(static_cast<std::size_t>(fd));
        its = ::fcntl(fd, F_GETFL);
        if (its >= 0) continue;
        its = O_RDWR;
        if (::open("/dev/null", O_RDWR | (bwrap ? O_CLOEXEC : 0)) != fd) return false;
    }
    return true;
}

// A directory as stdio would be a door to the host's files, `openat(0, "..")`.
bool stdio_is_harmless(const Flags& flags) {
    for (int fd = 0; fd < 3; ++fd) {
        struct stat st {};
        if (::fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) return false; // not known counts as one
        // Gives no right by itself, but opening it again through /proc/self/fd would.
        if ((flags.at(static_cast<std::size_t>(fd)) & O_PATH) != 0) return false;
    }
    return true;
}

ns::Caller remember(int argc, char** argv) {
    ns::Caller process;
    process.parent = ::getppid();
    (void)::sigprocmask(SIG_SETMASK, nullptr, &process.mask);
    process.umask = ::umask(022);
    process.ignores_sigpipe = ::signal(SIGPIPE, SIG_IGN) == SIG_IGN;
    // The kernel lays argv and environ out as one block, execve(2); /proc/PID/{cmdline,environ} show that block.
    char* end = argv[0];
    for (int i = 0; i < argc; ++i) end = argv[i] + std::strlen(argv[i]) + 1;
    for (char** variable = environ; *variable != nullptr; ++variable)
        if (*variable == end) end += std::strlen(*variable) + 1;
    process.args = argv[0];
    process.args_size = static_cast<std::size_t>(end - argv[0]);
    return process;
}

int report_descriptor(const cli::RunOptions& options) { return cli::report_descriptor(options.report).value_or(-1); }
template <class Options> int report_descriptor(const Options&) { return -1; }

// Descriptors that leaked into us would lead out of the jail (CVE-2024-21626): they end here, but for the one that an
// option names. Nothing but the command line has been looked at before.
sys::Status close_leaked(int kept) { return sys::during(sys::Stage::start, sys::close_all_but(std::array{kept})); }

template <class Parsed, class Go> int dispatch(const Parsed& parsed, const char* help, Go go) {
    if (auto* shown = std::get_if<cli::Shown>(&parsed)) return cli::show(shown->text);
    if (auto* wrong = std::get_if<cli::Wrong>(&parsed)) return cli::fail(wrong->message + " (see " + help + ")");
    if (auto closed = close_leaked(report_descriptor(std::get<0>(parsed))); !closed)
        return cli::fail(cli::sentence(closed.error(), nullptr));
    if (std::get<0>(parsed).verbose) cli::be_verbose();
    return go(std::get<0>(parsed));
}

// A command by its name, and what is done with the words after it.
struct Command {
    const char* name;
    int (*go)(std::vector<std::string> words, const ns::Caller& process);
};
template <auto parse, auto carry_out>
int read(std::vector<std::string> words, const ns::Caller& process, const char* help) {
    return dispatch(parse(std::move(words)), help, [&](const auto& options) { return carry_out(options, process); });
}
constexpr Command kCommands[] = {
    {"verify",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return dispatch(cli::parse_verify(std::move(words), std::getenv("AJAIL_ARGS")), "ajail verify --help",
                         [&](const cli::VerifyOptions& options) { return cli::verify(options, process); });
     }},
    {"ps",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_ps, cli::ps>(std::move(words), process, "ajail ps --help");
     }},
    {"exec",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_exec, cli::exec>(std::move(words), process, "ajail exec --help");
     }},
    {"kill",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_kill, cli::kill>(std::move(words), process, "ajail kill --help");
     }},
    {"doctor",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_doctor, cli::doctor>(std::move(words), process, "ajail doctor --help");
     }},
    {"mkfs",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_mkfs, cli::mkfs>(std::move(words), process, "ajail mkfs --help");
     }},
    {"changes",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_changes, cli::changes>(std::move(words), process, "ajail changes --help");
     }},
    {"apply",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_apply, cli::apply>(std::move(words), process, "ajail apply --help");
     }},
    {"discard",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_discard, cli::discard>(std::move(words), process, "ajail discard --help");
     }},
    {"fs",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_fs, cli::fs>(std::move(words), process, "ajail fs --help");
     }},
    {"create",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return dispatch(cli::parse_create(std::move(words), std::getenv("AJAIL_ARGS")), "ajail create --help",
                         [&](const cli::WorkspaceOptions& options) { return cli::create(options, process); });
     }},
    {"enter",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return dispatch(cli::parse_enter(std::move(words)), "ajail enter --help",
                         [&](const cli::RunOptions& options) { return cli::run(options, process); });
     }},
    {"list",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_list, cli::list>(std::move(words), process, "ajail list --help");
     }},
    {"status",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_status, cli::status>(std::move(words), process, "ajail status --help");
     }},
    {"destroy",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_destroy, cli::destroy>(std::move(words), process, "ajail destroy --help");
     }},
    {"pull",
     [](std::vector<std::string> words, const ns::Caller& process) {
         return read<cli::parse_pull, cli::pull>(std::move(words), process, "ajail pull --help");
     }},
};

int command(const std::vector<std::string>& args, const ns::Caller& process) {
    if (args.size() == 1 && (args[0] == "--help" || args[0] == "-h" || args[0] == "help"))
        return cli::show(cli::overview());
    // For a shell's completion: any word may be half typed.
    if (args.size() > 1 && args[0] == "complete" && args[1] == "--")
        return close_leaked(-1) ? cli::complete({args.begin() + 2, args.end()}) : cli::kFailed;
    if (!args.empty())
        for (const Command& one : kCommands)
            if (args[0] == one.name) return one.go({args.begin() + 1, args.end()}, process);
    bool named = !args.empty() && args[0] == "run";
    bool of_bwrap = args.size() > (named ? 1U : 0U) && cli::only_of_bwrap(args[named ? 1 : 0]);
    const char* help =
        of_bwrap ? "ajail run --help, and ajail bwrap --help for the options of bubblewrap" : "ajail run --help";
    return dispatch(cli::parse_run({args.begin() + (named ? 1 : 0), args.end()}, std::getenv("AJAIL_ARGS")), help,
                    [&](const cli::RunOptions& options) { return cli::run(options, process); });
}

// Where nothing is run no kernel is needed, nor any right: programs ask in build environments, too. And one says what is
// missing.
bool needs_kernel(const Called& called, int argc, char** argv) {
    if (!called.bwrap) return argc < 2 || std::strcmp(argv[1], "doctor") != 0;
    return argc != called.first + 1 || std::strcmp(argv[called.first], "--version") != 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 1) return cli::kFailed;
    if (cli::is_prober(argv[0])) return cli::probe_from_inside(argv + 1);
    // An ignored SIGCHLD would reap the jail behind our back (sigaction(2)); a raised SIGPIPE is an EPIPE to us.
    (void)::signal(SIGCHLD, SIG_DFL);
    ns::Caller process = remember(argc, argv);
    Called as = called(argc, argv);
    auto fail = as.bwrap ? cli::bwrap_fail : cli::fail;
    Flags flags{};
    if (!own_descriptors(as.bwrap, flags)) return fail(std::string("cannot open /dev/null: ") + std::strerror(errno));
    // Never with rights that the caller has not: ajail is no boundary between a user and the system.
    if (::getauxval(AT_SECURE) != 0)
        return fail(as.bwrap ? "setuid use of bubblewrap is not supported"
                             : "refusing to run set-user-ID or with file capabilities; remove them (chmod u-s, "
                               "setcap -r)");
    if (!as.bwrap && !stdio_is_harmless(flags))
        return fail(
            "a directory or an O_PATH descriptor is open as stdin, stdout or stderr, and would lead out of the jail; "
            "redirect it");
    // Started from a file that its user may not read, we are not dumpable, /proc/PID is root's, and nobody could
    // write our children's id maps (proc(5)).
    if (::prctl(PR_SET_DUMPABLE, 1) < 0) return fail(std::string("prctl: ") + std::strerror(errno));
    auto kernel = cli::kernel_version();
    if (kernel < cli::kOldestKernel && needs_kernel(as, argc, argv)) return fail(cli::too_old(kernel));
    try {
        if (!as.bwrap) return command({argv + 1, argv + argc}, process);
        ::sigdelset(&process.mask, SIGCHLD); // the payload can count on it
        return cli::bwrap(as.name, {argv + as.first, argv + argc}, process);
    } catch (const std::exception& error) {
        return fail(spec::escape(error.what()));
    }
}
