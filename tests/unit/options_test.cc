// SPDX-License-Identifier: Apache-2.0
// The command line: the rules of the Python ajail, and what is refused.
#include "catch.h"
#include "cli/options.h"

#include <initializer_list>
#include <linux/capability.h>

using namespace ajail::cli;
using Words = std::vector<std::string>;

namespace {

RunOptions ok(const Words& args, const char* from_env = nullptr) {
    auto parsed = parse_run(args, from_env);
    if (auto* wrong = std::get_if<Wrong>(&parsed)) FAIL("refused: " << wrong->message);
    REQUIRE(std::holds_alternative<RunOptions>(parsed));
    return std::get<RunOptions>(parsed);
}

std::string refusal(const Words& args, const char* from_env = nullptr) {
    auto parsed = parse_run(args, from_env);
    auto* wrong = std::get_if<Wrong>(&parsed);
    REQUIRE(wrong != nullptr);
    CHECK(wrong->message.find('\n') == std::string::npos);
    return wrong->message;
}

bool has(const std::string& text, const char* word) {
    INFO(text);
    return text.find(word) != std::string::npos;
}

bool is(const Grant& grant, Kind kind, const char* source, const char* target = nullptr) {
    return grant.kind == kind && grant.source == source && grant.target == (target == nullptr ? source : target);
}

} // namespace

TEST_CASE("nothing given") {
    RunOptions o = ok({});
    CHECK_FALSE(o.fs);
    CHECK(o.cwd == Kind::rw);
    CHECK(o.network);
    CHECK(o.root_emulation);
    CHECK_FALSE(o.quiet);
    CHECK(o.dry_run == RunOptions::DryRun::no);
    CHECK(o.hostname == "localhost");
    CHECK(o.command.empty());
}

TEST_CASE("the first word that is no option starts the command, and all after it is the command's") {
    RunOptions o = ok({"--quiet", "echo", "--no-net", "-x", "--", "--fs=y"});
    CHECK(o.quiet);
    CHECK(o.network);
    CHECK_FALSE(o.fs);
    CHECK(o.command == Words{"echo", "--no-net", "-x", "--", "--fs=y"});
    CHECK(ok({"echo", "--help"}).command == Words{"echo", "--help"});
    CHECK(ok({""}).command == Words{""});
}

TEST_CASE("-- and - end the options") {
    CHECK(ok({"--quiet", "--", "--no-net"}).command == Words{"--no-net"});
    CHECK(ok({"--quiet", "-", "--no-net"}).command == Words{"--no-net"});
    CHECK(ok({"--", "--"}).command == Words{"--"});
    CHECK(ok({"--"}).command.empty());
    CHECK(ok({"--", "--help"}).command == Words{"--help"});
}

TEST_CASE("a single dash is as good as two") {
    RunOptions o = ok({"-fs=x", "-no-net", "-quiet", "-ro", "-ro=a", "-dry-run", "true"});
    CHECK(o.fs == "x");
    CHECK_FALSE(o.network);
    CHECK(o.quiet);
    CHECK(o.cwd == Kind::ro);
    REQUIRE(o.grants.size() == 1);
    CHECK(is(o.grants[0], Kind::ro, "a"));
    CHECK(o.dry_run == RunOptions::DryRun::text);
    CHECK(o.command == Words{"true"});
}

TEST_CASE("a bare kind is the current directory's, with = it is a grant; order is kept") {
    RunOptions o = ok({"--ro", "--rw=out", "--rol=/etc/x", "--hide=a", "--rol", "--dev=/dev/fuse", "--ro=b"});
    CHECK(o.cwd == Kind::rol); // the last one
    REQUIRE(o.grants.size() == 5);
    CHECK(is(o.grants[0], Kind::rw, "out"));
    CHECK(is(o.grants[1], Kind::rol, "/etc/x"));
    CHECK(is(o.grants[2], Kind::hide, "a"));
    CHECK(is(o.grants[3], Kind::dev, "/dev/fuse"));
    CHECK(is(o.grants[4], Kind::ro, "b"));
    CHECK(ok({"--hide"}).cwd == Kind::hide);
    CHECK(ok({"--dev"}).cwd == Kind::dev);
    CHECK(ok({"--ro", "--rw"}).cwd == Kind::rw);
    // A bare kind takes no word after it: that is the command.
    CHECK(ok({"--ro", "src"}).command == Words{"src"});
    CHECK(ok({"--fs-edit", "src"}).command == Words{"src"});
}

