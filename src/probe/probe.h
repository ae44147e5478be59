// SPDX-License-Identifier: Apache-2.0
// Attempts to get out of a jail, or at something that was not granted, each one thing: a table. `ajail verify` and the
// attack tests run them, from inside or, as a control, where nothing is in their way.
//
// A probe does what an attacker would do and stops where it would begin to hurt: nothing is written but in directories
// given for it, bombs are small, and what is made is removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ajail::probe {

enum class Answer : std::uint8_t {
    blocked, ///< refused, or not there
    allowed, ///< it worked
    skipped, ///< what it needs is not there: in this kernel, or because nobody has prepared it
    broken,  ///< the probe itself has failed, and has proved nothing
};
const char* word(Answer answer);

struct Probe {
    const char *name, *kind, *tries;
    void (*run)(); ///< calls one of the answers in inside.h
    long (*reach)() =
        nullptr; ///< instead: a system call; any errno but a refusal means that the kernel has worked on it
    const char* call = nullptr; ///< where nothing but the seccomp policy stands in the way: the call that it refuses
    bool bomb = false;          ///< it may be the jail's end, and that is an answer, too
};

/// All of them, by kind: processes, files, ipc, terminal, kernel, exhaustion, afterwards.
std::vector<const Probe*> all();
const Probe* find(const char* name);

constexpr std::size_t kWhySize = 240;
struct Result {
    Answer answer = Answer::broken;
    char why[kWhySize] = ""; ///< printable ASCII
};

/// Runs PROBE in a child. WORDS are KEY=VALUE, ended by a null pointer: what a Bait has prepared, see there.
Result run(const Probe& probe, char** words);

} // namespace ajail::probe
