#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace mpegts {

/// The header of a PES packet to be written (ISO/IEC 13818-1, 2.4.3.6).
class PesHeader {
 public:
  static constexpr std::uint8_t video_id = 0xE0;
  static constexpr std::uint8_t audio_id = 0xC0;
  static constexpr std::uint8_t private_id = 0xBD;
  /// Of what a PES packet with a PTS holds if it says its length.
  static constexpr std::size_t payload_bytes_max = 0xFFFF - 3 - 5;

  struct Facts {
    std::uint8_t stream_id = video_id;
    std::size_t payload_bytes = 0;
    std::int64_t pts = 0;             ///< 90 kHz
    std::optional<std::int64_t> dts;  ///< only if it is not the pts
    bool is_padded = false;           ///< one stuffing byte more than it needs
  };
  explicit PesHeader(const Facts& facts) noexcept;

  std::span<const std::byte> bytes() const noexcept { return std::span(bytes_).first(size_); }
  /// PES_packet_length is told; 0 is for video only, when it does not fit.
  bool has_length() const noexcept { return has_length_; }

 private:
  void put_stamp(unsigned prefix, std::int64_t stamp) noexcept;
  void put(unsigned value) noexcept { bytes_[size_++] = static_cast<std::byte>(value & 0xFF); }

  std::size_t size_ = 0;
  bool has_length_ = false;
  std::array<std::byte, 9 + 10 + 1> bytes_;
};

}  // namespace mpegts
