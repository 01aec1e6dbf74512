#include "relay/protocol/http_body/reader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace http_body {
namespace {

std::vector<std::byte> to_bytes(std::string_view text) {
  std::vector<std::byte> bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

// What a reader made of a body: each `|` in `payload` is the end of an HTTP chunk.
struct Outcome {
  std::string payload;
  std::string rest;
  bool done = false;
  base::Error error;

  bool operator==(const Outcome&) const = default;
};

void feed(Reader& reader, std::span<std::byte> piece, Outcome& outcome) {
  reader.feed(piece);
  for (;;) {
    const auto run = reader.next();
    if (!run) {
      outcome.error = run.error();
      return;
    }
    if (!*run) break;
    REQUIRE(!(*run)->empty());
    REQUIRE((*run)->data() >= piece.data());
    REQUIRE((*run)->data() + (*run)->size() <= piece.data() + piece.size());
    for (const std::byte byte : **run) outcome.payload += static_cast<char>(byte);
    if (reader.at_chunk_end()) outcome.payload += '|';
  }
  for (const std::byte byte : reader.rest()) outcome.rest += static_cast<char>(byte);
}

// Feeds `body` in pieces that end at `cuts`; stops where a session would.
Outcome read(Reader reader, std::string_view body, const std::vector<std::size_t>& cuts = {}) {
  auto bytes = to_bytes(body);
  Outcome outcome;
  std::size_t from = 0;
  for (std::size_t piece = 0; piece <= cuts.size(); ++piece) {
    const std::size_t to = piece < cuts.size() ? cuts[piece] : bytes.size();
    feed(reader, std::span(bytes).subspan(from, to - from), outcome);
    if (outcome.error) return outcome;
    from = to;
    if (reader.done()) break;
  }
  for (const char c : body.substr(from)) outcome.rest += c;
  outcome.done = reader.done();
  return outcome;
}

constexpr std::string_view plain = "5\r\nhello\r\n1;a=\"b;c\"\r\n!\r\n0\r\n\r\nGET /next";

}  // namespace

TEST_CASE("the payload of chunks is cut out in place and what follows stays") {
  const Outcome outcome = read(Reader::chunked(), plain);
  CHECK(outcome.payload == "hello|!|");
  CHECK(outcome.rest == "GET /next");
  CHECK(outcome.done);
}

TEST_CASE("a chunked body reads the same wherever the network cuts it") {
  const Outcome whole = read(Reader::chunked(), plain);
  for (std::size_t first = 0; first <= plain.size(); ++first) {
    for (std::size_t second = first; second <= plain.size(); ++second) {
      CHECK(read(Reader::chunked(), plain, {first, second}) == whole);
    }
  }
}

TEST_CASE("a chunk ends where its last byte is handed out and not before") {
  auto bytes = to_bytes(
      "4\r\nab"
      "cd\r\n");
  Reader reader = Reader::chunked();
  CHECK(!reader.at_chunk_end());
  reader.feed(std::span(bytes).first(5));
  REQUIRE(reader.next().value());
  CHECK(!reader.at_chunk_end());
  CHECK(!reader.next().value());
  reader.feed(std::span(bytes).subspan(5));
  REQUIRE(reader.next().value());
  CHECK(reader.at_chunk_end());
  CHECK(!reader.next().value());
  CHECK(reader.at_chunk_end());
  CHECK(!reader.done());
}

TEST_CASE("a body with a length ends after so many bytes") {
  const std::string_view body = "0123456789PUT /";
  const Outcome whole = read(Reader::with_length(10), body);
  CHECK(whole.payload == "0123456789");
  CHECK(whole.rest == "PUT /");
  CHECK(whole.done);
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    CHECK(read(Reader::with_length(10), body, {cut}) == whole);
  }
}

TEST_CASE("a body of no bytes is over at once") {
  const Outcome outcome = read(Reader::with_length(0), "GET");
  CHECK(outcome.done);
  CHECK(outcome.payload.empty());
  CHECK(outcome.rest == "GET");
  CHECK(read(Reader::chunked(), "000\r\n\r\n").done);
}

TEST_CASE("a body until close takes everything and ends with the connection") {
  Reader reader = Reader::until_close();
  auto bytes = to_bytes("0\r\n\r\n");
  reader.feed(bytes);
  CHECK(reader.next().value()->size() == 5);
  CHECK(!reader.next().value());
  CHECK(!reader.at_chunk_end());
  CHECK(!reader.done());
  CHECK(reader.on_end());
  CHECK(reader.done());
  CHECK(reader.on_end());
}

TEST_CASE("a connection that ends inside a body truncates it") {
  for (std::size_t size = 0; size + 9 < plain.size(); ++size) {
    auto bytes = to_bytes(plain.substr(0, size));
    Reader reader = Reader::chunked();
    Outcome outcome;
    feed(reader, bytes, outcome);
    CHECK(reader.on_end().error() == make_error_code(Errc::truncated));
  }
  CHECK(Reader::with_length(1).on_end().error() == make_error_code(Errc::truncated));
  CHECK(Reader::with_length(0).on_end());
}

