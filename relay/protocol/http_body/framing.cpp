#include "relay/protocol/http_body/framing.hpp"

#include <cstdint>

namespace http_body {
namespace {

constexpr std::size_t size_digits_max = 8;

int hex_value(std::byte byte) noexcept {
  const auto c = std::to_integer<unsigned char>(byte);
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_crlf(std::span<const std::byte> bytes, std::size_t at) noexcept {
  return at + 2 <= bytes.size() && bytes[at] == std::byte{'\r'} && bytes[at + 1] == std::byte{'\n'};
}

// Where the size line begins that ends at `end` and says `size`; `end` itself when there is none.
std::size_t size_line_before(std::span<const std::byte> bytes, std::size_t end,
                             std::size_t size) noexcept {
  if (end < 3 || !is_crlf(bytes, end - 2)) return end;
  std::size_t begin = end - 2;
  std::uint64_t value = 0;
  for (unsigned shift = 0; begin > 0 && shift < 4 * size_digits_max; shift += 4) {
    const int digit = hex_value(bytes[begin - 1]);
    if (digit < 0) break;
    value |= static_cast<std::uint64_t>(digit) << shift;
    --begin;
    if (value == size)
      return begin;  // more digits before it belong to something else, or are zeros
  }
  return end;
}

}  // namespace

memory::Window find_framing(const memory::WindowList& payload, std::span<const std::byte> written) {
  if (payload.empty() || written.empty()) return {};
  const memory::Window& first = payload[0];
  const std::byte* const begin = written.data();
  std::size_t image_begin = 0;
  std::size_t expected = 0;  // where the next size line has to begin
  for (std::size_t index = 0; index < payload.count(); ++index) {
    const memory::Window& window = payload[index];
    if (window.hold() != first.hold() || window.data() < begin ||
        window.data() + window.size() > begin + written.size()) {
      return {};
    }
    const auto at = static_cast<std::size_t>(window.data() - begin);
    const std::size_t line = size_line_before(written, at, window.size());
    if (line == at || !is_crlf(written, at + window.size())) return {};
    if (index == 0) image_begin = line;
    if (index > 0 && line != expected) return {};
    expected = at + window.size() + 2;
  }
  return {first.hold(), written.subspan(image_begin, expected - image_begin)};
}

}  // namespace http_body
