// Ranges of addresses, one a line, the last line an address: AddressRanges against a twin that
// compares bit by bit what inet_pton reads.
#include "relay/control/access.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/base/assert.hpp"

namespace {

/// IPv4 as the IPv6 addresses it is mapped to.
using Bits = std::array<std::uint8_t, 16>;

std::optional<Bits> read_address(const std::string& text) {
  Bits bits{};
  if (text.find('\0') != std::string::npos) return std::nullopt;
  if (inet_pton(AF_INET6, text.c_str(), bits.data()) == 1) return bits;
  bits[10] = bits[11] = 0xff;
  if (inet_pton(AF_INET, text.c_str(), bits.data() + 12) == 1) return bits;
  return std::nullopt;
}
bool is_mapped(const Bits& bits) {
  return std::all_of(bits.begin(), bits.begin() + 10, [](auto byte) { return byte == 0; }) &&
         bits[10] == 0xff && bits[11] == 0xff;
}
bool bit(const Bits& bits, unsigned index) { return bits[index / 8] >> (7 - index % 8) & 1; }

/// Of a range that was accepted.
bool contains(std::string_view range, const Bits& address) {
  if (range == "all") return true;
  if (range == "none") return false;
  const std::string text(range);
  const std::size_t slash = std::min(text.find('/'), text.size());
  const Bits network = read_address(text.substr(0, slash)).value();
  unsigned length = 128;
  if (slash < text.size()) {
    length = static_cast<unsigned>(std::stoul(text.substr(slash + 1)));
    if (text.find(':') > slash) length += 96;
  }
  RELAY_ASSERT(length <= 128);
  for (unsigned index = length; index < 128; ++index) RELAY_ASSERT(!bit(network, index));
  if (is_mapped(network) != is_mapped(address)) return false;
  for (unsigned index = 0; index < length; ++index) {
    if (bit(network, index) != bit(address, index)) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  control::AddressRanges ranges;
  std::vector<std::string_view> accepted;
  for (std::size_t end; (end = text.find('\n')) != std::string_view::npos;) {
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto added = ranges.add(line);
    if (added) accepted.push_back(line);
    if (!added) RELAY_ASSERT(added.error().message() != "unknown error");
  }
  const auto address = control::IpAddress::parse(text);
  const auto bits = read_address(std::string(text));
  RELAY_ASSERT(address.has_value() == bits.has_value());
  if (!bits) return 0;
  RELAY_ASSERT(address->is_ipv4() == is_mapped(*bits));
  const bool allowed = std::any_of(accepted.begin(), accepted.end(),
                                   [&](std::string_view range) { return contains(range, *bits); });
  RELAY_ASSERT(ranges.allows(*address) == allowed);
  RELAY_ASSERT(ranges.allows(text) == allowed);
  return 0;
}
