#include "relay/http/head_reader.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "relay/http/errc.hpp"

namespace http {
namespace {

constexpr std::string_view put_request =
    "PUT /live/cam.ts?wait=5 HTTP/1.1\r\nHost: relay:8080\r\nUser-Agent: Lavf/59\r\n"
    "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nContent-Type: video/mp2t\r\n\r\n";

auto feed(HeadReader& reader, std::string_view text) {
  return reader.feed(std::as_bytes(std::span(text)));
}

base::Error error_of(std::string_view text) {
  HeadReader reader;
  const auto head = feed(reader, text);
  return head ? base::Error() : head.error();
}

// A request whose head has exactly `size` bytes.
std::string head_of(std::size_t size) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  return head + std::string(size - head.size() - 4, 'x') + "\r\n\r\n";
}

}  // namespace

TEST_CASE("a head is read with everything that follows left alone") {
  HeadReader reader;
  const auto head = feed(reader, std::string(put_request) + "5\r\nhello");
  REQUIRE(head.has_value());
  REQUIRE(*head);
  CHECK(reader.consumed() == put_request.size());
  CHECK(!reader.started());
  CHECK((*head)->method == Method::put);
  CHECK((*head)->method_text == "PUT");
  CHECK((*head)->target == "/live/cam.ts?wait=5");
  CHECK((*head)->http_1_1);
  CHECK((*head)->keep_alive);
  CHECK((*head)->chunked);
  CHECK((*head)->expect_continue);
  CHECK(!(*head)->content_length);
  CHECK(!(*head)->until_close);
  CHECK((*head)->host == "relay:8080");
  CHECK((*head)->user_agent == "Lavf/59");
  CHECK((*head)->content_type == "video/mp2t");
  CHECK((*head)->fields.size() == 5);
}

TEST_CASE("a head reads the same wherever the network cuts it") {
  const std::string text = "\r\n" + std::string(put_request) + "body";
  const std::size_t end = text.size() - 4;
  for (std::size_t first = 0; first < end; ++first) {
    HeadReader reader;
    auto head = feed(reader, std::string_view(text).substr(0, first));
    REQUIRE(head.has_value());
    CHECK(!*head);
    CHECK(reader.consumed() == first);
    CHECK(reader.started() == (first == 1 || first > 2));
    head = feed(reader, std::string_view(text).substr(first));
    REQUIRE(head.has_value());
    REQUIRE(*head);
    CHECK(reader.consumed() == end - first);
    CHECK(!reader.started());
    CHECK((*head)->target == "/live/cam.ts?wait=5");
    CHECK((*head)->fields.size() == 5);
  }
}

TEST_CASE("a head comes together from single bytes") {
  HeadReader reader;
  for (std::size_t index = 0; index + 1 < put_request.size(); ++index) {
    const auto head = feed(reader, put_request.substr(index, 1));
    REQUIRE(head.has_value());
    REQUIRE(!*head);
  }
  const auto head = feed(reader, put_request.substr(put_request.size() - 1));
  REQUIRE(head.has_value());
  REQUIRE(*head);
  CHECK((*head)->chunked);
}

TEST_CASE("pipelined heads are read one after the other") {
  HeadReader reader;
  const std::string text =
      "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\nGET";
  auto head = feed(reader, text);
  REQUIRE(head.has_value());
  REQUIRE(*head);
  CHECK((*head)->target == "/a");
  std::string_view rest = std::string_view(text).substr(reader.consumed());
  head = feed(reader, rest);
  REQUIRE(head.has_value());
  REQUIRE(*head);
  CHECK((*head)->target == "/b");
  CHECK((*head)->host == "b");
  rest.remove_prefix(reader.consumed());
  head = feed(reader, rest);
  REQUIRE(head.has_value());
  CHECK(!*head);
  CHECK(reader.started());
}

TEST_CASE("nothing is kept between heads") {
  CHECK(sizeof(HeadReader) <= 48);
  HeadReader reader;
  CHECK(!reader.started());
  REQUIRE(feed(reader, "").has_value());
  CHECK(!reader.started());
  REQUIRE(feed(reader, "GET / HT").has_value());
  CHECK(reader.started());
  REQUIRE(feed(reader, "TP/1.1\r\nHost: a\r\n\r\n").has_value());
  CHECK(!reader.started());
}

TEST_CASE("a few empty lines before a request are skipped") {  // RFC 9112, 2.2
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(!error_of("\r\n\r\n\r\n\r\n" + request));
  CHECK(error_of("\r\n\r\n\r\n\r\n\r\n" + request) == make_error_code(Errc::bad_request));
  // Fed one by one they are counted as well, and the count begins anew with each head.
  HeadReader reader;
  for (int request_count = 0; request_count < 3; ++request_count) {
    for (int line = 0; line < 4; ++line) {
      REQUIRE(feed(reader, "\r\n").has_value());
      CHECK(!reader.started());
    }
    REQUIRE(feed(reader, request).value().has_value());
  }
}

