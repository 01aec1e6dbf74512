#include "relay/http/head_rules.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "relay/http/errc.hpp"
#include "relay/http/head_codec.hpp"

namespace http {
namespace {

// The head of `lines`, each without its CRLF.
std::string head_of(std::initializer_list<std::string_view> lines) {
  std::string head;
  for (const auto line : lines) head.append(line).append("\r\n");
  return head + "\r\n";
}

base::Error error_of(std::initializer_list<std::string_view> lines) {
  const auto head = parse_head(head_of(lines));
  return head ? base::Error() : head.error();
}

RequestHead parse(std::initializer_list<std::string_view> lines) {
  auto head = parse_head(head_of(lines));
  REQUIRE(head.has_value());
  return *head;
}

constexpr const char* host = "Host: a";
constexpr const char* put = "PUT /a.ts HTTP/1.1";

}  // namespace

TEST_CASE("a request line has three parts and single spaces") {  // RFC 9112, 3
  for (const std::string_view line : {"GET /",
                                      "GET",
                                      "",
                                      " GET / HTTP/1.1",
                                      "GET  / HTTP/1.1",
                                      "GET /  HTTP/1.1",
                                      "GET / HTTP/1.1 ",
                                      "GET / HTTP/1.1 x",
                                      "GET\t/ HTTP/1.1",
                                      "GET /\tHTTP/1.1",
                                      "GET /a b HTTP/1.1",
                                      "GET / http/1.1",
                                      "GET / HTTP",
                                      "GET / HTTP/",
                                      "GET / HTTP/1.",
                                      "GET / HTTP/.1",
                                      "GET / HTTP/1.1x",
                                      "GET / HTTP/1,1",
                                      "GET / HTTP/-1.1",
                                      "GET / HTTPS/1.1",
                                      "G(T / HTTP/1.1",
                                      "GET: / HTTP/1.1",
                                      "\"GET\" / HTTP/1.1",
                                      "G\xc3\x89T / HTTP/1.1"}) {
    CAPTURE(line);
    CHECK(error_of({line, host}) == make_error_code(Errc::bad_request_line));
  }
}

TEST_CASE("other versions are named as what they are") {
  for (const std::string_view line :
       {"PRI * HTTP/2.0", "GET / HTTP/2.0", "GET / HTTP/2", "GET / HTTP/3", "GET / HTTP/0.9",
        "GET / HTTP/1.2", "GET / HTTP/1.10", "GET / HTTP/01.1", "GET / HTTP/11"}) {
    CAPTURE(line);
    CHECK(error_of({line, host}) == make_error_code(Errc::version_not_supported));
  }
  CHECK(error_of({"PRI * HTTP/2.0"}) == make_error_code(Errc::version_not_supported));
}

TEST_CASE("a target is in origin form or absolute or an asterisk for OPTIONS") {  // RFC 9112, 3.2
  for (const std::string_view line :
       {"GET a.ts HTTP/1.1", "GET * HTTP/1.1", "GET ?a HTTP/1.1", "GET /a#b HTTP/1.1",
        "GET ftp://a/ HTTP/1.1", "GET http:/a HTTP/1.1", "GET http:///a HTTP/1.1",
        "GET http://u@a/ HTTP/1.1", "GET http://u:p@a/ HTTP/1.1", "GET http://a:b/ HTTP/1.1",
        "GET http://[::1/ HTTP/1.1", "GET a:80 HTTP/1.1", "GET /\xc3\xa9.ts HTTP/1.1",
        "OPTIONS ** HTTP/1.1", "OPTIONS a HTTP/1.1"}) {
    CAPTURE(line);
    CHECK(error_of({line, host}) == make_error_code(Errc::bad_target));
  }
  CHECK(parse({"OPTIONS * HTTP/1.1", host}).target == "*");
  CHECK(parse({"CONNECT a:443 HTTP/1.1", host}).method == Method::other);
}

TEST_CASE("the authority of an absolute target replaces Host") {  // RFC 9112, 3.2.2
  const auto head = parse({"GET http://b:81/live/cam.ts?x=/ HTTP/1.1", host});
  CHECK(head.target == "/live/cam.ts?x=/");
  CHECK(head.host == "b:81");
  CHECK(parse({"GET HTTPS://b HTTP/1.1", host}).target == "/");
  CHECK(parse({"GET http://[::1]:8080?a=/b HTTP/1.1", host}).target == "/?a=/b");
  CHECK(error_of({"GET http://b/ HTTP/1.1"}) == make_error_code(Errc::bad_host));
}

TEST_CASE("HTTP/1.1 needs exactly one valid Host") {  // RFC 9112, 3.2
  CHECK(error_of({"GET / HTTP/1.1"}) == make_error_code(Errc::bad_host));
  CHECK(error_of({"GET / HTTP/1.1", host, host}) == make_error_code(Errc::bad_host));
  CHECK(error_of({"GET / HTTP/1.0", host, "host: b"}) == make_error_code(Errc::bad_host));
  CHECK(parse({"GET / HTTP/1.0"}).host.empty());
  for (const std::string_view value :
       {"a", "a.b-c_d", "127.0.0.1:8080", "[::1]", "[::1]:80", "a:", "xn--4ca.de:65535"}) {
    CAPTURE(value);
    CHECK(parse({"GET / HTTP/1.1", "Host: " + std::string(value)}).host == value);
  }
  for (const std::string_view value :
       {"", "a b", "a/b", "a@b", "a:b", "a:123456", ":80", "::1", "[::1", "[]", "[::1]80",
        "[::1]:x", "a\\b", "<a>", "a?b", "\xc3\xa9"}) {
    CAPTURE(value);
    CHECK(error_of({"GET / HTTP/1.1", "Host: " + std::string(value)}) ==
          make_error_code(Errc::bad_host));
  }
}

TEST_CASE("a field line has a name and a colon and is not folded") {  // RFC 9112, 5
  for (const std::string_view line :
       {"X : a", "X\t: a", ": a", "X", "X Y: a", " X: a", "\tX: a", " folded", "X(: a", "\"X\": a",
        "X\xc3\xa9: a", "Transfer-Encoding : chunked"}) {
    CAPTURE(line);
    CHECK(error_of({"GET / HTTP/1.1", host, line}) == make_error_code(Errc::bad_field));
    CHECK(error_of({"GET / HTTP/1.1", line, host}) == make_error_code(Errc::bad_field));
  }
}

TEST_CASE("blanks around a value do not belong to it") {
  const auto head = parse({"GET / HTTP/1.1", host, "X:  \ta b\t ", "Y:", "Z:c:d"});
  CHECK(*head.find("X") == "a b");
  CHECK(head.find("Y")->empty());
  CHECK(*head.find("Z") == "c:d");
}

TEST_CASE("where a body ends has one reading only") {  // RFC 9112, 6
  const auto refused = [](std::initializer_list<std::string_view> fields) {
    std::string head = "PUT /a.ts HTTP/1.1\r\nHost: a\r\n";
    for (const auto field : fields) head.append(field).append("\r\n");
    const auto parsed = parse_head(head + "\r\n");
    return !parsed && parsed.error() == make_error_code(Errc::bad_body_length);
  };
  CHECK(refused({"Content-Length: 5", "Transfer-Encoding: chunked"}));
  CHECK(refused({"Transfer-Encoding: chunked", "Content-Length: 5"}));
  CHECK(refused({"Content-Length: 5", "Content-Length: 5"}));
  CHECK(refused({"Content-Length: 5", "content-length: 6"}));
  for (const std::string_view value :
       {"", "5, 5", "5,5", "+5", "-5", "5 5", "0x5", "5.0", "a", "18446744073709551616",
        "99999999999999999999999999", "\xd9\xa3"}) {
    CAPTURE(value);
    CHECK(refused({"Content-Length: " + std::string(value)}));
  }
  for (const std::string_view value :
       {"", "gzip", "identity", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,",
        ",chunked", "chunked;a=b", "\"chunked\"", "xchunked", "chunked x", "chunke"}) {
    CAPTURE(value);
    CHECK(refused({"Transfer-Encoding: " + std::string(value)}));
  }
  CHECK(refused({"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}));
  CHECK(refused({"Transfer-Encoding: gzip", "Transfer-Encoding: chunked"}));
  CHECK(error_of({"PUT /a.ts HTTP/1.0", "Transfer-Encoding: chunked"}) ==
        make_error_code(Errc::bad_body_length));
}

TEST_CASE("a body is chunked or has a length or ends with the connection") {
  auto head = parse({put, host, "Transfer-Encoding:\tCHUNKED "});
  CHECK(head.chunked);
  CHECK(!head.content_length);
  CHECK(head.keep_alive);
  head = parse({put, host, "Content-Length: 018446744073709551615", "Connection: close"});
  CHECK(head.content_length == 18446744073709551615u);
  CHECK(!head.until_close);
  CHECK(!head.keep_alive);
  head = parse({put, host, "Connection: x, Close"});
  CHECK(head.until_close);
  CHECK(!head.keep_alive);
  head = parse({"POST /a.ts HTTP/1.0", "Connection: keep-alive"});
  CHECK(head.until_close);
  CHECK(!head.keep_alive);
  head = parse({put, host});  // RFC 9112, 6.3: no body
  CHECK(!head.until_close);
  CHECK(!head.content_length);
  CHECK(head.keep_alive);
  CHECK(!parse({"GET / HTTP/1.1", host, "Connection: close"}).until_close);
}

TEST_CASE("the connection goes on unless a side says otherwise") {  // RFC 9112, 9.3
  CHECK(parse({"GET / HTTP/1.1", host}).keep_alive);
  CHECK(!parse({"GET / HTTP/1.1", host, "Connection: keep-alive, close"}).keep_alive);
  // A body that nobody reads must not be taken for the next request.
  CHECK(!parse({"GET / HTTP/1.1", host, "Content-Length: 5"}).keep_alive);
  CHECK(!parse({"HEAD / HTTP/1.1", host, "Transfer-Encoding: chunked"}).keep_alive);
  CHECK(parse({"GET / HTTP/1.1", host, "Content-Length: 0"}).keep_alive);
  CHECK(!parse({"GET / HTTP/1.1", host, "Connection: a", "Connection: CLOSE"}).keep_alive);
  CHECK(!parse({"GET / HTTP/1.0"}).keep_alive);
  CHECK(parse({"GET / HTTP/1.0", "Connection: Keep-Alive"}).keep_alive);
  CHECK(!parse({"GET / HTTP/1.0", "Connection: keep-alive,close"}).keep_alive);
  CHECK(parse({"GET / HTTP/1.1", host, "Connection: enclosed"}).keep_alive);
}

TEST_CASE("an upgrade needs both of its fields and HTTP/1.1") {
  CHECK(parse({"GET / HTTP/1.1", host, "Connection: keep-alive, Upgrade", "Upgrade: websocket"})
            .upgrade);
  CHECK(!parse({"GET / HTTP/1.1", host, "Upgrade: websocket"}).upgrade);
  CHECK(!parse({"GET / HTTP/1.1", host, "Connection: upgrade"}).upgrade);
  CHECK(!parse({"GET / HTTP/1.0", "Connection: upgrade", "Upgrade: websocket"}).upgrade);
}

TEST_CASE("the one expectation is 100-continue") {  // RFC 9110, 10.1.1
  CHECK(parse({put, host, "Content-Length: 1", "Expect: 100-Continue"}).expect_continue);
  CHECK(!parse({put, host, "Content-Length: 1"}).expect_continue);
  CHECK(!parse({"PUT /a.ts HTTP/1.0", "Expect: 100-continue"}).expect_continue);
  CHECK(error_of({put, host, "Expect: 200-ok"}) == make_error_code(Errc::expectation_failed));
  CHECK(error_of({put, host, "Expect: 100-continue", "Expect: 100-continue"}) ==
        make_error_code(Errc::repeated_field));
}

TEST_CASE("fields that may come once come once") {
  for (const std::string_view field : {"Authorization: a", "Origin: a", "Content-Type: a",
                                       "Range: bytes=0-1", "If-Range: \"a\""}) {
    CAPTURE(field);
    CHECK(!error_of({"GET / HTTP/1.1", host, field}));
    CHECK(error_of({"GET / HTTP/1.1", host, field, field}) ==
          make_error_code(Errc::repeated_field));
  }
  const auto head = parse({"GET / HTTP/1.1", host, "origin: http://b", "AUTHORIZATION: Bearer x"});
  CHECK(head.origin == "http://b");
  CHECK(head.authorization == "Bearer x");
}

TEST_CASE("what is asked for of a file comes with its conditions") {  // RFC 9110, 13 and 14
  const auto head = parse({"GET / HTTP/1.1", host, "range: bytes=0-1", "If-Range: \"a\"",
                           "If-None-Match: \"a\"", "X-A: 1", "if-none-match: \"b\", \"c\""});
  CHECK(head.range == "bytes=0-1");
  CHECK(head.if_range == "\"a\"");
  CHECK(head.if_none_match == "\"a\", \"b\", \"c\"");
}

}  // namespace http
