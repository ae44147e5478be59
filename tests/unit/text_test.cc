// SPDX-License-Identifier: Apache-2.0
// Text and JSON of a Plan: nothing that a terminal acts on, nothing lost.
#include "catch.h"
#include "spec/plan.h"

#include <nlohmann/json.hpp>
#include <random>

using namespace ajail::spec;
using nlohmann::json;

namespace {

// The inverse of escape(). Not called unescape: nlohmann-json 3.11.3 has one, which its own types would find.
std::string unescaped_text(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
        } else if (text.at(i + 1) == '\\') {
            out += text[++i];
        } else {
            REQUIRE(text.at(i + 1) == 'x');
            out += static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16));
            i += 3;
        }
    }
    return out;
}

bool quiet_on_terminal(const std::string& text) {
    for (char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    return true;
}

} // namespace

TEST_CASE("escape leaves ordinary text alone") {
    for (const char* text :
         {"", "plain", "/a b/c,d:e;f", "\"quotes' $(x)", "gr\xc3\xbc\xc3\x9f", "\xe6\xbc\xa2", "\xf0\x9f\x98\x80"})
        CHECK(escape(text) == text);
}

TEST_CASE("escape takes out what a terminal acts on") {
    CHECK(escape("\x1b[31m") == "\\x1b[31m");
    CHECK(escape("a\nb\r\tc") == "a\\x0ab\\x0d\\x09c");
    CHECK(escape(std::string_view("\0", 1)) == "\\x00");
    CHECK(escape("\x7f") == "\\x7f");
    CHECK(escape("\xc2\x9b") == "\\xc2\\x9b");          // CSI as one C1 character
    CHECK(escape("\xe2\x80\xae") == "\\xe2\\x80\\xae"); // right-to-left override
    CHECK(escape("\xe2\x81\xa6") == "\\xe2\\x81\\xa6"); // isolate
    CHECK(escape("\xe2\x80\xa8") == "\\xe2\\x80\\xa8"); // line separator
    CHECK(escape("\xef\xbb\xbf") == "\\xef\\xbb\\xbf"); // byte order mark
    CHECK(escape("\xe2\x80\x8b") == "\\xe2\\x80\\x8b"); // zero width space
}

TEST_CASE("escape of broken UTF-8") {
    CHECK(escape("\xff") == "\\xff");
    CHECK(escape("\xc3") == "\\xc3"); // cut off
    CHECK(escape("\xe6\xbc") == "\\xe6\\xbc");
    CHECK(escape("\x80x") == "\\x80x");        // a continuation alone
    CHECK(escape("\xc0\x9b") == "\\xc0\\x9b"); // an overlong escape character
    CHECK(escape("\xe0\x82\x9b") == "\\xe0\\x82\\x9b");
    CHECK(escape("\xf0\x80\x80\x9b") == "\\xf0\\x80\\x80\\x9b");
    CHECK(escape("\xed\xa0\x80") == "\\xed\\xa0\\x80");          // a surrogate
    CHECK(escape("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80"); // beyond Unicode
    CHECK(escape("\xf5\x80\x80\x80") == "\\xf5\\x80\\x80\\x80");
}

TEST_CASE("a real backslash cannot pass for an escape") {
    CHECK(escape("\\x1b") == "\\\\x1b");
    CHECK(escape("a\\b") == "a\\\\b");
}

TEST_CASE("escape loses nothing, for random bytes") {
    std::mt19937 random(20); // the same ones every time
    for (int i = 0; i < 20000; ++i) {
        std::string bytes(random() % 12, '\0');
        for (char& c : bytes) {
            static constexpr unsigned char kInteresting[] = {0x1b, 0x5c, 0x78, 0x80, 0x9b, 0xc2, 0xc3, 0xe2,
                                                             0xed, 0xef, 0xf0, 0xf4, 0xff, 'a',  '\n', 0xa0};
            c = static_cast<char>(random() % 2 != 0 ? kInteresting[random() % 16] : random() % 256);
        }
        std::string escaped = escape(bytes);
        if (unescaped_text(escaped) != bytes || !quiet_on_terminal(escaped)) FAIL("at " << escaped);
        (void)json(escaped).dump(); // throws for what is not UTF-8
    }
    SUCCEED();
}

TEST_CASE("a plan with ugly names: one line an operation, valid JSON, nothing lost") {
    const std::string ugly = "/u \xff\xfe\n\x1b[2J\\,:\"' \xe2\x80\xae";
    Spec spec;
    spec.root.source.path = ugly;
    spec.root.kind = Root::overlay;
    spec.mounts.emplace_back(Bind{{.path = ugly}, ugly});
    spec.mounts.emplace_back(Data{"/etc/x", ugly});
    spec.mounts.emplace_back(Symlink{"/l", ugly});
    spec.hostname = ugly;
    spec.command = {.argv = {ugly, ugly}, .env = {{"A", ugly}}, .cwds = {ugly}};
    auto lowered = lower(spec, {.uid = 1000, .gid = 1000});
    REQUIRE(std::holds_alternative<Plan>(lowered));
    const auto& plan = std::get<Plan>(lowered);

    std::string text = to_text(plan);
    std::size_t lines = 0;
    std::string line;
    for (char c : text) {
        if (c != '\n') {
            line += c;
            continue;
        }
        CHECK(quiet_on_terminal(line));
        if (line.starts_with("mount[")) ++lines;
        line.clear();
    }
    CHECK(lines == plan.ops.size());

    json parsed = json::parse(to_json(plan));
    CHECK(parsed["ops"].size() == plan.ops.size());
    CHECK(unescaped_text(parsed["ops"][0]["lowers"][0]["path"]) == ugly);
    CHECK(unescaped_text(parsed["ops"][1]["source"]["path"]) == ugly);
    CHECK(unescaped_text(parsed["ops"][1]["target"]) == ugly);
    CHECK(unescaped_text(parsed["ops"][2]["content"]) == ugly);
    CHECK(unescaped_text(parsed["ops"][3]["to"]) == ugly);
    CHECK(unescaped_text(parsed["hostname"]) == ugly);
    CHECK(unescaped_text(parsed["exec"]["argv"][1]) == ugly);
    CHECK(unescaped_text(parsed["exec"]["env"][0]) == "A=" + ugly);
    CHECK(unescaped_text(parsed["exec"]["cwds"][0]) == ugly);
}

TEST_CASE("capability names") {
    CHECK(cap_name(0) == "CAP_CHOWN");
    CHECK(cap_name(21) == "CAP_SYS_ADMIN");
    CHECK(cap_name(40) == "CAP_CHECKPOINT_RESTORE");
    CHECK(cap_name(41).empty());
    CHECK(cap_name(-1).empty());
}
