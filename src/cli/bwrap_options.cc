// SPDX-License-Identifier: Apache-2.0
// The options of bubblewrap. Values are words of their own, order is meaning, and what is wrong is said in bubblewrap's
// words: programs that call it compare them.
#include "cli/bwrap_options.h"

#include "cli/version.h"
#include "spec/plan.h"
#include "sys/calls.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/filter.h>
#include <span>
#include <strings.h>
#include <unistd.h>
#include <utility>

namespace ajail::cli {

namespace {

using Values = std::span<const std::string>;

// Thrown by reading, shown by parse_bwrap().
struct Stop {
    std::variant<Shown, Usage, Wrong> what;
};
[[noreturn]] void wrong(const std::string& message) { throw Stop{Wrong{message}}; }
[[noreturn]] void wrong(const std::string& message, int err) { wrong(message + ": " + std::strerror(err)); }

class Reader;

struct Option {
    const char* name;
    unsigned values;   ///< words after it
    const char* words; ///< their names in the help; after a '=', it is one word with the option
    const char* help;
    void (Reader::*take)(const Option&, Values);
    const char*
        missing; ///< what is said where there are too few words; with the option's name in front unless it has one
};

constexpr const char* kAn = " takes an argument";
constexpr const char* kOne = " takes one argument";
constexpr const char* kTwo = " takes two arguments";
constexpr const char* kThree = " takes three arguments";
constexpr const char* kTwoForBindFd = "--bind-fd takes two arguments"; // also for --ro-bind-fd
constexpr const char* kLonelySource =
    "--overlay-src must be followed by another --overlay-src or one of --overlay, --tmp-overlay, or --ro-overlay";
constexpr const char* kLonelyPerms = "--perms must be followed by an option that creates a file";
constexpr const char* kLonelySize = "--size must be followed by --tmpfs";

constexpr std::uint64_t kMaxSize = SIZE_MAX >> 1; // of a tmpfs: loff_t's
constexpr std::size_t kAnySize = SIZE_MAX;

// As strtol(3) reads it, space and sign in front included; nothing that an int cannot hold, and nothing negative.
std::optional<int> number(const std::string& text) {
    char* end = nullptr;
    errno = 0;
    long value = std::strtol(text.c_str(), &end, 10);
    if (text.empty() || *end != '\0' || errno != 0 || value < 0 || value > INT_MAX) return std::nullopt;
    return static_cast<int>(value);
}

std::optional<unsigned> permissions(const std::string& text) {
    char* end = nullptr;
    unsigned long value = std::strtoul(text.c_str(), &end, 8);
    if (text.empty() || *end != '\0' || value > 07777) return std::nullopt;
    return static_cast<unsigned>(value);
}

// What is mounted at `/` is one thing, whichever way it is written. Every other path is left as it is: `..` after a
// symlink is not what it looks like.
std::string target_of(const std::string& given) {
    std::string path = given.starts_with('/') ? given : "/" + given;
    for (std::size_t at = 0; at < path.size();) {
        std::size_t end = std::min(path.find('/', at), path.size());
        std::string_view name = std::string_view(path).substr(at, end - at);
        if (!name.empty() && name != ".") return path;
        at = end + 1;
    }
    return "/";
}

class Reader {
public:
    Reader(const std::string& called, const char* const* environment, const BwrapFacts& facts, BwrapParsed& parsed)
        : called_(called), environment_(environment), facts_(facts), parsed_(parsed) {
        o_.caps = facts.uid == 0 ? facts.caps : 0;
    }

    BwrapOptions read(const std::vector<std::string>& args) {
        if (args.empty()) throw Stop{Usage{bwrap_help(called_)}};
        std::size_t at = options(args, false);
        if (!lowers_.empty()) wrong(kLonelySource);
        fit_together();
        if (at >= args.size()) throw Stop{Usage{bwrap_help(called_)}};
        o_.command.assign(args.begin() + static_cast<std::ptrdiff_t>(at), args.end());
        need_namespaces();
        take_environment();
        return std::move(o_);
    }

