// SPDX-License-Identifier: Apache-2.0
// See fs.h. A root filesystem that is used is never removed, and one that is edited is not copied half-way.
#include "cli/fs.h"

#include "cli/archive.h"
#include "cli/caller.h"
#include "cli/machine.h"
#include "cli/words.h"
#include "ns/idmap.h"
#include "store/cache.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace ajail::cli {

namespace {

using sys::Fd;

class Command {
public:
    Command(const FsOptions& options, const ns::Caller& process, spec::Host host, const Caller& caller)
        : options_(options), process_(process), host_(std::move(host)), home_(caller.ajail_home),
          remover_(remover(host_, process)) {}

    int run() {
        using Verb = FsOptions::Verb;
        switch (options_.verb) {
        case Verb::list: return list();
        case Verb::remove: return remove();
        case Verb::copy: return copy();
        case Verb::import: return good_new_name(options_.names[0]) ? import() : kFailed;
        case Verb::export_: return export_();
        }
        return kFailed;
    }

private:
    std::string path_of(const std::string& name) const { return home_ + "/fs/" + name; }

    static bool good_new_name(const std::string& name) {
        if (store::good_name(name) && name != "host") return true;
        (void)fail("fs: " + spec::escape(name) +
                   " is no name for a root filesystem (1 to 64 letters, digits, . _ -; not 'host')");
        return false;
    }

    bool exists(const std::string& name) const {
        auto all = store::root_filesystems(home_);
        if (std::find(all.begin(), all.end(), name) != all.end()) return true;
        std::string list;
        for (const std::string& have : all) list += (list.empty() ? "" : ", ") + spec::escape(have);
        (void)fail("fs: no root filesystem " + spec::escape(name) + " in " + spec::escape(home_) + "/fs (" +
                   (list.empty() ? "there is none yet" : "there are: " + list) + ")");
        return false;
    }

    int list() const {
        nlohmann::ordered_json json = nlohmann::ordered_json::array();
        std::vector<std::array<std::string, 5>> rows = {{"NAME", "SIZE", "MADE", "IN USE", "DISTRIBUTION"}};
        for (const std::string& name : store::root_filesystems(home_)) {
            auto looked = store::look_into(path_of(name));
            if (!looked) continue; // removed meanwhile
            const store::Details& details = *looked;
            if (options_.json) json.push_back(as_json(name, details));
            else
                rows.push_back({spec::escape(name), human(details.size), local_time(details.made),
                                users(details.in_use), spec::escape(details.pretty_name)});
        }
        if (auto archives = store::archives(home_); !archives.empty()) {
            std::uint64_t size = 0;
            for (const store::Archive& one : archives) size += one.size;
            rows.push_back(
                {"(cache)", human(size), local_time(archives[0].made), "no", "for mkfs; fs remove --cache"});
        }
        return show(options_.json ? json.dump(2) + "\n" : table(rows));
    }

    nlohmann::ordered_json as_json(const std::string& name, const store::Details& details) const {
        nlohmann::ordered_json users = nlohmann::ordered_json::array();
        bool edited = false;
        for (const store::Holder& holder : details.in_use) {
            users.push_back(holder.pid);
            edited = edited || holder.hold == store::Hold::exclusive;
        }
        char made[32] = "";
        auto seconds = static_cast<std::time_t>(details.made);
        if (std::tm utc{}; ::gmtime_r(&seconds, &utc) != nullptr)
            (void)std::strftime(made, sizeof made, "%Y-%m-%dT%H:%M:%SZ", &utc);
        return {{"name", spec::escape(name)},
                {"path", spec::escape(path_of(name))},
                {"size", details.size},
                {"made", made},
                {"distribution", spec::escape(details.pretty_name)},
                {"in_use", users},
                {"edited", edited}};
    }

    static std::string human(std::uint64_t bytes) {
        char text[32];
        double value = static_cast<double>(bytes) / 1024;
        const char* unit = "K";
        for (const char* next : {"M", "G", "T"}) {
            if (value < 1000) break;
            value /= 1024;
            unit = next;
        }
        (void)std::snprintf(text, sizeof text, value < 10 ? "%.1f%s" : "%.0f%s", value, unit);
        return text;
    }

    static std::string local_time(std::int64_t seconds) {
        char text[32] = "";
        auto time = static_cast<std::time_t>(seconds);
        if (std::tm local{}; ::localtime_r(&time, &local) != nullptr)
            (void)std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
        return text;
    }

