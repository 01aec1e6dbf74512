#include "relay/control/access.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace control {
namespace {

constexpr std::size_t mapped_prefix_bytes = 12;  // ::ffff:0:0/96, RFC 4291, 2.5.5.2
constexpr unsigned mapped_prefix_bits = 96;

bool is_mapped(const std::array<std::uint8_t, 16>& bytes) {
  static constexpr std::array<std::uint8_t, mapped_prefix_bytes> prefix{0, 0, 0, 0, 0,    0,
                                                                        0, 0, 0, 0, 0xff, 0xff};
  return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

}  // namespace

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::not_an_address:
      return "not an IPv4 or IPv6 address";
    case Errc::bad_prefix_length:
      return "the prefix length is not a number within the address";
    case Errc::host_bits:
      return "the address has bits set behind its prefix length";
    case Errc::ambiguous_client:
      return "X-Forwarded-For and Forwarded name different clients";
  }
  return "unknown error";
}

IpAddress IpAddress::from_ipv6(const std::array<std::uint8_t, 16>& bytes) noexcept {
  IpAddress address;
  if (is_mapped(bytes)) {
    address.ipv4_ = true;
    std::copy(bytes.begin() + mapped_prefix_bytes, bytes.end(), address.bytes_.begin());
  } else {
    address.bytes_ = bytes;
  }
  return address;
}

base::Result<IpAddress> IpAddress::parse(std::string_view text) {
  // A NUL would end the text early for inet_pton.
  if (text.find('\0') != std::string_view::npos) return Errc::not_an_address;
  const std::string terminated(text);
  IpAddress address;
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data()) == 1) {
    address.ipv4_ = true;
    return address;
  }
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return from_ipv6(bytes);
  return Errc::not_an_address;
}

std::optional<IpAddress> IpAddress::from(const sockaddr& address) noexcept {
  if (address.sa_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    IpAddress result;
    result.ipv4_ = true;
    std::memcpy(result.bytes_.data(), &ipv4.sin_addr, sizeof ipv4.sin_addr);
    return result;
  }
  if (address.sa_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &ipv6.sin6_addr, bytes.size());
    return from_ipv6(bytes);
  }
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::from(const base::Endpoint& endpoint) noexcept {
  if (!endpoint.is_known) return std::nullopt;
  return from_ipv6(endpoint.address);
}

bool IpAddress::is_loopback() const noexcept {
  if (ipv4_) return bytes_[0] == 127;
  static constexpr std::array<std::uint8_t, 16> loopback{0, 0, 0, 0, 0, 0, 0, 0,
                                                         0, 0, 0, 0, 0, 0, 0, 1};
  return bytes_ == loopback;
}

base::Result<AddressRange> AddressRange::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address_text = text.substr(0, slash);
  const auto network = IpAddress::parse(address_text);
  if (!network) return network.error();
  // The length of `::ffff:10.0.0.0/104` counts the bits of IPv6, though it means 10.0.0.0/8.
  const bool written_as_ipv6 = address_text.find(':') != std::string_view::npos;
  const unsigned skipped = network->ipv4_ && written_as_ipv6 ? mapped_prefix_bits : 0;
  const unsigned bits_max = network->ipv4_ ? 32 : 128;

  AddressRange range;
  range.network_ = *network;
  range.prefix_bits_ = bits_max;
  if (slash != std::string_view::npos) {
    const auto length = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
    if (error != std::errc() || end != length.data() + length.size()) {
      return Errc::bad_prefix_length;
    }
    if (bits < skipped || bits - skipped > bits_max) return Errc::bad_prefix_length;
    range.prefix_bits_ = bits - skipped;
  }
  for (unsigned bit = range.prefix_bits_; bit < bits_max; ++bit) {
    if (network->bytes_[bit / 8] >> (7 - bit % 8) & 1) return Errc::host_bits;
  }
  return range;
}

bool AddressRange::contains(const IpAddress& address) const noexcept {
  if (address.is_ipv4() != network_.is_ipv4()) return false;
  const unsigned whole_bytes = prefix_bits_ / 8;
  const auto& ours = network_.bytes();
  const auto& theirs = address.bytes();
  if (!std::equal(ours.begin(), ours.begin() + whole_bytes, theirs.begin())) return false;
  const unsigned rest = prefix_bits_ % 8;
  return rest == 0 || ((ours[whole_bytes] ^ theirs[whole_bytes]) >> (8 - rest)) == 0;
}

AddressRanges AddressRanges::all() {
  AddressRanges ranges;
  ranges.add("all").value();
  return ranges;
}

base::Result<void> AddressRanges::add(std::string_view text) {
  if (text == "none") return {};
  if (text == "all") {
    ranges_.push_back(AddressRange::parse("0.0.0.0/0").value());
    ranges_.push_back(AddressRange::parse("::/0").value());
    return {};
  }
  const auto range = AddressRange::parse(text);
  if (!range) return range.error();
  ranges_.push_back(*range);
  return {};
}

bool AddressRanges::allows(const IpAddress& address) const noexcept {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const AddressRange& range) { return range.contains(address); });
}

bool AddressRanges::allows(const sockaddr& address) const noexcept {
  const auto parsed = IpAddress::from(address);
  return parsed && allows(*parsed);
}

bool AddressRanges::allows(const base::Endpoint& endpoint) const noexcept {
  const auto address = IpAddress::from(endpoint);
  return address && allows(*address);
}

bool AddressRanges::allows(std::string_view address) const {
  const auto parsed = IpAddress::parse(address.substr(0, address.find('%')));
  return parsed && allows(*parsed);
}

}  // namespace control
