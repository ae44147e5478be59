// SPDX-License-Identifier: Apache-2.0
// See changes.h. Nothing is cut short: what is not seen here would be carried over unseen.
#include "cli/changes.h"

#include "cli/diff.h"
#include "cli/kept.h"
#include "cli/parser.h"
#include "cli/words.h"
#include "store/apply.h"

#include <array>
#include <cstring>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unordered_set>

namespace ajail::cli {

namespace {

using store::Change;
using store::Layer;
using Json = nlohmann::ordered_json;

constexpr const char* kKinds[] = {"deleted", "renamed", "added", "modified"};      // as Change::Kind
constexpr const char* kLayers[] = {"root", "directory", "file", "system", "home"}; // as Layer::Kind

const char* type_of(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFLNK: return "symlink";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    case S_IFBLK:
    case S_IFCHR: return "device";
    default: return "nothing";
    }
}

std::string octal(mode_t mode) {
    char text[16];
    (void)std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
    return text;
}

Json json_of(const store::State& state) {
    Json json = {{"type", type_of(state.mode)}};
    if (S_ISREG(state.mode)) json["size"] = state.size;
    if (S_ISLNK(state.mode)) json["target"] = spec::escape(state.target);
    else json["mode"] = octal(state.mode);
    return json;
}

// Programs of the host run what it is, or what it was.
bool is_marked(const Layer& layer, const Change& change) {
    return host_runs_in(layer, change.path, change.after.mode) ||
           (!change.from.empty() && host_runs_in(layer, change.from, 0));
}

Json json_of(const Layer& layer, const Change& change) {
    Json json = {{"kind", kKinds[change.kind]}, {"path", spec::escape(path_inside(layer, change.path))}};
    if (!change.from.empty()) json["from"] = spec::escape(path_inside(layer, change.from));
    if (change.before.mode != 0) json["before"] = json_of(change.before);
    if (change.after.mode != 0) json["after"] = json_of(change.after);
    if (change.different.any()) {
        Json what = Json::array();
        const store::Difference& d = change.different;
        if (d.type) what.push_back("type");
        if (d.content) what.push_back("content");
        if (d.mode) what.push_back("mode");
        if (d.target) what.push_back("target");
        if (!d.attributes.empty()) what.push_back("attributes");
        json["changed"] = what;
        for (const std::string& name : d.attributes) json["attributes"].push_back(spec::escape(name));
    }
    if (!change.link_to.empty()) json["link_to"] = spec::escape(path_inside(layer, change.link_to));
    json["host_runs"] = is_marked(layer, change);
    return json;
}

std::string described(const store::State& state) {
    if (S_ISREG(state.mode)) return std::to_string(state.size) + " bytes";
    if (S_ISLNK(state.mode)) return "-> " + spec::escape(state.target);
    return S_ISDIR(state.mode) ? "" : type_of(state.mode);
}

std::string details(const Layer& layer, const Change& change) {
    std::vector<std::string> parts;
    auto add = [&](std::string part) {
        if (!part.empty()) parts.push_back(std::move(part));
    };
    const store::Difference& d = change.different;
    if (change.kind == Change::deleted) add(described(change.before));
    if (change.kind == Change::added || change.kind == Change::renamed) add(described(change.after));
    if (d.type) add(std::string(type_of(change.before.mode)) + " -> " + type_of(change.after.mode));
    if (d.type) add(described(change.after));
    if (d.content && change.before.size == change.after.size) add(described(change.after));
    else if (d.content) add(std::to_string(change.before.size) + " -> " + described(change.after));
    if (d.target) add(spec::escape(change.before.target) + " -> " + spec::escape(change.after.target));
    if (d.mode) add("mode " + octal(change.before.mode) + " -> " + octal(change.after.mode));
    bool unusual = change.kind == Change::added && (change.after.mode & (S_ISUID | S_ISGID)) != 0;
    if (unusual && !S_ISLNK(change.after.mode)) add("mode " + octal(change.after.mode));
    for (const std::string& name : d.attributes) add("attribute " + spec::escape(name));
    if (!change.link_to.empty()) add("the same file as " + spec::escape(path_inside(layer, change.link_to)));
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? " (" : ", ") + part;
    return text + (text.empty() ? "" : ")");
}