    // The options by name, as the table below has them.
    void help(const Option&, Values) { throw Stop{Shown{bwrap_help(called_)}}; }
    void version(const Option&, Values) {
        // Programs read it to know what they may ask for, and take the last word, or the second, or the line.
        parsed_.aside = std::string("ajail ") + kVersion + "\n";
        throw Stop{Shown{"bubblewrap 0.12.0\n"}};
    }
    void args(const Option&, Values values) {
        auto text = take_data(descriptor(values[0]));
        if (!text) wrong("Can't read --args data", text.error().err);
        std::vector<std::string> words;
        for (std::size_t start = 0; start < (*text).size();) {
            std::size_t end = std::min((*text).find('\0', start), (*text).size());
            words.push_back((*text).substr(start, end - start));
            start = end + 1;
        }
        (void)options(words, true); // a command in there is nobody's
    }
    void level_prefix(const Option&, Values) { o_.level_prefix = parsed_.level_prefix = true; }
    void argv0(const Option&, Values values) {
        if (o_.argv0) wrong("--argv0 used multiple times");
        o_.argv0 = values[0];
    }
    void debug(const Option&, Values values) {                                 // of bubblewrap's own ways to mount
        if (values[0] == "print-assumed-kernel") throw Stop{Shown{"6.2.0\n"}}; // as 0.13: no older way is built in
        if (values[0] != "force-openat-fallback" && values[0] != "force-mount-setattr-fallback")
            wrong("Unknown --debug-opt value: " + spec::escape(values[0]));
    }
    void dry_run(const Option& option, Values values) {
        if (!values.empty() && values[0] != "json") wrong(std::string(option.name) + " takes nothing but =json");
        o_.dry_run = values.empty() ? RunOptions::DryRun::text : RunOptions::DryRun::json;
    }

    void nothing(const Option&, Values) {}
    template <bool BwrapOptions::*Flag> void set(const Option&, Values) { o_.*Flag = true; }
    void share_net(const Option&, Values) { o_.network = false; }
    void unshare_all(const Option&, Values) {
        o_.user_try = o_.ipc = o_.pid = o_.uts = o_.cgroup_try = o_.network = true;
    }
    template <int BwrapOptions::*Fd> void fd(const Option& option, Values values) {
        once(option, o_.*Fd != -1);
        o_.*Fd = descriptor(values[0]);
    }
    template <std::optional<unsigned> BwrapOptions::*Id> void id(const Option& option, Values values) {
        once(option, (o_.*Id).has_value());
        auto value = number(values[0]);
        if (!value) wrong("Invalid " + std::string(option.name + 2) + ": " + spec::escape(values[0]));
        o_.*Id = static_cast<unsigned>(*value);
    }
    void hostname(const Option& option, Values values) {
        once(option, o_.hostname.has_value());
        o_.hostname = values[0];
    }
    void chdir(const Option& option, Values values) {
        once(option, o_.chdir.has_value());
        o_.chdir = path(option.name, values[0]);
    }
    void label(const Option& option, Values values) {
        if (!facts_.selinux()) wrong("labeling not supported on this system");
        wrong(std::string(option.name) + " " + spec::escape(values[0]) + ": ajail sets no SELinux labels");
    }
    void sync(const Option&, Values values) { o_.sync.push_back(descriptor(values[0])); }
    void lock(const Option& option, Values values) { o_.locks.push_back(path(option.name, values[0])); }
    void seccomp(const Option& option, Values values) {
        if (!o_.programs.empty()) wrong("--seccomp cannot be combined with --add-seccomp-fd");
        fd<&BwrapOptions::seccomp>(option, values);
    }
    void add_seccomp(const Option&, Values values) {
        if (o_.seccomp != -1) wrong("--add-seccomp-fd cannot be combined with --seccomp");
        auto program = seccomp_program(descriptor(values[0]));
        if (auto* refused = std::get_if<Wrong>(&program)) throw Stop{std::move(*refused)};
        o_.programs.push_back(std::get<std::string>(std::move(program)));
    }

    void clear_variables(const Option&, Values) {
        cleared_ = true;
        changes_.clear();
    }
    void set_variable(const Option&, Values values) {
        if (values[0].empty() || values[0].find('=') != std::string::npos) wrong("setenv failed");
        Change* change = change_of(values[0]);
        if (change == nullptr) change = &changes_.emplace_back(Change{.name = values[0]});
        change->value = values[1];
    }
    void unset_variable(const Option&, Values values) {
        if (values[0].empty() || values[0].find('=') != std::string::npos) wrong("unsetenv failed");
        std::erase_if(changes_, [&](const Change& change) { return change.name == values[0]; });
        changes_.push_back({.name = values[0], .unset = true});
    }

