#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "relay/base/endpoint.hpp"
#include "relay/control/errc.hpp"

namespace control {

/// An IP address without a port. IPv4-mapped IPv6 (`::ffff:192.0.2.1`, what a dual-stack listener
/// sees) is IPv4 here, so that one rule covers a client whichever way it came in.
class IpAddress {
 public:
  /// `192.0.2.1`, `2001:db8::1`; a zone (`%eth0`) is an error.
  static base::Result<IpAddress> parse(std::string_view text);
  /// Nothing for families other than IPv4 and IPv6.
  static std::optional<IpAddress> from(const sockaddr& address) noexcept;
  /// Nothing for what has no address.
  static std::optional<IpAddress> from(const base::Endpoint& endpoint) noexcept;

  bool is_ipv4() const noexcept { return ipv4_; }
  bool is_loopback() const noexcept;
  /// The address in network order; IPv4 in the first four bytes, the others are zero.
  const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }

  bool operator==(const IpAddress&) const = default;

 private:
  friend class AddressRange;
  static IpAddress from_ipv6(const std::array<std::uint8_t, 16>& bytes) noexcept;

  bool ipv4_ = false;
  std::array<std::uint8_t, 16> bytes_{};
};

/// All addresses of one family with the same first bits.
class AddressRange {
 public:
  /// `10.0.0.0/8`, `2001:db8::/32`, or one address. A bit set behind the prefix is an error: it
  /// says that the address or the length is a slip.
  static base::Result<AddressRange> parse(std::string_view text);

  bool contains(const IpAddress& address) const noexcept;

 private:
  IpAddress network_;
  unsigned prefix_bits_ = 0;
};

/// A list of ranges that says who may do something. Without a range: nobody.
class AddressRanges {
 public:
  static AddressRanges all();

  /// Adds a range, an address, `all`, or `none` (which adds nothing).
  base::Result<void> add(std::string_view text);

  bool allows(const IpAddress& address) const noexcept;
  /// False for families other than IPv4 and IPv6.
  bool allows(const sockaddr& address) const noexcept;
  /// False for what has no address.
  bool allows(const base::Endpoint& endpoint) const noexcept;
  /// False for what is no address; a zone (`fe80::1%eth0`) is not looked at.
  bool allows(std::string_view address) const;
  bool is_empty() const noexcept { return ranges_.empty(); }

 private:
  std::vector<AddressRange> ranges_;
};

}  // namespace control
