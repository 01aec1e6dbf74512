#include "relay/protocol/websocket/handshake.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "relay/base/assert.hpp"

namespace websocket {
namespace {

constexpr std::size_t key_digits = 22;  // base64 of 16 bytes, without the "==" behind it

char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_lower(x) == to_lower(y); });
}

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// Calls `take` with each element until it returns true; whether one did (RFC 9110, 5.6.1).
template <class Take>
bool any_of_list(std::string_view list, Take take) {
  for (;;) {
    const std::size_t comma = list.find(',');
    if (take(trim(list.substr(0, comma)))) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

bool is_base64_digit(char c) noexcept {
  const char letter = to_lower(c);
  return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// Only its form matters: it is echoed, not decoded.
bool is_key(std::string_view key) noexcept {
  return key.size() == key_digits + 2 && key.ends_with("==") &&
         std::all_of(key.begin(), key.begin() + key_digits, is_base64_digit);
}

}  // namespace

bool asks_for_websocket(std::string_view upgrade) noexcept {
  return any_of_list(upgrade, [](std::string_view protocol) {
    return equal_ignoring_case(protocol, "websocket");
  });
}

base::Result<HandshakeAnswer> answer(const HandshakeFields& fields,
                                     std::span<const std::string_view> protocols) {
  if (!asks_for_websocket(fields.upgrade)) return Errc::not_websocket;
  if (trim(fields.version) != version) return Errc::wrong_version;
  const std::string_view key = trim(fields.key);
  if (!is_key(key)) return Errc::bad_key;
  HandshakeAnswer result{accept_key(key), {}};
  any_of_list(fields.protocols, [&](std::string_view offered) {
    const auto found = std::find(protocols.begin(), protocols.end(), offered);
    if (found == protocols.end()) return false;
    result.protocol = *found;
    return true;
  });
  return result;
}

std::string accept_key(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  // Fails only where OpenSSL cannot do SHA-1 at all; here it proves who speaks WebSocket, no more.
  RELAY_ASSERT(SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                    digest.data()) != nullptr);
  std::array<unsigned char, 4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1> base64;
  const int size = EVP_EncodeBlock(base64.data(), digest.data(), SHA_DIGEST_LENGTH);
  return {reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(size)};
}

}  // namespace websocket