    static std::string users(const std::vector<store::Holder>& holders) {
        if (holders.empty()) return "no";
        constexpr std::size_t kShown = 3;
        std::string text =
            std::to_string(holders.size()) + (holders[0].hold == store::Hold::exclusive ? ", edited" : "");
        text += holders.size() == 1 ? " (pid " : " (pids ";
        for (std::size_t i = 0; i < holders.size() && i < kShown; ++i)
            text += (i == 0 ? "" : " ") + std::to_string(holders[i].pid);
        return text + (holders.size() > kShown ? " ...)" : ")");
    }

    static std::string table(const std::vector<std::array<std::string, 5>>& rows) {
        std::array<std::size_t, 5> widths{};
        for (const auto& row : rows)
            for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
        std::string out;
        for (const auto& row : rows) {
            std::string line;
            for (std::size_t i = 0; i < row.size(); ++i) {
                std::string space(widths[i] - row[i].size(), ' ');
                bool right = i == 1; // numbers
                line += right ? space + row[i] + "  " : row[i] + space + "  ";
            }
            line.erase(line.find_last_not_of(' ') + 1);
            out += line + "\n";
        }
        return out;
    }

    int remove() const {
        int code = 0;
        if (options_.cache)
            if (auto removed = store::remove_cache(home_); !removed)
                code = fail("fs remove: " + spec::escape(home_) + "/cache: " + std::strerror(removed.error().err));
        for (const std::string& name : options_.names) {
            if (!exists(name)) {
                code = kFailed;
                continue;
            }
            std::string path = path_of(name);
            bool mounted = std::any_of(mountpoints().begin(), mountpoints().end(),
                                       [&](const std::string& point) { return spec::within(point, path); });
            if (mounted) {
                code = fail("fs remove: file systems are mounted in " + spec::escape(path) + "; unmount them first");
                continue;
            }
            if (auto removed = store::remove(home_ + "/fs", name, remover_); !removed)
                code = fail("fs remove: " + why_not_locked(name, path, store::Hold::exclusive, removed.error()));
        }
        return code;
    }

    // The new root filesystem NAME in the making; or it has been said why not.
    std::optional<store::Partial> partial(const char* verb, const std::string& name) const {
        auto made = store::Partial::create(home_, name, remover_);
        if (made) return std::move(made).take();
        if (made.error().err == EEXIST)
            (void)fail(std::string("fs ") + verb + ": " + name +
                       " exists already; remove it first (ajail fs remove " + name + ") or choose another name");
        else
            (void)fail(std::string("fs ") + verb + ": " + spec::escape(path_of(name)) + ": " +
                       std::strerror(made.error().err));
        return std::nullopt;
    }

    sys::Result<Fd> shared(const char* verb, const std::string& name) const {
        auto locked = store::lock(path_of(name), store::Hold::shared);
        if (!locked)
            (void)fail(std::string("fs ") + verb + ": " +
                       why_not_locked(name, path_of(name), store::Hold::shared, locked.error()));
        return locked;
    }

    static int failed(const char* verb, const Done& done) {
        if (done.code > 128) return done.code;
        return fail(std::string("fs ") + verb + ": " + (done.said.empty() ? "it failed" : done.said));
    }

    int copy() const {
        const std::string &from = options_.names[0], &to = options_.names[1];
        if (!good_new_name(to) || !exists(from)) return kFailed;
        auto lock = shared("copy", from);
        if (!lock) return kFailed;
        auto directory = partial("copy", to);
        if (!directory) return kFailed;
        Done done = carry_out({.mode = "copy", .source = path_of(from), .target = directory->path()}, host_, process_,
                              options_.verbose);
        if (done.code != 0) return failed("copy", done);
        if (auto committed = directory->commit(); !committed)
            return fail("fs copy: " + to + ": " + std::strerror(committed.error().err));
        return 0;
    }

    int import() const { return fs_import(options_, host_, process_, home_); }

    int export_() const {
        const std::string& name = options_.names[0];
        std::string to = options_.names.size() > 1 ? options_.names[1] : "-";
        if (!exists(name)) return kFailed;
        auto lock = shared("export", name);
        if (!lock) return kFailed;
        if (to == "-" && ::isatty(1) == 1)
            return fail("fs export: not to a terminal; name a FILE or redirect stdout");
        if (to == "-") {
            Done done = pack(name, 1);
            return done.code == 0 ? 0 : failed("export", done);
        }
        return export_to_file(name, to);
    }

