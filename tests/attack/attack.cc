// SPDX-License-Identifier: Apache-2.0
// attack NAME[,NAME...] [KEY=VALUE...]  one probe, its answer on one line; or several
// attack --all [KEY=VALUE...]           all of them, a line each: name, kind, answer, why
// attack --list                         what there is, with tabs: name, kind, what it tries
// attack --bait [--in=DIR]  COMMAND...  makes what there is to attack, then runs COMMAND with the KEY=VALUE of it as
//                                       further arguments, a file as its stdin and a terminal as its stderr; prints
//                                       what it printed
#include "probe/bait.h"
#include "probe/probe.h"

#include <cstdio>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace ajail::probe;

int bait(char** argv) {
    std::string parent = "/tmp";
    if (*argv != nullptr && std::strncmp(*argv, "--in=", 5) == 0) parent = *argv++ + 5;
    auto made = Bait::make(parent);
    if (!made || *argv == nullptr) {
        std::perror("attack: no bait");
        return 2;
    }
    std::vector<std::string> words = made->words();
    words.push_back("work=" + made->work());
    words.push_back("fixed=" + made->fixed());
    words.push_back("hidden=" + made->work() + "/deep/hidden");
    std::vector<char*> command;
    for (; *argv != nullptr; ++argv) command.push_back(*argv);
    for (std::string& word : words) command.push_back(word.data());
    command.push_back(nullptr);
    int status = made->launch([&] {
        ::execvp(command[0], command.data());
        std::perror(command[0]);
        return 127;
    });
    std::fputs(made->output().c_str(), stdout);
    std::fputs(made->said().c_str(), stderr);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "--bait") == 0) return bait(argv + 2);
    if (argc > 1 && std::strcmp(argv[1], "--list") == 0) {
        for (const Probe* probe : all()) std::printf("%s\t%s\t%s\n", probe->name, probe->kind, probe->tries);
        return 0;
    }
    if (argc > 1 && std::strcmp(argv[1], "--all") == 0) {
        for (const Probe* probe : all()) {
            Result result = run(*probe, argv + 2);
            std::printf("%s\t%s\t%s\t%s\n", probe->name, probe->kind, word(result.answer), result.why);
            (void)std::fflush(stdout);
        }
        return 0;
    }
    for (char* name = argc > 1 ? argv[1] : nullptr; name != nullptr;) {
        char* next = std::strchr(name, ',');
        if (next != nullptr) *next++ = '\0';
        const Probe* probe = find(name);
        if (probe == nullptr) {
            std::fprintf(stderr, "attack: no probe %s (attack --list)\n", name);
            return 2;
        }
        Result result = run(*probe, argv + 2);
        std::printf("%s(%s)\n", word(result.answer), result.why);
        name = next;
    }
    return argc > 1 ? 0 : 2;
}