    void cap_add(const Option&, Values values) { o_.caps |= capabilities(values[0]); }
    void cap_drop(const Option&, Values values) { o_.caps &= ~capabilities(values[0]); }

    template <bool Writable, bool Devices, bool Optional> void bind(const Option& option, Values values) {
        spec::Bind bind;
        bind.source.path = path(option.name, values[0]);
        bind.writable = Writable;
        bind.devices = Devices;
        put(option, values[1], std::move(bind)).optional = Optional;
    }
    template <bool Writable> void bind_fd(const Option& option, Values values) {
        spec::Bind bind;
        bind.source.descriptor = descriptor(values[0]);
        bind.source.path = "/proc/self/fd/" + std::to_string(bind.source.descriptor);
        bind.writable = Writable;
        put(option, values[1], std::move(bind));
    }
    template <class Mount> void plain(const Option& option, Values values) { put(option, values[0], Mount{}); }
    void tmpfs(const Option& option, Values values) {
        spec::Tmpfs tmpfs;
        tmpfs.mode = take_perms(0755);
        tmpfs.size = std::exchange(size_, 0);
        put(option, values[0], tmpfs);
    }
    void directory(const Option& option, Values values) {
        spec::Directory directory;
        directory.mode = take_perms(0755);
        put(option, values[0], directory);
    }
    template <spec::Data::How How> void data(const Option& option, Values values) {
        int fd = descriptor(values[0]);
        spec::Data data;
        data.mode = take_perms(How == spec::Data::written ? 0666 : 0600);
        data.how = How;
        put(option, values[1], std::move(data)).data = fd;
    }
    void symlink(const Option& option, Values values) {
        spec::Symlink link;
        link.to = path(option.name, values[0]);
        put(option, values[1], std::move(link));
    }
    void chmod(const Option& option, Values values) {
        auto mode = permissions(values[0]);
        if (!mode) wrong("--chmod takes an octal argument <= 07777");
        spec::Chmod chmod;
        chmod.mode = *mode;
        put(option, values[1], chmod);
    }
    void overlay_source(const Option&, Values values) { lowers_.push_back({.path = values[0]}); }
    void overlay(const Option& option, Values values) {
        if (lowers_.empty()) wrong("--overlay requires at least one --overlay-src");
        spec::Layers layers;
        layers.writes = spec::Layers::kept;
        layers.upper.path = path(option.name, values[0]);
        layers.work.path = path(option.name, values[1]);
        overlay_at(option, values[2], std::move(layers));
    }
    void tmp_overlay(const Option& option, Values values) {
        if (lowers_.empty()) wrong("--tmp-overlay requires at least one --overlay-src");
        spec::Layers layers;
        layers.writes = spec::Layers::thrown_away;
        overlay_at(option, values[0], std::move(layers));
    }
    void ro_overlay(const Option& option, Values values) {
        if (lowers_.size() < 2) wrong("--ro-overlay requires at least two --overlay-src");
        overlay_at(option, values[0], {});
    }
    void perms(const Option&, Values values) {
        if (perms_) wrong("--perms given twice for the same action");
        perms_ = permissions(values[0]);
        if (!perms_) wrong("--perms takes an octal argument <= 07777");
    }
    void size(const Option&, Values values) {
        if (size_ != 0) wrong("--size given twice for the same action");
        char* end = nullptr;
        errno = 0;
        std::uint64_t value = std::strtoull(values[0].c_str(), &end, 0);
        bool digit = std::isdigit(static_cast<unsigned char>(values[0][0])) != 0;
        if (errno != 0 || !digit || *end != '\0' || value == 0) wrong("--size takes a non-zero number of bytes");
        if (value > kMaxSize) wrong("--size (for tmpfs) is limited to " + std::to_string(kMaxSize));
        size_ = value;
    }

private:
    // Returns where the command starts.
    std::size_t options(const std::vector<std::string>& words, bool in_file);
    std::size_t option(const std::string& word, Values rest, bool in_file);

    // A modifier is for the very next option that is none.
    void modifiers_were_used(const std::string& word) const {
        bool modifier = word == "--perms" || word == "--size";
        if (!modifier && perms_) wrong(kLonelyPerms);
        if (!modifier && size_ != 0) wrong(kLonelySize);
        if (word != "--overlay-src" && !lowers_.empty()) wrong(kLonelySource);
    }

