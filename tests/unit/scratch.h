// SPDX-License-Identifier: Apache-2.0
// A directory of a test's own, gone afterwards.
#pragma once

#include "sys/calls.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace ajail::tests {

class Scratch {
public:
    Scratch() {
        std::string name = std::filesystem::temp_directory_path() / "ajail-unit.XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
        path_ = name;
        fd_ = sys::Fd(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored; // a directory that a test left without permissions fails the next line's caller
        std::filesystem::remove_all(path_, ignored);
    }

    int fd() const { return fd_.get(); }
    std::string path(const std::string& name = "") const { return name.empty() ? path_ : path_ + "/" + name; }
    void dir(const std::string& name) const { std::filesystem::create_directories(path(name)); }
    void file(const std::string& name, const std::string& content = "") const {
        std::ofstream(path(name), std::ios::binary) << content;
    }
    void link(const std::string& name, const std::string& to) const {
        std::filesystem::create_symlink(to, path(name));
    }
    bool exists(const std::string& name) const {
        return std::filesystem::symlink_status(path(name)).type() != std::filesystem::file_type::not_found;
    }
    std::size_t entries() const {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& entry : std::filesystem::recursive_directory_iterator(path_)) ++count;
        return count;
    }

private:
    std::string path_;
    sys::Fd fd_;
};

} // namespace ajail::tests
