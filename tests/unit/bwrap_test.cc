// SPDX-License-Identifier: Apache-2.0
// The command line of bubblewrap: what each option comes to, and the words for what is wrong, which programs compare.
#include "catch.h"
#include "cli/bwrap_options.h"
#include "cli/version.h"
#include "sys/calls.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <linux/capability.h>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>

using namespace ajail;
using namespace ajail::cli;
using Words = std::vector<std::string>;

namespace {

const BwrapFacts kUser{.uid = 1000, .gid = 1001};
const BwrapFacts kRoot{.uid = 0, .gid = 0, .caps = 0xff, .permitted = 0xff};
constexpr const char* kEnvironment[] = {"HOME=/home/you", "A=1", "broken", nullptr};

BwrapParsed parse(const Words& args, const BwrapFacts& facts = kUser) {
    return parse_bwrap("bwrap", args, kEnvironment, facts);
}

BwrapOptions ok(Words args, const BwrapFacts& facts = kUser) {
    args.emplace_back("true");
    BwrapParsed parsed = parse(args, facts);
    if (auto* wrong = std::get_if<Wrong>(&parsed.what)) FAIL("refused: " << wrong->message);
    REQUIRE(std::holds_alternative<BwrapOptions>(parsed.what));
    return std::get<BwrapOptions>(parsed.what);
}

std::string refusal(const Words& args, const BwrapFacts& facts = kUser) {
    BwrapParsed parsed = parse(args, facts);
    auto* wrong = std::get_if<Wrong>(&parsed.what);
    return wrong == nullptr ? "" : wrong->message;
}

template <class Mount> Mount only(const Words& args) {
    BwrapOptions o = ok(args);
    REQUIRE(o.mounts.size() == 1);
    auto* mount = std::get_if<Mount>(&o.mounts[0].mount);
    REQUIRE(mount != nullptr);
    return *mount;
}

// A descriptor as a caller gives one: to read TEXT from, and not close-on-exec.
int data(const std::string& text) {
    int fd = ::memfd_create("data", 0);
    REQUIRE(fd >= 0);
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    REQUIRE(::lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

std::string zeros(const Words& words) {
    std::string text;
    for (const std::string& word : words) text += word + '\0';
    return text;
}

constexpr const char* kLonelySource =
    "--overlay-src must be followed by another --overlay-src or one of --overlay, --tmp-overlay, or --ro-overlay";

} // namespace

TEST_CASE("bwrap: options end at the first word that is none, or after --") {
    CHECK(ok({"--unshare-pid", "sh", "--unshare-net"}).command == Words{"sh", "--unshare-net", "true"});
    CHECK_FALSE(ok({"sh", "--unshare-net"}).network);
    CHECK(ok({"--", "--unshare-net"}).command == Words{"--unshare-net", "true"});
    CHECK(ok({"--", "--"}).command == Words{"--", "true"});
    CHECK(ok({""}).command == Words{"", "true"});
}

TEST_CASE("bwrap: unknown options") {
    CHECK(refusal({"--nosuch"}) == "Unknown option --nosuch");
    CHECK(refusal({"-x"}) == "Unknown option -x");
    CHECK(refusal({"-"}) == "Unknown option -");
    CHECK(refusal({"--bind=/", "x"}) == "Unknown option --bind=/");
    CHECK(refusal({"--help=", "x"}) == "Unknown option --help=");
    CHECK(refusal({"--debug-opt", "x"}) == "Unknown option --debug-opt");
    CHECK(refusal({"--\033[31m"}) == "Unknown option --\\x1b[31m");
}

TEST_CASE("bwrap: too few words") {
    for (const char* option : {"--argv0", "--chdir", "--remount-ro"})
        CHECK(refusal({option}) == std::string(option) + " takes one argument");
    for (const char* option :
         {"--args",       "--userns",     "--userns2",   "--pidns",          "--uid",       "--gid",
          "--hostname",   "--unsetenv",   "--lock-file", "--sync-fd",        "--block-fd",  "--userns-block-fd",
          "--info-fd",    "--proc",       "--dev",       "--json-status-fd", "--seccomp",   "--add-seccomp-fd",
          "--exec-label", "--file-label", "--tmpfs",     "--mqueue",         "--dir",       "--cap-add",
          "--cap-drop",   "--perms",      "--size",      "--tmp-overlay",    "--ro-overlay"})
        CHECK(refusal({option}) == std::string(option) + " takes an argument");
    for (const char* option : {"--bind", "--bind-try", "--dev-bind", "--dev-bind-try", "--ro-bind", "--ro-bind-try",
                               "--setenv", "--file", "--bind-data", "--ro-bind-data", "--symlink", "--chmod"}) {
        CHECK(refusal({option}) == std::string(option) + " takes two arguments");
        CHECK(refusal({option, "x"}) == std::string(option) + " takes two arguments");
    }
    CHECK(refusal({"--bind-fd", "1"}) == "--bind-fd takes two arguments");
    CHECK(refusal({"--ro-bind-fd", "1"}) == "--bind-fd takes two arguments");
    CHECK(refusal({"--overlay-src", "a", "--overlay", "b", "c"}) == "--overlay takes three arguments");
    CHECK(refusal({"--overlay-src"}) == kLonelySource);
}

TEST_CASE("bwrap: empty paths") {
    for (const char* option :
         {"--bind", "--bind-try", "--dev-bind", "--dev-bind-try", "--ro-bind", "--ro-bind-try", "--symlink"}) {
        CHECK(refusal({option, "", "/x", "true"}) == std::string(option) + " does not take an empty path argument");
        CHECK(refusal({option, "/x", "", "true"}) == std::string(option) + " does not take an empty path argument");
    }
    for (const char* option :
         {"--proc", "--dev", "--tmpfs", "--mqueue", "--dir", "--remount-ro", "--lock-file", "--chdir"})
        CHECK(refusal({option, "", "true"}) == std::string(option) + " does not take an empty path argument");
    for (const char* option : {"--bind-fd", "--ro-bind-fd", "--file", "--bind-data", "--ro-bind-data"})
        CHECK(refusal({option, "0", "", "true"}) == std::string(option) + " does not take an empty path argument");
    CHECK(refusal({"--chmod", "700", "", "true"}) == "--chmod does not take an empty path argument");
    CHECK(refusal({"--overlay-src", "", "--tmp-overlay", "/x"}) ==
          "--overlay-src does not take an empty path argument");
    CHECK(refusal({"--overlay-src", "a", "--tmp-overlay", ""}) ==
          "--tmp-overlay does not take an empty path argument");
    CHECK(refusal({"--overlay-src", "a", "--overlay", "", "b", "c"}) ==
          "--overlay does not take an empty path argument");
    CHECK(ok({"--argv0", ""}).argv0 == "");
}

TEST_CASE("bwrap: numbers") {
    for (const char* option : {"--userns", "--userns2", "--pidns", "--sync-fd", "--block-fd", "--info-fd",
                               "--seccomp", "--json-status-fd", "--args", "--userns-block-fd", "--add-seccomp-fd"})
        for (const char* number : {"", "x", "-1", "5x", "0x5", "99999999999999999999", "4294967295"})
            CHECK(refusal({option, number, "true"}) == std::string("Invalid fd: ") + number);
    for (const char* option : {"--bind-fd", "--ro-bind-fd", "--file", "--bind-data", "--ro-bind-data"})
        CHECK(refusal({option, "x", "/y", "true"}) == "Invalid fd: x");
    CHECK(ok({"--userns2", " 5"}).userns2 == 5);
    CHECK(ok({"--userns2", "+5"}).userns2 == 5);
    CHECK(refusal({"--uid", "-1", "true"}) == "Invalid uid: -1");
    CHECK(refusal({"--uid", "", "true"}) == "Invalid uid: ");
    CHECK(refusal({"--gid", "4294967295", "true"}) == "Invalid gid: 4294967295");
    CHECK(ok({"--uid", "0", "--gid", "2147483647"}).gid == 2147483647U);
}

TEST_CASE("bwrap: help, version, and no command") {
    auto help = parse({"--unshare-pid", "--help", "--nosuch"});
    REQUIRE(std::holds_alternative<Shown>(help.what));
    std::string text = std::get<Shown>(help.what).text;
    CHECK(text == bwrap_help("bwrap"));
    CHECK(text.starts_with("usage: bwrap [OPTIONS...] [--] COMMAND [ARGS...]\n\n    --help "));
    auto version = parse({"--version"});
    REQUIRE(std::holds_alternative<Shown>(version.what));
    // One line: `bwrap --version | awk '{print $2}'` is what programs do.
    CHECK(std::get<Shown>(version.what).text == "bubblewrap 0.12.0\n");
    CHECK(version.aside == std::string("ajail ") + kVersion + "\n"); // and not in their way
    auto oldest = parse({"--debug-opt=print-assumed-kernel"});
    REQUIRE(std::holds_alternative<Shown>(oldest.what));
    CHECK(std::get<Shown>(oldest.what).text == "6.2.0\n");
    CHECK(text.find(std::string("\nThis is ajail ") + kVersion + ",") != std::string::npos);
    for (const Words& args : std::vector<Words>{{}, {"--"}, {"--unshare-pid"}, {"--unshare-pid", "--"}}) {
        auto none = parse(args);
        REQUIRE(std::holds_alternative<Usage>(none.what));
        CHECK(std::get<Usage>(none.what).text == bwrap_help("bwrap"));
    }
    // Only a command that could be run needs the namespaces that its options are for.
    CHECK(std::holds_alternative<Usage>(parse({"--hostname", "x"}).what));
    CHECK(refusal({"--disable-userns"}) == "--disable-userns requires --unshare-user");
}

TEST_CASE("bwrap: binds") {
    struct Kind {
        const char* option;
        bool writable, devices, optional;
    };
    for (auto [option, writable, devices, optional] :
         {Kind{"--bind", true, false, false}, Kind{"--bind-try", true, false, true},
          Kind{"--dev-bind", true, true, false}, Kind{"--dev-bind-try", true, true, true},
          Kind{"--ro-bind", false, false, false}, Kind{"--ro-bind-try", false, false, true}}) {
        BwrapOptions o = ok({option, "src", "dest"});
        REQUIRE(o.mounts.size() == 1);
        auto bind = std::get<spec::Bind>(o.mounts[0].mount);
        CHECK(bind.source.path == "src");
        CHECK(bind.source.descriptor == -1);
        CHECK(bind.target == "/dest");
        CHECK(o.mounts[0].given == "dest");
        CHECK(bind.writable == writable);
        CHECK(bind.devices == devices);
        CHECK(o.mounts[0].optional == optional);
    }
    for (bool writable : {true, false}) {
        auto bind = only<spec::Bind>({writable ? "--bind-fd" : "--ro-bind-fd", "7", "/x"});
        CHECK(bind.source.path == "/proc/self/fd/7");
        CHECK(bind.source.descriptor == 7);
        CHECK(bind.writable == writable);
        CHECK_FALSE(bind.devices);
    }
}

TEST_CASE("bwrap: targets are absolute, and otherwise as they were given") {
    auto target = [](const char* given) { return only<spec::Proc>({"--proc", given}).target; };
    CHECK(target("/a/../b//c/./") == "/a/../b//c/./");
    CHECK(target("a/b") == "/a/b");
    CHECK(target("../a") == "/../a");
    CHECK(target("/..") == "/..");
    for (const char* root : {"/", "//", ".", "./", "/.", "/./", "/.//."}) CHECK(target(root) == "/");
}

TEST_CASE("bwrap: other mounts") {
    CHECK(only<spec::Dev>({"--dev", "/dev"}).target == "/dev");
    CHECK(only<spec::Mqueue>({"--mqueue", "/dev/mqueue"}).target == "/dev/mqueue");
    CHECK(only<spec::ReadOnly>({"--remount-ro", "/x"}).target == "/x");
    auto link = only<spec::Symlink>({"--symlink", "usr/bin", "bin"});
    CHECK(link.target == "/bin");
    CHECK(link.to == "usr/bin");
    auto chmod = only<spec::Chmod>({"--chmod", "1750", "/x"});
    CHECK(chmod.mode == 01750);
    for (const char* mode : {"", "8", "10000", "-1", "7x"})
        CHECK(refusal({"--chmod", mode, "/x"}) == "--chmod takes an octal argument <= 07777");
}

TEST_CASE("bwrap: the order of mounts is kept") {
    BwrapOptions o = ok({"--tmpfs", "/a", "--bind", "/b", "/b", "--dir", "/c", "--chmod", "0", "/c"});
    REQUIRE(o.mounts.size() == 4);
    CHECK(std::holds_alternative<spec::Tmpfs>(o.mounts[0].mount));
    CHECK(std::holds_alternative<spec::Bind>(o.mounts[1].mount));
    CHECK(std::holds_alternative<spec::Directory>(o.mounts[2].mount));
    CHECK(std::holds_alternative<spec::Chmod>(o.mounts[3].mount));
}

TEST_CASE("bwrap: --perms and --size are for the next option") {
    CHECK(only<spec::Tmpfs>({"--tmpfs", "/x"}).mode == 0755);
    CHECK(only<spec::Tmpfs>({"--perms", "01777", "--tmpfs", "/x"}).mode == 01777);
    CHECK(only<spec::Directory>({"--dir", "/x"}).mode == 0755);
    CHECK(only<spec::Directory>({"--perms", "0", "--dir", "/x"}).mode == 0);
    CHECK(only<spec::Data>({"--file", "9", "/x"}).mode == 0666);
    CHECK(only<spec::Data>({"--perms", "600", "--file", "9", "/x"}).mode == 0600);
    CHECK(only<spec::Data>({"--bind-data", "9", "/x"}).mode == 0600);
    CHECK(only<spec::Data>({"--perms", "7", "--ro-bind-data", "9", "/x"}).mode == 07);
    CHECK(only<spec::Tmpfs>({"--tmpfs", "/x"}).size == 0);
    CHECK(only<spec::Tmpfs>({"--size", "0x10", "--tmpfs", "/x"}).size == 16);
    CHECK(only<spec::Tmpfs>({"--size", "9223372036854775807", "--tmpfs", "/x"}).size == 9223372036854775807U);
    auto both = only<spec::Tmpfs>({"--size", "8192", "--perms", "700", "--tmpfs", "/x"});
    CHECK(both.size == 8192);
    CHECK(both.mode == 0700);
    BwrapOptions twice = ok({"--perms", "700", "--dir", "/x", "--dir", "/y"});
    CHECK(std::get<spec::Directory>(twice.mounts[1].mount).mode == 0755);

    for (const char* mode : {"", "8", "10000", "-1", "x"})
        CHECK(refusal({"--perms", mode, "--dir", "/x"}) == "--perms takes an octal argument <= 07777");
    CHECK(refusal({"--perms", "7", "--perms", "7"}) == "--perms given twice for the same action");
    for (const Words& other : std::vector<Words>{{"--unshare-pid"},
                                                 {"--proc", "/x"},
                                                 {"--bind", "/a", "/b"},
                                                 {"--overlay-src", "/a"},
                                                 {"--symlink", "a", "/b"}}) {
        Words args = {"--perms", "7"};
        args.insert(args.end(), other.begin(), other.end());
        CHECK(refusal(args) == "--perms must be followed by an option that creates a file");
    }
    for (const char* size : {"", "0", "09", "-1", " 9", "+9", "9k", "99999999999999999999"})
        CHECK(refusal({"--size", size, "--tmpfs", "/x"}) == "--size takes a non-zero number of bytes");
    CHECK(refusal({"--size", "9223372036854775808", "--tmpfs", "/x"}) ==
          "--size (for tmpfs) is limited to 9223372036854775807");
    CHECK(refusal({"--size", "9", "--size", "9"}) == "--size given twice for the same action");
    CHECK(refusal({"--size", "9", "--dir", "/x"}) == "--size must be followed by --tmpfs");
    CHECK(refusal({"--size", "9", "--perms", "7", "--dir", "/x"}) == "--size must be followed by --tmpfs");
    // At the end of the options nobody asks.
    CHECK(ok({"--perms", "7"}).command == Words{"true"});
}

TEST_CASE("bwrap: overlays") {
    auto layers = only<spec::Layers>({"--overlay-src", "a", "--overlay-src", "b", "--overlay", "up", "work", "x"});
    REQUIRE(layers.lowers.size() == 2);
    CHECK(layers.lowers[0].path == "a");
    CHECK(layers.lowers[1].path == "b");
    CHECK(layers.upper.path == "up");
    CHECK(layers.work.path == "work");
    CHECK(layers.target == "/x");
    CHECK(layers.writes == spec::Layers::kept);
    CHECK(only<spec::Layers>({"--overlay-src", "a", "--tmp-overlay", "x"}).writes == spec::Layers::thrown_away);
    auto none = only<spec::Layers>({"--overlay-src", "a", "--overlay-src", "b", "--ro-overlay", "x"});
    CHECK(none.writes == spec::Layers::none);
    BwrapOptions two = ok({"--overlay-src", "a", "--tmp-overlay", "/x", "--overlay-src", "b", "--tmp-overlay", "/y"});
    CHECK(std::get<spec::Layers>(two.mounts[1].mount).lowers.size() == 1);

    CHECK(refusal({"--overlay", "a", "b", "c"}) == "--overlay requires at least one --overlay-src");
    CHECK(refusal({"--tmp-overlay", "a"}) == "--tmp-overlay requires at least one --overlay-src");
    CHECK(refusal({"--ro-overlay", "a"}) == "--ro-overlay requires at least two --overlay-src");
    CHECK(refusal({"--overlay-src", "a", "--ro-overlay", "a"}) == "--ro-overlay requires at least two --overlay-src");
    CHECK(refusal({"--overlay-src", "a", "true"}) == kLonelySource);
    CHECK(refusal({"--overlay-src", "a", "--", "true"}) == kLonelySource);
    CHECK(refusal({"--overlay-src", "a", "--chdir", "/", "true"}) == kLonelySource);
    CHECK(refusal({"--overlay-src", "a", "--perms", "7", "true"}) == kLonelySource);
}

TEST_CASE("bwrap: data") {
    for (auto [option, how] :
         {std::pair{"--file", spec::Data::written}, std::pair{"--bind-data", spec::Data::mounted},
          std::pair{"--ro-bind-data", spec::Data::read_only}}) {
        BwrapOptions o = ok({option, "9", "x"});
        REQUIRE(o.mounts.size() == 1);
        CHECK(o.mounts[0].data == 9);
        CHECK(std::get<spec::Data>(o.mounts[0].mount).how == how);
        CHECK(std::get<spec::Data>(o.mounts[0].mount).target == "/x");
    }
    int fd = data("content");
    auto text = take_data(fd);
    REQUIRE(text);
    CHECK(*text == "content");
    CHECK_FALSE(is_callers(fd));
    auto again = take_data(fd);
    REQUIRE_FALSE(again);
    CHECK(again.error().err == EBADF);
    int ours = ::memfd_create("ours", MFD_CLOEXEC);
    CHECK_FALSE(is_callers(ours));
    REQUIRE_FALSE(take_data(ours));
    sys::Fd closed(ours);
}

TEST_CASE("bwrap: --args") {
    int fd = data(zeros({"--dir", "/a b", "--unshare-net", "--setenv", "X", ""}));
    BwrapOptions o = ok({"--dir", "/first", "--args", std::to_string(fd), "--dir", "/last"});
    REQUIRE(o.mounts.size() == 3);
    CHECK(o.mounts[1].given == "/a b");
    CHECK(o.network);
    CHECK(o.env.back() == std::pair<std::string, std::string>("X", ""));
    CHECK_FALSE(is_callers(fd));

    // The last one need not be ended; a command in it is nobody's; a -- ends the file's options only.
    fd = data(zeros({"--unshare-ipc", "--"}) + "sh");
    o = ok({"--args", std::to_string(fd), "--unshare-net"});
    CHECK(o.ipc);
    CHECK(o.network);
    CHECK(o.command == Words{"true"});
    o = ok({"--args", std::to_string(data("--unshare-ipc")), "--args", std::to_string(data("--unshare-uts"))});
    CHECK(o.ipc);
    CHECK(o.uts);
    CHECK(ok({"--args", std::to_string(data(""))}).command == Words{"true"});

    Words many;
    for (int i = 0; i < 10000; ++i) many.insert(many.end(), {"--dir", "/" + std::to_string(i)});
    CHECK(ok({"--args", std::to_string(data(zeros(many)))}).mounts.size() == 10000);

    fd = data(zeros({"--args", "0"}));
    CHECK(refusal({"--args", std::to_string(fd), "true"}) == "--args not supported in arguments file");
    fd = data(zeros({"--args"}));
    CHECK(refusal({"--args", std::to_string(fd), "true"}) == "--args not supported in arguments file");
    fd = data(zeros({"--bind", "/x"}));
    CHECK(refusal({"--args", std::to_string(fd), "/y"}) == "--bind takes two arguments");
    fd = data(zeros({"--perms", "700"}));
    CHECK(refusal({"--args", std::to_string(fd), "--dir", "/y"}) ==
          "--perms must be followed by an option that creates a file");
    CHECK(refusal({"--args", "999", "true"}) == "Can't read --args data: Bad file descriptor");
    fd = data(zeros({"--help"}));
    CHECK(std::holds_alternative<Shown>(parse({"--args", std::to_string(fd), "true"}).what));
}

TEST_CASE("bwrap: what is given twice") {
    struct Twice {
        const char* option;
        const char* value;
    };
    for (auto [option, value] :
         {Twice{"--chdir", "/"}, Twice{"--block-fd", "9"}, Twice{"--userns2", "9"}, Twice{"--info-fd", "9"},
          Twice{"--json-status-fd", "9"}, Twice{"--seccomp", "9"}, Twice{"--userns", "9"}, Twice{"--pidns", "9"},
          Twice{"--uid", "9"}, Twice{"--gid", "9"}}) {
        auto parsed = parse({option, value, option, value, "true"});
        CHECK(std::holds_alternative<BwrapOptions>(parsed.what));
        REQUIRE(parsed.warnings.size() == 1);
        CHECK(parsed.warnings[0].text == std::string("Only the last ") + option + " option will take effect");
        CHECK_FALSE(parsed.warnings[0].level_prefix);
    }
    auto last = parse({"--level-prefix", "--unshare-uts", "--hostname", "a", "--hostname", "b", "true"});
    CHECK(std::get<BwrapOptions>(last.what).hostname == "b");
    REQUIRE(last.warnings.size() == 1);
    CHECK(last.warnings[0].level_prefix);
    CHECK(ok({"--chdir", "/a", "--chdir", "/b"}).chdir == "/b");
    CHECK(ok({"--uid", "0", "--uid", "5"}).uid == 5U);
    // More than one caller may wait for the end.
    auto sync = parse({"--sync-fd", "8", "--sync-fd", "9", "true"});
    CHECK(sync.warnings.empty());
    CHECK(std::get<BwrapOptions>(sync.what).sync == std::vector{8, 9});
    CHECK(ok({"--lock-file", "a", "--lock-file", "b"}).locks == Words{"a", "b"});
    CHECK(refusal({"--argv0", "a", "--argv0", "b"}) == "--argv0 used multiple times");
    // A prefix is for what comes after it.
    CHECK_FALSE(parse({"--nosuch", "--level-prefix"}).level_prefix);
    CHECK(parse({"--level-prefix", "--nosuch"}).level_prefix);
}

TEST_CASE("bwrap: namespaces") {
    BwrapOptions none = ok({}, kRoot);
    CHECK_FALSE((none.user || none.pid || none.network || none.ipc || none.uts || none.cgroup));
    CHECK(ok({}).user); // an ordinary user can have nothing without
    CHECK(ok({"--unshare-user"}, kRoot).user);
    CHECK(ok({"--unshare-user-try"}, kRoot).user);
    BwrapFacts off = kRoot;
    off.userns = [] { return false; };
    off.no_cgroup_namespace = [] { return ENOENT; };
    CHECK_FALSE(ok({"--unshare-user-try"}, off).user);
    CHECK(ok({"--unshare-user"}, off).user);
    CHECK_FALSE(ok({"--unshare-cgroup-try"}, off).cgroup);
    CHECK(ok({"--unshare-cgroup-try"}).cgroup);
    CHECK(ok({"--unshare-cgroup"}).cgroup);
    CHECK(refusal({"--unshare-cgroup", "true"}, off) ==
          "Cannot create new cgroup namespace because the kernel does not support it");
    off.no_cgroup_namespace = [] { return EACCES; };
    CHECK(refusal({"--unshare-cgroup", "true"}, off) == "stat on /proc/self/ns/cgroup failed: Permission denied");
    BwrapOptions all = ok({"--unshare-all"}, kRoot);
    CHECK((all.user && all.pid && all.network && all.ipc && all.uts && all.cgroup));
    CHECK_FALSE(ok({"--unshare-all", "--share-net"}).network);
    CHECK(ok({"--share-net", "--unshare-all"}).network);
    CHECK(ok({"--unshare-pid"}).pid);
    CHECK(ok({"--unshare-ipc"}).ipc);
    CHECK(ok({"--unshare-uts"}).uts);
    CHECK(ok({"--unshare-net"}).network);
    CHECK_FALSE(ok({"--userns", "9"}).user);
    CHECK(ok({"--userns", "9", "--userns2", "8", "--pidns", "7"}).pidns == 7);
}

TEST_CASE("bwrap: what does not go together") {
    struct Case {
        Words args;
        const char* said;
    };
    for (const auto& [args, said] : std::vector<Case>{
             {{"--userns-block-fd", "9", "--info-fd", "8"}, "--userns-block-fd requires --unshare-user"},
             {{"--userns-block-fd", "9", "--unshare-user"}, "--userns-block-fd requires --info-fd"},
             {{"--userns", "9", "--unshare-user"}, "--userns is not compatible with --unshare-user"},
             {{"--userns", "9", "--unshare-user-try"}, "--userns is not compatible with --unshare-user-try"},
             {{"--userns", "9", "--unshare-all"}, "--userns is not compatible with --unshare-user-try"},
             {{"--disable-userns"}, "--disable-userns requires --unshare-user"},
             {{"--disable-userns", "--unshare-user", "--userns-block-fd", "9", "--info-fd", "8"},
              "--disable-userns is not compatible with --userns-block-fd"},
             {{"--hostname", "x"}, "Specifying --hostname requires --unshare-uts"},
             {{"--as-pid-1"}, "Specifying --as-pid-1 requires --unshare-pid"},
             {{"--as-pid-1", "--unshare-pid", "--lock-file", "x"},
              "Specifying --as-pid-1 and --lock-file is not permitted"},
             {{"--seccomp", "9", "--add-seccomp-fd", "8"}, "--add-seccomp-fd cannot be combined with --seccomp"},
         }) {
        Words command = args;
        command.emplace_back("true");
        CHECK(refusal(command) == said);
    }
    CHECK(refusal({"--uid", "5", "true"}, kRoot) == "Specifying --uid requires --unshare-user or --userns");
    CHECK(refusal({"--gid", "5", "true"}, kRoot) == "Specifying --gid requires --unshare-user or --userns");
    CHECK(ok({"--uid", "0", "--gid", "0"}, kRoot).uid == 0U);
    CHECK(ok({"--uid", "5", "--userns", "9"}, kRoot).uid == 5U);
    int fd = data("12345678");
    CHECK(refusal({"--add-seccomp-fd", std::to_string(fd), "--seccomp", "9"}) ==
          "--seccomp cannot be combined with --add-seccomp-fd");
}

TEST_CASE("bwrap: the environment, in order, and without touching our own") {
    using Env = std::vector<std::pair<std::string, std::string>>;
    CHECK(ok({}).env == Env{{"HOME", "/home/you"}, {"A", "1"}});
    CHECK(ok({"--setenv", "A", "2", "--setenv", "B", "x=y"}).env ==
          Env{{"HOME", "/home/you"}, {"A", "2"}, {"B", "x=y"}});
    CHECK(ok({"--unsetenv", "HOME", "--unsetenv", "NOSUCH"}).env == Env{{"A", "1"}});
    CHECK(ok({"--setenv", "X", "1", "--clearenv", "--setenv", "Y", ""}).env == Env{{"Y", ""}});
    CHECK(ok({"--unsetenv", "A", "--setenv", "A", "3"}).env == Env{{"HOME", "/home/you"}, {"A", "3"}});
    for (const char* name : {"", "a=b"}) {
        CHECK(refusal({"--setenv", name, "x", "true"}) == "setenv failed");
        CHECK(refusal({"--unsetenv", name, "true"}) == "unsetenv failed");
    }
}

TEST_CASE("bwrap: capabilities, in order") {
    auto bit = [](int cap) { return std::uint64_t{1} << cap; };
    CHECK(ok({}).caps == 0);
    CHECK_FALSE(ok({}).caps_given);
    CHECK(ok({}, kRoot).caps == 0xff);
    CHECK_FALSE(ok({}, kRoot).caps_given);
    CHECK(ok({"--cap-add", "CAP_SYS_ADMIN"}).caps == bit(CAP_SYS_ADMIN));
    CHECK(ok({"--cap-add", "cap_bpf"}).caps == bit(CAP_BPF));
    CHECK(ok({"--cap-add", "12"}).caps == bit(12));
    CHECK(ok({"--cap-add", "5x"}).caps == bit(5));
    CHECK(ok({"--cap-add", "ALL", "--cap-drop", "CAP_KILL"}).caps == ~bit(CAP_KILL));
    CHECK(ok({"--cap-drop", "all", "--cap-add", "CAP_KILL"}, kRoot).caps == bit(CAP_KILL));
    CHECK(ok({"--cap-drop", "CAP_CHOWN"}, kRoot).caps == 0xfe);
    CHECK(ok({"--cap-drop", "CAP_CHOWN"}, kRoot).caps_given);
    for (const char* option : {"--cap-add", "--cap-drop"})
        for (const char* name : {"", "KILL", "CAP_NOSUCH", "64", "-1", "x5"})
            CHECK(refusal({option, name, "true"}) == std::string("unknown cap: ") + name);
}

TEST_CASE("bwrap: seccomp programs") {
    int one = data("12345678"), other = data("1234567812345678");
    BwrapOptions o = ok({"--add-seccomp-fd", std::to_string(one), "--add-seccomp-fd", std::to_string(other)});
    CHECK(o.programs == Words{"12345678", "1234567812345678"});
    CHECK_FALSE(is_callers(one));
    CHECK(ok({"--seccomp", "9"}).seccomp == 9);
    int odd = data("1234567");
    CHECK(refusal({"--add-seccomp-fd", std::to_string(odd), "true"}) ==
          "Invalid seccomp data, must be multiple of 8");
    CHECK(refusal({"--add-seccomp-fd", "999", "true"}) == "Can't read seccomp data: Bad file descriptor");
    auto gone = seccomp_program(999);
    CHECK(std::get<Wrong>(gone).message == "Can't read seccomp data: Bad file descriptor");
}

TEST_CASE("bwrap: SELinux labels") {
    BwrapFacts selinux = kUser;
    selinux.selinux = [] { return true; };
    for (const char* option : {"--exec-label", "--file-label"}) {
        CHECK(refusal({option, "x", "true"}) == "labeling not supported on this system");
        CHECK(refusal({option, "x", "true"}, selinux) == std::string(option) + " x: ajail sets no SELinux labels");
    }
}

TEST_CASE("bwrap: the rest") {
    BwrapOptions o = ok({"--new-session", "--die-with-parent", "--unshare-pid", "--as-pid-1",
                         "--assert-userns-disabled", "--not-a-security-boundary", "--debug-opt=force-openat-fallback",
                         "--debug-opt=force-mount-setattr-fallback", "--unshare-user", "--disable-userns", "--argv0",
                         "name", "--block-fd", "9", "--json-status-fd", "8"});
    CHECK((o.new_session && o.die_with_parent && o.as_pid_1 && o.assert_userns_disabled && o.disable_userns));
    CHECK(o.argv0 == "name");
    CHECK(o.block == 9);
    CHECK(o.status == 8);
    CHECK(refusal({"--debug-opt=x", "true"}) == "Unknown --debug-opt value: x");
    CHECK(refusal({"--debug-opt=", "true"}) == "Unknown --debug-opt value: ");
    CHECK(ok({"--ajail-dry-run"}).dry_run == RunOptions::DryRun::text);
    CHECK(ok({"--ajail-dry-run=json"}).dry_run == RunOptions::DryRun::json);
    CHECK(refusal({"--ajail-dry-run=xml", "true"}) == "--ajail-dry-run takes nothing but =json");
}

TEST_CASE("bwrap: which options only bwrap has") {
    for (const char* word : {"--bind", "--unshare-all", "--args", "--debug-opt=x", "--ajail-dry-run"})
        CHECK(only_of_bwrap(word));
    for (const char* word : {"--help", "--version", "--dev", "--hostname", "--cap-add", "--rw", "--nosuch", "sh", ""})
        CHECK_FALSE(only_of_bwrap(word));
}

TEST_CASE("bwrap: every option takes as many words as the help says") {
    std::istringstream lines(bwrap_help("bwrap"));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("    --")) continue;
        ++count;
        std::istringstream text(line);
        Words args(1);
        text >> args[0];
        for (std::string word; text >> word && word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") > word.size();)
            args.push_back(word);
        INFO(line);
        std::size_t values = args.size() - 1;
        args[0] = args[0].substr(0, args[0].find('['));
        if (values > 0) args.pop_back();
        std::string said = refusal(args);
        CHECK((said.find(" takes ") != std::string::npos || said == kLonelySource) == (values > 0));
    }
    CHECK(count == 70);
}
