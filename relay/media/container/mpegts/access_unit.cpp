#include "relay/media/container/mpegts/access_unit.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "relay/media/codec/h264.hpp"
#include "relay/media/codec/h265.hpp"

namespace mpegts {

using memory::WindowList;

namespace {

namespace h264 = codec::h264;
namespace h265 = codec::h265;

constexpr std::array start_code{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
// "Any kind of slice may follow" and the stop bit (ISO/IEC 14496-10, 7.3.2.4; 23008-2, 7.3.2.5).
constexpr std::array h264_delimiter{std::byte{0x09}, std::byte{0xF0}};
constexpr std::array h265_delimiter{std::byte{0x46}, std::byte{0x01}, std::byte{0x50}};

std::span<const std::byte> new_delimiter(bool is_h265) {
  if (is_h265) return h265_delimiter;
  return h264_delimiter;
}

bool is_delimiter(std::byte header, bool is_h265) {
  if (is_h265) return h265::nal_type(header) == h265::NalType::aud;
  return h264::nal_type(header) == h264::NalType::aud;
}

// Goes through a payload front to back, from window to window.
class Cursor {
 public:
  explicit Cursor(const WindowList& payload) noexcept : payload_(&payload) {}

  std::size_t at() const noexcept { return at_; }
  std::size_t left() const noexcept { return payload_->bytes() - at_; }

  /// Calls `use(span)` for each piece of the next `count` bytes, which are there.
  template <class Use>
  void take(std::size_t count, Use&& use) {
    at_ += count;
    while (count > 0) {
      const auto window = (*payload_)[index_].bytes();
      const auto piece = window.subspan(offset_, std::min(count, window.size() - offset_));
      use(piece);
      count -= piece.size();
      offset_ += piece.size();
      if (offset_ == window.size()) {
        ++index_;
        offset_ = 0;
      }
    }
  }
  void skip(std::size_t count) {
    take(count, [](std::span<const std::byte>) {});
  }
  std::uint32_t u32() {
    std::uint32_t value = 0;
    take(4, [&value](std::span<const std::byte> piece) {
      for (const std::byte byte : piece) value = value << 8 | std::to_integer<std::uint32_t>(byte);
    });
    return value;
  }
  /// There is a byte.
  std::byte peek() const noexcept { return (*payload_)[index_].bytes()[offset_]; }

 private:
  const WindowList* payload_;
  std::size_t at_ = 0;
  std::size_t index_ = 0;   // of the window
  std::size_t offset_ = 0;  // in it
};

// Calls `visit(Cursor, bytes)` for each NAL unit. The lengths are what the publisher wrote.
template <class Visit>
void for_each_nal(const WindowList& payload, Visit&& visit) {
  Cursor in(payload);
  while (in.left() > 4) {
    const std::uint32_t bytes = in.u32();
    if (bytes > in.left()) return;
    if (bytes == 0) continue;
    visit(in, bytes);
    in.skip(bytes);
  }
}

void write_nal(PacketWriter& out, Cursor nal, std::size_t bytes) {
  out.append(start_code);
  nal.take(bytes, [&out](std::span<const std::byte> piece) { out.append(piece); });
}

}  // namespace

AccessUnit::AccessUnit(const WindowList& payload, media::Codec codec) noexcept
    : payload_(payload), is_h265_(codec == media::Codec::h265) {
  for_each_nal(payload_, [this](const Cursor& nal, std::size_t bytes) {
    if (!is_delimiter(nal.peek(), is_h265_)) {
      bytes_ += start_code.size() + bytes;
    } else if (!delimiter_) {
      delimiter_ = {nal.at(), bytes};
    }
  });
  if (bytes_ == 0) return;
  bytes_ += start_code.size() + (delimiter_ ? delimiter_->bytes : new_delimiter(is_h265_).size());
}

void AccessUnit::write(PacketWriter& out) const {
  if (delimiter_) {
    Cursor nal(payload_);
    nal.skip(delimiter_->at);
    write_nal(out, nal, delimiter_->bytes);
  } else {
    out.append(start_code);
    out.append(new_delimiter(is_h265_));
  }
  for_each_nal(payload_, [&](const Cursor& nal, std::size_t bytes) {
    if (!is_delimiter(nal.peek(), is_h265_)) write_nal(out, nal, bytes);
  });
}

}  // namespace mpegts
