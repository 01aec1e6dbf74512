#include "relay/token/text.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "relay/base/assert.hpp"
#include "relay/base/big_endian.hpp"
#include "relay/base/byte_reader.hpp"

namespace token {
namespace {

constexpr std::byte version{1};
constexpr std::size_t sealed_bytes = claims_bytes + sizeof(Signature);
static_assert(sealed_bytes % 3 == 0 && sealed_bytes / 3 * 4 == text_bytes);

using Encoded = std::array<std::byte, sealed_bytes>;

// OpenSSL has the other base64 alphabet, and skips blanks and padding that have no place here.
bool is_base64url(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_';
}

bool decode(std::string_view text, Encoded& into) {
  if (text.size() != text_bytes || !std::all_of(text.begin(), text.end(), is_base64url)) {
    return false;
  }
  std::array<unsigned char, text_bytes> plain;
  std::transform(text.begin(), text.end(), plain.begin(), [](char c) {
    return static_cast<unsigned char>(c == '-' ? '+' : c == '_' ? '/' : c);
  });
  return EVP_DecodeBlock(reinterpret_cast<unsigned char*>(into.data()), plain.data(),
                         static_cast<int>(plain.size())) == static_cast<int>(into.size());
}

template <std::size_t size>
void copy(std::span<const std::byte> from, std::array<std::byte, size>& into) {
  std::copy(from.begin(), from.end(), into.begin());
}

}  // namespace

std::array<std::byte, claims_bytes> encode(const Claims& claims) noexcept {
  std::array<std::byte, claims_bytes> bytes{version, static_cast<std::byte>(claims.kind)};
  base::store_big_endian<8>(&bytes[2],
                            static_cast<std::uint64_t>(claims.expires.time_since_epoch().count()));
  const auto stream = std::copy(claims.id.bytes.begin(), claims.id.bytes.end(), &bytes[10]);
  std::copy(claims.stream.begin(), claims.stream.end(), stream);
  return bytes;
}

std::string to_text(const Sealed& sealed) {
  Encoded bytes;
  const auto claims = encode(sealed.claims);
  const auto signature = std::copy(claims.begin(), claims.end(), bytes.begin());
  std::copy(sealed.signature.begin(), sealed.signature.end(), signature);
  std::array<unsigned char, text_bytes + 1> base64;
  RELAY_ASSERT(EVP_EncodeBlock(base64.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                               static_cast<int>(bytes.size())) == static_cast<int>(text_bytes));
  std::string text(text_bytes, '\0');
  std::transform(base64.begin(), base64.end() - 1, text.begin(), [](unsigned char c) {
    return c == '+' ? '-' : c == '/' ? '_' : static_cast<char>(c);
  });
  return text;
}

base::Result<Sealed> parse(std::string_view text) {
  Encoded bytes;
  if (!decode(text, bytes) || bytes[0] != version) return Errc::malformed;
  Sealed sealed;
  base::ByteReader reader{std::span<const std::byte>(bytes).subspan(1)};
  const std::uint8_t kind = reader.u8();
  if (kind != static_cast<std::uint8_t>(Kind::publisher) &&
      kind != static_cast<std::uint8_t>(Kind::viewer)) {
    return Errc::malformed;
  }
  sealed.claims.kind = static_cast<Kind>(kind);
  sealed.claims.expires = base::Utc(base::Utc::duration(static_cast<base::Utc::rep>(reader.u64())));
  copy(reader.take(sealed.claims.id.bytes.size()), sealed.claims.id.bytes);
  copy(reader.take(sealed.claims.stream.size()), sealed.claims.stream);
  copy(reader.take(sealed.signature.size()), sealed.signature);
  RELAY_ASSERT(reader.ok() && reader.remaining() == 0);
  return sealed;
}

}  // namespace token
