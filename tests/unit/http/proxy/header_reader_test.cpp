#include "relay/http/proxy/header_reader.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>

#include "relay/http/proxy/errc.hpp"

namespace http::proxy {
namespace {

using namespace std::string_literals;

constexpr std::string_view line = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";

auto feed(HeaderReader& reader, std::string_view text) {
  return reader.feed(std::as_bytes(std::span(text)));
}

/// A header of version 2: `command` and `family` as they are on the wire.
std::string binary(unsigned command, unsigned family, std::string_view rest) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(rest.size() >> 8);
  header += static_cast<char>(rest.size() & 255);
  return header + std::string(rest);
}

const std::string v4_addresses("\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb", 12);
const std::string v6_addresses = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x07" +
                                 std::string(16, '\1') + "\xdc\x04\x01\xbb";
const std::string tlvs(
    "\x04\x00\x03"
    "abc\x20\x00\x01x",
    10);

/// Who has connected, as text; or why not.
std::string source_of(std::string_view text) {
  HeaderReader reader;
  const auto header = feed(reader, text);
  if (!header) return header.error().message();
  if (!*header) return "unfinished";
  CHECK(reader.consumed() == text.size());
  return to_text((*header)->source);
}

base::Error error_of(std::string_view text) {
  HeaderReader reader;
  const auto header = feed(reader, text);
  return header ? base::Error() : header.error();
}

void check_every_cut(const std::string& header, const std::string& source) {
  const std::string sent = header + "GET / HTTP/1.1\r\n";
  for (std::size_t cut = 0; cut <= sent.size(); ++cut) {
    CAPTURE(cut);
    HeaderReader reader;
    auto read = feed(reader, std::string_view(sent).substr(0, cut));
    REQUIRE(read.has_value());
    REQUIRE(read->has_value() == (cut >= header.size()));
    CHECK(reader.consumed() == std::min(cut, header.size()));
    if (cut < header.size()) {
      read = feed(reader, std::string_view(sent).substr(cut));
      REQUIRE(read.has_value());
      REQUIRE(*read);
      CHECK(reader.consumed() == header.size() - cut);
    }
    CHECK(to_text((*read)->source) == source);
  }
}

}  // namespace

TEST_CASE("a PROXY header reads the same wherever the network cuts it") {
  check_every_cut(std::string(line), "192.0.2.7:56324");
  check_every_cut("PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", "[2001:db8::7]:56324");
  check_every_cut("PROXY UNKNOWN\r\n", "?");
  check_every_cut(binary(0x21, 0x11, v4_addresses), "192.0.2.7:56324");
  check_every_cut(binary(0x21, 0x21, v6_addresses + tlvs), "[2001:db8::7]:56324");
  check_every_cut(binary(0x20, 0x00, ""), "?");
}

TEST_CASE("a PROXY header comes together from single bytes") {
  for (const std::string& header : {std::string(line), binary(0x21, 0x21, v6_addresses + tlvs)}) {
    HeaderReader reader;
    for (std::size_t at = 0; at + 1 < header.size(); ++at) {
      const auto read = feed(reader, std::string_view(header).substr(at, 1));
      REQUIRE(read.has_value());
      REQUIRE(!*read);
    }
    const auto read = feed(reader, std::string_view(header).substr(header.size() - 1));
    REQUIRE(read.has_value());
    REQUIRE(*read);
    CHECK((*read)->source.port == 56324);
  }
}

TEST_CASE("connections that are the proxy's own or say no address have none") {
  CHECK(source_of("PROXY UNKNOWN\r\n") == "?");
  CHECK(source_of("PROXY UNKNOWN ffff::1 any thing 65535 -1\r\n") == "?");
  CHECK(source_of(binary(0x20, 0x00, "")) == "?");
  CHECK(source_of(binary(0x20, 0x11, v4_addresses)) == "?");
  CHECK(source_of(binary(0x20, 0xff, "abc")) == "?");  // discarded with its family
  CHECK(source_of(binary(0x21, 0x00, tlvs)) == "?");
  CHECK(source_of(binary(0x21, 0x10, v4_addresses)) == "?");
  CHECK(source_of(binary(0x21, 0x31, std::string(216, '/'))) == "?");
  CHECK(source_of(binary(0x21, 0x12, v4_addresses)) == "192.0.2.7:56324");
}