TEST_CASE("order is kept between --mount and the others") {
    RunOptions o = ok({"--ro=a", "--mount=b,/c", "--ro=d", "--mount=e,/f,rw"});
    REQUIRE(o.grants.size() == 4);
    CHECK(is(o.grants[0], Kind::ro, "a"));
    CHECK(is(o.grants[1], Kind::ro, "b", "/c"));
    CHECK(is(o.grants[2], Kind::ro, "d"));
    CHECK(is(o.grants[3], Kind::rw, "e", "/f"));
}

TEST_CASE("--mount") {
    using Type = std::pair<const char*, Kind>;
    for (auto [word, kind] : {Type{"ro", Kind::ro}, Type{"rol", Kind::rol}, Type{"rw", Kind::rw},
                              Type{"hide", Kind::hide}, Type{"dev", Kind::dev}}) {
        RunOptions o = ok({"--mount=/s,/d," + std::string(word)});
        REQUIRE(o.grants.size() == 1);
        CHECK(is(o.grants[0], kind, "/s", "/d"));
    }
    RunOptions escaped = ok({"--mount=/s\\,1\\\\,/d\\x,rw"});
    REQUIRE(escaped.grants.size() == 1);
    CHECK(is(escaped.grants[0], Kind::rw, "/s,1\\", "/d\\x"));
    CHECK(is(ok({"--mount=/a=b,/c"}).grants.at(0), Kind::ro, "/a=b", "/c"));
    for (const char* bad : {"--mount=/s", "--mount=/s,/d,xx", "--mount=/s,/d,ro,x", "--mount=,/d", "--mount=/s,",
                            "--mount=/s,,rw", "--mount=/s,/d,", "--mount=", "--mount"})
        CHECK(has(refusal({bad}), "--mount"));
}

TEST_CASE("a value may contain anything") {
    CHECK(ok({"--fs=a=b"}).fs == "a=b");
    CHECK(ok({"--ro=--x"}).grants.at(0).source == "--x");
    CHECK(ok({"--ro=[a,b]"}).grants.at(0).source == "[a,b]"); // no vector syntax of the parser's
    CHECK(ok({"--ro=\"q\""}).grants.at(0).source == "\"q\"");
    CHECK(ok({"--ro={}"}).grants.at(0).source == "{}");
    CHECK(ok({"--ro=a\nb\xff"}).grants.at(0).source == "a\nb\xff");
    CHECK(ok({"--ro= "}).grants.at(0).source == " ");
    CHECK(ok({"--ro=%%"}).grants.at(0).source == "%%");
    CHECK(ok({"--env=A=b=c\n"}).env.at(0).second == "b=c\n");
}

TEST_CASE("options that always take a value accept it as the next word") {
    RunOptions o = ok({"--fs", "x", "--env", "A=1", "--hostname", "-h-", "--mount", "a,/b", "true"});
    CHECK(o.fs == "x");
    CHECK(o.env.at(0).first == "A");
    CHECK(o.hostname == "-h-");
    CHECK(is(o.grants.at(0), Kind::ro, "a", "/b"));
    CHECK(o.command == Words{"true"});
    CHECK(has(refusal({"--fs"}), "--fs needs a value"));
}

TEST_CASE("an empty value and a value too many") {
    for (const char* option :
         {"--fs=", "--ro=", "--rw=", "--hide=", "--env=", "--hostname=", "--cap-add=", "--fs-edit="})
        CHECK(has(refusal({option}), "value"));
    for (const char* option : {"--no-net=1", "--quiet=yes", "--verbose=1"})
        CHECK(has(refusal({option}), "takes no value"));
}

TEST_CASE("unknown options are refused, also with control characters in them") {
    CHECK(has(refusal({"--bogus"}), "unknown option --bogus"));
    CHECK(has(refusal({"-bogus=x"}), "unknown option -bogus=x"));
    CHECK(has(refusal({"--qui"}), "unknown option")); // no abbreviations
    CHECK(has(refusal({"--QUIET"}), "unknown option"));
    CHECK(has(refusal({"---quiet"}), "unknown option"));
    CHECK(has(refusal({"--a\x1b[2J\n"}), "--a\\x1b[2J\\x0a"));
    CHECK(has(refusal({"--=x"}), "unknown option"));
}

