// SPDX-License-Identifier: Apache-2.0
// Layers as overlayfs would have left them, made by hand: what they change, and what is noted of what lies below.
#include "catch.h"
#include "scratch.h"
#include "store/apply.h"
#include "store/changes.h"
#include "store/settle.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

using namespace ajail;
using store::Change;
using store::Layer;

namespace {

// HOME/kept/name with one layer, and the directory below it.
class Bench {
public:
    Bench() {
        scratch_.dir("home");
        scratch_.dir("below");
        REQUIRE(::chmod(scratch_.path("home").c_str(), 0700) == 0);
        auto made = store::Kept::open_or_create(scratch_.path("home"), "name", ::geteuid());
        REQUIRE(made);
        kept_.emplace(std::move(made).take());
        Layer& layer = kept_->layer("/inside");
        layer.source = scratch_.path("below");
        scratch_.dir(upper());
        REQUIRE(kept_->begin(1));
    }
    static std::string upper(const std::string& name = "") {
        return "home/kept/name/layers/0.upper" + (name.empty() ? "" : "/" + name);
    }
    tests::Scratch& files() { return scratch_; }
    store::Kept& kept() { return *kept_; }
    const Layer& layer() const { return kept_->layers()[0]; }

    void attribute(const std::string& name, const char* attribute, const std::string& value) {
        REQUIRE(::setxattr(scratch_.path(name).c_str(), attribute, value.data(), value.size(), 0) == 0);
    }
    std::vector<std::string> changes() {
        auto sides = store::open_sides(*kept_, layer());
        REQUIRE(sides);
        static constexpr const char* kWords[] = {"-", "=", "+", "~"};
        std::vector<std::string> found;
        for (const Change& change : store::compare(*sides, layer(), true).list)
            found.push_back(kWords[change.kind] + change.path);
        return found;
    }
    // What is applied, refused and left out.
    std::array<std::size_t, 3> apply() {
        store::Wishes wishes{
            .paths = {""}, .temporary = ".temporary", .host_runs = [](const std::string&, mode_t) { return false; }};
        auto applied = store::apply(*kept_, layer(), wishes);
        REQUIRE(applied);
        return {(*applied).applied.size(), (*applied).refused.size(), (*applied).left_out.size()};
    }

private:
    tests::Scratch scratch_;
    std::optional<store::Kept> kept_;
};

using Lines = std::vector<std::string>;

} // namespace

TEST_CASE("changes: whiteouts of both kinds, and what an opaque directory hides") {
    Bench bench;
    for (const char* dir : {"below/opaque/in", "below/plain"}) bench.files().dir(dir);
    for (const char* file : {"below/one", "below/two", "below/opaque/in/a", "below/opaque/b", "below/plain/c"})
        bench.files().file(file, "x");
    bench.files().dir(Bench::upper("opaque/in"));
    bench.files().dir(Bench::upper("plain"));
    REQUIRE(::mknod(bench.files().path(Bench::upper("one")).c_str(), S_IFCHR, makedev(0, 0)) == 0);
    bench.files().file(Bench::upper("two"));
    bench.attribute(Bench::upper("two"), "user.overlay.whiteout", "");
    bench.attribute(Bench::upper("opaque"), "user.overlay.opaque", "y");
    CHECK(bench.changes() == Lines{"-one", "-opaque/b", "-opaque/in/a", "-two"});
    // Of something that is not there, it says nothing.
    REQUIRE(::unlink(bench.files().path("below/one").c_str()) == 0);
    CHECK(bench.changes() == Lines{"-opaque/b", "-opaque/in/a", "-two"});
}

TEST_CASE("changes: of several files of the same content, the one of the same name is the renamed one") {
    Bench bench;
    bench.files().dir("below/a");
    bench.files().dir(Bench::upper("b"));
    for (const char* name : {"1", "2"}) {
        bench.files().file(std::string("below/a/") + name, "same");
        bench.files().file(Bench::upper(std::string("b/") + name), "same");
    }
    REQUIRE(::mknod(bench.files().path(Bench::upper("a")).c_str(), S_IFCHR, makedev(0, 0)) == 0);
    auto sides = store::open_sides(bench.kept(), bench.layer());
    REQUIRE(sides);
    std::vector<std::string> pairs;
    for (const Change& change : store::compare(*sides, bench.layer(), true).list)
        if (change.kind == Change::renamed) pairs.push_back(change.from + " " + change.path);
    CHECK(pairs == Lines{"a/1 b/1", "a/2 b/2"});
}

