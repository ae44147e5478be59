// SPDX-License-Identifier: Apache-2.0
// `ajail mkfs`: makes a root filesystem with the distribution's script (tools/mkfs, embedded) inside a jail of the
// host's own programs, where only the new directory can be written. It appears complete or not at all.
#include "cli/fs.h"
#include "cli/machine.h"
#include "cli/mkfs_scripts.h"
#include "cli/run.h"
#include "cli/words.h"

#include <cstring>
#include <unistd.h>

namespace ajail::cli {

namespace {

constexpr const char* kTarget = "/target";
constexpr const char* kScript = "/run/mkfs.sh";

spec::Spec jail(const MkfsOptions& options, std::string_view script, const std::string& directory) {
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

} // namespace

int mkfs(const MkfsOptions& options, const ns::Caller& process) {
    const MkfsScript* script = nullptr;
    std::string known;
    for (const MkfsScript& s : kMkfsScripts) {
        if (options.distribution == s.name) script = &s;
        known += (known.empty() ? "" : ", ") + std::string(s.name);
    }
    if (script == nullptr)
        return fail("mkfs: no distribution " + spec::escape(options.distribution) + " (there are: " + known + ")");
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
    auto lowered = spec::lower(jail(options, script->text, physical(directory.path())), host);
    if (auto* refusal = std::get_if<spec::Refusal>(&lowered)) return fail("mkfs: " + refusal->message);
    if (closed_above(physical(directory.path())).empty())
        warn("mkfs: others on this machine can get into " + spec::escape(caller.ajail_home) +
             ", so no file in it will be set-user-ID (su, sudo); chmod go-x on it keeps them out");
    int code = execute(std::get<spec::Plan>(lowered), process);
    if (code != 0) return code > 128 ? code : kFailed; // the script has said why
    if (auto done = directory.commit(); !done) return fail("mkfs: " + where + ": " + std::strerror(done.error().err));
    if (::isatty(2) == 1)
        std::fprintf(stderr, "mkfs: made %s; try: ajail run --fs=%s\n", where.c_str(), options.name.c_str());
    return 0;
}

} // namespace ajail::cli
