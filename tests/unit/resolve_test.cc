// SPDX-License-Identifier: Apache-2.0
// mount::resolve(): a destination inside a hostile root. No privilege is needed, so all of it is tried here.
#include "catch.h"
#include "mount/mount.h"
#include "scratch.h"

#include <sys/stat.h>

using namespace ajail;
using tests::Scratch;

namespace {

bool yes(int, const std::string&, bool) { return true; }
bool no(int, const std::string&, bool) { return false; }

// The inode found, or minus errno.
long found(const Scratch& root, const std::string& path, bool directory = true, const mount::MayMake& may = no) {
    auto fd = mount::resolve(root.fd(), path, directory, may);
    if (!fd) return -fd.error().err;
    struct stat st {};
    REQUIRE(::fstat((*fd).get(), &st) == 0);
    return static_cast<long>(st.st_ino);
}

long inode(const Scratch& root, const std::string& name) {
    struct stat st {};
    REQUIRE(::lstat(root.path(name).c_str(), &st) == 0);
    return static_cast<long>(st.st_ino);
}

// PATH is made, and is what NAME names. Two statements: what is compared would be looked up before it is made.
bool makes(const Scratch& root, const std::string& path, const std::string& name, bool directory = true) {
    long made = found(root, path, directory, yes);
    return made > 0 && made == inode(root, name);
}

} // namespace

TEST_CASE("resolve finds what is there") {
    Scratch root;
    root.dir("a/b");
    root.file("a/f");
    CHECK(found(root, "/a/b") == inode(root, "a/b"));
    CHECK(found(root, "/a//./b/") == inode(root, "a/b"));
    CHECK(found(root, "/a/f", false) == inode(root, "a/f"));
    CHECK(found(root, "/") == inode(root, ""));
}

TEST_CASE("resolve follows symlinks inside the root only") {
    Scratch root;
    root.dir("a/b");
    root.link("absolute", "/a/b");
    root.link("relative", "a/b");
    root.link("up", "../../../../../../a");
    root.link("a/parent", "../a/b");
    root.link("chain", "absolute");
    root.link("top", "/");
    for (const char* name : {"/absolute", "/relative", "/a/parent", "/chain", "/up/b", "/top/top/a/b"})
        CHECK(found(root, name) == inode(root, "a/b"));
    CHECK(found(root, "/../../a/b") == inode(root, "a/b"));
    // What the link names is there on the host, and is not found: only the root is looked in.
    root.link("out", root.path("a"));
    CHECK(found(root, "/out") == -EROFS);
}

TEST_CASE("resolve stops at loops") {
    Scratch root;
    root.link("self", "self");
    root.link("one", "two");
    root.link("two", "one");
    CHECK(found(root, "/self") == -ELOOP);
    CHECK(found(root, "/one/x", true, yes) == -ELOOP);
    // With something missing behind them, so that the walk by hand has to see the loop, too.
    root.link("long0", "nothing");
    for (int i = 1; i <= 60; ++i) root.link("long" + std::to_string(i), "long" + std::to_string(i - 1));
    CHECK(found(root, "/long60", true, yes) == -ELOOP);
    CHECK_FALSE(root.exists("nothing"));
    CHECK(makes(root, "/long20", "nothing"));
}

TEST_CASE("resolve makes what is missing where it may") {
    Scratch root;
    CHECK(makes(root, "/x/y/z", "x/y/z"));
    CHECK(makes(root, "/x/y/f", "x/y/f", false));
    struct stat st {};
    REQUIRE(::stat(root.path("x/y/f").c_str(), &st) == 0);
    CHECK(S_ISREG(st.st_mode));
    CHECK(st.st_size == 0);
    REQUIRE(::stat(root.path("x/y").c_str(), &st) == 0);
    CHECK((st.st_mode & 07777) == 0755);
}

TEST_CASE("resolve makes the target of a dangling symlink, inside") {
    Scratch root;
    root.dir("etc");
    root.link("etc/resolv.conf", "../run/systemd/resolve/stub");
    root.link("etc/absolute", "/run/other/file");
    root.link("etc/outside", "/../../../../../../../../tmp/ajail-unit-must-not-be");
    CHECK(makes(root, "/etc/resolv.conf", "run/systemd/resolve/stub", false));
    CHECK(makes(root, "/etc/absolute", "run/other/file", false));
    CHECK(makes(root, "/etc/outside", "tmp/ajail-unit-must-not-be", false));
    CHECK_FALSE(std::filesystem::exists("/tmp/ajail-unit-must-not-be"));
}