TEST_CASE("--fs-edit and --home-edit") {
    RunOptions o = ok({"--fs-edit", "--fs-edit=etc", "--fs-edit=/usr/local", "--home-edit", "--home-edit=.ssh"});
    CHECK(o.edits == Words{"/", "/etc", "//usr/local", "/root", "/root/.ssh"});
}

TEST_CASE("--env") {
    RunOptions o = ok({"--env=A=1", "--env=B", "--env=C=", "--env=A=2"});
    REQUIRE(o.env.size() == 4);
    CHECK(o.env[0] == std::pair<std::string, std::optional<std::string>>{"A", "1"});
    CHECK(o.env[1] == std::pair<std::string, std::optional<std::string>>{"B", std::nullopt});
    CHECK(o.env[2] == std::pair<std::string, std::optional<std::string>>{"C", ""});
    CHECK(has(refusal({"--env==x"}), "--env"));
}

TEST_CASE("system calls") {
    using ajail::spec::Seccomp;
    CHECK(ok({}).seccomp == Seccomp::standard);
    CHECK(ok({"--seccomp=strict"}).seccomp == Seccomp::strict);
    CHECK(ok({"--seccomp", "off"}).seccomp == Seccomp::off);
    CHECK(ok({"--no-seccomp"}).seccomp == Seccomp::off);
    CHECK(ok({"--no-seccomp", "--seccomp=default"}).seccomp == Seccomp::standard); // the last one counts
    CHECK(has(refusal({"--seccomp=Strict"}), "default, strict, off, or a file"));
    CHECK(ok({"--allow=perf,raw-socket", "--allow=acct"}).allow == Words{"perf", "raw-socket", "acct"});
    CHECK(ok({"--nested"}).allow == Words{"userns"});
    CHECK(ok({"--deny=mkdirat"}).deny == Words{"mkdirat"});
    for (const char* file : {"p.json", "./profile", "/etc/p"}) {
        CHECK(ok({"--seccomp", file}).seccomp == Seccomp::profile);
        CHECK(ok({"--seccomp", file}).seccomp_profile == file);
    }
    CHECK(ok({"--seccomp=p.json", "--seccomp=strict"}).seccomp_profile.empty());
    CHECK(ok({"--allow=mseal"}).allow == Words{"mseal"}); // newer than libseccomp
    for (const char* name : {"prf", "", "PERF", "raw_socket", "perf+acct", "default", "terminal", "\x1b"}) {
        CHECK(
            has(refusal({"--allow=perf," + std::string(name)}), "is neither a system call nor one of ptrace, perf,"));
        CHECK(has(refusal({"--deny=" + std::string(name) + ",perf"}), "is neither a system call nor one of"));
    }
    CHECK(has(refusal({"--deny=\x1b"}), "\\x1b"));
}

TEST_CASE("--cap-add") {
    CHECK(ok({"--cap-add=CAP_NET_ADMIN"}).caps == std::vector<int>{CAP_NET_ADMIN});
    CHECK(ok({"--cap-add=cap_net_admin", "--cap-add=SYS_PTRACE", "--cap-add=sys_time"}).caps ==
          std::vector<int>{CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_SYS_TIME});
    CHECK(ok({"--cap-add=ALL"}).caps.size() > 30);
    CHECK(has(refusal({"--cap-add=CAP_NO_SUCH"}), "capability"));
    CHECK(has(refusal({"--cap-add=\x1b"}), "\\x1b"));
    CHECK(has(refusal({"--cap-add=99"}), "capability"));
}

TEST_CASE("--dry-run") {
    CHECK(ok({"--dry-run"}).dry_run == RunOptions::DryRun::text);
    CHECK(ok({"--dry-run=json"}).dry_run == RunOptions::DryRun::json);
    CHECK(has(refusal({"--dry-run=xml"}), "--dry-run=json"));
}

TEST_CASE("for those who come from bubblewrap") {
    CHECK(ok({"--bwrap-bin=/usr/bin/bwrap", "true"}).command == Words{"true"});
    CHECK(has(refusal({"--bw=--unsetenv"}), "--env"));
}