    void once(const Option& option, bool given) {
        if (!given) return;
        parsed_.warnings.push_back(
            {"Only the last " + std::string(option.name) + " option will take effect", o_.level_prefix});
    }
    static std::string path(const char* name, const std::string& value) {
        if (value.empty()) wrong(std::string(name) + " does not take an empty path argument");
        return value;
    }
    static int descriptor(const std::string& value) {
        auto fd = number(value);
        if (!fd) wrong("Invalid fd: " + spec::escape(value));
        return *fd;
    }
    std::uint64_t capabilities(const std::string& name) {
        o_.caps_given = true;
        if (::strcasecmp(name.c_str(), "ALL") == 0) return ~std::uint64_t{0};
        // As cap_from_name(3) has it: a name ends where its letters do, whatever follows.
        bool digits = !name.empty() && name[0] >= '0' && name[0] <= '9';
        const char* letters = digits ? "0123456789" : "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
        auto cap = spec::cap_number(std::string_view(name).substr(0, name.find_first_not_of(letters)));
        if (!cap) wrong("unknown cap: " + spec::escape(name));
        return std::uint64_t{1} << *cap;
    }
    unsigned take_perms(unsigned usual) { return std::exchange(perms_, std::nullopt).value_or(usual); }

    template <class Mount> BwrapMount& put(const Option& option, const std::string& target, Mount mount) {
        mount.target = target_of(path(option.name, target));
        return o_.mounts.emplace_back(BwrapMount{.mount = std::move(mount), .given = target});
    }
    void overlay_at(const Option& option, const std::string& target, spec::Layers layers) {
        for (const spec::Source& lower : lowers_) (void)path("--overlay-src", lower.path);
        layers.lowers = std::exchange(lowers_, {});
        put(option, target, std::move(layers));
    }

    void fit_together() const;
    void need_namespaces();

    // Of one variable of the environment.
    struct Change {
        std::string name;
        std::optional<std::string> value = {};
        bool unset = false; ///< before that
    };
    Change* change_of(std::string_view name) {
        auto found = std::find_if(changes_.begin(), changes_.end(), [&](const Change& c) { return c.name == name; });
        return found == changes_.end() ? nullptr : &*found;
    }
    void take_environment();

