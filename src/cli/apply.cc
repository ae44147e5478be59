// SPDX-License-Identifier: Apache-2.0
// `ajail apply`. Done in a process of its own where files are of subordinate ids, so what is to be said is said by it.
#include "store/apply.h"
#include "cli/changes.h"
#include "cli/kept.h"
#include "cli/parser.h"
#include "cli/words.h"

#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

namespace ajail::cli {

namespace {

using store::Change;
using store::Layer;
using store::Said;
using store::Why;
using Json = nlohmann::ordered_json;

constexpr int kRefused = 1; // exit status: something was

std::string why(const Said& said) {
    switch (said.why) {
    case Why::changed: return "changed on the host since the jail ran";
    case Why::changed_under: return "changed on the host while the jail ran";
    case Why::unknown: return "what was there when the jail changed it is not known";
    case Why::no_parent: return "the directory that it is in is not there, or is something else";
    case Why::not_empty: return "there is something in it that the jail did not remove";
    case Why::reserved: return "this name is ajail's own";
    case Why::host_runs: return "programs of the host run it by themselves; name it, or use --allow-hooks";
    case Why::git:
        return "a git directory: its files make sense together only, and the host's may have changed; name it, or "
               "use a workspace (ajail create, ajail pull)";
    case Why::above_left_out: return "the directory that it is in is left out";
    case Why::special: return "devices and sockets are not carried over";
    case Why::set_id: return "without its set-user-ID and set-group-ID bits";
    case Why::others_write:
        return "without the access for group and others that it did not have; name it to give that";
    case Why::overlay: return "without attributes that overlays heed";
    case Why::failed: return std::strerror(said.err);
    }
    return {};
}

const char* verb(const Said& said, bool dry) {
    if (said.kind == Change::deleted) return dry ? "would delete  " : "deleted  ";
    if (said.kind == Change::added) return dry ? "would add     " : "added    ";
    return dry ? "would change  " : "changed  ";
}

class Progress {
public:
    Progress() : shown_(::isatty(2) == 1) {}
    void operator()(std::size_t done, std::size_t all) {
        std::int64_t now = sys::now();
        if (!shown_ || now < next_) return;
        if (next_ != 0) { // not for what takes a moment
            std::fprintf(stderr, "\r\033[Kajail: %zu of %zu", done, all);
            any_ = true;
        }
        next_ = now + 500;
    }
    ~Progress() {
        if (any_) std::fputs("\r\033[K", stderr);
    }
    Progress(const Progress&) = default;
    Progress& operator=(const Progress&) = default;

private:
    bool shown_, any_ = false;
    std::int64_t next_ = 0;
};

class Command {
public:
    Command(const ApplyOptions& options, store::Kept& kept, std::vector<Meant> meant, mode_t umask)
        : options_(options), kept_(kept), meant_(std::move(meant)), umask_(umask) {}

    // What is meant can be applied; or it has been said why not.
    bool possible() {
        for (std::size_t i = 0; i < meant_.size(); ++i) {
            const Layer& layer = kept_.layers()[i];
            bool users = layer.kind == Layer::directory || layer.kind == Layer::file;
            if (users || meant_[i].empty()) continue;
            // Of a root filesystem only what is named, and not because all of it is.
            if (options_.paths.empty()) meant_[i].clear();
            else if (layer.kind != Layer::root) return refuse(layer, meant_[i].front());
        }
        return true;
    }

    // A root filesystem that is changed is nobody else's meanwhile.
    bool lock() {
        for (std::size_t i = 0; i < meant_.size(); ++i) {
            const Layer& layer = kept_.layers()[i];
            if (meant_[i].empty() || layer.kind != Layer::root) continue;
            auto locked = store::lock(layer.source, store::Hold::exclusive);
            if (!locked) {
                (void)fail("apply: " + spec::escape(layer.source) + ": " +
                           (locked.error().err == EWOULDBLOCK ? "it is in use, and is not changed meanwhile"
                                                              : std::strerror(locked.error().err)));
                return false;
            }
            locks_.push_back(std::move(locked).take());
        }
        return true;
    }

