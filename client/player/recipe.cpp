#include "client/player/recipe.hpp"

#include <array>
#include <cstddef>
#include <span>

namespace client {
namespace {

constexpr char libav[] = "gstreamer1.0-libav";
constexpr char bad[] = "gstreamer1.0-plugins-bad";
constexpr char good[] = "gstreamer1.0-plugins-good";
constexpr char basic[] = "gstreamer1.0-plugins-base";

std::string hex(std::span<const std::byte> bytes) {
  constexpr std::array<char, 17> digits{"0123456789abcdef"};
  std::string text;
  for (const std::byte byte : bytes) {
    text += digits[std::to_integer<std::size_t>(byte >> 4)];
    text += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

std::string sound_of(const media::Track& track) {
  return ",rate=" + std::to_string(track.sample_rate) +
         ",channels=" + std::to_string(track.channels);
}

// dOps: version 8, channels 8, pre-skip 16, rate 32, gain 16, family 8, and behind any family but 0
// streams 8, coupled 8, a byte for each channel.
std::optional<std::string> opus_caps(const media::Track& track) {
  constexpr std::size_t family_at = 10;
  const auto number = [&track](std::size_t at) {
    return std::to_string(std::to_integer<unsigned>(track.config[at]));
  };
  const std::string head = "audio/x-opus,rate=48000,channels=";
  if (track.config.size() <= family_at || track.config[family_at] == std::byte{0}) {
    return head + std::to_string(track.channels) + ",channel-mapping-family=0";
  }
  const auto channels = std::to_integer<std::size_t>(track.config[1]);
  if (channels == 0 || track.config.size() < family_at + 3 + channels) return std::nullopt;
  std::string mapping;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    mapping += (channel == 0 ? "" : ",") + number(family_at + 3 + channel);
  }
  return head + std::to_string(channels) + ",channel-mapping-family=" + number(family_at) +
         ",stream-count=" + number(family_at + 1) + ",coupled-count=" + number(family_at + 2) +
         ",channel-mapping=(int)<" + mapping + ">";
}

}  // namespace

std::optional<Recipe> recipe_for(const media::Track& track) {
  using media::Codec;
  switch (track.codec) {
    case Codec::h264:
      return Recipe{"video/x-h264,stream-format=byte-stream,alignment=au",
                    {"avdec_h264", "openh264dec"},
                    {"vah264dec", "nvh264dec", "v4l2slh264dec", "v4l2h264dec", "vaapih264dec"},
                    libav,
                    true};
    case Codec::h265:
      return Recipe{"video/x-h265,stream-format=byte-stream,alignment=au",
                    {"avdec_h265", "libde265dec"},
                    {"vah265dec", "nvh265dec", "v4l2slh265dec", "v4l2h265dec", "vaapih265dec"},
                    libav,
                    true};
    case Codec::av1:
      return Recipe{"video/x-av1,stream-format=obu-stream,alignment=tu",
                    {"dav1ddec", "av1dec"},
                    {"vaav1dec", "nvav1dec", "v4l2slav1dec"},
                    bad,
                    false};
    case Codec::vp9:
      return Recipe{"video/x-vp9",
                    {"vp9dec", "avdec_vp9"},
                    {"vavp9dec", "nvvp9dec", "v4l2slvp9dec", "v4l2vp9dec", "vaapivp9dec"},
                    good,
                    false};
    case Codec::aac:
      if (track.config.empty()) return std::nullopt;
      return Recipe{"audio/mpeg,mpegversion=4,stream-format=raw,framed=true" + sound_of(track) +
                        ",codec_data=(buffer)" + hex(track.config),
                    {"avdec_aac", "faad"},
                    {},
                    libav,
                    false};
    case Codec::opus: {
      auto caps = opus_caps(track);
      if (!caps) return std::nullopt;
      return Recipe{std::move(*caps), {"opusdec", "avdec_opus"}, {}, basic, false};
    }
    case Codec::mp3:
      return Recipe{"audio/mpeg,mpegversion=1,layer=3,parsed=true" + sound_of(track),
                    {"mpg123audiodec", "avdec_mp3"},
                    {},
                    good,
                    false};
    case Codec::unknown:
      break;
  }
  return std::nullopt;
}

}  // namespace client