TEST_CASE("a chunk size has one to sixteen hexadecimal digits") {  // RFC 9112, 7.1
  CHECK(read(Reader::chunked(), "00000000000000aF\r\n").error == base::Error{});
  CHECK(read(Reader::chunked(), "ffffffffffffffff\r\nx").payload == "x");
  for (const std::string_view line :
       {"\r\n", " 5\r\n", "-5\r\n", "+5\r\n", "0x5\r\n", "5g\r\n", "5 \r\n", "5\t\r\n", "5 5\r\n",
        ";a\r\n", "00000000000000005\r\n", "fffffffffffffffff\r\n", "5\n", "5\r5", "5\r\r\n",
        "5_0\r\n", "5,5\r\n"}) {
    CAPTURE(line);
    CHECK(read(Reader::chunked(), line).error == make_error_code(Errc::bad_chunk_size));
  }
  CHECK(read(Reader::chunked(), std::string_view("5\0\r\n", 4)).error ==
        make_error_code(Errc::bad_chunk_size));
}

TEST_CASE("chunk extensions are skipped and have no control characters") {  // RFC 9112, 7.1.1
  for (const std::string_view line : {"2;\r\nab\r\n", "2;a\r\nab\r\n", "2 ; a = b\r\nab\r\n",
                                      "2\t;a=\"\\\"\t\"\r\nab\r\n", "2;\xc3\xa9\r\nab\r\n"}) {
    CAPTURE(line);
    CHECK(read(Reader::chunked(), line).payload == "ab|");
  }
  for (const std::string_view line : {"2;a\nab\r\n", "2;a\rb\r\nab", "2;\x7f\r\n", "2;\x01\r\n"}) {
    CAPTURE(line);
    CHECK(read(Reader::chunked(), line).error == make_error_code(Errc::bad_chunk_size));
  }
}

TEST_CASE("the size line of a chunk has a limit") {
  const auto line = [](std::size_t size) { return "1;" + std::string(size - 4, 'x') + "\r\na"; };
  CHECK(read(Reader::chunked(), line(chunk_line_bytes_max)).payload == "a|");
  CHECK(read(Reader::chunked(), line(chunk_line_bytes_max + 1)).error ==
        make_error_code(Errc::chunk_line_too_long));
  // It holds for each line alone.
  std::string many;
  for (int chunk = 0; chunk < 5; ++chunk) many += line(chunk_line_bytes_max) + "\r\n";
  CHECK(read(Reader::chunked(), many).payload == "a|a|a|a|a|");
}

TEST_CASE("data longer than its chunk is refused") {
  for (const std::string_view body : {"1\r\nab\r\n", "1\r\na\n", "1\r\na\r\r\n", "1\r\na\rb"}) {
    CAPTURE(body);
    CHECK(read(Reader::chunked(), body).error == make_error_code(Errc::bad_chunk_end));
  }
}

TEST_CASE("trailers are skipped") {  // RFC 9112, 7.1.2
  const std::string_view body = "1\r\na\r\n0;x\r\nDigest: a b\r\nEmpty:\r\n\r\nrest";
  const Outcome whole = read(Reader::chunked(), body);
  CHECK(whole.payload == "a|");
  CHECK(whole.rest == "rest");
  CHECK(whole.done);
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    CHECK(read(Reader::chunked(), body, {cut}) == whole);
  }
}

TEST_CASE("a request does not pass for a trailer") {
  for (const std::string_view trailer :
       {"GET / HTTP/1.1\r\n", ": x\r\n", "a : x\r\n", " a: x\r\n", "a\r\n", "a: x\n", "a: \x01\r\n",
        "a: x\r\r\n", "\n", "\r\r\n", "\ra"}) {
    CAPTURE(trailer);
    CHECK(read(Reader::chunked(), "0\r\n" + std::string(trailer)).error ==
          make_error_code(Errc::bad_trailer));
  }
}

TEST_CASE("the trailer has a limit") {
  const auto trailer = [](std::size_t size) {
    return "0\r\na:" + std::string(size - 6, 'x') + "\r\n\r\n";
  };
  CHECK(read(Reader::chunked(), trailer(trailer_bytes_max)).done);
  CHECK(read(Reader::chunked(), trailer(trailer_bytes_max + 1)).error ==
        make_error_code(Errc::trailer_too_large));
  std::string many = "0\r\n";
  for (int field = 0; field < 1500; ++field) many += "a:\r\n";
  CHECK(read(Reader::chunked(), many).error == make_error_code(Errc::trailer_too_large));
}

TEST_CASE("an error stays") {
  Reader reader = Reader::chunked();
  auto bad = to_bytes("x");
  auto good = to_bytes("1\r\na\r\n0\r\n\r\n");
  reader.feed(bad);
  CHECK(!reader.next());
  reader.feed(good);
  CHECK(reader.next().error() == make_error_code(Errc::bad_chunk_size));
  CHECK(reader.on_end().error() == make_error_code(Errc::bad_chunk_size));
  CHECK(!reader.done());
  CHECK(reader.rest().empty());
}

TEST_CASE("a reader is a small value and a copy goes on by itself") {
  CHECK(sizeof(Reader) <= 48);
  auto start = to_bytes("2\r\na");
  auto end = to_bytes("b\r\n0\r\n\r\n");
  Reader reader = Reader::chunked();
  reader.feed(start);
  while (reader.next().value()) {
  }
  Reader copy = reader;
  copy.feed(end);
  CHECK(copy.next().value()->size() == 1);
  CHECK(!copy.next().value());
  CHECK(copy.done());
  CHECK(!reader.done());
}

TEST_CASE("every error has its own sentence") {
  std::vector<std::string> sentences;
  for (int errc = 1; errc <= static_cast<int>(Errc::bad_trailer); ++errc) {
    sentences.push_back(make_error_code(static_cast<Errc>(errc)).message());
    CHECK(sentences.back() != "unknown error");
  }
  std::sort(sentences.begin(), sentences.end());
  CHECK(std::adjacent_find(sentences.begin(), sentences.end()) == sentences.end());
}

}  // namespace http_body