    // EACCES, before anything is done, if something may not be read.
    sys::Status go(bool last) {
        Progress progress;
        for (; next_ < meant_.size(); ++next_) {
            const Layer& layer = kept_.layers()[next_];
            if (meant_[next_].empty()) continue;
            store::Wishes wishes{
                .paths = meant_[next_],
                .temporary = ".ajail-apply~" + options_.name,
                .dry = options_.dry,
                .last = last,
                .host_runs = [&](const std::string& path,
                                 mode_t mode) { return !options_.hooks && host_runs_in(layer, path, mode); },
                .git = options_.hooks,
                .all_git = is_git_directory(layer),
                .umask = umask_};
            wishes.progress = [&](std::size_t done, std::size_t all) { progress(done, all); };
            auto applied = store::apply(kept_, layer, wishes);
            if (applied) add(layer, std::move(applied).take());
            else if (!last && (applied.error().err == EACCES || applied.error().err == EPERM)) return applied.error();
            else {
                Said said{.path = "", .err = applied.error().err};
                refused_.emplace_back(path_inside(layer, ""), said);
            }
        }
        progress = Progress();
        int code = options_.json ? json() : text();
        if (code != 0) return sys::refused(EIO);
        return refused_.empty() ? sys::Status(sys::Done{}) : sys::Status(sys::refused(ECANCELED));
    }

private:
    // Where what is kept at PATH of LAYER can be copied from.
    std::string upper(const Layer& layer, const std::string& path) const {
        return spec::escape(kept_.path() + "/layers/" + layer.id + ".upper" + (path.empty() ? "" : "/" + path));
    }

    bool refuse(const Layer& layer, const std::string& path) const {
        bool home = layer.kind == Layer::home;
        (void)fail("apply: " + spec::escape(path_inside(layer, path)) +
                   (home ? " is in the jail's own home, which the host does not have; copy it from "
                         : " is the host's system, which ajail does not change; copy it from ") +
                   upper(layer, path));
        return false;
    }

    // What was not meant, and can be got at only by hand.
    std::string unapplied() const {
        std::string out;
        for (std::size_t i = 0; i < meant_.size(); ++i) {
            const Layer& layer = kept_.layers()[i];
            if (layer.kind != Layer::home || !options_.paths.empty()) continue;
            auto sides = open_sides(kept_, layer);
            auto names = sides && (*sides).kept ? sys::names_in((*sides).kept.get(), 1)
                                                : sys::Result<std::vector<std::string>>(sys::refused(ENOENT));
            if (names && !(*names).empty())
                out += spec::escape(layer.target) +
                       " was the jail's own home, which the host does not have; what it has made there is in " +
                       upper(layer, "") + "\n";
        }
        return out;
    }

    using List = std::vector<std::pair<std::string, Said>>;

    void add(const Layer& layer, store::Applied applied) {
        auto move = [&](std::vector<Said>& from, List& to) {
            for (Said& said : from) to.emplace_back(path_inside(layer, said.path), said);
        };
        move(applied.applied, applied_);
        move(applied.refused, refused_);
        move(applied.left_out, left_out_);
        for (const std::string& path : applied.already) already_.push_back(path_inside(layer, path));
    }

    int text() const {
        std::string out;
        for (const auto& [path, said] : applied_) out += verb(said, options_.dry) + spec::escape(path) + "\n";
        for (const std::string& path : already_) out += "already  " + spec::escape(path) + "\n";
        for (const auto& [path, said] : left_out_) out += "left out " + spec::escape(path) + ": " + why(said) + "\n";
        for (const auto& [path, said] : refused_) out += "refused  " + spec::escape(path) + ": " + why(said) + "\n";
        out += std::to_string(applied_.size()) + (options_.dry ? " to be applied, " : " applied, ");
        if (!already_.empty()) out += std::to_string(already_.size()) + " already, ";
        if (!left_out_.empty()) out += std::to_string(left_out_.size()) + " left out, ";
        out += std::to_string(refused_.size()) + " refused\n";
        if (!refused_.empty())
            out +=
                "what is refused is as it was: look at it (ajail changes " + options_.name +
                " --diff PATH), and copy by hand what you want of it; or put the host's as it was, and apply again\n";
        out += unapplied();
        if (!options_.dry) out += options_.name + " is still kept: ajail discard " + options_.name + " removes it\n";
        return show(out);
    }

