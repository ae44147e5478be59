// SPDX-License-Identifier: Apache-2.0
// The table of probes: its shape, and that answers are told apart.
#include "catch.h"
#include "probe/bait.h"
#include "probe/inside.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <set>
#include <sys/wait.h>

using namespace ajail::probe;

TEST_CASE("the table of probes") {
    std::set<std::string> names, kinds;
    for (const Probe* probe : all()) {
        INFO(probe->name);
        CHECK(names.insert(probe->name).second);
        kinds.insert(probe->kind);
        CHECK((probe->run == nullptr) != (probe->reach == nullptr));
        CHECK(std::strlen(probe->tries) > 0);
        CHECK(find(probe->name) == probe);
    }
    CHECK(names.size() >= 90);
    CHECK(kinds.size() == 7);
    CHECK(find("nosuch") == nullptr);
}

TEST_CASE("answers of probes") {
    char word[] = "key=value";
    char* words[] = {word, nullptr};
    auto answer = [&](void (*body)()) { return run(Probe{"name", "kind", "tries", body}, words); };
    CHECK(answer([] { allowed("%s", given("key")); }).answer == Answer::allowed);
    CHECK(std::string(answer([] { allowed("%s", given("key")); }).why) == "value");
    CHECK(answer([] { (void)given("other"); }).answer == Answer::skipped);
    CHECK(answer([] {}).answer == Answer::blocked);
    CHECK(answer([] { must_fail("open", ::open("/nosuch/ajail", O_RDONLY)); }).answer == Answer::blocked);
    CHECK(answer([] { must_fail("open", ::open("/", O_RDONLY)); }).answer == Answer::allowed);
    CHECK(answer([] { (void)in_child([] { allowed("below"); }); }).answer == Answer::allowed);
    CHECK(answer([] { ::_exit(0); }).answer == Answer::broken);
    CHECK(answer([] { (void)::raise(SIGKILL); }).answer == Answer::broken);
    CHECK(answer([] { (void)::raise(SIGSYS); }).answer == Answer::blocked);
    CHECK(std::string(answer([] { allowed("\033[31m"); }).why) == "?[31m");
    auto reached = [&](long (*call)()) { return run(Probe{"name", "kind", "tries", nullptr, call}, words).answer; };
    CHECK(reached([] { return errno = EPERM, -1L; }) == Answer::blocked);
    CHECK(reached([] { return errno = EINVAL, -1L; }) == Answer::allowed);
    CHECK(reached([] { return 0L; }) == Answer::allowed);
}

TEST_CASE("bait is laid out and taken away") {
    std::string directory;
    {
        auto bait = Bait::make(std::filesystem::temp_directory_path());
        REQUIRE(bait != nullptr);
        directory = bait->directory();
        CHECK(::access((bait->work() + "/deep/hidden/file").c_str(), R_OK) == 0);
        CHECK(bait->untouched());
        int status = bait->launch([] { return ::write(1, "out\n", 4) == 4 && ::write(2, "err\n", 4) == 4 ? 7 : 8; });
        CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 7));
        CHECK(bait->output() == "out\n");
        CHECK(bait->said().starts_with("err"));
        int fd = ::open((bait->fixed() + "/file").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
        CHECK(::write(fd, "x", 1) == 1);
        CHECK_FALSE(bait->untouched());
    }
    CHECK(::access(directory.c_str(), F_OK) < 0);
    CHECK(Bait::make("/nosuch/ajail") == nullptr);
}