std::string line(const Layer& layer, const Change& change) {
    std::string text = is_marked(layer, change) ? "! " : "  ", kind = kKinds[change.kind];
    kind.resize(9, ' ');
    text += kind;
    if (!change.from.empty()) text += spec::escape(path_inside(layer, change.from)) + " -> ";
    text += spec::escape(path_inside(layer, change.path));
    bool directory = S_ISDIR(change.after.mode != 0 ? change.after.mode : change.before.mode);
    return text + (directory && text.back() != '/' ? "/" : "") + details(layer, change) + "\n";
}

constexpr const char* kHostRuns = "! programs of the host run this by themselves (git, editors, shells): look at it "
                                  "before it is applied; ajail apply "
                                  "leaves it out unless it is named, or with --allow-hooks\n";

constexpr const char* kFolded = "* what is inside of a git directory, and nobody runs, is only counted; all of it: "
                                "ajail changes NAME PATH, or --json\n";

// What is inside of git directories, which is much and nothing that people read; but what is marked.
class Folds {
public:
    // CHANGE of the layer I, in which MEANT was asked for, is not told by itself.
    bool hide(std::size_t i, const Layer& layer, const Meant& meant, const Change& change) {
        auto git = store::git_directory_in(change.path);
        if (!git || change.path == *git || is_marked(layer, change)) return false;
        if (!change.from.empty() && store::git_directory_in(change.from) != git) return false;
        for (const std::string& top : meant)
            if (!top.empty() && store::git_directory_in(top) && store::in_or_at(change.path, top)) return false;
        ++folds_[{i, *git}].counts[change.kind];
        return true;
    }
    // What CHANGE, which is hidden, is told with; once for each git directory.
    std::string line(std::size_t i, const Layer& layer, const Change& change) {
        std::string git = *store::git_directory_in(change.path);
        Fold& fold = folds_[{i, git}];
        if (std::exchange(fold.told, true)) return {};
        std::string counts;
        for (std::size_t kind = 0; kind < fold.counts.size(); ++kind)
            if (fold.counts[kind] != 0)
                counts += (counts.empty() ? "" : ", ") + std::to_string(fold.counts[kind]) + " " + kKinds[kind];
        return "* inside   " + spec::escape(path_inside(layer, git)) + "/ (" + counts + ")\n";
    }
    bool any() const { return !folds_.empty(); }

private:
    struct Fold {
        std::array<std::size_t, std::size(kKinds)> counts{};
        bool told = false;
    };
    std::map<std::pair<std::size_t, std::string>, Fold> folds_;
};

class Report {
public:
    Report(const ChangesOptions& options, const store::Kept& kept, std::vector<Meant> meant)
        : options_(options), kept_(kept), meant_(std::move(meant)) {}

    // EACCES, with nothing said, if something may not be read; but told as well if it is the LAST time.
    sys::Status make(bool last) {
        std::vector<std::optional<store::Sides>> sides;
        std::vector<store::Changes> found;
        problems_.clear();
        for (std::size_t i = 0; i < kept_.layers().size(); ++i) {
            const Layer& layer = kept_.layers()[i];
            sides.emplace_back();
            found.emplace_back();
            if (meant_[i].empty()) continue;
            auto opened = open_sides(kept_, layer);
            if (!opened) found.back().problems.push_back({"", opened.error().err});
            else {
                sides.back() = std::move(opened).take();
                found.back() = compare(*sides.back(), layer, true);
            }
            if (found.back().denied() && !last) return sys::refused(EACCES);
            choose(found.back(), meant_[i]);
            for (const store::Problem& problem : found.back().problems)
                problems_.push_back({path_inside(layer, problem.path), problem.err});
        }
        if (options_.json) json(found);
        else text(found, sides);
        return problems_.empty() && code_ == 0 ? sys::Status(sys::Done{}) : sys::Status(sys::refused(EIO));
    }

private:
    static void choose(store::Changes& found, const Meant& meant) {
        auto in = [&](const std::string& path) {
            return std::any_of(meant.begin(), meant.end(),
                               [&](const std::string& top) { return store::in_or_at(path, top); });
        };
        std::erase_if(found.list,
                      [&](const Change& one) { return !in(one.path) && (one.from.empty() || !in(one.from)); });
        std::erase_if(found.problems, [&](const store::Problem& one) { return !in(one.path); });
    }