TEST_CASE("a head has at most 16 KiB") {
  const auto fits = head_of(head_bytes_max);
  CHECK(fits.size() == head_bytes_max);
  CHECK(!error_of(fits));
  CHECK(error_of(head_of(head_bytes_max + 1)) == make_error_code(Errc::head_too_large));
  CHECK(error_of(head_of(100 * head_bytes_max)) == make_error_code(Errc::head_too_large));
  // Refused as soon as it is too long, not when it ends.
  HeadReader reader;
  REQUIRE(feed(reader, fits.substr(0, head_bytes_max - 2)).has_value());
  REQUIRE(feed(reader, "xx").has_value());
  CHECK(feed(reader, "x").error() == make_error_code(Errc::head_too_large));
}

TEST_CASE("a head has at most 128 fields") {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t field = 1; field < head_fields_max; ++field) head += "a:\r\n";
  CHECK(!error_of(head + "\r\n"));
  CHECK(error_of(head + "a:\r\n\r\n") == make_error_code(Errc::head_too_large));
}

TEST_CASE("what cannot become a head is refused before it ends") {
  const std::string start = "GET / HTTP/1.1\r\nHost: a";
  for (const std::string_view bad :
       {std::string_view("\n"), std::string_view("\rX"), std::string_view("\r\r"),
        std::string_view("\0", 1), std::string_view("\x01"), std::string_view("\x0b"),
        std::string_view("\x1b"), std::string_view("\x7f")}) {
    CAPTURE(bad);
    CHECK(error_of(start + std::string(bad)) == make_error_code(Errc::bad_request));
    HeadReader reader;
    REQUIRE(feed(reader, start).has_value());
    CHECK(feed(reader, bad).error() == make_error_code(Errc::bad_request));
  }
  CHECK(error_of("\n") == make_error_code(Errc::bad_request));
  CHECK(error_of("\x16\x03\x01\x02") == make_error_code(Errc::bad_request));  // TLS
}

TEST_CASE("heads of real clients are read") {
  // As captured from ffmpeg 5.1, curl 7.88, mpv and GStreamer 1.22 on Debian 12.
  const auto read = [](std::string_view text) {
    HeadReader reader;
    auto head = feed(reader, text);
    REQUIRE(head.has_value());
    REQUIRE(*head);
    CHECK((*head)->target == "/live/cam.ts");
    CHECK((*head)->host == "127.0.0.1:8080");
    return **head;
  };
  const auto ffmpeg = read(
      "PUT /live/cam.ts HTTP/1.1\r\nTransfer-Encoding: chunked\r\nUser-Agent: Lavf/59.27.100\r\n"
      "Accept: */*\r\nConnection: close\r\nHost: 127.0.0.1:8080\r\nIcy-MetaData: 1\r\n\r\n");
  CHECK(ffmpeg.chunked);
  CHECK(!ffmpeg.keep_alive);
  CHECK(!ffmpeg.until_close);
  const auto curl = read(
      "PUT /live/cam.ts HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\n"
      "Accept: */*\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  CHECK(curl.expect_continue);
  CHECK(curl.keep_alive);
  const auto http2 = read(
      "GET /live/cam.ts HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\n"
      "Accept: */*\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n");
  CHECK(http2.upgrade);
  CHECK(*http2.find("upgrade") == "h2c");
  const auto mpv = read(
      "GET /live/cam.ts HTTP/1.1\r\nUser-Agent: libmpv\r\nAccept: */*\r\nRange: bytes=0-\r\n"
      "Connection: close\r\nHost: 127.0.0.1:8080\r\nIcy-MetaData: 1\r\n\r\n");
  CHECK(mpv.user_agent == "libmpv");
  const auto gstreamer = read(
      "GET /live/cam.ts HTTP/1.1\r\nUser-Agent: GStreamer souphttpsrc 1.22.0 libsoup/3.2.3\r\n"
      "Accept-Encoding: identity\r\nConnection: Keep-Alive\r\nHost: 127.0.0.1:8080\r\n"
      "icy-metadata: 1\r\n\r\n");
  CHECK(gstreamer.keep_alive);
}

TEST_CASE("bytes beyond ASCII may stand in a value") {
  HeadReader reader;
  const auto head = feed(reader, "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\xff\t!\r\n\r\n");
  REQUIRE(head.has_value());
  REQUIRE(*head);
  CHECK(*(*head)->find("x") == "\xc3\xa9\xff\t!");
}

}  // namespace http
