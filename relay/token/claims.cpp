#include "relay/token/claims.hpp"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "relay/base/assert.hpp"

namespace token {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

int value_of(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Id random_id() {
  Id id;
  // Fails only where there are no random numbers at all.
  RELAY_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(id.bytes.data()),
                          static_cast<int>(id.bytes.size())) == 1);
  return id;
}

std::string to_text(const Id& id) {
  std::string text;
  for (const std::byte byte : id.bytes) {
    text += digits[std::to_integer<std::size_t>(byte >> 4)];
    text += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

std::optional<Id> parse_id(std::string_view text) noexcept {
  Id id;
  if (text.size() != 2 * id.bytes.size()) return std::nullopt;
  for (std::byte& byte : id.bytes) {
    const int high = value_of(text[0]);
    const int low = value_of(text[1]);
    if (high < 0 || low < 0) return std::nullopt;
    byte = static_cast<std::byte>(high << 4 | low);
    text.remove_prefix(2);
  }
  return id;
}

StreamDigest digest_of(std::string_view stream) {
  StreamDigest digest{};
  RELAY_ASSERT(SHA256(reinterpret_cast<const unsigned char*>(stream.data()), stream.size(),
                      reinterpret_cast<unsigned char*>(digest.data())) != nullptr);
  return digest;
}

}  // namespace token
