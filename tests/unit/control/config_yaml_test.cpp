// What is refused, and how the message says where.
#include <doctest/doctest.h>

#include <string>

#include "relay/control/config.hpp"

namespace {

std::string error_of(std::string_view text) {
  try {
    control::load_config_text("relay.yaml", text, {}, {.cpus = 1, .descriptors_max = 1'024});
  } catch (const control::ConfigError& error) {
    return error.what();
  }
  return "no error";
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("a file without keys is the defaults") {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "---\n...\n", "{}", "~", "http:\n",
                           "paths:\n", "\xef\xbb\xbf# with a byte order mark\n", "\t# tab\n"}) {
    CAPTURE(text);
    CHECK(error_of(text) == "no error");
  }
}

TEST_CASE("an unknown key is an error with file and line and the nearest key") {
  CHECK(error_of("http:\n  port: 1\n  prot: 2\n") ==
        "relay.yaml:3: unknown key \"http.prot\" (did you mean \"http.port\"?)");
  CHECK(error_of("htpp: {}\n") == "relay.yaml:1: unknown key \"htpp\" (did you mean \"http\"?)");
  CHECK(error_of("\nmax_lag: 3s\n") ==
        "relay.yaml:2: unknown key \"max_lag\" (did you mean \"viewer.max_lag\"?)");
  CHECK(error_of("viewer.max_lag: 3s\n") ==
        "relay.yaml:1: unknown key \"viewer.max_lag\" (did you mean \"viewer.max_lag\"?): write it "
        "below its section, indented");
  CHECK(error_of("drain: {recording: 3}\n") ==
        "relay.yaml:1: unknown key \"drain.recording\"; known here: deadline, delay, spread");
  CHECK(error_of("\"\\x01\\n\": 3\n").find("unknown key \"\\u0001\\u000a\"") != std::string::npos);
  CHECK(error_of("<<: {}\n").find("unknown key \"<<\"") != std::string::npos);
  CHECK(error_of(std::string(500, 'a') + ": {}\n").find("known here") != std::string::npos);
}

TEST_CASE("an unknown key of a rule is told with its rule") {
  CHECK(error_of("paths:\n  live/*:\n    http: {}\n") ==
        "relay.yaml:3: unknown key \"paths.\"live/*\".http\"; known here: stream, publisher, "
        "viewer, source, exec, hooks, recording");
  CHECK(error_of("paths:\n  live/*:\n    viewer:\n      slwo: skip\n") ==
        "relay.yaml:4: unknown key \"paths.\"live/*\".viewer.slwo\" (did you mean "
        "\"paths.\"live/*\".viewer.slow\"?)");
  // The schema's own field for the pattern is no key.
  CHECK(error_of("paths: {a: {pattern: b}}").find("unknown key") != std::string::npos);
  CHECK(error_of("paths: {a: {stream: {max: 3}}}") ==
        "relay.yaml:1: paths.\"a\".stream.max cannot differ by path");
}

TEST_CASE("a wrong value is an error that says what is allowed") {
  CHECK(error_of("http:\n  port: 65536") ==
        "relay.yaml:2: http.port: \"65536\" is not a whole number from 0 to 65535");
  for (const char* port :
       {"-1", "0x50", "8e1", "80.0", "true", "\" 80\"", "99999999999999999999"}) {
    CAPTURE(port);
    CHECK(error_of(std::string("http: {port: ") + port + "}").find("is not a whole number") !=
          std::string::npos);
  }
  CHECK(error_of("viewer: {max_lag: 3 s}") ==
        "relay.yaml:1: viewer.max_lag: \"3 s\" is not a duration (number with us, ms, s, m or h) "
        "from 100ms to 24h");
  CHECK(error_of("viewer: {max_lag: 99ms}").find("from 100ms to 24h") != std::string::npos);
  CHECK(error_of("viewer: {max_lag: auto}").find("from 100ms to 24h") != std::string::npos);
  CHECK(error_of("viewer: {flush_interval: 1.1s}") ==
        "relay.yaml:1: viewer.flush_interval: \"1.1s\" is not \"auto\" or a duration (number with "
        "us, ms, s, m or h) from 0s to 1s");
  CHECK(error_of("viewer: {slow: Skip}") ==
        "relay.yaml:1: viewer.slow: \"Skip\" is not one of skip, catch_up, disconnect");
  CHECK(error_of("memory: {block: 96KiB}") ==
        "relay.yaml:1: memory.block: \"96KiB\" is not a size (number with B, KiB, MiB or GiB) from "
        "4KiB to 16MiB that is a power of two");
  CHECK(error_of("memory: {block: 2KiB}").find("from 4KiB") != std::string::npos);
  CHECK(error_of("http: {address: localhost}") ==
        "relay.yaml:1: http.address: \"localhost\" is not an IPv4 or IPv6 address");
  CHECK(error_of("workers: " + std::string(1'000, '9')).size() < 200);
}

TEST_CASE("a token with a slip in it is not shown") {
  const std::string message = error_of("admin: {token: \"sec ret\"}");
  CHECK(message ==
        "relay.yaml:1: admin.token: the value is not visible ASCII characters without spaces");
}

TEST_CASE("lists and maps and scalars are not taken for one another") {
  CHECK(error_of("text") == "relay.yaml:1: a configuration is a map of sections");
  CHECK(error_of("[http]") == "relay.yaml:1: a configuration is a map of sections");
  CHECK(error_of("http: 80") ==
        "relay.yaml:1: http is a section: its keys come below it, indented");
  CHECK(error_of("http:\n  port:\nadmin:\n") ==
        "relay.yaml:2: http.port has no value; it must be a whole number from 0 to 65535");
  CHECK(error_of("http: {port: [80]}").find("http.port is a list or a map") != std::string::npos);
  CHECK(error_of("publisher: {allow: 10.0.0.1}").find("must be a list") != std::string::npos);
  CHECK(error_of("publisher: {allow: []}").find("must be a list") != std::string::npos);
  CHECK(error_of("publisher: {allow: [[all]]}").find("is a list or a map") != std::string::npos);
  CHECK(error_of("publisher:\n  allow:\n  - all\n  - 10.0.0.1/8\n") ==
        "relay.yaml:4: publisher.allow: \"10.0.0.1/8\" is not an address, a range ADDRESS/PREFIX, "
        "all or none (the address has bits set behind its prefix length)");
  CHECK(error_of("paths: [a]").find("must be a map") != std::string::npos);
  CHECK(error_of("paths: {a//b: {}}").find("\"a//b\" is not a pattern") != std::string::npos);
}

TEST_CASE("a key that comes twice is an error") {
  CHECK(error_of("http: {}\nadmin: {}\nhttp: {}\n") ==
        "relay.yaml:3: the key \"http\" comes twice");
  CHECK(error_of("paths:\n  a: {}\n  /a: {}\n") ==
        "relay.yaml:3: paths: the pattern \"/a\" comes twice");
}

TEST_CASE("what is not YAML is an error with its line") {
  CHECK(error_of("http:\n\tport: 80\n") == "relay.yaml:2: a tab in the indentation: use spaces");
  CHECK(error_of("http:\n  port: 80\n admin: 1\n").find("relay.yaml:3: not valid YAML") == 0);
  CHECK(error_of("http: {port: 80\n").find("not valid YAML") != std::string::npos);
  CHECK(error_of("paths:\n  *: {}\n").find("a pattern that begins with * needs quotes") !=
        std::string::npos);
  CHECK(error_of("@").find("relay.yaml:1: not valid YAML") == 0);
  CHECK(error_of("%YAML 9.9\n---\n{}").find("not valid YAML") != std::string::npos);
  CHECK(error_of("{}\n---\n{}\n") == "relay.yaml:2: a second document");
  CHECK(error_of("a: &x {}\n") == "relay.yaml:1: anchors and aliases are not supported");
  CHECK(error_of("&x a: {}\n") == "relay.yaml:1: anchors and aliases are not supported");
  CHECK(error_of("http: {port: !!int 80}") == "relay.yaml:1: tags are not supported");
  CHECK(error_of("? [a]\n: b\n") == "relay.yaml:1: a key that is a list or a map");
  CHECK(error_of(": b\n") == "relay.yaml:1: a key without a name");
}

TEST_CASE("text that is not UTF-8 is an error with its line") {
  for (const char* bytes : {"\xff\xfe", "\x80", "\xc0\x80", "\xc3", "\xe2\x82", "\xed\xa0\x80",
                            "\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "\xe0\x80\x80", "\xc3("}) {
    CAPTURE(bytes);
    CHECK(error_of(std::string("# ok\n# ") + bytes) == "relay.yaml:2: not UTF-8");
  }
  CHECK(error_of("# ä € 😀\n") == "no error");
  CHECK(error_of(std::string_view("http:\n\0", 7)) == "relay.yaml:2: a control character");
  CHECK(error_of("# \x1b[31m\n") == "relay.yaml:1: a control character");
}

TEST_CASE("a file that is built to exhaust us is refused at its limits") {
  CHECK(error_of(std::string((1 << 20) + 1, ' ')) == "relay.yaml:1: larger than 1 MiB");
  CHECK(error_of(repeat("[", 17) + repeat("]", 17)) == "relay.yaml:1: more than 16 levels");
  CHECK(error_of(repeat("[", 100'000)) != "no error");
  CHECK(error_of("[" + repeat("a,", 20'000) + "a]") == "relay.yaml:1: more than 20000 values");
  CHECK(error_of(repeat("{a: ", 17) + repeat("}", 17)) == "relay.yaml:1: more than 16 levels");
  CHECK(error_of(repeat("{a: ", 100'000)) != "no error");
  CHECK(error_of("a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n").find("anchors") != std::string::npos);
}
