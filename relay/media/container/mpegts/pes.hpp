#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace mpegts {

/// Whether PES packets with this stream_id have a header behind their length (2.4.3.7): not those
/// of padding, private_stream_2, ECM, EMM, DSM-CC, maps and directories.
constexpr bool has_pes_header(std::uint8_t stream_id) noexcept {
  switch (stream_id) {
    case 0xBC:
    case 0xBE:
    case 0xBF:
    case 0xF0:
    case 0xF1:
    case 0xF2:
    case 0xF8:
    case 0xFF:
      return false;
    default:
      return stream_id > 0xBB;
  }
}

/// Extends 33-bit timestamps over their wraps: each is taken as the nearest to the one before.
class TimestampUnwrap {
 public:
  std::int64_t unwrap(std::uint64_t stamp) noexcept;

 private:
  std::optional<std::int64_t> last_;
};

/// The payload of one PID, unit by unit (ISO/IEC 13818-1, 2.4.3.6): reads the header of each PES
/// packet, wherever packets cut it, and tells where a unit ends before the next one begins.
class PesTracker {
 public:
  enum class End : std::uint8_t { none, length, stuffing };

  /// The packet starts a unit.
  void begin() noexcept;
  /// The payload of a packet that came in order; `is_stuffed` as its adaptation field says. Returns
  /// how the unit ended with this packet, if it did; `elementary()` are the bytes behind the
  /// header.
  End take(std::span<const std::byte> payload, bool is_stuffed) noexcept;
  std::span<const std::byte> elementary() const noexcept { return elementary_; }

  /// Inside a unit: takes so many bytes if they cannot end it.
  bool take_inner(std::uint32_t bytes) noexcept {
    if (unit_bytes_ != 0 && seen_bytes_ + bytes >= unit_bytes_) return false;
    seen_bytes_ += bytes;
    return true;
  }

  /// True once after a unit that was not what it says: without a start code, or of another length.
  bool take_lie() noexcept { return std::exchange(is_lie_, false); }

  /// Packets were lost: what comes next proves nothing about how units end.
  void on_loss() noexcept { is_lost_ = true; }

  /// A unit has begun and is not known to have ended.
  bool is_open() const noexcept { return state_ == State::open; }
  /// It says its own length, or the stuffing of its last packet will tell.
  bool has_length() const noexcept { return unit_bytes_ > 0 && trusts_length_; }
  /// The header (of this unit) was read.
  bool has_header() const noexcept { return part_ == Part::body; }
  std::optional<std::uint64_t> pts() const noexcept { return pts_; }  ///< 33 bits
  std::optional<std::uint64_t> dts() const noexcept { return dts_; }  ///< likewise; pts if absent

 private:
  enum class State : std::uint8_t { none, open, ended_by_length, ended_by_stuffing };
  enum class Part : std::uint8_t { head, stamps, skip, body };
  static constexpr std::size_t head_bytes = 9;
  static constexpr std::size_t stamps_end = head_bytes + 10;

  std::span<const std::byte> take_header(std::span<const std::byte> payload) noexcept;
  bool gather(std::span<const std::byte>& payload, std::size_t upto) noexcept;
  void parse_head() noexcept;
  void parse_stamps() noexcept;
  void reopen() noexcept;

  State state_ = State::none;
  Part part_ = Part::head;
  bool trusts_length_ = true;
  bool trusts_stuffing_ = true;
  bool is_lost_ = false;
  bool is_lie_ = false;
  std::uint16_t have_ = 0;  // bytes of the header gathered
  std::uint16_t header_end_ = 0;
  std::uint16_t skip_ = 0;        // bytes of the header still to come that nobody needs
  std::uint32_t unit_bytes_ = 0;  // 0: not told
  std::uint32_t seen_bytes_ = 0;
  std::optional<std::uint64_t> pts_;
  std::optional<std::uint64_t> dts_;
  std::span<const std::byte> elementary_;
  std::array<std::byte, stamps_end> header_;
};

}  // namespace mpegts