    const std::string& called_;
    const char* const* environment_;
    bool cleared_ = false;
    std::vector<Change> changes_;
    const BwrapFacts& facts_;
    BwrapParsed& parsed_;
    BwrapOptions o_;
    std::optional<unsigned> perms_;
    std::uint64_t size_ = 0;
    std::vector<spec::Source> lowers_; // of --overlay-src, for the next overlay
};

using O = BwrapOptions;
using R = Reader;

// The one table: parser and help are made from it, the manual is tested against it.
constexpr Option kOptions[] = {
    {"--help", 0, "", "print this help", &R::help, ""},
    {"--version", 0, "", "print the version of bubblewrap that this is like", &R::version, ""},
    {"--args", 1, "FD", "read more options from FD, each ended by a NUL byte", &R::args, kAn},
    {"--argv0", 1, "VALUE", "what the command is told that it is called", &R::argv0, kOne},
    {"--level-prefix", 0, "", "begin messages with <3> (errors) or <4> (warnings)", &R::level_prefix, ""},
    {"--unshare-all", 0, "", "namespaces of its own, of every kind", &R::unshare_all, ""},
    {"--share-net", 0, "", "but keep the network, after --unshare-all", &R::share_net, ""},
    {"--unshare-user", 0, "", "a user namespace of its own (always, unless root calls)", &R::set<&O::user>, ""},
    {"--unshare-user-try", 0, "", "the same, if there can be one", &R::set<&O::user_try>, ""},
    {"--unshare-ipc", 0, "", "an IPC namespace of its own", &R::set<&O::ipc>, ""},
    {"--unshare-pid", 0, "", "a PID namespace of its own", &R::set<&O::pid>, ""},
    {"--unshare-net", 0, "", "a network of its own, with nothing but a loopback interface", &R::set<&O::network>, ""},
    {"--unshare-uts", 0, "", "a UTS namespace of its own", &R::set<&O::uts>, ""},
    {"--unshare-cgroup", 0, "", "a cgroup namespace of its own", &R::set<&O::cgroup>, ""},
    {"--unshare-cgroup-try", 0, "", "the same, if the kernel has them", &R::set<&O::cgroup_try>, ""},
    {"--userns", 1, "FD", "enter this user namespace instead of making one", &R::fd<&O::userns>, kAn},
    {"--userns2", 1, "FD", "enter this one once everything is mounted", &R::fd<&O::userns2>, kAn},
    {"--disable-userns", 0, "", "no user namespaces can be made inside", &R::set<&O::disable_userns>, ""},
    {"--assert-userns-disabled", 0, "", "run nothing if user namespaces can be made inside",
     &R::set<&O::assert_userns_disabled>, ""},
    {"--pidns", 1, "FD", "enter this PID namespace; with --unshare-pid, make one in it", &R::fd<&O::pidns>, kAn},
    {"--uid", 1, "UID", "the user id inside (default: your own)", &R::id<&O::uid>, kAn},
    {"--gid", 1, "GID", "the group id inside (default: your own)", &R::id<&O::gid>, kAn},
    {"--hostname", 1, "NAME", "the host name inside, with --unshare-uts", &R::hostname, kAn},
    {"--chdir", 1, "DIR", "where the command starts", &R::chdir, kOne},
    {"--clearenv", 0, "", "take all variables out of the environment", &R::clear_variables, ""},
    {"--setenv", 2, "VAR VALUE", "set a variable", &R::set_variable, kTwo},
    {"--unsetenv", 1, "VAR", "take a variable out", &R::unset_variable, kAn},
    {"--lock-file", 1, "DEST", "hold a read lock on DEST meanwhile", &R::lock, kAn},
    {"--sync-fd", 1, "FD", "keep FD open meanwhile", &R::sync, kAn},
    {"--bind", 2, "SRC DEST", "mount SRC of the host at DEST", &R::bind<true, false, false>, kTwo},
    {"--bind-try", 2, "SRC DEST", "the same, or nothing if there is no SRC", &R::bind<true, false, true>, kTwo},
    {"--dev-bind", 2, "SRC DEST", "like --bind, and device nodes in it work", &R::bind<true, true, false>, kTwo},
    {"--dev-bind-try", 2, "SRC DEST", "the same, or nothing", &R::bind<true, true, true>, kTwo},
    {"--ro-bind", 2, "SRC DEST", "like --bind, read-only", &R::bind<false, false, false>, kTwo},
    {"--ro-bind-try", 2, "SRC DEST", "the same, or nothing", &R::bind<false, false, true>, kTwo},
    {"--bind-fd", 2, "FD DEST", "mount what FD is open on at DEST", &R::bind_fd<true>, kTwoForBindFd},
    {"--ro-bind-fd", 2, "FD DEST", "the same, read-only", &R::bind_fd<false>, kTwoForBindFd},
    {"--remount-ro", 1, "DEST", "make the mount at DEST read-only, not those in it", &R::plain<spec::ReadOnly>, kOne},
    {"--overlay-src", 1, "SRC", "a layer of the overlay that follows, above those given before", &R::overlay_source,
     kLonelySource},
    {"--overlay", 3, "RWSRC WORKDIR DEST",
     "an overlay at DEST; writes go to RWSRC, WORKDIR is an empty directory there", &R::overlay, kThree},
    {"--tmp-overlay", 1, "DEST", "an overlay at DEST; writes are thrown away", &R::tmp_overlay, kAn},
    {"--ro-overlay", 1, "DEST", "an overlay at DEST, read-only", &R::ro_overlay, kAn},
    {"--exec-label", 1, "LABEL", "refused: ajail sets no SELinux labels", &R::label, kAn},
    {"--file-label", 1, "LABEL", "refused: ajail sets no SELinux labels", &R::label, kAn},
    {"--proc", 1, "DEST", "a procfs at DEST", &R::plain<spec::Proc>, kAn},
    {"--dev", 1, "DEST", "a minimal /dev at DEST", &R::plain<spec::Dev>, kAn},
    {"--tmpfs", 1, "DEST", "an empty tmpfs at DEST", &R::tmpfs, kAn},
    {"--mqueue", 1, "DEST", "a mqueue file system at DEST", &R::plain<spec::Mqueue>, kAn},
    {"--dir", 1, "DEST", "a directory", &R::directory, kAn},
    {"--file", 2, "FD DEST", "a file with what FD has", &R::data<spec::Data::written>, kTwo},
    {"--bind-data", 2, "FD DEST", "the same, mounted at DEST", &R::data<spec::Data::mounted>, kTwo},
    {"--ro-bind-data", 2, "FD DEST", "the same, read-only", &R::data<spec::Data::read_only>, kTwo},
    {"--symlink", 2, "SRC DEST", "a symbolic link at DEST to SRC", &R::symlink, kTwo},
    {"--seccomp", 1, "FD", "load the seccomp program that FD has", &R::seccomp, kAn},
    {"--add-seccomp-fd", 1, "FD", "the same, and may be repeated", &R::add_seccomp, kAn},
    {"--block-fd", 1, "FD", "start the command when FD can be read from", &R::fd<&O::block>, kAn},
    {"--userns-block-fd", 1, "FD", "go on when FD can be read from: the caller writes the id maps", &R::fd<&O::ids>,
     kAn},
    {"--info-fd", 1, "FD", "write to FD what runs, as JSON", &R::fd<&O::info>, kAn},
    {"--json-status-fd", 1, "FD", "write to FD what runs, and how it ends, each a line of JSON", &R::fd<&O::status>,
     kAn},
    {"--new-session", 0, "", "a terminal session of its own", &R::set<&O::new_session>, ""},
    {"--die-with-parent", 0, "", "end it all when the caller ends", &R::set<&O::die_with_parent>, ""},
    {"--as-pid-1", 0, "", "the command is PID 1 itself", &R::set<&O::as_pid_1>, ""},
    {"--cap-add", 1, "CAP", "give a capability, or ALL", &R::cap_add, kAn},
    {"--cap-drop", 1, "CAP", "take a capability, or ALL", &R::cap_drop, kAn},
    {"--perms", 1, "OCTAL", "the mode of what the next option makes", &R::perms, kAn},
    {"--size", 1, "BYTES", "the size of the tmpfs that follows", &R::size, kAn},
    {"--chmod", 2, "OCTAL PATH", "change the mode of PATH, which is there", &R::chmod, kTwo},
    {"--not-a-security-boundary", 0, "", "accepted, does nothing: no step is left out", &R::nothing, ""},
    {"--debug-opt", 0, "=NAME", "accepted if bubblewrap knows NAME, does nothing", &R::debug, ""},
    {"--ajail-dry-run", 0, "[=json]", "ajail's own: print the plan, as text or JSON, and do nothing", &R::dry_run,
     ""},
};

// `--name=VALUE` is an option only where the help says so.
const Option* find(std::string_view word) {
    std::string_view name = word.substr(0, word.find('='));
    for (const Option& option : kOptions) {
        bool joined = option.words[0] == '=' || option.words[0] == '[';
        if (joined ? name == option.name && (option.words[0] == '[' || name != word) : word == option.name)
            return &option;
    }
    return nullptr;
}

std::size_t Reader::options(const std::vector<std::string>& words, bool in_file) {
    std::size_t at = 0;
    while (at < words.size() && words[at].starts_with('-')) {
        const std::string& word = words[at];
        if (word == "--") return at + 1;
        at += 1 + option(word, Values(words).subspan(at + 1), in_file);
        modifiers_were_used(word);
    }
    return at;
}

// Returns how many words of REST it has used.
std::size_t Reader::option(const std::string& word, Values rest, bool in_file) {
    const Option* found = find(word);
    if (found == nullptr) wrong("Unknown option " + spec::escape(word));
    if (in_file && word == "--args") wrong("--args not supported in arguments file");
    if (rest.size() < found->values)
        wrong(found->missing[0] == '-' ? found->missing : std::string(found->name) + found->missing);
    std::size_t equals = word.find('=');
    if (equals != std::string::npos) {
        std::string value = word.substr(equals + 1);
        (this->*found->take)(*found, Values(&value, 1));
    } else {
        (this->*found->take)(*found, rest.first(found->values));
    }
    return found->values;
}

void Reader::fit_together() const {
    bool ids = o_.ids != -1, userns = o_.userns != -1;
    if (ids && !o_.user) wrong("--userns-block-fd requires --unshare-user");
    if (ids && o_.info == -1) wrong("--userns-block-fd requires --info-fd");
    if (userns && o_.user) wrong("--userns is not compatible with --unshare-user");
    if (userns && o_.user_try) wrong("--userns is not compatible with --unshare-user-try");
    if (o_.disable_userns && !o_.user) wrong("--disable-userns requires --unshare-user");
    if (o_.disable_userns && ids) wrong("--disable-userns is not compatible with --userns-block-fd");
}

// Which of them there will be in the end; and the options that make no sense without one.
void Reader::need_namespaces() {
    if (facts_.uid != 0 && o_.userns == -1) o_.user = true; // without one there is nothing that a user may mount
    if (o_.user_try && !o_.user) o_.user = facts_.userns();
    bool ids = o_.user || o_.userns != -1;
    if (!ids && o_.uid.value_or(facts_.uid) != facts_.uid)
        wrong("Specifying --uid requires --unshare-user or --userns");
    if (!ids && o_.gid.value_or(facts_.gid) != facts_.gid)
        wrong("Specifying --gid requires --unshare-user or --userns");
    if (!o_.uts && o_.hostname) wrong("Specifying --hostname requires --unshare-uts");
    if (o_.as_pid_1 && !o_.pid) wrong("Specifying --as-pid-1 requires --unshare-pid");
    if (o_.as_pid_1 && !o_.locks.empty()) wrong("Specifying --as-pid-1 and --lock-file is not permitted");
    int no_cgroup = o_.cgroup || o_.cgroup_try ? facts_.no_cgroup_namespace() : 0;
    if (o_.cgroup && no_cgroup == ENOENT)
        wrong("Cannot create new cgroup namespace because the kernel does not support it");
    if (o_.cgroup && no_cgroup != 0) wrong("stat on /proc/self/ns/cgroup failed", no_cgroup);
    if (o_.cgroup_try) o_.cgroup = no_cgroup == 0;
}

// Not before all options are read: of what the command is not to have there is never a copy, which it could find in the
// memory of its reaper.
void Reader::take_environment() {
    for (const char* const* variable = environment_; !cleared_ && *variable != nullptr; ++variable) {
        std::string_view text = *variable;
        std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) continue; // no variable
        std::string_view name = text.substr(0, equals);
        Change* change = change_of(name);
        if (change != nullptr && change->unset) continue;
        bool changed = change != nullptr && change->value;
        if (changed) o_.env.emplace_back(name, *std::exchange(change->value, std::nullopt));
        else o_.env.emplace_back(name, text.substr(equals + 1));
    }
    for (Change& change : changes_)
        if (change.value) o_.env.emplace_back(std::move(change.name), std::move(*change.value));
}

} // namespace

