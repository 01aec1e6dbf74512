#include "relay/base/endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace base {
namespace {

constexpr std::size_t mapped_prefix_bytes = 12;  // ::ffff:0:0/96
constexpr std::array<std::uint8_t, mapped_prefix_bytes> mapped_prefix{0, 0, 0, 0, 0,    0,
                                                                      0, 0, 0, 0, 0xff, 0xff};

std::optional<Endpoint> parse_ipv4(const char* text) {
  std::array<std::byte, 4> bytes{};
  if (inet_pton(AF_INET, text, bytes.data()) != 1) return std::nullopt;
  return Endpoint::ipv4(bytes, 0);
}

std::optional<Endpoint> parse_ipv6(const char* text) {
  std::array<std::byte, 16> bytes{};
  if (inet_pton(AF_INET6, text, bytes.data()) != 1) return std::nullopt;
  return Endpoint::ipv6(bytes, 0);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, port);
  if (result.ec != std::errc() || result.ptr != end || text.front() == '0') return std::nullopt;
  return port;
}

}  // namespace

Endpoint Endpoint::ipv4(std::span<const std::byte, 4> address, std::uint16_t port) noexcept {
  Endpoint endpoint;
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), endpoint.address.begin());
  std::memcpy(endpoint.address.data() + mapped_prefix_bytes, address.data(), address.size());
  endpoint.port = port;
  endpoint.is_known = true;
  return endpoint;
}

Endpoint Endpoint::ipv6(std::span<const std::byte, 16> address, std::uint16_t port) noexcept {
  Endpoint endpoint;
  std::memcpy(endpoint.address.data(), address.data(), address.size());
  endpoint.port = port;
  endpoint.is_known = true;
  return endpoint;
}

Endpoint Endpoint::from(const sockaddr& address) noexcept {
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return ipv4(std::as_bytes(std::span<const in_addr, 1>(&v4.sin_addr, 1)), ntohs(v4.sin_port));
  }
  if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    return ipv6(std::as_bytes(std::span<const in6_addr, 1>(&v6.sin6_addr, 1)), ntohs(v6.sin6_port));
  }
  return {};
}

bool Endpoint::is_ipv4() const noexcept {
  return is_known && std::equal(mapped_prefix.begin(), mapped_prefix.end(), address.begin());
}

std::string address_text(const Endpoint& endpoint) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (endpoint.is_ipv4()) {
    inet_ntop(AF_INET, endpoint.address.data() + mapped_prefix_bytes, text, sizeof text);
  } else if (endpoint.is_known) {
    inet_ntop(AF_INET6, endpoint.address.data(), text, sizeof text);
  }
  return text;
}

std::string to_text(const Endpoint& endpoint) {
  std::string address = address_text(endpoint);
  if (!endpoint.is_known || endpoint.port == 0) return address;
  const std::string port = ':' + std::to_string(endpoint.port);
  return endpoint.is_ipv4() ? address + port : '[' + address + ']' + port;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  // A NUL would end the text early for inet_pton.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const bool is_bracketed = text.starts_with('[');
  const bool is_ipv6 = is_bracketed || text.find(':') != text.rfind(':');
  std::string_view port;
  if (is_bracketed) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    port = text.substr(end + 1);
    text = text.substr(1, end - 1);
  } else if (!is_ipv6) {
    const auto colon = std::min(text.find(':'), text.size());
    port = text.substr(colon);
    text = text.substr(0, colon);
  }
  const std::string terminated(text);
  auto endpoint = is_ipv6 ? parse_ipv6(terminated.c_str()) : parse_ipv4(terminated.c_str());
  if (!endpoint || port.empty()) return endpoint;
  if (port.size() < 2 || port.front() != ':') return std::nullopt;
  const auto number = parse_port(port.substr(1));
  if (!number) return std::nullopt;
  endpoint->port = *number;
  return endpoint;
}

}  // namespace base
