// SPDX-License-Identifier: Apache-2.0
// See keep.h.
#include "cli/keep.h"

#include "cli/fs.h"
#include "cli/kept.h"
#include "cli/parser.h"
#include "cli/words.h"
#include "store/changes.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <set>

namespace ajail::cli {

namespace {

using spec::within;
using store::Layer;

// The directory's own name, as far as it can be one, and the first number that is free.
std::string free_name(const std::string& home, const std::string& cwd) {
    std::string base;
    for (char c : cwd.substr(cwd.rfind('/') + 1)) base += store::good_name(std::string("x") + c) ? c : '_';
    base.resize(std::min<std::size_t>(base.size(), 40));
    if (!store::good_name(base)) base = "kept";
    std::vector<std::string> taken = store::kept_names(home);
    for (int number = 1;; ++number) {
        std::string name = base + "-" + std::to_string(number);
        if (!std::binary_search(taken.begin(), taken.end(), name)) return name;
    }
}

// A mount of the Spec that is thrown away, and where its layer would have its name.
struct Thrown {
    Layer::Kind kind;
    std::string target, source;
    std::string* kept;
};

// Or it is told why not: what is taken for another directory than it is would be no wall.
std::string real(const std::string& path) {
    auto found = real_path(path);
    if (!found) throw Wrong{spec::escape(path) + ": " + std::strerror(found.error().err)};
    return *found;
}

std::vector<Thrown> thrown_away(spec::Spec& spec) {
    std::vector<Thrown> found;
    std::string home;
    for (const auto& [name, value] : spec.command.env)
        if (name == "HOME") home = value;
    if (spec.root.kind == spec::Root::overlay)
        found.push_back({Layer::root, "/", real(host_path(spec.root.source)), &spec.root.kept});
    for (spec::Mount& mount : spec.mounts) {
        if (auto* overlay = std::get_if<spec::Overlay>(&mount)) {
            const spec::Source& source = overlay->source;
            Layer::Kind kind = source.system ? Layer::system : source.directory ? Layer::directory : Layer::file;
            found.push_back({kind, overlay->target, real(host_path(source)), &overlay->kept});
        } else if (auto* empty = std::get_if<spec::Tmpfs>(&mount)) {
            if (spec.root.kind == spec::Root::empty && empty->target == home)
                found.push_back({Layer::home, home, "", &empty->kept});
        }
    }
    return found;
}

// Of several at one target only the last is seen, and kept.
void only_last(std::vector<Thrown>& list) {
    std::set<std::string> seen;
    std::reverse(list.begin(), list.end());
    std::erase_if(list, [&](const Thrown& one) { return !seen.insert(one.target).second; });
    std::reverse(list.begin(), list.end());
}

// Nobody is given the layers by another way, to change what is known of them, or to have them below themselves.
std::string within_reach(const spec::Spec& spec, const std::vector<Thrown>& list, const std::string& kept) {
    for (const spec::Mount& mount : spec.mounts) {
        auto* bind = std::get_if<spec::Bind>(&mount);
        if (bind != nullptr && bind->writable && within(kept, real(host_path(bind->source))))
            return host_path(bind->source) + ", which the jail may write to";
    }
    for (const Thrown& one : list)
        if (one.kind != Layer::home && within(kept, one.source))
            return one.source + ", which is below one of its layers";
    return {};
}

// The id of LAYER, which is new, or was made above the same.
const std::string& taken_for(Layer& layer, const Thrown& one) {
    bool fresh = layer.source.empty() && layer.kind != Layer::home;
    if (fresh) {
        layer.kind = one.kind;
        layer.source = one.source;
    }
    if (layer.kind == one.kind && layer.source == one.source) return layer.id;
    auto words = [](const std::string& source) { return source.empty() ? "an empty home" : spec::escape(source); };
    throw Wrong{"what it has for " + spec::escape(one.target) + " was made above " + words(layer.source) + ", not " +
                words(one.source) + "; run it with that, or use another name"};
}

// Two layers that both have something to say of the same file: neither would be all that was changed. Those of one run,
// one mounted in the other, have not.
void refuse_overlaps(const spec::Spec& spec, const std::vector<Thrown>& list, const std::vector<Layer>& kept) {
    auto have = [](const auto& all, const std::string& target) {
        return std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.target == target; });
    };
    auto covered = [&](const Layer& layer, const Thrown& above) { // by something else that is mounted there
        return std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const spec::Mount& mount) {
            const std::string& at = std::visit([](const auto& m) -> const std::string& { return m.target; }, mount);
            return at != above.target && within(at, above.target) && within(layer.target, at);
        });
    };
    auto refuse = [](const std::string& has, const std::string& how) {
        throw Wrong{"it has changes of " + spec::escape(has) + ", which " + how +
                    "; take it up as before, or use another name"};
    };
    for (const Thrown& one : list)
        for (const Layer& layer : kept) {
            if (layer.target == one.target || layer.source.empty() || one.source.empty()) continue;
            if (!have(kept, one.target) && within(one.source, layer.source))
                refuse(layer.source, spec::escape(one.source) + " is in");
            if (!have(list, layer.target) && within(layer.source, one.source) && !covered(layer, one))
                refuse(layer.source, "is in " + spec::escape(one.source));
        }
}

// Nothing that `ajail changes` would tell of; not known counts as something.
bool is_unchanged(const store::Kept& kept) {
    return std::all_of(kept.layers().begin(), kept.layers().end(), [&](const Layer& layer) {
        auto sides = store::open_sides(kept, layer);
        if (!sides) return false;
        store::Changes found = store::compare(*sides, layer, false);
        return found.list.empty() && found.problems.empty();
    });
}