TEST_CASE("AJAIL_ARGS") {
    RunOptions o = ok({"--no-net", "id"}, "--quiet;--ro=a b");
    CHECK(o.quiet);
    CHECK_FALSE(o.network);
    CHECK(is(o.grants.at(0), Kind::ro, "a b"));
    CHECK(o.command == Words{"id"});
    // What is given later wins, and the command line comes later.
    CHECK(ok({"--fs=b"}, "--fs=a").fs == "b");
    // Empty elements are nothing, and not a command ''.
    CHECK(ok({"id"}, ";;--quiet;;").command == Words{"id"});
    CHECK(ok({"id"}, "").command == Words{"id"});
    CHECK(ok({"id"}, ";").command == Words{"id"});
    // A command in it ends the options; the command line's words are its arguments.
    CHECK(ok({"--quiet", "x"}, "--no-net;echo;a b").command == Words{"echo", "a b", "--quiet", "x"});
    CHECK(ok({"--quiet"}, "--").command == Words{"--quiet"});
    // What is wrong in it is told with its name, and what is wrong elsewhere is not.
    CHECK(refusal({}, "--bogus") == "AJAIL_ARGS in the environment: unknown option --bogus");
    CHECK(refusal({"true"}, "--quiet;--pids=0").starts_with("AJAIL_ARGS in the environment: --pids=0: "));
    CHECK(refusal({"--bogus"}, "--quiet") == "unknown option --bogus");
    CHECK(refusal({"--bogus"}, "--pids=0") == "unknown option --bogus");
    CHECK(ok({"deb"}, "--fs").fs == "deb");
}

TEST_CASE("what is wrong with a value is told") {
    CHECK(has(refusal({"--memory=1"}), "--memory=1: has no unit; should be a size as 500m"));
    CHECK(has(refusal({"--memory=2gb"}), "--memory=2gb: there is no unit gb; should be"));
    CHECK(has(refusal({"--memory=200%"}), "--memory=200%: there is no more than 100%; should be"));
    CHECK(has(refusal({"--memory=0m"}), "--memory=0m: is too small; should be"));
    CHECK(has(refusal({"--disk=999999999999g"}), "--disk=999999999999g: is too large; should be"));
    CHECK(has(refusal({"--disk=x"}), "--disk=x: should be a size"));
    CHECK(has(refusal({"--pids=0"}), "--pids=0: is too small; should be a number from 1, or none"));
    CHECK(has(refusal({"--timeout=1y"}), "--timeout=1y: there is no unit y; should be a time"));
    CHECK(has(refusal({"--cpu=0"}), "--cpu=0: is too small; should be"));
    CHECK(has(refusal({"--scratch=tmpfs:x\x1b"}), "--scratch=tmpfs:x\\x1b: should be tmpfs:SIZE"));
    CHECK(has(refusal({"--hostname=" + std::string(65, 'x')}), "--hostname has 65 bytes; at most 64"));
    CHECK(ok({"--hostname=" + std::string(64, 'x')}).hostname.size() == 64);
    CHECK(has(refusal({"--report=-"}), "--report=-: say --report=1 for stdout"));
    CHECK(has(refusal({"--report", "-"}), "say --report=1"));
    CHECK(has(refusal({"--report=/dev/stdout"}), "say --report=1"));
    CHECK(has(refusal({"--report=/dev/stderr"}), "say --report=2"));
}

TEST_CASE("help and version are shown wherever an option may stand") {
    for (const Words& args : {Words{"--help"}, Words{"-h"}, Words{"-help"}, Words{"--quiet", "--help", "x"}}) {
        auto parsed = parse_run(args, nullptr);
        REQUIRE(std::holds_alternative<Shown>(parsed));
        CHECK(has(std::get<Shown>(parsed).text, "--fs"));
    }
    auto parsed = parse_run({"--version"}, nullptr);
    REQUIRE(std::holds_alternative<Shown>(parsed));
    CHECK(std::get<Shown>(parsed).text.starts_with("ajail "));
    CHECK(has(overview(), "mkfs"));
}