TEST_CASE(
    "settle: notes are what is below; what is not in the layer any more is forgotten; what was applied counts") {
    Bench bench;
    bench.files().file("below/file", "was");
    bench.files().file(Bench::upper("file"), "is");
    bench.files().file(Bench::upper("new\nline"), "x");
    REQUIRE(bench.kept().begin(std::int64_t{1} << 62)); // nothing has changed since
    REQUIRE(store::settle(bench.kept(), true));
    CHECK_FALSE(bench.kept().since());
    auto notes = store::read_notes(bench.kept(), "0");
    REQUIRE(notes);
    CHECK((*notes).at("file").what == store::Note::present);
    CHECK((*notes).at("file").size == 3);
    CHECK((*notes).at("new\nline").what == store::Note::absent);

    store::Note before = (*notes).at("file");
    bench.files().file("below/file", "by the host");
    REQUIRE(::unlink(bench.files().path(Bench::upper("new\nline")).c_str()) == 0);
    REQUIRE(bench.kept().begin(std::int64_t{1} << 62));
    REQUIRE(store::settle(bench.kept(), true));
    notes = store::read_notes(bench.kept(), "0");
    REQUIRE(notes);
    CHECK((*notes).at("file") == before);
    CHECK((*notes).count("new\nline") == 0);
    CHECK(bench.apply() == std::array<std::size_t, 3>{0, 1, 0});

    bench.files().file("below/file", "is");
    REQUIRE(bench.kept().begin(std::int64_t{1} << 62));
    REQUIRE(store::settle(bench.kept(), true));
    notes = store::read_notes(bench.kept(), "0");
    REQUIRE(notes);
    CHECK((*notes).at("file").size == 2);
    bench.files().file(Bench::upper("file"), "once more");
    CHECK(bench.apply() == std::array<std::size_t, 3>{1, 0, 0});
    CHECK(bench.changes().empty());
}

TEST_CASE("settle: what has changed since the jail began is never what it has seen") {
    Bench bench;
    bench.files().file("below/file", "was");
    bench.files().file(Bench::upper("file"), "is");
    bench.files().file(Bench::upper("gone"), "copied up");
    bench.attribute(Bench::upper("gone"), "user.overlay.origin", "x");
    REQUIRE(store::settle(bench.kept(), true)); // it began in 1970
    auto notes = store::read_notes(bench.kept(), "0");
    REQUIRE(notes);
    CHECK((*notes).at("file").what == store::Note::changed);
    CHECK((*notes).at("gone").what == store::Note::changed);
    CHECK(bench.apply() == std::array<std::size_t, 3>{0, 2, 0});
}

TEST_CASE("settle: a file of notes that is none of ours is an error") {
    Bench bench;
    bench.files().dir("home/kept/name/base");
    for (const char* text : {"", "ajail base 1\n1 2\n", "ajail base 1\n- \\xzz\n", "something else\n"}) {
        bench.files().file("home/kept/name/base/0", text);
        auto notes = store::read_notes(bench.kept(), "0");
        REQUIRE_FALSE(notes);
        CHECK(notes.error().err == EINVAL);
    }
}

TEST_CASE("settle: what is in a directory that was moved there is never what the jail has seen") {
    Bench bench;
    for (const char* dir : {"below/d", "below/other"}) bench.files().dir(dir);
    bench.files().file("below/d/file", "was");
    bench.files().file("below/other/file", "of another");
    bench.files().dir(Bench::upper("d"));
    bench.files().file(Bench::upper("d/file"), "is");
    bench.files().file(Bench::upper("d/new"), "new");
    store::Seen seen = store::look_at_directories(bench.kept(), 10);
    auto now = [] {
        timespec time{};
        (void)::clock_gettime(CLOCK_REALTIME, &time);
        return time.tv_sec * 1'000'000'000 + time.tv_nsec;
    };
    constexpr timespec kTick{0, 20'000'000}; // by which the times of files go on
    (void)::nanosleep(&kTick, nullptr);
    REQUIRE(bench.kept().begin(now()));
    (void)::nanosleep(&kTick, nullptr);
    auto what = [&](const store::Seen& known, const char* path) {
        (void)::unlink(bench.files().path("home/kept/name/base/0").c_str());
        std::int64_t since = *bench.kept().since();
        REQUIRE(store::settle(bench.kept(), true, known));
        REQUIRE(bench.kept().begin(since)); // once more
        auto notes = store::read_notes(bench.kept(), "0");
        REQUIRE(notes);
        return (*notes).at(path).what;
    };
    CHECK(what({}, "d/file") == store::Note::present);
    // Something made in it, and beside it: that may be all.
    bench.files().file("below/d/more", "x");
    CHECK(what({}, "d/file") == store::Note::present);
    bench.files().file("below/more", "x");
    CHECK(what(seen, "d/file") == store::Note::present);
    CHECK(what(seen, "d/new") == store::Note::absent);
    CHECK(what({}, "d/file") == store::Note::changed);
    REQUIRE(::rename(bench.files().path("below/d").c_str(), bench.files().path("below/gone").c_str()) == 0);
    REQUIRE(::rename(bench.files().path("below/other").c_str(), bench.files().path("below/d").c_str()) == 0);
    CHECK(what(seen, "d/file") == store::Note::changed);
    CHECK(what(seen, "d/new") == store::Note::changed);
    CHECK(what({}, "d/file") == store::Note::changed);
}
