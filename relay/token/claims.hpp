#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "relay/base/time.hpp"

namespace token {

/// Whom a token is for. The values stand in its text: they never change.
enum class Kind : std::uint8_t { publisher = 1, viewer = 2 };

/// Names one token: 128 random bits. It may be logged, unlike the token.
struct Id {
  std::array<std::byte, 16> bytes{};
  friend auto operator<=>(const Id&, const Id&) = default;
};

/// From the system's random numbers.
Id random_id();

/// 32 hexadecimal digits, as parse_id() reads them (in either case).
std::string to_text(const Id& id);
std::optional<Id> parse_id(std::string_view text) noexcept;

/// Stands for the path of a stream, which may be longer than a whole token: its SHA-256.
using StreamDigest = std::array<std::byte, 32>;
StreamDigest digest_of(std::string_view stream);

/// What a token says.
struct Claims {
  Kind kind = Kind::viewer;
  base::Utc expires{};  ///< from then on it does not count
  Id id;
  StreamDigest stream{};
  friend bool operator==(const Claims&, const Claims&) = default;
};

}  // namespace token
