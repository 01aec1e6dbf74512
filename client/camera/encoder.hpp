#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "relay/media/track.hpp"

namespace client::camera {

struct Fraction {
  std::uint32_t numerator = 30;
  std::uint32_t denominator = 1;
  bool operator==(const Fraction&) const = default;
};

struct Size {
  std::uint32_t width = 1280;
  std::uint32_t height = 720;
  bool operator==(const Size&) const = default;
};

/// What is asked of the video encoder.
struct VideoSettings {
  std::uint64_t bitrate = 2'500'000;  ///< bits per second
  std::uint32_t gop = 30;             ///< frames from one sync frame to the next, at most
};

/// An encoder of GStreamer, by the name of its element.
struct Encoder {
  std::string element;
  media::Codec codec = media::Codec::unknown;
};

/// One that is looked for.
struct KnownEncoder {
  std::string_view element;
  media::Codec codec = media::Codec::unknown;
  bool is_hardware = false;
};
/// The best first.
std::span<const KnownEncoder> known_video_encoders() noexcept;
std::span<const KnownEncoder> known_audio_encoders() noexcept;

/// Whether an element is there and works on this machine.
class Probe {
 public:
  virtual ~Probe() = default;
  virtual bool has(std::string_view element) = 0;
  /// Encodes some frames; of hardware drivers the element may be there without the hardware.
  virtual bool works(const Encoder& encoder) = 0;
};

/// The best that is there: of video hardware that works, else the fastest of the software. Nothing
/// if there is none; `among` (if not empty): this one only.
std::optional<Encoder> choose_video_encoder(Probe& probe, std::string_view among, bool for_mpegts);
std::optional<Encoder> choose_audio_encoder(Probe& probe);

/// Names of all that are looked for, for people.
std::string video_encoder_names();

/// From raw video to coded frames in the form that FrameConverter takes, in GStreamer's words.
/// Set to what costs least latency: no frames are held back.
std::string video_encoding(const Encoder& encoder, const VideoSettings& settings);
std::string audio_encoding(const Encoder& encoder);
/// Brings coded frames with caps of this name (as of `video/x-h264`) into that form; empty if it is
/// no codec of ours.
std::string parsing(std::string_view media_type, int mpeg_version);

}  // namespace client::camera
