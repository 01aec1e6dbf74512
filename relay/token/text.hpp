#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "relay/base/result.hpp"
#include "relay/token/claims.hpp"
#include "relay/token/errc.hpp"

namespace token {

/// HMAC-SHA-256 of the claims as they stand in the text, before base64url.
using Signature = std::array<std::byte, 32>;

/// Claims with what proves them.
struct Sealed {
  Claims claims;
  Signature signature{};
};

///   version 1 | kind 1 | expires 8 | id 16 | stream 32 | signature 32
///
/// `expires` is in microseconds since 1970, signed, big-endian. Ninety bytes are 120 characters of
/// base64url (RFC 4648, 5) and need no padding.
constexpr std::size_t claims_bytes = 58;
constexpr std::size_t text_bytes = 120;

/// What is signed.
std::array<std::byte, claims_bytes> encode(const Claims& claims) noexcept;

std::string to_text(const Sealed& sealed);
/// Its reverse; `Errc::malformed` for whatever to_text() does not write. The signature is not
/// looked at.
base::Result<Sealed> parse(std::string_view text);

}  // namespace token
