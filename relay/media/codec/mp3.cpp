#include "relay/media/codec/mp3.hpp"

#include <array>

#include "relay/base/byte_reader.hpp"

namespace codec::mp3 {
namespace {

// In kbit/s, by bitrate_index; 0 is "free". MPEG-1, layers I to III; then MPEG-2 (and the 2.5 of
// Fraunhofer), layer I; layers II and III (11172-3, 2.4.2.3; 13818-3, 2.4.2.3).
constexpr std::array<std::array<std::uint16_t, 15>, 5> bit_rates{{
    {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
    {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
    {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}};
constexpr std::array<std::uint32_t, 3> sample_rates{44'100, 48'000, 32'000};

}  // namespace

// sync 11 | version 2, layer 2, protection 1 | bit rate 4, sample rate 2, padding 1, private 1 |
// mode 2, extension 2, copyright 1, original 1, emphasis 2
std::optional<FrameHeader> parse_header(std::span<const std::byte> bytes) noexcept {
  base::ByteReader in(bytes);
  const std::uint32_t head = in.u32();
  if (!in.ok() || head >> 21 != 0x7FF) return std::nullopt;
  const std::uint32_t version = head >> 19 & 3;      // 0: 2.5, 1: reserved, 2: 2, 3: 1
  const std::uint32_t layer = 4 - (head >> 17 & 3);  // 4: reserved
  const std::uint32_t rate = head >> 12 & 0xF;
  const std::uint32_t frequency = head >> 10 & 3;
  if (version == 1 || layer == 4 || rate == 0 || rate == 15 || frequency == 3) return std::nullopt;
  const bool is_mpeg1 = version == 3;
  const std::size_t row = is_mpeg1 ? layer - 1 : layer == 1 ? 3 : 4;
  const std::uint32_t bits_per_second = bit_rates[row][rate] * 1000U;
  const std::uint32_t padding = head >> 9 & 1;

  FrameHeader header;
  header.sample_rate = sample_rates[frequency] >> (3 - (version == 0 ? 1 : version));
  header.channels = (head >> 6 & 3) == 3 ? 1 : 2;
  header.frame_samples = layer == 1 ? 384 : layer == 3 && !is_mpeg1 ? 576 : 1152;
  // Layer I counts in slots of four bytes (2.4.3.1).
  const std::uint32_t slot_bytes = layer == 1 ? 4 : 1;
  const std::uint32_t slots =
      header.frame_samples / 8 / slot_bytes * bits_per_second / header.sample_rate + padding;
  header.frame_bytes = slots * slot_bytes;
  return header;
}

}  // namespace codec::mp3
