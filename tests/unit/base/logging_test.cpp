#include "relay/base/logging.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>

namespace base {
namespace {

// What `action` writes to stderr.
template <class Action>
std::string capture(std::FILE* stream, Action action) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  std::fflush(stream);
  const int kept = dup(fileno(stream));
  REQUIRE(dup2(fileno(file), fileno(stream)) >= 0);
  action();
  std::fflush(stream);
  REQUIRE(dup2(kept, fileno(stream)) >= 0);
  close(kept);
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

}  // namespace

TEST_CASE("an event is a line of keys and values") {
  CHECK(format_event(LogFormat::text, "viewer_ended", {}) == "viewer_ended");
  CHECK(format_event(LogFormat::text, "viewer_ended",
                     {{"stream", "live/cam"}, {"bytes", 12u}, {"seconds", 1.5}, {"skips", -1}}) ==
        "viewer_ended stream=live/cam bytes=12 seconds=1.500 skips=-1");
  CHECK(format_event(LogFormat::json, "viewer_ended",
                     {{"stream", std::string("live/cam")}, {"bytes", 12}, {"seconds", 0.25}}) ==
        R"("event":"viewer_ended","stream":"live/cam","bytes":12,"seconds":0.250)");
}

TEST_CASE("values are quoted where they could be taken for something else") {
  const auto shown = [](std::string_view text) {
    return format_event(LogFormat::text, "e", {{"k", text}}).substr(4);
  };
  CHECK(shown("[::1]:8080") == "[::1]:8080");
  CHECK(shown("") == "\"\"");
  CHECK(shown("a b") == "\"a b\"");
  CHECK(shown("a=b") == "\"a=b\"");
  CHECK(shown("a\"b") == "\"a\\\"b\"");
  CHECK(shown("a\\b") == "\"a\\\\b\"");
  CHECK(shown("\x7f") == "\"\\u007f\"");
  // C1 control characters move a terminal's cursor; no byte beyond ASCII goes out as it is.
  CHECK(shown("\x9b"
              "2J") == "\"\\u009b2J\"");
}

TEST_CASE("what a peer sent cannot begin a second line") {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  for (const auto format : {LogFormat::text, LogFormat::json}) {
    const std::string line = format_event(format, "e", {{"k", every}});
    for (const char c : line) CHECK((c >= ' ' && c < 0x7f));
  }
  CHECK(escape_json("a\"\\\n\t\xe9") == R"(a\"\\\u000a\u0009\u00e9)");
}

TEST_CASE("every number can be shown") {
  CHECK(format_event(LogFormat::text, "e", {{"k", std::numeric_limits<std::int64_t>::min()}}) ==
        "e k=-9223372036854775808");
  CHECK(format_event(LogFormat::text, "e", {{"k", true}}) == "e k=1");
  CHECK(format_event(LogFormat::json, "e", {{"k", std::nan("")}}) == R"("event":"e","k":0.000)");
  CHECK(format_event(LogFormat::json, "e", {{"k", -std::numeric_limits<double>::infinity()}}) ==
        R"("event":"e","k":0.000)");
  const auto largest =
      format_event(LogFormat::text, "e", {{"k", std::numeric_limits<double>::lowest()}});
  CHECK(largest.size() == 4 + 1 + 309 + 4);
  CHECK(largest.starts_with("e k=-17976931348623157"));
  CHECK(largest.ends_with(".000"));
}

TEST_CASE("an event of a sufficient level is one line on stderr") {
  const std::string text = capture(stderr, [] {
    Log log(LogLevel::info, LogFormat::text);
    log.debug("hidden");
    log.info("listening", {{"http", "[::]:8080"}});
    log.warning("{} %v odd", {{"k", "a\nb"}});
    log.error("failed");
  });
  CHECK(text.find("hidden") == std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK(text.find("Z info    listening http=[::]:8080\n") == 23);
  CHECK(text.find("warning {} %v odd k=\"a\\u000ab\"\n") != std::string::npos);
  CHECK(text.find("error   failed\n") != std::string::npos);
}

TEST_CASE("an event in JSON is one object") {
  const std::string text = capture(stderr, [] {
    Log log(LogLevel::trace, LogFormat::json);
    log.debug("started", {{"workers", 2}, {"%v", "%v"}});
  });
  CHECK(text.starts_with("{\"time\":\"20"));
  CHECK(text.ends_with(
      "Z\",\"level\":\"debug\",\"event\":\"started\",\"workers\":2,\"%v\":\"%v\"}\n"));
}

TEST_CASE("the log may go to stdout, and then only there") {
  std::string out;
  const std::string err = capture(stderr, [&] {
    out = capture(stdout, [] {
      Log(LogLevel::info, LogFormat::text, LogOutput::standard_output).info("started");
    });
  });
  CHECK(out.ends_with("Z info    started\n"));
  CHECK(err.empty());
}

}  // namespace base