    int json() const {
        auto list = [](const List& from) {
            std::string out;
            for (const auto& [path, said] : from)
                out += std::string(out.empty() ? "" : ",") + "\n    " +
                       Json({{"path", spec::escape(path)}, {"why", why(said)}}).dump();
            return "[" + out + (out.empty() ? "]" : "\n  ]");
        };
        auto paths = [](const auto& from, auto path_of) {
            std::string out;
            for (const auto& one : from)
                out += std::string(out.empty() ? "" : ",") + "\n    " + Json(spec::escape(path_of(one))).dump();
            return "[" + out + (out.empty() ? "]" : "\n  ]");
        };
        return show("{\n  \"name\": " + Json(options_.name).dump() +
                    ",\n  \"dry_run\": " + (options_.dry ? "true" : "false") +
                    ",\n  \"applied\": " + paths(applied_, [](const auto& one) { return one.first; }) +
                    ",\n  \"already\": " + paths(already_, [](const std::string& one) { return one; }) +
                    ",\n  \"left_out\": " + list(left_out_) + ",\n  \"refused\": " + list(refused_) + "\n}\n");
    }

    const ApplyOptions& options_;
    store::Kept& kept_;
    std::vector<Meant> meant_;
    mode_t umask_;
    std::size_t next_ = 0; ///< layer
    std::vector<sys::Fd> locks_;
    List applied_, refused_, left_out_;
    std::vector<std::string> already_;
};

} // namespace

std::variant<ApplyOptions, Shown, Wrong> parse_apply(const std::vector<std::string>& args) {
    static constexpr Option kOptions[] = {
        {"dry-run", Takes::nothing, "", "Options", "tell what would be done, and do nothing"},
        {"allow-hooks", Takes::nothing, "", "Options", "also what programs of the host run by themselves"},
        {"json", Takes::nothing, "", "Options", "for programs"},
        {"verbose", Takes::nothing, "", "Options", "tell on stderr what is done"},
    };
    return reading<ApplyOptions>([&]() -> std::variant<ApplyOptions, Shown, Wrong> {
        Parser parser(
            "ajail apply NAME [PATH...] [OPTIONS]",
            "Carries over what jails have changed with --keep=NAME, or at PATH of it. What the host has changed "
            "as well is left as it is, and told.",
            kOptions);
        ApplyOptions options;
        std::vector<std::string> words = args;
        auto shown = parser.read(words, true, [&](const std::string& name, const std::string&) {
            if (name == "json") options.json = true;
            else if (name == "dry-run") options.dry = true;
            else if (name == "allow-hooks") options.hooks = true;
            else if (name == "verbose") options.verbose = true;
        });
        if (shown) return *std::move(shown);
        if (words.empty()) wrong("apply: what? ajail changes lists what is kept");
        options.name = words[0];
        options.paths.assign(words.begin() + 1, words.end());
        return options;
    });
}

int apply(const ApplyOptions& options, const ns::Caller& process) {
    auto looked = sys::during(sys::Stage::start, look_at_host());
    if (!looked) return fail(sentence(looked.error(), nullptr));
    spec::Host host = std::move(looked).take();
    std::string home = who_calls(host.uid).ajail_home;
    auto kept = open_kept("apply", home, options.name, false, host, process);
    if (!kept) return kFailed;
    auto cwd = current_directory();
    std::string wrong;
    Command command(options, *kept, meant(*kept, options.paths, cwd ? *cwd : "/", wrong), process.umask);
    if (!wrong.empty()) return (void)fail("apply " + spec::escape(options.name) + ": " + wrong), kNothing;
    if (!command.possible() || !command.lock()) return kFailed;
    allow_many_descriptors();
    ::umask(0); // modes are those that are kept
    // What is there from now on, and is what is kept, has been carried over: to be noted, also by the next one if we are
    // killed.
    timespec now{};
    (void)::clock_gettime(CLOCK_REALTIME, &now);
    if (!options.dry)
        if (auto begun = kept->begin(now.tv_sec * 1'000'000'000 + now.tv_nsec); !begun)
            return fail("apply: " + spec::escape(kept->path()) + ": " + std::strerror(begun.error().err));
    sys::Status done = as_owner(host, process, [&](bool last) { return command.go(last); });
    if (!options.dry)
        if (auto settled = settle_kept(*kept, host, process); !settled)
            return fail("apply: " + spec::escape(kept->path()) + "/base: " + std::strerror(settled.error().err));
    if (done) return 0;
    if (done.error().err == ECANCELED) return kRefused;
    return done.error().err == EIO ? kFailed : fail("apply: " + sentence(done.error(), nullptr));
}

} // namespace ajail::cli
