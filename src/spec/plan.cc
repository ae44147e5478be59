// SPDX-License-Identifier: Apache-2.0
// What is asked of a Spec's and a Plan's data; how a command is looked for.
#include "spec/plan.h"

#include <cstddef>

namespace ajail::spec {

namespace {

std::string join(const std::string& dir, const std::string& name) {
    return dir + (!dir.empty() && dir.back() == '/' ? "" : "/") + name;
}

// As execvp(3), but done beforehand, with the jail's PATH. An empty element means the current directory.
void search(Exec& exec, const std::string& name) {
    if (name.empty() || name.find('/') != std::string::npos) {
        exec.candidates.push_back(name);
        return;
    }
    std::string path = "/bin:/usr/bin"; // execvp(3), where there is no PATH
    constexpr std::string_view kPath = "PATH=";
    for (const std::string& variable : exec.env)
        if (variable.starts_with(kPath)) path = variable.substr(kPath.size());
    for (std::size_t start = 0; start <= path.size();) {
        std::size_t end = path.find(':', start);
        if (end == std::string::npos) end = path.size();
        std::string dir = path.substr(start, end - start);
        exec.candidates.push_back(join(dir.empty() ? "." : dir, name));
        start = end + 1;
    }
}

} // namespace

void set_command(Exec& exec, std::vector<std::string> argv, const std::string& file) {
    exec.argv = std::move(argv);
    exec.candidates.clear();
    exec.any_shell = exec.argv.empty();
    if (!exec.any_shell) return search(exec, file.empty() ? exec.argv[0] : file);
    exec.argv = {"bash"};
    search(exec, "bash");
    search(exec, "sh");
}

bool within(const std::string& path, const std::string& dir) {
    return dir == "/" || (path.starts_with(dir) && (path.size() == dir.size() || path[dir.size()] == '/'));
}

Source directory_of(Source source) {
    if (source.directory) return source;
    std::size_t slash = source.path.rfind('/');
    source.path = slash == std::string::npos ? "." : slash == 0 ? "/" : source.path.substr(0, slash);
    source.directory = true;
    source.descriptor = -1;
    return source;
}

std::string host_path(const Source& source) {
    if (source.base.empty()) return source.path;
    if (source.path.empty() || source.path == ".") return source.base;
    return join(source.base, source.path);
}

const std::string& target_of(const Op& op) {
    return std::visit([](const auto& o) -> const std::string& { return o.target; }, op);
}

} // namespace ajail::spec
