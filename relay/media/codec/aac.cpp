#include "relay/media/codec/aac.hpp"

#include "relay/base/assert.hpp"
#include "relay/base/byte_reader.hpp"
#include "relay/media/codec/bit_reader.hpp"

namespace codec::aac {
namespace {

// Table 1.18
constexpr std::array<std::uint32_t, 13> rates{96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                              22050, 16000, 12000, 11025, 8000,  7350};
constexpr std::uint8_t escape_rate = 15;
// Table 1.19; of the first, the channels are told elsewhere, the other zeros are reserved.
constexpr std::array<std::uint8_t, 16> channel_counts{0, 1, 2, 3, 4, 5,  6, 8,
                                                      0, 0, 0, 7, 8, 24, 8, 0};

enum ObjectType : std::uint32_t { sbr = 5, er_bsac = 22, ps = 29, escape = 31 };

// 1.6.3: GetAudioObjectType()
std::uint32_t read_object_type(BitReader& bits) {
  const std::uint32_t type = bits.bits(5);
  return type == escape ? 32 + bits.bits(6) : type;
}

struct Rate {
  std::uint8_t index = 0;
  std::uint32_t hertz = 0;  // 0: reserved
};

// A rate of the table may be written out too.
Rate read_rate(BitReader& bits) {
  const std::uint32_t index = bits.bits(4);
  if (index < rates.size()) return {static_cast<std::uint8_t>(index), rates[index]};
  if (index != escape_rate) return {};
  const std::uint32_t hertz = bits.bits(24);
  for (std::uint8_t known = 0; known < rates.size(); ++known) {
    if (rates[known] == hertz) return {known, hertz};
  }
  return {escape_rate, hertz};
}

// Those that a GASpecificConfig (4.4.1) follows, which begins with frameLengthFlag.
constexpr bool is_general_audio(std::uint32_t object_type) {
  constexpr std::uint32_t set = 1U << 1 | 1U << 2 | 1U << 3 | 1U << 4 | 1U << 6 | 1U << 7 |
                                1U << 17 | 1U << 19 | 1U << 20 | 1U << 21 | 1U << 22 | 1U << 23;
  return object_type < 32 && (set >> object_type & 1) != 0;
}

}  // namespace

// syncword 12 | id 1, layer 2, protection_absent 1 | profile 2, frequency 4, private 1,
// channels 3 | original 1, home 1, copyright 2, frame_length 13 | fullness 11, blocks 2
std::optional<AdtsHeader> parse_adts(std::span<const std::byte> bytes) noexcept {
  base::ByteReader in(bytes);
  const std::uint32_t sync = in.u16();
  const std::uint32_t head = in.u32();
  const std::uint32_t tail = in.u8();
  if (!in.ok() || (sync & 0xFFF6) != 0xFFF0) return std::nullopt;
  AdtsHeader header;
  header.header_bytes = (sync & 1) != 0 ? 7 : 9;
  header.object_type = static_cast<std::uint8_t>((head >> 30) + 1);
  header.rate_index = head >> 26 & 0xF;
  header.channel_config = head >> 22 & 7;
  header.frame_bytes = head >> 5 & 0x1FFF;
  header.raw_blocks = static_cast<std::uint8_t>((tail & 3) + 1);
  if (header.rate_index >= rates.size() || header.frame_bytes < header.header_bytes) {
    return std::nullopt;
  }
  header.sample_rate = rates[header.rate_index];
  header.channels = channel_counts[header.channel_config];
  return header;
}

// object type 5 | frequency 4 | channels 4 | frame length 1, depends on core 1, extension 1
std::vector<std::byte> make_config(const AdtsHeader& header) {
  if (header.channel_config == 0) return {};
  const unsigned word =
      header.object_type * 0x800U | header.rate_index * 0x80U | header.channel_config * 8U;
  return {static_cast<std::byte>(word >> 8), static_cast<std::byte>(word)};
}

// 1.6.2.1. The backward compatible signalling of SBR behind it says nothing about the core.
std::optional<Config> parse_config(std::span<const std::byte> config) noexcept {
  BitReader bits(config);
  std::uint32_t object_type = read_object_type(bits);
  const Rate rate = read_rate(bits);
  const std::uint32_t channel_config = bits.bits(4);
  if (object_type == sbr || object_type == ps) {
    if (read_rate(bits).hertz == 0) return std::nullopt;
    object_type = read_object_type(bits);
    if (object_type == er_bsac) bits.skip(4);  // extensionChannelConfiguration
    if (object_type == sbr || object_type == ps) return std::nullopt;
  }
  const bool is_short = is_general_audio(object_type) && bits.flag();
  if (!bits.ok() || object_type == 0 || rate.hertz == 0) return std::nullopt;
  if (channel_config != 0 && channel_counts[channel_config] == 0) return std::nullopt;

  Config out;
  out.object_type = static_cast<std::uint8_t>(object_type);
  out.sample_rate = rate.hertz;
  out.rate_index = rate.index;
  out.channels = channel_counts[channel_config];
  out.channel_config = static_cast<std::uint8_t>(channel_config);
  if (is_short) out.samples_per_frame = 960;
  return out;
}

bool fits_adts(const Config& config) noexcept {
  return config.object_type >= 1 && config.object_type <= 4 && config.rate_index < rates.size() &&
         config.channel_config >= 1 && config.channel_config <= 7 &&
         config.samples_per_frame == frame_samples;
}

// MPEG-4, no CRC; the fullness of all ones means a variable bit rate.
std::array<std::byte, adts_header_bytes> make_adts(const Config& config,
                                                   std::size_t payload_bytes) noexcept {
  RELAY_ASSERT(payload_bytes <= adts_payload_bytes_max);
  const auto frame_bytes = static_cast<std::uint32_t>(payload_bytes + adts_header_bytes);
  const std::uint32_t profile = (config.object_type - 1U) & 3;
  const std::uint32_t rate = config.rate_index & 0xFU;
  const std::uint32_t channels = config.channel_config & 7U;
  const std::uint32_t head = profile << 30 | rate << 26 | channels << 22 | frame_bytes << 5 | 0x1F;
  return {std::byte{0xFF},
          std::byte{0xF1},
          static_cast<std::byte>(head >> 24),
          static_cast<std::byte>(head >> 16),
          static_cast<std::byte>(head >> 8),
          static_cast<std::byte>(head),
          std::byte{0xFC}};
}

}  // namespace codec::aac
