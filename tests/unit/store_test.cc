// SPDX-License-Identifier: Apache-2.0
// The store: names, removal of trees that fight back, and root filesystems that appear complete or not at all.
#include "catch.h"
#include "scratch.h"
#include "store/cache.h"
#include "store/store.h"

#include <algorithm>
#include <sys/file.h>
#include <sys/stat.h>

using namespace ajail;
using store::good_name;
using tests::Scratch;

TEST_CASE("good_name") {
    for (const char* name : {"deb", "a", "Debian-12.1_x", "9", "_x"}) CHECK(good_name(name));
    CHECK(good_name(std::string(64, 'a')));
    for (const char* name : {"", ".", "..", ".hidden", "-x", "a/b", "a b", "a\nb", "a:b", "\xc3\xa4", "a~b"})
        CHECK_FALSE(good_name(name));
    CHECK_FALSE(good_name(std::string(65, 'a')));
    CHECK_FALSE(good_name(std::string_view("a\0b", 3)));
}

TEST_CASE("remove_tree removes everything in it and follows nothing") {
    Scratch dir;
    dir.dir("outside");
    dir.file("outside/keep", "x");
    dir.dir("tree/a/b/c");
    dir.file("tree/a/f");
    dir.file("tree/a/ugly \n\xff name");
    dir.link("tree/link", "../outside");
    dir.link("tree/a/up", "../..");
    dir.link("tree/dangling", "nowhere");
    REQUIRE(::mkfifo(dir.path("tree/fifo").c_str(), 0600) == 0);
    CHECK(store::remove_tree(dir.fd(), "tree"));
    CHECK_FALSE(dir.exists("tree"));
    CHECK(dir.exists("outside/keep"));
}

TEST_CASE("remove_tree opens directories without permissions") {
    Scratch dir;
    dir.dir("tree/a/b");
    dir.file("tree/a/b/f");
    for (const char* name : {"tree/a/b", "tree/a", "tree"}) REQUIRE(::chmod(dir.path(name).c_str(), 0) == 0);
    CHECK(store::remove_tree(dir.fd(), "tree"));
    CHECK_FALSE(dir.exists("tree"));
}

TEST_CASE("remove_tree of a file, a symlink, nothing") {
    Scratch dir;
    dir.dir("d/e");
    dir.file("f");
    dir.link("l", "d");
    CHECK(store::remove_tree(dir.fd(), "f"));
    CHECK(store::remove_tree(dir.fd(), "l"));
    CHECK(dir.exists("d/e"));
    auto missing = store::remove_tree(dir.fd(), "nothing");
    REQUIRE(!missing);
    CHECK(missing.error().err == ENOENT);
}

TEST_CASE("remove_tree of a deep tree") {
    Scratch dir;
    std::string path = "tree";
    for (int i = 0; i < 200; ++i) path += "/deep";
    dir.dir(path);
    CHECK(store::remove_tree(dir.fd(), "tree"));
    CHECK_FALSE(dir.exists("tree"));
}

TEST_CASE("a root filesystem appears complete or not at all") {
    Scratch home;
    std::string store_path = home.path("store");
    CHECK(store::root_filesystems(store_path).empty());
    {
        auto partial = store::Partial::create(store_path, "deb");
        REQUIRE(partial);
        store::Partial making = std::move(partial).take();
        home.dir(making.path().substr(home.path().size() + 1) + "/etc");
        CHECK(store::root_filesystems(store_path).empty()); // while it is made
    }
    CHECK(home.entries() == 2); // store, store/fs: all of the abandoned one is gone
    {
        auto partial = store::Partial::create(store_path, "deb");
        REQUIRE(partial);
        store::Partial making = std::move(partial).take();
        CHECK(making.commit());
    }
    CHECK(store::root_filesystems(store_path) == std::vector<std::string>{"deb"});
    auto again = store::Partial::create(store_path, "deb");
    REQUIRE(!again);
    CHECK(again.error().err == EEXIST);
}

TEST_CASE("the slower of two that make the same name gives way") {
    Scratch home;
    auto first = store::Partial::create(home.path("s"), "deb");
    auto second = store::Partial::create(home.path("s"), "deb");
    REQUIRE(first);
    REQUIRE(second);
    store::Partial one = std::move(first).take(), two = std::move(second).take();
    CHECK(two.commit());
    auto late = one.commit();
    REQUIRE(!late);
    CHECK(late.error().err == EEXIST);
}

