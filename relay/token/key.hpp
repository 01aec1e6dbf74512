#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "relay/token/text.hpp"

namespace token {

/// Shortest secret that may be configured, in bytes: what is guessed signs everything.
constexpr std::size_t secret_bytes_min = 16;

/// Signs and checks. Gone from memory when it goes.
class Key {
 public:
  /// HKDF-SHA-256 (RFC 5869) of `secret`, which is not empty, without salt, for the use that
  /// `label` names: other uses of one secret have other keys.
  static Key derive(std::string_view secret, std::string_view label = "spancast session token 1");

  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key();

  Signature sign(std::span<const std::byte> bytes) const;
  /// In constant time.
  bool has_signed(std::span<const std::byte> bytes, const Signature& signature) const;

  std::span<const std::byte, 32> bytes() const noexcept { return bytes_; }

 private:
  Key() = default;

  std::array<std::byte, 32> bytes_{};
};

/// What counts: tokens are signed with `current`; `previous` is, during a rotation, the key of the
/// secret that was before.
struct Keys {
  Key current;
  std::optional<Key> previous;
};

/// `previous`: empty outside of a rotation.
Keys derive_keys(std::string_view secret, std::string_view previous = {});

}  // namespace token
