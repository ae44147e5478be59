// SPDX-License-Identifier: Apache-2.0
// See jails.h. A note is text that any program of the same user may have written, and a payload that was given its place
// by bwrap's options: it is shown, and never believed.
#include "cli/jails.h"

#include "cli/caller.h"
#include "cli/words.h"
#include "ns/neighbour.h"
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

// Whatever programs of this user have written there: what is shown is escaped, once.
std::string shown(const std::string& text) { return spec::escape(spec::unescaped(text).value_or(text)); }

// A note as we write it.
struct Note {
    pid_t pid = 0;
    std::time_t started = 0;
    Described jail;
};

// None if it is none that could have been written. Nothing of it is copied as it is: it may be as deep as it is long.
std::optional<Note> read_note(const store::Jail& jail) {
    const Json json = Json::parse(jail.text, nullptr, false);
    if (!store::good_name(jail.name) || !json.is_object()) return std::nullopt;
    for (const char* field : {"pid", "started", "fs", "directory", "command"})
        if (!json.contains(field)) return std::nullopt;
    const Json &fs = json["fs"], &directory = json["directory"], &command = json["command"];
    bool whole = json["pid"].is_number_integer() && json["started"].is_number_integer() && fs.is_string() &&
                 directory.is_string() && command.is_array();
    if (!whole) return std::nullopt;
    Note note{.pid = json["pid"].get<pid_t>(), .started = json["started"].get<std::time_t>(), .jail = {}};
    note.jail.fs = shown(fs.get<std::string>());
    note.jail.directory = shown(directory.get<std::string>());
    for (const Json& word : command)
        if (word.is_string()) note.jail.command.push_back(shown(word.get<std::string>()));
    return note;
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

std::string words_of(const std::vector<std::string>& command) {
    std::string text;
    for (const std::string& word : command) text += (text.empty() ? "" : " ") + word;
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

bool is_gone(const sys::Error& error) {
    return error.err == ENOENT || error.err == ECONNREFUSED || error.err == ESRCH;
}

std::string why_not(const sys::Error& error) {
    return error.err == EPERM       ? "what answers there is no ajail of yours, outside of all jails"
           : error.err == ETIMEDOUT ? "has ended, but its ajail has not: it is still busy with what is left of it"
                                    : std::strerror(error.err);
}

// A jail that is told to end. Its monitor is who listens at its door: a note may be anybody's.
struct Ending {
    std::string jail;
    sys::Fd door, monitor;
};

// A monitor that does not answer, being stopped (^Z) for one, is killed; with it goes all of the jail.
sys::Result<Ending> tell_to_end(const std::string& directory, const std::string& jail, bool at_once) {
    constexpr int kAnswer = 1000;
    if (!store::good_name(jail)) return sys::refused(ENOENT);
    Ending one{jail, TRY(store::knock(directory, jail)), {}};
    one.monitor = TRY(ns::neighbour(one.door));
    auto heard = ns::ask_to_end(one.door, at_once, kAnswer);
    bool ends_already = !heard && (heard.error().err == ECONNRESET || heard.error().err == EPIPE);
    if (ends_already || (heard && *heard)) return one;
    if (!heard) return heard.error();
    tell([&] { return spec::escape(jail) + " does not answer, and its monitor is killed"; });
    TRY(sys::pidfd_send_signal(one.monitor.get(), SIGKILL));
    return one;
}

// The jail itself ends soon; by then its monitor may have to see to what is kept of it, or to be removed.
sys::Status wait_for_end(const std::string& directory, const Ending& one, std::int64_t deadline) {
    constexpr int kAfterwards = 60000;
    auto left = static_cast<int>(std::max<std::int64_t>(deadline - sys::now(), 0));
    if (!TRY(ns::wait_for_end(one.door, one.monitor, left))) TRY(sys::pidfd_send_signal(one.monitor.get(), SIGKILL));
    if (!TRY(ns::wait_for_end({}, one.monitor, kAfterwards))) return sys::refused(ETIMEDOUT);
    (void)store::is_running(directory, one.jail); // the note of one that was killed is gone then
    return sys::Done{};
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
    // A store is made for who gives it a name, and not by every jail.
    bool nowhere = name.empty() && ::access(directory.substr(0, directory.rfind('/')).c_str(), F_OK) != 0;
    int err = nowhere ? errno : EEXIST;
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
    auto door = store::good_name(options.jail) ? store::knock(directory, options.jail)
                                               : sys::Result<sys::Fd>(sys::refused(ENOENT));
    // Whoever it is gets our stdio.
    auto monitor = door ? ns::neighbour(*door) : sys::Result<sys::Fd>(door.error());
    if (!monitor && is_gone(monitor.error())) return fail(unknown("exec", options.jail, directory));
    if (!monitor) return fail("exec: " + spec::escape(options.jail) + ": " + why_not(monitor.error()));
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
    constexpr std::int64_t kGrace = 12000; // a monitor's own, and some more
    std::string directory = own_running_directory();
    int code = 0;
    auto failed = [&](const std::string& jail, const sys::Error& error) {
        code = fail(is_gone(error) ? unknown("kill", jail, directory)
                                   : "kill: " + spec::escape(jail) + ": " + why_not(error));
    };
    std::vector<Ending> all;
    for (const std::string& jail : options.jails) {
        auto told = tell_to_end(directory, jail, options.force);
        if (told) all.push_back(std::move(told).take());
        else failed(jail, told.error());
    }
    std::int64_t deadline = sys::now() + kGrace;
    for (const Ending& one : all)
        if (auto ended = wait_for_end(directory, one, deadline); !ended) failed(one.jail, ended.error());
    return code;
}

int ps(const PsOptions& options, const ns::Caller&) {
    Json json = Json::array();
    std::vector<Row> rows = {{"NAME", "PID", "STARTED", "FS", "DIRECTORY", "COMMAND"}};
    std::string directory = own_running_directory();
    tell([&] { return "jails are noted down in " + spec::escape(directory); });
    for (const store::Jail& jail : store::running(directory)) {
        auto read = read_note(jail);
        if (!read) continue;
        const Note& note = *read;
        rows.push_back({jail.name, std::to_string(note.pid), local_time(note.started), note.jail.fs,
                        note.jail.directory, words_of(note.jail.command)});
        json.push_back({{"name", jail.name},
                        {"pid", note.pid},
                        {"started", utc_time(note.started)},
                        {"fs", note.jail.fs},
                        {"directory", note.jail.directory},
                        {"command", note.jail.command}});
    }
    return show(options.json ? json.dump(2) + "\n" : table(rows));
}

} // namespace ajail::cli
