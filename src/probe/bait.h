// SPDX-License-Identifier: Apache-2.0
// What there is to attack: files, a process, sockets, keys and a terminal of the host's, made for the time being. All of
// it goes when the process that made it ends, however it ends: the process to attack waits for that, and cleans up.
#pragma once

#include "sys/fd.h"

#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace ajail::probe {

class Bait {
public:
    /// In a private directory in PARENT. Null, and errno, where not even that can be made; of the rest, what cannot be
    /// had is not there, and the probes that need it are skipped.
    static std::unique_ptr<Bait> make(const std::string& parent);
    ~Bait();
    Bait(const Bait&) = delete;
    Bait& operator=(const Bait&) = delete;

    /// What the probes are to be told, KEY=VALUE, besides `work`, `fixed` and `hidden`, the places where they find
    /// directories for writing, read-only and hidden.
    const std::vector<std::string>& words() const { return words_; }
    const std::string& directory() const { return directory_; }
    /// Granted for writing; in it are `deep/hidden`, to be hidden, `between/file`, to be read-only, and a `.git`.
    std::string work() const { return directory_ + "/work"; }
    /// Granted for reading.
    std::string fixed() const { return directory_ + "/fixed"; }

    /// Runs BODY in a child as a careless caller would: with descriptors and keys of its own, a file as stdin, one as
    /// stdout and a terminal as stderr. Returns its wait status.
    int launch(const std::function<int()>& body);
    /// What has been written to stdout and stderr.
    std::string output() const;
    const std::string& said() const { return said_; }
    /// What should have been read-only is as it was.
    bool untouched() const;

private:
    Bait() = default;
    bool files();
    bool victim();
    void objects();
    void places();
    void terminal();
    void add(const std::string& key, const std::string& value) { words_.push_back(key + "=" + value); }
    [[noreturn]] void wait_and_clean_up(int alive) const;
    [[noreturn]] void careless(const std::function<int()>& body) const;

    std::string directory_, said_;
    std::vector<std::string> words_;
    std::vector<sys::Fd> held_;
    sys::Fd alive_, master_, slave_;
    pid_t victim_ = -1;
    sigset_t mask_{};
    long key_ = -1;
    int shm_ = -1, sem_ = -1;
};

} // namespace ajail::probe
