#include "client/player/options.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

namespace client {
namespace {

constexpr base::Utc now{std::chrono::seconds(1'800'000'000)};

std::variant<Options, Printed> parse(std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv = {"spancast-player"};
  argv.insert(argv.end(), arguments);
  return parse_options(static_cast<int>(argv.size()), argv.data(), now);
}

Options good(std::initializer_list<const char*> arguments) {
  auto parsed = parse(arguments);
  if (const auto* printed = std::get_if<Printed>(&parsed)) CAPTURE(printed->text);
  REQUIRE(std::holds_alternative<Options>(parsed));
  return std::get<Options>(std::move(parsed));
}

void bad(std::initializer_list<const char*> arguments, const std::string& part) {
  const auto parsed = parse(arguments);
  REQUIRE(std::holds_alternative<Printed>(parsed));
  const Printed& printed = std::get<Printed>(parsed);
  CAPTURE(printed.text);
  CHECK(printed.exit_code == 2);
  CHECK(printed.text.starts_with("spancast-player: "));
  CHECK(printed.text.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("a URL is enough and the rest has defaults") {
  const Options options = good({"--headless", "spancast://relay/live/cam"});
  CHECK(options.url.host == "relay");
  CHECK(!options.stats_json);
  CHECK(!options.frames);
  CHECK(!options.length);
  CHECK(!options.retries);
  CHECK(options.save.empty());
  CHECK(options.start == wire::Start(wire::Live{}));
  CHECK(options.slow == wire::Slow::catch_up);
}

TEST_CASE("every option is read") {
  const Options options =
      good({"--headless", "--stats", "json", "--frames", "300", "--seconds", "1.5", "--save",
            "film.mp4", "--at", "-30s", "--slow", "skip", "--retry", "0", "spancast://relay/cam"});
  CHECK(options.stats_json);
  CHECK(options.frames == 300U);
  CHECK(options.length == std::chrono::milliseconds(1500));
  CHECK(options.save == "film.mp4");
  CHECK(options.start == wire::Start(now - std::chrono::seconds(30)));
  CHECK(options.slow == wire::Slow::skip);
  CHECK(options.retries == 0U);
  CHECK(good({"--headless", "--at=2027-01-15T08:00:00Z", "spancast://relay/cam"}).start ==
        wire::Start(now));
}

TEST_CASE("a stream over HTTP needs the extension of a container") {
  CHECK(good({"--headless", "http://relay/cam.ts"}).url.port == 80);
  CHECK(good({"--headless", "http://relay/cam.mp4?wait=3"}).url.extension() == "mp4");
  bad({"--headless", "http://relay/cam"}, ".ts or .mp4");
  bad({"--headless", "http://relay/cam.flv"}, ".ts or .mp4");
}

TEST_CASE("a window is the default and a wall has up to sixteen streams") {
  const Options options = good({"spancast://relay/cam", "--latency", "1s"});
  CHECK(!options.is_headless);
  CHECK(options.latency == std::chrono::seconds(1));
  CHECK(options.wall.size() == 1);
  CHECK(good({"spancast://relay/cam"}).latency == std::chrono::milliseconds(200));
  const Options wall = good({"--wall", "spancast://relay/cam", "http://relay/door.ts"});
  REQUIRE(wall.wall.size() == 2);
  CHECK(wall.wall[1].url.extension() == "ts");
  CHECK(wall.wall[1].text == "http://relay/door.ts");
  std::vector<const char*> argv(18, "spancast://relay/cam");
  argv.front() = "--wall";
  argv.insert(argv.begin(), "spancast-player");
  const auto parsed = parse_options(static_cast<int>(argv.size()), argv.data(), now);
  REQUIRE(std::holds_alternative<Printed>(parsed));
  CHECK(std::get<Printed>(parsed).text.find("at most 16") != std::string::npos);
}

TEST_CASE("what makes no sense is said with what to do") {
  bad({"spancast://relay/cam", "spancast://relay/door"}, "add --wall");
  bad({"--headless"}, "url is required");
  bad({"--wall", "--headless", "spancast://relay/cam"}, "does not go with --headless");
  bad({"--wall", "--save", "film.mp4", "spancast://relay/cam"}, "do not go with --wall");
  bad({"--latency", "11s", "spancast://relay/cam"}, "at most 10 s");
  bad({"--latency", "soon", "spancast://relay/cam"}, "--latency soon: ");
  bad({"--headless", "relay/cam"}, "spancast://");
  bad({"--headless", "--frames", "0", "spancast://relay/cam"}, "--frames");
  bad({"--headless", "--frames", "x", "spancast://relay/cam"}, "--frames");
  bad({"--headless", "--seconds", "soon", "spancast://relay/cam"}, "--seconds soon: ");
  bad({"--headless", "--at", "yesterday", "spancast://relay/cam"}, "--at yesterday: ");
  bad({"--headless", "--at", "-30s", "http://relay/cam.ts"}, "HTTP begins live");
  bad({"--headless", "--stats", "xml", "spancast://relay/cam"}, "--stats");
  bad({"--headless", "--slow", "never", "spancast://relay/cam"}, "--slow");
  bad({"--headless", "--retry", "-1", "spancast://relay/cam"}, "--retry");
  bad({"--headless", "--nonsense", "spancast://relay/cam"}, "--nonsense");
}

TEST_CASE("help tells the exit codes and the version is told") {
  const auto help = parse({"--help"});
  REQUIRE(std::holds_alternative<Printed>(help));
  CHECK(std::get<Printed>(help).exit_code == 0);
  CHECK(std::get<Printed>(help).text.find("Exit codes:") != std::string::npos);
  const auto version = parse({"--version"});
  REQUIRE(std::holds_alternative<Printed>(version));
  CHECK(std::get<Printed>(version).exit_code == 0);
  CHECK(std::get<Printed>(version).text.starts_with("spancast-player "));
}

}  // namespace client