// The times of files are those of the kernel's tick: what is changed after this has a time that is later than now.
sys::Status wait_for_tick() {
    constexpr long kTickNs = 10'000'000;
    timespec left{0, kTickNs};
    while (::nanosleep(&left, &left) < 0)
        if (errno != EINTR) return sys::failed(sys::Call::poll);
    return sys::Done{};
}

} // namespace

std::variant<Keeping, Wrong> Keeping::take_up(const std::string& wish, const std::string& home,
                                              const std::string& cwd, bool dry, const spec::Host& host,
                                              const ns::Caller& process, spec::Spec& spec) {
    Keeping keeping;
    keeping.home_ = home;
    keeping.name_ = wish.empty() ? free_name(home, cwd) : wish;
    std::string path = home + "/kept/" + keeping.name_;
    try {
        std::vector<Thrown> list = thrown_away(spec);
        only_last(list);
        if (list.empty()) throw Wrong{"nothing would be thrown away by this jail"};
        auto opened = dry ? store::Kept::open(home, keeping.name_, std::nullopt)
                          : store::Kept::open_or_create(home, keeping.name_, scratch_owner(host));
        bool none_yet = dry && !opened && opened.error().err == ENOENT;
        if (!opened && !dry && (opened.error().err == ENOENT || opened.error().err == EROFS))
            throw Wrong{spec::escape(path) + ": " + std::strerror(opened.error().err) +
                        " (AJAIL_HOME names another place)"};
        if (!opened && !none_yet) throw Wrong{why_not_open(keeping.name_, path, opened.error())};
        if (opened) keeping.kept_ = std::move(opened).take();
        auto settled =
            dry ? sys::Status(sys::Done{}) : settle_kept(keeping.kept_, host, process); // of one that was killed
        if (!settled) throw Wrong{"what lay below its changes: " + std::string(std::strerror(settled.error().err))};
        if (std::string dir = none_yet ? "" : within_reach(spec, list, real(home) + "/kept"); !dir.empty())
            throw Wrong{spec::escape(home) + "/kept is in " + spec::escape(dir) +
                        "; cd to a project, or set AJAIL_HOME"};
        refuse_overlaps(spec, list, keeping.kept_.layers());
        for (const Thrown& one : list) *one.kept = taken_for(keeping.kept_.layer(one.target), one);
    } catch (const Wrong& wrong) {
        return Wrong{"--keep=" + keeping.name_ + ": " + wrong.message};
    }
    spec.scratch.kept = path + "/layers";
    return keeping;
}

Keeping::~Keeping() {
    if (kept_.dir() < 0 || !kept_.created() || begun_) return;
    kept_ = {}; // and its lock
    (void)store::remove(home_ + "/kept", name_);
}

sys::Status Keeping::begin(const spec::Plan& plan) {
    for (const spec::Op& op : plan.ops) {
        const std::string& target = spec::target_of(op);
        Layer* above = nullptr;
        for (const Layer& one : kept_.layers())
            if (one.target != target && within(target, one.target) &&
                (above == nullptr || within(one.target, above->target)))
                above = &kept_.layer(one.target);
        if (above != nullptr) above->made.insert(target);
    }
    constexpr std::size_t kMostDirectories = 4096; // takes some milliseconds
    kept_.look_below();
    seen_ = store::look_at_directories(kept_, kMostDirectories);
    timespec now{};
    (void)::clock_gettime(CLOCK_REALTIME, &now);
    TRY(kept_.begin(now.tv_sec * 1'000'000'000 + now.tv_nsec));
    TRY(wait_for_tick());
    begun_ = true;
    return sys::Done{};
}

std::string Keeping::end(const spec::Host& host, const ns::Caller& process) {
    auto settled = settle_kept(kept_, host, process, seen_);
    if (!settled) // the next one that uses it tries again
        warn("--keep=" + name_ +
             ": what lay below its changes could not be noted: " + std::strerror(settled.error().err));
    if (kept_.created() && is_unchanged(kept_)) {
        kept_ = {}; // and its lock
        if (store::remove(home_ + "/kept", name_, remover(host, process)))
            return "nothing has changed, and nothing is kept as " + name_;
    }
    return "kept as " + name_ + " (ajail changes " + name_ + ", ajail apply " + name_ + ", ajail discard " + name_ +
           ")";
}

std::variant<DiscardOptions, Shown, Wrong> parse_discard(const std::vector<std::string>& args) {
    static constexpr Option kOptions[] = {
        {"verbose", Takes::nothing, "", "Options", "tell on stderr what is done"},
    };
    return reading<DiscardOptions>([&]() -> std::variant<DiscardOptions, Shown, Wrong> {
        Parser parser("ajail discard NAME...", "Removes what jails have left with --keep=NAME.", kOptions);
        DiscardOptions options;
        std::vector<std::string> words = args;
        auto shown = parser.read(words, true, [&](const std::string& name, const std::string&) {
            if (name == "verbose") options.verbose = true;
        });
        if (shown) return *std::move(shown);
        if (words.empty()) wrong("discard: what? For example: ajail discard NAME");
        options.names = std::move(words);
        return options;
    });
}

int discard(const DiscardOptions& options, const ns::Caller& process) {
    auto looked = sys::during(sys::Stage::start, look_at_host());
    if (!looked) return fail(sentence(looked.error(), nullptr));
    spec::Host host = std::move(looked).take();
    std::string home = who_calls(host.uid).ajail_home;
    int code = 0;
    for (const std::string& name : options.names) {
        sys::Status removed = store::good_name(name) ? store::remove(home + "/kept", name, remover(host, process))
                                                     : sys::Status(sys::refused(ENOENT));
        if (!removed) code = fail("discard: " + why_not_open(name, home + "/kept/" + name, removed.error()));
    }
    return code;
}

} // namespace ajail::cli