TEST_CASE("mkfs") {
    auto parse = [](const Words& args) { return parse_mkfs(args); };
    auto parsed = parse({"debian"});
    REQUIRE(std::holds_alternative<MkfsOptions>(parsed));
    CHECK(std::get<MkfsOptions>(parsed).distribution == "debian");
    CHECK(std::get<MkfsOptions>(parsed).name == "debian");
    for (const Words& args : {Words{"debian", "deb", "-p", "a,b", "-s", "sid", "-m", "http://x"},
                              Words{"-p", "a,b", "debian", "-s=sid", "deb", "--mirror=http://x"},
                              Words{"--packages=a,b", "--suite", "sid", "-m", "http://x", "debian", "deb"}}) {
        parsed = parse(args);
        REQUIRE(std::holds_alternative<MkfsOptions>(parsed));
        const auto& o = std::get<MkfsOptions>(parsed);
        CHECK(o.distribution == "debian");
        CHECK(o.name == "deb");
        CHECK(o.packages == "a,b");
        CHECK(o.suite == "sid");
        CHECK(o.mirror == "http://x");
        CHECK(o.cache);
    }
    parsed = parse({"debian", "--no-cache"});
    REQUIRE(std::holds_alternative<MkfsOptions>(parsed));
    CHECK_FALSE(std::get<MkfsOptions>(parsed).cache);
    for (const Words& args : {Words{}, Words{"debian", "a", "b"}, Words{"debian", "--bogus"}, Words{"debian", "-p"}})
        CHECK(std::holds_alternative<Wrong>(parse(args)));
    CHECK(std::holds_alternative<Shown>(parse({"--help"})));
}

TEST_CASE("hooks are allowed, also by what that was called") {
    CHECK_FALSE(ok({}).hooks);
    CHECK(ok({"--allow-hooks"}).hooks);
    RunOptions o = ok({"--allow=syslog,git-config"});
    CHECK(o.hooks);
    CHECK(o.allow == Words{"syslog"});
    CHECK(has(refusal({"--deny=git-config"}), "neither a system call"));
}

TEST_CASE("--protect: the list, none of it, and more") {
    CHECK(ok({}).protect.list);
    CHECK(ok({}).protect.more.empty());
    RunOptions o = ok({"--protect=Makefile,.tool/*.json", "--protect=a\\,b"});
    CHECK(o.protect.list);
    CHECK(o.protect.more == Words{"Makefile", ".tool/*.json", "a,b"});
    o = ok({"--protect=a", "--protect=none", "--protect=b"});
    CHECK_FALSE(o.protect.list);
    CHECK(o.protect.more == Words{"b"});
    CHECK(ok({"--protect=none", "--protect=default"}).protect.list);
    for (const char* bad : {"/etc", "../x", "a/../b", "./a", "a//b", "a/", "a,", "", "a*b*c*d*e*f"})
        CHECK(has(refusal({std::string("--protect=") + bad}), "--protect"));
}

TEST_CASE("--sys") {
    CHECK_FALSE(ok({}).sys);
    CHECK(ok({"--sys"}).sys);
    CHECK(has(refusal({"--sys=x"}), "no value"));
}

TEST_CASE("verify takes the options of run, and no command") {
    auto parse = [](const Words& args, const char* env = nullptr) { return parse_verify(args, env); };
    auto parsed = parse({"--json", "--no-net", "--rw=x"}, "--fs=deb");
    REQUIRE(std::holds_alternative<VerifyOptions>(parsed));
    const auto& options = std::get<VerifyOptions>(parsed);
    CHECK(options.json);
    CHECK_FALSE(options.run.network);
    CHECK(options.run.fs == "deb");
    CHECK(options.run.grants.size() == 1);
    for (const Words& args : {Words{"true"}, Words{"--dry-run"}, Words{"--nosuch"}, Words{"--fs=deb", "--", "true"}})
        CHECK(std::holds_alternative<Wrong>(parse(args)));
    CHECK(std::holds_alternative<Wrong>(parse_run({"--json"}, nullptr)));
    auto help = parse({"--help"});
    REQUIRE(std::holds_alternative<Shown>(help));
    CHECK(has(std::get<Shown>(help).text, "--json"));
    CHECK(has(std::get<Shown>(help).text, "1 if something is not contained"));
    CHECK_FALSE(has(std::get<Shown>(help).text, "--no-net"));
    CHECK_FALSE(options.verbose);
    CHECK(std::get<VerifyOptions>(parse({"--verbose"})).verbose);
    CHECK(has(overview(), "verify"));
}