TEST_CASE("what a killed process left is removed by the next, what a living one makes is not") {
    Scratch home;
    home.dir("s/fs/.old~abcdefgh/etc");
    home.dir("s/fs/.live~abcdefgh/etc");
    home.dir("s/fs/.mine");
    sys::Fd live(::open(home.path("s/fs/.live~abcdefgh").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(::flock(live.get(), LOCK_EX | LOCK_NB) == 0);
    {
        auto partial = store::Partial::create(home.path("s"), "deb");
        REQUIRE(partial);
    }
    CHECK_FALSE(home.exists("s/fs/.old~abcdefgh"));
    CHECK(home.exists("s/fs/.live~abcdefgh/etc"));
    CHECK(home.exists("s/fs/.mine"));
}

TEST_CASE("the list of root filesystems: directories and links to them, sorted") {
    Scratch home;
    home.dir("s/fs/b");
    home.dir("s/fs/a");
    home.dir("elsewhere");
    home.link("s/fs/c", "../../elsewhere");
    home.link("s/fs/dangling", "nowhere");
    home.file("s/fs/file");
    CHECK(store::root_filesystems(home.path("s")) == std::vector<std::string>{"a", "b", "c"});
}

namespace {

std::string sum_of(char digit) { return std::string(64, digit); }

// Keeps an archive that says TEXT.
sys::Status keep(const store::Cache& cache, const std::string& slot, char key, char sum,
                 const std::string& text = "x") {
    auto file = cache.file();
    REQUIRE(file);
    REQUIRE(sys::write_all((*file).get(), text));
    return cache.keep(*file, slot, sum_of(key), sum_of(sum));
}

std::vector<std::string> names_of(const std::vector<store::Archive>& kept) {
    std::vector<std::string> names;
    for (const store::Archive& one : kept) names.push_back(one.name.substr(0, one.name.size() - 2 * 65 - 4));
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace

TEST_CASE("the cache: one archive a slot, whole or not at all") {
    using Names = std::vector<std::string>;
    Scratch home;
    CHECK(store::archives(home.path("s")).empty());
    auto opened = store::Cache::open(home.path("s"));
    REQUIRE(opened);
    store::Cache cache = std::move(opened).take();
    {
        auto file = cache.file();
        REQUIRE(file);
        REQUIRE(sys::write_all((*file).get(), "half"));
        CHECK(store::archives(home.path("s")).empty());
    }
    CHECK(keep(cache, "debian-sid", 'a', '1'));
    CHECK(keep(cache, "debian-sid", 'a', '1')); // somebody was faster
    CHECK(keep(cache, "debian-sid+", 'b', '2'));
    CHECK(names_of(store::archives(home.path("s"))) == Names{"debian-sid", "debian-sid+"});
    CHECK(keep(cache, "debian-sid", 'c', '3', "new"));
    CHECK(names_of(store::archives(home.path("s"))) == Names{"debian-sid", "debian-sid+"});
    std::string name = "s/cache/debian-sid." + sum_of('c') + "." + sum_of('3') + ".tar";
    auto text = sys::read_file(home.path(name).c_str());
    REQUIRE(text);
    CHECK(*text == "new");
    for (const char* slot : {"1", "2", "3", "4", "5", "6", "7"}) CHECK(keep(cache, slot, 'a', 'b'));
    CHECK(store::archives(home.path("s")).size() == store::kMost);
    CHECK_FALSE(home.exists(name));
    CHECK(store::remove_cache(home.path("s")));
    CHECK_FALSE(home.exists("s/cache"));
    CHECK(store::remove_cache(home.path("s")));
    CHECK(store::remove_cache(home.path("nothing")));
}

TEST_CASE("the cache: names, locks, and others who may get in") {
    Scratch home;
    auto opened = store::Cache::open(home.path("s"));
    REQUIRE(opened);
    store::Cache cache = std::move(opened).take();
    auto file = cache.file();
    REQUIRE(file);
    for (const std::string& bad :
         {std::string(), std::string("x"), std::string(63, 'a'), std::string(64, 'A'), std::string(65, 'a')}) {
        CHECK_FALSE(store::is_sum(bad));
        CHECK_FALSE(cache.keep(*file, "x", bad, sum_of('1')));
        CHECK_FALSE(cache.keep(*file, "x", sum_of('1'), bad));
    }
    CHECK_FALSE(cache.keep(*file, "../x", sum_of('1'), sum_of('1')));
    CHECK_FALSE(cache.keep(*file, "", sum_of('1'), sum_of('1')));
    {
        auto other = store::lock(cache.path(), store::Hold::exclusive);
        REQUIRE(other);
        auto kept = cache.keep(*file, "x", sum_of('1'), sum_of('1'));
        REQUIRE_FALSE(kept);
        CHECK(kept.error().err == EWOULDBLOCK);
    }
    CHECK(cache.keep(*file, "x", sum_of('1'), sum_of('1')));
    home.file("s/cache/else", "not ours");
    CHECK(store::archives(home.path("s")).size() == 1);
    for (mode_t mode : {0755U, 0770U, 0701U}) {
        REQUIRE(::chmod(cache.path().c_str(), mode) == 0);
        auto again = store::Cache::open(home.path("s"));
        REQUIRE_FALSE(again);
        CHECK(again.error().err == EPERM);
    }
    home.dir("t");
    home.link("t/cache", "../s/cache");
    CHECK_FALSE(store::Cache::open(home.path("t")));
    CHECK(store::remove_cache(home.path("t")));
    CHECK(home.exists("s/cache/else"));
}
