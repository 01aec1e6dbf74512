// A Range field and a size in: what is answered lies within the size, and what RFC 9110 calls one
// valid range is judged again by a regular expression. The first byte chooses the size.
#include <array>
#include <cstddef>
#include <cstdint>
#include <regex>
#include <string>

#include "relay/base/assert.hpp"
#include "relay/http/etag.hpp"
#include "relay/http/range.hpp"

namespace {

constexpr std::array<std::uint64_t, 8> sizes = {0, 1, 2, 10, 99, 1'000'000, 1ull << 40, UINT64_MAX};

// Numbers that fit 64 bits, so that the twin can compare them.
bool is_valid(const std::string& field) {
  static const std::regex form(
      "[Bb][Yy][Tt][Ee][Ss]=[ \t,]*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))[ \t]*(,[ "
      "\t,]*)?");
  std::smatch parts;
  if (!std::regex_match(field, parts, form)) return false;
  return !parts[1].matched || !parts[2].matched || std::stoull(parts[1]) <= std::stoull(parts[2]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::uint64_t bytes = sizes[data[0] % sizes.size()];
  const std::string field(reinterpret_cast<const char*>(data) + 1, size - 1);
  const http::Part part = http::read_range(field, bytes);
  switch (part.kind) {
    case http::Part::Kind::whole:
      RELAY_ASSERT(part.first == 0 && part.bytes == bytes);
      break;
    case http::Part::Kind::some:
      RELAY_ASSERT(part.bytes > 0 && part.first < bytes && part.bytes <= bytes - part.first);
      break;
    case http::Part::Kind::none:
      RELAY_ASSERT(part == http::Part({http::Part::Kind::none, 0, 0}));
      break;
  }
  if (bytes > 0) RELAY_ASSERT(!is_valid(field) || part.kind != http::Part::Kind::whole);
  if (http::has_etag(field, "\"a,b\"")) {
    RELAY_ASSERT(field.find('*') != std::string::npos ||
                 field.find("\"a,b\"") != std::string::npos);
  }
  return 0;
}
