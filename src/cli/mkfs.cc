// SPDX-License-Identifier: Apache-2.0
// `ajail mkfs`: makes a root filesystem with the distribution's script (tools/mkfs, embedded) inside a jail of the
// host's own programs, where only the new directory can be written. It appears complete or not at all.
#include "cli/archive.h"
#include "cli/fs.h"
#include "cli/machine.h"
#include "cli/mkfs_scripts.h"
#include "cli/run.h"
#include "cli/words.h"
#include "store/cache.h"

#include <cstring>
#include <unistd.h>

namespace ajail::cli {

namespace {

constexpr const char* kTarget = "/target";
constexpr const char* kScript = "/run/mkfs.sh";
constexpr const char* kCache = "/cache";

spec::Spec jail(const MkfsOptions& options, std::string_view script, const std::string& directory,
                const std::string& cache) {
    spec::Spec spec;
    spec.root.kind = spec::Root::empty;
    spec.identity = spec::Identity::root;
    spec.shared.network = true;
    spec.policy.unsynced = true;
    spec.mounts = host_system();
    auto add = [&](spec::Mount mount) { spec.mounts.push_back(std::move(mount)); };
    add(spec::Proc{"/proc"});
    add(spec::Dev{"/dev"});
    add(spec::Tmpfs{"/tmp", 01777});
    add(spec::Tmpfs{"/run"});
    add(spec::Tmpfs{"/root", 0700});
    if (auto text = resolv_conf()) add(spec::Data{"/etc/resolv.conf", *text});
    add(spec::Data{kScript, std::string(script)});
    add(spec::Bind{
        .source = {.path = directory, .resolve = spec::Resolve::real, .closed_by = closed_above(directory)},
        .target = kTarget,
        .writable = true,
        .make_setid = true});
    if (!cache.empty()) add(spec::Bind{.source = {.path = cache, .resolve = spec::Resolve::real}, .target = kCache});
    add(spec::Proc{std::string(kTarget) + "/proc"});
    add(spec::Dev{std::string(kTarget) + "/dev"});
    spec.command.argv = {"sh", kScript};
    auto& env = spec.command.env;
    env = {{"HOME", "/root"}, {"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"LC_ALL", "C.UTF-8"}};
    if (const char* term = std::getenv("TERM")) env.emplace_back("TERM", term);
    for (const char* name : {"http_proxy", "https_proxy", "no_proxy"})
        if (const char* value = std::getenv(name)) env.emplace_back(name, value);
    if (!options.suite.empty()) env.emplace_back("MKFS_SUITE", options.suite);
    if (!options.mirror.empty()) env.emplace_back("MKFS_MIRROR", options.mirror);
    if (!options.packages.empty()) env.emplace_back("MKFS_PACKAGES", options.packages);
    if (!cache.empty()) env.emplace_back("MKFS_CACHE", kCache);
    if (options.verbose) env.emplace_back("MKFS_VERBOSE", "1");
    if (::isatty(2) != 1) env.emplace_back("MKFS_QUIET", "1");
    return spec;
}

// The places where the engine mounts; part of every root filesystem anyhow.
sys::Status make_mountpoints(const std::string& directory) {
    sys::Fd dir = TRY(sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY));
    for (const char* name : {"proc", "dev"}) TRY(sys::mkdirat(dir.get(), name, 0755));
    return sys::Done{};
}

// The archives of what was made before, if they may be used: the script looks for one among them, and ajail alone adds
// one, by a jail in which nothing of the new root filesystem runs.
class Archives {
public:
    Archives(const MkfsOptions& options, const Caller& caller, const spec::Host& host, const ns::Caller& process)
        : options_(options), host_(host), process_(process) {
        if (!options.cache || (!options.suite.empty() && !store::good_name(options.suite))) return;
        std::string where = spec::escape(caller.ajail_home) + "/cache";
        auto opened = store::Cache::open(caller.ajail_home);
        auto key = sys::memory_file("ajail");
        if (!opened && opened.error().err == EPERM) {
            (void)not_kept("others can get into " + where + "; remove it, or chmod go= it");
            return;
        }
        if (!opened || !key) {
            (void)not_kept(where + ": " + std::strerror((opened ? key.error() : opened.error()).err));
            return;
        }
        cache_ = std::move(opened).take();
        key_ = std::move(key).take();
    }

    std::string path() const { return cache_ ? physical(cache_->path()) : ""; }
    /// Where the script's stdout goes: it says the key if this is worth keeping.
    int key() const { return key_.get(); }

    /// 0, also if it cannot be kept, or as it was killed.
    int keep(const std::string& directory) const {
        std::string key = text_of(key_);
        if (!cache_ || !store::is_sum(key)) return 0;
        auto file = cache_->file();
        auto sum = sys::memory_file("ajail");
        if (!file || !sum) return not_kept("its file system has no unnamed files (O_TMPFILE), or is full");
        Done done = carry_out({.mode = "pack", .source = directory, .out = (*file).get()}, host_, process_, false);
        if (done.code == 0)
            done = carry_out({.mode = "sum", .in = (*file).get(), .out = (*sum).get()}, host_, process_, false);
        if (done.code > 128) return done.code;
        if (done.code != 0) return not_kept(done.said.empty() ? "it failed" : done.said);
        std::string slot = options_.distribution + "-" + (options_.suite.empty() ? "default" : options_.suite) +
                           (options_.packages.empty() ? "" : "+");
        auto kept = cache_->keep(*file, slot, key, text_of(*sum));
        return kept || kept.error().err == EWOULDBLOCK ? 0 : not_kept(std::strerror(kept.error().err));
    }

private:
    static int not_kept(const std::string& why) {
        warn("mkfs: nothing is kept for the next time: " + why);
        return 0;
    }

    // What is in FILE, of the length of a sum.
    static std::string text_of(const sys::Fd& file) {
        std::string text(64, '\0');
        ssize_t size = file ? ::pread(file.get(), text.data(), text.size(), 0) : 0;
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return text;
    }

    const MkfsOptions& options_;
    const spec::Host& host_;
    const ns::Caller& process_;
    std::optional<store::Cache> cache_;
    sys::Fd key_;
};

// The script's stdout is for ajail.
int execute_into(int out, const spec::Spec& spec, const spec::Host& host, const ns::Caller& process) {
    sys::Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    spec::Host without_terminal = host;
    without_terminal.tty[1] = false;
    Stdio stdio({0, out >= 0 ? out : null.get(), 2});
    if (!stdio.ok()) return fail("mkfs: stdio cannot be arranged");
    auto lowered = spec::lower(spec, without_terminal);
    if (auto* refusal = std::get_if<spec::Refusal>(&lowered)) return fail("mkfs: " + refusal->message);
    return execute(std::get<spec::Plan>(lowered), process);
}

} // namespace

int mkfs(const MkfsOptions& options, const ns::Caller& process) {
    const MkfsScript* script = nullptr;
    std::string known;
    for (const MkfsScript& s : kMkfsScripts) {
        if (options.distribution == s.name) script = &s;
        known += (known.empty() ? "" : ", ") + std::string(s.name);
    }
    if (script == nullptr)
        return fail("mkfs: no distribution " + spec::escape(options.distribution) + " (there are: " + known +
                    "; a release of one: ajail mkfs -s RELEASE debian)");
    if (!store::good_name(options.name) || options.name == "host")
        return fail("mkfs: " + spec::escape(options.name) +
                    " is no name for a root filesystem (1 to 64 letters, digits, . _ -; not 'host')");
    auto looked = sys::during(sys::Stage::start, look_at_host());
    if (!looked) return fail(sentence(looked.error(), nullptr));
    spec::Host host = std::move(looked).take();
    look_for_overlay(host);
    Caller caller = who_calls(host.uid);
    auto partial = store::Partial::create(caller.ajail_home, options.name, remover(host, process));
    std::string where = spec::escape(caller.ajail_home) + "/fs/" + options.name;
    if (!partial && partial.error().err == EEXIST)
        return fail("mkfs: " + where + " exists already; remove it first (ajail fs remove " + options.name +
                    ") or choose another name");
    if (!partial) return fail("mkfs: " + where + ": " + std::strerror(partial.error().err));
    store::Partial directory = std::move(partial).take();
    if (auto made = make_mountpoints(directory.path()); !made)
        return fail("mkfs: " + where + ": " + std::strerror(made.error().err));
    Archives archives(options, caller, host, process);
    if (closed_above(physical(directory.path())).empty())
        warn("mkfs: others on this machine can get into " + spec::escape(caller.ajail_home) +
             ", so no file in it will be set-user-ID (su, sudo); chmod go-x on it keeps them out");
    spec::Spec spec = jail(options, script->text, physical(directory.path()), archives.path());
    int code = execute_into(archives.key(), spec, host, process);
    if (code != 0) return code > 128 ? code : kFailed; // the script has said why
    // Before somebody can run something in it.
    if (int killed = archives.keep(directory.path()); killed != 0) return killed;
    if (auto done = directory.commit(); !done) return fail("mkfs: " + where + ": " + std::strerror(done.error().err));
    if (::isatty(2) == 1)
        std::fprintf(stderr, "mkfs: made %s; try: ajail run --fs=%s\n", where.c_str(), options.name.c_str());
    return 0;
}

} // namespace ajail::cli
