#include "relay/http/head_codec.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "relay/http/errc.hpp"
#include "relay/http/response.hpp"

namespace http {

TEST_CASE("methods are case-sensitive tokens") {
  const auto method_of = [](const std::string& text) {
    const auto head = parse_head(text + " / HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(head.has_value());
    CHECK(head->method_text == text);
    return head->method;
  };
  CHECK(method_of("GET") == Method::get);
  CHECK(method_of("HEAD") == Method::head);
  CHECK(method_of("PUT") == Method::put);
  CHECK(method_of("POST") == Method::post);
  CHECK(method_of("OPTIONS") == Method::options);
  CHECK(method_of("DELETE") == Method::delete_);
  CHECK(method_of("PATCH") == Method::other);
  CHECK(method_of("get") == Method::other);
  CHECK(method_of("SOURCE") == Method::other);
  CHECK(method_of("a!#$%&'*+-.^_`|~9") == Method::other);
}

TEST_CASE("only one whole head is parsed") {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(parse_head(head).has_value());
  CHECK(!parse_head("").has_value());
  CHECK(!parse_head(head + "x").has_value());
  for (std::size_t size = 0; size < head.size(); ++size)
    CHECK(!parse_head(head.substr(0, size)).has_value());
}

TEST_CASE("a Connection that is no list is refused") {
  CHECK(parse_head("GET / HTTP/1.1\r\nHost: a\r\nConnection: a\"b\r\n\r\n").error() ==
        make_error_code(Errc::bad_field));
}

TEST_CASE("a large body is no reason to refuse a head") {
  const auto head =
      parse_head("PUT /a.ts HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000000\r\n\r\n");
  REQUIRE(head.has_value());
  CHECK(head->content_length == 1000000000000000u);
}

TEST_CASE("a response head is written with its fields in order") {
  const std::string head = write_head(
      {200, {{"Content-Type", "video/mp2t"}, {"Transfer-Encoding", "chunked"}, {"X-A", ""}}});
  CHECK(
      head ==
      "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nTransfer-Encoding: chunked\r\nX-A: \r\n\r\n");
  CHECK(write_head({.status = 100, .fields = {}}) == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(write_head({503, {{"Retry-After", "1"}}, false}) ==
        "HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n");
}

TEST_CASE("every status in use has its phrase") {
  for (const unsigned status :
       std::array{101u, 204u, 206u, 304u, 400u, 404u, 405u, 406u, 408u, 409u, 411u,
                  413u, 415u, 416u, 417u, 429u, 431u, 500u, 501u, 503u, 505u}) {
    const std::string head = write_head({.status = status, .fields = {}});
    CAPTURE(head);
    CHECK(head.size() > std::string("HTTP/1.1 404 \r\n\r\n").size());
    CHECK(head.find("nknown") == std::string::npos);
  }
}

TEST_CASE("nothing a peer sent begins another field") {
  const std::string head = write_head({200, {{"X-A", std::string("a\r\nSet-Cookie: b\n\0c", 19)}}});
  CHECK(head == "HTTP/1.1 200 OK\r\nX-A: a  Set-Cookie: b  c\r\n\r\n");
}

TEST_CASE("a response head may be long") {
  ResponseHead head;
  for (int field = 0; field < 100; ++field) head.fields.emplace_back("X-A", std::string(300, 'a'));
  const std::string bytes = write_head(head);
  CHECK(bytes.size() == 17 + 100 * 307 + 2);
  CHECK(bytes.ends_with("aaa\r\n\r\n"));
}

}  // namespace http
