#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// Opus: RFC 6716, its binding to MP4 (dOps) and to MPEG-TS (ETSI TS 103 491 draft, as ffmpeg and
/// GStreamer write it).
namespace codec::opus {

inline constexpr std::uint32_t sample_rate = 48'000;
inline constexpr std::uint8_t channels_max = 8;  ///< that we can describe ourselves
/// Of one access unit in MPEG-TS. A packet has at most 120 ms in 48 frames of 1 275 bytes (RFC
/// 6716, 3.2.5); what has eight channels in several streams is far below in practice.
inline constexpr std::size_t access_unit_bytes_max = 65'535;

/// What dOps says.
struct Config {
  std::uint8_t channels = 2;
  std::uint16_t pre_skip = 0;
  std::uint32_t input_rate = sample_rate;
};
/// Nothing if it makes no sense. Any channel mapping, which is looked at but not kept.
std::optional<Config> parse_config(std::span<const std::byte> dops) noexcept;
/// One or two channels: mapping family 0; three to `channels_max`: family 1 in the Vorbis order
/// with the usual streams (RFC 7845, 5.1.1), as channel_config_code 3 to 8 means in MPEG-TS. Empty
/// for other numbers.
std::vector<std::byte> make_config(const Config& config);

/// How long a packet plays, in ticks of 48 kHz (RFC 6716, 3.1); 0 if it is no packet.
std::uint32_t packet_duration(std::span<const std::byte> packet) noexcept;

/// The control header before each access unit in MPEG-TS.
struct ControlHeader {
  std::size_t header_bytes = 0;
  std::size_t payload_bytes = 0;
  std::uint16_t start_trim = 0;
  std::uint16_t end_trim = 0;
};
/// Nothing if `bytes` do not begin with a whole one. The payload may be cut off.
std::optional<ControlHeader> parse_control_header(std::span<const std::byte> bytes) noexcept;
/// Without trims. A payload of more than `access_unit_bytes_max` we would not read again.
std::vector<std::byte> make_control_header(std::size_t payload_bytes);

}  // namespace codec::opus
