#include "relay/media/container/fmp4/nal_units.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "relay/base/big_endian.hpp"
#include "relay/media/codec/h264.hpp"
#include "relay/media/codec/h264_config.hpp"
#include "relay/media/codec/h265.hpp"
#include "relay/media/codec/h265_config.hpp"
#include "relay/media/container/fmp4/errc.hpp"

namespace fmp4 {
namespace {

using memory::Window;
using memory::WindowList;

// Walks a list front to back: each window is looked at once, however many NAL units there are.
class Cursor {
 public:
  explicit Cursor(const WindowList& list) noexcept
      : window_(list.begin()), remaining_(list.bytes()) {}

  std::size_t remaining() const noexcept { return remaining_; }
  // Each takes at most `remaining()` bytes.
  void read(std::span<std::byte> out) noexcept {
    advance(out.size(), [&](const Window& window, std::size_t from, std::size_t count) {
      std::copy_n(window.bytes().begin() + static_cast<std::ptrdiff_t>(from), count, out.begin());
      out = out.subspan(count);
    });
  }
  void skip(std::size_t size) noexcept {
    advance(size, [](const Window&, std::size_t, std::size_t) {});
  }
  void take(std::size_t size, WindowList& out) {
    advance(size, [&](const Window& window, std::size_t from, std::size_t count) {
      out.push_back(window.subwindow(from, count));
    });
  }

 private:
  template <class Visit>
  void advance(std::size_t size, Visit&& visit) {
    RELAY_ASSERT(size <= remaining_);
    remaining_ -= size;
    while (size > 0) {
      const std::size_t count = std::min(size, window_->size() - at_);
      visit(*window_, at_, count);
      size -= count;
      at_ += count;
      if (at_ == window_->size()) {
        ++window_;
        at_ = 0;
      }
    }
  }

  decltype(std::declval<const WindowList&>().begin()) window_;
  std::size_t at_ = 0;
  std::size_t remaining_;
};

// The length of the next NAL unit; nothing when it does not fit what is left.
std::optional<std::size_t> read_length(Cursor& cursor, unsigned length_bytes) noexcept {
  if (cursor.remaining() < length_bytes) return std::nullopt;
  std::array<std::byte, 4> bytes;
  cursor.read(std::span(bytes).first(length_bytes));
  std::size_t length = 0;
  for (unsigned at = 0; at < length_bytes; ++at) {
    length = length << 8 | std::to_integer<std::size_t>(bytes[at]);
  }
  if (length > cursor.remaining()) return std::nullopt;
  return length;
}

enum class Role : std::uint8_t { other, delimiter, vps, sps, pps, vcl };

Role role_of(media::Codec codec, std::byte header) noexcept {
  if (codec == media::Codec::h264) {
    using codec::h264::NalType;
    const NalType type = codec::h264::nal_type(header);
    if (codec::h264::is_vcl(type)) return Role::vcl;
    if (type == NalType::sps) return Role::sps;
    if (type == NalType::pps) return Role::pps;
    return type == NalType::aud ? Role::delimiter : Role::other;
  }
  using codec::h265::NalType;
  const NalType type = codec::h265::nal_type(header);
  if (codec::h265::is_vcl(type)) return Role::vcl;
  if (type == NalType::vps) return Role::vps;
  if (type == NalType::sps) return Role::sps;
  if (type == NalType::pps) return Role::pps;
  return type == NalType::aud ? Role::delimiter : Role::other;
}

struct Scan {
  std::size_t delimiter_bytes = 0;  // of the access unit delimiter at the front
  bool has_vps = false;
  bool has_sps = false;
  bool has_pps = false;