BwrapParsed parse_bwrap(const std::string& called, const std::vector<std::string>& args,
                        const char* const* environment, const BwrapFacts& facts) {
    BwrapParsed parsed;
    try {
        parsed.what = Reader(called, environment, facts, parsed).read(args);
    } catch (Stop& stop) {
        std::visit([&](auto& what) { parsed.what = std::move(what); }, stop.what);
    }
    return parsed;
}

std::string bwrap_help(const std::string& called) {
    constexpr std::size_t kColumn = 33; // where the explanations start
    std::string text = "usage: " + spec::escape(called) + " [OPTIONS...] [--] COMMAND [ARGS...]\n\n";
    for (const Option& option : kOptions) {
        std::string line = std::string("    ") + option.name;
        bool joined = option.words[0] == '=' || option.words[0] == '[';
        if (option.words[0] != '\0') line += (joined ? "" : " ") + std::string(option.words);
        line.resize(std::max(line.size() + 1, kColumn), ' ');
        text += line + option.help + "\n";
    }
    return text + "\nThis is ajail " + kVersion + ", which takes bubblewrap's command line.\n";
}

bool only_of_bwrap(std::string_view word) { return find(word) != nullptr && !is_run_option(word); }

bool is_callers(int fd) {
    int flags = fd < 0 ? -1 : ::fcntl(fd, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

sys::Result<std::string> take_data(int fd) {
    if (!is_callers(fd)) return sys::Error{.call = sys::Call::read, .err = EBADF};
    auto text = sys::read_all(fd, kAnySize);
    if (fd > 2) {
        sys::Fd ended(fd);
    } else { // 0-2 stay taken, so that nothing of ours becomes anybody's stdio; the payload has them closed
        sys::Fd nothing = TRY(sys::open("/dev/null", O_RDWR));
        TRY(sys::dup2(nothing.get(), fd, O_CLOEXEC));
    }
    return text;
}

std::variant<std::string, Wrong> seccomp_program(int fd) {
    auto program = take_data(fd);
    if (!program) return Wrong{std::string("Can't read seccomp data: ") + std::strerror(program.error().err)};
    if ((*program).size() % sizeof(sock_filter) != 0) return Wrong{"Invalid seccomp data, must be multiple of 8"};
    return std::move(program).take();
}

} // namespace ajail::cli
