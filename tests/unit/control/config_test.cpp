#include "relay/control/config.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

using namespace std::chrono_literals;
using control::Config;
using stream::SlowPolicy;

namespace {

constexpr control::Machine machine{.cpus = 3, .descriptors_max = 20'000};

Config load(std::string_view text) {
  const auto loaded = control::load_config_text("relay.yaml", text, {}, machine);
  CHECK(loaded.warnings.empty());
  return loaded.config;
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

TEST_CASE("without a file the documented defaults hold") {
  const Config config = control::load_config({}, {}, machine).config;
  CHECK(config.http.address == "::");
  CHECK(config.http.port == 8080);
  CHECK(config.http.header_timeout == 10s);
  CHECK(config.http.connections == 20'000 - 256);
  CHECK(config.admin.address == "127.0.0.1");
  CHECK(config.admin.port == 8081);
  CHECK(config.admin.token.empty());
  CHECK(config.http.proxy_protocol == control::ProxyProtocol::off);
  CHECK(config.http.trusted_proxies.is_empty());
  CHECK(config.workers == 3);
  CHECK(config.blocking_threads == 16);
  CHECK(config.arena_bytes == 256u << 20);
  CHECK(config.block_bytes == 64u << 10);
  CHECK(config.streams_max == 1'000);
  CHECK(config.drain.delay == 0s);
  CHECK(config.drain.spread == 2s);
  CHECK(config.drain.deadline == 10s);
  CHECK(config.log_level == base::LogLevel::info);
  CHECK(config.log_format == base::LogFormat::text);
  CHECK(config.log_output == base::LogOutput::standard_error);
  CHECK_FALSE(config.log_access);
  CHECK(config.paths.empty());
  const auto& policy = config.defaults.policy;
  CHECK(policy.tail.length == 15s);
  CHECK(policy.tail.bytes == 64u << 20);
  CHECK(policy.publisher.grace == 15s);
  CHECK(policy.publisher.idle == 5s);
  CHECK(policy.publisher.ahead == 20s);
  CHECK(policy.viewer.slow == SlowPolicy::skip);
  CHECK(policy.viewer.max_lag == 3s);
  CHECK(policy.viewer.stall_timeout == 30s);
  CHECK(policy.viewer.unsent_bytes == 256u << 10);
  CHECK_FALSE(policy.viewer.flush_interval);
  const auto& recording = config.defaults.recording;
  CHECK_FALSE(recording.enabled);
  CHECK(recording.segment == 4s);
  CHECK(recording.fsync == disk::Fsync::interval);
  CHECK(recording.fsync_interval == 1s);
  CHECK(recording.keep.age == 0s);
  CHECK(recording.keep.bytes == 0);
  CHECK(recording.keep.free_bytes == 1u << 30);
  CHECK(config.recording.root.empty());
  CHECK(config.recording.backlog_bytes == 64u << 20);
  CHECK(config.clip_max == 1h);
  CHECK(config.state.path.empty());
  CHECK(config.state.commit_interval == 200ms);
  CHECK(config.state.synchronous == sqlite::Database::Synchronous::normal);
  CHECK(config.session_ttl == 60s);
  CHECK(config.token_lifetime == 720h);
  CHECK(config.cluster.secret.empty());
  CHECK(config.cluster.secret_previous.empty());
  CHECK(config.defaults.publisher_allow.allows("203.0.113.1"));
  CHECK(config.defaults.publisher_allow.allows("2001:db8::1"));
}

TEST_CASE("whoever must speak the PROXY protocol has to be named") {
  CHECK(error_of("http: {proxy_protocol: required}").find("http.trusted_proxies") !=
        std::string::npos);
  CHECK(error_of("http: {proxy_protocol: required, trusted_proxies: [none]}") ==
        error_of("http: {proxy_protocol: required}"));
  CHECK(error_of("http: {proxy_protocol: maybe}").find("one of off, required") !=
        std::string::npos);
  CHECK(error_of("http: {trusted_proxies: [10.0.0.1/8]}").find("trusted_proxies") !=
        std::string::npos);
  CHECK(load("http: {proxy_protocol: required, trusted_proxies: [all]}")
            .http.trusted_proxies.allows("192.0.2.1"));
}

TEST_CASE("workers can be chosen by the machine in both spellings") {
  CHECK(load("workers: auto").workers == 3);
  CHECK(load("workers: 0").workers == 3);
  CHECK(load("workers: 2").workers == 2);
  CHECK(error_of("workers: many").find("\"auto\" or a whole number from 0 to 1024") !=
        std::string::npos);
}

TEST_CASE("an arena over half of the memory limit is too large") {
  const auto is_too_large = [](std::uint64_t limit) {
    control::Machine limited = machine;
    limited.memory_limit = limit;
    return control::load_config_text("test", "memory: {arena: 256MiB}", {}, limited)
        .config.is_arena_too_large();
  };
  CHECK_FALSE(is_too_large(0));
  CHECK_FALSE(is_too_large(std::uint64_t{512} << 20));
  CHECK(is_too_large((std::uint64_t{512} << 20) - 1));
  CHECK(is_too_large(1));
}

TEST_CASE("every key of the file arrives") {
  const Config config = load(R"(
http:
  address: 192.0.2.1
  port: 0
  header_timeout: 2
  connections: 500
  proxy_protocol: required
  trusted_proxies: [10.1.0.0/16, "2001:db8::5"]
admin: {address: "::1", port: 9000, token: 'a"b\c'}
workers: 7
threads: {blocking: 32}
memory: {arena: 1GiB, block: 1MiB}
stream: {tail: 1m, tail_bytes: 100MB, max: 3}
publisher: {grace: 0s, idle: 0.5s, ahead: 1500ms, allow: [10.0.0.0/8, "::1"]}
viewer: {slow: disconnect, max_lag: 1s, stall_timeout: 2s, unsent: 64KiB, flush_interval: 100ms}
recording:
  enabled: true
  root: /srv/recordings
  segment: 10s
  fsync: segment
  fsync_interval: 250ms
  keep: {age: 168h, bytes: 20GiB, free_bytes: 100MB}
  backlog: 32MiB
clip: {max: 10m}
state: {path: /var/lib/spancast, commit_interval: 1s, synchronous: full}
session: {ttl: 5m, token_lifetime: 12h}
cluster: {secret: sixteen-letters!, secret_previous: the-one-before-it}
drain: {delay: 100ms, spread: 50ms, deadline: 250ms}
log: {level: warning, format: json, access: true, output: stdout}
)");
  CHECK(config.http.proxy_protocol == control::ProxyProtocol::required);
  CHECK(config.http.trusted_proxies.allows("10.1.2.3"));
  CHECK(config.http.trusted_proxies.allows("2001:db8::5"));
  CHECK_FALSE(config.http.trusted_proxies.allows("127.0.0.1"));
  CHECK(config.log_access);
  CHECK(config.http.address == "192.0.2.1");
  CHECK(config.http.port == 0);
  CHECK(config.http.header_timeout == 2s);
  CHECK(config.http.connections == 500);
  CHECK(config.admin.address == "::1");
  CHECK(config.admin.port == 9000);
  CHECK(config.admin.token == "a\"b\\c");
  CHECK(config.workers == 7);
  CHECK(config.blocking_threads == 32);
  CHECK(config.arena_bytes == 1u << 30);
  CHECK(config.block_bytes == 1u << 20);
  CHECK(config.streams_max == 3);
  CHECK(config.drain.delay == 100ms);
  CHECK(config.drain.spread == 50ms);
  CHECK(config.drain.deadline == 250ms);
  CHECK(config.log_level == base::LogLevel::warning);
  CHECK(config.log_format == base::LogFormat::json);
  CHECK(config.log_output == base::LogOutput::standard_output);
  const auto& policy = config.defaults.policy;
  CHECK(policy.tail.length == 1min);
  CHECK(policy.tail.bytes == 100'000'000);
  CHECK(policy.publisher.grace == 0s);
  CHECK(policy.publisher.idle == 500ms);
  CHECK(policy.publisher.ahead == 1500ms);
  CHECK(policy.viewer.slow == SlowPolicy::disconnect);
  CHECK(policy.viewer.max_lag == 1s);
  CHECK(policy.viewer.stall_timeout == 2s);
  CHECK(policy.viewer.unsent_bytes == 64u << 10);
  CHECK(policy.viewer.flush_interval == 100ms);
  const auto& recording = config.defaults.recording;
  CHECK(recording.enabled);
  CHECK(recording.segment == 10s);
  CHECK(recording.fsync == disk::Fsync::segment);
  CHECK(recording.fsync_interval == 250ms);
  CHECK(recording.keep.age == 168h);
  CHECK(recording.keep.bytes == std::uint64_t{20} << 30);
  CHECK(recording.keep.free_bytes == 100'000'000);
  CHECK(config.recording.root == "/srv/recordings");
  CHECK(config.recording.backlog_bytes == 32u << 20);
  CHECK(config.clip_max == 10min);
  CHECK(config.state.path == "/var/lib/spancast");
  CHECK(config.state.commit_interval == 1s);
  CHECK(config.state.synchronous == sqlite::Database::Synchronous::full);
  CHECK(config.session_ttl == 5min);
  CHECK(config.token_lifetime == 12h);
  CHECK(config.cluster.secret == "sixteen-letters!");
  CHECK(config.cluster.secret_previous == "the-one-before-it");
  CHECK(config.defaults.publisher_allow.allows("10.1.2.3"));
  CHECK(config.defaults.publisher_allow.allows("::1"));
  CHECK_FALSE(config.defaults.publisher_allow.allows("192.0.2.1"));
}

TEST_CASE("the first rule that matches a path is laid over the defaults") {
  const Config config = load(R"(
viewer: {max_lag: 5s, flush_interval: 100ms}
publisher: {allow: [10.0.0.0/8], grace: 1s}
paths:
  "live/studio":
  "live/*":
    viewer: {slow: catch_up, flush_interval: auto}
    publisher: {allow: [192.0.2.0/24]}
    stream: {tail: 60s, tail_bytes: 8MiB}
  "**":
    viewer: {slow: disconnect}
    stream: {tail_bytes: 0}
)");
  REQUIRE(config.paths.size() == 3);
  const auto& studio = config.for_path("live/studio");
  CHECK(studio.policy.viewer.slow == SlowPolicy::skip);
  CHECK(studio.policy.viewer.max_lag == 5s);

  const auto& live = config.for_path("live/cam");
  CHECK(live.policy.viewer.slow == SlowPolicy::catch_up);
  CHECK(live.policy.viewer.max_lag == 5s);
  CHECK_FALSE(live.policy.viewer.flush_interval);
  CHECK(live.policy.tail.length == 60s);
  CHECK(live.policy.tail.bytes == 8u << 20);
  CHECK(live.policy.publisher.grace == 1s);
  CHECK(live.publisher_allow.allows("192.0.2.1"));
  CHECK_FALSE(live.publisher_allow.allows("10.0.0.1"));

  const auto& other = config.for_path("a/b/c");
  CHECK(other.policy.viewer.slow == SlowPolicy::disconnect);
  CHECK(other.policy.viewer.flush_interval == 100ms);
  CHECK(other.policy.tail.bytes == 64u << 20);
  CHECK(other.publisher_allow.allows("10.0.0.1"));
  CHECK(load("").for_path("a").policy.viewer.slow == SlowPolicy::skip);
}

TEST_CASE("what is recorded differs by path and where to does not") {
  const Config config = load(R"(
recording: {root: /srv/a, fsync: never, keep: {age: 1h, bytes: 1GiB}}
paths:
  "cams/*":
    recording: {enabled: true, segment: 2s, keep: {age: 24h}}
  "live/*":
    viewer: {max_lag: 1s}
)");
  CHECK_FALSE(config.for_path("a").recording.enabled);
  CHECK_FALSE(config.for_path("live/a").recording.enabled);
  CHECK(config.for_path("live/a").recording.keep.age == 1h);
  const auto& cams = config.for_path("cams/1").recording;
  CHECK(cams.enabled);
  CHECK(cams.segment == 2s);
  CHECK(cams.fsync == disk::Fsync::never);
  CHECK(cams.keep.age == 24h);
  CHECK(cams.keep.bytes == 1u << 30);
  CHECK(error_of("paths: {a: {recording: {root: /b}}}") ==
        "relay.yaml:1: paths.\"a\".recording.root cannot differ by path");
  CHECK(error_of("paths: {a: {recording: {backlog: 1MiB}}}") ==
        "relay.yaml:1: paths.\"a\".recording.backlog cannot differ by path");
  CHECK(error_of("recording: {root: \"/a\\x07b\"}") ==
        "relay.yaml:1: recording.root: \"/a\\u0007b\" is not the path of a folder");
}

TEST_CASE("values that contradict each other are errors that name both keys") {
  CHECK(error_of("memory: {block: 16MiB}") ==
        "memory.arena (256MiB) is less than 64 blocks of memory.block (16MiB)");
  CHECK(error_of("stream: {tail_bytes: 300MiB}") ==
        "stream.tail_bytes (300MiB) is more than memory.arena (256MiB)");
  CHECK(error_of("paths: {a: {stream: {tail_bytes: 300MiB}}}") ==
        "paths.\"a\".stream.tail_bytes (300MiB) is more than memory.arena (256MiB)");
  CHECK(error_of("recording: {enabled: true}") ==
        "recording.enabled is true: recording.root must be set");
  CHECK(error_of("paths: {a: {recording: {enabled: true}}}") ==
        "paths.\"a\".recording.enabled is true: recording.root must be set");
  CHECK(error_of("recording: {backlog: 300MiB}") ==
        "recording.backlog (300MiB) is more than memory.arena (256MiB)");
  CHECK(error_of("http: {port: 8081}") == "http.port and admin.port are the same: 8081");
  CHECK(error_of("drain: {delay: 6s}") ==
        "drain.delay (6s) and drain.spread (2s) together are more than three quarters of "
        "drain.deadline (10s)");
  CHECK(error_of("drain: {delay: 5500ms}") == "no error");
  CHECK(error_of("drain: {deadline: 0, spread: 0}") == "no error");
  CHECK(error_of("http: {port: 0}\nadmin: {port: 0}") == "no error");
  CHECK(error_of("http: {address: 192.0.2.1, port: 8081}") == "no error");
  CHECK(error_of("memory: {arena: 4MiB}") == "no error");
}

TEST_CASE("an admin port that others can reach needs a token") {
  for (const char* address : {"0.0.0.0", "\"::\"", "192.0.2.1", "\"::ffff:192.0.2.1\""}) {
    const std::string text = std::string("admin: {address: ") + address;
    CAPTURE(text);
    CHECK(error_of(text + "}").find("admin.token must be set") != std::string::npos);
    CHECK(load(text + ", token: secret}").admin.token == "secret");
  }
  for (const char* address : {"127.0.0.2", "\"::1\""}) {
    CHECK(error_of(std::string("admin: {address: ") + address + "}") == "no error");
  }
}

TEST_CASE("a secret is none that is easily guessed and in no message") {
  CHECK(error_of("cluster: {secret: fifteen-letters}") ==
        "cluster.secret is shorter than 16 characters");
  CHECK(error_of("cluster: {secret: sixteen-letters!, secret_previous: short}") ==
        "cluster.secret_previous is shorter than 16 characters");
  CHECK(error_of("cluster: {secret: sixteen-letters!, secret_previous: sixteen-letters!}") ==
        "cluster.secret and cluster.secret_previous are the same");
  CHECK(error_of("cluster: {secret: 'sixteen letters!'}") ==
        "relay.yaml:1: cluster.secret: the value is not visible ASCII characters without spaces");
  // Who goes over to the relay's own.
  CHECK(error_of("cluster: {secret_previous: sixteen-letters!}") == "no error");
}

TEST_CASE("state and sessions have bounds") {
  CHECK(load("state: {synchronous: off}").state.synchronous == sqlite::Database::Synchronous::off);
  CHECK(error_of("state: {synchronous: extra}") ==
        "relay.yaml:1: state.synchronous: \"extra\" is not one of off, normal, full");
  CHECK(error_of("state: {commit_interval: 9ms}").find("from 10ms to 10s") != std::string::npos);
  CHECK(error_of("session: {ttl: 999ms}").find("from 1s to 24h") != std::string::npos);
  CHECK(error_of("session: {token_lifetime: 8761h}").find("from 1s to 8760h") != std::string::npos);
  CHECK(error_of("state: {path: \"/a\\x07b\"}") ==
        "relay.yaml:1: state.path: \"/a\\u0007b\" is not the path of a folder");
  for (const char* section : {"state: {path: /a}", "session: {ttl: 5s}", "cluster: {secret: a}"}) {
    CHECK(error_of(std::string("paths: {a: {") + section + "}}").find("unknown key") !=
          std::string::npos);
  }
}

TEST_CASE("the number of connections fits the descriptors") {
  const auto connections = [](std::uint64_t descriptors, std::string_view text) {
    return control::load_config_text("", text, {}, {.cpus = 1, .descriptors_max = descriptors});
  };
  CHECK(connections(1'024, "").config.http.connections == 768);
  CHECK(connections(100, "").config.http.connections == 1);
  CHECK(connections(~std::uint64_t{0}, "").config.http.connections == 10'000'000);
  const auto many = connections(1'024, "http: {connections: 1000}");
  CHECK(many.config.http.connections == 1'000);
  REQUIRE(many.warnings.size() == 1);
  CHECK(many.warnings[0].find("http.connections (1000)") == 0);
}

TEST_CASE("a file is read and what cannot be read is named") {
  std::string name = "/tmp/spancast-config-XXXXXX";
  const int descriptor = mkstemp(name.data());
  REQUIRE(descriptor >= 0);
  close(descriptor);
  std::ofstream(name) << "http: {port: 1234}\n";
  CHECK(control::load_config(name, {}, machine).config.http.port == 1234);
  std::ofstream(name) << "http: {port: x}\n";
  CHECK_THROWS_WITH_AS(
      control::load_config(name, {}, machine),
      (name + ":1: http.port: \"x\" is not a whole number from 0 to 65535").c_str(),
      control::ConfigError);
  std::ofstream(name) << std::string((1 << 20) + 1, '#');
  CHECK_THROWS_WITH_AS(control::load_config(name, {}, machine),
                       (name + ":1: larger than 1 MiB").c_str(), control::ConfigError);
  std::remove(name.c_str());
  CHECK_THROWS_WITH_AS(control::load_config(name, {}, machine),
                       ("cannot read " + name + ": No such file or directory").c_str(),
                       control::ConfigError);
  CHECK_THROWS_WITH_AS(control::load_config("/", {}, machine), "cannot read /: Is a directory",
                       control::ConfigError);
}

TEST_CASE("this machine has cores and descriptors") {
  CHECK(control::this_machine().cpus >= 1);
  CHECK(control::this_machine().descriptors_max > 0);
}
