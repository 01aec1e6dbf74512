#include "relay/media/codec/aac.hpp"

#include <array>

#include "relay/base/byte_reader.hpp"

namespace codec::aac {

std::optional<AdtsHeader> parse_adts(std::span<const std::byte> bytes) noexcept {
  // syncword 12 | id 1, layer 2, protection_absent 1 | profile 2, frequency 4, private 1,
  // channels 3 | original 1, home 1, copyright 2, frame_length 13 | fullness 11, blocks 2
  constexpr std::array<std::uint32_t, 13> rates{96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                                22050, 16000, 12000, 11025, 8000,  7350};
  constexpr std::array<std::uint32_t, 8> channel_counts{0, 1, 2, 3, 4, 5, 6, 8};
  base::ByteReader in(bytes);
  const std::uint64_t sync = in.u16();
  const std::uint64_t head = in.u32();
  in.u8();
  if (!in.ok() || (sync & 0xFFF6) != 0xFFF0) return std::nullopt;
  const auto frequency = static_cast<std::size_t>(head >> 26 & 0xF);
  const auto frame_bytes = static_cast<std::uint32_t>(head >> 5 & 0x1FFF);
  if (frequency >= rates.size() || frame_bytes < adts_header_bytes) return std::nullopt;
  return AdtsHeader{rates[frequency], channel_counts[head >> 22 & 7], frame_bytes};
}

}  // namespace codec::aac
