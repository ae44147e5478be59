// SPDX-License-Identifier: Apache-2.0
// Which names the host runs.
#include "catch.h"
#include "cli/protect.h"

#include <string>

using namespace ajail::cli;

TEST_CASE("a pattern of a name") {
    CHECK(fits("a", "a"));
    CHECK_FALSE(fits("a", "ab"));
    CHECK_FALSE(fits("a", ""));
    CHECK(fits("settings*.json", "settings.json"));
    CHECK(fits("settings*.json", "settings.local.json"));
    CHECK_FALSE(fits("settings*.json", "settings.json.old"));
    CHECK_FALSE(fits("settings*.json", "setting.json"));
    CHECK_FALSE(fits("a*a", "a")); // what stands before the star is not also what stands after it
    CHECK(fits("*", "x"));
    CHECK(fits("a*b*c", "abxbc"));
    CHECK_FALSE(fits("a*b*c", "acb"));
    CHECK_FALSE(fits("a?", "ab")); // no other sign means anything
}

TEST_CASE("each of the list can stand there, and is run") {
    REQUIRE_FALSE(protected_by_default().empty());
    for (const char* pattern : protected_by_default()) {
        INFO(pattern);
        CHECK(is_pattern(pattern));
        std::string path = pattern;
        if (std::size_t star = path.find('*'); star != std::string::npos) path.replace(star, 1, ".local");
        CHECK(host_runs(path));
        CHECK(host_runs("packages/one/" + path));
        CHECK_FALSE(host_runs(path + ".example"));
    }
}

TEST_CASE("what the host runs") {
    for (const char* path : {".git",
                             "sub/.git",
                             ".git/hooks",
                             ".git/hooks/pre-commit",
                             ".git/config",
                             ".git/config.worktree",
                             ".git/commondir",
                             ".git/info/attributes",
                             ".git/.git",
                             ".git/modules/a/b/config",
                             ".git/modules/a/hooks/x",
                             ".git/modules/a/modules/b/config",
                             ".git/worktrees/w/commondir",
                             "deep/er/.git/config",
                             ".vscode",
                             ".vscode/tasks.json",
                             ".claude/settings.local.json",
                             "x/.envrc",
                             "HEAD",
                             "deep/er/HEAD",
                             "bare.git/HEAD"}) {
        INFO(path);
        CHECK(host_runs(path));
    }
    for (const char* path : {"",
                             "src/main.c",
                             "config",
                             "hooks/x",
                             ".git/HEAD",
                             ".git/index",
                             ".git/objects/ab/cdef",
                             ".git/refs/heads/config",
                             ".git/logs/refs/heads/hooks/x",
                             ".git/config.lock",
                             ".git/info/exclude",
                             ".git/modules/a/refs/heads/config",
                             ".git/modules/a/HEAD",
                             ".git/worktrees/w/HEAD",
                             ".git/worktrees/config",
                             ".gitignore",
                             ".github/workflows/ci.yml",
                             ".claude",
                             ".claude/notes.md",
                             ".vscode-test",
                             "vscode/x"}) {
        INFO(path);
        CHECK_FALSE(host_runs(path));
    }
}

TEST_CASE("what the host runs below something, if that is a link") {
    for (const char* path : {".claude", "sub/.gemini", ".config", "sub/.config"}) {
        INFO(path);
        CHECK(host_runs_below(path));
    }
    for (const char* path : {"", ".vscode", ".claude/settings.json", ".claude/notes", "src", ".git/config"}) {
        INFO(path);
        CHECK_FALSE(host_runs_below(path));
    }
}
