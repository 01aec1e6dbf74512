#include "relay/protocol/websocket/utf8.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace websocket {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string encode(std::uint32_t point) {
  const auto tail = [point](unsigned shift) {
    return static_cast<char>(0x80 | (point >> shift & 0x3f));
  };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xc0 | point >> 6), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xe0 | point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | point >> 18), tail(12), tail(6), tail(0)};
}

// Where a checker stops, fed byte by byte: how many bytes it took.
std::size_t taken(std::string_view text) {
  Utf8Checker checker;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!checker.feed(bytes_of(text.substr(at, 1)))) return at;
  }
  return text.size();
}

}  // namespace

TEST_CASE("every code point but the surrogates is valid") {
  for (std::uint32_t point = 0; point < 0x110000; ++point) {
    const bool is_surrogate = point >= 0xd800 && point < 0xe000;
    if (is_utf8(bytes_of(encode(point))) == is_surrogate) FAIL(point);
  }
  CHECK(!is_utf8(bytes_of(encode(0x110000))));
  CHECK(!is_utf8(bytes_of(encode(0x1fffff))));
}

TEST_CASE("of all texts of two bytes those are valid that encode something") {
  unsigned valid = 0;
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const char text[] = {static_cast<char>(first), static_cast<char>(second)};
      if (is_utf8(bytes_of({text, 2}))) ++valid;
    }
  }
  CHECK(valid == 128 * 128 + 30 * 64);
}

TEST_CASE("a character may lie across pieces") {
  const std::string text = "k\xce\xbf\xe1\xbd\xb9\xf0\x9f\x8e\xa5.";
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      Utf8Checker checker;
      const std::string_view view = text;
      CHECK(checker.feed(bytes_of(view.substr(0, first))));
      CHECK(checker.feed(bytes_of(view.substr(first, second - first))));
      CHECK(checker.feed(bytes_of(view.substr(second))));
      CHECK(checker.is_complete());
    }
  }
}

TEST_CASE("an unfinished character is no error yet") {
  for (const std::string_view text : {"\xc2", "\xe0\xa0", "\xed\x9f", "\xf0\x90\x80", "\xf4\x8f"}) {
    Utf8Checker checker;
    CHECK(checker.feed(bytes_of(text)));
    CHECK(!checker.is_complete());
    CHECK(!is_utf8(bytes_of(text)));
  }
}

TEST_CASE("what can become no character is refused at its first wrong byte") {
  CHECK(taken("ab\x80") == 2);            // a continuation without a start
  CHECK(taken("\xc0\xaf") == 0);          // longer than need be
  CHECK(taken("\xc1\xbf") == 0);          //
  CHECK(taken("\xe0\x9f\xbf") == 1);      //
  CHECK(taken("\xf0\x8f\xbf\xbf") == 1);  //
  CHECK(taken("\xed\xa0\x80") == 1);      // a surrogate
  CHECK(taken("\xf4\x90\x80\x80") == 1);  // beyond U+10FFFF
  CHECK(taken("\xf5\x80\x80\x80") == 0);  //
  CHECK(taken("\xff") == 0);
  CHECK(taken("\xc3(") == 1);
  CHECK(taken("\xe2\x82(") == 2);
  CHECK(taken("\xf0\x9f\x8e(") == 3);
  CHECK(taken("\xc3\xc3") == 1);
}

}  // namespace websocket
