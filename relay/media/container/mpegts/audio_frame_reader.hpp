#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "relay/base/result.hpp"
#include "relay/media/codec/aac.hpp"
#include "relay/media/container/mpegts/gatherer.hpp"
#include "relay/media/container/mpegts/sample_order.hpp"
#include "relay/media/container/mpegts/sample_sink.hpp"

namespace mpegts {

/// Turns the payload of one audio track (AAC in ADTS, MPEG audio, Opus behind control headers; cut
/// anywhere) into samples, one for each frame. All of them say their own length, so what is in the
/// making is bounded by what a header can say: 64 KiB.
class AudioFrameReader {
 public:
  /// Of the track with that index in `sink`.
  AudioFrameReader(SampleSink& sink, std::uint8_t track, media::Codec codec,
                   memory::BlockPool& pool);

  /// The track's index is another.
  void set_track(std::uint8_t track) noexcept { track_ = track; }
  /// A PES packet begins; its pts is that of the first frame that begins in it.
  void begin_unit(Stamps stamps) noexcept;
  /// Errc::arena_full of memory: call `on_loss()` then.
  base::Result<void> take(std::span<const std::byte> bytes);
  /// Drops what is in the making; goes on at the next `begin_unit`.
  void on_loss() noexcept;
  /// Frames without a timestamp do not continue what was before.
  void forget_time() noexcept { expected_.reset(); }

 private:
  // An Opus control header of a packet of 16 KiB; others are below ten bytes.
  static constexpr std::size_t head_bytes_max = 64;
  // A pts this near to where the frame before ended (90 kHz) is rounded, not different.
  static constexpr std::int64_t rounding_max = 2;

  struct Frame {
    std::uint32_t header_bytes = 0;
    std::uint32_t body_bytes = 0;
    std::uint32_t samples = 0;  // of Opus, the body tells
    std::uint32_t sample_rate = 0;
    std::uint32_t channels = 0;
    bool keeps_header = false;
    bool is_readable = true;
    codec::aac::AdtsHeader adts;
  };
  enum class Parsed : std::uint8_t { more, frame, nothing };

  std::size_t take_head(std::span<const std::byte> bytes);
  Parsed parse_head() noexcept;
  Parsed parse_adts() noexcept;
  Parsed parse_mp3() noexcept;
  Parsed parse_opus() noexcept;
  std::size_t skip(std::size_t least) noexcept;
  base::Result<void> begin_frame();
  void finish_frame();
  void describe_track();
  std::optional<std::int64_t> time_of_frame() const noexcept;

  SampleSink& sink_;
  std::uint8_t track_;
  media::Codec codec_;
  Gatherer gatherer_;
  bool is_skipping_ = true;  // to the next PES packet

  // Frames lie one behind the other from the start of a PES packet on. One that was searched for
  // may be none: it is walked over, to see whether another follows.
  bool is_in_place_ = true;
  std::size_t head_size_ = 0;
  std::array<std::byte, head_bytes_max> head_;
  bool is_inside_ = false;  // the body of `frame_`
  bool is_wanted_ = false;  // likewise
  Frame frame_;
  std::uint32_t body_seen_ = 0;
  std::array<std::byte, 2> body_head_{};  // what tells the duration of an Opus packet
  memory::WindowList payload_;

  std::optional<std::int64_t> unit_pts_;   // until a frame takes it
  std::optional<std::int64_t> frame_pts_;  // 90 kHz
  std::optional<std::int64_t> expected_;   // where the last frame ends, in the track's timescale
  SampleOrder order_;
  // What the track's configuration was made of.
  std::uint8_t object_type_ = 0;
  std::uint8_t rate_index_ = 0;
  std::uint8_t channel_config_ = 0;
};

}  // namespace mpegts