    Done pack(const std::string& name, int out) const {
        return carry_out({.mode = "pack", .source = path_of(name), .out = out}, host_, process_, options_.verbose);
    }

    // Without a name while it grows, where the file system can do that.
    int export_to_file(const std::string& name, const std::string& path) const {
        auto why = [&](int err) { return fail("fs export: " + spec::escape(path) + ": " + std::strerror(err)); };
        struct stat st {};
        bool there = ::lstat(path.c_str(), &st) == 0;
        if (there && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode)))
            return fail("fs export: " + spec::escape(path) +
                        " exists already; remove it first or choose another name");
        std::size_t slash = path.rfind('/');
        std::string dir = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
        sys::Result<Fd> file =
            there ? sys::open(path.c_str(), O_WRONLY | O_NOCTTY) : sys::open(dir.c_str(), O_TMPFILE | O_WRONLY, 0666);
        bool unnamed = !there && bool(file);
        if (!there && !file && file.error().err != ENOENT && file.error().err != EACCES)
            file = sys::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0666);
        if (!file) return why(file.error().err);
        Done done = pack(name, (*file).get());
        if (done.code != 0) {
            if (!there && !unnamed) (void)::unlink(path.c_str());
            return failed("export", done);
        }
        std::string link = "/proc/self/fd/" + std::to_string((*file).get());
        if (unnamed && ::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) < 0)
            return why(errno);
        return 0;
    }

    const FsOptions& options_;
    const ns::Caller& process_;
    spec::Host host_;
    std::string home_;
    store::Remover remover_;
};

} // namespace

std::vector<store::Holder> users_of(const std::string& path) {
    auto dir = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY);
    return dir ? store::holders((*dir).get()) : std::vector<store::Holder>{};
}

std::string by_whom(const std::vector<store::Holder>& holders) {
    if (holders.empty()) return " by a process that cannot be seen from here";
    std::string text;
    for (std::size_t i = 0; i < holders.size() && i < 5; ++i)
        text += (i == 0 ? " by pid " : ", ") + std::to_string(holders[i].pid);
    return text + (holders.size() > 5 ? " and " + std::to_string(holders.size() - 5) + " more" : "");
}

std::string why_not_locked(const std::string& name, const std::string& path, store::Hold wanted,
                           const sys::Error& error) {
    std::string text = spec::escape(name);
    if (error.call != sys::Call::flock || error.err != EWOULDBLOCK) return text + ": " + std::strerror(error.err);
    std::vector<store::Holder> holders = users_of(path);
    bool edited = wanted == store::Hold::shared ||
                  std::any_of(holders.begin(), holders.end(),
                              [](const store::Holder& h) { return h.hold == store::Hold::exclusive; });
    text += (edited ? " is being edited" : " is in use") + by_whom(holders);
    return text;
}

store::Remover remover(spec::Host host, const ns::Caller& process) {
    return [host = std::move(host), &process](int dir, const std::string& entry) mutable {
        sys::Status removed = store::remove_tree(dir, entry);
        bool denied = !removed && (removed.error().err == EACCES || removed.error().err == EPERM);
        if (!denied || host.real_root) return removed;
        host.subordinates = look_for_subordinates(host.uid);
        auto lowered = spec::lower({.users = spec::Users::range}, host);
        if (std::holds_alternative<spec::Refusal>(lowered)) return removed; // no such ids: they cannot be the reason
        std::optional<ns::HelperEnd> helper;
        removed = ns::with_ids(
            std::get<spec::Plan>(lowered), process, [&] { return store::remove_tree(dir, entry); }, helper);
        if (helper) warn("files of other users are left: " + sentence(*helper));
        return removed;
    };
}

unsigned scratch_owner(const spec::Host& host) { return host.real_root ? spec::kRootRangeBase : host.uid; }

int fs(const FsOptions& options, const ns::Caller& process) {
    auto looked = sys::during(sys::Stage::start, look_at_host());
    if (!looked) return fail(sentence(looked.error(), nullptr));
    spec::Host host = std::move(looked).take();
    Caller caller = who_calls(host.uid);
    host.subordinates = look_for_subordinates(host.uid);
    look_for_overlay(host);
    store::remove_abandoned_scratch(caller.ajail_home, scratch_owner(host), remover(host, process));
    return Command(options, process, std::move(host), caller).run();
}

} // namespace ajail::cli