  bool has_parameter_sets(media::Codec codec) const noexcept {
    return has_sps && has_pps && (has_vps || codec == media::Codec::h264);
  }
};

// Nothing when the lengths do not add up.
std::optional<Scan> scan(const WindowList& payload, const NalFormat& format) noexcept {
  Scan found;
  Cursor cursor(payload);
  bool is_before_picture = true;
  for (std::size_t units = 0; cursor.remaining() > 0; ++units) {
    const auto length = read_length(cursor, format.length_bytes);
    if (!length || units == NalUnits::units_max) return std::nullopt;
    if (*length == 0) continue;
    std::byte header;
    cursor.read({&header, 1});
    cursor.skip(*length - 1);
    if (!is_before_picture) continue;
    const Role role = role_of(format.codec, header);
    if (role == Role::delimiter && units == 0) found.delimiter_bytes = *length;
    found.has_vps |= role == Role::vps;
    found.has_sps |= role == Role::sps;
    found.has_pps |= role == Role::pps;
    is_before_picture = role != Role::vcl;
  }
  return found;
}

}  // namespace

base::Result<void> NalUnits::convert(WindowList& payload, bool is_sync,
                                     memory::BlockWriter& headers) {
  const auto found = scan(payload, format_);
  if (!found) return Errc::bad_nal_units;
  const bool needs_parameter_sets =
      is_sync && !format_.parameter_sets.empty() && !found->has_parameter_sets(format_.codec);
  if (needs_parameter_sets) {
    if (auto written = write_parameter_sets(headers); !written) return written;
  }
  if (format_.length_bytes != 4) {
    if (auto widened = widen_lengths(payload, headers); !widened) return widened;
  }
  if (needs_parameter_sets) {
    // A delimiter stays first in its access unit (H.264, 7.4.1.2.3).
    WindowList out;
    if (found->delimiter_bytes > 0) out = payload.take_front(4 + found->delimiter_bytes);
    out.push_back(parameter_sets_);
    out.append(payload);
    payload = std::move(out);
  }
  return {};
}

base::Result<void> NalUnits::widen_lengths(WindowList& payload,
                                           memory::BlockWriter& headers) const {
  WindowList out;
  Cursor cursor(payload);
  while (cursor.remaining() > 0) {
    const auto length = read_length(cursor, format_.length_bytes);
    RELAY_ASSERT(length);  // scanned before
    std::array<std::byte, 4> bytes;
    base::store_big_endian<4>(bytes.data(), *length);
    auto window = headers.copy_header(bytes);
    if (!window) return window.error();
    out.push_back(std::move(*window));
    cursor.take(*length, out);
  }
  payload = std::move(out);
  return {};
}

base::Result<void> NalUnits::write_parameter_sets(memory::BlockWriter& headers) {
  if (!parameter_sets_.empty()) return {};
  auto window = headers.copy_header(format_.parameter_sets);
  if (!window) return window.error();
  parameter_sets_ = std::move(*window);
  return {};
}

std::optional<std::vector<std::byte>> NalUnits::copy_config(const WindowList& payload) const {
  using Units = std::vector<std::vector<std::byte>>;
  Units vps;
  Units sps;
  Units pps;
  Cursor cursor(payload);
  std::size_t left = parameter_sets_bytes_max;
  while (cursor.remaining() > 0) {
    const auto length = read_length(cursor, 4);
    if (!length || *length > left) break;  // no parameter set, or more than we believe
    std::vector<std::byte> unit(*length);
    cursor.read(unit);
    left -= *length;
    if (unit.empty()) continue;
    const Role role = role_of(format_.codec, unit.front());
    if (role == Role::vcl) break;
    if (role == Role::vps) vps.push_back(std::move(unit));
    if (role == Role::sps && unit.size() >= 4) sps.push_back(std::move(unit));
    if (role == Role::pps) pps.push_back(std::move(unit));
  }
  if (sps.empty() || pps.empty()) return std::nullopt;
  if (format_.codec == media::Codec::h264) {
    auto config = codec::h264::make_config({4, std::move(sps), std::move(pps)});
    if (config.empty()) return std::nullopt;
    return config;
  }
  if (vps.empty()) return std::nullopt;
  return codec::h265::make_config({4, std::move(vps), std::move(sps), std::move(pps)});
}

}  // namespace fmp4
