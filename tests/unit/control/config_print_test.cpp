#include <doctest/doctest.h>
#include <google/protobuf/descriptor.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "relay/control/config.hpp"
#include "relay/control/config_schema.hpp"
#include "schemas/config.pb.h"

using control::Secrets;

namespace {

constexpr control::Machine machine{.cpus = 2, .descriptors_max = 20'000};

using Variables = std::vector<std::pair<std::string, std::string>>;

std::string print(std::string_view text, Secrets secrets = Secrets::shown,
                  const Variables& variables = {}) {
  return control::print_config_text("relay.yaml", text, variables, secrets, machine);
}

// Every key other than its default, and rules that set nothing, one key, or all of them.
constexpr const char* other_than_default = R"(
http:
  address: 192.0.2.1
  port: 0
  header_timeout: 1500ms
  connections: 500
  proxy_protocol: required
  trusted_proxies: [10.1.0.0/16, "::1"]
admin: {address: "0.0.0.0", port: 9000, token: 'a"b\c#:'}
workers: 7
threads: {blocking: 32}
memory: {arena: 1GB, block: 128KiB}
stream: {tail: 90s, tail_bytes: 100MB, max: 3}
publisher: {grace: 0.0000015s, idle: 500ms, ahead: 1h, allow: [10.0.0.0/8, "::1", none]}
viewer: {slow: disconnect, max_lag: 1s, stall_timeout: 2s, unsent: 5000B, flush_interval: 0s}
drain: {deadline: 250ms, delay: 10ms, spread: 0s}
log: {level: warning, format: json, access: true}
recording:
  enabled: true
  root: "/mnt/re \"cord\" \\ings"
  segment: 10s
  fsync: segment
  fsync_interval: 500ms
  keep: {age: 7h, bytes: 5GB, free_bytes: 0}
  backlog: 1MiB
clip: {max: 90s}
state: {path: /var/lib/spancast, commit_interval: 1s, synchronous: off}
session: {ttl: 5m, token_lifetime: 12h}
cluster: {secret: sixteen-letters!, secret_previous: the-one-before-it}
source: {on_demand: true, start_timeout: 1s, close_after: 0s, kill_after: 1m, container: ts, stall: 3s}
hooks:
  on_publish: [check, "a \"b\" c", ""]
  on_unpublish: [a]
  on_first_viewer: [b]
  on_last_viewer: [c]
  on_slow_viewer: [d]
  timeout: 1s
  concurrent: 9
paths:
  cam/1: {source: "rtsp://user:hush@10.0.0.7/live"}
  cam/2: {source: {url: "rtsps://h/", on_demand: false}, hooks: {on_publish: [other], timeout: 2s}}
  cam/3: {exec: [ffmpeg, -i, "rtsp://user:hush@h/", "ü\t"], source: {container: auto}}
  "**/raw": {viewer: {flush_interval: auto}}
  "*":
  /live/*:
    stream: {tail: 0s, tail_bytes: 0}
    publisher: {grace: 1s, idle: 1s, ahead: 1s, allow: [all]}
    viewer: {slow: catch_up, max_lag: 1m, stall_timeout: 1m, unsent: 1MiB, flush_interval: 10ms}
    recording: {enabled: false, segment: 1m, fsync: never, fsync_interval: 1s, keep: {bytes: 0}}
)";

}  // namespace

TEST_CASE("what is printed reads back as the same configuration") {
  for (const char* text : {"", other_than_default}) {
    const std::string printed = print(text);
    CAPTURE(printed);
    // The text is a function of all values, so equal texts are equal configurations.
    CHECK(print(printed) == printed);
  }
  const std::string printed = print(other_than_default);
  for (const char* line : {"  address: \"192.0.2.1\"\n",
                           "  port: 0\n",
                           "  header_timeout: 1500ms\n",
                           "  proxy_protocol: required\n",
                           "  trusted_proxies: [\"10.1.0.0/16\", \"::1\"]\n",
                           "workers: 7\n",
                           "  token: \"a\\\"b\\\\c#:\"\n",
                           "  grace: 1.500us\n",
                           "  arena: 1000000000B\n",
                           "  allow: [\"10.0.0.0/8\", \"::1\", \"none\"]\n",
                           "  unsent: 5000B\n",
                           "  flush_interval: 0s\n",
                           "  level: warning\n",
                           "  access: true\n",
                           "  \"**/raw\":\n    viewer:\n",
                           "      flush_interval: auto\n",
                           "  \"*\":\n  \"/live/*\":\n    stream:\n",
                           "      tail_bytes: 0\n",
                           "      slow: catch_up\n",
                           "  root: \"/mnt/re \\\"cord\\\" \\\\ings\"\n",
                           "  fsync: segment\n",
                           "  keep:\n",
                           "    age: 7h\n",
                           "    bytes: 5000000000B\n",
                           "      fsync: never\n",
                           "      keep:\n        bytes: 0\n",
                           "  commit_interval: 1s\n",
                           "  synchronous: off\n",
                           "  ttl: 5m\n",
                           "  token_lifetime: 12h\n",
                           "  secret: \"sixteen-letters!\"\n",
                           "clip:\n",
                           "  max: 90s\n"}) {
    CAPTURE(line);
    CHECK(printed.find(line) != std::string::npos);
  }
}

