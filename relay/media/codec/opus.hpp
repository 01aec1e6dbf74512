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

/// What dOps says.
struct Config {
  std::uint8_t channels = 2;
  std::uint16_t pre_skip = 0;
  std::uint32_t input_rate = sample_rate;
};
std::optional<Config> parse_config(std::span<const std::byte> dops) noexcept;
/// Channel mapping family 0: one or two channels.
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
/// Nothing if `bytes` do not begin with a whole one.
std::optional<ControlHeader> parse_control_header(std::span<const std::byte> bytes) noexcept;
/// Without trims.
std::vector<std::byte> make_control_header(std::size_t payload_bytes);

}  // namespace codec::opus
