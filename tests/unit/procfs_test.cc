// SPDX-License-Identifier: Apache-2.0
// What is read of files of a procfs.
#include "catch.h"
#include "policy/task.h"
#include "spec/procfs.h"

using namespace ajail::spec;
using ajail::policy::file_id;
using ajail::policy::kNobody;

TEST_CASE("procfs: the fields of a status") {
    std::string status = "Name:\tx\\nUid:\t7\nUmask:\t0027\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t4 20 1000 \n"
                         "CapEff:\t00000000000005fb\n";
    CHECK(number_of(status, "Umask", 8) == 027);
    CHECK(number_of(status, "CapEff", 16) == 0x5fb);
    CHECK(number_of(status, "Nothing") == 0);
    CHECK(file_id(status, "Uid") == 4);
    CHECK(file_id(status, "Gid") == 8);
    CHECK(numbers_of(status, "Groups") == std::vector<unsigned>{4, 20, 1000});
    CHECK(numbers_of("Groups:\t \n\nGroups:\t \nX:\t1\n", "Groups").empty());
    CHECK(file_id("x\nUid:\t1\n", "Uid") == kNobody);
    CHECK(field("A:\nB:x", "B") == "x");
    CHECK(field("A:\nB:x", "A") == "");
    CHECK_FALSE(field("AB: 1\nA 2\n", "A"));
    CHECK(field("BA:1\nA: AA:2\nAA:3\n", "AA") == "3");
    CHECK(field("A\nA:A:\n", "A") == "A:");
    CHECK_FALSE(field("", "A"));
}

TEST_CASE("procfs: sizes in kilobytes") {
    const char* text = "Rss:   8 kB\nPss_Anon:\t 12 kB\nPss:  3 kB\nSwapPss: 1 kB\nOdd:\n";
    CHECK(number_of(text, "Pss_Anon") == 12);
    CHECK(number_of(text, "Pss") == 3);
    CHECK(number_of(text, "SwapPss") == 1);
    CHECK(number_of(text, "Odd") == 0);
    CHECK(number_of(text, "Pss_Shmem") == 0);
}

TEST_CASE("procfs: lines, words and numbers") {
    std::string_view text = "  7 a\\040b \nlast";
    std::string_view line = take_line(text);
    int number = 0;
    CHECK((take_number(line, number) && number == 7));
    CHECK_FALSE(take_number(line, number));
    CHECK(take_word(line) == "a\\040b");
    CHECK(take_word(line).empty());
    CHECK(take_line(text) == "last");
    CHECK(text.empty());
    CHECK(take_line(text).empty());
}

TEST_CASE("procfs: the cgroup of a process") {
    CHECK(cgroup_path("9:pids:/x\n0::/a/b.scope\n") == "/a/b.scope");
    CHECK(cgroup_path("0::/\n1:cpu:/y\n") == "/");
    CHECK(cgroup_path("10::/x\n").empty());
    CHECK(cgroup_path("").empty());
}

TEST_CASE("procfs: paths of mountinfo") {
    CHECK(unescape("/a\\040b\\011\\012\\134") == "/a b\t\n\\");
    CHECK(unescape("/a\\04") == "/a\\04");
    CHECK(unescape("/a\\") == "/a\\");
    CHECK(unescape("\\x40\\0404") == "\\x40 4");
    CHECK(unescape("").empty());
}