    void json(const std::vector<store::Changes>& found) {
        std::string out = "{\n  \"name\": " + Json(options_.name).dump() + ",\n  \"layers\": [";
        bool first_layer = true;
        for (std::size_t i = 0; i < found.size(); ++i) {
            if (meant_[i].empty()) continue;
            const Layer& layer = kept_.layers()[i];
            out += std::string(first_layer ? "" : ",") + "\n    {\"kind\": " + Json(kLayers[layer.kind]).dump() +
                   ", \"target\": " + Json(spec::escape(layer.target)).dump() +
                   ", \"source\": " + Json(spec::escape(layer.source)).dump() + ", \"changes\": [";
            first_layer = false;
            bool first = true;
            for (const Change& change : found[i].list) {
                out += std::string(first ? "" : ",") + "\n      " + json_of(layer, change).dump();
                first = false;
            }
            out += first ? "]}" : "\n    ]}";
        }
        Json problems = Json::array();
        for (const auto& [path, err] : problems_)
            problems.push_back({{"path", spec::escape(path)}, {"why", std::strerror(err)}});
        code_ = show(out + (first_layer ? "" : "\n  ") + "],\n  \"problems\": " + problems.dump() + "\n}\n");
    }

    void text(const std::vector<store::Changes>& found, const std::vector<std::optional<store::Sides>>& sides) {
        Paper paper;
        bool marked = false, any = false;
        Folds folds;
        std::unordered_set<const Change*> hidden;
        for (std::size_t i = 0; i < found.size(); ++i)
            for (const Change& change : found[i].list)
                if (folds.hide(i, kept_.layers()[i], meant_[i], change)) hidden.insert(&change);
        for (bool deletions : {true, false})
            for (std::size_t i = 0; i < found.size(); ++i)
                for (const Change& change : found[i].list) {
                    if ((change.kind == Change::deleted) != deletions) continue;
                    const Layer& layer = kept_.layers()[i];
                    any = true;
                    if (hidden.contains(&change)) {
                        if (std::string folded = folds.line(i, layer, change); !folded.empty()) paper.head(folded);
                        continue;
                    }
                    marked = marked || is_marked(layer, change);
                    paper.head(line(layer, change));
                    if (options_.diff && sides[i]) difference(paper, layer, *sides[i], change);
                }
        if (folds.any()) paper.text(kFolded);
        if (marked) paper.text(kHostRuns);
        if (!any && problems_.empty()) paper.text("no changes\n");
        code_ = paper.end() ? 0 : fail("stdout: " + std::string(std::strerror(errno)));
        for (const auto& [path, err] : problems_)
            (void)fail("changes: " + spec::escape(path) + ": " + std::strerror(err));
    }

    static void difference(Paper& paper, const Layer& layer, const store::Sides& sides, const Change& change) {
        const std::string& was = change.from.empty() ? change.path : change.from;
        bool content = change.kind != Change::modified || change.different.content || change.different.type;
        if (!content) return;
        unified(paper, {sides.below.get(), was, change.before.mode, path_inside(layer, was)},
                {sides.kept.get(), change.path, change.after.mode, path_inside(layer, change.path)});
    }

    const ChangesOptions& options_;
    const store::Kept& kept_;
    std::vector<Meant> meant_;
    std::vector<store::Problem> problems_;
    int code_ = 0;
};

std::string when(std::int64_t seconds, const char* format, bool local) {
    char text[40] = "";
    auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    if ((local ? ::localtime_r(&time, &parts) : ::gmtime_r(&time, &parts)) != nullptr)
        (void)std::strftime(text, sizeof text, format, &parts);
    return text;
}