TEST_CASE("variables of the environment are part of what is printed") {
  const std::string printed =
      print("http: {port: 1}", Secrets::shown, {{"SPANCAST_HTTP_PORT", "2"}});
  CHECK(printed.find("  port: 2\n") != std::string::npos);
  CHECK(print(printed) == printed);
}

TEST_CASE("every key is printed with its documentation and what zero stands for") {
  const std::string printed = print("");
  control::schema::for_each_key(
      [&](const std::string& full_key, const google::protobuf::FieldDescriptor& field) {
        CAPTURE(full_key);
        CHECK(printed.find(field.name() + ": ") != std::string::npos);
        const auto first_words = control::schema::key_of(field).doc().substr(0, 20);
        CHECK(printed.find("# " + first_words) != std::string::npos);
      });
  CHECK(printed.find("In effect: 2.\nworkers: auto\n") != std::string::npos);
  CHECK(printed.find("In effect: 64MiB.\n  tail_bytes: 0\n") != std::string::npos);
  CHECK(printed.find("In effect: 19744.\n  connections: 0\n") != std::string::npos);
  CHECK(printed.find("In effect: 64MiB.\n  backlog: 0\n") != std::string::npos);
}

TEST_CASE("a secret is printed only when it is asked for") {
  const char* text = "admin: {token: hush}";
  CHECK(print(text, Secrets::hidden).find("hush") == std::string::npos);
  CHECK(print(text, Secrets::hidden).find("  # token: set, but not shown\n") != std::string::npos);
  CHECK(print(text, Secrets::shown).find("  token: \"hush\"\n") != std::string::npos);
  CHECK(print("", Secrets::hidden).find("  token: \"\"\n") != std::string::npos);
  const std::string hidden =
      print("cluster: {secret: hush-hush-hush-hush, secret_previous: hush-hush-hush-hu}",
            Secrets::hidden);
  CHECK(hidden.find("hush") == std::string::npos);
  CHECK(hidden.find("  # secret: set, but not shown\n") != std::string::npos);
  CHECK(hidden.find("  # secret_previous: set, but not shown\n") != std::string::npos);
}

TEST_CASE("credentials in URLs and commands are printed only when they are asked for") {
  const std::string hidden = print(other_than_default, Secrets::hidden);
  CHECK(hidden.find("hush") == std::string::npos);
  CHECK(hidden.find("url: \"rtsp://***@10.0.0.7/live\"\n") != std::string::npos);
  CHECK(hidden.find("[\"ffmpeg\", \"-i\", \"rtsp://***@h/\", ") != std::string::npos);
  CHECK(print(other_than_default).find("rtsp://user:hush@h/") != std::string::npos);
}

TEST_CASE("every key of the schema has documentation and a default and bounds") {
  std::set<std::string> variables;
  control::schema::for_each_key(
      [&](const std::string& full_key, const google::protobuf::FieldDescriptor& field) {
        CAPTURE(full_key);
        const auto& key = control::schema::key_of(field);
        CHECK(key.doc().ends_with('.'));
        CHECK(key.doc().find('|') == std::string::npos);  // it would end the cell of the table
        using google::protobuf::FieldDescriptor;
        const bool number = field.cpp_type() != FieldDescriptor::CPPTYPE_STRING &&
                            field.cpp_type() != FieldDescriptor::CPPTYPE_ENUM &&
                            field.cpp_type() != FieldDescriptor::CPPTYPE_BOOL;
        const bool is_bool = field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL;
        CHECK(key.min().empty() != number);
        CHECK(key.max().empty() != number);
        CHECK((number || is_bool || field.enum_type() || key.kind() != spancast::config::PLAIN));
        CHECK((field.has_presence() || field.is_repeated()));
        CHECK(variables.insert(control::schema::variable_name(full_key)).second);
        if (!number) return;
        // Both bounds are values themselves.
        spancast::config::Config unused = control::schema::defaults();
        google::protobuf::Message* section = &unused;
        std::string rest = full_key;
        for (auto dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
          const auto* parent = section->GetDescriptor()->FindFieldByName(rest.substr(0, dot));
          section = section->GetReflection()->MutableMessage(section, parent);
          rest.erase(0, dot + 1);
        }
        CHECK_FALSE(control::schema::set_value(*section, field, key.min()));
        CHECK_FALSE(control::schema::set_value(*section, field, key.max()));
      });
  CHECK(variables.size() == 63);
}

TEST_CASE("the configuration reference in the README is the one of the schema") {
  const std::string reference = control::config_reference_markdown();
  CHECK(reference.find("| `viewer.max_lag` | `3s` | 100ms to 24h | How far") != std::string::npos);

  std::ostringstream readme;
  readme << std::ifstream(SPANCAST_SOURCE_DIR "/README.md").rdbuf();
  const std::string text = readme.str();
  const std::string begin = "<!-- config -->\n";
  const auto from = text.find(begin);
  const auto to = text.find("<!-- /config -->");
  if (from == std::string::npos || to == std::string::npos) {
    MESSAGE("README.md has no section between <!-- config --> and <!-- /config -->");
    return;
  }
  const auto start = from + begin.size();
  // When it differs, this is what belongs there.
  CHECK(text.substr(start, to - start) == reference);
}
