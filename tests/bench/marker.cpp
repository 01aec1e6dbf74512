#include "tests/bench/marker.hpp"

#include <charconv>
#include <cstring>
#include <string_view>
#include <system_error>

namespace bench {
namespace {

constexpr std::string_view magic = "SpanMark";
constexpr std::size_t frame_digits = 8;
constexpr std::size_t time_digits = 16;

void write_hex(std::byte* place, std::size_t digits, std::uint64_t value) {
  for (std::size_t i = digits; i-- > 0; value >>= 4) {
    place[i] = static_cast<std::byte>("0123456789abcdef"[value & 15]);
  }
}

std::optional<std::uint64_t> read_hex(const std::byte* place, std::size_t digits) {
  const char* const text = reinterpret_cast<const char*>(place);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text, text + digits, value, 16);
  if (error != std::errc() || end != text + digits) return std::nullopt;
  return value;
}

}  // namespace

void write_marker(std::span<std::byte, Marker::size> place, const Marker& marker) {
  std::memcpy(place.data(), magic.data(), magic.size());
  write_hex(place.data() + magic.size(), frame_digits, marker.frame);
  write_hex(place.data() + magic.size() + frame_digits, time_digits,
            static_cast<std::uint64_t>(marker.sent_ns));
}

std::optional<Marker> read_marker(std::span<const std::byte> place) {
  if (place.size() < Marker::size) return std::nullopt;
  if (std::memcmp(place.data(), magic.data(), magic.size()) != 0) return std::nullopt;
  const auto frame = read_hex(place.data() + magic.size(), frame_digits);
  const auto time = read_hex(place.data() + magic.size() + frame_digits, time_digits);
  if (!frame || !time) return std::nullopt;
  return Marker{.frame = *frame, .sent_ns = static_cast<std::int64_t>(*time)};
}

std::optional<std::size_t> find_marker(std::span<const std::byte> bytes) {
  const void* const found = ::memmem(bytes.data(), bytes.size(), magic.data(), magic.size());
  if (found == nullptr) return std::nullopt;
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
  if (!read_marker(bytes.subspan(offset))) return std::nullopt;
  return offset;
}

}  // namespace bench
