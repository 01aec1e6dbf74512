#include "relay/server/health.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace server {
namespace {

constexpr std::string_view ready =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nready\n";

control::Config config(std::string_view text) {
  return control::load_config_text("test", text, {}, {}).config;
}

std::string sentence_of(std::string_view text) {
  const auto answer = read_health_answer(text, true);
  REQUIRE(answer);
  return (answer->is_good ? "good, " : "bad, ") + answer->sentence;
}

}  // namespace

TEST_CASE("a URL says where to ask") {
  CHECK(parse_health_url("http://127.0.0.1:8080/healthz").url() == "http://127.0.0.1:8080/healthz");
  CHECK(parse_health_url("http://relay").url() == "http://relay:80/readyz");
  CHECK(parse_health_url("http://relay:81/").url() == "http://relay:81/readyz");
  CHECK(parse_health_url("http://[::1]:65535/a?b").url() == "http://[::1]:65535/a?b");
  CHECK(parse_health_url("http://[::1]").host == "::1");
}

TEST_CASE("what is no URL of a relay is refused") {
  for (const char* url :
       {"", "127.0.0.1:8080", "https://relay/", "http://", "http:///readyz", "http://:80/",
        "http://relay:/", "http://relay:0/", "http://relay:65536/", "http://relay:8x/",
        "http://relay:-1/", "http://[::1", "http://[]:80/", "http://[::1]80/", "http://a@b/",
        "http://relay/a b", "http://relay/\r\nX: y", "http://::1/"}) {
    CAPTURE(url);
    CHECK_THROWS_AS(parse_health_url(url), std::runtime_error);
  }
}

TEST_CASE("a relay is asked where it listens") {
  const auto url_of = [](std::string_view text) {
    return health_target(config(text), "/readyz").url();
  };
  CHECK(url_of("") == "http://127.0.0.1:8080/readyz");
  CHECK(url_of("http: {address: 0.0.0.0, port: 80}") == "http://127.0.0.1:80/readyz");
  CHECK(url_of("http: {address: '2001:db8::1'}") == "http://[2001:db8::1]:8080/readyz");
  CHECK_THROWS_AS(url_of("http: {port: 0}"), std::runtime_error);
}

TEST_CASE("a relay that wants PROXY headers is asked on its admin port") {
  const std::string proxied = "http: {port: 0, proxy_protocol: required, trusted_proxies: [all]}\n";
  const HealthTarget target = health_target(
      config(proxied + "admin: {address: '::', port: 9000, token: sesame}"), "/healthz");
  CHECK(target.url() == "http://127.0.0.1:9000/healthz");
  CHECK(write_health_request(target).find("\r\nAuthorization: Bearer sesame\r\n") !=
        std::string::npos);
  CHECK_THROWS_AS(health_target(config(proxied + "admin: {port: 0}"), "/"), std::runtime_error);
  CHECK(write_health_request(health_target(config("admin: {token: sesame}"), "/readyz"))
            .find("sesame") == std::string::npos);
}

TEST_CASE("an answer reads the same wherever the network cuts it") {
  for (std::size_t cut = 0; cut < ready.size(); ++cut) {
    CAPTURE(cut);
    CHECK_FALSE(read_health_answer(ready.substr(0, cut), false));
    const auto cut_off = read_health_answer(ready.substr(0, cut), true);
    REQUIRE(cut_off);
    if (cut < ready.find("\r\n\r\n")) CHECK_FALSE(cut_off->is_good);
  }
  const auto answer = read_health_answer(ready, false);
  REQUIRE(answer);
  CHECK(answer->is_good);
  CHECK(answer->sentence == "200: ready");
}

TEST_CASE("only a relay that is ready is good") {
  CHECK(sentence_of("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 29\r\n\r\n"
                    "the relay is shutting down\nxx") == "bad, 503: the relay is shutting down");
  CHECK(sentence_of("HTTP/1.0 200 OK\r\n\r\nok\n") == "good, 200: ok");
  CHECK(sentence_of("") == "bad, the connection was closed without an answer");
  CHECK(sentence_of("HTTP/1.1 200 OK\r\n") == "bad, the answer ended too soon");
  CHECK(sentence_of("SSH-2.0-OpenSSH\r\n\r\n") == "bad, this is no answer of a relay");
  CHECK(sentence_of("HTTP/1.1 2") == "bad, the answer ended too soon");
  CHECK(sentence_of("HTTP/1.1\r\n\r\n").starts_with("bad, "));
  CHECK(
      sentence_of("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\na\x1b[2J\xff") ==
      "good, 200: a?[2J?");
}

TEST_CASE("an answer without end is given up") {
  const std::string endless = "HTTP/1.1 200 OK\r\nX: " + std::string(health_answer_bytes_max, 'x');
  const auto answer = read_health_answer(endless, false);
  REQUIRE(answer);
  CHECK_FALSE(answer->is_good);
  CHECK(read_health_answer("HTTP/1.1 200 OK\r\n\r\n" + std::string(health_answer_bytes_max, 'x'),
                           false)
            .has_value());
}

}  // namespace server
