#include "relay/token/text.hpp"

#include <doctest/doctest.h>

namespace token {
namespace {

Sealed sealed() {
  Sealed made;
  made.claims.kind = Kind::publisher;
  made.claims.expires = base::Utc(std::chrono::microseconds(1'795'474'560'250'000));
  made.claims.stream = digest_of("live/cam");
  for (std::size_t at = 0; at < made.claims.id.bytes.size(); ++at) {
    made.claims.id.bytes[at] = std::byte(at);
  }
  for (std::size_t at = 0; at < made.signature.size(); ++at)
    made.signature[at] = std::byte(255 - at);
  return made;
}

base::Error error_of(std::string_view text) {
  const auto parsed = parse(text);
  return parsed ? base::Error() : parsed.error();
}

}  // namespace

TEST_CASE("a token is text of one length that says all of it") {
  const std::string text = to_text(sealed());
  CHECK(text.size() == text_bytes);
  CHECK(
      text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
      std::string::npos);
  const auto parsed = parse(text);
  REQUIRE(parsed.has_value());
  CHECK(parsed->claims == sealed().claims);
  CHECK(parsed->signature == sealed().signature);
}

TEST_CASE("times at the ends of the range are kept") {
  for (const base::Utc expires : {base::Utc::min(), base::Utc::max(), base::Utc{},
                                  base::Utc(std::chrono::microseconds(-1))}) {
    Sealed made = sealed();
    made.claims.expires = expires;
    const auto parsed = parse(to_text(made));
    REQUIRE(parsed.has_value());
    CHECK(parsed->claims.expires == expires);
  }
}

TEST_CASE("a token that is cut or has more is none") {
  const std::string text = to_text(sealed());
  for (std::size_t size = 0; size < text.size(); ++size) {
    CHECK(error_of(text.substr(0, size)) == Errc::malformed);
    CHECK(error_of(text.substr(size + 1)) == Errc::malformed);
  }
  for (const char* more : {"A", "=", "\n", " ", "AAAA"}) {
    CHECK(error_of(text + more) == Errc::malformed);
    CHECK(error_of(more + text) == Errc::malformed);
  }
}

TEST_CASE("only characters of base64url are read") {
  const std::string text = to_text(sealed());
  for (int c = 0; c < 256; ++c) {
    const bool is_known = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    CAPTURE(c);
    for (const std::size_t at : {std::size_t{60}, text_bytes - 1}) {
      std::string other = text;
      other[at] = static_cast<char>(c);
      const auto parsed = parse(other);
      REQUIRE(parsed.has_value() == is_known);
      if (parsed) CHECK(to_text(*parsed) == other);
    }
  }
}

TEST_CASE("another version or kind is not read") {
  const std::string text = to_text(sealed());
  CHECK(text.starts_with("AQE"));  // version 1, publisher
  for (const char* begin : {"AAE", "AgE", "gQE", "AQA", "AQM", "AQD", "AYE"}) {
    CAPTURE(begin);
    CHECK(error_of(begin + text.substr(3)) == Errc::malformed);
  }
  const auto viewer = parse("AQI" + text.substr(3));
  REQUIRE(viewer.has_value());
  CHECK(viewer->claims.kind == Kind::viewer);
}

}  // namespace token
