#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace media {

enum class Codec : std::uint8_t { h264, h265, av1, vp9, aac, opus, mp3, unknown };
enum class Kind : std::uint8_t { video, audio, data };

constexpr std::string_view name(Codec codec) noexcept {
  switch (codec) {
    case Codec::h264:
      return "h264";
    case Codec::h265:
      return "h265";
    case Codec::av1:
      return "av1";
    case Codec::vp9:
      return "vp9";
    case Codec::aac:
      return "aac";
    case Codec::opus:
      return "opus";
    case Codec::mp3:
      return "mp3";
    case Codec::unknown:
      break;
  }
  return "unknown";
}

constexpr std::string_view name(Kind kind) noexcept {
  switch (kind) {
    case Kind::video:
      return "video";
    case Kind::audio:
      return "audio";
    case Kind::data:
      break;
  }
  return "data";
}

/// The frame rate of the recent past, in integers: so many frame intervals took so many ticks.
class FrameRate {
 public:
  /// The next frame, with this decoding time in ticks of 90 kHz.
  void on_frame(std::int64_t time) noexcept {
    if (last_) on_interval(time - *last_);
    last_ = time;
  }
  /// `ticks` (90 kHz) passed from one frame to the next; what is no plausible interval is left out.
  void on_interval(std::int64_t ticks) noexcept {
    if (ticks <= 0 || ticks > 10 * 90'000) return;
    frames_ += 1;
    ticks_ += static_cast<std::uint32_t>(ticks);
    if (frames_ < 128) return;
    // Old intervals lose weight, so that a changed rate shows after some seconds.
    frames_ /= 2;
    ticks_ /= 2;
  }
  /// Frames per 1 000 seconds (29 970 for 29.97 frames a second); 0 while unknown.
  std::uint32_t per_1000_s() const noexcept {
    if (frames_ == 0) return 0;
    return static_cast<std::uint32_t>((frames_ * 90'000'000ULL + ticks_ / 2) / ticks_);
  }

 private:
  std::uint32_t frames_ = 0;
  std::uint64_t ticks_ = 0;
  std::optional<std::int64_t> last_;
};

/// One elementary stream, as far as it is known yet: what is 0 or empty has not been seen.
struct Track {
  std::uint32_t id = 0;  ///< the container's number: in MPEG-TS the PID
  Codec codec = Codec::unknown;
  Kind kind = Kind::data;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;
  std::string language;              ///< ISO 639-2, as the container says it
  std::uint32_t timescale = 90'000;  ///< ticks per second of its samples' times
  /// The decoder's configuration, as in the box of that name without its header: avcC, hvcC
  /// (ISO/IEC 14496-15), av1C, vpcC, dOps; of AAC the AudioSpecificConfig (14496-3). MP3 has none.
  std::vector<std::byte> config;
  std::uint64_t frames = 0;
  FrameRate rate;
};

}  // namespace media
