#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

/// An IP address and a port: who is at one end of a connection. IPv4 is the IPv6 address that it is
/// mapped to (RFC 4291, 2.5.5.2), as a dual-stack socket shows it.
struct Endpoint {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;  ///< 0: not known
  bool is_known = false;   ///< false for whatever has no IP address

  static Endpoint ipv4(std::span<const std::byte, 4> address, std::uint16_t port) noexcept;
  static Endpoint ipv6(std::span<const std::byte, 16> address, std::uint16_t port) noexcept;
  /// Not known for families other than IPv4 and IPv6.
  static Endpoint from(const sockaddr& address) noexcept;

  bool is_ipv4() const noexcept;
  bool operator==(const Endpoint&) const = default;
};

/// `192.0.2.1:80`, `[2001:db8::1]:80`; without a port that is not known `192.0.2.1` and
/// `2001:db8::1`; `?` for whatever has no IP address.
std::string to_text(const Endpoint& endpoint);
/// The same without the port.
std::string address_text(const Endpoint& endpoint);

/// Any form that `to_text()` writes but `?`, and `[2001:db8::1]`. Nothing for names and zones, and
/// for a port that is 0, not decimal, or has zeros before it.
std::optional<Endpoint> parse_endpoint(std::string_view text);

}  // namespace base
