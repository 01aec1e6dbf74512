#include "client/camera/encoder.hpp"

#include <array>

namespace client::camera {
namespace {

using media::Codec;

// The best first: hardware costs no processor, and x264 with these settings is the fastest
// software.
constexpr std::array<KnownEncoder, 8> video_encoders{{
    {"nvh264enc", Codec::h264, true},
    {"vah264enc", Codec::h264, true},
    {"vaapih264enc", Codec::h264, true},
    {"v4l2h264enc", Codec::h264, true},
    {"x264enc", Codec::h264, false},
    {"openh264enc", Codec::h264, false},
    {"x265enc", Codec::h265, false},
    {"vp9enc", Codec::vp9, false},
}};

// AAC plays everywhere.
constexpr std::array<KnownEncoder, 5> audio_encoders{{
    {"fdkaacenc", Codec::aac, false},
    {"avenc_aac", Codec::aac, false},
    {"voaacenc", Codec::aac, false},
    {"opusenc", Codec::opus, false},
    {"lamemp3enc", Codec::mp3, false},
}};

std::string media_type_of(Codec codec) {
  switch (codec) {
    case Codec::h264:
      return "video/x-h264";
    case Codec::h265:
      return "video/x-h265";
    case Codec::vp9:
      return "video/x-vp9";
    case Codec::opus:
      return "audio/x-opus";
    default:
      return "audio/mpeg";
  }
}

std::string kilobits(const VideoSettings& settings) {
  return std::to_string((settings.bitrate + 999) / 1000);
}

// The element with its properties.
std::string settings_of(const Encoder& encoder, const VideoSettings& settings) {
  const std::string gop = std::to_string(settings.gop);
  const std::string bits = std::to_string(settings.bitrate);
  const std::string kbit = kilobits(settings);
  const std::string_view name = encoder.element;
  if (name == "nvh264enc") {
    return "nvh264enc preset=low-latency-hq zerolatency=true rc-mode=cbr bframes=0 bitrate=" +
           kbit + " gop-size=" + gop;
  }
  if (name == "vah264enc") {
    return "vah264enc rate-control=cbr b-frames=0 ref-frames=1 bitrate=" + kbit +
           " key-int-max=" + gop;
  }
  if (name == "vaapih264enc") {
    return "vaapih264enc rate-control=cbr max-bframes=0 bitrate=" + kbit +
           " keyframe-period=" + gop;
  }
  if (name == "v4l2h264enc") {
    return "v4l2h264enc extra-controls=\"controls,video_bitrate=" + bits +
           ",video_gop_size=" + gop + "\" ! video/x-h264,level=(string)4";
  }
  if (name == "openh264enc") {
    return "openh264enc rate-control=bitrate complexity=low scene-change-detection=false bitrate=" +
           bits + " gop-size=" + gop;
  }
  if (name == "x265enc") {
    return "x265enc tune=zerolatency speed-preset=ultrafast bitrate=" + kbit +
           " key-int-max=" + gop;
  }
  if (name == "vp9enc") {
    return "vp9enc deadline=1 cpu-used=8 lag-in-frames=0 end-usage=cbr target-bitrate=" + bits +
           " keyframe-max-dist=" + gop;
  }
  return "x264enc tune=zerolatency speed-preset=ultrafast bitrate=" + kbit + " key-int-max=" + gop;
}

}  // namespace

std::optional<Encoder> choose_video_encoder(Probe& probe, std::string_view among, bool for_mpegts) {
  for (const KnownEncoder& known : video_encoders) {
    if (!among.empty() && known.element != among) continue;
    if (for_mpegts && known.codec == Codec::vp9) continue;
    if (!probe.has(known.element)) continue;
    Encoder encoder{std::string(known.element), known.codec};
    if (!known.is_hardware || probe.works(encoder)) return encoder;
  }
  return std::nullopt;
}

std::optional<Encoder> choose_audio_encoder(Probe& probe) {
  for (const KnownEncoder& known : audio_encoders) {
    if (probe.has(known.element)) return Encoder{std::string(known.element), known.codec};
  }
  return std::nullopt;
}

std::span<const KnownEncoder> known_video_encoders() noexcept { return video_encoders; }
std::span<const KnownEncoder> known_audio_encoders() noexcept { return audio_encoders; }

std::string video_encoder_names() {
  std::string names;
  for (const KnownEncoder& known : video_encoders) {
    if (!names.empty()) names += ", ";
    names += known.element;
  }
  return names;
}

std::string video_encoding(const Encoder& encoder, const VideoSettings& settings) {
  // Many encoders would go on in 4:4:4 or RGB, which hardly anything decodes.
  return "videoconvert ! video/x-raw,format={I420,NV12} ! " + settings_of(encoder, settings) +
         " ! " + parsing(media_type_of(encoder.codec), 4);
}

std::string audio_encoding(const Encoder& encoder) {
  std::string settings = encoder.element;
  if (encoder.codec == Codec::opus) settings += " frame-size=20";
  if (encoder.element == "lamemp3enc") settings += " target=bitrate bitrate=128";
  if (encoder.codec == Codec::aac) settings += " bitrate=128000";
  return "audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=[1,2] ! " + settings +
         " ! " + parsing(media_type_of(encoder.codec), encoder.codec == Codec::mp3 ? 1 : 4);
}

std::string parsing(std::string_view media_type, int mpeg_version) {
  if (media_type == "video/x-h264") {
    return "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au";
  }
  if (media_type == "video/x-h265") {
    return "h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au";
  }
  if (media_type == "video/x-av1") {
    return "av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu";
  }
  if (media_type == "video/x-vp9") return "vp9parse ! video/x-vp9,alignment=super-frame";
  if (media_type == "audio/x-opus") return "opusparse";
  if (media_type != "audio/mpeg") return {};
  if (mpeg_version == 1) return "mpegaudioparse";
  return "aacparse ! audio/mpeg,mpegversion=4,stream-format=raw";
}

}  // namespace client::camera
