// SPDX-License-Identifier: Apache-2.0
// Paths as the front end reads them, and how sources are looked at.
#include "catch.h"
#include "cli/caller.h"
#include "scratch.h"

#include <sys/stat.h>
#include <unistd.h>

using namespace ajail;
using cli::absolute;
using spec::within;
using tests::Scratch;

TEST_CASE("absolute") {
    CHECK(absolute("/a/b", "/x") == "/a/b");
    CHECK(absolute("a", "/x/y") == "/x/y/a");
    CHECK(absolute(".", "/x/y") == "/x/y");
    CHECK(absolute("", "/x/y") == "/x/y");
    CHECK(absolute("..", "/x/y") == "/x");
    CHECK(absolute("../../../..", "/x/y") == "/");
    CHECK(absolute("../z/./w//", "/x/y") == "/x/z/w");
    CHECK(absolute("//a///b/", "/") == "/a/b");
    CHECK(absolute("a", "/") == "/a");
    CHECK(absolute("/", "/x") == "/");
    CHECK(absolute("a\nb\xff,:", "/x y") == "/x y/a\nb\xff,:");
    CHECK(absolute("...", "/x") == "/x/...");
    CHECK(absolute("-a", "/x") == "/x/-a");
}

TEST_CASE("within") {
    CHECK(within("/a/b", "/a"));
    CHECK(within("/a", "/a"));
    CHECK(within("/a", "/"));
    CHECK(within("/", "/"));
    CHECK_FALSE(within("/ab", "/a"));
    CHECK_FALSE(within("/a", "/a/b"));
    CHECK_FALSE(within("/", "/a"));
}

TEST_CASE("a source below the project is opened beneath it") {
    Scratch project;
    project.dir("out/deep");
    project.file("f");
    auto source = cli::look_at(project.path("out/deep"), project.path());
    REQUIRE(source);
    CHECK((*source).resolve == spec::Resolve::beneath);
    CHECK((*source).base == project.path());
    CHECK((*source).path == "out/deep");
    CHECK((*source).directory);
    auto file = cli::look_at(project.path("f"), project.path());
    REQUIRE(file);
    CHECK_FALSE((*file).directory);
    auto itself = cli::look_at(project.path(), project.path());
    REQUIRE(itself);
    CHECK((*itself).path == ".");
}

TEST_CASE("a symlink below the project is not followed, one elsewhere is") {
    Scratch project, elsewhere;
    project.dir("d");
    project.link("l", "d");
    project.link("evil", "/etc");
    elsewhere.dir("d");
    elsewhere.link("l", "d");
    for (const char* name : {"l", "evil", "evil/ssl"}) {
        auto source = cli::look_at(project.path(name), project.path());
        REQUIRE(!source);
        CHECK(source.error().err == ELOOP);
    }
    auto source = cli::look_at(elsewhere.path("l"), project.path());
    REQUIRE(source);
    CHECK((*source).resolve == spec::Resolve::real);
    CHECK((*source).directory);
    auto missing = cli::look_at(project.path("nothing"), project.path());
    REQUIRE(!missing);
    CHECK(missing.error().err == ENOENT);
}

TEST_CASE("a part of a root filesystem resolves inside of it") {
    Scratch root;
    root.dir("srv/www");
    root.link("www", "/srv/www");
    root.link("etc", "/nowhere");
    auto www = cli::look_in_root(root.path(), "/www");
    REQUIRE(www);
    CHECK((*www).directory);
    CHECK((*www).resolve == spec::Resolve::in_root);
    auto etc = cli::look_in_root(root.path(), "/etc");
    REQUIRE(!etc);
    CHECK(etc.error().err == ENOENT);
    // Not the host's, although it is there.
    auto host = cli::look_in_root(root.path(), "/../../../../proc/self");
    REQUIRE(!host);
    CHECK(host.error().err == ENOENT);
}

TEST_CASE("what keeps others out of a root filesystem is a directory above it") {
    Scratch scratch;
    scratch.dir("store/fs/deb");
    std::string store = scratch.path("store"), path = scratch.path("store/fs/deb");
    // Whatever stands above the scratch directory may close it already.
    std::string before = cli::closed_above(store);
    auto with = [&](mode_t mode) {
        REQUIRE(chmod(store.c_str(), mode) == 0);
        return cli::closed_above(path);
    };
    CHECK(with(0755) == before);
    CHECK(with(0711) == before);
    CHECK(with(0701) == before);
    for (mode_t mode : {0700U, 0744U}) CHECK(with(mode) == (before.empty() ? cli::physical(store) : before));
    CHECK(cli::closed_above(store) == before); // itself it can open
    CHECK(cli::closed_above("/").empty());
    CHECK(cli::closed_above("/usr").empty());
    if (geteuid() != 0) return;
    // What belongs to somebody else is open to them, and to their group.
    REQUIRE(chown(store.c_str(), 12345, 0) == 0);
    CHECK(with(0700) == before);
    REQUIRE(chown(store.c_str(), 0, 12345) == 0);
    CHECK(with(0710) == before);
    REQUIRE(chown(store.c_str(), 0, 0) == 0);
}

TEST_CASE("who calls") {
    ::setenv("HOME", "/home//x/.", 1);
    ::unsetenv("AJAIL_HOME");
    cli::Caller caller = cli::who_calls(0);
    CHECK(caller.name.empty());
    CHECK(caller.home == "/home/x");
    CHECK(caller.ajail_home == "/home/x/.ajail");
    ::setenv("AJAIL_HOME", "/store", 1);
    CHECK(cli::who_calls(0).ajail_home == "/store");
    ::unsetenv("AJAIL_HOME");
    for (const char* bad : {"", "relative"}) {
        ::setenv("HOME", bad, 1);
        CHECK(cli::who_calls(0).home == "/root");
    }
    cli::look_for_name(caller, 0);
    CHECK(caller.name == "root");
    CHECK(caller.in_passwd);
    CHECK(caller.home == "/home/x");
    ::unsetenv("HOME");
    ::setenv("USER", "somebody", 1);
    cli::Caller unknown = cli::who_calls(4242424);
    CHECK(unknown.name == "somebody");
    CHECK_FALSE(unknown.in_passwd);
    CHECK(unknown.home == "/");
    CHECK(unknown.ajail_home == "/.ajail");
    ::unsetenv("USER");
    CHECK(cli::who_calls(4242424).name == "user");
}

TEST_CASE("what is set close-on-exec is no more than was open") {
    auto next = [] { return sys::Fd(::dup(0)).get(); };
    int free = next();
    REQUIRE(free >= 0);
    CHECK(sys::close_on_exec_from(3));
    CHECK(next() == free);
}
