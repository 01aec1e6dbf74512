#include "relay/http/proxy/header_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "relay/base/byte_reader.hpp"
#include "relay/http/proxy/errc.hpp"

namespace http::proxy {
namespace {

using Bytes = std::span<const std::byte>;
using Size = base::Result<std::optional<std::size_t>>;

constexpr std::string_view line_begin = "PROXY ";
constexpr std::string_view line_end = "\r\n";
constexpr std::string_view unknown_line = "PROXY UNKNOWN";
constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
//  0                12      13     14       16
// | signature       | 2|cmd | f|t  | length | addresses, TLVs … |   (2.2)
constexpr std::size_t fixed_bytes = 16;
constexpr std::size_t version_at = 12;
constexpr std::size_t family_at = 13;
constexpr std::size_t length_at = 14;
constexpr std::uint8_t local_command = 0x20;  // with the version before it
constexpr std::uint8_t proxy_command = 0x21;
constexpr std::size_t unix_bytes = 216;

/// `part` is one of the two's beginnings, or the other way around.
bool begins_alike(std::string_view text, std::string_view other) {
  const std::size_t size = std::min(text.size(), other.size());
  return text.substr(0, size) == other.substr(0, size);
}

std::string_view take_word(std::string_view& line) {
  const std::size_t size = std::min(line.find(' '), line.size());
  const auto word = line.substr(0, size);
  line.remove_prefix(std::min(size + 1, line.size()));
  return word;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, port);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return port;
}

/// An address of the family, without brackets or port.
std::optional<base::Endpoint> parse_address(std::string_view text, bool is_ipv6) {
  const bool has_colon = text.find(':') != std::string_view::npos;
  if (has_colon != is_ipv6 || text.starts_with('[')) return std::nullopt;
  const auto endpoint = base::parse_endpoint(text);
  return endpoint && endpoint->port == 0 ? endpoint : std::nullopt;
}

/// A whole line without its end: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`.
base::Result<Header> parse_line(std::string_view line) {
  // Whatever follows is to be ignored (2.1).
  if (line == unknown_line || line.starts_with(std::string(unknown_line) + ' ')) return Header{};
  if (std::count(line.begin(), line.end(), ' ') != 5) return Errc::bad_line;
  take_word(line);
  const auto family = take_word(line);
  const bool is_ipv6 = family == "TCP6";
  if (!is_ipv6 && family != "TCP4") return Errc::bad_line;
  auto source = parse_address(take_word(line), is_ipv6);
  const auto destination = parse_address(take_word(line), is_ipv6);
  const auto source_port = parse_port(take_word(line));
  const auto destination_port = parse_port(take_word(line));
  if (!source || !destination || !source_port || !destination_port) return Errc::bad_line;
  source->port = *source_port;
  return Header{*source};
}

/// How long the line is, once that is known.
Size line_size(std::string_view seen) {
  const auto end = seen.substr(0, line_bytes_max).find_first_of(line_end);
  if (end == std::string_view::npos) {
    if (seen.size() >= line_bytes_max) return Errc::line_too_long;
    return std::optional<std::size_t>();
  }
  if (end + 1 == line_bytes_max) return Errc::line_too_long;
  if (!begins_alike(seen.substr(end), line_end)) return Errc::bad_line;
  if (end + 1 == seen.size()) return std::optional<std::size_t>();
  return std::optional(end + line_end.size());
}

bool is_known_family(std::uint8_t family) { return family >> 4 <= 3 && (family & 15) <= 2; }

std::size_t address_bytes(std::uint8_t family) {
  constexpr std::array<std::size_t, 4> bytes{0, 12, 36, unix_bytes};
  return bytes[family >> 4];
}

/// How long a header of version 2 is, once that is known.
Size binary_size(std::string_view seen) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(seen[at]); };
  if (seen.size() <= version_at) return std::optional<std::size_t>();
  const bool is_local = byte(version_at) == local_command;
  if (!is_local && byte(version_at) != proxy_command) return Errc::bad_version;
  // Of its own connections a proxy may say anything (2.2).
  if (!is_local && seen.size() > family_at && !is_known_family(byte(family_at))) {
    return Errc::bad_family;
  }
  if (seen.size() < fixed_bytes) return std::optional<std::size_t>();
  const std::size_t length = byte(length_at) * 256U + byte(length_at + 1);
  if (!is_local && length < address_bytes(byte(family_at))) return Errc::bad_length;
  if (fixed_bytes + length > header_bytes_max) return Errc::too_long;
  return std::optional(fixed_bytes + length);
}

/// A whole header of version 2.
Header parse_binary(Bytes bytes) {
  base::ByteReader reader(bytes);
  reader.skip(version_at);
  const bool is_local = reader.u8() == local_command;
  const std::uint8_t family = reader.u8();
  const bool has_transport = (family & 15) != 0;
  reader.skip(2);
  if (is_local || !has_transport) return {};
  if (family >> 4 == 1) {
    const auto address = reader.take(4);
    reader.skip(4);
    return {base::Endpoint::ipv4(address.first<4>(), reader.u16())};
  }
  if (family >> 4 == 2) {
    const auto address = reader.take(16);
    reader.skip(16);
    return {base::Endpoint::ipv6(address.first<16>(), reader.u16())};
  }
  return {};
}

}  // namespace

base::Result<std::optional<Header>> HeaderReader::feed(std::span<const std::byte> bytes) {
  const std::size_t before = pending_.size();
  // Never more than the longest header, however much came behind it.
  const auto looked_at = bytes.first(std::min(bytes.size(), header_bytes_max - before));
  pending_.append(reinterpret_cast<const char*>(looked_at.data()), looked_at.size());
  consumed_ = bytes.size();
  const bool is_line = begins_alike(pending_, line_begin);
  if (!is_line && !begins_alike(pending_, signature)) return Errc::no_header;
  if (pending_.empty()) return std::optional<Header>();
  const Size size = is_line ? line_size(pending_) : binary_size(pending_);
  if (!size) return size.error();
  if (!*size || **size > pending_.size()) return std::optional<Header>();
  consumed_ = **size - before;
  const std::string whole = std::exchange(pending_, {}).substr(0, **size);
  if (!is_line) return std::optional(parse_binary(std::as_bytes(std::span(whole))));
  const auto header = parse_line(std::string_view(whole).substr(0, whole.size() - line_end.size()));
  if (!header) return header.error();
  return std::optional(*header);
}

}  // namespace http::proxy
