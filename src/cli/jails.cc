// SPDX-License-Identifier: Apache-2.0
// See jails.h. What is read from a note was written by a monitor of the same user, and is escaped there.
#include "cli/jails.h"

#include "cli/caller.h"
#include "cli/words.h"
#include "ns/visit.h"
#include "store/store.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace ajail::cli {

namespace {

using Json = nlohmann::ordered_json;
using Row = std::array<std::string, 6>;

std::string own_running_directory() { return running_directory(who_calls(::geteuid()).ajail_home); }

// None if it is none that could have been written.
std::optional<Json> read_note(const store::Jail& jail) {
    Json note = Json::parse(jail.text, nullptr, false);
    bool whole = note.is_object() && note.value("name", Json()).is_string() &&
                 note.value("pid", Json()).is_number_integer() && note.value("started", Json()).is_number_integer() &&
                 note.value("fs", Json()).is_string() && note.value("directory", Json()).is_string() &&
                 note.value("command", Json()).is_array();
    return whole ? std::optional(std::move(note)) : std::nullopt;
}

std::string utc_time(std::time_t seconds) {
    char text[32] = "";
    if (std::tm utc{}; ::gmtime_r(&seconds, &utc) != nullptr)
        (void)std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

std::string local_time(std::time_t seconds) {
    char text[32] = "";
    if (std::tm local{}; ::localtime_r(&seconds, &local) != nullptr)
        (void)std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
    return text;
}

std::string words_of(const Json& command) {
    std::string text;
    for (const Json& word : command)
        if (word.is_string()) text += (text.empty() ? "" : " ") + word.get<std::string>();
    return text;
}

std::string table(const std::vector<Row>& rows) {
    std::array<std::size_t, std::tuple_size_v<Row>> widths{};
    for (const Row& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths.at(i) = std::max(widths.at(i), row.at(i).size());
    std::string out;
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += row.at(i) + std::string(widths.at(i) - row.at(i).size() + 2, ' ');
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

// What there is, for who has asked for something else.
std::string others(const std::string& directory) {
    std::string list;
    for (const store::Jail& jail : store::running(directory))
        list += (list.empty() ? "" : ", ") + spec::escape(jail.name);
    return list.empty() ? "none runs" : "there are: " + list;
}

std::string unknown(const char* command, const std::string& jail, const std::string& directory) {
    return std::string(command) + ": no jail " + spec::escape(jail) + " runs (" + others(directory) + ")";
}

bool is_gone(const sys::Error& error) { return error.err == ENOENT || error.err == ECONNREFUSED; }

// The process that has written the note of JAIL, which holds it; none if it cannot be known.
sys::Result<sys::Fd> monitor_of(const std::string& directory, const std::string& jail) {
    for (const store::Jail& one : store::running(directory)) {
        auto note = one.name == jail ? read_note(one) : std::nullopt;
        if (!note) continue;
        sys::Fd pidfd = TRY(sys::pidfd_open(note->at("pid").get<pid_t>()));
        // Whoever still holds the note has had that number all the time, or the descriptor is of somebody else.
        if (store::is_running(directory, jail)) return pidfd;
    }
    return sys::refused(ESRCH);
}

// A monitor that does not answer, being stopped (^Z) for one, cannot be asked; with it goes all of the jail.
sys::Status kill_monitor(const std::string& directory, const std::string& jail) {
    sys::Fd monitor = TRY(monitor_of(directory, jail));
    TRY(sys::pidfd_send_signal(monitor.get(), SIGKILL));
    pollfd wait{monitor.get(), POLLIN, 0};
    constexpr int kSoon = 5000;
    return TRY(sys::poll({&wait, 1}, kSoon)) > 0 ? sys::Status(sys::Done{}) : sys::refused(ETIMEDOUT);
}

sys::Status end_jail(const std::string& directory, const std::string& jail, bool at_once) {
    constexpr int kAnswer = 1000, kAll = 12000;
    auto told = [&]() -> sys::Result<bool> {
        sys::Fd door = TRY(store::knock(directory, jail));
        if (!TRY(ns::ask_to_end(door, at_once, kAnswer))) return false;
        return TRY(ns::wait_for_end(door, kAll));
    };
    auto ended = told();
    if (ended && *ended) return sys::Done{};
    if (!ended && is_gone(ended.error())) return ended.error();
    if (!ended && (ended.error().err == ECONNRESET || ended.error().err == EPIPE)) return sys::Done{};
    if (!ended && ended.error().err == EPERM) return ended.error();
    tell([&] { return spec::escape(jail) + " does not answer, and its monitor is killed"; });
    return kill_monitor(directory, jail);
}

// NAME-NUMBER, and a good name as well.
std::string numbered(const std::string& name, int number) {
    constexpr std::size_t kLongest = 64;
    std::string end = "-" + std::to_string(number);
    return name.substr(0, kLongest - end.size()) + end;
}

} // namespace

std::string running_directory(const std::string& ajail_home) {
    return store::running_directory(std::getenv("XDG_RUNTIME_DIR"), ajail_home);
}

std::variant<std::optional<store::Running>, Wrong> note_down(const std::string& directory, const std::string& name,
                                                             const Described& jail) {
    pid_t pid = ::getpid();
    std::string called = !name.empty() ? name : !jail.workspace.empty() ? jail.workspace : std::to_string(pid);
    Json command = Json::array();
    for (const std::string& word : jail.command) command.push_back(spec::escape(word));
    Json note = {{"name", called},
                 {"pid", pid},
                 {"started", std::time(nullptr)}, // as text it takes the time zone, and a start is to be quick
                 {"fs", spec::escape(jail.fs)},
                 {"directory", spec::escape(jail.directory)},
                 {"command", std::move(command)}};
    int err = EEXIST;
    constexpr int kMost = 10000;
    for (int number = 1; err == EEXIST && number <= (name.empty() ? kMost : 1); ++number) {
        std::string one = number == 1 ? called : numbered(called, number);
        note["name"] = one;
        auto noted = store::Running::note(directory, one, note.dump());
        if (noted) return std::optional(std::move(noted).take());
        err = noted.error().err;
    }
    if (name.empty()) {
        tell([&] {
            return "ajail ps will not know of this jail: " + spec::escape(directory) + ": " + std::strerror(err);
        });
        return std::nullopt;
    }
    if (err == EEXIST)
        return Wrong{"--name=" + name + ": a jail of that name runs already (ajail ps); choose another"};
    std::string why = err == EPERM ? "belongs to somebody else, or others may use it" : std::strerror(err);
    return Wrong{"--name=" + name + ": cannot be noted down in " + spec::escape(directory) + ": " + why +
                 " (a directory that is yours alone, as XDG_RUNTIME_DIR or AJAIL_HOME)"};
}

int exec(const ExecOptions& options, const ns::Caller&) {
    std::string directory = own_running_directory();
    if (!store::good_name(options.jail)) return fail(unknown("exec", options.jail, directory));
    auto door = store::knock(directory, options.jail);
    if (!door && is_gone(door.error())) return fail(unknown("exec", options.jail, directory));
    if (!door) return fail("exec: " + spec::escape(options.jail) + ": " + std::strerror(door.error().err));
    if (auto held = ns::hold_signals(); !held) return fail(sentence(held.error(), nullptr));
    ns::Outcome outcome = ns::visit(options.command, *door);
    if (!outcome.error) return ns::exit_code(outcome);
    const sys::Error& error = *outcome.error;
    if (error.err == ECONNRESET || error.err == EPIPE)
        return fail("exec: the jail " + spec::escape(options.jail) + " has ended, or takes nobody from here");
    spec::Plan plan; // as far as the sentence needs it
    plan.exec.argv = options.command.empty() ? std::vector<std::string>{"sh"} : options.command;
    plan.exec.cwds = {"working directory"};
    fail(sentence(error, &plan, outcome.about));
    if (error.stage != sys::Stage::exec || error.call != sys::Call::execve) return kFailed;
    return error.err == ENOENT || error.err == ENOTDIR ? kNotFound : kNotExecutable;
}

int kill(const KillOptions& options, const ns::Caller&) {
    std::string directory = own_running_directory();
    int code = 0;
    for (const std::string& jail : options.jails) {
        bool known = store::good_name(jail);
        sys::Status ended = known ? end_jail(directory, jail, options.force) : sys::refused(ENOENT);
        if (ended) continue;
        const sys::Error& error = ended.error();
        code = fail(is_gone(error) ? unknown("kill", jail, directory)
                                   : "kill: " + spec::escape(jail) + ": " + std::strerror(error.err));
    }
    return code;
}

int ps(const PsOptions& options, const ns::Caller&) {
    Json json = Json::array();
    std::vector<Row> rows = {{"NAME", "PID", "STARTED", "FS", "DIRECTORY", "COMMAND"}};
    std::string directory = own_running_directory();
    tell([&] { return "jails are noted down in " + spec::escape(directory); });
    for (const store::Jail& jail : store::running(directory)) {
        auto note = read_note(jail);
        if (!note) continue;
        auto text = [&](const char* field) { return note->at(field).get<std::string>(); };
        auto started = note->at("started").get<std::time_t>();
        rows.push_back({text("name"), note->at("pid").dump(), local_time(started), text("fs"), text("directory"),
                        words_of(note->at("command"))});
        note->at("started") = utc_time(started);
        json.push_back(*std::move(note));
    }
    return show(options.json ? json.dump(2) + "\n" : table(rows));
}

} // namespace ajail::cli