TEST_CASE("resolve asks before it makes anything, and asks about the right place") {
    Scratch root;
    root.dir("a");
    CHECK(found(root, "/a/b/c") == -EROFS);
    CHECK(root.entries() == 1);
    std::vector<std::pair<std::string, bool>> asked;
    auto only_first = [&](int dir, const std::string& name, bool directory) {
        struct stat st {};
        REQUIRE(::fstat(dir, &st) == 0);
        asked.emplace_back(name, directory);
        return static_cast<long>(st.st_ino) == inode(root, "a");
    };
    CHECK(found(root, "/a/b/c", false, only_first) == -EROFS);
    CHECK(asked == std::vector<std::pair<std::string, bool>>{{"b", true}, {"c", false}});
    CHECK(root.exists("a/b"));
    CHECK_FALSE(root.exists("a/b/c"));
}

TEST_CASE("resolve does not walk through files, nor up out of the root") {
    Scratch root;
    root.dir("inside");
    root.file("inside/f");
    CHECK(found(root, "/inside/f/x", true, yes) == -ENOTDIR);
    Scratch outer;
    outer.dir("root");
    outer.file("secret");
    sys::Fd inner(::open(outer.path("root").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto fd = mount::resolve(inner.get(), "/../secret", false, no);
    REQUIRE(!fd);
    CHECK(fd.error().err == EROFS);
    fd = mount::resolve(inner.get(), "/x/../../secret", false, yes);
    REQUIRE(fd);
    CHECK(outer.exists("root/secret"));
}

TEST_CASE("resolve does not follow magic links") {
    Scratch root; // a link of /proc/self/fd would be one; here only that a procfs as root gives nothing away
    sys::Fd proc(::open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto fd = mount::resolve(proc.get(), "/cwd", true, no);
    REQUIRE(!fd);
    CHECK(fd.error().err == ELOOP);
}

TEST_CASE("names of any bytes") {
    Scratch root;
    for (const std::string name : {"a b", "a,b", "a:b", "a\\b", "a\nb", "-a", "\xff\xfe", "\x01", "..."}) {
        CHECK(makes(root, "/" + name, name));
        CHECK(found(root, "/" + name) == inode(root, name));
    }
}

TEST_CASE("open_source refuses what has changed since it was looked at") {
    Scratch dir;
    dir.dir("d");
    dir.file("f");
    dir.link("l", "d");
    auto open = [&](spec::Source source) {
        auto fd = mount::open_source(source);
        return fd ? 0 : fd.error().err;
    };
    using spec::Resolve;
    CHECK(open({.path = dir.path("d")}) == 0);
    CHECK(open({.path = dir.path("d"), .directory = false}) == EISDIR);
    CHECK(open({.path = dir.path("f")}) == ENOTDIR);
    CHECK(open({.path = dir.path("l")}) == 0); // the user's own word
    CHECK(open({.path = dir.path("d"), .resolve = Resolve::real}) == 0);
    CHECK(open({.path = dir.path("l"), .resolve = Resolve::real}) == ELOOP); // it was none when it was looked at
    CHECK(open({.path = dir.path("l/."), .resolve = Resolve::real}) == ELOOP);
    CHECK(open({.path = "d", .base = dir.path(), .resolve = Resolve::beneath}) == 0);
    CHECK(open({.path = "l", .base = dir.path(), .resolve = Resolve::beneath}) == ELOOP);
    CHECK(open({.path = "l/../d", .base = dir.path(), .resolve = Resolve::beneath}) == ELOOP);
    CHECK(open({.path = "../x", .base = dir.path(), .resolve = Resolve::beneath}) == EXDEV);
    CHECK(open({.path = "l", .base = dir.path(), .resolve = Resolve::in_root}) == 0);
    CHECK(open({.path = "", .base = dir.path(), .resolve = Resolve::in_root}) == 0);
    dir.link("out", "/etc");
    CHECK(open({.path = "out", .base = dir.path(), .resolve = Resolve::in_root}) == ENOENT);
}