int list(const std::string& home, bool as_json) {
    Json json = Json::array();
    const std::vector<std::string> names = store::kept_names(home);
    std::size_t width = 4;
    for (const std::string& name : names) width = std::max(width, name.size());
    auto row = [&](const std::string& name, const std::string& made, const std::string& of) {
        return name + std::string(width + 2 - name.size(), ' ') + made + "  " + of + "\n";
    };
    std::string text = row("NAME", "MADE            ", "CHANGES OF");
    for (const std::string& name : names) {
        auto opened = store::Kept::open(home, name, std::nullopt);
        if (!opened) {
            if (opened.error().err != ENOENT) warn("changes: " + name + " cannot be read");
            continue;
        }
        const store::Kept& kept = *opened;
        Json layers = Json::array();
        std::string targets;
        for (const Layer& layer : kept.layers()) {
            layers.push_back({{"kind", kLayers[layer.kind]},
                              {"target", spec::escape(layer.target)},
                              {"source", spec::escape(layer.source)}});
            targets += (targets.empty() ? "" : " ") + spec::escape(layer.target);
        }
        json.push_back(
            {{"name", name}, {"made", when(kept.made(), "%Y-%m-%dT%H:%M:%SZ", false)}, {"layers", layers}});
        text += row(name, when(kept.made(), "%Y-%m-%d %H:%M", true), targets);
    }
    return show(as_json ? json.dump(2) + "\n" : text);
}

} // namespace

std::variant<ChangesOptions, Shown, Wrong> parse_changes(const std::vector<std::string>& args) {
    static constexpr Option kOptions[] = {
        {"diff", Takes::nothing, "", "Options", "show the text that differs, too"},
        {"json", Takes::nothing, "", "Options", "for programs"},
        {"verbose", Takes::nothing, "", "Options", "tell on stderr what is done"},
    };
    return reading<ChangesOptions>([&]() -> std::variant<ChangesOptions, Shown, Wrong> {
        Parser parser("ajail changes [NAME [PATH...]] [OPTIONS]",
                      "Lists what jails have changed with --keep=NAME, or at PATH of it. Without NAME: what is kept.",
                      kOptions);
        ChangesOptions options;
        std::vector<std::string> words = args;
        auto shown = parser.read(words, true, [&](const std::string& name, const std::string&) {
            if (name == "json") options.json = true;
            else if (name == "diff") options.diff = true;
            else if (name == "verbose") options.verbose = true;
        });
        if (shown) return *std::move(shown);
        if (options.json && options.diff) wrong("changes: --json and --diff do not go together");
        if (options.diff && words.empty()) wrong("changes: --diff needs a NAME");
        if (!words.empty()) {
            options.name = words[0];
            options.paths.assign(words.begin() + 1, words.end());
        }
        return options;
    });
}

void allow_many_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

int changes(const ChangesOptions& options, const ns::Caller& process) {
    auto looked = sys::during(sys::Stage::start, look_at_host());
    if (!looked) return fail(sentence(looked.error(), nullptr));
    spec::Host host = std::move(looked).take();
    std::string home = who_calls(host.uid).ajail_home;
    if (options.name.empty()) return list(home, options.json);
    auto kept = open_kept("changes", home, options.name, true, host, process);
    if (!kept) return kFailed;
    auto cwd = current_directory();
    std::string wrong;
    std::vector<Meant> all = meant(*kept, options.paths, cwd ? *cwd : "/", wrong);
    if (!wrong.empty()) return (void)fail("changes " + spec::escape(options.name) + ": " + wrong), kNothing;
    allow_many_descriptors();
    Report report(options, *kept, std::move(all));
    sys::Status made = as_owner(host, process, [&](bool last) { return report.make(last); });
    if (made) return 0;
    if (made.error().err != EIO) return fail("changes: " + sentence(made.error(), nullptr));
    return kFailed; // it has been told
}

} // namespace ajail::cli