TEST_CASE("IPv4 within IPv6 is IPv4") {
  CHECK(source_of("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n") == "192.0.2.7:1");
}

TEST_CASE("a line that is not exactly what it must be is refused") {
  for (const char* text :
       {"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", "PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 \r\n", "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n", "PROXY TCP6 [2001:db8::7] 2001:db8::1 1 2\r\n",
        "PROXY TCP4 192.0.2.7:5 192.0.2.1 1 2\r\n", "PROXY TCP4 localhost 192.0.2.1 1 2\r\n",
        "PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n", "PROXY tcp4 192.0.2.7 192.0.2.1 1 2\r\n",
        "PROXY UNKNOWNX\r\n", "PROXY \r\n", "PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 1 2\rX"}) {
    CAPTURE(text);
    CHECK(error_of(text) == Errc::bad_line);
  }
}

TEST_CASE("the longest line is read and a longer one is refused before its end") {
  const std::string unknown = "PROXY UNKNOWN ";
  const std::string longest = unknown + std::string(line_bytes_max - unknown.size() - 2, 'x');
  CHECK(source_of(longest + "\r\n") == "?");
  CHECK(error_of(longest + "x\r\n") == Errc::line_too_long);
  CHECK(error_of(longest + "xxx") == Errc::line_too_long);
  CHECK(error_of(std::string(line_bytes_max, 'x').replace(0, 6, "PROXY ")) == Errc::line_too_long);
}

TEST_CASE("what is no header is refused with its first wrong byte") {
  for (const std::string& text : {"GET / HTTP/1.1\r\n"s, "P\r\n"s, "PROXY\r\n"s, "\r\n\r\nG"s,
                                  "\r\n\r\n\0\r\nQUIT\r"s, "\x16\x03\x01"s, "\0"s}) {
    CAPTURE(text);
    CHECK(error_of(text) == Errc::no_header);
  }
}

TEST_CASE("a header of version 2 that nobody has defined is refused") {
  CHECK(error_of(binary(0x22, 0x11, v4_addresses)) == Errc::bad_version);
  CHECK(error_of(binary(0x11, 0x11, v4_addresses)) == Errc::bad_version);
  CHECK(error_of(binary(0x31, 0x11, v4_addresses)) == Errc::bad_version);
  CHECK(error_of(binary(0x21, 0x41, v4_addresses)) == Errc::bad_family);
  CHECK(error_of(binary(0x21, 0x13, v4_addresses)) == Errc::bad_family);
  CHECK(error_of(binary(0x21, 0x11, v4_addresses.substr(1))) == Errc::bad_length);
  CHECK(error_of(binary(0x21, 0x21, v4_addresses)) == Errc::bad_length);
  CHECK(error_of(binary(0x21, 0x31, std::string(215, '/'))) == Errc::bad_length);
  // Already when the byte is there that says so.
  CHECK(error_of(binary(0x22, 0, "").substr(0, 13)) == Errc::bad_version);
  CHECK(error_of(binary(0x21, 0x51, "").substr(0, 14)) == Errc::bad_family);
}

TEST_CASE("the longest header of version 2 is read and a longer one is refused at its length") {
  const std::string most(header_bytes_max - 16, '\0');
  CHECK(source_of(binary(0x21, 0x11, v4_addresses + most.substr(12))) == "192.0.2.7:56324");
  CHECK(error_of(binary(0x21, 0x11, v4_addresses + most).substr(0, 16)) == Errc::too_long);
  CHECK(error_of(binary(0x20, 0x00, most + "x").substr(0, 16)) == Errc::too_long);
}

TEST_CASE("much that follows a header is not kept") {
  HeaderReader reader;
  const std::string sent = std::string(line) + std::string(100'000, 'x');
  const auto header = feed(reader, sent);
  REQUIRE(header.has_value());
  REQUIRE(*header);
  CHECK(reader.consumed() == line.size());
}

TEST_CASE("every error of the PROXY protocol has a sentence of its own") {
  std::set<std::string> sentences;
  for (int value = 1; value <= static_cast<int>(Errc::too_long); ++value) {
    sentences.insert(describe(static_cast<Errc>(value)));
  }
  CHECK(sentences.size() == static_cast<std::size_t>(Errc::too_long));
  CHECK(sentences.count("unknown error") == 0);
}

}  // namespace http::proxy
