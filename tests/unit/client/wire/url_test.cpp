#include "client/wire/url.hpp"

#include <doctest/doctest.h>

#include <string>

namespace client {
namespace {

Url good(std::string_view text) {
  const auto url = parse_url(text);
  CAPTURE(text);
  REQUIRE(url.has_value());
  return *url;
}

void bad(std::string_view text, UrlErrc errc) {
  const auto url = parse_url(text);
  CAPTURE(text);
  REQUIRE(!url.has_value());
  CHECK(url.error() == make_error_code(errc));
  CHECK(!url.error().message().empty());
}

}  // namespace

TEST_CASE("a URL says host and port and stream") {
  const Url url = good("spancast://relay.example:9000/live/cam");
  CHECK(url.is_wire());
  CHECK(url.host == "relay.example");
  CHECK(url.port == 9000);
  CHECK(url.target == "/live/cam");
  CHECK(url.path() == "live/cam");
  CHECK(url.extension().empty());
  CHECK(url.authority() == "relay.example:9000");
}

TEST_CASE("the port is 8080 of the wire and 80 of HTTP where none is given") {
  CHECK(good("spancast://localhost/cam").port == 8080);
  CHECK(good("http://localhost/cam.ts").port == 80);
}

TEST_CASE("an HTTP URL has an extension and may have a query") {
  const Url url = good("http://127.0.0.1:8080/live.d/cam.1.mp4?wait=30&slow=skip.x");
  CHECK(!url.is_wire());
  CHECK(url.target == "/live.d/cam.1.mp4?wait=30&slow=skip.x");
  CHECK(url.path() == "live.d/cam.1.mp4");
  CHECK(url.extension() == "mp4");
  CHECK(good("http://a/live.d/cam").extension().empty());
}

TEST_CASE("an IPv6 address stands in brackets") {
  const Url url = good("spancast://[::1]:8081/live/cam");
  CHECK(url.host == "::1");
  CHECK(url.port == 8081);
  CHECK(url.authority() == "[::1]:8081");
  CHECK(good("spancast://[fe80::1%eth0]/a").host == "fe80::1%eth0");
  CHECK(good("spancast://[fe80::1%eth0]/a").port == 8080);
}

TEST_CASE("a URL that makes no sense is refused with what is wrong") {
  bad("", UrlErrc::no_scheme);
  bad("localhost/cam", UrlErrc::no_scheme);
  bad("spancast:/localhost/cam", UrlErrc::no_scheme);
  bad("rtmp://localhost/cam", UrlErrc::other_scheme);
  bad("https://localhost/cam.ts", UrlErrc::other_scheme);
  bad("spancast://me@localhost/cam", UrlErrc::user);
  bad("spancast:///cam", UrlErrc::no_host);
  bad("spancast://:8080/cam", UrlErrc::no_host);
  bad("spancast://[::1/cam", UrlErrc::no_host);
  bad("spancast://[]/cam", UrlErrc::no_host);
  bad("spancast://::1/cam", UrlErrc::no_host);
  bad("spancast://a b/cam", UrlErrc::bad_host);
  bad("spancast://[::1]8080/cam", UrlErrc::bad_host);
  bad("spancast://[a b]/cam", UrlErrc::bad_host);
  bad("spancast://a:/cam", UrlErrc::bad_port);
  bad("spancast://a:0/cam", UrlErrc::bad_port);
  bad("spancast://a:65536/cam", UrlErrc::bad_port);
  bad("spancast://a:80x/cam", UrlErrc::bad_port);
  bad("spancast://a:-1/cam", UrlErrc::bad_port);
  bad("spancast://a", UrlErrc::no_path);
  bad("spancast://a/", UrlErrc::no_path);
  bad("spancast://a/?x", UrlErrc::no_path);
  bad("spancast://a?x", UrlErrc::no_path);
  bad("spancast://a/b c", UrlErrc::bad_path);
  bad("spancast://a/b\r\nX: y", UrlErrc::bad_path);
  bad("spancast://a/b#c", UrlErrc::bad_path);
  bad("spancast://a/\xc3\xa4", UrlErrc::bad_path);
  bad("spancast://a/" + std::string(Url::bytes_max, 'x'), UrlErrc::too_long);
}

TEST_CASE("the longest URL is read") {
  const std::string head = "spancast://a/";
  const std::string text = head + std::string(Url::bytes_max - head.size(), 'x');
  CHECK(good(text).path().size() == Url::bytes_max - head.size());
}

}  // namespace client
