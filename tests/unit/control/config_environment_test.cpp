#include <doctest/doctest.h>

#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "relay/control/config.hpp"

using namespace std::chrono_literals;

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

control::LoadedConfig load(const Variables& variables, std::string_view text = "") {
  return control::load_config_text("relay.yaml", text, variables,
                                   {.cpus = 1, .descriptors_max = 20'000});
}

}  // namespace

TEST_CASE("a variable goes before the file and the file before the defaults") {
  const auto loaded = load({{"SPANCAST_HTTP_PORT", "81"},
                            {"SPANCAST_WORKERS", "5"},
                            {"SPANCAST_VIEWER_MAX_LAG", "1500ms"},
                            {"SPANCAST_VIEWER_SLOW", "catch_up"},
                            {"SPANCAST_STREAM_TAIL_BYTES", "1MiB"},
                            {"SPANCAST_ADMIN_TOKEN", "secret"},
                            {"SPANCAST_LOG_ACCESS", "true"},
                            {"SPANCAST_HTTP_PROXY_PROTOCOL", "off"}},
                           "http: {port: 82, connections: 9, proxy_protocol: required}\n"
                           "workers: 6\n");
  CHECK(loaded.warnings.empty());
  CHECK(loaded.config.http.port == 81);
  CHECK(loaded.config.http.connections == 9);
  CHECK(loaded.config.workers == 5);
  CHECK(loaded.config.defaults.policy.viewer.max_lag == 1500ms);
  CHECK(loaded.config.defaults.policy.viewer.slow == stream::SlowPolicy::catch_up);
  CHECK(loaded.config.defaults.policy.tail.bytes == 1u << 20);
  CHECK(loaded.config.admin.token == "secret");
  CHECK(loaded.config.log_access);
  CHECK(loaded.config.http.proxy_protocol == control::ProxyProtocol::off);
}

TEST_CASE("a rule for a path goes before a variable") {
  const auto loaded = load({{"SPANCAST_VIEWER_MAX_LAG", "7s"}, {"SPANCAST_VIEWER_UNSENT", "8KiB"}},
                           "paths: {a: {viewer: {max_lag: 2s}}}");
  CHECK(loaded.config.for_path("a").policy.viewer.max_lag == 2s);
  CHECK(loaded.config.for_path("a").policy.viewer.unsent_bytes == 8u << 10);
  CHECK(loaded.config.for_path("b").policy.viewer.max_lag == 7s);
}

TEST_CASE("a wrong variable is an error that names it") {
  CHECK_THROWS_WITH_AS(load({{"SPANCAST_HTTP_PORT", "80x"}}),
                       "SPANCAST_HTTP_PORT: \"80x\" is not a whole number from 0 to 65535",
                       control::ConfigError);
  CHECK_THROWS_WITH_AS(load({{"SPANCAST_LOG_LEVEL", "loud"}}),
                       "SPANCAST_LOG_LEVEL: \"loud\" is not one of trace, debug, info, warning, "
                       "error",
                       control::ConfigError);
  CHECK_THROWS_AS(load({{"SPANCAST_VIEWER_MAX_LAG", "\xff\n"}}), control::ConfigError);
}

TEST_CASE("an empty variable counts as not set") {
  CHECK(load({{"SPANCAST_HTTP_PORT", ""}}).config.http.port == 8080);
}

TEST_CASE("variables that mean nothing are warnings") {
  const auto loaded = load({{"PATH", "/bin"},
                            {"SPANCAST", "x"},
                            {"SPANCAST_HTTP_PROT", "80"},
                            {"SPANCAST_PUBLISHER_ALLOW", "all"},
                            {"SPANCAST_PATHS", "{}"},
                            {"SPANCAST_PATHS_LIVE", "{}"},
                            {"SPANCAST_SOURCE_URI", "rtsp://h/"},
                            {"SPANCAST_EXEC", "[a]"},
                            {"SPANCAST_", ""},
                            {"SPANCAST_\n", ""},
                            {"SPANCAST_http_port", "1"}});
  CHECK(loaded.config.http.port == 8080);
  REQUIRE(loaded.warnings.size() == 9);
  CHECK(loaded.warnings[0] ==
        "SPANCAST_HTTP_PROT is not used: there is no such key (did you mean "
        "\"SPANCAST_HTTP_PORT\"?)");
  CHECK(loaded.warnings[1] ==
        "SPANCAST_PUBLISHER_ALLOW is not used: publisher.allow is a list, and lists come from the "
        "file only");
  CHECK(loaded.warnings[2] ==
        "SPANCAST_PATHS is not used: paths is a map, and maps come from the file only");
  CHECK(loaded.warnings[3] ==
        "SPANCAST_PATHS_LIVE is not used: paths is a map, and maps come from the file only");
  // Not the variable that would be refused.
  CHECK(loaded.warnings[4] == "SPANCAST_SOURCE_URI is not used: there is no such key");
  CHECK(loaded.warnings[5] == "SPANCAST_EXEC is not used: there is no such key");
  CHECK(loaded.warnings[6] == "SPANCAST_ is not used: there is no such key");
  CHECK(loaded.warnings[7] == "SPANCAST_\\u000a is not used: there is no such key");
  CHECK(loaded.warnings[8] == "SPANCAST_http_port is not used: there is no such key");
}

TEST_CASE("what starts a process is refused from the environment") {
  CHECK_THROWS_WITH_AS(load({{"SPANCAST_SOURCE_URL", "rtsp://h/"}}),
                       "SPANCAST_SOURCE_URL: source.url starts a process: it comes from the file "
                       "only",
                       control::ConfigError);
  // Even without a value, whatever the file says, and each of them.
  for (const std::string event :
       {"publish", "unpublish", "first_viewer", "last_viewer", "slow_viewer"}) {
    const std::string key = "hooks.on_" + event;
    std::string variable = "SPANCAST_" + key;
    for (char& c : variable) c = c == '.' ? '_' : static_cast<char>(std::toupper(c));
    const std::string expected =
        variable + ": " + key + " starts a process: it comes from the file only";
    CHECK_THROWS_WITH_AS(load({{variable, ""}}, "hooks: {on_" + event + ": [a]}"), expected.c_str(),
                         control::ConfigError);
  }
  CHECK(load({{"SPANCAST_HOOKS_TIMEOUT", "3s"}}).config.defaults.hooks.timeout == 3s);
}
