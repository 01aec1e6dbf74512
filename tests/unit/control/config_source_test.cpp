#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "relay/control/config.hpp"

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

namespace {

control::Config load(std::string_view text) {
  return control::load_config_text("relay.yaml", text, {}, {.cpus = 1, .descriptors_max = 20'000})
      .config;
}

std::string error_of(std::string_view text) {
  try {
    load(text);
  } catch (const control::ConfigError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a stream has a source by URL or by program") {
  const auto config = load(R"(
source: {close_after: 3s, container: mp4, stall: 4s}
paths:
  cam/1: {source: "rtsp://10.0.0.7/live"}
  /cam/2: {source: {url: "rtsps://h/", on_demand: true, close_after: 0s, container: auto}}
  cam/3: {exec: [ffmpeg, -i, ""], source: {start_timeout: 1s, kill_after: 2s, stall: 0s}}
  "cam/*": {viewer: {max_lag: 1s}}
)");
  const auto& first = *config.for_path("cam/1").source;
  CHECK(first.url == "rtsp://10.0.0.7/live");
  CHECK(first.exec.empty());
  CHECK_FALSE(first.on_demand);
  CHECK(first.start_timeout == 10s);
  CHECK(first.close_after == 3s);
  CHECK(first.kill_after == 5s);
  CHECK(first.stall == 4s);
  CHECK(first.container == media::Container::fmp4);
  CHECK(first.number == 0);
  const auto& second = *config.for_path("cam/2").source;
  CHECK(second.url == "rtsps://h/");
  CHECK(second.on_demand);
  CHECK(second.close_after == 0s);
  CHECK_FALSE(second.container);
  CHECK(second.number == 1);
  const auto& third = *config.for_path("cam/3").source;
  CHECK(third.url.empty());
  CHECK(third.exec == Words{"ffmpeg", "-i", ""});
  CHECK(third.start_timeout == 1s);
  CHECK(third.kill_after == 2s);
  CHECK(third.stall == 0s);
  CHECK(third.number == 2);
  CHECK_FALSE(config.for_path("cam/4").source);
  CHECK_FALSE(config.defaults.source);
}

TEST_CASE("a source that cannot be one is an error that says why") {
  CHECK(error_of("paths: {'cams/*': {exec: [a]}}") ==
        "paths.\"cams/*\".exec is one process and writes one stream: its pattern is the path of "
        "that stream, without *");
  CHECK(error_of("paths: {'**': {source: 'rtsp://h/'}}").find("without *") != std::string::npos);
  CHECK(error_of("paths: {cam/index: {exec: [a]}}")
            .starts_with("paths.\"cam/index\".exec: no stream can have this path: "));
  CHECK(error_of("paths: {a/b/c/d/e/f/g/h/i: {exec: [a]}}").find("no stream can have") !=
        std::string::npos);
  CHECK(error_of("paths: {a: {exec: [b], source: 'rtsp://h/'}}") ==
        "paths.\"a\".source and paths.\"a\".exec: a stream has one source");
  CHECK(error_of("paths: {'*': {}, a: {exec: [b]}}") ==
        "paths.\"a\" has a source that never starts: a pattern before it matches, too");
  CHECK(error_of("paths: {a: {exec: []}}") ==
        "relay.yaml:1: paths.\"a\".exec must be a list of at least one: [a program and its "
        "arguments]");
  CHECK(error_of("paths: {a: {exec: ['', b]}}").find("must be a list") != std::string::npos);
  CHECK(error_of("paths: {a: {exec: ffmpeg}}").find("must be a list") != std::string::npos);
  CHECK(error_of("paths: {a: {source: 'http://user:hush@h/'}}") ==
        "relay.yaml:1: paths.\"a\".source: the value is not a URL that begins with rtsp:// or "
        "rtsps://");
  CHECK(error_of("source: {url: 'rtsp://h/'}") ==
        "relay.yaml:1: source.url is of one stream: it stands below a path under paths");
  CHECK(error_of("source: 'rtsp://h/'").find("below a path") != std::string::npos);
  CHECK(error_of("exec: [a]").find("unknown key") != std::string::npos);
  CHECK(error_of("source: {on_demand: yes}") ==
        "relay.yaml:1: source.on_demand: \"yes\" is not true or false");
}

TEST_CASE("hooks hold in general and a rule replaces each by itself") {
  const auto config = load(R"(
hooks: {on_publish: [check, a], on_unpublish: [gone], on_last_viewer: [], timeout: 3s, concurrent: 2}
paths:
  a: {hooks: {on_publish: [other], on_slow_viewer: [slow]}}
  b: {hooks: {timeout: 1s}}
)");
  CHECK(config.hooks_concurrent == 2);
  CHECK(config.defaults.hooks.on_publish == Words{"check", "a"});
  CHECK(config.defaults.hooks.on_unpublish == Words{"gone"});
  CHECK(config.defaults.hooks.on_first_viewer.empty());
  CHECK(config.defaults.hooks.on_last_viewer.empty());
  CHECK(config.defaults.hooks.timeout == 3s);
  const auto& a = config.for_path("a").hooks;
  CHECK(a.on_publish == Words{"other"});
  CHECK(a.on_unpublish == Words{"gone"});
  CHECK(a.on_slow_viewer == Words{"slow"});
  CHECK(a.timeout == 3s);
  CHECK(config.for_path("b").hooks.on_publish == Words{"check", "a"});
  CHECK(config.for_path("b").hooks.timeout == 1s);
  CHECK(error_of("paths: {a: {hooks: {concurrent: 3}}}").find("cannot differ by path") !=
        std::string::npos);
}
