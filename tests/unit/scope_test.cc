// SPDX-License-Identifier: Apache-2.0
// systemd's user manager, asked for a scope. The answers of one that goes wrong; for the real one see
// tests/jail/systemd_scope.sh, which runs the hidden case.
#include "catch.h"
#include "ns/scope.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using ajail::ns::enter_scope;

// A manager that says ANSWER once it is spoken to, and MORE when it is asked.
class Manager {
public:
    Manager(const std::string& answer, const std::string& more) {
        std::string pattern = fs::temp_directory_path() / "ajail-scope-XXXXXX";
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        dir_ = pattern;
        int listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        REQUIRE(path().copy(address.sun_path, sizeof address.sun_path - 1) == path().size());
        REQUIRE(::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listening, 1) == 0);
        child_ = ::fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0) {
            int client = ::accept(listening, nullptr, nullptr);
            char buffer[4096];
            for (const std::string* text : {&answer, &more}) {
                if (::read(client, buffer, sizeof buffer) <= 0) _exit(1);
                if (::write(client, text->data(), text->size()) < 0) _exit(1);
            }
            _exit(0);
        }
        (void)::close(listening);
    }
    ~Manager() {
        (void)::kill(child_, SIGKILL);
        (void)::waitpid(child_, nullptr, 0);
        fs::remove_all(dir_);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    std::string path() const { return (dir_ / "private").string(); }

private:
    fs::path dir_;
    pid_t child_ = -1;
};

int error_of(const std::string& answer, const std::string& more) {
    Manager manager(answer, more);
    auto entered = enter_scope(manager.path(), "/sys/fs/cgroup");
    return entered ? 0 : entered.error().err;
}

// A message of TYPE, with nothing in it; BODY: how long it says that is.
std::string message(char type, char body = 0) {
    std::string text = {'l', type, 0, 1, body, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    return text;
}

} // namespace

TEST_CASE("scope: a manager that goes wrong") {
    std::string entered = "OK 0123\r\n";
    CHECK(error_of("REJECTED EXTERNAL\r\n", "") == EACCES);
    CHECK(error_of(entered, "") == ECONNRESET);
    CHECK(error_of(entered, message(3)) == EREMOTEIO);
    CHECK(error_of(entered, message(4) + message(3)) == EREMOTEIO); // a signal before
    CHECK(error_of(entered, message(2, 8)) == ECONNRESET);          // cut off
    std::string huge = message(2);
    huge[7] = 1;
    CHECK(error_of(entered, huge) == EPROTO);
    CHECK(enter_scope("/nowhere/private", "/").error().err == ENOENT);
    CHECK(enter_scope(std::string(200, 'x'), "/").error().err == ENAMETOOLONG);
}

TEST_CASE("scope: the real one", "[.scope]") {
    const char *socket = std::getenv("AJAIL_TEST_MANAGER"), *mount = std::getenv("AJAIL_TEST_CGROUPS");
    REQUIRE((socket != nullptr && mount != nullptr));
    auto entered = enter_scope(socket, mount);
    REQUIRE(entered);
    INFO(*entered);
    CHECK(fs::exists(*entered + "/cgroup.controllers"));
    CHECK(fs::create_directory(*entered + "/mine")); // delegated
    CHECK(fs::remove(*entered + "/mine"));
    CHECK_FALSE(enter_scope(socket, mount)); // there is one of that name
}
